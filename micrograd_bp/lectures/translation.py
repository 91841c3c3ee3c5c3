r"""A formula of one lecture in the notation of another.

>>> translate("CSC311-28", to="lec16")
δ⁽ˡ⁾ᵢ = (Σⱼ₌₁^(d⁽ˡ⁺¹⁾) δ⁽ˡ⁺¹⁾ⱼ · w⁽ˡ⁺¹⁾ᵢⱼ) · θ′(s⁽ˡ⁾ᵢ)
In LEC16 it is LEC16-19.
Indices of a weight: from, to; in CSC311 to, from.

Each formula that all five share is one function of a lecture's `Notation`. It makes a tree of
names, which prints itself as text and as LaTeX.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from micrograd_bp import symbol
from micrograd_bp.formula import Expr, Name, Partial, add, mul
from micrograd_bp.lectures.dictionary import NOTATIONS, Notation, Place
from micrograd_bp.lectures.report import formulas
from micrograd_bp.notation import NEGATIVE, POWER, PRODUCT, QUOTIENT, Line, Tex, Text

# ------------------------------------------------------------------ what the formulas are made of


@dataclass(frozen=True)
class Over(Expr):
    """Σ of the body over the units of a layer, from `first` to `last` where that is said."""

    index: str
    first: str
    last: Expr | None
    body: Expr


@dataclass(frozen=True)
class Applied(Expr):
    """A nonlinearity, or its derivative, at a pre-activation."""

    function: Name
    argument: Expr


@dataclass(frozen=True)
class Transposed(Expr):
    """A matrix or a column, transposed."""

    matrix: Expr


@dataclass(frozen=True)
class Pointwise(Expr):
    """Two columns multiplied unit by unit, with the lecture's sign for it."""

    left: Expr
    sign: str
    right: Expr


class _Text(Text):
    def _shown(self, e: Expr) -> tuple[str, int]:
        match e:
            case Over(index, first, last, body):
                lower = f"{index} = {first}" if first else index
                above = self(last) if last else ""
                return self.sum_over(lower, above) + self(body, QUOTIENT), NEGATIVE
            case Applied(function, argument):
                return self(function) + self.brackets(self(argument)), POWER
            case Transposed(matrix):
                return self.transposed(self(matrix, POWER)), POWER
            case Pointwise(left, sign, right):
                return self(left, POWER) + self.sign(f" {sign} ") + self(right, POWER), PRODUCT
        return super()._shown(e)

    def sum_over(self, lower: str, last: str) -> str:
        above = symbol.script("^", last) if last else ""
        return f"Σ{symbol.script('_', lower.replace(' ', ''))}{above} "

    def transposed(self, shown: str) -> str:
        return f"{shown}⊤"

    def name(self, name: Name) -> str:
        return re.sub(r"\^\((\[.*?\])\)", r"^\1", super().name(name))  # of W^[t]


class _Tex(_Text, Tex):
    def sum_over(self, lower: str, last: str) -> str:
        return rf"\sum_{{{lower}}}" + (f"^{{{last}}} " if last else " ")

    def transposed(self, shown: str) -> str:
        return rf"{{{shown}}}^\top"

    def name(self, name: Name) -> str:
        return re.sub(r"\\text\{(\[.*?\])\}", r"\1", super().name(name))

    def sign(self, text: str) -> str:
        return super().sign(text).replace("⊙", r"\odot").replace("⊗", r"\otimes")


# ------------------------------------------------------------------ the formulas that all share


@dataclass(frozen=True)
class Source:
    """What a numbered formula says: its parts, each at a layer.

    `units` are those that it names (to, from; in a recursion, the one), `count` how many units a
    sum of it goes over. `own` is whether it is the lecture's own form of these parts, so that a
    translation into its notation may refer to it.
    """

    parts: tuple[tuple[str, Place], ...]
    whole: bool = False
    own: bool = True
    units: tuple[str, ...] = ()
    count: int = 0
    note: str = ""


def _sensitivity(n: Notation, at: Place, unit: str) -> Expr:
    """±∂E/∂z of a unit."""
    if n.has("δ", at):
        return n.unit("δ", at, unit)
    return Partial(n.name("E", at), n.unit("z", at, unit))


