"""Tests of what a picture says of each box and arrow: words, numbers, colours, marks, tips."""

import re

import pytest

import micrograd_bp as mb
from micrograd_bp import Value, draw, picture
from micrograd_bp.lectures import csc311


def example():
    loss, model, _ = csc311.build(csc311.EXAMPLE)
    loss.backward()
    return loss, model


def fills(source):
    """The fill of each box of DOT source, by its first line."""
    return dict(re.findall(r"\tn\d+ \[label=\"(\w+)[^]]*? fillcolor=\"(#.{6})\"", source))


def luminance(colour):
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [picture.LIGHT, picture.DARK])
def test_everything_can_be_read_on_its_ground(palette):
    for measure in (-1.0, -0.3, 0.0, 0.3, 1.0):
        assert contrast(palette.ink, picture.fill(palette, measure, 1.0)) > 4.5
    assert contrast(palette.ink, palette.ground) > 7
    assert contrast(palette.quiet, palette.ground) > 4.5
    for colour in (palette.line, *palette.lit.values()):
        assert contrast(colour, palette.ground) > 3
    assert len({*palette.lit.values()}) == 3


@pytest.mark.parametrize("color", ["grad", "data"])
def test_fill_tells_sign_and_size(color):
    a, b, c, d = (Value(x, n) for x, n in ((2.0, "a"), (-2.0, "b"), (0.5, "c"), (0.0, "d")))
    y = a * a + b * b + c * c + d * d  # each gradient is twice the data
    y.label = "y"
    y.backward()
    found = fills(draw(y, color=color).source)
    red, blue = ([int(found[v][k : k + 2], 16) for v in "abc"] for k in (1, 5))
    assert blue[0] > red[0]  # positive: blue
    assert blue[2] > red[2]
    assert red[1] > blue[1]  # negative: orange
    assert red[2] > red[0]  # small: pale
    assert found["d"] == picture.LIGHT.box
    assert {*fills(draw(y, color="none").source).values()} == {picture.LIGHT.box}


def test_a_gradient_that_is_no_number_spoils_no_colour():
    x = Value(1.0, "x")
    y = x * 2.0
    y.backward()
    x.grad = float("nan")
    y.grad = float("inf")
    assert "nan" in draw(y).text
    draw(y).svg()


@pytest.mark.parametrize(
    ("make", "marked"),
    [
        (lambda x: mb.relu(x - 5.0), "inactive"),
        (lambda x: mb.relu(x), ""),
        (lambda x: mb.tanh(5.0 * x), "saturated"),
        (lambda x: mb.tanh(x), ""),
        (lambda x: mb.sigmoid(-9.0 * x), "saturated"),
        (lambda x: mb.sigmoid(x), ""),
        (lambda x: mb.erf(4.0 * x), "saturated"),
    ],
)
def test_dead_and_saturated_units_are_marked(make, marked):
    y = make(Value(1.0, "x"))
    drawing = draw(y)
    for what in ("inactive", "saturated"):
        assert (what in drawing.text) is (what == marked)
        assert (f'class="root {what}"' in drawing.source) is (what == marked)
        assert (what in drawing.description) is (what == marked)


def test_marks_in_folded_boxes_are_counted():
    x = Value(1.0, "x")
    y = mb.sum([mb.relu(x - float(k)) for k in range(150)])
    assert "149 inactive" in draw(y).text


def test_tips_of_a_node_and_an_edge():
    x, w = Value(2.0, "x"), Value(-3.0, "w")
    y = w * x
    y.label = "y"
    before = draw(y).tips
    assert before["node_2"].lines == ("y = w · x", "= (−3) · 2 = −6")
    y.backward()
    tips = draw(y).tips
    assert {tip.title for tip in tips.values()} == {"w", "x", "y", "w → y", "x → y"}
    lines = {tip.title: tip.lines for tip in tips.values()}
    assert lines["y"] == ("y = w · x", "= (−3) · 2 = −6", "∂y/∂y = 1")
    assert lines["x → y"] == ("local derivative ∂y/∂x = −3", "passes on 1 · −3 = −3")


def test_the_tip_of_a_unit_has_its_formulas_in_numbers():
    loss, _ = example()
    tips = {tip.title: tip.lines for tip in draw(loss, detail="lecture").tips.values()}
    lines = tips["a⁽²⁾₁ = sigmoid"]
    assert any(line.startswith("z⁽²⁾₁ = W⁽²⁾₁₁") for line in lines)
    assert "a⁽²⁾₁ = σ(z⁽²⁾₁)" in lines
    assert "= σ(0.3264) = 0.5809" in lines
    assert any(line.startswith("∂C/∂a⁽²⁾₁ = −0.06648") for line in lines)


def test_an_operation_that_left_the_table_is_still_drawn():
    mb.operation("twice(x)", "2.0 * x", "2.0")
    y = mb.OPS["twice"](Value(1.0, "x"))
    del mb.OPS["twice"]
    assert "twice(x)" in draw(y).text
    assert draw(y).tips
    assert draw(y, detail="primitives").text == draw(y).text


def test_sizes_of_folded_boxes_in_words():
    loss, _ = example()
    drawing = draw(loss, detail="layers")
    assert "layer 1: 3 units, sigmoid    data 0.1359 … 0.7408" in drawing.text
    assert "18 nodes" in drawing.text
    assert drawing.description.startswith("39 nodes in 7 boxes")


def test_repeated_blocks_show_how_often():
    a, total = Value(0.5), Value(0.0)
    for k in range(100):
        total = total + mb.tanh(a * float(k))
    total.label = "S"
    total.backward()
    text = draw(total).text
    assert "tanh ×100    data 0 … 1    grad 1    100 nodes" in text
    assert "S = + ×100    data " in text
    assert f"data {total.data:.4g}    grad 1    100 nodes" in text
