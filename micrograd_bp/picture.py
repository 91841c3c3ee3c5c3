"""From a sketch to a picture: as DOT source, as lines of text, and what hovering shows.

Every view of a drawn graph is made here, from the same boxes and arrows.

>>> from micrograd_bp.engine import Value, topological_order
>>> from micrograd_bp.folding import fold
>>> from micrograd_bp.naming import Names
>>> x = Value(3.0, "x")
>>> y = x * x
>>> picture = Picture(y, fold(y), Names(topological_order(y)), {}, Look())
>>> print(picture.text())
x = 3
v₁ = mul(x, x) = 9
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from micrograd_bp import formula, symbol
from micrograd_bp.columns import Layout, places
from micrograd_bp.engine import Value
from micrograd_bp.folding import Arrow, Box, Sketch, weight_of
from micrograd_bp.formula import Literal, Number
from micrograd_bp.naming import Names
from micrograd_bp.notation import Text
from micrograd_bp.ops import OPS
from micrograd_bp.viewer import Tip

Edges = Mapping[tuple[Value, int], str]
"""Edges to be lit, (child, place among its parents), and how: "first", "second" or "shared"."""


@dataclass(frozen=True)
class Look:
    """What a picture shows, and how: see `draw`."""

    digits: int = 4
    rankdir: str = "LR"
    contributions: bool = False
    weights: bool = False
    color: str = "grad"
    theme: str = "light"


# ------------------------------------------------------------------ words


LIT = {"first": "first", "second": "second", "shared": "both"}
"""What the legend calls the lit edges."""


def shown(number: float, digits: int) -> str:
    """A number with its real minus sign."""
    return f"{number + 0.0:.{digits}g}".replace("-", "−")


@lru_cache(maxsize=10_000)
def short(label: str) -> str:
    """`label` in Unicode on one line, not too long, and without what XML cannot hold."""
    return symbol.unicode(symbol.short(label))


def escaped(text: str) -> str:
    r"""`text` for a DOT label, in which `&` would begin an entity and `\\` an escape."""
    import graphviz

    return graphviz.nohtml(graphviz.escape(text.replace("&", "&amp;")))  # type: ignore[no-any-return]


def symbol_of(node: Value) -> str:
    """What stands for the operation that made a node; nothing for a leaf."""
    return short(OPS.symbol(node.op)) if node.op else ""


FORMULAS = 4
"""How many of its nodes' formulas a folded box tells."""

SATURATED = {"sigmoid": 0.25, "tanh": 1.0, "erf": 2.0 / math.sqrt(math.pi)}
"""Functions that saturate, and their steepest slope; below a hundredth of it they count as such."""


def state(node: Value) -> str:
    """What keeps gradients from passing: an inactive ReLU, a saturated unit; else nothing."""
    if node.op == "relu" and node.local_derivatives and not node.local_derivatives[0]:
        return "inactive"
    steepest = SATURATED.get(node.op)
    if steepest and node.local_derivatives and node.local_derivatives[0] < steepest / 100:
        return "saturated"
    return ""


# ------------------------------------------------------------------ the picture


@dataclass(frozen=True)
class Palette:
    """The colours of a theme. Orange and blue are told apart whatever one's eyes."""

    ground: str
    ink: str
    line: str
    quiet: str
    box: str
    leaf: str
    root: str
    negative: tuple[int, int, int]
    positive: tuple[int, int, int]
    zero: tuple[int, int, int]
    lit: Mapping[str, str]


LIGHT = Palette(
    "#ffffff", "#1a1a1a", "#8a8a8a", "#595959", "#ffffff", "#4a7ebb", "#1a1a1a",
    (240, 160, 60), (105, 170, 225), (255, 255, 255),
    {"first": "#c8500a", "second": "#0063a8", "shared": "#a0329b"},
)  # fmt: skip
DARK = Palette(
    "#16181d", "#ececec", "#8f959e", "#b4bac4", "#23262d", "#7fb0e6", "#ececec",
    (150, 85, 10), (20, 95, 155), (35, 38, 45),
    {"first": "#ff9a4d", "second": "#6cb8ff", "shared": "#e58be0"},
)  # fmt: skip


def fill(palette: Palette, measure: float, greatest: float) -> str:
    """The box's own colour for 0, else blue or orange, the deeper the nearer to `greatest`."""
    if not measure or not greatest:
        return palette.box
    depth = math.sqrt(min(abs(measure) / greatest, 1.0))
    end = palette.positive if measure > 0 else palette.negative
    mixed = (round(a + (b - a) * depth) for a, b in zip(palette.zero, end))
    return "#" + "".join(f"{c:02x}" for c in mixed)


