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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from micrograd_bp import formula, symbol
from micrograd_bp.columns import Layout, places
from micrograd_bp.derivations import Derivation, Shared
from micrograd_bp.engine import Value
from micrograd_bp.folding import Arrow, Box, Sketch
from micrograd_bp.formula import Expr, Name, Number
from micrograd_bp.naming import Names
from micrograd_bp.notation import Text
from micrograd_bp.ops import OPS
from micrograd_bp.paths import Path
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


# ------------------------------------------------------------------ what is lit


def lit(highlight: Any) -> dict[tuple[Value, int], str]:
    """The edges of a path, of a derivation or of two, or of what two share."""
    if highlight is None:
        return {}
    if isinstance(highlight, Shared):
        highlight = [highlight.first, highlight.second]
    chosen = [highlight] if isinstance(highlight, Path | Derivation) else [*highlight]
    if len(chosen) > 2:
        raise ValueError(f"highlight: expected one or two paths or derivations, got {len(chosen)}")
    found: dict[tuple[Value, int], str] = {}
    for one, how in zip(chosen, ("first", "second")):
        for edge in _edges(one):
            found[edge] = "shared" if found.get(edge, how) != how else how
    return found


def _edges(one: Any) -> Iterable[tuple[Value, int]]:
    if isinstance(one, Path):
        return zip(one.nodes, one.places)
    if isinstance(one, Derivation):
        return one.edges
    raise TypeError(f"highlight: expected a Path or a Derivation, got {type(one).__name__}")


# ------------------------------------------------------------------ words


def shown(number: float, digits: int) -> str:
    """A number with its real minus sign."""
    return f"{number:.{digits}g}".replace("-", "−")


def short(label: str) -> str:
    """`label` in Unicode on one line, not too long, and without what XML cannot hold."""
    return symbol.unicode(symbol.short(label))


def escaped(text: str) -> str:
    r"""`text` for a DOT label, in which `&` would begin an entity and `\\` an escape."""
    import graphviz

    return graphviz.nohtml(graphviz.escape(text.replace("&", "&amp;")))  # type: ignore[no-any-return]


