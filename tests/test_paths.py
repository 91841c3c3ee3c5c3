"""Tests of the ways through a graph: counted, gone along, and taken together."""

import math
import pickle
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_properties import PLANS, POINTS, PROPERTY, follow

import micrograd_bp as mb
from micrograd_bp import MLP, Value, grad, paths, topological_order
from micrograd_bp.losses import squared_error
from micrograd_bp.paths import (
    Branches,
    Edge,
    Path,
    Region,
    Series,
    Skipped,
    TooManyPaths,
    Whole,
    exact,
    nested,
    shortened,
    upwards,
)


def every_way(output, wrt):
    """All paths as lists of (child, place), by brute force."""
    if output is wrt:
        return [[]]
    return [
        [(output, place), *rest]
        for place, parent in enumerate(output.parents)
        for rest in every_way(parent, wrt)
    ]


def product(values):
    """From the left; behind a 0 it stays 0, as in `backward`."""
    result = 1.0
    for value in values:
        if result:
            result *= value
    return result


def evaluate(part):
    """The number that a part of the nested form stands for."""
    match part:
        case Edge():
            return part.local
        case Whole():
            return part.value
        case Series(parts):
            return product(map(evaluate, parts))
        case Branches(parts):
            return math.fsum(map(evaluate, parts))
    raise TypeError(part)


def edges_of(part):
    """Every edge that is written out in a part."""
    if isinstance(part, Edge):
        return [part]
    return [e for p in getattr(part, "parts", ()) for e in edges_of(p)]


def random_graph(seed, size):
    """A graph of few operations in which most nodes are used several times, and its leaves."""
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(-1.5, 1.5), f"w_{k}") for k in range(1, 4)]
    nodes = [*leaves]
    for _ in range(size):
        x, y, z = rng.choices(nodes, range(1, len(nodes) + 1), k=3)
        made = rng.choice(
            [
                lambda x, y, z: x + y,
                lambda x, y, z: x - y,
                lambda x, y, z: x * y,
                lambda x, y, z: x.tanh(),
                lambda x, y, z: mb.dot([x, 0.5, y], [z, x, 2.0], y),
                lambda x, y, z: mb.sum([x, y, 1.0]),
                lambda x, y, z: x.relu(),
            ]
        )(x, y, z)
        nodes.append(made)
    return nodes[-1], leaves


