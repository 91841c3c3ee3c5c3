r"""Formulas that can be run: as a lecture prints them, and as they hold.

A `Formula` has its number, its LaTeX, its meaning in words, and a statement: a function of the
quantities that it names, which returns both its sides. A statement is run twice on each network:
on quantities read off a recorded graph (`Recorded`: values are `.data`, derivatives what `backward`
and `grad` give), and on those of a plain program whose derivatives are complex steps (`Plain`),
with no part of the engine in them.

>>> def program(at):
...     w, x = at("w", 0.5), at("x", 3.0)
...     at("C", tanh(at("z", w * x)))
>>> plain = Plain(program)
>>> C, w, x, z = map(plain, ["C", "w", "x", "z"])
>>> formula = Formula(
...     "X-01",
...     r"∂{C}{w} = ∂{C}{z} x",
...     "The weight's gradient is the unit's times the input.",
...     lambda C, w, x, z, d: (d(C, w), d(C, z) * x),
...     given=lambda rng: [],
... )
>>> formula.latex
'\\frac{\\partial C}{\\partial w} = \\frac{\\partial C}{\\partial z} x'
>>> left, right = sides(formula.printed, {"C": C, "w": w, "x": x, "z": z, "d": plain.d})
>>> error(left, right)
0.0
"""

import cmath
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import product
from random import Random
from types import SimpleNamespace
from typing import Any

from micrograd_bp import ops
from micrograd_bp.directional import jvp
from micrograd_bp.engine import Value, grad, topological_order
from micrograd_bp.ops import OPS

Statement = Callable[..., tuple[Any, Any]]
"""Of the quantities that its parameters name: the left side, the truth, and the right side.

A side is a number, or a dict of sides by index.
"""
Quantities = dict[str, Any]
Given = Callable[[Random], Sequence[Quantities]]
"""A random network's quantities by name: those of the engine, and those of the oracle."""
Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]
"""Rows of weights."""

TOLERANCE = 1e-9
"""What rounding may leave between two sides, relative to the largest number of the left.

The right formulas stay below 1e-10 on thousands of networks (a sum over paths that nearly cancel
loses some digits); the least of the real mistakes, an update from new weights, is off by 1e-3.
"""

# ------------------------------------------------------------------ quantities


class Quantity(float):
    """A number that knows its label, so that derivatives can be taken of it and by it."""

    __slots__ = ("label",)
    label: str

    def __new__(cls, value: float, label: str) -> "Quantity":
        self = super().__new__(cls, value)
        self.label = label
        return self


class Recorded:
    """The quantities of a recorded graph, by the labels of its nodes.

    `inputs` are nodes that the output may not depend on.
    """

    def __init__(self, output: Value, inputs: Sequence[Value] = ()) -> None:
        output.backward()
        nodes = {id(v): v for v in [*inputs, *topological_order(output)]}
        self.output = output
        self.node = {v.label: v for v in nodes.values() if v.label}
        self._gradients = {output.label: {label: v.grad for label, v in self.node.items()}}

    def __call__(self, label: str) -> Quantity:
        return Quantity(self.node[label].data, label)

    def d(self, of: Quantity, by: Quantity) -> float:
        """∂of/∂by, along all paths: what `.grad` holds, or `grad` returns."""
        if of.label not in self._gradients:
            found = grad(self.node[of.label], [*self.node.values()])
            self._gradients[of.label] = dict(zip(self.node, found))
        return self._gradients[of.label][by.label]

    def slope(self, of: Quantity, by: Sequence[Quantity], along: Sequence[float]) -> float:
        """d/dε of `of`, where each of `by` moves by ε times its number in `along`: forward mode."""
        return jvp(self.node[of.label], [self.node[q.label] for q in by], along)

    @staticmethod
    def function(name: str) -> tuple[Callable[[float], float], Callable[[float], float]]:
        """A nonlinearity and its derivative, of the table."""
        op = OPS[name]
        return op, lambda z: op.derivatives(op(z), (z,), [0])[0]


At = Callable[[str, Any], Any]
"""Notes a quantity of a plain program under its label; what it returns is to be used."""


