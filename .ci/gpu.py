"""All that only a GPU can say, by one command that keeps to a time: kernel, step, epoch, the cells flagged gpu, and the study.

    python .ci/gpu.py OUT [--minutes 9] [--processes 2] [--list LIST.toml] [--from FILE.json] [--only STEP,…]

OUT gets kernels.json, step.json, epoch.json, cells.json and study.json, each written when its part is done, and log.txt.
OUT is best on a memory disk (/dev/shm): each epoch of the study writes a checkpoint of 90 MB.
Speeds are taken first, while nothing else runs; then the cells and the study share the GPU until the time is up.
Put study.json into nbs/experiments/results and hand it back with --from: its runs are not done again.
Needs the package and what it requires, no nbdev and no Jupyter, and Fashion-MNIST where notebook 07 looks for it.
--tiny sees on a CPU, in a minute, that every part works; its figures mean nothing.
"""
import argparse, json, os, re, signal, subprocess, sys, tempfile, time, traceback
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CELLS = ('04b_compat','07_data','benchmarks/02_training_step') # those of 01 and 13 measure what kernels.json and epoch.json hold
SKIP = ('slow','net','browser')
STEPS = ('kernels','step','epoch','cells','study')
TINY = """defaults = {n_train=64, epochs=2, width=8, eval='last'}
runs = [{mixer=['none','alignmixup']}]
"""

def run_cells(name, tiny, tmp):
    "The cells of a notebook as a script; the cells flagged gpu, each with 'passed' or what went wrong"
    import matplotlib; matplotlib.use('agg')
    os.environ['IN_TEST'] = '1'
    cells = json.loads((ROOT/'nbs'/f'{name}.ipynb').read_text())['cells']
    flags = lambda s: {f for line in re.findall(r'^\s*#\|(.*)$', s, re.M) for f in re.split(r'[\s:]+', line.strip())}
    code = [(i, s, flags(s)) for i,c in enumerate(cells) if c['cell_type']=='code' for s in [''.join(c['source'])]]
    last = max(i for i,s,f in code if 'gpu' in f)
    space,said = dict(__name__='__main__', display=lambda *a, **k: None),{}
    os.chdir(ROOT/'nbs'/Path(name).parent)
    sys.path.insert(0, str(ROOT))
    for i,s,f in code:
        if i>last or f&{*SKIP,'hide_input'} and 'gpu' not in f or tiny and 'gpu' in f: continue
        file = Path(tmp)/f'cell{i}.py' # triton reads the source of a kernel
        file.write_text(s)
        try: exec(compile(s, str(file), 'exec'), space)
        except Exception as e:
            what = f'{type(e).__name__}: {e}'[:300]
            if 'gpu' in f: said[i] = what
            print(f'{name}, cell {i}{", gpu" if "gpu" in f else ""}: {what}', flush=True)
            if 'gpu' in f: traceback.print_exc()
        else:
            if 'gpu' in f: said[i] = 'passed'; print(f'{name}, cell {i}: passed', flush=True)
    return said

WARM = [f'agree {d} {rs}' for d in ('float32','float16','bfloat16') for rs in ('1,3,16,49,64','100,128','196')] + [f'time {o}' for o in ('128,512,16','128,256,64','256,2048,49','256,1024,196','32,256,128')]

def warm(what, tiny):
    "Build the kernels that the benchmark will want; triton keeps them on the disk"
    import torch
    from alignmixup_nb.benchmarks import kernels as K
    kind,*rest = what.split()
    device = 'cpu' if tiny else 'cuda'
    ints = [1,8,2] if tiny and kind=='time' else [2] if tiny else [int(o) for o in rest[-1].split(',')]
    if kind=='agree':
        for r in ints: K.agree(5, 64, r, getattr(torch, rest[0]), device, n_iter=24 if tiny else 20000)
    else:
        a,b = (o.to(device) for o in K.pair(*ints, 20.))
        K.that_run({k:lambda f=f: f for k,f in K.candidates(a, b).items()})

