"""Tests of BPNN: its algorithm against 50-digit slopes, its formulas, and each slip's own share."""

import itertools
import math
from dataclasses import replace
from random import Random

import mpmath
import pytest

import micrograd_bp as mb
from micrograd_bp.lectures import bpnn
from micrograd_bp.lectures.bpnn import EXAMPLE, FORMULAS, REMARKS, Network
from micrograd_bp.lectures.bpnn_networks import example, square
from micrograd_bp.lectures.statements import errors

# ------------------------------------------------------------------ the algorithm


def random_network(seed, D, H, C):
    rng = Random(seed)

    def matrix(rows, columns):
        return tuple(tuple(rng.uniform(-1.5, 1.5) for _ in range(columns)) for _ in range(rows))

    right = rng.randrange(C)
    return Network(
        x=matrix(1, D)[0],
        y=tuple(float(k == right) for k in range(C)),
        W1=matrix(H, D),
        b1=matrix(1, H)[0],
        W2=matrix(C, H),
        b2=matrix(1, C)[0],
        lam=rng.uniform(0.01, 1.0),
        eta=rng.uniform(0.01, 0.5),
    )


NETWORKS = {
    "the example": EXAMPLE,
    "no penalty": replace(EXAMPLE, lam=0.0),
    **{
        "-".join(map(str, sizes)): random_network(seed, *sizes)
        for seed, sizes in enumerate([(2, 3, 4), (4, 3, 2), (3, 3, 3), (1, 1, 2), (12, 11, 10)])
    },
}
networks = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


def parameters(network):
    """{label: (field, index…)} of every weight and bias."""
    found = {}
    for l in (1, 2):  # noqa: E741
        W = getattr(network, f"W{l}")
        for i, row in enumerate(W):
            found[bpnn.tex("b", l, i + 1)] = (f"b{l}", i)
            found |= {bpnn.tex("W", l, i + 1, j + 1): (f"W{l}", i, j) for j in range(len(row))}
    return found


def loss(network, name="", index=(), by=0):
    """J by 01 to 09 in mpmath, with one number moved by `by`: no tilde, and no softmax."""
    values = {}
    for field in ("x", "y", "W1", "b1", "W2", "b2"):
        array = getattr(network, field)
        values[field] = mpmath.matrix(array if field.startswith("W") else [[v] for v in array])
    if name:
        values[name][(*index, 0)[:2]] += by
    Z2 = values["W1"] * values["x"] + values["b1"]
    A2 = Z2.apply(lambda z: max(z, mpmath.mpf(0)))
    Z3 = values["W2"] * A2 + values["b2"]
    right = network.y.index(1.0)
    squares = sum(w**2 for W in (values["W1"], values["W2"]) for w in W)
    return mpmath.log(sum(map(mpmath.exp, Z3))) - Z3[right] + mpmath.mpf(network.lam) / 2 * squares


@networks
def test_gradients_are_slopes(network):
    forward, backward = bpnn.by_hand(network)
    with mpmath.workdps(50):
        step = mpmath.mpf(10) ** -20
        assert forward["J"] == pytest.approx(float(loss(network)), rel=1e-14)
        places = parameters(network)
        assert len(places) == sum(len(p) for p in (*network.W1, *network.W2)) + len(
            (*network.b1, *network.b2)
        )
        for label, (name, *index) in places.items():
            up, down = (loss(network, name, index, by) for by in (step, -step))
            assert backward[label] == pytest.approx(
                float((up - down) / (2 * step)), rel=1e-12, abs=1e-14
            ), label


@networks
def test_engine_beside_by_hand(network):
    forward, backward = bpnn.compare(network)
    for row in forward + backward + bpnn.update(network):
        assert row.engine == pytest.approx(row.hand, rel=1e-14, abs=1e-14), row.label
    D, H, C = len(network.x), len(network.b1), len(network.b2)
    assert len(forward) == 2 * H + 2 * C + 1
    assert len(backward) == H * (D + 3) + C * (H + 2)
    assert len({row.label for row in backward}) == len(backward)
    assert {row.label for row in bpnn.update(network)} == parameters(network).keys()


