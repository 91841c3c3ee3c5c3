"""Derivatives along a direction: forward through the graph, and of second order.

>>> from micrograd_bp import Value
>>> x, y = Value(3.0), Value(-2.0)
>>> z = x * x * y
>>> jvp(z, [x, y], [1.0, 0.5])  # -12 · 1 + 9 · ½
-7.5
>>> hvp(z, [x, y], [1.0, 0.5])  # [[-4, 6], [6, 0]] times (1, ½)
[-1.0, 6.0]
"""

from collections.abc import Sequence
from typing import Any

from micrograd_bp.engine import Value, grad, topological_order, values
from micrograd_bp.ops import dot
from micrograd_bp.table import checked, listed, number


def jvp(output: Value, inputs: Sequence[Value], tangents: Sequence[float]) -> float:
    """Σ ∂output/∂inputs[k] · tangents[k], in one pass forward over the recorded derivatives.

    Errors: ValueError where there are not as many tangents as inputs.

    >>> x, y = Value(3.0), Value(-2.0)
    >>> jvp(x * y, [x, y], [1.0, 0.5])  # -2 · 1 + 3 · ½
    -0.5
    """
    tangent: dict[Value, float] = {}
    for v, t in _pairs("jvp", inputs, tangents):
        tangent[v] = tangent.get(v, 0.0) + t
    for node in topological_order(checked(output, Value, "jvp")):
        for parent, local in zip(node.parents, node.local_derivatives):
            if parent in tangent:
                step = tangent[parent]  # 0 · inf is 0, as in `backward`
                term = local * step if local and step else 0.0
                tangent[node] = tangent.get(node, 0.0) + term
    return tangent.get(output, 0.0)


def hvp(output: Value, inputs: Sequence[Value], vector: Sequence[float]) -> list[float]:
    """The Hessian of `output` times `vector`, without the matrix: grad of (grad · vector).

    Errors: ValueError where the vector is not as long as the inputs.

    >>> x, y = Value(3.0), Value(-2.0)
    >>> hvp(x * y, [x, y], [1.0, 0.5])  # [[0, 1], [1, 0]] times (1, ½)
    [0.5, 1.0]
    """
    pairs = _pairs("hvp", inputs, vector)
    checked(output, Value, "hvp")
    if not pairs:
        return []
    wanted, weights = zip(*pairs)
    along = dot(grad(output, wanted, create_graph=True), weights)
    return grad(along, wanted)  # type: ignore[no-any-return]


def _pairs(where: str, inputs: Any, numbers: Sequence[float]) -> list[tuple[Value, float]]:
    wanted = values(inputs, where)
    given = [number(x, where) for x in listed(numbers, where)]
    if len(wanted) != len(given):
        raise ValueError(
            f"{where}: expected a number for each of {len(wanted)} inputs, got {len(given)}"
        )
    return [*zip(wanted, given)]
