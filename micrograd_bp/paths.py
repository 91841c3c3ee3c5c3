"""The ways from an output down to a node: its edges, its paths, the stages that all of them pass.

>>> from micrograd_bp import Value
>>> x = Value(3.0, "x")
>>> y = x * x + x
>>> region = Region.between(y, x)
>>> region.count(), [path.product for path in region.paths(limit=10)]
(3, [3.0, 3.0, 1.0])

And their sum with what they have in common taken out of it, as a tree of parts:

>>> tree = nested(region, 100)
>>> type(tree).__name__, [type(part).__name__ for part in tree.parts[0].parts]
('Series', ['Edge', 'Series'])
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from math import prod
from typing import NamedTuple, TypeVar

from micrograd_bp.engine import Value, topological_order


class Edge(NamedTuple):
    """From a node to one of its parents, the one at this place; `local` is ∂child/∂parent."""

    child: Value
    place: int
    parent: Value
    local: float


def edges(node: Value) -> list[Edge]:
    """The edges from `node` to its parents, in order: `a * a` has two.

    >>> from micrograd_bp import Value
    >>> a = Value(3.0, "a")
    >>> [(edge.place, edge.local) for edge in edges(a * a)]
    [(0, 3.0), (1, 3.0)]
    """
    pairs = zip(node.parents, node.local_derivatives)
    return [Edge(node, place, parent, local) for place, (parent, local) in enumerate(pairs)]


@dataclass(frozen=True)
class Path:
    """A way from the output down: its nodes, and the local derivative of each edge."""

    nodes: tuple[Value, ...]
    local_derivatives: tuple[float, ...]
    places: tuple[int, ...]
    """For each edge, the parent's place among the parents: which of the two edges of `a * a`."""

    @property
    def product(self) -> float:
        """What the path contributes to the derivative. Behind a 0 it stays 0, as in `backward`."""
        product = 1.0
        for local in self.local_derivatives:
            if not product:
                break
            product *= local
        return product


class TooManyPaths(ValueError):
    """More paths than the limit: (their exact number, the limit)."""

    @property
    def count(self) -> int:
        """The number of paths."""
        return self.args[0]  # type: ignore[no-any-return]

    def __str__(self) -> str:
        count, limit = map(exact, self.args)
        return (
            f"{count} paths, more than limit={limit}; the styles 'chain' and 'recursive' say the "
            "same without going along every path"
        )


def exact(n: int) -> str:
    """All digits of `n`, in threes: str(n) refuses beyond 4,300 of them.

    >>> exact(2**40)
    '1,099,511,627,776'
    """
    return f"{Decimal(n):,f}"


