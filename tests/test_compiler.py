"""Tests of compiled programs: the engine's values and gradients, to 1e-12, for any numbers."""

import math
import random
import re
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import micrograd_bp as mb
from micrograd_bp import losses, nn
from micrograd_bp.compiler import Program, compile

RTOL = 1e-12


def values(array):
    """An array as nested lists of Values."""
    array = np.asarray(array, float)
    return mb.Value(float(array)) if array.ndim == 0 else [values(part) for part in array]


def flat(nested):
    return [nested] if isinstance(nested, mb.Value) else [v for part in nested for v in flat(part)]


def numbers(nested):
    return nested.data if isinstance(nested, mb.Value) else [numbers(part) for part in nested]


def close(found, expected, scale=0.0):
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape
    scale = max(scale, np.max(np.abs(expected), initial=0.0))
    assert np.max(np.abs(found - expected), initial=0.0) <= RTOL * scale


@pytest.fixture
def as_arrays(monkeypatch):
    """No graph is thin."""
    monkeypatch.setattr("micrograd_bp.compiler_thin.pays", lambda *sizes: False)


def agrees(loss, inputs, wrt=(), **other):
    """`agrees_as` of both kinds of programs: of arrays, and number by number.

    The latter without Numba, which takes a second for each set of operations: it has a file of
    tests of its own.
    """
    with (
        mock.patch("micrograd_bp.compiler_thin.pays", return_value=True),
        mock.patch("micrograd_bp.compiler_thin.has_numba", return_value=False),
    ):
        agrees_as(loss, inputs, wrt, **other)
    with mock.patch("micrograd_bp.compiler_thin.pays", return_value=False):
        return agrees_as(loss, inputs, wrt, **other)


def agrees_as(loss, inputs, wrt=(), **other):
    """Compile, run with the numbers it was recorded with, and compare with the engine."""
    program = compile(loss, inputs, wrt=[*wrt, *inputs], **other)
    value, gradients = program(*map(numbers, inputs))
    terms = max((abs(v.data) for v in loss.parents), default=0.0)  # they may cancel
    close(value, loss.data, terms)
    expected = [mb.grad(loss, flat(part)) for part in (*wrt, *inputs)]
    for found, wanted in zip(gradients, expected):
        close(np.ravel(found), wanted)
    read = program._function(np)  # the text itself, run
    value, gradients = read(program.parameters, *map(numbers, inputs))
    close(value, loss.data, terms)
    for found, wanted in zip(gradients, expected):
        close(np.ravel(found), wanted)
    return program


def recorded(model, loss, n=12, fused=True):
    """A loss of `model` over n examples: (loss, inputs)."""
    rng = np.random.default_rng(0)
    width = len(model.layers[0].neurons[0].w)
    X = values(rng.normal(size=(n, width)))
    outputs = [model(x) for x in X]
    if loss == "cross_entropy":
        terms = [losses.cross_entropy(q, k % len(q), fused) for k, q in enumerate(outputs)]
        return sum(terms) / n + losses.l2(model.parameters(), 0.01, fused), [X]
    targets = rng.choice([-1.0, 1.0], n) if loss == "hinge" else rng.normal(size=n)
    Y = values(targets)
    C = getattr(losses, loss)(outputs, Y, fused)
    return C + losses.l2(model.parameters(), 0.01, fused), [X, Y]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("loss", ["hinge", "mean_squared_error", "cross_entropy"])
@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
def test_perceptrons(activation, loss, fused):
    outputs = 3 if loss == "cross_entropy" else 1
    model = mb.MLP(2, [4, 3, outputs], activation, seed=1, fused=fused)
    C, inputs = recorded(model, loss, fused=fused)
    wrt = [part for layer in model.layers for n in layer.neurons for part in (n.w, [n.b])]
    agrees(C, inputs, wrt)
    program = compile(C, inputs, wrt=model)
    program(*map(numbers, inputs))
    other = [np.random.default_rng(1).normal(size=np.shape(numbers(part))) for part in inputs]
    assert program.check(*other) < RTOL