def _applied(n: Notation, function: str, at: Place, unit: str) -> Expr:
    """σ(z) or σ′(z) of a unit."""
    return Applied(n.name(function, at), n.unit("z", at, unit))


def _total(n: Notation, letter: str, at: Place, count: int, body: Callable[[str], Expr]) -> Expr:
    """Σ over the units of a layer, written out where there are just so many."""
    if (n.one and at.output) or (count == 1 and not n.layers[0]):
        return body(letter)
    if count and n.layers[0]:
        return add(*[body(str(k)) for k in range(1, count + 1)])
    last = n.name("D", at) if n.has("D", at) else None
    return Over(letter, "1" if last else "", last, body(letter))


def _pre_activation(n: Notation, at: Place, s: Source) -> list[Line]:
    to, start = s.units or n.forward
    below = at.up(-1)
    bias = [n.unit("b", at, to)] if n.has("b", at) else []
    left = n.unit("z", at, to)
    if n.whole:
        W = n.weight(at, to, start)
        tall = n.from_to or (n.linear and at.output)
        total = mul(Transposed(W) if tall else W, n.unit("a1", below, start))
        return [Line(left, "=", add(total, *bias))]
    if not (bias or n.has("D", at) or (s.count and n.layers[0])):
        body = n.weight(at, to, start) * n.unit("a1", below, start)
        return [Line(left, "=", Over(start, "0", None, body))]
    total = _total(n, start, below, s.count, lambda j: n.weight(at, to, j) * n.unit("a", below, j))
    terms = [total, *bias] if bias else [n.weight(at, to, "0"), total]
    return [Line(left, "=", add(*terms))]


def _activation(n: Notation, at: Place, s: Source) -> list[Line]:
    unit = (s.units or n.forward)[0]
    if n.linear and at.output:
        return _pre_activation(n, at, s)
    return [Line(n.unit("a", at, unit), "=", _applied(n, "σ", at, unit))]


def _recursion(n: Notation, at: Place, s: Source) -> list[Line]:
    at = at.up(n.step) if at.letter == "m" else at
    unit, upper = n.recursion
    unit = s.units[0] if s.units else unit
    above = at.up(1)
    left, slope = _sensitivity(n, at, unit), _applied(n, "dσ", at, unit)
    if n.whole:
        W, δ = n.weight(above, upper, unit, alone=True), _sensitivity(n, above, upper)
        factors = [δ, W] if n.linear and above.output else [W if n.from_to else Transposed(W), δ]
        return [Line(left, "=", Pointwise(mul(*factors), n.times, slope))]

    def term(i: str) -> Expr:
        factors = {"δ": _sensitivity(n, above, i), "W": n.weight(above, i, unit, alone=True)}
        return mul(*[factors[name] for name in n.order if name in factors])

    back = _total(n, upper, above, s.count, term)
    return [Line(left, "=", mul(slope, back) if n.order[0] == "σ" else mul(back, slope))]


def _general(n: Notation, at: Place) -> Place:
    """The same layer, or that one of any layers which gives its weights the number l."""
    return at.up(1) if n.out_of and at.letter == "m" else at


def _weight(n: Notation, at: Place, s: Source) -> list[Line]:
    at = _general(n, at)
    to, start = s.units or (n.inner if n.inner and at.inner else n.gradient)
    δ, a = _sensitivity(n, at, to), n.unit("a1", at.up(-1), start)
    if n.whole and not (n.linear and at.output):
        factors = [a, Transposed(δ)] if n.from_to else [δ, Transposed(a)]
    else:
        factors = [a, δ] if n.from_to else [δ, a]
    left = Partial(n.name("E", at), n.weight(at, to, start))
    return [Line(left, "=", mul(n.sign, *factors))]


def _bias(n: Notation, at: Place, s: Source) -> list[Line]:
    at = _general(n, at)
    to, _ = s.units or (n.inner if n.inner and at.inner else n.gradient)
    if n.has("b", at):
        b = n.unit("b", at, to)
    else:
        n = replace(n, whole=False)
        b = n.weight(at, to, "0")
    return [Line(Partial(n.name("E", at), b), "=", mul(n.sign, _sensitivity(n, at, to)))]


