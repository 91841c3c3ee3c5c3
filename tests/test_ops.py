"""Tests of every row of the table: on floats, on Values, as formulas of formulas, as methods."""

import inspect
import math
from fractions import Fraction

import numpy as np
import pytest

import micrograd_bp as mb
import micrograd_bp.losses  # its rows are rows of the table
from micrograd_bp import OPS, Value, grad, no_grad

assert micrograd_bp.losses

ELSEWHERE = [(-2.5,), (-0.3,), (0.7,), (3.1,)]
EVERYWHERE = [*ELSEWHERE, (0.0,)]
POSITIVE = [(1e-6,), (0.3,), (1.0,), (7.5,)]
PAIRS = [(1.3, -0.4), (-2.0, 5.0), (0.0, 0.7), (2.5, 2.0)]
POWERS = [(1.3, -0.4), (2.0, 3.0), (0.5, 0.5), (7.0, -2.0), (1.0, 4.0), (3.0, 1.0)]
VECTORS = [(0.7,), (0.5, -0.25), (1.5, -2.0, 0.25), (0.3, 3.0, -1.0, 0.3, 2.0)]
# Operands, flat, where every row has a value and a slope, and no kink.
POINTS = dict.fromkeys(OPS, EVERYWHERE) | {
    **dict.fromkeys(("log", "sqrt"), POSITIVE),
    **dict.fromkeys(("abs", "relu"), ELSEWHERE),
    **dict.fromkeys(("add", "sub", "mul", "maximum", "minimum", "squared_error"), PAIRS),
    **dict.fromkeys(("sum", "prod", "logsumexp"), VECTORS),
    **dict.fromkeys(("pow", "dpower"), POWERS),
    "truediv": [(1.3, -0.4), (-2.0, 5.0), (0.0, 0.7), (2.5, 2.0)],
    "leaky_relu": [(1.3, 0.01), (-2.0, 0.2), (-0.3, 0.01), (2.5, 2.0)],
    "dot": [(2.0, 3.0, 0.5), (1.5, -2.0, 0.25, 4.0, -0.5), (1, 2, 3, -1, 0.5, 0.25, 0.1)],
    "mean_squared_error": [(0.7, -0.3), (1.5, -2.0, 0.25, 0.5)],
    "binary_cross_entropy": [(0.7, 0.0), (-1.5, 1.0), (1.3, 0.5, -0.4, 0.25, 1.0, 0.0)],
    "cross_entropy": [(0.7, 0.3, 0.0, 1.0), (1.5, -2.0, 0.25, 0.5, 0.25, 0.25)],
    "hinge": [(0.3, 1.0), (0.5, -1.0), (1.3, -0.4, -3.0, -1.0, 1.0, -1.0)],
    "l2": [(0.7, 0.1), (1.5, -2.0, 0.25, 2.0)],
    "softmax": [(0, 0.7), (1, 0.5, -0.25), (2, 1.5, -2.0, 0.25), (0, 0.3, 3.0, -1.0, 0.3)],
}
CASES = [pytest.param(name, p, id=f"{name}{p}") for name, ps in POINTS.items() for p in ps]


def call(name, operands):
    """The row's function on a flat list of operands."""
    op = OPS[name]
    return op(*op._group(operands))


def values(name, operands):
    """The operands as Values: all that have a derivative, which an index has not."""
    return [v if name == "softmax" and not k else Value(v) for k, v in enumerate(operands)]


def content(node):
    return node.data, node.op, node.operands, node.parents, node.local_derivatives


# ------------------------------------------------------------------ the faces of a row


@pytest.mark.parametrize(("name", "operands"), CASES)
def test_values_are_those_of_floats(name, operands):
    z = call(name, operands)
    assert type(z) is float
    node = call(name, values(name, operands))
    assert (node.data, node.op) == (z, name)
    assert math.copysign(1.0, node.data) == math.copysign(1.0, z)
    with no_grad():
        assert call(name, values(name, operands)).data == z


@pytest.mark.parametrize(("name", "operands"), CASES)
def test_recorded_derivatives_are_those_of_the_formulas(name, operands):
    given = values(name, operands)
    node = call(name, given)
    expected = OPS[name].derivatives(node.data, [float(v) for v in operands])
    expected = [d for d, v in zip(expected, given) if isinstance(v, Value)]
    assert [*node.local_derivatives] == expected
    assert node.parents == tuple(v for v in given if isinstance(v, Value))


@pytest.mark.parametrize(("name", "operands"), CASES)
def test_a_number_among_the_operands_takes_its_place(name, operands):
    every = call(name, values(name, operands))
    expected = iter(every.local_derivatives)
    for k, v in enumerate(every.operands):
        if not isinstance(v, Value):
            continue
        only = [Value(x) if j == k else x for j, x in enumerate(operands)]
        node = call(name, only)
        assert (node.data, node.parents) == (every.data, (only[k],))
        assert node.operands == tuple(only)
        assert node.local_derivatives == (next(expected),)


