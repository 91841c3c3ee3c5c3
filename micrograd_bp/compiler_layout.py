"""Groups of like scalars as arrays, and how each array is read off the earlier ones.

Nodes of one depth, one operation and one pattern of operands become a `Group`. Its members are put
in the order in which their operands lie, so that most operands are plain views of earlier groups:
the whole, its transpose, a slice. What is irregular is an array of indices. A set of `dot`s that
pairs every row of inputs with every row of weights is a product of matrices, and says so by the
letters of its axes.

Every group has a place on one long tape of numbers, which a read from several groups at once uses.
"""

import ast
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from micrograd_bp.compiler_graph import Graph, levels
from micrograd_bp.table import OPS, Op

__all__ = ["TAPE", "Group", "Read", "layout"]

Ids = NDArray[np.int64]
TAPE = -1


@dataclass
class Read:
    """An operand of a group, as an array of `shape`; axes along which it does not vary have 1.

    Either `constant`; or from the group `source`, or the TAPE: at `offset` with `strides` (in
    numbers), or at the flat `indices`.
    """

    shape: tuple[int, ...]
    source: int = TAPE
    offset: int = 0
    strides: tuple[int, ...] | None = None
    indices: Ids | None = None
    constant: Any = None

    @property
    def gathered(self) -> int:
        """How many numbers are read one by one."""
        return 0 if self.indices is None else self.indices.size

    def covers(self, size: int) -> bool:
        """Whether this is the whole of a source of `size` numbers, in its own order."""
        if self.strides is None or self.offset or prod(self.shape) != size:
            return False
        return self.strides == contiguous(self.shape)

    def flat(self) -> Ids:
        """The place of each number in the source."""
        if self.indices is not None:
            return self.indices
        assert self.strides is not None
        places = np.full(self.shape, self.offset)
        for axis, (n, stride) in enumerate(zip(self.shape, self.strides)):
            places += (np.arange(n) * stride).reshape(
                [-1 if k == axis else 1 for k in range(len(self.shape))]
            )
        return places


@dataclass
class Group:
    """One array: `members` are its nodes in order, `op` is "" for leaves.

    `reads` has one for each named operand of the operation, one axis longer for a vector. Of a
    `dot`, `axes` are the letters of the weights, the inputs and the result; "softmax" marks a
    softmax whose outputs are all wanted.
    """

    op: str
    shape: tuple[int, ...]
    members: Ids
    base: int
    reads: list[Read] = field(default_factory=list)
    axes: tuple[str, str, str] | None = None
    kind: str = ""
    label: str = ""

    @property
    def size(self) -> int:
        return len(self.members)


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of an array without gaps; 0 for an axis of 1."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step if n > 1 else 0)
        step *= n
    return tuple(strides[::-1])


def affine(places: Ids) -> tuple[int, tuple[int, ...]] | None:
    """(offset, strides) where `places` is offset + Σ stride · index; else None."""
    shape = places.shape
    if places.size < 2:
        return (int(places.flat[0]) if places.size else 0), (0,) * len(shape)
    first = int(places.flat[0])
    expected = np.array(first)
    strides = []
    for axis, n in enumerate(shape):
        at = [0] * len(shape)
        at[axis] = min(1, n - 1)
        stride = int(places[tuple(at)] - first)
        strides.append(stride)
        steps = np.arange(n) * stride
        expected = expected + steps.reshape([-1 if k == axis else 1 for k in range(len(shape))])
    if not np.array_equal(np.broadcast_to(expected, shape), places):
        return None
    return int(first), tuple(strides)


