"""Tests of the steps: they end in what `backward()` computes, and say how."""

import json
import math
import random

import pytest
from hypothesis import given
from test_properties import PLANS, POINTS, PROPERTY, follow

import micrograd_bp as mb
from micrograd_bp import OPS, Value, topological_order
from micrograd_bp.lectures import csc311
from micrograd_bp.stepping import GRANULARITIES, Step, steps


def named(**data):
    return [Value(x, name) for name, x in data.items()]


def ended(records):
    """The gradient of each node, by its place, after the last step."""
    found = {}
    for step in flat(records):
        if step.kind == "seed":
            found[step.node] = 1.0
        if step.kind == "backward" and step.parent is not None:
            found[step.parent] = step.after
    return found


def flat(records):
    for step in records:
        yield from flat(step.parts) if step.parts else (step,)


def bits(x):
    return float(x).hex()


def assert_as_backward(output):
    records = {granularity: steps(output, granularity) for granularity in GRANULARITIES}
    order = topological_order(output)
    assert [v.grad for v in order] == [0.0] * len(order)
    output.backward()
    for found in records.values():
        gradients = ended(found)
        assert {k: bits(x) for k, x in gradients.items()} == {
            k: bits(v.grad) for k, v in enumerate(order)
        }
        for step in flat(found):
            if step.kind == "forward":
                assert bits(step.result) == bits(order[step.node].data)
            if step.kind == "weight":
                assert bits(step.result) == bits(order[step.node].grad)


# ------------------------------------------------------------------ the numbers


@PROPERTY
@given(PLANS, POINTS)
def test_the_last_step_has_the_gradients_of_backward(plan, point):
    assert_as_backward(follow(plan, [*map(Value, point)]))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "linear"])
def test_the_worked_example(activation, fused):
    network = csc311.with_activation(csc311.EXAMPLE, activation)
    assert_as_backward(csc311.build(network, fused)[0])


def test_a_long_chain():
    x = Value(1.0)
    y = x
    for _ in range(3000):
        y = y * 1.0001
    assert_as_backward(y)


def test_every_edge_adds_its_product():
    C, _, _ = csc311.build(csc311.EXAMPLE)
    order = topological_order(C)
    sums, coming = {}, {}
    for node in order:
        for parent in node.parents:
            coming[parent] = coming.get(parent, 0) + 1
    records = steps(C)
    for step in records:
        if step.kind != "backward":
            continue
        child, parent = order[step.node], order[step.parent]
        assert child.parents[step.place] is parent
        assert step.local == child.local_derivatives[step.place]
        assert step.contribution == step.upstream * step.local
        assert step.before == sums.get(parent, 0.0)
        assert step.after == step.result == step.before + step.contribution
        sums[parent] = step.after
        coming[parent] -= 1
        assert step.complete == (coming[parent] == 0)
    assert not any(coming.values())
    edges = sum(len(v.parents) for v in order)
    assert sum(step.kind == "backward" for step in records) == edges


def test_a_node_that_is_used_twice():
    (a,) = named(a=3.0)
    b = a * a
    b.label = "b"
    C = b + a
    C.label = "C"
    lines = [
        (s.formula, s.numbers, s.complete) for s in steps(C) if s.kind == "backward" and s.place < 2
    ]
    assert lines == [
        ("∂C/∂b += ∂C/∂C · 1", "0 + 1 · 1 → 1", True),
        ("∂C/∂a += ∂C/∂C · 1", "0 + 1 · 1 → 1", False),
        ("∂C/∂a += ∂C/∂b · a", "1 + 1 · 3 → 4", False),
        ("∂C/∂a += ∂C/∂b · a", "4 + 1 · 3 → 7", True),
    ]


def test_a_gradient_of_zero_passes_nothing_on_not_even_to_infinity():
    (x,) = named(x=0.0)
    C = mb.sqrt(x) * 0.0  # √x has the slope ∞ at 0
    step = next(s for s in steps(C) if s.parent == 0)
    assert (step.upstream, step.local, step.contribution, step.after) == (0.0, math.inf, 0.0, 0.0)
    assert_as_backward(C)


def test_a_leaf_alone():
    (x,) = named(x=2.0)
    (seed,) = steps(x)
    assert (seed.kind, seed.formula, seed.result) == ("seed", "∂x/∂x = 1", 1.0)


def test_what_is_not_finite():
    x = Value(math.inf, "x")
    assert [s.result for s in steps(x * 2.0) if s.kind == "forward"] == [math.inf]
    assert "∞" in steps(x * 2.0)[0].numbers


