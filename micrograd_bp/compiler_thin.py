"""Long thin graphs, number by number: where groups are too small for arrays to pay.

A recurrence of 10⁵ steps would be as many calls of NumPy. Here a loop over the nodes runs the
formulas of the table, forward and backward, on one vector of numbers: compiled by Numba where that
is installed (`pip install 'micrograd_bp[numba]'`; about 5 ns a node and pass, and a second or two
once for each set of operations), as plain Python otherwise (about 0.5 µs).

>>> from micrograd_bp.compiler_graph import read
>>> from micrograd_bp.engine import Value
>>> x = Value(2.0)
>>> machine = thin(read((x * x).exp(), [[x]]), [()], [0])
>>> machine.leaves[0][...] = 1.0
>>> value, (slope,) = machine.run()
>>> round(value, 6), round(slope.item(), 6)
(2.718282, 5.436564)
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from micrograd_bp.compiler_graph import Graph, levels
from micrograd_bp.compiler_kernels import FORMULAS
from micrograd_bp.compiler_machine import Machine
from micrograd_bp.table import FLOATS, OPS, Op

__all__ = ["pays", "thin"]

# seconds: of a group of arrays in both passes, with what it takes to compile it shared among fifty
# runs; of a number gathered one by one in both; and of a node and an operand here, in Python and by
# Numba
GROUP, GATHERED = 16e-6, 40e-9
COSTS = {False: (0.8e-6, 0.1e-6), True: (8e-9, 2e-9)}

_KERNELS = {
    "power": "_x ** _y",
    "dpower": "0.0 if _y == 0.0 else _y * _x ** (_y - 1.0)",
    "normal_cdf": "0.5 * erfc(-0.7071067811865476 * _x)",
    "gelu": "_x * (0.5 * erfc(-0.7071067811865476 * _x))",
}
_SIMPLE = ("sigmoid", "dsigmoid", "sigmoid_minus", "sech2", "softplus", "derf", "normal_pdf")
_MATH = ("abs", "cos", "erf", "exp", "inf", "log", "nan", "sin", "sqrt", "tan", "tanh")


def pays(nodes: int, operands: int, groups: int, gathered: int = 0) -> bool:
    """Whether the loop will be faster than arrays in so many groups."""
    each, operand = COSTS[has_numba()]
    return nodes * each + operands * operand < groups * GROUP + gathered * GATHERED


@cache
def has_numba() -> bool:
    """Whether Numba is installed."""
    return find_spec("numba") is not None


def source(ops: Sequence[str]) -> str:
    """The two loops as text, for graphs of these operations."""
    forward, backward = [], []
    for code, name in enumerate(ops):
        row = OPS[name]
        forward.append(f"        elif c == {code}:")
        backward.append(f"        elif c == {code}:")
        if name == "sum":
            forward += ["            z = 0.0", "            for j in range(i, first[k + 1]):",
                        "                z += v[args[j]]"]  # fmt: skip
            backward += ["            for j in range(i, first[k + 1]):",
                         "                g[args[j]] += u"]  # fmt: skip
        elif name == "dot":
            forward += ["            n = (first[k + 1] - i) // 2",
                        "            z = v[args[i + 2 * n]]",
                        "            for j in range(i, i + n):",
                        "                z += v[args[j]] * v[args[j + n]]"]  # fmt: skip
            backward += ["            n = (first[k + 1] - i) // 2",
                         "            g[args[i + 2 * n]] += u",
                         "            for j in range(i, i + n):",
                         "                g[args[j]] += u * v[args[j + n]]",
                         "                g[args[j + n]] += u * v[args[j]]"]  # fmt: skip
        elif row.vectors:
            forward.append(f"            z = value_{name}([v[j] for j in args[i : first[k + 1]]])")
            backward += ["            p = args[i : first[k + 1]]",
                         f"            s = slopes_{name}(v[k], [v[j] for j in p])",
                         "            for j in range(len(p)):",
                         "                g[p[j]] += u * s[j]"]  # fmt: skip
        else:
            read = [f"            {x} = v[args[i + {j}]]" for j, x in enumerate(row.names)]
            forward += [*read, f"            z = {row.value}"]
            backward += [*read, "            z = v[k]"]
            for j, partial in enumerate(row.partials):
                if partial != "0.0":
                    backward.append(f"            g[args[i + {j}]] += u * ({partial})")
            if row.partials == ("0.0",):
                backward.append("            pass")
    return "\n".join(
        ["def forward(v, code, first, args, start):", "    for k in range(start, len(code)):",
         "        c = code[k]", "        i = first[k]", "        if c < 0:", "            continue",
         *forward,
         "        if z - z != 0.0:", "            return False", "        v[k] = z",
         "    return True", "",
         "def backward(v, g, code, first, args, start):",
         "    for k in range(len(code) - 1, start - 1, -1):",
         "        c = code[k]", "        i = first[k]", "        u = g[k]",
         "        if c < 0 or u == 0.0:", "            continue",
         *backward]
    )  # fmt: skip


def thin(graph: Graph, shapes: Sequence[tuple[int, ...]], wanted: Sequence[int]) -> Machine:
    """`graph`, whose arrays of leaves have these shapes, as a loop over its nodes.

    It gives the gradients of the arrays `wanted`.
    """
    ops = sorted({op for op in graph.ops if op})
    text = source(ops)
    rows = tuple(OPS[op] for op in ops)
    compiled = _by_numba(text, rows) if has_numba() else None
    forward, backward = compiled or _in_python(text, rows)
    codes = {"": -1} | {op: k for k, op in enumerate(ops)}
    # like nodes in a row, so that the processor can tell the next branch
    unordered = np.array([codes[op] for op in graph.ops])
    order = np.lexsort([unordered, np.array(levels(graph))]).tolist()
    place = [0] * len(order)
    for k, node in enumerate(order):
        place[node] = k
    code = unordered[order].tolist()
    first = np.cumsum([0, *[len(graph.operands[k]) for k in order]])
    args = [place[v] for k in order for v in graph.operands[k]]
    output = place[graph.output]
    start = sum(map(len, graph.leaves))
    values = np.zeros(len(code))
    for k, number in graph.constants.items():
        values[place[k]] = number
    ends = np.cumsum([len(nodes) for nodes in graph.leaves])
    parts = [] if not graph.leaves else np.split(values[:start], ends[:-1])
    leaves = [part.reshape(shape) for part, shape in zip(parts, shapes)]
    slopes = np.zeros(len(code))
    given: tuple[Any, ...]
    if compiled:
        given = np.array(code, np.int8), first.astype(np.int64), np.array(args, np.int64), start
    else:
        given = code, first.tolist(), args, start

    def run() -> tuple[Any, list[Any]]:
        v: Any = values if compiled else values.tolist()
        if not forward(v, *given):
            raise FloatingPointError("a value is not finite")
        slopes.fill(0.0)
        slopes[output] = 1.0
        g: Any = slopes if compiled else slopes.tolist()
        backward(v, g, *given)
        found = np.array(g[:start])
        bounds = [0, *ends.tolist()]
        parts = [found[bounds[j] : bounds[j + 1]].reshape(shapes[j]) for j in wanted]
        return float(v[output]), parts  # a NumPy number by Numba

    size = sum(a.nbytes for a in (values, slopes, first)) + 8 * len(args)
    return Machine(run, text, leaves, size)


def _in_python(text: str, rows: Sequence[Op]) -> Sequence[Callable[..., Any]]:
    scope: dict[str, Any] = {**FLOATS}
    for row in rows:
        scope[f"value_{row.name}"] = _value(row)
        scope[f"slopes_{row.name}"] = row.derivatives
    exec(compile(text, "<thin graph>", "exec"), scope)
    return scope["forward"], scope["backward"]


def _value(row: Op) -> Callable[..., float]:
    return lambda numbers: row.formula(*row._group(numbers))


@cache
def _by_numba(text: str, rows: Sequence[Op]) -> Sequence[Callable[..., Any]] | None:
    """The loops compiled; None where an operation is beyond Numba."""
    import math

    import numba

    if any(row.vectors and row.name not in ("sum", "dot") for row in rows):
        return None
    scope: dict[str, Any] = {name: getattr(math, name, abs) for name in (*_MATH, "erfc", "log1p")}
    compiled = numba.njit(error_model="numpy")
    try:
        for name, formula in _KERNELS.items():
            names = "_x, _y" if "_y" in formula else "_x"
            scope[name] = compiled(eval(f"lambda {names}: {formula}", scope))
        for name in _SIMPLE:
            names, formula = FORMULAS[name]
            scope[name] = compiled(eval(f"lambda {names}: {formula}", scope))
        exec(compile(text, "<thin graph>", "exec"), scope)
        made = [compiled(scope[name]) for name in ("forward", "backward")]
        one = np.zeros(1)
        none = np.zeros(0, np.int8), np.zeros(1, np.int64), np.zeros(0, np.int64), 0
        made[0](one, *none)
        made[1](one, one, *none)
    except numba.core.errors.NumbaError:
        return None
    return made