class Layout:
    """The groups made so far, and where each node is."""

    def __init__(self, graph: Graph) -> None:
        total = len(graph.ops)
        self.graph = graph
        self.groups: list[Group] = []
        self.group_of = np.full(total, -1, np.int64)
        self.address = np.full(total, -1, np.int64)
        self.constant = np.zeros(total, bool)
        self.numbers = np.zeros(total)
        for k, number in graph.constants.items():
            self.constant[k] = True
            self.numbers[k] = number
        self.end = 0

    def place(self, group: Group) -> None:
        """Give `group` its number and its place on the tape."""
        self.group_of[group.members] = len(self.groups)
        self.address[group.members] = group.base + np.arange(group.size)
        self.groups.append(group)
        self.end = group.base + group.size

    def read(self, ids: Ids, full: int = 0) -> Read:
        """How to read the nodes `ids`, the last `full` axes of them in full length."""
        if ids.size > 1:
            for axis in range(ids.ndim - full):
                if ids.shape[axis] > 1:
                    first = ids.take([0], axis)
                    if (ids == first).all():
                        ids = first
        shape = ids.shape
        flags = self.constant[ids]
        if flags.all():
            numbers = self.numbers[ids]
            same = numbers.size > 0 and (numbers == numbers.flat[0]).all() and not full
            return Read(shape, constant=float(numbers.flat[0]) if same else numbers)
        if flags.any() and self.group_of[ids].min() < 0:
            loose = np.unique(ids[self.group_of[ids] < 0])
            self.place(Group("", loose.shape, loose, self.end, kind="constant"))
        groups = self.group_of[ids]
        places = self.address[ids]
        source = int(groups.flat[0])
        if (groups == source).all():
            places = places - self.groups[source].base
        else:
            source = TAPE
        found = affine(places)
        if found is None:
            return Read(shape, source, indices=places)
        return Read(shape, source, found[0], found[1])


def layout(graph: Graph, shapes: Sequence[tuple[int, ...]], kinds: Sequence[str]) -> Layout:
    """The groups of `graph`, whose arrays of leaves have these shapes and kinds."""
    made = Layout(graph)
    for nodes, shape, kind in zip(graph.leaves, shapes, kinds):
        made.place(Group("", shape, np.array(nodes, np.int64), made.end, kind=kind))
    for members in _alike(graph, made):
        for part in _by_source(made, members):
            _arrange(made, part)
    return made


def _alike(graph: Graph, made: Layout) -> list[list[int]]:
    """Nodes of one depth, one operation, one length and one pattern of constants, by depth."""
    constant = made.constant.tolist()
    depth = levels(graph)
    found: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    firsts: dict[tuple[str, int], list[int]] = {}
    for k, (op, operands) in enumerate(zip(graph.ops, graph.operands)):
        if not op:
            continue
        length = len(operands)
        if (op, length) not in firsts:
            firsts[op, length] = [s.start for s in slots(op, length) if s.stop > s.start]
        found[(depth[k], op, length, *[constant[operands[i]] for i in firsts[op, length]])].append(
            k
        )
    return [found[key] for key in sorted(found)]


def slots(op: str, length: int) -> list[slice]:
    """Which of `length` operands belong to each name of the operation's signature."""
    row = OPS[op]
    vector = (length - len(row.names) + row.vectors) // row.vectors if row.vectors else 1
    found, at = [], 0
    for name in row.names:
        width = vector if "*" in name else 1
        found.append(slice(at, at + width))
        at += width
    return found


def _by_source(made: Layout, members: list[int]) -> list[Ids]:
    """`members`, parted by the groups they read from where that makes few parts."""
    ids = np.array(members, np.int64)
    if len(members) == 1:
        return [ids]
    op = made.graph.ops[members[0]]
    operands = made.graph.operands
    starts = [s.start for s in slots(op, len(operands[members[0]])) if s.stop > s.start]
    sources = np.array([[operands[k][i] for i in starts] for k in members], np.int64)
    groups = made.group_of[sources]
    if (groups == groups[0]).all():
        return [ids]
    part = np.zeros(len(ids), np.int64)
    for column in groups.T + 1:  # constants are in none, -1
        _, part = np.unique(part * (len(made.groups) + 1) + column, return_inverse=True)
    count = int(part.max()) + 1
    if count == 1 or (count > 4 and len(members) < 16 * count):
        return [ids]
    return [ids[part == p] for p in range(count)]


def _arrange(made: Layout, ids: Ids) -> None:
    """Order the nodes `ids`, all of one operation and length, and make them a group."""
    op = made.graph.ops[ids[0]]
    rows = [made.graph.operands[k] for k in ids.tolist()]
    matrix = np.array(rows, np.int64)
    if op == "add" and _adds_rows(made, matrix):
        op = "sum"
    parts = slots(op, matrix.shape[1])
    if op == "dot":
        _arrange_dots(made, ids, matrix, parts)
        return
    vectors = ["*" in name for name in OPS[op].names]
    if op == "softmax" and _arrange_softmax(made, ids, matrix):
        return
    operands = [matrix[:, s] if v else matrix[:, s.start] for s, v in zip(parts, vectors)]
    order, shape = _order(made, operands)
    operands = [o[order].reshape(shape + o.shape[1:]) for o in operands]
    operands = _in_line(made, OPS[op], operands, vectors)
    reads = [made.read(o, int(v)) for o, v in zip(operands, vectors)]
    made.place(Group(op, shape, ids[order], made.end, reads))