def test_the_gradients_have_the_shapes_of_the_parameters():
    model = mb.MLP(2, [3, 1], seed=0)
    C, inputs = recorded(model, "hinge")
    program = compile(C, inputs, wrt=model)
    _, gradients = program(*map(numbers, inputs))
    assert [(W.shape, b.shape) for W, b in gradients] == [((3, 2), (3,)), ((1, 3), (1,))]
    assert [(W.shape, b.shape) for W, b in program.parameters] == [((3, 2), (3,)), ((1, 3), (1,))]


def test_parameters_change_in_place_and_go_back():
    model = mb.MLP(2, [3, 1], "tanh", seed=0)
    C, inputs = recorded(model, "mean_squared_error")
    program = compile(C, inputs, wrt=model)
    before = [v.data for v in model.parameters()]
    first, gradients = program(*map(numbers, inputs))
    kept = [W.copy() for W, _ in gradients]
    for pair, slopes in zip(program.parameters, gradients):
        for parameter, slope in zip(pair, slopes):
            parameter -= 0.1 * slope
    second, _ = program(*map(numbers, inputs))
    assert second < first == C.data or second < first
    assert [v.data for v in model.parameters()] == before
    assert all(np.array_equal(W, k) for (W, _), k in zip(gradients, kept))
    program.write_back()
    assert [v.data for v in model.parameters()] != before
    W, b = program.parameters[0]
    assert [[w.data for w in n.w] for n in model.layers[0].neurons] == W.tolist()
    assert [n.b.data for n in model.layers[0].neurons] == b.tolist()
    again = [model([v.data for v in x]) for x in inputs[0]]
    C2 = losses.mean_squared_error(again, [t.data for t in inputs[1]])
    close((C2 + losses.l2(model.parameters(), 0.01)).data, second)


@pytest.mark.parametrize("mode", ["sum", "mean", "each", True])
@pytest.mark.parametrize("sizes", [(3, 4, 3), (3, 4, 1), (1, 1, 2), (3, 2, 2, 2)])
def test_one_example_over_a_batch(sizes, mode):
    model = mb.MLP(sizes[0], sizes[1:], "tanh", seed=1)
    x = values([0.1] * sizes[0])
    y = values([0.2] * sizes[-1])

    def record(x, y):
        outputs = model(x)
        outputs = [outputs] if isinstance(outputs, mb.Value) else outputs
        return losses.mean_squared_error(outputs, y) + losses.l2(model.parameters(), 0.1)

    program = compile(record(x, y), [x, y], wrt=[model, x], batch=mode)
    rng = np.random.default_rng(2)
    for n in (5, 1, 2):
        X, Y = rng.normal(size=(n, sizes[0])), rng.normal(size=(n, sizes[-1]))
        assert program.check(X, Y) < RTOL
        assert program.check(X, Y, rebuild=record) < RTOL
        value, (layers, d_x) = program(X, Y)
        read, (again, _) = program._function(np)(program.parameters, X, Y)
        close(read, value)
        close(again[0][0], layers[0][0])
        lead = (n,) if mode == "each" else ()
        assert np.shape(value) == lead
        assert d_x.shape == X.shape
        assert layers[0][0].shape == (*lead, sizes[1], sizes[0])


def test_shared_weights_duplicates_and_inputs_used_twice():
    w, b = values([0.3, -0.2, 0.5]), mb.Value(0.1)
    X = values(np.random.default_rng(0).normal(size=(4, 5)))
    rows = [[mb.tanh(mb.dot(w, x[k : k + 3], b)) for k in range(3)] for x in X]  # a convolution
    C = mb.sum([h * h * w[0] + x[0] * x[0] for row, x in zip(rows, X) for h in row])
    agrees(C, [X], [w, [b, b], [w[0], w[2]]])


