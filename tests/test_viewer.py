"""Tests of the page: what it is made of, what it leaves out, and how it behaves in a browser."""

import base64
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

import micrograd_bp as mb
from micrograd_bp import drawing
from micrograd_bp.lectures import csc311
from micrograd_bp.viewer import Tip, page

SVG = "{http://www.w3.org/2000/svg}"
SOURCE = r"""
digraph {
  rankdir=LR; node [shape=box style="rounded,filled" fillcolor="#e8f1fb"];
  subgraph cluster_1 { id="cluster_1"; label="layer 1"; w; x; }
  w [id="node_1" class="leaf" label="W⁽²⁾₁₂"];
  x [id="node_2" class="leaf" label="α"];
  z [id="node_3" label="z⁽²⁾₁"];
  "a->b" [id="node_4" class="root" label="a⁽²⁾₁" fillcolor="#fdf0d5"];
  w:e -> z [id="edge_1" label="−0.5"]; x -> z [id="edge_2" class="lit" label="0.3"];
  z -> "a->b" [id="edge_3" label="0.24"];
}
"""
TIPS = {
    "node_4": Tip("a⁽²⁾₁", ("a⁽²⁾₁ = sigmoid(z⁽²⁾₁) = 0.5809", "gradient −0.06648")),
    "node_3": Tip("z⁽²⁾₁", ("z⁽²⁾₁ = W⁽²⁾₁₂·α", "= −0.5·0.3 = −0.15", "gradient −0.01619")),
    "edge_3": Tip("∂a⁽²⁾₁/∂z⁽²⁾₁", ("= a⁽²⁾₁·(1 − a⁽²⁾₁) = 0.24",)),
    "node_1": Tip("W⁽²⁾₁₂", ("W⁽²⁾₁₂ = 0.3", "gradient 0.0081")),
    "node_2": Tip("α", ("α = −0.5", "gradient −0.0049")),
    "edge_2": Tip("∂z⁽²⁾₁/∂α", ("= W⁽²⁾₁₂ = 0.3",)),
    "cluster_1": Tip("layer 1", ("two weights",)),
    "node_99": Tip("nowhere", ()),
}
HOSTILE = [
    '"', "'", "\\", "\\n", "{}", "{{title}}", "%s", "$title", "@@tips@@", "@@svg@@", "<", ">", "&",
    "&lt;", "<b>x</b>", "<script>window.__pwned = 1</script>", "</script><script>__pwned = 1",
    "</title><img src=x onerror=__pwned=1>", "</pre></svg><svg onload=__pwned=1>", "<!--", "-->",
    "]]>", "<![CDATA[", "a\nb", "\na", "a\rb", "a\tb", "\u2028", "\u2029", "\u202eabc", "\u200fabc",
    "\u2066abc", "é", "😀", "javascript:__pwned=1", "x" * 10_000, "<" * 10_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def html():
    return page(drawing.render(SOURCE).content.decode(), TIPS, "Two layers", "W = 0.3\nα = −0.5")


@pytest.fixture(scope="module")
def example():
    """The page of the worked example, by the ids that the drawing of today has."""
    loss, _, _ = csc311.build(csc311.EXAMPLE)
    loss.backward()
    picture = mb.draw(loss)
    svg = picture.svg()
    tips = {
        group.get("id"): Tip(group.findtext(SVG + "title"), ("data 0.5", "gradient −0.25"))
        for group in ET.fromstring(svg.encode()).iter(SVG + "g")
        if group.get("class", "").split()[:1] in (["node"], ["edge"])
    }
    return page(svg, tips, "The worked example", picture.text)


class Parts(HTMLParser):
    """The elements of a page with their attributes, and the text within those that are leaves."""

    def __init__(self, source):
        super().__init__()
        self.elements, self.text, self.open = [], {}, ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.open = dict(attributes).get("type", tag)

    def handle_endtag(self, tag):
        self.open = ""

    def handle_data(self, data):
        self.text[self.open] = self.text.get(self.open, "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def picture(source):
    """The <svg> of a page, parsed."""
    return ET.fromstring(re.search("<svg.*</svg>", source, re.S)[0])


def elements(source, kind):
    return [g for g in picture(source).iter("g") if kind in g.get("class", "").split()]


# ------------------------------------------------------------------ what the page is made of


def test_it_is_one_file_that_runs_one_script(html):
    parts = Parts(html)
    policy = next(m for m in parts.all("meta") if m.get("http-equiv"))
    assert policy["http-equiv"] == "Content-Security-Policy"
    script = parts.text["script"].encode()
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    assert policy["content"].startswith(f"default-src 'none'; script-src 'sha256-{digest}'; ")
    assert parts.all("script") == [{"type": "application/json"}, {}]
    addresses = [
        a[name] for _, a in parts.elements for name in ("src", "href", "xlink:href") if name in a
    ]
    assert addresses == ["data:,", "#text"]
    assert not [n for _, a in parts.elements for n in a if n.startswith("on") or n == "style"]
    assert not re.search(r"https?:|url\(|@import|innerHTML|@@", html)


def test_every_reference_has_its_target(html):
    parts = Parts(html)
    ids = [a["id"] for _, a in parts.elements if "id" in a]
    assert len(ids) == len({*ids})
    svg = parts.all("svg")[0]
    assert {"graph-title", "graph-desc", "text"} <= {*ids}
    assert svg["aria-labelledby"] == "graph-title"
    assert svg["aria-describedby"] == "graph-desc"
    assert "graphics-document" in svg["role"]
    assert picture(html).findtext("title") == "Two layers"
    assert "4 nodes and 3 edges" in picture(html).findtext("desc")


def test_the_titles_of_graphviz_are_gone(html):
    titles = [title.text for title in picture(html).iter("title")]
    assert titles == ["Two layers", None]


def test_elements_follow_the_order_of_the_tips(html):
    wanted = ["node_4", "node_3", "edge_3", "node_1", "node_2", "edge_2", "edge_1"]
    kinds = ("node", "edge", "cluster")
    found = [
        g.get("id") for g in picture(html).iter("g") if {*kinds} & {*g.get("class", "").split()}
    ]
    assert found == ["cluster_1", *wanted]


def test_edges_know_their_ends(html):
    ends = {g.get("id"): (g.get("data-tail"), g.get("data-head")) for g in elements(html, "edge")}
    assert ends == {
        "edge_1": ("node_1", "node_3"),
        "edge_2": ("node_2", "node_3"),
        "edge_3": ("node_3", "node_4"),
    }


def test_classes_and_gradients_stay():
    source = 'digraph { a [id=n class=leaf style=filled fillcolor="red:blue" tooltip="t"] }'
    svg = picture(page(drawing.render(source).content.decode(), {}, "", ""))
    group = next(g for g in svg.iter("g") if g.get("id") == "n")
    assert group.get("class") == "node leaf"
    assert [stop.get("stop-color") for stop in svg.iter("stop")] == ["red", "blue"]
    gradient = next(svg.iter("linearGradient")).get("id")
    assert f"url(#{gradient})" in [shape.get("fill") for shape in group.iter()]


def test_the_worked_example_is_small(example):
    assert len(elements(example, "node")) > 35
    assert len(example.encode()) < 150_000


# ------------------------------------------------------------------ what is left out


@pytest.mark.parametrize(
    "inside",
    [
        "<script>window.__pwned=1</script>",
        '<foreignObject><div xmlns="http://www.w3.org/1999/xhtml">x</div></foreignObject>',
        "<style>* { background: url(http://example.org) }</style>",
        '<image href="http://example.org/a.png"/>',
        '<use href="http://example.org/a.svg#b"/>',
        '<animate attributeName="fill" values="red"/>',
        '<set attributeName="onclick" to="__pwned=1"/>',
        '<script xmlns="http://www.w3.org/1999/xhtml">window.__pwned=1</script>',
        '<x:g xmlns:x="http://example.org"/>',
        "<!-- a comment -->",
        "<?php a ?>",
    ],
)
def test_what_is_no_drawing_is_dropped(inside):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg"><g id="a">{inside}<text>kept</text></g></svg>'
    group = picture(page(svg, {}, "", "")).find("g/g")
    assert [(child.tag, child.text) for child in group] == [("text", "kept")]


@pytest.mark.parametrize(
    "attribute",
    [
        'onload="__pwned=1"', 'onclick="__pwned=1"', 'style="fill:red"', 'href="javascript:1"',
        'fill="url(http://example.org/a)"', 'stroke="url(\'//a\')"', 'filter="url(#a)"',
        'tabindex="1"',
    ],
)  # fmt: skip
def test_attributes_that_do_not_draw_are_dropped(attribute):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {attribute}><path d="M0,0" {attribute}/></svg>'
    root = picture(page(svg, {}, "", ""))
    assert root.find("g/path").attrib == {"d": "M0,0"}
    assert {*root.attrib} == {"role", "aria-labelledby", "aria-describedby"}


def test_a_link_becomes_a_group():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<a xlink:href="javascript:1" xlink:title="t" target="_blank"><text>x</text></a></svg>'
    )
    link = picture(page(svg, {}, "", "")).find("g/g")
    assert (link.attrib, link.findtext("text")) == ({}, "x")


def test_what_is_no_svg():
    with pytest.raises(ET.ParseError):
        page("<svg", {}, "", "")
    with pytest.raises(ValueError, match="expected an <svg>, got <html>"):
        page("<html/>", {}, "", "")


# ------------------------------------------------------------------ data that is up to something


@pytest.mark.parametrize("data", [*HOSTILE, "\0", "a\x1bb", "\ud800"])
def test_data_stays_data(data):
    parts = Parts(
        page(
            drawing.render(SOURCE).content.decode(), {"node_1": Tip(data, (data, "1"))}, data, data
        )
    )
    plain = Parts(page(drawing.render(SOURCE).content.decode(), {}, "", ""))
    assert [tag for tag, _ in parts.elements] == [tag for tag, _ in plain.elements]
    shown = re.sub("[\0\x1b\ud800]", "\ufffd", data)
    assert parts.text.get("title", "").startswith(" ".join(shown.split()))
    assert parts.text["pre"].partition("\n")[2].startswith(shown)
    assert json.loads(parts.text["application/json"]) == {"node_1": [data, data, "1"]}
    assert not re.search("[<>&\u2028\u2029]", parts.text["application/json"])


@pytest.mark.parametrize("width", [1280, 375])
def test_hostile_data_runs_nothing(visit, width):
    drawn = mb.draw(mb.sum([mb.Value(1.0, label) for label in HOSTILE])).svg()
    groups = ET.fromstring(drawn.encode()).iter(SVG + "g")
    ids = [group.get("id") for group in groups if group.get("class") == "node"]
    tips = {id: Tip(label, (label, label)) for id, label in zip(ids, HOSTILE)}
    text = "\n".join(HOSTILE)
    tab = visit(page(drawn, tips, "".join(HOSTILE), text), viewport={"width": width, "height": 700})
    for id, tip in tips.items():
        tab.locator(f"[id='{id}']").focus()
        shown = tab.locator("aside h2, aside .lines p").evaluate_all(
            "a => a.map(e => e.textContent)"
        )
        assert shown == [tip.title, *tip.lines]
        tab.keyboard.press("/")
        tab.keyboard.insert_text(tip.title[:100])
        assert not tip.title.strip() or " of " in tab.locator("output").inner_text()
        tab.keyboard.press("Escape")
    tab.locator("summary").click()
    assert tab.locator("pre").evaluate("e => e.textContent") == text
    assert tab.evaluate("typeof window.__pwned") == "undefined"
    assert tab.locator("img, script:not([type])").count() == 1
    assert tab.evaluate("document.documentElement.scrollWidth") == width


# ------------------------------------------------------------------ in a browser


def place(tab, id="node_3"):
    """Where the label of an element is on the screen: its middle, and its width."""
    box = tab.locator(f"#{id} text").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"]


def until(tab, condition):
    """Wait; playwright's own `wait_for_function` is what the page's policy forbids, an eval."""
    for _ in range(200):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(20)
    pytest.fail(f"not in four seconds: {condition}")


def settle(tab):
    until(tab, "sheet.style.transform === 'none'")


def panel(tab):
    return tab.locator("aside h2, aside .lines p").all_inner_texts()


def lines(id):
    return [TIPS[id].title, *TIPS[id].lines]


def lit(tab):
    return {*tab.locator(".near").evaluate_all("all => all.map(e => e.id)")}


def middle_of(tab, edge):
    """A point of the screen in the middle of an edge."""
    return tab.locator(f"#{edge} path").first.evaluate(
        """path => {
            const point = path.getPointAtLength(path.getTotalLength() / 2);
            const {x, y} = new DOMPoint(point.x, point.y).matrixTransform(path.getScreenCTM());
            return [x, y];
        }"""
    )


def test_drag(visit, html):
    tab = visit(html)
    x, y, width = place(tab)
    tab.mouse.move(300, 150)
    tab.mouse.down()
    tab.mouse.move(340, 170)
    tab.mouse.move(360, 180)
    assert "dragging" in tab.locator("main").get_attribute("class")
    tab.mouse.up()
    assert place(tab) == pytest.approx((x + 60, y + 30, width), abs=0.5)
    settle(tab)
    assert place(tab) == pytest.approx((x + 60, y + 30, width), abs=0.5)
    assert panel(tab) == [""]


def test_a_drag_that_begins_on_a_node_pins_nothing(visit, html):
    tab = visit(html)
    x, y, width = place(tab)
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x - 50, y, steps=5)
    tab.mouse.up()
    assert place(tab) == pytest.approx((x - 50, y, width), abs=0.5)
    assert tab.locator("[aria-pressed=true]").count() == 0


