"""Both passes step by step, as plain records: what is computed from what, in symbols and numbers.

>>> from micrograd_bp import Value
>>> w, x = Value(0.5, "w"), Value(2.0, "x")
>>> z = w * x
>>> z.label = "z"
>>> C = z.tanh()
>>> C.label = "C"
>>> for step in steps(C):
...     print(f"{step.kind:8} {step.formula}: {step.numbers}")
forward  z = w · x: 0.5 · 2 = 1
forward  C = tanh(z): tanh(1) = 0.7616
seed     ∂C/∂C = 1: 1
backward ∂C/∂z += ∂C/∂C · tanh′(z): 0 + 1 · 0.42 → 0.42
backward ∂C/∂w += ∂C/∂z · x: 0 + 0.42 · 2 → 0.8399
backward ∂C/∂x += ∂C/∂z · w: 0 + 0.42 · 0.5 → 0.21
weight   ∂C/∂w = ∂C/∂z · x: 0.42 · 2 = 0.8399

The players show these records and nothing else.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from micrograd_bp import formula
from micrograd_bp.engine import Value, topological_order
from micrograd_bp.formula import Chain, Comparison, Expr, Literal, Number, Partial, Sum
from micrograd_bp.generic import recursion
from micrograd_bp.naming import Names, Variables, local_formula, operand_symbols, variables_of
from micrograd_bp.notation import Line, Text, significant
from micrograd_bp.ops import OPS
from micrograd_bp.passes import weights_of
from micrograd_bp.paths import Edge, edges
from micrograd_bp.table import checked

__all__ = ["GRANULARITIES", "Step", "steps"]

GRANULARITIES = ("edge", "node", "layer")
"""From the finest to the coarsest; `steps` says what each of them is."""


@dataclass(frozen=True)
class Step:
    """One step, as plain data.

    `kind` is "forward" (a node is computed), "seed" (∂C/∂C = 1), "backward" (a gradient is passed
    on along an edge: `upstream` × `local` = `contribution`, and `before` + contribution = `after`)
    or "weight" (what ∂C/∂w came to). `node` and `parent` are places in the topological order, the
    edge leading from `node` to the parent that stands at `place` among its parents; `operands`
    are the nodes that a forward step computes from, with their values; `complete` says whether
    the parent has its whole gradient now. `formula` and `numbers` are Unicode text, `result` is
    the number the step ends in. A step of coarser granularity has the steps it stands for in
    `parts`.
    """

    index: int
    kind: str
    node: int
    label: str
    formula: str
    numbers: str
    result: float
    operands: tuple[tuple[int, float], ...] = ()
    parent: int | None = None
    parent_label: str = ""
    place: int | None = None
    upstream: float | None = None
    local: float | None = None
    contribution: float | None = None
    before: float | None = None
    after: float | None = None
    complete: bool | None = None
    parts: tuple["Step", ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON; a number that JSON has no sign for is "inf", "-inf" or "nan"."""
        found: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "parts":
                value = [part.to_dict() for part in value]
            elif field.name == "operands":
                value = [[node, json_number(x)] for node, x in value]
            found[field.name] = json_number(value)
        return found


def json_number(value: Any) -> Any:
    """`value` for JSON, which has no sign for a number that is not finite: "inf", "-inf", "nan".

    >>> json_number(0.5), json_number(-math.inf)
    (0.5, '-inf')
    """
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Told:
    """A step before it is printed: its fields but for the texts, and its two equations."""

    fields: dict[str, Any]
    formula: Line
    numbers: Expr


def steps(
    output: Value,
    granularity: str = "edge",
    *,
    digits: int = 4,
    variables: Variables = None,
) -> list[Step]:
    """Every step of both passes through the graph of `output`, in their order.

    Granularity "edge": a step for each node forward, for each edge backward, for each weight at
    the end; "node": backward a step for each node, when its gradient is complete; "layer": all
    nodes at once that are equally many operations away from the leaves. After the last step every
    gradient is what `backward()` computes, to the last bit, given that the leaves had 0 before.
    Touches no `.grad`. `digits` and `variables` are those of `derive`.

    Errors: TypeError for what is no Value; ValueError for another granularity, or digits outside
    1 … 17.

    >>> w = Value(3.0, "w")
    >>> y = w * w
    >>> [(step.kind, step.result) for step in steps(y, "node", variables=locals())]
    [('forward', 9.0), ('seed', 1.0), ('weight', 6.0)]
    """
    if not isinstance(granularity, str) or granularity not in GRANULARITIES:
        raise ValueError(f"granularity {granularity!r:.40}: expected {', '.join(GRANULARITIES)}")
    show = Text(significant(digits))
    order = topological_order(checked(output, Value, "steps"))
    names = Names(order, variables_of(variables, 2))
    fine = [record(k, told, show) for k, told in enumerate(tell(output, names))]
    if granularity == "edge":
        return fine
    by_node = _by_node(fine, output, names, show)
    return by_node if granularity == "node" else _by_layer(by_node, names.order)


