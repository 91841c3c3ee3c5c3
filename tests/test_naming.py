"""Tests of what nodes and factors are called."""

import time

import pytest

import micrograd_bp as mb
from micrograd_bp import Value, topological_order
from micrograd_bp.formula import Name
from micrograd_bp.losses import (
    binary_cross_entropy,
    cross_entropy,
    hinge,
    l2,
    mean_squared_error,
    squared_error,
)
from micrograd_bp.naming import Names, local_formula, variables_of
from micrograd_bp.notation import Text
from micrograd_bp.paths import edges

show = Text()


def names_of(output, variables=None):
    """What a reader sees, parents first."""
    order = topological_order(output)
    names = Names(order, variables)
    return [show(names[v]) for v in order]


def test_labels_and_numbers_in_order():
    x, w = Value(2.0), Value(3.0, "w_{12}")
    y = (w * x).tanh()
    y.label = "y"
    assert names_of(y) == ["w₁₂", "v₁", "v₂", "y"]


def test_numbers_are_stable_however_names_are_asked_for():
    y = (Value(1.0) * 2.0).tanh() + 1.0
    order = topological_order(y)
    forward, backward = Names(order), Names(order)
    assert [forward[v] for v in order] == [backward[v] for v in reversed(order)][::-1]


@pytest.mark.parametrize("label", ["v_1", "v_{1}", "v₁"])
def test_a_label_that_looks_generated_keeps_its_number_free(label):
    v = Value(1.0, label)
    assert names_of((v * 2.0).tanh()) == ["v₁", "v₂", "v₃"]


def test_labels_with_v_that_collide_with_nothing():
    v = Value(1.0, "velocity")
    assert names_of((v * 2.0).tanh()) == ["velocity", "v₁", "v₂"]


def test_one_label_for_several_nodes():
    a, b, c = Value(1.0, "a"), Value(2.0, "a"), Value(3.0, "c")
    assert names_of(mb.sum([a, b, c])) == ["a[1]", "a[2]", "c", "v₁"]
    names = Names([a, b, c])
    assert [names[v] for v in (b, a)] == [Name("a", "2"), Name("a", "1")]


def test_long_labels_that_look_alike_are_told_apart():
    a, b = Value(1.0, "q" * 10_000 + "a"), Value(1.0, "q" * 10_000 + "b")
    one, other, _ = names_of(a * b)
    assert one != other
    assert (one[-3:], other[-3:]) == ("[1]", "[2]")
    assert len(one) < 70


def test_a_node_outside_is_a_key_error():
    with pytest.raises(KeyError):
        Names([Value(1.0)])[Value(1.0)]


def test_many_alike_are_numbered_in_one_go():
    nodes = [Value(1.0, f"z_{k % 500}") for k in range(50_000)]
    names = Names(nodes)
    start = time.perf_counter()
    assert show(names[nodes[-1]]) == "z₄₉₉[100]" or names[nodes[-1]].copy == "100"
    assert [names[v].copy for v in nodes[:3]] == ["1"] * 3
    assert time.perf_counter() - start < 30  # were each label sought for on its own, minutes


# ------------------------------------------------------------------ variables


def test_variables_name_what_has_no_label():
    x, w = Value(2.0), Value(3.0, "w")
    y = w * x
    assert names_of(y, {"x": x, "loss": y, "other": w}) == ["w", "x", "loss"]


def test_the_first_variable_counts_and_private_ones_do_not():
    x = Value(2.0)
    y = x * x
    assert names_of(y, {"_": y, "_hidden": x, "x": x, "again": x}) == ["x", "v₁"]


def test_lists_name_their_items_unless_a_variable_does():
    xs = [Value(1.0), Value(2.0)]
    grid = [[Value(3.0)], (Value(4.0),)]
    y = mb.sum([*xs, grid[0][0], grid[1][0]])
    first = xs[0]
    found = names_of(y, {"xs": xs, "grid": grid, "first": first})
    assert found == ["first", "xs[1]", "grid[0][0]", "grid[1][0]", "v₁"]


@pytest.mark.parametrize("given", [None, False])
def test_no_variables(given):
    assert variables_of(given, 1) == {}


def test_a_dict_is_itself():
    given = {"x": Value(1.0)}
    assert variables_of(given, 1) is given


@pytest.mark.parametrize("given", ["xyz", 1, ["x"], Value(1.0)])
def test_other_variables_are_an_error(given):
    with pytest.raises(TypeError, match="variables: expected a dict of names, or True, got "):
        variables_of(given, 1)


