"""Both passes as a page to step through: forth and back, with every number put in.

>>> from micrograd_bp import Value
>>> w, x = Value(0.5, "w"), Value(2.0, "x")
>>> C = (w * x).tanh()
>>> C.label = "C"
>>> player = Stepper(C)
>>> player
Stepper(C: 7 steps)
>>> print(player.steps[-1].formula, player.steps[-1].numbers)
∂C/∂w = ∂C/∂v₁ · x 0.42 · 2 = 0.8399

`player.save_html("steps.html")` writes one file that opens from a disk and asks no network for
anything; as the last line of a notebook's cell the player shows the same page inline.
"""

import copy
import html
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from micrograd_bp import files, javascript, viewer
from micrograd_bp.drawing import Drawing
from micrograd_bp.engine import Value, topological_order
from micrograd_bp.folding import fold
from micrograd_bp.formula import Chain, Comparison
from micrograd_bp.naming import Names, Variables, variables_of
from micrograd_bp.notation import Mathml, Text, significant
from micrograd_bp.passes import weights_of
from micrograd_bp.picture import Look, Picture
from micrograd_bp.renderers import ADVICE, NoRenderer
from micrograd_bp.stepping import Step, Told, json_number, record, tell
from micrograd_bp.symbol import short, unicode
from micrograd_bp.table import checked

BOXES = 300
"""Boxes beyond which a graph is drawn folded: the steps are all there, the boxes stand for many."""

NUMBERS = (
    "node", "parent", "place", "result", "upstream", "local", "contribution", "before", "after",
    "complete",
)  # fmt: skip
"""The fields of a step that the page shows or calculates with."""


