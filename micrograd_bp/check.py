"""Are these derivatives right, and if not, where did it go wrong?

`gradcheck` holds the derivatives of a function of yours against differences of its values;
`check_graph` goes through a recorded graph and names the first node that is not what its own
operation makes of its operands.

>>> from micrograd_bp import Value, operation, sin
>>> print(gradcheck(lambda x, y: sin(x) * y, [0.5, 2.0]))  # doctest: +ELLIPSIS
gradcheck: 2 derivatives agree with differences
  ∂f/∂x1         1.755165124     by differences     1.755165124 ± ...
  ∂f/∂x2        0.4794255386     by differences    0.4794255386 ± ...
>>> bad = operation("bad(x)", "x * x", "-2.0 * x")
>>> x = Value(3.0, "x")
>>> print(check_graph(sin(bad(x)) + 1.0))
check_graph: 4 nodes, 1 at fault
  node 1, bad(x = 3.0): the derivative by operand 1 is recorded as -6.0, by differences it is 6
"""

import html
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

from micrograd_bp.differences import Estimate, second_opinion
from micrograd_bp.engine import Value, grad, no_grad, topological_order
from micrograd_bp.ops import OPS
from micrograd_bp.recording import with_recording
from micrograd_bp.symbol import unicode
from micrograd_bp.table import checked, listed, number, operand_number, whole


class Report:
    """A report is true where all is well; it reads as text, and as that text in a notebook."""

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        raise NotImplementedError

    def __bool__(self) -> bool:
        return self.ok

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


# ------------------------------------------------------------------ a function


@dataclass(frozen=True)
class Derivative:
    """One derivative of f: by which inputs (`(0, 1)` is ∂²f/∂x1∂x2), and its estimate."""

    inputs: tuple[int, ...]
    derivative: float
    estimate: Estimate

    @property
    def ok(self) -> bool:
        """Whether the differences allow it; at a kink, whether it is between both slopes."""
        return self.estimate.allows(self.derivative)

    def __str__(self) -> str:
        order = len(self.inputs)
        power = unicode(f"^{{{order}}}") if order > 1 else ""
        name = f"∂{power}f/" + "".join(f"∂x{k + 1}" for k in self.inputs)
        e = self.estimate
        found = f"{e.value:15.10g} ± {e.error:.0e}"
        if e.kink:
            found = f"a kink, slopes {e.left:.10g} and {e.right:.10g}"
        elif math.isnan(e.value):
            found = "none: it jumps to the next float, or has no values around"
        verdict = "" if self.ok else "   WRONG"
        return f"{name:<10} {self.derivative:15.10g}     by differences {found}{verdict}"


@dataclass(frozen=True)
class GradientReport(Report):
    """What `gradcheck` found: `derivatives`, and whether all are `ok`; true if they are."""

    derivatives: tuple[Derivative, ...]

    @property
    def ok(self) -> bool:
        """Whether every derivative is right."""
        return all(d.ok for d in self.derivatives)

    def __str__(self) -> str:
        wrong, count = sum(not d.ok for d in self.derivatives), len(self.derivatives)
        verdict = f"{wrong} of {count} derivatives WRONG"
        if not wrong:
            agree = "derivative agrees" if count == 1 else "derivatives agree"
            verdict = f"{count} {agree} with differences"
        return "\n".join((f"gradcheck: {verdict}", *(f"  {d}" for d in self.derivatives)))


def gradcheck(
    f: Callable[..., Any], inputs: Sequence[float | Value], order: int = 1
) -> GradientReport:
    """The derivatives of f(*Values) at `inputs`, up to `order`, beside differences of its values.

    Those of order n are compared with differences of those of order n - 1. Each estimate comes
    with its own error, from steps of many sizes, so that a right derivative is not called wrong
    for a bad step; at a kink any slope between the two one-sided ones is right. The report is
    true where all are. Errors: what f raises at `inputs`; ValueError for an order below 1.

    >>> bool(gradcheck(lambda x, y: (x * y).tanh(), [0.5, -1.0], order=2))
    True
    """
    if not callable(f):
        raise TypeError(f"gradcheck: expected a function, got {type(f).__name__}")
    order = whole(order, "gradcheck: order", 1)
    given = listed(inputs, "gradcheck")
    point = [x.data if isinstance(x, Value) else number(x, "gradcheck") for x in given]
    return GradientReport(tuple(with_recording(_compared, f, point, order)))


