"""A graph evaluated anew, number by number: what a compiled program is compared with.

It does what the engine does, in the engine's order, with other numbers in the leaves; so it knows
the first node that has no value, and says so in the same words.
"""

from collections.abc import Sequence

from micrograd_bp.compiler_graph import Graph
from micrograd_bp.engine import Value
from micrograd_bp.table import OPS

__all__ = ["replay"]


def replay(
    graph: Graph, leaves: Sequence[Sequence[float]], backward: bool = True
) -> tuple[float, list[float]]:
    """The value of `graph` and its derivative by each node, with these numbers in its leaves.

    Errors: those of the operation that has no value, naming its operands.
    """
    numbers = [graph.constants.get(k, 0.0) for k in range(len(graph.ops))]
    for nodes, given in zip(graph.leaves, leaves):
        for k, number in zip(nodes, given):
            numbers[k] = number
    for k, (op, operands) in enumerate(zip(graph.ops, graph.operands)):
        if not op:
            continue
        row, given = OPS[op], [numbers[v] for v in operands]
        try:
            numbers[k] = row.evaluate(given, given)
        except (ValueError, ArithmeticError):
            row.evaluate(given, [Value(numbers[v], graph.labels[v]) for v in operands])
            raise
    gradients = [0.0] * len(numbers)
    gradients[graph.output] = 1.0
    if not backward:
        return numbers[graph.output], gradients
    for k in range(len(numbers) - 1, -1, -1):
        upstream = gradients[k]
        if not upstream or not graph.ops[k]:
            continue
        row, operands = OPS[graph.ops[k]], graph.operands[k]
        wanted = [j for j, v in enumerate(operands) if v not in graph.constants]
        slopes = row.derivatives(numbers[k], [numbers[v] for v in operands], wanted)
        for j, slope in zip(wanted, slopes):
            gradients[operands[j]] += upstream * slope
    return numbers[graph.output], gradients
