"""Tests of the engine: what a node holds, backward, grad, Values as Python objects, any size."""

import asyncio
import builtins
import copy
import gc
import math
import pickle
import random
import threading
import tracemalloc
import weakref

import mpmath
import numpy as np
import pytest

from micrograd_bp import (
    MLP,
    Value,
    differences,
    dot,
    exp,
    grad,
    hessian,
    logsumexp,
    maximum,
    no_grad,
    prod,
    sin,
    sqrt,
    sum,
    topological_order,
)

# ------------------------------------------------------------------ a node


def test_a_leaf():
    x = Value(2, "x")
    assert (x.data, x.grad, x.label, x.op) == (2.0, 0.0, "x", "")
    assert (x.operands, x.parents, x.local_derivatives) == ((), (), ())
    assert type(x.data) is float
    assert repr(x) == "Value(data=2.0, grad=0.0, label='x')"


a, b, c = Value(2.0, "a"), Value(3.0, "b"), Value(-4.0, "c")


@pytest.mark.parametrize(
    ("node", "op", "operands", "parents", "derivatives"),
    [
        (a * b, "mul", (a, b), (a, b), (3.0, 2.0)),
        (b * a, "mul", (b, a), (b, a), (2.0, 3.0)),
        (a * a, "mul", (a, a), (a, a), (2.0, 2.0)),
        (a - a, "sub", (a, a), (a, a), (1.0, -1.0)),
        (a * 5, "mul", (a, 5.0), (a,), (5.0,)),
        (5 - a, "sub", (5.0, a), (a,), (-1.0,)),
        (1 / a, "truediv", (1.0, a), (a,), (-0.25,)),
        (a**2, "pow", (a, 2.0), (a,), (4.0,)),
        (2**b, "pow", (2.0, b), (b,), (8.0 * math.log(2.0),)),
        (-a, "neg", (a,), (a,), (-1.0,)),
        (abs(c), "abs", (c,), (c,), (-1.0,)),
        (sum([a]), "sum", (a,), (a,), (1.0,)),
        (sum([a, 1]), "sum", (a, 1.0), (a,), (1.0,)),
        (sum([1, a]), "sum", (1.0, a), (a,), (1.0,)),
        (sum([a, b, a]), "sum", (a, b, a), (a, b, a), (1.0, 1.0, 1.0)),
        (sum([a, 1, b]), "sum", (a, 1.0, b), (a, b), (1.0, 1.0)),
        (prod([a, b, a]), "prod", (a, b, a), (a, b, a), (6.0, 4.0, 6.0)),
        (dot([a], [b]), "dot", (a, b, 0.0), (a, b), (3.0, 2.0)),
        (dot([a, c], [b, a], c), "dot", (a, c, b, a, c), (a, c, b, a, c), (3, 2, 2, -4, 1)),
        (dot([a, c], [5, 7], 1), "dot", (a, c, 5.0, 7.0, 1.0), (a, c), (5.0, 7.0)),
        (maximum(a, 1), "maximum", (a, 1.0), (a,), (1.0,)),
    ],
)
def test_a_node(node, op, operands, parents, derivatives):
    assert (node.op, node.operands, node.parents) == (op, operands, parents)
    assert node.local_derivatives == derivatives
    assert all(type(v) in (Value, float) for v in node.operands)
    assert all(type(d) is float for d in node.local_derivatives)


def test_the_data_of_a_node_is_that_of_its_time():
    x = Value(3.0)
    y = x * x
    x.data = 100.0
    y.backward()
    assert (y.data, x.grad) == (9.0, 6.0)


@pytest.mark.parametrize(
    ("node", "op", "prev"),
    [
        (a + b, "+", {a, b}),
        (a * a, "*", {a}),
        (a - 1, "-", {a}),
        (a / b, "/", {a, b}),
        (a**2, "**2", {a}),
        (a**-1, "**-1", {a}),
        (a**0.5, "**0.5", {a}),
        (a**b, "**", {a, b}),
        (a.relu(), "ReLU", {a}),
        (a.tanh(), "tanh", {a}),
        (a, "", set()),
    ],
)
def test_micrograds_names(node, op, prev):
    assert node._op == op
    assert {*node._prev} == prev


# ------------------------------------------------------------------ order


def position_of_every_parent(order):
    place = {node: k for k, node in enumerate(order)}
    assert len(place) == len(order)
    return [(place[parent], k) for k, node in enumerate(order) for parent in node.parents]