def test_steps_leave_gradients_alone():
    C, _, _ = csc311.build(csc311.EXAMPLE)
    C.backward()
    C.backward()
    before = [v.grad for v in topological_order(C)]
    for granularity in GRANULARITIES:
        steps(C, granularity)
    assert [v.grad for v in topological_order(C)] == before


# ------------------------------------------------------------------ the order, and the grain


def test_the_order_of_kinds():
    C, _, _ = csc311.build(csc311.EXAMPLE)
    for granularity in GRANULARITIES:
        kinds = [step.kind for step in steps(C, granularity)]
        assert list(dict.fromkeys(kinds)) == ["forward", "seed", "backward", "weight"]
        assert [step.index for step in steps(C, granularity)] == [*range(len(kinds))]


def test_a_step_for_each_node():
    C, _, _ = csc311.build(csc311.EXAMPLE)
    found = [s for s in steps(C, "node") if s.kind == "backward"]
    assert len({s.node for s in found}) == len(found)
    assert all(s.complete and s.parts for s in found)
    assert all(s.result == s.parts[-1].after for s in found)
    two = next(s for s in found if s.label == "a^{(1)}_1")
    assert two.formula == "∂C/∂a⁽¹⁾₁ = Σᵢ₌₁² ∂C/∂z⁽²⁾ᵢ · W⁽²⁾ᵢ₁"


def test_a_step_for_each_layer():
    C, _, _ = csc311.build(csc311.EXAMPLE)
    found = steps(C, "layer")
    edge = steps(C)
    assert len(found) == 7 + 1 + 7 + 1
    assert len([*flat(found)]) >= len([s for s in edge if s.kind != "weight"])
    first = found[0]
    assert [part.label for part in first.parts] == ["z^{(1)}_1", "z^{(1)}_2", "z^{(1)}_3"]
    assert first.formula.count("; ") == 2


def test_weights_come_last_with_input_times_delta():
    C, _, _ = csc311.build(csc311.EXAMPLE)
    (step,) = (s for s in steps(C) if s.kind == "weight" and s.label == "W^{(2)}_{12}")
    assert step.formula == "∂C/∂W⁽²⁾₁₂ = ∂C/∂z⁽²⁾₁ · a⁽¹⁾₂"
    assert step.numbers == "(−0.01619) · 0.1359 = −0.002199"


# ------------------------------------------------------------------ as data


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_json(granularity):
    C, _, _ = csc311.build(csc311.EXAMPLE)

    def back(record):
        operands = tuple((node, value) for node, value in record["operands"])
        parts = tuple(map(back, record["parts"]))
        return Step(**record | {"operands": operands, "parts": parts})

    found = steps(C, granularity)
    text = json.dumps([step.to_dict() for step in found], allow_nan=False)
    assert [back(record) for record in json.loads(text)] == found


def test_json_of_what_is_not_finite():
    for x, shown in ((math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan")):
        record = steps(Value(x, "x") * 1.0)[0].to_dict()
        assert record["result"] == shown
        json.dumps(record, allow_nan=False)


def test_a_step_is_frozen():
    (step,) = steps(Value(1.0))
    with pytest.raises(AttributeError):
        step.result = 2.0


def test_places_are_those_of_the_topological_order():
    rng = random.Random(1)
    xs = [Value(rng.random(), f"x_{k}") for k in range(5)]
    y = mb.sum([a * b for a in xs for b in xs])
    order = topological_order(y)
    for step in steps(y):
        assert step.label == (order[step.node].label or step.label)
        if step.parent is not None:
            assert order[step.parent] in order[step.node].parents


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_operation_can_be_told(name):
    signature = OPS[name].names
    operands = [[Value(0.5, "a"), Value(0.25, "b")] if "*" in n else Value(0.5) for n in signature]
    if name == "softmax":
        operands[0] = 1
    z = OPS[name](*operands)
    kinds = [step.kind for step in steps(z)]
    assert kinds.count("backward") == len(z.parents)


# ------------------------------------------------------------------ how it is shown, and errors


def test_digits_and_variables():
    w, x = Value(1 / 3), Value(2.0)
    y = w * x
    found = steps(y, digits=7, variables=True)
    assert (found[0].formula, found[0].numbers) == ("y = w · x", "0.3333333 · 2 = 0.6666667")
    assert steps(y, variables={"u": w})[0].formula == "v₂ = u · v₁"


def test_errors():
    with pytest.raises(TypeError, match="expected a Value, got float"):
        steps(1.0)
    with pytest.raises(ValueError, match="granularity 'unit': expected edge, node, layer"):
        steps(Value(1.0), "unit")
    for digits in (0, 18, 4.0, True):
        with pytest.raises(ValueError, match="whole number from 1 to 17"):
            steps(Value(1.0), digits=digits)