def _output(n: Notation, at: Place, s: Source) -> list[Line]:
    if n.linear:
        return _recursion(n, at.up(-1), s)
    n = n if n.start else replace(n, whole=False)
    left, slope = _sensitivity(n, at, n.start), _applied(n, "dσ", at, n.start)

    def times(rate: Expr) -> Expr:
        return Pointwise(rate, n.times, slope) if n.whole else mul(rate, slope)

    C = n.name("C" if n.has("C", at) else "E", at)
    lines = [Line(left, "=", mul(n.sign, times(Partial(C, n.unit("a", at, n.start)))))]
    if n.error:
        units = "" if n.whole else f"_{{{n.start}}}"
        first, *rest = [Name(letter + units) for letter in n.error]
        own = times(add(first, *[-name for name in rest]))
        lines.append(Line(None, "=", own, n.remarks["output"]))
    return lines


PARTS: dict[str, Callable[[Notation, Place, Source], list[Line]]] = {
    "pre-activation": _pre_activation,
    "activation": _activation,
    "recursion": _recursion,
    "weight": _weight,
    "bias": _bias,
    "output": _output,
}
"""What formulas of all five lectures are made of."""

# ------------------------------------------------------------------ the formulas that there are

ANY, HIDDEN, LAST = Place("m", 0), Place("m", 0, hidden=True), Place("L", 0, 0)
ONE, TWO, THREE = (Place("", m, 3) for m in (1, 2, 3))  # the layers of CSC311's network
LOWER, UPPER = (Place("", m, 2) for m in (1, 2))  # those of BPNN's


def _source(parts: str, at: Place, **more: Any) -> Source:
    return Source(tuple((part, at) for part in parts.split()), **more)


_FACTOR = "one factor of what is shown here"
_RULE = "taken out of a rule of learning, where it stands beside the rate"
_SCALARS = "printed for one unit in each layer; for many it is CS3780-14"