def kernels(s):
    "The kernels are built by many processes at once, then checked and timed by one, alone"
    env = dict(TRITON_INTERPRET='1') if s.tiny else {}
    start = time.monotonic()
    ps = [s.start(__file__, s.out, '--warm', o, *(['--tiny'] if s.tiny else []), **env) for o in (WARM[:1]+WARM[-1:] if s.tiny else WARM)]
    for p in ps: s.wait(p, max(0, start+90-time.monotonic()))
    s.say(f'ok      kernels, built: {time.monotonic()-start:.0f} s, exit codes {[p.returncode for p in ps]}')
    s.do('kernels', 150, '-m', 'alignmixup_nb.benchmarks.kernels', '--out', s.out/'kernels.json', *(['--tiny'] if s.tiny else []), **env)

class Session:
    "Commands, one log, and a time by which all is over"
    def __init__(self, out, minutes, tiny):
        self.out,self.tiny,self.end = Path(out).resolve(),tiny,time.monotonic()+60*minutes
        self.out.mkdir(parents=True, exist_ok=True)
        self.log,self.failed = open(self.out/'log.txt', 'a'),[]
        self.env = {**os.environ, 'PYTHONPATH':os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])]), 'PYTHONUNBUFFERED':'1'}
    def say(self, s): print(s, flush=True); print(s, file=self.log, flush=True)
    @property
    def left(self): return self.end-time.monotonic()
    def start(self, *cmd, **env):
        return subprocess.Popen([sys.executable, *map(str, cmd)], stdout=self.log, stderr=subprocess.STDOUT, env={**self.env, **env}, cwd=self.out, start_new_session=True)
    def wait(self, p, seconds):
        "The exit code; after `seconds`, or when all is over, the process is stopped"
        try: return p.wait(max(0, min(seconds, self.left)))
        except subprocess.TimeoutExpired: return self.stop(p)[0]
    def stop(self, *ps):
        "Exit codes of processes that are asked to end, all at once, and 20 s later made to"
        for s,patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 60)):
            on,end = [p for p in ps if p.poll() is None],time.monotonic()+patience
            for p in on: os.killpg(p.pid, s)
            while time.monotonic()<end and any(p.poll() is None for p in on): time.sleep(.1)
        return [p.returncode for p in ps]
    def do(self, what, seconds, *cmd, **env):
        "One command to its end; whether it went well"
        start = time.monotonic()
        code = self.wait(self.start(*cmd, **env), seconds)
        self.say(f'{"ok    " if code==0 else "FAILED"}  {what}: {time.monotonic()-start:.0f} s{"" if code==0 else f", exit code {code}"}')
        if code!=0: self.failed.append(what)
        return code==0

READ = """import sys
from alignmixup_nb.train import get_recipe, parser
args = vars(parser().parse_args(sys.argv[1:]))
get_recipe(**{{'recipe':'name'}.get(k, k):v for k,v in args.items() if k not in ('out','resume','overwrite','verbose')})
""" # the recipe of a command line, or what is wrong with it

def epoch(s):
    "Seconds of each epoch of PreAct-ResNet-18 on all of Fashion-MNIST; `steady` leaves out the first, which builds, and the last, which tests"
    fast = ('--recipe','fashion','--device','cuda','--epochs',4,'--milestones','2,3','--precision','bf16','--channels-last','yes')
    tiny = ('--epochs',2,'--n-train',64,'--device','cpu')
    if s.tiny: s.do('epoch, its recipe', 60, '-c', READ, *fast)
    told = {}
    for mixer,compiled in (('none','no'),('alignmixup','no'),('alignmixup','yes')):
        if s.tiny and compiled=='yes': continue
        name = f'{mixer}{" compiled" if compiled=="yes" else ""}'
        folder = s.out/'epoch'/name.replace(' ', '-')
        if s.do(f'epoch, {name}', 180 if compiled=='yes' else 120, '-m', 'alignmixup_nb.train', *(tiny if s.tiny else fast), '--mixer', mixer, '--compile', compiled, '--out', folder, '--overwrite'):
            r = json.loads((folder/'result.json').read_text())
            rows = [o['seconds'] for o in r['epochs']]
            told[name] = dict(steady=rows[1:-1]) | {k:r[k] for k in ('epochs','accuracy','command','commit','date','hardware','versions','layer') if k in r}
            (s.out/'epoch.json').write_text(json.dumps(told, indent=1))

