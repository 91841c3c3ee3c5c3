r"""Every formula of the five lectures, run on random networks; and what there is to say of it.

>>> report = check("lec16", networks=5)
>>> record = report["LEC16-10"]
>>> record.holds, record.erratum, record.corrected_error < 1e-12
(False, 'E9', True)
>>> report.ok
True
>>> [entry.id for entry in errata("csc311", networks=5) if entry.kind == "error"]
['E2']
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from random import Random
from textwrap import fill, wrap
from typing import Any

from micrograd_bp.lectures import (
    bpnn_formulas,
    cs3780_formulas,
    csc311_formulas,
    lec16_formulas,
    ml_formulas,
)
from micrograd_bp.lectures.statements import (
    KINDS,
    TOLERANCE,
    Errors,
    Formula,
    Given,
    Quantities,
    Remark,
    Statement,
    errors,
)
from micrograd_bp.notation import aligned
from micrograd_bp.table import whole

LECTURES: dict[str, tuple[tuple[Formula, ...], tuple[Remark, ...]]] = {
    "csc311": (csc311_formulas.FORMULAS, csc311_formulas.REMARKS),
    "cs3780": (cs3780_formulas.FORMULAS, cs3780_formulas.REMARKS),
    "ml": (ml_formulas.FORMULAS, ml_formulas.REMARKS),
    "bpnn": (bpnn_formulas.FORMULAS, bpnn_formulas.REMARKS),
    "lec16": (lec16_formulas.FORMULAS, lec16_formulas.REMARKS),
}
"""The formulas and the remarks of each lecture, in its order."""


def formulas(lecture: str | None = None) -> list[Formula]:
    """The formulas of a lecture, or of all five. Errors: ValueError for an unknown lecture.

    >>> [len(formulas(lecture)) for lecture in LECTURES], len(formulas())
    ([33, 14, 22, 16, 22], 107)
    """
    return [formula for name in _named(lecture) for formula in LECTURES[name][0]]


def _named(lecture: str | None) -> list[str]:
    if lecture is None:
        return [*LECTURES]
    if not isinstance(lecture, str) or lecture.lower() not in LECTURES:
        raise ValueError(f"lecture: expected one of {', '.join(LECTURES)}, got {lecture!r}")
    return [lecture.lower()]


class Networks:
    """Random networks, drawn once for all statements that ask for the same kind."""

    def __init__(self, seed: int, networks: int) -> None:
        self.seed, self.networks = whole(seed, "seed"), whole(networks, "networks")
        if self.networks < 1:
            raise ValueError(f"networks: expected at least 1 to run on, got {networks}")
        self._drawn: dict[Given, list[Sequence[Quantities]]] = {}

    def errors(self, statement: Statement, given: Given) -> Errors:
        """The errors of a statement on the networks it is meant for."""
        if given not in self._drawn:
            numbers = [Random(f"{self.seed}/{k}") for k in range(self.networks)]
            self._drawn[given] = [given(rng) for rng in numbers]
        return errors(statement, self._drawn[given])


# ------------------------------------------------------------------ formulas


@dataclass(frozen=True)
class Record:
    """What a formula does, as printed and as corrected.

    `printed_error` is the largest error on the networks where the printed form is defined, inf
    where it is on none; `undefined` says on how many it is not, and why. `corrected_error` is
    that of the correction, None where there is none. `holds`: the printed form is defined and
    within `TOLERANCE` on all of them. `erratum` has the numbers of the errata, as in "E4, E5".
    """

    id: str
    latex: str
    corrected_latex: str
    words: str
    printed_error: float
    corrected_error: float | None
    holds: bool
    erratum: str | None
    note: str
    undefined: str

    @property
    def ok(self) -> bool:
        """Whether the formula holds, as printed or, where it should not, as corrected."""
        return self.holds if self.corrected_error is None else self.corrected_error <= TOLERANCE


@dataclass(frozen=True, repr=False)
class Report(Sequence[Record]):
    """The records in the lectures' order; also by their ids: `report["LEC16-10"]`."""

    records: tuple[Record, ...]
    seed: int
    networks: int

    @property
    def ok(self) -> bool:
        """Whether every formula holds that should: all, as printed or as corrected."""
        return all(record.ok for record in self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            for record in self.records:
                if record.id == key.upper():
                    return record
            span = f"{self.records[0].id} to {self.records[-1].id}"
            raise KeyError(f"no formula {key!r} in this report: it has {span}")
        return self.records[key]

    @property
    def table(self) -> str:
        """The records as a table in plain text, and in a last line what they come to."""
        rows = [("formula", "printed", "corrected", "holds", "erratum", "in words")]
        for r in self.records:
            corrected = "" if r.corrected_error is None else _number(r.corrected_error)
            holds = "yes" if r.holds else "no" if r.ok else "NO"
            words = wrap(r.words, 50)
            for note in (r.undefined, r.note):
                words += wrap(note, 50, initial_indent="  ", subsequent_indent="  ")
            numbers = (r.id, _number(r.printed_error), corrected, holds, r.erratum or "")
            rows += [(*numbers, words[0]), *(("", "", "", "", "", more) for more in words[1:])]
        return "\n".join([*aligned(rows), "", self._summary()])

    def _summary(self) -> str:
        counted = f"{len(self)} formulas on {self.networks} networks each (seed {self.seed})"
        holding = sum(r.holds for r in self)
        mended = sum(r.ok and not r.holds for r in self)
        wrong = [r.id for r in self if not r.ok]
        text = f"{counted}: {holding} hold as printed"
        text += f", {mended} as corrected" if mended else ""
        return f"{text}; these do not hold: {', '.join(wrong)}" if wrong else f"{text}."

    def __repr__(self) -> str:
        return self.table

    def _repr_markdown_(self) -> str:
        rows = [("", "formula", "error", "erratum", "in words"), ("---",) * 5]
        for r in self.records:
            notes = "; ".join(note for note in (r.undefined, r.note) if note)
            words = f"{r.words} ({notes})" if notes else r.words
            words = words.replace("|", r"\|")  # else the cell ends there
            rows += [(r.id, _math(r.latex), _number(r.printed_error), r.erratum or "", words)]
            if r.corrected_error is not None:
                corrected = _math(r.corrected_latex), _number(r.corrected_error)
                rows += [("corrected", *corrected, "", "")]
        lines = [f"| {' | '.join(cells)} |" for cells in rows]
        return "\n".join([*lines, "", self._summary()])

    def json(self) -> str:
        """The report as JSON: an error that is no number is null, and `undefined` says why."""
        records = [asdict(record) | {"ok": record.ok} for record in self.records]
        for record in records:
            if math.isinf(record["printed_error"]):
                record["printed_error"] = None
            if record["corrected_error"] == math.inf:
                record["corrected_error"] = None
        head = {"seed": self.seed, "networks": self.networks, "tolerance": TOLERANCE, "ok": self.ok}
        return json.dumps(head | {"records": records}, indent=1, ensure_ascii=False)


def check(lecture: str | None = None, *, seed: int = 0, networks: int = 25) -> Report:
    """Run every formula of a lecture, or of all five, on random networks.

    Each is compared with what the engine's graph holds and with complex steps of a plain program
    (`statements`). Errors: ValueError for an unknown lecture, or where there is no network.

    >>> print(check("csc311", networks=3).table.splitlines()[0])
    formula    printed  corrected  holds  erratum  in words
    """
    chosen, drawn = formulas(lecture), Networks(seed, networks)
    records = tuple(_record(formula, drawn) for formula in chosen)
    return Report(records, drawn.seed, drawn.networks)


def _record(formula: Formula, networks: Networks) -> Record:
    printed = networks.errors(formula.printed, formula.given)
    corrected = formula.corrected and networks.errors(formula.corrected, formula.given)
    return Record(
        id=formula.id,
        latex=formula.latex,
        corrected_latex=formula.corrected_latex,
        words=formula.words,
        printed_error=printed.most,
        corrected_error=(math.inf if corrected.undefined else corrected.most)
        if corrected
        else None,
        holds=not printed.undefined and printed.most <= TOLERANCE,
        erratum=formula.erratum or None,
        note=formula.note,
        undefined=_undefined(printed, networks.networks),
    )


def _undefined(found: Errors, networks: int) -> str:
    if not found.undefined:
        return ""
    where = "" if found.undefined == networks else f" on {found.undefined} of {networks} networks"
    return f"undefined{where}: {found.reason}"


# ------------------------------------------------------------------ errata


@dataclass(frozen=True)
class Evidence:
    """One run: what it shows, and the errors on the networks."""

    shows: str
    errors: Errors

    def __str__(self) -> str:
        e = self.errors
        if not e.found:
            return f"{self.shows}: undefined: {e.reason}"
        least, most = _number(e.least), _number(e.most)
        size = least if least == most else f"{least} to {most}"
        if 0 < e.wrong < len(e.found):
            size += f", wrong on {e.wrong} of {len(e.found)}"
        if e.undefined:
            size += f"; undefined on {e.undefined} of {e.undefined + len(e.found)}: {e.reason}"
        return f"{self.shows}: {size}"


INSTEAD = {
    "error": "right",
    "omission": "better",
    "scope": "more exactly",
    "garble": "meant",
    "convention": "elsewhere",
}
"""What stands against the printed form, by the kind of the remark."""


@dataclass(frozen=True, repr=False)
class Erratum:
    """A remark on a lecture, error or not (`kind`, a key of `KINDS`), with its evidence.

    `correct` is what stands against the printed form: right, or of a convention just another.
    """

    id: str
    kind: str
    formulas: tuple[str, ...]
    printed: str
    correct: str
    why: str
    evidence: tuple[Evidence, ...]

    def __str__(self) -> str:
        head = f"{self.id}, {self.kind} ({', '.join(self.formulas)}): {self.why}"
        forms = [f"printed: {self.printed}", f"{INSTEAD[self.kind]}: {self.correct}"]
        return "\n  ".join([fill(head, 96), *forms, *map(str, self.evidence)])

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        lines = [
            f"**{self.id}**, {self.kind} ({', '.join(self.formulas)}): {self.why}",
            f"- printed: {_math(self.printed)}",
            f"- {INSTEAD[self.kind]}: {_math(self.correct)}",
            *(f"- {evidence}" for evidence in self.evidence),
        ]
        return "\n".join(lines)


class Errata(list[Erratum]):
    """Remarks, as a list; its text has them by kind."""

    def __str__(self) -> str:
        lines = []
        for kind, meaning in KINDS.items():
            entries = [entry for entry in self if entry.kind == kind]
            if entries:
                lines += ["", f"{kind.capitalize()}: {meaning}", ""]
                lines += map(str, entries)
        return "\n".join(lines[1:])

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        return "\n\n".join(entry._repr_markdown_() for entry in self)


def errata(lecture: str | None = None, *, seed: int = 0, networks: int = 25) -> Errata:
    """What there is to say of a lecture, or of all five: errors, and apart from them what is none.

    An error's evidence begins with its formulas as printed and as corrected. Errors: those of
    `check`.

    >>> entry = errata("lec16", networks=3)[0]
    >>> entry.id, entry.formulas, entry.evidence[0].shows
    ('E9', ('LEC16-10',), 'LEC16-10 as printed')
    """
    names, drawn = _named(lecture), Networks(seed, networks)
    remarks = [remark for name in names for remark in LECTURES[name][1]]
    remarks.sort(key=lambda remark: ([*KINDS].index(remark.kind), int(remark.id[1:])))
    return Errata(_erratum(remark, drawn) for remark in remarks)


def _erratum(remark: Remark, networks: Networks) -> Erratum:
    evidence = []
    named = {formula.id: formula for formula in formulas()}
    for formula in [named[key] for key in remark.formulas] if remark.kind == "error" else []:
        for form, statement in (("printed", formula.printed), ("corrected", formula.corrected)):
            if statement is not None:
                found = networks.errors(statement, formula.given)
                evidence.append(Evidence(f"{formula.id} as {form}", found))
    evidence += [
        Evidence(run.shows, networks.errors(run.statement, run.given)) for run in remark.runs
    ]
    return Erratum(
        remark.id,
        remark.kind,
        remark.formulas,
        remark.printed,
        remark.correct,
        remark.why,
        tuple(evidence),
    )


# ------------------------------------------------------------------ in print


def _number(error: float) -> str:
    return "undefined" if math.isinf(error) else "0" if error == 0.0 else f"{error:.2g}"


def _math(latex: str) -> str:
    """LaTeX for a cell of a Markdown table, which must have no | in it; words as they are."""
    without = latex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")
    return f"${without}$" if re.search(r"[\\=^_]", latex) else latex
