"""Levels of detail: the nodes of a graph in boxes, one each or many together.

>>> from micrograd_bp.nn import MLP
>>> model = MLP(3, [4, 2, 1], activation="tanh", seed=1)
>>> y = model([0.5, -1.5, 2.0])
>>> for level in ("full", "lecture", "layers"):
...     sketch = fold(y, level)
...     print(level, len(sketch.boxes), sum(len(box.nodes) for box in sketch.boxes))
full 54 42
lecture 10 42
layers 4 42

A box knows which nodes it stands for, so nothing disappears; inputs that are plain numbers have
boxes without nodes.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add, mul
from typing import Any

from micrograd_bp import formula
from micrograd_bp.engine import Value, grad, topological_order
from micrograd_bp.formula import Call, Cases, Expr, Name, Number, Power, Product, Sum
from micrograd_bp.nn import ACTIVATIONS
from micrograd_bp.ops import OPS

LEVELS = ("primitives", "full", "lecture", "blocks", "layers", "slices")
"""From the finest to the coarsest; `draw` says what each of them shows."""


@dataclass(frozen=True)
class Box:
    """One or many nodes, drawn as one: those that belong together, in topological order.

    `face` is the node whose name and numbers the box shows; `times` how many copies of it there
    are among the nodes; `layer` and `units` say which layer it is and how many of its units.
    Operands that are plain numbers, `numbers`, have a box without nodes.
    """

    nodes: tuple[Value, ...]
    face: Value | None
    times: int = 1
    layer: int | None = None
    units: int = 1
    numbers: tuple[float, ...] = ()
    name: str = ""

    @property
    def folded(self) -> bool:
        """Whether it stands for more than one node."""
        return len(self.nodes) > 1


@dataclass(frozen=True)
class Arrow:
    """From an operand's box to that of the result: `edges` are (child, place among its parents).

    An operand that is a plain number has no such edge.
    """

    tail: int
    head: int
    edges: tuple[tuple[Value, int], ...]


@dataclass(frozen=True)
class Sketch:
    """What is to be drawn: boxes, and arrows by the boxes' places. `level` is that of `LEVELS`."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    level: str


def fold(
    root: Value,
    level: str = "auto",
    max_nodes: int | None = None,
    unfold: Iterable[Value] = (),
    together: Iterable[Value] = (),
) -> Sketch:
    """The sketch of the graph below `root`, at a level, or at the finest of at most `max_nodes`.

    For the level "primitives" give the `unfused` graph. `unfold` are nodes whose boxes are to be
    opened; each of `together` becomes one box with all that leads to it alone.
    """
    most = 200 if max_nodes is None and level == "auto" else max_nodes
    start = LEVELS.index("full" if level == "auto" else level)
    graph = {node: node.parents for node in topological_order(root)}
    sketch = None
    for name in LEVELS[start:]:
        if name == "full" and most is not None and len(graph) > most:
            continue
        group = _LEVEL[name](graph, most or 200)
        _open(graph, group, unfold, together)
        sketch = _sketch(graph, group, name)
        if most is None or len(sketch.boxes) <= most:
            break
    assert sketch is not None
    return sketch


Graph = dict[Value, tuple[Value, ...]]
"""The nodes in topological order, each with its parents."""

Groups = dict[Value, Hashable]
"""What a node's box goes by; a node that is not in it has a box of its own."""


def _open(graph: Graph, group: Groups, unfold: Iterable[Value], fold: Any) -> None:
    opened = {group[v] for v in unfold if v in group}
    if opened:
        for v in [v for v, key in group.items() if key in opened]:
            del group[v]
    for v in fold:
        group[v] = ("together", v)
        _absorb(graph, group, lambda node: True, {("together", v)})


# ------------------------------------------------------------------ which nodes belong together


def _full(graph: Graph, most: int) -> Groups:
    return {}


def _lecture(graph: Graph, most: int) -> Groups:
    """A box for each unit of each example: its sum, its activation, its own parameters."""
    group: Groups = {}
    children = Counter(parent for parents in graph.values() for parent in parents)
    seen: Counter[str] = Counter()
    for node, parents in graph.items():
        if not node.op:
            continue
        place = unit(node.label)
        before = group.get(parents[0]) if parents else None
        if place and node.label[0] == "z":
            seen[node.label] += 1
            group[node] = ("unit", *place, seen[node.label])
        elif node.op == "dot":
            group[node] = ("unit", None, node, 1)
        elif before and len(parents) == 1 and node.op in ACTIVATIONS and children[parents[0]] == 1:
            group[node] = before
    _absorb(graph, group, _interior)
    return group


