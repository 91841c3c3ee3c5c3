"""Tests of what derivatives cost, and of the wrong order, against passes that really count."""

import math
import random
import sys
import xml.etree.ElementTree as ET

import pytest
from test_paths import every_way, random_graph

import micrograd_bp as mb
from micrograd_bp import MLP, Value, cost, grad, topological_order, wrong_order
from micrograd_bp.lectures import csc311
from micrograd_bp.losses import squared_error

# ------------------------------------------------------------------ passes that count

ONE = object()  # the seed, and a local derivative that is 1 whatever the operands are


class Counter:
    def __init__(self):
        self.multiplications = self.additions = 0

    def times(self, a, b):
        if a is ONE or b is ONE:
            return b if a is ONE else a
        self.multiplications += 1
        return a * b

    def plus(self, a, b):
        self.additions += 1
        return (1.0 if a is ONE else a) + (1.0 if b is ONE else b)


def locals_of(node):
    """(parent, local derivative or ONE), written down anew for the operations of the tests."""
    n = len(node.operands)
    ones = {"add": range(2), "sub": range(1), "sum": range(n), "dot": range(n - 1, n)}
    places = [k for k, v in enumerate(node.operands) if isinstance(v, Value)]
    pairs = zip(places, node.local_derivatives)
    return [(node.operands[k], ONE if k in ones.get(node.op, ()) else d) for k, d in pairs]


def one_pass(output, weights, counter):
    """Reverse accumulation along the ways to the weights only."""
    order = topological_order(output)
    leading = {*weights}
    for node in order:
        if any(parent in leading for parent in node.parents):
            leading.add(node)
    gradient = {output: ONE}
    for node in reversed(order):
        if node not in gradient:
            continue
        for parent, local in locals_of(node):
            if parent in leading:
                term = counter.times(gradient[node], local)
                known = parent in gradient
                gradient[parent] = counter.plus(gradient[parent], term) if known else term
    return [1.0 if gradient[w] is ONE else gradient[w] for w in weights]


def path_by_path(output, weights, counter):
    count, found = 0, []
    for weight in weights:
        total = None
        for way in every_way(output, weight):
            count += 1
            product = ONE
            for child, place in way:
                product = counter.times(product, locals_of(child)[place][1])
            total = product if total is None else counter.plus(total, product)
        found.append(1.0 if total is ONE else total)
    return count, found


def small_network(seed, fused):
    rng = random.Random(seed)
    widths = [rng.randint(1, 3) for _ in range(rng.randint(1, 3))]
    activation = rng.choice(["tanh", "sigmoid", "linear"])
    model = MLP(2, [*widths, 1], activation=activation, seed=seed, fused=fused)
    return squared_error(model([0.3, -0.7]), 0.25), None


def random_weights(seed):
    output, leaves = random_graph(seed, 10)
    order = topological_order(output)
    return output, [v for v in leaves if v in order]


CASES = [
    *(lambda seed=seed: random_weights(seed) for seed in range(25)),
    *(lambda seed=seed: small_network(seed, True) for seed in range(8)),
    *(lambda seed=seed: small_network(seed, False) for seed in range(8)),
    lambda: (lambda x: (x * x, [x]))(Value(2.0)),
    lambda: (lambda x: (x + x, [x]))(Value(2.0)),
    lambda: (lambda x: (x, [x]))(Value(2.0)),
    lambda: (lambda x, y: ((x + y) + y, [x, y]))(Value(2.0), Value(1.0)),
    lambda: (lambda x, y: ((x + y) * (x + y) + x, [x, y]))(Value(2.0), Value(1.0)),
    lambda: (lambda x: ((x * 2.0).tanh() * x, [x]))(Value(2.0)),
]


@pytest.mark.parametrize("case", CASES)
def test_the_counts_are_those_of_passes_that_count(case):
    output, weights = case()
    found = cost(output, weights)
    if weights is None:
        weights = [v for v in topological_order(output) if v.label[:1] in ("w", "W")]
    assert found.weights == len(weights)
    expected = grad(output, weights)

    counter = Counter()
    assert one_pass(output, weights, counter) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert (found.backward, found.backward_additions) == (
        counter.multiplications, counter.additions,
    )  # fmt: skip

    counter = Counter()
    each = [one_pass(output, [w], counter)[0] for w in weights]
    assert each == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert (found.per_weight, found.per_weight_additions) == (
        counter.multiplications, counter.additions,
    )  # fmt: skip

    counter = Counter()
    count, sums = path_by_path(output, weights, counter)
    assert sums == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert found.path_count == count
    assert (found.paths, found.paths_additions) == (counter.multiplications, counter.additions)


