"""Random expressions over the whole table: all ways to their gradients, all ways to write them."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import micrograd_bp as mb
import micrograd_bp.losses  # its rows are rows of the table
from micrograd_bp import OPS, Value, differences, grad, no_grad, topological_order
from micrograd_bp.check import check_graph
from micrograd_bp.directional import hvp, jvp

PROPERTY = settings(derandomize=True, deadline=None, max_examples=60, database=None)
assert micrograd_bp.losses
PACKAGE = {*OPS}  # without the rows that examples add


def bounded(x):
    """Somewhere in (-3, 3), smoothly, whatever x is: so every expression has a value."""
    return 3.0 * mb.tanh(x / 3.0)


def positive(x):
    return mb.exp(bounded(x) / 2.0)


UNARY = ["neg", "exp", "sin", "cos", "tanh", "sigmoid", "softplus", "erf", "gelu", "sech2",
         "dsigmoid", "derf", "normal_cdf", "normal_pdf"]  # fmt: skip
BUILD = {  # of three nodes
    **{name: (lambda x, y, w, op=OPS[name]: op(bounded(x))) for name in UNARY},
    "add": lambda x, y, w: x + y,
    "sub": lambda x, y, w: x - y,
    "mul": lambda x, y, w: x * bounded(y),
    "truediv": lambda x, y, w: x / positive(y),
    "pow": lambda x, y, w: positive(x) ** bounded(y),
    "square": lambda x, y, w: bounded(x) ** 2,
    "dpower": lambda x, y, w: OPS["dpower"](positive(x), bounded(y)),
    "log": lambda x, y, w: positive(x).log(),
    "sqrt": lambda x, y, w: positive(x).sqrt(),
    "tan": lambda x, y, w: (bounded(x) / 3.0).tan(),
    "abs": lambda x, y, w: abs(x),
    "relu": lambda x, y, w: x.relu(),
    "leaky_relu": lambda x, y, w: mb.leaky_relu(x, bounded(y)),
    "maximum": lambda x, y, w: mb.maximum(x, y),
    "minimum": lambda x, y, w: mb.minimum(x, 0.25),
    "sum": lambda x, y, w: mb.sum([x, y, w, x]),
    "prod": lambda x, y, w: mb.prod([bounded(x), bounded(y), bounded(w)]),
    "dot": lambda x, y, w: mb.dot([x, 0.5], [bounded(y), w], w),
    "logsumexp": lambda x, y, w: mb.logsumexp([bounded(x), y, bounded(w)]),
    "softmax": lambda x, y, w: mb.softmax([x, bounded(y), w])[1],
    "squared_error": lambda x, y, w: OPS["squared_error"](bounded(x), y),
    "mean_squared_error": lambda x, y, w: OPS["mean_squared_error"]([bounded(x), y], [w, 0.5]),
    "binary_cross_entropy": lambda x, y, w: OPS["binary_cross_entropy"]([x, y], [w.sigmoid(), 1]),
    "cross_entropy": lambda x, y, w: OPS["cross_entropy"]([x, bounded(y)], [w.sigmoid(), 0.5]),
    "hinge": lambda x, y, w: OPS["hinge"]([x, y], [bounded(w), -1.0]),
    "l2": lambda x, y, w: OPS["l2"]([bounded(x), bounded(y)], bounded(w)),
}


def test_every_row_takes_part():
    assert {*BUILD} - {"square"} == PACKAGE


PLANS = st.lists(
    st.tuples(st.sampled_from(sorted(BUILD)), *[st.integers(0, 30)] * 3), min_size=1, max_size=14
)
NUMBERS = st.floats(-2.0, 2.0).map(lambda x: round(x, 3) + 0.0007)  # kinks at 0 and ¼ are rare
POINTS = st.lists(NUMBERS, min_size=3, max_size=3, unique=True)


def follow(plan, xs):
    """The value of a plan: each step takes three of the nodes so far, the last ones more often."""
    nodes = [*xs]
    for name, *chosen in plan:
        nodes.append(BUILD[name](*(nodes[-1 - k % len(nodes)] for k in chosen)))
    return mb.sum([bounded(v) for v in nodes[3:]]) + nodes[-1] * 0.5


def close(a, b):
    return a == pytest.approx(b, rel=1e-11, abs=1e-11)


@PROPERTY
@given(PLANS, POINTS)
def test_gradients_agree_with_differences(plan, point):
    xs = [*map(Value, point)]
    z = follow(plan, xs)
    found = grad(z, xs)
    for k, x in enumerate(point):

        def along(t, k=k):
            with no_grad():
                return follow(plan, [Value(t if j == k else p) for j, p in enumerate(point)]).data

        estimate = differences.second_opinion(along, x, found[k])
        assert estimate.allows(found[k]), (found[k], estimate)


@PROPERTY
@given(PLANS, POINTS)
def test_all_ways_to_a_gradient_agree(plan, point):
    xs = [*map(Value, point)]
    z = follow(plan, xs)
    found = grad(z, xs)
    z.backward()
    assert close([x.grad for x in xs], found)
    assert close([d.data for d in grad(z, xs, create_graph=True)], found)
    assert close(jvp(z, xs, [1.0, -2.0, 0.5]), found[0] - 2.0 * found[1] + 0.5 * found[2])
    report = check_graph(z)
    assert report.ok, str(report)


@PROPERTY
@given(PLANS, POINTS)
def test_intermediate_gradients_agree(plan, point):
    z = follow(plan, [*map(Value, point)])
    order = topological_order(z)
    z.backward()
    assert close(grad(z, order), [v.grad for v in order])


@settings(PROPERTY, max_examples=20)
@given(PLANS.filter(lambda plan: len(plan) <= 6), POINTS)
def test_second_derivatives_agree(plan, point):
    xs = [*map(Value, point)]
    z = follow(plan, xs)
    h = mb.hessian(z, xs)
    scale = 1.0 + max(abs(v) for row in h for v in row)
    for i in range(3):
        for j in range(3):
            assert h[i][j] == pytest.approx(h[j][i], rel=1e-9, abs=1e-9 * scale)
    product = hvp(z, xs, [1.0, -2.0, 0.5])
    expected = [row[0] - 2.0 * row[1] + 0.5 * row[2] for row in h]
    assert product == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)


# ------------------------------------------------------------------ the same, written otherwise


def softmax_written_out(values):
    total = mb.logsumexp(values)
    return [mb.exp(v - total) for v in values]


REWRITTEN = [  # two ways to write one function of x, y, w
    (lambda x, y, w: x - y, lambda x, y, w: x + (-y)),
    (lambda x, y, w: x / positive(y), lambda x, y, w: x * positive(y) ** -1),
    (lambda x, y, w: x / positive(y), lambda x, y, w: (x.data * 0 + x) * (1.0 / positive(y))),
    (lambda x, y, w: x * x, lambda x, y, w: x**2),
    (lambda x, y, w: x * x * x, lambda x, y, w: mb.prod([x, x, x])),
    (lambda x, y, w: positive(x) ** y, lambda x, y, w: mb.exp(y * mb.log(positive(x)))),
    (
        lambda x, y, w: positive(x) ** positive(x),
        lambda x, y, w: mb.exp(positive(x) * bounded(x) / 2),
    ),
    (lambda x, y, w: mb.sqrt(positive(x)), lambda x, y, w: positive(x) ** 0.5),
    (lambda x, y, w: x / positive(x) - x, lambda x, y, w: x * (1 / positive(x) - 1)),
    (lambda x, y, w: x / x, lambda x, y, w: x * 0.0 + 1.0),
    (lambda x, y, w: x + x + x, lambda x, y, w: 3 * x),
    (lambda x, y, w: mb.sum([x, y, w, x]), lambda x, y, w: x + y + w + x),
    (lambda x, y, w: mb.prod([x, y, w, x]), lambda x, y, w: x * y * w * x),
    (lambda x, y, w: mb.dot([x, y], [w, x], y), lambda x, y, w: x * w + y * x + y),
    (lambda x, y, w: mb.dot([x] * 3, [y] * 3, w), lambda x, y, w: mb.sum([x * y] * 3) + w),
    (lambda x, y, w: mb.softmax([x, y, w])[0], lambda x, y, w: softmax_written_out([x, y, w])[0]),
    (lambda x, y, w: mb.softmax([x, y, x])[1], lambda x, y, w: softmax_written_out([x, y, x])[1]),
    (
        lambda x, y, w: mb.logsumexp([x, y, w]),
        lambda x, y, w: mb.log(mb.exp(x) + mb.exp(y) + mb.exp(w)),
    ),
    (lambda x, y, w: mb.logsumexp([x, 0]), lambda x, y, w: mb.softplus(x)),
    (lambda x, y, w: mb.softmax([x, 0])[0], lambda x, y, w: mb.sigmoid(x)),
    (lambda x, y, w: mb.softplus(x), lambda x, y, w: mb.log(1 + mb.exp(x))),
    (lambda x, y, w: mb.sigmoid(x), lambda x, y, w: 1 / (1 + mb.exp(-x))),
    (lambda x, y, w: mb.sigmoid(x), lambda x, y, w: 0.5 + 0.5 * mb.tanh(x / 2)),
    (lambda x, y, w: mb.tanh(x), lambda x, y, w: (mb.exp(2 * x) - 1) / (mb.exp(2 * x) + 1)),
    (lambda x, y, w: mb.tan(x / 3), lambda x, y, w: mb.sin(x / 3) / mb.cos(x / 3)),
    (lambda x, y, w: mb.cos(x), lambda x, y, w: 1 - 2 * mb.sin(x / 2) ** 2),
    (lambda x, y, w: mb.gelu(x), lambda x, y, w: x * 0.5 * (1 + mb.erf(x / math.sqrt(2)))),
    (lambda x, y, w: mb.relu(x), lambda x, y, w: mb.maximum(x, 0)),
    (lambda x, y, w: abs(x), lambda x, y, w: mb.relu(x) + mb.relu(-x)),
    (lambda x, y, w: mb.leaky_relu(x, y), lambda x, y, w: mb.relu(x) - y * mb.relu(-x)),
    (lambda x, y, w: mb.minimum(x, y), lambda x, y, w: -mb.maximum(-x, -y)),
    (lambda x, y, w: mb.maximum(x, y), lambda x, y, w: (x + y + abs(x - y)) / 2),
    (lambda x, y, w: OPS["squared_error"](x, y), lambda x, y, w: 0.5 * (x - y) * (x - y)),
    (lambda x, y, w: OPS["dpower"](positive(x), y), lambda x, y, w: y * positive(x) ** (y - 1)),
    (lambda x, y, w: OPS["sech2"](x), lambda x, y, w: 1 - mb.tanh(x) ** 2),
    (lambda x, y, w: OPS["dsigmoid"](x), lambda x, y, w: mb.sigmoid(x) * mb.sigmoid(-x)),
    (lambda x, y, w: OPS["normal_cdf"](x), lambda x, y, w: 0.5 * (1 + mb.erf(x / math.sqrt(2)))),
    (
        lambda x, y, w: OPS["normal_pdf"](x),
        lambda x, y, w: mb.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    ),
    (
        lambda x, y, w: OPS["derf"](x),
        lambda x, y, w: 2 / math.sqrt(math.pi) * mb.exp(-x * x),
    ),
]


@pytest.mark.parametrize(("one", "other"), REWRITTEN)
def test_a_function_rewritten(one, other):
    @settings(PROPERTY, max_examples=15)
    @given(POINTS)
    def check(point):
        xs = [*map(Value, point)]
        z, rewritten = one(*xs), other(*xs)
        assert close(z.data, rewritten.data)
        assert grad(z, xs) == pytest.approx(grad(rewritten, xs), rel=1e-9, abs=1e-10)
        for row, expected in zip(mb.hessian(z, xs), mb.hessian(rewritten, xs)):
            assert row == pytest.approx(expected, rel=1e-8, abs=1e-8)

    check()


# ------------------------------------------------------------------ the order of construction


@PROPERTY
@given(PLANS, POINTS, st.integers(0, 1000))
def test_the_order_of_construction_does_not_matter(plan, point, seed):
    """Steps in any order in which each comes behind those it needs."""
    steps = [(name, [(n + 2 - k % (n + 3)) for k in ks]) for n, (name, *ks) in enumerate(plan)]
    results = []
    for shuffled in (False, True):
        rng = random.Random(seed)
        nodes = {k: Value(x) for k, x in enumerate(point)}
        waiting = [*enumerate(steps, 3)]
        while waiting:
            ready = [s for s in waiting if all(k in nodes for k in s[1][1])]
            place, (name, chosen) = rng.choice(ready) if shuffled else ready[0]
            nodes[place] = BUILD[name](*(nodes[k] for k in chosen))
            waiting.remove((place, (name, chosen)))
        z = mb.sum([bounded(nodes[k]) for k in sorted(nodes)])
        z.backward()
        values = [nodes[k].data for k in sorted(nodes)]
        gradients = [nodes[k].grad for k in sorted(nodes)]
        results.append((z.data, values, gradients))
    assert results[0] == results[1]


def test_operands_in_another_order():
    x, y, w = map(Value, (0.1, 0.2, 0.3))
    one, other = mb.sum([x, y, w, x * y]), mb.sum([x * y, w, x, y])
    assert one.data == other.data
    assert grad(one, [x, y, w]) == grad(other, [x, y, w])