@pytest.mark.parametrize(("name", "operands"), CASES)
def test_formulas_on_values_are_those_on_floats(name, operands):
    node = call(name, values(name, operands))
    derivatives = grad(node, node.parents, create_graph=True)
    # The floats have kernels where Values have sums and products; hence not bit for bit.
    assert [d.data for d in derivatives] == pytest.approx(node.local_derivatives, rel=2e-15, abs=0)


# ------------------------------------------------------------------ what they take

UNARY = "exp log sqrt sin cos tan tanh sigmoid relu leaky_relu softplus erf gelu".split()
NUMBERS = [0.5, np.float64(0.5), np.float32(0.5), np.array(0.5), Fraction(1, 2)]
ONES = [1, True, np.int64(1), np.uint8(1), np.bool_(True), np.array(1)]


@pytest.mark.parametrize("name", UNARY)
def test_any_real_number(name):
    function = getattr(mb, name)
    assert {function(x) for x in NUMBERS} == {function(0.5)}
    assert {function(x) for x in ONES} == {function(1.0)}
    assert all(type(function(x)) is float for x in NUMBERS + ONES)


@pytest.mark.parametrize("number", NUMBERS + ONES)
@pytest.mark.parametrize(
    "f",
    [
        lambda x, v: v + x, lambda x, v: x + v, lambda x, v: v - x, lambda x, v: x - v,
        lambda x, v: v * x, lambda x, v: x * v, lambda x, v: v / x, lambda x, v: x / v,
        lambda x, v: v**x, lambda x, v: x**v, lambda x, v: mb.maximum(x, v),
        lambda x, v: mb.minimum(v, x), lambda x, v: mb.sum([x, v, v, x]),
        lambda x, v: mb.dot([v, x], [x, v], x), lambda x, v: mb.leaky_relu(v, x),
        lambda x, v: mb.softmax([x, v])[0], lambda x, v: mb.logsumexp([v, x, v]),
    ],
)  # fmt: skip
def test_any_real_number_beside_a_value(f, number):
    v = Value(3.0)
    node = f(number, v)
    assert content(node) == content(f(float(number), v))
    assert {type(x) for x in node.operands} <= {Value, float}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: mb.sum([]), 0.0),
        (lambda: mb.prod([]), 1.0),
        (lambda: mb.dot([], []), 0.0),
        (lambda: mb.dot([], [], 2), 2.0),
        (lambda: mb.softmax([]), []),
        (lambda: mb.sum([2]), 2.0),
        (lambda: mb.prod([2]), 2.0),
        (lambda: mb.logsumexp([2]), 2.0),
        (lambda: mb.softmax([2]), [1.0]),
        (lambda: mb.sum(range(5)), 10.0),
        (lambda: mb.prod(x for x in (2, 3, 4)), 24.0),
        (lambda: mb.sum({1.0: "a", 2.0: "b"}), 3.0),
        (lambda: mb.sum(np.array([1.0, 2.0, 3.5])), 6.5),
        (lambda: mb.sum([0.1] * 10), 1.0),
        (lambda: mb.dot((1, 2), np.array([3.0, 4.0]), 5), 16.0),
        (lambda: mb.logsumexp(iter([0, 0])), math.log(2.0)),
        (lambda: mb.logsumexp([1000, 1000]), 1000.0 + math.log(2.0)),
        (lambda: mb.softmax(x for x in (5, 5)), [0.5, 0.5]),
        (lambda: mb.softmax([1000, -1000]), [1.0, 0.0]),
        (lambda: mb.leaky_relu(-2.0), -0.02),
        (lambda: mb.leaky_relu(-2.0, 0.5), -1.0),
        (lambda: mb.leaky_relu(-2.0, slope=0.5), -1.0),
    ],
)
def test_functions_of_numbers(call, expected):
    assert call() == expected


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
@pytest.mark.parametrize(
    ("f", "value", "slopes"),
    [
        (mb.sum, lambda xs: sum(xs), lambda xs: [1.0] * len(xs)),
        (mb.prod, math.prod, lambda xs: [math.prod(xs) / x for x in xs]),
        (
            lambda vs: mb.dot([1.0, -2.0, 4.0, 0.5][: len([*(vs := [*vs])])], vs, 0.25),
            lambda xs: sum(w * x for w, x in zip([1.0, -2.0, 4.0, 0.5], xs)) + 0.25,
            lambda xs: [1.0, -2.0, 4.0, 0.5][: len(xs)],
        ),
    ],
)
def test_functions_of_many_values(f, value, slopes, count):
    xs = [0.5, -1.0, 2.0, 4.0][:count]
    vs = [*map(Value, xs)]
    for z in (f(vs), f(iter(vs)), f(tuple(vs))):
        assert float(z) == value(xs)
        if count:
            assert z.parents == tuple(vs)
            assert grad(z, vs) == slopes(xs)
            assert z.local_derivatives == tuple(slopes(xs))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_logsumexp_and_softmax(count):
    xs = [0.5, -1.0, 2.0, 4.0][:count]
    total = math.fsum(map(math.exp, xs))
    p = [math.exp(x) / total for x in xs]
    vs = [*map(Value, xs)]
    z = mb.logsumexp(v for v in vs)
    assert z.data == pytest.approx(math.log(total), rel=1e-15)
    assert z.local_derivatives == pytest.approx(p, rel=1e-15)
    outputs = mb.softmax(v for v in vs)
    assert [v.data for v in outputs] == pytest.approx(p, rel=1e-15)
    assert [v.op for v in outputs] == ["softmax"] * count
    for k, out in enumerate(outputs):
        assert out.parents == tuple(vs)
        expected = [p[k] * ((i == k) - p[i]) for i in range(count)]
        assert grad(out, vs) == pytest.approx(expected, rel=1e-12, abs=1e-17)