@dataclass(frozen=True)
class Picture:
    """A sketch with names, lit edges and a look."""

    root: Value
    sketch: Sketch
    names: Names
    lit: Edges
    look: Look

    @cached_property
    def show(self) -> Text:
        """What prints names and formulas here."""
        return Text(self.look.digits)

    @cached_property
    def differentiated(self) -> bool:
        """Whether a `backward()` went through the root: otherwise gradients are left out."""
        return self.root.grad != 0.0

    def name(self, node: Value) -> str:
        """What a node is called."""
        name = self.names[node]
        return short(name.label) + (f"[{name.copy}]" if name.copy else "")

    def number(self, x: float) -> str:
        """A number to the picture's digits."""
        return shown(x, self.look.digits)

    # ---------------------------------------------------------------- boxes

    def title(self, box: Box) -> str:
        """The first line of a box: the name, the operation, how many of them."""
        if not box.nodes:
            return short(box.name)
        if self.sketch.level == "slices" and box.folded:
            return self._operations(box)
        face = box.nodes[-1]
        many = f" ×{box.times:,}" if box.times > 1 else ""
        sign = symbol_of(face)
        if box.units > 1:
            return f"layer {box.layer}: {box.units} units, {sign}{many}"
        name = self.name(face) if box.times == 1 or face is self.root else ""
        if not name and len({v.label for v in box.faces}) == 1:
            name = short(face.label)
        if not sign:
            return f"{name or 'leaf'}{many}"
        return f"{name} = {sign}{many}" if name else f"{sign}{many}"

    def _operations(self, box: Box) -> str:
        counts = Counter(v.op for v in box.nodes).most_common()
        some = ", ".join(f"{short(OPS.symbol(op) or 'leaf')} ×{n:,}" for op, n in counts[:3])
        return some + (", …" if len(counts) > 3 else "")

    def numbers(self, box: Box) -> list[str]:
        """The lines with data and gradient; of many nodes, from the least to the greatest."""
        if not box.nodes:
            return [self._range(box.numbers)]
        faces = self._shown(box)
        lines = [f"data {self._range([v.data for v in faces])}"]
        if self.differentiated:
            lines.append(f"grad {self._range([v.grad for v in faces])}")
        return lines

    def _shown(self, box: Box) -> Sequence[Value]:
        """The nodes whose numbers a box shows: the root alone, should it be among them."""
        return box.faces if box.nodes[-1] is not self.root else [self.root]

    def _range(self, numbers: Sequence[float]) -> str:
        least, most = self.number(min(numbers)), self.number(max(numbers))
        return least if least == most else f"{least} … {most}"

    @cached_property
    def stuck(self) -> list[Counter[str]]:
        """For each box, how many nodes in it keep gradients from passing, and how."""
        return [Counter(filter(None, map(state, box.nodes))) for box in self.sketch.boxes]

    def remarks(self, k: int) -> list[str]:
        """What else a box says: how many nodes it stands for, and what is stuck in it."""
        box = self.sketch.boxes[k]
        lines = [f"{len(box.nodes):,} nodes"] if box.folded else []
        for what, n in self.stuck[k].items():
            lines.append(what if len(box.faces) == 1 else f"{n:,} {what}")
        return lines

    def kind(self, k: int) -> str:
        """The class of a box in the SVG."""
        box = self.sketch.boxes[k]
        if not box.nodes:
            return "number"
        face = box.nodes[-1]
        kind = "root" if face is self.root else "op" if face.op else "leaf"
        lit = ["lit", self._lit_inside[k]] if k in self._lit_inside else []
        return " ".join([kind, *(["fold"] if box.folded else []), *sorted(self.stuck[k]), *lit])

    @cached_property
    def _lit_inside(self) -> dict[int, str]:
        """The boxes with lit edges in them, and how these are lit."""
        drawn = {edge for arrow in self.sketch.arrows for edge in arrow.edges} if self.lit else {}
        inside = {edge[0]: how for edge, how in self.lit.items() if edge not in drawn}
        if not inside:
            return {}
        found: dict[int, set[str]] = {}
        for k, box in enumerate(self.sketch.boxes):
            for v in box.nodes:
                if v in inside:
                    found.setdefault(k, set()).add(inside[v])
        return {k: how.pop() if len(how) == 1 else "shared" for k, how in found.items()}

    # ---------------------------------------------------------------- colours

    @cached_property
    def palette(self) -> Palette:
        """The colours."""
        return DARK if self.look.theme == "dark" else LIGHT

    @cached_property
    def _measures(self) -> list[float]:
        """For each box the number that its fill tells: that of the face, of many the greatest."""
        color = self.look.color
        if color == "none" or (color == "grad" and not self.differentiated):
            return [0.0] * len(self.sketch.boxes)
        several = (
            [getattr(v, color) for v in self._shown(box)] if box.nodes else []
            for box in self.sketch.boxes
        )
        return [max(filter(math.isfinite, numbers), key=abs, default=0.0) for numbers in several]

    @cached_property
    def _greatest(self) -> float:
        """The end of the scale. The root, whose gradient is 1 whatever else there is, is beyond."""
        pairs = zip(self._measures, self.sketch.boxes)
        return max((abs(x) for x, box in pairs if box.nodes[-1:] != (self.root,)), default=0.0)

    # ---------------------------------------------------------------- DOT

    def dot(self) -> str:
        """The DOT source."""
        import graphviz

        p, look = self.palette, self.look
        sizes = [self._size(k) for k in range(len(self.sketch.boxes))]
        layout = places(self.sketch, sizes, look.rankdir, 1.7 if look.weights else 0.9)
        ports = {"LR": "ew", "RL": "we", "TB": "sn", "BT": "ns"}[look.rankdir]
        straight = {"tailport": ports[0], "headport": ports[1], "arrowsize": "0.7"}
        font = {"fontname": "Helvetica,Arial,sans-serif", "fontcolor": p.ink}
        dot = graphviz.Digraph(
            graph_attr={
                "rankdir": look.rankdir, "bgcolor": p.ground, "nodesep": "0.15", "ranksep": "0.6",
                "ordering": "in", **font,
                **({"layout": "nop", "splines": "line"} if layout else {}),
            },
            node_attr={
                "shape": "box", "style": "rounded,filled", "fontsize": "11",
                "margin": "0.15,0.06", "color": p.line, "fillcolor": p.box, **font,
            },
            edge_attr={
                "fontsize": "9", "color": p.line, **font, "fontcolor": p.quiet,
                **(straight if layout else {}),
            },
        )  # fmt: skip
        if layout:
            self._frames(dot, layout)
        for k, box in enumerate(self.sketch.boxes):
            fixed = {} if layout is None else _pinned(*layout.at[k])
            self._box(dot, k, box, sizes[k], fixed)
        into = Counter(arrow.head for arrow in self.sketch.arrows if self.label(arrow))
        for k, arrow in enumerate(self.sketch.arrows):
            beside = layout.beside(arrow, into[arrow.head]) if layout else None
            self._arrow(dot, k, arrow, beside)
        if self._greatest or self.lit:
            self._legend(dot, layout)
        return str(dot.source)

    def _lines(self, k: int) -> list[str]:
        box = self.sketch.boxes[k]
        return [*filter(None, (self.title(box), *self.numbers(box), *self.remarks(k)))]

    def _is_unit(self, box: Box) -> bool:
        return box.layer is not None and box.units == 1 and box.nodes[-1].op != ""

    def _size(self, k: int) -> tuple[float, float]:
        """Width and height in inches that the text is going to take."""
        lines = self._lines(k)
        width, height = 0.075 * max(map(len, lines)), 0.165 * len(lines)
        if self._is_unit(self.sketch.boxes[k]):
            return 1.3 * width, 1.42 * height
        return width + 0.3, height + 0.15

    def _frames(self, dot: Any, layout: Layout) -> None:
        """A rectangle around each layer; with fixed places Graphviz knows no clusters."""
        for layer, frame in layout.frames.items():
            words = "\n" + escaped(f"layer {layer}" if layer else "inputs")
            dot.node(
                f"layer_{layer}", words if layout.upright else f"{words}\\l", labelloc="t",
                width=f"{frame.width:.2f}", height=f"{frame.height:.2f}", style="rounded",
                fontsize="10", margin="0.1,0.08", fontcolor=self.palette.quiet,
                id=f"layer_{layer}", **{"class": "layer"}, **_pinned(frame.x, frame.y),
            )  # fmt: skip

    def _box(
        self, dot: Any, k: int, box: Box, size: tuple[float, float], fixed: Mapping[str, str]
    ) -> None:
        p = self.palette
        kind = self.kind(k)
        style: dict[str, str] = {"fillcolor": self._fill(self._measures[k]), **fixed}
        if not box.nodes:
            style |= {"style": "dashed", "height": "0.3", "width": "0.3"}
        elif kind.startswith("root"):
            style |= {"color": p.root, "penwidth": "2"}
        elif kind.startswith("leaf"):
            style |= {"color": p.leaf}
        if self.stuck[k]:
            style |= {"style": "rounded,filled,dashed", "color": p.ink}
        if self._is_unit(box):
            style |= {"shape": "ellipse", "margin": "0"}
            style |= {"width": f"{size[0]:.2f}", "height": f"{size[1]:.2f}"}
        elif box.folded:
            style |= {"shape": "box3d", "margin": "0.15,0.12"}
        if "shape" in style:  # round corners are for plain boxes
            style["style"] = style.get("style", "filled").removeprefix("rounded,")
        if k in self._lit_inside:
            style |= {"color": p.lit[self._lit_inside[k]], "penwidth": "2.5"}
        text = escaped("\n".join(self._lines(k)))
        dot.node(f"n{k}", text, id=f"node_{k}", **{"class": kind}, **style)

    def _fill(self, measure: float) -> str:
        return fill(self.palette, measure, self._greatest)

    def label(self, arrow: Arrow) -> str:
        """What an arrow says: its local derivative, or the weight in a unit."""
        head = self.sketch.boxes[arrow.head]
        if head.folded or self._is_unit(head):
            weights = {weight_of(*use) for use in arrow.uses} if self.look.weights else {None}
            weight = weights.pop() if len(weights) == 1 else None
            return "" if weight is None else self.number(weight.data)
        if len(arrow.edges) != 1:
            return ""
        (edge,) = arrow.edges
        local = edge[0].local_derivatives[edge[1]]
        if not self.look.contributions or not self.differentiated:
            return self.number(local)
        return f"{self.number(local)}\n+= {self.number(edge[0].grad * local)}"

    def _arrow(self, dot: Any, k: int, arrow: Arrow, beside: tuple[float, float] | None) -> None:
        how = {self.lit[edge] for edge in arrow.edges if edge in self.lit} if self.lit else set()
        style: dict[str, str] = {}
        kind = "operand" if arrow.edges else "number"
        if how:
            one = how.pop() if len(how) == 1 else "shared"
            kind += f" lit {one}"
            style = {"color": self.palette.lit[one], "penwidth": "2.5"}
            style["fontcolor"] = self.palette.lit[one]
        if text := escaped(self.label(arrow)):
            style |= {"headlabel": text, **_away(*beside)} if beside else {"label": text}
        ends = f"n{arrow.tail}", f"n{arrow.head}"
        dot.edge(*ends, id=f"edge_{k}", **{"class": kind}, **style)

    def _legend(self, dot: Any, layout: Layout | None) -> None:
        """Boxes that say what the fill means, and which colour lights what."""
        what = "gradient" if self.look.color == "grad" else "data"
        most = self._greatest
        entries = [
            (self.number(x), {"style": "filled", "fillcolor": self._fill(x)})
            for x in ((-most, 0.0, most) if most else ())
        ]
        entries += [
            (LIT[how], {"color": color, "fontcolor": color, "penwidth": "2.5", "style": "solid"})
            for how, color in self.palette.lit.items()
            if how in self.lit.values()
        ]
        style = {"fontsize": "9", "height": "0.2", "width": "0.6", "margin": "0.05,0.02"}
        left, bottom = layout.corner if layout else (0.0, 0.0)
        fill = f"fill: {what}" if most else ""
        with dot.subgraph(name="cluster_legend") as legend:
            words = fill if layout is None else ""
            legend.attr(label=words, peripheries="0", fontsize="9", fontcolor=self.palette.quiet)
            for k, (text, own) in enumerate(entries):
                fixed = _pinned(left + 0.7 * k, bottom) if layout else {}
                legend.node(f"legend_{k}", text, **{"class": "legend"}, **style, **own, **fixed)
            if layout is not None and fill:
                fixed = _pinned(left + 0.7, bottom + 0.22)
                plain = {"shape": "plaintext", "style": "", "fontcolor": self.palette.quiet}
                legend.node("legend", fill, **{"class": "legend"}, **style, **plain, **fixed)

    # ---------------------------------------------------------------- words

    def text(self) -> str:
        """A line for each box, but for numbers."""
        boxes = self.sketch.boxes
        return "\n".join(self._line(k) for k, box in enumerate(boxes) if box.nodes)

    def _line(self, k: int) -> str:
        box = self.sketch.boxes[k]
        data, *more = [*self.numbers(box), *self.remarks(k)]
        if box.folded:
            return "    ".join([self.title(box), data, *more])
        (node,) = box.nodes
        arguments = ", ".join(self._operand(v) for v in node.operands)
        made = f" = {node.op}({arguments})" if node.op else ""
        return "    ".join([f"{self.name(node)}{made} = {self.number(node.data)}", *more])

    def _operand(self, operand: Any) -> str:
        return self.name(operand) if isinstance(operand, Value) else self.number(operand)

    def description(self) -> str:
        """In a sentence, what the picture shows."""
        boxes = [box for box in self.sketch.boxes if box.nodes]
        total = sum(len(box.nodes) for box in boxes)
        words = f"{total:,} nodes"
        if total > len(boxes):
            words += f" in {len(boxes):,} boxes"
        words += f", {sum(len(a.edges) for a in self.sketch.arrows):,} edges between them; "
        words += f"{self.name(self.root)} = {self.number(self.root.data)}"
        stuck = sum(self.stuck, Counter[str]())
        words += "".join(f"; {n:,} {what}" for what, n in stuck.items())
        return words + ("" if self.differentiated else "; no gradients before backward()")

    def tips(self) -> dict[str, Tip]:
        """What hovering shows of each box and each arrow, by id."""
        into: dict[int, list[int]] = {}
        for k, arrow in enumerate(self.sketch.arrows):
            into.setdefault(arrow.head, []).append(k)
        found = {}
        for k in range(len(self.sketch.boxes)):
            found[f"node_{k}"] = self._box_tip(k)
            for j in into.get(k, ()):
                found[f"edge_{j}"] = self._arrow_tip(self.sketch.arrows[j])
        return found

    def _box_tip(self, k: int) -> Tip:
        box = self.sketch.boxes[k]
        made = [v for v in box.nodes[-50:] if v.op and (v.label or not box.folded)]
        if not box.nodes or len(box.faces) > 1:
            return Tip(self.title(box) or "number", (*self.numbers(box), *self.remarks(k)))
        node, name = box.nodes[-1], self.name(box.nodes[-1])
        lines = [line for v in made[-FORMULAS:] for line in self._formula(v)]
        if node not in made:
            lines.append(f"{name} = {self.number(node.data)}")
        if self.differentiated:
            top = self.name(self.root)
            lines.append(f"∂{top}/∂{name} = {self.number(node.grad)}")
        return Tip(self.title(box) if box.folded else name, (*lines, *self.remarks(k)))

    def _formula(self, node: Value) -> list[str]:
        """How a node is computed, in names and with the numbers put in."""
        name, data = self.name(node), self.number(node.data)
        if node.op not in OPS:
            return [f"{name} = {data}"]
        symbols = [self.names[v] if isinstance(v, Value) else Number(v) for v in node.operands]
        numbers = [Literal(float(v), place) for place, v in enumerate(node.operands)]
        op = OPS[node.op]
        return [
            f"{name} = {self.show(formula.value(op, symbols))}",
            f"= {self.show(formula.value(op, numbers))} = {data}",
        ]

    def _arrow_tip(self, arrow: Arrow) -> Tip:
        tail, head = self.sketch.boxes[arrow.tail], self.sketch.boxes[arrow.head]
        if len(arrow.edges) != 1:
            title = f"{self.title(tail) or 'number'} → {self.title(head)}"
            many = f"{len(arrow.edges):,} edges" if arrow.edges else "a number: no derivative"
            return Tip(title, (many,))
        ((child, place),) = arrow.edges
        parent, local = child.parents[place], child.local_derivatives[place]
        over, under = self.name(child), self.name(parent)
        lines = [f"local derivative ∂{over}/∂{under} = {self.number(local)}"]
        if self.differentiated:
            passed = f"{self.number(child.grad)} · {self.number(local)}"
            lines.append(f"passes on {passed} = {self.number(child.grad * local)}")
        return Tip(f"{under} → {over}", tuple(lines))


def _pinned(x: float, y: float) -> dict[str, str]:
    """A fixed place; Graphviz wants it in points."""
    return {"pos": f"{72 * x:.1f},{72 * y:.1f}"}


def _away(inches: float, degrees: float) -> dict[str, str]:
    """A label's place by its distance from the arrow's head; Graphviz counts in tens of points."""
    return {"labeldistance": f"{7.2 * inches:.2f}", "labelangle": f"{degrees:.1f}"}
