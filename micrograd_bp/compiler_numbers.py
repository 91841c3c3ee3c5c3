"""Statements on single numbers as plain Python, which is ten times as fast there as NumPy.

>>> number_text("add", ["x", "y"])[0], number_text("where", ["c", "x", "y"])[0]
('x + y', 'x if c else y')
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from micrograd_bp.compiler_kernels import NUMPY
from micrograd_bp.table import FLOATS

__all__ = ["number_text"]

INFIX = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "less": "<", "less_equal": "<=",
    "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=",
    "logical_and": "and", "logical_or": "or",
}  # fmt: skip


def number_text(fn: str, arguments: Sequence[str]) -> tuple[str, Callable[..., Any] | None]:
    """fn(*arguments) as text, and the function that it calls float_fn, where it does."""
    if fn in INFIX:
        return f" {INFIX[fn]} ".join(arguments), None
    if fn == "negative":
        return f"-{arguments[0]}", None
    if fn == "where":
        return f"{arguments[1]} if {arguments[0]} else {arguments[2]}", None
    if fn == "logical_not":
        return f"not {arguments[0]}", None
    if fn in ("maximum", "minimum"):
        return f"{fn[:3]}({', '.join(arguments)})", None
    function = FLOATS.get(fn) or getattr(math, fn, None)
    if function is None:
        kernel = NUMPY[fn]

        def function(*numbers: float) -> float:
            return float(kernel(*numbers))

    return f"float_{fn}({', '.join(arguments)})", function