@dataclass(frozen=True)
class Region:
    """The nodes on the ways from `nodes[0]` down to `nodes[-1]`, children before parents.

    `into` has, for each node, the edges that come into it from others of them, in the order in
    which `backward` adds what they pass on.
    """

    nodes: Sequence[Value]
    into: dict[Value, list[Edge]]

    @classmethod
    def between(cls, output: Value, wrt: Value) -> "Region":
        """From `output` down to `wrt`; without nodes where no way leads there."""
        into: dict[Value, list[Edge]] = {wrt: []}
        leading = into.keys()
        for node in topological_order(output):
            if not node.op or node is wrt or leading.isdisjoint(parents := node.parents):
                continue
            into[node] = []
            local = node.local_derivatives
            for place in range(len(parents) - 1, -1, -1):
                if (parent := parents[place]) in leading:
                    into[parent].append(Edge(node, place, parent, local[place]))
        if output not in leading:
            return cls((), {})
        for ways in into.values():
            ways.reverse()
        return cls([*into][::-1], into)

    @property
    def top(self) -> Value:
        """Where the ways begin."""
        return self.nodes[0]

    @property
    def bottom(self) -> Value:
        """Where they end."""
        return self.nodes[-1]

    def inner(self, top: Value, nodes: Sequence[Value], bottom: Value) -> "Region":
        """The part with these nodes between `top` and `bottom`, in this order."""
        if len(nodes) + 2 == len(self.nodes):
            return self
        chosen = {top, *nodes}
        ends = [*nodes, bottom]
        into = {node: [e for e in self.into[node] if e.child in chosen] for node in ends}
        return Region([top, *nodes, bottom], into)

    def above(self, bottom: Value) -> "Region":
        """The part from the top down to `bottom`."""
        leading = {bottom}
        for node in reversed(self.nodes):
            if node in leading:
                leading |= {edge.child for edge in self.into.get(node, ())}
        nodes = [node for node in self.nodes if node in leading]
        return Region(nodes, {node: self.into[node] for node in nodes[1:]})

    @cached_property
    def _place(self) -> dict[Value, int]:
        return {node: k for k, node in enumerate(self.nodes)}

    def alone(self, edge: Edge) -> bool:
        """Whether no other way leads from the edge's child to its parent."""
        if len(self.into[edge.parent]) == 1:
            return True
        last = self._place[edge.parent]
        waiting = [e.parent for e in edges(edge.child) if e != edge]
        seen: set[Value] = set()
        while waiting:
            node = waiting.pop()
            if node is edge.parent:
                return False
            if node not in seen and self._place.get(node, last) < last:
                seen.add(node)
                waiting += sorted(node.parents, key=lambda v: v is edge.parent)  # it comes first
        return True

    def count(self) -> int:
        """How many paths there are, without going along them: exact, however many."""
        if not self.nodes:
            return 0
        stages = {*self.stages}
        factors = []
        counts = dict.fromkeys(self.nodes, 0)  # of paths from here to the next stage below
        counts[self.bottom] = 1
        for node in reversed(self.nodes[1:]):
            count = counts.pop(node)
            if node in stages:  # anew from here, or deep graphs would add up huge numbers
                factors.append(count)
                count = 1
            for edge in self.into[node]:
                counts[edge.child] += count
        return prod([*factors, counts[self.top]])

    @cached_property
    def gradients(self) -> dict[Value, float]:
        """∂top/∂node of every node, by the additions of `backward` in their order."""
        found = {self.top: 1.0}
        for node in self.nodes[1:]:
            gradient = 0.0
            for child, _, _, local in self.into[node]:
                if upstream := found[child]:
                    gradient += upstream * local
            found[node] = gradient
        return found

    @cached_property
    def stages(self) -> list[Value]:
        """The nodes that every path passes, top and bottom among them, in order."""
        passed = [self.top]
        leaving = dict.fromkeys(self.nodes, 0)
        for node in self.nodes[1:]:
            for edge in self.into[node]:
                leaving[edge.child] += 1
        still = leaving[self.top]  # edges that lead further down than the nodes so far
        for node in self.nodes[1:]:
            coming = len(self.into[node])
            if coming == still:
                passed.append(node)
            still += leaving[node] - coming
        return passed

    def steps(self) -> Iterator[tuple[Value, list[Value], Value]]:
        """From each stage to the next, with the nodes between them."""
        passed = {*self.stages}
        upper, between = self.top, list[Value]()
        for node in self.nodes[1:]:
            if node in passed:
                yield upper, between, node
                upper, between = node, []
            else:
                between.append(node)

    def components(self) -> list["Region"]:
        """The parts between top and bottom that no edge connects; no edge from top to bottom."""
        group: dict[Value, list[Value]] = {}
        for node in self.nodes[1:-1]:
            members = [node]
            for edge in self.into[node]:
                other = group.get(edge.child)
                if other is not None and other is not members:
                    small, members = sorted((members, other), key=len)
                    members += small
                    group.update(dict.fromkeys(small, members))
            group[node] = members
        found: dict[int, Region] = {}
        for members in group.values():
            if id(members) not in found:
                nodes = [self.top, *sorted(members, key=self._place.__getitem__), self.bottom]
                into = {node: self.into[node] for node in nodes[1:-1]}
                found[id(members)] = Region(nodes, into | {self.bottom: []})
        for edge in self.into[self.bottom]:
            if edge.child is not self.top:
                found[id(group[edge.child])].into[self.bottom].append(edge)
        return [*found.values()]

    def paths(self, limit: int) -> list[Path]:
        """Every path, in the order of the parents.

        Errors: TooManyPaths, with their exact number, beyond `limit`.
        """
        if (count := self.count()) > limit:
            raise TooManyPaths(count, limit)
        if not count:
            return []
        if len(self.nodes) == 1:
            return [Path((self.top,), (), ())]
        outgoing: dict[Value, list[Edge]] = {node: [] for node in self.nodes}
        for node in self.nodes[1:]:
            for edge in self.into[node]:
                outgoing[edge.child].append(edge)
        for leaving in outgoing.values():
            leaving.sort(key=lambda edge: edge.place)
        found = []
        stack = [[edge] for edge in reversed(outgoing[self.top])]
        while stack:
            way = stack.pop()
            while (node := way[-1].parent) is not self.bottom:
                first, *others = outgoing[node]
                stack += [[*way, edge] for edge in reversed(others)]
                way.append(first)
            nodes = (self.top, *(edge.parent for edge in way))
            found.append(Path(nodes, tuple(e.local for e in way), tuple(e.place for e in way)))
        return found


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
T = TypeVar("T")

