"""What every chapter has alike: a badge, a cell that installs the package in Colab, links to the chapters before and after; and what a reader trips over.

    python .ci/book.py           write the badges, the cells and the links, in the order of nbs/sidebar.yml
    python .ci/book.py --check   say what is missing or in words that this book does not use, and change nothing
"""
import hashlib, json, re, sys
from os.path import relpath
from pathlib import Path

NBS = Path(__file__).resolve().parent.parent/'nbs'
REPO = 'https://github.com/alignmixup-nb/alignmixup_nb'
SECTIONS = {}
for line in (NBS/'sidebar.yml').read_text().splitlines():
    if m := re.search(r'section: (\w+)', line): SECTIONS[m[1]] = []
    elif (m := re.search(r'- (\S+\.ipynb)', line)) and SECTIONS: SECTIONS[[*SECTIONS][-1]].append(m[1])
BOOK = [o for names in SECTIONS.values() for o in names]
EXEMPT = {'explorer_page.ipynb','08c_viz.ipynb'} # a page and an alias
TAUGHT = [o for k in ('Start','Method','Evidence','Engineering') for o in SECTIONS[k] if o not in EXEMPT] # have a head and a foot

WORDS = { # shared between chapters: a word of everyday that has a term, and the term
    r'carr(?:y|ies|ied|ying)\b(?! on)': 'align, aligned to; warp', r'in place\b(?! of)': 'unaligned', r'position by position': 'unaligned',
    r'not aligned': 'unaligned', r'(?<!take )(?<!takes )(?<!took )(?<!taking )(?<!in )(?<!in the )(?<!first )places?\b': 'position', r'ghosts?': 'overlay',
    r'collages?': 'cut-and-paste', r'strangers?': 'out-of-distribution', r'attacked': 'adversarial', r'surer': 'more confident', r'recoloured': 'histogram matching',
    r'go(?:es)? round': 'skip path', r'at rest': 'eval mode', r'woken': 'randomised', r'way back': 'backward pass', r'blind\b(?! to)': 'permutation-invariant',
    r'dear(?:er|est)?': 'high', r'cheap(?:er|est|ly)?': 'low', r'referees?': 'reference solution', r'peers?': 'baseline', r'bombs?': 'fault injection',
    r'sp(?:y|ies)\b': 'probe', r'no trace|without a trace': 'restores all state', r'shades?': 'appearance, texture', r'milder': 'alpha', r'told from': 'separated from',
    r'no difference is shown': 'not significant at 95%', r'crawl\w*': 'slow convergence', r'(?:first|last) fifth': 'warm-up, cool-down', r'shares? of (?:the |its |a )?labels?': 'mixing weight'}

def load(name): return json.loads((NBS/name).read_text())
def source(c): return ''.join(c['source'])
def title(name): return next(m[1] for c in load(name)['cells'] if c['cell_type']=='markdown' and (m := re.match(r'# (.+)', source(c))))
def cell(kind, name, s, what):
    made = dict(cell_type=kind, id=hashlib.sha256(f'{name} {what}'.encode()).hexdigest()[:8], metadata={}, source=s.splitlines(True))
    return made | (dict(execution_count=None, outputs=[]) if kind=='code' else {})

def made(name):
    "The cells of a chapter that this script writes: the badge and the installation, for its head, and the links for its foot"
    i,to = BOOK.index(name),lambda o: relpath(NBS/o, (NBS/name).parent).replace('\\', '/')
    badge = f'[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{REPO.split("/", 3)[3]}/blob/main/nbs/{name})'
    folder = f'alignmixup_nb/nbs/{Path(name).parent}'.removesuffix('/.')
    install = (f"#| echo: false\nif 'google.colab' in str(get_ipython()): # the repository, whose files the notebooks read; elsewhere this does nothing\n"
        f"    get_ipython().system('git clone -q {REPO} && pip install -q \"./alignmixup_nb[dev]\"')\n    get_ipython().run_line_magic('cd', '-q {folder}')")
    links = [f'[contents]({to("index.ipynb")})']
    if i: links.insert(0, f'[← {title(BOOK[i-1])}]({to(BOOK[i-1])})')
    if i+1<len(BOOK): links.append(f'[{title(BOOK[i+1])} →]({to(BOOK[i+1])})')
    return cell('markdown', name, badge, 'badge'),cell('code', name, install, 'install'),cell('markdown', name, ' · '.join(links), 'links')

