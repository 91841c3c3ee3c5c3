"""Tests of the table: its errors, rows of a user's own, domains, kinks, and what is no number."""

import math

import numpy as np
import pytest

import micrograd_bp as mb
import micrograd_bp.losses  # its rows are rows of the table
from micrograd_bp import OPS, Value, draw, grad, hessian, operation, sin, table
from micrograd_bp.check import check_graph, gradcheck

assert micrograd_bp.losses
PACKAGE = {*OPS}  # without the rows that examples add


# ------------------------------------------------------------------ a row of one's own


def digamma(x):
    """ψ(x) by its recurrence and asymptotic series."""
    shift = 0.0
    while x < 10.0:
        shift -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return shift + math.log(x) - 0.5 / x - series


def trigamma(x):
    shift = 0.0
    while x < 10.0:
        shift += 1.0 / (x * x)
        x += 1.0
    y = 1.0 / (x * x)
    series = y * (1 / 6 - y * (1 / 30 - y * (1 / 42 - y / 30)))
    return shift + 1.0 / x + y / 2.0 + series / x


def lgamma_row():
    operation("trigamma(x)", trigamma, "nan")
    operation("digamma(x)", digamma, "trigamma(x)")
    return operation("lgamma(x)", math.lgamma, "digamma(x)", symbol="lnΓ", domain="x > 0")


def cube_row():
    return operation("cube(x)", "x ** 3", "3.0 * x ** 2")


def hypot_row():
    return operation("hypot(x, y)", "sqrt(x * x + y * y)", "x / z", "y / z", domain="z > 0")


def norm_row():
    row = operation("norm(*xs)", "sqrt(fsum([x * x for x in xs]))", "[x / z for x in xs]")
    return lambda *xs: row(xs)


def fma_row():
    row = operation("axpy(a, *xs, *ys)", "fsum([*map(mul, [a] * len(xs), xs), *ys])",
                    "fsum(xs)", "[a] * len(xs)", "[1.0] * len(ys)")  # fmt: skip
    return lambda a, x1, x2, y1, y2: row(a, [x1, x2], [y1, y2])


ROWS = [  # the row, operands, its value and its derivatives there, its name, orders to check
    (cube_row, (2.0,), 8.0, [12.0], "cube", 3),
    (hypot_row, (3.0, 4.0), 5.0, [0.6, 0.8], "hypot", 3),
    (norm_row, (2.0, 3.0, 6.0), 7.0, [2 / 7, 3 / 7, 6 / 7], "norm", 2),
    (norm_row, (3.0, -4.0), 5.0, [0.6, -0.8], "norm", 2),
    (fma_row, (2.0, 1.0, 3.0, 5.0, 7.0), 20.0, [4.0, 2.0, 2.0, 1.0, 1.0], "axpy", 1),
    (lgamma_row, (3.5,), math.lgamma(3.5), [1.1031566406452432], "lgamma", 2),
]


@pytest.mark.parametrize(("row", "operands", "value", "slopes", "name", "order"), ROWS)
def test_a_row_of_ones_own(row, operands, value, slopes, name, order):
    f = row()
    assert f(*operands) == value
    vs = [Value(x, f"p{k}") for k, x in enumerate(operands)]
    z = f(*vs)
    assert (z.data, z.op, z.operands, z.parents) == (value, name, tuple(vs), tuple(vs))
    assert z.local_derivatives == pytest.approx(slopes, rel=1e-14)
    z.backward()
    assert [v.grad for v in vs] == pytest.approx(slopes, rel=1e-14)
    report = check_graph(f(*vs) * 2.0)
    assert report, str(report)
    report = gradcheck(f, operands, order=order)
    assert report, str(report)
    drawing = draw(z)
    assert f"{name}({', '.join(v.label for v in vs)})" in drawing.text
    assert OPS[name].symbol in drawing.source


@pytest.mark.parametrize(("row", "operands", "value", "slopes", "name", "order"), ROWS)
def test_a_row_of_ones_own_beside_numbers(row, operands, value, slopes, name, order):
    f = row()
    for k, x in enumerate(operands):
        v = Value(x)
        z = f(*operands[:k], v, *operands[k + 1 :])
        assert (z.data, z.parents) == (value, (v,))
        assert grad(z, v) == pytest.approx(slopes[k], rel=1e-14)


