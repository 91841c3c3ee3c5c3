"""Tests of the website: that it is whole, asks nobody for anything, and runs Python in the page."""

import base64
import functools
import json
import re
import shutil
import subprocess
import threading
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import notebook_pages
import pytest
import website
from nbformat import v4
from pages import running
from reference import PUBLIC, broken
from website import INDEX, MODULES, NOTEBOOKS, PAGES

EXAMPLES = sorted((PAGES / "examples").glob("*.py"))
PHONE = {"width": 375, "height": 667}
DESKTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """The folder of the site."""
    pytest.importorskip("pdoc")
    pytest.importorskip("nbconvert")
    if shutil.which("node") is None:
        pytest.skip("the system has no node")
    if not MODULES.is_dir():
        pytest.skip("KaTeX and Pyodide are not installed: npm ci --prefix tests/node")
    folder = tmp_path_factory.mktemp("site")
    website.build(folder, wheel)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(site):
    """Where a server of this machine has the site."""
    handler = functools.partial(Quiet, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def go(browser, address):
    """A function that opens a page of the site; it may ask the site only, and must not complain."""
    contexts, elsewhere, said = [], [], []

    def asked(request):
        if not request.url.startswith((address, "data:")):
            elsewhere.append(request.url)

    def opened(name, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(60_000)
        context.on("request", asked)
        context.on("console", lambda message: said.append(message.text))
        context.on("weberror", lambda error: said.append(str(error.error)))
        page = context.new_page()
        page.goto(address + name)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert (elsewhere, said) == ([], [])


# ------------------------------------------------------------------ what there is


def test_every_link_leads_somewhere(site):
    assert [*broken(site)] == []


def test_nothing_is_left_out(site):
    page = (site / "index.html").read_text("utf-8")
    names = {path.stem for path in NOTEBOOKS}
    assert len(names) >= 14
    assert {*re.findall(r'href="notebooks/(\w+)\.html"', page)} == names | {INDEX}
    for name in names:
        assert (site / "notebooks" / f"{name}.ipynb").is_file()
    options = re.findall(r'<option value="(\w+)">', (site / "try.html").read_text("utf-8"))
    assert options == [path.stem[2:] for path in EXAMPLES]
    for name in PUBLIC:
        assert (site / "reference" / name.replace(".", "/")).with_suffix(".html").is_file()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebooks_page_says_what_the_notebook_says(site, path):
    notebook = json.loads(path.read_text("utf-8"))
    page = (site / "notebooks" / f"{path.stem}.html").read_text("utf-8")
    text = unescape(re.sub("<[^>]*>", "", page))
    assert "$" not in re.sub(
        r"<(pre|iframe)\b.*?</\1>|<annotation.*?</annotation>", "", page, flags=re.S
    )
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert source.strip() in text
            for output in cell["outputs"]:
                assert "".join(output.get("text", "")) in text
        else:
            for heading in re.findall(r"^#+ ([^$`*\n]+)$", source, re.M):
                assert heading in text


# ------------------------------------------------------------------ in the browser


@pytest.mark.parametrize(
    ("size", "scheme", "notebooks"),
    [(PHONE, "dark", NOTEBOOKS), (DESKTOP, "light", NOTEBOOKS[:2])],
    ids=["phone", "desktop"],
)
def test_pages_fit_and_ask_for_nothing(go, address, size, scheme, notebooks):
    page = go("index.html", viewport=size, color_scheme=scheme)
    names = [f"notebooks/{path.stem}" for path in notebooks]
    for name in ["index", *names, "reference/micrograd_bp", "try"]:
        page.goto(f"{address}{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
        assert page.title()
        assert page.evaluate("[...document.images].every((image) => image.complete)")
        if name == "notebooks/02_derivations":
            assert page.locator(".derivation math:visible").count() > 20


def test_try_an_example(go):
    """One page for all, for Python takes seconds to come."""
    page = go("try.html", viewport=DESKTOP)
    page.get_by_role("status").get_by_text("Ready.").wait_for()
    output, status = page.locator("#output"), page.locator("#status")

    def run(wait=re.compile("^Done, in ")):
        page.get_by_role("textbox").press("Control+Enter")
        status.filter(has_text=wait).wait_for()
        return output.inner_text()

    shown = run()
    assert "z = 3.238406\n∂z/∂x = 2.740077, ∂z/∂y = 0.839949\n" in shown
    source = output.locator("img").get_attribute("src")
    assert base64.b64decode(source.partition("base64,")[2]).rstrip().endswith(b"</svg>")
    assert output.locator("img").evaluate("(image) => image.naturalWidth") > 300

    for path in EXAMPLES[1:]:
        page.get_by_label("Example").select_option(path.stem[2:])
        run()
        assert output.locator(":scope > *").count() > 0
        if path.stem == "2_derivation":
            assert output.locator("math:visible").count() > 3
        if path.stem == "4_steps":
            step = output.frame_locator("iframe").get_by_text("Forward").first
            step.wait_for()

    program = page.get_by_role("textbox")
    program.fill(
        "import micrograd_bp as mb\n\ndef f(x):\n    return mb.log(x)\n\nprint('so far')\nf(-1.0)"
    )
    assert run(re.compile("^Ended with an error")) == (
        "so far\n\nline 7: f(-1.0)\nline 4: return mb.log(x)\n"
        "ValueError: log: no value at x = -1.0; expected x > 0"
    )
    assert output.locator(".error").count() == 1


def test_python_comes_back(browser, address):
    """After a program that breaks it, and after one that was stopped."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}try.html")
        status, program = page.locator("#status"), page.get_by_role("textbox")

        def run(source):
            program.fill(source)
            program.press("Control+Enter")

        run("t = ()\nfor _ in range(1_000_000): t = (t,)\ndel t")  # before Python is there
        error = page.locator("#output .error")
        error.get_by_text("Python itself broke down: RangeError: ").wait_for(timeout=60_000)
        assert status.inner_text().startswith("Python broke down. Loading Python")
        run("6 * 7")
        status.filter(has_text=re.compile("^Done, in ")).wait_for(timeout=60_000)
        assert page.locator("#output").inner_text().strip() == "42"
        run("while True: pass")
        page.get_by_role("button", name="Run", disabled=True).wait_for()
        page.get_by_role("button", name="Stop").click()
        assert status.inner_text().startswith("Stopped. Loading Python")
        assert page.get_by_role("button", name="Run").is_enabled()


def test_the_editor_by_keyboard(go):
    page = go("try.html#training", viewport=PHONE)
    assert page.get_by_label("Example").input_value() == "training"
    program = page.get_by_role("textbox")
    program.fill("")
    program.press_sequentially("if x:\ny = 1\n")
    assert program.input_value() == "if x:\n    y = 1\n    "
    program.press("Shift+Tab")
    program.press("Tab")
    program.press_sequentially("z")
    program.press("Control+a")
    program.press("Tab")
    indented = "    if x:\n        y = 1\n        z"
    assert program.input_value() == indented
    program.press("Control+z")
    assert program.input_value() == "if x:\n    y = 1\n    z"
    page.get_by_label("Example").select_option("steps")
    assert "mb.Stepper" in program.input_value()
    page.get_by_label("Example").select_option("training")
    assert program.input_value() == "if x:\n    y = 1\n    z"
    program.press("Escape")
    program.press("Tab")
    assert page.evaluate("document.activeElement.id") == "output"


# ------------------------------------------------------------------ what runs a program


def shown(source):
    """The pieces that running it shows."""
    pieces = []
    running.run(source, lambda kind, text: pieces.append((kind, text)))
    return pieces


def text(source):
    """What it prints, and what it says when it goes wrong."""
    return "".join(text for kind, text in shown(source) if kind != "html")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path):
    title, _, source = path.read_text("utf-8").partition("\n")
    assert re.fullmatch(r"# [A-Z][^.]*", title)
    assert max(map(len, source.splitlines())) < 70  # the editor's width
    pieces = shown(source)
    assert pieces
    assert "error" not in {kind for kind, _ in pieces}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ""),
        ("# nothing", ""),
        ("x = 1", ""),
        ("None", ""),
        ("1 + 1", "2\n"),
        ("print(1, end='')\n2", "12\n"),
        ("display(1, 2)\nprint(3)", "1\n2\n3\n"),
        ("import sys; print('e', file=sys.stderr)", "e\n"),
        ("import micrograd_bp as mb; mb.Value", "<class 'micrograd_bp.engine.Value'>\n"),
        ("raise SystemExit", ""),
        ("x = 1\nraise SystemExit('no')", "line 2: raise SystemExit('no')\nSystemExit: no"),
        ("raise KeyboardInterrupt", "line 1: raise KeyboardInterrupt\nKeyboardInterrupt"),
        ("__name__", "'__main__'\n"),
        (
            "input('x? ')",
            "line 1: input('x? ')\nRuntimeError: input: nobody can answer on this page; write the "
            "value into the program",
        ),
        (
            "class A:\n    def __repr__(self): return 1\nA()",
            "TypeError: __repr__ returned non-string (type int)",
        ),
    ],
)
def test_what_a_program_shows(source, expected):
    assert text(source) == expected


def test_one_program_knows_nothing_of_the_one_before():
    text("secret = 1")
    assert text("secret").endswith("NameError: name 'secret' is not defined")


def test_a_syntax_error_is_pointed_at():
    said = text("x = (\n")
    assert 'File "your program", line 1\n    x = (\n        ^\n' in said
    assert said.endswith("SyntaxError: '(' was never closed")


def test_an_endless_recursion_is_told_shortly():
    said = text("def f():\n    return f()\nf()").splitlines()
    assert said[0] == "line 3: f()"
    assert len(said) <= running.FRAMES + 2
    assert said[-1].startswith("RecursionError: ")


def test_endless_printing_ends(monkeypatch):
    monkeypatch.setattr(running, "MOST", 1000)
    said = text("while True: print('x')")
    assert 1000 <= len(said) < 1300
    assert said.endswith("RuntimeError: stopped: it printed more than 1,000 characters")


@pytest.mark.parametrize(
    "method", ["_repr_html_", "_repr_mimebundle_", "_repr_mimebundle_ with metadata"]
)
def test_rich_results(method):
    name, _, more = method.partition(" ")
    value = "'<b>x</b>'" if name == "_repr_html_" else "{'image/svg+xml': '<b>x</b>'}"
    value = f"({value}, {{}})" if more else value
    source = f"class A:\n    def {name}(self): return {value}\nprint(1)\ndisplay(A())\nA()"
    assert shown(source) == [
        ("text", "1"),
        ("text", "\n"),
        ("html", "<b>x</b>"),
        ("html", "<b>x</b>"),
    ]


# ------------------------------------------------------------------ a notebook's page


def test_the_cells_of_a_notebook():
    if not MODULES.is_dir() or shutil.which("node") is None:
        pytest.skip("KaTeX is not installed: npm ci --prefix tests/node")
    picture = v4.new_output("display_data", {"image/png": "iVBO\nRw==", "text/plain": "<Figure>"})
    outputs = [
        v4.new_output("stream", text="a < b\n"),
        v4.new_output("execute_result", {"text/html": "<b>x</b>", "text/plain": "x"}),
        picture,
        v4.new_output("execute_result", {"text/latex": "$$x_1$$", "text/plain": "x"}),
        v4.new_output("execute_result", {"text/plain": "<A>"}),
        v4.new_output("error", ename="ValueError", evalue="<no>"),
    ]
    cells = [
        v4.new_markdown_cell(
            "# A *title*\n\n$a_b$ and $c_d$, [on](02_on.ipynb#there), $$\\frac12$$"
        ),
        v4.new_code_cell("x < 1", outputs=outputs),
        v4.new_raw_cell("as it is"),
    ]
    [page] = notebook_pages.contents([v4.new_notebook(cells=cells)])
    assert "<h1>A <em>title</em></h1>" in page
    assert page.count('class="katex"') == 4
    assert page.count("katex-display") == 2
    assert '<a href="02_on.html#there">on</a>' in page
    assert '<pre class="output">a &lt; b\n</pre><div class="output"><b>x</b></div>' in page
    assert 'src="data:image/png;base64,iVBORw=="' in page
    assert "<pre>&lt;A&gt;</pre>" in page
    assert "ValueError: &lt;no&gt;" in page
    assert "as it is" not in page
    assert "$" not in re.sub("<annotation.*?</annotation>", "", page)


def test_a_formula_that_katex_refuses_is_an_error():
    if not MODULES.is_dir() or shutil.which("node") is None:
        pytest.skip("KaTeX is not installed: npm ci --prefix tests/node")
    with pytest.raises(subprocess.CalledProcessError):
        notebook_pages.contents([v4.new_notebook(cells=[v4.new_markdown_cell("$\\fra$")])])


@pytest.mark.skipif(shutil.which("node") is None, reason="the system has no node")
def test_without_node_modules(tmp_path, monkeypatch):
    monkeypatch.setattr(website, "MODULES", tmp_path)
    with pytest.raises(FileNotFoundError, match="npm ci --prefix tests/node"):
        website.build(tmp_path / "site", tmp_path / "no.whl")
    assert not (tmp_path / "site").exists()


def test_without_node(tmp_path, no_dot):
    with pytest.raises(FileNotFoundError, match=r"Node\.js is not installed"):
        website.build(tmp_path / "site", tmp_path / "no.whl")
