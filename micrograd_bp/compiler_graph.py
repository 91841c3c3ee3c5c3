"""A recorded graph as plain lists: what a compiler reads, before any array is thought of.

`read` numbers the nodes, parents first, and folds what depends on no input and no parameter into
constants. `fuse` turns the sums of products in it, recorded one by one, into the `dot` or the
`sum` that they are, wherever what is in between is used only once.

>>> from micrograd_bp.engine import Value
>>> w, x, b = [Value(2.0), Value(3.0)], [Value(5.0), Value(7.0)], Value(1.0)
>>> z = b + w[0] * x[0] + w[1] * x[1]
>>> graph = fuse(read(z, [w, x, [b]]))
>>> graph.ops[graph.output], len(graph.operands[graph.output])
('dot', 5)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from micrograd_bp.engine import Value, topological_order
from micrograd_bp.ops import OPS

__all__ = ["Graph", "fuse", "levels", "read"]


@dataclass
class Graph:
    """Node k has the operation `ops[k]` ("" for a leaf) on the nodes `operands[k]`, all before it.

    `leaves[j]` are the nodes of the j-th array of leaves; `constants` gives the numbers of those
    that never change; `labels` are the Values' own.
    """

    ops: list[str] = field(default_factory=list)
    operands: list[tuple[int, ...]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    constants: dict[int, float] = field(default_factory=dict)
    leaves: list[list[int]] = field(default_factory=list)
    output: int = -1
    _known: dict[str, int] = field(default_factory=dict)

    def add(self, op: str, operands: Sequence[int] = (), label: str = "") -> int:
        """The number of a new node."""
        self.ops.append(op)
        self.operands.append((*operands,))
        self.labels.append(label)
        return len(self.ops) - 1

    def constant(self, number: float) -> int:
        """The node of a number; one node for equal numbers, but 0.0 and -0.0 are two."""
        key = number.hex()
        if key not in self._known:
            self._known[key] = self.add("")
            self.constants[self._known[key]] = number
        return self._known[key]


def read(output: Value, arrays: Sequence[Sequence[Value]]) -> Graph:
    """The graph below `output`, in which only the leaves in `arrays` can change."""
    graph = Graph()
    place: dict[Value, int] = {}
    for array in arrays:
        for leaf in array:
            if leaf not in place:
                place[leaf] = graph.add("", label=leaf.label)
        graph.leaves.append([place[leaf] for leaf in array])
    constants = graph.constants
    for node in topological_order(output):
        if node in place:
            continue
        if not node.op:
            place[node] = graph.constant(float(node.data))
            continue
        operands = [place[v] if isinstance(v, Value) else graph.constant(v) for v in node.operands]
        if all(k in constants for k in operands):
            numbers = [constants[k] for k in operands]
            place[node] = graph.constant(OPS[node.op].evaluate(numbers, node.operands))
        else:
            place[node] = graph.add(node.op, operands, node.label)
    graph.output = place[output]
    return graph


def levels(graph: Graph) -> list[int]:
    """The depth of each node: 0 for leaves, else one more than that of its deepest operand."""
    depth = [0] * len(graph.ops)
    for k, operands in enumerate(graph.operands):
        if operands:
            depth[k] = 1 + max([depth[v] for v in operands])
    return depth


def fuse(graph: Graph) -> Graph:
    """The same graph with sums of products as `dot`s, and longer sums as `sum`s.

    Of a tree of `add`s (and `sum`s) whose inner nodes are used once, two products or more that are
    used once make a `dot`, whose bias is the rest; without them three terms or more, a `sum`.
    """
    uses = [0] * len(graph.ops)
    for operands in graph.operands:
        for k in operands:
            uses[k] += 1
    uses[graph.output] += 1
    ops = graph.ops
    inner = bytearray(len(ops))  # nodes that vanish into one above them
    sums: dict[int, tuple[list[int], list[int]]] = {}
    for k in range(len(ops) - 1, -1, -1):
        if inner[k] or ops[k] not in ("add", "sum"):
            continue
        terms, absorbed, stack = [], [], [*graph.operands[k]]
        while stack:
            v = stack.pop()
            if ops[v] in ("add", "sum") and uses[v] == 1:
                absorbed.append(v)
                stack += graph.operands[v]
            elif graph.constants.get(v) != 0.0:
                terms.append(v)
        products = [v for v in terms if ops[v] == "mul" and uses[v] == 1]
        if len(products) < 2:
            products = []
        if terms and (products or len(terms) > 2):
            for v in (*absorbed, *products):
                inner[v] = 1
            removed = set(products)
            sums[k] = products[::-1], [v for v in terms if v not in removed][::-1]
    if not sums:
        return graph

    fused, place = Graph(), [-1] * len(ops)
    for k, op in enumerate(ops):
        if inner[k]:
            continue
        if k in graph.constants:
            place[k] = fused.constant(graph.constants[k])
        elif k not in sums:
            place[k] = fused.add(op, [place[v] for v in graph.operands[k]], graph.labels[k])
        else:
            products, rest = sums[k]
            others = [place[v] for v in rest]
            if not products:
                place[k] = fused.add("sum", others, graph.labels[k])
                continue
            ws, xs = zip(*([place[v] for v in graph.operands[p]] for p in products))
            bias = (
                fused.constant(0.0) if not others
                else others[0] if len(others) == 1
                else fused.add("add" if len(others) == 2 else "sum", others)
            )  # fmt: skip
            place[k] = fused.add("dot", (*ws, *xs, bias), graph.labels[k])
    fused.leaves = [[place[k] for k in array] for array in graph.leaves]
    fused.output = place[graph.output]
    return fused
