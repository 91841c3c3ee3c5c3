"""Numbers of the engine beside those by hand, by label.

>>> for row in beside({"z": 0.5, "a": 0.25}, {"z": 0.5, "a": 0.5}):
...     print(row.label, row.engine, row.hand, row.difference)
z 0.5 0.5 0.0
a 0.25 0.5 -0.25
"""

from collections.abc import Mapping
from dataclasses import dataclass


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