LARGE = 400
"""Boxes beyond which Graphviz is to spend less on finding the best places."""

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
    "#ffffff", "#1a1a1a", "#8a8a8a", "#595959", "#ffffff", "#4a7ebb", "#b35900",
    (240, 160, 60), (105, 170, 225), (255, 255, 255),
    {"first": "#c8500a", "second": "#0063a8", "shared": "#a0329b"},
)  # fmt: skip
DARK = Palette(
    "#16181d", "#ececec", "#8f959e", "#b4bac4", "#23262d", "#7fb0e6", "#e8a33d",
    (150, 85, 10), (20, 95, 155), (35, 38, 45),
    {"first": "#ff9a4d", "second": "#6cb8ff", "shared": "#e58be0"},
)  # fmt: skip


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
        if box.face is None:
            return short(box.name)
        many = f" ×{box.times}" if box.times > 1 else ""
        if self.sketch.level == "slices" and box.folded:
            return self._operations(box)
        if box.units > 1:
            return f"layer {box.layer}: {box.units} units, {self._symbol(box.face)}{many}"
        label = box.face.label if box.times > 1 else ""
        name = short(label) if label else self.name(box.face) if box.times == 1 else ""
        sign = self._symbol(box.face)
        if not sign:
            return f"{name or 'leaf'}{many}"
        return f"{name} = {sign}{many}" if name else f"{sign}{many}"

    def _symbol(self, node: Value) -> str:
        """What stands for the operation, that of the sum before an activation besides."""
        return OPS.symbol(node.op) if node.op else ""

    def _operations(self, box: Box) -> str:
        counts = Counter(self._symbol(v) or "leaf" for v in box.nodes).most_common()
        some = ", ".join(f"{sign} ×{n:,}" for sign, n in counts[:3])
        return some + (", …" if len(counts) > 3 else "")

    def numbers(self, box: Box) -> list[str]:
        """The lines with data and gradient; of many nodes, from the least to the greatest."""
        if box.face is None:
            return [self._range(box.numbers)]
        if box.times == 1 and box.units == 1 and self.sketch.level != "slices":
            lines = [f"data {self.number(box.face.data)}"]
            if self.differentiated:
                lines.append(f"grad {self.number(box.face.grad)}")
            return lines
        faces = self._faces(box)
        lines = [f"data {self._range([v.data for v in faces])}"]
        if self.differentiated:
            lines.append(f"grad {self._range([v.grad for v in faces])}")
        return lines

    def _faces(self, box: Box) -> list[Value]:
        face = box.face
        if face is None or self.sketch.level == "slices":
            return [*box.nodes]
        return [v for v in box.nodes if v.op == face.op and v.label[:1] == face.label[:1]]

    def _range(self, numbers: Sequence[float]) -> str:
        least, most = self.number(min(numbers)), self.number(max(numbers))
        return least if least == most else f"{least} … {most}"

    def remarks(self, box: Box) -> list[str]:
        """What else a box says: how many nodes it stands for, and what is stuck in it."""
        lines = [f"{len(box.nodes):,} nodes"] if box.folded else []
        stuck = Counter(filter(None, map(state, box.nodes)))
        for what, n in stuck.items():
            lines.append(what if len(self._faces(box)) == 1 else f"{n} {what}")
        return lines

    def kind(self, box: Box) -> str:
        """The class of a box in the SVG."""
        if box.face is None:
            return "number"
        kind = "root" if self.root in box.nodes else "op" if box.face.op else "leaf"
        stuck = {state(v) for v in box.nodes} - {""}
        return " ".join([kind, *(["fold"] if box.folded else []), *sorted(stuck)])

    # ---------------------------------------------------------------- colours

    @cached_property
    def palette(self) -> Palette:
        """The colours."""
        return DARK if self.look.theme == "dark" else LIGHT

    def _measure(self, box: Box) -> float:
        """The number that the fill tells: that of the face, of many the greatest."""
        if box.face is None or self.look.color == "none":
            return 0.0
        if self.look.color == "grad" and not self.differentiated:
            return 0.0
        numbers = [getattr(v, self.look.color) for v in self._faces(box)]
        return max((x for x in numbers if math.isfinite(x)), key=abs, default=0.0)

    @cached_property
    def _greatest(self) -> float:
        others = [box for box in self.sketch.boxes if self.root not in box.nodes]
        return max((abs(self._measure(box)) for box in others), default=0.0)

    def fill(self, measure: float) -> str:
        """White for 0, and blue or orange the deeper the greater."""
        p = self.palette
        if not measure or not self._greatest:
            return p.box
        depth = math.sqrt(min(abs(measure) / self._greatest, 1.0))
        end = p.positive if measure > 0 else p.negative
        mixed = (round(a + (b - a) * depth) for a, b in zip(p.zero, end))
        return "#" + "".join(f"{c:02x}" for c in mixed)

    # ---------------------------------------------------------------- DOT

    def dot(self) -> str:
        """The DOT source."""
        import graphviz

        p, look = self.palette, self.look
        size = {k: self._size(box) for k, box in enumerate(self.sketch.boxes)}
        layered = self.sketch.level in ("lecture", "blocks")
        layout = places(self.sketch, size) if layered else None
        large = len(self.sketch.boxes) > LARGE
        tail, head = {"LR": "ew", "RL": "we", "TB": "sn", "BT": "ns"}[look.rankdir]
        straight = {"tailport": tail, "headport": head, "arrowsize": "0.7"}
        font = {"fontname": "Helvetica,Arial,sans-serif", "fontcolor": p.ink}
        dot = graphviz.Digraph(
            graph_attr={
                "rankdir": look.rankdir, "bgcolor": p.ground, "nodesep": "0.15", "ranksep": "0.6",
                "ordering": "in", **font,
                **({"layout": "neato", "splines": "line"} if layout else {}),
                **({"nslimit": "1", "mclimit": "0.2"} if large else {}),
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
            fixed = {} if layout is None else self._pinned(*layout.at[k])
            self._box(dot, k, box, size[k], fixed)
        for k, arrow in enumerate(self.sketch.arrows):
            self._arrow(dot, k, arrow)
        if self._greatest:
            self._legend(dot, layout)
        return str(dot.source)

    def _lines(self, box: Box) -> list[str]:
        return [*filter(None, (self.title(box), *self.numbers(box), *self.remarks(box)))]

    def _is_unit(self, box: Box) -> bool:
        return box.folded and box.units == 1 and box.layer is not None

    def _size(self, box: Box) -> tuple[float, float]:
        """Width and height in inches that the text is going to take."""
        lines = self._lines(box)
        width, height = 0.075 * max(map(len, lines)), 0.165 * len(lines)
        return (1.3 * width, 1.42 * height) if self._is_unit(box) else (width + 0.3, height + 0.15)

    def _pinned(self, x: float, y: float) -> dict[str, str]:
        x, y = {"LR": (x, y), "RL": (-x, y), "TB": (-y, -x), "BT": (-y, x)}[self.look.rankdir]
        return {"pos": f"{x:.2f},{y:.2f}!"}

    def _frames(self, dot: Any, layout: Layout) -> None:
        """A rectangle around each layer; with fixed places Graphviz knows no clusters."""
        p = self.palette
        for layer, frame in layout.frames.items():
            sides = (frame.width, frame.height)
            words = f"layer {layer}" if layer else "inputs"
            width, height = sides if self.look.rankdir in ("LR", "RL") else sides[::-1]
            dot.node(
                f"layer_{layer}", escaped("\n" + words), labelloc="t",
                width=f"{width:.2f}", height=f"{height:.2f}", style="rounded", fontsize="10",
                margin="0.1,0.08", fontcolor=p.quiet, id=f"layer_{layer}", **{"class": "layer"},
                **self._pinned(frame.x, frame.y),
            )  # fmt: skip

    def _box(
        self, dot: Any, k: int, box: Box, size: tuple[float, float], fixed: Mapping[str, str]
    ) -> None:
        p = self.palette
        kind = self.kind(box)
        style: dict[str, str] = {"fillcolor": self.fill(self._measure(box)), **fixed}
        if box.face is None:
            style |= {"style": "dashed", "height": "0.3", "width": "0.3"}
        elif kind.startswith("root"):
            style |= {"color": p.root, "penwidth": "2"}
        elif kind.startswith("leaf"):
            style |= {"color": p.leaf}
        if "inactive" in kind or "saturated" in kind:
            style |= {"style": "rounded,filled,dashed", "color": p.ink}
        if self._is_unit(box):
            filled = style.get("style", "filled").removeprefix("rounded,")
            style |= {"shape": "ellipse", "style": filled, "margin": "0"}
            style |= {"width": f"{size[0]:.2f}", "height": f"{size[1]:.2f}"}
        elif box.folded:
            style |= {"shape": "box3d", "style": "filled"}
        text = escaped("\n".join(self._lines(box)))
        dot.node(f"n{k}", text, id=f"node_{k}", **{"class": kind}, **style)

    def label(self, arrow: Arrow) -> str:
        """What an arrow says: its local derivative, or the weight in a unit."""
        if not arrow.edges:
            return ""
        boxes = self.sketch.boxes
        if boxes[arrow.head].folded or boxes[arrow.tail].folded:
            if not self.look.weights:
                return ""
            weight = _weight(*arrow.edges[0])
            return "" if weight is None else self.number(weight.data)
        (edge,) = arrow.edges
        local = edge[0].local_derivatives[edge[1]]
        if not self.look.contributions or not self.differentiated:
            return self.number(local)
        return f"{self.number(local)}\n+= {self.number(edge[0].grad * local)}"

    def _arrow(self, dot: Any, k: int, arrow: Arrow) -> None:
        how = {self.lit[edge] for edge in arrow.edges if edge in self.lit}
        style: dict[str, str] = {}
        kind = "number" if not arrow.edges else "operand"
        if how:
            one = how.pop() if len(how) == 1 else "shared"
            kind += f" lit {one}"
            style = {"color": self.palette.lit[one], "penwidth": "2.5"}
            style["fontcolor"] = self.palette.lit[one]
        text = self.label(arrow)
        dot.edge(
            f"n{arrow.tail}", f"n{arrow.head}", label=escaped(text) if text else "",
            id=f"edge_{k}", **{"class": kind}, **style,
        )  # fmt: skip

    def _legend(self, dot: Any, layout: Layout | None) -> None:
        """Three boxes that say what the fill means."""
        what = "gradient" if self.look.color == "grad" else "data"
        most = self._greatest
        style = {"fontsize": "9", "height": "0.2", "width": "0.6", "margin": "0.05,0.02"}
        with dot.subgraph(name="cluster_legend") as legend:
            words = f"fill: {what}" if layout is None else ""
            legend.attr(label=words, peripheries="0", fontsize="9", fontcolor=self.palette.quiet)
            for k, measure in enumerate((-most, 0.0, most)):
                fixed = {} if layout is None else self._pinned(0.7 * k, layout.bottom)
                legend.node(
                    f"legend_{k}", self.number(measure), fillcolor=self.fill(measure),
                    style="filled", **{"class": "legend"}, **style, **fixed,
                )  # fmt: skip
            if layout is not None:
                fixed = self._pinned(0.7, layout.bottom + 0.22)
                plain = {"shape": "plaintext", "style": "", "fontcolor": self.palette.quiet}
                legend.node(
                    "legend", f"fill: {what}", **{"class": "legend"}, **style, **plain, **fixed
                )

    # ---------------------------------------------------------------- words

    def text(self) -> str:
        """A line for each box, but for numbers."""
        return "\n".join(self._line(box) for box in self.sketch.boxes if box.nodes)

    def _line(self, box: Box) -> str:
        numbers = self.numbers(box)
        gradient = f"    {numbers[1]}" if len(numbers) > 1 else ""
        remarks = "".join(f"    {remark}" for remark in self.remarks(box))
        if box.folded:
            return f"{self.title(box)}    {numbers[0]}{gradient}{remarks}"
        (node,) = box.nodes
        arguments = ", ".join(self._operand(v) for v in node.operands)
        made = f" = {node.op}({arguments})" if node.op else ""
        return f"{self.name(node)}{made} = {self.number(node.data)}{gradient}{remarks}"

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
        stuck = Counter(filter(None, (state(v) for box in boxes for v in box.nodes)))
        words += "".join(f"; {n} {what}" for what, n in stuck.items())
        return words + ("" if self.differentiated else "; no gradients before backward()")

    def tips(self) -> dict[str, Tip]:
        """What hovering shows of each box and each arrow, by id."""
        into: dict[int, list[int]] = {}
        for k, arrow in enumerate(self.sketch.arrows):
            into.setdefault(arrow.head, []).append(k)
        found = {}
        for k, box in enumerate(self.sketch.boxes):
            found[f"node_{k}"] = self._box_tip(box)
            for j in into.get(k, ()):
                found[f"edge_{j}"] = self._arrow_tip(self.sketch.arrows[j])
        return found

    def _box_tip(self, box: Box) -> Tip:
        if box.folded or box.face is None:
            return Tip(self.title(box) or "number", (*self.numbers(box), *self.remarks(box)))
        node, name = box.face, self.name(box.face)
        lines = [f"{name} = {self.number(node.data)}"]
        if node.op:
            symbols: list[Expr] = []
            numbers: list[Expr] = []
            for v in node.operands:
                symbols.append(self.names[v] if isinstance(v, Value) else Number(v))
                put_in = self.number(float(v))
                numbers.append(Name(f"({put_in})" if put_in.startswith("−") else put_in))
            op = OPS[node.op]
            lines = [
                f"{name} = {self.show(formula.value(op, symbols))}",
                f"= {self.show(formula.value(op, numbers))} = {self.number(node.data)}",
            ]
        if self.differentiated:
            top = self.name(self.root)
            lines.append(f"∂{top}/∂{name} = {self.number(node.grad)}")
        return Tip(name, (*lines, *self.remarks(box)))

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


def _weight(child: Value, place: int) -> Value | None:
    """The weight by which an input goes into a unit."""
    if child.op == "dot":
        operands = child.operands
        at = [k for k, v in enumerate(operands) if isinstance(v, Value)][place]
        half = len(operands) // 2
        weight = operands[at - half] if half <= at < 2 * half else None
        return weight if isinstance(weight, Value) else None
    if child.op == "mul" and len(child.parents) == 2:
        return child.parents[1 - place]
    return None
