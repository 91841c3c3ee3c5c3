"""Tests of reading JSON: what is taken, and what is said of all else."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_bp import reading

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(ANYTHING)
def test_json_of_reads_what_json_writes(value):
    found = reading.json_of(json.dumps(value).encode())
    assert repr(found) == repr(json.loads(json.dumps(value)))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"[1, 1.0, -0.0, 1e999]", [1, 1.0, -0.0, math.inf]),
        (b"[" + b"9" * 400 + b"]", [int("9" * 400)]),
        (b"[-" + b"9" * 5000 + b"]", [-math.inf]),
        (b"[Infinity, -Infinity]", [math.inf, -math.inf]),
    ],
)
def test_json_of(data, expected):
    assert repr(reading.json_of(data)) == repr(expected)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not JSON: Expecting value: line 1 column 1"),
        (b'{"a": [1, 2}', "not JSON: Expecting ',' delimiter: line 1 column 12"),
        (b"\xff", "not JSON: expected text in UTF-8"),
        ('"α"'.encode("utf-16"), "not JSON: expected text in UTF-8"),
        (b"[" * 100_000, "not JSON: nested too deep"),
        (b'{"a":' * 100_000, "not JSON: nested too deep"),
        (b'{"a": 1, "b": {"c": 1, "d": 2, "d": 3}}', '"d" is there twice'),
        (b'{"\\u001b[31m": 1, "\\u001b[31m": 3}', r'"\u001b[31m" is there twice'),
    ],
)
def test_json_of_refuses(data, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  its message is compared
        reading.json_of(data)
    assert str(caught.value).startswith(expected)


def test_an_object_with_many_keys_is_read_once():
    """Looking each of 10⁵ keys up among all of them would take minutes."""
    keys = ", ".join(f'"{k}": 0' for k in range(100_000))
    assert len(reading.json_of(f"{{{keys}}}".encode())) == 100_000
    with pytest.raises(ValueError, match='"x" is there twice'):
        reading.json_of(f'{{"x": 1, {keys}, "x": 2}}'.encode())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        ("α", '"α"'),
        ("\x1b[31m\n\x9b\u202e\ud800", r'"\u001b[31m\n\x9b\u202e\ud800"'),
        ("x" * 100, '"' + "x" * 38 + "…"),
        ({1, 2}, "set"),
        (math.nan, "NaN"),
    ],
)
def test_shown(value, expected):
    assert reading.shown(value) == expected


def test_shown_of_lists_without_end():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert reading.shown(deep) == "lists in lists without end"


def test_shown_of_a_number_that_python_does_not_print():
    assert reading.shown(10**10_000) == "int"


@given(ANYTHING)
def test_shown_is_short_and_on_one_line(value):
    text = reading.shown(value)
    assert text.isprintable()
    assert len(text) < 40 * 10
    text.encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([], "expected an object with a, b, c, got []"),
        (None, "expected an object with a, b, c, got null"),
        ({"a": 1, "d": 2, "e": 3}, 'unknown "d", "e"'),
        (dict.fromkeys("abdefghi", 0), 'unknown "d", "e", "f", "g", "h"'),
        ({"a": 1, "c": 2, 3: 4}, "unknown 3"),
        ({"c": 1}, "missing a, b"),
    ],
)
def test_entries_refuse(content, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        reading.entries(content, ["a", "b"], ["c"])
    assert str(caught.value) == expected


def test_entries():
    reading.entries({"a": 1, "b": 2}, ["a", "b"], ["c"])
    reading.entries({"a": 1, "b": 2, "c": 3}, ["a", "b"], ["c"])


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**1023), 2**1023))
def test_number(value):
    found = reading.number(value, "x")
    assert type(found) is float
    assert math.copysign(1.0, found) == math.copysign(1.0, value)
    assert found == float(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1", '"1"'),
        (True, "true"),
        (None, "null"),
        ([1], "[1]"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (10**309, "1" + "0" * 38 + "…"),
    ],
)
def test_number_refuses(value, shown):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        reading.vector([0.0, value], "x")
    assert str(caught.value) == f"x[1]: expected a finite number, got {shown}"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "W: expected a list of rows, got []"),
        ({"0": [1, 2]}, 'W: expected a list of rows, got {"0": [1, 2]}'),
        ([1, 2], "W[0]: expected a list of numbers, got 1"),
        ([[1, 2], []], "W[1]: expected a list of numbers, got []"),
        ([[1, 2], [3]], "W[1]: expected 2 numbers, as many as x, got 1"),
        ([[1, 2], [3, [4]]], "W[1][1]: expected a finite number, got [4]"),
    ],
)
def test_matrix_refuses(rows, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        reading.matrix(rows, "W", 2, "x")
    assert str(caught.value) == expected


def test_matrix():
    assert reading.matrix([[1, 2], [3, 4.5]], "W", 2, "x") == [[1.0, 2.0], [3.0, 4.5]]
    assert reading.vector([1], "x") == [1.0]


def test_inside_says_where_and_keeps_other_errors(tmp_path):
    with (
        pytest.raises(ValueError, match=r"^a: b: no$"),
        reading.inside("a"),
        reading.inside("b"),
    ):
        raise ValueError("no")
    with pytest.raises(KeyError), reading.inside(tmp_path):
        raise KeyError("a")
