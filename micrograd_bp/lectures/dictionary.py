r"""How five lectures write one thing: their notations side by side, and each as a record.

>>> for row in notation().rows[:4]:
...     print(f"{row.name:15}", *row.texts, sep=" | ")
pre-activation  | z⁽ᵐ⁾ | uᵗ | z, z′, z′′; in | Z⁽ˡ⁾ | s⁽ˡ⁾
activation      | a⁽ᵐ⁾ | zᵗ | a, aⱼ | A⁽ˡ⁾ | x⁽ˡ⁾
nonlinearity    | σ⁽ᵐ⁾ | σ | σ; g | φ⁽ˡ⁾ | θ
sensitivity     | ∂C/∂z⁽ᵐ⁾ | δᵗ | ∂l/∂z; Δ = −∂E/∂in | Δ⁽ˡ⁾ | δ⁽ˡ⁾
>>> layer = Place("m", 0)
>>> for n in NOTATIONS.values():
...     print(n.lecture, n.weight(layer, "i", "j").label, n.unit("a", layer.up(-1), "j").label)
CSC311 W^{(m)}_{ij} a^{(m-1)}_{j}
CS3780 W^{[t]} z^{t-1}
ML W_{j,i} a_{j}
BPNN \tilde{W}^{(l-1)}_{ij} A^{(l-1)}_{j}
LEC16 w^{(l)}_{ji} x^{(l-1)}_{j}

`translation` writes formulas with them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from micrograd_bp import symbol
from micrograd_bp.formula import Name
from micrograd_bp.notation import aligned

# ------------------------------------------------------------------ how a lecture writes


@dataclass(frozen=True)
class Place:
    """A layer, counted from the input as 0.

    With the letter "m" it is any layer m, or m plus a number; with "L" the last; with none a
    number. `top` is that of the output layer where it is known; `hidden` says that an m is not it.
    """

    letter: str
    number: int
    top: int | None = None
    hidden: bool = False

    def up(self, count: int) -> "Place":
        """The layer so many above."""
        return Place(self.letter, self.number + count, self.top)

    @property
    def input(self) -> bool:
        """Whether it is known to be the input."""
        return not (self.letter or self.number)

    @property
    def output(self) -> bool:
        """Whether it is known to be the output layer."""
        return self.number == self.top

    @property
    def inner(self) -> bool:
        """Whether it is known to be a hidden layer."""
        return self.hidden or (self.top is not None and self.number < self.top)


@dataclass(frozen=True)
class Notation:
    """How a lecture writes a network.

    In a symbol, # stands for the number of its layer. Letters of units come in pairs: in a sum
    forward (to, from), in the gradient of a weight (to, from; `inner` where its layer is known to
    be hidden), in the recursion (unit, unit above).
    """

    lecture: str
    layers: tuple[str, str]
    """What it calls any layer, and the last; nothing where the letter of a unit says its layer."""
    symbols: Mapping[str, str]
    """Of z, a, W, b, σ, dσ, δ and E; of D, a layer's size, and C, the loss of an output.

    Without b, biases are weights from a unit 0; without δ it writes ∂E/∂z. Where they differ, a1 is
    a with the constant 1, V is W without the biases, and w an entry of that.
    """
    biases: str
    """Where they are, in words."""
    outputs: str
    """What its output is, in words."""
    output: Mapping[str, str] = field(default_factory=dict)
    """Symbols that are others at the output layer."""
    input: Mapping[str, str] = field(default_factory=dict)
    """Symbols that are others at the input layer."""
    whole: bool | None = False
    """Whether it writes whole layers, without indices of units; None where it does both."""
    first: int = 0
    """The number of the input layer."""
    out_of: bool = False
    """Whether W^(l) has the number of the layer that it goes out of."""
    from_to: bool = False
    """Whether the indices of a weight are from, to."""
    sign: int = 1
    """That of δ = ±∂E/∂z."""
    one: bool = False
    """Whether there is one output, without an index."""
    linear: bool = False
    """Whether the output is a mere sum, and the last layer the one before it."""
    forward: tuple[str, str] = ("i", "j")
    gradient: tuple[str, str] = ("i", "j")
    inner: tuple[str, str] | None = None
    recursion: tuple[str, str] = ("j", "i")
    start: str = ""
    """The letter of an output unit where the backward pass begins."""
    order: str = "δWσ"
    """The order of the recursion's factors."""
    step: int = 0
    """Where the recursion leads to: -1 if it is from t to t - 1."""
    comma: str = ""
    times: str = "⊙"
    derivative: str = ""
    """Where it writes a derivative with another letter than ∂."""
    error: tuple[str, ...] = ()
    """±∂E/∂a of its own loss: the first of these, less the second."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What there is to add to a formula for the weights, or for the output."""

    def has(self, kind: str, at: Place) -> str:
        """The symbol of a kind of quantity at a layer; nothing where there is none."""
        own = self.output if at.output else self.input if at.input else {}
        return own.get(kind, self.symbols.get(kind, ""))

    def number(self, at: Place, weight: bool = False) -> str:
        """The number that a layer has here; of a weight, that of the layer it is counted with."""
        shift = at.number - (weight and self.out_of)
        if not at.letter:
            return str(shift + self.first)
        shift += at.letter == "L" and self.linear
        return self.layers[at.letter == "L"] + (f"{shift:+d}" if shift else "")

    def name(self, kind: str, at: Place, *units: str) -> Name:
        """A quantity of a layer, of a unit or of a pair of units."""
        label = self.has(kind, at).replace("#", self.number(at, weight=kind in ("W", "V", "w")))
        if any(units) and not self.whole:
            label += f"_{{{self.comma.join(units)}}}"
        return Name(label)

    def unit(self, kind: str, at: Place, unit: str) -> Name:
        """A quantity of a unit."""
        kind = kind if self.has(kind, at) else kind[0]
        return self.name(kind, at, "" if self.one and at.output else unit)

    def weight(self, at: Place, to: str, start: str, alone: bool = False) -> Name:
        """The weight into a layer from the one below; `alone` where no bias is among them."""
        kind = ("V" if self.whole else "w") if alone else "W"
        kind = kind if self.has(kind, at) else "W"
        units = (start,) if self.one and at.output else (to, start)
        return self.name(kind, at, *(reversed(units) if self.from_to else units))