def random_graph(rng, size=60):
    nodes = [Value(rng.uniform(0.5, 1.5)) for _ in range(4)]
    for _ in range(size):
        u, v, w, x = rng.choices(nodes, k=4)
        nodes.append(
            rng.choice(
                [u * v, u - v, u + u, u.tanh(), sum([u, v, w, x]), u / 3, dot([u, v], [w, 1.0], x)]
            )
        )
    return sum(nodes)


@pytest.mark.parametrize("seed", range(20))
def test_parents_come_before_children(seed):
    root = random_graph(random.Random(seed))
    order = topological_order(root)
    assert order[-1] is root
    assert all(parent < child for parent, child in position_of_every_parent(order))


def test_the_order_of_one_node_and_of_no_node():
    assert topological_order(a) == [a]
    with pytest.raises(TypeError, match="topological_order: expected a Value, got float"):
        topological_order(1.0)


# ------------------------------------------------------------------ backward


def test_micrograds_sanity_check():
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert (y.data, x.grad) == (-20.0, 46.0)


def test_micrograds_readme():
    a, b = Value(-4.0), Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    g.backward()
    assert [f"{v:.4f}" for v in (g.data, a.grad, b.grad)] == ["24.7041", "138.8338", "645.5773"]


def test_backward_twice_adds_the_same_amount_to_the_leaves():
    x, y = Value(0.1), Value(0.7)
    middle = x * y
    out = (middle.exp() / y).sin() + x
    out.backward()
    first = x.grad, y.grad
    inner = middle.grad
    for times in (2.0, 4.0):  # exact in binary
        for _ in range(int(times / 2)):
            out.backward()
        assert (x.grad, y.grad) == (times * first[0], times * first[1])
        assert (middle.grad, out.grad) == (inner, 1.0)


def test_leaf_gradients_add_up_over_graphs():
    x = Value(3.0)
    (x * x).backward()
    (5 * x).backward()
    assert x.grad == 11.0
    x.grad = 0.0
    (x * x).backward()
    assert x.grad == 6.0


def test_an_intermediate_holds_the_latest_gradient():
    x = Value(3.0)
    y = 2 * x
    (y * y).backward()
    assert (y.grad, x.grad) == (12.0, 24.0)
    (5 * y).backward()
    assert (y.grad, x.grad) == (5.0, 34.0)


def test_backward_on_a_leaf():
    x = Value(3.0)
    x.backward()
    x.backward(2.5)
    assert x.grad == 3.5


@pytest.mark.parametrize("seed", [2.0, 2, -0.5, 0.0, np.float32(2.0), np.array(0.5)])
def test_seed(seed):
    x = Value(3.0)
    y = x * x
    y.backward(seed)
    assert (x.grad, y.grad) == (6.0 * float(seed), float(seed))


@pytest.mark.parametrize("seed", ["1", None, 1j, [1.0], Value(1.0)])
def test_a_seed_that_is_no_number(seed):
    x = Value(3.0)
    x.grad = 7.0
    with pytest.raises(TypeError, match=f"backward: .*got {type(seed).__name__}"):
        (x * x).backward(seed)
    assert x.grad == 7.0


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x + x, 2.0),
        (lambda x: x * x, 6.0),
        (lambda x: x - x, 0.0),
        (lambda x: x / x, 0.0),
        (lambda x: x**x, 27.0 * (math.log(3.0) + 1.0)),
        (lambda x: x * x * x, 27.0),
        (lambda x: (x * x) * (x * x), 108.0),
        (lambda x: sum([x, x, x]), 3.0),
        (lambda x: prod([x, x, x]), 27.0),
        (lambda x: dot([x, x], [x, x], x), 13.0),
        (lambda x: maximum(x, x), 1.0),
        (lambda x: logsumexp([x, x, x, x]), 1.0),
    ],
)
def test_a_node_used_more_than_once(f, expected):
    x = Value(3.0)
    y = f(x)
    assert grad(y, x) == pytest.approx(expected, rel=1e-14, abs=1e-15)
    y.backward()
    assert x.grad == pytest.approx(expected, rel=1e-14, abs=1e-15)


def test_a_diamond_of_diamonds():
    x = y = Value(1.5)
    for _ in range(100):  # 2^100 paths
        y = 0.5 * y + 0.5 * y
    y.backward()
    assert (y.data, x.grad) == (1.5, 1.0)