GLOBAL = Value(1.0)


def test_true_means_the_callers_own_first():
    local = GLOBAL
    found = variables_of(True, 1)
    assert found["local"] is local
    assert found["GLOBAL"] is GLOBAL
    assert [*found].index("local") < [*found].index("GLOBAL")


def test_a_local_variable_hides_a_global_one():
    exec_globals = {"variables_of": variables_of, "x": 1}
    exec("def f():\n    x = 2\n    return variables_of(True, 1)\nfound = f()", exec_globals)
    assert exec_globals["found"]["x"] == 2


# ------------------------------------------------------------------ factors

x, y, b = Value(2.0, "x"), Value(3.0, "y"), Value(0.5, "b")


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (x * y, ["y", "x"]),
        (x * x, ["x", "x"]),
        (2.0 * x, ["2"]),
        (x - y, ["1", "−1"]),
        (x**3, ["3 · x²"]),
        (x.tanh(), ["tanh′(x)"]),
        (mb.dot([x, 0.5], [4.0, y], b), ["4", "0.5", "1"]),
        (mb.dot([x, y], [y, x], 1.0), ["y", "x", "x", "y"]),
        (squared_error(x, 1.0), ["x − t"]),
        (squared_error(x, y), ["x − y", "y − x"]),
        (squared_error(1.0, y), ["y − 1"]),
    ],
)
def test_the_factors_of_an_operation(node, expected):
    names = Names(topological_order(node))
    assert [show(local_formula(edge, names)) for edge in edges(node)] == expected


def test_a_target_given_as_a_number_is_t_unless_a_node_is():
    t = Value(2.0, "t")
    loss = squared_error(t, 1.0)
    names = Names(topological_order(loss))
    assert show(local_formula(edges(loss)[0], names)) == "t − 1"


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (binary_cross_entropy(x, 1.0), ["σ(x) − t"]),
        (binary_cross_entropy([x, y], [1.0, 0.0]), ["(σ(x) − t₁)/2", "(σ(y) − t₂)/2"]),
        (mean_squared_error([x, b], [1.0, y]), ["x − t₁", "b − y", "y − b"]),
        (hinge(x, -1.0), ["−t"]),
        (hinge(x, 1.0), ["{−t if t · x < 1; else 0}"]),
        (hinge(x, Value(-1.0, "t")), ["−t", "−x"]),
        (cross_entropy([x, b, 1.0], 2), ["p₁ − y₁", "p₂ − y₂"]),
        (cross_entropy([x, y], [0.5, Value(0.5, "y_1")]), ["p₁ − 0.5", "p₂ − y₁", "−y"]),
        (l2([x, y], 0.1), ["λ · x", "λ · y"]),
    ],
)
def test_the_factors_of_a_loss(node, expected):
    names = Names(topological_order(node))
    assert [show(local_formula(edge, names)) for edge in edges(node)] == expected


def test_more_than_nine_targets():
    names = Names(topological_order(loss := cross_entropy([Value(0.1) for _ in range(12)], 3)))
    assert show(local_formula(edges(loss)[11], names)) == "p₁₂ − y₁₂"


def test_targets_of_several_examples():
    z = [[Value(0.5, f"z_{k}") for k in (1, 2)] for _ in range(2)]
    loss = mb.sum([cross_entropy(z[0], 1), cross_entropy(z[1], 0)])
    names = Names(topological_order(loss))
    factors = [edges(node)[1] for node in topological_order(loss) if node.op == "cross_entropy"]
    assert [show(local_formula(edge, names)) for edge in factors] == [
        "p₂[1] − y₂[1]",
        "p₂[2] − y₂[2]",
    ]
    both = binary_cross_entropy([z[0][0], z[1][0]], [1.0, 0.0])
    names = Names(topological_order(both))
    assert show(local_formula(edges(both)[1], names)) == "(σ(z₁[2]) − t₂)/2"


def test_expanded():
    node = x.sigmoid()
    names = Names(topological_order(node))
    assert show(local_formula(edges(node)[0], names, expand=True)) == "σ(x) · (1 − σ(x))"


def test_the_place_of_a_parent_among_the_operands():
    z, product = mb.dot([x, 0.5], [4.0, y], b), 2.0 * x
    names = Names(topological_order(z))
    assert [names.place(z, k) for k in range(3)] == [0, 3, 4]
    assert names.place(product, 0) == 1
