"""Tests of what `check` and `errata` report, in each of their forms."""

import json
import math
import re

import pytest
from katex import refused

from micrograd_bp import lectures
from micrograd_bp.lectures import report
from micrograd_bp.lectures.statements import TOLERANCE, Errors, Formula


def made_up(statement, corrected=None):
    quantities = [{"x": {1: 2.0}}] * 2
    return Formula(
        "X-01", "l = r", "Words.", statement, lambda rng: quantities, corrected, "right", "E11"
    )


@pytest.fixture
def only(monkeypatch):
    """A function that makes one formula all that the lectures have."""

    def only(statement, corrected=None):
        monkeypatch.setattr(report, "LECTURES", {"csc311": ((made_up(statement, corrected),), ())})
        return lectures.check(networks=2)

    return only


def test_records_in_order_and_by_id():
    found = lectures.check("lec16", networks=3)
    assert len(found) == 22
    assert [record.id for record in found][:2] == ["LEC16-01", "LEC16-02"]
    assert found[9] is found["LEC16-10"] is found["lec16-10"]
    with pytest.raises(KeyError, match="no formula 'LEC16-99' in this report"):
        found["LEC16-99"]


def test_a_record_says_all():
    record = lectures.check("csc311", networks=4)["CSC311-32"]
    assert (record.holds, record.ok, record.erratum) == (False, True, "E2")
    assert record.printed_error > 0.3
    assert record.corrected_error < 1e-12
    assert "run literally" in record.note
    sound = lectures.check("csc311", networks=4)["CSC311-22"]
    assert (sound.holds, sound.ok, sound.erratum) == (True, True, None)
    assert sound.corrected_error is None
    assert sound.printed_error < 1e-12


def test_the_same_seed_is_the_same_report():
    assert lectures.check("ml", seed=5, networks=2) == lectures.check("ML", seed=5, networks=2)
    first, other = (lectures.check("csc311", seed=k, networks=1) for k in (5, 6))
    assert first.records != other.records


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"lecture": "csc"}, ValueError, "expected one of csc311, cs3780, ml, bpnn, lec16"),
        ({"lecture": 311}, ValueError, "got 311"),
        ({"networks": 0}, ValueError, "expected at least 1 to run on, got 0"),
        ({"networks": 2.5}, TypeError, "networks: expected a whole number, got 2.5"),
        ({"seed": "a"}, TypeError, "seed: expected a whole number, got 'a'"),
    ],
)
@pytest.mark.parametrize("function", [lectures.check, lectures.errata])
def test_mistakes(function, arguments, error, message):
    with pytest.raises(error, match=message):
        function(**arguments)


def test_a_formula_that_does_not_hold_is_reported(only):
    found = only(lambda x: (x[1], 3.0))
    assert not found.ok
    assert (found[0].holds, found[0].ok, found[0].printed_error) == (False, False, 0.5)
    assert "these do not hold: X-01" in found.table
    assert " NO " in found.table


def test_a_correction_that_does_not_hold_is_reported(only):
    found = only(lambda x: (x[1], 3.0), lambda x: (x[1], x[2]))
    assert not found.ok
    assert found[0].corrected_error == math.inf


def test_an_undefined_form(only):
    found = only(lambda x: (x[1], x[2]), lambda x: (x[1], 2.0))
    (record,) = found
    assert (record.printed_error, record.corrected_error, record.holds) == (math.inf, 0.0, False)
    assert record.undefined == "undefined: there is no index 2"
    assert found.ok
    assert json.loads(found.json())["records"][0]["printed_error"] is None


def test_an_undefined_form_does_not_hold_even_where_it_is_right_elsewhere():
    kinds = iter([{1: 2.0}, {2: 2.0}])
    formula = Formula("X-01", "", "", lambda x: (2.0, x[1]), lambda rng: [{"x": next(kinds)}])
    record = report._record(formula, report.Networks(0, 2))
    assert (record.printed_error, record.holds) == (0.0, False)
    assert record.undefined == "undefined on 1 of 2 networks: there is no index 1"


