"""Tests of the player: what its page is made of, and how it behaves in a browser and a notebook."""

import base64
import hashlib
import json
import math
import os
import random
import re
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest
from test_viewer import HOSTILE, Parts, luminance, until

import micrograd_bp as mb
from micrograd_bp import OPS, Value, player, renderers, topological_order
from micrograd_bp.formula import Literal
from micrograd_bp.lectures import csc311
from micrograd_bp.notation import Text
from micrograd_bp.player import Stepper
from micrograd_bp.stepping import steps

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 375, "height": 667}


@pytest.fixture(scope="module")
def example():
    C, _, _ = csc311.build(csc311.EXAMPLE)
    return Stepper(C)


@pytest.fixture(scope="module")
def page(example):
    return example.html()


def shared():
    """A graph in which one node passes its gradient on three times, and an operation has a sign."""
    a, b = Value(3.0, "a"), Value(0.5, "b")
    p = a * b
    p.label = "p"
    s = p.sigmoid()
    s.label = "s"
    d = p * p - s
    d.label = "d"
    C = d * d
    C.label = "C"
    return C


# ------------------------------------------------------------------ what it is made of


def test_it_shows_the_records():
    C, _, _ = csc311.build(csc311.EXAMPLE)
    assert Stepper(C).steps == steps(C)
    assert repr(Stepper(C)) == "Stepper(C: 78 steps)"


def test_it_names_nodes_by_variables():
    w, x = Value(0.5), Value(2.0)
    y = (w * x).tanh()
    assert repr(Stepper(y, variables=True)) == "Stepper(y: 8 steps)"
    assert Stepper(y, variables={"u": w}).steps == steps(y, variables={"u": w})
    assert Stepper(y, variables={"xs": [w, x]}).steps[0].formula == "v₁ = xs[0] · xs[1]"
    assert repr(Stepper(y)) == "Stepper(v₄: 8 steps)"


def test_it_keeps_the_graph_as_it_was():
    C, model, _ = csc311.build(csc311.EXAMPLE)
    C.backward()
    before = [(v.data, v.grad) for v in topological_order(C)]
    stepper = Stepper(C)
    stepper.html()
    assert [(v.data, v.grad) for v in topological_order(C)] == before
    found = stepper.steps
    for w in model.parameters():
        w.data = 0.0
    assert Stepper(csc311.build(csc311.EXAMPLE)[0]).html() == stepper.html()
    assert stepper.steps == found


def test_errors():
    with pytest.raises(TypeError, match="expected a Value"):
        Stepper(1.0)
    with pytest.raises(ValueError, match="whole number from 1 to 17"):
        Stepper(Value(1.0), digits=0)
    with pytest.raises(TypeError, match=r"^title: expected a str, got int$"):
        Stepper(Value(1.0), title=3)


