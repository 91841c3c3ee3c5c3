"""Tests of the CSC311 example against 25-digit references, and of networks from files."""

import json
import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from micrograd_bp import topological_order
from micrograd_bp.lectures import csc311
from micrograd_bp.lectures.csc311 import EXAMPLE, Network
from micrograd_bp.nn import ACTIVATIONS, tex

REFERENCE = json.loads(Path(__file__).with_name("worked_example.json").read_text())["strings_25"]
GOOD = {
    "x": [0.5, -1.5],
    "t": 0.9,
    "W1": [[0.1, -0.2], [0.4, 0.5], [0.3, -0.6]],
    "b1": [0.1, -0.1, 0.2],
    "W2": [[0.3, -0.5, 0.2], [-0.4, 0.6, 0.7]],
    "b2": [0.05, -0.15],
    "w3": [0.8, -0.9],
    "b3": 0.25,
}


def by_label(section):
    """{"W^{(2)}_{12}": "-0.0021…"} of {"dC_dW2": [["…", "-0.0021…"]]}."""
    found = {}
    for key, entry in REFERENCE[section].items():
        name = key.removeprefix("dC_d")
        if name == "C":
            found["C"] = entry
        elif name[1:].isdigit():
            symbol, layer = name[0], int(name[1:])
            for i, row in enumerate(entry, 1) if isinstance(entry, list) else ():
                for j, digits in enumerate(row, 1) if isinstance(row, list) else ():
                    found[tex(symbol, layer, i, j)] = digits
                if isinstance(row, str):
                    found[tex(symbol, layer, i)] = row
            if isinstance(entry, str):
                found[tex(symbol, layer)] = entry
    return found


FORWARD, BACKWARD = by_label("forward"), by_label("backward")


def off(number, digits):
    """How far a float is from a decimal string, relative to it."""
    return float(abs((Decimal(number) - Decimal(digits)) / Decimal(digits)))


def sigma_prime(layer, i=None):
    entry = REFERENCE["forward"][f"sigma_prime_z{layer}"]
    return entry if i is None else entry[i - 1]


# ------------------------------------------------------------------ the worked example


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": (0.5,)}, "W1: expected rows of 1 numbers"),
        ({"b1": (0.1,)}, "b1: expected 3 numbers, one for each row of W1, got 1"),
        ({"W2": ((0.3, -0.5), (-0.4, 0.6))}, "W2: expected rows of 3 numbers"),
        ({"w3": (0.8,)}, "w3: expected rows of 2 numbers"),
    ],
)
def test_by_hand_says_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        csc311.by_hand(replace(EXAMPLE, **change))


def test_the_reference_is_of_the_example():
    inputs = REFERENCE["inputs"]
    for name in ("x", "t", "W1", "b1", "W2", "b2", "w3", "b3", "eta"):
        expected = json.loads(json.dumps(inputs[name]).replace('"', ""))
        assert json.loads(json.dumps(getattr(EXAMPLE, name))) == expected
    assert (len(FORWARD), len(BACKWARD)) == (16, 38)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("label", FORWARD)
def test_forward_of_the_engine(label, fused):
    C, _, _ = csc311.build(EXAMPLE, fused)
    node = {v.label: v for v in topological_order(C)}
    assert off(node[label].data, FORWARD[label]) <= 1e-14


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("label", BACKWARD)
def test_backward_of_the_engine(label, fused):
    C, _, _ = csc311.build(EXAMPLE, fused)
    C.backward()
    node = {v.label: v for v in topological_order(C)}
    # Three terms sixty times as large cancel in this one: in another order they round apart.
    tolerance = 1e-13 if label == "a^{(0)}_3" and not fused else 1e-14
    assert off(node[label].grad, BACKWARD[label]) <= tolerance


def test_by_hand():
    forward, backward = csc311.by_hand(EXAMPLE)
    assert {*forward} == {label for label in FORWARD if not label.startswith("a^{(0)}")}
    assert {*backward} == {*BACKWARD}
    assert {k: v for k, v in forward.items() if off(v, FORWARD[k]) > 1e-14} == {}
    # See above: from Python 3.12 on, sum() rounds in another way.
    tolerances = dict.fromkeys(BACKWARD, 1e-14) | {"a^{(0)}_3": 1e-13}
    assert {k: v for k, v in backward.items() if off(v, BACKWARD[k]) > tolerances[k]} == {}


