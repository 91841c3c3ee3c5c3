"""Tests of translated formulas: each is run on a random network, read by what is printed.

`tables` puts the quantities of a plain network under the names and indices that a lecture has for
them, known here and not taken from the module; derivatives are complex steps. `Reader` then looks
each printed name up in these tables, letter by letter and number by number.
"""

import re
from dataclasses import replace
from functools import cache, partial
from random import Random
from unicodedata import normalize

import numpy as np
import pytest
from katex import refused

from micrograd_bp import symbol
from micrograd_bp.formula import Name, Number, Partial, Product, Sum
from micrograd_bp.lectures import report
from micrograd_bp.lectures.dictionary import NOTATIONS
from micrograd_bp.lectures.statements import FUNCTIONS, Plain, exp, log
from micrograd_bp.lectures.translation import (
    ERRATA,
    LAST,
    SOURCES,
    Applied,
    Over,
    Pointwise,
    Transposed,
    translate,
)

PAIRS = [(name, to) for name in SOURCES for to in NOTATIONS]
LOSSES = {
    "any": lambda a, y: sum((u - t) ** 4 * (k + 1.0) for k, (u, t) in enumerate(zip(a, y))),
    "ml": lambda a, y: sum((t - u) ** 2 for u, t in zip(a, y)) / 2.0,
    "bpnn": lambda a, y: log(sum(map(exp, a))) - sum(u * t for u, t in zip(a, y)),
}
LINEAR = (lambda z: z, lambda z: 1.0)


def lecture_of(name):
    return name.partition("-")[0].lower()


# ------------------------------------------------------------------ a network


class Network:
    """Layers 0 (the input) to L, tanh and softplus by turns; what is asked of it is by layer."""

    def __init__(self, sizes, linear, loss):
        self.sizes, self.loss, self.L = sizes, LOSSES[loss], len(sizes) - 1
        rng = Random(str((sizes, linear, loss)))
        draw = partial(rng.uniform, -1.0, 1.0)
        names = ["tanh" if m % 2 else "softplus" for m in range(1, self.L)]
        self.functions = dict(enumerate([*names, "linear" if linear else "sigmoid"], 1))
        self.W = {
            m: [[draw() for _ in range(sizes[m - 1])] for _ in range(sizes[m])]
            for m in self.functions
        }
        self.b = {m: [draw() for _ in range(sizes[m])] for m in self.functions}
        self.x = [draw() for _ in range(sizes[0])]
        self.y = [float(k == 0) for k in range(sizes[-1])]
        self.plain = Plain(self.forward)
        self.E = self.plain("E")

    def forward(self, at):
        a = [at(f"a 0 {j}", x) for j, x in enumerate(self.x, 1)]
        for m, name in self.functions.items():
            below, a = a, []
            for i, row in enumerate(self.W[m], 1):
                z = at(f"b {m} {i}", self.b[m][i - 1])
                for j, (w, u) in enumerate(zip(row, below), 1):
                    z += at(f"W {m} {i} {j}", w) * u
                z = at(f"z {m} {i}", z)
                a.append(at(f"a {m} {i}", z if name == "linear" else FUNCTIONS[name](z)))
        at("E", self.loss(a, self.y))

    def units(self, m):
        return range(1, self.sizes[m] + 1)

    def column(self, kind, m):
        return {(i,): self.plain(f"{kind} {m} {i}") for i in self.units(m)}

    def matrix(self, m):
        return {
            (i, j): self.plain(f"W {m} {i} {j}") for i in self.units(m) for j in self.units(m - 1)
        }

    def d(self, by):
        return self.plain.d(self.E, by)

    def function(self, m, prime):
        name = self.functions[m]
        return (LINEAR if name == "linear" else Plain.function(name))[prime]


@cache
def network(sizes, linear, loss="any"):
    return Network(sizes, linear, loss)


