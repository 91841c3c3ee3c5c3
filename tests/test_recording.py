"""Tests of recording: which slots hold what, fast and slow ways alike, flat graphs, no_grad."""

import contextvars
import copy
import inspect
import linecache
import pickle

import numpy as np
import pytest

import micrograd_bp as mb
from micrograd_bp import OPS, Value, no_grad, recording, topological_order


def content(node):
    return node.data, node.op, node.operands, node.parents, node.local_derivatives


a, b, c = Value(2.0), Value(3.0), Value(0.5)


@pytest.mark.parametrize(
    ("node", "slots"),
    [
        (Value(1.0), (None, None, None, None)),
        (a.neg() if hasattr(a, "neg") else -a, (a, None, -1.0, None)),
        (a * b, (a, b, 3.0, 2.0)),
        (a * 3, (a, 3.0, 3.0, None)),
        (3 * a, (3.0, a, None, 3.0)),
        (mb.sum([a, 3.0]), (a, 3.0, 1.0, None)),
        (mb.sum([a, b, c]), ((a, b, c), (a, b, c), (1.0, 1.0, 1.0), None)),
        (mb.sum([a, 7.0, c]), ((a, c), (a, 7.0, c), (1.0, 1.0), None)),
    ],
)
def test_slots(node, slots):
    assert (node._x, node._y, node._dx, node._dy) == slots


@pytest.mark.parametrize("method", ["add", "sub", "mul", "truediv", "pow"])
@pytest.mark.parametrize("other", [2, 2.5, np.float64(2.5), np.int8(2), np.array(2.5), True])
def test_a_number_on_either_side_is_stored_as_a_float(method, other):
    forward = getattr(a, f"__{method}__")(other)
    backward = getattr(a, f"__r{method}__")(other)
    assert content(forward) == content(OPS[method](a, float(other)))
    assert content(backward) == content(OPS[method](float(other), a))
    assert type(forward._y) is type(backward._x) is float


