"""Tests of derive: its forms, its truth, its names, its limits, and what it answers mistakes."""

import math
import re
import struct
import xml.etree.ElementTree as ET

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_paths import chain, fibonacci, horner, rnn
from test_properties import PLANS, POINTS, PROPERTY, follow

import micrograd_bp as mb
from micrograd_bp import (
    MLP,
    Value,
    derive,
    grad,
    logsumexp,
    no_grad,
    operation,
    shared,
    topological_order,
)
from micrograd_bp.derivations import STYLES, Derivation, Derivations, TooManyPaths
from micrograd_bp.lectures import csc311
from micrograd_bp.losses import squared_error

FORMATS = ("text", "latex", "html")
MATHML = {
    "math", "mrow", "mfrac", "mi", "mn", "mo", "mtext", "msub", "msup", "msubsup", "msqrt",
    "munderover", "mtable", "mtr", "mtd",
}  # fmt: skip


def bits(x):
    return struct.pack("<d", x).hex() if x == x else "nan"


@pytest.fixture
def example():
    return csc311.build(csc311.EXAMPLE)


def assert_sound(view, shown):
    """Whatever the labels: well-formed HTML of known elements, TeX of which every group ends."""
    if view == "html":
        for element in ET.fromstring(shown).iter():
            tag = element.tag.rpartition("}")[2]
            assert tag in MATHML | {"div", "pre", "style", "table", "tr", "td"}
            known = "class hidden style displaystyle form lspace rspace"
            assert {*element.attrib} <= {*known.split()}
    elif view == "latex":
        plain = re.sub(r"\\[\\{}$&#%_]", "", shown)
        depth = 0
        for c in plain:
            depth += (c == "{") - (c == "}")
            assert depth >= 0
            assert c not in "$#%"
        assert depth == 0
        assert plain.count(r"\left") - plain.count(r"\leftarrow") == plain.count(r"\right")
        assert plain.count(r"\begin") == plain.count(r"\end")


# ------------------------------------------------------------------ the worked example

FOR_2_12 = """\
∂C/∂W⁽²⁾₁₂ = ∂C/∂a⁽³⁾ · ∂a⁽³⁾/∂z⁽³⁾ · ∂z⁽³⁾/∂a⁽²⁾₁ · ∂a⁽²⁾₁/∂z⁽²⁾₁ · ∂z⁽²⁾₁/∂W⁽²⁾₁₂
           = (a⁽³⁾ − t) · σ′(z⁽³⁾) · w⁽³⁾₁ · σ′(z⁽²⁾₁) · a⁽¹⁾₂
           = (−0.3377) · 0.2461 · 0.8 · 0.2435 · 0.1359 = −0.002199"""

FOR_1_23 = """\
∂C/∂W⁽¹⁾₂₃ = ∂C/∂a⁽³⁾ · ∂a⁽³⁾/∂z⁽³⁾ · (Σᵢ₌₁² ∂z⁽³⁾/∂a⁽²⁾ᵢ · ∂a⁽²⁾ᵢ/∂z⁽²⁾ᵢ · ∂z⁽²⁾ᵢ/∂a⁽¹⁾₂) · \
∂a⁽¹⁾₂/∂z⁽¹⁾₂ · ∂z⁽¹⁾₂/∂W⁽¹⁾₂₃
           = ∂C/∂a⁽³⁾ · ∂a⁽³⁾/∂z⁽³⁾ · (∂z⁽³⁾/∂a⁽²⁾₁ · ∂a⁽²⁾₁/∂z⁽²⁾₁ · ∂z⁽²⁾₁/∂a⁽¹⁾₂ + \
∂z⁽³⁾/∂a⁽²⁾₂ · ∂a⁽²⁾₂/∂z⁽²⁾₂ · ∂z⁽²⁾₂/∂a⁽¹⁾₂) · ∂a⁽¹⁾₂/∂z⁽¹⁾₂ · ∂z⁽¹⁾₂/∂W⁽¹⁾₂₃
           = (a⁽³⁾ − t) · σ′(z⁽³⁾) · (w⁽³⁾₁ · σ′(z⁽²⁾₁) · W⁽²⁾₁₂ + w⁽³⁾₂ · σ′(z⁽²⁾₂) · W⁽²⁾₂₂) · \
σ′(z⁽¹⁾₂) · a⁽⁰⁾₃
           = (−0.3377) · 0.2461 · (0.8 · 0.2435 · (−0.5) + (−0.9) · 0.2498 · 0.6) · 0.1174 · 2 = \
0.004532"""

