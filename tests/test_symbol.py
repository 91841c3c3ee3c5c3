r"""Tests of labels in Unicode: `W^{(2)}_{12}` as W⁽²⁾₁₂; what is no TeX stays as it is."""

import pytest

from micrograd_bp.symbol import unicode


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


@pytest.mark.parametrize("label", ["_" * 20_000, "x^{" * 5_000, "x_1" * 5_000, "\\" * 20_000])
def test_long_labels_end(label):
    assert len(unicode(label)) <= len(label)
