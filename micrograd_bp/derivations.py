"""The derivation of any weight, read off the graph, down to the number that `.grad` holds.

>>> from micrograd_bp import Value
>>> w, x, t = Value(0.5, "w"), Value(2.0, "x"), Value(0.0, "t")
>>> a = (w * x).tanh()
>>> a.label = "a"
>>> C = (a - t) ** 2
>>> C.label = "C"
>>> print(derive(C, w).text())
∂C/∂w = ∂C/∂v₂ · ∂v₂/∂a · ∂a/∂v₁ · ∂v₁/∂w
      = 2 · v₂ · tanh′(v₁) · x
      = 1.523 · 0.42 · 2 = 1.279
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from micrograd_bp import formula
from micrograd_bp.engine import Value, grad, topological_order, values
from micrograd_bp.formula import (
    Chain,
    Elided,
    Expr,
    Literal,
    Marked,
    Name,
    Number,
    Partial,
    Sum,
)
from micrograd_bp.generic import chain, equal, over_all, readings, recursion, sigma
from micrograd_bp.naming import Names, Variables, local_formula, variables_of
from micrograd_bp.notation import Line, Mathml, Tex, Text, significant
from micrograd_bp.ops import OPS
from micrograd_bp.passes import Cost, WrongOrder, cost, wrong_order
from micrograd_bp.paths import (
    Branches,
    Edge,
    Part,
    Path,
    Region,
    Series,
    Skipped,
    TooManyPaths,
    Whole,
    edges,
    nested,
    shortened,
    upwards,
)
from micrograd_bp.symbol import short

__all__ = [
    "Cost", "Derivation", "Derivations", "Explained", "OfGraph", "Shared", "TooManyPaths",
    "WrongOrder", "cost", "derive", "shared", "wrong_order",
]  # fmt: skip

STYLES = ("chain", "local", "numbers", "recursive", "paths")
BUDGET = 3_000
"""Factors that the nested form writes out; beyond, ∂u/∂v stands for what leads from u to v."""
LETTERS = "ijklmn"
"""Those of indices, from the outermost sum inwards."""
LINES = 200
"""Lines of a table; of more parameters, the middle is left out unless it is asked for."""
SHORT = 8
"""Terms of a sum that are written out one by one; of more, the middle is left out."""


# ------------------------------------------------------------------ what all views share


class Explained:
    """Equations that show themselves: as text, as LaTeX, as HTML with MathML."""

    digits: int

    def lines(self, style: str | None = None) -> list[Line]:
        """The equations as plain records."""
        raise TypeError(f"{type(self).__name__} has no equations")

    def text(self, style: str | None = None) -> str:
        """As Unicode text, aligned at the signs."""
        return Text(self.digits).lines(self.lines(style))

    def latex(self, style: str | None = None) -> str:
        """As an `aligned` environment, for amsmath and KaTeX: to be put between `$$`."""
        return Tex(self.digits).lines(self.lines(style))

    def html(self, style: str | None = None) -> str:
        """As a piece of HTML with MathML, which browsers show without scripts or network."""
        return Mathml(self.digits).lines(self.lines(style))

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


@dataclass(frozen=True, repr=False, eq=False)
class OfGraph(Explained):
    """What `derive` was asked: the output, and how to show it."""

    output: Value
    scope: Mapping[str, Any]
    limit: int
    digits: int
    expand: bool

    @cached_property
    def names(self) -> Names:
        """What the nodes are called: by label, by variable, or by their place in the graph."""
        return Names(topological_order(self.output), self.scope)


# ------------------------------------------------------------------ one derivative


@dataclass(frozen=True, repr=False, eq=False)
class Derivation(OfGraph):
    """∂output/∂wrt with every factor: see `derive`.

    `value` is the number that `backward()` leaves in `wrt.grad`, to the last bit. The styles of
    `text`, `latex` and `html`: "chain", "local", "numbers", "recursive", "paths"; without one the
    first three.
    """

    wrt: Value
    value: float
    region: Region
    marks: frozenset[tuple[Value, int]] = field(default=frozenset())

    @cached_property
    def path_count(self) -> int:
        """How many paths lead from the output to `wrt`; exact, however many."""
        return self.region.count()

    @cached_property
    def paths(self) -> list[Path]:
        """Every path, in the order of the parents; the sum of their products is `value`.

        Errors: TooManyPaths with their exact number, beyond the limit of `derive`.
        """
        return self.region.paths(self.limit)

    def share(self, path: Path) -> float:
        """What part of the total a path makes up: 0.25 is a quarter; nan of a total of 0."""
        return path.product / self.value if self.value else float("nan")

    @property
    def edges(self) -> frozenset[tuple[Value, int]]:
        """Every edge of the derivation: the child, and the parent's place among its parents."""
        return frozenset(
            (edge.child, edge.place)
            for node in self.region.nodes
            for edge in self.region.into[node]
        )

    def lines(self, style: str | None = None) -> list[Line]:
        """The equations as plain records, in one of the styles. Errors: ValueError for another."""
        if style is not None and style not in STYLES:
            raise ValueError(f"style {style!r}: expected one of {', '.join(STYLES)}, or None")
        if style == "recursive":
            return self._recursive()
        if style == "paths":
            return self._by_path()
        rights = {"chain": self._chain, "local": self._local, "numbers": self._numbers}
        chosen = rights if style is None else (style,)
        return self._lines([right for s in chosen for right in rights[s]()])

    def _lines(self, rights: Sequence[Expr]) -> list[Line]:
        head = Partial(self.names[self.output], self.names[self.wrt])
        if len(rights) > 1 and rights[0] == head:
            rights = rights[1:]
        rights = [*dict.fromkeys(rights)]  # of ∂x/∂x all styles say 1
        lefts = [head, *[None] * len(rights)]
        lines = [Line(left, "=", right) for left, right in zip(lefts, rights)]
        infinite = any(math.isinf(e.local) for into in self.region.into.values() for e in into)
        if infinite and math.isfinite(self.value):
            lines[-1] = replace(
                lines[-1], note="0 · ∞ counts as 0: a gradient of 0 passes nothing on"
            )
        return lines

    def partial(self, edge: Edge) -> Expr:
        """The factor of an edge as a symbol, ∂child/∂parent.

        Where other ways lead from the child to the parent too, it says by which operand.
        """
        operand = 0 if self.region.alone(edge) else self.names.place(edge.child, edge.place) + 1
        return Partial(self.names[edge.child], self.names[edge.parent], operand)

    def local(self, edge: Edge) -> Expr:
        """The factor of an edge as the formula of the table."""
        if edge not in self._locals:
            self._locals[edge] = local_formula(edge, self.names, self.expand)
        return self._locals[edge]

    @cached_property
    def _locals(self) -> dict[Edge, Expr]:
        return {}

    @cached_property
    def _parts(self) -> Part:
        whole = Whole(self.output, self.wrt, self.value)
        return nested(self.region, BUDGET) or whole

    def _of(self, part: Part, factor: Callable[[Edge], Expr], fold: str = "") -> Expr:
        """The formula of a part; with index letters to `fold`, like terms become one Σ."""
        match part:
            case Edge():
                return factor(part)
            case Whole(top, bottom, value):
                if factor == self._number:
                    return Literal(value)
                return Partial(self.names[top], self.names[bottom])
            case Skipped(count, what):
                return Elided(f"{count:,} {what}")
            case Series(parts):
                return chain(self._factors(parts, factor, fold))
            case Branches(parts):
                if fold:
                    terms = [self._of(p, factor, fold[1:]) for p in parts]
                    if folded := sigma(terms, fold[0]):
                        return folded
                if len(parts) > SHORT:
                    parts = tuple(shortened(parts, 2, 1, "terms"))
                return Sum(tuple(chain(self._factors((p,), factor, fold[1:])) for p in parts))

    def _factors(
        self, parts: Sequence[Part], factor: Callable[[Edge], Expr], fold: str
    ) -> Iterator[Expr]:
        run: list[Expr] = []  # neighbours that are marked, to be marked as one
        for part in parts:
            found = self._of(part, factor, fold)
            if isinstance(part, Edge) and (part.child, part.place) in self.marks:
                run.append(found)
                continue
            if run:
                yield Marked(chain(run))
                run = []
            if isinstance(found, Chain) and len(found.factors) > 1:
                yield from found.factors
            else:
                yield found
        if run:
            yield Marked(chain(run))

    def _number(self, edge: Edge) -> Expr:
        if self.local(edge) == Number(1.0):  # which `chain` drops, as it does in the formulas
            return Number(1.0)
        return Literal(edge.local)

    @cached_property
    def _short(self) -> bool:
        """Whether every sum can be written out."""
        return _terms(self._parts) <= SHORT or bool(self.marks)

    def _chain(self) -> list[Expr]:
        plain = [self._of(self._parts, self.partial)] if self._short else []
        folded = [] if self.marks else [self._of(self._parts, self.partial, LETTERS)]
        return [*folded, *plain]

    def _local(self) -> list[Expr]:
        if self._short:
            return [self._of(self._parts, self.local)]
        return [self._of(self._parts, self.local, LETTERS)]

    def _numbers(self) -> list[Expr]:
        if self.output is self.wrt:
            return [Number(1.0)]
        right = self._of(self._parts, self._number)
        return [equal(right, self.value)]

    def _recursive(self) -> list[Line]:
        """A line for each node, from the output down, in terms of the lines before."""
        nodes = self.region.nodes[1:] or self.region.nodes
        head = self.names[self.output]
        lines: list[Line] = []
        for node in shortened(nodes, 20, 20, "lines") if len(nodes) > 60 else nodes:
            if isinstance(node, Skipped):
                lines.append(_left_out(node))
                continue
            into, gradient = self.region.into[node], self.region.gradients
            right = recursion(self.output, into, gradient, self.names, self.expand)
            lines.append(Line(Partial(head, self.names[node]), "=", right))
        return lines

    def _by_path(self) -> list[Line]:
        """Every path as a product, in symbols and in numbers, with its share of the total."""
        if self.path_count == 1:
            return self._lines([*self._chain()[:1], *self._numbers()])
        symbols, numbers = [], []
        for k, path in enumerate(self.paths, 1):
            edges = zip(path.nodes, path.places, path.nodes[1:], path.local_derivatives)
            way = Series(tuple(shortened([Edge(*edge) for edge in edges], 6, 6, "factors")))
            symbols.append((self._of(way, self.partial), f"path {k}"))
            share = self.share(path)
            note = f"path {k}" if math.isnan(share) else f"path {k}, {100 * share:.2f} %"
            numbers.append((equal(self._of(way, self._number), path.product), note))
        head = Partial(self.names[self.output], self.names[self.wrt])
        lines: list[Line] = []
        for block in (symbols, numbers):
            for k, (right, note) in enumerate(block):
                left = head if not lines else None
                lines.append(Line(left, "+" if k else "=", right, note))
        return [*lines, Line(None, "=", Literal(self.value))]