def test_example_to_rounding():
    forward, backward = bpnn.compare(EXAMPLE)
    rows = [*forward, *backward, *bpnn.update(EXAMPLE)]
    assert max(abs(row.difference) for row in rows) <= 2.3e-16
    assert [row.label for row in forward][:3] == ["Z^{(2)}_1", "Z^{(2)}_2", "Z^{(2)}_3"]
    assert [row.label for row in forward][-4:] == ["h_1", "h_2", "h_3", "J"]
    assert [row.label for row in backward][:4] == [
        "Z^{(3)}_1", "Z^{(3)}_2", "Z^{(3)}_3", "b^{(2)}_1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": (0.5,)}, "W1: expected rows of 1 numbers"),
        ({"b2": (0.1,)}, "b2: expected 3 numbers, one for each row of W2, got 1"),
        ({"y": (1.0, 0.0)}, r"y: expected 3 numbers that add up to 1, got \(1.0, 0.0\)"),
        ({"y": (1.0, 1.0, 0.0)}, "y: expected 3 numbers that add up to 1"),
    ],
)
def test_by_hand_says_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        bpnn.by_hand(replace(EXAMPLE, **change))


def test_example_known_values():
    forward, backward = bpnn.by_hand(EXAMPLE)
    known = {"Z^{(2)}_1": 0.9, "Z^{(2)}_2": -0.4, "A^{(2)}_2": 0.0, "Z^{(3)}_1": 0.785}
    for label, number in known.items():
        assert forward[label] == pytest.approx(number, rel=1e-15)
    assert forward["h_1"] + forward["h_2"] + forward["h_3"] == pytest.approx(1.0, rel=1e-15)
    assert backward["Z^{(3)}_2"] == pytest.approx(forward["h_2"] - 1.0, rel=1e-15)
    # the unit that is off: what reaches its weights is the penalty alone
    assert backward["A^{(2)}_2"] < -0.5
    assert backward["b^{(1)}_2"] == backward["Z^{(2)}_2"] == 0.0
    assert backward["W^{(1)}_{21}"] == 0.1 * -0.3


def test_biases_are_not_penalised():
    _, free = bpnn.by_hand(replace(EXAMPLE, lam=0.0))
    _, penalised = bpnn.by_hand(replace(EXAMPLE, lam=10.0))
    weight = {p.label: p.data for p in bpnn.build(EXAMPLE)[1].parameters()}
    for label in weight:
        added = 10.0 * weight[label] if label.startswith("W") else 0.0
        assert penalised[label] - free[label] == pytest.approx(added, rel=1e-14, abs=1e-15)


def test_large_scores_do_not_overflow():
    network = replace(EXAMPLE, b2=(1000.0, -1000.0, 0.0))
    forward, backward = bpnn.by_hand(network)
    assert forward["h_2"] == 0.0
    assert forward["J"] == pytest.approx(2000.0, rel=0.01)
    for row in itertools.chain(*bpnn.compare(network)):
        assert row.engine == pytest.approx(row.hand, rel=1e-14, abs=1e-300)
    assert math.isfinite(sum(backward.values()))


def test_update_lowers_the_loss():
    after = {row.label: row.hand for row in bpnn.update(EXAMPLE)}
    before = bpnn.by_hand(EXAMPLE)[0]["J"]
    moved = with_parameters(EXAMPLE, after)
    assert bpnn.by_hand(moved)[0]["J"] < before - 0.5
    assert after["b^{(2)}_2"] == -0.1 - 0.5 * bpnn.by_hand(EXAMPLE)[1]["b^{(2)}_2"]


