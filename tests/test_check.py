"""Tests of the checks: right derivatives are never called wrong, and the first fault is named."""

import html
import math
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_ops import POINTS

import micrograd_bp as mb
from micrograd_bp import OPS, Value, check, grad, operation
from micrograd_bp.check import check_graph, gradcheck

CHECKED = settings(derandomize=True, deadline=None, max_examples=8, database=None)


# ------------------------------------------------------------------ gradcheck is never wrong

NEAR = st.floats(-6.0, 6.0).map(lambda x: round(x, 6)) | st.sampled_from(
    [0.0, -0.0, 1e-12, -1e-12, 1e-300, 1.0, -1.0]
)
ABOVE = st.floats(1e-3, 50.0) | st.sampled_from([1e-12, 1.0, 1e12])
SOME = st.floats(-5.0, 5.0, allow_subnormal=False)
POWER = [st.floats(0.01, 9.0), SOME]
OPERANDS = {
    "log": [ABOVE], "sqrt": [ABOVE], "tan": [st.floats(-1.5, 1.5)], "truediv": [NEAR, ABOVE],
    "pow": POWER, "dpower": POWER, "sum": [SOME] * 3, "prod": [SOME] * 3, "logsumexp": [SOME] * 3,
    "dot": [SOME] * 5,
}  # fmt: skip


def function(name):
    """The row as a function of its operands, flat, and how many they are."""
    op = OPS[name]
    if name == "softmax":
        return (lambda *xs: op(1, xs)), [NEAR] * 3
    operands = OPERANDS.get(name, [NEAR] * len(op.names))
    return (lambda *xs: op(*op._group(xs)) if op.vectors else op(*xs)), operands


@pytest.mark.parametrize("name", POINTS)
def test_no_right_derivative_is_called_wrong(name):
    f, operands = function(name)

    @CHECKED
    @given(st.tuples(*operands))
    def check(point):
        report = gradcheck(f, point, order={1: 3, 2: 2}.get(len(operands), 1))
        assert report.ok, f"{point}\n{report}"
        report = check_graph(f(*map(Value, point)))
        assert report.ok, str(report)

    check()


@pytest.mark.parametrize("name", ["truediv", "pow", "maximum", "mul", "leaky_relu"])
def test_no_right_third_derivative_is_called_wrong(name):
    f, _ = function(name)
    for point in POINTS[name]:
        report = gradcheck(f, point, order=3)
        assert report.ok, str(report)
        assert len(report.derivatives) == 2 + 3 + 4


COORDINATE = st.floats(-4.0, 4.0)
COMPOSED = [
    lambda x, y: mb.exp(mb.sin(x)) * y,
    lambda x, y: mb.log(1 + x * x) / (2 + y.cos()),
    lambda x, y: (x * y).tanh() + mb.softplus(x - y) ** 2,
    lambda x, y: mb.logsumexp([x, y, x * y]) - mb.gelu(x),
    lambda x, y: mb.dot(mb.softmax([x, y, 0.5]), [x, 2.0, y]),
    lambda x, y: (1 + x * x) ** (y / 3),
    lambda x, y: mb.erf(x) * mb.sigmoid(y * y),
    lambda x, y: mb.prod([x, y, x + y, 2.0]),
]


@pytest.mark.parametrize("f", COMPOSED)
def test_composed_functions(f):
    @CHECKED
    @example(1e-9, -1e-9)
    @example(0.015625, 0.5)
    @given(COORDINATE, COORDINATE)
    @example(0.0, 0.0)
    def check(x, y):
        report = gradcheck(f, [x, y], order=2)
        assert report.ok, f"{x} {y}\n{report}"

    check()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_every_derivative_up_to_the_order_is_there(order):
    report = gradcheck(lambda x, y: x * x * y, [2.0, 3.0], order=order)
    expected = {(0,): 12, (1,): 4, (0, 0): 6, (0, 1): 4, (1, 1): 0}
    expected |= {(0, 0, 0): 0, (0, 0, 1): 2, (0, 1, 1): 0, (1, 1, 1): 0}
    expected = {inputs: d for inputs, d in expected.items() if len(inputs) <= order}
    assert {d.inputs: d.derivative for d in report.derivatives} == expected
    for d in report.derivatives:
        assert abs(d.estimate.value - d.derivative) <= 10 * d.estimate.error + 1e-9