def tables(lecture, n):
    """{symbol: {number of a layer: {indices: quantity}}}; without a number it is None."""
    layers = range(1, n.L + 1)
    z, b = ({m: n.column(kind, m) for m in layers} for kind in "zb")
    a = {m: n.column("a", m) for m in (0, *layers)}
    a1 = {m: {(0,): 1.0} | a[m] for m in a}
    W = {m: n.matrix(m) for m in layers}
    W1 = {m: W[m] | {(i, 0): q for (i,), q in b[m].items()} for m in layers}
    across, across1 = ({m: {(j, i): q for (i, j), q in w[m].items()} for m in w} for w in (W, W1))
    δ = {m: {i: n.d(q) for i, q in z[m].items()} for m in layers}
    sizes = {m: {(): float(size)} for m, size in enumerate(n.sizes)}
    if lecture == "csc311":
        w = {n.L: {(j,): q for (_, j), q in W[n.L].items()}}
        return {"z": z, "a": a, "b": b, "W": W, "w": w, "D": sizes}
    if lecture == "cs3780":
        (output,), (bias,) = z.pop(n.L).values(), b.pop(n.L).values()
        ŷ, α = {(): output}, {(j,): q for (_, j), q in W.pop(n.L).items()}
        del δ[n.L], a[n.L]
        return {
            "u": z, "z": a, "W": W, "b": b | {None: {(): bias}}, "δ": δ,
            "y\u0302": {None: ŷ}, "α": {None: α},
        }  # fmt: skip
    if lecture == "ml":
        minus = {m: {i: -x for i, x in δ[m].items()} for m in δ}
        err = {n.L: {(i,): n.y[i - 1] - q for (i,), q in a[n.L].items()}}
        return {"in": z, "a": a1, "W": across1, "Δ": minus, "Err": err}
    if lecture == "bpnn":
        exps = {i: exp(q) for i, q in a[n.L].items()}
        h = {i: e / sum(exps.values()) for i, e in exps.items()}

        def up(found):
            return {m + 1: found[m] for m in found}

        return {
            "Z": up(z), "A": up(a), "A\u0303": up(a1), "Δ": up(δ), "W": W, "W\u0303": W1,
            "x": {None: a[0]}, "x\u0303": {None: a1[0]}, "h": {None: h},
            "y": {None: {(i,): y for i, y in enumerate(n.y, 1)}},
        }  # fmt: skip
    return {
        "s": z, "x": a1, "w": across1, "W\u0302": across, "δ": δ, "d": sizes,
    }  # fmt: skip


TOPS = {
    "csc311": {"L": 0}, "cs3780": {"T": -1}, "ml": {}, "bpnn": {"L": 1}, "lec16": {"L": 0},
}  # fmt: skip
INPUT = {"bpnn": 1}


