# ruff: noqa: E741  l is the lecture's layer
"""Tests of Lec 16 against 25-digit references and differences; what its formulas and remarks do."""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

import mpmath
import pytest

from micrograd_bp import topological_order
from micrograd_bp.lectures import lec16
from micrograd_bp.lectures.lec16 import EXAMPLE, FORMULAS, REMARKS, Network
from micrograd_bp.lectures.statements import TOLERANCE, errors
from micrograd_bp.nn import tex

REFERENCE = json.loads(Path(__file__).with_name("worked_example.json").read_text())
LAYOUT, STRINGS = REFERENCE["lec16_layout"], REFERENCE["strings_25"]
FORWARD, BACKWARD, STEP = (STRINGS[key] for key in ("forward", "backward", "gradient_step"))

THREE = Network(
    x=(0.7, -0.4),
    y=-0.3,
    w=(
        ((0.2, -0.5, 0.9, 0.1), (1.1, 0.3, -0.8, 0.6), (-0.7, 0.4, 0.5, -1.2)),
        ((0.3, -0.2), (0.6, 0.8), (-0.9, 0.1), (0.4, -0.3), (0.7, 0.5)),
        ((-0.1,), (1.3,), (-0.6,)),
    ),
)
TWO = Network(x=(1.5,), y=0.2, w=(((0.1, -0.3), (0.8, 0.5)), ((0.2,), (-0.7,), (1.1,))))
ONE = Network(x=(1.5, -2.0), y=0.2, w=(((0.1,), (0.8,), (0.5,)),))
NETWORKS = [EXAMPLE, THREE, TWO, ONE]


def off(number, digits):
    """How far a float is from a decimal string, relative to it."""
    return float(abs((Decimal(number) - Decimal(digits)) / Decimal(digits)))


# ------------------------------------------------------------------ the worked example


def references():
    """∂e/∂ of every weight, sum and output: twice those of the loss with ½, indices exchanged."""
    found = {}
    for l, units in ((1, 3), (2, 2)):
        for j in range(units):
            found[tex("w", l, 0, j + 1)] = BACKWARD[f"dC_db{l}"][j]
            found[tex("s", l, j + 1)] = BACKWARD[f"dC_dz{l}"][j]
            found[tex("x", l, j + 1)] = BACKWARD[f"dC_da{l}"][j]
            for i, digits in enumerate(BACKWARD[f"dC_dW{l}"][j], 1):
                found[tex("w", l, i, j + 1)] = digits
    found |= {tex("x", 0, i): digits for i, digits in enumerate(BACKWARD["dC_da0"], 1)}
    found |= {tex("w", 3, i, 1): digits for i, digits in enumerate(BACKWARD["dC_dw3"], 1)}
    found |= {"w^{(3)}_{01}": BACKWARD["dC_db3"], "s^{(3)}": BACKWARD["dC_dz3"]}
    found["x^{(3)}"] = BACKWARD["dC_da3"]
    return {label: str(2 * Decimal(digits)) for label, digits in found.items()}


DERIVATIVES = references()


def test_the_example_is_the_layout_of_the_reference():
    assert [[list(row) for row in rows] for rows in EXAMPLE.w] == [
        LAYOUT[f"W{l}"] for l in (1, 2, 3)
    ]
    assert EXAMPLE.x == (0.5, -1.5, 2.0)
    assert EXAMPLE.y == REFERENCE["inputs"]["t"]


@pytest.mark.parametrize("label", DERIVATIVES)
def test_derivatives_of_the_example(label):
    e, _, _, _ = lec16.build(EXAMPLE)
    e.backward()
    node = {v.label: v for v in topological_order(e)}
    # Terms sixty times as large cancel in this one.
    tolerance = 1e-13 if label == "x^{(0)}_3" else 1e-14
    assert off(node[label].grad, DERIVATIVES[label]) <= tolerance
    assert off(lec16.by_hand(EXAMPLE)[1][label], DERIVATIVES[label]) <= tolerance


