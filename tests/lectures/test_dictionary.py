"""Tests of the notations side by side: each cell where it belongs, in every way of showing them."""

import re
import xml.etree.ElementTree as ET
from dataclasses import FrozenInstanceError, replace
from unicodedata import combining, normalize

import pytest
from katex import refused

from micrograd_bp import symbol
from micrograd_bp.lectures.dictionary import (
    BPNN,
    CS3780,
    CSC311,
    LEC16,
    ML,
    NOTATIONS,
    Place,
    Row,
    notation,
)

ANY, LAST = Place("m", 0), Place("L", 0, 0)


def cells(name):
    found = next(row for row in (*notation().rows, *notation().clashes) if row.name == name)
    return [normalize("NFC", text) for text in found.texts]


# ------------------------------------------------------------------ the table


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pre-activation", ["z⁽ᵐ⁾", "uᵗ", "z, z′, z′′; in", "Z⁽ˡ⁾", "s⁽ˡ⁾"]),
        ("activation", ["a⁽ᵐ⁾", "zᵗ", "a, aⱼ", "A⁽ˡ⁾", "x⁽ˡ⁾"]),
        ("nonlinearity", ["σ⁽ᵐ⁾", "σ", "σ; g", "φ⁽ˡ⁾", "θ"]),
        ("sensitivity", ["∂C/∂z⁽ᵐ⁾", "δᵗ", "∂l/∂z; Δ = −∂E/∂in", "Δ⁽ˡ⁾", "δ⁽ˡ⁾"]),
        ("weight layer index", ["into m", "into t", "none", "out of l", "into l"]),
        (
            "index order",
            ["to, from", "to, from (implied)", "from, to", "to, from (said)", "from, to"],
        ),
        ("weight gradient", ["(∂C/∂z) a⊤", "δ z⊤", "−a Δ⊤", "Δ Ã⊤", "x δ⊤"]),
        ("hidden step", ["W⊤ (∂C/∂z)", "W⊤ δ", "W Δ", "W⊤ Δ, no biases", "Ŵ δ"]),
        ("bias", ["b⁽ᵐ⁾", "bᵗ", "b; W₀", "column 0 of W̃", "row 0, w₀ⱼ"]),
        ("output", ["a⁽ᴸ⁾", "ŷ, linear", "y₁, y₂; h_W(x)", "h", "x⁽ᴸ⁾"]),
        ("target", ["t (once y)", "y", "y", "y, one-hot", "yₙ"]),
        ("loss", ["C", "ℓ", "lⁿ, L = Σ lⁿ; E", "J", "eₙ = g"]),
        ("learning rate", ["η", "–", "η; α", "η", "–"]),
        ("layer count", ["L, no input", "T hidden", "–", "3 with the input", "L, no input"]),
    ],
)
def test_rows(name, expected):
    assert cells(name) == [normalize("NFC", text) for text in expected]


def test_it_has_all_rows_and_lectures():
    table = notation()
    assert table.lectures == ("CSC311", "CS3780", "ML", "BPNN", "LEC16")
    assert len(table.rows) == 14
    assert {len(row.cells) for row in (*table.rows, *table.clashes)} == {5}
    assert len({row.name for row in (*table.rows, *table.clashes)}) == 14 + len(table.clashes)


@pytest.mark.parametrize("letter", ["z", "x", "y", "g", r"\alpha", "t", "m", "L", "T", "prime"])
def test_a_letter_that_clashes_means_two_things(letter):
    texts = cells(letter if letter == "prime" else f"${letter}$")
    meanings = {meaning for text in texts if text != "–" for meaning in re.split("; ", text)}
    assert len(meanings) > 1


def test_some_clashes():
    assert cells("$z$")[:2] == ["pre-activation", "activation"]
    assert cells(r"$\alpha$")[1:3] == ["weights of the output", "learning rate"]
    assert cells(r"$\Delta$")[2:4] == ["−∂E/∂in", "+∂J/∂Z"]


@pytest.mark.parametrize("lecture", NOTATIONS)
def test_the_table_has_the_symbols_of_the_records(lecture):
    n, column = NOTATIONS[lecture], [*NOTATIONS].index(lecture)
    for kind, row in (("z", 0), ("a", 1), ("σ", 2), ("δ", 3)):
        if n.has(kind, ANY):
            shown = normalize("NFC", symbol.unicode(n.name(kind, ANY).label))
            assert shown in cells(notation().rows[row].name)[column]


# ------------------------------------------------------------------ how it shows itself


def test_as_text_it_is_aligned():
    first, second = str(notation()).split("\n\n")
    for block in (first, second):
        head, *lines = [[c for c in line if not combining(c)] for line in block.splitlines()]
        starts = [k for k, c in enumerate(head) if c != " " and head[k - 1] == " "]
        assert len(starts) == 5
        for line in lines:
            assert all(line[k] != " " and line[k - 2 : k] == [" ", " "] for k in starts)
    assert repr(notation()) == str(notation())
    assert max(map(len, str(notation()).splitlines())) < 140