class Reader:
    """What printed names mean in a network, for one number of the layer that is any layer."""

    def __init__(self, lecture, network, number):
        self.lecture, self.network, self.number = lecture, network, number
        self.tables = tables(lecture, network)
        self.env = {letter: network.L + shift for letter, shift in TOPS[lecture].items()}
        self.env |= dict.fromkeys("mlt", number)
        self.above = {"k": number - 1, "j": number, "i": number + 1}  # of ML's letters

    def parts(self, name):
        """The symbol, the number of the layer, and the units as they are printed."""
        found = [*symbol.pieces(name.label)]
        base, above, units = "", None, []
        for mark, body in found:
            if mark == "":
                base += body
            elif mark == "^":
                base += "′" * body.count("′")
                above = self.layer(body.replace("′", ""))
            else:
                units = body.split(",") if "," in body else [*body]
        if self.lecture == "ml" and units:
            letters = [unit for unit in units if unit.isalpha()]
            above = self.above[letters[-1]]
        return base, above, units

    def layer(self, body):
        letter, shift = re.fullmatch(r"[(\[]?([A-Za-z]?)([+-]?\d*)[)\]]?", body).groups()
        return (self.env[letter] if letter else 0) + int(shift or 0)

    def table(self, name):
        base, layer, units = self.parts(name)
        return self.tables[base][layer], units

    def quantity(self, name, at):
        """A number, or for a whole layer an array."""
        return self.entry(*self.table(name), at)

    def derivative(self, by, at):
        table, units = self.table(by)
        return self.entry(self.slopes(table), units, at)

    def slopes(self, table):
        return {key: self.network.d(q) for key, q in table.items() if hasattr(q, "label")}

    def entry(self, table, units, at):
        if not units:
            return table[()] if () in table else array(table)
        bound = [int(unit) if unit.isdigit() else at.get(unit) for unit in units]
        fitting = [k for k in table if all(b in (None, u) for b, u in zip(bound, k, strict=True))]
        (key,) = fitting if len(fitting) == 1 else [None]  # a letter that is free has one meaning
        return table[key]

    def function(self, function, argument):
        base, layer, _ = self.parts(function)
        assert base.rstrip("′") in {"csc311": "σ", "cs3780": "σ", "ml": "g", "bpnn": "φ",
                                    "lec16": "θ"}[self.lecture]  # fmt: skip
        if layer is None:
            _, layer, _ = self.parts(argument)
        return np.vectorize(self.network.function(layer - INPUT.get(self.lecture, 0), "′" in base))

    def value(self, e, at):
        of = partial(self.value, at=at)
        match e:
            case Name():
                return self.quantity(e, at)
            case Number(x):
                return x
            case Sum(terms):
                return sum(map(of, terms))
            case Product(factors):
                result, *rest = map(of, factors)
                for factor in rest:
                    whole = np.ndim(result) and np.ndim(factor)
                    result = result @ factor if whole else result * factor
                return result
            case Partial(of=loss, by=by):
                own = {"csc311": "C", "cs3780": "ℓ", "ml": "E", "bpnn": "J", "lec16": "e g"}
                assert symbol.unicode(loss.label) in own[self.lecture].split()
                return self.derivative(by, at)
            case Applied(function, argument):
                return self.function(function, argument)(of(argument))
            case Transposed(matrix):
                return of(matrix).T
            case Pointwise(left, sign, right):
                left, right = of(left), of(right)
                assert np.shape(left) == np.shape(right)
                assert sign == {"cs3780": "⊙", "bpnn": "⊙", "lec16": "⊗"}[self.lecture]
                return left * right
            case Over(index, first, last, body):
                units = self.range(index, body)
                if last is not None:
                    assert [*units - {0}] == [*range(1, int(of(last)) + 1)]
                units -= {0} if first != "0" else set()
                return sum(self.value(body, at | {index: k}) for k in units)
        raise TypeError(e)

    def range(self, letter, e):
        """The units for which some name in a sum has a quantity."""
        found = []
        for name in names(e):
            table, units = self.table(name)
            found += [{key[units.index(letter)] for key in table}] if letter in units else []
        return set.intersection(*found)

    def lefts(self, left, constant):
        """The left side for each of its units: their letters, and a number or an array.

        Where biases are weights from a unit 0, they are among them if `constant`; that an
        activation is 1 is no formula's business.
        """
        name = left.by if isinstance(left, Partial) else left
        table, units = self.table(name)
        if isinstance(left, Partial):
            table = self.slopes(table)
        if not (constant and isinstance(left, Partial)):
            table = {key: x for key, x in table.items() if 0 not in key or "0" in units}
        if not units:
            return [({}, table[()] if () in table else array(table))]
        return [
            (dict(zip(units, key)), x)
            for key, x in table.items()
            if all(not u.isdigit() or int(u) == k for u, k in zip(units, key, strict=True))
        ]


def names(e):
    match e:
        case Name():
            yield e
        case Sum(parts) | Product(parts):
            for part in parts:
                yield from names(part)
        case Partial(by=by):
            yield by
        case Applied(argument=part) | Over(body=part):
            yield from names(part)


def array(table):
    """A column or a matrix of a table."""
    first = sorted({key[0] for key in table})
    second = sorted({key[1:] for key in table})
    return np.array([[float(table[i, *j]) for j in second] for i in first])


