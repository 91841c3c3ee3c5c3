"""The intermediate program: statements on arrays, each once, simplified as they are written.

A statement is an `Array` with the name of a function and its arguments; a `Builder` collects them
in order. Equal statements are one, constants are computed at once, a factor 1 vanishes, and
"0 where not x > 0" is a product with a mask. The program knows nothing of buffers and libraries:
the emitters spell it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from micrograd_bp.compiler_kernels import NUMPY

__all__ = ["Array", "Builder", "is_number", "last_uses", "shape_of"]


@dataclass(eq=False, slots=True)
class Array:
    """The result of `fn(*args, **attributes)`.

    `shape` is without the axis of a batch, which comes first where it is `batched`; `truth` marks
    an array of booleans.
    """

    fn: str
    args: tuple[Any, ...]
    attributes: dict[str, Any]
    shape: tuple[int, ...]
    batched: bool = False
    truth: bool = False


INVERSE = {
    "less": "greater_equal", "less_equal": "greater",
    "greater": "less_equal", "greater_equal": "less",
}  # fmt: skip
TRUTHS = {*INVERSE, "equal", "not_equal", "logical_and", "logical_or", "logical_not"}


def shape_of(argument: Any) -> tuple[int, ...]:
    """The shape of an Array or of a constant."""
    if isinstance(argument, Array):
        return argument.shape
    return () if isinstance(argument, float) else np.shape(argument)


def is_number(argument: Any) -> bool:
    """Whether this is one number, in a Python variable, and no array in memory."""
    return not isinstance(argument, Array) or (not argument.shape and not argument.batched)


def last_uses(
    statements: Sequence[Array], results: Sequence[Any]
) -> tuple[dict[int, int], dict[int, int]]:
    """For each owner of memory which statement is the last to read it; and for views, the owner.

    Both by the `id` of an Array; what is among the results is read after the last statement.
    """
    last: dict[int, int] = {}
    owner: dict[int, int] = {}
    for at, s in enumerate(statements):
        shows = s.fn in ("reshape", "view", "broadcast") and s.args and not is_number(s)
        if shows and not is_number(s.args[0]):
            owner[id(s)] = owner.get(id(s.args[0]), id(s.args[0]))
        for a in s.args:
            if isinstance(a, Array):
                last[owner.get(id(a), id(a))] = at
        last.setdefault(owner.get(id(s), id(s)), at)
    for g in results:
        if isinstance(g, Array):
            last[owner.get(id(g), id(g))] = len(statements)
    return last, owner


def _is(argument: Any, number: float) -> bool:
    return isinstance(argument, float) and argument == number


class Builder:
    """The statements so far; each method gives the Array of a new one, or of an older one."""

    def __init__(self) -> None:
        self.statements: list[Array] = []
        self._known: dict[Any, Array] = {}
        self._constants: dict[Any, Any] = {}

    def emit(
        self,
        fn: str,
        args: Sequence[Any],
        shape: tuple[int, ...],
        batched: bool | None = None,
        once: bool = True,
        **attributes: Any,
    ) -> Array:
        """The statement as it stands; with `once`, an equal one there is already is taken."""
        key: Any = None
        if once:
            given = (*args, *attributes.values())
            key = (fn, shape, batched, *map(self._key, given))
            if key in self._known:
                return self._known[key]
        if batched is None:
            batched = any(isinstance(a, Array) and a.batched for a in args)
        made = Array(fn, (*args,), attributes, shape, batched, fn in TRUTHS)
        self.statements.append(made)
        if once:
            self._known[key] = made
        return made

    def _key(self, part: Any) -> Any:
        if isinstance(part, float):
            return part.hex()
        if isinstance(part, np.ndarray):
            key = part.shape, part.dtype.str, part.tobytes()
            self._constants.setdefault(key, part)
            return key
        return id(part) if isinstance(part, Array) else repr(part)

    def elementwise(self, fn: str, *args: Any) -> Any:
        """fn of arrays and numbers, broadcast; a constant where all of them are."""
        args = tuple(
            a.item() if isinstance(a, np.ndarray) and a.size == 1 and not a.ndim else a
            for a in args
        )
        if not any(isinstance(a, Array) for a in args):
            with np.errstate(all="ignore"):
                found = NUMPY[fn](*args)
            return (
                float(found)
                if np.ndim(found) == 0 and not isinstance(found, bool | np.bool_)
                else found
            )
        simpler = getattr(self, f"_{fn}", None)
        if simpler is not None and (found := simpler(*args)) is not None:
            return found
        shapes = {shape_of(a) for a in args} - {()}
        shape = np.broadcast_shapes(*shapes) if len(shapes) > 1 else shapes.pop() if shapes else ()
        if any(isinstance(a, Array) and a.batched for a in args):
            args = tuple(self._of_rank(a, len(shape)) for a in args)
        return self.emit(fn, args, shape)

    def _of_rank(self, a: Any, rank: int) -> Any:
        if isinstance(a, Array) and a.batched and len(a.shape) < rank:
            return self.reshape(a, (1,) * (rank - len(a.shape)) + a.shape)
        return a

    def named(self, name: str, *arguments: Any) -> Any:
        """A kernel under its name; None where what it is shall be spelled out."""
        return None

    def part(self, a: Any, offset: int, shape: tuple[int, ...]) -> Any:
        """The numbers of a vector from `offset` on, in this shape."""
        size = prod(shape)
        if not isinstance(a, Array):
            return np.asarray(a)[offset : offset + size].reshape(shape)
        found = self.emit("view", (a,), (size,), offset=offset, strides=(1,))
        return self.reshape(found, shape)

    def known(self, fn: str, x: Array) -> Array | None:
        """fn(x), where it has been computed already."""
        return self._known.get((fn, x.shape, None, id(x)))

    def _multiply(self, x: Any, y: Any) -> Any:
        for a, b in ((x, y), (y, x)):
            if _is(a, 0.0) or (isinstance(a, np.ndarray) and not a.any()):
                return 0.0
            if _is(a, 1.0) and not (isinstance(b, Array) and b.truth):
                return b
            if _is(a, -1.0) and not (isinstance(b, Array) and b.truth):
                return self.elementwise("negative", b)
            if isinstance(b, Array) and b.fn == "multiply" and isinstance(b.args[1], Array):
                inner, mask = b.args
                if mask.truth and not (
                    isinstance(a, Array) and a.truth
                ):  # (m · A) · d as (A · d) · m
                    return self.elementwise(
                        "multiply", self.elementwise("multiply", a, inner), mask
                    )
        if isinstance(x, Array) and x.truth and not (isinstance(y, Array) and y.truth):
            return self.emit("multiply", (y, x), np.broadcast_shapes(shape_of(x), shape_of(y)))
        if isinstance(y, float) and not isinstance(x, float):
            return self.elementwise("multiply", y, x)
        if isinstance(x, float) and isinstance(y, Array) and y.fn == "multiply":
            factor = y.args[0]
            if isinstance(factor, float) and 1e-100 < abs(product := x * factor) < 1e100:
                return self.elementwise("multiply", product, y.args[1])
        return None

    def _add(self, x: Any, y: Any) -> Any:
        for a, b in ((x, y), (y, x)):
            if _is(a, 0.0):
                return b
            if isinstance(b, Array) and b.fn == "negative":
                return self.elementwise("subtract", a, b.args[0])
        return None

    def _subtract(self, x: Any, y: Any) -> Any:
        if isinstance(y, Array) and y.fn == "negative":
            return self.elementwise("add", x, y.args[0])
        return x if _is(y, 0.0) else None

    def _divide(self, x: Any, y: Any) -> Any:
        if isinstance(x, Array) and x.fn == "negative" and isinstance(y, float):
            return self.elementwise("divide", x.args[0], -y)
        return x if _is(y, 1.0) else None

    def _negative(self, x: Any) -> Any:
        if x.fn == "negative":
            return x.args[0]
        if x.fn == "multiply" and isinstance(x.args[0], float):
            return self.elementwise("multiply", -x.args[0], x.args[1])
        if x.fn == "subtract":
            return self.elementwise("subtract", *x.args[::-1])
        return None

    def _power(self, x: Any, y: Any) -> Any:
        if _is(y, 1.0):
            return x
        if _is(y, 2.0):
            return self.elementwise("multiply", x, x)
        return self.elementwise("divide", 1.0, x) if _is(y, -1.0) else None

    def _dpower(self, x: Any, y: Any) -> Any:
        if not isinstance(y, float) or y not in (0.0, 1.0, 2.0, 3.0):
            return None
        return (
            y if y < 2.0 else self.elementwise("multiply", y, self.elementwise("power", x, y - 1.0))
        )

    def _logical_not(self, x: Any) -> Any:
        return self.elementwise(INVERSE[x.fn], *x.args) if x.fn in INVERSE else None

    def _where(self, condition: Any, x: Any, y: Any) -> Any:
        if not isinstance(condition, Array):
            if isinstance(condition, bool | np.bool_) or np.ndim(condition) == 0:
                return x if condition else y
            return None
        if condition.fn in ("less_equal", "greater_equal", "less", "greater"):
            a, b = condition.args  # b if a <= b else a
            kind = "maximum" if condition.fn.startswith("less") else "minimum"
            if _same(x, b) and _same(y, a):
                return self.elementwise(kind, a, b)
            other = "minimum" if kind == "maximum" else "maximum"
            if _same(x, a) and (_same(y, b) or _last_of_ties(y, a, b)):
                return self.elementwise(other, a, b)
        if _is(y, 0.0):
            return self.elementwise("multiply", x, condition)
        if _is(x, 0.0):
            return self.elementwise("multiply", y, self.elementwise("logical_not", condition))
        return None

    def sum(self, a: Any, axes: Sequence[int], keep: bool = False) -> Any:
        """Σ over these axes, counted from 0 without the batch's."""
        shape = shape_of(a)
        axes = tuple(sorted(k for k in axes if shape[k] > 1 or not keep))
        if not axes:
            return a
        if keep:
            left = tuple(1 if k in axes else n for k, n in enumerate(shape))
        else:
            left = tuple(n for k, n in enumerate(shape) if k not in axes)
        if not isinstance(a, Array):
            found = np.sum(a, axis=axes, keepdims=keep)
            return float(found) if not left else found
        return self.reshape(self._summed(a, axes), left)

    def _summed(self, a: Array, axes: tuple[int, ...]) -> Any:
        left = tuple(n for k, n in enumerate(a.shape) if k not in axes)
        count = prod(a.shape) // max(1, prod(left))
        if count == 1:
            return self.reshape(a, left)
        product = None if left or a.batched else self._product_summed(a)
        return self.emit("sum", (a,), left, axes=axes) if product is None else product

    def _product_summed(self, a: Array) -> Any:
        """Σ x · y over all axes without the products, if that is what `a` is."""
        alike = (isinstance(x, Array) and x.shape == a.shape and not x.truth for x in a.args)
        if a.fn != "multiply" or not all(alike):
            return None
        letters = "abcdefgh"[: len(a.shape)]
        return self.contract(a.args[0], letters, a.args[1], letters, "")

    def max(self, a: Any) -> Any:
        """The largest of the last axis."""
        if not isinstance(a, Array):
            return np.max(a, axis=-1)
        return self.emit("max", (a,), a.shape[:-1])

    def over_batch(self, a: Array) -> Array:
        """Σ over the batch."""
        return self.emit("sum_over_batch", (a,), a.shape, batched=False)

    def reshape(self, a: Any, shape: tuple[int, ...]) -> Any:
        """The same numbers in another shape."""
        if shape_of(a) == shape:
            return a
        if not isinstance(a, Array):
            return np.reshape(a, shape) if shape else float(np.reshape(a, ()))
        if a.fn == "reshape":
            return self.reshape(a.args[0], shape)
        return self.emit("reshape", (a,), shape)

    def broadcast(self, a: Any, shape: tuple[int, ...]) -> Any:
        """`a` with the axes of 1 in full length; a number stays one."""
        if shape_of(a) == shape or not isinstance(a, Array):
            return a
        if prod(a.shape) == prod(shape):
            return self.reshape(a, shape)
        return self.emit("broadcast", (self._of_rank(a, len(shape)),), shape)

    def contract(
        self, a: Any, a_axes: str, b: Any, b_axes: str, axes: str, batched: bool | None = None
    ) -> Any:
        """Σ a · b over the letters that are not in `axes`, as in Einstein's notation.

        The batch is not among the letters; where the result is not `batched` it is summed too.
        """
        sizes = dict(zip(a_axes, shape_of(a))) | dict(zip(b_axes, shape_of(b)))
        shape = tuple(sizes[letter] for letter in axes)
        if not isinstance(a, Array) and not isinstance(b, Array):
            found = np.einsum(f"{a_axes},{b_axes}->{axes}", a, b)
            return float(found) if not shape else found
        return self.emit("contract", (a, b), shape, batched, axes=(a_axes, b_axes, axes))


def _same(x: Any, y: Any) -> bool:
    return x is y or (isinstance(x, float) and isinstance(y, float) and x == y)


def _last_of_ties(y: Any, a: Any, b: Any) -> bool:
    """Whether `y` is what the table has behind `a if a >= b else`: b, or a + b of no numbers."""
    return (
        isinstance(y, Array)
        and y.fn == "where"
        and isinstance(y.args[2], Array)
        and y.args[2].fn == "add"
        and _same(y.args[1], b)
        and {*map(id, y.args[2].args)} == {id(a), id(b)}
    )
