"""What runs a compiled program: a function without arguments, and the arrays that it reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Machine"]


@dataclass
class Machine:
    """The function that runs the program, its text, and the arrays that it reads.

    `run()` gives (value, list of gradients); `leaves` are the arrays to be filled before.
    """

    run: Callable[[], tuple[Any, list[Any]]]
    source: str
    leaves: list[Any]
    bytes: int