def test_second_and_third_derivatives_of_ones_own():
    x, y = Value(3.0), Value(4.0)
    assert hessian(hypot_row()(x, y), [x, y]) == [
        pytest.approx([0.128, -0.096]),
        pytest.approx([-0.096, 0.072]),
    ]
    second = grad(grad(cube_row()(x), x, create_graph=True), x, create_graph=True)
    assert (second.data, grad(second, x)) == (18.0, 6.0)
    assert hessian(lgamma_row()(x), [x])[0][0] == pytest.approx(math.pi**2 / 6 - 1.25, rel=1e-13)


def test_a_row_is_a_formula_of_others():
    cube_row()
    f = operation("wave(x)", "cube(x) * tanh(x)", "3.0 * x ** 2 * tanh(x) + cube(x) * sech2(x)")
    assert f(2.0) == 8.0 * math.tanh(2.0)
    report = gradcheck(f, [2.0], order=3)
    assert report, str(report)


def test_a_wrong_row_is_found():
    bad = operation("bad(x)", "x * x", "-2.0 * x")
    x = Value(3.0, "x")
    assert not gradcheck(bad, [3.0])
    assert check_graph(sin(bad(x)) + 1.0).first.node.op == "bad"


def test_a_row_of_ones_own_may_be_defined_anew():
    row = hypot_row()
    assert hypot_row() == row
    assert repr(row) == "hypot(x, y) = sqrt(x * x + y * y),  ∂/∂x = x / z,  ∂/∂y = y / z"
    x = Value(2.0)
    for value, partial, expected in (("x * x", "2.0 * x", 4.0), (math.exp, "mine(x)", math.e**2)):
        row = operation("mine(x)", value, partial)
        assert OPS["mine"] is row
        assert row(x).data == pytest.approx(expected)
        assert gradcheck(row, [2.0], order=2)


def test_its_domain_error():
    f = lgamma_row()
    with pytest.raises(ValueError, match=r"lgamma: no value at x = -1.0 \(node 'n'\); .*x > 0"):
        f(Value(-1.0, "n"))
    with pytest.raises(OverflowError, match=r"lgamma: too large for a float64 at x = 1e\+306"):
        f(1e306)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("tanh(x)", "x", "1.0"), "tanh(x) = tanh(x)"),
        (("tanh(x, y)", "tanh(x)", "sech2(x)", "0.0"), "tanh is "),
        (("f(x)", "x"), r"f(x): expected a partial derivative for each"),
        (("f(x)", "x", "1.0", "1.0"), r"f(x): expected a partial derivative for each"),
        (("f(x, y)", "x", "1.0"), r"f(x, y): expected a partial derivative for each"),
        (("f(x)", "arctan(x)", "1.0"), "f(x): arctan not in the table"),
        (("f(x)", "x", "arctan(x) + heaviside(x)"), "f(x): arctan, heaviside not in the table"),
        (("f(x)", "math.sin(x)", "1.0"), "f(x): math not in the table"),
        (("f(x)", "y", "1.0"), "f(x): y not in the table"),
    ],
)
def test_no_row_at_all(arguments, expected):
    before = dict(OPS)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  its text is compared below
        operation(*arguments)
    assert expected in str(caught.value)
    assert before == OPS


@pytest.mark.parametrize("formula", ["x +", "lambda", "x = 1", ""])
def test_no_formula_at_all(formula):
    before = dict(OPS)
    with pytest.raises(SyntaxError):
        operation("f(x)", formula, "1.0")
    with pytest.raises(SyntaxError):
        operation("f(x)", "x", formula)
    assert before == OPS


def test_a_value_that_is_neither_formula_nor_function():
    with pytest.raises(TypeError, match=r"f\(x\): expected a formula or a function, got 3.0"):
        operation("f(x)", 3.0, "1.0")


def test_a_derivative_that_raises_speaks_of_the_operands():
    f = hypot_row()
    with pytest.raises(ZeroDivisionError, match=r"^hypot: no derivative at x = 0\.0"):
        f(Value(0.0, "a"), Value(0.0, "b"))


