"""The explorer in a real browser: JupyterLab, Notebook 7 or Voilà in headless Chromium runs a notebook, every control is moved, and what is shown is checked.

    python .ci/browser.py [NOTEBOOK] [--app notebook|voila] [--out DIR]

Without NOTEBOOK it takes the tutorial that ends with the explorer, or else nbs/08b_explorer.ipynb. Needs playwright, Chromium, and JupyterLab or, with --app, the package notebook or voila.
The notebook has to name its autoencoder `ae` and the panel `explorer`, and to show the panel."""
import argparse, io, json, os, re, shutil, signal, socket, subprocess, sys, tempfile, time, urllib.request
from pathlib import Path
import numpy as np
from PIL import Image

NBS = Path(__file__).resolve().parent.parent/'nbs'
WANTED = ('tutorials/03_one_object_becoming_another.ipynb', '08b_explorer.ipynb')
APART = '''
import numpy as _np, torch as _t
_m,_s = explorer.scene.net.mean,explorer.scene.net.std
_x = _t.stack([explorer.scene.images[o.value] for o in (explorer.first, explorer.second)])
with _t.no_grad(): _y = ae.decoder(ae.eval().both((_x-_m)/_s)[1])*_s+_m
_np.save({file!r}, _t.cat([_x, _y.clamp(0, 1)]).numpy())
'''
FAILED_CELL = '''() => { for (const cell of window.jupyterapp.shell.currentWidget.content.widgets) { const o = cell.model.outputs;
    for (let i = 0; o && i < o.length; i++) if (o.get(i).type==='error') { const e = o.get(i).toJSON(); return e.ename+': '+e.evalue } } return null }'''
SETTINGS = {'@jupyterlab/apputils-extension:notification': dict(fetchNews='false', checkForUpdates=False, doNotDisturbMode=True)}

def free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]

def prepare(root, notebook):
    "A copy of the notebooks under `root`; the one to run without cells that would start this script, and with a last one that reconstructs apart"
    shutil.copytree(NBS, root/'nbs', ignore=shutil.ignore_patterns('.*', 'images'))
    file = root/'nbs'/notebook
    nb = json.loads(file.read_text())
    skip = lambda src: 'browser.py' in src or re.match(r'#\| *(slow|gpu|net)\b', src) # as nbdev_test does
    nb['cells'] = [c for c in nb['cells'] if c['cell_type']!='code' or not skip(''.join(c['source']))]
    for c in nb['cells']:
        if c['cell_type']=='code': c['outputs'] = []
    nb['metadata']['kernelspec'] = dict(name='python3', display_name='Python 3 (ipykernel)', language='python')
    nb['cells'].append(dict(cell_type='code', id='apart', metadata={}, outputs=[], execution_count=None, source=APART.format(file=str(root/'apart.npy')).strip()))
    file.write_text(json.dumps(nb))

APPS = dict(lab=('jupyterlab','LabApp','lab/tree'), notebook=('notebook','JupyterNotebookApp','notebooks'), voila=('voila','Voila','voila/render')) # module, class for options, address of a notebook