def study(s, file, have, processes):
    "As many runs as the time allows; those that are done are collected"
    if s.tiny: file = s.out/'tiny.toml'; file.write_text(TINY)
    there = [file, '--out', s.out/'study', '--device', 'cpu' if s.tiny else 'cuda:0']
    if have and not s.do('study, what is done already', 60, '-m', 'alignmixup_nb.study', *there, '--from', Path(have).resolve(), '--status'): return
    ps = [s.start('-m', 'alignmixup_nb.study', *there, '--threads', 1 if s.tiny else 4) for _ in range(processes)]
    def finish():
        while s.left>0 and any(p.poll() is None for p in ps): time.sleep(.2)
        codes = s.stop(*ps)
        s.say(f'ok      study: {processes} processes, exit codes {codes}')
        if any(o not in (0,143,-signal.SIGTERM) for o in codes): s.failed.append('study')
        subprocess.run([sys.executable, '-m', 'alignmixup_nb.study', *map(str, there), '--status'], env=s.env, stdout=s.log, stderr=subprocess.STDOUT)
        code = subprocess.run([sys.executable, '-m', 'alignmixup_nb.study', *map(str, there), '--collect', str(s.out/'study.json')], env=s.env, stdout=s.log, stderr=subprocess.STDOUT).returncode
        s.say(f'{"ok    " if code==0 else "FAILED"}  study, collected')
        if code: s.failed.append('study, collected')
    return finish

def main(argv=None):
    p = argparse.ArgumentParser('.ci/gpu.py', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('out', metavar='OUT', help='where the results go')
    p.add_argument('--minutes', type=float, default=9, help='all is over by then, half a minute for the collecting included')
    p.add_argument('--processes', type=int, default=2, help='that share the GPU in the study; one alone does not fill it')
    p.add_argument('--list', default=ROOT/'nbs/experiments/studies/gpu.toml', help='the study')
    p.add_argument('--from', dest='have', metavar='FILE.json', help='results of the study from before')
    p.add_argument('--only', default=','.join(STEPS), help='the parts to do, of '+', '.join(STEPS))
    p.add_argument('--tiny', action='store_true', help='small sizes on the CPU')
    for part in ('cells','warm'): p.add_argument(f'--{part}', help=argparse.SUPPRESS)
    o = p.parse_args(argv)
    if o.warm: return warm(o.warm, o.tiny)
    if o.cells:
        with tempfile.TemporaryDirectory() as tmp: said = run_cells(o.cells, o.tiny, tmp)
        Path(o.out).write_text(json.dumps(said))
        return int(any(v!='passed' for v in said.values()))
    only = o.only.split(',')
    if set(only)-set(STEPS): p.error(f'--only has {sorted(set(only)-set(STEPS))}; there are {", ".join(STEPS)}')
    s = Session(o.out, o.minutes-.5, o.tiny)
    import torch
    if not o.tiny and not torch.cuda.is_available(): p.error('there is no GPU; --tiny sees that the command works without')
    s.say(f'{datetime.now(timezone.utc).isoformat(timespec="seconds")}  {"CPU" if o.tiny else torch.cuda.get_device_name()}, torch {torch.__version__}')
    device = 'cpu' if o.tiny else 'cuda'
    if 'kernels' in only: kernels(s)
    if 'step' in only: s.do('step', 90, '-m', 'alignmixup_nb.benchmarks.step', '--out', s.out/'step.json', '--device', device, '--bf16', '--steps', 30, *(['--quick'] if o.tiny else []))
    if 'epoch' in only: epoch(s)
    finish = study(s, Path(o.list).resolve(), o.have, 2 if o.tiny else o.processes) if 'study' in only else None
    if 'cells' in only:
        ps = [(n, s.out/f'.cells-{i}.json', s.start(__file__, s.out/f'.cells-{i}.json', '--cells', n, *(['--tiny'] if o.tiny else []))) for i,n in enumerate(CELLS)]
        codes = {n:s.wait(q, 300) for n,_,q in ps}
        told = {n:json.loads(f.read_text()) if f.exists() else 'did not end' for n,f,_ in ps}
        (s.out/'cells.json').write_text(json.dumps(told, indent=1))
        for _,f,_ in ps: f.unlink(missing_ok=True)
        for n,code in codes.items(): s.say(f'{"ok    " if code==0 else "FAILED"}  cells of {n}: {told[n]}')
        s.failed += [n for n,code in codes.items() if code]
    if finish: finish()
    s.say('all parts went well' if not s.failed else f'FAILED: {", ".join(s.failed)}; see log.txt')
    return int(bool(s.failed))

if __name__=='__main__': sys.exit(main())
