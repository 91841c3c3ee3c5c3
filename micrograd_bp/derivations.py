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

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from micrograd_bp import formula
from micrograd_bp.engine import Value, grad, topological_order, values
from micrograd_bp.formula import (
    Chain,
    Comparison,
    Elided,
    Expr,
    Marked,
    Name,
    Number,
    Partial,
    Product,
    Sum,
)
from micrograd_bp.generic import over_all, sigma
from micrograd_bp.naming import Names, Variables, variables_of
from micrograd_bp.notation import Line, Mathml, Tex, Text, elide
from micrograd_bp.ops import OPS
from micrograd_bp.passes import Cost, WrongOrder, cost, wrong_order
from micrograd_bp.paths import Edge, Path, Region, TooManyPaths, edges

__all__ = [
    "Cost", "Derivation", "Derivations", "Shared", "TooManyPaths", "WrongOrder", "cost", "derive",
    "shared", "wrong_order",
]  # fmt: skip

STYLES = ("chain", "local", "numbers", "recursive", "paths")
BUDGET = 10_000
"""Factors that the nested form writes out; beyond, ∂u/∂v stands for what leads from u to v."""
WRITTEN_OUT = 5_000
"""Nodes between two stages whose ways are written out; of more, only the last edges are."""


# ------------------------------------------------------------------ the nested form, as parts


@dataclass(frozen=True)
class Series:
    """Parts that are multiplied, from the output down."""

    parts: "tuple[Part, ...]"


@dataclass(frozen=True)
class Branches:
    """Parts that are added: ways beside each other."""

    parts: "tuple[Part, ...]"


@dataclass(frozen=True)
class Whole:
    """All that leads from `top` down to `bottom`, not written out."""

    top: Value
    bottom: Value
    value: float


@dataclass(frozen=True)
class Skipped:
    """The middle of a long product, or of a long sum."""

    count: int
    what: str


Part = Edge | Series | Branches | Whole | Skipped