@pytest.mark.parametrize(
    ("name", "arguments", "error", "said"),
    [
        ("exp", (1.0, 2.0), TypeError, "exp(x): expected 1 argument, got 2"),
        ("mul", (1.0,), TypeError, "mul(x, y): expected 2 arguments, got 1"),
        ("dot", ([1.0],), TypeError, "dot(*ws, *xs, b): expected 3 arguments, got 1"),
        ("dot", (1.0, [2.0], 0.0), TypeError, "dot(*ws, *xs, b): *ws: expected a list, got float"),
        ("dot", ([1.0], [2.0, 3.0], 0.0), ValueError,
         "dot(*ws, *xs, b): expected lists of one length, got [1, 2]"),
    ],
)  # fmt: skip
def test_arguments_that_a_row_does_not_take(name, arguments, error, said):
    with pytest.raises(error) as caught:
        OPS[name](*arguments)
    assert str(caught.value) == said


@pytest.mark.parametrize("vector", ["xs", "x", "class_", "given"])
def test_components_have_the_name_of_their_vector(vector):
    row = operation(f"first(*{vector})", f"log({vector}[0])", f"[1.0 / x for x in {vector}]")
    with pytest.raises(ValueError, match=rf"^first: no value at {vector.removesuffix('s')}1 = -1"):
        row([-1.0, 2.0])


def test_no_such_row():
    with pytest.raises(KeyError, match="arctan is not in the table"):
        OPS["arctan"]


def test_spaces_in_a_definition():
    f = operation(" g( x,y ) ", "x * y", "y", "x")
    assert (f.name, f.signature, f(2.0, 3.0)) == ("g", "x, y", 6.0)


# ------------------------------------------------------------------ where there is no value

BIG = 1.7e308
UNDEFINED = [  # row, operands, error, what else the message says
    ("add", (BIG, BIG), OverflowError, ""),
    ("sub", (BIG, -BIG), OverflowError, ""),
    ("mul", (BIG, 10.0), OverflowError, ""),
    ("truediv", (1.0, 0.0), ZeroDivisionError, "expected y != 0"),
    ("truediv", (0.0, -0.0), ZeroDivisionError, "expected y != 0"),
    ("truediv", (BIG, 0.1), OverflowError, ""),
    ("pow", (-8.0, 1 / 3), ValueError, "expected x > 0"),
    ("pow", (-0.5, -0.5), ValueError, "expected x > 0"),
    ("pow", (0.0, -1.0), ZeroDivisionError, "expected x > 0"),
    ("pow", (0.0, -0.5), ZeroDivisionError, "expected x > 0"),
    ("pow", (10.0, 400.0), OverflowError, ""),
    ("pow", (-10.0, 401.0), OverflowError, ""),
    ("pow", (1e-200, -2.0), OverflowError, ""),
    ("exp", (710.0,), OverflowError, ""),
    ("log", (0.0,), ValueError, "expected x > 0"),
    ("log", (-1.0,), ValueError, "expected x > 0"),
    ("sqrt", (-1e-300,), ValueError, "expected x >= 0"),
    ("sin", (math.inf,), ValueError, ""),
    ("cos", (-math.inf,), ValueError, ""),
    ("tan", (math.inf,), ValueError, ""),
    ("leaky_relu", (-BIG, 2.0), OverflowError, ""),
    ("sum", (BIG, BIG), OverflowError, ""),
    ("sum", (BIG, BIG, 1.0), OverflowError, ""),
    ("sum", (math.inf, -math.inf, 0.0), ValueError, ""),
    ("prod", (1e200, 1e200), OverflowError, ""),
    ("prod", (1e200, 1e200, -1.0), OverflowError, ""),
    ("dot", (1e200, 1e200, 0.0), OverflowError, ""),
    ("dot", (1e200, 1.0, 1e200, 1.0, 0.0), OverflowError, ""),
    ("logsumexp", (), ValueError, "of no operands"),
    ("softmax", (0.0, math.inf, math.inf), ValueError, ""),
    ("dpower", (0.0, 0.5), OverflowError, ""),
    ("dpower", (-8.0, 0.5), ValueError, ""),
    ("squared_error", (1e200, 0.0), OverflowError, ""),
    ("mean_squared_error", (1e200, 0.0), OverflowError, ""),
    ("binary_cross_entropy", (), ZeroDivisionError, "of no operands"),
    ("binary_cross_entropy", (math.inf, 1.0), ValueError, ""),
    ("cross_entropy", (BIG, -BIG, 0.0, 1.0), OverflowError, ""),
    ("cross_entropy", (math.inf, 0.0, 1.0, 0.0), ValueError, ""),
    ("cross_entropy", (), ValueError, "of no operands"),
    ("hinge", (BIG, -2.0), OverflowError, ""),
    ("hinge", (), ZeroDivisionError, "of no operands"),
    ("l2", (1e200, 1.0), OverflowError, ""),
    ("sub", (math.inf, math.inf), ValueError, ""),
    ("add", (math.inf, -math.inf), ValueError, ""),
    ("mul", (math.inf, 0.0), ValueError, ""),
    ("truediv", (math.inf, math.inf), ValueError, ""),
]  # fmt: skip
TOTAL = {  # rows with a value for every finite operand
    *"neg abs tanh sigmoid softplus erf gelu relu maximum minimum sech2 dsigmoid derf".split(),
    *"normal_cdf normal_pdf softmax sin cos tan logsumexp".split(),
}


