"""Make README.md from nbs/index.ipynb; with --check say whether it is up to date, and change nothing."""
import configparser, re, sys
from pathlib import Path
import nbformat
from nbconvert import MarkdownExporter

root = Path(__file__).resolve().parent.parent
ini = configparser.ConfigParser(); ini.read(root/'settings.ini')
site = ini['DEFAULT']['doc_host']+ini['DEFAULT']['doc_baseurl']
def target(m): # of a notebook its page, which hides what is hidden; nbdev leaves numbers out of the names of pages
    folder,_,name = m[1].rpartition('/')
    if '.ipynb' not in name: return f'](nbs/{m[1]})'
    page = re.sub(r'^\d+[a-zA-Z0-9]*_', '', name.lower()).replace('.ipynb', '.html')
    return f']({site}/{folder}{"/" if folder else ""}{page})'
nb = nbformat.read(root/'nbs/index.ipynb', as_version=4)
keep = []
for c in nb.cells:
    directives = re.findall(r'^#\|\s*([\w-]+)(?::\s*(\w+))?', c.source, re.M) if c.cell_type=='code' else []
    if ('hide', '') in directives: continue
    c.source = re.sub(r'^#\|.*\n?', '', c.source, flags=re.M).strip()
    if ('echo', 'false') in directives: c.source = ''
    here = lambda s: re.sub(r'\]\((?!https?:|#)([^)]+)\)', target, s)
    if c.cell_type=='markdown': c.source = here(c.source)
    for o in c.get('outputs', ()):
        if 'text/markdown' in o.get('data', {}): o.data['text/markdown'] = here(o.data['text/markdown'])
    keep.append(c)
nb.cells = keep
body,res = MarkdownExporter().from_notebook_node(nb, resources={'output_files_dir':'nbs/images', 'unique_key':'index'})
body = re.sub(r'^```\w*\s*^```\n*', '', body, flags=re.M)
body = body.replace('![png]', '![what it does, in pictures]')
body = '<!-- Made from nbs/index.ipynb by .ci/readme.py: do not edit -->\n\n'+re.sub(r'\n{3,}', '\n\n', body).strip()+'\n'
files = {root/'README.md':body.encode()}|{root/k:v for k,v in res['outputs'].items()}
stale = [str(k.relative_to(root)) for k,v in files.items() if not k.exists() or k.read_bytes()!=v]
if '--check' in sys.argv: sys.exit(f'not up to date with nbs/index.ipynb: {", ".join(stale)}' if stale else 0)
for k,v in files.items(): k.parent.mkdir(parents=True, exist_ok=True); k.write_bytes(v)
print('made', ', '.join(stale) or 'nothing new')