def test_a_recurrence():
    W, U = values(np.eye(3) * 0.5 + 0.1), values([0.3, -0.1, 0.2])
    xs = values(np.random.default_rng(0).normal(size=20))
    h = [mb.Value(0.0)] * 3
    for x in xs:
        h = [mb.tanh(mb.dot(row, h, u * x)) for row, u in zip(W, U)]
    agrees(mb.sum(h), [xs], [W, U])


def test_attention():
    rng = np.random.default_rng(0)
    Q, K, V = (values(rng.normal(size=(4, 3))) for _ in range(3))
    out = []
    for q in Q:
        p = mb.softmax([mb.dot(q, k) for k in K])
        out.append([mb.dot(p, column) for column in zip(*V)])
    program = agrees(mb.sum([v * v for row in out for v in row]), [Q, K, V])
    assert len(program.source.splitlines()) < 40


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "sin", "gelu", "erf"])
def test_second_derivatives(activation):
    model = mb.MLP(2, [3, 1], activation, seed=1)
    X = values(np.random.default_rng(0).normal(size=(3, 2)))
    slopes = [mb.grad(model(x), x, create_graph=True) for x in X]
    C = mb.sum([s * s for pair in slopes for s in pair])
    agrees(C, [X], [[n.w for n in model.layers[0].neurons], [n.b for n in model.layers[0].neurons]])


def test_an_operation_of_ones_own():
    bump = mb.operation("bump(x, *ys)", "exp(-x * x) * fsum([y * y for y in ys])",
                        "-2.0 * x * z", "[2.0 * y * exp(-x * x) for y in ys]")  # fmt: skip
    twice = mb.operation("twice(x)", lambda x: 2.0 * x, "2.0")
    X = values(np.random.default_rng(0).normal(size=(6, 3)))
    agrees(mb.sum([bump(x[0], x) + twice(x[1]) for x in X]), [X])


def test_labels_that_are_words_of_python():
    x, y = mb.Value(2.0, "lambda"), mb.Value(3.0, "exp")
    agrees(mb.exp(x) * y, [x, y])


def test_the_structure_of_the_parameters_is_kept():
    class Line(mb.Module):
        def __init__(self):
            self.w = values([1.0, 2.0])
            self.rest = {"b": mb.Value(3.0)}
            self.again = self.w

    line, x = Line(), values([5.0, 7.0])
    program = compile(mb.dot(line.w, x, line.rest["b"]), [x], wrt={"line": line, "x": (x, x)})
    _, gradients = program([5.0, 7.0])
    assert gradients["line"].keys() == {"w", "rest", "again"}
    assert gradients["line"]["w"].tolist() == gradients["line"]["again"].tolist() == [5.0, 7.0]
    assert gradients["line"]["rest"]["b"] == 1.0
    assert [g.tolist() for g in gradients["x"]] == [[1.0, 2.0]] * 2
    assert program.parameters["x"] is None


def test_an_overflow_in_squares_of_inputs_is_no_warning():
    x = mb.Value(1.0)
    assert compile(x + 1.0, [x], wrt=x)(1e200) == (1e200, 1.0)
    with pytest.raises(OverflowError, match="mul: too large for a float64"):
        compile(x * x, [x], wrt=x)(1e200)


def test_a_leaf_is_a_program_too():
    x, w = values([2.0, 3.0]), mb.Value(5.0)
    agrees(x[1], [x], [w])


def test_sums_of_rows():
    X = values(np.random.default_rng(0).normal(size=(4, 3)))
    agrees(mb.sum([(k + 1.0) * mb.sum(row) for k, row in enumerate(X)]), [X])
    agrees(mb.sum([mb.sum(row) for row in X]) * X[0][0], [X])


def test_derivatives_that_are_constant_and_gathered_with_others():
    X = values([0.3, -0.8, 1.4])
    ones = [mb.OPS["dpower"](x, 1.0) for x in X]
    agrees(mb.sum([mb.logsumexp([one, x]) for one, x in zip(ones, X[1:])]), [X])