class Failing(Value):
    """A leaf whose gradient cannot be set when `armed` has counted down."""

    armed = 0

    @property
    def grad(self):
        return Value.grad.__get__(self)

    @grad.setter
    def grad(self, gradient):
        Failing.armed -= 1
        if Failing.armed == 0:
            raise Failing.error("now")
        Value.grad.__set__(self, gradient)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("when", [1, 2, 3, 4])
def test_an_interrupted_backward_leaves_the_leaves_as_they_were(when, error):
    x, y, bad = Value(2.0), Value(3.0), Failing(4.0)
    x.grad, y.grad, bad.grad = 10.0, 20.0, 30.0
    z = x * bad + y * bad + x * y
    Failing.error, Failing.armed = error, when
    with pytest.raises(error, match="now"):
        z.backward()
    assert (x.grad, y.grad, bad.grad) == (10.0, 20.0, 30.0)
    z.backward()
    assert (x.grad, y.grad, bad.grad) == (17.0, 26.0, 35.0)


# ------------------------------------------------------------------ grad and hessian


def test_grad_touches_no_gradient():
    x, y = Value(2.0), Value(3.0)
    m = x * y
    z = m.exp() + y
    z.backward()
    before = [v.grad for v in topological_order(z)]
    assert grad(z, [x, y]) == [x.grad, y.grad]
    grad(z, [x, y, m], create_graph=True)
    hessian(z, [x, y])
    assert [v.grad for v in topological_order(z)] == before


def test_one_input_or_many():
    x, y = Value(2.0), Value(3.0)
    z = x * x * y
    assert grad(z, x) == 12.0
    assert grad(z, [x]) == [12.0]
    assert grad(z, (y, x, y)) == [4.0, 12.0, 4.0]
    assert grad(z, []) == []
    assert grad(z, iter([x, y])) == [12.0, 4.0]
    assert all(type(d) is float for d in grad(z, [x, y]))


def test_intermediate_inputs():
    x = Value(2.0)
    y = x * x
    z = y * x  # through y alone, and through x with y on the way
    assert grad(z, [x, y, z]) == [12.0, 2.0, 1.0]
    assert [v.data for v in grad(z, [x, y, z], create_graph=True)] == [12.0, 2.0, 1.0]


def test_inputs_that_do_not_matter():
    x, other = Value(2.0), Value(5.0)
    z = x.exp()
    assert grad(z, other) == 0.0
    assert grad(z, [other, x]) == [0.0, z.data]
    first = grad(z, other, create_graph=True)
    assert (first.data, grad(first, x)) == (0.0, 0.0)
    assert hessian(z, [x, other]) == [[z.data, 0.0], [0.0, 0.0]]
    assert grad(x, other) == 0.0


@pytest.mark.parametrize("inputs", [1.0, [1.0], ["x"], [None], [a, 2]])
def test_inputs_that_are_no_values(inputs):
    with pytest.raises(TypeError):
        grad(a * a, inputs)


@pytest.mark.parametrize("output", [1.0, None, [a]])
def test_an_output_that_is_no_value(output):
    with pytest.raises(TypeError, match="expected a Value"):
        grad(output, [a])


def test_create_graph_makes_a_graph_of_its_own():
    x = Value(0.5)
    y = x.tanh() * x
    before = topological_order(y)
    first = grad(y, x, create_graph=True)
    assert topological_order(y) == before
    assert {v.op for v in topological_order(first)} - {""} == {"tanh", "sech2", "mul", "add"}


@pytest.mark.parametrize("x", [0.0, 0.3, -1.2, 2.0])
def test_five_derivatives_of_exp_sin(x):
    v = Value(x)
    derivative = exp(sin(v))
    with mpmath.workdps(50):
        for n in range(1, 6):
            derivative = grad(derivative, v, create_graph=True)
            expected = mpmath.diff(lambda t: mpmath.exp(mpmath.sin(t)), x, n)
            assert derivative.data == pytest.approx(float(expected), rel=1e-13, abs=1e-14)