def _left_out(skipped: Skipped) -> Line:
    return Line(None, "⋮", Elided(f"{skipped.count:,} {skipped.what}"))


def _terms(part: Part) -> int:
    """How many terms stand in the sums of a part."""
    if isinstance(part, Skipped) and part.what == "terms":
        return part.count
    inside = part.parts if isinstance(part, Series | Branches) else ()
    return sum(map(_terms, inside)) + (len(inside) if isinstance(part, Branches) else 0)


def derive(
    output: Value,
    wrt: Any,
    *,
    limit: int = 1000,
    digits: int = 4,
    expand: bool = False,
    variables: Variables = None,
) -> Any:
    """∂output/∂wrt as a `Derivation`; of a layer, a model or a list of Values as `Derivations`.

    Reads the recorded graph; `backward()` need not have been called. `limit` is how many paths
    are gone along one by one; `digits` how many significant digits numbers have; `expand` writes
    σ′(z) as σ(z)(1 − σ(z)). Nodes without a label are v₁, v₂ …, numbered in topological order, or
    go by a variable: `variables=True` takes those of the caller, or give a dict, `locals()` say.
    Errors: TypeError for what is no Value; ValueError where `output` does not depend on `wrt`,
    nothing is given to differentiate by, or an option is out of its range.

    >>> x = Value(3.0, "x")
    >>> y = x * x
    >>> d = derive(y, x, variables=locals())
    >>> print(d.text("local"), "|", d.text("numbers"), "|", d.path_count)
    ∂y/∂x = x + x | ∂y/∂x = 3 + 3 = 6 | 2
    """
    if not isinstance(output, Value):
        raise TypeError(f"derive: expected a Value as the output, got {type(output).__name__}")
    significant(digits)
    if type(limit) is not int or limit < 0:
        raise ValueError(f"limit {limit!r}: expected a whole number, 0 or more")
    scope = variables_of(variables, 2)
    options: dict[str, Any] = {"scope": scope, "limit": limit, "digits": digits, "expand": expand}
    if isinstance(wrt, Value):
        return _derivation(output, wrt, **options)
    parameters = getattr(wrt, "parameters", None)
    if parameters is None and not isinstance(wrt, Iterable):
        raise TypeError(f"derive: expected a Value, a list of them or a layer, got {wrt!r}")
    chosen = values(wrt if parameters is None else parameters(), "derive")
    if not chosen:
        raise ValueError("derive: expected at least one Value to differentiate by, got none")
    return Derivations(output=output, wrt=tuple(chosen), **options)


