"""Tests of ML: by hand beside the engine and beside 40-digit numbers; formulas and remarks."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import mpmath
import pytest
from mpmath import mp, mpf

from micrograd_bp import topological_order
from micrograd_bp.lectures import csc311, ml
from micrograd_bp.lectures.ml import EXAMPLE, MULTILAYER, PERCEPTRON, Multilayer, Network
from micrograd_bp.lectures.statements import TOLERANCE, errors

REFERENCE = json.loads(Path(__file__).with_name("worked_example.json").read_text())["strings_25"]
ALL = {"small": EXAMPLE, "perceptron": PERCEPTRON, "multilayer": MULTILAYER}
FIRST = replace(EXAMPLE, batch=EXAMPLE.batch[:1])


def random_networks(seed):
    rng = Random(seed)

    def vector(size):
        return tuple(rng.uniform(-2.0, 2.0) for _ in range(size))

    inputs, hidden, outputs = (rng.randint(1, 4) for _ in range(3))
    return {
        "small": Network(
            tuple((vector(2), vector(2)) for _ in range(rng.randint(1, 4))), vector(8), vector(5)
        ),
        "perceptron": ml.Perceptron(vector(inputs), rng.random(), vector(inputs + 1)),
        "multilayer": Multilayer(
            vector(inputs),
            vector(outputs),
            tuple(vector(hidden) for _ in range(inputs + 1)),
            tuple(vector(outputs) for _ in range(hidden + 1)),
        ),
    }


# ------------------------------------------------------------------ 40 digits


def layer(rows, biases, inputs):
    """The sigmoids of a layer; a row of weights and a bias for each unit."""
    sums = [mpmath.fdot(row, inputs) + b for row, b in zip(rows, biases, strict=True)]
    return [1 / (1 + mpmath.exp(-z)) for z in sums]


def loss(network, θ):
    """L or E of the parameters, in the order of `build`."""
    θ = [*map(mpf, θ)]
    if isinstance(network, Network):
        w, b = θ[:8], θ[8:]
        layers = [
            ([w[0:2]], b[0:1]),
            ([[w[2]], [w[3]]], b[1:3]),
            ([[w[4], w[6]], [w[5], w[7]]], b[3:5]),
        ]
        batch = network.batch
    elif isinstance(network, Multilayer):
        inputs, hidden, outputs = map(len, network.units)
        cut = (inputs + 1) * hidden
        layers = []
        for flat, size in ((θ[:cut], hidden), (θ[cut:], outputs)):
            columns = [flat[i::size] for i in range(size)]
            layers.append(([column[1:] for column in columns], [column[0] for column in columns]))
        batch = [(network.x, network.y)]
    else:
        layers = [([θ[1:]], θ[:1])]
        batch = [(network.x, [network.y])]
    total = mpf(0)
    for x, targets in batch:
        a = [*map(mpf, x)]
        for rows, biases in layers:
            a = layer(rows, biases, a)
        total += sum((y - mpf(t)) ** 2 for y, t in zip(a, targets, strict=True)) / 2
    return total


def slopes(network):
    """∂loss/∂θ by central differences of 40 digits, exact to 20."""
    θ = [parameter.data for parameter in ml.build(network)[1].values()]
    with mp.workdps(40):
        h = mpf(10) ** -12
        moved = [
            [loss(network, [*θ[:k], mpf(θ[k]) + s, *θ[k + 1 :]]) for s in (h, -h)]
            for k in range(len(θ))
        ]
        return [(up - down) / (2 * h) for up, down in moved]


@pytest.mark.parametrize("name", ALL)
def test_gradients_of_the_examples_to_the_last_digits(name):
    network = ALL[name]
    value, θ = ml.build(network)
    value.backward()
    forward, backward = ml.by_hand(network)
    with mp.workdps(40):
        exact = loss(network, [parameter.data for parameter in θ.values()])
        assert abs(value.data - exact) <= 1e-15 * exact
        assert abs(forward[value.label] - exact) <= 1e-15 * exact
        for (label, parameter), slope in zip(θ.items(), slopes(network), strict=True):
            assert abs(parameter.grad - slope) <= 1e-14 * abs(slope), label
            assert abs(backward[label] - slope) <= 1e-14 * abs(slope), label


@pytest.mark.parametrize("seed", range(5))
def test_gradients_of_random_networks(seed):
    for network in random_networks(seed).values():
        _, backward = ml.by_hand(network)
        found = [backward[label] for label in ml.build(network)[1]]
        assert found == pytest.approx([float(slope) for slope in slopes(network)], 1e-11, 1e-15)


# ------------------------------------------------------------------ the worked example's layers


def digits(section, key):
    entry = REFERENCE[section][key]
    return [float(e) for e in entry] if isinstance(entry, list) else float(entry)


def test_a_perceptron_is_the_worked_examples_output():
    inputs = REFERENCE["inputs"]
    network = ml.Perceptron(
        x=tuple(digits("forward", "a2")),
        y=float(inputs["t"]),
        W=(float(inputs["b3"]), *map(float, inputs["w3"])),
    )
    forward, backward = ml.by_hand(network)
    assert forward["in"] == pytest.approx(digits("forward", "z3"), 1e-14)
    assert forward["h"] == pytest.approx(digits("forward", "a3"), 1e-14)
    assert forward["Err"] == pytest.approx(-digits("backward", "dC_da3"), 1e-14)
    assert forward["E"] == pytest.approx(digits("forward", "C"), 1e-14)
    expected = [digits("backward", "dC_db3"), *digits("backward", "dC_dw3")]
    assert [*backward.values()] == pytest.approx(expected, 1e-14)


def test_two_layers_are_the_worked_examples_last_two():
    inputs = REFERENCE["inputs"]
    W2 = [[float(w) for w in row] for row in inputs["W2"]]
    network = Multilayer(
        x=tuple(digits("forward", "a1")),
        y=(float(inputs["t"]),),
        W_kj=(tuple(map(float, inputs["b2"])), *zip(*W2)),
        W_ji=((float(inputs["b3"]),), *((float(w),) for w in inputs["w3"])),
    )
    forward, backward = ml.by_hand(network)
    dz2 = digits("backward", "dC_dz2")
    assert forward["E"] == pytest.approx(digits("forward", "C"), 1e-14)
    assert backward[r"\Delta_{6}"] == pytest.approx(-digits("backward", "dC_dz3"), 1e-14)
    assert [backward[rf"\Delta_{{{j}}}"] for j in (4, 5)] == pytest.approx(
        [-dz for dz in dz2], 1e-14
    )
    for i, row in enumerate(REFERENCE["backward"]["dC_dW2"]):
        found = [backward[f"W_{{{k},{i + 4}}}"] for k in (1, 2, 3)]
        assert found == pytest.approx([*map(float, row)], 1e-14)
        assert backward[f"W_{{0,{i + 4}}}"] == pytest.approx(dz2[i], 1e-14)


# ------------------------------------------------------------------ by hand, engine


@pytest.mark.parametrize("name", ALL)
def test_engine_and_hand_are_equal_to_rounding(name):
    forward, backward = ml.compare(ALL[name])
    for row in [*forward, *backward, *ml.update(ALL[name])]:
        assert row.engine == pytest.approx(row.hand, rel=1e-14, abs=0.0), row.label


@pytest.mark.parametrize("seed", range(10))
def test_engine_and_hand_are_equal_on_random_networks(seed):
    for network in random_networks(f"beside/{seed}").values():
        forward, backward = ml.compare(network)
        for row in [*forward, *backward, *ml.update(network)]:
            assert row.engine == pytest.approx(row.hand, rel=1e-11, abs=1e-14), row.label


@pytest.mark.parametrize("name", ALL)
def test_by_hand_without_the_engine(name, monkeypatch):
    expected = ml.by_hand(ALL[name])
    for part in ("Value", "dot", "sigmoid", "squared_error", "topological_order", "ops"):
        monkeypatch.setattr(ml, part, None)
    assert ml.by_hand(ALL[name]) == expected


def test_labels_in_the_lectures_order():
    forward, backward = ml.by_hand(FIRST)
    assert " ".join(forward) == (
        r"z a z^{\prime} z^{\prime\prime} a^{\prime} a^{\prime\prime} z_1 z_2 y_1 y_2 l L"
    )
    assert " ".join(backward) == (
        r"y_1 y_2 z_1 z_2 a^{\prime} a^{\prime\prime} z^{\prime} z^{\prime\prime} a z "
        r"w_1 w_2 w_3 w_4 w_5 w_6 w_7 w_8 b b^{\prime} b^{\prime\prime} b_1 b_2"
    )
    forward, backward = ml.by_hand(PERCEPTRON)
    assert (" ".join(forward), " ".join(backward)) == ("in h Err E", "W_0 W_1 W_2 W_3")
    forward, backward = ml.by_hand(MULTILAYER)
    assert [*forward][-3:] == ["Err_{5}", "Err_{6}", "E"]
    assert [*backward][:5] == [*(rf"\Delta_{{{i}}}" for i in (5, 6, 3, 4)), "W_{0,3}"]


@pytest.mark.parametrize("name", ALL)
def test_every_node_has_a_label_of_its_own(name):
    value, θ = ml.build(ALL[name])
    nodes = topological_order(value)
    assert len({v.label for v in nodes}) == len(nodes)
    assert all(v.label for v in nodes)
    assert value.label == ("L" if name == "small" else "E")
    assert {*θ.values()} <= {*nodes}


def test_a_batch_is_the_sum_of_its_examples():
    forward, backward = ml.by_hand(EXAMPLE)
    alone = [ml.by_hand(replace(EXAMPLE, batch=(example,))) for example in EXAMPLE.batch]
    assert forward["L"] == pytest.approx(sum(one["l"] for one, _ in alone), 1e-15)
    assert [forward[f"l^{{{n}}}"] for n in (1, 2, 3)] == [one["l"] for one, _ in alone]
    for label in ml.build(EXAMPLE)[1]:
        assert backward[label] == pytest.approx(sum(one[label] for _, one in alone), 1e-14)
    for n, (_, one) in enumerate(alone, 1):
        assert backward[rf"z^{{\prime {n}}}"] == one[r"z^{\prime}"]


def test_one_step_lowers_the_loss():
    for network in (EXAMPLE, PERCEPTRON, MULTILAYER):
        θ = [row.hand for row in ml.update(network)]
        before = [parameter.data for parameter in ml.build(network)[1].values()]
        assert loss(network, θ) < loss(network, before)


def test_steps_are_those_of_the_rules():
    before = {v.label: v.data for v in ml.build(EXAMPLE)[1].values()}
    _, backward = ml.by_hand(EXAMPLE)
    for row in ml.update(replace(EXAMPLE, eta=0.25)):
        assert row.hand == before[row.label] - 0.25 * backward[row.label]
    forward, backward = ml.by_hand(MULTILAYER)
    after = {row.label: row.hand for row in ml.update(replace(MULTILAYER, alpha=0.25))}
    Δ5, Δ3 = backward[r"\Delta_{5}"], backward[r"\Delta_{3}"]
    assert after["W_{0,5}"] == 0.2 + 0.25 * Δ5
    assert after["W_{3,5}"] == 0.7 + 0.25 * forward["a_{3}"] * Δ5
    assert after["W_{2,3}"] == -0.5 + 0.25 * -0.5 * Δ3


# ------------------------------------------------------------------ exercises


@pytest.mark.parametrize("network", [EXAMPLE, FIRST])
def test_exercises_of_the_small_net(network):
    found = ml.exercises(network)
    mark = "^{1}" if network is EXAMPLE else ""
    assert [d.output.label for d in found] == [f"{s}{mark}" for s in ("l", "z", "z", "l", "l")]
    assert [len(d.paths) for d in found] == [4, 1, 1, 2, 2]
    _, backward = ml.by_hand(FIRST)
    expected = [backward["w_1"], 1.0, -1.0, backward[r"z^{\prime}"], backward[r"z^{\prime\prime}"]]
    assert [d.value for d in found] == pytest.approx(expected, 1e-14)


def test_exercises_of_perceptrons():
    (one,) = ml.exercises(PERCEPTRON)
    assert (one.wrt.label, one.value) == ("W_1", pytest.approx(-0.07356215197749520, 1e-14))
    found = ml.exercises(MULTILAYER)
    _, backward = ml.by_hand(MULTILAYER)
    expected = [-backward[r"\Delta_{5}"], -backward[r"\Delta_{3}"]]
    expected += [backward["W_{3,5}"], backward["W_{1,3}"]]
    assert [d.value for d in found] == pytest.approx(expected, 1e-14)
    assert [len(d.paths) for d in found] == [1, 2, 1, 2]


# ------------------------------------------------------------------ what does not fit


@pytest.mark.parametrize(
    ("network", "changes", "expected"),
    [
        (EXAMPLE, {"w": (1.0,) * 7}, "w: expected 8, got 7"),
        (EXAMPLE, {"b": ()}, "b: expected 5, got 0"),
        (EXAMPLE, {"batch": ()}, "batch: expected at least 1 example"),
        (EXAMPLE, {"batch": (((1.0,), (1.0, 0.0)),)}, r"batch\[0\]: x: expected 2, got 1"),
        (EXAMPLE, {"batch": (((1.0, 2.0), (1.0,)),)}, r"batch\[0\]: t: expected 2, got 1"),
        (PERCEPTRON, {"W": (0.1, 0.4, 0.3)}, "W, x_0 = 1 included: expected 4, got 3"),
        (MULTILAYER, {"W_kj": ()}, "expected inputs, hidden units and outputs, got 2, 0 and 2"),
        (MULTILAYER, {"y": ()}, "got 2, 2 and 0 of them"),
        (MULTILAYER, {"x": (1.0,)}, "rows of W_kj, unit 0 included: expected 2, got 3"),
        (MULTILAYER, {"y": (1.0,)}, r"W_ji\[0\]: expected 1, got 2"),
        (MULTILAYER, {"W_ji": ((0.1, 0.2),) * 2}, "rows of W_ji, unit 0 included: expected 3"),
    ],
)
def test_sizes_that_do_not_fit(network, changes, expected):
    with pytest.raises(ValueError, match=expected):
        replace(network, **changes)


@pytest.mark.parametrize("act", [ml.build, ml.by_hand, ml.compare, ml.update, ml.exercises])
@pytest.mark.parametrize("network", [None, 3, csc311.EXAMPLE])
def test_what_is_no_network_of_this_lecture(act, network):
    with pytest.raises(
        TypeError, match=r"expected ml\.Network, .*, got .*(NoneType|int|csc311\.Network)"
    ):
        act(network)


# ------------------------------------------------------------------ formulas and remarks


@cache
def drawn(given, networks):
    return [given(Random(f"ml/{k}")) for k in range(networks)]


def run(statement, given, networks=25):
    return errors(statement, drawn(given, networks))


@pytest.mark.parametrize("formula", ml.FORMULAS, ids=lambda formula: formula.id)
def test_every_formula_holds_as_printed(formula):
    found = run(formula.printed, formula.given)
    assert not found.undefined
    assert found.most < TOLERANCE / 1000
    assert formula.corrected is None


OUTCOMES = {  # least and most error, or why there is none
    ("O8", "of the sum, the derivative keeps the one term with W_j"): (0.0, 1e-12),
    ("O9", "of ½ΣErr², Δ_j is 20"): (0.0, 1e-12),
    ("O9", "of ½Err² of one output, Δ_j is not 20"): (1e-3, 1e5),
    ("O10", "∂z/∂b is 1, and ∂l/∂b is ∂l/∂z"): (0.0, 1e-12),
    ("S2", "a softmax, as printed"): (0.5, 1e3),
    ("S2", "a softmax, summed over the outputs"): (0.0, 1e-12),
    ("S6", "updating first"): (1e-3, 1e2),
    ("C3", "∂E/∂in with a minus is the same step"): (0.0, 1e-12),
    ("C3", "Δ with a minus is a step uphill: off by twice the step"): (2 - 1e-12, 2 + 1e-12),
    ("C4", "the transpose, summed to i from j"): (0.0, 1e-12),
    ("C4", "this matrix, read to i from j"): "there is no index",
}
RUNS = {(remark.id, run.shows): run for remark in ml.REMARKS for run in remark.runs}


def test_every_run_has_its_outcome():
    assert {*RUNS} == {*OUTCOMES}
    assert {remark.kind for remark in ml.REMARKS} == {"omission", "scope", "convention"}


@pytest.mark.parametrize("key", OUTCOMES, ids=" ".join)
def test_runs_show_what_they_say(key):
    found = run(RUNS[key].statement, RUNS[key].given)
    if isinstance(OUTCOMES[key], str):
        assert found.undefined == 25
        assert found.reason.startswith(OUTCOMES[key])
    else:
        least, most = OUTCOMES[key]
        assert found.undefined == 0
        assert least <= found.least <= found.most <= most