@pytest.mark.parametrize(("name", "operands", "error", "advice"), UNDEFINED)
def test_no_value(name, operands, error, advice):
    op = OPS[name]
    with pytest.raises(error) as caught:
        op(*op._group(operands))
    assert str(caught.value).startswith(f"{name}: ")
    assert all(f"= {float(x)!r}" in str(caught.value) for x in operands)
    assert str(caught.value).endswith(advice if "pow" not in name else "")


@pytest.mark.parametrize(("name", "operands", "error", "advice"), UNDEFINED)
def test_no_value_names_the_nodes(name, operands, error, advice):
    op = OPS[name]
    vs = [Value(x, f"W_{k}") for k, x in enumerate(operands)]
    if not vs:
        return
    with pytest.raises(error) as caught:
        op(*op._group(vs))
    text = str(caught.value)
    assert text.startswith(f"{name}: ")
    assert all(f"= {x!r} (node 'W_{k}')" in text for k, x in enumerate(operands))
    assert advice in text
    assert type(caught.value) is error


def test_every_row_is_total_or_has_errors():
    assert {name for name, *_ in UNDEFINED} | TOTAL == PACKAGE


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x / 0, lambda x: 1 / (x - 3.0), lambda x: (x - 11.0).log(), lambda x: (-x) ** 0.5,
        lambda x: (x - 4.0).sqrt(), lambda x: (300 * x).exp(), lambda x: 10.0 ** (200 * x),
        lambda x: x * 1e308, lambda x: 0 ** (-x),
    ],
)  # fmt: skip
def test_methods_raise_what_rows_raise(f):
    with pytest.raises((ValueError, ArithmeticError), match=r"^\w+: .* at x = "):
        f(Value(3.0, "x"))


def test_many_operands_are_not_all_named():
    vs = [Value(1e308, f"x{k}") for k in range(50)]
    with pytest.raises(OverflowError, match=r"x6 = 1e\+308 \(node 'x5'\), …$"):
        mb.sum(vs)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda v: v + 1, math.nan),
        (lambda v: v.tanh(), math.nan),
        (lambda v: v.relu(), math.nan),
        (lambda v: mb.maximum(v, 1), math.nan),
        (lambda v: mb.minimum(1, v), math.nan),
        (lambda v: mb.sum([v, 1, 2]), math.nan),
        (lambda v: mb.dot([v, v], [1, 2]), math.nan),
        (lambda v: v.gelu(), math.nan),
        (lambda v: v.sigmoid(), math.nan),
        (lambda v: mb.logsumexp([v, 1.0]), math.nan),
    ],
)
def test_nan_stays_nan(f, expected):
    assert math.isnan(f(Value(expected)).data)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda v: v + 1, math.inf), (lambda v: -v, -math.inf), (lambda v: v.tanh(), 1.0),
        (lambda v: v.sigmoid(), 1.0), (lambda v: (-v).exp(), 0.0), (lambda v: 1 / v, 0.0),
        (lambda v: v.softplus(), math.inf), (lambda v: v.relu(), math.inf),
        (lambda v: mb.logsumexp([v, 1.0, 2.0]), math.inf), (lambda v: v.log(), math.inf),
        (lambda v: mb.logsumexp([-v, 0.0]), 0.0), (lambda v: mb.softmax([-v, 0.0])[1], 1.0),
        (lambda v: mb.minimum(v, 2.0), 2.0), (lambda v: v.erf(), 1.0), (lambda v: v * v, math.inf),
    ],
)  # fmt: skip
def test_infinity_is_an_operand_like_others(f, expected):
    assert f(Value(math.inf)).data == expected


