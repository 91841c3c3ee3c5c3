"""The program as text to read, in the lectures' names; NumPy and JAX both run it.

Values are called by their labels (W1, z1, a1), gradients d_W1, d_z1. An array that is used once
and has no name stands where it is used. The text is a pure function of arrays: what `Program`
runs is the same program with its memory laid out beforehand.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from keyword import kwlist
from math import prod
from typing import Any

import numpy as np

from micrograd_bp import compiler_kernels as kernels
from micrograd_bp.compiler_arrays import Array
from micrograd_bp.compiler_layout import Layout, contiguous
from micrograd_bp.compiler_passes import Passes

__all__ = ["Text", "array_functions", "stem", "write"]

SIGNS = {
    "add": ("+", 4), "subtract": ("-", 4), "multiply": ("*", 5), "divide": ("/", 5),
    "less": ("<", 1), "less_equal": ("<=", 1), "greater": (">", 1), "greater_equal": (">=", 1),
    "equal": ("==", 1), "not_equal": ("!=", 1), "power": ("**", 7),
    "logical_and": ("&", 3), "logical_or": ("|", 2),
}  # fmt: skip
ATOM = 9
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
        self.taken = {"tape", "tape_gradient", "n", "program", "len", *kwlist, *array_functions(np)}
        self.text: dict[int, tuple[str, int]] = {}
        self.uses: dict[int, int] = {}
        for s in passes.statements:
            for a in s.args:
                self.uses[id(a)] = self.uses.get(id(a), 0) + 1
        self.wanted = {id(g) for g in (*passes.gradients, passes.value)}
        for number, (group, value) in enumerate(zip(layout.groups, passes.values)):
            name = names[number] if number < len(names) else ""
            name = name or stem([layout.graph.labels[k] for k in group.members.tolist()])
            if not isinstance(value, Array) or id(value) in self.given or not name:
                continue
            self.given[id(value)] = name = self.new(name)
            gradient = passes.slopes.get(number)
            if isinstance(gradient, Array) and id(gradient) not in self.given:
                self.given[id(gradient)] = self.new(f"d_{name}")
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
            text = repr(float(a)) if a - a == 0.0 else self.constant("k", a)
            return f"({text})" if text[0] == "-" and binding > 4 else text
        return self.constant("k", a)

    def write(self) -> Text:
        """The whole function."""
        statements = self.passes.statements
        if any(s.fn in ("put",) for s in statements) and self.reads_tape(statements):
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
            elif s.fn != "any_sure":
                self.statement(s)
        arguments = [self.text[id(s)][0] for s in statements if s.fn == "leaf"]
        if any(s.fn in ("share", "times_batch") for s in statements):
            first = next(s for s in statements if s.fn == "leaf" and s.batched)
            self.lines.insert(0, f"n = len({self.text[id(first)][0]})")
        gradients = ["None" if g is None else self.spelled(g) for g in self.passes.gradients]
        self.lines.append(f"return {self.spelled(self.passes.value)}, [{', '.join(gradients)}]")
        body = "\n    ".join(self.lines)
        return Text(f"def program({', '.join(arguments)}):\n    {body}\n", leaves, self.constants)

    def reads_tape(self, statements: Sequence[Array]) -> bool:
        return any(s.fn in ("view", "take") and not s.args for s in statements)

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
            if self.reads_tape(self.passes.statements):
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
        if name is None and once and len(text) < 60 and s.fn != "tape_gradient":
            self.text[id(s)] = text, binding
            return
        if name is None:
            name = self.new("t")
        self.lines.append(f"{name} = {text}")
        self.text[id(s)] = name, ATOM

    def flat(self, a: Any) -> str:
        """An argument as (rows of) numbers."""
        text = self.spelled(a, ATOM)
        if not isinstance(a, Array):
            return text
        if len(a.shape) == 1:
            return text
        return f"{text}.reshape((len({text}), -1))" if a.batched else f"ravel({text})"

    def expression(self, s: Array) -> tuple[str, int]:
        """The text of a statement, and how tightly it binds."""
        special = getattr(self, f"_{s.fn}", None)
        if special is not None:
            found: tuple[str, int] = special(s)
            return found
        if s.fn in SIGNS:
            sign, binding = SIGNS[s.fn]
            left, right = s.args
            right_binding = binding + (s.fn in ("subtract", "divide", "power"))
            if sign in "+*":
                right_binding = binding
            left_text = self.spelled(self.lifted(left), binding + (s.fn == "power"))
            return f"{left_text} {sign} {self.spelled(self.lifted(right), right_binding)}", binding
        if s.fn == "negative":
            return f"-{self.spelled(s.args[0], 6)}", 4
        if s.fn == "logical_not":
            return f"~{self.spelled(s.args[0], 6)}", 6
        args = s.args[:-1] if s.fn in ("log_total", "probabilities_minus") else s.args
        return f"{s.fn}({', '.join(map(self.spelled, args))})", ATOM

    def lifted(self, a: Any) -> Any:
        """An operand without the axes of 1 in front of it, which broadcasting adds."""
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
        return f"reshape({self.spelled(s.args[0])}, {self.shape(s)})", ATOM

    def _broadcast(self, s: Array) -> tuple[str, int]:
        text = self.spelled(s.args[0], ATOM)
        shape = f"(len({text}), *{s.shape})" if s.batched else repr(s.shape)
        return f"broadcast_to({text}, {shape})", ATOM

    def _concat(self, s: Array) -> tuple[str, int]:
        return f"concatenate([{', '.join(map(self.flat, s.args))}], -1)", ATOM

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
    return _Writer(layout, passes, names).write()


def array_functions(library: Any, special: Any = None) -> dict[str, Any]:
    """What the text calls, from `library`: NumPy, or `jax.numpy` with `jax` as `special`."""
    names = (
        "abs broadcast_to concatenate cos einsum exp log log1p maximum minimum outer ravel reshape "
        "sin sqrt tan tanh where zeros"
    )
    scope = {name: getattr(library, name) for name in names.split()}
    for name in ("log_total", "probabilities_minus", "sech2_of", "softmax_backward"):
        scope[name] = _with(kernels.NUMPY[name], library)
    if special is None:
        scope |= {name: kernels.NUMPY[name] for name in _OWN} | {"each_row": kernels.each_row}
        return scope | {"put": _put, "scatter": _scatter, "collect": _collect}
    ndtr = special.scipy.special.ndtr

    def put(tape: Any, start: int, end: int, x: Any) -> Any:
        return tape.at[..., start:end].set(x)

    def scatter(tape: Any, places: Any, x: Any) -> Any:
        return tape.at[..., places].add(x)

    def collect(shape: Any, parts: Any, rows: int | None = None) -> Any:
        lead = () if rows is None else (rows,)
        found = library.zeros((*lead, prod(shape)))
        for places, c in parts:
            c = library.broadcast_to(c, _fitting(c, places.shape, lead))
            found = found.at[..., places].add(c.reshape((*lead, *places.shape)))
        return found.reshape((*lead, *shape))

    def each_row(function: Any, stars: Any, vector: bool, *arrays: Any) -> Any:
        shape = library.broadcast_shapes(
            *(library.shape(a)[: library.ndim(a) - s] for a, s in zip(arrays, stars))
        )
        if vector:
            length = next(a.shape[-1] for a, s in zip(arrays, stars) if s)
            shape = (*shape, length)
        kind = special.ShapeDtypeStruct(shape, library.result_type(float))

        def run(*given: Any) -> Any:
            return np.asarray(kernels.each_row(function, stars, vector, *given), kind.dtype)

        return special.pure_callback(run, kind, *arrays, vmap_method="broadcast_all")

    def products_of_others(xs: Any) -> Any:
        own = library.eye(xs.shape[-1], dtype=bool)
        return library.where(own, 1.0, xs[..., None, :]).prod(-1)

    def dpower(x: Any, y: Any) -> Any:
        return library.where(y == 0.0, 0.0, y * library.power(x, y - 1.0))

    return scope | {
        "erf": special.scipy.special.erf, "normal_cdf": ndtr, "gelu": lambda x: x * ndtr(x),
        "dpower": dpower, "product": lambda xs: xs.prod(-1), "put": put, "scatter": scatter,
        "products_of_others": products_of_others, "collect": collect, "each_row": each_row,
    }  # fmt: skip


_OWN = ("erf", "normal_cdf", "gelu", "dpower", "product", "products_of_others")


def _with(function: Any, library: Any) -> Any:
    return lambda *arguments: function(*arguments, np=library)


def _fitting(c: Any, shape: tuple[int, ...], lead: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which a contribution is broadcast, where it is a number for many."""
    return (*lead, *shape) if np.ndim(c) == 0 else np.shape(c)


def _put(tape: Any, start: int, end: int, x: Any) -> Any:
    tape[..., start:end] = x
    return tape


def _scatter(tape: Any, places: Any, x: Any) -> Any:
    where: Any = (..., places)
    np.add.at(tape, where, x)
    return tape


def _collect(shape: Any, parts: Any, rows: int | None = None) -> Any:
    lead = () if rows is None else (rows,)
    found = np.zeros((*lead, prod(shape)))
    for places, c in parts:
        c = np.broadcast_to(c, _fitting(c, places.shape, lead))
        where: Any = (..., places)
        np.add.at(found, where, np.reshape(c, (*lead, *places.shape)))
    return found.reshape((*lead, *shape))