RECURSIVE = """\
∂C/∂a⁽³⁾ = a⁽³⁾ − t = −0.3377
∂C/∂z⁽³⁾ = ∂C/∂a⁽³⁾ · σ′(z⁽³⁾) = (−0.3377) · 0.2461 = −0.08311
∂C/∂a⁽²⁾₁ = ∂C/∂z⁽³⁾ · w⁽³⁾₁ = (−0.08311) · 0.8 = −0.06648
∂C/∂z⁽²⁾₁ = ∂C/∂a⁽²⁾₁ · σ′(z⁽²⁾₁) = (−0.06648) · 0.2435 = −0.01619
∂C/∂W⁽²⁾₁₂ = ∂C/∂z⁽²⁾₁ · a⁽¹⁾₂ = (−0.01619) · 0.1359 = −0.002199"""

BY_PATH = """\
(−0.3377) · 0.2461 · 0.8 · 0.2435 · (−0.5) · 0.1174 · 2 = 0.0019    path 1, 41.93 %
(−0.3377) · 0.2461 · (−0.9) · 0.2498 · 0.6 · 0.1174 · 2 = 0.002632    path 2, 58.07 %
0.004532"""


def squeezed(text):
    """Without what aligns the lines."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_one_path(example):
    C, model, _ = example
    d = derive(C, model.weight(2, 1, 2))
    assert d.text() == repr(d) == FOR_2_12
    for style, line in zip(STYLES, FOR_2_12.splitlines()):
        assert d.text(style).partition(" = ")[2] == line.partition(" = ")[2].strip()
    assert squeezed(d.text("recursive")) == squeezed(RECURSIVE)
    assert d.path_count == 1
    (path,) = d.paths
    labels = ["C", "a^{(3)}", "z^{(3)}", "a^{(2)}_1", "z^{(2)}_1", "W^{(2)}_{12}"]
    assert [v.label for v in path.nodes] == labels
    assert d.share(path) == pytest.approx(1.0)
    paths = FOR_2_12.splitlines()
    assert d.text("paths") == "\n".join([paths[0], paths[2]])


def test_several_paths(example):
    C, model, _ = example
    d = derive(C, model.weight(1, 2, 3))
    assert d.text() == FOR_1_23
    lines = d.text("paths").splitlines()
    assert [line.strip()[2:] for line in lines[2:]] == BY_PATH.splitlines()
    assert [path.product for path in d.paths] == pytest.approx([0.001900446433, 0.00263197015])
    assert [d.share(p) for p in d.paths] == pytest.approx([0.4193009, 0.5806991], rel=1e-5)
    assert sum(map(d.share, d.paths)) == pytest.approx(1.0)


def test_expand_writes_the_derivative_out(example):
    C, model, _ = example
    d = derive(C, model.weight(2, 1, 2), expand=True)
    assert "σ(z⁽³⁾) · (1 − σ(z⁽³⁾))" in d.text("local")


def test_digits(example):
    C, model, _ = example
    assert derive(C, model.weight(2, 1, 2), digits=10).text().endswith(" = −0.002199267245")


def test_latex_and_mathml(example):
    C, model, _ = example
    d = derive(C, model.weight(2, 1, 2))
    assert d.latex("chain").startswith(
        "\\begin{aligned}\n\\frac{\\partial C}{\\partial W^{(2)}_{12}} &= "
        "\\frac{\\partial C}{\\partial a^{(3)}} \\cdot"
    )
    plain = d.latex("local").replace(r"\left", "").replace(r"\right", "")
    assert r"(a^{(3)} - t) \cdot \sigma'(z^{(3)}) \cdot w^{(3)}_1" in plain
    assert d._repr_latex_() == f"$$\n{d.latex()}\n$$"
    assert d._repr_html_() == d.html()
    root = ET.fromstring(d.html())
    assert len([*root.iter("tr")]) == 3
    assert {e.tag.partition("}")[0] for e in root.iter() if "}" in e.tag} == {
        "{http://www.w3.org/1998/Math/MathML"
    }
    for bad in ("http://", "https://", "<script", "<link", "<img"):
        rest = d.html().replace("http://www.w3.org/1998/Math/MathML", "")
        assert bad not in rest


def test_backward_need_not_have_been_called_and_nothing_is_touched(example):
    C, model, _ = example
    weight = model.weight(1, 2, 3)
    found = derive(C, weight)
    before = found.value
    found.text("recursive")
    assert {v.grad for v in topological_order(C)} == {0.0}
    C.backward()
    assert bits(weight.grad) == bits(before)
    assert found.text() == derive(C, weight).text()


# ------------------------------------------------------------------ truth


@PROPERTY
@given(PLANS, POINTS, st.integers(0, 60))
def test_the_value_is_the_gradient_to_the_bit(plan, point, place):
    z = follow(plan, [*map(Value, point)])
    order = topological_order(z)
    wrt = order[place % len(order)]
    d = derive(z, wrt)
    many = derive(z, order)
    z.backward()
    assert bits(d.value) == bits(wrt.grad)
    assert [*map(bits, many.values)] == [bits(v.grad) for v in order]
    assert bits(many[order.index(wrt)].value) == bits(wrt.grad)
    assume(d.path_count <= 200)
    total = math.fsum(path.product for path in d.paths)
    scale = math.fsum(abs(path.product) for path in d.paths)
    assert total == pytest.approx(d.value, rel=1e-13, abs=1e-13 * scale)


@settings(PROPERTY, max_examples=25)
@given(PLANS.filter(lambda plan: len(plan) <= 4), POINTS)
def test_second_derivatives_too(plan, point):
    xs = [*map(Value, point)]
    first = grad(follow(plan, xs), xs[0], create_graph=True)
    wanted = [v for v in topological_order(first) if not v.op]
    found = [derive(first, v) for v in wanted]
    first.backward()
    assert [bits(d.value) for d in found] == [bits(v.grad) for v in wanted]
    for d in found[:2]:
        assert d.text()


def edge_cases():
    zero, big, x = Value(0.0, "zero"), Value(1e200, "big"), Value(-1.0, "x")
    yield "an infinite slope", zero.sqrt(), zero
    yield "0 times an infinite slope", zero.sqrt() * 0.0, zero
    yield "an infinite slope times 0", zero.sqrt().relu() * 0.0 + zero.sqrt(), zero
    yield "infinite slopes that cancel", zero.sqrt() - zero.sqrt(), zero
    yield "an overflow", (big * 1e100) * 1e-200 * (big * 1e-190), big
    yield "slopes that overflow", (Value(1e-200) * big) * 1e200 * 1e100, big
    yield "an underflow", (x * 1e-200) * 1e-200 * 1e-10, x
    yield "minus zero", x * -0.0, x
    yield "minus zeros", (x * -0.0) + (x * -0.0), x
    yield "minus zero on the way", ((x * -0.0) * 3.0) * 2.0, x
    yield "a dead relu", (x.relu() * 5.0).tanh(), x
    yield "a kink", abs(zero), zero
    yield "a nan", (lambda v: v.sqrt() * 1.0 - v.sqrt() * 1.0 + v)(zero), zero


@pytest.mark.parametrize("case", [*edge_cases()], ids=lambda case: case[0])
def test_the_value_where_floats_end(case):
    _, y, wrt = case
    order = topological_order(y)
    found = [derive(y, v) for v in order]
    many = derive(y, order).values
    for v in order:  # the cases share their leaves
        v.grad = 0.0
    y.backward()
    assert [bits(d.value) for d in found] == [bits(v.grad) for v in order]
    assert [*map(bits, many)] == [bits(v.grad) for v in order]
    d = derive(y, wrt)
    for view in FORMATS:
        for style in (None, *STYLES):
            assert_sound(view, getattr(d, view)(style))
    for path in d.paths:
        d.share(path)


def test_a_total_of_zero_has_no_shares():
    z = Value(0.0, "z")
    d = derive(z * z, z)
    assert d.value == 0.0
    assert [math.isnan(d.share(p)) for p in d.paths] == [True, True]
    assert "%" not in d.text("paths")


def test_numbers_of_the_recording_stay_when_data_change():
    x = Value(2.0, "x")
    y = x * x * x
    x.data = 7.0
    y.backward()
    assert derive(y, x).value == x.grad == 12.0


# ------------------------------------------------------------------ every graph


@settings(PROPERTY, max_examples=40)
@given(PLANS, POINTS, st.booleans())
def test_every_style_in_every_format(plan, point, expand):
    z = follow(plan, [*map(Value, point)])
    leaves = [v for v in topological_order(z) if not v.op]
    d = derive(z, leaves[0], expand=expand, limit=50)
    for view in FORMATS:
        for style in (None, *STYLES):
            if style == "paths" and d.path_count > 50:
                with pytest.raises(TooManyPaths, match=f"^{d.path_count:,} paths, more than "):
                    getattr(d, view)(style)
                continue
            shown = getattr(d, view)(style)
            assert shown
            assert_sound(view, shown)
        assert_sound(view, getattr(derive(z, leaves), view)())
        if len(leaves) > 1:
            assert_sound(view, getattr(shared(d, derive(z, leaves[1])), view)())


def a_network(**options):
    model = MLP(2, [2, 1], "tanh", seed=1, **options)
    C = squared_error(model([0.5, 0.25]), 1.0)
    C.label = "C"
    return C, model.weight(1, 1, 2)


def cross_entropy():
    zs = [Value(0.5 * k, f"z_{k}") for k in (1, 2, 3)]
    C = -mb.softmax(zs)[1].log()
    C.label = "C"
    return C, zs[0]


def own_operation():
    x = Value(2.0, "x")
    return operation("cube(x)", "x ** 3", "3.0 * x ** 2")(x), x


def own_function():
    x = Value(2.5, "x")
    return operation("floor_ish(x)", math.lgamma, "log(x) - 0.5 / x")(x * 1.0), x


def second_derivative():
    w = Value(2.0, "w")
    return grad(w**3 + w * w, w, create_graph=True), w


SHOWN = [
    ("a square", lambda: (lambda a: (a * a, a))(Value(3.0, "a")), "a + a", "3 + 3 = 6"),
    ("a constant", lambda: (lambda a: (2 * a + 1, a))(Value(3.0, "a")), "2", None),
    ("shared", lambda: (lambda a: (a.sin() * a, a))(Value(0.5, "a")), "v₁ + a · cos(a)", None),
    ("fused", a_network, "(z⁽²⁾ − t) · w⁽²⁾₁ · tanh′(z⁽¹⁾₁) · 0.25", None),
    ("unfused", lambda: a_network(fused=False),
     "(z⁽²⁾ − t) · w⁽²⁾₁ · tanh′(z⁽¹⁾₁) · 0.25", None),
    ("cross-entropy", cross_entropy,
     "−(1/v₁) · (−softmax₂(z₁, z₂, z₃) · softmax₁(z₁, z₂, z₃))", None),
    ("own", own_operation, "3 · x²", "12"),
    ("own function", own_function, None, None),
    ("second", second_derivative, None, "(1 + 1) + 12 = 14"),
    ("itself", lambda: (lambda a: (a, a))(Value(3.0, "a")), "1", "1"),
    ("of a product by itself", lambda: (lambda a: (a, a))(Value(3.0) * 2.0), "1", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "local", "numbers"), [row[1:] for row in SHOWN],
                         ids=[row[0] for row in SHOWN])  # fmt: skip
def test_what_graphs_of_all_kinds_show(make, local, numbers):
    output, wrt = make()
    d = derive(output, wrt)
    output.backward()
    assert bits(d.value) == bits(wrt.grad)
    if local is not None:
        assert d.text("local").partition(" = ")[2] == local
    if numbers is not None:
        assert d.text("numbers").partition(" = ")[2] == numbers
    for view in FORMATS:
        for style in (None, *STYLES):
            assert_sound(view, getattr(d, view)(style))


def test_an_intermediate_node():
    x = Value(0.5, "x")
    a = x.tanh()
    y = a * a
    a.label = "a"
    d = derive(y, a)
    y.backward()
    assert bits(d.value) == bits(a.grad)
    assert d.text("local") == "∂v₁/∂a = a + a"


# ------------------------------------------------------------------ names


def test_generated_names_are_stable_within_one_output():
    x, y = Value(1.0, "x"), Value(2.0, "y")
    z = ((x * 2.0).tanh() + y * 3.0).sin()
    one, other = derive(z, x).text("chain"), derive(z, y).text("chain")
    assert one.startswith("∂v₅/∂x = ∂v₅/∂v₄ · ∂v₄/∂v₂")
    assert other.startswith("∂v₅/∂y = ∂v₅/∂v₄ · ∂v₄/∂v₃")


def test_the_callers_variables():
    def inside():
        inner = Value(2.0)
        loss = inner * inner
        return derive(loss, inner, variables=True).text("local")

    assert inside() == "∂loss/∂inner = inner + inner"
    x = Value(3.0)
    hidden = x * 2.0
    assert hidden.data == 6.0
    assert derive(hidden, x, variables=True).text("local") == "∂hidden/∂x = 2"
    assert derive(hidden, x, variables={"q": x}).text("local") == "∂v₁/∂q = 2"
    assert derive(hidden, x).text("local") == "∂v₂/∂v₁ = 2"


def test_the_variables_of_a_notebook_and_of_a_list():
    scope = {"mb": mb}
    exec("u = mb.Value(1.5)\nq = u * u", scope)
    exec("d = mb.derive(q, [u], variables=True)\ntext = d.text()", scope)
    assert scope["text"] == "∂q/∂u = u + u = 1.5 + 1.5 = 3"
    assert scope["d"][0].text("local") == "∂q/∂u = u + u"


def test_several_nodes_of_one_label():
    a, b = Value(1.0, "a"), Value(2.0, "a")
    assert derive(a * b, a).text("local") == "∂v₁/∂a[1] = a[2]"


HOSTILE = [
    "</math><script>alert(1)</script>", "<b>&amp;\"'", "$\\input{/etc/passwd}$", "}", "{", "\\",
    "a_{", "^", "x^{_}", "%#&~", "\\end{aligned}", "a\nb\x00\ud800c", "\u202eabc", "_",
    "a" * 10_000,
    "\\frac{1}{", "-->", "]]>", "\\left(", "v_{1}", "\\text{", "{}}{", "$$", "\\\\", "a_b_c_{d}",
]  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE)
def test_labels_cannot_break_any_output(label):
    a, b = Value(0.5, label), Value(0.25, label + "'")
    c = (a * b).tanh()
    c.label = label[::-1]
    y = mb.sum([c * a, squared_error(c, b), mb.maximum(a, 0.1) ** 2])
    for d in (derive(y, a), derive(y, [a, b]), shared(derive(y, a), derive(y, b))):
        for view in FORMATS:
            for style in (None, *STYLES) if isinstance(d, Derivation) else (None,):
                shown = getattr(d, view)(style)
                assert_sound(view, shown)
                assert len(shown) < 40_000
                assert "<script" not in shown or view == "text"
                assert "\\input" not in shown or view != "latex"
    assert len(derive(y, a).text("chain").splitlines()) <= 2


@settings(PROPERTY, max_examples=80)
@given(st.text(max_size=30), st.text(alphabet="\\{}^_$<>&ab1 ", max_size=30))
def test_random_labels_cannot_either(one, other):
    a, b = Value(0.5, one), Value(0.25, other)
    for view in FORMATS:
        assert_sound(view, getattr(derive((a * b).tanh() + a, a), view)())


# ------------------------------------------------------------------ limits


def test_expanding_paths_stops_at_the_limit():
    v = x = Value(1.0, "x")
    for _ in range(10):
        v = v * v
    d = derive(v, x)
    assert d.path_count == 1024
    message = (
        r"^1,024 paths, more than limit=1,000; the styles 'chain' and 'recursive' say the same "
        "without going along every path$"
    )
    for expand in (lambda: d.paths, lambda: d.text("paths"), lambda: d.html("paths")):
        with pytest.raises(TooManyPaths, match=message):
            expand()
    assert issubclass(TooManyPaths, ValueError)
    assert d.text()
    more = derive(v, x, limit=1024)
    assert len(more.paths) == 1024
    assert math.fsum(p.product for p in more.paths) == more.value == 1024.0
    with pytest.raises(TooManyPaths, match=r"^1,024 paths, more than limit=0"):
        assert derive(v, x, limit=0).paths


def test_the_exact_count_however_large():
    output, x = fibonacci(2000)
    d = derive(output, x)
    with pytest.raises(TooManyPaths, match=f"^{d.path_count:,} paths, more than "):
        assert d.paths
    assert d.path_count > 10**400
    assert d.text()


@pytest.mark.parametrize(
    ("make", "style", "left_out"),
    [
        (chain, None, "⋯[99,988 factors]⋯"),
        (chain, "recursive", "⋯[99,960 lines]⋯"),
        (chain, "paths", "⋯[99,988 factors]⋯"),
        (rnn, "chain", "⋯[24,996 terms]⋯"),
        (horner, "local", "⋯[49,996 terms]⋯"),
    ],
)
def test_long_texts_are_elided_in_the_middle(make, style, left_out):
    output, wrt = make(100_000)
    output.label = "y"
    shown = derive(output, wrt).text(style)
    assert left_out in shown
    assert len(shown) < 10_000
    last = [line for line in shown.splitlines() if line][-1]
    assert shown.startswith("∂y/∂")
    assert re.search(r"= [−0-9.·⁻¹²³⁴⁵⁶⁷⁸⁹⁰]+$", last) or style in ("chain", "local")


def test_a_wide_sum_is_elided():
    x = Value(0.5, "x")
    y = mb.sum([x * float(k) for k in range(3000)])
    d = derive(y, x)
    assert "⋯[2,997 terms]⋯" in d.text("numbers")
    assert "⋯[2,997 terms]⋯" in d.text("recursive")
    assert d.value == sum(range(3000))


def test_a_wide_network_folds_instead():
    model = MLP(3, [20, 20, 20, 1], "tanh", seed=1)
    C = squared_error(model([0.1, 0.2, 0.3]), 0.5)
    C.label = "C"
    shown = derive(C, model.weight(1, 1, 1)).text("local")
    assert "(Σᵢ₌₁²⁰ (Σⱼ₌₁²⁰ w⁽⁴⁾ⱼ · tanh′(z⁽³⁾ⱼ) · W⁽³⁾ⱼᵢ) · tanh′(z⁽²⁾ᵢ) · W⁽²⁾ᵢ₁)" in shown


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize("bad", [3.0, None, True, object(), 1j])
def test_wrt_is_no_value(bad):
    x = Value(2.0)
    with pytest.raises(TypeError, match=f"^derive: expected a Value, .*{re.escape(repr(bad))}$"):
        derive(x * x, bad)


@pytest.mark.parametrize("bad", ["W", [3.0], [None], [[Value(1.0)]], {1: 2}])
def test_wrt_holds_what_is_no_value(bad):
    x = Value(2.0)
    with pytest.raises(TypeError, match=r"^derive: expected Values as inputs, got "):
        derive(x * x, bad)


@pytest.mark.parametrize("empty", [[], (), {}])
def test_wrt_is_empty(empty):
    x = Value(2.0)
    with pytest.raises(ValueError, match=r"^derive: expected at least one Value"):
        derive(x * x, empty)


@pytest.mark.parametrize("bad", [3.0, "C", None, [Value(1.0)]])
def test_the_output_is_no_value(bad):
    with pytest.raises(TypeError, match=r"^derive: expected a Value as the output, got "):
        derive(bad, Value(1.0))


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(
    ("label", "shown"), [("q", "'q'"), ("", "Value(data=1.0"), ("q" * 10_000, "'" + "q" * 59)]
)
def test_wrt_is_not_in_the_graph(label, shown, many):
    x, other = Value(2.0), Value(1.0, label)
    with pytest.raises(ValueError, match="is not among the nodes") as error:
        derive(x * x, [x, other] if many else other)
    assert str(error.value).startswith(f"derive: {shown}")
    assert len(str(error.value)) < 300


def test_the_output_of_no_grad():
    x = Value(2.0, "x")
    with no_grad():
        y = x * x
    y.label = "y"
    with pytest.raises(
        ValueError, match=r"'y' is a leaf, no operation on 'x' was recorded; .*no_gr"
    ):
        derive(y, x)


@pytest.mark.parametrize("digits", [0, 18, -1, 2.0, True, "4", None])
def test_digits_out_of_range(digits):
    x = Value(2.0)
    with pytest.raises(ValueError, match=r"^digits .*: expected a whole number from 1 to 17$"):
        derive(x * x, x, digits=digits)


@pytest.mark.parametrize("digits", [1, 17])
def test_digits_in_range(digits):
    x = Value(1 / 3, "x")
    shown = {1: "0.3", 17: "0.33333333333333331"}[digits]
    assert derive(x * x, x, digits=digits).text("numbers").startswith(f"∂v₁/∂x = {shown} +")


@pytest.mark.parametrize("limit", [-1, 2.5, True, None, "9"])
def test_a_bad_limit(limit):
    x = Value(2.0)
    with pytest.raises(ValueError, match=r"^limit .*: expected a whole number, 0 or more$"):
        derive(x * x, x, limit=limit)


def test_bad_variables():
    x = Value(2.0)
    with pytest.raises(TypeError, match=r"^variables: expected a dict of names, or True"):
        derive(x * x, x, variables="x")


def test_unknown_styles():
    x = Value(2.0)
    y = x * x
    with pytest.raises(
        ValueError, match="style 'nope': expected one of chain, local, numbers, rec"
    ):
        derive(y, x).text("nope")
    with pytest.raises(ValueError, match="style 'chain': expected 'generic', 'table' or None"):
        derive(y, [x]).text("chain")
    both = shared(derive(y, x), derive(y, x))
    with pytest.raises(ValueError, match="style 'paths': expected chain, local, numbers, or None"):
        both.text("paths")


# ------------------------------------------------------------------ layers


def test_a_layer_is_the_table_of_all_its_weights(example):
    C, model, _ = example
    d = derive(C, model.layers[1])
    assert isinstance(d, Derivations)
    assert [v.label for v in d.wrt] == [p.label for p in model.layers[1].parameters()]
    assert len(d) == 8 == len([*d]) == len(d.values)
    C.backward()
    assert [*map(bits, d.values)] == [bits(p.grad) for p in d.wrt]
    assert [bits(one.value) for one in d] == [*map(bits, d.values)]
    assert d[1].text() == FOR_2_12
    assert d[-1].wrt is d.wrt[-1]
    with pytest.raises(IndexError):
        d[8]
    rows = squeezed(d.text("table"))
    assert len(rows) == 8
    assert rows[1] == "∂C/∂W⁽²⁾₁₂ = ∂C/∂z⁽²⁾₁ · a⁽¹⁾₂ = (−0.01619) · 0.1359 = −0.002199"
    assert squeezed(d.text()) == [*squeezed(d.text("generic")), *rows]
    assert squeezed(d.text("generic"))[0] == "∂C/∂W⁽²⁾ᵢⱼ = δ⁽²⁾ᵢ · a⁽¹⁾ⱼ i = 1…2, j = 1…3"
    for view in FORMATS:
        assert_sound(view, getattr(d, view)())


def test_lists_tuples_and_other_iterables():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    z = x * y
    expected = derive(z, [x, y]).text()
    assert derive(z, (x, y)).text() == derive(z, iter([x, y])).text() == expected
    assert squeezed(derive(z, [x, x, z]).text()) == [
        "∂v₁/∂x = y = 3", "∂v₁/∂x = y = 3", "∂v₁/∂v₁ = 1",
    ]  # fmt: skip


def test_a_large_layer():
    model = MLP(64, [32, 1], "tanh", seed=1)
    C = squared_error(model([0.01 * k for k in range(64)]), 0.5)
    C.label = "C"
    d = derive(C, model.layers[0])
    assert len(d) == 2080
    assert len(d.text("table").splitlines()) == 2080
    rows = d.text().splitlines()
    assert sum("⋯[2,020 lines; style 'table' has all]⋯" in row for row in rows) == 1
    assert len(rows) == 3 + 61
    small = MLP(10, [10, 1], "tanh", seed=1)
    C = squared_error(small([0.1] * 10), 0.5)
    assert len(derive(C, small.layers[0]).text().splitlines()) == 3 + 110


# ------------------------------------------------------------------ sharing


def test_two_weights_of_one_unit_share_all_but_the_last_factor(example):
    C, model, _ = example
    both = shared(derive(C, model.weight(1, 2, 3)), derive(C, model.weight(1, 2, 1)))
    lines = both.text("chain").splitlines()
    assert [line.count("⟦") for line in lines] == [4, 4]
    assert lines[0].endswith("⟦∂a⁽¹⁾₂/∂z⁽¹⁾₂⟧ · ∂z⁽¹⁾₂/∂W⁽¹⁾₂₃")
    assert len(both.factors) == len(both.edges) == 9
    assert both.factors[0] == "∂C/∂a⁽³⁾"
    assert "∂z⁽¹⁾₂/∂W⁽¹⁾₂₃" not in both.factors
    C.backward()
    node = {f"∂C/∂{mb.symbol.unicode(v.label)}": v.grad for v in topological_order(C)}
    assert both.gradients["∂C/∂z⁽¹⁾₂"] == node["∂C/∂z⁽¹⁾₂"]
    assert all(bits(g) == bits(node[name]) for name, g in both.gradients.items())
    assert len(both.text().splitlines()) == 6
    assert r"\boxed{" in both.latex()
    assert "background:" in both.html()


def test_what_is_shared_is_what_both_go_through(example):
    C, model, _ = example
    one, other = derive(C, model.weight(2, 1, 2)), derive(C, model.weight(2, 2, 1))
    both = shared(one, other)
    assert both.factors == ("∂C/∂a⁽³⁾", "∂a⁽³⁾/∂z⁽³⁾")
    assert both.edges == one.edges & other.edges
    assert [*both.gradients] == ["∂C/∂a⁽³⁾", "∂C/∂z⁽³⁾"]
    assert one.marks == frozenset()
    assert "⟦" not in one.text()


def test_nothing_shared():
    x, y = Value(1.0, "x"), Value(2.0, "y")
    both = shared(derive(x * 2.0, x), derive(y * 2.0, y))
    assert (both.factors, both.edges, both.gradients) == ((), frozenset(), {})
    assert "⟦" not in both.text()


def test_the_same_twice_shares_everything():
    x = Value(0.5, "x")
    d = derive((x * x).tanh(), x)
    assert shared(d, d).edges == d.edges
    assert d.edges == {(v, k) for v in topological_order(d.output) for k in range(len(v.parents))}


@pytest.mark.parametrize("bad", [1, None, "d"])
def test_sharing_needs_two_derivations(bad):
    x = Value(2.0)
    d = derive(x * x, x)
    for pair in ((d, bad), (bad, d), (derive(x * x, [x]), d)):
        with pytest.raises(TypeError, match=r"^shared: expected two Derivations, got "):
            shared(*pair)


# ------------------------------------------------------------------ one factor, or all of it


def test_a_factor_says_by_which_operand_where_other_ways_lead_there_too():
    x = Value(3.0, "x")
    y = x * x
    y.label = "y"
    assert derive(y, x).text("chain") == "∂y/∂x = ∂y/∂x|₁ + ∂y/∂x|₂"
    scores = [Value(float(k), f"s_{k}") for k in (1, 2, 3)]
    loss = logsumexp(scores) - scores[1]
    loss.label = "L"
    text = "∂L/∂s₂ = ∂L/∂s₂|₂ + ∂L/∂v₁ · ∂v₁/∂s₂"
    assert derive(loss, scores[1]).text("chain") == text
    assert r"\left.\frac{\partial L}{\partial s_2}\right|_{2}" in derive(loss, scores[1]).latex()
    assert "|" not in derive(loss, scores[0]).text("chain")


def test_shared_factors_are_marked_in_sums_too():
    w, x = Value(0.5, "w"), Value(3.0, "x")
    a = w * x
    b = a * a
    y = b + a
    a.label, b.label, y.label = "a", "b", "y"
    both = shared(derive(y, w), derive(y, x))
    assert both.text("chain").splitlines()[0] == (
        "∂y/∂w = (⟦∂y/∂a|₂⟧ + ⟦∂y/∂b⟧ · (⟦∂b/∂a|₁⟧ + ⟦∂b/∂a|₂⟧)) · ∂a/∂w"
    )


# ------------------------------------------------------------------ inputs that are numbers


def test_different_numbers_do_not_go_by_one_name():
    h, W = Value(0.3, "h"), [Value(0.1 * k, f"w_{k}") for k in range(1, 13)]
    o = mb.sum(mb.dot([h], [float(k)], 0.0) * w for k, w in enumerate(W, 1))
    o.label = "C"
    text = derive(o, h).text("local")
    assert text.startswith("∂C/∂h = w₁ + w₂ · 2 + ⋯[9 terms]⋯ + w")
    assert text.endswith(" · 12")
    rows = [[Value(0.1 * (i + j), f"W^{{(1)}}_{{{i}{j}}}") for j in (1, 2)] for i in (1, 2)]
    z = [mb.dot(rows[0], [1.0, 2.0], 0.0), mb.dot(rows[1], [30.0, 40.0], 0.0)]
    z[0].label, z[1].label = "z^{(1)}_1", "z^{(1)}_2"
    C = z[0] * z[1]
    assert derive(C, rows[0] + rows[1]).generic() == []
    z[1] = mb.dot(rows[1], [1.0, 2.0], 0.0)
    z[1].label = "z^{(1)}_2"
    C = z[0] * z[1]
    assert "δ⁽¹⁾ᵢ · xⱼ" in derive(C, rows[0] + rows[1]).text("generic")


@pytest.mark.parametrize("constants", [[5.0, 6.0], [2.0, 2.0]])
def test_constants_are_no_inputs(constants):
    ws = [Value(0.5, "w_1"), Value(-1.0, "w_2")]
    y = mb.sum(w * c for w, c in zip(ws, constants))
    assert "x" not in derive(y, ws).text()


def test_numbers_in_a_row_are_no_indices():
    y = a = Value(0.5, "a")
    for _ in range(10):
        y = mb.sin(y)
    o = mb.sum([mb.exp(y), mb.tanh(y), mb.cos(y)])
    o.label = "o"
    first = derive(o, a).text("chain").splitlines()[0]
    assert first.startswith("∂o/∂a = (Σᵢ₌₁₁¹³ ∂o/∂vᵢ · ∂vᵢ/∂v₁₀) · ")


def test_a_factor_of_many_is_alone_too():
    x = Value(0.5, "x")
    h = mb.tanh(x)
    L = mb.sum(h * Value(0.1, f"w_{k}") for k in range(600))
    L.label = "L"
    assert "|" not in derive(L, x).text("chain")


def test_constants_keep_their_digits():
    x = Value(2.0, "x")
    y = 12345.0 * x**1.23456
    y.label = "y"
    assert derive(y, x).text("local") == "∂y/∂x = 12345 · 1.23456 · x^(0.23456)"


def test_negative_numbers_in_sums():
    a = Value(-3.0, "a")
    b = a * a
    b.label = "b"
    assert derive(b, a).text("numbers") == "∂b/∂a = −3 − 3 = −6"


def test_zero_times_infinity_says_what_it_counts_as():
    z = Value(0.0, "z")
    y = mb.sqrt(z) * z
    y.label = "y"
    assert "0 · ∞ counts as 0" in derive(y, z).text("numbers")
    assert derive(y, z).value == 0.0