def _adds_rows(made: Layout, matrix: Ids) -> bool:
    """Whether the two terms are the rows of a group with two columns, as of two outputs."""
    group = made.groups[made.group_of[matrix.flat[0]]]
    if group.shape[-1:] != (2,) or group.size != matrix.size:
        return False
    pairs = np.sort(made.address[matrix] - group.base, axis=1)
    pairs = pairs[np.argsort(pairs[:, 0])]
    return np.array_equal(pairs.reshape(-1), np.arange(group.size))


def _in_line(made: Layout, op: Op, operands: list[Ids], vectors: list[bool]) -> list[Ids]:
    """The components of vectors in the order in which they lie, where no formula counts them."""
    varying = [o for o, v in zip(operands, vectors) if v and not made.constant[o].any()]
    if not varying:
        return operands
    places = made.address[varying[0]]
    if affine(places) is not None or not _symmetric((op.value, *op.partials)):
        return operands
    order = np.argsort(places, axis=-1, kind="stable")
    return [np.take_along_axis(o, order, -1) if v else o for o, v in zip(operands, vectors)]


@cache
def _symmetric(formulas: tuple[str, ...]) -> bool:
    """Whether the order of the components cannot matter: no formula takes one by its number."""
    trees = (ast.parse(text, mode="eval") for text in formulas)
    return not any(isinstance(node, ast.Subscript) for tree in trees for node in ast.walk(tree))


def _order(made: Layout, operands: list[Ids]) -> tuple[Ids, tuple[int, ...]]:
    """An order of the members, and a shape, in which their operands lie well."""
    n = len(operands[0])
    if n == 1:
        return np.zeros(1, np.int64), ()
    keys = [_rows(made, o) for o in operands]
    best: tuple[Ids, tuple[int, ...]] | None = None
    for operand, (rank, count) in zip(operands, keys):
        if count != n or made.constant[operand.flat[0]]:
            continue
        order = np.argsort(rank)
        shape = _shape_of_source(made, operand[order])
        if shape is not None:
            return order, shape
        best = best or (order, (n,))
    if best is not None:
        return best
    varying = [(rank, count) for rank, count in keys if count > 1]
    for i, (a, p) in enumerate(varying):
        for b, q in varying[i + 1 :]:
            if p * q == n and len(np.unique(a * q + b)) == n:
                return np.argsort(a * q + b), (p, q)
    return np.lexsort([rank for rank, _ in keys[::-1]]), (n,)


def _shape_of_source(made: Layout, operand: Ids) -> tuple[int, ...] | None:
    """The shape of the group whose numbers (or whose rows) these are, all of them in order."""
    source = int(made.group_of[operand.flat[0]])
    if source < 0 or (operand.ndim > 1 and not operand.shape[1]):
        return None
    group = made.groups[source]
    shape = group.shape if operand.ndim == 1 else group.shape[:-1]
    if operand.size != group.size or prod(shape) != len(operand) or not shape:
        return None
    return shape if np.array_equal(operand.reshape(-1), group.members) else None


@cache
def _odd_numbers(count: int) -> Ids:
    """Random weights, by which rows that differ have different sums."""
    return np.random.default_rng(1).integers(1, 2**62, count) * 2 + 1


def _rows(made: Layout, operand: Ids) -> tuple[Ids, int]:
    """For each row (or number) its rank among the different ones, as they lie; and their count."""
    if operand.ndim == 1:
        lies = np.where(made.constant[operand], -1 - operand, made.address[operand])
        _, rank = np.unique(lies, return_inverse=True)
        return rank, int(rank.max()) + 1
    if not operand.shape[1]:
        return np.zeros(len(operand), np.int64), 1
    weights = _odd_numbers(operand.shape[1])
    _, first, inverse = np.unique(operand @ weights, return_index=True, return_inverse=True)
    different = operand[first]
    if not np.array_equal(different[inverse], operand):  # two rows of one hash
        different, inverse = np.unique(operand, axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)
    lies = made.address[different]
    order = np.lexsort([lies[:, -1], lies.min(1), lies[:, 0]])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[inverse], len(order)