CSC311 = Notation(
    "CSC311",
    ("m", "L"),
    {
        "z": "z^{(#)}", "a": "a^{(#)}", "W": "W^{(#)}", "b": "b^{(#)}", "D": "D^{(#)}",
        "σ": r"\sigma^{(#)}", "dσ": r"\sigma^{(#)\prime}", "E": "C",
    },
    biases="added to the sum",
    outputs="one unit, without an index",
    output={"W": "w^{(#)}"},
    one=True,
)  # fmt: skip
CS3780 = Notation(
    "CS3780",
    ("t", "T"),
    {
        "z": "u^{#}", "a": "z^{#}", "W": "W^{[#]}", "b": "b^{#}", "δ": r"\delta^{#}",
        "σ": r"\sigma", "dσ": r"\sigma\prime", "E": r"\ell",
    },
    biases="added to the sum",
    outputs="ŷ, linear and not a layer: the backward pass begins below it, at the last layer T",
    output={"z": r"\hat{y}", "a": r"\hat{y}", "W": r"\alpha", "b": "b", "δ": ""},
    whole=True,
    one=True,
    linear=True,
    step=-1,
    derivative="d",
)  # fmt: skip
ML = Notation(
    "ML",
    ("", ""),
    {"z": "in", "a": "a", "W": "W", "δ": r"\Delta", "σ": "g", "dσ": r"g\prime", "E": "E"},
    biases="weights from a unit 0, whose activation is 1",
    outputs="any number of units",
    from_to=True,
    sign=-1,
    inner=("j", "k"),
    start="i",
    order="σWδ",
    comma=",",
    error=("Err",),
    remarks={"output": "its own loss, half the sum of the squares"},
)
BPNN = Notation(
    "BPNN",
    ("l", "L"),
    {
        "z": "Z^{(#)}", "a": "A^{(#)}", "a1": r"\tilde{A}^{(#)}", "W": r"\tilde{W}^{(#)}",
        "V": "W^{(#)}", "w": "W^{(#)}", "δ": r"\Delta^{(#)}", "σ": r"\varphi^{(#)}",
        "dσ": r"\varphi\prime^{(#)}", "E": "J",
    },
    biases="column 0 of W̃, where Ã₀ = 1",
    outputs="any number of units",
    input={"a": "x", "a1": r"\tilde{x}"},
    whole=None,
    first=1,
    out_of=True,
    recursion=("j", "k"),
    start="j",
    order="σδW",
    error=("h", "y"),
    remarks={
        "output": "its own loss, the cross-entropy of h = softmax(A)",
        "weight": "Penalty: ½λ‖W‖² adds λWᵢⱼ to this, and nothing for a bias.",
    },
)  # fmt: skip
LEC16 = Notation(
    "LEC16",
    ("l", "L"),
    {
        "z": "s^{(#)}", "a": "x^{(#)}", "W": "w^{(#)}", "V": r"\hat{W}^{(#)}", "D": "d^{(#)}",
        "δ": r"\delta^{(#)}", "σ": r"\theta", "dσ": r"\theta\prime", "E": "e", "C": "g",
    },
    biases="row 0 of w, where x₀ = 1",
    outputs="one unit, without an index",
    whole=None,
    from_to=True,
    forward=("j", "k"),
    gradient=("j", "i"),
    recursion=("i", "j"),
    times="⊗",
    remarks={"output": "Loss: its own, g = (x − y)², has ∂g/∂x = 2(x − y), as in LEC16-15."},
)  # fmt: skip

