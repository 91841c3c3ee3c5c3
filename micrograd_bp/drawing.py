"""Draw a computation graph: pictures people can read, of any size, with `dot` or without it.

>>> from micrograd_bp import Value
>>> x = Value(3.0)
>>> y = 2 * x * x
>>> y.backward()
>>> print(draw(y).text)
x = 3    grad 12
v₁ = mul(2, x) = 6    grad 3
y = mul(v₁, x) = 18    grad 1

`draw(y)` shows itself in a notebook, `draw(y).save("graph.svg")` writes it: as SVG, PNG, PDF, DOT
source, text, or as a page of HTML to pan, zoom and search.
"""

import base64
import html
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrograd_bp import files, folding, symbol, viewer
from micrograd_bp.derivations import Derivation, Shared
from micrograd_bp.engine import Value, topological_order
from micrograd_bp.naming import Names, Variables, variables_of
from micrograd_bp.notation import significant
from micrograd_bp.paths import Path as Way
from micrograd_bp.picture import Look, Picture, escaped, short
from micrograd_bp.renderers import ADVICE, NoRenderer, render
from micrograd_bp.table import checked, listed
from micrograd_bp.viewer import Tip

if TYPE_CHECKING:
    import graphviz

__all__ = ["ADVICE", "Drawing", "NoRenderer", "draw", "draw_dot", "render"]

FORMS = ("svg", "png", "pdf", "html", "dot", "gv", "txt")
"""The suffixes that `Drawing.save` knows."""