# ------------------------------------------------------------------ kinks, ties, edges


@pytest.mark.parametrize(
    ("f", "point", "expected"),
    [
        (mb.relu, (0.0,), (0.0,)),
        (mb.relu, (-0.0,), (0.0,)),
        (mb.relu, (5e-324,), (1.0,)),
        (mb.relu, (-5e-324,), (0.0,)),
        (abs, (0.0,), (0.0,)),
        (abs, (-0.0,), (0.0,)),
        (abs, (5e-324,), (1.0,)),
        (abs, (-5e-324,), (-1.0,)),
        (mb.maximum, (2.0, 2.0), (0.5, 0.5)),
        (mb.maximum, (0.0, -0.0), (0.5, 0.5)),
        (mb.maximum, (2.0, 3.0), (0.0, 1.0)),
        (mb.minimum, (2.0, 2.0), (0.5, 0.5)),
        (mb.minimum, (2.0, 3.0), (1.0, 0.0)),
        (mb.leaky_relu, (0.0, 0.25), (0.25, 0.0)),
        (mb.leaky_relu, (-2.0, 0.25), (0.25, -2.0)),
        (mb.leaky_relu, (2.0, 0.25), (1.0, 0.0)),
        (mb.sqrt, (0.0,), (math.inf,)),
        (OPS["pow"], (0.0, 2.0), (0.0, 0.0)),
        (OPS["pow"], (0.0, 1.0), (1.0, 0.0)),
        (OPS["pow"], (0.0, 0.5), (math.inf, 0.0)),
        (OPS["pow"], (0.0, 0.0), (0.0, 0.0)),
        (OPS["pow"], (5.0, 0.0), (0.0, math.log(5.0))),
        (lambda *xs: mb.prod(xs), (0.0, 2.0, 3.0), (6.0, 0.0, 0.0)),
        (lambda *xs: mb.prod(xs), (0.0, 2.0, 0.0), (0.0, 0.0, 0.0)),
        (lambda *xs: mb.prod(xs), (0.0, 3.0), (3.0, 0.0)),
    ],
)
def test_kinks_and_edges(f, point, expected):
    vs = [*map(Value, point)]
    assert f(*vs).local_derivatives == expected
    for k, v in enumerate(vs):
        only = f(*point[:k], v, *point[k + 1 :])
        assert only.local_derivatives == (expected[k],)


@pytest.mark.parametrize(("x", "y"), [(-2.0, 3.0), (-2.0, 2.0), (-2.0, -1.0), (-0.5, 0.0)])
def test_a_negative_base_to_a_whole_power(x, y):
    v, w = Value(x), Value(y)
    z = v**w
    assert z.data == x**y
    assert z.local_derivatives[0] == y * x ** (y - 1)
    assert math.isnan(z.local_derivatives[1])  # there are no values on either side
    assert (v**y).local_derivatives == (y * x ** (y - 1),)


def test_the_square_root_at_zero():
    x = Value(0.0)
    y = x.sqrt() + 3.0
    y.backward()
    assert x.grad == grad(y, x) == math.inf
    assert grad(y, x, create_graph=True).data == math.inf


# ------------------------------------------------------------------ what is no number

WRONG = ["a", b"a", None, 1j, [], [1.0], {}, {1.0}, (), object(), math.sin, Value]
BINARY = {
    "add": (lambda x, y: x + y), "sub": (lambda x, y: x - y), "mul": (lambda x, y: x * y),
    "truediv": (lambda x, y: x / y), "pow": (lambda x, y: x**y),
}  # fmt: skip