def with_parameters(network, numbers):
    fields = {}
    for l in (1, 2):  # noqa: E741
        W = getattr(network, f"W{l}")
        units = range(1, len(W) + 1)
        columns = range(1, len(W[0]) + 1)
        fields[f"W{l}"] = tuple(
            tuple(numbers[bpnn.tex("W", l, i, j)] for j in columns) for i in units
        )
        fields[f"b{l}"] = tuple(numbers[bpnn.tex("b", l, i)] for i in units)
    return replace(network, **fields)


@pytest.mark.parametrize("fused", [True, False])
def test_build(fused):
    J, model, x, h = bpnn.build(EXAMPLE, fused)
    J.backward()
    _, backward = bpnn.by_hand(EXAMPLE)
    assert (J.label, [v.label for v in x], [v.label for v in h]) == (
        "J", ["x_1", "x_2"], ["h_1", "h_2", "h_3"],
    )  # fmt: skip
    assert [v.label for v in J.parents] == ["J_y", "J_W"]
    for l, W in ((1, EXAMPLE.W1), (2, EXAMPLE.W2)):  # noqa: E741
        for i, row in enumerate(W, 1):
            for j, w in enumerate(row, 1):
                weight = model.weight(l, i, j)
                assert (weight.label, weight.data) == (bpnn.tex("W", l, i, j), w)
                assert weight.grad == pytest.approx(backward[weight.label], rel=1e-14)
    labels = {v.label for v in mb.topological_order(J)}
    assert labels >= {"Z^{(2)}_1", "A^{(2)}_3", "Z^{(3)}_2"}
    assert labels.isdisjoint({"z^{(1)}_1", "a^{(1)}_1", "A^{(3)}_1"})


def test_build_says_what_does_not_fit():
    with pytest.raises(ValueError, match="layer 2: a row of W has 2 weights, not 3"):
        bpnn.build(replace(EXAMPLE, W2=((1.0, 2.0), (3.0, 4.0), (5.0, 6.0))))
    with pytest.raises(ValueError, match="3 logits but 2 probabilities"):
        bpnn.build(replace(EXAMPLE, y=(0.0, 1.0)))
    with pytest.raises(ValueError, match="expected 2 inputs, got 1"):
        bpnn.build(replace(EXAMPLE, x=(1.0,)))


@networks
def test_exercises(network):
    _, backward = bpnn.by_hand(network)
    found = bpnn.exercises(network)
    C = len(network.b2)
    assert [d.wrt.label for d in found] == [
        "Z^{(3)}_2", "Z^{(2)}_1", "W^{(2)}_{21}", "b^{(2)}_2", "W^{(1)}_{11}", "b^{(1)}_1",
    ]  # fmt: skip
    assert [len(d.paths) for d in found] == [1, C, 2, 1, C + 1, C]
    for derivation in found:
        assert derivation.value == pytest.approx(
            backward[derivation.wrt.label], rel=1e-12, abs=1e-15
        )


# ------------------------------------------------------------------ the formulas

DRAWN = {}


def run(statement, given, networks=25):
    for k in range(len(DRAWN.setdefault(given, [])), networks):
        DRAWN[given].append(given(Random(f"0/{k}")))
    return errors(statement, DRAWN[given][:networks])


FAILING = {  # as printed: the errata, the least and the most error, and why it is undefined
    "BPNN-08": ("E3", math.inf, math.inf, "the left side is one number, the right is not"),
    "BPNN-09": ("E3", math.inf, math.inf, "the left side is one number, the right is not"),
    "BPNN-10": ("E4", 0.2, 1.0, "there is no index"),
    "BPNN-12": ("E4, E5", 1.0, 1.0, "there is no index"),
    "BPNN-13": ("E6, E7", math.inf, math.inf, "there is no index 4"),
    "BPNN-14": ("E4, E5, E8", 0.7, 20.0, "there is no index"),
    "BPNN-15": ("E6", 0.1, 200.0, ""),
    "BPNN-16": ("E4, E5", 0.05, 20.0, "there is no index"),
}