NOTATIONS = {n.lecture.lower(): n for n in (CSC311, CS3780, ML, BPNN, LEC16)}
"""The notations, by the lectures' names in lower case."""

# ------------------------------------------------------------------ side by side


@dataclass(frozen=True)
class Row:
    """A line of a table: what it is about, and a cell for each lecture.

    Mathematics stands between dollar signs, in TeX.
    """

    name: str
    cells: tuple[str, ...]

    @property
    def texts(self) -> list[str]:
        """The cells as Unicode text."""
        return [_plain(cell) or "–" for cell in self.cells]


@dataclass(frozen=True, repr=False)
class Table:
    """What the lectures call what (`rows`), and letters that mean several things (`clashes`).

    Shows itself as text, and in a notebook as HTML; `latex` is an `array` of the rows.
    """

    lectures: tuple[str, ...]
    rows: tuple[Row, ...]
    clashes: tuple[Row, ...]

    def __repr__(self) -> str:
        return "\n\n".join(
            "\n".join(aligned(self._lines(rows))) for rows in (self.rows, self.clashes)
        )

    def _repr_html_(self) -> str:
        return "\n".join(_html(self._lines(rows)) for rows in (self.rows, self.clashes))

    @property
    def latex(self) -> str:
        """For mathematics on a line of its own, amsmath and KaTeX alike."""
        head = [rf"\text{{{lecture}}}" for lecture in ("", *self.lectures)]
        lines = [head, *([_tex(row.name), *map(_tex, row.cells)] for row in self.rows)]
        first, *rest = [" & ".join(line) + r" \\" for line in lines]
        columns = "l|" + "l" * len(self.lectures)
        body = "\n".join([first, r"\hline", *rest])
        return f"\\begin{{array}}{{{columns}}}\n{body}\n\\end{{array}}"

    def _lines(self, rows: Iterable[Row]) -> list[list[str]]:
        return [["", *self.lectures], *([_plain(row.name), *row.texts] for row in rows)]


def _plain(cell: str) -> str:
    parts = cell.replace(r"^\top", "⊤").split("$")
    return "".join(
        symbol.unicode(part).translate(_SIGNS) if k % 2 else part for k, part in enumerate(parts)
    )


_SIGNS = str.maketrans("-'", "−′")


def _tex(cell: str) -> str:
    parts = cell.split("$")
    return "".join(
        part if k % 2 else symbol.text(part) if part else "" for k, part in enumerate(parts)
    )


def _html(lines: Sequence[Sequence[str]]) -> str:
    """A table without styles and scripts, which a notebook that is not trusted would lose."""
    head, *rest = lines
    rows = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    for name, *cells in rest:
        rows.append(f"<th>{escape(name)}</th>" + "".join(f"<td>{escape(c)}</td>" for c in cells))
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table>\n{body}\n</table>"


def _rows(*rows: tuple[str, ...]) -> tuple[Row, ...]:
    return tuple(Row(name, tuple(cells)) for name, *cells in rows)