def test_by_hand_has_all_of_them():
    forward, backward = lec16.by_hand(EXAMPLE)
    assert {*backward} == {*DERIVATIVES}
    assert len(backward) == 38
    for l, units in ((1, 3), (2, 2)):
        for j in range(units):
            assert off(forward[tex("s", l, j + 1)], FORWARD[f"z{l}"][j]) <= 1e-14
            assert off(forward[tex("x", l, j + 1)], FORWARD[f"a{l}"][j]) <= 1e-14
    assert off(forward["s^{(3)}"], FORWARD["z3"]) <= 1e-14
    assert off(forward["x^{(3)}"], FORWARD["a3"]) <= 1e-14
    assert off(forward["e"], 2 * Decimal(FORWARD["C"])) <= 1e-14
    assert len(forward) == 13


@pytest.mark.parametrize("l", [1, 2, 3])
def test_gradients_have_the_lectures_layout(l):
    e, w, _, _ = lec16.build(EXAMPLE)
    e.backward()
    rows = LAYOUT[f"dW{l}"]
    assert {(i, j + 1) for i, row in enumerate(rows) for j in range(len(row))} == {*w[l]}
    for i, row in enumerate(rows):
        for j, derivative in enumerate(row, 1):
            assert w[l][i, j].grad == pytest.approx(2 * derivative, rel=1e-11)
            assert w[l][i, j].data == LAYOUT[f"W{l}"][i][j - 1]


def test_half_the_rate_is_the_step_of_the_other_loss():
    """(x - y)² with η = ¼ moves the weights as ½(a - t)² does with η = ½."""
    rows = {row.label: row for row in lec16.update(EXAMPLE)}
    assert len(rows) == 23
    for l in (1, 2):
        for j, (bias, row) in enumerate(zip(STEP[f"b{l}"], STEP[f"W{l}"]), 1):
            for i, digits in enumerate([bias, *row]):
                assert off(rows[tex("w", l, i, j)].engine, digits) <= 1e-14
    assert off(rows["w^{(3)}_{01}"].hand, STEP["b3"]) <= 1e-14
    moved = tuple(
        tuple(
            tuple(rows[tex("w", l, i, j)].hand for j in range(1, len(row) + 1))
            for i, row in enumerate(matrix)
        )
        for l, matrix in enumerate(EXAMPLE.w, 1)
    )
    e, _, _, _ = lec16.build(Network(EXAMPLE.x, EXAMPLE.y, moved))
    assert off(e.data, 2 * Decimal(STEP["C_after"])) <= 1e-14


# ------------------------------------------------------------------ other networks


@pytest.mark.parametrize("theta", lec16.NONLINEARITIES)
@pytest.mark.parametrize("network", NETWORKS, ids=["example", "three", "two", "one"])
def test_engine_agrees_with_by_hand(network, theta):
    network = Network(network.x, network.y, network.w, theta)
    forward, backward = lec16.compare(network)
    assert forward[-1].label == "e"
    assert backward[0].label == tex("x", len(network.w))
    rows = forward + backward + lec16.update(network)
    largest = max(abs(row.engine) for row in rows)
    assert largest > 0.01
    for row in rows:
        assert abs(row.difference) <= 1e-14 * max(abs(row.engine), 0.01)


@pytest.mark.parametrize("network", NETWORKS, ids=["example", "three", "two", "one"])
def test_derivatives_are_slopes(network):
    """Every ∂e/∂w against differences of 40 digits."""

    def loss(moved, by):
        x = [mpmath.mpf(value) for value in network.x]
        for l, rows in enumerate(network.w, 1):
            s = [mpmath.mpf(0)] * len(rows[0])
            for i, (row, x_i) in enumerate(zip(rows, [1, *x])):
                for j, w in enumerate(row):
                    s[j] += (mpmath.mpf(w) + (by if (l, i, j + 1) == moved else 0)) * x_i
            x = [1 / (1 + mpmath.exp(-s_j)) for s_j in s]
        return (x[0] - mpmath.mpf(network.y)) ** 2

    e, w, _, _ = lec16.build(network)
    e.backward()
    with mpmath.workdps(40):
        h = mpmath.mpf(10) ** -12
        assert abs(e.data - loss(None, 0)) <= 1e-15
        for l in w:
            for i, j in w[l]:
                slope = (loss((l, i, j), h) - loss((l, i, j), -h)) / (2 * h)
                assert w[l][i, j].grad == pytest.approx(float(slope), rel=1e-12)


