"""Tests of jvp and hvp: against grad and hessian, along any direction, and their errors."""

import random

import pytest

from micrograd_bp import (
    Value,
    dot,
    exp,
    grad,
    hessian,
    logsumexp,
    maximum,
    prod,
    sin,
    softmax,
    sqrt,
    topological_order,
)  # fmt: skip
from micrograd_bp.directional import hvp, jvp

FUNCTIONS = [
    lambda x, y, w: x * y + w,
    lambda x, y, w: exp(sin(x) * y) / w,
    lambda x, y, w: (x * x * x).tanh() - y**w,
    lambda x, y, w: logsumexp([x, y, w, x * y]) * w,
    lambda x, y, w: dot(softmax([x, y, w]), [y, w, 2.0], x),
    lambda x, y, w: prod([x, y, x, w]) + sqrt(w) * x.gelu(),
    lambda x, y, w: maximum(x, y) * w + x.relu() - abs(-y),
    lambda x, y, w: x * 3.0,
    lambda x, y, w: y,
]


def point(seed):
    rng = random.Random(seed)
    return [Value(rng.uniform(0.5, 2.0)) for _ in range(3)], [rng.uniform(-2, 2) for _ in range(3)]


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_jvp_is_grad_times_the_tangents(f, seed):
    xs, ts = point(seed)
    z = f(*xs)
    expected = sum(g * t for g, t in zip(grad(z, xs), ts))
    assert jvp(z, xs, ts) == pytest.approx(expected, rel=1e-12, abs=1e-14)
    for k, x in enumerate(xs):
        assert jvp(z, [x], [1.0]) == pytest.approx(grad(z, x), rel=1e-13)
        assert jvp(z, xs, [float(j == k) for j in range(3)]) == jvp(z, [x], [1.0])


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_hvp_is_the_hessian_times_the_vector(f, seed):
    xs, vector = point(seed)
    z = f(*xs)
    expected = [sum(h * v for h, v in zip(row, vector)) for row in hessian(z, xs)]
    assert hvp(z, xs, vector) == pytest.approx(expected, rel=1e-12, abs=1e-13)


def test_a_node_on_the_way_as_an_input():
    x = Value(2.0)
    y = x * x
    z = y * x
    assert jvp(z, [y], [1.0]) == 2.0
    assert jvp(z, [x, y], [1.0, 10.0]) == 12.0 + 20.0
    assert jvp(z, [z], [3.0]) == 3.0
    assert jvp(z, [x, x], [1.0, 2.0]) == 36.0


def test_no_inputs_and_inputs_that_do_not_matter():
    x, other = Value(2.0), Value(3.0)
    z = x * x
    assert jvp(z, [], []) == 0.0
    assert jvp(z, [other], [1.0]) == 0.0
    assert hvp(z, [x, other], [1.0, 1.0]) == [2.0, 0.0]
    assert hvp(x * 3.0, [x], [1.0]) == [0.0]


def test_they_touch_no_gradient():
    x = Value(2.0)
    z = x.exp() * x
    z.backward()
    before = [v.grad for v in topological_order(z)]
    jvp(z, [x], [1.0])
    hvp(z, [x], [1.0])
    assert [v.grad for v in topological_order(z)] == before


def test_a_long_chain():
    x = y = Value(1.0)
    for _ in range(20_000):
        y = -y
    assert jvp(y, [x], [2.0]) == 2.0


@pytest.mark.parametrize("f", [jvp, hvp])
@pytest.mark.parametrize("numbers", [[], [1.0], [1.0, 2.0, 3.0]])
def test_as_many_numbers_as_inputs(f, numbers):
    x, y = Value(2.0), Value(3.0)
    expected = f"expected a number for each of 2 inputs, got {len(numbers)}"
    with pytest.raises(ValueError, match=expected):
        f(x * y, [x, y], numbers)


@pytest.mark.parametrize("f", [jvp, hvp])
@pytest.mark.parametrize("bad", [None, 1j, [1.0]])
def test_a_direction_of_numbers(f, bad):
    x = Value(2.0)
    with pytest.raises(TypeError):
        f(x * x, [x], [bad])


@pytest.mark.parametrize("f", [jvp, hvp])
def test_an_output_that_is_no_value(f):
    with pytest.raises(TypeError, match="expected a Value, got float"):
        f(1.0, [Value(2.0)], [1.0])