# ------------------------------------------------------------------ what holds


def shape(name, to):
    """The sizes of a network that has what the formula and both lectures speak of."""
    source, both = SOURCES[name], {lecture_of(name), to}
    tops = {at.top for _, at in source.parts if not at.letter} - {None}
    L = tops.pop() if tops else 3
    single = both & {"csc311", "cs3780"} or source.count == 1
    single = single or ("lec16" in both and "output" in dict(source.parts))
    inner = [2] * L if source.count > 1 else [3, 4, 2, 3][:L]
    return (*inner, 1 if single else 2), "cs3780" in both


def run(translation, network, own_loss=False, constant=True):
    """Both sides of each line on each layer and unit; the left sides, by line."""
    lecture = translation.lecture.lower()
    found, left = [], None
    for line in translation.lines:
        left = line.left or left
        if line.left is None and not own_loss:
            continue
        values = []
        for number in range(-1, network.L + 3):
            reader = Reader(lecture, network, number)
            try:
                pairs = [
                    (x, reader.value(line.right, at)) for at, x in reader.lefts(left, constant)
                ]
            except KeyError:
                continue  # there is no such layer
            values += pairs
        found.append(values)
    return found


def error(pairs):
    """The largest difference, relative to the largest left side."""
    largest = max(np.max(np.abs(left)) for left, _ in pairs)
    differences = [np.subtract(*np.broadcast_arrays(left, right)) for left, right in pairs]
    return max(np.max(np.abs(d)) for d in differences) / largest


@pytest.mark.parametrize(("name", "to"), PAIRS)
def test_every_line_holds(name, to):
    sizes, linear = shape(name, to)
    for pairs in run(translate(name, to), network(sizes, linear)):
        assert pairs
        assert error(pairs) < 1e-12


@pytest.mark.parametrize("to", ["ml", "bpnn"])
@pytest.mark.parametrize(
    "name", [name for name, s in SOURCES.items() if dict(s.parts).get("output") == LAST]
)
def test_the_own_loss_of_a_lecture(name, to):
    translation = translate(name, to)
    output = replace(translation, lines=translation.lines[:2])
    assert [line.left is None for line in output.lines] == [False, True]
    both = run(output, network((3, 4, 3), False, to), own_loss=True)
    assert max(map(error, both)) < 1e-12


def about(name, to, net):
    """For each line the numbers on its left, ∂E/∂z with its own sign."""
    translation = translate(name, to)
    lines = [line.left for line in translation.lines if line.left]
    for left, pairs in zip(lines, run(translation, net, constant=False), strict=True):
        minus = isinstance(left, Name) and left.label.startswith(r"\Delta") and to == "ml"
        numbers = [x for value, _ in pairs for x in np.ravel(value)]
        yield {f"{-x if minus else x:.9g}" for x in numbers}


@pytest.mark.parametrize(("name", "to"), PAIRS)
def test_the_layer_and_the_unit_stay_what_they_are(name, to):
    own = lecture_of(name)
    sizes, linear = shape(name, to)
    if "output" in dict(SOURCES[name].parts) and (own == "cs3780") != (to == "cs3780"):
        return  # there the backward pass begins one layer below
    net = network(sizes, linear)
    for here, there in zip(about(name, to, net), about(name, own, net), strict=True):
        # CS3780 has no t for its output, ML no numbers, so that its line is about more or less.
        assert here == there or ({own, to} & {"cs3780", "ml"} and (here < there or there < here))


# ------------------------------------------------------------------ the checks can fail


def change(lecture, **fields):
    changes = {
        field: getattr(NOTATIONS[lecture], field) | value if isinstance(value, dict) else value
        for field, value in fields.items()
    }
    return pytest.param(lecture, changes, id=f"{lecture} {' '.join(fields)}")