@pytest.mark.parametrize("bad", WRONG, ids=repr)
@pytest.mark.parametrize("name", BINARY)
def test_no_operand_of_an_operator(name, bad):
    expected = rf"^{name}: expected a Value or a real number, got {type(bad).__name__}$"
    for x, y in ((Value(2.0), bad), (bad, Value(2.0))):
        with pytest.raises(TypeError, match=expected):
            BINARY[name](x, y)


@pytest.mark.parametrize("bad", WRONG, ids=repr)
@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid",
                                  "relu", "leaky_relu", "softplus", "erf", "gelu"])  # fmt: skip
def test_no_operand_of_a_function(name, bad):
    with pytest.raises(TypeError, match=f"^{name}: .* got {type(bad).__name__}$"):
        getattr(mb, name)(bad)


@pytest.mark.parametrize("bad", WRONG, ids=repr)
@pytest.mark.parametrize("one", [1.0, Value(1.0)], ids=["number", "Value"])
@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("maximum", lambda v, bad: mb.maximum(v, bad)),
        ("maximum", lambda v, bad: mb.maximum(bad, v)),
        ("minimum", lambda v, bad: mb.minimum(v, bad)),
        ("minimum", lambda v, bad: mb.minimum(bad, v)),
        ("leaky_relu", lambda v, bad: mb.leaky_relu(v, bad)),
        ("sum", lambda v, bad: mb.sum([bad])),
        ("sum", lambda v, bad: mb.sum([v, bad])),
        ("sum", lambda v, bad: mb.sum([v, v, bad])),
        ("prod", lambda v, bad: mb.prod([bad, v, v])),
        ("dot", lambda v, bad: mb.dot([v, v], [v, bad])),
        ("dot", lambda v, bad: mb.dot([bad, v], [v, v], v)),
        ("dot", lambda v, bad: mb.dot([v, v], [v, v], bad)),
        ("logsumexp", lambda v, bad: mb.logsumexp([v, bad, v])),
        ("softmax", lambda v, bad: mb.softmax([v, bad])),
    ],
)
def test_no_operand_among_others(name, f, one, bad):
    with pytest.raises(TypeError, match=f"^{name}: .* got {type(bad).__name__}$"):
        f(one, bad)


@pytest.mark.parametrize("bad", WRONG, ids=repr)
@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
def test_no_operand_of_a_comparison(sign, bad):
    compare = eval(f"lambda x, y: x {sign} y")
    with pytest.raises(TypeError, match=f"{sign}: .* got {type(bad).__name__}$"):
        compare(Value(2.0), bad)
    with pytest.raises(TypeError, match=f"got {type(bad).__name__}$"):
        compare(bad, Value(2.0))


@pytest.mark.parametrize("bad", WRONG, ids=repr)
def test_no_data(bad):
    with pytest.raises(TypeError, match=f"^Value: .* got {type(bad).__name__}$"):
        Value(bad)


@pytest.mark.parametrize("bad", [None, 1, b"x", ["x"], Value(1.0)])
def test_no_label(bad):
    with pytest.raises(
        TypeError, match=f"Value: expected a str as its label, got {type(bad).__name__}"
    ):
        Value(1.0, bad)


@pytest.mark.parametrize("f", [Value, mb.exp, lambda n: Value(1.0) * n, lambda n: n - Value(1.0)])
def test_a_whole_number_beyond_floats(f):
    with pytest.raises(
        OverflowError, match=r"^(Value|exp|mul|sub): a number too large for a float64"
    ):
        f(10**400)


@pytest.mark.parametrize("value", [3, True, np.int64(3), np.uint8(1)])
def test_whole_numbers(value):
    assert table.whole(value, "n", 1, 3) == int(value)
    assert type(table.whole(value, "n")) is int


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (0, ValueError, "n = 0: expected a whole number from 1 to 3"),
        (4, ValueError, "n = 4: expected a whole number from 1 to 3"),
        (2.0, TypeError, "n: expected a whole number, got 2.0"),
        ("2", TypeError, "n: expected a whole number, got '2'"),
        (None, TypeError, "got None"),
    ],
)
def test_no_whole_numbers(value, error, said):
    with pytest.raises(error, match=said):
        table.whole(value, "n", 1, 3)