class Stepper:
    """A player for both passes through the graph of `output`, as it is now.

    It keeps a copy of the graph: what is done to the Values later does not change it, and it
    touches no `.grad`. `steps` are the records that it shows, those of `stepping.steps`. `digits`
    and `variables` are those of `derive`, `title` is the page's.

    Errors: TypeError for what is no Value, or a title that is no str; ValueError for digits
    outside 1 … 17.

    >>> w = Value(0.5, "w")
    >>> [step.formula for step in Stepper(w.exp(), variables={}).steps]
    ['v₁ = exp(w)', '∂v₁/∂v₁ = 1', '∂v₁/∂w += ∂v₁/∂v₁ · exp(w)', '∂v₁/∂w = exp(w)']
    """

    def __init__(
        self, output: Value, *, digits: int = 4, variables: Variables = None, title: str = ""
    ) -> None:
        significant(digits)
        checked(title, str, "title")
        order = topological_order(checked(output, Value, "Stepper"))
        called = Names(order, variables_of(variables, 2)).label
        self.digits = digits
        self.output = copy.deepcopy(output)
        own = topological_order(self.output)
        variable = {
            name: mine
            for v, mine in zip(order, own)
            if isinstance(name := called[v], str) and not v.label
        }
        for v in own:
            v.grad = 0.0
        self.output.backward()
        self.names = Names(own, variable)
        self.title = title or f"Both passes of {short(self._called(self.output))}, step by step"

    def _called(self, node: Value) -> str:
        return Text(self.digits)(self.names[node])

    @cached_property
    def _told(self) -> list[Told]:
        return [*tell(self.output, self.names)]

    @cached_property
    def steps(self) -> list[Step]:
        """The records, in their order."""
        show = Text(self.digits)
        return [record(k, told, show) for k, told in enumerate(self._told)]

    def play(self, **options: Any) -> None:
        """Step through in the terminal; the `options` are those of `terminal.play`."""
        from micrograd_bp.terminal import play

        play(self.steps, self.title, **options)

    # ------------------------------------------------------------------ the page

    def html(self) -> str:
        """The player as a page of its own."""
        code, missing = _operations({v.op for v in self.names.order if v.op})
        sketch = fold(self.output, "auto", BOXES)
        picture = Picture(self.output, sketch, self.names, {}, Look(self.digits, color="none"))
        title = " ".join(self.title.split())
        parts = {
            "title": viewer.escaped(title),
            "svg": self._svg(picture, title),
            "code": code,
            "data": viewer.json_data(self._data(picture) | {"missing": missing}),
        }
        return viewer.filled("player.html", parts)

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page; the whole file or none of it. Errors: OSError where it cannot be."""
        files.write(path, self.html())

    def _svg(self, picture: Picture, title: str) -> str:
        tips = picture.tips()
        drawing = Drawing(picture.dot(), picture.text(), title, picture.description(), tips)
        try:
            return viewer.picture(drawing.svg(), [*tips], title)
        except NoRenderer:
            nothing = viewer.picture('<svg xmlns="http://www.w3.org/2000/svg"/>', [], title)
            return f'{nothing}<p class="none">{viewer.escaped(ADVICE)}</p>'

    def _data(self, picture: Picture) -> dict[str, Any]:
        """What the page knows: plain data, from which it computes all else."""
        order = self.names.order
        at = {v: k for k, v in enumerate(order)}
        pool, show = Pool(), Mathml(self.digits)
        nodes = [
            {
                "name": self._called(v),
                "math": pool.add(show(self.names[v])),
                "op": v.op,
                # a node by its place, in brackets; a number as it is
                "operands": [
                    [at[x]] if isinstance(x, Value) else json_number(float(x)) for x in v.operands
                ],
                "value": json_number(v.data),
            }
            for v in order
        ]
        boxes, arrows = _places(picture, at)
        weights = [v for v in weights_of(order) if v is not self.output]
        return {
            "digits": self.digits,
            "nodes": nodes,
            "weights": [at[v] for v in weights],
            "parameters": [at[v] for v in [*weights, *_biases(order, weights)]],
            "fields": ["kind", *NUMBERS, "formula", "numbers", "sign", "math", "put", "factor"],
            "steps": [self._row(step, told, pool) for step, told in zip(self.steps, self._told)],
            "pool": pool.items,
            "boxes": boxes,
            "arrows": arrows,
        }

    def _row(self, step: Step, told: Told, pool: "Pool") -> list[Any]:
        """A step, its equations both to be read and to be seen, the result apart from them."""
        show, text = Mathml(self.digits), Text(self.digits)
        line, right = told.formula, told.formula.right
        left = "" if line.left is None else show(line.left) + show.sign(line.sign)
        factor = right.factors[-1] if step.kind == "backward" and isinstance(right, Chain) else None
        put, sign = None, ""
        if isinstance(told.numbers, Comparison):
            put, sign = told.numbers.left, told.numbers.sign
        return [
            step.kind,
            *(json_number(getattr(step, name)) for name in NUMBERS),
            step.formula,
            "" if put is None else text(put),
            sign,
            pool.add(left + show(right)),
            None if put is None else pool.add(show(put)),
            None if factor is None else pool.add(show(factor)),
        ]

    # ------------------------------------------------------------------ in a notebook

    def _repr_html_(self) -> str:
        # between apostrophes, for the page is full of quotation marks
        page = html.escape(self.html(), quote=False).replace("'", "&#x27;")
        title = viewer.escaped(" ".join(self.title.split()))
        # a frame, so that neither the notebook's style nor another player reaches into it
        frame = (
            f'<iframe sandbox="allow-scripts" title="{title}" srcdoc=\'{page}\' '
            'width="100%" height="720" style="border:1px solid #808993;border-radius:8px"></iframe>'
        )
        return f"{frame}\n{self._listed()}"

    def _listed(self) -> str:
        """Every step in a table, for where no script runs."""
        rows = "\n".join(
            f"<tr><td>{step.index + 1}</td><td>{step.kind}</td>"
            f"<td>{viewer.escaped(step.formula)}</td><td>{viewer.escaped(step.numbers)}</td></tr>"
            for step in self.steps
        )
        head = "<tr><th></th><th></th><th>formula</th><th>with the numbers put in</th></tr>"
        many = f"All {len(self.steps):,} steps as a table"
        return f"<details><summary>{many}</summary><table>\n{head}\n{rows}\n</table></details>"

    def __repr__(self) -> str:
        return f"Stepper({self._called(self.output)}: {len(self.steps):,} steps)"


class Pool:
    """MathML as plain lists, in which what occurs many times is there once.

    >>> pool = Pool()
    >>> pool.add("<msub><mi>x</mi><mi>x</mi></msub>"), pool.items
    (1, [['mi', 'x'], ['msub', '', 0, 0]])
    """

    def __init__(self) -> None:
        self.items: list[list[Any]] = []
        self._at: dict[tuple[Any, ...], int] = {}

    def add(self, markup: str) -> int:
        """The place of a formula: [tag, text, attributes if any, places of its children …]."""
        return self._add(ET.fromstring(f"<mrow>{markup}</mrow>"))

    def _add(self, element: ET.Element) -> int:
        inside = [self._add(child) for child in element]
        if element.tag == "mrow" and len(inside) == 1:
            return inside[0]
        style = {name: element.attrib[name] for name in _KEPT if name in element.attrib}
        entry = [element.tag, element.text or "", *([style] if style else []), *inside]
        key = (element.tag, element.text, *style.items(), *inside)
        if key not in self._at:
            self._at[key] = len(self.items)
            self.items.append(entry)
        return self._at[key]


_KEPT = ("form", "lspace", "rspace")
"""Attributes that the page takes over: how far an operator stands from what is beside it."""


def _biases(order: Iterable[Value], weights: Iterable[Value]) -> list[Value]:
    """What learns besides the weights: the leaves that are called b."""
    others = [v for v in order if not v.op and v not in {*weights}]
    return [v for v in others if v.label[:1] == "b" and not v.label[1:2].isalpha()]


def _operations(names: Iterable[str]) -> tuple[str, list[str]]:
    """The rows of the table in JavaScript, and those that have no translation."""
    names = sorted(names)
    good = [name for name in names if javascript.translatable(name)]
    return javascript.functions(good), [name for name in names if name not in good]


def _places(
    picture: Picture, at: dict[Value, int]
) -> tuple[list[dict[str, Any]], list[list[list[int]]]]:
    """For each box its nodes, and which line of text has its data; for each arrow its edges."""
    boxes = []
    for box in picture.sketch.boxes:
        face = box.nodes[-1] if box.nodes else None
        # of many nodes a box shows a range, which waits for the last of them
        single = face is not None and picture.numbers(box) == [
            f"data {picture.number(face.data)}",
            f"grad {picture.number(face.grad)}",
        ]
        boxes.append(
            {
                "name": unicode(picture.title(box)) or "number",
                "nodes": [at[v] for v in box.nodes],
                "face": at[face] if single and face else None,
                "line": int(bool(picture.title(box))),
            }
        )
    arrows = [[[at[child], place] for child, place in a.edges] for a in picture.sketch.arrows]
    return boxes, arrows