@pytest.mark.parametrize(
    ("lecture", "changes"),
    [
        *(change(lecture, from_to=not n.from_to) for lecture, n in NOTATIONS.items()),
        *(change(lecture, sign=-n.sign) for lecture, n in NOTATIONS.items()),
        *(change(lecture, out_of=not NOTATIONS[lecture].out_of) for lecture in ("bpnn", "lec16")),
        change("bpnn", first=0),
        change("lec16", first=1),
        change("csc311", one=False),
        change("cs3780", linear=False),
        change("ml", inner=("k", "j")),
        change("bpnn", symbols={"a1": "A^{(#)}"}),
        change("bpnn", symbols={"V": r"\tilde{W}^{(#)}"}),
        change("lec16", symbols={"V": "w^{(#)}"}),
        change("csc311", symbols={"dσ": r"\sigma^{(#)}"}),
        change("lec16", symbols={"D": "d^{(l)}"}),
    ],
)
def test_a_wrong_convention_is_found(lecture, changes, monkeypatch):
    monkeypatch.setitem(NOTATIONS, lecture, replace(NOTATIONS[lecture], **changes))
    for name in SOURCES:
        try:
            test_every_line_holds(name, lecture)
        except (AssertionError, IndexError, TypeError, ValueError):
            return
    pytest.fail("every line holds")


@pytest.mark.parametrize("error", [("y", "h"), ("A^{(L)}", "y")])
def test_a_wrong_error_is_found(error, monkeypatch):
    monkeypatch.setitem(NOTATIONS, "bpnn", replace(NOTATIONS["bpnn"], error=error))
    with pytest.raises((AssertionError, TypeError, KeyError)):
        test_the_own_loss_of_a_lecture("CSC311-27", "bpnn")


# ------------------------------------------------------------------ what is printed