def test_numbers():
    assert [f.id for f in FORMULAS] == [f"BPNN-{k:02}" for k in range(1, 17)]
    assert len({f.words for f in FORMULAS}) == 16


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.id)
def test_formula(formula):
    printed = run(formula.printed, formula.given)
    if formula.id not in FAILING:
        assert (printed.undefined, formula.corrected, formula.erratum) == (0, None, "")
        assert printed.most < 1e-12
        return
    erratum, least, most, reason = FAILING[formula.id]
    assert formula.erratum == erratum
    assert least <= printed.least <= printed.most <= most
    assert printed.reason.startswith(reason)
    assert (printed.undefined > 0) == bool(reason)
    assert (printed.undefined == 25) == math.isinf(least)
    corrected = run(formula.corrected, formula.given)
    assert (corrected.undefined, corrected.most < 1e-12) == (0, True)


@pytest.mark.parametrize("name", ["BPNN-10", "BPNN-12", "BPNN-14", "BPNN-16"])
def test_undefined_is_said_by_the_shapes_alone(name):
    """Where D = H = C the printed form is defined, and wrong all the same."""
    formula = next(f for f in FORMULAS if f.id == name)
    printed = errors(formula.printed, [square(Random(k)) for k in range(10)])
    assert (printed.undefined, printed.least > 0.01, printed.most > 0.5) == (0, True, True)


HOLDS, NOWHERE = (0.0, 1e-12), (math.inf, math.inf)
RUNS = {  # least and most error of each run: within these
    "E3": [],
    "E4": [(0.2, 2.0), HOLDS, (0.01, 5.0), HOLDS],
    "E5": [NOWHERE, (0.1, 5.0), NOWHERE, (0.0, 15.0)],
    "E6": [(0.5, 200.0), HOLDS, (0.0, 2.0), HOLDS],
    "E7": [NOWHERE],
    "E8": [(0.2, 2.0), (0.5, 2.0), (0.02, 2.0)],
    "O4": [NOWHERE],
    "O5": [(0.005, 1.0), HOLDS],
    "O6": [(0.0, 20.0)],
    "O7": [(0.1, 3.0)],
    "S3": [HOLDS, (0.7, 1.0)],
    "S4": [HOLDS, (0.005, 2.0)],
    "S5": [HOLDS],
}
KIND = {"E": "error", "O": "omission", "S": "scope"}


def test_remarks():
    assert [r.id for r in REMARKS] == [*RUNS]
    ids = {f.id for f in FORMULAS}
    for remark in REMARKS:
        assert remark.kind == KIND[remark.id[0]]
        assert {*remark.formulas} <= ids
        assert remark.why.endswith(".")
        assert len(remark.runs) == len(RUNS[remark.id])
    errata = {f.id: {*f.erratum.split(", ")} - {""} for f in FORMULAS}
    for key, names in errata.items():
        assert {r.id for r in REMARKS if r.kind == "error" and key in r.formulas} == names


@pytest.mark.parametrize(
    ("remark", "k"), [(r, k) for r in REMARKS for k in range(len(r.runs))],
    ids=lambda x: getattr(x, "id", x),
)  # fmt: skip
def test_evidence(remark, k):
    found = run(remark.runs[k].statement, remark.runs[k].given)
    least, most = RUNS[remark.id][k]
    assert found.undefined == (25 if math.isinf(least) else 0)
    assert least <= found.least <= found.most <= most
    if (least, most) not in (HOLDS, NOWHERE):
        assert found.most > 0.1  # an error, and not by a hair


def test_wrong_way_in_some_networks():
    """Z − y at an obtuse angle to the gradient: a step along it raises J."""
    statement = next(r for r in REMARKS if r.id == "E6").runs[2].statement
    wrong = sum(errors(statement, [example(Random(f"0/{k}"))]).most == 2.0 for k in range(200))
    assert 10 <= wrong <= 60