def test_graph_is_the_lectures():
    e, w, s, x = lec16.build(THREE)
    assert [[*w[l]] for l in (3,)] == [[(0, 1), (1, 1), (2, 1)]]
    assert {l: len(w[l]) for l in w} == {1: 12, 2: 10, 3: 3}
    assert {l: [*x[l]] for l in x} == {0: [0, 1, 2], 1: [0, 1, 2, 3, 4], 2: [0, 1, 2], 3: [1]}
    assert {l: [*s[l]] for l in s} == {1: [1, 2, 3, 4], 2: [1, 2], 3: [1]}
    for l in range(3):
        assert (x[l][0].data, x[l][0].parents) == (1.0, ())
        assert all(x[l][0] in s_j.parents for s_j in s[l + 1].values())
    node = s[2][2]
    assert node.op == "dot"
    assert node.parents == (*(w[2][i, 2] for i in range(5)), *x[1].values())
    labels = [v.label for v in topological_order(e) if v.label]
    assert len(labels) == len({*labels}) == 12 + 10 + 3 + 2 * 7 + 3 + 2 + 2
    assert (x[3][1].label, s[3][1].label, x[2][1].label) == ("x^{(3)}", "s^{(3)}", "x^{(2)}_1")


def test_only_one_sum_depends_on_a_weight():
    from micrograd_bp import grad

    _, w, s, x = lec16.build(THREE)
    for j in s[2]:
        for i, k in w[2]:
            assert grad(s[2][j], w[2][i, k]) == (x[1][i].data if j == k else 0.0)


def test_exercises():
    weight, last, hidden, left_open = lec16.exercises(EXAMPLE)
    _, backward = lec16.by_hand(EXAMPLE)
    for derivation, label in (
        (weight, "w^{(2)}_{21}"),
        (last, "s^{(3)}"),
        (hidden, "s^{(1)}_2"),
    ):
        assert derivation.wrt.label == label
        assert derivation.value == pytest.approx(backward[label], rel=1e-14)
    assert last.text("local") == "∂e/∂s⁽³⁾ = 2 · (x⁽³⁾-y) · σ′(s⁽³⁾)"
    assert [path.product for path in left_open.paths] == [3.0, 2.0]
    assert left_open.value == 5.0


@pytest.mark.parametrize(
    ("network", "labels"),
    [
        (THREE, ["w^{(2)}_{21}", "s^{(3)}", "s^{(1)}_2", "t"]),
        (TWO, ["w^{(2)}_{21}", "s^{(2)}", "s^{(1)}_2", "t"]),
        (ONE, ["w^{(1)}_{21}", "s^{(1)}", "s^{(1)}", "t"]),
        (
            Network(x=(1.0,), y=0.0, w=(((0.1,), (0.2,)),) * 3),
            ["w^{(2)}_{11}", "s^{(3)}", "s^{(1)}_1", "t"],
        ),
    ],
)
def test_exercises_of_smaller_networks(network, labels):
    assert [derivation.wrt.label for derivation in lec16.exercises(network)] == labels


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"w": ()}, "w: expected at least 1 matrix of weights, got none"),
        ({"w": (((0.1,), (0.2,)),)}, r"w\^\(1\): expected 4 rows .* 3 units below, got 2 of \[1\]"),
        ({"w": ((), ((0.1,),))}, r"w\^\(1\): expected 4 rows .* got 0 of \[\]"),
        (
            {"w": (EXAMPLE.w[0], EXAMPLE.w[1][:-1], EXAMPLE.w[2])},
            r"w\^\(2\): expected 4 rows of one length, .* got 3 of \[2\]",
        ),
        (
            {"w": (EXAMPLE.w[0], (*EXAMPLE.w[1][:-1], (0.1,)), EXAMPLE.w[2])},
            r"w\^\(2\): .* got 4 of \[1, 2\]",
        ),
        ({"w": EXAMPLE.w[:2]}, r"w\^\(2\): expected 1 column, for 1 output, got 2"),
        ({"x": (1.0,)}, r"w\^\(1\): expected 2 rows"),
        ({"theta": "step"}, "theta: expected one of sigmoid, tanh, relu, got 'step'"),
    ],
)
def test_a_network_that_does_not_fit(changes, expected):
    with pytest.raises(ValueError, match=expected):
        Network(**{**vars(EXAMPLE), **changes})


