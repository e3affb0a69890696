"""How the code reads, in figures: the size of cells and functions, names, annotations. Fails where a figure is over its limit.

    python .ci/house.py [--all]

The limits are where the code stands, and go down with it; the aim stands beside each. --all names every place.
"""
import ast, json, re, sys
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT/'alignmixup_nb').glob('*.py'))
LIMITS = { # what: (limit today, aim)
    'exported cell, median of lines': (11, 8),
    'exported cell, 90% have at most': (18, 18),
    'functions with a body over 25 lines': (0, 0),
    'lines over 120 characters': (0, 0),
    'private among top-level names, %': (25, 25),
    'public parameters and returns without annotation': (0, 0),
    'private names imported from another module': (0, 0),
    'modules over 400 lines': (0, 0),
    'public names used nowhere else': (0, 0),
    'top-level names bound twice': (0, 0),
    'lines that are installed': (7252, 5000)} # 650 of them are a user's own loop, predictions, pictures of what is mixed; 140 networks by name, fine-tuning, schedules, 29 partners of one class and their picture

def exported():
    "(notebook, cell, source) of each exported cell"
    for f in sorted((ROOT/'nbs').glob('*.ipynb')):
        for i,c in enumerate(json.loads(f.read_text())['cells']):
            s = ''.join(c['source'])
            if c['cell_type']=='code' and re.search(r'^#\s*\|\s*export\b', s, re.M): yield f.name,i,s

def lines(s):
    "Lines of code, without directives and without those that hold one documented parameter"
    held = re.compile(r'\s*[\w*]+\s*(:[^#]*)?(=[^#]*)?,?\s*#.*$')
    return [l for l in s.splitlines() if l.strip() and not l.lstrip().startswith('#|') and not (held.match(l) and l.startswith((' ','*')) and re.search(r',\s*#', l))]

def functions(tree, prefix=''):
    for o in ast.iter_child_nodes(tree):
        if isinstance(o, (ast.FunctionDef,ast.AsyncFunctionDef)): yield prefix+o.name,o; yield from functions(o, f'{prefix}{o.name}.')
        elif isinstance(o, ast.ClassDef): yield from functions(o, f'{prefix}{o.name}.')

def names(tree):
    "Top-level names that a module defines"
    for o in tree.body:
        if isinstance(o, (ast.FunctionDef,ast.ClassDef)):
            if not any('patch' in ast.dump(d) for d in o.decorator_list): yield o.name
        elif isinstance(o, (ast.Assign,ast.AnnAssign)):
            for t in (o.targets if isinstance(o, ast.Assign) else [o.target]): yield from (n.id for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))

def bare(name, f, tree):
    "Parameters of a public function, and its return, that say no type"
    parts = name.split('.')
    if any(p.startswith('_') and p!='__init__' for p in parts): return []
    inside = [n for n,_ in functions(tree)]
    if any('.'.join(parts[:i]) in inside for i in range(1, len(parts))): return [] # local
    args = [*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs]
    out = [a.arg for a in args if a.annotation is None and a.arg not in ('self','cls')]
    if f.returns is None and any(isinstance(o, ast.Return) and o.value is not None for o in ast.walk(f)): out.append('return')
    return out

def figures():
    cells = [(f'{n} [{i}]', len(lines(s))) for n,i,s in exported()]
    trees = {f:ast.parse(f.read_text()) for f in MODULES if f.name!='_modidx.py'}
    at = lambda f, o='': f'{f.name}{f": {o}" if o else ""}'
    found = {k:[] for k in LIMITS}
    found['exported cell, median of lines'] = [o for o in cells if o[1]>18]
    sizes = [k for _,k in cells]
    tops = {f:list(names(t)) for f,t in trees.items()}
    text = {f:f.read_text() for f in [*MODULES, *(ROOT/'nbs').rglob('*.ipynb'), *(ROOT/'.ci').iterdir(), *(ROOT/'alignmixup_nb').rglob('*/*.py')] if f.is_file()}
    for f,t in trees.items():
        s = f.read_text().splitlines()
        for n,o in functions(t):
            body = o.body[1:] if isinstance(o.body[0], ast.Expr) and isinstance(getattr(o.body[0], 'value', None), ast.Constant) else o.body
            if body and body[-1].end_lineno-body[0].lineno+1>25: found['functions with a body over 25 lines'].append(at(f, n))
            found['public parameters and returns without annotation'] += [at(f, f'{n}({a})') for a in bare(n, o, t)]
        found['lines over 120 characters'] += [at(f, i+1) for i,l in enumerate(s) if len(l)>120 and i>12]
        if len(s)>400: found['modules over 400 lines'].append(at(f, len(s)))
        found['private names imported from another module'] += [at(f, a.name) for o in ast.walk(t) if isinstance(o, ast.ImportFrom) and (o.level or (o.module or '').startswith('alignmixup_nb')) for a in o.names if a.name.startswith('_') and a.name!='__version__']
        own = re.search(r'File to edit: \.\./nbs/(\S+\.ipynb)', f.read_text())
        rest = ''.join(v for k,v in text.items() if k not in (f, ROOT/'nbs'/(own[1] if own else ''), ROOT/'alignmixup_nb'/'_modidx.py'))
        found['public names used nowhere else'] += [at(f, n) for n in dict.fromkeys(tops[f]) if not n.startswith('_') and not re.search(rf'\b{n}\b', rest)]
    for f in sorted((ROOT/'alignmixup_nb').rglob('*.py')):
        bound = list(names(ast.parse(f.read_text())))
        found['top-level names bound twice'] += [at(f, n) for n in dict.fromkeys(bound) if bound.count(n)>1]
    every = [n for v in tops.values() for n in dict.fromkeys(v) if not n.startswith('__')]
    got = {k:len(v) for k,v in found.items()} | {'exported cell, median of lines':median(sizes), 'exported cell, 90% have at most':round(quantiles(sizes, n=10)[-1]),
        'private among top-level names, %':round(100*sum(n.startswith('_') for n in every)/len(every)), 'lines that are installed':sum(len(f.read_text().splitlines()) for f in trees)}
    return got,found

if __name__=='__main__':
    got,found = figures()
    bad = [k for k,(most,_) in LIMITS.items() if got[k]>most]
    for k,(most,aim) in LIMITS.items(): print(f'{k:52} {got[k]:>7g}   at most {most}' + (f', aim {aim}' if aim!=most else '') + ('   TOO MANY' if k in bad else ''))
    for k in LIMITS if '--all' in sys.argv else bad:
        if found[k]: print(f'\n{k}:', *(f'  {o}' for o in found[k][:None if '--all' in sys.argv else 10]), sep='\n')
    sys.exit(bool(bad))
