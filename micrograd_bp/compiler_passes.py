"""Both passes over the groups as one program on arrays: forward, then backward.

Backward, each group's gradient is collected from what reads it, and handed on by the partial
derivatives of its row of the table. Nothing is computed that no wanted gradient needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from micrograd_bp import compiler_formulas as formulas
from micrograd_bp.compiler_arrays import Array, Builder, shape_of
from micrograd_bp.compiler_layout import TAPE, Group, Layout, Read, contiguous
from micrograd_bp.compiler_named import NamedBuilder
from micrograd_bp.table import OPS

__all__ = ["Passes", "passes"]


@dataclass
class Passes:
    """The statements of both passes; the loss, and the gradients of the arrays that are wanted.

    `leaves` are the statements of inputs and parameters; `taped` the groups that have to lie on
    the tape. `values` and `slopes` are those of all groups. `forward` says how many of the
    statements are those of the forward pass, `asked` what was asked for.
    """

    statements: list[Array]
    value: Any
    gradients: list[Any]
    leaves: list[Array]
    taped: dict[int, Array]
    values: list[Any]
    slopes: dict[int, Any]
    forward: int
    asked: tuple[Any, ...]

    @cached_property
    def reads_tape(self) -> bool:
        """Whether a statement reads several groups at once."""
        return any(s.fn in ("view", "take") and not s.args for s in self.statements)

    def named(self) -> "Passes":
        """The same with kernels by their names, to be read."""
        layout, wanted, batched, batch = self.asked
        return passes(layout, wanted, batched, batch, named=True)


class _Writer:
    def __init__(
        self,
        layout: Layout,
        wanted: Sequence[int],
        batched: Sequence[bool],
        each: bool,
        build: Builder,
    ) -> None:
        self.layout = layout
        self.starts = np.array([g.base for g in layout.groups])
        self.build = build
        self.each = each
        self.values: list[Any] = []
        self.needed: list[bool] = []
        self.taped: set[int] = set()
        for group in layout.groups:
            for read in group.reads:
                if read.constant is None and read.source == TAPE:
                    self.taped.update(self.sources(read))
        self.wanted = {*wanted}
        self.batched = batched
        self.tape_batched = any(batched)
        self.contributions: dict[int, list[tuple[Read, Any]]] = {}
        self.tape_gradients = False

    def sources(self, read: Read) -> list[int]:
        """The groups that a read from the tape reads."""
        found = np.searchsorted(self.starts, read.flat(), "right") - 1
        return sorted({*found.reshape(-1).tolist()})

    # ------------------------------------------------------------------ forward

    def forward(self) -> None:
        """A statement for each group, and those behind its formula."""
        for number, group in enumerate(self.layout.groups):
            if group.kind in ("input", "parameter"):
                made: Any = self.build.emit(
                    "leaf", (), group.shape, batched=self.batched[number], once=False, number=number
                )
                self.needed.append(number in self.wanted)
            elif group.kind == "constant":
                made = self.layout.numbers[group.members]
                self.needed.append(False)
            else:
                made = self.value(group)
                self.needed.append(any(map(self.differentiable, group.reads)))
            self.values.append(made)
            if number in self.taped and group.kind != "constant":
                self.build.emit("put", (made,), group.shape, once=False, base=group.base)

    def differentiable(self, read: Read) -> bool:
        """Whether a gradient is wanted of something that is read."""
        if read.constant is not None:
            return False
        found = self.sources(read) if read.source == TAPE else [read.source]
        return any(self.needed[k] for k in found)

    def read(self, read: Read) -> Any:
        """The array that is read."""
        if read.constant is not None:
            return read.constant
        base = None if read.source == TAPE else self.values[read.source]
        if base is not None and not isinstance(base, Array):
            flat = np.broadcast_to(base, self.layout.groups[read.source].shape).reshape(-1)
            found = flat[read.flat()]
            return found if found.shape else float(found)
        if base is not None and read.covers(self.layout.groups[read.source].size):
            return self.build.reshape(base, read.shape)
        arguments = () if base is None else (base,)
        batched = self.tape_batched if base is None else None
        if base is None and read.strides == (1,) and self.tile(read, self.sources(read)):
            parts = [self.values[k] for k in self.sources(read)]
            if all(isinstance(part, Array) for part in parts):
                return self.build.emit("concat", parts, read.shape, offset=read.offset)
        if read.strides is not None:
            return self.build.emit(
                "view", arguments, read.shape, batched, offset=read.offset, strides=read.strides
            )
        return self.build.emit("take", arguments, read.shape, batched, indices=read.indices)

    def value(self, group: Group) -> Any:
        """The statements of one group."""
        operands = [self.read(r) for r in group.reads]
        group_shape = group.shape
        if group.axes:
            w, x, b = operands
            z = self.build.contract(x, group.axes[1], w, group.axes[0], group.axes[2])
            found = self.build.elementwise("add", z, b)
        elif group.kind == "softmax":
            found = formulas.kernel(self.build, "softmax", operands[0])
        else:
            found = formulas.value(self.build, OPS[group.op], operands, group_shape)
        if isinstance(found, Array) and shape_of(found) != group_shape:
            found = self.build.broadcast(found, group_shape)
        return found

    # ------------------------------------------------------------------ backward

    def backward(self, output: int, place: int, upstream: Any) -> None:
        """The gradient of every group that is needed, in `self.gradients`."""
        self.gradients: dict[int, Any] = {}
        shape = self.layout.groups[output].shape
        seed = Read((1,) * len(shape), output, place, (0,) * len(shape))
        self.contributions[output] = [(seed, upstream)]
        for number in range(len(self.layout.groups) - 1, -1, -1):
            group = self.layout.groups[number]
            if not self.needed[number]:
                continue
            gradient = self.collect(number, group)
            self.gradients[number] = gradient
            made = self.values[number]
            self.reader_batched = isinstance(made, Array) and made.batched
            if gradient is not None and group.op:
                self.hand_on(number, group, gradient)

    def collect(self, number: int, group: Group) -> Any:
        """The sum of what the readers of a group contribute to its gradient."""
        parts = self.contributions.pop(number, [])
        batched = self.keeps_batch(number)
        whole, rest = [], []
        for read, c in parts:
            if isinstance(c, Array) and c.batched and not batched:
                c = self.build.over_batch(c)
            if read.covers(group.size):
                same = not shape_of(c) and not (isinstance(c, Array) and c.batched)
                whole.append(c if same else self.build.broadcast(c, group.shape))
            else:
                rest.append((read, c))
        total: Any = None
        if number in self.taped and self.tape_gradients:
            total = self.build.emit(
                "tape_gradient", (), group.shape, self.tape_batched, once=False, base=group.base
            )
            if total.batched and not batched:
                total = self.build.over_batch(total)
        if rest:
            collected = self.build.emit(
                "collect", [c for _, c in rest], group.shape, batched, once=False,
                reads=[r for r, _ in rest],
            )  # fmt: skip
            total = collected if total is None else self.build.elementwise("add", total, collected)
        for c in whole:
            total = c if total is None else self.build.elementwise("add", total, c)
        return total

    def for_each(self, read: Read, c: Any) -> Any:
        """`c`; times the examples of a batch, where it is the same for each and to be summed."""
        same = not (isinstance(c, Array) and c.batched)
        if self.reader_batched and same and not self.batched_target(read):
            return self.build.emit("times_batch", (c,), shape_of(c), batched=False)
        return c

    def contribute(self, read: Read, c: Any) -> None:
        """Add `c`, in the shape that was read, to the gradient of what was read."""
        if read.source != TAPE:
            if self.needed[read.source]:
                self.contributions.setdefault(read.source, []).append((read, c))
            return
        sources = self.sources(read)
        if read.strides == (1,) and self.tile(read, sources) and shape_of(c) == read.shape:
            for k in sources:
                if self.needed[k]:
                    group = self.layout.groups[k]
                    part = self.build.part(c, group.base - read.offset, group.shape)
                    own = Read(group.shape, k, 0, contiguous(group.shape))
                    part = self.for_each(own, part)
                    self.contributions.setdefault(k, []).append((own, part))
            return
        self.tape_gradients = True
        batched = isinstance(c, Array) and c.batched
        if batched and not self.tape_batched:
            c = self.build.over_batch(c)
        self.build.emit("scatter", (c,), read.shape, once=False, read=read)

    def tile(self, read: Read, sources: list[int]) -> bool:
        """Whether the read is of whole groups, one behind the other."""
        groups = [self.layout.groups[k] for k in sources]
        end = groups[-1].base + groups[-1].size
        return groups[0].base == read.offset and end == read.offset + read.shape[0]

    def reduce(self, c: Any, shape: tuple[int, ...], full: tuple[int, ...]) -> Any:
        """Σ of `c` over the axes in which the operand has 1 and the group more."""
        axes = [k for k, (m, n) in enumerate(zip(shape, full)) if m == 1 and n > 1]
        if not axes:
            return c
        if len(shape_of(c)) < len(full):  # a number, the same everywhere
            count = float(np.prod([full[k] for k in axes]))
            return self.build.elementwise("multiply", count, c)
        kept = [k for k in axes if shape_of(c)[k] > 1]
        found = self.build.sum(c, kept, keep=True) if kept else c
        left = float(np.prod([full[k] for k in axes if k not in kept]))
        return self.build.elementwise("multiply", left, found)

    def hand_on(self, number: int, group: Group, d: Any) -> None:
        """What the gradient `d` of a group contributes to those of its operands."""
        build = self.build
        operands = [self.read(r) for r in group.reads]
        if group.axes:
            self.hand_on_dot(group, operands, d)
            return
        if group.kind == "softmax":
            if self.differentiable(group.reads[0]):
                p = self.values[number]
                c = build.emit("softmax_backward", (d, p), group.shape)
                self.contribute(group.reads[0], self.for_each(group.reads[0], c))
            return
        row = OPS[group.op]
        together: dict[int, tuple[Read, Any]] = {}
        for k, (read, name) in enumerate(zip(group.reads, row.names)):
            if not self.differentiable(read) or row.partials[k] == "0.0":
                continue
            slope = formulas.partial(build, row, k, operands, self.values[number], group.shape)
            full, upstream = group.shape, d
            if "*" in name:
                full = (*full, shape_of(operands[k])[-1])
                if shape_of(upstream):
                    upstream = build.reshape(upstream, (*shape_of(upstream), 1))
                elif isinstance(upstream, Array) and upstream.batched:
                    upstream = build.reshape(upstream, (1,))
            c = self.product(upstream, slope, read.shape, full)
            together[k] = read, self.for_each(read, c)
        for read, c in together.values():
            self.contribute(read, c)

    def product(self, d: Any, slope: Any, shape: tuple[int, ...], full: tuple[int, ...]) -> Any:
        """d · slope, summed to `shape`; first summed where the slope does not vary."""
        thin = shape_of(slope)
        if len(thin) == 0 or all(m == 1 for m, n in zip(thin, shape) if n == 1):
            d = self.reduce(d, shape, full)
            c = self.build.elementwise("multiply", d, slope)
        else:
            c = self.reduce(self.build.elementwise("multiply", d, slope), shape, full)
        if isinstance(c, np.ndarray):
            return np.broadcast_to(c, shape)
        return self.build.broadcast(c, shape)

    def hand_on_dot(self, group: Group, operands: list[Any], d: Any) -> None:
        assert group.axes
        w_axes, x_axes, z_axes = group.axes
        w, x, _ = operands
        w_read, x_read, b_read = group.reads
        if not isinstance(d, Array) and shape_of(d) != group.shape:
            d = np.broadcast_to(np.asarray(d, float), group.shape) if group.shape else d
        elif isinstance(d, Array):
            d = self.build.broadcast(d, group.shape)
        if self.differentiable(x_read):
            self.contribute(x_read, self.gradient(d, z_axes, w, w_axes, x_axes, x_read))
        if self.differentiable(w_read):
            self.contribute(w_read, self.gradient(d, z_axes, x, x_axes, w_axes, w_read))
        if self.differentiable(b_read):
            c = self.reduce(d, b_read.shape, group.shape)
            self.contribute(b_read, self.for_each(b_read, c))

    def gradient(
        self, d: Any, d_axes: str, other: Any, other_axes: str, axes: str, read: Read
    ) -> Any:
        """What a dot hands on to the rows of `read`: the gradient times the `other` rows."""
        batched = [isinstance(a, Array) and a.batched for a in (d, other)]
        keep = self.batched_target(read)
        if not d_axes and (keep or not all(batched)):  # of one dot: a multiple of the other row
            if batched[0]:
                d = self.build.reshape(d, (1,))
            return self.for_each(read, self.build.elementwise("multiply", d, other))
        c = self.build.contract(d, d_axes, other, other_axes, axes, any(batched) and keep)
        return c if any(batched) else self.for_each(read, c)

    def batched_target(self, read: Read) -> bool:
        """Whether the gradient of what is read keeps the axis of the batch."""
        return self.tape_batched if read.source == TAPE else self.keeps_batch(read.source)

    def keeps_batch(self, number: int) -> bool:
        """Whether the gradient of a group has the axis of the batch."""
        if self.each:
            return self.tape_batched
        return isinstance(self.values[number], Array) and self.values[number].batched


def passes(
    layout: Layout,
    wanted: Sequence[int],
    batched: Sequence[bool],
    batch: bool | str = False,
    named: bool = False,
) -> Passes:
    """Both passes over `layout`, for the gradients of the groups `wanted`.

    `batched` says which of the groups of leaves have an axis of a batch. With the `batch` "each"
    gradients keep that axis; else they are the "sum" or the "mean" over it. With `named` the
    kernels stand by their names.
    """
    asked = layout, wanted, batched, batch
    writer = _Writer(
        layout, wanted, batched, batch == "each", (NamedBuilder if named else Builder)()
    )
    writer.forward()
    build = writer.build
    graph = layout.graph
    output = int(layout.group_of[graph.output])
    if output < 0:
        return Passes(
            build.statements,
            float(layout.numbers[graph.output]),
            [None] * len(wanted),
            [s for s in build.statements if s.fn == "leaf"],
            {},
            writer.values,
            {},
            len(build.statements),
            asked,
        )
    place = int(layout.address[graph.output] - layout.groups[output].base)
    shape = layout.groups[output].shape
    value = writer.values[output]
    if shape:
        value = build.emit("view", (value,), (), offset=place, strides=())
    before = {*map(id, build.statements)}
    seed: Any = 1.0
    if isinstance(value, Array) and not value.batched and any(batched) and batch != "each":
        if batch == "sum":  # the same for each example
            seed = build.emit("times_batch", (1.0,), (), batched=False)
    elif batch == "mean":
        seed = build.emit("share", (), (), once=False)
    writer.backward(output, place, seed)
    gradients = [writer.gradients.get(k) for k in wanted]
    statements = _living(build.statements, [value, *gradients])
    leaves = [s for s in statements if s.fn == "leaf"]
    taped = {k: writer.values[k] for k in writer.taped}
    forward = sum(id(s) in before for s in statements)
    return Passes(
        statements, value, gradients, leaves, taped, writer.values, writer.gradients, forward, asked
    )


def _living(statements: list[Array], results: Sequence[Any]) -> list[Array]:
    """The statements that something is done with."""
    wanted = {id(r) for r in results}
    living = []
    for s in reversed(statements):
        if s.fn in ("leaf", "put", "scatter") or id(s) in wanted:
            living.append(s)
            wanted.update(map(id, s.args))
    return living[::-1]