def test_the_graph_stays_in_sight(visit, html):
    tab = visit(html)
    for _ in range(30):
        tab.keyboard.press("ArrowLeft")
    assert tab.locator(".graph").bounding_box()["x"] < 1280 - 50


def test_the_wheel_zooms_about_the_pointer(visit, html):
    tab = visit(html)
    x, y, width = place(tab)
    tab.mouse.move(x, y)
    tab.mouse.wheel(0, -200)
    until(tab, "view.k !== drawn.k")
    settle(tab)
    wider = place(tab)
    assert wider[:2] == pytest.approx((x, y), abs=0.5)
    assert wider[2] == pytest.approx(width * 1.4918, rel=0.01)
    for _ in range(30):
        tab.mouse.wheel(0, 200)
    until(tab, "view.k <= 0.5")
    settle(tab)
    assert place(tab)[2] > 10


def test_two_fingers_pinch(visit, html):
    tab = visit(html, has_touch=True)
    x, y, width = place(tab)
    touch = tab.context.new_cdp_session(tab)

    def send(kind, *points):
        touch.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x + d, "y": y, "id": k} for k, d in points]},
        )

    send("touchStart", (0, -40))
    send("touchStart", (0, -40), (1, 40))
    for spread in (50, 60, 70, 80):
        send("touchMove", (0, -spread), (1, spread))
    send("touchEnd")
    settle(tab)
    assert place(tab) == pytest.approx((x, y, 2 * width), rel=0.03)