@pytest.mark.parametrize(
    ("weight", "index"),
    [(("W2", i, j), (2, i + 1, j + 1)) for i in range(2) for j in range(3)]
    + [(("W1", i, j), (1, i + 1, j + 1)) for i in range(3) for j in range(3)],
)
def test_model_has_each_weight_in_its_place(weight, index):
    name, i, j = weight
    C, model, _ = csc311.build(EXAMPLE)
    C.backward()
    assert model.weight(*index).data == getattr(EXAMPLE, name)[i][j]
    assert off(model.weight(*index).grad, REFERENCE["backward"][f"dC_d{name}"][i][j]) <= 1e-14


def test_compare_has_both_in_the_lectures_order():
    forward, backward = csc311.compare(EXAMPLE)
    assert [row.label for row in forward][-3:] == ["z^{(3)}", "a^{(3)}", "C"]
    assert [row.label for row in backward][:5] == [
        "a^{(3)}", "z^{(3)}", "w^{(3)}_1", "w^{(3)}_2", "b^{(3)}",
    ]  # fmt: skip
    assert len({row.label for row in backward}) == len(backward) == 38
    assert max(abs(row.difference) for row in forward + backward) < 1e-15
    assert forward[0].difference == forward[0].engine - forward[0].hand


def test_first_exercise():
    exercise, _ = csc311.exercises(EXAMPLE)
    reference = REFERENCE["exercise_dC_dW12_2"]
    (path,) = exercise.paths
    assert exercise.wrt.label == "W^{(2)}_{12}"
    assert " ".join(v.label for v in path.nodes) == (
        "C a^{(3)} z^{(3)} a^{(2)}_1 z^{(2)}_1 W^{(2)}_{12}"
    )
    names = ("dC_da3", "da3_dz3", "dz3_da2_1", "da2_1_dz2_1", "dz2_1_dW12_2")
    for local, name in zip(path.local_derivatives, names, strict=True):
        assert off(local, reference[name]) <= 1e-14
    assert off(path.product, reference["product"]) <= 1e-14
    assert off(exercise.value, reference["product"]) <= 1e-14


def test_second_exercise():
    _, exercise = csc311.exercises(EXAMPLE)
    reference = REFERENCE["exercise_dC_dW23_1"]
    assert exercise.wrt.label == "W^{(1)}_{23}"
    assert len(exercise.paths) == 2
    for i, path in enumerate(exercise.paths, 1):
        assert [v.label for v in path.nodes] == [
            "C", "a^{(3)}", "z^{(3)}", f"a^{{(2)}}_{i}", f"z^{{(2)}}_{i}",
            "a^{(1)}_2", "z^{(1)}_2", "W^{(1)}_{23}",
        ]  # fmt: skip
        factors = [
            BACKWARD["a^{(3)}"],
            sigma_prime(3),
            REFERENCE["inputs"]["w3"][i - 1],
            sigma_prime(2, i),
            reference[f"dz2_{i}_da1_2"],
            reference["da1_2_dz1_2"],
            reference["dz1_2_dW23_1"],
        ]
        for local, digits in zip(path.local_derivatives, factors, strict=True):
            assert off(local, digits) <= 1e-14
        assert off(path.product, reference[f"path_via_z2_{i}"]) <= 1e-14
    assert off(exercise.value, reference["product"]) <= 1e-14


def test_local_derivatives_of_the_activations():
    C, _, _ = csc311.build(EXAMPLE)
    node = {v.label: v for v in topological_order(C)}
    for m, i in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, None)):
        a = node[tex("a", m, *(() if i is None else (i,)))]
        assert (a.op, len(a.local_derivatives)) == ("sigmoid", 1)
        assert off(a.local_derivatives[0], sigma_prime(m, i)) <= 1e-14


def test_gradient_step():
    reference = REFERENCE["gradient_step"]
    before, after = csc311.step(EXAMPLE)
    assert off(before, reference["C_before"]) <= 1e-14
    assert off(after, reference["C_after"]) <= 1e-14


