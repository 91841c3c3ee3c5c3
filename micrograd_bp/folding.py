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

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain
from operator import add, mul
from typing import Any

from micrograd_bp import formula
from micrograd_bp.engine import Value, grad, topological_order
from micrograd_bp.formula import Call, Expr, Name, Number, Power, Product, Sum
from micrograd_bp.nn import ACTIVATIONS
from micrograd_bp.ops import OPS

LEVELS = ("primitives", "full", "lecture", "blocks", "layers", "slices")
"""From the finest to the coarsest; `draw` says what each of them shows."""


@dataclass(frozen=True)
class Box:
    """One or many nodes, drawn as one: those that belong together, in topological order.

    `faces` are those among them that the box shows: the one result, or that of each copy. `layer`
    says which layer it belongs to, `units` how many of its units it holds. Operands that are plain
    numbers, `numbers`, have a box without nodes, with a `name` if they are inputs.
    """

    nodes: tuple[Value, ...]
    faces: tuple[Value, ...]
    layer: int | None = None
    units: int = 1
    numbers: tuple[float, ...] = ()
    name: str = ""

    @property
    def folded(self) -> bool:
        """Whether it stands for more than one node."""
        return len(self.nodes) > 1

    @property
    def times(self) -> int:
        """How many copies of the same there are among the nodes."""
        return max(len(self.faces) // self.units, 1)


@dataclass(frozen=True)
class Arrow:
    """From an operand's box to that of the result.

    `edges` are (child, place among its parents), none from a plain number; `uses` are (child,
    place among its operands).
    """

    tail: int
    head: int
    edges: tuple[tuple[Value, int], ...]
    uses: tuple[tuple[Value, int], ...]


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
    unfold, together = [*unfold], [*together]
    most = MOST if max_nodes is None and level == "auto" else max_nodes
    start = LEVELS.index("full" if level == "auto" else level)
    graph = {node: node.parents for node in topological_order(root)}
    group: Groups = {}
    for k, name in enumerate(LEVELS):
        group = _LEVEL[name](graph, group, most or MOST)
        if k < start:
            continue
        chosen = _opened(graph, group, unfold, together)
        if most is not None and name != "slices" and _count(graph, chosen) > most:
            continue
        sketch = _sketch(graph, chosen, name)  # of slices in any case: there is no coarser level
        if most is None or len(sketch.boxes) <= most:
            break
    return sketch


MOST = 200
"""Boxes that a picture may have before it is folded of itself."""

Graph = dict[Value, tuple[Value, ...]]
"""The nodes in topological order, each with its parents."""

Groups = dict[Value, tuple[Any, ...]]
"""What a node's box goes by, its kind first; a node that is not in it has a box of its own."""


def _opened(
    graph: Graph, group: Groups, unfold: Sequence[Value], together: Sequence[Value]
) -> Groups:
    opened = {group[v] for v in unfold if v in group}
    if opened or together:
        group = {v: key for v, key in group.items() if key not in opened}
    for v in together:
        group[v] = key = ("together", v)
        _absorb(graph, group, lambda node: True, key)
    return group


def _count(graph: Graph, group: Groups) -> int:
    """How many boxes there will be, but for those of numbers."""
    return len(graph) - len(group) + len({*group.values()})


# ------------------------------------------------------------------ which nodes belong together


def _full(graph: Graph, before: Groups, most: int) -> Groups:
    return {}


def _lecture(graph: Graph, before: Groups, most: int) -> Groups:
    """A box for each unit of each example: its sum, its activation, its own parameters."""
    group: Groups = {}
    children = _uses(graph)
    seen: Counter[str] = Counter()
    for node, parents in graph.items():
        if not node.op:
            continue
        place = unit(node.label)
        if place and node.label[0] == "z":
            seen[node.label] += 1
            group[node] = ("unit", *place, seen[node.label])
        elif node.op == "dot":
            group[node] = ("neuron", node)
        elif len(parents) == 1 and node.op in ACTIVATIONS and children[parents[0]] == 1:
            key = group.get(parents[0])
            if key and parents[0].op not in ACTIVATIONS:
                group[node] = key
    _absorb(graph, group, _interior)
    return group


def _blocks(graph: Graph, before: Groups, most: int) -> Groups:
    """As before, with the copies of a unit in one box, and of whatever is computed alike."""
    units: Groups = {v: key[:3] for v, key in before.items() if key[0] == "unit"}
    _absorb(graph, units, _interior)
    shape = _shapes(graph, units)
    alike = Counter(shape.values())
    return {v: key for v, key in shape.items() if v in units or alike[key] > 1}


def _shapes(graph: Graph, known: Groups) -> Groups:
    """For each node how it is computed, the same for all that are computed alike.

    A running total, s = s + …, is computed alike at every step. An unlabelled leaf goes by what
    is done with it, unless that is so much that it must be a parameter.
    """
    used: dict[Value, list[tuple[str, int]]] = {}
    for node, parents in graph.items():
        op = node.op
        for place, parent in enumerate(parents):
            used.setdefault(parent, []).append((op, min(place, 2)))
    shape: Groups = {}
    for node, parents in graph.items():
        if node in known:
            shape[node] = known[node]
        elif not node.op:
            uses = used.get(node, [])
            shape[node] = ("leaf", node.label or (hash((*uses,)) if len(uses) < 5 else node))
        else:
            shape[node] = _shape(node, parents, shape, used)
    return shape


def _shape(
    node: Value, parents: tuple[Value, ...], shape: Groups, used: Mapping[Value, Sequence[Any]]
) -> tuple[Any, ...]:
    operands = [shape[v] for v in parents]
    if len(parents) > 3:
        return ("alike", node.op, hash(frozenset(operands)))
    for before, others in zip(parents, (operands[1:], operands[:-1])):
        if before.op == node.op and len(used[before]) == 1 and before.label in ("", node.label):
            same = shape[before]
            step = ("step", node.op, hash((*others,)))
            return same if same[:3] == step else (*step, hash(same))
    first, *numbers = node.operands if len(parents) == 1 else (None,)
    others = operands[1:] if len(parents) > 1 or isinstance(first, Value) else operands
    exponent = numbers if node.op == "pow" else []
    return ("step", node.op, hash((*others,)), hash((*operands, *exponent)))


def _layers(graph: Graph, before: Groups, most: int) -> Groups:
    """As before, with all units of a layer in one box."""
    return {v: ("layer", key[1]) if key[0] == "unit" else key for v, key in before.items()}


def _slices(graph: Graph, before: Groups, most: int) -> Groups:
    """By how many operations deep a node is, in a few slices; the leaves apart."""
    depth: dict[Value, int] = {}
    for node, parents in graph.items():
        depth[node] = max([depth[v] + 1 for v in parents], default=0)
    last = min(most - 2, SLICES) - 1
    deepest = max(max(depth.values()), 1)
    return {v: ("slice", d * last // deepest if v.op else "leaves") for v, d in depth.items()}


SLICES = 12
"""More of them, one beside the other, would not fit on a page."""

_LEVEL: dict[str, Callable[[Graph, Groups, int], Groups]] = {
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
    match = _UNIT.fullmatch(label) if "^" in label else None
    return (int(match[1]), match[2] or match[3] or "") if match else None


def _interior(node: Value) -> bool:
    """Whether a node may disappear inside a unit: an operation without a label, or a parameter."""
    return not node.label if node.op else node.label[:1] in ("w", "W", "b")


def _uses(graph: Graph) -> Counter[Value]:
    """How many edges come out of each node."""
    return Counter(chain.from_iterable(graph.values()))


def _absorb(
    graph: Graph,
    group: Groups,
    may: Callable[[Value], bool],
    only: tuple[Any, ...] | None = None,
) -> None:
    """Put what leads to one box alone into it, be it any box or `only` this."""
    into: dict[Value, tuple[Any, ...] | None] = {}  # the one box above a node; None of several
    for node in reversed(graph):
        key = group.get(node)
        if key is None:
            above = into.get(node)
            if above and only in (None, above) and may(node):
                group[node] = key = above
        for parent in graph[node]:
            if into.setdefault(parent, key) != key:
                into[parent] = None


# ------------------------------------------------------------------ boxes and arrows


def _sketch(graph: Graph, group: Groups, level: str) -> Sketch:
    members: dict[Hashable, list[Value]] = {}
    for node in graph:
        members.setdefault(group.get(node, node), []).append(node)
    boxes = [_box(nodes, group.get(nodes[0])) for nodes in members.values()]
    at = {node: k for k, nodes in enumerate(members.values()) for node in nodes}
    inside = [box.folded for box in boxes]
    place: dict[Hashable, int] = {}
    numbers: dict[int, list[float]] = {}
    edges: dict[Hashable, list[tuple[Value, int]]] = {}
    uses: dict[Hashable, list[tuple[Value, int]]] = {}
    ends: dict[Hashable, tuple[int, int]] = {}
    for node, parents in graph.items():
        head = at[node]
        folded = inside[head]
        operands: Sequence[Any] = parents
        if not folded or node.op in WEIGHED:  # in a folded box, no other numbers matter
            operands = node.operands
        among = -1
        for k, operand in enumerate(operands):
            if isinstance(operand, Value):
                among += 1
                tail = at[operand]
                if tail == head and folded:
                    continue
                way: Hashable = (tail, head) if folded or inside[tail] else (node, k)
                edges.setdefault(way, []).append((node, among))
            else:
                name, key = _number_box(node, k, operand, boxes[head], level)
                if key is None:
                    continue
                if key not in place:
                    place[key] = len(boxes)
                    boxes.append(Box((), (), name=name))
                    inside.append(False)
                tail = place[key]
                way = (tail, head) if folded or name else (node, k)
                numbers.setdefault(tail, []).append(operand)
            ends[way] = tail, head
            uses.setdefault(way, []).append((node, k))
    arrows = [Arrow(*ends[way], (*edges.get(way, ()),), (*uses[way],)) for way in ends]
    for k, several in numbers.items():
        boxes[k] = replace(boxes[k], numbers=tuple(dict.fromkeys(several)))
    return Sketch(tuple(boxes), tuple(arrows), level)


def _box(nodes: list[Value], key: tuple[Any, ...] | None) -> Box:
    last = nodes[-1]
    place = unit(last.label)
    layer, units = None, 1
    match key:
        case ("unit", layer, *_):
            faces = [v for v in nodes if v.op == last.op and v.label == last.label]
        case ("layer", layer):
            faces = [v for v in nodes if v.op == last.op and v.label[:1] == last.label[:1]]
            units = len({v.label for v in nodes if v.label[:1] == "z"})
        case ("together" | "neuron", _):
            faces = [last]
        case _:
            faces = nodes
    if not last.op and place and place[0] == 0:
        layer = 0
    return Box(tuple(nodes), tuple(faces), layer, units)


def _number_box(
    node: Value, k: int, number: float, box: Box, level: str
) -> tuple[str, Hashable | None]:
    """The name of the box for an operand that is a number, and what it goes by.

    Without a key, it is one of the numbers inside a folded box.
    """
    if level in ("primitives", "full"):
        return "", ("number", node, k) if not box.folded else None
    name = _input(node, k)
    if level == "slices":
        return "numbers", ("numbers",) if name or not box.folded else None
    if not name:
        return "", ("number", node, k) if not box.folded else None
    if level == "layers":
        return "x", ("input", box.layer)
    return name, ("input", box.layer, name, number if level == "lecture" else None)


def _input(node: Value, k: int) -> str:
    """What a number that is an input of a unit goes by, x_j; nothing for another number."""
    if (weight := weight_of(node, k)) is None:
        return ""
    if node.op == "dot":
        return f"x_{{{k - len(node.operands) // 2 + 1}}}"
    place = unit(weight.label)
    if not place or not place[1]:
        return ""
    return f"x_{{{place[1].split(',')[-1] if ',' in place[1] else place[1][-1]}}}"


WEIGHED = ("dot", "mul")
"""The operations in which an operand may be an input, and another its weight."""


def weight_of(node: Value, k: int) -> Value | None:
    """The weight by which operand `k` goes into a unit's sum."""
    operands = node.operands
    half = len(operands) // 2
    other: Any = None
    if node.op == "dot" and half <= k < 2 * half:
        other = operands[k - half]
    elif node.op == "mul":
        other = operands[1 - k]
    return other if isinstance(other, Value) else None


# ------------------------------------------------------------------ primitives


def unfused(root: Value, names: Mapping[Value, str] | None = None) -> dict[Value, Value]:
    """For each node its copy in a graph in which formulas of several steps are taken in steps.

    Data and gradients are the same; a sum of many is one addition after the other. What the steps
    would lose to rounding or overflow stays one node. `names` are labels for nodes without one.

    >>> from micrograd_bp import dot
    >>> z = dot([Value(2.0, "w")], [Value(3.0, "x")], Value(1.0, "b"))
    >>> [v.op for v in topological_order(unfused(z)[z]) if v.op]
    ['mul', 'add']
    """
    order = topological_order(root)
    copy: dict[Value, Value] = {}
    for node in order:
        operands = [copy[v] if isinstance(v, Value) else v for v in node.operands]
        made = _in_steps(node, operands) if node.op else None
        copy[node] = made or node._copy(operands)
        copy[node].label = node.label or (names or {}).get(node, "")
    if root.grad:
        new = topological_order(copy[root])
        for v, gradient in zip(new, grad(copy[root], new)):
            v.grad = gradient * root.grad
    for node in order:
        copy[node].grad = node.grad
    return copy


def _in_steps(node: Value, operands: list[Any]) -> Value | None:
    """The node computed in steps, of which it is the last; None where they are none, or inexact."""
    if node.op in ARITHMETIC:
        return None
    names: list[Any] = [
        Name(str(k)) if isinstance(v, Value) else Number(v) for k, v in enumerate(operands)
    ]
    try:
        made = _steps(_formula(node.op, names), dict(zip(names, operands)))
        if not isinstance(made, Value) or made in operands or not _same(made, node, operands):
            return None
    except (KeyError, ValueError, ArithmeticError):  # no such row, no steps, or no value
        return None
    made.data = node.data
    return made


ARITHMETIC = ("add", "sub", "mul", "truediv", "pow", "neg")
"""The operations that are steps themselves, whatever their formula says."""


def _same(made: Value, node: Value, operands: list[Any]) -> bool:
    """Whether `made` has the data and the derivatives of `node`, up to rounding."""
    wrt = [v for v in operands if isinstance(v, Value)]
    expected = dict.fromkeys(wrt, 0.0)
    for v, local in zip(wrt, node.local_derivatives):
        expected[v] += local
    found = grad(made, [*expected])
    pairs = [(made.data, node.data), *zip(found, expected.values())]
    return all(math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-300) for x, y in pairs)


def _formula(op: str, names: list[Any]) -> Expr:
    if op == "softmax":
        exps = [Call("exp", (name,)) for name in names[1:]]
        return exps[int(names[0])] / formula.add(*exps)
    return formula.value(OPS[op], names)


def _steps(expr: Expr, known: dict[Expr, Any]) -> Any:
    """A formula computed step by step, on Values; what stands in it twice is computed once."""
    if expr not in known:
        known[expr] = _step(expr, known)
    return known[expr]


def _step(expr: Expr, known: dict[Expr, Any]) -> Any:
    match expr:
        case Number(x):
            return x
        case Sum(terms):
            return reduce(add, [_steps(term, known) for term in terms])
        case Product(factors):
            over = [f for f in factors if not _is_reciprocal(f)]
            under = [f.base for f in factors if isinstance(f, Power) and _is_reciprocal(f)]
            top = reduce(mul, [_steps(f, known) for f in over]) if over else 1.0
            return top / reduce(mul, [_steps(f, known) for f in under]) if under else top
        case Power(base, exponent):
            return _steps(base, known) ** _steps(exponent, known)
        case Call("logsumexp", arguments, False, None):
            exps = [Call("exp", (argument,)) for argument in arguments]
            return _steps(Call("log", (formula.add(*exps),)), known)
        case Call(function, arguments, False, None):
            return OPS[function](*[_steps(argument, known) for argument in arguments])
    raise ValueError("not a formula of steps")


def _is_reciprocal(e: Expr) -> bool:
    return isinstance(e, Power) and e.exponent == Number(-1.0)