@pytest.mark.parametrize("mode", [False, "sum", "mean", "each"])
def test_inputs_and_parameters_in_one_list(mode):
    x, w = mb.Value(2.0), mb.Value(5.0)
    program = compile(w * w * x, [x], wrt=[x, w], batch=mode)
    parameters = program.parameters
    assert parameters[0] is None
    parameters[1][...] = 10.0
    _, (d_x, d_w) = program([2.0, 4.0] if mode else 2.0)
    expected = {False: (100, 40), "sum": ([100, 100], 120), "mean": ([50, 50], 60)}
    close(d_x, expected.get(mode, ([100, 100], 0))[0])
    close(d_w, [40, 80] if mode == "each" else expected[mode][1])
    assert program._function(np)(parameters, [2.0, 4.0] if mode else 2.0)[1][0].tolist() == (
        d_x.tolist()
    )


def test_a_value_in_several_places_is_trained_as_one():
    w, v, x = mb.Value(1.0), mb.Value(2.0), values([3.0, 4.0])
    wrt = {"W": [[w, v], [v, w]], "w": w, "again": [w], "V": [v, v]}
    program = compile(mb.dot([w, v], x), [x], wrt=wrt)
    for _ in range(2):
        _, gradients = program([3.0, 4.0])
        parameters = program.parameters
        for name, slope in gradients.items():
            parameters[name] -= slope
    assert program.parameters["W"].tolist() == [[-5.0, -6.0], [-6.0, -5.0]]
    assert program.parameters["V"].tolist() == [-6.0, -6.0]
    assert program.parameters["again"].tolist() == [program.parameters["w"]] == [-5.0]
    assert program([1.0, 1.0])[0] == program._function(np)(program.parameters, [1.0, 1.0])[0] == -11
    program.write_back()
    assert (w.data, v.data) == (-5.0, -6.0)


def test_no_two_gradients_share_memory(as_arrays):
    a, b = values(np.ones(20)), values(np.ones(20))
    C = mb.sum([(p + q) ** 2 for p, q in zip(a, b)])
    for wrt in ({"a": a, "b": b}, {"a": a, "again": a}):
        program = compile(C, [], wrt=wrt)
        flat = [*program()[1].values(), *program()[1].values()]
        assert not any(np.shares_memory(g, h) for k, g in enumerate(flat) for h in flat[:k])


W = [[mb.Value(1.0) for _ in range(3)] for _ in range(4)]


def with_a_function(W):
    huge = mb.operation("huge(x)", lambda x: x * x, "2.0 * x")
    return mb.sum([mb.tanh(huge(w)) for w in W[0]])


@pytest.mark.parametrize(
    "loss",
    [
        lambda W: 1.0 / (W[0][0] * W[0][0]),
        lambda W: mb.tanh(W[0][0] * W[0][1]),
        lambda W: mb.sum([mb.tanh(mb.dot(row, row)) for row in W]),
        lambda W: mb.sum([mb.tanh(mb.dot(row, W[0])) for row in W]),
        with_a_function,
    ],
)
def test_what_overflows_on_the_way_is_the_engines_error(loss, as_arrays):
    program = compile(loss(W), [], wrt=W)
    program.parameters[...] = 1e200
    with pytest.raises(OverflowError, match="too large for a float64"):
        program()


