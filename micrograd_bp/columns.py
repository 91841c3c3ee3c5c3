"""Places for the boxes of a network: a column for each layer, the units in their order.

Graphviz finds places for any graph, but does not keep the units of a cluster in order; here the
order is all that matters. It also takes minutes for some graphs of thousands of nodes; for those,
places are found here too, in a column for each step of the computation.

>>> from micrograd_bp.folding import fold
>>> from micrograd_bp.nn import MLP
>>> sketch = fold(MLP(3, [2, 1], activation="tanh", seed=1)([0.5, -1.5, 2.0]), "lecture")
>>> layout = places(sketch, [(1.0, 0.5)] * len(sketch.boxes))
>>> [(round(x, 1), round(y, 1)) for x, y in layout.at]
[(4.6, 0.0), (2.6, 0.3), (2.6, -0.3), (0.5, 0.7), (0.5, 0.0), (0.5, -0.7)]
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from micrograd_bp.folding import Arrow, Sketch

GAP = 0.15
"""Inches between two boxes of a column."""
LARGE = 400
"""Boxes beyond which Graphviz does not find the places."""
SWEEPS = 4
"""How often the boxes of the columns of a large graph are put in order, there and back."""

Size = tuple[float, float]
"""Width and height, in inches."""


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

    at: Sequence[tuple[float, float]]
    frames: Mapping[int, Frame]
    sizes: Sequence[Size]
    upright: bool

    @property
    def corner(self) -> tuple[float, float]:
        """Left of most, and below everything: there a legend begins."""
        boxes = [(x, y, *size) for (x, y), size in zip(self.at, self.sizes)]
        boxes += [(f.x, f.y, f.width, f.height) for f in self.frames.values()]
        left, below = zip(*((x - w / 2, y - h / 2) for x, y, w, h in boxes))
        return min(left) + 0.3, min(below) - 0.5

    def beside(self, arrow: Arrow, into: int) -> tuple[float, float]:
        """Where the label of one of the `into` arrows to a box stands: inches and degrees.

        The inches are from its head, where it is away from the crossings in the middle; the
        degrees from the arrow, above which it is.
        """
        (x, y), (to_x, to_y) = self.at[arrow.tail], self.at[arrow.head]
        side = 0 if self.upright else 1
        ports = (self.sizes[arrow.tail][side] + self.sizes[arrow.head][side]) / 2
        along, across = (to_x - x, to_y - y) if self.upright else (to_y - y, to_x - x)
        length = math.hypot(abs(along) - ports, across)
        away = max(length / (into + 1), length / 5) if into > 1 else length / 2
        return away, -math.degrees(math.atan2(0.1, away))


def places(
    sketch: Sketch, sizes: Sequence[Size], rankdir: str = "LR", gap: float = 0.9
) -> Layout | None:
    """Places for boxes of these sizes, from the inputs on; `gap` is between two columns.

    None for a small sketch without layers, or with a circle of arrows: left to Graphviz.
    """
    column = _columns(sketch)
    layers: dict[int, list[int]] = {}
    if sketch.level in ("lecture", "blocks"):
        for k, box in enumerate(sketch.boxes):
            layer = 0 if box.name else box.layer
            if layer is not None:
                layers.setdefault(layer, []).append(k)
    large = len(sketch.boxes) > LARGE
    if column is None or not (large or {*layers} - {0}):
        return None
    for members in layers.values():
        together = max(column[k] for k in members)
        column.update(dict.fromkeys(members, together))
    framed = {k for members in layers.values() for k in members}
    rows: dict[int, list[int]] = {}
    for k in sorted(column, key=lambda k: (column[k], k not in framed)):
        rows.setdefault(column[k], []).append(k)
    if large and not framed:
        _untangle(sketch, rows)
    upright = rankdir in ("LR", "RL")
    turned = [size if upright else size[::-1] for size in sizes]
    # for the title of a frame: room above a column, or on both sides of what will be a row
    beside, above = (0.0, 0.3) if upright else (0.3, 0.0)
    at = {}
    x = before = 0.0
    for members in rows.values():
        width = max(turned[k][0] for k in members) + 2 * beside
        x += (before + width) / 2 + (gap + 0.1 * min(len(members), 40) if before else 0.0)
        at.update(_column(x, members, framed, turned, above))
        before = width

    def turn(x: float, y: float) -> tuple[float, float]:
        return {"LR": (x, y), "RL": (-x, y), "TB": (-y, -x), "BT": (-y, x)}[rankdir]

    frames = {}
    for layer, members in layers.items():
        x, y, *size = _frame(members, at, turned, beside, above)
        frames[layer] = Frame(*turn(x, y), *(size if upright else size[::-1]))
    return Layout([turn(*at[k]) for k in range(len(sizes))], frames, sizes, upright)


def _columns(sketch: Sketch) -> dict[int, int] | None:
    """For each box, how many arrows the longest way to it has; sources stand next to their use."""
    heads: dict[int, list[int]] = {k: [] for k in range(len(sketch.boxes))}
    waiting = dict.fromkeys(heads, 0)
    for arrow in sketch.arrows:
        heads[arrow.tail].append(arrow.head)
        waiting[arrow.head] += 1
    sources = [k for k, n in waiting.items() if n == 0]
    ready = [*sources]
    column = dict.fromkeys(heads, 0)
    for k in ready:  # which grows on the way
        for head in heads[k]:
            column[head] = max(column[head], column[k] + 1)
            waiting[head] -= 1
            if waiting[head] == 0:
                ready.append(head)
    if len(ready) < len(heads):
        return None
    for k in sources:
        column[k] = min((column[head] for head in heads[k]), default=1) - 1
    return column


def _untangle(sketch: Sketch, rows: dict[int, list[int]]) -> None:
    """Order each column by where the neighbours in the others stand."""
    near: dict[int, list[int]] = {k: [] for members in rows.values() for k in members}
    for arrow in sketch.arrows:
        near[arrow.tail].append(arrow.head)
        near[arrow.head].append(arrow.tail)
    height: dict[int, float] = {}
    for sweep in range(2 * SWEEPS + 1):
        for c in [*reversed(rows)] if sweep % 2 else [*rows]:
            if sweep:  # the first only notes where each box stands
                wanted = {
                    k: sum(map(height.__getitem__, near[k])) / max(len(near[k]), 1) for k in rows[c]
                }
                rows[c].sort(key=wanted.__getitem__)
            for place, k in enumerate(rows[c]):
                height[k] = place - len(rows[c]) / 2


def _column(
    x: float, members: Sequence[int], framed: set[int], size: Sequence[Size], title: float
) -> dict[int, tuple[float, float]]:
    """Places one below the other, around the middle; below a frame there is more room."""
    gaps = [
        max(title, 0.2) + GAP if k not in framed and b in framed else GAP
        for b, k in pairwise(members)
    ]
    y = (sum(size[k][1] for k in members) + sum(gaps)) / 2
    at = {}
    for k, gap in zip(members, [*gaps, 0.0]):
        at[k] = x, y - size[k][1] / 2
        y -= size[k][1] + gap
    return at


def _frame(
    members: Sequence[int],
    at: Mapping[int, tuple[float, float]],
    size: Sequence[Size],
    beside: float,
    above: float,
) -> tuple[float, float, float, float]:
    x = at[members[0]][0]
    top = max(at[k][1] + size[k][1] / 2 for k in members) + 0.12 + above
    bottom = min(at[k][1] - size[k][1] / 2 for k in members) - 0.12
    width = max(size[k][0] for k in members) + 0.25 + 2 * beside
    return x, (top + bottom) / 2, width, top - bottom