def test_buttons(visit, html):
    tab = visit(html)
    first = place(tab)
    tab.get_by_label("Zoom in").click()
    assert place(tab)[2] == pytest.approx(1.25 * first[2], rel=0.01)
    tab.get_by_label("Zoom out").click()
    tab.get_by_label("Zoom out").click()
    assert place(tab)[2] == pytest.approx(0.8 * first[2], rel=0.01)
    tab.get_by_label("Fit the whole graph").click()
    assert place(tab) == pytest.approx(first, abs=0.5)


def test_keys(visit, html):
    tab = visit(html)
    x, y, width = place(tab)
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowUp")
    assert place(tab) == pytest.approx((x + 60, y + 60, width), abs=0.5)
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowDown")
    assert place(tab) == pytest.approx((x, y, width), abs=0.5)
    for key, factor in (("+", 1.25), ("-", 1.0), ("=", 1.25), ("-", 1.0)):
        tab.keyboard.press(key)
        assert place(tab)[2] == pytest.approx(factor * width, rel=0.01)
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("0")
    assert place(tab) == pytest.approx((x, y, width), abs=0.5)
    tab.keyboard.press("/")
    tab.keyboard.type("0-+/")
    assert tab.locator("input").input_value() == "0-+/"
    assert place(tab) == pytest.approx((x, y, width), abs=0.5)
    tab.keyboard.press("Escape")
    assert tab.locator("input").input_value() == ""
    assert tab.evaluate("document.activeElement === document.body")