SOURCES = {
    "CSC311-03": _source("pre-activation", TWO),
    "CSC311-04": _source("activation", TWO),
    "CSC311-05": _source("pre-activation", THREE),
    "CSC311-06": _source("activation", THREE),
    "CSC311-11": _source("pre-activation activation", ONE),
    "CSC311-12": _source("recursion", ONE, own=False, units=("2",)),
    "CSC311-13": _source("weight", ONE, own=False, units=("2", "3")),
    "CSC311-14": _source("output", THREE, own=False),
    "CSC311-15": _source("recursion", TWO, own=False, count=1),
    "CSC311-18": _source("output", THREE),
    "CSC311-19": _source("weight", THREE),
    "CSC311-20": _source("bias", THREE),
    "CSC311-21": _source("recursion", TWO, count=1),
    "CSC311-22": _source("weight", TWO),
    "CSC311-23": _source("bias", TWO),
    "CSC311-24": _source("recursion", ONE),
    "CSC311-25": _source("weight", ONE),
    "CSC311-26": _source("bias", ONE),
    "CSC311-27": _source("output", LAST),
    "CSC311-28": _source("recursion", ANY),
    "CSC311-29": _source("weight", ANY),
    "CSC311-31": _source("pre-activation activation", ANY),
    "CSC311-33": _source("bias", ANY),
    "CS3780-02": _source("pre-activation", ANY, whole=True),
    "CS3780-03": _source("activation", ANY, whole=True),
    "CS3780-04": _source("pre-activation", LAST, whole=True),
    "CS3780-05": _source("pre-activation", ANY, whole=True, own=False),
    "CS3780-08": Source((("pre-activation", ANY), ("activation", ANY.up(-1))), True, own=False),
    "CS3780-10": _source("recursion", ANY, whole=True, own=False, note=_SCALARS),
    "CS3780-11": Source(
        (("output", LAST), ("recursion", LAST.up(-1))), True, own=False, note=_SCALARS
    ),
    "CS3780-12": _source("weight", ANY, whole=True, own=False, note=_SCALARS),
    "CS3780-13": _source("bias", ANY, whole=True),
    "CS3780-14": Source(
        tuple(zip("output recursion weight weight bias".split(), (LAST, ANY, ANY, LAST, LAST))),
        True,
    ),
    "ML-06": _source("pre-activation", Place("", 1), count=2),
    "ML-08": _source("weight", Place("", 1), own=False, note=_FACTOR),
    "ML-11": _source("recursion", ANY, own=False, count=2),
    "ML-12": _source("output", LAST, own=False),
    "ML-13": _source("recursion", ANY, own=False, count=2),
    "ML-14": _source("weight", ANY, own=False),
    "ML-16": _source(
        "output weight", LAST, own=False, note="of a network with one unit, and of the loss ½Err²"
    ),
    "ML-18": _source("weight", LAST, note=_RULE),
    "ML-19": _source("output", LAST, note="its Errᵢ is −∂E/∂aᵢ of the loss ½ Σ Errᵢ²"),
    "ML-20": _source("recursion", ANY),
    "ML-21": _source("weight", HIDDEN, note=_RULE),
    "BPNN-01": _source("pre-activation", LOWER, whole=True, own=False),
    "BPNN-02": _source("pre-activation", LOWER, whole=True),
    "BPNN-03": _source("activation", LOWER, whole=True),
    "BPNN-05": _source("pre-activation", UPPER, whole=True),
    "BPNN-06": _source("activation", UPPER, whole=True),
    "BPNN-10": _source("weight", ANY),
    "BPNN-12": _source("weight", ANY, own=False, note=_FACTOR),
    "BPNN-13": _source("output", UPPER, own=False),
    "BPNN-14": _source("weight", ANY, own=False, note=_RULE),
    "BPNN-15": _source("output", LAST),
    "BPNN-16": _source("recursion", ANY),
    "LEC16-06": _source("weight", ANY, own=False),
    "LEC16-07": _source("pre-activation", ANY),
    "LEC16-08": _source("weight", ANY, own=False, note=_FACTOR),
    "LEC16-10": _source("weight", ANY),
    "LEC16-13": _source("weight", ANY, whole=True),
    "LEC16-14": _source("output", LAST),
    "LEC16-15": _source(
        "output", LAST, own=False, note="its 2(x − y) is ∂g/∂x of the loss (x − y)²"
    ),
    "LEC16-19": _source("recursion", ANY),
    "LEC16-22": _source("recursion", ANY, whole=True),
}
"""Each formula that all of the lectures share, in what it says."""

ERRATA = {f.id: f.erratum for f in formulas() if f.id in SOURCES and f.erratum}
"""Those of them that do not hold as printed, and are translated as corrected."""


@dataclass(frozen=True, repr=False)
class Translation:
    """A formula of one lecture, `source`, in the notation of another, `lecture`.

    `id` is what it is there: the numbers of that lecture's own formulas, or "" where it has none;
    `note` says which conventions changed, a line for each. Shows itself as text and as LaTeX.
    """

    source: str
    lecture: str
    id: str
    lines: tuple[Line, ...]
    note: str

    @property
    def text(self) -> str:
        """As Unicode text."""
        return self._printed(_Text())

    @property
    def latex(self) -> str:
        """As LaTeX for mathematics on a line of its own, amsmath and KaTeX alike."""
        return self._printed(_Tex())

    def _printed(self, show: Text) -> str:
        if own := NOTATIONS[self.lecture.lower()].derivative:
            show.partial = own
        if len(self.lines) > 1:
            return show.lines(self.lines)
        (line,) = self.lines
        return " = ".join(show(side) for side in (line.left, line.right) if side)

    def __repr__(self) -> str:
        own = f"In {self.lecture} it is {self.id}." if self.id else ""
        return "\n".join(filter(None, (self.text, own, self.note)))

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