def _compared(f: Callable[..., Any], point: list[float], order: int) -> list[Derivative]:
    found = []
    for n in range(1, order + 1):
        for chosen in combinations_with_replacement(range(len(point)), n):
            *outer, last = chosen

            def below(t: float, outer: Sequence[int] = outer, last: int = last) -> float:
                return _partial(f, [*point[:last], t, *point[last + 1 :]], outer)

            derivative = _partial(f, point, chosen)
            estimate = second_opinion(below, point[last], derivative)
            found.append(Derivative(chosen, derivative, estimate))
    return found


def _partial(f: Callable[..., Any], point: Sequence[float], chosen: Sequence[int]) -> float:
    """∂f/∂ the chosen inputs, one after the other, by the engine; f itself for none."""
    if not chosen:
        with no_grad():
            value = f(*map(Value, point))
        return value.data if isinstance(value, Value) else operand_number(value, "gradcheck: f")
    xs = [Value(x) for x in point]
    output = f(*xs)
    for k in chosen[:-1]:
        output = _derivative(output, xs[k], create_graph=True)
    return float(_derivative(output, xs[chosen[-1]], create_graph=False))


def _derivative(output: Any, x: Value, create_graph: bool) -> Any:
    return grad(output, x, create_graph) if isinstance(output, Value) else 0.0


# ------------------------------------------------------------------ a graph


@dataclass(frozen=True)
class Fault:
    """A node that is not what it should be; `place` is its index in the topological order."""

    node: Value
    place: int
    what: str

    def __str__(self) -> str:
        node, label = self.node, unicode(self.node.label)
        given = []
        for v in node.operands[:6]:
            name, number = "", v
            if isinstance(v, Value):
                name, number = unicode(v.label), v.data
            given.append(f"{name} = {number!r:.40}" if name else f"{number!r:.40}")
        given += ["…"] if len(node.operands) > 6 else []
        made = f"{node.op}({', '.join(given)})" if node.op else "a leaf"
        return f"node {self.place}, {label + ' = ' if label else ''}{made}: {self.what}"