# ------------------------------------------------------------------ wrong ones are caught


@pytest.mark.parametrize(
    ("value", "partial"),
    [
        ("x * x", "-2.0 * x"),
        ("x * x", "2.0 * x + 1e-4"),
        ("x * x", "2.0002 * x"),
        ("x * x", "0.0"),
        ("x * x", "inf"),
        ("x * x", "nan"),
        ("exp(x)", "x"),
        ("sin(x)", "-cos(x)"),
        ("tanh(x)", "1.0 - z"),
        ("tanh(3.0 * x)", "sech2(3.0 * x)"),
        ("sqrt(x)", "0.6 / z"),
        ("abs(x)", "0.0"),
    ],
)
@pytest.mark.parametrize("x", [0.3, 1.0, 2.5])
def test_a_wrong_derivative_is_called_wrong(value, partial, x):
    bad = operation("bad(x)", value, partial)
    report = gradcheck(bad, [x])
    assert not report
    assert report.ok is False
    assert "1 of 1 derivatives WRONG" in str(report)
    assert str(report).splitlines()[1].endswith("   WRONG")
    faults = check_graph(bad(Value(x))).faults
    assert [fault.node.op for fault in faults] == ["bad"]


def test_a_wrong_second_derivative_is_called_wrong():
    operation("slope(x)", "2.0 * x", "1.9")
    f = operation("square(x)", "x * x", "slope(x)")
    assert gradcheck(f, [1.5])
    report = gradcheck(f, [1.5], order=2)
    assert [d.inputs for d in report.derivatives if not d.ok] == [(0, 0)]
    assert "∂²f/∂x1∂x1" in str(report)


def test_of_many_inputs_the_wrong_one_is_named():
    bad = operation("bad(x, y, w)", "x * y * w", "y * w", "x * y", "x * y")
    report = gradcheck(bad, [2.0, 3.0, 5.0])
    assert [d.inputs for d in report.derivatives if not d.ok] == [(1,)]
    assert "∂f/∂x2                   6     by differences              10 ±" in str(report)


@pytest.mark.parametrize(
    ("f", "x", "left", "right", "derivative"),
    [
        (abs, 0.0, -1.0, 1.0, 0.0),
        (mb.relu, 0.0, 0.0, 1.0, 0.0),
        (lambda x: mb.leaky_relu(x, 0.1), 0.0, 0.1, 1.0, 0.1),
        (lambda x: mb.maximum(x, 2.0), 2.0, 0.0, 1.0, 0.5),
        (lambda x: mb.minimum(3.0 * x, 6.0), 2.0, 3.0, 0.0, 1.5),
        (lambda x: 2.0 * abs(x - 1.0) + x, 1.0, -1.0, 3.0, 1.0),
    ],
)
def test_a_kink_has_two_slopes(f, x, left, right, derivative):
    report = gradcheck(f, [x])
    assert report.ok
    (found,) = report.derivatives
    assert found.estimate.kink
    assert found.derivative == derivative
    assert (found.estimate.left, found.estimate.right) == pytest.approx((left, right), abs=1e-9)
    assert f"a kink, slopes {left:g} and {right:g}" in str(report)


@pytest.mark.parametrize(("slope", "ok"), [("-1.0", True), ("0.3", True), ("1.0", True),
                                           ("1.001", False), ("-2.0", False)])  # fmt: skip
def test_at_a_kink_every_slope_between_is_right(slope, ok):
    f = operation("kinked(x)", "abs(x)", slope)
    assert gradcheck(f, [0.0]).ok is ok


def test_where_there_is_no_derivative():
    step = operation("step(x)", "0.0 if x < 1.0 else 1.0", "0.0")
    report = gradcheck(step, [1.0])
    assert report
    assert "none: it jumps to the next float, or has no values around" in str(report)
    assert gradcheck(step, [2.0])
    assert gradcheck(mb.sqrt, [0.0])
    assert gradcheck(mb.sqrt, [0.0]).derivatives[0].derivative == math.inf