def _blocks(graph: Graph, most: int) -> Groups:
    """As before, with the copies of a unit in one box, and of whatever is computed alike."""
    group: Groups = {
        v: key[:3] if isinstance(key, tuple) and key[1] is not None else key
        for v, key in _lecture(graph, most).items()
    }
    _absorb(graph, group, _interior)
    used: dict[Value, tuple[str, int]] = {}
    for node, parents in graph.items():
        for place, parent in enumerate(parents):
            used.setdefault(parent, (node.op, min(place, 2)))
    shape: Groups = {}
    for node, parents in graph.items():
        if node in group:
            shape[node] = group[node]
        elif not node.op:
            shape[node] = ("leaf", node.label or used.get(node))
        else:
            operands = [shape[v] for v in parents]
            alike = frozenset(operands) if len(operands) > 3 else tuple(operands)
            shape[node] = (node.op, hash(alike))
    alone = Counter(shape.values())
    return {v: key for v, key in shape.items() if v in group or alone[key] > 1}


def _layers(graph: Graph, most: int) -> Groups:
    """As before, with all units of a layer in one box."""
    return {
        v: ("layer", key[1]) if isinstance(key, tuple) and key[0] == "unit" else key
        for v, key in _blocks(graph, most).items()
    }


def _slices(graph: Graph, most: int) -> Groups:
    """By how many operations deep a node is, in as many slices as there may be boxes."""
    depth: dict[Value, int] = {}
    for node, parents in graph.items():
        depth[node] = max((depth[v] + 1 for v in parents), default=0)
    boxes = max(most // 2, 2)
    deepest = max(depth.values())
    group: Groups = {v: ("slice", d * (boxes - 1) // max(deepest, 1)) for v, d in depth.items()}
    first = next(iter(group.values()))
    for v in graph:
        if not v.op:
            group[v] = ("leaves", first)
    return group


_LEVEL: dict[str, Callable[[Graph, int], Groups]] = {
    "primitives": _full,
    "full": _full,
    "lecture": _lecture,
    "blocks": _blocks,
    "layers": _layers,
    "slices": _slices,
}

_UNIT = re.compile(r"[A-Za-z]\^\{\((\d+)\)\}(?:_(?:\{([\d,]+)\}|(\d)))?")


def unit(label: str) -> tuple[int, str] | None:
    """The layer and the index in a label like `z^{(2)}_1`."""
    match = _UNIT.fullmatch(label)
    return (int(match[1]), match[2] or match[3] or "") if match else None


def _interior(node: Value) -> bool:
    """Whether a node may disappear inside a unit: an operation without a label, or a parameter."""
    return not node.label if node.op else node.label[:1] in ("w", "W", "b")


def _absorb(
    graph: Graph,
    group: Groups,
    may: Callable[[Value], bool],
    into: set[Hashable] | None = None,
) -> None:
    """Put what leads to one box alone into it."""
    children: dict[Value, set[Hashable]] = {}
    for node in reversed([*graph]):
        around = children.pop(node, set())
        if node not in group and len(around) == 1 and may(node):
            (key,) = around
            if key is not None and (into is None or key in into):
                group[node] = key
        key = group.get(node)
        for parent in graph[node]:
            children.setdefault(parent, set()).add(key)


# ------------------------------------------------------------------ boxes and arrows


def _sketch(graph: Graph, group: Groups, level: str) -> Sketch:
    members: dict[Hashable, list[Value]] = {}
    for node in graph:
        members.setdefault(group.get(node, node), []).append(node)
    last = next(reversed(graph))
    root = group.get(last, last)
    boxes = [_box(nodes, key, key == root) for key, nodes in members.items()]
    place = {key: k for k, key in enumerate(members)}
    at = {node: place[group.get(node, node)] for node in graph}
    inputs: dict[int, list[float]] = {}
    between: dict[Hashable, list[tuple[Value, int]]] = {}
    ends: dict[Hashable, tuple[int, int]] = {}
    for node in graph:
        head = at[node]
        parents = 0
        for k, operand in enumerate(node.operands):
            if isinstance(operand, Value):
                tail, edge = at[operand], [(node, parents)]
                parents += 1
                if tail == head and boxes[head].folded:
                    continue
                apart = not (boxes[head].folded or boxes[tail].folded)
            else:
                tail, apart, edge = -1, True, []
                name = "" if not boxes[head].folded else _input(node, k)
                if boxes[head].folded and not name:
                    continue
                if name and level == "layers":
                    name = "x"
                shared = ("input", boxes[head].layer, name, operand if level == "lecture" else "")
                key = shared if name else ("number", node, k)
                if key not in place:
                    place[key] = len(boxes)
                    boxes.append(Box((), None, name=name))
                tail, apart = place[key], not name
                inputs.setdefault(tail, []).append(operand)
            way: Hashable = (node, k) if apart else (tail, head)
            between.setdefault(way, []).extend(edge)
            ends[way] = tail, head
    arrows = [Arrow(*ends[way], tuple(edges)) for way, edges in between.items()]
    for k, numbers in inputs.items():
        boxes[k] = replace(boxes[k], numbers=tuple(dict.fromkeys(numbers)))
    return Sketch(tuple(boxes), tuple(arrows), level)


def _box(nodes: list[Value], key: Hashable, is_root: bool) -> Box:
    if len(nodes) == 1:
        place = unit(nodes[0].label)
        inputs = place is not None and place[0] == 0
        return Box((nodes[0],), nodes[0], layer=0 if inputs else None)
    faces = [v for v in nodes if v.op == nodes[-1].op and v.label == nodes[-1].label]
    layer, units = None, 1
    if isinstance(key, tuple) and key[0] in ("unit", "layer"):
        layer = key[1]
    if isinstance(key, tuple) and key[0] == "layer":
        labels = {v.label for v in nodes if v.label[:1] == "z"}
        units = len(labels) or sum(v.op == "dot" for v in nodes)
        faces = [v for v in nodes if v.label and v.label[0] == nodes[-1].label[:1] and v.op]
    times = max(len(faces) // units, 1)
    alone = times == 1 and units == 1
    return Box(tuple(nodes), nodes[-1] if alone or is_root else faces[-1], times, layer, units)


def _input(node: Value, k: int) -> str:
    """What a number that is an input of a unit goes by, x_j; nothing for another number."""
    operands = node.operands
    if node.op == "dot":
        half = len(operands) // 2
        return f"x_{k - half + 1}" if half <= k < 2 * half else ""
    if node.op == "mul":
        weight = operands[1 - k]
        place = unit(weight.label) if isinstance(weight, Value) else None
        if place and place[1]:
            return f"x_{place[1].split(',')[-1] if ',' in place[1] else place[1][-1]}"
    return ""


# ------------------------------------------------------------------ primitives


def unfused(root: Value, names: Mapping[Value, str] | None = None) -> Value:
    """A copy of the graph in which what is one node, but a formula of several steps, is in steps.

    Data and gradients are the same; a sum of many is one addition after the other. `names` are
    labels for nodes without one.

    >>> from micrograd_bp import dot, topological_order
    >>> z = dot([Value(2.0, "w")], [Value(3.0, "x")], Value(1.0, "b"))
    >>> [v.op for v in topological_order(unfused(z)) if v.op]
    ['mul', 'add']
    """
    order = topological_order(root)

    def label(node: Value) -> str:
        return node.label or (names or {}).get(node, "")

    copy: dict[Any, Any] = {}
    for node in order:
        if not node.op:
            copy[node] = Value(node.data, label(node))
            copy[node].grad = node.grad
            continue
        operands = [copy.get(v, v) for v in node.operands]
        stand: list[Any] = [
            Name(str(k)) if isinstance(v, Value) else Number(v) for k, v in enumerate(operands)
        ]
        try:
            made = _steps(_in_steps(node.op, stand), dict(zip(stand, operands)))
        except (ValueError, ArithmeticError):
            made = None  # a step on the way overflows: then the node stays one
        if not isinstance(made, Value) or not made.op or made.label:
            made = node._copy(operands)
        made.label = label(node)
        copy[node] = made
    new = topological_order(copy[root])
    if root.grad:
        for v, gradient in zip(new, grad(copy[root], new)):
            v.grad = gradient * root.grad
        for node in order:
            copy[node].grad = node.grad
    result: Value = copy[root]
    return result


def _in_steps(op: str, names: list[Any]) -> Expr:
    exps = [Call("exp", (name,)) for name in names]
    if op == "logsumexp":
        return Call("log", (formula.add(*exps),))
    if op == "softmax":
        return exps[1:][int(names[0])] / formula.add(*exps[1:])
    return formula.value(OPS[op], names)


def _steps(expr: Expr, known: dict[Any, Any]) -> Any:
    """A formula computed step by step, on Values."""
    if expr in known:
        return known[expr]
    match expr:
        case Number(x):
            return x
        case Sum(terms):
            return reduce(add, [_steps(term, known) for term in terms])
        case Product(factors):
            over = [f for f in factors if not _is_divisor(f)]
            under = [f.base for f in factors if isinstance(f, Power) and _is_divisor(f)]
            top = reduce(mul, [_steps(f, known) for f in over]) if over else 1.0
            return top / reduce(mul, [_steps(f, known) for f in under]) if under else top
        case Power(base, exponent):
            return _steps(base, known) ** _steps(exponent, known)
        case Call(function, arguments, False, None) if not isinstance(expr, Cases):
            return OPS[function](*[_steps(argument, known) for argument in arguments])
    raise ValueError("not a formula of steps")


def _is_divisor(e: Expr) -> bool:
    return isinstance(e, Power) and e.exponent == Number(-1.0)