@dataclass(frozen=True, repr=False)
class Drawing:
    """A drawn graph: `source` is DOT, `text` the same boxes line by line.

    As the last line of a notebook's cell it shows itself, as an image that also an untrusted
    notebook shows, or as text where nothing can draw. `description` says in a sentence what there
    is; `tips` has for each box and arrow, by its id in the SVG, what the page of HTML shows of it.

    Of GitHub's static view of notebooks it is known that it runs no script and drops CSS (pandas
    issues 33076 and 37936), and reported that it shows an <img> whose data: URI is an SVG
    (atoti-notebooks issue 425, of 2021), which this is; it can do without its styles. Nothing is
    promised there: where it matters, `save` a .png.
    """

    source: str
    text: str
    title: str = "computation graph"
    description: str = ""
    tips: Mapping[str, Tip] = field(default_factory=dict)

    @cached_property
    def _drawn(self) -> tuple[str, tuple[str, ...]]:
        picture = render(self.source)
        return _accessible(picture.content, self.title, self.description), picture.notes

    def svg(self) -> str:
        """The picture. Errors: NoRenderer, with advice."""
        return self._drawn[0]

    @property
    def notes(self) -> tuple[str, ...]:
        """A line for each renderer that failed before one drew the SVG."""
        return self._drawn[1]

    def html(self) -> str:
        """A page of its own, without network: pan, zoom, search, and every number on hovering."""
        return viewer.page(self.svg(), self.tips, short(self.title), self.text)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `path` by its suffix, one of `FORMS`; the whole file or none of it.

        Errors: ValueError for another suffix; NoRenderer where the form needs what is missing;
        OSError where it cannot be written.
        """
        suffix = Path(path).suffix.lower().removeprefix(".")
        if suffix not in FORMS:
            *first, last = (f".{form}" for form in FORMS)
            expected = f"{', '.join(first)} or {last}"
            raise ValueError(f"cannot save {os.fspath(path)!r}: expected {expected}")
        content: str | bytes
        if suffix in ("png", "pdf"):
            content = render(self.source, suffix).content
        elif suffix in ("svg", "html"):
            content = getattr(self, suffix)()
        else:
            content = self.text + "\n" if suffix == "txt" else self.source
        files.write(path, content)

    def _repr_html_(self) -> str:
        try:
            data = base64.b64encode(self.svg().encode()).decode()
        except NoRenderer:
            return f"<pre>{html.escape(self.text)}</pre><p>{html.escape(ADVICE)}</p>"
        words = html.escape(f"{self.title}: {self.description}")
        image = f'<img style="max-width:none" alt="{words}" src="data:image/svg+xml;base64,{data}">'
        return f'<div style="overflow-x:auto">{image}</div>'

    def __repr__(self) -> str:
        return self.text


_SVG = "{http://www.w3.org/2000/svg}"


def _accessible(svg: bytes, title: str, description: str) -> str:
    """The SVG with a title and a description for screen readers, and its legend told apart."""
    ET.register_namespace("", _SVG[1:-1])
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ET.fromstring(svg)
    root.set("role", "img")
    root.set("aria-labelledby", "graph-title graph-desc")
    for k, (tag, words) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(_SVG + tag, {"id": f"graph-{tag}"})
        element.text = " ".join(symbol.printable(words).split())
        root.insert(k, element)
    for group in root.iter(f"{_SVG}g"):
        for own in ("legend", "layer"):  # boxes to Graphviz, but no nodes
            if group.get("class") == f"node {own}":
                group.set("class", f"cluster {own}")
    return ET.tostring(root, encoding="unicode") + "\n"


def draw(
    root: Value,
    digits: int = 4,
    rankdir: str = "LR",
    *,
    detail: str = "auto",
    max_nodes: int | None = None,
    unfold: Value | Iterable[Value] = (),
    fold: Value | Iterable[Value] = (),
    highlight: Any = None,
    contributions: bool = False,
    weights: bool = False,
    color: str = "grad",
    theme: str = "light",
    variables: Variables = True,
    title: str = "",
) -> Drawing:
    """The graph below `root`, at any level of detail.

    `detail`: "full", a box for every node and an edge for every operand, a number among them
    having a box of its own; "primitives", fused operations in steps; "lecture", a circle for each
    unit, its parameters inside, the layers side by side; "blocks", what is computed alike (one
    unit for many examples) in one box ×N; "layers"; "slices", by depth. "auto" is the first of
    "full" to "slices" with at most `max_nodes` boxes (200). A folded box says how many nodes it
    stands for. `unfold` opens the boxes of these nodes, `fold` makes one box of each of these and
    of all that leads to it alone.

    A box shows data and, after a `backward()` through `root`, the gradient, to `digits`
    significant digits; an edge shows the local derivative, with `contributions` also what it
    passes on (gradient × local derivative), and in folded units, with `weights`, the weight. Fill
    tells sign and size of the gradient, or of the data with `color="data"`; or is plain with
    "none". A ReLU that lets nothing through is marked, and so is a saturated unit. `highlight`
    lights the edges of a `Path` or a `Derivation`, or of two, their common edges in a third colour.

    Nodes go by their labels, else by the caller's variables (`variables=False` switches this off;
    a dict like `locals()` gives others), else v₁, v₂ … `rankdir` is Graphviz's: LR, TB, RL or BT;
    `theme` light or dark.

    Errors: TypeError for what is no Value, or no path to highlight; ValueError for an option that
    is none of these, naming those there are.

    >>> x = Value(2.0, "x")
    >>> print(draw(x * x, variables=False))
    x = 2
    v₁ = mul(x, x) = 4
    """
    checked(title, str, "title")
    significant(digits)
    _one_of("rankdir", rankdir, ("LR", "TB", "RL", "BT"))
    _one_of("detail", detail, ("auto", *folding.LEVELS))
    _one_of("color", color, ("grad", "data", "none"))
    _one_of("theme", theme, ("light", "dark"))
    if max_nodes is not None and (type(max_nodes) is not int or max_nodes < 4):
        raise ValueError(f"max_nodes {max_nodes!r}: expected a whole number of at least 4")
    order = topological_order(checked(root, Value, "draw"))
    names = Names(order, variables_of(variables, 2))
    edges = _lit(highlight)
    opened, closed = _chosen("unfold", unfold, names), _chosen("fold", fold, names)
    if edges and names.label.keys().isdisjoint(child for child, _ in edges):
        raise ValueError(
            "highlight: none of its edges is in this graph; expected a path or a derivation of it"
        )
    if detail == "primitives":
        if edges:
            raise ValueError(
                "highlight: the steps inside an operation, which detail 'primitives' draws, are on "
                "no path; expected detail 'full' or a coarser one"
            )
        given = {v: name for v, name in names.label.items() if isinstance(name, str)}
        copy = folding.unfused(root, given)
        root, opened, closed = copy[root], [copy[v] for v in opened], [copy[v] for v in closed]
        names = Names(topological_order(root))
    sketch = folding.fold(root, detail, max_nodes, opened, closed)
    look = Look(digits, rankdir, contributions, weights, color, theme)
    picture = Picture(root, sketch, names, edges, look)
    shown = short(title) or f"computation graph of {picture.name(root)}"
    return Drawing(picture.dot(), picture.text(), shown, picture.description(), picture.tips())


def _chosen(what: str, nodes: Value | Iterable[Value], names: Names) -> list[Value]:
    chosen = [nodes] if isinstance(nodes, Value) else listed(nodes, what)
    for v in chosen:
        if checked(v, Value, what) not in names.label:
            raise ValueError(f"{what}: {short(v.label) or 'the node'} is not in this graph")
    return chosen


# ------------------------------------------------------------------ what is lit


def _lit(highlight: Any) -> dict[tuple[Value, int], str]:
    """The edges of a path, of a derivation or of two, or of what two share."""
    if highlight is None:
        return {}
    if isinstance(highlight, Shared):
        highlight = [highlight.first, highlight.second]
    several = isinstance(highlight, Iterable) and not isinstance(highlight, Way | Derivation)
    chosen = listed(highlight, "highlight") if several else [highlight]
    if len(chosen) > 2:
        raise ValueError(f"highlight: expected one or two paths or derivations, got {len(chosen)}")
    found: dict[tuple[Value, int], str] = {}
    for one, how in zip(chosen, ("first", "second")):
        for edge in _edges(one):
            found[edge] = "shared" if found.get(edge, how) != how else how
    return found


def _edges(one: Any) -> Iterable[tuple[Value, int]]:
    if isinstance(one, Way):
        return zip(one.nodes, one.places)
    if isinstance(one, Derivation):
        return one.edges
    raise TypeError(f"highlight: expected a Path or a Derivation, got {type(one).__name__}")


def _one_of(what: str, given: Any, known: Sequence[str]) -> None:
    if not isinstance(given, str) or given not in known:
        raise ValueError(f"{what} {given!r:.40}: expected {', '.join(known[:-1])} or {known[-1]}")


def draw_dot(root: Value, format: str = "svg", rankdir: str = "LR") -> "graphviz.Digraph":
    """The graph below `root` as in micrograd's lecture: data and gradient, and a node for each op.

    `format` is that of the returned Digraph's own `render`; `rankdir` is LR or TB. Errors:
    TypeError for what is no Value, ValueError for another format or direction.

    >>> from micrograd_bp.engine import Value
    >>> picture = draw_dot(Value(2.0, "x") * 3.0)
    >>> type(picture).__name__, picture.format, "data 6.0000" in picture.source
    ('Digraph', 'svg', True)
    """
    import graphviz

    class Digraph(graphviz.Digraph):  # type: ignore[misc]
        def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, str]:
            try:
                return {"image/svg+xml": render(self.source).content.decode()}
            except NoRenderer:
                return {"text/plain": f"{draw(root, variables=False).text}\n{ADVICE}"}

    _one_of("rankdir", rankdir, ("LR", "TB"))
    checked(format, str, "draw_dot: format")
    dot = Digraph(format=format, graph_attr={"rankdir": rankdir})
    order = topological_order(checked(root, Value, "draw_dot"))
    index = {node: f"n{k}" for k, node in enumerate(order)}
    for node, name in index.items():
        cells = ([short(node.label)] if node.label else []) + [
            f"data {node.data:.4f}",
            f"grad {node.grad:.4f}",
        ]
        record = (escaped(cell).translate(_RECORD) for cell in cells)
        dot.node(name, graphviz.nohtml(f"{{ {' | '.join(record)} }}"), shape="record")
        if node.op:
            dot.node(f"{name}op", escaped(short(node._op)))
            dot.edge(f"{name}op", name)
        for parent in node.parents:
            dot.edge(index[parent], f"{name}op")
    return dot


_RECORD = str.maketrans({c: f"\\{c}" for c in "{}|<>"})