@pytest.mark.parametrize(
    ("f", "n", "expected"),
    [
        (lambda x: x**5, 5, 120.0),
        (lambda x: x**5, 6, 0.0),
        (lambda x: x**-1, 3, -6.0 / 16.0),
        (lambda x: 1 / x, 4, 24.0 / 32.0),
        (lambda x: x.log(), 4, -6.0 / 16.0),
        (lambda x: 2**x, 3, 4.0 * math.log(2.0) ** 3),
        (lambda x: x.cos(), 4, math.cos(2.0)),
        (lambda x: prod([x, x, x, x]), 3, 48.0),
        (lambda x: dot([x, 3.0], [x, x], 1.0), 2, 2.0),
        (lambda x: x.relu(), 2, 0.0),
        (lambda x: abs(x), 2, 0.0),
    ],
)
def test_higher_derivatives(f, n, expected):
    x = Value(2.0)
    y = f(x)
    for _ in range(n):
        y = grad(y, x, create_graph=True)
    assert y.data == pytest.approx(expected, rel=1e-13)


def test_derivatives_of_order_two_at_zero():
    x = Value(0.0)
    assert hessian(x**2, [x]) == [[2.0]]
    assert hessian(x**3, [x]) == [[0.0]]
    assert hessian(prod([x, x, 5.0]), [x]) == [[10.0]]
    assert hessian(sin(x) * x, [x]) == [[2.0]]


@pytest.mark.parametrize("fused", [True, False])
def test_third_derivatives_of_a_network(fused):
    point = [0.3, -0.7]

    def second(u, v, numbers=True):
        model = MLP(2, [3, 1], activation="tanh", seed=1, fused=fused)
        xs = [Value(u), Value(v)]
        out = model(xs)
        w = model.weight(1, 2, 1)
        by_w = grad(out, w, create_graph=True)
        by_wx = grad(by_w, xs[0], create_graph=True)
        return by_wx.data if numbers else grad(by_wx, xs)

    for k, found in enumerate(second(*point, numbers=False)):
        estimate = differences.slope(
            lambda t, k=k: second(*point[:k], t, *point[k + 1 :]), point[k]
        )
        assert estimate.error < 1e-9
        assert found == pytest.approx(estimate.value, abs=10 * estimate.error)


@pytest.mark.parametrize("seed", range(5))
def test_a_hessian_is_symmetric(seed):
    rng = random.Random(seed)
    x, y, z = (Value(rng.uniform(0.5, 2.0)) for _ in range(3))
    f = (x * y).tanh() / z + logsumexp([x, y * z, z]) - x**y + prod([x, y, z]) * z.gelu()
    h = hessian(f, [x, y, z])
    for i in range(3):
        for j in range(i):
            assert h[i][j] == pytest.approx(h[j][i], rel=1e-12, abs=1e-13)
    assert hessian(f, []) == []


# ------------------------------------------------------------------ no_grad


def recorded():
    return bool((Value(2.0) * 3.0).parents)


def test_nothing_is_recorded():
    x = Value(2.0)
    with no_grad():
        nodes = [x * x, 3 - x, -x, x.tanh(), sum([x, x, x, x]), dot([x], [x]), maximum(x, 1), x**2]
    assert [v.data for v in nodes] == [4.0, 1.0, -2.0, math.tanh(2.0), 8.0, 4.0, 2.0, 4.0]
    assert {(v.op, v.operands, v.parents, v.local_derivatives) for v in nodes} == {("", (), (), ())}
    assert recorded()


def test_no_grad_in_no_grad():
    with no_grad():
        with no_grad():
            assert not recorded()
        assert not recorded()
    assert recorded()


def test_no_grad_ends_with_an_exception():
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert recorded()


def test_no_grad_as_a_decorator():
    assert [no_grad()(recorded)() for _ in range(2)] == [False, False]
    assert recorded()


def test_no_grad_holds_for_its_thread():
    found = []
    with no_grad():
        thread = threading.Thread(target=lambda: found.append(recorded()))
        thread.start()
        thread.join()
        assert not recorded()
    assert found == [True]


def test_no_grad_holds_for_its_task():
    async def off(inside, seen):
        with no_grad():
            inside.set()
            await seen.wait()
            return recorded()

    async def on(inside, seen):
        await inside.wait()
        try:
            return recorded()
        finally:
            seen.set()

    async def both():
        events = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(off(*events), on(*events))

    assert asyncio.run(both()) == [False, True]


