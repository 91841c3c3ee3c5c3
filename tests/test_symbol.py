r"""Tests of labels in print: `W^{(2)}_{12}` as W⁽²⁾₁₂; what is no TeX stays as it is."""

import pytest

from micrograd_bp.symbol import LONGEST, latex, mathml, short, unicode


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("", ""),
        ("x", "x"),
        ("x1", "x1"),
        ("x_1", "x₁"),
        ("x_i", "xᵢ"),
        ("a^2_i", "a²ᵢ"),
        ("W^{(2)}_{12}", "W⁽²⁾₁₂"),
        ("W^{(1)}_{10,3}", "W⁽¹⁾₁₀,₃"),
        ("b^{(2)}_1", "b⁽²⁾₁"),
        ("z^{(3)}", "z⁽³⁾"),
        ("x^{-1}", "x⁻¹"),
        ("w_{out}", "wₒᵤₜ"),
        ("v_{12}", "v₁₂"),
        (r"\alpha", "α"),
        (r"\alpha_1", "α₁"),
        (r"\alpha\beta", "αβ"),
        (r"\partial C", "∂C"),
        (r"\sigma(z)", "σ(z)"),
        (r"x_{\beta}", "xᵦ"),
        ("f_{QR}", "f_(QR)"),
        ("W^{[1]}_{11}", "W^[1]₁₁"),
        ("x_{[1][2]}", "x_([1][2])"),
        ("x^{Q}", "x^Q"),
        ("é_1", "é₁"),
        ("α_1", "α₁"),
        ("loss x_1", "loss x₁"),
    ],
)
def test_unicode(label, expected):
    assert unicode(label) == expected


@pytest.mark.parametrize(
    "label",
    [
        "learning_rate", "a_b_c", "x_12", "__init__", "_", "^", "x_", "x^", "x^{", "x_{1", "{x}",
        "x^+", "\\", "\\\\", r"\frac{a}{b}", r"\lambdax", r"\input", r"\n", "'\"`$(x)", "{0} %s",
        "{}", "<b>x</b>", "<script>x</script>", "a\nb", "\x00", "\u202eabc", "\ud800", "😀",
        "x" * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_tex_stays_as_it_is(label):
    assert unicode(label) == label


@pytest.mark.parametrize("label", ["_" * 20_000, "x^{" * 5_000, "x_1" * 500_000, "\\" * 20_000])
def test_long_labels_end(label):
    assert len(unicode(label)) <= len(label)


@pytest.mark.parametrize(
    ("label", "tex", "elements"),
    [
        ("x", "x", "<mi>x</mi>"),
        ("x_1", "x_1", "<msub><mi>x</mi><mn>1</mn></msub>"),
        ("W^{(2)}_{12}", "W^{(2)}_{12}",
         "<msubsup><mi>W</mi><mn>12</mn><mtext>(2)</mtext></msubsup>"),
        ("x^2^3", "x^2{}^3", "<msup><mi>x</mi><mn>2</mn></msup>"
         "<msup><mrow></mrow><mn>3</mn></msup>"),
        ("^{2}", "{}^2", "<msup><mrow></mrow><mn>2</mn></msup>"),
        ("x_{}", "x_{}", "<msub><mi>x</mi><mrow></mrow></msub>"),
        (r"\alpha x", r"\alpha x", "<mi>αx</mi>"),
        (r"\alpha_1", r"\alpha_1", "<msub><mi>α</mi><mn>1</mn></msub>"),
        (r"\hat{y}_k", r"\hat{y}_k", "<msub><mi>y\u0302</mi><mi>k</mi></msub>"),
        (r"\hat{\alpha}", r"\hat{\alpha}", "<mi>α\u0302</mi>"),
        ("f′^{2}", r"f{{}^\prime}^2", "<msup><mi>f′</mi><mn>2</mn></msup>"),
        ("x^{′}", r"x^{\prime}", "<msup><mi>x</mi><mtext>′</mtext></msup>"),
        ("f(x)", r"f(x)", "<mtext>f(x)</mtext>"),
        ("learning_rate", r"\text{learning\_rate}", "<mtext>learning_rate</mtext>"),
        ("x*w + b", r"\text{x*w + b}", "<mtext>x*w + b</mtext>"),
        ("50%", r"\text{50\%}", "<mtext>50%</mtext>"),
        ("a|b", r"\text{a\textbar{}b}", "<mtext>a|b</mtext>"),
        (r"\input{x}", r"\text{\textbackslash{}input\{x\}}", r"<mtext>\input{x}</mtext>"),
        ("</math>", r"\text{\textless{}/math\textgreater{}}", "<mtext>&lt;/math&gt;</mtext>"),
        ("\u0301", "\\text{◌\u0301}", "<mtext>\u0301</mtext>"),
        ("a%\u0301", "\\text{a\\%◌\u0301}", "<mtext>a%\u0301</mtext>"),
        ("\u202ea", r"\text{a}", "<mtext>\u202ea</mtext>"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_tex_and_mathml(label, tex, elements):
    assert latex(label) == tex
    assert mathml(label) == (elements or "<mrow></mrow>" * bool(label))


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("a\nb", "a b"),
        ("  a \t b\r\n", "a b"),
        ("\u2028", "␣"),
        (" ", "␣"),
        ("_{}", "␣"),
        ("", ""),
        ("\x00\x7f\x85\ud800\ufffe", "\ufffd" * 5),
        (r"\alpha" * LONGEST, "α" * 40 + "…"),
        (r"\alpha" * 40, r"\alpha" * 40),
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * (LONGEST + 1), "x" * (LONGEST - 1) + "…"),
        ("\n" * 1000 + "x", "␣…"),
    ],
)
def test_short(label, shown):
    assert short(label) == shown
