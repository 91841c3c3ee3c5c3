"""The program as NumPy calls into buffers that are allocated once: what runs.

Each array has a buffer for as long as it is needed; an elementwise statement takes over that of an
operand nobody reads any more. Views (slices, transposes, reshapes) are made here once and for all,
and statements on single numbers are plain Python on floats. `assemble` gives the function.
"""

from collections.abc import Sequence
from math import isfinite, prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from micrograd_bp.compiler_arrays import Array, is_number, last_uses
from micrograd_bp.compiler_kernels import NUMPY, ROWS, each_row
from micrograd_bp.compiler_layout import Layout, contiguous
from micrograd_bp.compiler_machine import Machine
from micrograd_bp.compiler_numbers import number_text
from micrograd_bp.compiler_passes import Passes
from micrograd_bp.compiler_products import contraction, strided

__all__ = ["assemble"]

UFUNCS = {name for name, f in NUMPY.items() if isinstance(f, np.ufunc)}
SILENT = ("add", "subtract", "multiply", "divide", "row_by_row")  # on numbers: they may give inf


class _Assembler:
    def __init__(
        self, layout: Layout, passes: Passes, batch: int, parameters: Sequence[Any], tape: Any
    ) -> None:
        self.parameters = parameters
        self.counter = 0
        self.unsure: list[str] = []  # numbers that may not be finite, without an error
        self.meant: set[int] = set()  # those that are not by a formula, for a branch not taken
        self.fresh: set[int] = set()
        self.all_ones: dict[int, Any] = {}
        self.passes = passes
        self.batch = batch
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {}
        self.text: dict[int, str] = {}  # how an array is spelled
        self.buffer: dict[int, Any] = {}  # where it lies; not for single numbers
        self.free: dict[tuple[int, bool], list[Any]] = {}
        self.names: dict[int, str] = {}
        self.bytes = 0
        self.tape = None
        self.rows = batch if any(s.batched for s in passes.leaves) else 1
        self.pinned: dict[int, int] = {}
        if passes.taped or passes.reads_tape:
            self.tape = np.zeros((self.rows, layout.end)) if tape is None else tape
            self.tape_gradient = np.zeros((self.rows, layout.end))
            self.name("tape", self.tape)
            self.name("tape_gradient", self.tape_gradient)
            for group in layout.groups:
                if group.kind == "constant":
                    span = slice(group.base, group.base + group.size)
                    self.tape[:, span] = layout.numbers[group.members]
            for number, array in passes.taped.items():
                if isinstance(array, Array):
                    self.pinned[id(array)] = layout.groups[number].base
        self.last, self.owner = last_uses(passes.statements, [*passes.gradients, passes.value])
        self.results = {id(g) for g in passes.gradients if isinstance(g, Array)}

    # ------------------------------------------------------------------ names and memory

    def name(self, name: str, thing: Any) -> str:
        """A name for a thing in the text; one for one thing."""
        if id(thing) in self.names:
            return self.names[id(thing)]
        if name in self.scope:
            self.counter += 1
            name = f"{name}_{self.counter}"
        self.scope[name] = thing
        self.names[id(thing)] = name
        return name

    def full(self, s: Array) -> tuple[int, ...]:
        """The shape with the batch."""
        return (self.batch, *s.shape) if s.batched else s.shape

    def allocate(self, s: Array) -> Any:
        """Memory for `s`: its place on the tape, what is free, or new."""
        shape = self.full(s)
        if id(s) in self.pinned:
            base = self.pinned[id(s)]
            flat = self.tape[:, base : base + prod(s.shape)]  # type: ignore[index]
            if self.rows == 1:
                return flat[0].reshape(shape)
            if s.batched:
                strides = (flat.strides[0], *(8 * k for k in contiguous(s.shape)))
                return as_strided(flat, shape, strides)
        pool = self.free.get((prod(shape), s.truth))
        if pool:
            return pool.pop().reshape(shape)
        self.bytes += prod(shape) * (1 if s.truth else 8)
        return np.zeros(shape, bool if s.truth else float)

    def release(self, at: int, s: Array) -> None:
        """Free the memory of arguments that no later statement reads."""
        for owner in {self.owner.get(id(a), id(a)) for a in s.args if isinstance(a, Array)}:
            buffer = self.buffer.get(owner)
            if self.last.get(owner) == at and owner in self.poolable and buffer is not None:
                self.poolable.discard(owner)
                self.free.setdefault((buffer.size, buffer.dtype == bool), []).append(buffer)

    # ------------------------------------------------------------------ statements

    def spelled(self, a: Any, like: str = "k") -> str:
        """An argument in the text."""
        if isinstance(a, Array):
            return self.text[id(a)]
        if isinstance(a, float):
            return (
                repr(a)
                if a - a == 0.0
                else self.name("inf" if a > 0 else "minus_inf" if a < 0 else "nan", a)
            )
        if isinstance(a, bool | np.bool_):
            return repr(bool(a))
        return self.name(like, np.asarray(a))

    def thing(self, a: Any) -> Any:
        """The buffer of an argument, or a constant."""
        return self.buffer[id(a)] if isinstance(a, Array) else np.asarray(a, float)

    def assemble(self) -> Machine:
        """The text of all statements, compiled."""
        self.poolable: set[int] = set()
        leaves = []
        if any(s.fn == "scatter" for s in self.passes.statements):
            self.lines.append("tape_gradient.fill(0.0)")
        uses: dict[int, int] = {}
        for s in self.passes.statements:
            for a in s.args:
                if isinstance(a, Array):
                    uses[id(a)] = uses.get(id(a), 0) + 1
        for at, s in enumerate(self.passes.statements):
            fresh = id(s) in self.results and not uses.get(id(s)) and not is_number(s)
            self.statement(s, at, fresh)
            if s.fn == "leaf":
                leaves.append(self.buffer[id(s)])
            self.release(at, s)
        value = self.spelled(self.passes.value)
        gradients = []
        for g in self.passes.gradients:
            if not isinstance(g, Array):
                gradients.append(self.spelled(g) if g is not None else "None")
            elif is_number(g) or id(g) in self.fresh:
                gradients.append(self.text[id(g)])
                self.fresh.discard(id(g))  # another that is equal is an array of its own
            else:
                gradients.append(f"{self.text[id(g)]}.copy()")
        if isinstance(self.passes.value, Array) and not is_number(self.passes.value):
            value += ".copy()"
        if any(isinstance(a, float) and a - a for s in self.passes.statements for a in s.args):
            for g in self.passes.gradients:  # 0 times the infinite derivative is 0 for the engine
                if isinstance(g, Array) and not is_number(g):
                    self.doubt(g)
        if self.unsure:
            self.scope |= {"isfinite": isfinite, "FLAG": FloatingPointError}
            self.lines.append(f"if not isfinite(sum(({', '.join(self.unsure)},))): raise FLAG")
        text = "\n    ".join(
            ["def run():", *self.lines, f"return {value}, [{', '.join(gradients)}]"]
        )
        made: dict[str, Any] = {}
        exec(compile(text, "<compiled graph>", "exec"), self.scope, made)
        return Machine(made["run"], text, leaves, self.bytes)

    def statement(self, s: Array, at: int, fresh: bool) -> None:
        """Write one statement."""
        if is_number(s) and s.fn not in ("leaf", "put", "scatter", "collect", "tape_gradient"):
            self.single(s)
            return
        special = getattr(self, f"_{s.fn}", None)
        if special is not None:
            special(s)
        elif fresh and s.fn in UFUNCS:
            self.fresh.add(id(s))
            self.text[id(s)] = name = self.new_name()
            self.lines.append(
                f"{name} = {self.function(s.fn)}({', '.join(map(self.spelled, s.args))})"
            )
        else:
            arguments = ", ".join(self.spelled(a) for a in s.args)
            self.out_of(s, at)
            if s.fn in UFUNCS:
                self.lines.append(f"{self.function(s.fn)}({arguments}, out={self.text[id(s)]})")
            else:
                self.lines.append(f"{self.text[id(s)]}[...] = {self.function(s.fn)}({arguments})")

    def new_name(self) -> str:
        self.counter += 1
        return f"v{self.counter}"

    def function(self, name: str) -> str:
        self.scope[name] = NUMPY[name]
        return name

    def show(self, s: Array, buffer: Any) -> None:
        """Let `s` lie in `buffer`."""
        self.buffer[id(s)] = buffer
        self.text[id(s)] = self.name("v", buffer)

    def out_of(self, s: Array, at: int) -> None:
        """Memory for an elementwise statement, if possible that of an argument."""
        if id(s) not in self.pinned and not s.truth:
            for a in s.args:
                if not isinstance(a, Array) or a.truth or is_number(a):
                    continue
                owner = self.owner.get(id(a), id(a))
                if (
                    owner == id(a)
                    and self.last.get(owner) == at
                    and owner in self.poolable
                    and self.full(a) == self.full(s)
                ):
                    self.poolable.discard(owner)
                    self.poolable.add(id(s))
                    self.buffer[id(s)] = self.buffer[id(a)]
                    self.text[id(s)] = self.text[id(a)]
                    return
        self.own(s)

    def own(self, s: Array) -> None:
        """Memory for `s`."""
        self.show(s, self.allocate(s))
        if id(s) not in self.pinned:
            self.poolable.add(id(s))

    def single(self, s: Array) -> None:
        """A statement on single numbers, as Python."""
        arguments = [self.spelled(a) for a in s.args]
        fn = s.fn
        if fn in ("reshape", "broadcast"):
            a = s.args[0]
            text = arguments[0] if is_number(a) else f"{arguments[0]}.item()"
        elif fn == "view":
            if s.args:
                a = s.args[0]
                text = (
                    f"{arguments[0]}.item({s.attributes['offset']})"
                    if not is_number(a)
                    else arguments[0]
                )
            else:
                text = f"tape.item({s.attributes['offset']})"
        elif fn == "contract":
            a, b = (self.flat(x) for x in s.args)
            text = f"{a}.dot({b})"
        elif fn in ("sum", "max"):
            text = f"{arguments[0]}.{fn}()"
            if fn == "sum" and not s.args[0].truth:
                flat = self.flat(s.args[0])
                ones = self.ones(prod(s.args[0].shape))
                text = f"{flat}.dot({ones})"
        elif fn == "sum_over_batch":
            text = f"{arguments[0]}.dot({self.ones(self.batch)})"
        elif fn == "share":
            text = repr(1.0 / self.batch)
        elif fn == "times_batch":
            text = f"{float(self.batch)} * {arguments[0]}"
        elif fn == "row_by_row":
            function = self.name("function", s.attributes["function"])
            given = [
                f"{text}.tolist()" if star and isinstance(a, Array) else text
                for text, a, star in zip(arguments, s.args, s.attributes["stars"])
            ]
            text = f"{function}({', '.join(given)})"
        elif fn == "any_sure":
            text = f"{self.function(fn)}({arguments[0]})"
        elif fn in ROWS:
            text = f"{self.function(fn)}({', '.join(arguments)}).item()"
        else:
            text, called = number_text(fn, arguments)
            self.scope[f"float_{fn}"] = called
        self.text[id(s)] = name = self.new_name()
        self.lines.append(f"{name} = {text}")
        if fn not in SILENT:
            return
        if any(id(a) in self.meant or (isinstance(a, float) and a - a != 0.0) for a in s.args):
            self.meant.add(id(s))
        else:
            self.unsure.append(name)

    def doubt(self, s: Array) -> None:
        """Let it be an error if one of these numbers is not finite."""
        self.unsure.append(self.new_name())
        ones = self.ones(prod(self.full(s)))
        self.lines.append(f"{self.unsure[-1]} = {self.spelled(s)}.ravel().dot({ones})")

    def ones(self, count: int) -> str:
        """A vector of ones: its dot is the fastest sum."""
        return self.name("ones", self.all_ones.setdefault(count, np.ones(count)))

    def flat(self, a: Any) -> str:
        """An argument as a vector without gaps."""
        array = self.thing(a)
        if not isinstance(a, Array):
            return self.spelled(array.ravel())
        flat = array.reshape(-1)
        if np.shares_memory(flat, array):
            return self.name(f"{self.text[id(a)]}_flat", flat)
        return f"{self.spelled(a)}.ravel()"

    def _leaf(self, s: Array) -> None:
        number = s.attributes["number"]
        own = self.parameters[number] if number < len(self.parameters) else None
        self.show(s, self.allocate(s) if own is None else own)
        if is_number(s):
            name = self.text[id(s)]
            self.text[id(s)] = f"{name}_0"
            self.lines.append(f"{name}_0 = {name}.item()")

    def _put(self, s: Array) -> None:
        a = s.args[0]
        base, size = s.attributes["base"], prod(s.shape)
        assert self.tape is not None
        own = self.tape[:, base : base + size]
        if isinstance(a, Array) and not is_number(a) and np.shares_memory(own, self.buffer[id(a)]):
            return
        if not isinstance(a, Array | float):
            a = np.broadcast_to(a, s.shape).ravel()
        elif is_number(a) and self.rows == size == 1:
            self.lines.append(f"tape[0, {base}] = {self.spelled(a)}")
            return
        target, text = self.name("part", own), self.spelled(a)
        if not is_number(a):
            text += f".reshape({self.batch}, {size})" if a.batched else ".ravel()"
        self.lines.append(f"{target}[...] = {text}")

    def _reshape(self, s: Array) -> None:
        a = s.args[0]
        if is_number(a):
            self.own(s)
            self.lines.append(f"{self.text[id(s)]}[...] = {self.spelled(a)}")
            return
        base = self.buffer[id(a)]
        shape = self.full(s)
        view = base.reshape(shape)
        if np.shares_memory(view, base) or not view.size:
            self.show(s, view)
        else:
            self.owner.pop(id(s), None)
            self.own(s)
            self.lines.append(f"{self.text[id(s)]}[...] = {self.spelled(a)}.reshape({shape})")

    def _broadcast(self, s: Array) -> None:
        a = s.args[0]
        if is_number(a):
            self._reshape(s)
            return
        self.show(s, np.broadcast_to(self.buffer[id(a)], self.full(s)))

    def flat_base(self, s: Array) -> Any:
        """What a view or take reads, as (rows of) numbers without gaps."""
        if not s.args:
            assert self.tape is not None
            if self.rows == 1:
                return self.tape[0]
            return self.tape
        a = s.args[0]
        base = self.buffer[id(a)]
        shape = (self.batch, prod(a.shape)) if a.batched else (prod(a.shape),)
        flat = base.reshape(shape)
        if not np.shares_memory(flat, base) and flat.size:
            copy = np.zeros(shape)
            name = self.name("copy", copy)
            self.lines.append(f"{name}[...] = {self.spelled(a)}.reshape({shape})")
            return copy
        return flat

    def _concat(self, s: Array) -> None:
        """Groups that lie one behind the other on the tape."""
        assert self.tape is not None
        offset = s.attributes["offset"]
        span = self.tape[:, offset : offset + prod(s.shape)]
        self.show(s, span if s.batched else span[0])

    def _view(self, s: Array) -> None:
        if s.args and is_number(s.args[0]):
            self._reshape(s)
            return
        self.show(
            s,
            strided(self.flat_base(s), s.shape, s.attributes["offset"], s.attributes["strides"]),
        )

    def _take(self, s: Array) -> None:
        flat = self.flat_base(s)
        base = self.name("flat", flat)
        indices = self.name("i", s.attributes["indices"])
        self.own(s)
        axis = flat.ndim - 1
        self.lines.append(f"{base}.take({indices}, {axis}, {self.text[id(s)]}, 'clip')")

    def _sum(self, s: Array) -> None:
        a, axes = s.args[0], s.attributes["axes"]
        base = self.buffer[id(a)]
        lead = int(a.batched)
        rank = len(a.shape)
        self.own(s)
        out = self.text[id(s)]
        plain = base.flags.c_contiguous and self.buffer[id(s)].flags.c_contiguous
        if not a.truth and plain:
            if axes == tuple(range(rank - len(axes), rank)):
                wide = prod(a.shape[-len(axes) :])
                rows = self.name("rows", base.reshape(-1, wide))
                target = self.name("flat", self.buffer[id(s)].reshape(-1))
                self.lines.append(f"{rows}.dot({self.ones(wide)}, {target})")
                return
            if not lead and axes == tuple(range(len(axes))):
                high = prod(a.shape[: len(axes)])
                rows = self.name("rows", base.reshape(high, -1))
                target = self.name("flat", self.buffer[id(s)].reshape(-1))
                self.lines.append(f"{self.ones(high)}.dot({rows}, {target})")
                return
        self.scope["reduce"] = np.add.reduce
        where = tuple(k + lead for k in axes)
        self.lines.append(f"reduce({self.spelled(a)}, {where}, float, {out})")

    def _max(self, s: Array) -> None:
        self.own(s)
        self.scope["largest"] = np.maximum.reduce
        self.lines.append(f"largest({self.spelled(s.args[0])}, -1, None, {self.text[id(s)]})")

    def _sum_over_batch(self, s: Array) -> None:
        base = self.buffer[id(s.args[0])]
        self.own(s)
        plain = base.flags.c_contiguous and self.buffer[id(s)].flags.c_contiguous
        if plain and base.dtype == float:
            rows = self.name("rows", base.reshape(self.batch, -1))
            target = self.name("flat", self.buffer[id(s)].reshape(-1))
            self.lines.append(f"{self.ones(self.batch)}.dot({rows}, {target})")
            return
        self.scope["reduce"] = np.add.reduce
        self.lines.append(f"reduce({self.spelled(s.args[0])}, 0, float, {self.text[id(s)]})")

    def _contract(self, s: Array) -> None:
        letters = [
            "B" * (isinstance(a, Array) and a.batched) + own
            for a, own in zip((*s.args, s), s.attributes["axes"])
        ]
        self.own(s)
        out = self.buffer[id(s)]
        function, left, right, target = contraction(
            self.thing(s.args[0]), self.thing(s.args[1]), out, letters
        )
        names = [self.name("m", m) for m in (left, right)]
        if function == "dot":
            if id(s) in self.results and target is out and not self.last_read(s):
                self.fresh.add(id(s))  # the caller's own
                self.text[id(s)] = name = self.new_name()
                self.lines.append(f"{name} = {names[0]}.dot({names[1]})")
                return
            self.lines.append(f"{names[0]}.dot({names[1]}, {self.name('out', target)})")
        else:
            self.scope[function] = getattr(np, function)
            pattern = f"'{letters[0]},{letters[1]}->{letters[2]}', " * (function == "einsum")
            where = self.name("out", target)
            self.lines.append(f"{function}({pattern}{names[0]}, {names[1]}, out={where})")
            if function == "einsum":
                self.doubt(s)

    def last_read(self, s: Array) -> bool:
        return self.last.get(id(s)) != len(self.passes.statements) or any(
            a is s for t in self.passes.statements for a in t.args
        )

    def _times_batch(self, s: Array) -> None:
        self.own(s)
        self.lines.append(
            f"{self.text[id(s)]}[...] = {float(self.batch)} * {self.spelled(s.args[0])}"
        )

    def _log_total(self, s: Array) -> None:
        self.own(s)
        function, arguments = self.function(s.fn), ", ".join(map(self.spelled, s.args))
        self.lines.append(f"{function}({arguments}, out={self.text[id(s)]})")

    _probabilities_minus = _log_total

    def _row_by_row(self, s: Array) -> None:
        self.own(s)
        self.scope["each_row"] = each_row
        function = self.name("function", s.attributes["function"])
        stars = s.attributes["stars"]
        arguments = ", ".join([function, repr(stars), repr(s.attributes["vector"])])
        arguments += "".join(f", {self.spelled(a)}" for a in s.args)
        self.lines.append(f"{self.text[id(s)]}[...] = each_row({arguments})")
        self.doubt(s)

    def _collect(self, s: Array) -> None:
        if is_number(s):
            self.text[id(s)] = name = self.new_name()
            self.lines.append(
                f"{name} = "
                + " + ".join(
                    self.spelled(c) if is_number(c) else f"{self.spelled(c)}.sum()" for c in s.args
                )
            )
            return
        self.own(s)
        self.lines.append(f"{self.text[id(s)]}.fill(0.0)")
        flat = self.buffer[id(s)].reshape((self.batch, -1) if s.batched else -1)
        for c, read in zip(s.args, s.attributes["reads"]):
            self.add_to(flat, read, c)

    def add_to(self, flat: Any, read: Any, c: Any) -> None:
        """Add `c` to the places of (rows of) numbers that were read."""
        text = self.spelled(c)
        if isinstance(c, Array) and not is_number(c) and c.shape != read.shape:
            text += f".reshape({self.full(c)[: c.batched] + read.shape})"
        if read.strides is not None and all(k or n == 1 for k, n in zip(read.strides, read.shape)):
            view = strided(flat, read.shape, read.offset, read.strides)
            if not view.ndim:
                view = view.reshape(1)
                view = as_strided(view, (1,), (8,)) if not np.shares_memory(view, flat) else view
            places = read.flat().reshape(-1)
            if len(np.unique(places)) == len(places):
                self.lines.append(f"{self.name('part', view)}[...] += {text}")
                return
        places = read.flat()
        unique = len(np.unique(places)) == places.size
        base, indices = self.name("flat", flat), self.name("i", places)
        where = indices if flat.ndim == 1 else f":, {indices}"
        if unique:
            self.lines.append(f"{base}[{where}] += {text}")
        else:
            self.scope["add_at"] = np.add.at
            where = indices if flat.ndim == 1 else f"(slice(None), {indices})"
            self.lines.append(f"add_at({base}, {where}, {text})")

    def _scatter(self, s: Array) -> None:
        flat = self.tape_gradient[0] if self.rows == 1 else self.tape_gradient
        self.add_to(flat, s.attributes["read"], s.args[0])

    def _tape_gradient(self, s: Array) -> None:
        base, size = s.attributes["base"], prod(s.shape)
        if is_number(s):
            self.text[id(s)] = name = self.new_name()
            self.lines.append(f"{name} = tape_gradient.item({base})")
            return
        part = self.tape_gradient[:, base : base + size]
        view = (
            part[0].reshape(s.shape)
            if self.rows == 1
            else strided(self.tape_gradient, s.shape, base, contiguous(s.shape))
        )
        self.show(s, view)


def assemble(
    layout: Layout,
    passes: Passes,
    batch: int = 1,
    parameters: Sequence[Any] = (),
    tape: Any = None,
) -> Machine:
    """The program as a function on buffers, of which the `parameters` (and the tape) are given."""
    return _Assembler(layout, passes, batch, parameters, tape).assemble()