def test_update_of_every_parameter():
    after = REFERENCE["gradient_step"]
    expected = {
        tex(name[0], int(name[1]), *(k + 1 for k in index)): digits
        for name in ("W1", "b1", "W2", "b2", "w3", "b3")
        for index, digits in entries(after[name])
    }
    rows = csc311.update(EXAMPLE)
    assert {row.label for row in rows} == {*expected}
    assert len(rows) == 23
    for row in rows:
        assert off(row.engine, expected[row.label]) <= 1e-14
        assert off(row.hand, expected[row.label]) <= 1e-14


def entries(table, index=()):
    """The numbers of nested lists, each with its place."""
    if isinstance(table, str):
        yield index, table
    else:
        for k, entry in enumerate(table):
            yield from entries(entry, (*index, k))


def test_a_larger_step_goes_further():
    rows, doubled = csc311.update(EXAMPLE), csc311.update(replace(EXAMPLE, eta=1.0))
    start = {p.label: p.data for p in csc311.build(EXAMPLE)[1].parameters()}
    for row, far in zip(rows, doubled, strict=True):
        assert row.label == far.label
        step = row.hand - start[row.label]
        assert far.engine - start[row.label] == pytest.approx(2.0 * step, rel=1e-12)


def test_what_the_exercises_repeat():
    both, (first, second) = csc311.repeated(EXAMPLE), csc311.exercises(EXAMPLE)
    assert (both.first.wrt.label, both.second.wrt.label) == (
        first.wrt.label, second.wrt.label,
    )  # fmt: skip
    assert both.factors == ("∂C/∂a⁽³⁾", "∂a⁽³⁾/∂z⁽³⁾", "∂z⁽³⁾/∂a⁽²⁾₁", "∂a⁽²⁾₁/∂z⁽²⁾₁")
    labels = {"∂C/∂a⁽³⁾": "a^{(3)}", "∂C/∂z⁽³⁾": "z^{(3)}",
              "∂C/∂a⁽²⁾₁": "a^{(2)}_1", "∂C/∂z⁽²⁾₁": "z^{(2)}_1"}  # fmt: skip
    assert both.gradients.keys() == labels.keys()
    for name, label in labels.items():
        assert off(both.gradients[name], BACKWARD[label]) <= 1e-14


def test_what_the_exercises_repeat_in_another_network():
    narrow = replace(EXAMPLE, W2=EXAMPLE.W2[:1], b2=EXAMPLE.b2[:1], w3=EXAMPLE.w3[:1])
    both = csc311.repeated(narrow)
    assert len(both.factors) == len(both.edges) == 4
    assert math.prod(both.first.paths[0].local_derivatives[:4]) == pytest.approx(
        both.gradients["∂C/∂z⁽²⁾₁"], rel=1e-14
    )


@pytest.mark.parametrize(
    ("number", "label"),
    [
        (18, "z^{(3)}"), (19, "w^{(3)}_1"), (20, "b^{(3)}"),
        (21, "z^{(2)}_1"), (22, "W^{(2)}_{11}"), (23, "b^{(2)}_1"),
        (24, "z^{(1)}_1"), (25, "W^{(1)}_{11}"), (26, "b^{(1)}_1"),
    ],
)  # fmt: skip
def test_blanks(number, label):
    blank = csc311.blanks(EXAMPLE)[f"CSC311-{number}"]
    assert blank.wrt.label == label
    assert blank.output.label == "C"
    assert off(blank.value, BACKWARD[label]) <= 1e-14


def test_blanks_are_those_of_the_steps_in_their_order():
    assert [*csc311.blanks(EXAMPLE)] == [f"CSC311-{k}" for k in range(18, 27)]
    assert {*csc311.blanks(EXAMPLE)} <= {formula.id for formula in csc311.FORMULAS}


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
def test_blanks_with_another_activation(activation):
    network = csc311.with_activation(EXAMPLE, activation)
    _, backward = csc311.by_hand(network)
    for blank in csc311.blanks(network).values():
        assert blank.value == pytest.approx(backward[blank.wrt.label], rel=1e-12)


