"""Train on several GPUs with AlignMixup:  accelerate launch --num_processes 2 distributed.py
Without a GPU, to try it out: ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes 2 distributed.py"""
import torch
from fastai.basics import *
from fastai.callback.schedule import *
from fastai.distributed import DistributedDL
from sklearn.datasets import load_digits
from alignmixup_nb.callback import AlignMixupCallback
from alignmixup_nb.models import small_resnet

cuda = torch.cuda.is_available()
if not cuda:   # fastai sends the order of the images through CUDA
    def broadcast(self, t, rank): t = torch.tensor(t); torch.distributed.broadcast(t, rank); return t.tolist()
    DistributedDL._broadcast = broadcast

def main(epochs=2):
    digits = load_digits()
    x,y = F.pad(torch.tensor(digits.images, dtype=torch.float32)[:,None]/16, (4,4,4,4)),torch.tensor(digits.target)
    items = list(zip(x, y))
    dls = DataLoaders.from_dsets(items[:1500], items[1500:], bs=32, device='cuda' if cuda else 'cpu', num_workers=0)
    learn = Learner(dls, small_resnet(n_out=10, c_in=1), loss_func=CrossEntropyLossFlat(), metrics=accuracy, cbs=AlignMixupCallback())
    with learn.distrib_ctx(sync_bn=cuda), learn.no_bar():   # every process mixes its own part of the batch, with its own draws
        learn.fit_one_cycle(epochs)
    print(f'rank {rank_distrib()} mixed at {learn.align_mixup.layer_name}')

if __name__=='__main__': main()