@pytest.mark.parametrize("name", ["sum", "prod", "dot", "logsumexp"])
@pytest.mark.parametrize("count", [3, 5, 9])
def test_the_fast_way_is_the_slow_way(name, count, monkeypatch):
    vs = [Value(0.3 * k - 0.7) for k in range(count)]
    arguments = (vs[: count // 2], vs[count // 2 : -1], vs[-1]) if name == "dot" else (vs,)
    fast = OPS[name](*arguments)
    monkeypatch.setitem(vars(OPS[name]), "fast", ())
    slow = OPS[name](*arguments)
    assert content(fast) == content(slow)
    assert (fast._x, fast._y, fast._dx) == (slow._x, slow._y, slow._dx)


NUMBERS = [
    ("dot", 1, [[0.5, 2.0], [1.5, -1.0], Value(0.25)]),
    ("mean_squared_error", 1, [[0.5, 2.0], [1.5, -1.0]]),
    ("binary_cross_entropy", 1, [[0.5, 2.0], [1.0, 0.25]]),
    ("binary_cross_entropy", 1, [[0.5], [1.0]]),
    ("cross_entropy", 1, [[0.5, 2.0], [1.0, 0.0]]),
    ("hinge", 1, [[0.5, 2.0], [1.0, -1.0]]),
    ("hinge", 1, [[0.5], [1.0]]),
    ("l2", 1, [[0.5, 2.0], 0.1]),
]


@pytest.mark.parametrize(("name", "place", "arguments"), NUMBERS)
def test_the_fast_way_of_numbers_is_the_slow_way(name, place, arguments, monkeypatch):
    arguments = [[*map(Value, v)] if k != place and type(v) is list else v
                 for k, v in enumerate(arguments)]  # fmt: skip
    fast = OPS[name].fast[0](*arguments)
    with no_grad():
        assert (OPS[name](*arguments).data, OPS[name](*arguments).parents) == (fast.data, ())
    monkeypatch.setitem(vars(OPS[name]), "fast", ())
    slow = OPS[name](*arguments)
    assert content(fast) == content(slow)
    assert type(fast._dx) is tuple
    twin = copy.deepcopy(fast)
    assert [v.data for v in twin.parents] == [v.data for v in fast.parents]
    assert twin.local_derivatives == fast.local_derivatives
    before = fast.parents[0].grad
    fast.backward()
    assert fast.parents[0].grad - before == fast.local_derivatives[0]


@pytest.mark.parametrize("other", [1, np.float64(0.5), True])
def test_the_fast_way_of_numbers_gives_way_to_others(other):
    w = [Value(0.5), Value(2.0)]
    z = OPS["dot"](w, [1.5, other], Value(1.0))
    assert [type(v) for v in z.operands] == [Value, Value, float, float, Value]
    assert len(z.parents) == 3
    assert OPS["hinge"](w, [other, -1.0]).operands == (*w, float(other), -1.0)
    assert OPS["hinge"]([0.5, 2.0], [1.0, -1.0]) == 1.75


@pytest.mark.parametrize("name", ["sum", "prod", "logsumexp", "dot"])
def test_the_fast_way_gives_way_to_numbers(name):
    vs = [Value(0.5), 2.0, np.float64(3.0), Value(0.25), 1]
    f = getattr(mb, name)
    arguments = (vs[:2], vs[2:4], vs[4]) if name == "dot" else (vs,)
    node = f(*arguments)
    assert [type(v) for v in node.operands] == [Value, float, float, Value, float]
    assert node.parents == (vs[0], vs[3])
    assert len(node.local_derivatives) == 2


def test_a_mutable_argument_may_change_later():
    vs = [Value(1.0), Value(2.0), Value(3.0)]
    z = mb.sum(vs)
    kept = z.parents
    vs.clear()
    assert (z.parents, len(kept)) == (kept, 3)


# ------------------------------------------------------------------ flat graphs


def test_flat_and_back():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    m = x * y
    root = mb.dot([m, x, 2.0], [y, 5.0, m], x) - m
    root.backward()
    order = topological_order(root)
    columns, leaves = recording.flatten(order)
    assert leaves == {0: x, 1: y}
    assert [column[-1] for column in columns] == [root.data, "", 1.0, "sub", 3, 2, 1.0, -1.0]
    again = topological_order(recording.restore(Value, columns, leaves))
    assert again[0] is x
    for before, after in zip(order, again, strict=True):
        assert content(before)[:2] == content(after)[:2]
        assert (before.local_derivatives, before.grad) == (after.local_derivatives, after.grad)
        assert [type(v) for v in before.operands] == [type(v) for v in after.operands]


def test_a_number_that_looks_like_a_place_stays_a_number():
    x = Value(4.0)
    root = mb.sum([x, 0.0, 1.0]) * 0.0
    copied = pickle.loads(pickle.dumps(root))
    assert copied.operands[1] == 0.0
    assert copied.operands[0].operands[1:] == (0.0, 1.0)


def test_a_pickle_of_a_graph_does_not_grow_with_its_paths():
    y = Value(1.0)
    for _ in range(60):
        y = y + y
    assert len(pickle.dumps(y)) < 10_000


# ------------------------------------------------------------------ text


def test_the_text_is_what_runs():
    for name in ("tanh", "__add__", "__rpow__"):
        function = getattr(Value, name)
        assert inspect.getsource(function) in "".join(
            linecache.getlines(function.__code__.co_filename)
        )
        linecache.checkcache()
        assert inspect.getsource(function).startswith(f"def {name}(")


def test_python_decides_where_another_type_knows_better():
    class Other:
        def __radd__(self, left):
            return "mine"

        def __mul__(self, right):
            return "mine too"

    assert a + Other() == "mine"
    assert Other() * a == "mine too"
    with pytest.raises(TypeError, match="sub: expected a Value or a real number, got Other"):
        a - Other()


# ------------------------------------------------------------------ no_grad


def test_no_grad_holds_for_every_way_of_recording():
    with no_grad():
        nodes = [
            *(getattr(c, name)() for name in ("exp", "log", "tanh", "relu", "gelu")),
            *(f(a, 3) for f in (mb.maximum, mb.minimum, mb.leaky_relu)),
            *(f([a, b, c]) for f in (mb.sum, mb.prod, mb.logsumexp)),
            *(f([a, 2.0, c]) for f in (mb.sum, mb.prod, mb.logsumexp)),
            *mb.softmax([a, b, c]),
            mb.dot([a, b], [b, c], a), a + b, a - 1, 2 * a, 1 / a, a**b, -a, abs(a),
        ]  # fmt: skip
    assert all(topological_order(v) == [v] for v in nodes)
    assert {v.op for v in nodes} == {""}


def test_no_grad_ends_in_the_context_it_began_in():
    guard = no_grad()
    guard.__enter__()
    assert contextvars.copy_context().run(lambda: (a * b).op) == ""
    guard.__exit__(None, None, None)
    assert (a * b).op == "mul"