def test_a_neuron_is_one_node():
    w, x, b = [Value(0.5), Value(-0.25)], [Value(1.0), Value(2.0)], Value(0.5)
    z = mb.dot(w, x, b)
    assert z.parents == (*w, *x, b)
    assert z.local_derivatives == (1.0, 2.0, 0.5, -0.25, 1.0)


@pytest.mark.parametrize(("n", "m"), [(1, 2), (3, 0), (0, 1)])
def test_a_dot_of_two_lengths(n, m):
    with pytest.raises(ValueError, match=f"dot: {n} weights but {m} inputs"):
        mb.dot([Value(1.0)] * n, [1.0] * m)


# ------------------------------------------------------------------ methods

OPERATORS = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "truediv": lambda x, y: x / y,
    "pow": lambda x, y: x**y,
}
METHODS = [name for name in UNARY if name != "leaky_relu"]


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("point", POWERS)
def test_operators_are_their_rows(name, point):
    f = OPERATORS[name]
    x, y = map(Value, point)
    for left, right in ((x, y), (x, point[1]), (point[0], y), (x, x)):
        assert content(f(left, right)) == content(OPS[name](left, right))


@pytest.mark.parametrize(("f", "name"), [(abs, "abs"), (lambda x: -x, "neg")])
@pytest.mark.parametrize("x", [-2.0, 0.0, 3.5])
def test_signs_are_their_rows(f, name, x):
    v = Value(x)
    assert content(f(v)) == content(OPS[name](v))


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("x", [0.3, 1.0, 7.5])
def test_methods_are_the_functions(name, x):
    v = Value(x)
    assert content(getattr(v, name)()) == content(getattr(mb, name)(v))


@pytest.mark.parametrize("x", [-2.0, 0.0, 3.0])
def test_leaky_relu_is_its_function(x):
    v = Value(x)
    assert content(v.leaky_relu(0.3)) == content(v.leaky_relu(slope=0.3))
    assert content(v.leaky_relu(0.3)) == content(mb.leaky_relu(v, 0.3))


FAST = [name for name, op in OPS.items() if op.fast]
GENERATED = [
    *((name, getattr(Value, name)) for name in METHODS),
    *((m, getattr(Value, m)) for n in OPERATORS for m in (f"__{n}__", f"__r{n}__")),
    *((f"__{n}__", getattr(Value, f"__{n}__")) for n in ("neg", "abs")),
    *((name, fast) for name in FAST for fast in OPS[name].fast),
]


@pytest.mark.parametrize(("name", "function"), GENERATED)
def test_generated_methods_have_source_and_documentation(name, function):
    source = inspect.getsource(function)
    method = function.__name__
    assert source.startswith(f"def {method}(")
    assert method in (name, f"{name}_of_numbers")
    assert function.__qualname__ == f"Value.{method}"
    op = OPS[name.strip("_")] if name.strip("_") in OPS else OPS[name.strip("_")[1:]]
    assert repr(op) == inspect.getdoc(function)
    assert op.value in source
    numbers = method.endswith("_of_numbers")
    assert numbers or all(formula in source for formula in op.partials)
    assert op.partials[0] in source


def test_generated_methods_are_all_there():
    made = {n for n, f in vars(Value).items() if getattr(f, "__code__", None)}
    assert {name for name, _ in GENERATED} - made == {*FAST}
    assert [name for name in OPS if OPS[name].vectors and name != "softmax"] == FAST


def test_tracebacks_quote_the_method():
    with pytest.raises(ValueError, match=r"log: no value at x = -1\.0") as caught:
        Value(-1.0).log()
    entry = caught.traceback[-1]
    assert "raise op.undefined(error, (self,)) from None" in str(entry.statement)
