"""A page to look into a drawn graph: pan, zoom, search, and the numbers behind what one points at.

>>> svg = '<svg xmlns="http://www.w3.org/2000/svg"><g id="n0" class="node"><text>x</text></g></svg>'
>>> html = page(svg, {"n0": Tip("x", ("x = 3", "gradient 6"))}, title="x²", text="x = 3")
>>> [line for line in html.splitlines() if line.endswith(("x²</title>", "x²</h1>"))]
['<title>x²</title>', '<h1>x²</h1>']

It is one file, opens from a disk, asks no network for anything, and runs no script but its own.
"""

import base64
import hashlib
import html
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Tip:
    """What pointing at a node, an edge or a cluster shows: lines of plain text."""

    title: str
    lines: tuple[str, ...]


def page(svg: str, tips: Mapping[str, Tip], title: str, text: str) -> str:
    """An HTML page that shows `svg`, as Graphviz writes it, and what `tips` tell of its ids.

    In the page, Tab goes through the elements in the order of `tips`. `text` is the same graph in
    lines, to be read aloud or copied. All four are data: whatever they hold, it is shown, not run.

    Errors: xml.etree.ElementTree.ParseError if `svg` is no XML; ValueError if it is no SVG.
    """
    parts = {
        "title": escaped(" ".join(title.split())),
        "svg": picture(svg, [*tips], " ".join(title.split())),
        "text": escaped(text),
        "tips": json_data({id: [tip.title, *tip.lines] for id, tip in tips.items()}),
    }
    return filled("viewer.html", parts)


def filled(name: str, parts: Mapping[str, str]) -> str:
    """A template of the package with its parts: scripts of data aside, it runs its own alone.

    "hash" is the policy for the scripts of the template itself and for the part "code".
    """
    folder = resources.files(__package__)
    template = (folder / name).read_text(encoding="utf-8")
    for marker, file in (("@@look@@", "canvas.css"), ("@@canvas@@", "canvas.js")):
        template = template.replace(marker, (folder / file).read_text(encoding="utf-8"))
    template = template.replace("@@code@@", parts.get("code", ""))
    scripts = re.findall("<script>(.*?)</script>", template, re.DOTALL)
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    # in one pass, so that a marker within the data remains what it is
    return re.sub("@@([a-z]+)@@", lambda m: allowed if m[1] == "hash" else parts[m[1]], template)


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(text: str) -> str:
    """`text` for HTML; what no page can hold becomes \ufffd."""
    # HTML would read a bare carriage return as a newline
    return html.escape(_NOT_XML.sub("\ufffd", text)).replace("\r", "&#13;")


def json_data(data: object) -> str:
    """`data` with nothing in it that could end a <script>, or that no file can hold."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return re.sub("[<>&\x7f-\x9f\u2028\u2029\ud800-\udfff]", lambda c: f"\\u{ord(c[0]):04x}", text)


# ------------------------------------------------------------------ the picture

_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = set(
    "g text tspan path polygon polyline ellipse rect line defs linearGradient stop".split()
)
_ATTRIBUTES = set(
    "id class transform viewBox d points x y x1 y1 x2 y2 cx cy rx ry r width height fill "
    "fill-opacity stroke stroke-width stroke-dasharray stroke-opacity opacity text-anchor "
    "font-family font-size font-style font-weight text-decoration baseline-shift textLength "
    "gradientUnits offset stop-color stop-opacity".split()
)


def picture(svg: str, order: Sequence[str], title: str) -> str:
    """The <svg> for a page, with what draws and nothing else; Tab goes by the ids in `order`."""
    source = ET.fromstring(svg.encode())
    if source.tag != _SVG + "svg":
        raise ValueError(f"expected an <svg>, got <{source.tag}>")
    ends = _ends(source)
    root = _safe(source)
    place = {id: k for k, id in enumerate(order)}

    def layer(element: ET.Element) -> tuple[int, int]:
        """Tab follows the order of elements; what is neither node nor edge is painted first."""
        if _kind(element) not in ("node", "edge"):
            return False, 0
        return True, place.get(element.get("id", ""), len(place))

    viewport = ET.Element("g", {"class": "viewport"})
    ET.SubElement(viewport, "title")  # else the graph's own would pop up over every node
    viewport.extend(root)
    root[:] = [ET.Element("title", id="graph-title"), ET.Element("desc", id="graph-desc"), viewport]
    kinds = []
    for group in viewport.iter("g"):
        kinds.append(_kind(group))
        if "graph" in group.get("class", "").split():
            group[:] = sorted(group, key=layer)
        if group.get("id") in ends:
            group.attrib.update(zip(("data-tail", "data-head"), ends[group.attrib["id"]]))
    root[0].text = _NOT_XML.sub("\ufffd", title)
    root[1].text = (
        f"A computation graph of {kinds.count('node')} nodes and {kinds.count('edge')} edges;"
        " the page has it as text, too."
    )
    for attribute in ("width", "height"):  # the page's to say
        root.attrib.pop(attribute, None)
    root.set("role", "graphics-document document")
    root.set("aria-labelledby", "graph-title")
    root.set("aria-describedby", "graph-desc")
    return ET.tostring(root, encoding="unicode")


def _kind(element: ET.Element) -> str:
    classes = element.get("class", "").split()
    return next((kind for kind in ("node", "edge", "cluster") if kind in classes), "")


def _safe(source: ET.Element) -> ET.Element:
    """A copy of `source` that holds what Graphviz draws with, and nothing that acts or links.

    A link becomes a group; Graphviz's titles go, for the page says better what a node is.
    """
    tag = source.tag.removeprefix(_SVG)
    copy = ET.Element("g" if tag == "a" else tag)
    for name, value in source.attrib.items():
        elsewhere = "(" in value and name in ("fill", "stroke") and not _LOCAL.fullmatch(value)
        if name in _ATTRIBUTES and not elsewhere:
            copy.set(name, value)
    if tag == "stop":  # Graphviz gives its colour by a style
        copy.attrib.update(_STOP.findall(source.get("style", "")))
    copy.text, copy.tail = source.text, source.tail
    copy.extend(_safe(c) for c in source if c.tag.removeprefix(_SVG) in _ELEMENTS | {"a"})
    return copy


_LOCAL = re.compile(r"url\(#[\w.-]+\)")
_STOP = re.compile(r"(stop-color|stop-opacity):([\w#.]+)")


def _ends(svg: ET.Element) -> dict[str, tuple[str, str]]:
    """The ids of each edge's two nodes, by the edge's id, as Graphviz's titles tell them."""
    title = {}
    for group in svg.iter():
        name = group.findtext(_SVG + "title")
        if name and group.get("id"):
            title[group] = name
    node = {name: group.attrib["id"] for group, name in title.items() if _kind(group) == "node"}

    def end(name: str) -> str | None:
        return node.get(name) or node.get(name.partition(":")[0])  # tail:port

    ends = {}
    for group, text in title.items():
        words = text.split("->") if _kind(group) == "edge" else []
        for k in range(1, len(words)):  # a node's name may hold an arrow, too
            tail, head = end("->".join(words[:k])), end("->".join(words[k:]))
            if tail and head:
                ends[group.attrib["id"]] = tail, head
                break
    return ends
