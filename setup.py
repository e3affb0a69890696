import re
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup

here = Path(__file__).parent
parser = ConfigParser(delimiters=['='])
parser.read(here/'settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']
statuses = ['1 - Planning', '2 - Pre-Alpha', '3 - Alpha', '4 - Beta', '5 - Production/Stable', '6 - Mature', '7 - Inactive']
pythons = [f'3.{i}' for i in range(int(cfg['min_python'].split('.')[1]), 14)]
extras = {k.removesuffix('_requirements'): v.split() for k, v in cfg.items() if k.endswith('_requirements')}

def absolute(m): # a package index has no files beside the README
    kind = 'raw' if m[1] else 'blob'
    return f'{m[1]}[{m[2]}]({cfg["git_url"]}/{kind}/{cfg["branch"]}/{m[3]})'
readme = re.sub(r'(!?)\[([^\]]*)\]\((?!https?:|#)([^)\s]+)\)', absolute, (here/'README.md').read_text(encoding='utf-8'))

# experiments and benchmarks stay out of the wheel: they run from a clone
setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'],
    author=cfg['author'], author_email=cfg['author_email'], url=cfg['git_url'], license='Apache-2.0',
    long_description=readme, long_description_content_type='text/markdown',
    classifiers=[f'Development Status :: {statuses[int(cfg["status"])-1]}', f'Intended Audience :: {cfg["audience"]}',
                 f'Natural Language :: {cfg["language"]}', *[f'Programming Language :: Python :: {o}' for o in pythons]],
    packages=[cfg['lib_name']], include_package_data=True, package_data={cfg['lib_name']: ['*.npz', 'py.typed']}, zip_safe=False,
    python_requires='>='+cfg['min_python'], install_requires=cfg['requirements'].split(), extras_require=extras,
    entry_points={'console_scripts': cfg['console_scripts'].split(), 'nbdev': [f'{cfg["lib_name"]}={cfg["lib_name"]}._modidx:d']})
