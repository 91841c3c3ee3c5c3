"""Tests of the levels of detail: which nodes share a box, and that none is lost."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import micrograd_bp as mb
from micrograd_bp import Value, topological_order
from micrograd_bp.folding import LEVELS, fold, unfused
from micrograd_bp.lectures import csc311

COARSER = LEVELS[2:]


def network(points=1, sizes=(2, 4, 4, 1), activation="tanh", fused=True, values=False):
    model = mb.MLP(sizes[0], sizes[1:], activation=activation, seed=1, fused=fused)
    rng = random.Random(0)
    losses = []
    for _ in range(points):
        x = [rng.uniform(-1, 1) for _ in range(sizes[0])]
        if values:
            x = [Value(v, f"x_{k}") for k, v in enumerate(x, 1)]
        losses.append((model(x) - rng.choice([-1.0, 1.0])) ** 2)
    loss = sum(losses[1:], losses[0]) * (1 / points)
    loss.label = "L"
    loss.backward()
    return loss


def recurrent(steps=30):
    """One unit, used again and again: a folded picture of it has a circle of arrows."""
    w, u, b, h = Value(0.5, "w"), Value(-0.3, "u"), Value(0.1, "b"), Value(0.0, "h")
    for k in range(steps):
        z = w * h + u * (k / steps) + b
        z.label = "z^{(1)}"
        h = z.tanh()
        h.label = "h"
    h.backward()
    return h


def regression(points=100):
    """No labels at all."""
    a, b, loss = Value(0.5), Value(-0.2), 0.0
    for k in range(points):
        x = Value(k / points)
        loss = loss + (mb.tanh(a * x + b) - x) ** 2
    loss.backward()
    return loss


def dag(choices):
    made = [Value(0.5), Value(-0.25, "b"), Value(1.5, "W")]
    for kind, i, j in choices:
        x, y = made[i % len(made)], made[j % len(made)]
        made.append(
            [
                lambda x=x, y=y: x * y,
                lambda x=x: x * x,
                lambda x=x, y=y: (x + y).tanh(),
                lambda x=x: 2.0 * x - 1.0,
                lambda x=x, y=y: mb.dot([x, y], [0.5, x], y),
                lambda x=x, y=y: mb.sum([x, y, 1.0, y]),
            ][kind]()
        )
    return made[-1]


DAGS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 99), st.integers(0, 99)), max_size=40
).map(dag)
GRAPHS = {
    "leaf": lambda: Value(1.0),
    "square": lambda: Value(3.0) * 3.0,
    "fused": lambda: network(3),
    "unfused": lambda: network(3, fused=False),
    "values": lambda: network(3, values=True),
    "relu": lambda: network(1, activation="relu"),
    "linear": lambda: network(2, (3, 2, 1), "linear"),
    "recurrent": recurrent,
    "regression": regression,
    "example": lambda: csc311.build(csc311.EXAMPLE)[0],
}


def whole(root, sketch):
    """Every node is in one box; every edge is an arrow, or inside a folded box."""
    order = topological_order(root)
    inside = [node for box in sketch.boxes for node in box.nodes]
    assert len(inside) == len(order)
    assert {*inside} == {*order}
    at = {node: k for k, box in enumerate(sketch.boxes) for node in box.nodes}
    drawn = {}
    for arrow in sketch.arrows:
        for child, place in arrow.edges:
            assert at[child] == arrow.head
            assert at[child.parents[place]] == arrow.tail
            drawn[child, place] = drawn.get((child, place), 0) + 1
    for child in order:
        for place, parent in enumerate(child.parents):
            hidden = at[child] == at[parent]
            assert drawn.get((child, place), 0) == (0 if hidden else 1)
    for box in sketch.boxes:
        assert bool(box.nodes) != bool(box.numbers)
        assert {*box.faces} <= {*box.nodes}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_no_node_and_no_edge_is_lost(make, level):
    root = make()
    whole(root, fold(root, level))


@given(DAGS, st.sampled_from(LEVELS), st.data())
def test_no_node_of_a_random_graph_is_lost(root, level, data):
    nodes = st.lists(st.sampled_from(topological_order(root)), max_size=3)
    whole(root, fold(root, level, None, data.draw(nodes), data.draw(nodes)))


@given(DAGS, st.integers(4, 30))
def test_never_more_boxes_than_asked_for(root, most):
    sketch = fold(root, "auto", most)
    whole(root, sketch)
    assert len(sketch.boxes) <= most


@pytest.mark.parametrize("most", [4, 5, 10, 50])
@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_at_most_so_many_boxes(make, most):
    root = make()
    sketch = fold(root, "auto", most)
    whole(root, sketch)
    assert len(sketch.boxes) <= most


def test_many_numbers_are_boxes_too():
    root = mb.sum([Value(1.0), *[1.0] * 500])
    assert len(fold(root, "full").boxes) == 502
    assert len(fold(root).boxes) <= 200


@pytest.mark.parametrize(
    ("make", "boxes"),
    [
        # inputs 3, units 3 + 2 + 1, the loss and its number
        ("example", {"full": 40, "lecture": 11, "blocks": 11, "layers": 8}),
        # 30 steps fold to one unit, with w and b inside; the first h, and u, which is no weight
        ("recurrent", {"blocks": 3}),
        ("regression", {"blocks": 9}),
    ],
)
def test_levels(make, boxes):
    root = GRAPHS[make]()
    assert {level: len(fold(root, level).boxes) for level in boxes} == boxes


def test_a_batch_folds_to_its_units():
    sketch = fold(network(100, (2, 16, 16, 1), fused=False))
    assert sketch.level == "blocks"
    units = sorted((box for box in sketch.boxes if box.layer), key=lambda box: box.layer)
    assert [box.layer for box in units] == [1] * 16 + [2] * 16 + [3]
    assert {box.times for box in units} == {100}
    assert {len(box.nodes) for box in units[:16]} == {503}  # 100 · 5 and 3 parameters
    assert len(sketch.boxes) < 45


def test_neurons_by_hand_fold_over_a_batch():
    w = [Value(0.5), Value(-1.0)]
    ys = [mb.tanh(mb.dot(w, [k / 50, 1.0])) for k in range(50)]
    root = mb.sum(ys)
    sketch = fold(root, "blocks")
    whole(root, sketch)
    assert sorted(len(box.nodes) for box in sketch.boxes if box.folded) == [50, 50]


def test_a_unit_used_again_is_a_circle_of_arrows():
    sketch = fold(recurrent(), "blocks")
    (unit,) = (k for k, box in enumerate(sketch.boxes) if box.layer == 1)
    assert sketch.boxes[unit].times == 30
    assert len(sketch.boxes[unit].nodes) == 30 * 5 + 2
    inside = {(arrow.tail, arrow.head) for arrow in sketch.arrows}
    assert (unit, unit) not in inside


@pytest.mark.parametrize("first", [lambda t: 0.0 + t, lambda t: t, lambda t: Value(0.0) + t])
def test_a_running_total_is_one_box(first):
    x = Value(0.5, "x")
    total = first(x * 1.0)
    for k in range(50):
        total = total + x * k
    sketch = fold(total, "blocks")
    sums = [box for box in sketch.boxes if box.nodes and box.nodes[-1].op == "add"]
    assert len(sums) == 1
    assert sums[0].times >= 50


def test_what_is_computed_otherwise_stays_apart():
    x = Value(0.5, "x")
    y = x**2 + x**3
    assert len([b for b in fold(y, "blocks").boxes if b.nodes]) == 4
    z = mb.tanh(x + 1.0 + 1.0 + 1.0)
    z = z + 1.0 + 1.0 + 1.0
    assert [len(b.nodes) for b in fold(z, "blocks").boxes if b.nodes] == [1, 3, 1, 3]


def test_own_operations_named_like_our_keys():
    layer = mb.operation("layer(x)", "2.0 * x", "2.0")
    unit = mb.operation("unit(x)", "3.0 * x", "3.0")
    x = Value(1.0)
    root = sum([layer(unit(x * k)) for k in range(10)])
    for level in COARSER:
        whole(root, fold(root, level))


# ------------------------------------------------------------------ by hand


def test_unfold_opens_a_box():
    root, model, _ = csc311.build(csc311.EXAMPLE)
    closed = fold(root, "layers")
    opened = fold(root, "layers", unfold=[model.weight(2, 1, 2)])
    whole(root, opened)
    assert len(opened.boxes) == len(closed.boxes) - 1 + 12
    assert not any(box.layer == 2 and box.folded for box in opened.boxes)
    assert any(box.layer == 1 and box.folded for box in opened.boxes)


def test_together_makes_one_box():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    z = (x * y + 1.0).tanh()
    root = z * x
    sketch = fold(root, "full", together=[z])
    whole(root, sketch)
    (box,) = (box for box in sketch.boxes if box.folded)
    assert {*box.nodes} == {y, *z.parents, *z.parents[0].parents, z} - {x}  # x is used elsewhere
    assert box.faces == (z,)
    assert box.times == 1


# ------------------------------------------------------------------ primitives


def agrees(z):
    z.backward()
    copy = unfused(z)
    for node in topological_order(z):
        assert copy[node].data == node.data
        assert copy[node].grad == node.grad
        assert copy[node].label == node.label
    root = copy[z]
    leaves = [node for node in topological_order(z) if not node.op]
    derivatives = mb.grad(root, [copy[v] for v in leaves])
    for leaf, derivative in zip(leaves, derivatives):
        assert math.isclose(derivative, leaf.grad, rel_tol=1e-9, abs_tol=1e-300)
    return [v.op for v in topological_order(root) if v.op]


STEPS = {  # and what is in them besides arithmetic
    **dict.fromkeys(("sum", "prod", "dot", "softmax", "logsumexp"), ()),
    **dict.fromkeys(("squared_error", "mean_squared_error", "cross_entropy", "l2"), ()),
    "binary_cross_entropy": ("softplus",),
    "hinge": ("maximum",),
}


@pytest.mark.parametrize("name", [*mb.OPS])
def test_every_operation_in_steps(name):
    op = mb.OPS[name]
    single = iter([Value(0.7, "a"), Value(1.3, "b")])
    arguments = [
        1
        if operand == "k"
        else [Value(v) for v in (0.7, 1.3, -0.4)]
        if "*" in operand
        else next(single)
        for operand in op.names
    ]
    steps = agrees(op(*arguments))
    if name in STEPS:
        assert len(steps) > 1
        assert {*steps} <= {"add", "sub", "mul", "truediv", "exp", "log", "pow", *STEPS[name]}
    elif name != "dpower":
        assert steps == [name]


def test_own_operations_in_steps():
    swish = mb.operation("swish(x)", "x * sigmoid(x)", "sigmoid(x) + x * dsigmoid(x)")
    assert agrees(swish(Value(0.5))) == ["sigmoid", "mul"]
    mb.operation("gamma(x)", math.lgamma, "0.0 * x")
    assert agrees(mb.OPS["gamma"](Value(2.5))) == ["gamma"]


@pytest.mark.parametrize(
    ("xs", "stays"),
    [([1.0, 2.0], False), ([1000.0, 1001.0], True), ([-740.0, -741.0], True), ([0.0, -5.0], False)],
)
def test_what_steps_would_lose_stays_one(xs, stays):
    total = mb.logsumexp([Value(x) for x in xs])
    assert (agrees(total) == ["logsumexp"]) is stays
    first = mb.softmax([Value(x) for x in xs])[0]
    assert (agrees(first) == ["softmax"]) is stays


def test_a_sum_that_cancels_stays_one():
    assert agrees(mb.sum([Value(1e16), Value(1.0), Value(-1e16)])) == ["sum"]