@pytest.mark.parametrize(
    ("name", "to", "own", "text"),
    [
        ("CSC311-22", "lec16", "LEC16-10", "∂e/∂w⁽²⁾ᵢⱼ = x⁽¹⁾ᵢ · δ⁽²⁾ⱼ"),
        ("CSC311-22", "bpnn", "BPNN-10", "∂J/∂W̃⁽²⁾ᵢⱼ = Δ⁽³⁾ᵢ · Ã⁽²⁾ⱼ"),
        ("CSC311-22", "ml", "ML-21", "∂E/∂Wₖ,ⱼ = −aₖ · Δⱼ"),
        ("CSC311-22", "cs3780", "CS3780-14", "dℓ/dW^[2] = δ² · z¹⊤"),
        ("CSC311-19", "ml", "ML-18", "∂E/∂Wⱼ,ᵢ = −aⱼ · Δᵢ"),
        ("CSC311-13", "lec16", "LEC16-10", "∂e/∂w⁽¹⁾₃₂ = x⁽⁰⁾₃ · δ⁽¹⁾₂"),
        ("CSC311-21", "lec16", "LEC16-19", "δ⁽²⁾ᵢ = δ⁽³⁾₁ · w⁽³⁾ᵢ₁ · θ′(s⁽²⁾ᵢ)"),
        ("CSC311-21", "cs3780", "CS3780-14", "δ² = (dℓ/dŷ · α) ⊙ σ′(u²)"),
        (
            "CSC311-24",
            "bpnn",
            "BPNN-16",
            "Δ⁽²⁾ⱼ = φ′⁽²⁾(Z⁽²⁾ⱼ) · (Σₖ Δ⁽³⁾ₖ · W⁽²⁾ₖⱼ)",
        ),
        ("CSC311-28", "cs3780", "CS3780-14", "δᵗ⁻¹ = (W^[t]⊤ · δᵗ) ⊙ σ′(uᵗ⁻¹)"),
        ("CSC311-29", "bpnn", "BPNN-10", "∂J/∂W̃⁽ˡ⁾ᵢⱼ = Δ⁽ˡ⁺¹⁾ᵢ · Ã⁽ˡ⁾ⱼ"),
        ("CSC311-33", "ml", "ML-18", "∂E/∂W₀,ᵢ = −Δᵢ"),
        ("CSC311-27", "lec16", "LEC16-14", "δ⁽ᴸ⁾ = ∂g/∂x⁽ᴸ⁾ · θ′(s⁽ᴸ⁾)"),
        ("CS3780-10", "lec16", "LEC16-22", "δ⁽ˡ⁾ = (Ŵ⁽ˡ⁺¹⁾ · δ⁽ˡ⁺¹⁾) ⊗ θ′(s⁽ˡ⁾)"),
        ("CS3780-12", "lec16", "LEC16-13", "∂e/∂w⁽ˡ⁾ = x⁽ˡ⁻¹⁾ · δ⁽ˡ⁾⊤"),
        ("CS3780-04", "lec16", "LEC16-07", "s⁽ᴸ⁾ = w⁽ᴸ⁾⊤ · x⁽ᴸ⁻¹⁾"),
        (
            "ML-11",
            "csc311",
            "CSC311-28",
            "∂C/∂z⁽ᵐ⁾ⱼ = (∂C/∂z⁽ᵐ⁺¹⁾₁ · W⁽ᵐ⁺¹⁾₁ⱼ + ∂C/∂z⁽ᵐ⁺¹⁾₂ · W⁽ᵐ⁺¹⁾₂ⱼ) · σ⁽ᵐ⁾′(z⁽ᵐ⁾ⱼ)",
        ),
        ("ML-06", "bpnn", "BPNN-02", "Z⁽²⁾ᵢ = W̃⁽¹⁾ᵢ₀ + W̃⁽¹⁾ᵢ₁ · x₁ + W̃⁽¹⁾ᵢ₂ · x₂"),
        ("ML-20", "ml", "ML-20", "Δⱼ = g′(inⱼ) · (Σᵢ Wⱼ,ᵢ · Δᵢ)"),
        (
            "BPNN-16",
            "lec16",
            "LEC16-19",
            "δ⁽ˡ⁾ᵢ = (Σⱼ₌₁^(d⁽ˡ⁺¹⁾) δ⁽ˡ⁺¹⁾ⱼ · w⁽ˡ⁺¹⁾ᵢⱼ) · θ′(s⁽ˡ⁾ᵢ)",
        ),
        ("BPNN-05", "csc311", "CSC311-31", "z⁽²⁾ = Σⱼ₌₁^(D⁽¹⁾) w⁽²⁾ⱼ · a⁽¹⁾ⱼ + b⁽²⁾"),
        ("CSC311-05", "bpnn", "BPNN-05", "Z⁽⁴⁾ᵢ = Σⱼ₌₀ W̃⁽³⁾ᵢⱼ · Ã⁽³⁾ⱼ"),
        ("LEC16-19", "ml", "ML-20", "Δⱼ = g′(inⱼ) · (Σᵢ Wⱼ,ᵢ · Δᵢ)"),
    ],
)
def test_what_it_reads(name, to, own, text):
    found = translate(name, to)
    assert (found.source, found.lecture, found.id) == (name, to.upper(), own)
    assert normalize("NFC", found.text) == normalize("NFC", text)
    assert str(found).startswith(f"{found.text}\nIn {to.upper()} it is {own}.")


def test_as_latex():
    found = translate("CSC311-28", "lec16")
    assert found.latex == (
        r"\delta^{(l)}_i = \left(\sum_{j = 1}^{d^{(l+1)}} \delta^{(l+1)}_j w^{(l+1)}_{ij}\right)"
        r" \theta{{}^\prime}(s^{(l)}_i)"
    )
    assert found._repr_latex_() == f"$$\n{found.latex}\n$$"
    assert translate("LEC16-13", "cs3780").latex == (
        r"\frac{d\ell}{dW^{[t]}} = \delta^t {z^{t-1}}^\top"
    )


def test_every_translation_is_latex_for_katex():
    shown = {pair: translate(*pair).latex for pair in PAIRS}
    assert dict(zip(shown, refused(shown.values()), strict=False)) == {}


