"""AlignMixup: mixup that aligns the features of two images by optimal transport before it interpolates them.

The names below are loaded when they are first asked for, so that `import alignmixup_nb.sinkhorn` costs no more than torch.
The functions `sinkhorn` and `align` stand in the modules of the same names.
"""
__version__ = "0.0.1"
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .align import AlignMix as AlignMix, alignmix as alignmix, assignment as assignment
    from .callback import AlignMixupCallback as AlignMixupCallback, MixCallback as MixCallback
    from .layers import find_layer as find_layer
    from .mixers import (AlignMixup as AlignMixup, CutMix as CutMix, FMix as FMix, ManifoldMixup as ManifoldMixup,
        Mixer as Mixer, Mixup as Mixup, OneOf as OneOf, SaliencyMix as SaliencyMix)
    from .predict import load_run as load_run
    from .wrap import MixModel as MixModel

_FACE = dict(align=('AlignMix','alignmix','assignment'), callback=('AlignMixupCallback','MixCallback'),
    layers=('find_layer',),
    mixers=('AlignMixup','CutMix','FMix','ManifoldMixup','Mixer','Mixup','OneOf','SaliencyMix'),
    predict=('load_run',), wrap=('MixModel',))
__all__ = sorted(name for names in _FACE.values() for name in names)

def __getattr__(name: str) -> Any:
    for module,names in _FACE.items():
        if name in names: return getattr(import_module(f'{__name__}.{module}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

def __dir__() -> list[str]: return sorted({*globals(), *__all__})