def _derivation(output: Value, wrt: Value, **options: Any) -> Derivation:
    region = Region.between(output, wrt)
    if not region.nodes:
        raise independent(output, wrt)
    gradient = region.gradients[wrt]
    return Derivation(output=output, wrt=wrt, value=gradient, region=region, **options)


def independent(output: Value, wrt: Value) -> ValueError:
    """What to say where `output` does not depend on `wrt`."""
    top, bottom = (repr(short(v.label) if v.label else v) for v in (output, wrt))
    if not output.op:
        return ValueError(
            f"derive: {top} is a leaf, no operation on {bottom} was recorded; was it computed "
            "inside no_grad(), or are the two the other way round, derive(output, wrt)?"
        )
    return ValueError(
        f"derive: {bottom} is not among the nodes that {top} was computed from, so the derivative "
        "is 0 and has no factors"
    )


# ------------------------------------------------------------------ a layer


@dataclass(frozen=True, repr=False, eq=False)
class Derivations(OfGraph):
    """∂output/∂w of several parameters: a table, `d[k]` being the derivation of the k-th.

    Its lines begin with the generic form, ∂C/∂W⁽ᵐ⁾ᵢⱼ = δ⁽ᵐ⁾ᵢ · a⁽ᵐ⁻¹⁾ⱼ, where the weights share
    one shape.
    """

    wrt: tuple[Value, ...]

    def __post_init__(self) -> None:
        for v in self.wrt:
            if v not in self.names.label:
                raise independent(self.output, v)

    @cached_property
    def values(self) -> list[float]:
        """The derivatives in the order of the parameters, as `.grad` would hold them."""
        return [g + 0.0 for g in grad(self.output, self.wrt)]

    def __len__(self) -> int:
        return len(self.wrt)

    def __getitem__(self, k: int) -> Derivation:
        return _derivation(
            self.output,
            self.wrt[k],
            scope=self.scope,
            limit=self.limit,
            digits=self.digits,
            expand=self.expand,
        )

    def __iter__(self) -> Iterator[Derivation]:
        return (self[k] for k in range(len(self)))

    @cached_property
    def _into(self) -> dict[Value, list[Edge]]:
        """The edges into each node, as `backward` comes along them."""
        into: dict[Value, list[Edge]] = {v: [] for v in self.names.order}
        for node in reversed(self.names.order):
            for edge in edges(node):
                into[edge.parent].append(edge)
        return into

    def generic(self) -> list[Line]:
        """The forms that all weights of a kind share, in indices; none where they do not."""
        kinds: dict[str, list[Value]] = {}
        for v in self.wrt:
            kinds.setdefault(v.label.partition("_")[0], []).append(v)
        found: list[Line] = []
        for kind in kinds.values():
            for reading in range(2):
                inputs: dict[Name, float] = {}
                if lines := over_all([self._terms(v, reading, inputs) for v in kind]):
                    found += lines
                    break
        return [*dict.fromkeys(found)]  # weights and biases have one δ

    def _terms(
        self, v: Value, reading: int, inputs: dict[Name, float]
    ) -> tuple[Partial, list[tuple[Expr, Expr]]]:
        """∂output/∂v, and each term of its sum: (∂output/∂child, ∂child/∂v)."""
        head = self.names[self.output]
        terms: list[tuple[Expr, Expr]] = []
        for edge in upwards(self._into[v]):
            child = self._labelled(edge.child)
            upstream = Number(1.0) if child is self.output else Partial(head, self.names[child])
            factor = local_formula(edge, self.names, self.expand)
            if isinstance(factor, Number) and (j := _input(edge, self.names, child, reading)):
                x = Name(f"x_{{{j}}}", self.names[child].copy)
                if inputs.setdefault(x, factor.value) == factor.value and not self._has_x:
                    factor = x  # the same number for every unit
            terms.append((upstream, factor))
        return Partial(head, self.names[v]), terms

    @cached_property
    def _has_x(self) -> bool:
        return any(label.startswith("x") for label in self.names.count)

    def _labelled(self, node: Value) -> Value:
        """`node`, or the labelled one with the same gradient: the z that adds up the products."""
        above = node
        while not above.label and above is not self.output and len(self._into[above]) == 1:
            child, place, _, _ = self._into[above][0]
            if not formula.ones(OPS[child.op], len(child.operands))[self.names.place(child, place)]:
                break
            above = child
        return above if above.label or above is self.output else node

    def lines(self, style: str | None = None) -> list[Line]:
        """The generic forms, or a line for each parameter ("table"), or both; then shortened.

        Errors: ValueError for another style, or "generic" where there is no such form.
        """
        if style not in (None, "generic", "table"):
            raise ValueError(f"style {style!r}: expected 'generic', 'table' or None")
        lines = self.generic() if style != "table" else []
        if style == "generic":
            if not lines:
                raise ValueError(
                    "style 'generic': these parameters do not share one form; style 'table' has a "
                    "line for each"
                )
            return lines
        shown = shortened(self.wrt, 30, 30, "lines; style 'table' has all")
        children = [e.child for v in {*self.wrt} for e in self._into[v]]
        gradient = dict(zip(children, grad(self.output, children)))
        gradient |= zip(self.wrt, self.values)
        for v in self.wrt if style or len(self.wrt) <= LINES else shown:
            if isinstance(v, Skipped):
                lines.append(_left_out(v))
                continue
            right = recursion(self.output, self._into[v], gradient, self.names, self.expand)
            lines.append(Line(Partial(self.names[self.output], self.names[v]), "=", right))
        return lines