class Plain:
    """The quantities of a plain program; derivatives are complex steps.

    f(x + ih) = f(x) + ih f′(x) + O(h²) for real-valued analytic f, so Im f(x + ih) / h is f′(x)
    with no cancellation, and exact to rounding for a tiny h (Squire and Trapp, SIAM Review 40,
    1998).
    """

    _h = 2.0**-300

    def __init__(self, program: Callable[[At], object]) -> None:
        self.program = program
        self.values = {label: z.real for label, z in self._run({}).items()}
        self._steps: dict[str, dict[str, float]] = {}

    def _run(self, along: Mapping[str, float]) -> dict[str, complex]:
        seen: dict[str, complex] = {}

        def at(label: str, value: complex) -> complex:
            seen[label] = value + complex(0.0, self._h * along.get(label, 0.0))
            return seen[label]

        self.program(at)
        return seen

    def __call__(self, label: str) -> Quantity:
        return Quantity(self.values[label], label)

    def d(self, of: Quantity, by: Quantity) -> float:
        """∂of/∂by, along all paths."""
        if by.label not in self._steps:
            seen = self._run({by.label: 1.0})
            self._steps[by.label] = {label: z.imag / self._h for label, z in seen.items()}
        return self._steps[by.label][of.label]

    def slope(self, of: Quantity, by: Sequence[Quantity], along: Sequence[float]) -> float:
        """d/dε of `of`, where each of `by` moves by ε times its number in `along`."""
        seen = self._run({q.label: number for q, number in zip(by, along)})
        return seen[of.label].imag / self._h

    @classmethod
    def function(cls, name: str) -> tuple[Callable[[float], float], Callable[[float], float]]:
        """A nonlinearity and its derivative, of the textbook."""
        f = FUNCTIONS[name]
        return lambda z: f(z).real, lambda z: f(complex(z, cls._h)).imag / cls._h


def exp(z: Any) -> Any:
    """e^z of a plain number, real or complex."""
    return cmath.exp(z) if isinstance(z, complex) else math.exp(z)


def log(z: Any) -> Any:
    """log z of a plain number, real or complex."""
    return cmath.log(z) if isinstance(z, complex) else math.log(z)


def tanh(z: Any) -> Any:
    """tanh z of a plain number, real or complex."""
    return cmath.tanh(z) if isinstance(z, complex) else math.tanh(z)


def sin(z: Any) -> Any:
    """sin z of a plain number, real or complex."""
    return cmath.sin(z) if isinstance(z, complex) else math.sin(z)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda z: 1.0 / (1.0 + exp(-z)),
    "tanh": tanh,
    "relu": lambda z: z if z.real > 0.0 else 0.0 * z,
    "softplus": lambda z: log(1.0 + exp(z)),
    "sin": sin,
    "exp": exp,
}
"""The nonlinearities of random networks, as a textbook writes them."""

SMOOTH = ("sigmoid", "tanh", "softplus")
"""Those that have no kink, and grow no faster than their argument."""


def random_vector(rng: Random, size: int, bound: float = 1.5) -> Vector:
    """So many numbers from -`bound` to `bound`."""
    return tuple(rng.uniform(-bound, bound) for _ in range(size))


def record(label: str, value: Any) -> Value:
    """A node under its label, made of a number where it is none: the engine's `At`."""
    node = value if isinstance(value, Value) else Value(value)
    node.label = label
    return node


def composed(
    rng: Random, leaves: Sequence[str], rules: Mapping[str, Callable[..., Any]]
) -> list[Quantities]:
    """Quantities that are functions of others, by the engine and by a plain program.

    Each rule takes the functions to use (`f.tanh`), then those before it that it names.
    """
    start = {name: rng.uniform(-1.5, 1.5) for name in leaves}

    def run(f: Any, at: At) -> dict[str, Any]:
        seen = {name: at(name, number) for name, number in start.items()}
        for name, rule in rules.items():
            seen[name] = at(name, rule(f, *[seen[x] for x in [*signature(rule).parameters][1:]]))
        return seen

    recorded = run(ops, record)
    sources = (
        Recorded(recorded[[*rules][-1]], [recorded[name] for name in leaves]),
        Plain(lambda at: run(SimpleNamespace(tanh=tanh, sin=sin, exp=exp), at)),
    )
    return [{name: q(name) for name in recorded} | {"d": q.d} for q in sources]


# ------------------------------------------------------------------ statements


def each(indices: Mapping[Any, Any], f: Callable[..., Any]) -> dict[Any, Any]:
    """A side of an equation for all layers and units, or for all weights.

    >>> each({1: [1, 2], 2: [1]}, lambda m, i: 10 * m + i)
    {1: {1: 11, 2: 12}, 2: {1: 21}}
    >>> each({2: [(1, 3)]}, lambda m, i, j: (m, i, j))
    {2: {(1, 3): (2, 1, 3)}}
    """
    return {
        m: {k: f(m, *(k if isinstance(k, tuple) else [k])) for k in inside}
        for m, inside in indices.items()
    }


class Undefined(ArithmeticError):
    """A statement that says nothing as it stands: an index or a shape does not fit."""


@dataclass(frozen=True)
class Formula:
    """A numbered formula of a lecture.

    `printed` is the statement as it is printed, `given` draws networks to run it on. Where it
    does not hold as printed, `corrected` does (`corrected_latex`), and `erratum` has the numbers
    of the errata, as in "E4, E5"; there is none for what the copy garbled. `note` says what else
    there is to know.
    """

    id: str
    latex: str
    words: str
    printed: Statement
    given: Given
    corrected: Statement | None = None
    corrected_latex: str = ""
    erratum: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for field in ("latex", "corrected_latex"):
            object.__setattr__(self, field, fractions(getattr(self, field)))

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex}$"


