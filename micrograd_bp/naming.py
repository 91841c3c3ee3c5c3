"""What the nodes of a graph are called in a view: by label, by variable, or v₁, v₂ … in order.

>>> from micrograd_bp import Value, topological_order
>>> x, w = Value(2.0), Value(3.0, "w")
>>> y = w * x
>>> names = Names(topological_order(y))
>>> [names[v].label for v in (w, x, y)]
['w', 'v_{1}', 'v_{2}']
>>> Names(topological_order(y), {"x": x})[x].label
'x'
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from micrograd_bp.engine import Value
from micrograd_bp.formula import Name

Variables = Mapping[str, Any] | bool | None
"""Names for nodes without a label: `locals()`, say; True for the variables of the caller."""


class Names(dict[Value, Name]):
    """The name of each node of an order, made when it is asked for.

    It is its label, or else its variable, or else v₁, v₂ … in this order. Of several nodes with
    one label each gets its number besides, as in z[2].
    """

    def __init__(self, order: Iterable[Value], variables: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.order = [*order]
        variable = _by_value(variables) if variables else {}
        given = [v.label or variable.get(v, "") for v in self.order]
        self.times = Counter(given)
        places = count(1)
        taken = any(label.startswith("v_") for label in self.times)
        free = (k for k in places if f"v_{{{k}}}" not in self.times) if taken else places
        self.label = {v: label or next(free) for v, label in zip(self.order, given)}

    def __missing__(self, v: Value) -> Name:
        label = self.label[v]
        if isinstance(label, int):
            self[v] = Name(f"v_{{{label}}}")
        elif self.times[label] == 1:
            self[v] = Name(label)
        else:
            alike = (u for u in self.order if self.label[u] == label)
            self.update((u, Name(label, str(k))) for k, u in enumerate(alike, 1))
        return self[v]


def variables_of(given: Variables, depth: int) -> Mapping[str, Any]:
    """The variables that `given` means; True: those of the frame `depth` calls above this one."""
    if given is True:
        frame = sys._getframe(depth)
        return {**frame.f_globals, **frame.f_locals}
    return given or {}


def _by_value(variables: Mapping[str, Any]) -> dict[Value, str]:
    """Each Value by the first variable that holds it, itself or in a list: `x`, `xs[0]`."""
    found: dict[Value, str] = {}
    public = {name: v for name, v in variables.items() if not name.startswith("_")}
    for name, value in public.items():
        if isinstance(value, Value):
            found.setdefault(value, name)
    for name, value in public.items():
        if isinstance(value, list | tuple):
            for k, item in enumerate(value):
                if isinstance(item, Value):
                    found.setdefault(item, f"{name}[{k}]")
                elif isinstance(item, list | tuple):
                    for j, inner in enumerate(item):
                        if isinstance(inner, Value):
                            found.setdefault(inner, f"{name}[{k}][{j}]")
    return found