def _input(edge: Edge, names: Names, z: Value, reading: int) -> str:
    """The index of an input of a neuron that is a number; nothing where it is another number.

    A product is one of a neuron's if it is added up to what is labelled z.
    """
    node, found = edge.child, readings(edge.parent.label)
    if node.op == "dot":
        place = names.place(node, edge.place)
        return str(place + 1) if place < len(node.operands) // 2 else ""
    if node.op == "mul" and found and z is not node and z.label[:1] == "z":
        return found[reading % len(found)][1][-1]
    return ""


# ------------------------------------------------------------------ what two derivations share


@dataclass(frozen=True, repr=False, eq=False)
class Shared(Explained):
    """What two derivations have in common; both are shown with it marked.

    `edges` are the repeated factors as (child, place of the parent), `factors` the same by name,
    from the output down; `gradients` are the ∂output/∂node, by name, that both go through: one
    backward pass computes each of them once.
    """

    first: Derivation
    second: Derivation
    edges: frozenset[tuple[Value, int]]
    factors: tuple[str, ...]
    gradients: dict[str, float]
    digits: int

    def lines(self, style: str | None = None) -> list[Line]:
        """Both derivations with the shared factors marked: "chain", "local", "numbers" or all.

        Errors: ValueError for another style.
        """
        if style not in (None, *STYLES[:3]):
            raise ValueError(f"style {style!r}: expected {', '.join(STYLES[:3])}, or None")
        marked = [replace(d, marks=self.edges) for d in (self.first, self.second)]
        return [line for d in marked for line in d.lines(style)]


