"""Tests of numbers side by side."""

import math
from dataclasses import FrozenInstanceError

import pytest

from micrograd_bp.lectures.beside import Row, beside, fitted


def test_rows_are_in_the_order_by_hand():
    engine = {"b": 2.0, "c": 3.0, "a": 1.0}
    rows = beside(engine, {"a": 1.0, "b": 2.5})
    assert rows == [Row("a", 1.0, 1.0), Row("b", 2.0, 2.5)]
    assert [row.difference for row in rows] == [0.0, -0.5]


def test_what_is_not_by_hand_is_left_out():
    assert beside({"a": 1.0}, {}) == []


def test_what_the_engine_lacks_is_named():
    with pytest.raises(KeyError, match="w"):
        beside({"a": 1.0}, {"w": 1.0})


def test_infinite_numbers_do_not_hide():
    (row,) = beside({"a": math.inf}, {"a": math.inf})
    assert math.isnan(row.difference)


def test_a_row_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        beside({"a": 1.0}, {"a": 1.0})[0].hand = 2.0


@pytest.mark.parametrize(
    ("W", "b", "message"),
    [
        ([[1.0, 2.0], [3.0]], [0.0, 0.0], r"W: expected rows of 2 numbers, .* got 2 of \[1, 2\]"),
        ([], [], r"W: expected rows of 2 numbers, .* got 0 of \[\]"),
        ([[1.0, 2.0]], [0.0, 0.0], "b: expected 1 numbers, one for each row of W, got 2"),
    ],
)
def test_what_does_not_fit_is_named(W, b, message):
    with pytest.raises(ValueError, match=message):
        fitted("W", W, "b", b, below=2)