def chain(n):
    v = w = Value(0.5, "w")
    for _ in range(n // 2):
        v = (v * 1.00001).tanh()
    return v, w


def rnn(n):
    w, u, h = Value(0.5, "w"), Value(0.3), Value(0.0, "h")
    for _ in range(n // 4):
        h = (w * h + u * 0.1).tanh()
    return h, w


def horner(n):
    x, p = Value(0.9, "x"), Value(0.1)
    for _ in range(n // 2):
        p = p * x + 0.01
    return p, x


def fibonacci(n):
    """No stages at all, and as many paths as the n-th of Fibonacci's numbers."""
    a = b = Value(1.0, "x")
    for _ in range(n):
        a, b = b, (a + b) * 0.6
    return b, topological_order(b)[0]


def dense(widths, fused=True):
    model = MLP(2, [*widths, 1], activation="tanh", seed=1, fused=fused)
    return squared_error(model([0.4, -0.3]), 0.5), model.weight(1, 1, 1)


GRAPHS = {
    "chain": lambda: chain(60),
    "rnn": lambda: rnn(80),
    "horner": lambda: horner(60),
    "fibonacci": lambda: fibonacci(25),
    "dense": lambda: dense([3, 4, 3]),
    "deep": lambda: dense([3] * 6),
    "unfused": lambda: dense([3, 3, 3], fused=False),
    "square": lambda: (lambda a: (a * a, a))(Value(3.0)),
    "itself": lambda: (lambda a: (a, a))(Value(3.0)),
    **{f"random {k}": lambda k=k: random_connected(k) for k in range(12)},
}


def random_connected(seed):
    output, leaves = random_graph(seed, 12)
    order = topological_order(output)
    return output, next(v for v in leaves if v in order)


# ------------------------------------------------------------------ paths


@PROPERTY
@given(PLANS, POINTS, st.integers(0, 40))
def test_paths_are_all_ways_in_order(plan, point, place):
    z = follow(plan, [*map(Value, point)])
    order = topological_order(z)
    wrt = order[place % len(order)]
    region = Region.between(z, wrt)
    assume(region.count() <= 300)
    found = region.paths(300)
    assert [[*zip(p.nodes, p.places)] for p in found] == every_way(z, wrt)
    assert region.count() == len(found)
    for path in found:
        assert (path.nodes[0], path.nodes[-1]) == (z, wrt)
        steps = zip(path.nodes, path.places, path.nodes[1:], path.local_derivatives, strict=False)
        for child, k, parent, local in steps:
            assert child.parents[k] is parent
            assert child.local_derivatives[k] == local
        assert path.product == product(path.local_derivatives)
    total = math.fsum(path.product for path in found)
    scale = math.fsum(abs(path.product) for path in found)
    assert grad(z, wrt) == pytest.approx(total, rel=1e-13, abs=1e-13 * scale)


@pytest.mark.parametrize("k", [1, 2, 30, 300])
def test_diamonds_in_a_row_double_the_paths(k):
    v = x = Value(1.0)
    for _ in range(k):
        v = v * v
    assert Region.between(v, x).count() == 2**k


def test_the_count_of_many_paths_without_stages():
    output, x = fibonacci(3000)
    a = b = 1
    for _ in range(3000):
        a, b = b, a + b
    assert Region.between(output, x).count() == b


def test_a_number_of_more_digits_than_str_takes():
    v = x = Value(1.0)
    for _ in range(20_000):
        v = v * v
    with pytest.raises(TooManyPaths) as error:
        Region.between(v, x).paths(1000)
    assert error.value.count == 2**20_000
    shown = str(error.value).partition(" paths, more than limit=1,000; ")[0]
    digits = shown.replace(",", "")
    assert len(digits) == 6021
    assert int(digits[:18]) == 2**20_000 // 10**6003
    assert int(digits[-18:]) == pow(2, 20_000, 10**18)


@pytest.mark.parametrize("n", [0, 7, 999, 1000, 1234567, 10**60 + 1])
def test_exact(n):
    assert exact(n) == f"{n:,}"


def test_too_many_paths():
    x = Value(2.0)
    y = x * x
    region = Region.between(y, x)
    assert len(region.paths(2)) == 2
    with pytest.raises(TooManyPaths, match=r"^2 paths, more than limit=1; the styles 'chain'") as e:
        region.paths(1)
    copy = pickle.loads(pickle.dumps(e.value))
    assert (type(copy), copy.count, str(copy)) == (TooManyPaths, 2, str(e.value))
    assert isinstance(copy, ValueError)


def test_behind_a_zero_a_product_stays_zero():
    x = Value(0.0)
    y = x.sqrt() * 0.0  # ∂y/∂√x = 0, ∂√x/∂x = ∞
    (path,) = Region.between(y, x).paths(10)
    assert path.local_derivatives == (0.0, math.inf)
    assert path.product == grad(y, x) == 0.0


# ------------------------------------------------------------------ regions


@pytest.mark.parametrize("name", GRAPHS)
def test_stages_are_what_all_paths_have_in_common(name):
    output, wrt = GRAPHS[name]()
    region = Region.between(output, wrt)
    if region.count() > 5000:
        output, wrt = {"rnn": rnn(40), "unfused": dense([2, 2], False)}.get(name, horner(20))
        region = Region.between(output, wrt)
    common = None
    for path in region.paths(100_000):
        common = {*path.nodes} if common is None else common & {*path.nodes}
    assert region.stages == [node for node in region.nodes if node in common]
    steps = [*region.steps()]
    assert [lower for _, _, lower in steps] == region.stages[1:]
    assert [upper for upper, _, _ in steps] == region.stages[:-1]
    between = [v for _, nodes, _ in steps for v in nodes]
    assert {*between} | {*region.stages} == {*region.nodes}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_region_is_what_lies_on_the_ways(name):
    output, wrt = GRAPHS[name]()
    region = Region.between(output, wrt)
    order = topological_order(output)
    expected = [v for v in reversed(order) if wrt in topological_order(v)]
    assert {*region.nodes} == {*expected}
    assert (region.top, region.bottom) == (output, wrt)
    place = {node: k for k, node in enumerate(region.nodes)}
    for node in region.nodes[1:]:
        into = region.into[node]
        assert all(place[e.child] < place[node] and e.parent is node for e in into)
        assert {(e.child, e.place) for e in into} == {
            (v, k) for v in order for k, parent in enumerate(v.parents) if parent is node
        }
        order_of = [(order.index(e.child), -e.place) for e in into]
        assert order_of == sorted(order_of, reverse=True)  # as backward comes along them
    assert [region.gradients[v] for v in region.nodes] == [grad(output, v) for v in region.nodes]


def test_no_way():
    x, y = Value(1.0), Value(2.0)
    region = Region.between(x * 2.0, y)
    assert (region.nodes, region.count(), region.paths(10)) == ((), 0, [])


@pytest.mark.parametrize("name", GRAPHS)
def test_components_share_no_edge_and_miss_none(name):
    region = Region.between(*GRAPHS[name]())
    if len(region.nodes) < 3:
        return
    parts = region.components()
    inner = [v for part in parts for v in part.nodes[1:-1]]
    assert sorted(map(id, inner)) == sorted(map(id, region.nodes[1:-1]))
    owner = {v: k for k, part in enumerate(parts) for v in part.nodes[1:-1]}
    for node in region.nodes[1:]:
        for edge in region.into[node]:
            assert len({owner[v] for v in (edge.child, node) if v in owner}) < 2
    direct = [e for e in region.into[region.bottom] if e.child is region.top]
    assert sum(part.count() for part in parts) + len(direct) == region.count()
    total = math.fsum(part.gradients[part.bottom] for part in parts)
    total += math.fsum(e.local for e in direct)
    assert total == pytest.approx(region.gradients[region.bottom], rel=1e-12)


def test_above_and_inner():
    output, w = rnn(16)
    region = Region.between(output, w)
    for node in region.nodes:
        above = region.above(node)
        expected = Region.between(output, node)
        assert [*above.nodes] == [v for v in region.nodes if v in {*expected.nodes}]
        assert above.count() == expected.count()
        assert above.gradients[node] == region.gradients[node]
    assert region.inner(region.top, region.nodes[1:-1], region.bottom) is region
    short = region.inner(region.nodes[1], region.nodes[2:4], region.nodes[4])
    assert [*short.nodes] == [*region.nodes[1:5]]
    assert all(edge.child in short.nodes for into in short.into.values() for edge in into)


# ------------------------------------------------------------------ the nested form


@pytest.mark.parametrize("budget", [13, 14, 20, 35, 100, 400, 3000])
@pytest.mark.parametrize("name", GRAPHS)
def test_the_nested_form_has_the_value_at_any_budget(monkeypatch, name, budget):
    monkeypatch.setattr(paths, "shortened", lambda items, *_: [*items])
    region = Region.between(*GRAPHS[name]())
    steps = len(region.stages) - 1
    tree = nested(region, budget + steps)
    expected = region.gradients[region.bottom]
    assert evaluate(tree) == pytest.approx(expected, rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("effort", [(0, 0), (1, 1), (20, 0)])
@pytest.mark.parametrize("name", GRAPHS)
def test_the_nested_form_has_the_value_with_any_effort(monkeypatch, name, effort):
    monkeypatch.setattr(paths, "shortened", lambda items, *_: [*items])
    monkeypatch.setattr(paths, "EFFORT", effort[0])
    monkeypatch.setattr(paths, "AGAIN", effort[1])
    region = Region.between(*GRAPHS[name]())
    expected = region.gradients[region.bottom]
    assert evaluate(nested(region, 3000)) == pytest.approx(expected, rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("name", ["horner", "rnn", "dense", "unfused", "square", "random 1"])
def test_the_nested_form_writes_everything_out_where_it_can(name):
    output, wrt = {"horner": horner(16), "rnn": rnn(16)}.get(name) or GRAPHS[name]()
    region = Region.between(output, wrt)
    tree = nested(region, 3000)

    def whole(part):
        return isinstance(part, Whole | Skipped) or any(map(whole, getattr(part, "parts", ())))

    assert not whole(tree)
    every = {(e.child, e.place) for node in region.nodes for e in region.into[node]}
    assert {(e.child, e.place) for e in edges_of(tree)} == every


def test_horner_nests_as_horner_does():
    p, x = horner(6)  # ((0.1x + 0.01) x + 0.01) x + 0.01
    tree = nested(Region.between(p, x), 100)
    by_x = Branches  # ∂(v · x)/∂x = v + x · ∂v/∂x
    _, outer = tree.parts
    assert type(outer) is by_x
    direct, inner = outer.parts
    assert (type(direct), direct.place) == (Edge, 1)
    assert [type(part) for part in inner.parts] == [Edge, Edge, by_x]
    assert len(edges_of(tree)) == 8


def test_a_deep_chain_says_what_it_leaves_out():
    tree = nested(Region.between(*chain(1000)), 3000)
    assert [type(p) for p in tree.parts] == [Edge] * 6 + [Skipped] + [Edge] * 6
    assert tree.parts[6] == Skipped(988, "factors")


def test_many_terms_say_what_they_leave_out():
    x = Value(0.5)
    y = mb.sum([x * float(k) for k in range(5000)])
    tree = nested(Region.between(y, x), 3000)
    (sum_of_ways,) = tree.parts
    assert sum_of_ways.parts[2] == Skipped(4997, "terms")
    assert len(sum_of_ways.parts) == 4


def test_none_where_the_stages_alone_are_more():
    region = Region.between(*chain(8))
    assert nested(region, 8) is not None
    assert nested(region, 7) is None


@pytest.mark.parametrize(("n", "kept"), [(0, 0), (3, 3), (7, 7), (8, 4), (100, 4)])
def test_shortened(n, kept):
    items = [*range(n)]
    found = shortened(items, 2, 1, "things")
    assert len(found) == kept
    if n > 7:
        assert found == [0, 1, Skipped(n - 3, "things"), n - 1]
    else:
        assert found == items


def test_shortened_without_an_end():
    assert shortened([*range(9)], 2, 0, "x") == [0, 1, Skipped(7, "x")]


def test_upwards_has_the_first_made_first_and_keeps_places():
    x = Value(2.0)
    a = x * x
    b = a * x
    into = Region.between(b, x).into[x]
    assert [(e.child, e.place) for e in into] == [(b, 1), (a, 0), (a, 1)]
    assert [(e.child, e.place) for e in upwards(into)] == [(a, 0), (a, 1), (b, 1)]


def test_a_path_is_plain_data():
    a, b = Value(1.0), Value(2.0)
    path = Path((a, b), (3.0,), (0,))
    assert path == Path((a, b), (3.0,), (0,))
    assert path.product == 3.0


@PROPERTY
@given(PLANS, POINTS, st.integers(0, 40))
def test_an_edge_is_alone_where_no_other_way_leads_to_its_end(plan, point, place):
    z = follow(plan, [*map(Value, point)])
    order = topological_order(z)
    region = Region.between(z, order[place % len(order)])
    for node in region.nodes[1:]:
        for edge in region.into[node]:
            ways = Region.between(edge.child, edge.parent).count()
            assert region.alone(edge) == (ways == 1)
