"""What a page of the site would show wrong: links and images that lead nowhere, formulas that KaTeX cannot set, outputs wider than a page.

    python .ci/site.py [--browser]

Quarto makes the pages where they are deployed. Formulas are set by KaTeX (npm fetches it; without npm they are not checked); widths are measured in Chromium with --browser.
"""
import json, re, shutil, subprocess, sys, tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NBS = ROOT/'nbs'
FILES = sorted(o for o in NBS.rglob('*.ipynb') if not any(p[0] in '._' for p in o.relative_to(NBS).parts))
WIDEST,IMAGE = 920,1100 # pixels: a page's column beside the table of contents; an image is shrunk to it, within reason

def texts(f):
    "Markdown of a notebook: its cells, and outputs that are Markdown"
    for c in json.loads(f.read_text())['cells']:
        if c['cell_type']=='markdown': yield ''.join(c['source'])
        for o in c.get('outputs', ()):
            if 'text/markdown' in o.get('data', {}): yield ''.join(o['data']['text/markdown'])

def bare(s): return re.sub(r'```.*?```|`[^`\n]*`', '', s, flags=re.S)
def slugs(f):
    "Anchors of a notebook's headings, as GitHub and Quarto make them; Jupyter's keep the words as they are"
    found = set()
    for s in texts(f):
        for h in re.findall(r'^#+ (.+)$', re.sub(r'```.*?```', '', s, flags=re.S), re.M):
            h = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', h).replace('`', '').strip()
            found.add(re.sub(r'[^\w\- ]', '', h.lower()).replace(' ', '-'))
    return found

def broken():
    "Links and images that lead nowhere"
    anchors = {}
    for f in FILES:
        for s in texts(f):
            for to in re.findall(r'\]\(([^)\s]+)\)', bare(s)):
                if re.match(r'https?:|mailto:', to): continue
                path,_,anchor = to.partition('#')
                target = (f.parent/path).resolve() if path else f
                if not target.exists(): yield f'{f.relative_to(ROOT)}: {to} is not there'; continue
                if not anchor or target.suffix!='.ipynb': continue
                if target not in anchors: anchors[target] = slugs(target)
                if anchor not in anchors[target]: yield f'{f.relative_to(ROOT)}: {to} has no such heading'

def unset():
    "Formulas that KaTeX refuses"
    if not (npm := shutil.which('npm')): print('no npm: formulas are not checked'); return
    found = [(str(f.relative_to(ROOT)),m[1] or m[2],bool(m[1])) for f in FILES for s in texts(f)
        for m in re.finditer(r'\$\$(.+?)\$\$|(?<![\\$\w])\$(?!\s)([^$\n]+?)(?<![\s\\])\$(?![\w$])', bare(s), re.S)]
    with tempfile.TemporaryDirectory() as d:
        done = subprocess.run([npm, 'install', '--silent', '--no-audit', '--no-fund', 'katex'], cwd=d, capture_output=True, text=True)
        if done.returncode: print('KaTeX cannot be had: formulas are not checked'); return
        Path(d, 'f.json').write_text(json.dumps(found))
        Path(d, 'check.js').write_text("const k=require('katex');for(const [f,s,d] of require('./f.json'))try{k.renderToString(s,{displayMode:d,throwOnError:true,strict:'ignore'})}catch(e){console.log(f+': '+e.message)}")
        said = subprocess.run(['node', 'check.js'], cwd=d, capture_output=True, text=True, check=True).stdout
    print(f'{len(found)} formulas')
    yield from said.splitlines()

def wide():
    "Outputs wider than a page"
    from nbconvert import HTMLExporter
    from playwright.sync_api import sync_playwright
    measure = '''() => [...document.querySelectorAll('.jp-OutputArea-output :is(img, table, svg)')]
        .map(o => [o.tagName, o.naturalWidth || o.scrollWidth, o.tagName=='IMG' ? o.naturalWidth>IMAGE : o.getBoundingClientRect().width>o.closest('.jp-OutputArea-output').clientWidth+1])
        .filter(o => o[2])'''.replace('IMAGE', str(IMAGE))
    with tempfile.TemporaryDirectory() as d, sync_playwright() as p:
        b = p.chromium.launch(executable_path=shutil.which('chromium'), args=['--no-sandbox','--disable-gpu','--disable-background-networking'])
        page = b.new_page(viewport=dict(width=WIDEST+120, height=800))
        page.route(re.compile('^https?:'), lambda r: r.abort())
        for f in FILES:
            out = Path(d, 'page.html'); out.write_text(HTMLExporter().from_filename(f)[0])
            page.goto(f'file://{out}', wait_until='load')
            for tag,w,_ in page.evaluate(measure): yield f'{f.relative_to(ROOT)}: {tag.lower()} of {w:.0f} pixels'
        b.close()

if __name__=='__main__':
    said = [*broken(), *unset(), *(wide() if '--browser' in sys.argv else ())]
    print(*said, f'{len(FILES)} notebooks, {len(said)} faults', sep='\n')
    sys.exit(bool(said))
