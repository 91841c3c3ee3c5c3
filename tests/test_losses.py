"""Tests of the losses against their formulas."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_bp as mb
from micrograd_bp import Value, check_graph, grad, gradcheck, hessian, no_grad, topological_order
from micrograd_bp.losses import (
    binary_cross_entropy,
    cross_entropy,
    hinge,
    l2,
    mean_squared_error,
    squared_error,
)


@pytest.mark.parametrize(
    ("a", "t", "expected"),
    [(0.25, 1.0, 0.28125), (1.0, 1.0, 0.0), (-2.0, 1.0, 4.5), (3, 1, 2.0), (1e-200, 0.0, 0.0)],
)
def test_squared_error(a, t, expected):
    assert squared_error(a, t) == expected
    activation, target = Value(a), Value(t)
    C = squared_error(activation, target)
    assert C.data == expected
    assert C.parents == (activation, target)
    assert C.local_derivatives == (a - t, t - a)


def test_squared_error_is_one_node_on_the_activation():
    a = Value(0.25)
    C = squared_error(a, 1.0)
    C.backward()
    assert (C.op, C.operands, C.local_derivatives) == ("squared_error", (a, 1.0), (-0.75,))
    assert a.grad == -0.75


def test_squared_error_has_second_derivatives():
    a, t = Value(0.25), Value(1.0)
    C = squared_error(a, t)
    assert grad(C, [a, t]) == [-0.75, 0.75]
    assert hessian(C, [a, t]) == [[1.0, -1.0], [-1.0, 1.0]]


def test_squared_error_too_large():
    with pytest.raises(OverflowError, match=r"squared_error.*a = 1e\+200 \(node 'a'\)"):
        squared_error(Value(1e200, "a"), 0.0)


@pytest.mark.parametrize("fused", [True, False])
def test_squared_error_is_of_one_output_and_a_finite_target(fused):
    for a, t in (([0.5], 1.0), (Value(0.5), [1.0])):
        with pytest.raises(TypeError, match=r"squared_error.*got list; mean_squared_error takes"):
            squared_error(a, t, fused=fused)
    for t in (math.nan, math.inf, Value(math.nan)):
        with pytest.raises(ValueError, match=r"squared_error: the target is (nan|inf); expected"):
            squared_error(Value(0.5), t, fused=fused)


# ------------------------------------------------------------------ the others


def sigma(x):
    return 1.0 / (1.0 + math.exp(-x))


def softmax(xs):
    total = sum(map(math.exp, xs))
    return [math.exp(x) / total for x in xs]


CASES = [  # the loss of a list of outputs, the outputs, the value, the derivatives by each
    (lambda v: squared_error(*v, 1.0), [0.25], 0.28125, [-0.75]),
    (lambda v: mean_squared_error(*v, 1.0), [0.25], 0.5625, [-1.5]),
    (lambda v: mean_squared_error(v, [0.0, 4.0]), [1.0, 2.0], 2.5, [1.0, -2.0]),
    (lambda v: binary_cross_entropy(*v, 1), [0.7], -math.log(sigma(0.7)), [sigma(0.7) - 1]),
    (lambda v: binary_cross_entropy(*v, 0), [0.7], -math.log(1 - sigma(0.7)), [sigma(0.7)]),
    (lambda v: binary_cross_entropy(*v, True), [0.0], math.log(2.0), [-0.5]),
    (
        lambda v: binary_cross_entropy(v, [0.25, 1.0]),
        [0.7, -2.0],
        -(0.25 * math.log(sigma(0.7)) + 0.75 * math.log(sigma(-0.7)) + math.log(sigma(-2.0))) / 2,
        [(sigma(0.7) - 0.25) / 2, (sigma(-2.0) - 1) / 2],
    ),
    (
        lambda v: cross_entropy(v, 1),
        [1.0, 3.0, 2.0],
        -math.log(softmax([1, 3, 2])[1]),
        [p - y for p, y in zip(softmax([1, 3, 2]), [0, 1, 0])],
    ),
    (
        lambda v: cross_entropy(v, [0.2, 0.3, 0.5]),
        [1.0, 3.0, 2.0],
        -sum(y * math.log(p) for p, y in zip(softmax([1, 3, 2]), [0.2, 0.3, 0.5])),
        [p - y for p, y in zip(softmax([1, 3, 2]), [0.2, 0.3, 0.5])],
    ),
    (lambda v: hinge(*v, 1), [0.25], 0.75, [-1.0]),
    (lambda v: hinge(*v, -1), [0.25], 1.25, [1.0]),
    (lambda v: hinge(*v, 1), [1.25], 0.0, [0.0]),
    (lambda v: hinge(*v, 1), [1.0], 0.0, [0.0]),
    (lambda v: hinge(v, [1, -1, 1]), [0.5, 2.0, 3.0], 3.5 / 3, [-1 / 3, 1 / 3, 0.0]),
    (lambda v: l2(v, 0.5), [3.0, -4.0], 6.25, [1.5, -2.0]),
]


@pytest.mark.parametrize(("loss", "xs", "value", "slopes"), CASES)
def test_a_loss_is_one_node_of_this_value_and_these_derivatives(loss, xs, value, slopes):
    vs = [*map(Value, xs)]
    C = loss(vs)
    assert C.data == pytest.approx(value, rel=1e-15)
    assert C.parents == tuple(vs)
    assert C.local_derivatives == pytest.approx(slopes, rel=1e-15)
    assert loss(xs) == C.data  # numbers give a number
    with no_grad():
        assert loss(vs).data == C.data
    C.backward()
    assert tuple(v.grad for v in vs) == C.local_derivatives
    assert check_graph(C)


SMOOTH = {
    "squared_error": lambda fused, a, b, c: squared_error(a, b, fused=fused),
    "mean_squared_error": lambda fused, a, b, c: mean_squared_error([a, b], [c, 0.5], fused),
    "binary_cross_entropy": lambda fused, a, b, c: binary_cross_entropy([a, b], [1, 0.3], fused),
    "binary_cross_entropy of Values": (
        lambda fused, a, b, c: binary_cross_entropy(a, mb.sigmoid(b), fused=fused)
    ),
    "cross_entropy": lambda fused, a, b, c: cross_entropy([a, b, c], 2, fused=fused),
    "cross_entropy, soft": lambda fused, a, b, c: cross_entropy([a, b, c], [0.5, 0.2, 0.3], fused),
    "cross_entropy of Values": (
        lambda fused, a, b, c: cross_entropy([a, b], [s := mb.sigmoid(c), 1.0 - s], fused)
    ),
    "hinge": lambda fused, a, b, c: hinge([a, b, c], [1, -1, 1], fused=fused),
    "l2": lambda fused, a, b, c: l2([a, b], c * c, fused=fused),
}


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("point", [(0.3, -0.7, 0.45), (2.1, 1.3, -0.8)])
@pytest.mark.parametrize("fused", [True, False])
def test_derivatives_to_second_order(name, point, fused):
    report = gradcheck(lambda *vs: SMOOTH[name](fused, *vs), point, order=2)
    assert report, report


@pytest.mark.parametrize("name", SMOOTH)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_primitives_give_the_same(name, point):
    found = []
    for fused in (True, False):
        vs = [*map(Value, point)]
        C = SMOOTH[name](fused, *vs)
        found.append((C.data, *grad(C, vs)))
        ops = {node.op for node in topological_order(C)}
        assert (name.partition(" ")[0].strip(",") in ops) is fused
    # 0.5 beside a rounded 1.0: hinge may be on either side of its kink.
    if name != "hinge" or min(abs(1 - s * x) for s, x in zip([1, -1, 1], point)) > 1e-12:
        assert found[1] == pytest.approx(found[0], rel=1e-12, abs=1e-14)


def test_what_the_primitives_are():
    def ops(C):
        return [node.op for node in topological_order(C) if node.op]

    x, y = Value(0.5), Value(1.5)
    assert ops(squared_error(x, 1.0, fused=False)) == ["sub", "pow", "mul"]
    assert ops(hinge(x, 1, fused=False)) == ["mul", "sub", "maximum"]
    assert ops(mean_squared_error([x], [1.0], fused=False)) == ["sub", "pow"]
    one_hot = ["sub", "exp", "sub", "exp", "add", "log", "mul", "sub"]
    assert sorted(ops(cross_entropy([x, y], 1, fused=False))) == sorted(one_hot)
    assert ops(l2([x, y], 0.1, fused=False)) == ["mul", "mul", "add", "mul"]


# ------------------------------------------------------------------ extremes


@pytest.mark.parametrize("big", [1e3, 1e15, 1e308])
def test_extreme_logits(big):
    for x, t, value, slope in [(big, 1, 0.0, 0.0), (big, 0, big, 1.0), (-big, 1, big, -1.0)]:
        C = binary_cross_entropy(Value(x), t)
        assert (C.data, C.local_derivatives) == (value, (slope,))
    half = big / 2
    for x, k, value, slopes in [
        ((half, -half), 0, 0.0, (0.0, 0.0)),
        ((half, -half), 1, big, (1.0, -1.0)),
        ((-half, half), 1, 0.0, (0.0, 0.0)),
        ((big, big), [0.5, 0.5], math.log(2.0), (0.0, 0.0)),
        ((half, 0.0, -half), [0.0, 0.5, 0.5], 0.75 * big, (1.0, -0.5, -0.5)),
    ]:
        C = cross_entropy([*map(Value, x)], k)
        assert C.data == pytest.approx(value, rel=1e-15)
        assert C.local_derivatives == slopes
    C = hinge(Value(-big), 1)
    assert (C.data, C.local_derivatives) == (1.0 + big, (-1.0,))


def test_finite_where_a_sum_or_a_difference_on_the_way_is_not():
    assert cross_entropy([1e308, -1e308], [0.25, 0.75]) == 1.5e308
    assert binary_cross_entropy([-1e308, -1e308], [1, 1]) == 1e308
    assert hinge([-1e308, 1e308], [1, -1]) == 1e308
    assert mean_squared_error([1.3e154, -1.3e154], [0, 0]) == pytest.approx(1.69e308)


def test_primitives_at_large_logits():
    C = cross_entropy([Value(1000.0), Value(999.0)], 1, fused=False)
    assert C.data == pytest.approx(math.log1p(math.e), rel=1e-15)
    assert binary_cross_entropy(Value(-1e3), 1, fused=False).data == 1e3


def test_the_row_of_cross_entropy_is_true_of_any_y():
    """It is log Σ exp(x) − Σ yx, whatever the y add up to, and so p − y is its derivative."""
    found = mb.OPS["cross_entropy"]([1.0, 2.0], [0.5, 0.25])
    assert found == pytest.approx(math.log(math.e + math.exp(2)) - 1.0, rel=1e-15)
    assert gradcheck(lambda *v: mb.OPS["cross_entropy"](v[:2], v[2:]), [1.0, 2.0, 0.5, 0.25], 2)


def test_small_losses_keep_their_digits():
    """Where p rounds to 1, the textbook formulas give 0 for the loss and its derivative."""
    C = binary_cross_entropy(Value(50.0), 1)
    assert C.data == pytest.approx(math.exp(-50), rel=1e-15)
    assert C.local_derivatives == pytest.approx((-math.exp(-50),), rel=1e-15)
    C = cross_entropy([Value(50.0), Value(0.0)], 0)
    assert C.data == pytest.approx(math.exp(-50), rel=1e-15)
    tiny = math.exp(-50)
    assert C.local_derivatives == pytest.approx((-tiny, tiny), rel=1e-15)


def test_a_class_ruled_out_by_minus_infinity():
    logits = [Value(1.0), Value(-math.inf), Value(2.0)]
    C = cross_entropy(logits, 0)
    assert C.data == pytest.approx(math.log1p(math.e))
    assert C.local_derivatives[1] == 0.0


@pytest.mark.parametrize(
    ("loss", "error"),
    [
        (lambda big: squared_error(big, 0.0), "squared_error: too large .* a = 1e.308 .node 'x'"),
        (lambda big: mean_squared_error([big, 1.0], [0.0, 0.0]), "mean_squared_error: too large"),
        (lambda big: cross_entropy([big, -1e308], 1), "cross_entropy: too large .* x1 = 1e.308"),
        (lambda big: l2([big], 1.0), "l2: too large .* w1 = 1e.308 .node 'x'"),
    ],
)
def test_a_loss_that_is_too_large(loss, error):
    with pytest.raises(OverflowError, match=error):
        loss(Value(1e308, "x"))


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: squared_error(x, 0.0),
        lambda x: mean_squared_error([1.0, x], [0.0, 0.0]),
        lambda x: binary_cross_entropy(x, 1),
        lambda x: cross_entropy([1.0, x], 0),
        lambda x: cross_entropy([x, 1.0], 0),
        lambda x: hinge(x, 1),
        lambda x: l2([x], 0.5),
    ],
)
def test_nan_stays_nan(loss):
    assert math.isnan(loss(Value(math.nan)).data)


# ------------------------------------------------------------------ what they take

KINDS = [lambda x: x, np.float64, np.float32, np.array, Fraction]


@pytest.mark.parametrize("kind", KINDS)
def test_any_real_numbers_and_arrays(kind):
    x = Value(0.5)
    assert binary_cross_entropy(x, kind(1)).data == binary_cross_entropy(x, 1.0).data
    assert cross_entropy([x, 1.0], kind(1)).data == cross_entropy([x, 1.0], 1).data
    assert hinge(kind(0.5), kind(-1)) == 1.5
    assert mean_squared_error([x, kind(2.0)], np.array([1.0, 0.0])).data == 2.125
    assert cross_entropy(np.array([0.5, 1.0]), np.array([0, 1])) == cross_entropy([0.5, 1.0], 1)
    assert l2((x, 2.0), kind(2)).data == 4.25
    assert hinge(iter([0.5, 2.0]), (1, 1)) == 0.25


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: mean_squared_error([1.0], [1.0, 2.0]), ValueError, "1 outputs but 2 targets"),
        (lambda: mean_squared_error([], []), ValueError, "mean_squared_error: expected at least"),
        (lambda: mean_squared_error([1.0], [math.nan]), ValueError, "target is nan; expected a f"),
        (lambda: mean_squared_error(1.0, "1"), TypeError, "target 1: expected a Value or a real"),
        (lambda: binary_cross_entropy(0.5, 2), ValueError, "target is 2.0; expected a number from"),
        (lambda: binary_cross_entropy(0.5, -1), ValueError, "binary_cross_entropy: target is -1.0"),
        (lambda: binary_cross_entropy([0.5, 1], [1, math.nan]), ValueError, "target 2 is nan"),
        (lambda: binary_cross_entropy(0.5, Value(2.0)), ValueError, "target is 2.0"),
        (lambda: binary_cross_entropy([], []), ValueError, "expected at least one output"),
        (lambda: binary_cross_entropy([[0.5]], [1]), TypeError, "got list"),
        (lambda: hinge(0.5, 0), ValueError, "hinge: target is 0.0; expected -1 or 1"),
        (lambda: hinge([0.5, 1.0], [1, 0.5]), ValueError, "target 2 is 0.5; expected -1 or 1"),
        (lambda: hinge(0.5, None), TypeError, "hinge: target 1: expected .* got NoneType"),
        (lambda: cross_entropy([1.0, 2.0], 2), ValueError, "class 2; .* whole number from 0 to 1"),
        (lambda: cross_entropy([1.0, 2.0], -1), ValueError, "class -1; expected"),
        (lambda: cross_entropy([1.0, 2.0], 0.5), ValueError, "class 0.5; expected"),
        (lambda: cross_entropy([1.0, 2.0], math.nan), ValueError, "class nan; expected"),
        (lambda: cross_entropy([1.0, 2.0], [1, 0, 0]), ValueError, "2 logits but 3 probabilities"),
        (lambda: cross_entropy([1.0, 2.0], [1, 1]), ValueError, r"add up to 1, got \[1.0, 1.0\]"),
        (lambda: cross_entropy([1.0, 2.0], [1.5, -0.5]), ValueError, "add up to 1"),
        (lambda: cross_entropy([1.0, 2.0], [math.nan, 1]), ValueError, "add up to 1"),
        (lambda: cross_entropy([1.0, 2.0], []), ValueError, "2 logits but 0 probabilities"),
        (lambda: cross_entropy([1.0, 2.0], "1"), ValueError, "2 logits but 1 probabilities"),
        (lambda: cross_entropy([1.0, 2.0], Value(1.0)), TypeError, "number of a class, got Value"),
        (lambda: cross_entropy([1.0, 2.0], None), TypeError, "the target: expected the number of"),
        (lambda: cross_entropy([1.0], 0), ValueError, "2 classes or more, got 1; one logit is for"),
        (lambda: cross_entropy(Value(1.0), 0), ValueError, "got 1; one logit is for binary_cross"),
        (lambda: cross_entropy([], 0), ValueError, "2 classes or more, got 0"),
        (lambda: l2([], 0.1), ValueError, "l2: expected at least one parameter"),
        (lambda: l2([1.0], -0.1), ValueError, "lam is -0.1; expected a number of at least 0"),
        (lambda: l2([1.0], math.nan), ValueError, "lam is nan"),
        (lambda: l2([1.0], math.inf), ValueError, "lam is inf"),
        (lambda: l2(mb.MLP(1, [1]), 0.1), TypeError, "l2: expected a list, got MLP"),
        (lambda: l2(["a"], 0.1), TypeError, "l2: expected a Value or a real number, got str"),
    ],
)
def test_mistakes(call, error, said):
    with pytest.raises(error, match=said):
        call()