def test_tab_goes_through_the_graph(visit, html):
    tab = visit(html)
    tab.get_by_role("button", name="Dark colours").focus()
    for id in ("cluster_1", "node_4", "node_3", "edge_3", "node_1", "node_2", "edge_2"):
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.id") == id
        assert panel(tab) == lines(id)
        assert tab.locator(":focus").get_attribute("aria-label") == "; ".join(lines(id))
    tab.keyboard.press("Enter")
    assert tab.locator("[aria-pressed=true]").get_attribute("id") == "edge_2"
    tab.keyboard.press("Escape")
    assert tab.locator("[aria-pressed=true]").count() == 0
    assert panel(tab) == [""]


def test_tab_brings_into_sight_what_was_out_of_it(visit, html):
    tab = visit(html)
    for _ in range(12):
        tab.keyboard.press("+")
    tab.get_by_role("button", name="Dark colours").focus()
    for _ in range(5):
        tab.keyboard.press("Tab")
        box = tab.locator(":focus").bounding_box()
        assert 0 < box["x"] + box["width"] / 2 < 1280
        assert 0 < box["y"] + box["height"] / 2 < 720
    assert tab.evaluate("[scrollX, scrollY, stage.scrollLeft, stage.scrollTop]") == [0, 0, 0, 0]


