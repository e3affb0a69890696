"""Draw nbs/images/idea.svg, the method in one picture, and a copy for each chapter with its part highlighted; --check says whether they are made by this text.

The images are two garments of Fashion-MNIST; features, cost, plan and mixes are those that the package computes for them.
"""
import base64, io, re, sys
from pathlib import Path
import numpy as np, torch
from matplotlib import colormaps
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PARTS = dict(idea=None, idea_transport='transport', idea_align='align', idea_callback='loss') # file: what is highlighted
LAM,EPS = .6,50. # eps is chosen so that a whole plan can be seen; the paper's is 0.1

def computed():
    "Pictures of what is between two images and their mixes, by name"
    from alignmixup_nb.align import align
    from alignmixup_nb.autoencoder import load_autoencoder
    from alignmixup_nb.data import DATASETS, get_dls
    from alignmixup_nb.sinkhorn import cost_matrix, sinkhorn
    ae,s = load_autoencoder(ROOT/'nbs/tutorials/fashion_autoencoder.safetensors'),DATASETS['fashion_small']
    x,x2 = get_dls('fashion_small').valid_ds.x[[4,19]].split(1)
    norm = lambda o: (o/255-s.mean[0])/s.std[0]
    with torch.no_grad(): a,b = ae.encode(norm(x)),ae.encode(norm(x2))
    C = cost_matrix(a.flatten(2), b.flatten(2))
    P = sinkhorn(C, EPS)
    R = P*C.shape[1]
    b_at_a,a_at_b = align(a, b, R)
    maps = dict(a=a, b=b, b_at_a=b_at_a, a_at_b=a_at_b, mix0=LAM*a+(1-LAM)*b_at_a, mix1=LAM*a_at_b+(1-LAM)*b)
    flat = torch.cat([o[0].flatten(1) for o in (a, b)], 1) # (c, 2r): colours are the first three principal components of both
    mean = flat.mean(1, keepdim=True)
    axes = torch.linalg.svd(flat-mean, full_matrices=False)[0][:,:3]
    axes = axes*axes.abs().max(0).values.sign()
    low,high = (o.values[:,None] for o in ((axes.T@(flat-mean)).min(1), (axes.T@(flat-mean)).max(1)))
    def colours(f): return ((axes.T@(f[0].flatten(1)-mean)-low)/(high-low)).clamp(0, 1).view(3, *f.shape[2:]).permute(1,2,0).numpy()
    heat = lambda m, name: colormaps[name]((m/m.max()).numpy())[...,:3]
    grey = lambda o: np.repeat(1-o[0,0,:,:,None].numpy()/255, 3, 2)
    return dict(x=grey(x), x2=grey(x2), **{k:colours(v) for k,v in maps.items()}, cost=heat(C[0], 'viridis'), R=heat(R[0].sqrt(), 'Blues'))

def png(pixels):
    f = io.BytesIO()
    Image.fromarray((pixels*255).round().astype('uint8')).save(f, 'PNG')
    return base64.b64encode(f.getvalue()).decode()

def marked_up(s):
    "Text with _{...} below, ^{...} above and *...* in italics as tspans"
    s = re.sub(r'_\{(.+?)\}', r'<tspan dy="4" font-size="75%">\1</tspan><tspan dy="-4">​</tspan>', s)
    s = re.sub(r'\^\{(.+?)\}', r'<tspan dy="-5" font-size="75%">\1</tspan><tspan dy="5">​</tspan>', s)
    return re.sub(r'\*(.+?)\*', r'<tspan font-style="italic">\1</tspan>', s)

def text(x, y, s, size=17, anchor='middle', fill='#222'):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}">{marked_up(s)}</text>'

def picture(x, y, w, name, title='', below='', shift=0):
    out = f'<image x="{x}" y="{y}" width="{w}" height="{w}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,%{name}%"/>'
    out += f'<rect x="{x}" y="{y}" width="{w}" height="{w}" fill="none" stroke="#888"/>'
    if title: out += text(x+w/2+shift, y-8, title)
    for i,s in enumerate(below.split('\n') if below else ()): out += text(x+w/2, y+w+18+17*i, s, 14)
    return out

def arrow(*points):
    path = 'M'+' L'.join(f'{x} {y}' for x,y in points)
    return f'<path d="{path}" fill="none" stroke="#444" stroke-width="1.6" marker-end="url(#tip)"/>'

def box(x, y, w, h, s):
    return f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="7" fill="#eef3f8" stroke="#7a8b9c"/>'+text(x+w/2, y+h/2+5, s, 15)