def test_constants_and_numbers_have_derivative_zero():
    for f in (lambda x: 3.0, lambda x: Value(3.0), lambda x: 0 * x):
        report = gradcheck(f, [2.0], order=2)
        assert report
        assert [d.derivative for d in report.derivatives] == [0.0, 0.0]
    assert gradcheck(lambda x: x, [Value(2.0)], order=2)
    assert gradcheck(lambda: 3.0, []).derivatives == ()


@pytest.mark.parametrize("order", [0, -1])
def test_no_order(order):
    with pytest.raises(
        ValueError, match=f"^gradcheck: order = {order}: expected a whole number from 1 on$"
    ):
        gradcheck(abs, [1.0], order=order)


def test_an_error_of_the_function_itself():
    with pytest.raises(ValueError, match="log: no value"):
        gradcheck(mb.log, [-1.0])


def test_gradcheck_touches_no_gradient():
    x, w = Value(2.0), Value(3.0)
    assert gradcheck(lambda v: v * w, [x])
    assert (x.grad, w.grad) == (0.0, 0.0)


# ------------------------------------------------------------------ check_graph


def graph():
    """The nodes of m = x · y, e = exp(m), out = e + sin(x): x, y, m, e, out."""
    x, y = Value(0.5, "x"), Value(-2.0, "y")
    m = x * y
    m.label = "m"
    e = m.exp()
    out = e + x.sin()
    return x, y, m, e, out


def leaf_assigned(x, y, m, e, out):
    x.data = 0.75
    return m, "its value is -1.0, but its operands now give -1.5: was .data assigned"


def intermediate_assigned(x, y, m, e, out):
    m.data = 3.0
    return m, "its value is 3.0, but its operands now give -1.0"


def output_assigned(x, y, m, e, out):
    out.data += 1e-9
    return out, "but its operands now give"


def nan_leaf(x, y, m, e, out):
    y.data = math.nan
    return y, "its value is nan"


def infinite_leaf(x, y, m, e, out):
    x.data = math.inf
    return x, "its value is inf"


def infinite_node(x, y, m, e, out):
    e.data = math.inf
    return e, "its value is inf"


def wrong_operation(x, y, m, e, out):
    e.op = "sin"
    return e, "its value is 0.36787944117144233, but its operands now give -0.8414709848078965"


def unknown_operation(x, y, m, e, out):
    e.op = "exponential"
    return e, "its operation is not in the table"


def altered_derivative(x, y, m, e, out):
    m._dy = -0.5
    return m, "the derivative by operand 2 is recorded as -0.5, by its formula it is 0.5"


def altered_derivative_of_one(x, y, m, e, out):
    e._dx *= 1.0 + 1e-9
    return e, "the derivative by operand 1 is recorded as"


def no_derivative(x, y, m, e, out):
    m._dx = math.nan
    return m, "the derivative by operand 1 is recorded as nan"


def no_value_any_more(x, y, m, e, out):
    m.data = 800.0
    return m, "its value is 800.0"


FAULTS = [leaf_assigned, intermediate_assigned, output_assigned, nan_leaf, infinite_leaf,
          infinite_node, wrong_operation, unknown_operation, altered_derivative,
          altered_derivative_of_one, no_derivative, no_value_any_more]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_first_fault_is_named(fault):
    nodes = graph()
    assert check_graph(nodes[-1])
    culprit, text = fault(*nodes)
    report = check_graph(nodes[-1])
    assert not report
    assert report.first is report.faults[0]
    assert report.first.node is culprit
    assert report.first.place == mb.topological_order(nodes[-1]).index(culprit)
    assert report.first.what.startswith(text) or text in report.first.what
    shown = str(report).splitlines()
    assert re.fullmatch(r"check_graph: 6 nodes, \d at fault", shown[0])
    assert shown[1].startswith(f"  node {report.first.place}, ")
    assert culprit.label in shown[1]
    assert culprit.op in shown[1]