def test_skip_to_the_text(visit, html):
    tab = visit(html)
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.locator("pre").is_visible()
    assert tab.locator("pre").inner_text() == "W = 0.3\nα = −0.5"


def test_hover_a_node(visit, html):
    tab = visit(html)
    tab.locator("#node_3").hover()
    assert panel(tab) == lines("node_3")
    assert lit(tab) == {"node_1", "node_2", "node_3", "node_4", "edge_1", "edge_2", "edge_3"}
    tab.locator("#node_2").hover()
    assert panel(tab) == lines("node_2")
    assert lit(tab) == {"node_2", "node_3", "edge_2"}
    tab.mouse.move(5, 300)
    assert panel(tab) == [""]
    assert lit(tab) == set()


def test_hover_an_edge_or_near_it(visit, html):
    tab = visit(html)
    x, y = middle_of(tab, "edge_3")
    for away in (-5, 0, 5):
        tab.mouse.move(x, y + away)
        assert panel(tab) == lines("edge_3")
        assert lit(tab) == {"edge_3", "node_3", "node_4"}
    tab.mouse.move(x, y + 12)
    assert panel(tab) == [""]
    tab.mouse.move(*middle_of(tab, "edge_1"))  # it has no tip
    assert panel(tab) in ([""], lines("cluster_1"))


def test_a_click_pins(visit, html):
    tab = visit(html)
    tab.locator("#node_3").click()
    tab.locator("#node_4").hover()
    assert panel(tab) == lines("node_3")
    tab.locator("#node_4").click()
    assert panel(tab) == lines("node_4")
    tab.mouse.move(5, 300)
    assert panel(tab) == lines("node_4")
    tab.get_by_role("button", name="Unpin").click()
    assert panel(tab) == [""]
    assert tab.get_by_role("button", name="Unpin").count() == 0


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("W12", ["node_1", "node_3"]),
        ("w⁽²⁾₁₂", ["node_1", "node_3"]),
        ("W^{(2)}_{12}", ["node_1", "node_3"]),
        ("z1", ["node_3", "node_4"]),
        ("z(2)", ["node_3", "node_4"]),
        ("alpha", ["node_2", "node_3"]),
        (r"\alpha", ["node_2", "node_3"]),
        ("Α", ["node_2", "node_3"]),
        ("-0.15", ["node_3"]),
        ("sigmoid", ["node_4"]),
        ("(", ["node_4"]),
        ("nowhere", []),
        ("@", []),
    ],
)
def test_search(visit, html, wanted, found):
    tab = visit(html)
    tab.locator("input").fill(wanted)
    hits = tab.locator(".hit").evaluate_all("all => all.map(e => e.id)")
    assert sorted(hits) == found
    count = tab.locator("output").inner_text()
    assert count == (f"1 of {len(found)}" if found else "none")
    visited = []
    for _ in found:
        visited.append(tab.locator(".at").get_attribute("id"))
        assert panel(tab) == lines(visited[-1])
        tab.keyboard.press("Enter")
    assert sorted(visited) == found
    if wanted in ("W12", "alpha"):
        assert visited == found
    if found:
        tab.keyboard.press("Shift+Enter")
        assert tab.locator("output").inner_text() == f"{len(found)} of {len(found)}"
    tab.keyboard.press("Escape")
    assert tab.locator(".hit, .at, .near").count() == 0
    assert tab.locator("output").inner_text() == ""