def test_the_worked_example():
    C, model, _ = csc311.build(csc311.EXAMPLE)
    found = cost(C)
    assert (found.weights, found.path_count, found.paths, found.backward) == (17, 26, 136, 31)
    same = cost(C, [p for p in model.parameters() if p.label[:1] in "wW"])
    assert same == found
    assert cost(C, model).weights == 17 + 6


def test_ten_wide_and_nine_deep():
    model = MLP(10, [10] * 9 + [1], "sigmoid", "sigmoid", seed=0)
    C = squared_error(model([0.1] * 10), 0.5)
    found = cost(C)
    assert found.backward == 1811
    assert found.paths == 219_753_086_420  # 2.2e11
    assert found.path_count == 11_111_111_110


def test_forward_and_finite_differences():
    w, x, b = Value(2.0, "w"), Value(3.0, "x"), Value(1.0, "b")
    z = mb.dot([w, 0.5], [x, x], b)  # 2 multiplications, 2 additions
    y = mb.prod([z, z, x]).tanh() + mb.sum([x, z, 1.0]) - 2.0  # 2 + 1; 1 + 2 + 1
    found = cost(y)
    assert found.forward == 5
    assert (found.weights, found.finite_differences) == (1, 10)
    assert found.finite_differences_additions == 2 * 6
    assert cost(y, [w, x, b]).finite_differences == 30


def test_without_labels_all_leaves_are_weights():
    x, y = Value(1.0), Value(2.0)
    assert cost(x * y).weights == 2
    assert cost(x * Value(2.0, "w_1")).weights == 1
    assert cost(x * Value(2.0, "width")).weights == 2  # a word


def test_a_weight_twice_counts_once():
    x = Value(1.0)
    assert cost(x * x, [x, x]) == cost(x * x, x)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], "cost: expected at least one weight, got none"),
        (Value(1.0, "q"), "cost: the output does not depend on 'q'"),
        ([Value(1.0)], r"cost: the output does not depend on Value\(data=1.0"),
    ],
)
def test_no_weights(weights, message):
    x = Value(2.0)
    with pytest.raises(ValueError, match=message):
        cost(x * x, weights)


@pytest.mark.parametrize("f", [cost, wrong_order])
@pytest.mark.parametrize("bad", [3.0, None, "C", [Value(1.0)], True])
def test_no_value(f, bad):
    with pytest.raises(TypeError, match=f"^{f.__name__}: expected a Value as the output, got "):
        f(bad)


@pytest.mark.parametrize("bad", [3.0, ["w"], [None]])
def test_no_weight_values(bad):
    x = Value(2.0)
    with pytest.raises(TypeError, match="cost: expected "):
        cost(x * x, bad)


@pytest.mark.parametrize("k", [300, 20_000])
def test_exact_however_large(k):
    v = x = Value(1.0)
    for _ in range(k):
        v = v * v
    found = cost(v, x)
    assert found.path_count == 2**k
    assert found.paths == 2**k * (k - 1)
    assert found.backward == 2 * (k - 1)
    power = math.floor(k * math.log10(2))
    assert f"path by path ({10 ** (k * math.log10(2) - power):.2f}·10^{power} paths)" in repr(found)


def test_how_a_cost_shows_itself():
    C, _, _ = csc311.build(csc311.EXAMPLE)
    found = cost(C)
    lines = repr(found).splitlines()
    assert lines[0] == "∂C/∂w for 17 weights"
    assert lines[1].split() == ["multiplications", "additions"]
    assert lines[2].split() == ["one", "backward", "pass", "31", "3"]
    assert lines[5].split() == "path by path (26 paths) 136 9".split()
    assert len({*map(len, lines[1:])}) == 1
    table = ET.fromstring(found._repr_html_())
    cells = [[cell.text for cell in row] for row in table.iter("tr")]
    assert cells[1] == ["one backward pass", "31", "3"]
    assert len(cells) == 5