def test_nothing_times_an_infinite_derivative_is_nothing(as_arrays):
    a, b = mb.Value(1.0), values([1.0, 1.0])
    root = compile(mb.sqrt(a) * b[0], [[a, b[0]]], wrt=[a, b[0]])
    assert root([0.0, 0.0])[1].tolist() == [0.0, 0.0]
    roots = compile(mb.sum([mb.sqrt(v) * a for v in b]), [b, a], wrt=b)
    assert roots([0.0, 0.0], 0.0)[1].tolist() == [0.0, 0.0]
    powers = compile(mb.sum([v**w * a for v, w in zip(b, W[0])]), [b, a], wrt=W[0][:2])
    assert powers([-2.0, 2.0], 0.0)[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("mode", ["sum", "mean", "each"])
def test_what_does_not_depend_on_the_example_counts_for_each(mode):
    x, w, v = values([0.3, -0.8, 0.7]), values([0.6]), values([0.4, -0.3])
    rows = np.random.default_rng(0).normal(size=(4, 3))
    for C in (
        w[0],
        mb.tanh(mb.sum([0.3, w[0], 0.5])) * w[0],
        mb.tanh(mb.sin(x[1])) * w[0],
        losses.mean_squared_error([v[0] + 1.0, v[1] + 1.0, x[0] + 1.0, x[1] + 1.0], [1.0] * 4),
        mb.sum([v[0] * v[1], x[0] * x[1], v[0]]),
        mb.logsumexp([*x, *v]) + mb.sum([*v, *x]),
    ):
        program = compile(C, [x], wrt=[w, v, x], batch=mode)
        assert program.check(rows) < RTOL
        value, gradients = program(rows)
        read, again = program._function(np)(program.parameters, rows)
        close(read, value)
        for found, wanted in zip(again, gradients):
            close(found, wanted, 1.0)


def test_threads_take_turns():
    x = [mb.Value(0.0) for _ in range(300)]
    program = compile(sum(v * v for v in x), [x], wrt=x)

    def squares(k):
        return [program(np.full(300, float(k)))[0] for _ in range(200)] == [300.0 * k * k] * 200

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(squares, range(8)))


def test_without_parameters_there_are_no_gradients():
    x = mb.Value(2.0)
    assert compile(x * x, [x])(3.0) == (9.0, None)


def test_what_is_constant_folds():
    x, c = mb.Value(2.0), mb.Value(3.0)
    program = compile(mb.exp(c) * x, [x], wrt=x)
    assert program(5.0) == (5.0 * math.exp(3.0), math.exp(3.0))
    assert compile(mb.exp(c), [x], wrt=x)(1.0) == (math.exp(3.0), 0.0)


def test_a_domain_error_names_the_node():
    x = values([1.0, 2.0, 3.0])
    x[1].label = "x_2"
    logs = [mb.log(v) for v in x]
    program = compile(mb.sum([mb.relu(z) for z in logs]), [x], wrt=x)
    with pytest.raises(ValueError, match=r"log: no value at x = -1.0 \(node 'x_2'\); expected x"):
        program([1.0, -1.0, 2.0])
    with pytest.raises(ValueError, match=r"log: no value at x = 0\.0"):
        program([1.0, 0.0, 2.0])
    close(program([1.0, 1.0, math.e])[0], 1.0)


def test_an_infinite_derivative_is_the_engines():
    x = mb.Value(1.0)
    program = compile(mb.sqrt(x) + 0.0, [x], wrt=x)
    assert program(0.0) == (0.0, math.inf)


def test_kinks_and_ties():
    X = values([[0.0, 0.0], [1.0, 1.0], [2.0, -1.0]])
    for f in (mb.maximum, mb.minimum, lambda x, y: mb.relu(x) + abs(y) + mb.leaky_relu(y)):
        agrees(mb.sum([f(*x) for x in X]), [X])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (([[1.0, 2.0]],), ValueError, r"input 0: shape \(1, 2\); expected \(2, 2\)"),
        (([[1.0, 2.0], [3.0]],), ValueError, "input 0: expected rows of one length"),
        (([["a", "b"], ["c", "d"]],), TypeError, "input 0: expected real numbers"),
        (([[1.0, 2.0], [3.0, math.nan]],), ValueError, r"input 0\[1\]\[1\] is nan"),
        (([[1.0, 2.0], [3.0, 1j]],), TypeError, "input 0: expected real numbers"),
        ((), TypeError, "expected 1 inputs, got 0"),
    ],
)
def test_wrong_inputs(given, error, message):
    X = values([[1.0, 2.0], [3.0, 4.0]])
    program = compile(mb.sum(flat(X)), [X], wrt=X)
    with pytest.raises(error, match=message):
        program(*given)