KINDS = {
    "error": "does not hold as printed",
    "omission": "left out, or said loosely",
    "scope": "holds within limits that are not stated",
    "garble": "lost on the way to the text at hand",
    "convention": "another choice, not an error",
}


@dataclass(frozen=True)
class Run:
    """A statement to run as evidence, and what it shows."""

    shows: str
    statement: Statement
    given: Given


@dataclass(frozen=True)
class Remark:
    """What there is to say of formulas of a lecture: errors E1 to E10, and what is none.

    `kind` is a key of `KINDS`; `printed` and `correct` are LaTeX or words, `why` is one sentence;
    `runs` are the evidence.
    """

    id: str
    kind: str
    formulas: tuple[str, ...]
    printed: str
    correct: str
    why: str
    runs: tuple[Run, ...] = ()

    def __post_init__(self) -> None:
        for field in ("printed", "correct"):
            object.__setattr__(self, field, fractions(getattr(self, field)))


_GROUP = r"\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"


def fractions(latex: str) -> str:
    r"""LaTeX of the shorthand in which formulas are written here: ∂{C}{z} is ∂C/∂z.

    >>> print(fractions(r"∂{C}{z^{(2)}_i} = \delta^{(2)}_i"))
    \frac{\partial C}{\partial z^{(2)}_i} = \delta^{(2)}_i
    """
    return re.sub(f"∂{_GROUP}{_GROUP}", r"\\frac{\\partial \1}{\\partial \2}", latex)


def sides(statement: Statement, quantities: Quantities) -> tuple[Any, Any]:
    """Both sides of a statement. Errors: `Undefined`, where an index or a shape does not fit."""
    try:
        return statement(*[quantities[name] for name in signature(statement).parameters])
    except KeyError as missing:
        raise Undefined(f"there is no index {missing.args[0]}") from None
    except TypeError as mistake:
        raise Undefined(f"the shapes do not fit: {mistake}") from None


def error(left: Any, right: Any) -> float:
    """The largest |left - right|, relative to the largest |left|; inf where it is no number.

    Where all of the left side is 0 it is the largest |right|. Errors: `Undefined`, where the sides
    differ in shape.

    >>> error({1: 2.0, 2: -4.0}, {1: 2.0, 2: -3.0})
    0.25
    """
    pairs = [*_paired(left, right)]
    differences = [abs(x - y) for x, y in pairs]
    if not all(map(math.isfinite, differences)):
        return math.inf
    return max(differences, default=0.0) / (max((abs(x) for x, _ in pairs), default=0.0) or 1.0)


def _paired(left: Any, right: Any) -> Iterator[tuple[float, float]]:
    if isinstance(left, dict) and isinstance(right, dict):
        if left.keys() != right.keys():
            own, other = (sorted(map(str, side)) for side in (left, right))
            raise Undefined(f"the left side has {', '.join(own)}, the right {', '.join(other)}")
        for index in left:
            yield from _paired(left[index], right[index])
    elif isinstance(left, dict) or isinstance(right, dict):
        one, many = ("right", "left") if isinstance(left, dict) else ("left", "right")
        raise Undefined(f"the {one} side is one number, the {many} is not")
    else:
        yield left, right


@dataclass(frozen=True)
class Errors:
    """The errors of one statement over many networks.

    `found` has one for each network where the statement is defined; `undefined` counts the others,
    and `reason` says what the first of them lacks.
    """

    found: tuple[float, ...]
    undefined: int = 0
    reason: str = ""

    @property
    def least(self) -> float:
        """The smallest error; inf where the statement is defined nowhere."""
        return min(self.found, default=math.inf)

    @property
    def most(self) -> float:
        """The largest error; inf where the statement is defined nowhere."""
        return max(self.found, default=math.inf)

    @property
    def wrong(self) -> int:
        """On how many networks the statement is defined, and off by more than `TOLERANCE`."""
        return sum(error > TOLERANCE for error in self.found)


def errors(statement: Statement, networks: Sequence[Sequence[Quantities]]) -> Errors:
    """The errors on each of the networks.

    Both of the left sides, that of the engine and that of the oracle, have to be what the formula
    gives on the numbers of either: of the four errors the largest counts.
    """
    found, reasons = [], []
    for network in networks:
        try:
            truths, formulas = zip(*[sides(statement, quantities) for quantities in network])
            found.append(max(error(*pair) for pair in product(truths, formulas)))
        except Undefined as undefined:
            reasons.append(str(undefined))
    return Errors(tuple(found), len(reasons), reasons[0] if reasons else "")
