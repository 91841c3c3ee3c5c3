"""Tests of formulas as trees: what the rows of the table say, and that it is so in numbers."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from katex import refused

import micrograd_bp.losses  # its rows are rows of the table
from micrograd_bp import OPS, operation
from micrograd_bp.formula import (
    Both,
    Call,
    Cases,
    Chain,
    Comparison,
    Name,
    Number,
    Partial,
    add,
    evaluate,
    expanded,
    local,
    mul,
    ones,
    power,
    value,
)
from micrograd_bp.notation import Mathml, Tex, Text

assert micrograd_bp.losses

X, Y, Z = Name("x"), Name("y"), Name("z")
SHOW = Text()

# ------------------------------------------------------------------ how the rows read

# For each row its value, then its derivatives, of vectors of two: as text and as LaTeX; behind ⇒
# what `expand` writes out.
# fmt: off
GOLDEN = {
    "add": [
        ("x + y", "x + y"),
        ("1", "1"),
        ("1", "1"),
    ],
    "sub": [
        ("x − y", "x - y"),
        ("1", "1"),
        ("−1", "-1"),
    ],
    "mul": [
        ("x · y", "x y"),
        ("y", "y"),
        ("x", "x"),
    ],
    "truediv": [
        ("x/y", r"\frac{x}{y}"),
        ("1/y", r"\frac{1}{y}"),
        ("−x/y²", r"-\frac{x}{y^{2}}"),
    ],
    "pow": [
        ("xʸ", "x^{y}"),
        ("y · xʸ⁻¹", "y x^{y - 1}"),
        ("xʸ · log(x)", r"x^{y} \log(x)"),
    ],
    "neg": [
        ("−x", "-x"),
        ("−1", "-1"),
    ],
    "abs": [
        ("|x|", r"\left|x\right|"),
        ("sgn(x) ⇒ {1 if x > 0; −1 if x < 0; else 0}",
         r"\operatorname{sgn}(x) ⇒ \begin{cases} 1 & \text{if } x > 0 \\ -1 & \text{if } x < "
         r"0 \\ 0 & \text{otherwise} \end{cases}"),
    ],
    "exp": [
        ("exp(x)", r"\exp(x)"),
        ("exp(x)", r"\exp(x)"),
    ],
    "log": [
        ("log(x)", r"\log(x)"),
        ("1/x", r"\frac{1}{x}"),
    ],
    "sqrt": [
        ("√x", r"\sqrt{x}"),
        ("1/(2 · √x)", r"\frac{1}{2 \sqrt{x}}"),
    ],
    "sin": [
        ("sin(x)", r"\sin(x)"),
        ("cos(x)", r"\cos(x)"),
    ],
    "cos": [
        ("cos(x)", r"\cos(x)"),
        ("−sin(x)", r"-\sin(x)"),
    ],
    "tan": [
        ("tan(x)", r"\tan(x)"),
        ("1 + tan(x)²", r"1 + \tan(x)^{2}"),
    ],
    "tanh": [
        ("tanh(x)", r"\tanh(x)"),
        ("tanh′(x) ⇒ 1 − tanh(x)²", r"\tanh'(x) ⇒ 1 - \tanh(x)^{2}"),
    ],
    "sigmoid": [
        ("σ(x)", r"\sigma(x)"),
        ("σ′(x) ⇒ σ(x) · (1 − σ(x))", r"\sigma'(x) ⇒ \sigma(x) (1 - \sigma(x))"),
    ],
    "softplus": [
        ("softplus(x)", r"\operatorname{softplus}(x)"),
        ("σ(x)", r"\sigma(x)"),
    ],
    "erf": [
        ("erf(x)", r"\operatorname{erf}(x)"),
        ("erf′(x) ⇒ 2 · exp(−x²)/√π",
         r"\operatorname{erf}'(x) ⇒ \frac{2 \exp(-x^{2})}{\sqrt{\pi}}"),
    ],
    "gelu": [
        ("gelu(x)", r"\operatorname{gelu}(x)"),
        ("Φ(x) + x · φ(x) ⇒ ½ · (1 + erf(x/√2)) + x · exp(−x²/2)/√(2 · π)",
         r"\Phi(x) + x \varphi(x) ⇒ \tfrac{1}{2} \left(1 + "
         r"\operatorname{erf}\left(\frac{x}{\sqrt{2}}\right)\right) + \frac{x "
         r"\exp\left(-\frac{x^{2}}{2}\right)}{\sqrt{2 \pi}}"),
    ],
    "relu": [
        ("ReLU(x) ⇒ {0 if x ≤ 0; else x}",
         r"\operatorname{ReLU}(x) ⇒ \begin{cases} 0 & \text{if } x \le 0 \\ x & "
         r"\text{otherwise} \end{cases}"),
        ("ReLU′(x) ⇒ {0 if x ≤ 0; else 1}",
         r"\operatorname{ReLU}'(x) ⇒ \begin{cases} 0 & \text{if } x \le 0 \\ 1 & "
         r"\text{otherwise} \end{cases}"),
    ],
    "maximum": [
        ("max(x, y) ⇒ {x if x ≥ y; else y}",
         r"\operatorname{max}(x, y) ⇒ \begin{cases} x & \text{if } x \ge y \\ y & "
         r"\text{otherwise} \end{cases}"),
        ("{1 if x > y; 0.5 if x = y; else 0}",
         r"\begin{cases} 1 & \text{if } x > y \\ 0.5 & \text{if } x = y \\ 0 & "
         r"\text{otherwise} \end{cases}"),
        ("{1 if y > x; 0.5 if y = x; else 0}",
         r"\begin{cases} 1 & \text{if } y > x \\ 0.5 & \text{if } y = x \\ 0 & "
         r"\text{otherwise} \end{cases}"),
    ],
    "minimum": [
        ("min(x, y) ⇒ {x if x ≤ y; else y}",
         r"\operatorname{min}(x, y) ⇒ \begin{cases} x & \text{if } x \le y \\ y & "
         r"\text{otherwise} \end{cases}"),
        ("{1 if x < y; 0.5 if x = y; else 0}",
         r"\begin{cases} 1 & \text{if } x < y \\ 0.5 & \text{if } x = y \\ 0 & "
         r"\text{otherwise} \end{cases}"),
        ("{1 if y < x; 0.5 if y = x; else 0}",
         r"\begin{cases} 1 & \text{if } y < x \\ 0.5 & \text{if } y = x \\ 0 & "
         r"\text{otherwise} \end{cases}"),
    ],
    "leaky_relu": [
        ("LeakyReLU(x, slope) ⇒ {slope · x if x ≤ 0; else x}",
         r"\operatorname{LeakyReLU}(x, \text{slope}) ⇒ \begin{cases} \text{slope} \cdot x & "
         r"\text{if } x \le 0 \\ x & \text{otherwise} \end{cases}"),
        ("{slope if x ≤ 0; else 1}",
         r"\begin{cases} \text{slope} & \text{if } x \le 0 \\ 1 & \text{otherwise} "
         r"\end{cases}"),
        ("{x if x ≤ 0; else 0}",
         r"\begin{cases} x & \text{if } x \le 0 \\ 0 & \text{otherwise} \end{cases}"),
    ],
    "sum": [
        ("x₁ + x₂", "x_1 + x_2"),
        ("1", "1"),
        ("1", "1"),
    ],
    "prod": [
        ("x₁ · x₂", "x_1 x_2"),
        ("x₂", "x_2"),
        ("x₁", "x_1"),
    ],
    "dot": [
        ("w₁ · x₁ + w₂ · x₂ + b", "w_1 x_1 + w_2 x_2 + b"),
        ("x₁", "x_1"),
        ("x₂", "x_2"),
        ("w₁", "w_1"),
        ("w₂", "w_2"),
        ("1", "1"),
    ],
    "logsumexp": [
        ("logsumexp(x₁, x₂)", r"\operatorname{logsumexp}(x_1, x_2)"),
        ("softmax₁(x₁, x₂)", r"\operatorname{softmax}_{1}(x_1, x_2)"),
        ("softmax₂(x₁, x₂)", r"\operatorname{softmax}_{2}(x_1, x_2)"),
    ],
    "softmax": [
        ("softmax₁(x₁, x₂)", r"\operatorname{softmax}_{1}(x_1, x_2)"),
        ("softmax₁(x₁, x₂) · (1 − softmax₁(x₁, x₂))",
         r"\operatorname{softmax}_{1}(x_1, x_2) (1 - \operatorname{softmax}_{1}(x_1, x_2))"),
        ("−softmax₁(x₁, x₂) · softmax₂(x₁, x₂)",
         r"-\operatorname{softmax}_{1}(x_1, x_2) \operatorname{softmax}_{2}(x_1, x_2)"),
    ],
    "sech2": [
        ("tanh′(x)", r"\tanh'(x)"),
        ("−2 · tanh(x) · tanh′(x) ⇒ −2 · tanh(x) · (1 − tanh(x)²)",
         r"-2 \tanh(x) \tanh'(x) ⇒ -2 \tanh(x) (1 - \tanh(x)^{2})"),
    ],
    "dsigmoid": [
        ("σ′(x)", r"\sigma'(x)"),
        ("−tanh(x/2) · σ′(x) ⇒ −tanh(x/2) · σ(x) · (1 − σ(x))",
         r"-\tanh\left(\frac{x}{2}\right) \sigma'(x) ⇒ -\tanh\left(\frac{x}{2}\right) "
         r"\sigma(x) (1 - \sigma(x))"),
    ],
    "derf": [
        ("erf′(x)", r"\operatorname{erf}'(x)"),
        ("−2 · x · erf′(x) ⇒ −4 · x · exp(−x²)/√π",
         r"-2 x \operatorname{erf}'(x) ⇒ -\frac{4 x \exp(-x^{2})}{\sqrt{\pi}}"),
    ],
    "normal_cdf": [
        ("Φ(x)", r"\Phi(x)"),
        ("φ(x) ⇒ exp(−x²/2)/√(2 · π)",
         r"\varphi(x) ⇒ \frac{\exp\left(-\frac{x^{2}}{2}\right)}{\sqrt{2 \pi}}"),
    ],
    "normal_pdf": [
        ("φ(x)", r"\varphi(x)"),
        ("−x · φ(x) ⇒ −x · exp(−x²/2)/√(2 · π)",
         r"-x \varphi(x) ⇒ -\frac{x \exp\left(-\frac{x^{2}}{2}\right)}{\sqrt{2 \pi}}"),
    ],
    "dpower": [
        ("y · xʸ⁻¹", "y x^{y - 1}"),
        ("{0 if x = 0 ∧ y = 0; else y · (y − 1) · xʸ⁻²}",
         r"\begin{cases} 0 & \text{if } x = 0 \land y = 0 \\ y (y - 1) x^{y - 2} & "
         r"\text{otherwise} \end{cases}"),
        ("xʸ⁻¹ · (1 + y · log(x))", r"x^{y - 1} (1 + y \log(x))"),
    ],
    "squared_error": [
        ("½ · (a − t)²", r"\tfrac{1}{2} (a - t)^{2}"),
        ("a − t", "a - t"),
        ("t − a", "t - a"),
    ],
    "mean_squared_error": [
        ("((x₁ − t₁)² + (x₂ − t₂)²)/2", r"\frac{(x_1 - t_1)^{2} + (x_2 - t_2)^{2}}{2}"),
        ("x₁ − t₁", "x_1 - t_1"),
        ("x₂ − t₂", "x_2 - t_2"),
        ("t₁ − x₁", "t_1 - x_1"),
        ("t₂ − x₂", "t_2 - x_2"),
    ],
    "binary_cross_entropy": [
        ("(t₁ · softplus(−x₁) + (1 − t₁) · softplus(x₁) + t₂ · softplus(−x₂) + "
         "(1 − t₂) · softplus(x₂))/2",
         r"\frac{t_1 \operatorname{softplus}(-x_1) + (1 - t_1) \operatorname{softplus}(x_1) + "
         r"t_2 \operatorname{softplus}(-x_2) + (1 - t_2) \operatorname{softplus}(x_2)}{2}"),
        ("(σ(x₁) − t₁)/2", r"\frac{\sigma(x_1) - t_1}{2}"),
        ("(σ(x₂) − t₂)/2", r"\frac{\sigma(x_2) - t_2}{2}"),
        ("−x₁/2", r"-\frac{x_1}{2}"),
        ("−x₂/2", r"-\frac{x_2}{2}"),
    ],
    "cross_entropy": [
        ("logsumexp(x₁, x₂) − (y₁ · x₁ + y₂ · x₂)",
         r"\operatorname{logsumexp}(x_1, x_2) - (y_1 x_1 + y_2 x_2)"),
        ("p₁ − y₁ ⇒ softmax₁(x₁, x₂) − y₁",
         r"p_1 - y_1 ⇒ \operatorname{softmax}_{1}(x_1, x_2) - y_1"),
        ("p₂ − y₂ ⇒ softmax₂(x₁, x₂) − y₂",
         r"p_2 - y_2 ⇒ \operatorname{softmax}_{2}(x_1, x_2) - y_2"),
        ("−x₁", "-x_1"),
        ("−x₂", "-x_2"),
    ],
    "hinge": [
        ("(max(0, 1 − t₁ · x₁) + max(0, 1 − t₂ · x₂))/2",
         r"\frac{\operatorname{max}(0, 1 - t_1 x_1) + \operatorname{max}(0, 1 - t_2 x_2)}{2}"),
        ("{−t₁/2 if t₁ · x₁ < 1; else 0}",
         r"\begin{cases} -\frac{t_1}{2} & \text{if } t_1 x_1 < 1 \\ 0 & \text{otherwise} "
         r"\end{cases}"),
        ("{−t₂/2 if t₂ · x₂ < 1; else 0}",
         r"\begin{cases} -\frac{t_2}{2} & \text{if } t_2 x_2 < 1 \\ 0 & \text{otherwise} "
         r"\end{cases}"),
        ("{−x₁/2 if t₁ · x₁ < 1; else 0}",
         r"\begin{cases} -\frac{x_1}{2} & \text{if } t_1 x_1 < 1 \\ 0 & \text{otherwise} "
         r"\end{cases}"),
        ("{−x₂/2 if t₂ · x₂ < 1; else 0}",
         r"\begin{cases} -\frac{x_2}{2} & \text{if } t_2 x_2 < 1 \\ 0 & \text{otherwise} "
         r"\end{cases}"),
    ],
    "l2": [
        ("½ · λ · (w₁² + w₂²)", r"\tfrac{1}{2} \lambda (w_1^{2} + w_2^{2})"),
        ("λ · w₁", r"\lambda w_1"),
        ("λ · w₂", r"\lambda w_2"),
        ("½ · (w₁² + w₂²)", r"\tfrac{1}{2} (w_1^{2} + w_2^{2})"),
    ],
}
# fmt: on


def symbols(op, length=2):
    """Operands by their names in the table; the index of softmax is a number."""
    found = []
    for name in op.names:
        several = "*" in name
        found += (
            [Name(f"{name[1:-1]}_{k}") for k in range(1, length + 1)] if several else [Name(name)]
        )
    return [Number(0.0), *found[1:]] if op.name == "softmax" else found


def places(operands):
    return [k for k, operand in enumerate(operands) if not isinstance(operand, Number)]


def forms(op):
    """The value and the derivatives, each as it is and expanded."""
    operands = symbols(op)
    yield [value(op, operands, expand) for expand in (False, True)]
    for k in places(operands):
        yield [local(op, operands, k, expand=expand) for expand in (False, True)]


@pytest.mark.parametrize("name", OPS)
def test_every_row_reads_well(name):
    assert name in GOLDEN, "a row without its golden formulas"
    shown = []
    for plain, whole in forms(OPS[name]):
        both = [
            show(plain) if plain == whole else f"{show(plain)} ⇒ {show(whole)}"
            for show in (Text(), Tex())
        ]
        shown.append(tuple(both))
    assert shown == GOLDEN[name]


def test_katex_takes_every_row():
    assert (
        refused([Tex()(form) for op in OPS.values() for pair in forms(op) for form in pair]) == {}
    )


# ------------------------------------------------------------------ in numbers

numbers = st.floats(-4.0, 4.0).map(lambda x: round(x, 3))
positive = st.floats(0.01, 4.0).map(lambda x: round(x, 3))


@st.composite
def points(draw, op):
    """Operands where the row has a value."""
    length = draw(st.integers(1, 4)) if op.vectors else 0
    names = symbols(op, length)
    one = positive if op.name in ("log", "sqrt", "pow", "dpower") else numbers
    found = [v.value if isinstance(v, Number) else draw(one) for v in names]
    try:
        z = op.evaluate(found, found)
    except (ArithmeticError, ValueError):
        assume(False)
    return names, found, z


@pytest.mark.parametrize("name", OPS)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_formulas_have_the_numbers_of_the_row(name, data):
    op = OPS[name]
    names, found, z = data.draw(points(op))
    at = dict(zip(names, found))
    for expand in (False, True):
        assert evaluate(value(op, names, expand), at) == pytest.approx(z, rel=1e-13, abs=1e-15)
    derivatives = op.derivatives(z, found)
    for k in places(names):
        exact = pytest.approx(derivatives[k], rel=1e-13, abs=1e-15)
        assert evaluate(local(op, names, k, found), at) == exact
        # A book's forms cancel, as 1 − tanh(x)² does: within what is left of 16 digits up to |4|.
        book = pytest.approx(derivatives[k], rel=1e-9, abs=1e-14)
        assert evaluate(local(op, names, k, found, expand=True), at) == book
        general = local(op, names, k)
        if general == local(op, names, k, found):
            continue
        assert isinstance(general, Cases | Call), "a formula that holds here, or all of them"
        assert evaluate(general, at) == exact


leaf = st.sampled_from([X, Y, Number(2.0), Number(-3.0), Number(0.5), Number(0.0), Number(7.0)])
trees = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from([add, mul]), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(st.just(power), st.tuples(inner, st.integers(-3, 3))),
    ),
    max_leaves=12,
)
AT = {X: 1.25, Y: -0.75}


def built(tree):
    """The tree that the simplifying functions make, and the number that arithmetic makes."""
    if not isinstance(tree, tuple):
        return tree, float(evaluate(tree, AT))
    make, parts = tree
    parts = [built(part) if not isinstance(part, int) else (part, part) for part in parts]
    exprs, found = zip(*parts)
    plain = {add: sum, mul: math.prod, power: lambda v: v[0] ** v[1]}[make](found)
    return make(*exprs), plain


@given(trees)
def test_simplifications_keep_the_value(tree):
    try:
        expr, plain = built(tree)
        found = evaluate(expr, AT)
    except (ArithmeticError, ValueError):
        assume(False)
    assume(math.isfinite(plain) and abs(plain) < 1e12)
    assert found == pytest.approx(plain, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("expr", "shown"),
    [
        (X * 1.0, "x"),
        (1.0 * X + 0.0, "x"),
        (X * 0.0, "0"),
        (-1.0 * -X, "x"),
        (X - (-2.0), "x + 2"),
        (0.0 - X, "−x"),
        (X * X, "x²"),
        (X * X * X / X, "x²"),
        (X / X, "1"),
        (X + X, "x + x"),
        (2.0 * (3.0 * X), "6 · x"),
        (1.0 + X + 2.0, "3 + x"),
        (1.0 + X - 1.0, "x"),
        (X / 3.0, "x/3"),
        (2.0 * X / 4.0, "x/2"),
        (6.0 * X / 2.0, "3 · x"),
        (X / -3.0, "−x/3"),
        (X / 0.0, "x/0"),
        (X / 0.5, "2 · x"),
        ((2.0 * X) ** 2, "4 · x²"),
        ((-2.0 * X) ** -3, "−1/(8 · x³)"),
        ((X**2) ** 3, "x⁶"),
        (power(X**2, 0.5), "(x²)^(0.5)"),
        (power(power(X, Y), 1.0), "xʸ"),
        (power(1e300, 2.0), "(10³⁰⁰)²"),
        (power(0.0, -1.0), "1/0"),
        (math.nan * X, "nan"),
        (math.inf - X, "∞"),
        (X * 1e300 * 1e300, "∞ · x"),
        (X / 1e300 / 1e300, "x/∞"),
        (add(), "0"),
        (mul(), "1"),
    ],
)
def test_simplifications(expr, shown):
    assert SHOW(expr) == shown


# ------------------------------------------------------------------ cases


def at(name, *operands):
    """The derivatives of a row by its operands that are names: (operand or number, number)."""
    names = [v if not isinstance(v, float) else Number(v) for v, _ in operands]
    return [SHOW(local(OPS[name], names, k, [x for _, x in operands])) for k in places(names)]


def test_a_case_is_the_one_that_holds():
    assert at("leaky_relu", (X, 3.0), (Y, 0.1)) == ["{y if x ≤ 0; else 1}", "{x if x ≤ 0; else 0}"]
    assert at("leaky_relu", (X, -3.0), (Y, 0.1)) == ["y", "x"]
    assert at("leaky_relu", (X, 3.0), (0.01, 0.01)) == ["LeakyReLU′(x, 0.01)"]
    assert at("maximum", (X, 3.0), (X, 3.0)) == ["0.5", "0.5"]


def test_where_there_is_no_finite_derivative_the_formula_says_why():
    assert at("sqrt", (X, 0.0)) == ["1/(2 · √x)"]
    assert at("pow", (X, -2.0), (Y, 3.0)) == ["y · xʸ⁻¹", "xʸ · log(x)"]
    assert at("pow", (-2.0, -2.0), (Y, 3.0)) == ["nan"]


@pytest.mark.parametrize("x", [-2.0, 3.0])
@pytest.mark.parametrize(
    ("name", "rest"), [("relu", ()), ("abs", ()), ("leaky_relu", (0.01,)), ("maximum", (0.0,))]
)
def test_a_derivative_with_a_name_has_its_number(name, rest, x):
    op, given = OPS[name], [x, *rest]
    named = local(op, [X, *map(Number, rest)], 0, given)
    assert isinstance(named, Call)
    assert named.prime
    assert evaluate(named, {X: x}) == op.derivatives(op(*given), given)[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x if x >= y else y if y > x else x + y", "{x if x ≥ y; else y}"),
        ("1.0 if x > y else 0.5 if x >= y else 0.0", "{1 if x > y; 0.5 if x = y; else 0}"),
        ("1.0 if 0.0 <= x <= 0.0 else 2.0", "{1 if x = 0; else 2}"),
        ("1.0 if x != y else 2.0 if x == y else 3.0", "{1 if x ≠ y; else 2}"),
        ("1.0 if 0.0 < x < y else 0.0", "{1 if x > 0 ∧ x < y; else 0}"),
        ("1.0 if x < 0.0 or x > 1.0 and y > 1.0 else 0.0", "{1 if x < 0 ∨ x > 1 ∧ y > 1; else 0}"),
        ("1.0 if (x < 0.0 or x > 1.0) and y > 1.0 else 0.0",
         "{1 if (x < 0 ∨ x > 1) ∧ y > 1; else 0}"),
        ("y if 1.0 < 2.0 else x", "y"),
        ("1.0 + (x if x > 0.0 else 0.0)", "1 + {x if x > 0; else 0}"),
    ],
)  # fmt: skip
@given(x=numbers, y=numbers)
@settings(max_examples=20)
def test_conditions(text, shown, x, y):
    op = operation("condition(x, y)", text, "0.0", "0.0")
    expr = value(op, [X, Y], expand=True)
    assert SHOW(expr) == shown
    for a, b in ((x, y), (x, x), (0.0, y)):
        assert evaluate(expr, {X: a, Y: b}) == op(a, b)


@pytest.mark.parametrize("condition", [Comparison(X, "<", Y), Both(X, "∧", Y)])
def test_a_condition_is_neither_true_nor_false(condition):
    with pytest.raises(TypeError, match="depends on numbers"):
        bool(condition)


# ------------------------------------------------------------------ rows of one's own

OWN = [
    (("hypot(x, y)", "sqrt(x*x + y*y)", "x / z", "y / z"),
     ["√(x² + y²)", "x/√(x² + y²)", "y/√(x² + y²)"]),
    (("lgamma(x)", math.lgamma, "lgamma(x) + 1.0"), ["lgamma(x)", "lgamma(x) + 1"]),
    (("largest(*xs)", "max(xs)", "[1.0 if x == max(xs) else 0.0 for x in xs]"),
     ["largest(x₁, x₂)", "∂largest(x₁, x₂)/∂x₁", "∂largest(x₁, x₂)/∂x₂"]),
    (("mean(*xs)", "sum(xs) / len(xs)", "[1.0 / len(xs)] * len(xs)"),
     ["(x₁ + x₂)/2", "0.5", "0.5"]),
    (("weighted(*ws, s, *xs)", "fsum([w*x for w, x in zip(ws, xs)]) * s", "[s*x for x in xs]",
      "z / s", "[s*w for w in ws]"),
     ["(w₁ · x₁ + w₂ · x₂) · s", "s · x₁", "s · x₂", "w₁ · x₁ + w₂ · x₂", "s · w₁", "s · w₂"]),
    (("unless(x)", "1.0 if not x > 0.0 else x", "0.0 if not x > 0.0 else 1.0"),
     ["unless(x)", "∂unless(x)/∂x"]),
    (("short(*xs)", "fsum(xs)", "[1.0]"), ["x₁ + x₂", "1", "∂short(x₁, x₂)/∂x₂"]),
    (("deep(x)", "+".join(["x"] * 900), "900.0"), ["deep(x)", "900"]),
    (("pi(x)", "x ** 3 / 3.0", "derf(x)"), ["x³/3", "erf′(x)"]),
    (("alpha_2é(x)", math.floor, "0.0"), ["alpha_2é(x)", "0"]),
    (("input_(x)", math.floor, "inf"), ["input_(x)", "∞"]),
]  # fmt: skip


@pytest.mark.parametrize(("row", "shown"), OWN, ids=[row[0] for row, _ in OWN])
def test_a_row_of_ones_own(row, shown):
    op = operation(*row)
    names = symbols(op)
    found = [value(op, names), *(local(op, names, k, [0.5] * len(names)) for k in places(names))]
    assert [SHOW(e) for e in found] == shown
    assert [local(op, names, k, [0.5] * len(names), True) for k in places(names)]
    assert refused([Tex()(e) for e in found], "ignore") == {}
    assert all(Mathml()(e) for e in found)
    assert len(ones(op, len(names))) == len(names)


def test_a_row_defined_anew_reads_anew():
    for text, shown in (("x * x", "x²"), ("x ** 3", "x³"), (math.lgamma, "anew(x)")):
        op = operation("anew(x)", text, "1.0")
        assert SHOW(value(op, [X])) == shown
        assert SHOW(value(operation("user(x)", "2.0 * anew(x)", "1.0"), [X])) == "2 · anew(x)"


def test_a_test_that_has_no_number_falls_back():
    op = operation("far(x)", "x", "x if exp(x) > 1.0 else 0.0")
    assert SHOW(local(op, [X], 0, [1.0])) == "x"
    assert SHOW(local(op, [X], 0, [1000.0])) == "∂far(x)/∂x"


def test_a_symbol_that_is_markup_is_text():
    op = operation("odd(x)", math.floor, "0.0", symbol="</mi><script>\n$\\input{x}%\x00")
    e = value(op, [X])
    assert SHOW(e) == "</mi><script> $\\input{x}%\ufffd(x)"
    assert "<script" not in Mathml()(e)
    assert refused([Tex()(e)], "ignore") == {}


def test_expanding_goes_all_the_way_down():
    inner = Call("sigmoid", (X,), True)
    cases = Cases(((inner, Comparison(X, ">", Number(0.0))),), inner)
    assert SHOW(expanded(cases)) == ("{σ(x) · (1 − σ(x)) if x > 0; else σ(x) · (1 − σ(x))}")
    assert SHOW(expanded(Call("exp", (power(inner, 2) + 1.0,)))) == "exp(σ(x)² · (1 − σ(x))² + 1)"


# ------------------------------------------------------------------ what is 1 by itself


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 9])
@pytest.mark.parametrize("name", [name for name in OPS if OPS[name].vectors])
def test_ones_of_vectors(name, length):
    op = OPS[name]
    names = [Name(f"v_{{{k}}}") for k in range(length * op.vectors + len(op.names) - op.vectors)]
    each = [local(op, names, k) == Number(1.0) for k in range(len(names))]
    if name == "softmax":
        each = [False] * len(names)  # its index has no name
    assert [*ones(op, len(names))] == each


@pytest.mark.parametrize("name", ["sum", "prod", "dot", "logsumexp", "softmax"])
def test_very_many_operands(name):
    op = OPS[name]
    names = symbols(op, 10_000)
    found = [value(op, names), *(local(op, names, k) for k in places(names)[:20])]
    for notation in (Text(), Tex(), Mathml()):
        assert max(len(notation(e)) for e in found) < 5_000
    assert len(ones(op, len(names))) == len(names)


# ------------------------------------------------------------------ numbers put in


def test_numbers_put_in():
    assert evaluate(Chain((X, Y)), {X: 2.0, Y: 3.0}) == 6.0
    assert evaluate(Partial(X, Y), {Partial(X, Y): 0.5}) == 0.5
    assert evaluate(Comparison(X, "≠", Y), {X: 1.0, Y: 2.0}) is True
    with pytest.raises(TypeError, match="no number for"):
        evaluate(X + Y, {X: 1.0})