def test_threads_differentiate_graphs_of_their_own():
    expected, found = {}, {}

    def run(seed, results):
        for _ in range(30):
            root = random_graph(random.Random(seed), 200)
            root.backward()
            leaves = [v for v in topological_order(root) if not v.op]
            results.setdefault(seed, []).append((root.data, [v.grad for v in leaves]))

    for seed in range(4):
        run(seed, expected)
    threads = [threading.Thread(target=run, args=(seed, found)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


# ------------------------------------------------------------------ Values as Python objects


@pytest.mark.parametrize("wrap", [float, Value, int, np.float64, np.array])
@pytest.mark.parametrize(("x", "y"), [(1, 2), (2, 1), (2, 2)])
def test_comparisons(x, y, wrap):
    v, w = Value(x), wrap(y)
    assert [v < w, v <= w, v > w, v >= w] == [x < y, x <= y, x > y, x >= y]
    assert [w < v, w <= v, w > v, w >= v] == [y < x, y <= x, y > x, y >= x]


def test_equality_is_identity():
    x, y = Value(1.0), Value(1.0)
    assert x == x
    assert x != y
    assert x != 1.0
    assert len({x, y, x}) == 2


def test_what_python_does_with_values():
    x, y, z = Value(3.0), Value(1.0), Value(2.0)
    assert sorted([x, y, z]) == [y, z, x]
    assert (max(x, y, z), min(x, y, z)) == (x, y)
    assert float(x) == 3.0
    assert math.sqrt(x + 1) == 2.0
    total = builtins.sum([x, y, z])
    assert total.data == 6.0
    assert grad(total, [x, y, z]) == [1.0, 1.0, 1.0]
    x += y
    assert (x.data, x.op) == (4.0, "add")


def test_arrays_of_values():
    v, w = Value(3.0), Value(4.0)
    array = np.array([v, w])
    for result, expected in (
        (array * 2, [6.0, 8.0]),
        (2 * array, [6.0, 8.0]),
        (array + array, [6.0, 8.0]),
        (array * v, [9.0, 12.0]),
        (v * array, [9.0, 12.0]),
        (v - np.array([1.0, 2.0]), [2.0, 1.0]),
        (np.array([1.0, 2.0]) / v, [1 / 3, 2 / 3]),
        (array**2, [9.0, 16.0]),
        (array @ np.array([[1.0, 0.0], [2.0, 1.0]]), [11.0, 4.0]),
    ):
        assert [type(x) for x in result] == [Value, Value]
        assert [x.data for x in result] == expected
    assert (np.array([1.0, 2.0]) @ array).data == 11.0
    assert grad((array * array).sum(), [v, w]) == [6.0, 8.0]


@pytest.mark.parametrize("number", [np.float64(2), np.float32(2), np.int64(2), np.array(2.0)])
def test_numpy_numbers_on_either_side(number):
    v = Value(3.0)
    left = [number + v, number - v, number * v, number / v, number**v]
    assert [type(x) for x in left] == [Value] * 5
    assert [x.data for x in left] == [5.0, -1.0, 6.0, 2 / 3, 8.0]
    right = [v + number, v - number, v * number, v / number, v**number]
    assert [x.data for x in right] == [5.0, 1.0, 6.0, 1.5, 9.0]
    assert all(type(operand) is not type(number) for x in left + right for operand in x.operands)


def test_weakref():
    x = Value(1.0)
    ref = weakref.ref(x)
    assert ref() is x
    del x
    assert ref() is None


@pytest.fixture
def no_gc():
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_gc")
def test_a_dropped_graph_dies_at_once():
    x = Value(0.5)
    y = x.exp()
    out = sum([y * y, dot([y, x], [y, 2.0]), y]).tanh()
    out.backward()
    second = grad(grad(out, x, create_graph=True), x, create_graph=True)
    copied = copy.deepcopy(out)
    refs = [weakref.ref(v) for top in (out, second, copied) for v in topological_order(top)]
    del x, y, out, second, copied
    assert [ref() for ref in refs] == [None] * len(refs)


def same_graph(v, w):
    """Whether two graphs are equal, node by node, and share none."""
    left, right = topological_order(v), topological_order(w)
    place = [{node: k for k, node in enumerate(order)} for order in (left, right)]

    def rows(order, place):
        return [
            (
                n.data,
                n.grad,
                n.label,
                n.op,
                n.local_derivatives,
                *(place.get(x, x) for x in n.operands),
            )
            for n in order
        ]

    assert rows(left, place[0]) == rows(right, place[1])
    return {*left}.isdisjoint(right)


def specimen():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    shared = x * y
    shared.label = "m"
    root = dot([shared, x, shared], [y, 2.0, x], 1.5) / sum([shared, 5]) - sqrt(shared) ** 2
    root.backward()
    return x, y, shared, root


COPIES = {"deepcopy": copy.deepcopy}
for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
    COPIES[f"pickle {protocol}"] = lambda v, p=protocol: pickle.loads(pickle.dumps(v, p))


@pytest.mark.parametrize("how", COPIES)
def test_a_copied_graph(how):
    _, _, _, root = specimen()
    copied = COPIES[how](root)
    assert same_graph(root, copied)
    before = [v.grad for v in topological_order(root)]
    leaves = [v for v in topological_order(copied) if not v.op]
    first = [v.grad for v in leaves]
    copied.backward()
    assert [v.grad for v in leaves] == [2.0 * g for g in first]
    assert [v.grad for v in topological_order(root)] == before


@pytest.mark.parametrize("how", COPIES)
def test_a_copied_leaf_and_a_random_graph(how):
    x = Value(2.0, "x")
    x.grad = 7.0
    assert same_graph(x, COPIES[how](x))
    root = random_graph(random.Random(3))
    assert same_graph(root, COPIES[how](root))


@pytest.mark.parametrize("how", COPIES)
def test_leaves_that_are_copied_together_stay_shared(how):
    x, y, _, root = specimen()
    x2, root2, more = COPIES[how]([x, root, {"y": y, "again": [x]}])
    leaves = [v for v in topological_order(root2) if not v.op]
    assert leaves == [x2, more["y"]]
    assert more["again"][0] is x2
    assert x2 is not x


def test_deepcopy_keeps_intermediates_shared():
    _, _, shared, root = specimen()
    for values in ([shared, root], [root, shared], [root, root, shared, [shared]]):
        copied = copy.deepcopy(values)
        flat = [v for item in copied for v in (item if isinstance(item, list) else [item])]
        nodes = topological_order(max(flat, key=lambda v: len(topological_order(v))))
        assert {*flat} <= {*nodes}
        assert shared not in nodes


def test_copy_is_another_node_on_the_same_operands():
    _, _, shared, root = specimen()
    for v in (root, shared, Value(2.0, "leaf")):
        copied = copy.copy(v)
        assert copied is not v
        for name in ("data", "grad", "label", "op", "operands", "parents", "local_derivatives"):
            assert getattr(copied, name) == getattr(v, name)


# ------------------------------------------------------------------ any size


def test_bytes_a_node():
    tracemalloc.start()
    try:
        x = y = Value(1.0)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5_000):
            y = (y * 0.999 + x).tanh()
        after = tracemalloc.get_traced_memory()[0]
        y.backward()
    finally:
        tracemalloc.stop()
    assert (after - before) / 15_000 <= 400


MILLION = 10**6


def chain():
    x = y = Value(1.0)
    for _ in range(MILLION):
        y = -y
    return [x], y, 1.0


def fan_out():
    x = Value(1.0)
    return [x], sum([x * 2.0 for _ in range(MILLION)]), 2.0 * MILLION


def fan_in():
    xs = [Value(1.0) for _ in range(MILLION)]
    return xs, sum(xs), 1.0


@pytest.mark.usefixtures("no_gc")  # or its rounds over all of the nodes would take most of the time
@pytest.mark.parametrize(
    ("make", "use"),
    [
        *((make, "backward") for make in (chain, fan_out, fan_in)),
        *((make, use) for make in (chain, fan_out) for use in ("deepcopy", "pickle")),
        (chain, "grad"),
    ],
)
def test_a_million_nodes(make, use):
    leaves, root, expected = make()
    if use == "backward":
        assert len(topological_order(root)) >= MILLION + 1
        root.backward()
        assert [v.grad for v in (leaves[0], leaves[-1])] == [expected] * 2
    elif use == "grad":
        first = grad(root, [leaves[0], leaves[-1]], create_graph=True)
        assert [v.data for v in first] == [expected] * 2
        del first
    else:
        copied = COPIES["pickle 5" if use == "pickle" else use](root)
        assert copied.data == root.data
        copied.backward()
        assert len(topological_order(copied)) == len(topological_order(root))
        assert leaves[0].grad == 0.0
        del copied
    ref = weakref.ref(root)
    del root, leaves
    assert ref() is None


def test_x_used_a_million_times_in_one_node():
    x = Value(2.0)
    y = sum([x] * MILLION)
    y.backward()
    assert (y.data, x.grad, len(y.parents)) == (2e6, 1e6, MILLION)
