"""The modules and what they import of one another, as a picture made from the code.

    python .ci/modules.py [--check]
"""
import ast, json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT/'nbs'/'images'/'modules.svg'
W,H,GAP,ROW = 104,34,14,66 # of a box, between boxes, from row to row

def modules():
    "(module, number of its notebook) in the order of the book"
    found = []
    for f in sorted((ROOT/'nbs').glob('*.ipynb')):
        heads = ''.join(''.join(c['source'])+'\n' for c in json.loads(f.read_text())['cells'][:3] if c['cell_type']=='code')
        if m := re.search(r'#\| *default_exp (\w+)', heads): found.append((m[1], f.stem.split('_')[0]))
    return found

def imports(names):
    "module -> modules that it imports"
    out = {}
    for n in names:
        tree = ast.parse((ROOT/'alignmixup_nb'/f'{n}.py').read_text())
        froms = [(o.module or '').removeprefix('alignmixup_nb.') for o in ast.walk(tree) if isinstance(o, ast.ImportFrom) and (o.level or (o.module or '').startswith('alignmixup_nb.'))]
        out[n] = {o for o in froms if o in names and o!=n}
    return out

def floors(uses):
    "module -> its floor: one above the highest that it imports"
    seen = {}
    def floor(n):
        if n not in seen: seen[n] = 1+max(map(floor, uses[n]), default=-1)
        return seen[n]
    return {n:floor(n) for n in uses}

def direct(uses):
    "The same without what an import of an import gives anyway"
    def below(n): return set().union(*({o}|below(o) for o in uses[n])) if uses[n] else set()
    return {n:{o for o in v if not any(o in below(p) for p in v-{o})} for n,v in uses.items()}

def chains(level, uses):
    "Each import as a way from floor to floor; where it passes a floor it takes a place (module, imported, floor) of its own"
    return [[n,*((n,o,i) for i in range(level[n]-1, level[o], -1)),o] for n,v in uses.items() for o in sorted(v)]

def ordered(level, ways):
    "The places of each floor, in an order in which few ways cross: sorted by where their neighbours are, down and up in turns"
    rows = [[n for n in level if level[n]==i] for i in range(max(level.values())+1)]
    for w in ways:
        for o in w[1:-1]: rows[o[2]].append(o)
    near = {}
    for w in ways:
        for a,b in zip(w, w[1:]): near.setdefault(a, []).append(b); near.setdefault(b, []).append(a)
    for turn in range(24):
        at = {o:x for r in rows for o,x in zip(r, centres(r))}
        for i,r in (list(enumerate(rows)) if turn%2 else list(enumerate(rows))[::-1]):
            r.sort(key=lambda o: sum(at[p] for p in near.get(o, [o]))/len(near.get(o, [o])))
            at |= dict(zip(r, centres(r)))
    return rows

def centres(row):
    "Where the middles of the places of a floor are, around 0"
    wide = [W+GAP if isinstance(o, str) else GAP for o in row]
    return [sum(wide[:i])+w/2-sum(wide)/2 for i,w in enumerate(wide)]

def draw():
    number = dict(modules())
    uses = imports(number)
    level = floors(uses)
    ways = chains(level, direct(uses))
    rows = ordered(level, ways)
    width = 2*max(max(map(abs, centres(r))) for r in rows)+W+2*GAP
    height = len(rows)*ROW+GAP
    at = {o:(x+width/2, height-(i+1)*ROW+GAP) for i,r in enumerate(rows) for o,x in zip(r, centres(r))}
    lines,boxes = [],[]
    for w in ways:
        d = ''
        for a,b in zip(w, w[1:]):
            (x,y),(x2,y2) = at[a],at[b]
            d += f'M{x:.0f} {y:.0f}V{y+H:.0f}' if not d else f'V{y+H:.0f}'
            d += f'C{x:.0f} {y+H+22:.0f} {x2:.0f} {y2-22:.0f} {x2:.0f} {y2:.0f}'
        lines.append(f'<path d="{d}"/>')
    for n,(x,y) in ((o,v) for o,v in at.items() if isinstance(o, str)):
        boxes.append(f'<g><rect x="{x-W/2:.0f}" y="{y:.0f}" width="{W}" height="{H}" rx="4"/><text x="{x:.0f}" y="{y+15:.0f}">{n}</text><text class="n" x="{x:.0f}" y="{y+28:.0f}">{number[n]}</text></g>')
    style = 'path{fill:none;stroke:#99a;stroke-width:1}rect{fill:#fff;stroke:#446}text{font:12px sans-serif;text-anchor:middle;fill:#223}text.n{font-size:10px;fill:#667}'
    says = 'The modules, each above those that it imports; lines that another import implies are left out'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"><title>{says}</title><style>{style}</style><rect width="100%" height="100%" style="fill:#fff;stroke:none"/>\n'+'\n'.join(lines+boxes)+'\n</svg>\n'

if __name__=='__main__':
    new = draw()
    if '--check' in sys.argv: sys.exit(0 if FILE.exists() and FILE.read_text()==new else f'{FILE.relative_to(ROOT)} is not that of the code: python .ci/modules.py')
    FILE.write_text(new)