class Lab:
    "A JupyterLab, Notebook or Voilà of its own, on a free port, that keeps nothing"
    def __init__(self, root, app):
        port,(module,cls,self.at) = free_port(),APPS[app]
        over = root/'settings'; over.mkdir(); (over/'overrides.json').write_text(json.dumps(SETTINGS))
        env = os.environ | dict(JUPYTER_CONFIG_DIR=str(root/'config'), JUPYTERLAB_SETTINGS_DIR=str(root/'user'), JUPYTERLAB_WORKSPACES_DIR=str(root/'work'), JUPYTER_RUNTIME_DIR=str(root/'runtime'), IN_TEST='1', IPYTHONDIR=str(root/'ipython'))
        self.log,self.url = open(root/'lab.log', 'w'),f'http://127.0.0.1:{port}'
        cmd = [sys.executable, '-m', module, '--no-browser', '--ip=127.0.0.1', f'--port={port}', '--ServerApp.port_retries=0', '--IdentityProvider.token=', '--expose-app-in-browser',
               f'--{cls}.app_settings_dir={over}', f'--ServerApp.root_dir={root}', '--LabApp.extension_manager=readonly', *(['--allow-root'] if hasattr(os, 'geteuid') and os.geteuid()==0 else [])]
        if app=='voila': cmd = [sys.executable, '-m', module, str(root), '--no-browser', f'--port={port}']
        self.process = subprocess.Popen(cmd, env=env, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True)
        for _ in range(240):
            if self.process.poll() is not None: raise SystemExit(f'{module} did not start:\n'+(root/'lab.log').read_text()[-2000:])
            try: urllib.request.urlopen(self.url+'/api/status'*(app!='voila'), timeout=2); return
            except OSError: time.sleep(.5)
        self.close(); raise SystemExit(f'{module} did not answer in two minutes')
    def close(self):
        for sig in (signal.SIGTERM, signal.SIGKILL):
            try: os.killpg(self.process.pid, sig)
            except ProcessLookupError: break
            try: self.process.wait(15)
            except subprocess.TimeoutExpired: continue
        self.log.close()