def drawing():
    "The parts of the picture, by name"
    top,low,mid = 60,330,195
    features = ''.join([picture(15, top, 90, 'x', '*x*'), picture(15, low, 90, 'x2', '*x*′'),
        arrow((107,top+45),(124,top+45)), arrow((107,low+45),(124,low+45)), box(126, top+22, 34, 46, '*f*'), box(126, low+22, 34, 46, '*f*'),
        arrow((161,top+45),(180,top+45)), arrow((161,low+45),(180,low+45)), picture(183, top, 90, 'a', '*A*', shift=-25), picture(183, low, 90, 'b', '*A*′', shift=-25),
        text(143, top+110, 'the network', 13, fill='#555'), text(143, top+126, 'up to a layer', 13, fill='#555')])
    transport = ''.join([arrow((228,top+92),(228,mid+47),(262,mid+47)), arrow((228,low-22),(228,mid+67),(262,mid+67)),
        picture(265, mid, 112, 'cost', '', '*m*_{jk} = ‖*a*_{j} − *a*′_{k}‖²'), text(321, mid-8, 'cost *M*'),
        arrow((379,mid+57),(452,mid+57)), text(415, mid+47, 'optimal', 14), text(415, mid+76, 'transport,', 14), text(415, mid+94, 'entropy ε', 14),
        picture(455, mid, 112, 'R', '', 'rows and columns sum to 1'), text(511, mid-8, '*R* = *r* *P*^{∗}')])
    align = ''.join([arrow((540,mid-24),(540,top+45),(597,top+45)), arrow((540,mid+136),(540,low+45),(597,low+45)),
        picture(600, top, 90, 'b_at_a', '*Ã* = *A*′*R*^{⊤}', '*A*′ aligned to\nthe coordinates of *x*'), picture(600, low, 90, 'a_at_b', '*Ã*′ = *A R*', '*A* aligned to\nthe coordinates of *x*′'),
        arrow((692,top+45),(752,top+45)), arrow((692,low+45),(752,low+45)),
        picture(755, top, 90, 'mix0', 'λ*A* + (1−λ)*Ã*', 'direction 0'), picture(755, low, 90, 'mix1', 'λ*Ã*′ + (1−λ)*A*′', 'direction 1'),
        arrow((275,top-35),(722,top-35),(722,top+38)), text(300, top-42, '*A*', 16, 'start'), arrow((275,low+130),(722,low+130),(722,low+52)), text(300, low+124, '*A*′', 16, 'start')])
    features += f'<path d="M228 {top-5} L228 {top-35} L275 {top-35}" fill="none" stroke="#444" stroke-width="1.6"/><path d="M228 {low+92} L228 {low+130} L275 {low+130}" fill="none" stroke="#444" stroke-width="1.6"/>'
    y = mid+57
    loss = ''.join([arrow((847,top+45),(890,top+45),(890,y-33)), arrow((847,low+45),(890,low+45),(890,y+33)),
        f'<circle cx="890" cy="{y}" r="31" fill="#fff7e0" stroke="#b08d2e"/>', text(890, y-2, 'a coin', 13), text(890, y+14, 'a batch', 13),
        arrow((922,y),(944,y)), box(946, y-24, 34, 48, '*g*'), text(963, y+44, 'the rest', 13, fill='#555'), text(963, y+60, 'of it', 13, fill='#555'), arrow((981,y),(1003,y)),
        text(1101, y-24, 'loss', 16), text(1101, y+5, 'λ *L*(·, *y*) + (1−λ) *L*(·, *y*′)', 16), text(1101, y+32, 'λ ~ Beta(α, α)', 16)])
    return dict(features=features, transport=transport, align=align, loss=loss)

def svg(highlighted=None):
    pale = lambda k: '' if highlighted in (None,k) else ' opacity="0.22"'
    groups = ''.join(f'<g class="{k}"{pale(k)}>{v}</g>\n' for k,v in drawing().items())
    says = 'Two images x and x′ become feature maps A and A′; optimal transport on the cost of their positions gives R; each map is aligned to the other; a coin chooses one of two mixes; the rest of the network predicts, and the loss weighs both labels by λ.'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 480" font-family="Helvetica, Arial, sans-serif" role="img"><title>{says}</title>\n'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#444"/></marker></defs>\n'
        f'<rect width="1200" height="480" fill="#fff"/>\n{groups}</svg>\n')

if __name__=='__main__':
    files = {ROOT/f'nbs/images/{k}.svg':svg(v) for k,v in PARTS.items()}
    bare = lambda s: re.sub('base64,[^"]*', '', s) # pixels may differ in the last digit from machine to machine
    stale = [f.name for f,s in files.items() if not f.exists() or bare(f.read_text())!=bare(s)]
    if '--check' in sys.argv: sys.exit(f'not made by .ci/idea.py: {", ".join(stale)}' if stale else 0)
    pixels = {k:png(v) for k,v in computed().items()}
    for f,s in files.items(): f.write_text(re.sub('%(\\w+)%', lambda m: pixels[m[1]], s))
    print('made', *(f.name for f in files))