def test_it_plays_in_the_terminal(example, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    example.play()
    assert "∂C/∂C = 1" in capsys.readouterr().out


def test_it_is_one_file_that_runs_its_own_scripts(page):
    parts = Parts(page)
    policy = next(m for m in parts.all("meta") if m.get("http-equiv"))["content"]
    scripts = re.findall("<script>(.*?)</script>", page, re.S)
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    assert policy.startswith(f"default-src 'none'; script-src {allowed}; style-src")
    assert parts.all("script") == [{"type": "application/json"}, {}, {}]
    addresses = [
        a[name] for _, a in parts.elements for name in ("src", "href", "xlink:href") if name in a
    ]
    assert addresses == ["data:,", "#card"]
    assert not [n for _, a in parts.elements for n in a if n.startswith("on") or n == "style"]
    inside = page.replace("http://www.w3.org/1998/Math/MathML", "")
    assert not re.search(r"https?:|url\(http|@import|innerHTML|insertAdjacent|@@", inside)
    ids = [a["id"] for _, a in parts.elements if "id" in a]
    assert len(ids) == len({*ids})


def test_the_worked_example_is_small(page):
    assert len(page.encode()) < 200_000


def test_it_writes_the_file(example, page, tmp_path):
    example.save_html(tmp_path / "new" / "steps.html")
    assert (tmp_path / "new" / "steps.html").read_text(encoding="utf-8") == page


def test_the_title():
    for given, shown in (("", "Both passes of C, step by step"), ("a\n <b>", "a &lt;b&gt;")):
        html = Stepper(shared(), title=given).html()
        assert f"<title>{shown}</title>" in html
        assert f"<h1>{shown}</h1>" in html


def test_where_nothing_can_draw(visit, monkeypatch):
    def fails(*_):
        raise renderers.NoRenderer(renderers.ADVICE)

    monkeypatch.setattr("micrograd_bp.drawing.render", fails)
    tab = visit(Stepper(shared()).html())
    assert tab.locator("main .none").inner_text() == renderers.ADVICE
    go(tab, 3)
    assert tab.locator(".what").inner_text().startswith("Forward")


def test_pool_keeps_what_is_alike_once():
    pool = player.Pool()
    first = pool.add("<mfrac><mi>x</mi><mi>y</mi></mfrac>")
    assert pool.add("<mrow><mfrac><mi>x</mi><mrow><mi>y</mi></mrow></mfrac></mrow>") == first
    assert len(pool.items) == 3
    assert pool.add('<mo form="prefix">−</mo>') != pool.add("<mo>−</mo>")


# ------------------------------------------------------------------ in a notebook


class Outside(HTMLParser):
    """The tags outside of the frame, which is one attribute, and their text."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text, self.frame = [], [], {}
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "iframe":
            self.frame = dict(attributes)

    def handle_data(self, data):
        self.text.append(data)


def test_in_a_notebook_it_is_a_frame_and_a_table(example, page):
    outside = Outside(example._repr_html_())
    assert outside.frame["srcdoc"] == page
    assert outside.frame["sandbox"] == "allow-scripts"
    assert {*outside.tags} == {"iframe", "details", "summary", "table", "tr", "th", "td"}
    for step in example.steps:
        assert {step.formula, step.numbers} <= {*outside.text}
    assert "All 78 steps as a table" in outside.text


@pytest.mark.parametrize("label", HOSTILE)
def test_in_a_notebook_labels_stay_data(label):
    plain = Outside(Stepper(Value(1.0, "x") * 2.0)._repr_html_())
    hostile = Outside(Stepper(Value(1.0, label) * 2.0, title=label)._repr_html_())
    assert hostile.tags == plain.tags
    assert [t for t, _ in Parts(hostile.frame["srcdoc"]).elements] == [
        t for t, _ in Parts(plain.frame["srcdoc"]).elements
    ]


def test_two_players_do_not_disturb_each_other(visit):
    html = "<!doctype html><title>x</title>" + "".join(
        Stepper(C)._repr_html_() for C in (shared(), shared())
    )
    tab = visit(html)
    frames = [tab.frame_locator("iframe").nth(k) for k in range(2)]
    for frame, presses in zip(frames, (3, 5)):
        for _ in range(presses):
            frame.get_by_label("One step forward").click()
    counts = [frame.locator(".count").inner_text() for frame in frames]
    assert counts == ["step 4 of 17", "step 6 of 17"]


@pytest.mark.parametrize("hides", ["display: none", "width: 0; height: 0; overflow: hidden"])
def test_a_frame_that_is_shown_late_begins_then(visit, page, hides):
    html = Stepper(shared())._repr_html_()
    tab = visit(f'<!doctype html><title>x</title><div style="{hides}">{html}</div>')
    frame = next(f for f in tab.frames if f != tab.main_frame)
    until(frame, "document.readyState === 'complete'")
    frame.evaluate("step(1)")
    tab.locator("div").evaluate("e => e.removeAttribute('style')")
    until(frame, "box.width > 0 && view.k > 0 && fitted")

    def centred():
        stage = frame.locator("main").bounding_box()
        box = frame.locator(".graph").bounding_box()
        for at, size in (("x", "width"), ("y", "height")):
            assert box[size] > 100
            middle = stage[at] + stage[size] / 2
            assert box[at] + box[size] / 2 == pytest.approx(middle, abs=5)

    centred()
    tab.locator("div").evaluate("(e, style) => e.setAttribute('style', style)", hides)
    tab.wait_for_timeout(100)
    tab.locator("div").evaluate("e => e.removeAttribute('style')")
    until(frame, "stage.clientWidth > 100")
    frame.get_by_label("Fit the whole graph").click()
    until(frame, "sheet.style.transform === 'none'")
    centred()


# ------------------------------------------------------------------ stepping


def go(tab, k):
    """To the k-th step, by the slider."""
    tab.locator(".track input").evaluate(
        "(e, k) => { e.value = k; e.dispatchEvent(new Event('input')); }", k
    )


def text(tab, selector):
    return tab.locator(selector).inner_text()


def select(tab, name):
    tab.get_by_role("tab", name=name, exact=True).click()


def strip(tab):
    """The numbers on the card by their names."""
    return dict(
        tab.locator(".strip > div:not(.sign)").evaluate_all(
            "all => all.map(e => [e.children[0].textContent, e.children[1].textContent])"
        )
    )


def spoken(tab):
    return tab.locator(".live").inner_text()


def classes(tab, id):
    return {*tab.locator(f"#{id}").get_attribute("class").split()}


def test_to_the_end_and_back_to_the_start(visit, example, page):
    tab = visit(page, viewport=DESKTOP)
    count = len(example.steps) + 1
    seen = []
    for k in range(count):
        assert text(tab, ".count") == (f"step {k + 1} of 78" if k < 78 else "update")
        seen.append(spoken(tab))
        tab.get_by_label("One step forward").click(force=True)
    assert text(tab, ".what") == "Update Every parameter takes a step against its gradient."
    for step, words in zip(example.steps, seen):
        assert f": {step.formula}; {step.numbers}." in words or step.kind == "seed"
    for words in reversed(seen):
        assert spoken(tab) == words
        tab.keyboard.press("ArrowLeft")
    assert text(tab, ".count") == "step 1 of 78"


def test_ten_random_steps_show_the_numbers_of_the_records(visit, example, page):
    tab = visit(page, viewport=DESKTOP)
    show = Text(4)
    for step in random.Random(0).sample(example.steps, 10):
        go(tab, step.index)
        assert text(tab, ".steps .now small:not([hidden])") == step.numbers
        assert text(tab, ".steps .now span:nth-child(2) > span") == step.formula
        numbers = [*strip(tab).values()]
        if step.kind == "backward":
            fields = ("upstream", "local", "contribution", "before", "after")
            assert numbers == [show(Literal(getattr(step, name))) for name in fields]
        else:
            assert numbers == [show(Literal(step.result))]
        result = tab.locator(".numbers .result").evaluate("e => e.textContent")
        assert result == show(Literal(step.result))


@pytest.mark.parametrize("digits", [1, 2, 4, 9, 17])
def test_numbers_are_printed_as_in_python(visit, digits):
    tab = visit(Stepper(Value(1.0) * 2.0, digits=digits).html())
    rng = random.Random(digits)
    numbers = [0.0, 1.0, -1.0, 0.5, 1.0625, 2.5, 9999.5, 0.00012345, 1e-5, 1e16, 5e-324, 1.2e308]
    numbers += [rng.uniform(-1, 1) * 10 ** rng.randint(-12, 12) for _ in range(300)]
    numbers += [rng.randint(0, 9999) / 2 ** rng.randint(0, 12) for _ in range(300)]
    found = tab.evaluate("xs => xs.map(shown)", numbers)
    assert found == [Text(digits)(Literal(x)) for x in numbers]
    back = tab.evaluate("xs => xs.map(x => typedNumber(shown(x)))", numbers)
    assert back == [pytest.approx(x, rel=0.6 * 10 ** (1 - digits)) for x in numbers]


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("0.5", 0.5), ("−0,5", -0.5), (" -.5 ", -0.5), ("6.6e-5", 6.6e-5), ("6.6·10⁻⁵", 6.6e-5),
        ("6.6*10^-5", 6.6e-5), ("6.6 × 10^(-5)", 6.6e-5), ("10⁻⁵", 1e-5), ("+2", 2.0),
        ("", None), ("x", None), ("1/3", None), ("1.2.3", None),
    ],
)  # fmt: skip
def test_numbers_may_be_typed_as_one_writes_them(visit, page, typed, number):
    found = visit(page).evaluate("text => typedNumber(text)", typed)
    assert math.isnan(found) if number is None else found == number


def test_keys(visit, page):
    tab = visit(page, viewport=DESKTOP)
    for key, step in (
        ("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", None),
        ("ArrowRight", None), ("ArrowLeft", 78), ("Home", 1), ("ArrowLeft", 1),
    ):  # fmt: skip
        tab.keyboard.press(key)
        assert text(tab, ".count") == (f"step {step} of 78" if step else "update")
    select(tab, "Numbers")
    tab.keyboard.press("ArrowRight")
    assert text(tab, ".count") == "step 2 of 78"
    tab.get_by_role("tab", name="Numbers").focus()
    tab.keyboard.press("ArrowRight")
    assert tab.get_by_role("tab", name="Follow").get_attribute("aria-selected") == "true"
    assert text(tab, ".count") == "step 2 of 78"


def test_play_and_pause(visit, page):
    tab = visit(page, viewport=DESKTOP)
    tab.locator(".speed").select_option("4")
    tab.get_by_label("Play").click()
    until(tab, "state.at >= 3")
    tab.get_by_label("Pause").click()
    at = tab.evaluate("state.at")
    tab.wait_for_timeout(600)
    assert tab.evaluate("state.at") == at
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    tab.locator("body").press(" ")
    until(tab, "state.at === LAST && !playing")
    assert tab.get_by_label("Play").count() == 1


def test_phases(visit, example, page):
    tab = visit(page, viewport=DESKTOP)
    kinds = [step.kind for step in example.steps]
    for name, k in (
        ("Update", len(kinds)), ("Gradients", kinds.index("weight")),
        ("Backward", kinds.index("seed")), ("Forward", 0),
    ):  # fmt: skip
        tab.get_by_role("button", name=name, exact=True).click()
        assert tab.evaluate("state.at") == k
        assert text(tab, ".phases [aria-current]") == name


def test_the_graph_shows_how_far_it_is(visit):
    C = shared()
    tab = visit(Stepper(C).html(), viewport=DESKTOP)
    p, s = node(tab, "p"), node(tab, "s")
    assert "now" in classes(tab, p)
    assert "pending" in classes(tab, s)
    assert "data" not in tab.locator(f"#{s}").text_content()
    go(tab, 3)
    assert classes(tab, p) & {"now", "pending", "partly", "whole"} == set()
    assert "data 0.8176" in tab.locator(f"#{s}").text_content()
    assert "grad" not in tab.locator(f"#{p}").text_content()
    sums = [step for step in Stepper(C).steps if step.parent_label == "p"]
    for step in sums:
        go(tab, step.index)
        assert ("whole" if step.complete else "partly") in classes(tab, p)
        assert "now" in classes(tab, p)
        shown = Text(4)(Literal(step.after))
        assert f"grad {shown}" in tab.locator(f"#{p}").text_content()
        assert tab.locator(".edge.now").count() == 1
    assert len(sums) == 3
    tab.keyboard.press("End")
    assert tab.locator(".node.pending, .edge.pending").count() == 0


def node(tab, name):
    """The id of a node's box, by its name."""
    places = [box["name"].split(" ")[0] for box in tab.evaluate("data.boxes")]
    return f"node_{places.index(name)}"


def test_a_click_on_a_node_or_an_edge_goes_to_its_step(visit):
    stepper = Stepper(shared())
    tab = visit(stepper.html(), viewport=DESKTOP)
    p = node(tab, "p")
    into = [s.index for s in stepper.steps if s.parent_label == "p"]
    for k in [*into, 0, *into]:
        tab.locator(f"#{p}").click()
        assert tab.evaluate("state.at") == k
    wanted = next(s for s in stepper.steps if s.label == "s" and s.kind == "backward")
    edge = tab.evaluate(
        "([n, p]) => arrows.find(a => a.edges.some(e => e[0] === n && e[1] === p)).group.id",
        [wanted.node, wanted.place],
    )
    x, y = tab.locator(f"#{edge} path").first.evaluate(
        """path => {
            const point = path.getPointAtLength(path.getTotalLength() / 2);
            const {x, y} = new DOMPoint(point.x, point.y).matrixTransform(path.getScreenCTM());
            return [x, y];
        }"""
    )
    tab.mouse.click(x, y + 4)
    assert tab.evaluate("state.at") == wanted.index
    tab.locator(f"#{p}").focus()
    tab.keyboard.press("Enter")
    assert tab.evaluate("state.at") != wanted.index


def test_a_click_on_a_row_goes_to_its_step(visit, page):
    tab = visit(page, viewport=DESKTOP)
    tab.locator(".steps .row").nth(4).click()
    assert text(tab, ".count") == "step 5 of 78"
    assert tab.evaluate("document.activeElement.classList.contains('now')")


def test_the_running_table(visit, example, page):
    tab = visit(page, viewport=DESKTOP)
    select(tab, "Numbers")
    go(tab, 0)
    rows = tab.locator("#numbers .row").all_inner_texts()
    assert [row.split() for row in rows[:1]] == [["w⁽³⁾₁", "0.8"]]
    sums = [s for s in example.steps if s.parent_label == "a^{(1)}_2"]
    for step, said in zip(sums, ("so far", "complete")):
        go(tab, step.index)
        row = tab.locator("#numbers .row.now").inner_text().split("\n")
        shown = Text(4)(Literal(step.after))
        assert row == ["a⁽¹⁾₂", "0.1359", shown, said]


# ------------------------------------------------------------------ follow, nudge, update


def test_follow_a_weight(visit, example, page):
    tab = visit(page, viewport=DESKTOP)
    select(tab, "Follow")
    tab.locator("#weight").select_option(label="W⁽¹⁾₂₃")
    assert tab.locator(".way-of").count() == 2
    assert tab.locator(".chip").count() == 14
    assert tab.locator(".edge.way").count() == 10
    assert tab.locator(".chip.done").count() == 0
    done = [0]
    for k in range(len(example.steps)):
        go(tab, k)
        done.append(tab.locator(".chip.done").count())
    assert done == sorted(done)
    assert done[-1] == 14
    assert text(tab, "#follow .outcome") == "∂C/∂W⁽¹⁾₂₃ = 0.004532, the sum 0.0019 + 0.002632"
    select(tab, "Steps")
    assert tab.locator(".edge.way.passed").count() == 10
    select(tab, "Follow")
    tab.locator("#weight").select_option(label="none")
    assert tab.locator(".way").count() == 0


def test_follow_along_very_many_paths(visit):
    x = Value(1.1, "w")
    y = x
    for _ in range(70):
        y = y * y
        y.data = 1.1
    tab = visit(Stepper(y).html(), viewport=DESKTOP)
    select(tab, "Follow")
    assert tab.locator(".way-of").count() == 6
    assert f"and {2**70 - 6} more" in text(tab, "#follow")


@pytest.mark.parametrize("h", [0.3, -0.001])
def test_nudge(visit, page, h):
    tab = visit(page, viewport=DESKTOP)
    select(tab, "Nudge")
    tab.locator("#leaf").select_option(label="W⁽¹⁾₂₃")
    tab.locator("#h").fill(str(h))
    C, model, inputs = csc311.build(csc311.EXAMPLE)
    C.backward()
    old = {v.label: (v.data, v.grad) for v in topological_order(C)}
    weight = model.weight(1, 2, 3)
    weight.data += h
    after = mb.losses.squared_error(model(inputs), csc311.EXAMPLE.t)
    after.label = "C"
    for v in topological_order(after):
        v.grad = 0.0
    after.backward()
    new = {v.label: v for v in topological_order(after)}
    names = [v.label for v in topological_order(C)]
    found = tab.evaluate("[state.nudge.values, state.nudge.sums, state.nudge.tangents]")
    for label, value, gradient, tangent in zip(names, *found):
        assert value == pytest.approx(new[label].data, rel=1e-14)
        assert gradient == pytest.approx(new[label].grad, rel=1e-12)
        change = new[label].data - old[label][0]
        assert tangent * h == pytest.approx(change, rel=abs(h), abs=1e-15)
    show = Text(4)
    shown = text(tab, "#nudge .outcome")
    assert f"C = {show(Literal(after.data))}: changed by" in shown
    assert tab.locator(".node.moved").count() == 10
    top = tab.locator("#nudge .row").first.inner_text().split("\n")
    assert top[:3] == ["C", show(Literal(after.data)), "(0.05701)"]
    tab.get_by_role("button", name="Reset").click()
    assert tab.evaluate("nodes.every((_, k) => state.nudge.values[k] === recorded[k])")
    assert tab.locator(".node.moved").count() == 0
    assert text(tab, "#nudge .outcome").startswith("Move h: W⁽¹⁾₂₃ becomes −0.6 + h")


def test_nudge_by_the_slider(visit, page):
    tab = visit(page, viewport=DESKTOP)
    select(tab, "Nudge")
    tab.locator("#nudge .slide").focus()
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#h").input_value() == "0.01"
    assert tab.evaluate("state.at") == 0


def test_update(visit, page):
    tab = visit(page, viewport=DESKTOP)
    select(tab, "Update")
    tab.keyboard.press("End")
    before, after = csc311.step(csc311.EXAMPLE)
    assert tab.evaluate("updated().values[output]") == pytest.approx(after, rel=1e-14)
    show = Text(4)
    assert text(tab, "#update .outcome").startswith(
        f"C falls: {show(Literal(before))} → {show(Literal(after))}, a change of −"
    )
    assert strip(tab) == {"C before": show(Literal(before)), "C after": show(Literal(after))}
    tab.locator("#eta").fill("0")
    assert text(tab, "#update .outcome").startswith("C stays: 0.05701 → 0.05701")


def test_the_update_gives_nothing_away(visit, example, page):
    tab = visit(page, viewport=DESKTOP)
    select(tab, "Update")
    last = max(step.index for step in example.steps if step.kind == "backward")
    for k in range(last):
        go(tab, k)
        assert text(tab, "#update .outcome").startswith("The gradients are not complete yet")
    go(tab, last)
    assert text(tab, "#update .outcome").startswith("C falls")


def test_not_every_leaf_is_a_weight(visit):
    u = Value(1.0, "p") * Value(2.0, "q")
    u.label = "u"
    tab = visit(Stepper(u).html(), viewport=DESKTOP)
    select(tab, "Update")
    tab.keyboard.press("End")
    assert text(tab, "#update .heads").split() == ["parameter", "gradient", "new", "(old)"]
    assert "weight" not in text(tab, "#update") + text(tab, "#card")
    select(tab, "Steps")
    assert text(tab, ".steps .now").split("\n") == ["w ← w − η · ∂u/∂w", "update"]


def test_an_operation_that_cannot_be_translated(visit):
    mb.operation("odd(x)", lambda x: x * x * x, "3.0 * x ** 2")
    x = Value(2.0, "x")
    C = OPS["odd"](x) * 2.0
    C.label = "C"
    tab = visit(Stepper(C).html(), viewport=DESKTOP)
    go(tab, 4)
    assert strip(tab)["after"] == "24"
    select(tab, "Nudge")
    tab.locator("#h").fill("1")
    assert text(tab, "#nudge .outcome") == "Not here: odd cannot be computed in a page."
    select(tab, "Update")
    assert "cannot be computed here: odd" in text(tab, "#update .outcome")
    select(tab, "Quiz")
    assert tab.locator("#answer").is_visible()


# ------------------------------------------------------------------ quiz


def ask(tab, step, answer):
    go(tab, step.index)
    tab.locator("#answer").fill(str(answer))
    tab.get_by_role("button", name="Check").click()
    return text(tab, "#quiz .outcome")


@pytest.fixture
def quiz(visit):
    stepper = Stepper(shared())
    tab = visit(stepper.html(), viewport=DESKTOP)
    select(tab, "Quiz")
    return tab, stepper.steps


def test_a_right_answer(quiz):
    tab, records = quiz
    step = next(s for s in records if s.before)
    go(tab, step.index)
    assert step.numbers not in tab.locator("body").inner_text()
    assert [*strip(tab).values()][-1] == "?"
    assert ask(tab, step, f"{step.after:.4g}").startswith(f"Right. {step.formula}")
    assert strip(tab)["after"] == Text(4)(Literal(step.after))
    assert text(tab, "#quiz .score") == "1 of 1 right"


def test_answers_need_not_be_exact(quiz):
    tab, records = quiz
    step = next(s for s in records if s.before)
    assert ask(tab, step, step.after * 1.01).startswith("Not yet.")
    assert ask(tab, step, step.after * 1.004).startswith("Right.")
    assert text(tab, "#quiz .score") == "0 of 1 right"


def test_wrong_answers_are_diagnosed(quiz):
    tab, records = quiz
    late = next(s for s in records if s.before and s.local != s.contribution)
    first = next(s for s in records if s.label == "p" and s.kind == "backward" and not s.before)
    slope = next(s for s in records if s.label == "s" and s.kind == "backward")
    other = {a.place: a for a in records if a.kind == "backward" and a.label == "p"}
    value = next(s for s in records if s.label == "s" and s.kind == "forward")
    for step, answer, diagnosis in (
        (late, late.contribution, "You replaced the sum instead of accumulating"),
        (late, late.before, "still to be added"),
        (late, late.before - late.contribution, "The sign of the contribution is wrong."),
        (late, -late.after, "The size is right, the sign is not."),
        (first, -first.contribution, "The size is right, the sign is not."),
        (slope, slope.before + slope.upstream, "∂s/∂p, the σ′ of the chain rule"),
        (first, first.upstream * other[1 - first.place].local, "Swapped factor"),
        (first, first.upstream, "The local derivative is missing: multiply by ∂p/∂"),
        (first, first.local, "The upstream gradient is missing: multiply by ∂C/∂p"),
        (value, 1.5, "That is what goes in, p"),
        (value, 0.1491, "That is the derivative"),
        (value, 77, "Put the numbers into the formula: s = σ(p)"),
        (value, "seven", "Type a number"),
    ):
        assert diagnosis in ask(tab, step, answer), (step, answer)
        assert tab.locator("#quiz .outcome.wrong").count() == 1


def test_hint_answer_and_next_question(quiz):
    tab, records = quiz
    assert tab.evaluate("state.at") == 0
    assert text(tab, ".numbers") == "?"
    tab.get_by_role("button", name="Put the numbers in").click()
    assert "3" in text(tab, ".numbers")
    tab.get_by_role("button", name="Show the answer").click()
    assert text(tab, "#quiz .outcome") == "Shown. p = a · b:\n3 · 0.5 = 1.5"
    wanted = [s.index for s in records if s.kind in ("forward", "backward")]
    for k in [*wanted[1:], wanted[0]]:
        tab.get_by_role("button", name="Next question").click()
        assert tab.evaluate("state.at") == k
    assert tab.evaluate("document.activeElement.id") == "answer"


def test_the_quiz_hides_what_it_asks(quiz):
    tab, records = quiz
    for step in records:
        if step.kind not in ("forward", "backward"):
            continue
        go(tab, step.index)
        shown = tab.evaluate("[known().values, known().sums]")
        if step.kind == "forward":
            assert shown[0][step.node] is None
        else:
            assert (shown[1][step.parent] or 0.0) == step.before
        tab.keyboard.press("Tab")


# ------------------------------------------------------------------ large graphs


def test_a_thousand_nodes_open_and_step_at_once(visit):
    model = mb.MLP(12, [24, 24, 1], activation="tanh", seed=1)
    y = model([0.1 * k for k in range(12)])
    assert len(topological_order(y)) > 950
    html = Stepper(y).html()
    start = time.perf_counter()
    tab = visit(html, viewport=DESKTOP)
    assert tab.locator(".steps .row").count() < 40
    assert time.perf_counter() - start < 2
    took = tab.evaluate(
        """() => Array.from({length: 40}, (_, k) => {
            const start = performance.now();
            go(Math.round(k * LAST / 40));
            document.body.getBoundingClientRect();
            return performance.now() - start;
        })"""
    )
    assert sorted(took)[len(took) // 2] < 50
    count = tab.evaluate("steps.length")
    assert count > 2000
    tab.locator(".steps").evaluate("e => { e.scrollTop = e.scrollHeight; }")
    until(tab, "document.querySelector('.steps .row:last-child') !== null")
    rows = "[...document.querySelectorAll('.steps .row')].map(e => parseInt(e.textContent))"
    until(tab, f"Math.max(...{rows}.filter(Boolean)) === {count}")
    folded = tab.evaluate("boxes.filter(box => box.nodes.length > 1).length")
    assert folded
    tab.keyboard.press("End")
    assert tab.locator(".node.pending, .node.partly").count() == 0


# ------------------------------------------------------------------ for everyone


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(visit, page, scheme):
    tab = visit(page, color_scheme=scheme, viewport=DESKTOP)
    go(tab, 30)
    select(tab, "Follow")

    def contrast(selector):
        paper, ink = tab.evaluate(
            """selector => {
                let element = document.querySelector(selector);
                const ink = getComputedStyle(element).color;
                const clear = (e) => getComputedStyle(e).backgroundColor === "rgba(0, 0, 0, 0)";
                while (element && clear(element)) element = element.parentElement;
                return [getComputedStyle(element ?? document.body).backgroundColor, ink];
            }""",
            selector,
        )
        low, high = sorted((luminance(paper), luminance(ink)))
        return (high + 0.05) / (low + 0.05)

    for selector in (
        "h1", ".kind", ".words", ".numbers math", ".strip dt", ".strip dd", ".legend li", ".count",
        ".phases [aria-current]", "[role=tab]", "[role=tab][aria-selected=true]", ".chip small",
        ".quiet", ".outcome", ".product",
    ):  # fmt: skip
        assert contrast(selector) > 4.5, selector
    dark = tab.locator("main").evaluate("e => getComputedStyle(e).filter") != "none"
    assert dark == (scheme == "dark")
    tab.locator(".theme").click()
    assert contrast(".words") > 4.5


def test_everything_has_a_name(visit, page):
    tab = visit(page, viewport=DESKTOP)
    unnamed = "e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)"
    controls = tab.locator("button, input, select, [role=button], [role=tabpanel], [tabindex='0']")
    names = controls.evaluate_all(f"all => all.filter({unnamed}).map(e => e.outerHTML)")
    assert names == []
    assert tab.locator(".live").get_attribute("aria-live") == "polite"
    assert spoken(tab).startswith("Step 1 of 78, Forward: z⁽¹⁾₁ = W⁽¹⁾₁₁")


def test_tab_reaches_everything(visit):
    tab = visit(Stepper(shared()).html(), viewport=DESKTOP)
    seen = set()
    for _ in range(60):
        tab.keyboard.press("Tab")
        seen.add(
            tab.evaluate(
                "document.activeElement.className.baseVal ?? document.activeElement.className"
            )
        )
    assert {"skip", "theme", "equations", "forth", "play", "back"} - seen <= {"back"}
    assert any(name.startswith("node") for name in seen)
    assert any(name.startswith("edge") for name in seen)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_motion(visit, page, motion):
    tab = visit(page, reduced_motion=motion, viewport=DESKTOP)
    duration = tab.locator(".node path").first.evaluate(
        "e => getComputedStyle(e).transitionDuration"
    )
    assert duration == ("0s" if motion == "reduce" else "0.15s, 0.15s")


@pytest.mark.parametrize("tab_name", ["Steps", "Follow", "Nudge", "Quiz", "Update"])
def test_on_a_phone(visit, page, tab_name):
    tab = visit(page, viewport=PHONE, has_touch=True)
    select(tab, tab_name)
    tab.get_by_role("button", name="Backward", exact=True).tap()
    tab.get_by_label("One step forward").tap()
    assert tab.evaluate("document.documentElement.scrollWidth") == 375
    stage = tab.locator("main").bounding_box()
    assert stage["height"] > 180
    assert tab.locator("#card").bounding_box()["width"] == 375
    button = tab.get_by_label("One step forward").bounding_box()
    assert button["y"] + button["height"] <= 667
    assert min(button["width"], button["height"]) >= 40
    tab.set_viewport_size(DESKTOP)
    assert tab.evaluate("document.documentElement.scrollHeight") == 800


@pytest.mark.parametrize("height", [700, 900])
@pytest.mark.parametrize("width", [360, 660, 740, 800, 900, 1000, 1140, 1280])
def test_the_whole_step_is_on_the_card(visit, page, width, height):
    tab = visit(page, viewport={"width": width, "height": height})
    stage = tab.locator("main").bounding_box()
    cut = tab.evaluate(
        """() => steps.map((_, k) => k).filter((k) => {
            go(k);
            return card.scrollHeight > card.clientHeight;
        })"""
    )
    assert cut == []
    assert tab.locator("main").bounding_box() == stage
    assert stage["height"] > 200


def test_no_name_breaks_within(visit, page):
    tab = visit(page, viewport=DESKTOP)
    for width in range(330, 1000, 27):
        tab.set_viewport_size({"width": width, "height": 700})
        broken = tab.evaluate(
            """() => steps.flatMap((_, k) => {
                go(k);
                const found = [];
                const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                for (let text; (text = texts.nextNode());) {
                    if (!text.parentElement.closest(".words, .outcome")) continue;
                    for (const name of text.data.matchAll(/[^ ∂/]*⁾[₀-₉]+/g)) {
                        const range = new Range();
                        range.setStart(text, name.index);
                        range.setEnd(text, name.index + name[0].length);
                        const tops = [...range.getClientRects()].map((rect) => rect.top);
                        if (new Set(tops).size > 1) found.push([k, name[0]]);
                    }
                }
                return found;
            })"""
        )
        assert broken == []


@pytest.mark.parametrize("width", [1280, 1000, 800, 375])
@pytest.mark.parametrize("digits", [4, 9])
def test_no_number_of_a_table_is_cut(visit, width, digits):
    html = Stepper(csc311.build(csc311.EXAMPLE)[0], digits=digits).html()
    tab = visit(html, viewport={"width": width, "height": 800})
    tab.keyboard.press("End")
    for name in ("Numbers", "Update", "Nudge"):
        select(tab, name)
        for h in ("0.01", "-0.3", "0.00001") if name == "Nudge" else ("",):
            if h:
                tab.locator("#h").fill(h)
            cut = tab.locator("[role=tabpanel]:not([hidden]) .row > span > *").evaluate_all(
                "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
            )
            assert cut == []
    heads = tab.locator("#nudge .heads > span").evaluate_all(
        "all => all.map(e => [...e.childNodes].length && new Set([...e.childNodes].flatMap("
        "n => { const r = new Range(); r.selectNode(n); "
        "return n.data ? [...r.getClientRects()].map(b => b.top) : []; })).size)"
    )
    assert heads == [1, 2, 2, 2]
    assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_what_is_cut_short_tells_itself(visit, example, page):
    tab = visit(page, viewport={"width": 800, "height": 700})
    row = tab.locator(".steps .row").first.locator("> span").last
    assert row.get_attribute("title").split("\n")[0] == example.steps[0].formula


def test_nothing_jumps(visit, page):
    tab = visit(page, viewport=DESKTOP)
    stage = tab.locator("main").bounding_box()
    for k in range(0, 79, 6):
        go(tab, k)
        assert tab.locator("main").bounding_box() == stage


@pytest.mark.parametrize("width", [1280, 375])
def test_hostile_labels_run_nothing(visit, width):
    C = mb.sum([Value(1.0, label) for label in HOSTILE])
    C.label = "</script><script>window.__pwned = 1</script>"
    html = Stepper(C, title="".join(HOSTILE)).html()
    tab = visit(html, viewport={"width": width, "height": 700})
    count = tab.evaluate("LAST")
    for name in ("Steps", "Numbers", "Follow", "Nudge", "Quiz", "Update"):
        select(tab, name)
        for k in range(0, count + 1, 7):
            go(tab, k)
    select(tab, "Quiz")
    for k in range(count):
        go(tab, k)
        if tab.locator("#answer").is_visible():
            tab.locator("#answer").fill("77")
            tab.keyboard.press("Enter")
    assert tab.evaluate("typeof window.__pwned") == "undefined"
    assert tab.locator("img, b script, script:not([type])").count() == 2
    assert tab.evaluate("document.documentElement.scrollWidth") == width


def test_without_javascript_the_picture_is_there(visit, page):
    tab = visit(page, java_script_enabled=False, viewport=DESKTOP)
    assert tab.locator("main svg").bounding_box()["width"] > 500
    assert "needs scripts" in tab.locator("noscript").inner_text()


# ------------------------------------------------------------------ JupyterLab


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab of its own, with the folder that it shows."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    folder, runtime = tmp_path / "work", tmp_path / "runtime"
    folder.mkdir()
    own = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    own |= {"JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_DATA_DIR": str(tmp_path / "data")}
    options = ["--no-browser", "--allow-root", "--port=0", "--IdentityProvider.token=t",
               f"--ServerApp.root_dir={folder}", "--LabApp.news_url=None"]  # fmt: skip
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=os.environ | own, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        for _ in range(600):
            found = [*runtime.glob("jpserver-*.json")] if runtime.exists() else []
            if found and found[0].stat().st_size:
                break
            time.sleep(0.1)
        yield json.loads(found[0].read_text())["url"], folder
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def notebook(folder, cell):
    """A file with this cell, not signed, hence not trusted."""
    nbformat = pytest.importorskip("nbformat")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(book, folder / "steps.ipynb")


@pytest.fixture
def lab_tab(lab, browser):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield context.new_page()
    context.close()


def seen(locator, count):
    """Whether there are so many, within ten seconds."""
    for _ in range(100):
        if locator.count() == count:
            return True
        locator.page.wait_for_timeout(100)
    return False


def test_in_jupyterlab_a_cell_shows_two_players(lab, lab_tab):
    nbformat = pytest.importorskip("nbformat")
    address, folder = lab
    code = """
from IPython.display import display
from micrograd_bp.lectures import csc311
from micrograd_bp.player import Stepper
C = csc311.build(csc311.EXAMPLE)[0]
display(Stepper(C))
Stepper(C)
"""
    notebook(folder, nbformat.v4.new_code_cell(code.strip()))
    lab_tab.goto(f"{address}lab/tree/steps.ipynb?token=t")
    lab_tab.get_by_text("| Idle").first.wait_for(timeout=90_000)
    frames = lab_tab.locator("iframe[srcdoc]")
    for _ in range(5):  # what is run while the kernel is still being connected is lost
        lab_tab.locator(".jp-CodeCell .cm-content").first.click()
        lab_tab.keyboard.press("Shift+Enter")
        if seen(frames, 2):
            break
    assert frames.count() == 2
    for k, presses in ((0, 2), (1, 4)):
        frames.nth(k).scroll_into_view_if_needed()
        frame = lab_tab.frame_locator("iframe[srcdoc]").nth(k)
        for _ in range(presses):
            frame.get_by_label("One step forward").click()
    for k, presses in ((0, 2), (1, 4)):
        count = lab_tab.frame_locator("iframe[srcdoc]").nth(k).locator(".count")
        assert count.inner_text() == f"step {presses + 1} of 78"
    assert lab_tab.locator("details summary", has_text="All 78 steps").count() == 2


def test_in_jupyterlab_the_table_is_left_where_nothing_is_trusted(lab, lab_tab, example):
    nbformat = pytest.importorskip("nbformat")
    address, folder = lab
    data = {"text/html": example._repr_html_(), "text/plain": repr(example)}
    output = nbformat.v4.new_output("display_data", data)
    notebook(folder, nbformat.v4.new_code_cell("", outputs=[output]))
    lab_tab.goto(f"{address}lab/tree/steps.ipynb?token=t")
    lab_tab.locator("details summary").click(timeout=90_000)
    assert lab_tab.locator("iframe[srcdoc]").count() == 0
    rows = lab_tab.locator("details tr").all_inner_texts()
    assert len(rows) == 79
    assert all(step.numbers in row for step, row in zip(example.steps, rows[1:]))
