"""What a user does, in short, with nothing but the package: run it with the lowest and with the newest versions that settings.ini allows.

    python .ci/smoke.py
"""
import json, pkgutil, importlib, subprocess, sys, tempfile, warnings
from pathlib import Path
warnings.simplefilter('ignore')
import torch, fastai, fastcore
from PIL import Image
from fastai.learner import Learner
from fastai.metrics import accuracy
from fastai.torch_core import set_seed
import alignmixup_nb
from alignmixup_nb.align import assignment
from alignmixup_nb.callback import AlignMixupCallback, MixCallback
from alignmixup_nb.data import get_dls
from alignmixup_nb.mixers import AlignMixup, CutMix, FMix, ManifoldMixup, Mixup, OneOf, SaliencyMix
from alignmixup_nb.models import small_resnet

MIXERS = [Mixup(), CutMix(), FMix(), SaliencyMix(), ManifoldMixup(), AlignMixup(), OneOf([Mixup(), AlignMixup(modes=('feature','embedding'))])]

def optimum(cost, eps, n=5000):
    "Sinkhorn in the log domain and double precision, plainly"
    K = -cost.double()/eps
    u = v = torch.zeros_like(K[:,:,0])
    for _ in range(n):
        u = -torch.logsumexp(K+v[:,None], 2)
        v = -torch.logsumexp(K+u[:,:,None], 1)
    return (K+u[:,:,None]+v[:,None]).exp() # rows and columns sum to 1

def transport():
    g = torch.Generator().manual_seed(0)
    a,b = torch.randn(4, 8, 5, 5, generator=g),torch.randn(4, 8, 5, 5, generator=g)
    R,cost = assignment(a, b, eps=1.),torch.cdist(a.flatten(2).mT, b.flatten(2).mT)**2
    assert (R-optimum(cost, 1.)).abs().max()<5e-3, (R-optimum(cost, 1.)).abs().max()

def modules():
    for m in pkgutil.iter_modules(alignmixup_nb.__path__): importlib.import_module(f'alignmixup_nb.{m.name}')

def trains(cb):
    set_seed(0)
    learn = Learner(get_dls('digits', bs=64), small_resnet(size=8, c_in=1), metrics=accuracy, cbs=cb)
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(3, 1e-2)
        acc = learn.validate()[1]
    assert acc>.7, (cb, acc)
    return acc

def command(*args): return subprocess.run([sys.executable, '-m', *args], capture_output=True, text=True)

def commands():
    with tempfile.TemporaryDirectory() as d:
        d = Path(d)
        for said in ('held-out images of digits','already done'):
            r = command('alignmixup_nb.train', '--epochs', '2', '--out', str(d/'run'))
            assert r.returncode==0 and said in r.stdout, (r.stdout, r.stderr)
        assert json.loads((d/'run'/'result.json').read_text())['accuracy']>.6
        Image.new('L', (8,8)).save(d/'black.png')
        r = command('alignmixup_nb.predict', str(d/'run'), str(d/'black.png'), str(d/'none.png'))
        assert r.returncode==1 and len(r.stdout.splitlines())==2 and 'none.png' in r.stderr, (r.stdout, r.stderr)
        (d/'two.toml').write_text("[defaults]\ndata = 'fashion_small'\nn_train = 200\nepochs = 1\n[[runs]]\nmixer = ['none', 'manifoldmixup']\n")
        r = command('alignmixup_nb.study', str(d/'two.toml'), '--out', str(d/'two'))
        assert r.returncode==0 and len(list((d/'two').glob('*/result.json')))==2, (r.stdout, r.stderr)
        r = command('alignmixup_nb.train', '--mixer', 'nope')
        assert r.returncode==2 and len(r.stderr.splitlines())==1, r.stderr

if __name__=='__main__':
    print(f'python {sys.version.split()[0]}, torch {torch.__version__}, fastai {fastai.__version__}, fastcore {fastcore.__version__}', flush=True)
    modules(); transport()
    assert len(get_dls('fashion_small').valid_ds)==1000
    for cb in [AlignMixupCallback(), *map(MixCallback, MIXERS)]: print(f'{trains(cb):.0%} {cb}', flush=True)
    commands()
    print('ok')