class Panel:
    "The explorer on a page: its controls and what it shows"
    def __init__(self, page): self.page,self.box = page,page.locator('.alignment-explorer').first
    def image(self, name):
        "The pixels that the browser was sent (h,w,3), in [0,1]"
        data = self.page.evaluate("""async name => { for (let i = 0; ; i++) { // a new picture may come between finding and fetching
            try { const o = document.querySelector(".alignment-explorer img.explorer-"+name); return Array.from(new Uint8Array(await (await fetch(o.src)).arrayBuffer())) }
            catch (e) { if (i>20) throw e; await new Promise(f => setTimeout(f, 50)) } } }""", name)
        return np.asarray(Image.open(io.BytesIO(bytes(data))).convert('RGB'))/255
    def pixels(self, name, size): # without the enlargement
        a = self.image(name); k = a.shape[0]//size
        return a[k//2::k, k//2::k].transpose(2,0,1)
    def text(self, name): return self.box.locator(f'.explorer-{name}').inner_text()
    def number(self, name): return float(re.search(r'entropy (-?[\d.]+)', self.text(name))[1])
    def names(self):
        "What the browser's accessibility tree calls the images"
        cdp = self.page.context.new_cdp_session(self.page)
        box = cdp.send('Runtime.evaluate', dict(expression='document.querySelector(".alignment-explorer")'))['result']['objectId']
        nodes = cdp.send('Accessibility.queryAXTree', dict(objectId=box))['nodes']
        return [o.get('name', {}).get('value', '') for o in nodes if not o['ignored'] and o['role']['value'] in ('img','image')]
    def press(self, name, *keys):
        h = self.box.locator(f'.explorer-{name} .noUi-handle'); h.focus()
        if '/notebooks/' in self.page.url: h.evaluate('o => o.setAttribute("data-lm-suppress-shortcuts", "")') # see below
        for k in keys: self.page.keyboard.press(k)
    def choose(self, name, i): self.box.locator(f'.explorer-{name} button').nth(i).click()
    def wait(self, what, f, seconds=120):
        "Until `f()` is true; what it found is printed"
        end = time.time()+seconds
        while not (got := f()):
            if time.time()>end: raise AssertionError(what)
            self.page.wait_for_timeout(100)
        print(f'ok  {what}', flush=True)
        return got
    def changed(self, what, names, act):
        "Does `act()` change these pictures?"
        before = {n:self.image(n) for n in names}
        act()
        self.wait(f'{what} changes {", ".join(names)}', lambda: all(before[n].shape!=(a := self.image(n)).shape or (before[n]!=a).any() for n in names))
    def quiet(self):
        "Until the kernel rests, and pictures and numbers stay as they are"
        state,same = None,0
        while same<8:
            now = self.page.evaluate("""() => { const o = document.querySelector(".alignment-explorer"), k = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel; // not in Voilà, which is waited for longer
                return [k ? k.status : "unknown", o.querySelector(".explorer-entropy").innerText, ...Array.from(o.querySelectorAll("img")).map(i => i.src)] }""")
            same,state = same+(1 if now[0]=='idle' else .3) if now==state and now[0] in ('idle','unknown') else 0,now
            self.page.wait_for_timeout(100)

def difference(a, b): return np.abs(a-b).max()
def in_bytes(a): return np.round(a*255)/255 # what a PNG file can hold

def upload(panel, i, name, content):
    with panel.page.expect_file_chooser() as chooser: panel.box.locator('.jupyter-button.widget-upload').nth(i).click()
    chooser.value.set_files([dict(name=name, mimeType='image/png', buffer=content)])

def check(panel, apart):
    "Move everything"
    x,x2,rec,rec2 = (1-o if len(o)==1 else o for o in apart) # grey images are drawn as ink on paper
    named = panel.box.evaluate('o => [".explorer-lam", ".explorer-eps", ".explorer-direction", ".explorer-row"].map(k => { const e = o.querySelector(k); return !!(e.title || e.querySelector("[title]")) })')
    assert all(named), f'controls without a title: {named}'
    print('ok  the controls say what they are')
    named,n = panel.names(),panel.box.locator('img').count()
    assert len(named)==len({*named})==n and all(named), f'{n} images, and the browser tells a screen reader of {named}'
    print('ok  each image has a name of its own for a screen reader:', *named, sep='\n      ')
    same = lambda image, want: difference(panel.pixels(image, want.shape[-1]), np.broadcast_to(in_bytes(want), (3,*want.shape[1:])))
    if np.abs(rec-rec2).max()<.05: raise AssertionError('the two reconstructions are alike: nothing could be told apart')
    panel.press('lam', 'End')
    panel.wait("lam = 1 in direction 0 shows x's own reconstruction (largest pixel difference < 1e-3)", lambda: same('aligned', rec)<1e-3)
    panel.changed('the direction switch', ['aligned','strip'], lambda: panel.choose('direction', 1))
    panel.press('lam', 'Home')
    panel.wait("lam = 0 in direction 1 shows the reconstruction of x'", lambda: same('aligned', rec2)<1e-3)
    panel.choose('direction', 0); panel.quiet()
    assert same('aligned', rec2)>.05, "lam = 0 in direction 0 shows the reconstruction of x', unaligned"
    print("ok  lam = 0 in direction 0 does not: the direction switch swaps the reference")
    panel.wait("not aligned, it is the reconstruction of x' in both", lambda: same('plain', rec2)<1e-3)
    panel.changed('lam', ['aligned','plain'], lambda: panel.press('lam', *['ArrowRight']*10))
    panel.quiet(); low = panel.number('entropy')
    panel.changed('eps', ['plan'], lambda: panel.press('eps', *['ArrowRight']*10))
    panel.quiet(); high = panel.number('entropy')
    assert high>low+.1, f'a larger eps does not raise the entropy: {low} to {high}'
    print(f'ok  ten steps of eps up raise the entropy that is shown from {low} to {high}')
    panel.press('eps', *['ArrowLeft']*10); panel.quiet()
    assert abs(panel.number('entropy')-low)<1e-3
    panel.press('eps', 'Home'); panel.quiet()
    panel.changed('iterations', ['plan'], lambda: panel.press('n_iter', 'Home')); panel.quiet()
    panel.wait('and says that one iteration makes no plan yet', lambda: 'not a transport plan yet' in panel.text('entropy'))
    panel.press('n_iter', 'End'); panel.quiet()
    panel.press('row', 'Home'); panel.press('col', 'Home'); panel.quiet()
    for name,pics in (('row',['x','x2','lines']),('col',['x','x2','lines'])): panel.changed(name, pics, lambda: panel.press(name, 'ArrowRight'))
    panel.quiet()
    def click(name, u, v):
        b = panel.box.locator(f'img.explorer-{name}').bounding_box(); panel.page.mouse.click(b['x']+u*b['width'], b['y']+v*b['height'])
    panel.changed("a click into x", ['x','x2'], lambda: click('x', .62, .55)); panel.quiet()
    at = tuple(panel.box.locator(f'.explorer-{o} .widget-readout').inner_text() for o in ('row','col'))
    panel.changed("a click into x'", ['x','x2'], lambda: click('x2', .4, .35)); panel.quiet()
    assert at!=tuple(panel.box.locator(f'.explorer-{o} .widget-readout').inner_text() for o in ('row','col')), 'the sliders do not follow a click'
    print('ok  the sliders for the position follow the clicks')
    panel.changed('follow', ['x','x2'], lambda: panel.choose('side', 0)); panel.quiet()
    layers = panel.box.locator('.explorer-layer option').all_inner_texts()
    if len(layers)>1:
        panel.changed(f'layer {layers[-1]}', ['cost','plan','x'], lambda: panel.box.locator('.explorer-layer select').select_option(index=len(layers)-1)); panel.quiet()
        panel.box.locator('.explorer-layer select').select_option(index=0); panel.quiet()
    for name in ('first','second'): panel.changed(name, ['aligned','cost'], lambda: panel.press(name, 'ArrowRight')); panel.quiet()
    now = panel.names()
    assert now[:2]!=named[:2] and all(now), f'other images, and the names are still {now}'
    print('ok  and another one when another image is chosen:', *now[:2])
    upload(panel, 0, 'story.png', b'once upon a time')
    panel.wait('a file that is no image gets a line of text', lambda: 'story.png: it holds no image' in panel.text('message'))
    f = io.BytesIO(); Image.radial_gradient('L').convert('RGBA').rotate(20).save(f, 'PNG')
    panel.changed('an upload with transparent corners', ['x','aligned'], lambda: upload(panel, 0, 'ball.png', f.getvalue()))
    panel.wait('and says what was done to it', lambda: 'ball.png: 256×256; what is transparent lies on' in panel.text('message'))
    upload(panel, 1, 'empty.png', b''); panel.wait('an empty upload too', lambda: 'empty.png is empty' in panel.text('message'))
    for name in ('first','second'): panel.press(name, 'Home')
    panel.press('second', 'ArrowRight'); panel.press('lam', 'Home', *['ArrowRight']*10); panel.quiet()

def layout(panel, width, out):
    "Nothing sticks out at this width; a picture of the panel is kept"
    page = panel.page
    page.set_viewport_size(dict(width=width, height=1000)); page.wait_for_timeout(800); panel.quiet()
    panel.box.scroll_into_view_if_needed()
    box,inside = panel.box.bounding_box(),panel.box.evaluate('o => [o.scrollWidth, o.clientWidth]')
    assert inside[0]<=inside[1]+1, f'at {width} px the panel is wider than its cell: {inside}'
    for o in panel.box.locator('img').all():
        b = o.bounding_box()
        assert b and b['x']>=box['x']-1 and b['x']+b['width']<=box['x']+box['width']+1 and b['width']>100, f'at {width} px an image lies outside the panel or is tiny: {b} in {box}'
    page.set_viewport_size(dict(width=width, height=int(box['height'])+260)); page.wait_for_timeout(500)
    panel.box.scroll_into_view_if_needed(); page.wait_for_timeout(300)
    page.screenshot(path=out/f'explorer_{width}.png')
    print(f'ok  at {width} px the panel is {box["width"]:.0f} by {box["height"]:.0f} and nothing sticks out: {out/f"explorer_{width}.png"}')

def visit(lab, notebook, root, out, chromium, limit):
    from playwright.sync_api import sync_playwright
    errors = []
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=['--no-sandbox','--disable-gpu','--disable-background-networking'])
        page = browser.new_page(viewport=dict(width=1280, height=1000))
        page.set_default_timeout(180_000)
        page.on('pageerror', lambda e: errors.append(str(e)))
        page.on('console', lambda m: errors.append(m.text) if m.type=='error' else None)
        start = time.time()
        page.goto(f'{lab.url}/{lab.at}/nbs/{notebook}?reset')
        if lab.at=='voila/render':
            page.wait_for_selector('.alignment-explorer img.explorer-strip', timeout=1000*limit)
            while not (root/'apart.npy').exists() and time.time()-start<limit: page.wait_for_timeout(500)
        else:
            page.wait_for_selector('.jp-Notebook', timeout=120_000)
            page.evaluate("""async () => { await window.jupyterapp.restored; await window.jupyterapp.shell.currentWidget.sessionContext.ready;
                if (window.jupyterapp.shell.leftCollapsed===false && window.jupyterapp.commands.hasCommand("application:toggle-left-area")) await window.jupyterapp.commands.execute("application:toggle-left-area") }""")
            page.evaluate('() => { window.jupyterapp.commands.execute("notebook:run-all-cells") }')
            while not (root/'apart.npy').exists():
                page.wait_for_timeout(500)
                if page.locator('.jp-Dialog .jp-mod-accept').count(): page.locator('.jp-Dialog .jp-mod-accept').first.click() # which kernel? the preferred one
                wrong = page.evaluate(FAILED_CELL) # also of a cell that is out of sight and not on the page
                if wrong: raise AssertionError(f'a cell failed: {wrong}')
                if time.time()-start>limit: page.screenshot(path=out/'explorer_failed.png'); raise AssertionError(f'the notebook did not come to its end in {limit} s')
        page.wait_for_selector('.alignment-explorer', timeout=30_000)
        print(f'ok  {notebook} ran in {time.time()-start:.0f} s and shows the panel', flush=True)
        panel = Panel(page)
        panel.box.scroll_into_view_if_needed(); page.wait_for_timeout(500)
        if lab.at=='notebooks': print('note: Notebook takes the arrow keys for itself, so they move no slider of ipywidgets; here it is told not to')
        try:
            check(panel, np.load(root/'apart.npy'))
            for w in (1280, 700): layout(panel, w, out)
            tracebacks = page.locator('[data-mime-type="application/vnd.jupyter.error"]').count()
            assert not tracebacks, f'{tracebacks} tracebacks in the notebook'
            print('ok  no traceback in the notebook')
            ours = [e for e in errors if not re.search(r'Failed to load resource|favicon|ERR_'+r"|reading 'schema'|RUNTIME-012"*(lab.at!='lab/tree'), e)] # the last is Notebook's own, also on a page without the panel
            assert not ours, 'errors on the console:\n'+'\n'.join(ours)
            print('ok  no error on the console of the browser')
        except BaseException:
            page.screenshot(path=out/'explorer_failed.png'); print(f'see {out/"explorer_failed.png"}; console: {errors}', file=sys.stderr)
            raise
        finally: browser.close()

def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('told to stop'))
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('notebook', nargs='?', help='path under nbs/')
    p.add_argument('--app', choices=APPS, default='lab', help='JupyterLab, Notebook 7 or Voilà')
    p.add_argument('--out', type=Path, help='folder for the screenshots; a temporary one if not given')
    p.add_argument('--chromium', default=shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome'), help="the browser; playwright's own if none is found")
    p.add_argument('--limit', type=int, default=600, help='seconds for the notebook to run')
    o = p.parse_args()
    notebook = o.notebook or next(n for n in WANTED if (NBS/n).exists())
    notebook = notebook.removeprefix('nbs/')
    if not (NBS/notebook).exists(): raise SystemExit(f'there is no notebook nbs/{notebook}')
    out = (o.out or Path(tempfile.mkdtemp(prefix='explorer_'))).resolve(); out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as d:
        root = Path(d)
        prepare(root, notebook)
        lab = Lab(root, o.app)
        try: visit(lab, notebook, root, out, o.chromium, o.limit)
        except Exception as e: print(f'FAILED  {type(e).__name__}: {e}'); raise SystemExit(1)
        finally: lab.close()
    print(f'the explorer works in the browser ({o.app})')

if __name__=='__main__': main()
