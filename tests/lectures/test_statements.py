"""Tests of statements that can be run: where their quantities come from, and what errors are."""

import math
from random import Random

import pytest

from micrograd_bp import Value, ops
from micrograd_bp.lectures.statements import (
    FUNCTIONS,
    TOLERANCE,
    Errors,
    Formula,
    Plain,
    Quantity,
    Recorded,
    Undefined,
    composed,
    error,
    errors,
    fractions,
    sides,
    tanh,
)


def recorded():
    w, x = Value(0.5, "w"), Value(3.0, "x")
    z = w * x
    z.label = "z"
    C = ops.tanh(z)
    C.label = "C"
    return Recorded(C, [w, x])


def plain():
    def program(at):
        w, x = at("w", 0.5), at("x", 3.0)
        at("C", tanh(at("z", w * x)))

    return Plain(program)


SLOPE = 1 - math.tanh(1.5) ** 2


@pytest.mark.parametrize("source", [recorded(), plain()], ids=["recorded", "plain"])
def test_quantities_know_values_and_derivatives(source):
    C, w, x, z = map(source, ["C", "w", "x", "z"])
    assert isinstance(w, Quantity)
    assert (float(w), float(x), float(z), w.label) == (0.5, 3.0, 1.5, "w")
    assert float(C) == pytest.approx(math.tanh(1.5), rel=1e-15)
    assert source.d(C, z) == pytest.approx(SLOPE, rel=1e-14)
    assert source.d(C, w) == pytest.approx(3.0 * SLOPE, rel=1e-14)
    assert source.d(z, x) == 0.5
    assert source.d(z, C) == 0.0
    assert source.d(C, C) == 1.0
    assert source.slope(C, [w, x], [2.0, -1.0]) == pytest.approx(5.5 * SLOPE, rel=1e-14)


@pytest.mark.parametrize("name", [*FUNCTIONS])
@pytest.mark.parametrize("z", [-2.0, -0.3, 0.7, 2.5])
def test_nonlinearities_of_both_sources_agree(name, z):
    (f, df), (g, dg) = Recorded.function(name), Plain.function(name)
    assert f(z) == pytest.approx(g(z), rel=1e-14)
    assert df(z) == pytest.approx(dg(z), rel=1e-14)
    assert isinstance(g(z), float)


def test_complex_steps_are_exact_where_differences_are_not():
    """Near the saturation of tanh, where 1 - tanh² has lost half of its digits."""
    _, slope = Plain.function("tanh")
    assert slope(10.0) == pytest.approx(4 * math.exp(-20) / (1 + math.exp(-20)) ** 2, rel=1e-14)


def test_composed_runs_the_same_rules_twice():
    rules = {"y": lambda f, x: f.tanh(x) * 2.0, "z": lambda f, x, y: f.sin(x) + y * y}
    both = composed(Random(0), ["x"], rules)
    for q in both:
        assert q["y"] == pytest.approx(2 * math.tanh(q["x"]), rel=1e-15)
        total = math.cos(q["x"]) + 2 * q["y"] * 2 * (1 - math.tanh(q["x"]) ** 2)
        assert q["d"](q["z"], q["x"]) == pytest.approx(total, rel=1e-13)
    assert both[0]["x"] == both[1]["x"]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (2.0, 2.0, 0.0),
        (2.0, -2.0, 2.0),
        (-4.0, -3.0, 0.25),
        (0.0, 0.5, 0.5),
        (0.0, 0.0, 0.0),
        ({}, {}, 0.0),
        ({1: 2.0, 2: -4.0}, {1: 2.0, 2: -3.0}, 0.25),
        ({1: {1: 1.0}, 2: {1: 8.0}}, {1: {1: 0.0}, 2: {1: 8.0}}, 0.125),
        (1.0, math.nan, math.inf),
        (1.0, math.inf, math.inf),
        (math.nan, 1.0, math.inf),
        (math.inf, math.inf, math.inf),
    ],
)
def test_error(left, right, expected):
    assert error(left, right) == expected


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ({1: 1.0}, {2: 1.0}, "the left side has 1, the right 2"),
        ({1: 1.0}, 1.0, "the right side is one number, the left is not"),
        (1.0, {1: 1.0}, "the left side is one number, the right is not"),
        ({1: {1: 1.0}}, {1: 1.0}, "the right side is one number, the left is not"),
    ],
)
def test_sides_of_other_shapes(left, right, reason):
    with pytest.raises(Undefined, match=f"^{reason}$"):
        error(left, right)


def test_statements_take_what_they_name():
    assert sides(lambda b, a: (a, b), {"a": 1.0, "b": 2.0, "c": 3.0}) == (1.0, 2.0)


def test_an_index_that_does_not_exist():
    with pytest.raises(Undefined, match=r"^there is no index \(3, 1\)$"):
        sides(lambda W: (1.0, W[3, 1]), {"W": {(1, 3): 1.0}})


def test_a_vector_where_a_number_belongs():
    with pytest.raises(Undefined, match="the shapes do not fit"):
        sides(lambda h: (1.0, math.log(h)), {"h": {1: 1.0}})


def test_errors_over_networks():
    networks = [[{"x": 1.0}, {"x": 1.0}], [{"x": 2.0}, {"x": 2.0}]]
    assert errors(lambda x: (x, 1.5 * x + 0.5), networks) == Errors((1.0, 0.75))


def test_engine_and_oracle_have_to_agree_with_each_other():
    """A formula that is consistent on each but not the same on both is found out."""
    assert errors(lambda x: (x, x), [[{"x": 1.0}, {"x": 1.25}]]).most == 0.25


def test_errors_count_what_is_undefined():
    networks = [[{"x": {1: 2.0}}] * 2, [{"x": {2: 3.0}}] * 2]
    assert errors(lambda x: (2.0, x[1]), networks) == Errors((0.0,), 1, "there is no index 1")
    nowhere = errors(lambda x: (2.0, x[3]), networks)
    assert nowhere == Errors((), 2, "there is no index 3")
    assert (nowhere.least, nowhere.most, nowhere.wrong) == (math.inf, math.inf, 0)


def test_errors_in_brief():
    found = Errors((0.0, 0.5, TOLERANCE, 2 * TOLERANCE, 0.25), 3, "no index")
    assert (found.least, found.most, found.wrong) == (0.0, 0.5, 3)


@pytest.mark.parametrize(
    ("shorthand", "latex"),
    [
        ("∂{C}{z}", r"\frac{\partial C}{\partial z}"),
        ("∂{C}{z^{(2)}_{ij}} x", r"\frac{\partial C}{\partial z^{(2)}_{ij}} x"),
        (r"∂{e}{\mathbf{w}^{(l)}}", r"\frac{\partial e}{\partial \mathbf{w}^{(l)}}"),
        (r"\partial C / \partial z", r"\partial C / \partial z"),
    ],
)
def test_fractions(shorthand, latex):
    assert fractions(shorthand) == latex


def test_a_formula_shows_itself():
    formula = Formula("X-01", "∂{C}{z}", "words", lambda: (0.0, 0.0), lambda rng: [])
    assert formula._repr_latex_() == r"$\displaystyle \frac{\partial C}{\partial z}$"