def _arrange_softmax(made: Layout, ids: Ids, matrix: Ids) -> bool:
    """Softmaxes of which all outputs are there, as one array of rows."""
    k, xs = matrix[:, 0], matrix[:, 1:]
    length = xs.shape[1]
    rank, count = _rows(made, xs)
    which = made.numbers[k]
    if count * length != len(ids) or not made.constant[k].all():
        return False
    place = rank * length + which.astype(np.int64)
    order = np.argsort(place)
    if not np.array_equal(place[order], np.arange(len(ids))):
        return False
    shape = (length,) if count == 1 else (count, length)
    read = made.read(xs[order[::length]].reshape(shape), len(shape))
    made.place(Group("softmax", shape, ids[order], made.end, [read], kind="softmax"))
    return True


def _arrange_dots(made: Layout, ids: Ids, matrix: Ids, parts: list[slice]) -> None:
    """Dots as products of matrices where rows of weights meet rows of inputs, all with all."""
    ws, xs, b = (matrix[:, s] for s in parts)
    if made.group_of[ws].min() != made.group_of[ws].max() or (
        made.group_of[xs].min() != made.group_of[xs].max()
    ):
        swap = made.group_of[ws] > made.group_of[xs]  # products are recorded either way round
        ws, xs = np.where(swap, xs, ws), np.where(swap, ws, xs)
    (rank_w, p), (rank_x, q) = _rows(made, ws), _rows(made, xs)
    n = len(ids)
    shape: tuple[int, ...] = ()
    if n == 1:
        order, axes = np.zeros(1, np.int64), ("k", "k", "")
        rows_w, rows_x = ws[0], xs[0]
    elif p * q == n and len(np.unique(rank_x * p + rank_w)) == n:
        order = np.argsort(rank_x * p + rank_w)
        rows_w, rows_x = ws[order].reshape(q, p, -1)[0], xs[order].reshape(q, p, -1)[:, 0]
        shape, axes = (q, p), ("ik", "nk", "ni")
        if q == 1:
            shape, axes, rows_x = (p,), ("ik", "k", "i"), rows_x[0]
        elif p == 1:
            shape, axes, rows_w = (q,), ("k", "nk", "n"), rows_w[0]
    else:
        order, shape, axes = _blocks(rank_w, rank_x, p, q)
        blocks = (ws[order].reshape(*shape, -1), xs[order].reshape(*shape, -1))
        rows_w, rows_x = blocks if len(shape) == 1 else (blocks[0][:, 0], blocks[1][:, :, 0])
    ordered_b = b.reshape(-1)[order].reshape(shape)
    reads = [made.read(o, o.ndim) for o in (rows_w, rows_x)] + [made.read(ordered_b)]
    made.place(Group("dot", shape, ids[order], made.end, reads, axes))


def _blocks(
    rank_w: Ids, rank_x: Ids, p: int, q: int
) -> tuple[Ids, tuple[int, ...], tuple[str, str, str]]:
    """Dots that fall into blocks of one size, each all with all; else one by one."""
    n = len(rank_w)
    lowest = np.full(q, p)
    np.minimum.at(lowest, rank_x, rank_w)  # a block is known by its first row of weights
    block = lowest[rank_x]
    names, block, counts = np.unique(block, return_inverse=True, return_counts=True)
    blocks = len(names)
    wide, high = p // blocks, q // blocks
    own = np.unique(block * p + rank_w)
    if (
        (wide > 1 or high > 1)
        and wide * blocks == p
        and high * blocks == q
        and wide * high * blocks == n
        and (counts == wide * high).all()
        and len(own) == p  # no row of weights is in two blocks
        and len(np.unique(rank_x * p + rank_w)) == n
    ):
        order = np.lexsort([rank_w, rank_x, block])
        return order, (blocks, high, wide), ("cik", "cnk", "cni")
    return np.lexsort([rank_w, rank_x]), (n,), ("nk", "nk", "n")