EFFORT, AGAIN = 20, 500
"""How many edges may be looked at for each factor of the budget that they may become: where each is
looked at once, and where it is for every way down to one node."""


def shortened(items: Sequence[T], first: int, last: int, what: str) -> list[T | Skipped]:
    """The items; of clearly more than `first` and `last` together, those and how many are left out.

    >>> shortened("abcdefgh", 2, 1, "letters")
    ['a', 'b', Skipped(count=5, what='letters'), 'h']
    """
    left_out = len(items) - first - last
    if left_out < 5:
        return [*items]
    return [*items[:first], Skipped(left_out, what), *items[len(items) - last :]]


def nested(region: Region, budget: int) -> Part | None:
    """The sum over all paths, with what they have in common taken out of the sums.

    Along the stages it is a product. A factor of it is an edge, or a sum of ways that are products
    in their turn, or ∂u/∂v for what leads from u to v where the budget is at its end. None where
    the stages alone are more than `budget` factors.
    """
    steps = shortened([*region.steps()], 6, 6, "factors")
    if len(steps) > budget:
        return None
    forks = sum(
        len(region.into[step[2]]) > 1 or len(step[1]) > 0
        for step in steps
        if not isinstance(step, Skipped)
    )
    spare = (budget - len(steps)) // max(forks, 1)
    return Series(
        tuple(
            step if isinstance(step, Skipped) else _between_stages(region, *step, spare)
            for step in steps
        )
    )


def _between_stages(
    region: Region, upper: Value, between: list[Value], lower: Value, budget: int
) -> Part:
    """What leads from one stage to the next: an edge, or the ways beside each other."""
    inner = region.inner(upper, between, lower)
    into = inner.into[lower]
    if len(into) == 1:
        return into[0]
    branches: list[Part] = [edge for edge in into if edge.child is upper]
    small = sum(map(len, inner.into.values())) <= EFFORT * budget
    groups = inner.components()[::-1] if small else []
    share = budget // (len(groups) + len(branches) or 1)
    for ways in shortened(groups, 2, 1, "terms") if len(groups) > budget else groups:
        if isinstance(ways, Skipped):
            branches.append(ways)
        elif len(ways.stages) > 2 and (found := nested(ways, share)):
            branches.append(found)
        else:
            branches += _last_edges(ways, share)
    if not small:
        branches += _last_edges(inner, 0)
    if len(branches) > max(budget, 8):
        branches = shortened(branches, 2, 1, "terms")
    return branches[0] if len(branches) == 1 else Branches(tuple(branches))


def _last_edges(ways: Region, budget: int) -> list[Part]:
    """The ways by their last edges, each with all that leads there in front."""
    into = upwards([edge for edge in ways.into[ways.bottom] if edge.child is not ways.top])
    share = budget // (len(into) or 1)
    if sum(map(len, ways.into.values())) > AGAIN * share:
        share = 0
    found: list[Part] = []
    for edge in into if share else shortened(into, 2, 1, "terms"):
        if isinstance(edge, Skipped):
            found.append(edge)
            continue
        above = nested(ways.above(edge.child), share) if share else None
        if above is None:
            above = Whole(ways.top, edge.child, ways.gradients[edge.child])
        found.append(Series((above, edge)))
    return found


def upwards(into: Sequence[Edge]) -> list[Edge]:
    """The edges into a node in the order in which their children were computed.

    >>> from micrograd_bp import Value
    >>> a = Value(3.0, "a")
    >>> b = a * 2.0
    >>> c = b + a
    >>> into = [edge for node in (c, b) for edge in edges(node) if edge.parent is a]
    >>> [edge.child.op for edge in upwards(into)]
    ['mul', 'add']
    """
    last_first = {child: -k for k, child in enumerate(dict.fromkeys(edge.child for edge in into))}
    return sorted(into, key=lambda edge: last_first[edge.child])