def notation() -> Table:
    """The five notations side by side, in the order of `NOTATIONS`.

    >>> table = notation()
    >>> table.lectures
    ('CSC311', 'CS3780', 'ML', 'BPNN', 'LEC16')
    >>> next(row.texts for row in table.clashes if row.name == "$t$")
    ['target', 'layer', '–', '–', '–']
    """
    return Table(tuple(n.lecture for n in NOTATIONS.values()), ROWS, CLASHES)


ROWS = _rows(
    ("pre-activation", "$z^{(m)}$", "$u^t$", "$z, z', z''$; $in$", "$Z^{(l)}$", "$s^{(l)}$"),
    ("activation", "$a^{(m)}$", "$z^t$", "$a, a_j$", "$A^{(l)}$", "$x^{(l)}$"),
    (
        "nonlinearity",
        r"$\sigma^{(m)}$", r"$\sigma$", r"$\sigma$; $g$", r"$\varphi^{(l)}$", r"$\theta$",
    ),
    (
        "sensitivity",
        r"$\partial C/\partial z^{(m)}$",
        r"$\delta^t$",
        r"$\partial l/\partial z$; $\Delta  = -\partial E/\partial in$",
        r"$\Delta^{(l)}$",
        r"$\delta^{(l)}$",
    ),
    ("weight layer index", "into $m$", "into $t$", "none", "out of $l$", "into $l$"),
    (
        "index order",
        "to, from",
        "to, from (implied)",
        "from, to",
        "to, from (said)",
        "from, to",
    ),
    (
        "weight gradient",
        r"$(\partial C/\partial z) a^\top$",
        r"$\delta  z^\top$",
        r"$-a \Delta^\top$",
        r"$\Delta  \tilde{A}^\top$",
        r"$x \delta^\top$",
    ),
    (
        "hidden step",
        r"$W^\top (\partial C/\partial z)$",
        r"$W^\top \delta$",
        r"$W \Delta$",
        r"$W^\top \Delta$, no biases",
        r"$\hat{W} \delta$",
    ),
    (
        "bias",
        "$b^{(m)}$",
        "$b^t$",
        "$b$; $W_0$",
        r"column 0 of $\tilde{W}$",
        "row 0, $w_{0j}$",
    ),
    ("output", "$a^{(L)}$", r"$\hat{y}$, linear", "$y_1, y_2$; $h_W(x)$", "$h$", "$x^{(L)}$"),
    ("target", "$t$ (once $y$)", "$y$", "$y$", "$y$, one-hot", "$y_n$"),
    ("loss", "$C$", r"$\ell$", r"$l^n$, $L = \Sigma  l^n$; $E$", "$J$", "$e_n = g$"),
    ("learning rate", r"$\eta$", "", r"$\eta$; $\alpha$", r"$\eta$", ""),
    ("layer count", "$L$, no input", "$T$ hidden", "", "3 with the input", "$L$, no input"),
)  # fmt: skip
CLASHES = _rows(
    ("$z$", "pre-activation", "activation", "pre-activation", "pre-activation", ""),
    ("$x$", "", "input", "input", "input", "activation"),
    ("$y$", "(once) target", "target", "output; target", "target", "target"),
    ("$g$", "", "", "nonlinearity", "", "loss of an output"),
    (r"$\alpha$", "", "weights of the output", "learning rate", "", ""),
    ("$t$", "target", "layer", "", "", ""),
    ("$m$", "layer", "", "", "number of examples", ""),
    ("$l$", "", r"loss, $\ell$", "loss of an example", "layer", "layer"),
    ("$L$", "number of layers", "", "loss of all", "number of layers", "number of layers"),
    ("$T$", "", "hidden layers; transposed", "", "", "transposed"),
    ("$E$", "cost of all", "", "loss of an example", "", ""),
    ("$C$", "cost", "", "", "number of classes", ""),
    ("$D$", "units of a layer", "", "", "number of inputs", ""),
    (r"$\theta$", "", "", "all parameters", "", "nonlinearity"),
    (r"$\Delta$", "", "", r"$-\partial E/\partial in$", r"$+\partial J/\partial Z$", ""),
    ("prime", "derivative", "derivative", "derivative; next layer", "derivative", "derivative"),
)