def with_cells(name):
    "A chapter with these cells, as JSON"
    nb,(badge,install,links) = load(name),made(name)
    cells = [c for c in nb['cells'] if c['id'] not in (badge['id'],install['id'],links['id'])]
    at = next(i for i,c in enumerate(cells) if c['cell_type']=='markdown' and source(c).startswith('# '))+1
    nb['cells'] = [*cells[:at], badge, install, *cells[at:], links]
    return json.dumps(nb, indent=1, ensure_ascii=False, sort_keys=True)+'\n'

def directives(c): return re.findall(r'^#\s*\|\s*([\w-]+)', source(c), re.M)
def is_shown(c): return c['cell_type']=='code' and not {'hide','echo'}&{*directives(c)}
def is_drawn(c, kind='image/'): return 'hide' not in directives(c) and any(k.startswith(kind) for o in c.get('outputs', ()) for k in o.get('data', {}))
def prose(s): return re.sub(r'```.*?```|`[^`]*`|"[^"]*"|“[^”]*”|\]\([^)]*\)|\$\$.*?\$\$|\$[^$]*\$', ' ', s, flags=re.S)

def trips(name):
    "What a reader of a chapter would trip over"
    nb = load(name)
    text = '\n'.join(source(c) for c in nb['cells'] if c['cell_type']=='markdown')
    for c,after in zip(nb['cells'], [*nb['cells'][1:], None]):
        s = source(c)
        if c['cell_type']=='markdown':
            unseen = after and after['cell_type']=='code' and ('hide' in directives(after) or 'code-summary: "Tests"' in source(after))
            if unseen and s.rstrip().endswith(':'): yield f'a colon before what is not shown: {s.rstrip()[-60:]}'
            for w,term in WORDS.items(): yield from (f'"{m[0]}": {term}' for m in re.finditer(rf'\b(?:{w})\b', prose(s), re.I))
        if is_drawn(c) and 'fig-alt' not in directives(c): yield f'a figure without fig-alt: {s.splitlines()[-1][:60]}'
        if 'code-summary: "Answer"' in s and not ('classes: answer' in s and c['metadata'].get('jupyter', {}).get('outputs_hidden')): yield f'an answer whose output is in sight: {s.splitlines()[-1][:60]}'
        if is_shown(c) and 'export' not in directives(c) and not {'code-fold'}&{*directives(c)} and (long := max((len(l) for l in s.splitlines() if not l.startswith('#|')), default=0))>160: yield f'a displayed line of {long} characters'
    code,style = '\n'.join(source(c) for c in nb['cells'] if c['cell_type']=='code'),relpath(NBS/'book.mplstyle', (NBS/name).parent).replace('\\', '/')
    if name not in EXEMPT and any(is_drawn(c, 'image/png') for c in nb['cells']) and f"plt.style.use('{style}')" not in code: yield f"figures without plt.style.use('{style}')"
    yield from (f'{m[0]}: in book.mplstyle' for m in re.finditer(r'rcParams.*?(?:dpi|font|size).*', code))
    if name in TAUGHT:
        for o in ('**After this chapter', '**You need**', '## Summary', '## Questions', '## Exercises'):
            if o not in text: yield f'no {o}'
    if name.startswith('tutorials/04'):
        for s in re.split(r'(?<=[.:;?!])\s|\n\n|\|', prose(text)):
            if len(s.split())>35: yield f'a sentence of {len(s.split())} words: {s.strip()[:60]}…'

if __name__=='__main__':
    if '--check' not in sys.argv:
        for o in BOOK: (NBS/o).write_text(with_cells(o))
    said = {o:[*dict.fromkeys(trips(o))]+(['run .ci/book.py'] if (NBS/o).read_text()!=with_cells(o) else []) for o in BOOK}
    for o,lines in said.items(): print(*(f'{o}: {l}' for l in lines), sep='\n', end='\n' if lines else '')
    sys.exit(bool('--check' in sys.argv and any(said.values())))
