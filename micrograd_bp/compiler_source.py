"""The program as text to read, in the lectures' names; NumPy and JAX both run it.

Values are called by their labels (W1, z1, a1), gradients d_W1, d_z1. An array that is used once
and has no name stands where it is used, and nonlinearities stand by name. Backward it goes as the
lectures do, layer by layer. The text is a pure function of arrays: what `Program` runs is the same
program with its kernels spelled out and its memory laid out beforehand.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from keyword import kwlist
from math import prod
from textwrap import wrap
from typing import Any

import numpy as np

from micrograd_bp.compiler_arrays import Array, shape_of
from micrograd_bp.compiler_functions import array_functions
from micrograd_bp.compiler_layout import Layout, contiguous
from micrograd_bp.compiler_named import MEANINGS
from micrograd_bp.compiler_passes import Passes

__all__ = ["Text", "stem", "write"]

SIGNS = {
    "add": ("+", 4), "subtract": ("-", 4), "multiply": ("*", 5), "divide": ("/", 5),
    "less": ("<", 1), "less_equal": ("<=", 1), "greater": (">", 1), "greater_equal": (">=", 1),
    "equal": ("==", 1), "not_equal": ("!=", 1), "power": ("**", 7),
    "logical_and": ("&", 3), "logical_or": ("|", 2),
}  # fmt: skip
ATOM = 9
TAPED = ("scatter", "tape_gradient")
_STEM = re.compile(r"\\?([^\W\d_]+)(?:\^\{?\(?(\d+)\)?\}?)?(?:_?\{?[\d,]+\}?)?")


@dataclass(frozen=True)
class Text:
    """A function of arrays: its source, its arguments (numbers of leaves), its constants."""

    source: str
    leaves: list[int]
    constants: dict[str, Any]


def stem(labels: Sequence[str]) -> str:
    r"""What Values with these labels are called together; "" where they have nothing in common.

    >>> stem(["W^{(2)}_{11}", "W^{(2)}_{12}"]), stem(["x1", "x2"]), stem([r"\alpha", "a"])
    ('W2', 'x', '')
    """
    stems = set()
    for label in labels:
        match = _STEM.fullmatch(label)
        stems.add(match[1] + (match[2] or "") if match else "")
    found = stems.pop() if len(stems) == 1 else ""
    return found if found.isidentifier() else ""


class _Writer:
    def __init__(self, layout: Layout, passes: Passes, names: Sequence[str]) -> None:
        self.passes = passes
        self.layout = layout
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self.given: dict[int, str] = {}
        self.postponed: set[int] = set()
        self.again: dict[int, str] = {}  # gradients of leaves that are those of what reads them
        self.taken = {"tape", "tape_gradient", "n", "program", "len", *kwlist, *array_functions(np)}
        self.text: dict[int, tuple[str, int]] = {}
        self.uses: dict[int, int] = {}
        self.temporaries = 0
        for s in passes.statements:
            for a in s.args:
                self.uses[id(a)] = self.uses.get(id(a), 0) + 1
        self.wanted = {id(g) for g in (*passes.gradients, passes.value)}
        named: dict[int, str] = {}
        for number, (group, value) in enumerate(zip(layout.groups, passes.values)):
            name = names[number] if number < len(names) else ""
            name = name or stem([layout.graph.labels[k] for k in group.members.tolist()])
            if isinstance(value, Array) and id(value) not in self.given and name:
                self.given[id(value)] = named[number] = self.new(name)
        for number, name in sorted(named.items(), key=lambda item: not layout.groups[item[0]].op):
            gradient = passes.slopes.get(number)
            if isinstance(gradient, Array):
                if id(gradient) not in self.given:
                    self.given[id(gradient)] = self.new(f"d_{name}")
                    self.postponed.add(id(gradient))
                elif not layout.groups[number].op:
                    self.again[number] = self.new(f"d_{name}")
        if isinstance(passes.value, Array):
            self.given.setdefault(id(passes.value), self.new("value"))

    def new(self, name: str) -> str:
        """`name`, or that with a number where it is taken."""
        found, k = name, 1
        while found in self.taken:
            k += 1
            found = f"{name}_{k}"
        self.taken.add(found)
        return found

    def constant(self, name: str, thing: Any) -> str:
        for known, other in self.constants.items():
            if other is thing:
                return known
        name = self.new(name)
        self.constants[name] = thing
        return name

    def spelled(self, a: Any, binding: int = 0) -> str:
        """An argument, in brackets where it binds less than what is around it."""
        if isinstance(a, Array):
            text, own = self.text[id(a)]
            return f"({text})" if own < binding else text
        if isinstance(a, float | int):
            text, own = _number(float(a)) if a - a == 0.0 else (self.constant("k", a), ATOM)
            return f"({text})" if own < binding else text
        return self.constant("k", a)

    def write(self) -> Text:
        """The whole function."""
        statements = self.passes.statements
        self.lines.append("# forward")
        if any(s.fn == "put" for s in statements) and self.passes.reads_tape:
            self.lines.append(f"tape = {self.zeros()}")
            for group in self.layout.groups:
                if group.kind == "constant":
                    k = self.constant("k", self.layout.numbers[group.members])
                    self.put(group.base, group.size, k)
        if any(s.fn == "scatter" for s in statements):
            self.lines.append(f"tape_gradient = {self.zeros()}")
        leaves = []
        for s in statements:
            if s.fn == "leaf":
                leaves.append(s.attributes["number"])
                self.text[id(s)] = self.given.get(id(s)) or self.new("x"), ATOM
        arguments = {self.text[id(s)][0]: s for s in statements if s.fn == "leaf"}
        if self.passes.reads_tape or any(s.fn in TAPED for s in statements):
            self.in_order(statements)
        else:
            self.by_layers()
        if any(s.fn in ("share", "times_batch") for s in statements):
            first = next(s for s in statements if s.fn == "leaf" and s.batched)
            self.lines.insert(0, f"n = len({self.text[id(first)][0]})")
        gradients = [
            "None" if g is None else self.again.get(number) or self.spelled(g)
            for number, g in zip(self.passes.asked[1], self.passes.gradients)
        ]
        self.lines.append(f"return {self.spelled(self.passes.value)}, [{', '.join(gradients)}]")
        lines = [*self.heading(arguments), *self.lines]
        body = "\n".join(f"    {line}" if line else "" for line in lines)
        return Text(f"def program({', '.join(arguments)}):\n{body}\n", leaves, self.constants)

    def heading(self, arguments: dict[str, Array]) -> list[str]:
        """What the arguments' shapes are, and what the functions that have names of our own."""
        shapes = []
        for name, s in arguments.items():
            sizes = ["n"] * s.batched + [*map(str, s.shape)]
            shape = ", ".join(sizes) + "," * (len(sizes) == 1)
            shapes.append(f"{name} ({shape})".replace(" ", "\xa0"))  # not to be broken
        text = ", ".join(shapes) or "no arguments"
        used = {s.fn for s in self.passes.statements}
        told = [f"# {MEANINGS[name]}" for name in sorted(used & MEANINGS.keys()) if MEANINGS[name]]
        lines = wrap(f'"""Shapes: {text}."""', 96)
        return [*(line.replace("\xa0", " ") for line in lines), *told]

    def in_order(self, statements: Sequence[Array]) -> None:
        """Every statement as it comes."""
        self.postponed.clear()
        for k, s in enumerate(statements):
            if k == self.passes.forward:
                self.lines += ["", "# backward"]
            if s.fn not in ("leaf", "any_sure"):
                self.statement(s)
        self.lines += [
            f"{name} = {self.spelled(self.passes.slopes[number])}"
            for number, name in self.again.items()
        ]

    def by_layers(self) -> None:
        """Forward to the value; then layer by layer from the last, each with its parameters."""
        living = {*map(id, self.passes.statements)}
        done = {id(s) for s in self.passes.statements if s.fn in ("leaf", "any_sure")}
        self.demand(self.passes.value, done)
        done -= self.postponed
        self.postponed.clear()
        targets: list[tuple[int, str, Any]] = []  # when, the name of a copy, what
        order: dict[int, int] = {}
        slopes = self.passes.slopes
        numbers = [
            k for k in reversed(range(len(self.layout.groups))) if id(slopes.get(k)) in living
        ]
        for k in numbers:
            if self.layout.groups[k].op:
                order.setdefault(id(slopes[k]), len(order))
                targets.append((order[id(slopes[k])], "", slopes[k]))
        last: dict[int, int] = {}
        for s in self.passes.statements:
            own = order.get(id(s), -1)
            last[id(s)] = max([own, *(last.get(id(a), -1) for a in s.args)])
        for k in reversed(numbers):
            if not self.layout.groups[k].op:
                at = last[id(slopes[k])]
                targets.append((len(order) if at < 0 else at, self.again.get(k, ""), slopes[k]))
        if targets:
            self.lines += ["", "# backward"]
        for _, name, target in sorted(targets, key=lambda t: t[0]):
            self.demand(target, done)
            if name:
                self.lines.append(f"{name} = {self.spelled(target)}")
        for gradient in self.passes.gradients:
            self.demand(gradient, done)

    def demand(self, target: Any, done: set[int]) -> None:
        """The statements that `target` takes and that are not there yet."""
        left = [target]
        while left:
            s = left.pop()
            if not isinstance(s, Array) or id(s) in done:
                continue
            missing = [a for a in s.args if isinstance(a, Array) and id(a) not in done]
            if missing:
                left += [s, *missing[::-1]]
            else:
                done.add(id(s))
                self.statement(s)

    def zeros(self) -> str:
        batched = next((s for s in self.passes.statements if s.fn == "leaf" and s.batched), None)
        if batched is None:
            return f"zeros({self.layout.end})"
        return f"zeros((len({self.given.get(id(batched), 'x')}), {self.layout.end}))"

    def put(self, base: int, size: int, text: str) -> None:
        self.lines.append(f"tape = put(tape, {base}, {base + size}, {text})")

    def statement(self, s: Array) -> None:
        """A line, or the text where it is used."""
        if s.fn == "put":
            if self.passes.reads_tape:
                self.put(s.attributes["base"], prod(s.shape), self.flat(s.args[0]))
            return
        if s.fn == "scatter":
            i = self.constant("i", s.attributes["read"].flat())
            self.lines.append(
                f"tape_gradient = scatter(tape_gradient, {i}, {self.spelled(s.args[0])})"
            )
            return
        text, binding = self.expression(s)
        name = self.given.get(id(s))
        once = self.uses.get(id(s), 0) == 1 and id(s) not in self.wanted
        if name is None:
            plain = s.fn in SIGNS or s.fn in ("negative", "reshape", "view")
            short = plain and len(text) <= 12 and id(s) not in self.wanted
            inline = short or (once and len(text) < 60 and s.fn != "softmax")
        else:  # a gradient that is part of the value stands there as what it is
            inline = id(s) in self.postponed and len(text) <= 24
        if inline:
            self.text[id(s)] = text, binding
            return
        self.postponed.discard(id(s))
        if name is None:
            self.temporaries += 1
            name = self.new("p" if s.fn == "softmax" else f"u{self.temporaries}")
        self.lines.append(f"{name} = {text}")
        self.text[id(s)] = name, ATOM

    def flat(self, a: Any) -> str:
        """An argument as (rows of) numbers."""
        text = self.spelled(a if isinstance(a, Array | float) else np.ravel(a), ATOM)
        if not isinstance(a, Array) or len(a.shape) == 1:
            return text
        if a.batched:
            return f"{text}.reshape((len({text}), -1))"
        return f"ravel({self.spelled(a)})"

    def expression(self, s: Array) -> tuple[str, int]:
        """The text of a statement, and how tightly it binds."""
        special = getattr(self, f"_{s.fn}", None)
        if special is not None:
            found: tuple[str, int] = special(s)
            return found
        if s.fn in SIGNS:
            sign, binding = SIGNS[s.fn]
            left, right = s.args
            if s.fn == "multiply" and (square := self.square(left, right)):
                return square
            right_binding = binding + (s.fn in ("subtract", "divide", "power"))
            if sign in "+*":
                right_binding = binding
            low = self.lifted(left) if len(shape_of(right)) == len(s.shape) else left
            left_text = self.spelled(low, binding + (s.fn == "power"))
            if low is left and len(shape_of(left)) == len(s.shape):
                right = self.lifted(right)
            return f"{left_text} {sign} {self.spelled(right, right_binding)}", binding
        if s.fn == "negative":
            return f"-{self.spelled(s.args[0], 6)}", 6
        if s.fn == "logical_not":
            return f"~{self.spelled(s.args[0], 6)}", 6
        args = s.args[:-1] if s.fn in ("log_total", "probabilities_minus") else s.args
        return f"{s.fn}({', '.join(map(self.spelled, args))})", ATOM

    def square(self, left: Any, right: Any) -> tuple[str, int] | None:
        """x · x, and c · x · x."""
        if left is right:
            return f"{self.spelled(right, 8)} ** 2", 7
        inline = isinstance(left, Array) and self.text[id(left)][1] < ATOM
        if inline and left.fn == "multiply" and left.args[1] is right:
            return f"{self.spelled(left.args[0], 5)} * {self.spelled(right, 8)} ** 2", 5
        return None

    def lifted(self, a: Any) -> Any:
        """An operand without the axes of 1 in front of it, which the other operand adds."""
        if isinstance(a, Array) and a.fn == "reshape" and not a.batched:
            base = a.args[0]
            if (
                id(a) not in self.given
                and a.shape == (1,) * (len(a.shape) - len(base.shape)) + base.shape
            ):
                return base
        return a

    def shape(self, s: Array) -> str:
        if s.batched:
            return repr((-1, *s.shape)) if s.shape else "-1"
        return repr(s.shape)

    def _reshape(self, s: Array) -> tuple[str, int]:
        a = s.args[0]
        if a.fn == "multiply" and s.shape == (1, *a.shape) and self.text[id(a)][1] < ATOM:
            scalar, row = a.args if shape_of(a.args[0]) == () else a.args[::-1]
            plain = not s.batched and len(shape_of(row)) == 1
            if plain and isinstance(scalar, Array) and scalar.shape == ():
                return f"outer({self.spelled(scalar)}, {self.spelled(row)})", ATOM
        for longer, shorter, mark in ((a.shape, s.shape, "0"), (s.shape, a.shape, "None")):
            axes = _ones(longer, shorter, mark)
            if axes and a.fn != "share":
                axes = [":"] * s.batched + axes
                return f"{self.spelled(a, ATOM)}[{', '.join(axes)}]", ATOM
        return f"reshape({self.spelled(s.args[0])}, {self.shape(s)})", ATOM

    def _broadcast(self, s: Array) -> tuple[str, int]:
        text = self.spelled(s.args[0], ATOM)
        shape = f"(len({text}), *{s.shape})" if s.batched else repr(s.shape)
        return f"broadcast_to({text}, {shape})", ATOM

    def _concat(self, s: Array) -> tuple[str, int]:
        parts = [*map(self.flat, s.args)]
        if s.batched:  # what has no axis of the batch gets one
            rows = next(f"len({text})" for text, a in zip(parts, s.args) if a.batched)
            parts = [
                text if a.batched else f"broadcast_to({text}, ({rows}, {prod(a.shape)}))"
                for text, a in zip(parts, s.args)
            ]
        return f"concatenate([{', '.join(parts)}], -1)", ATOM

    def _view(self, s: Array) -> tuple[str, int]:
        offset, strides = s.attributes["offset"], s.attributes["strides"]
        if s.args:
            base = s.args[0]
            if len(base.shape) == 2 == len(s.shape) and not offset and not base.batched:
                high, wide = base.shape
                if s.shape == (wide, high) and strides == contiguous((high, wide))[::-1]:
                    return f"{self.spelled(base, ATOM)}.T", ATOM
            text, batched = self.flat(base), base.batched
        else:
            text, batched = "tape", s.batched
        rows = ":, " if batched else ""
        if not s.shape:
            return f"{text}[{rows}{offset}]", ATOM
        if strides in (contiguous(s.shape), (1,)):
            end = offset + prod(s.shape)
            part = f"{text}[{rows}{offset}:{end}]"
            return (part if len(s.shape) == 1 else f"reshape({part}, {self.shape(s)})"), ATOM
        if len(s.shape) == 1 and strides[0] > 0:
            end = offset + strides[0] * (s.shape[0] - 1) + 1
            return f"{text}[{rows}{offset}:{end}:{strides[0]}]", ATOM
        places = np.full(s.shape, offset)
        for axis, (count, stride) in enumerate(zip(s.shape, strides)):
            steps = np.arange(count) * stride
            places = places + steps.reshape([-1 if k == axis else 1 for k in range(len(s.shape))])
        return f"{text}[{rows}{self.constant('i', places)}]", ATOM

    def _take(self, s: Array) -> tuple[str, int]:
        text = self.flat(s.args[0]) if s.args else "tape"
        batched = s.args[0].batched if s.args else s.batched
        rows = ":, " if batched else ""
        return f"{text}[{rows}{self.constant('i', s.attributes['indices'])}]", ATOM

    def _sum(self, s: Array) -> tuple[str, int]:
        a = s.args[0]
        text = self.spelled(a, ATOM)
        axes = tuple(k - len(a.shape) for k in s.attributes["axes"])
        if len(axes) == len(a.shape) and not a.batched:
            return f"{text}.sum()", ATOM
        if not a.batched:
            axes = s.attributes["axes"]
        return f"{text}.sum({axes[0] if len(axes) == 1 else axes})", ATOM

    def _max(self, s: Array) -> tuple[str, int]:
        return f"{self.spelled(s.args[0], ATOM)}.max(-1)", ATOM

    def _sum_over_batch(self, s: Array) -> tuple[str, int]:
        return f"{self.spelled(s.args[0], ATOM)}.sum(0)", ATOM

    def _times_batch(self, s: Array) -> tuple[str, int]:
        return f"n * {self.spelled(s.args[0], 5)}", 5

    def _share(self, s: Array) -> tuple[str, int]:
        return "1.0 / n", 5

    def _tape_gradient(self, s: Array) -> tuple[str, int]:
        base, size = s.attributes["base"], prod(s.shape)
        rows = ":, " if s.batched else ""
        if not s.shape:
            return f"tape_gradient[{rows}{base}]", ATOM
        return f"reshape(tape_gradient[{rows}{base}:{base + size}], {self.shape(s)})", ATOM

    def _collect(self, s: Array) -> tuple[str, int]:
        parts = ", ".join(
            f"({self.constant('i', read.flat())}, {self.spelled(c)})"
            for c, read in zip(s.args, s.attributes["reads"])
        )
        like = ""
        if s.batched:
            first = next(a for a in self.passes.statements if a.fn == "leaf" and a.batched)
            like = f", len({self.text[id(first)][0]})"
        return f"collect({s.shape}, [{parts}]{like})", ATOM

    def _row_by_row(self, s: Array) -> tuple[str, int]:
        function = self.constant("f", s.attributes["function"])
        stars, vector = s.attributes["stars"], s.attributes["vector"]
        arguments = ", ".join(map(self.spelled, s.args))
        return f"each_row({function}, {stars}, {vector}, {arguments})", ATOM

    def _contract(self, s: Array) -> tuple[str, int]:
        letters = [
            "B" * (isinstance(a, Array) and a.batched) + own
            for a, own in zip((*s.args, s), s.attributes["axes"])
        ]
        a, b = (self.spelled(x, ATOM) for x in s.args)
        la, lb, out = letters
        common = [k for k in la if k in lb]
        if len(common) == 1 and common[0] not in out and len(la) < 3 and len(lb) < 3:
            k = common[0]
            if out == (la + lb).replace(k, ""):
                left, right = (a, la), (b, lb)
            else:
                left, right = (b, lb), (a, la)
            text = left[0] + ".T" * (len(left[1]) == 2 and left[1][0] == k)
            return f"{text} @ {right[0]}" + ".T" * (len(right[1]) == 2 and right[1][1] == k), 5
        if not common and len(la) == len(lb) == 1:
            return f"outer({a}, {b})" if out == la + lb else f"outer({b}, {a})", ATOM
        return f"einsum('{la},{lb}->{out}', {a}, {b})", ATOM


def write(layout: Layout, passes: Passes, names: Sequence[str]) -> Text:
    """The program as text; `names` are those of the leaves, "" where their labels name them."""
    return _Writer(layout, passes.named(), names).write()


def _number(number: float) -> tuple[str, int]:
    """A number as one writes it, and how tightly that binds: 1 / 12 for 0.08333333333333333."""
    text = repr(number)
    if len(text) > 12 and 1e-9 < abs(number) < 1.0:
        whole = round(1.0 / number)
        if 1.0 / whole == number:
            return f"{'-' * (whole < 0)}1 / {abs(whole)}", 5
    return text, 6 if text[0] == "-" else ATOM


def _ones(longer: tuple[int, ...], shorter: tuple[int, ...], mark: str) -> list[str]:
    """The axes of `longer`, with a `mark` at those of 1 that `shorter` is without; else []."""
    axes, left = [], [*shorter]
    for size in longer:
        if left and size == left[0]:
            left.pop(0)
            axes.append(":")
        elif size == 1:
            axes.append(mark)
        else:
            return []
    while axes and axes[-1] == ":":
        axes.pop()
    return [] if left else axes
