"""What a user writes. A type checker reads this file in `.ci/run`; nobody runs it."""
import torch
from torch import nn, Tensor
import alignmixup_nb.sinkhorn # noqa: F401
from alignmixup_nb import AlignMix, AlignMixup, AlignMixupCallback, CutMix, MixCallback, MixModel, Mixup, OneOf, alignmix, assignment, find_layer
from alignmixup_nb.align import align
from alignmixup_nb.calibration import ece
from alignmixup_nb.data import get_dls
from alignmixup_nb.label import prediction_share, share_of
from alignmixup_nb.mixers import Mixer
from alignmixup_nb.models import small_resnet
from alignmixup_nb.ood import ood_metrics
from alignmixup_nb.robustness import robust_accuracy
from alignmixup_nb.sinkhorn import cost_matrix, marginal_error, sinkhorn

a, b = torch.randn(4, 8, 7, 7), torch.randn(4, 8, 7, 7)
P: Tensor = sinkhorn(cost_matrix(a.flatten(2), b.flatten(2)), eps=.1)
error: Tensor = marginal_error(P)
R: Tensor = assignment(a, b, eps=.5, backend='torch')
carried, back = align(a, b, R)
z: Tensor = alignmix(a, b, .4, direction=0, eps=.5)
y = torch.randint(3, (4,))
layer = AlignMix(alpha=1., eps=.1)
net = nn.Sequential(nn.Conv2d(3, 8, 3), layer, nn.Flatten(), nn.LazyLinear(3))
loss: Tensor = layer.loss(nn.functional.cross_entropy, net(torch.randn(4, 3, 9, 9)), y)
mixer: Mixer = OneOf([Mixup(), CutMix(alpha=1., prob=.5)])
rec = mixer.draw(4)
mixed, mix = mixer.apply(rec, a)
share: float | Tensor = mix.lam
mixing = MixModel(net, mixer, layer='0', generator=torch.Generator())
loss = mixing.loss(nn.functional.cross_entropy, mixing(a), y)+mixing.mixed_targets(y, 3).sum()
dls = get_dls('digits', bs=32)
model = small_resnet(n_out=10, c_in=1, size=8)
found, others = find_layer(model, (a,))
gamma: float = share_of(*prediction_share(model, (a,), found, eps=.1))
cbs = [AlignMixupCallback(2., eps=.1), MixCallback(AlignMixup(alpha=2.), layer=found.name)]
accuracy = robust_accuracy(model, dls.valid, attack='pgd', eps=8/255)
wrong: float = ece(torch.rand(4, 10), y)
areas: dict = ood_metrics(torch.rand(9), torch.rand(9))
