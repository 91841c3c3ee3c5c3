import numpy as np
import pytest

from micrograd_bp.compiler_inputs import all_finite, fitting


def test_doubles_are_taken_as_they_are_and_the_rest_converted():
    X = np.ones((3, 2))
    given = fitting([X, [1, 0, True]], [(3, 2), (3,)])
    assert given[0] is X
    assert given[1].dtype == np.float64
    assert given[1].tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint64", "bool", ">f8"])
def test_other_numbers_become_doubles(dtype):
    (found,) = fitting([np.ones(4, dtype)], [(4,)])
    assert found.dtype == np.float64
    assert found.dtype.isnative
    assert found.tolist() == [1.0] * 4


@pytest.mark.parametrize(
    ("arrays", "batch", "error", "message"),
    [
        ([[1.0, 2.0]], False, TypeError, "expected 2 inputs, got 1"),
        ([[1.0], 2.0], False, ValueError, r"input 0: shape \(1,\); expected \(2,\)"),
        ([[[1.0, 2.0], [1.0]], 2.0], False, ValueError, "input 0: expected rows of one length"),
        ([[1.0, 2.0], 2j], False, TypeError, "input 1: expected real numbers, got dtype complex"),
        ([["a", "b"], 2.0], False, TypeError, "input 0: expected real numbers, got dtype <U1"),
        ([[1.0, 2.0], [2.0]], True, ValueError, r"input 0: shape \(2,\); expected \(n, 2\)"),
        ([np.ones((0, 2)), []], True, ValueError, r"shape \(0, 2\); expected \(n, 2\)"),
        ([np.ones((3, 2)), [1.0]], True, ValueError, "input 1: 1 examples, but input 0 has 3"),
    ],
)
def test_what_does_not_fit(arrays, batch, error, message):
    with pytest.raises(error, match=message):
        fitting(arrays, [(2,), ()], batch)


def test_the_first_number_that_is_not_finite():
    all_finite([np.array(1e308), np.zeros((0, 2))])
    with pytest.raises(ValueError, match=r"input 1\[1\]\[0\] is -inf; expected finite numbers"):
        all_finite([np.ones(2), np.array([[1.0, 2.0], [-np.inf, np.nan]])])
    with pytest.raises(ValueError, match="input 0 is nan;"):
        all_finite([np.array(np.nan)])