def translate(formula_id: str, to: str = "lec16") -> Translation:
    """A formula of one lecture in the notation of another, of those that all five share.

    These are the forward pass, the recursion of δ, the gradients of weights and biases, and the δ
    of the output. What stands at a certain layer or unit stays there; what does not hold as
    printed is corrected first. Lectures are "csc311", "cs3780", "ml", "bpnn" and "lec16".
    Errors: ValueError for another lecture, or another formula, naming those that there are.

    >>> found = translate("CSC311-33", to="ml")
    >>> found.text, found.id
    ('∂E/∂W₀,ᵢ = −Δᵢ', 'ML-18')
    >>> print(found.note)
    Layers: no numbers, but letters of units; in CSC311 the input is layer 0.
    Sign: Δ = −∂E/∂in; in CSC311 that of the derivative.
    Biases: weights from a unit 0, whose activation is 1; in CSC311 added to the sum.
    """
    source = SOURCES.get(formula_id.upper()) if isinstance(formula_id, str) else None
    if source is None:
        known = ", ".join(SOURCES)
        raise ValueError(f"formula {formula_id!r}: expected one that all share, of {known}")
    if not isinstance(to, str) or to.lower() not in NOTATIONS:
        raise ValueError(f"lecture {to!r}: expected one of {', '.join(NOTATIONS)}")
    formula_id = formula_id.upper()
    there, here = NOTATIONS[formula_id.partition("-")[0].lower()], NOTATIONS[to.lower()]
    n = replace(here, whole=source.whole) if here.whole is None else here
    s = source if n.layers[0] else replace(source, units=())
    lines = [line for part, at in s.parts for line in PARTS[part](n, at, s)]
    found = dict.fromkeys(own for part, at in s.parts if (own := _own(n, part, at)))
    return Translation(
        formula_id,
        here.lecture,
        ", ".join(found),
        tuple(dict.fromkeys(lines)),
        "\n".join(_notes(formula_id, found, source, there, here)),
    )


def _own(n: Notation, part: str, at: Place) -> str:
    """The formula of a lecture that says this of this layer, or else of any layer."""

    def distance(place: Place) -> int:
        if place == at or (place.letter, place.number, place.output) == ("", at.number, at.output):
            return 0
        if (place.output and at.output) or (place.hidden and at.inner):
            return 1 if place.letter else 3
        if place == ANY:
            return 2
        return 4 if place.letter or place.number != at.number else 3

    found = [
        (distance(place), s.whole != n.whole, name)
        for name, s in SOURCES.items()
        for other, place in s.parts
        if s.own and name.startswith(f"{n.lecture}-") and other == part
    ]
    if part == "bias" and not found:
        return _own(n, "weight", at)  # of which there biases are some
    return min(found, default=(0, False, ""))[2]


def _notes(
    name: str, found: Iterable[str], s: Source, there: Notation, here: Notation
) -> Iterator[str]:
    """What is not as it was, a line for each."""
    parts = {part for part, _ in s.parts}
    for formula in dict.fromkeys([name, *found]):
        if formula in ERRATA:
            numbers = ERRATA[formula]
            yield f"{formula} does not hold as printed ({numbers}); this is the corrected form."
    if s.note:
        yield f"{name}: {s.note}."
    if s.units and (here.whole or not here.layers[0]):
        yield f"{name}: for unit {', from unit '.join(s.units)}."
    if s.count == 1 and not here.layers[0]:
        yield f"{name}: for one unit {here.recursion[1]} above."
    for part, remark in here.remarks.items():
        if part in parts and not (part == "output" and here.error):  # which its line has
            yield remark
    if here is not there:
        for (topic, about, own), (_, _, other) in zip(_conventions(here), _conventions(there)):
            if parts & {*about.split()} and own and other and own != other:
                yield f"{topic}: {own}; in {there.lecture} {other}."


def _conventions(n: Notation) -> list[tuple[str, str, str]]:
    """What a lecture does in its own way: the topic, the parts that it is about, and how."""
    weights, sensitivities = "pre-activation recursion weight", "recursion weight bias output"
    numbered = bool(n.layers[0])
    return [
        (
            "Layers",
            " ".join(PARTS),
            f"the input is layer {n.first}" if numbered else "no numbers, but letters of units",
        ),
        ("Indices of a weight", weights, "from, to" if n.from_to else "to, from"),
        (
            "Layer of a weight",
            weights if numbered else "",
            "the one it goes out of" if n.out_of else "the one it goes into",
        ),
        (
            "Sign",
            sensitivities,
            "Δ = −∂E/∂in" if n.sign < 0 else "that of the derivative",
        ),
        ("Biases", "pre-activation weight bias", n.biases),
        ("Output", "output", n.outputs),
    ]