@pytest.mark.parametrize(("name", "to"), PAIRS)
def test_its_own_formula_is_one_of_the_lecture(name, to):
    found = translate(name, to)
    for own in found.id.split(", ") if found.id else ():
        assert lecture_of(own) == to
        parts, others = dict(SOURCES[own].parts), dict(SOURCES[name].parts)
        assert {*parts} & {*others} or ("bias" in others and "weight" in parts)
    if lecture_of(name) == to and SOURCES[name].own:
        assert name in found.id.split(", ")


# ------------------------------------------------------------------ what is said


@pytest.mark.parametrize(("name", "numbers"), ERRATA.items())
@pytest.mark.parametrize("to", NOTATIONS)
def test_a_wrong_formula_is_corrected_and_said_to_be(name, numbers, to):
    assert f"{name} does not hold as printed ({numbers})" in translate(name, to).note


@pytest.mark.parametrize("to", NOTATIONS)
def test_a_wrong_formula_over_there_is_said_to_be_one(to):
    """Whoever looks it up in the other lecture finds something else."""
    for found in (translate(name, to) for name in SOURCES):
        for own in {*found.id.split(", ")} & {*ERRATA}:
            assert f"{own} does not hold as printed ({ERRATA[own]})" in found.note


def test_the_errata_are_those_of_the_lectures():
    formulas = {f.id: f for f in report.formulas()}
    assert SOURCES.keys() <= formulas.keys()
    wrong = {name: formulas[name].erratum for name in SOURCES if formulas[name].corrected}
    assert wrong == ERRATA


@pytest.mark.parametrize(
    ("name", "to", "said"),
    [
        ("CSC311-28", "lec16", "Indices of a weight: from, to; in CSC311 to, from."),
        ("CSC311-28", "ml", "Sign: Δ = −∂E/∂in; in CSC311 that of"),
        ("CSC311-28", "bpnn", "Layers: the input is layer 1; in CSC311 the input is layer 0."),
        ("CSC311-28", "bpnn", "Layer of a weight: the one it goes out of; in CSC311 the one it g"),
        ("CSC311-31", "lec16", "Biases: row 0 of w, where x₀ = 1; in CSC311 added to the sum."),
        ("CSC311-29", "bpnn", "½λ‖W‖²"),
        ("CSC311-27", "lec16", "∂g/∂x = 2(x − y)"),
        ("CSC311-27", "cs3780", "the backward pass begins below it"),
        ("CSC311-13", "ml", "CSC311-13: for unit 2, from unit 3."),
        ("CSC311-21", "ml", "CSC311-21: for one unit i above."),
        ("CS3780-12", "csc311", "printed for one unit in each layer"),
        ("LEC16-15", "ml", "its 2(x − y) is ∂g/∂x of the loss (x − y)²"),
        ("ML-18", "lec16", "taken out of a rule of learning"),
    ],
)
def test_what_changed_is_said(name, to, said):
    assert said in translate(name, to).note


@pytest.mark.parametrize("name", ["CSC311-28", "LEC16-19", "CS3780-13", "ML-20", "BPNN-02"])
def test_at_home_nothing_changes(name):
    assert translate(name, lecture_of(name)).note == ""


# ------------------------------------------------------------------ how it is asked


def test_names_in_any_case():
    assert translate("csc311-28", to="LEC16") == translate("CSC311-28", to="lec16")
    assert translate("CSC311-28") == translate("CSC311-28", "Lec16")
    assert {translate("CSC311-28"), translate("csc311-28")} == {translate("CSC311-28")}


@pytest.mark.parametrize("name", ["CSC311-01", "LEC16-17", "X-1", "", "CSC311-9", None, 28, []])
def test_a_formula_that_not_all_share(name):
    with pytest.raises(ValueError, match=r"expected one that all share, of CSC311-03.*LEC16-22"):
        translate(name)


@pytest.mark.parametrize("to", ["csc411", "", None, 3, "LEC16 "])
def test_another_lecture(to):
    with pytest.raises(ValueError, match="expected one of csc311, cs3780, ml, bpnn, lec16"):
        translate("CSC311-28", to)