def test_wrong_arguments():
    x = mb.Value(1.0)
    y = x * x
    with pytest.raises(TypeError, match="expected a Value, got float"):
        compile(1.0)
    with pytest.raises(TypeError, match="expected a list of inputs, got Value"):
        compile(y, x)
    with pytest.raises(TypeError, match=r"inputs\[0\]: expected Values, got float"):
        compile(y, [1.0])
    with pytest.raises(ValueError, match="is twice among the inputs"):
        compile(y, [[x, x]])
    with pytest.raises(ValueError, match=r"wrt is the result of mul; expected a leaf"):
        compile(y, [x], wrt=y)
    with pytest.raises(ValueError, match="batch is 3; expected one of"):
        compile(y, [x], batch=3)


def test_check_finds_what_python_decided():
    x = mb.Value(1.0)

    def record(x):
        return x * x if x > 0 else -x

    program = compile(record(x), [x], wrt=x)
    assert program.check(2.0, rebuild=record) == 0.0
    assert program.check(-2.0) == 0.0
    with pytest.raises(ValueError, match="decided in Python"):
        program.check(-2.0, rebuild=record)


UNARY = ("exp", "sin", "cos", "tanh", "sigmoid", "softplus", "erf", "gelu", "relu")


def combination(r, nodes):
    """A node of a random operation on earlier ones."""
    a, b, c = (r.choice(nodes) for _ in range(3))
    number = r.choice([0.5, 2.0, -1.0, 1.0, b, c])
    return r.choice(
        [
            lambda: a * number,
            lambda: a + number,
            lambda: a - b,
            lambda: number - a,
            lambda: -a,
            lambda: abs(a),
            lambda: a / (abs(b) + 1.5),
            lambda: mb.maximum(a, number),
            lambda: mb.minimum(a, number),
            lambda: mb.leaky_relu(a, 0.1),
            lambda: mb.dot([a, b, c], [b, b, number], c),
            lambda: mb.sum([a, number, b, a]),
            lambda: mb.prod([a, b, number]),
            lambda: mb.logsumexp([a, b, number]),
            lambda: r.choice(mb.softmax([a, b, c])),
            lambda: (abs(a) + 0.5) ** number,
            lambda: mb.log(abs(a) + 0.5),
            lambda: mb.sqrt(abs(a) + 0.5),
            lambda: mb.tan(0.3 * mb.tanh(a)),
            lambda: losses.squared_error(a, number),
            lambda: losses.mean_squared_error([a, a], [number, 1.0]),
            lambda: losses.binary_cross_entropy([a, b], [1.0, 0.25]),
            lambda: losses.cross_entropy([a, b, a], 1),
            lambda: losses.hinge([a, b], [1, -1]),
            lambda: losses.l2([a, b, a], 0.3),
            lambda: getattr(a, r.choice(UNARY))(),
        ]
    )()


def random_graph(seed, n, leaves):
    r = random.Random(seed)
    inputs = [mb.Value(r.uniform(-1.2, 1.2)) for _ in range(leaves)]
    nodes = inputs[:]
    while len(nodes) < n + leaves:
        try:
            z = combination(r, nodes)
        except ArithmeticError:
            continue
        if abs(z.data) < 20.0:
            nodes.append(z)
    return mb.sum([z * r.uniform(-1.0, 1.0) for z in nodes[-12:]]), inputs


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 80), st.integers(1, 8))
def test_random_graphs(seed, n, leaves):
    C, inputs = random_graph(seed, n, leaves)
    agrees(C, [inputs])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 12))
def test_random_graphs_over_a_batch(seed, n):
    C, inputs = random_graph(seed, n, 3)
    C = C + 0.0 * mb.sum(inputs)
    weights = [mb.Value(0.3), mb.Value(-0.7)]
    C = C * weights[0] + mb.tanh(weights[0] * weights[1])
    rows = np.array([[v.data for v in inputs]] * 3) + np.array([[0.0], [1e-3], [-1e-3]])
    for mode in ("sum", "mean", "each"):
        program = compile(C, [inputs], wrt=[weights, inputs], batch=mode)
        assert program.check(rows) < 1e-11


