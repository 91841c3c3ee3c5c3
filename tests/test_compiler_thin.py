"""Tests of thin graphs in Numba: the numbers and errors of the plain loop, and of the engine."""

import math
from importlib.util import find_spec

import numpy as np
import pytest
from test_compiler import agrees_as, close, numbers, random_graph, recorded, values

import micrograd_bp as mb
from micrograd_bp import compiler_thin, losses, nn
from micrograd_bp.compiler import compile

pytestmark = pytest.mark.skipif(
    find_spec("numba") is None, reason="pip install 'micrograd_bp[numba]'"
)


@pytest.fixture
def loops(monkeypatch):
    """All graphs are thin; a list of what Numba made of each: its loops, or None."""
    made, original = [], compiler_thin._by_numba

    def spied(text, rows):
        made.append(original(text, rows))
        return made[-1]

    monkeypatch.setattr(compiler_thin, "pays", lambda *sizes: True)
    monkeypatch.setattr(compiler_thin, "_by_numba", spied)
    return made


def by_both(loss, inputs, wrt=()):
    """Compile with Numba and without: the engine's numbers, and those of each other."""
    program = agrees_as(loss, inputs, wrt)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler_thin, "has_numba", lambda: False)
        plain = agrees_as(loss, inputs, wrt)
    given = [0.9 * np.array(numbers(part)) for part in inputs]
    (value, gradients), (expected, wanted) = program(*given), plain(*given)
    close(value, expected)
    scale = max(np.max(np.abs(g), initial=0.0) for g in wanted)
    for g, h in zip(gradients, wanted):
        close(g, h, scale)
    return program


ARITHMETIC = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: abs(a) ** b,
    "cube": lambda a, b: a**3 + b,
    "neg": lambda a, b: -a + b,
    "abs": lambda a, b: abs(a) * b,
    "maximum": mb.maximum,
    "minimum": mb.minimum,
    "tie": lambda a, b: mb.maximum(a, a) + mb.minimum(b, b),
    "leaky_relu": lambda a, b: mb.leaky_relu(a, 0.1) + b,
    "logs": lambda a, b: mb.log(abs(a) + 0.5) * mb.sqrt(abs(b) + 0.5),
    "sum": lambda a, b: mb.sum([a, b, 0.5, a]),
    "dot": lambda a, b: mb.dot([a, b, a], [b, b, 2.0], a),
    "squared_error": losses.squared_error,
}
UNARY = "cos erf exp gelu relu sigmoid sin softplus tan tanh".split()
EVERY = ARITHMETIC | {op: lambda a, b, op=op: getattr(a, op)() * b for op in UNARY}


def test_every_operation_with_one_formula(loops):
    """All in one graph, as Numba takes a second for each set of operations."""
    points = values([[0.3, -0.8], [-0.8, 1.4], [1.4, 0.3], [-6.0, 2.5]])
    C = mb.sum([f(*point) for f in EVERY.values() for point in points])
    by_both(C, [points])
    assert None not in loops


def test_far_from_zero(loops):
    """Where a careless formula would overflow, or cancel."""
    x = values([-700.0, -40.0, -9.0, 9.0, 40.0, 700.0])
    ops = mb.sigmoid, mb.softplus, mb.gelu, mb.tanh, mb.erf
    by_both(mb.sum([op(v) * (k + 1.0) for v in x for k, op in enumerate(ops)]), [x])
    assert None not in loops


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_perceptrons(activation, loops):
    assert activation in nn.ACTIVATIONS
    model = mb.MLP(2, [4, 3, 1], activation, seed=1)
    C, inputs = recorded(model, "mean_squared_error", fused=False)
    by_both(C, inputs, [[n.w for n in layer.neurons] for layer in model.layers])
    assert None not in loops


@pytest.mark.parametrize("seed", range(6))
def test_random_graphs(seed, loops):
    C, inputs = random_graph(seed, 60, 5)
    by_both(C, [inputs])
    assert loops


def test_what_is_beyond_numba_runs_in_python(loops):
    x = values([0.3, -0.8, 1.4])
    by_both(mb.logsumexp(x) * mb.prod(x), [x])
    twice = mb.operation("twice(x)", lambda x: 2.0 * x, "2.0")
    by_both(twice(x[0]) * x[1], [x])
    assert loops == [None, None]


def test_an_operation_of_ones_own(loops):
    bump = mb.operation("bump(x, y)", "exp(-x * x) * y", "-2.0 * x * z", "exp(-x * x)")
    x = values([0.3, -0.8])
    by_both(bump(*x) * x[0], [x])
    assert None not in loops


def test_a_recurrence():
    """Long and thin, so that it goes to Numba by itself."""
    h, w, x = mb.Value(0.5), mb.Value(0.9), values(np.linspace(-1.0, 1.0, 5_000))
    start = h
    for v in x:
        h = mb.tanh(w * h + v)
    program = compile(h, [x], wrt=[w, start])
    machine = program._machines[1]
    assert machine.source.startswith("def forward(")
    value, gradients = program(numbers(x))
    close(value, h.data)
    close(gradients, mb.grad(h, [w, start]))


def test_runs_do_not_leave_anything_behind(loops):
    x, y = values([0.3, -0.8]), mb.Value(2.0)
    program = compile(mb.exp(x[0]) * x[1] + y * x[0], [x], wrt=[y, x])
    first, gradients = program([0.3, -0.8])
    kept = [np.copy(g) for g in gradients]
    program.parameters[0][...] = 3.0
    second, _ = program([1.0, 1.0])
    close(second, math.e + 3.0)
    program.parameters[0][...] = 2.0
    assert all(np.array_equal(g, k) for g, k in zip(gradients, kept))
    assert program([0.3, -0.8])[0] == first


@pytest.mark.parametrize(
    ("f", "at", "error", "message"),
    [
        (mb.log, -1.0, ValueError, r"log: no value at x = -1.0 \(node 'a'\)"),
        (mb.log, 0.0, ValueError, r"log: no value at x = 0\.0"),
        (mb.sqrt, -1.0, ValueError, r"sqrt: no value at x = -1.0"),
        (mb.exp, 800.0, OverflowError, "exp: too large for a float64"),
        (lambda a: 1.0 / a, 0.0, ZeroDivisionError, "div"),
        (lambda a: a**0.5, -1.0, ValueError, "pow"),
    ],
)
def test_errors_are_the_engines(f, at, error, message, loops):
    a = mb.Value(2.0, "a")
    program = compile(mb.relu(f(a)) * 1.5, [a], wrt=a)
    assert None not in loops
    with pytest.raises(error, match=message):
        program(at)
    assert program.check(2.0) < 1e-12  # and it goes on


def test_an_infinite_derivative_is_the_engines(loops):
    x = mb.Value(1.0)
    assert compile(mb.sqrt(x) + 0.0, [x], wrt=x)(0.0) == (0.0, math.inf)
    assert None not in loops
