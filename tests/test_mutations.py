"""Every formula of the table with its sign flipped, or a digit lost, is caught by the checks."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import oracle
import pytest
from test_ops import POINTS, values

import micrograd_bp
from micrograd_bp import OPS, Value, differences, grad, table
from micrograd_bp.check import check_graph, gradcheck
from micrograd_bp.table import Op

PARTIALS = [
    (name, k)
    for name in POINTS
    for k in range(len(OPS[name].partials))
    if (name, k) != ("softmax", 0)
]
IDS = [f"{name}-{OPS[name].names[k].strip('*')}" for name, k in PARTIALS]
SIGN = {False: "-({})", True: "[-d for d in ({})]"}
DIGIT = {False: "({}) * 1.0001", True: "[d * 1.0001 for d in ({})]"}


@pytest.fixture
def in_table(monkeypatch):
    """Puts a row into the place of the one of its name."""

    def put(op):
        monkeypatch.setitem(OPS, op.name, op)
        monkeypatch.setitem(table.MIXED, op.name, op)
        return op

    return put


def mutant(name, k, how):
    op = OPS[name]
    partials = [*op.partials]
    partials[k] = how["*" in op.names[k]].format(partials[k])
    return Op(name, op.signature, op.value, tuple(partials), op.symbol, op.domain)


def slow(op):
    """The row as a function of its operands, by its formulas alone: methods have them built in."""
    return lambda *operands: op(*op._group(operands)) if op.vectors else op(*operands)


def touched(op, k, operands):
    """The flat places of its kth operand."""
    groups = op._group([*range(len(operands))])
    return groups[k] if isinstance(groups[k], list) else [groups[k]]


def caught_by_gradcheck(op, k, operands):
    """Whether a derivative by operand k is WRONG, and none by another."""
    free = [j for j, v in enumerate(values(op.name, operands)) if isinstance(v, Value)]

    def f(*vs):
        rest = iter(vs)
        return slow(op)(*(next(rest) if j in free else x for j, x in enumerate(operands)))

    report = gradcheck(f, [operands[j] for j in free])
    wrong = {free[d.inputs[0]] for d in report.derivatives if not d.ok}
    assert wrong <= {*touched(op, k, operands)}
    return bool(wrong)


@pytest.fixture(autouse=True)
def _no_methods_for_vectors(monkeypatch):
    for op in OPS.values():
        monkeypatch.setitem(vars(op), "fast", ())


@pytest.mark.parametrize(("name", "k"), PARTIALS, ids=IDS)
def test_gradcheck_finds_a_sign(name, k, in_table):
    true = OPS[name]
    assert not any(caught_by_gradcheck(true, k, point) for point in POINTS[name])
    op = in_table(mutant(name, k, SIGN))
    assert any(caught_by_gradcheck(op, k, point) for point in POINTS[name])


@pytest.mark.parametrize(("name", "k"), PARTIALS, ids=IDS)
def test_check_graph_finds_a_sign(name, k, in_table):
    op = in_table(mutant(name, k, SIGN))
    found = []
    for point in POINTS[name]:
        vs = [Value(x) if isinstance(v, Value) else x for x, v in zip(point, values(name, point))]
        root = slow(op)(*vs)
        report = check_graph(root.tanh() if root.data else root)
        found += [fault.node for fault in report.faults]
        assert all(node.op == name for node in found)
    assert found


@pytest.mark.parametrize(("name", "k"), PARTIALS, ids=IDS)
def test_check_graph_finds_what_the_graph_had_recorded_before(name, k, in_table):
    """The graph is right, and the formula has changed since."""
    graphs = [slow(OPS[name])(*values(name, point)) for point in POINTS[name]]
    assert all(map(check_graph, graphs))
    in_table(mutant(name, k, SIGN))
    assert not all(map(check_graph, graphs))


@pytest.mark.parametrize(("name", "k"), PARTIALS, ids=IDS)
@pytest.mark.parametrize("how", [SIGN, DIGIT], ids=["sign", "digit"])
def test_the_accuracy_oracle_finds_it(name, k, how):
    op = mutant(name, k, how)
    worst = 0.0
    for point in POINTS[name]:
        derivatives = op.derivatives(op.evaluate(point, point), [*map(float, point)])
        for j in touched(op, k, point):
            worst = max(worst, oracle.ulps(derivatives[j], oracle.derivative(name, point, j)))
    assert worst > 1e3


@pytest.mark.parametrize(("name", "k"), PARTIALS, ids=IDS)
def test_gradcheck_finds_a_ten_thousandth(name, k, in_table):
    op = in_table(mutant(name, k, DIGIT))
    assert any(caught_by_gradcheck(op, k, point) for point in POINTS[name])


@pytest.mark.parametrize(("name", "k"), PARTIALS, ids=IDS)
def test_grad_of_grad_shows_a_sign_in_a_formula_on_values(name, k, monkeypatch):
    """What `test_ops` compares, the formulas on floats and on Values, is no longer equal."""
    op = OPS[name]
    mixed = [*op._partials[True]]
    mixed[k] = mutant(name, k, SIGN)._partials[True][k]
    monkeypatch.setitem(op._partials, True, mixed)
    found = []
    for point in POINTS[name]:
        node = op(*op._group(values(name, point)))
        again = [d.data for d in grad(node, node.parents, create_graph=True)]
        found.append(again == pytest.approx(node.local_derivatives, rel=1e-9, abs=0))
    assert not all(found)


def test_the_slopes_themselves_know_nothing_of_the_table(in_table):
    in_table(mutant("sin", 0, SIGN))
    assert differences.slope(OPS["sin"], 0.5).allows(math.cos(0.5))


# ------------------------------------------------------------------ the suite itself

HERE, PACKAGE = Path(__file__).parent, Path(micrograd_bp.__file__).parent


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("mul", '"x * y",       "y",       "x"', '"x * y",       "-y",       "x"'),
        ("tanh", '"tanh(x)",            "sech2(x)"', '"tanh(x)", "-sech2(x)"'),
        ("dot", '"xs", "ws", "1.0"', '"xs", "ws", "-1.0"'),
    ],
)
def test_the_suite_fails_with_a_wrong_sign(name, right, wrong, tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "micrograd_bp", ignore=ignored)
    ops = tmp_path / "micrograd_bp" / "ops.py"
    text = ops.read_text(encoding="utf-8")
    assert text.count(right) == 1
    ops.write_text(text.replace(right, wrong), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-c", os.devnull,
         "--rootdir", HERE, HERE / "test_accuracy.py", "-k", f"[{name}]"],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