def shared(first: Derivation, second: Derivation) -> Shared:
    """The factors that two derivations have in common. Errors: TypeError for what is none.

    >>> w, x = Value(0.5, "w"), Value(2.0, "x")
    >>> z = w * x
    >>> z.label = "z"
    >>> y = z.tanh()
    >>> y.label = "y"
    >>> both = shared(derive(y, w), derive(y, x))
    >>> print(both.text("chain"))
    ∂y/∂w = ⟦∂y/∂z⟧ · ∂z/∂w
    ∂y/∂x = ⟦∂y/∂z⟧ · ∂z/∂x
    >>> print(*both.factors)
    ∂y/∂z
    """
    for d in (first, second):
        if not isinstance(d, Derivation):
            raise TypeError(f"shared: expected two Derivations, got {type(d).__name__}")
    common = first.edges & second.edges
    show = Text(first.digits)
    factors: list[str] = []
    gradients = {}
    for node in first.region.nodes:
        into = first.region.into[node]
        factors += [show(first.partial(e)) for e in into if (e.child, e.place) in common]
        whole = {(e.child, e.place) for e in into} <= common
        if into and whole and first.output is second.output and node in second.region.into:
            gradients[show(Partial(first.names[first.output], first.names[node]))] = (
                first.region.gradients[node]
            )
    return Shared(first, second, common, tuple(factors), gradients, first.digits)