@dataclass(frozen=True)
class GraphReport(Report):
    """What `check_graph` found: the `faults` in topological order; true where there are none."""

    nodes: int
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Whether every node and edge is right."""
        return not self.faults

    @property
    def first(self) -> Fault | None:
        """The first fault: those after it may be its symptoms."""
        return self.faults[0] if self.faults else None

    def __str__(self) -> str:
        if not self.faults:
            return f"check_graph: {self.nodes} nodes, every value and local derivative is right"
        lines = [f"  {fault}" for fault in self.faults[:10]]
        more = len(self.faults) - len(lines)
        lines += [f"  … and {more} more"] if more else []
        return "\n".join((f"check_graph: {self.nodes} nodes, {len(self.faults)} at fault", *lines))


def check_graph(root: Value) -> GraphReport:
    """Every node's value and local derivatives against its own operation, on its operands as now.

    Names, in topological order, nodes with a value that is not finite, with a value that their
    operands no longer give (`.data` was assigned after the forward pass, or the node's own was),
    or with a derivative that differs from the formula or from differences of the values (the
    operation itself is wrong). An infinite derivative that is right, as that of sqrt at 0, is none.
    Errors: TypeError for what is no Value.

    >>> x = Value(2.0, "x")
    >>> y = x.exp()
    >>> check_graph(y).ok
    True
    >>> x.data = 3.0
    >>> check_graph(y).ok
    False
    """
    order = topological_order(checked(root, Value, "check_graph"))
    firsts = ((node, place, next(_faults(node), None)) for place, node in enumerate(order))
    faults = (Fault(node, place, what) for node, place, what in firsts if what is not None)
    return GraphReport(len(order), tuple(faults))


def _faults(node: Value) -> Iterator[str]:
    if type(node.data) is not float and type(node.data) is not int:
        yield f"its .data is no float, but a {type(node.data).__name__}"
        return
    if not node.op:
        if not math.isfinite(node.data):
            yield f"its value is {node.data}"
        return
    if node.op not in OPS:
        yield "its operation is not in the table"
        return
    op, operands = OPS[node.op], node.operands
    try:
        numbers = [float(v) for v in operands]
        value = op.evaluate(numbers, operands)
    except (TypeError, ValueError, ArithmeticError) as error:
        yield f"its value is {node.data!r}, but now {error}: was .data assigned after it was made?"
        return
    if not _close(value, node.data):
        yield (
            f"its value is {node.data!r}, but its operands now give {value!r}: "
            "was .data assigned after it was made?"
        )
    if not math.isfinite(value):
        yield f"its value is {value}"
    parents = [k for k, v in enumerate(operands) if isinstance(v, Value)]
    formulas = op.derivatives(value, numbers, parents)
    for k, recorded, formula in zip(parents, node.local_derivatives, formulas):
        if not _close(recorded, formula):
            yield (
                f"the derivative by operand {k + 1} is recorded as {recorded!r}, "
                f"by its formula it is {formula!r}"
            )
        if math.isnan(recorded):
            yield f"the derivative by operand {k + 1} is nan: there is none at these operands"
    yield from _wrong_slopes(node, numbers, parents)


def _close(a: float, b: float) -> bool:
    return a == b or math.isclose(a, b, rel_tol=1e-13) or (math.isnan(a) and math.isnan(b))


def _wrong_slopes(node: Value, numbers: list[float], parents: list[int]) -> Iterator[str]:
    """Operands whose derivative differences contradict; of many, first all are varied at once."""
    op, local = OPS[node.op], dict(zip(parents, node.local_derivatives))
    groups = [parents] if len(parents) > 16 else [[k] for k in parents]
    while groups:
        group = groups.pop()
        # No two weights are alike, so that no two errors cancel.
        weights = {k: 1.0 if len(group) == 1 else 1.0 + (k * 0.6180339887) % 1.0 for k in group}

        def along(t: float, weights: dict[int, float] = weights) -> float:
            varied = [x + t * weights.get(k, 0.0) for k, x in enumerate(numbers)]
            return op.evaluate(varied, node.operands)

        def alone(x: float, k: int = group[0]) -> float:
            return op.evaluate([*numbers[:k], x, *numbers[k + 1 :]], node.operands)

        # Of one operand alone, the steps go by its size.
        f, x = (alone, numbers[group[0]]) if len(group) == 1 else (along, 0.0)
        recorded = math.fsum(local[k] * weight for k, weight in weights.items())
        if _roughly(f, x, recorded):
            continue
        estimate = second_opinion(f, x, recorded)
        if estimate.allows(recorded):
            continue
        if len(group) > 1:
            half = len(group) // 2
            groups += [group[half:], group[:half]]
            continue
        yield (
            f"the derivative by operand {group[0] + 1} is recorded as {recorded!r}, "
            f"by differences it is {estimate.value:.10g}"
        )


def _roughly(f: Callable[[float], float], x: float, derivative: float) -> bool:
    """Whether one central difference agrees to a millionth: cheap, and most often the answer."""
    h = 1e-5 * max(abs(x), 1.0)
    try:
        difference = (f(x + h) - f(x - h)) / ((x + h) - (x - h))
    except (ValueError, ArithmeticError):
        return False
    return abs(difference - derivative) <= 1e-6 * abs(difference)