def test_table():
    lines = lectures.check("bpnn", networks=4).table.splitlines()
    assert lines[0].split() == [
        "formula",
        "printed",
        "corrected",
        "holds",
        "erratum",
        "in",
        "words",
    ]
    assert max(map(len, lines)) <= 100
    (line,) = [line for line in lines if line.startswith("BPNN-08")]
    assert line.split()[1] == "undefined"
    assert lines[-1].startswith("16 formulas on 4 networks each (seed 0): 8 hold as printed")


@pytest.mark.parametrize("lecture", report.LECTURES)
def test_markdown_has_a_row_for_each_formula(lecture):
    found = lectures.check(lecture, networks=2)
    lines = found._repr_markdown_().splitlines()
    rows = [line for line in lines if line.startswith(f"| {lecture.upper()}")]
    corrected = [line for line in lines if line.startswith("| corrected")]
    assert len(rows) == len(found)
    assert len(corrected) == sum(not record.holds for record in found)
    assert {row.replace(r"\|", "").count("|") for row in rows + corrected} == {6}
    assert repr(found) == str(found) == found.table


def test_markdown_is_latex_for_katex():
    texts = [lectures.check(networks=1)._repr_markdown_()]
    texts.append(lectures.errata(networks=1)._repr_markdown_())
    formulas = {latex for text in texts for latex in re.findall(r"\$(.+?)\$", text)}
    assert len(formulas) > 150
    assert not [latex for latex in formulas if "|" in latex or "\\\\vert" in latex]
    assert refused(formulas) == {}


def test_json():
    content = json.loads(lectures.check("lec16", networks=2).json())
    assert (content["seed"], content["networks"], content["ok"]) == (0, 2, True)
    assert content["tolerance"] == TOLERANCE
    assert {"id", "printed_error", "corrected_error", "holds", "erratum", "note"} <= {
        *content["records"][0]
    }


def test_errata_have_their_evidence():
    found = lectures.errata("csc311", networks=3)
    first = found[0]
    assert (first.id, first.kind, first.formulas) == ("E2", "error", ("CSC311-32",))
    printed, corrected = first.evidence
    assert printed.shows == "CSC311-32 as printed"
    assert printed.errors.least > 0.2
    assert corrected.errors.most < 1e-12
    assert "E2, error (CSC311-32): " in str(found)
    assert r"right: m = L - 1, \dots, 1" in str(first) == repr(first)
    assert "**E2**, error" in found._repr_markdown_()


def test_a_convention_is_not_put_right():
    conventions = [entry for entry in lectures.errata(networks=1) if entry.kind == "convention"]
    assert len(conventions) >= 3
    for entry in conventions:
        assert "right: " not in f"{entry}{entry._repr_markdown_()}".replace(entry.why, "")
        assert "elsewhere: " in str(entry)


def test_errata_of_all_come_by_kind_and_number():
    found = lectures.errata(networks=2)
    assert [entry.id for entry in found if entry.kind == "error"] == [f"E{k}" for k in range(1, 11)]
    kinds = [entry.kind for entry in found]
    assert kinds == sorted(kinds, key=[*report.KINDS].index)


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        (Errors((0.0, 0.0)), "it: 0"),
        (Errors((0.25, 1.5)), "it: 0.25 to 1.5"),
        (Errors((0.0, 2.0, 2.0)), "it: 0 to 2, wrong on 2 of 3"),
        (Errors((2.0,)), "it: 2"),
        (
            Errors((0.5, 1.0), 3, "no"),
            "it: 0.5 to 1; undefined on 3 of 5: no",
        ),
        (Errors((), 3, "no index"), "it: undefined: no index"),
    ],
)
def test_evidence_in_print(errors, text):
    assert str(report.Evidence("it", errors)) == text