# ------------------------------------------------------------------ the formulas and the remarks


@cache
def drawn(given, networks):
    return [given(Random(f"lec16/{k}")) for k in range(networks)]


def run(statement, given, networks=25):
    return errors(statement, drawn(given, networks))


FAILS = {"LEC16-10", "LEC16-12", "LEC16-20"}


def test_formulas_are_all_there():
    assert [formula.id for formula in FORMULAS] == [f"LEC16-{k:02}" for k in range(1, 23)]
    assert {formula.id for formula in FORMULAS if formula.corrected} == FAILS
    assert {f.id: f.erratum for f in FORMULAS if f.erratum} == {"LEC16-10": "E9", "LEC16-12": "E10"}
    assert [remark.id for remark in REMARKS] == ["E9", "E10", "G1", "G2", "G3", "C1", "C2"]
    assert {key for remark in REMARKS for key in remark.formulas} <= {f.id for f in FORMULAS}


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.id)
def test_formula(formula):
    found = run(formula.corrected or formula.printed, formula.given)
    assert not found.undefined
    assert found.most <= 1e-12


def test_the_weights_gradient_is_not_the_sums():
    found = run(FORMULAS[9].printed, FORMULAS[9].given)
    assert 1e-3 < found.least < 0.5 < found.most < 10
    assert not found.undefined


def test_there_is_no_sensitivity_of_the_constant():
    found = run(FORMULAS[11].printed, FORMULAS[11].given)
    assert (found.undefined, found.reason) == (25, "there is no index 0")


def test_the_packing_line_is_no_equation():
    found = run(FORMULAS[19].printed, FORMULAS[19].given)
    assert found.least > 0.1
    assert not found.undefined


RUNS = {run.shows: (remark, run) for remark in REMARKS for run in remark.runs}


@pytest.mark.parametrize(
    ("remark", "shows", "least", "most"),
    [
        ("E9", "as printed, for i = 0 alone, where the input is 1", 0.0, TOLERANCE),
        ("G1", "read from end to end, δ = θ′(s)", 0.1, 1e4),
        ("C1", "to i from j, W = wᵀ: the gradient is δ xᵀ", 0.0, TOLERANCE),
        ("C2", "with ½: δ = (x − y) θ′(s)", 0.0, TOLERANCE),
        ("C2", "mixed, 15 for the loss with ½: twice as much", 1 - TOLERANCE, 1 + TOLERANCE),
    ],
)
def test_run(remark, shows, least, most):
    found = run(RUNS[shows][1].statement, RUNS[shows][1].given)
    assert RUNS[shows][0].id == remark
    assert not found.undefined
    assert least <= found.least <= found.most <= most


def test_a_vector_as_long_as_the_layer_below_is_right_for_square_matrices_alone():
    (_, evidence) = RUNS["begun at 1, but as long as the layer below: x δᵀ has another shape"]
    found = run(evidence.statement, evidence.given)
    assert 5 <= found.undefined <= 20
    assert found.most <= TOLERANCE


def test_mixing_both_orders_of_indices_is_undefined_or_wrong():
    (_, evidence) = RUNS["mixed, without the biases: δ xᵀ for the gradient of w"]
    found = run(evidence.statement, evidence.given)
    assert 5 <= found.undefined <= 20
    assert found.least > 1e-3


def test_every_run_is_tested():
    assert len(RUNS) == 7
