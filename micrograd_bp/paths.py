"""The ways from an output down to a node: its edges, its paths, the stages that all of them pass.

>>> from micrograd_bp import Value
>>> x = Value(3.0, "x")
>>> y = x * x + x
>>> region = Region.between(y, x)
>>> region.count(), [path.product for path in region.paths(limit=10)]
(3, [3.0, 3.0, 1.0])
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

from micrograd_bp.engine import Value, topological_order


class Edge(NamedTuple):
    """From a node to one of its parents, the one at this place; `local` is ∂child/∂parent."""

    child: Value
    place: int
    parent: Value
    local: float


def edges(node: Value) -> list[Edge]:
    """The edges from `node` to its parents, in order: `a * a` has two."""
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
    """More paths than the limit."""


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
        leading = {wrt}
        nodes = [wrt]
        for node in topological_order(output):
            if node is not wrt and not leading.isdisjoint(node.parents):
                leading.add(node)
                nodes.append(node)
        if output not in leading:
            return cls((), {})
        nodes.reverse()
        into: dict[Value, list[Edge]] = {node: [] for node in nodes}
        for node in nodes[:-1]:
            for edge in edges(node):
                if edge.parent in leading:
                    into[edge.parent].append(edge)
        return cls(nodes, into)

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

    def count(self) -> int:
        """How many paths there are, without going along them: exact, however many."""
        if not self.nodes:
            return 0
        stages = {*self.stages}
        counts = {self.top: 1}
        factors = []
        for node in self.nodes[1:]:
            counts[node] = sum([counts[edge.child] for edge in self.into[node]])
            if node in stages:  # anew from here, or deep graphs would add up huge numbers
                factors.append(counts[node])
                counts[node] = 1
        return prod(factors)

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

    def components(self) -> list[list[Value]]:
        """The nodes between top and bottom in groups that no edge connects, in order."""
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
        place = {node: k for k, node in enumerate(self.nodes)}
        unique = {id(members): members for members in group.values()}
        return [sorted(members, key=place.__getitem__) for members in unique.values()]

    def paths(self, limit: int) -> list[Path]:
        """Every path, in the order of the parents.

        Errors: TooManyPaths, with their exact number, beyond `limit`.
        """
        if (count := self.count()) > limit:
            raise TooManyPaths(
                f"{count:,} paths, more than limit={limit:,}; the styles 'chain' and 'recursive' "
                "say the same without going along every path"
            )
        outgoing: dict[Value, list[Edge]] = {node: [] for node in self.nodes}
        for node in self.nodes[1:]:
            for edge in self.into[node]:
                outgoing[edge.child].append(edge)
        found = []
        stack: list[list[Edge]] = [[edge] for edge in reversed(_ordered(outgoing, self.top))]
        if len(self.nodes) == 1:
            return [Path((self.top,), (), ())]
        while stack:
            way = stack.pop()
            while (node := way[-1].parent) is not self.bottom:
                first, *others = _ordered(outgoing, node)
                stack += [[*way, edge] for edge in reversed(others)]
                way.append(first)
            nodes = (self.top, *(edge.parent for edge in way))
            found.append(Path(nodes, tuple(e.local for e in way), tuple(e.place for e in way)))
        return found


def _ordered(outgoing: dict[Value, list[Edge]], node: Value) -> list[Edge]:
    return sorted(outgoing[node], key=lambda edge: edge.place)
