"""Tests of the places of boxes: columns from left to right, units from above, nothing overlaps."""

from itertools import combinations

import pytest

import micrograd_bp as mb
from micrograd_bp import Value
from micrograd_bp.columns import LARGE, places
from micrograd_bp.folding import fold
from micrograd_bp.lectures import csc311


def example():
    return fold(csc311.build(csc311.EXAMPLE)[0], "lecture")


def apart(layout):
    """No two boxes overlap."""
    for (a, size), (b, other) in combinations(zip(layout.at, layout.sizes), 2):
        beside = abs(a[0] - b[0]) >= (size[0] + other[0]) / 2 - 1e-9
        below = abs(a[1] - b[1]) >= (size[1] + other[1]) / 2 - 1e-9
        assert beside or below


@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
def test_layers_in_order_and_units_too(rankdir):
    sketch = example()
    layout = places(sketch, [(2.0, 0.5)] * len(sketch.boxes), rankdir)
    apart(layout)
    along, sign = {"LR": (0, 1), "RL": (0, -1), "TB": (1, -1), "BT": (1, 1)}[rankdir]
    at = {box.nodes[-1].label: layout.at[k] for k, box in enumerate(sketch.boxes) if box.nodes}
    way = [sign * at[name][along] for name in ("a^{(0)}_1", "a^{(1)}_1", "a^{(2)}_1", "a^{(3)}")]
    assert way == sorted(way)
    assert sign * at["C"][along] > way[-1]
    for names in (["a^{(0)}_1", "a^{(0)}_2", "a^{(0)}_3"], ["a^{(1)}_1", "a^{(1)}_2", "a^{(1)}_3"]):
        assert len({at[name][along] for name in names}) == 1
        across = [at[name][1 - along] for name in names]
        assert across == sorted(across, reverse=along == 0)  # from above, or from the left


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_frames_hold_their_layer_and_nothing_else(rankdir):
    sketch = example()
    layout = places(sketch, [(2.0, 0.5)] * len(sketch.boxes), rankdir)
    assert {*layout.frames} == {0, 1, 2, 3}
    for layer, frame in layout.frames.items():
        for k, box in enumerate(sketch.boxes):
            (x, y), (width, height) = layout.at[k], layout.sizes[k]
            across = abs(x - frame.x) - (frame.width - width) / 2
            down = abs(y - frame.y) - (frame.height - height) / 2
            if box.layer == layer:
                assert max(across, down) < 0
            else:
                assert across > width + 0.1 or down > height + 0.1  # outside
    left, below = layout.corner
    assert below < min(y for _, y in layout.at) - 0.25
    assert left <= min(x for x, _ in layout.at)


def test_what_is_left_to_graphviz():
    x = Value(2.0, "x")
    small = fold(x * x, "full")
    assert places(small, [(1.0, 1.0)] * len(small.boxes)) is None
    w, h = Value(0.5, "w"), Value(0.1, "h")
    for _ in range(5):
        z = w * h + 0.5
        z.label = "z^{(1)}"
        h = mb.sin(z.tanh() * 2.0)
        h.label = "h"
    circle = fold(h, "blocks")
    assert places(circle, [(1.0, 1.0)] * len(circle.boxes)) is None


def test_a_large_graph_has_a_column_for_each_step():
    y = Value(1.0)
    for _ in range(LARGE):
        y = mb.sin(y) + 1.0
    sketch = fold(y, "full")
    layout = places(sketch, [(1.0, 0.5)] * len(sketch.boxes))
    for arrow in sketch.arrows:
        assert layout.at[arrow.tail][0] < layout.at[arrow.head][0]
    assert layout.frames == {}


def test_labels_stand_near_their_heads():
    sketch = example()
    layout = places(sketch, [(1.0, 0.5)] * len(sketch.boxes))
    arrow = sketch.arrows[0]
    alone, among = layout.beside(arrow, 1)[0], layout.beside(arrow, 3)[0]
    assert among == pytest.approx(alone / 2)