# ------------------------------------------------------------------ activations and shapes


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_engine_agrees_with_by_hand(activation):
    network = csc311.with_activation(EXAMPLE, activation)
    forward, backward = csc311.compare(network)
    assert forward[-1].label == "C"
    for row in forward + backward:
        assert row.engine == pytest.approx(row.hand, rel=1e-12, abs=1e-12)
    for exercise in csc311.exercises(network):
        assert exercise.value == pytest.approx(
            next(row.hand for row in backward if row.label == exercise.wrt.label), rel=1e-12
        )


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_gradients_are_slopes(activation):
    network = csc311.with_activation(EXAMPLE, activation)
    _, backward = csc311.by_hand(network)

    def cost(b3):
        changed = Network(**{**vars(network), "b3": b3})
        return csc311.by_hand(changed)[0]["C"]

    slope = (cost(0.25 + 1e-6) - cost(0.25 - 1e-6)) / 2e-6
    assert backward["b^{(3)}"] == pytest.approx(slope, rel=1e-8)


def test_unknown_activation():
    with pytest.raises(ValueError, match=r'activation: expected one of linear, .* got "step"'):
        csc311.with_activation(EXAMPLE, "step")


def of_sizes(*sizes):
    def entry(*key):
        return round(math.sin(sum(7 * k + 3 for k in key)), 3)

    d0, d1, d2 = sizes
    return {
        "x": [entry(0, j) for j in range(d0)],
        "t": 0.5,
        "W1": [[entry(1, i, j) for j in range(d0)] for i in range(d1)],
        "b1": [entry(2, i) for i in range(d1)],
        "W2": [[entry(3, i, j) for j in range(d1)] for i in range(d2)],
        "b2": [entry(4, i) for i in range(d2)],
        "w3": [entry(5, j) for j in range(d2)],
        "b3": 0.25,
    }


@pytest.mark.parametrize("sizes", [(2, 4, 3), (1, 1, 1), (3, 1, 2), (2, 2, 1), (12, 11, 10)])
def test_load_a_network_of_another_shape(tmp_path, sizes):
    path = tmp_path / "network.json"
    path.write_text(json.dumps(of_sizes(*sizes) | {"activation": "tanh", "eta": 0.1}))
    network = csc311.load(str(path))
    assert network.sizes == (*sizes, 1)
    assert (network.activation, network.eta, network.t) == ("tanh", 0.1, 0.5)
    forward, backward = csc311.compare(network)
    d0, d1, d2 = sizes
    assert len(forward) == 2 * (d1 + d2 + 1) + 1
    assert len(backward) == d0 + d1 * (d0 + 3) + d2 * (d1 + 3) + d2 + 3
    for row in forward + backward:
        assert row.engine == pytest.approx(row.hand, rel=1e-12, abs=1e-12)
    first, second = csc311.exercises(network)
    assert (len(first.paths), len(second.paths)) == (1, d2)
    assert csc311.repeated(network).first.wrt.label == first.wrt.label
    assert len(csc311.blanks(network)) == 9
    rows = csc311.update(network)
    assert len(rows) == d1 * (d0 + 1) + d2 * (d1 + 1) + d2 + 1
    for row in rows:
        assert row.engine == pytest.approx(row.hand, rel=1e-12, abs=1e-12)
    before, after = csc311.step(network)
    assert after < before


def test_load_gives_what_is_in_the_file(tmp_path):
    path = tmp_path / "network.json"
    path.write_text(json.dumps(GOOD | {"t": 1, "b1": [1, 2, 3]}))
    network = csc311.load(path)
    assert network.W1 == ((0.1, -0.2), (0.4, 0.5), (0.3, -0.6))
    assert (network.t, network.b1, network.w3) == (1.0, (1.0, 2.0, 3.0), (0.8, -0.9))
    assert (network.eta, network.activation) == (0.5, "sigmoid")
    assert type(network.t) is float


def test_load_the_example_again(tmp_path):
    path = tmp_path / "network.json"
    path.write_text(json.dumps(vars(EXAMPLE)))
    assert csc311.load(path) == EXAMPLE


# ------------------------------------------------------------------ bad files


