"""What the algorithms by hand share: shapes, textbook nonlinearities, numbers beside the engine's.

>>> for row in beside({"z": 0.5, "a": 0.25}, {"z": 0.5, "a": 0.5}):
...     print(row.label, row.engine, row.hand, row.difference)
z 0.5 0.5 0.0
a 0.25 0.5 -0.25
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from micrograd_bp.engine import Value, topological_order


def sigmoid(z: float) -> float:
    """1 / (1 + e^-z), without overflow.

    >>> sigmoid(0.0), sigmoid(-1000.0)
    (0.5, 0.0)
    """
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


NONLINEARITIES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "relu": (lambda z: max(0.0, z), lambda z: float(z > 0)),
}
"""σ and σ′ of plain numbers, by the names that a network may give."""


def fitted(
    name: str, W: Sequence[Sequence[float]], b_name: str, b: Sequence[float], below: int
) -> int:
    """How many units a layer has whose weights have a row for each unit, and b a number.

    Errors: ValueError where a row has not a weight for each of the units `below`, or b another
    length than W has rows.

    >>> fitted("W1", [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], "b1", [0.0, 0.0, 0.0], below=2)
    3
    """
    widths = sorted({len(row) for row in W})
    if widths != [below]:
        raise ValueError(
            f"{name}: expected rows of {below} numbers, one for each of the units below, "
            f"got {len(W)} of {widths}"
        )
    if len(b) != len(W):
        raise ValueError(
            f"{b_name}: expected {len(W)} numbers, one for each row of {name}, got {len(b)}"
        )
    return len(W)


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Σ a_k b_k: a row of weights times what comes in.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    return sum(a_k * b_k for a_k, b_k in zip(a, b))


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


def compared(
    loss: Value,
    by_hand: tuple[Mapping[str, float], Mapping[str, float]],
    also: Sequence[Value] = (),
) -> tuple[list[Row], list[Row]]:
    """The forward values, and the derivatives of the loss, by the engine beside those by hand.

    `by_hand` has both by label; `also` are nodes that the loss was not computed from.

    >>> w = Value(3.0, "w")
    >>> forward, backward = compared(w * w, ({"w": 3.0}, {"w": 6.0}))
    >>> [row.difference for row in forward + backward]
    [0.0, 0.0]
    """
    loss.backward()
    nodes = [*topological_order(loss), *also]
    forward, backward = by_hand
    return (
        beside({v.label: v.data for v in nodes}, forward),
        beside({v.label: v.grad for v in nodes}, backward),
    )
