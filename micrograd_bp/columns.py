"""Places for the boxes of a network: a column for each layer, the units in their order.

Graphviz finds places for any graph, but does not keep the units of a cluster in order; here the
order is all that matters.

>>> from micrograd_bp.folding import fold
>>> from micrograd_bp.nn import MLP
>>> sketch = fold(MLP(3, [2, 1], activation="tanh", seed=1)([0.5, -1.5, 2.0]), "lecture")
>>> layout = places(sketch, {k: (1.0, 0.5) for k in range(len(sketch.boxes))})
>>> [(round(x, 1), round(y, 1)) for x, y in layout.at.values()]
[(4.6, 0.0), (2.6, 0.3), (2.6, -0.3), (0.5, 0.7), (0.5, 0.0), (0.5, -0.7)]
"""

from collections.abc import Mapping
from dataclasses import dataclass

from micrograd_bp.folding import Sketch

GAP = 0.15
"""Inches between two boxes of a column."""


@dataclass(frozen=True)
class Frame:
    """The rectangle around a layer: its middle and its size, in inches."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """The middle of each box, in inches, and a frame for each layer (0 are the inputs)."""

    at: Mapping[int, tuple[float, float]]
    frames: Mapping[int, Frame]

    @property
    def bottom(self) -> float:
        """Below everything."""
        return min(y for _, y in self.at.values()) - 0.9


def places(sketch: Sketch, size: Mapping[int, tuple[float, float]]) -> Layout | None:
    """Places for boxes of these widths and heights in inches, from the inputs to the right.

    None for a sketch without layers, or with a circle of arrows: those are left to Graphviz.
    """
    column = _columns(sketch)
    layers: dict[int, list[int]] = {}
    for k, box in enumerate(sketch.boxes):
        layer = 0 if box.name else box.layer
        if layer is not None:
            layers.setdefault(layer, []).append(k)
    if column is None or not {*layers} - {0}:
        return None
    for members in layers.values():
        together = max(column[k] for k in members)
        column.update(dict.fromkeys(members, together))
    rows: dict[int, list[int]] = {}
    for k in column:
        rows.setdefault(column[k], []).append(k)
    at = {}
    x = 0.0
    before = 0.0
    for c in sorted(rows):
        members = rows[c]
        width = max(size[k][0] for k in members)
        x += (before + width) / 2 + (0.9 + 0.1 * len(members) if before else 0.0)
        y = (sum(size[k][1] for k in members) + GAP * (len(members) - 1)) / 2
        for k in members:
            at[k] = x, y - size[k][1] / 2
            y -= size[k][1] + GAP
        before = width
    frames = {layer: _frame(members, at, size) for layer, members in layers.items()}
    return Layout({k: at[k] for k in range(len(sketch.boxes))}, frames)


def _columns(sketch: Sketch) -> dict[int, int] | None:
    """For each box, how many arrows the longest way to it has; sources stand next to their use."""
    heads: dict[int, list[int]] = {k: [] for k in range(len(sketch.boxes))}
    waiting = dict.fromkeys(heads, 0)
    for arrow in sketch.arrows:
        heads[arrow.tail].append(arrow.head)
        waiting[arrow.head] += 1
    column = {}
    sources = ready = [k for k, n in waiting.items() if n == 0]
    depth = dict.fromkeys(heads, 0)
    while ready:
        k, *ready = ready
        column[k] = depth[k]
        for head in heads[k]:
            depth[head] = max(depth[head], depth[k] + 1)
            waiting[head] -= 1
            if waiting[head] == 0:
                ready = [*ready, head]
    if len(column) < len(heads):
        return None
    for k in sources:
        column[k] = min((column[head] for head in heads[k]), default=1) - 1
    return {k: column[k] for k in heads}


def _frame(
    members: list[int],
    at: Mapping[int, tuple[float, float]],
    size: Mapping[int, tuple[float, float]],
) -> Frame:
    x = at[members[0]][0]
    top = max(at[k][1] + size[k][1] / 2 for k in members) + 0.36
    bottom = min(at[k][1] - size[k][1] / 2 for k in members) - 0.12
    width = max(size[k][0] for k in members) + 0.25
    return Frame(x, (top + bottom) / 2, width, top - bottom)