def refused(tmp_path, content):
    path = tmp_path / "network.json"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the tests compare its message
        csc311.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not JSON: Expecting value: line 1 column 1"),
        (b"{", "not JSON: Expecting property name"),
        (b'{"x": [1, 2}', "not JSON: Expecting ',' delimiter: line 1 column 12"),
        (b"\xff\xfe{}", "not JSON: expected text in UTF-8"),
        (b"\x00", "not JSON: Expecting value"),
        (b"[" * 100_000, "not JSON: nested too deep"),
        (b"[]", "expected an object with W1, W2, activation, b1, b2, b3, eta, t, w3, x"),
        (b"null", "expected an object with W1"),
        (b'"x"', "expected an object with W1"),
        (b"{}", "missing W1, W2, b1, b2, b3, t, w3, x"),
    ],
)
def test_load_refuses_what_is_no_object(tmp_path, content, expected):
    assert refused(tmp_path, content).startswith(expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"w4": [1]}, 'unknown "w4"'),
        ({"x": []}, "x: expected a list of numbers, got []"),
        ({"x": 5}, "x: expected a list of numbers, got 5"),
        ({"x": "ab"}, 'x: expected a list of numbers, got "ab"'),
        ({"x": {"0": 1}}, 'x: expected a list of numbers, got {"0": 1}'),
        ({"x": [1, "a"]}, 'x[1]: expected a finite number, got "a"'),
        ({"x": [None, 1]}, "x[0]: expected a finite number, got null"),
        ({"x": [1, True]}, "x[1]: expected a finite number, got true"),
        ({"x": [1, math.nan]}, "x[1]: expected a finite number, got NaN"),
        ({"x": [-math.inf, 1]}, "x[0]: expected a finite number, got -Infinity"),
        ({"x": [1, 10**400]}, "x[1]: expected a finite number, got 1000000000"),
        ({"x": [1, [2]]}, "x[1]: expected a finite number, got [2]"),
        ({"x": "y" * 100_000}, 'x: expected a list of numbers, got "yyyy'),
        ({"t": "0.9"}, 't: expected a finite number, got "0.9"'),
        ({"t": [0.9]}, "t: expected a finite number, got [0.9]"),
        ({"b3": [0.25]}, "b3: expected a finite number, got [0.25]"),
        ({"W1": []}, "W1: expected a list of rows, got []"),
        ({"W1": 5}, "W1: expected a list of rows, got 5"),
        ({"W1": [1, 2, 3]}, "W1[0]: expected a list of numbers, got 1"),
        ({"W1": [[]]}, "W1[0]: expected a list of numbers, got []"),
        ({"W1": [[1, 2], [3], [4, 5]]}, "W1[1]: expected 2 numbers, as many as x, got 1"),
        ({"W1": [[1, 2, 3]]}, "W1[0]: expected 2 numbers, as many as x, got 3"),
        ({"W1": [[1, 2], [3, "a"]]}, 'W1[1][1]: expected a finite number, got "a"'),
        ({"b1": [1, 2]}, "b1: expected 3 numbers, as many as W1 has rows, got 2"),
        ({"b1": 1}, "b1: expected a list of numbers, got 1"),
        ({"W2": [[1, 2]]}, "W2[0]: expected 3 numbers, as many as W1 has rows, got 2"),
        ({"b2": [1]}, "b2: expected 2 numbers, as many as W2 has rows, got 1"),
        ({"w3": [1, 2, 3]}, "w3: expected 2 numbers, as many as W2 has rows, got 3"),
        ({"w3": [[1, 2]]}, "w3: expected 2 numbers, as many as W2 has rows, got 1"),
        ({"w3": [[1], [2]]}, "w3[0]: expected a finite number, got [1]"),
        ({"eta": 0}, "eta: expected a positive learning rate, got 0.0"),
        ({"eta": -0.5}, "eta: expected a positive learning rate, got -0.5"),
        ({"eta": None}, "eta: expected a finite number, got null"),
        ({"activation": "step"}, "activation: expected one of linear, relu, "),
        ({"activation": None}, "activation: expected one of linear, relu, "),
        ({"activation": ["relu"]}, "activation: expected one of linear, relu, "),
    ],
)
def test_load_refuses_an_entry(tmp_path, changes, expected):
    message = refused(tmp_path, json.dumps(GOOD | changes).encode())
    assert message.startswith(expected)
    assert len(message) < 200


@pytest.mark.parametrize("name", GOOD)
def test_load_refuses_a_file_without(tmp_path, name):
    content = {key: entry for key, entry in GOOD.items() if key != name}
    assert refused(tmp_path, json.dumps(content).encode()) == f"missing {name}"


def test_load_where_there_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        csc311.load(tmp_path / "nothing.json")
    with pytest.raises(OSError, match=tmp_path.name):
        csc311.load(tmp_path)