def test_second_derivatives_of_random_graphs():
    for seed in range(15):
        C, inputs = random_graph(seed, 8, 3)
        first = mb.grad(C, inputs, create_graph=True)
        agrees(mb.sum([g * g for g in first]) + C, [inputs])


def test_the_source_is_the_lectures():
    model = mb.MLP(2, [3, 2], "tanh", seed=0)
    X, Y = values(np.zeros((4, 2))), values(np.zeros((4, 2)))
    pairs = [(a, t) for x, y in zip(X, Y) for a, t in zip(model(x), y)]
    source = compile(mb.sum([losses.squared_error(*p) for p in pairs]), [X, Y], wrt=model).source
    for line in (
        "def program(W1, b1, W2, b2, a0, Y):",
        "z1 = a0 @ W1.T + b1",
        "a1 = tanh(z1)",
        "z2 = a1 @ W2.T + b2",
        "d_z2 = z2 - Y",
        "d_a1 = d_z2 @ W2",
        "d_z1 = d_a1 * sech2(z1)",
        "d_W1 = d_z1.T @ a0",
        "d_b1 = d_z1.sum(0)",
    ):
        assert line in source


def test_a_long_chain_is_one_loop():
    x = y = mb.Value(0.5)
    for _ in range(20_000):
        y = mb.sin(y) * 1.0001 + 0.001
    program = compile(y, [x], wrt=x)
    value, slope = program(0.5)
    close(value, y.data)
    close(slope, mb.grad(y, x))
    assert len(next(iter(program._machines.values())).source) < 3000


def test_a_sum_of_products_is_one_call(as_arrays):
    model = nn.MLP(2, [3, 1], seed=1)
    X, y = values(np.arange(8.0).reshape(4, 2)), values([1.0, -1.0, 1.0, 1.0])
    loss = losses.hinge([model(x) for x in X], y) + losses.l2(model.parameters(), 0.1)
    agrees_as(loss, [X, y], [model.parameters()])
    program = compile(loss, [X, y], wrt=model)
    run = next(iter(program._machines.values())).source
    assert "negative" not in run
    assert re.search(r"= (\w+)\.dot\(\1\w*\)", run)  # of the squares of all weights


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("name", mb.OPS)
def test_regular_numbers_are_never_replayed(name, many, batch, as_arrays, monkeypatch):
    monkeypatch.setattr(Program, "_replayed", None)
    r, leaves, outputs = random.Random(1), [], []
    for _ in range(many):
        given = [values([r.uniform(0.2, 0.8) for _ in range(3)]) for _ in mb.OPS[name].names]
        given = [v if "*" in n else v[0] for n, v in zip(mb.OPS[name].names, given)]
        outputs.append(mb.softmax(given[-1])[0] if name == "softmax" else mb.OPS[name](*given))
        leaves += [v for part in given[name == "softmax" :] for v in flat([part])]
    program = compile(mb.sum(outputs) * 1.5, [leaves], leaves, batch=batch)
    program([numbers(leaves)] * 2 if batch else numbers(leaves))


def test_parameters_that_are_not_finite():
    w = [mb.Value(1.0), mb.Value(2.0)]
    program = compile(mb.exp(w[0] * w[1]), [], wrt=w)
    program.parameters[1] = math.nan
    with pytest.raises(ValueError, match=r"parameters 0\[1\] is nan; expected finite numbers"):
        program()


def test_a_program_says_what_it_takes():
    program = compile(mb.MLP(3, [2, 1], seed=1)(values([1.0, 2.0, 3.0])), [], None)
    assert repr(program) == "<Program of inputs () and 0 parameters>"
    x = values(np.ones((4, 3)))
    program = compile(mb.sum(flat(x)) * (w := mb.Value(2.0)), [x], w)
    assert repr(program) == "<Program of inputs (4, 3) and 1 parameter>"