# ------------------------------------------------------------------ wrong order


def naive(output):
    """The recursive push of a first attempt; and the first node that was not complete."""
    gradient = dict.fromkeys(topological_order(output), 0.0)
    coming = dict.fromkeys(gradient, 0)
    for node in gradient:
        for parent in node.parents:
            coming[parent] += 1
    gradient[output] = 1.0
    order, early = [], []

    def push(node):
        order.append(node)
        if coming[node] and node.op:
            late = [
                v for v in gradient
                if any(p is node and (v, k) not in gone for k, p in enumerate(v.parents))
            ]  # fmt: skip
            early.append((node, gradient[node], {*late}))
        for place, (parent, local) in enumerate(zip(node.parents, node.local_derivatives)):
            gradient[parent] += gradient[node] * local
            gone.add((node, place))
            coming[parent] -= 1
            if parent not in order:
                push(parent)

    gone = set()
    push(output)
    return gradient, order, early


@pytest.mark.parametrize("seed", range(40))
def test_the_naive_pass_is_the_recursive_one(seed):
    output, _ = random_graph(seed, 14)
    gradient, order, early = naive(output)
    found = wrong_order(output)
    assert [*found.order] == order
    assert found.wrong == gradient
    assert found.right == dict(zip(found.names.order, grad(output, found.names.order)))
    if not early:
        assert (found.node, found.missing) == (None, ())
        assert "Every order is right here" in repr(found)
    else:
        node, passed_on, late = early[0]
        assert (found.node, found.passed_on) == (node, passed_on)
        assert {*found.missing} == late
        assert len(found.missing) == len(late)
        assert found.gradient == found.right[node]


def test_both_happen():
    found = [wrong_order(random_graph(seed, 14)[0]).node for seed in range(40)]
    assert any(found)
    assert not all(found)


def test_a_tree_has_no_wrong_order():
    w, x = Value(1.0, "w"), Value(2.0, "x")
    found = wrong_order((w * x).tanh() + x)
    assert (found.node, found.missing, found.wrong) == (None, (), found.right)
    assert wrong_order(w).node is None


def test_the_text_of_a_wrong_order():
    x = Value(2.0, "x-y")
    a = x * 3.0
    b = a * -a
    y = b + a
    a.label, b.label, y.label = "a", "b", "y"
    found = wrong_order(y)
    assert found.node is a
    assert found.text() == (
        "a passed −6 on before its gradient was complete: −11\n"
        "with what came later from v₁, y.\n"
        "\n"
        "gradient of         wrong         right\n"
        "x-y                   −18           −33"
    )
    assert repr(found) == found.text()


def test_many_wrong_gradients_are_counted():
    x = Value(1.0)
    a = x * 2.0
    for k in range(30):
        a = a.tanh() + a * 0.1 * k
    assert repr(wrong_order(a)).splitlines()[-1].startswith("and ")


def test_no_grad_is_touched():
    x = Value(2.0)
    a = x * x
    y = a * a
    wrong_order(y)
    cost(y)
    assert (x.grad, a.grad, y.grad) == (0.0, 0.0, 0.0)


def test_wide_graphs_take_linear_time():
    x = Value(0.5)
    a = x * 2.0
    y = mb.sum([a * float(k) for k in range(50_000)])
    found = wrong_order(y)
    assert found.node is a
    assert len(found.missing) == 49_999
    assert found.right[a] == sum(range(50_000))
    assert cost(y, x).path_count == 50_000


def test_deep_graphs_need_no_recursion():
    v = Value(0.5)
    for _ in range(100_000):
        v = v * 1.0001
    assert sys.getrecursionlimit() < 100_000
    found = wrong_order(v)
    assert (found.node, len(found.order)) == (None, 100_001)
    assert cost(v).backward == 99_999


def test_one_is_not_many():
    w = Value(2.0)
    assert str(cost(mb.exp(w))).startswith("∂C/∂w for 1 weight\n")
    assert "path by path (1 path)" in cost(mb.exp(w))._repr_html_()
    assert "1 derivative agrees with differences" in str(mb.gradcheck(mb.exp, [1.0]))
