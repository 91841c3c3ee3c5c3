"""Tests of the losses against their formulas."""

import pytest

from micrograd_bp import Value, grad, hessian
from micrograd_bp.losses import squared_error


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


def test_squared_error_refuses_what_is_no_number():
    with pytest.raises(TypeError, match=r"squared_error.*got list"):
        squared_error([0.5], 1.0)