def test_as_html():
    shown = notation()._repr_html_()
    tables = ET.fromstring(f"<div>{shown}</div>").findall("table")
    assert [len(table.findall("tr")) for table in tables] == [15, len(notation().clashes) + 1]
    assert {len(row) for table in tables for row in table} == {6}
    assert {e.tag for table in tables for e in table.iter()} == {"table", "tr", "th", "td"}
    assert not any(e.attrib for table in tables for e in table.iter())  # no styles, no scripts
    assert tables[0][1][0].text == "pre-activation"
    assert [cell.text for cell in tables[0][1][1:]] == notation().rows[0].texts


def test_html_is_escaped():
    wicked = Row("<b>&", ("<script>alert(1)</script>", '"', "'", "$<$", "a & b"))
    shown = replace(notation(), rows=(wicked,), clashes=())._repr_html_()
    assert "<script" not in shown
    assert "<b>" not in shown
    assert ET.fromstring(f"<div>{shown}</div>")[0][1][1].text == "<script>alert(1)</script>"


def test_as_latex():
    shown = notation().latex
    assert refused([shown]) == {}
    assert shown.startswith("\\begin{array}{l|lllll}\n\\text{} & \\text{CSC311}")
    assert shown.count(r"\\") == 15
    assert r"\text{column 0 of }\tilde{W}" in shown
    assert {line.count("&") for line in shown.splitlines() if "&" in line} == {5}


def test_it_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        notation().rows = ()
    assert notation() == notation()


# ------------------------------------------------------------------ the records


@pytest.mark.parametrize(
    ("n", "place", "number", "weight"),
    [
        (CSC311, ANY, "m", "m"),
        (CSC311, ANY.up(1), "m+1", "m+1"),
        (CSC311, Place("", 2, 3), "2", "2"),
        (BPNN, Place("", 2, 3), "3", "2"),
        (BPNN, ANY, "l", "l-1"),
        (BPNN, LAST, "L", "L-1"),
        (LEC16, LAST.up(-1), "L-1", "L-1"),
        (CS3780, LAST.up(-1), "T", "T"),
        (CS3780, LAST.up(-2), "T-1", "T-1"),
    ],
)
def test_numbers_of_layers(n, place, number, weight):
    assert n.number(place) == number
    assert n.number(place, weight=True) == weight


@pytest.mark.parametrize(
    ("n", "place", "label"),
    [
        (CSC311, ANY, "W^{(m)}_{ij}"),
        (CSC311, LAST, "w^{(L)}_{j}"),
        (CSC311, Place("", 3, 3), "w^{(3)}_{j}"),
        (CS3780, ANY, "W^{[t]}"),
        (CS3780, LAST, r"\alpha"),
        (ML, ANY, "W_{j,i}"),
        (BPNN, Place("", 1, 2), r"\tilde{W}^{(1)}_{ij}"),
        (LEC16, ANY, "w^{(l)}_{ji}"),
        (LEC16, LAST, "w^{(L)}_{ji}"),
    ],
)
def test_a_weight_to_i_from_j(n, place, label):
    assert n.weight(place, "i", "j").label == label


def test_weights_without_biases():
    assert BPNN.weight(ANY, "k", "j", alone=True).label == "W^{(l-1)}_{kj}"
    assert LEC16.weight(ANY, "j", "i", alone=True).label == "w^{(l)}_{ij}"
    whole = replace(LEC16, whole=True)
    assert whole.weight(ANY, "j", "i", alone=True).label == r"\hat{W}^{(l)}"
    assert whole.weight(ANY, "j", "i").label == "w^{(l)}"


def test_units():
    assert BPNN.unit("a1", Place("", 0, 2), "j").label == r"\tilde{x}_{j}"
    assert BPNN.unit("a1", ANY, "j").label == r"\tilde{A}^{(l)}_{j}"
    assert CSC311.unit("a1", ANY, "j").label == "a^{(m)}_{j}"
    assert CSC311.unit("a", LAST, "j").label == "a^{(L)}"
    assert CS3780.unit("a", LAST, "j").label == r"\hat{y}"


def test_places():
    inner, top = Place("", 1, 3), Place("", 3, 3)
    assert (inner.input, inner.output, inner.inner) == (False, False, True)
    assert (top.input, top.output, top.inner) == (False, True, False)
    assert inner.up(2) == top
    assert Place("", 0).input
    assert (ANY.input, ANY.output, ANY.inner) == (False, False, False)
    assert Place("m", 0, hidden=True).inner
    assert not Place("m", 0, hidden=True).up(1).inner