def test_faults_come_in_order_and_each_node_once():
    x = y = Value(1.0)
    for _ in range(30):
        y = y * 1.5
    x.data = 2.0
    y.data = 0.0
    report = check_graph(y)
    assert [fault.place for fault in report.faults] == [1, 30]
    for node in mb.topological_order(y):
        node.data = math.nan
    report = check_graph(y)
    assert [fault.place for fault in report.faults] == [*range(31)]
    assert str(report).endswith("  … and 21 more")


@pytest.mark.parametrize("make", [graph, lambda: (Value(2.0),), lambda: (Value(0.0).sqrt(),)])
def test_nothing_is_at_fault(make):
    root = make()[-1]
    report = check_graph(root)
    assert report
    assert (report.ok, report.first, report.faults) == (True, None, ())
    n = len(mb.topological_order(root))
    assert str(report) == f"check_graph: {n} nodes, every value and local derivative is right"


def test_a_row_removed_from_the_table(monkeypatch):
    _, _, _, e, out = graph()
    monkeypatch.delitem(OPS, "exp")
    report = check_graph(out)
    assert report.first.node is e
    assert "not in the table" in str(report)


def test_a_value_that_is_gone():
    x = Value(2.0, "x")
    y = x.log() + 1.0
    x.data = -2.0
    report = check_graph(y)
    assert report.first.place == 1
    assert "but now log: no value at x = -2.0 (node 'x')" in str(report)


@pytest.mark.parametrize("place", [0, 1, 37, 98, 99])
@pytest.mark.parametrize("count", [17, 100])
def test_one_of_many_operands_is_wrong(place, count):
    place = min(place, count - 1)
    partials = f"[2.0 * x if k != {place} else -2.0 * x for k, x in enumerate(xs)]"
    bad = operation("bad(*xs)", "fsum([x * x for x in xs])", partials)
    node = bad([Value(0.5 + 0.01 * k) for k in range(count)])
    report = check_graph(node)
    assert len(report.faults) == 1
    assert f"the derivative by operand {place + 1} is recorded" in report.first.what
    assert "by differences it is" in report.first.what


def test_many_operands_that_are_right():
    xs = [Value(math.sin(k) + 0.1) for k in range(101)]
    for node in (
        mb.sum(xs),
        mb.prod(xs[:60]),
        mb.logsumexp(xs),
        mb.dot(xs[:50], xs[50:100], xs[100]),
    ):
        report = check_graph(node)
        assert report, str(report)


def test_one_recorded_derivative_of_many_is_altered():
    z = mb.dot([Value(0.1 * k) for k in range(1, 60)], [Value(1.0 + k) for k in range(1, 60)])
    z._dx = (*z._dx[:70], -z._dx[70], *z._dx[71:])
    what = check_graph(z).first.what
    assert what.startswith("the derivative by operand 71 is recorded as -")


def test_a_derivative_that_does_not_exist():
    y = Value(-2.0, "x") ** Value(2.0, "y")
    assert check_graph(y).first.what.startswith("the derivative by operand 2 is nan")


def test_check_graph_takes_a_value():
    with pytest.raises(TypeError, match="expected a Value, got float"):
        check_graph(2.0)


# ------------------------------------------------------------------ in print

HOSTILE = [
    "<script>alert(1)</script>",
    "</pre><b>",
    "&amp;",
    "'\"",
    "a\nb",
    "\x00",
    "{0} %s",
    "W^{(1)}_{12}",
]


@pytest.mark.parametrize("label", HOSTILE)
def test_labels_in_reports(label):
    x = Value(2.0, label)
    y = x * 3.0
    y.label = label
    y.data = 7.0
    report = check_graph(y)
    shown = report._repr_html_()
    assert check.unicode(label) in str(report)
    assert shown == f"<pre>{html.escape(str(report))}</pre>"
    assert re.findall("<[^>]*>", shown) == ["<pre>", "</pre>"]


def test_a_report_of_derivatives_in_print():
    report = gradcheck(lambda x, y: x * y, [2.0, 3.0])
    lines = str(report).splitlines()
    assert lines[0] == "gradcheck: 2 derivatives agree with differences"
    assert re.fullmatch(r"  ∂f/∂x1 +3     by differences +3 ± \de[-+]\d+", lines[1])
    assert report._repr_html_() == f"<pre>{report}</pre>"
    assert grad(Value(1.0) * 2, []) == []
