"""What the nodes of a graph are called in a view, and what the factors on its edges are.

A node goes by its label, by its variable, or else by v₁, v₂ … in order.

>>> from micrograd_bp import Value, topological_order
>>> x, w = Value(2.0), Value(3.0, "w")
>>> y = w * x
>>> names = Names(topological_order(y))
>>> [names[v].label for v in (w, x, y)]
['w', 'v_{1}', 'v_{2}']
>>> Names(topological_order(y), {"x": x})[x].label
'x'

A factor is a formula of the table in these names:

>>> local_formula(Edge(y, 0, w, 2.0), names)
Name(label='v_{1}', copy='')
"""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import count
from typing import Any

from micrograd_bp import formula
from micrograd_bp.engine import Value
from micrograd_bp.formula import Expr, Name, Number
from micrograd_bp.ops import OPS
from micrograd_bp.paths import Edge
from micrograd_bp.symbol import LONGEST, short, unicode

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
        given = [label if len(label) <= LONGEST else short(label) for label in given]
        self.count = Counter(given)  # of nodes by label
        taken = {unicode(label) for label in self.count if label[:1] == "v"}
        free = (k for k in count(1) if not taken or unicode(f"v_{{{k}}}") not in taken)
        self.label = {v: label or next(free) for v, label in zip(self.order, given)}
        self._latest: Value | None = None
        self._operands: tuple[list[Expr], list[float]] = [], []
        self._places: dict[Value, list[int]] = {}

    def place(self, node: Value, parent: int) -> int:
        """Where among the operands of `node` its k-th parent stands."""
        if node not in self._places:
            self._places[node] = [k for k, v in enumerate(node.operands) if isinstance(v, Value)]
        return self._places[node][parent]

    def operands(self, node: Value) -> tuple[list[Expr], list[float]]:
        """The operands of a node as symbols, and as numbers."""
        if self._latest is not node:  # edges come node by node, and a node may have thousands
            self._latest = node
            self._operands = operand_symbols(node, self), [float(v) for v in node.operands]
        return self._operands

    def __missing__(self, v: Value) -> Name:
        label = self.label[v]
        if isinstance(label, int):
            self[v] = Name(f"v_{{{label}}}")
        elif self.count[label] == 1:
            self[v] = Name(label)
        else:
            self.update(self._numbered)
        return self[v]

    @cached_property
    def _numbered(self) -> dict[Value, Name]:
        """The nodes whose label is not theirs alone."""
        place = Counter[str | int]()
        found = {}
        for v, label in self.label.items():
            if isinstance(label, str) and self.count[label] > 1:
                place[label] += 1
                found[v] = Name(label, str(place[label]))
        return found


def variables_of(given: Variables, depth: int) -> Mapping[str, Any]:
    """The variables that `given` means; True: those of the frame `depth` calls above this one.

    Errors: TypeError for what is none of the three.
    """
    if given is True:
        frame = sys._getframe(depth)
        local = dict(frame.f_locals)  # first: what the function calls it, if it does
        known = local | {name: v for name, v in frame.f_globals.items() if name not in local}
        # What pytest and others keep there under names like @py_assert1 is no variable.
        return {name: v for name, v in known.items() if name.isidentifier()}
    if given is None or given is False:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"variables: expected a dict of names, or True, got {given!r:.60}")
    return given


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


# ------------------------------------------------------------------ factors


def local_formula(edge: Edge, names: Names, expand: bool = False) -> Expr:
    """∂child/∂parent by the table's formula, in the names of the operands; see `formula.local`."""
    child = edge.child
    operands, numbers = names.operands(child)
    place = names.place(child, edge.place)
    return formula.local(OPS[child.op], operands, place, numbers, expand)


def operand_symbols(node: Value, names: Names) -> list[Expr]:
    """The operands of a node as symbols: Values by name, numbers as they are.

    One of the row's constants, a target say, that was given as a number is called t, as in the
    lecture, where no node is; t[2] is that of the second of several outputs with one label.
    """
    constants = _constants(node)
    copies = {names[v].copy for v in node.parents} if constants else {}
    copy = "".join(copies) if len(copies) == 1 else ""
    found: list[Expr] = []
    for k, v in enumerate(node.operands):
        if isinstance(v, Value):
            found.append(names[v])
        elif k in constants and constants[k] not in names.count:
            found.append(Name(constants[k], copy))
        else:
            found.append(Number(v))
    return found


def _constants(node: Value) -> dict[int, str]:
    """What the row's constants are called, by their places: t, or t_1, t_2 … of several."""
    op = OPS.get(node.op)
    found: dict[int, str] = {}
    if op is not None and op.constants:
        for operand, places in zip(op.names, op._group(range(len(node.operands)))):
            if operand not in op.constants:
                continue
            if "*" not in operand:
                found[places] = operand
                continue
            letter = operand[1:-1]  # t of ts, one of them
            for k, place in enumerate(places, 1):
                index = f"_{k}" if k < 10 else f"_{{{k}}}"
                found[place] = letter + index * (len(places) > 1)
    return found
