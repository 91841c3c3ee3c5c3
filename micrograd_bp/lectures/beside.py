"""What the algorithms by hand share: textbook nonlinearities, and numbers beside the engine's.

>>> for row in beside({"z": 0.5, "a": 0.25}, {"z": 0.5, "a": 0.5}):
...     print(row.label, row.engine, row.hand, row.difference)
z 0.5 0.5 0.0
a 0.25 0.5 -0.25
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass


def sigmoid(z: float) -> float:
    """1 / (1 + e^-z), without overflow."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


NONLINEARITIES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "relu": (lambda z: max(0.0, z), lambda z: float(z > 0)),
}
"""σ and σ′ of plain numbers, by the names that a network may give."""


@dataclass(frozen=True)
class Row:
    """A quantity by its label, as the engine has it and by hand."""

    label: str
    engine: float
    hand: float

    @property
    def difference(self) -> float:
        """Engine - hand."""
        return self.engine - self.hand


def beside(engine: Mapping[str, float], hand: Mapping[str, float]) -> list[Row]:
    """A row for each label of `hand`, in its order. Errors: KeyError where the engine has none."""
    return [Row(label, engine[label], number) for label, number in hand.items()]