def nested(region: Region, budget: int) -> Part | None:
    """The sum over all paths, with what they have in common taken out of the sums.

    None where that takes more than `budget` factors.
    """
    steps = [*region.steps()]
    left_out = len(steps) - 12
    if left_out > 4:
        steps[6:-6] = []
    forks = sum(len(between) > 0 or len(region.into[lower]) > 1 for _, between, lower in steps)
    if (spare := budget - len(steps)) < 0:
        return None
    parts = [_link(region, *step, spare // max(forks, 1)) for step in steps]
    if left_out > 4:
        parts.insert(6, Skipped(left_out, "factors"))
    return Series(tuple(parts))


def _link(region: Region, upper: Value, between: list[Value], lower: Value, budget: int) -> Part:
    """What leads from one stage to the next: an edge, or branches, or all of it as one symbol."""
    inner = region.inner(upper, between, lower)
    branches: list[Part] = [edge for edge in inner.into[lower] if edge.child is upper]
    if len(branches) == len(inner.into[lower]) == 1:
        return branches[0]
    small = len(between) <= WRITTEN_OUT
    groups = inner.components()[::-1] if small else [between]
    share = budget // (len(groups) + len(branches))
    for group in groups:
        ways = inner.inner(upper, group, lower) if len(groups) > 1 else inner
        into = [edge for edge in ways.into[lower] if edge.child is not upper]
        ways = Region(ways.nodes, ways.into | {lower: into})
        if small and len(ways.stages) > 2 and (found := nested(ways, share)):
            branches.append(found)
            continue
        for edge in upwards(into):
            above = nested(ways.above(edge.child), share // len(into)) if small else None
            known = Whole(upper, edge.child, inner.gradients[edge.child])
            branches.append(Series((above or known, edge)))
    if len(branches) > max(budget, 3):
        branches[2:-1] = [Skipped(len(branches) - 3, "terms")]
    return branches[0] if len(branches) == 1 else Branches(tuple(branches))


def upwards(into: Sequence[Edge]) -> list[Edge]:
    """The edges into a node in the order in which their children were computed."""
    last_first = {child: -k for k, child in enumerate(dict.fromkeys(edge.child for edge in into))}
    return sorted(into, key=lambda edge: last_first[edge.child])


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


# ------------------------------------------------------------------ one derivative


@dataclass(frozen=True, repr=False, eq=False)
class Derivation(Explained):
    """∂output/∂wrt with every factor: see `derive`.

    `value` is the number that `backward()` leaves in `wrt.grad`, to the last bit. The styles of
    `text`, `latex` and `html`: "chain", "local", "numbers", "recursive", "paths"; without one the
    first three.
    """

    output: Value
    wrt: Value
    value: float
    region: Region
    scope: Mapping[str, Any]
    limit: int
    digits: int
    expand: bool
    marks: frozenset[tuple[Value, int]] = field(default=frozenset())

    @cached_property
    def names(self) -> Names:
        """What the nodes are called: by label, by variable, or by their place in the graph."""
        return Names(topological_order(self.output), self.scope)

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
        """The equations as plain records, in one of the styles."""
        if style is not None and style not in STYLES:
            raise ValueError(f"style {style!r}: expected one of {', '.join(STYLES)}, or None")
        if style == "recursive":
            return self._recursive()
        if style == "paths":
            return self._by_path()
        chosen = STYLES[:3] if style is None else (style,)
        return self._lines([right for s in chosen for right in getattr(self, f"_{s}")()])

    def _lines(self, rights: Sequence[Expr]) -> list[Line]:
        head = Partial(self.names[self.output], self.names[self.wrt])
        if rights[0] == head:
            rights = rights[1:]
        lefts = [head, *[None] * len(rights)]
        return [Line(left, "=", right) for left, right in zip(lefts, rights)]

    def partial(self, edge: Edge) -> Expr:
        """The factor of an edge as a symbol, ∂child/∂parent."""
        return Partial(self.names[edge.child], self.names[edge.parent])

    def local(self, edge: Edge) -> Expr:
        """The factor of an edge as the formula of the table."""
        return local_formula(edge, self.names, self.expand)

    @cached_property
    def _parts(self) -> Part:
        return nested(self.region, BUDGET) or Series(())

    def _of(self, part: Part, factor: Callable[[Edge], Expr], fold: str = "") -> Expr:
        """The formula of a part; with index letters to `fold`, like terms become one Σ."""
        if isinstance(part, Edge):
            return factor(part)
        if isinstance(part, Whole):
            if factor == self._number:
                return Number(part.value)
            return Partial(self.names[part.top], self.names[part.bottom])
        if isinstance(part, Skipped):
            return Elided(f"{part.count:,} {part.what}")
        if isinstance(part, Series):
            return chain(self._factors(part.parts, factor, fold))
        terms = [self._of(p, factor, fold[1:]) for p in part.parts]
        if fold and (folded := sigma(terms, fold[0])):
            return folded
        if len(terms) > 8:
            terms[2:-1] = [Elided(f"{len(terms) - 3:,} terms")]
        return Sum(tuple(terms))

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

    def _indexed(self, edge: Edge) -> Expr:
        return indexed(edge, self.names, self.expand)

    def _number(self, edge: Edge) -> Expr:
        if self.local(edge) == Number(1.0):  # which `chain` drops, as it does in the formulas
            return Number(1.0)
        return Chain((Number(edge.local),))

    def _chain(self) -> list[Expr]:
        plain = self._of(self._parts, self.partial)
        if self.marks:
            return [plain]
        folded = self._of(self._parts, self.partial, "ijklmn")
        return [folded, plain] if folded != plain and _terms(plain) <= 8 else [folded]

    def _local(self) -> list[Expr]:
        plain = self._of(self._parts, self.local)
        if _terms(plain) <= 8 or self.marks:
            return [plain]
        return [self._of(self._parts, self._indexed, "ijklmn")]

    def _numbers(self) -> list[Expr]:
        if self.output is self.wrt:
            return [Number(1.0)]
        right = self._of(self._parts, self._number)
        total = Number(self.value)
        same = right == Chain((total,)) or right == total
        return [total if same else Comparison(right, "=", total)]

    def _recursive(self) -> list[Line]:
        """A line for each node, from the output down, in terms of the lines before."""
        nodes = self.region.nodes[1:] or self.region.nodes
        head = self.names[self.output]
        lines: list[Line] = []
        for node in nodes if len(nodes) <= 40 else (*nodes[:20], None, *nodes[-19:]):
            if node is None:
                lines.append(Line(None, "⋮", Elided(f"{len(nodes) - 39:,} lines")))
                continue
            into, gradient = self.region.into[node], self.region.gradients
            right = recursion(self.output, into, gradient, self.names, self.expand)
            lines.append(Line(Partial(head, self.names[node]), "=", right))
        return lines

    def _by_path(self) -> list[Line]:
        """Every path as a product, in symbols and in numbers, with its share of the total."""
        symbols, numbers = [], []
        for k, path in enumerate(self.paths, 1):
            ways = [
                Edge(*edge)
                for edge in zip(path.nodes, path.places, path.nodes[1:], path.local_derivatives)
            ]
            symbols.append(
                (Chain(tuple(elide([*map(self.partial, ways)], "factors"))), f"path {k}")
            )
            factors = chain(elide([*map(self._number, ways)], "factors"))
            share = self.share(path)
            note = f"path {k}, {100 * share:.2f} %" if share == share else f"path {k}"
            numbers.append((Comparison(factors, "=", Number(path.product)), note))
        if len(symbols) == 1:
            return (
                self._lines([symbols[0][0], numbers[0][0]])
                if self.region.nodes[1:]
                else (self._lines([Number(1.0)]))
            )
        head = Partial(self.names[self.output], self.names[self.wrt])
        lines: list[Line] = []
        for block in (symbols, numbers):
            for k, (right, note) in enumerate(block):
                left = head if not lines else None
                lines.append(Line(left, "+" if k else "=", right, note))
        return [*lines, Line(None, "=", Number(self.value))]


def chain(factors: Any) -> Expr:
    """A product of the chain rule: without factors 1, and the minus of factors −1 in front."""
    sign, kept = 1.0, []
    for factor in factors:
        if isinstance(factor, Number) and abs(factor.value) == 1.0:
            sign *= factor.value
        else:
            kept.append(factor)
    if not kept:
        return Number(sign)
    product = kept[0] if len(kept) == 1 else Chain(tuple(kept))
    return product if sign > 0 else Product((Number(-1.0), product))


def local_formula(edge: Edge, name: Names, expand: bool = False) -> Expr:
    """∂child/∂parent by the table's formula, in the names of the operands."""
    child = edge.child
    operands = operand_symbols(child, name)
    numbers = [float(v) for v in child.operands]
    place = [k for k, v in enumerate(child.operands) if isinstance(v, Value)][edge.place]
    return formula.local(OPS[child.op], operands, place, numbers, expand)


def indexed(edge: Edge, name: Names, expand: bool) -> Expr:
    """The same, but an input of a neuron that is a number goes by x and its place."""
    node, found = edge.child, local_formula(edge, name, expand)
    if node.op != "dot" or not isinstance(found, Number):
        return found
    weights = len(node.operands) // 2
    place = [k for k, v in enumerate(node.operands) if isinstance(v, Value)][edge.place]
    if place < weights and not isinstance(node.operands[weights + place], Value):
        return Name(f"x_{{{place + 1}}}", name[node].copy)
    return found


def operand_symbols(node: Value, name: Names) -> list[Expr]:
    """The operands of a node as symbols: Values by name, numbers as they are.

    A target that was given as a number is called t, as in the lecture, where no node is.
    """
    found: list[Expr] = []
    for k, v in enumerate(node.operands):
        if isinstance(v, Value):
            found.append(name[v])
        else:
            target = k == 1 and node.op == "squared_error" and "t" not in name.times
            found.append(Name("t") if target else Number(v))
    return found


def recursion(
    output: Value,
    into: Sequence[Edge],
    gradient: dict[Value, float],
    name: Names,
    expand: bool,
) -> Expr:
    """Σ over the children of ∂output/∂child · ∂child/∂node: formulas = numbers = result."""
    if not into:
        return Number(1.0)
    symbols: list[Expr] = []
    numbers: list[Expr] = []
    shown_edges = upwards(into)
    left_out = len(into) - 3 if len(into) > 500 else 0
    for edge in (*shown_edges[:2], shown_edges[-1]) if left_out else shown_edges:
        known = edge.child is not output
        upstream = [Partial(name[output], name[edge.child])] if known else []
        upstream_number = [Number(gradient[edge.child])] if known else []
        symbols.append(chain([*upstream, local_formula(edge, name, expand)]))
        numbers.append(Chain((*upstream_number, Number(edge.local))))
    if left_out:
        for terms in (symbols, numbers):
            terms.insert(2, Elided(f"{left_out:,} terms"))
    shown = symbols[0] if len(symbols) == 1 else sigma(symbols, "i") or Sum(tuple(symbols))
    put_in = numbers[0] if len(numbers) == 1 else Sum(tuple(numbers))
    total = Number(gradient[into[0].parent])
    if put_in != Chain((total,)):
        shown = Comparison(shown, "=", put_in)
    return shown if shown == total else Comparison(shown, "=", total)


def _terms(e: Expr) -> int:
    """How many terms stand in the sums of a formula."""
    if isinstance(e, Sum):
        return sum(map(_terms, e.terms)) + len(e.terms)
    return sum(map(_terms, getattr(e, "factors", ())))


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
    Errors: TypeError for what is no Value, ValueError where `output` does not depend on `wrt`.

    >>> x = Value(3.0, "x")
    >>> y = x * x
    >>> d = derive(y, x, variables=locals())
    >>> print(d.text("local"), "|", d.text("numbers"), "|", d.path_count)
    ∂y/∂x = x + x | ∂y/∂x = 3 + 3 = 6 | 2
    """
    if not isinstance(output, Value):
        raise TypeError(f"derive: expected a Value as the output, got {type(output).__name__}")
    scope = variables_of(variables, 2)
    options: dict[str, Any] = {"limit": limit, "digits": digits, "expand": expand}
    parameters = getattr(wrt, "parameters", None)
    if parameters is not None or isinstance(wrt, list | tuple):
        chosen = values(wrt if parameters is None else parameters(), "derive")
        return Derivations(output, tuple(chosen), scope, **options)
    if not isinstance(wrt, Value):
        raise TypeError(f"derive: expected a Value, a list of them or a layer, got {wrt!r}")
    return _derivation(output, wrt, scope=scope, **options)


def _derivation(output: Value, wrt: Value, **options: Any) -> Derivation:
    region = Region.between(output, wrt)
    if not region.nodes:
        raise independent(output, wrt)
    return Derivation(output, wrt, region.gradients[wrt], region, **options)


def independent(output: Value, wrt: Value) -> ValueError:
    """What to say where `output` does not depend on `wrt`."""
    top, bottom = (f"{v.label!r}" if v.label else repr(v) for v in (output, wrt))
    if not output.op:
        return ValueError(
            f"derive: {top} is a leaf, no operation on {bottom} was recorded; was it computed "
            "inside no_grad()?"
        )
    return ValueError(
        f"derive: {bottom} is not among the nodes that {top} was computed from, so the derivative "
        "is 0 and has no factors"
    )


# ------------------------------------------------------------------ a layer


@dataclass(frozen=True, repr=False, eq=False)
class Derivations(Explained):
    """∂output/∂w of several parameters: a table, `d[k]` being the derivation of the k-th.

    Its lines begin with the generic form, ∂C/∂W⁽ᵐ⁾ᵢⱼ = δ⁽ᵐ⁾ᵢ · a⁽ᵐ⁻¹⁾ⱼ, where the weights share
    one shape.
    """

    output: Value
    wrt: tuple[Value, ...]
    scope: Mapping[str, Any]
    limit: int
    digits: int
    expand: bool

    @cached_property
    def names(self) -> Names:
        """As in `Derivation`."""
        return Names(topological_order(self.output), self.scope)

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
        options = {"limit": self.limit, "digits": self.digits, "expand": self.expand}
        return _derivation(self.output, self.wrt[k], scope=self.scope, **options)

    def __iter__(self) -> Iterator[Derivation]:
        return (self[k] for k in range(len(self)))

    @cached_property
    def _into(self) -> dict[Value, list[Edge]]:
        """The edges into each of the parameters, as `backward` comes along them."""
        into: dict[Value, list[Edge]] = {v: [] for v in self.wrt}
        for node in reversed(self.names.order):
            for edge in edges(node):
                if edge.parent in into:
                    into[edge.parent].append(edge)
        return into

    def generic(self) -> list[Line]:
        """The forms that all weights of a kind share, in indices; none where they do not."""
        kinds: dict[str, list[Value]] = {}
        for v in self.wrt:
            kinds.setdefault(v.label.partition("_")[0], []).append(v)
        found = []
        for kind in kinds.values():
            found += over_all([self._terms(v) for v in kind])
        return found

    def _terms(self, v: Value) -> tuple[Partial, list[tuple[Expr, Expr]]]:
        """∂output/∂v, and each term of its sum: (∂output/∂child, ∂child/∂v)."""
        head = self.names[self.output]
        terms: list[tuple[Expr, Expr]] = []
        for edge in upwards(self._into[v]):
            known = edge.child is not self.output
            upstream = Partial(head, self.names[edge.child]) if known else Number(1.0)
            terms.append((upstream, indexed(edge, self.names, self.expand)))
        return Partial(head, self.names[v]), terms

    def lines(self, style: str | None = None) -> list[Line]:
        """The generic forms, then a line for each parameter; `style` "generic" or "table"."""
        if style not in (None, "generic", "table"):
            raise ValueError(f"style {style!r}: expected 'generic', 'table' or None")
        lines = self.generic() if style != "table" else []
        if style == "generic":
            if not lines:
                raise ValueError("these parameters do not share one form")
            return lines
        shown: list[int | None] = [*range(len(self.wrt))]
        if len(shown) > 60:
            shown[30:-29] = [None]
        children = [e.child for v in self.wrt for e in self._into[v]]
        gradient = dict(zip(children, grad(self.output, children)))
        gradient |= zip(self.wrt, self.values)
        for k in shown:
            if k is None:
                lines.append(Line(None, "⋮", Elided(f"{len(self.wrt) - 59:,} lines")))
                continue
            v = self.wrt[k]
            right = recursion(self.output, self._into[v], gradient, self.names, self.expand)
            lines.append(Line(Partial(self.names[self.output], self.names[v]), "=", right))
        return lines


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
        """Both derivations with the shared factors marked: "chain", "local", "numbers" or all."""
        if style not in (None, *STYLES[:3]):
            raise ValueError(f"style {style!r}: expected {', '.join(STYLES[:3])}, or None")
        marked = [replace(d, marks=self.edges) for d in (self.first, self.second)]
        return [line for d in marked for line in d.lines(style)]


def shared(first: Derivation, second: Derivation) -> Shared:
    """The factors that two derivations have in common.

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
