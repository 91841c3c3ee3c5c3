"""Losses, each one formula and one node, with the local derivative that the lectures name.

>>> from micrograd_bp import Value
>>> a = Value(0.25, "a")
>>> C = squared_error(a, 1.0)
>>> C.data, C.local_derivatives  # ½(a - t)², a - t
(0.28125, (-0.75,))
"""

from typing import Any

from micrograd_bp.ops import operation
from micrograd_bp.table import reserve

_squared_error = operation("squared_error(a, t)", "0.5 * (a - t) ** 2", "a - t", "t - a")
reserve()


def squared_error(a: Any, t: Any) -> Any:
    """C = ½(a - t)² of the activation a and the target t: ∂C/∂a = a - t (CSC311, ML-15)."""
    return _squared_error(a, t)