def tell(output: Value, names: Names) -> Iterator[Told]:
    """The steps along edges, with their equations as formulas, for a player to print its way."""
    order = names.order
    at = {node: k for k, node in enumerate(order)}
    label = {node: names[node].label for node in order}
    for node in order:
        if node.op:
            op = OPS[node.op]
            symbols = formula.value(op, operand_symbols(node, names))
            put_in = formula.value(
                op, [Literal(float(v), place) for place, v in enumerate(node.operands)]
            )
            yield Told(
                {
                    "kind": "forward",
                    "node": at[node],
                    "label": label[node],
                    "result": node.data,
                    "operands": tuple((at[v], v.data) for v in node.parents),
                },
                Line(names[node], "=", symbols),
                Comparison(put_in, "=", Literal(node.data)),
            )
    head = names[output]
    yield Told(
        {"kind": "seed", "node": at[output], "label": label[output], "result": 1.0},
        Line(Partial(head, head), "=", Number(1.0)),
        Number(1.0),
    )
    coming = dict.fromkeys(order, 0)
    into: dict[Value, list[Edge]] = {node: [] for node in order}
    for node in order:
        for parent in node.parents:
            coming[parent] += 1
    gradient = dict.fromkeys(order, 0.0)
    gradient[output] = 1.0
    for node in reversed(order):
        upstream = gradient[node]
        for edge in edges(node):
            parent, before = edge.parent, gradient[edge.parent]
            # As in `backward`, a gradient of 0 passes nothing on, not even to an infinite factor.
            contribution = upstream * edge.local if upstream else 0.0
            after = before + contribution if upstream else before
            gradient[parent] = after
            into[parent].append(edge)
            coming[parent] -= 1
            product = Chain((Literal(upstream), Literal(edge.local)))
            yield Told(
                {
                    "kind": "backward",
                    "node": at[node],
                    "label": label[node],
                    "result": after,
                    "parent": at[parent],
                    "parent_label": label[parent],
                    "place": edge.place,
                    "upstream": upstream,
                    "local": edge.local,
                    "contribution": contribution,
                    "before": before,
                    "after": after,
                    "complete": coming[parent] == 0,
                },
                Line(
                    Partial(head, names[parent]),
                    "+=",
                    Chain((Partial(head, names[node]), local_formula(edge, names))),
                ),
                Comparison(Sum((Literal(before), product)), "→", Literal(after)),
            )
    for weight in weights_of(order):
        if weight is output:
            continue
        symbols, numbers = _split(recursion(output, into[weight], gradient, names, False))
        yield Told(
            {"kind": "weight", "node": at[weight], "label": label[weight],
             "result": gradient[weight]},
            Line(Partial(head, names[weight]), "=", symbols),
            numbers,
        )  # fmt: skip


def record(index: int, told: Told, show: Text) -> Step:
    """A step with its equations as Unicode text."""
    line = told.formula
    left = f"{show(line.left)} {line.sign} " if line.left is not None else ""
    text = f"{left}{show(line.right)}"
    return Step(index, **told.fields, formula=text, numbers=show(told.numbers))


def _split(e: Expr) -> tuple[Expr, Expr]:
    """formula = numbers = result as formula, and numbers = result."""
    return (e.left, e.right) if isinstance(e, Comparison) else (e, e)


# ------------------------------------------------------------------ coarser


def _by_node(fine: list[Step], output: Value, names: Names, show: Text) -> list[Step]:
    """A step for each node: forward as before, backward when its gradient is complete."""
    order = names.order
    arrived: dict[int, list[Step]] = {}
    for step in fine:
        if step.parent is not None:
            arrived.setdefault(step.parent, []).append(step)
    gradient = {order[k]: parts[-1].result for k, parts in arrived.items()} | {output: 1.0}
    leaving = [edges(node) for node in order]
    weights = {step.node for step in fine if step.kind == "weight"}
    found = [step for step in fine if step.kind in ("forward", "seed")]
    for k in sorted(arrived.keys() - weights, reverse=True):
        into = [leaving[part.node][part.place or 0] for part in arrived[k]]
        symbols, numbers = _split(recursion(output, into, gradient, names, False))
        head = show(Partial(names[output], names[order[k]]))
        found.append(
            Step(
                0, "backward", k, names[order[k]].label, f"{head} = {show(symbols)}",
                show(numbers), gradient[order[k]], complete=True, parts=tuple(arrived[k]),
            )
        )  # fmt: skip
    for step in fine:
        if step.kind == "weight":
            found.append(replace(step, parts=tuple(arrived.get(step.node, ()))))
    return [replace(step, index=k) for k, step in enumerate(found)]


def _by_layer(steps: list[Step], order: list[Value]) -> list[Step]:
    """Together, what is equally many operations away from the leaves."""
    depth: dict[Value, int] = {}
    for node in order:
        depth[node] = max((depth[v] + 1 for v in node.parents), default=0)
    groups: dict[tuple[int, int], list[Step]] = {}
    for step in steps:
        phase = ("forward", "seed", "backward", "weight").index(step.kind)
        far = depth[order[step.node]]
        key = phase, far if phase == 0 else -far if phase == 2 else 0
        groups.setdefault(key, []).append(step)
    found = []
    for k, key in enumerate(sorted(groups)):
        parts = groups[key]
        last = parts[-1]
        texts = (_few([part.formula for part in parts]), _few([part.numbers for part in parts]))
        formulas, numbers = ("; ".join(words) for words in texts)
        found.append(
            Step(k, last.kind, last.node, last.label, formulas, numbers, last.result,
                 complete=last.complete, parts=tuple(parts))
        )  # fmt: skip
    return found


def _few(words: list[str]) -> list[str]:
    return words if len(words) <= 6 else [*words[:3], f"⋯[{len(words) - 4:,} more]⋯", words[-1]]