def test_search_brings_into_sight(visit, html):
    tab = visit(html)
    for _ in range(12):
        tab.keyboard.press("+")
    for wanted, id in (("alpha", "node_2"), ("sigmoid", "node_4")):
        tab.locator("input").fill(wanted)
        x, y, _ = place(tab, id)
        assert 0 < x < 1280
        assert 56 < y < 600


def luminance(colour):
    channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(visit, html, scheme):
    tab = visit(html, color_scheme=scheme)

    def dark():
        filtered = tab.locator("main").evaluate("e => getComputedStyle(e).filter") != "none"
        paper, ink = (
            luminance(tab.locator("body").evaluate(f"e => getComputedStyle(e).{name}"))
            for name in ("backgroundColor", "color")
        )
        assert (max(paper, ink) + 0.05) / (min(paper, ink) + 0.05) > 7
        assert filtered == (paper < ink)
        return filtered

    assert dark() == (scheme == "dark")
    tab.locator(".theme").click()
    assert dark() == (scheme == "light")
    assert tab.locator(".theme").inner_text() == scheme.title()
    tab.locator(".theme").click()
    assert dark() == (scheme == "dark")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_motion(visit, html, motion):
    tab = visit(html, reduced_motion=motion)
    duration = tab.evaluate("(KEYS['+'](), getComputedStyle(sheet).transitionDuration)")
    assert duration == ("0s" if motion == "reduce" else "0.25s")


@pytest.mark.parametrize("size", [(375, 667), (667, 375), (1280, 800)])
def test_it_fits_every_screen_and_does_not_jump(visit, example, size):
    tab = visit(example, viewport={"width": size[0], "height": size[1]}, has_touch=True)
    page_size = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert tab.evaluate(page_size) == [*size]
    stage = tab.locator("main").bounding_box()
    assert stage["height"] > 150
    last = tab.locator("g.node[tabindex]").last
    last.tap()
    assert panel(tab)[1:] == ["data 0.5", "gradient −0.25"]
    assert tab.locator("main").bounding_box() == stage
    assert tab.evaluate(page_size) == [*size]


def test_a_small_screen_begins_where_it_can_be_read(visit, example):
    tab = visit(example, viewport={"width": 375, "height": 667})
    assert tab.evaluate("view.k") == 1
    tab.keyboard.press("0")
    assert tab.evaluate("view.k") < 0.5
    box = tab.locator(".graph").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 375


def test_a_window_that_grows_still_shows_the_whole(visit, html):
    tab = visit(html, viewport={"width": 800, "height": 600})
    tab.set_viewport_size({"width": 500, "height": 500})
    until(tab, "view.k === whole() && fitted")
    box = tab.locator(".viewport").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 500


def test_a_frame_that_is_shown_late_shows_the_whole(visit, html):
    frame = f"<iframe width=800 height=600 srcdoc='{html.replace(chr(39), '&#39;')}'></iframe>"
    tab = visit(f'<!doctype html><title>x</title><div style="display: none">{frame}</div>')
    inner = next(f for f in tab.frames if f != tab.main_frame)
    until(inner, "document.readyState === 'complete'")
    tab.locator("div").evaluate("e => e.removeAttribute('style')")
    until(inner, "box.width > 0 && fitted && view.k === whole()")
    stage, box = (inner.locator(name).bounding_box() for name in ("main", ".viewport"))
    assert box["x"] + box["width"] / 2 == pytest.approx(stage["x"] + stage["width"] / 2, abs=2)


def test_without_javascript_the_picture_and_its_text_are_there(visit, html):
    tab = visit(html, java_script_enabled=False)
    box = tab.locator("main svg").bounding_box()
    assert box["width"] > 1000
    tab.locator("summary").click()
    assert tab.locator("pre").is_visible()
