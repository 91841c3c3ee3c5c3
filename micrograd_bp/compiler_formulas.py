"""The formulas of the derivative table, run on arrays.

The text of a row is read as Python's own syntax tree and becomes statements of the intermediate
program: `x if c else y` a `where`, a list over vectors the same formula on arrays, `fsum` a sum
along the last axis. So an operation of the user's own compiles like the others. What cannot be
read so (a value that is a Python function) runs number by number.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf, nan
from typing import Any

import numpy as np

from micrograd_bp.compiler_arrays import Array, Builder, shape_of
from micrograd_bp.compiler_kernels import FORMULAS, NUMPY, ROWS
from micrograd_bp.table import OPS, Op

__all__ = ["Unreadable", "kernel", "partial", "value"]

BINARY = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power",
}  # fmt: skip
COMPARE = {
    ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal",
    ast.Eq: "equal", ast.NotEq: "not_equal",
}  # fmt: skip
TOTALS = ("sum", "fsum", "fmean", "len", "max")
BY_NAME = ("leaky_relu", "maximum", "minimum", "relu")  # rows that are no call of themselves
DOMAINS = ("log", "log1p", "sqrt", "power", "dpower")


class Unreadable(Exception):
    """A formula that has no form on arrays."""


@dataclass(frozen=True, slots=True)
class Vector:
    """An operand whose last axis is that of the vector's components."""

    array: Any


@dataclass(frozen=True, slots=True)
class Listed:
    """`[*xs, b]`: only its sum is wanted."""

    parts: tuple[Any, ...]


@cache
def _tree(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def value(build: Builder, op: Op, operands: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """The value of `op`, of `shape`; the operands of a vector have one axis more."""
    if op.name in BY_NAME and (found := build.named(op.name, *operands)) is not None:
        return build.broadcast(found, shape)
    return _run(build, op, op.value, op.formula, operands, None, shape)


def partial(
    build: Builder, op: Op, k: int, operands: Sequence[Any], z: Any, shape: tuple[int, ...]
) -> Any:
    """∂z/∂ the k-th named operand; with an axis more where that is a vector."""
    function = op._partials[False][k]
    return _run(build, op, op.partials[k], function, operands, z, shape, "*" in op.names[k])


def kernel(build: Builder, name: str, *vectors: Any) -> Any:
    """One of the kernels of vectors, on arrays."""
    if (found := build.named(name, *vectors)) is not None:
        return found
    names = dict(zip(FORMULAS[name][0].replace("*", "").split(", "), map(Vector, vectors)))
    return _Reader(build, 0).visit(_tree(FORMULAS[name][1]), names).array


def _run(
    build: Builder,
    op: Op,
    text: str,
    function: Callable[..., Any],
    operands: Sequence[Any],
    z: Any,
    shape: tuple[int, ...],
    vector: bool = False,
) -> Any:
    names = {
        name.strip("*"): Vector(a) if "*" in name else a for name, a in zip(op.names, operands)
    }
    if z is not None:
        names["z"] = z
    try:
        found = _Reader(build, len(shape)).visit(_tree(text), names)
        if isinstance(found, Vector):
            if vector:
                return found.array
        elif not isinstance(found, Listed):
            return found if vector else build.broadcast(found, shape)
    except Unreadable:
        pass
    return _row_by_row(build, op, function, operands, z, shape, vector)


def _row_by_row(
    build: Builder, op: Op, function: Any, operands: Sequence[Any], z: Any, shape: Any, vector: bool
) -> Any:
    given = ([] if z is None else [z]) + [*operands]
    stars = ([] if z is None else [False]) + ["*" in name for name in op.names]
    if not any(isinstance(a, Array) for a in given):
        raise Unreadable  # constants alone: folded before
    if vector:
        star = next(a for a, s in zip(given, stars) if s)
        shape = (*shape, shape_of(star)[-1])
    return build.emit(
        "row_by_row", given, shape, function=function, stars=tuple(stars), vector=vector
    )


class _Reader:
    """One reading of a formula; `rank` is that of the result."""

    def __init__(self, build: Builder, rank: int) -> None:
        self.build = build
        self.rank = rank

    def visit(self, node: ast.expr, names: dict[str, Any], where: Any = None) -> Any:
        """What the formula `node` is. `where`: only there is it wanted."""
        if isinstance(node, ast.Constant):
            if isinstance(node.value, int | float) and not isinstance(node.value, bool):
                return float(node.value)
        elif isinstance(node, ast.Name):
            if node.id in names:
                return names[node.id]
            if node.id in ("inf", "nan"):
                return {"inf": inf, "nan": nan}[node.id]
        elif isinstance(node, ast.BinOp):
            return self._binary(node, names, where)
        elif isinstance(node, ast.UnaryOp):
            inner = self.visit(node.operand, names, where)
            if isinstance(node.op, ast.USub):
                return self._apply("negative", inner)
            if isinstance(node.op, ast.Not):
                return self._apply("logical_not", inner)
        elif isinstance(node, ast.Compare):
            sides = [self.visit(part, names, where) for part in (node.left, *node.comparators)]
            tests = [
                self._apply(COMPARE[type(sign)], x, y)
                for sign, x, y in zip(node.ops, sides, sides[1:])
                if type(sign) in COMPARE
            ]
            if len(tests) == len(node.ops):
                return self._all("logical_and", tests)
        elif isinstance(node, ast.BoolOp):
            fn = "logical_and" if isinstance(node.op, ast.And) else "logical_or"
            return self._all(fn, [self.visit(part, names, where) for part in node.values])
        elif isinstance(node, ast.IfExp):
            return self._choice(node, names, where)
        elif isinstance(node, ast.Call):
            return self._call(node, names, where)
        elif isinstance(node, ast.ListComp | ast.GeneratorExp):
            return self._comprehension(node, names, where)
        elif isinstance(node, ast.List):
            return Listed(
                tuple(
                    self.visit(e.value if isinstance(e, ast.Starred) else e, names, where)
                    for e in node.elts
                )
            )
        elif isinstance(node, ast.Subscript):
            return self._subscript(node, names, where)
        raise Unreadable

    def _apply(self, fn: str, *arguments: Any) -> Any:
        """A kernel on numbers and vectors."""
        if any(isinstance(a, Listed) for a in arguments):
            raise Unreadable
        if not any(isinstance(a, Vector) for a in arguments):
            return self.build.elementwise(fn, *arguments)
        return Vector(self.build.elementwise(fn, *map(self._lifted, arguments)))

    def _lifted(self, argument: Any) -> Any:
        """A number beside a vector gets an axis for its components."""
        if isinstance(argument, Vector):
            return argument.array
        shape = shape_of(argument)
        if not isinstance(argument, Array) and not shape:
            return argument
        return self.build.reshape(argument, (*shape, 1))

    def _all(self, fn: str, tests: list[Any]) -> Any:
        found = tests[0]
        for test in tests[1:]:
            found = self._apply(fn, found, test)
        return found

    def _guarded(self, argument: Any, where: Any) -> Any:
        """`argument` where it is wanted, 1 elsewhere, so that no flag goes up in vain."""
        if where is None or isinstance(argument, float):
            return argument
        return self._apply("where", where, argument, 1.0)

    def _binary(self, node: ast.BinOp, names: dict[str, Any], where: Any) -> Any:
        fn = BINARY.get(type(node.op))
        if fn is None:
            raise Unreadable
        x, y = self.visit(node.left, names, where), self.visit(node.right, names, where)
        if fn == "multiply" and isinstance(x, Listed):  # [1.0] * len(xs)
            if len(x.parts) == 1 and not isinstance(x.parts[0], Vector):
                return x.parts[0]
            raise Unreadable
        if fn == "divide":
            y = self._guarded(y, where)
        if fn == "power":
            x = self._guarded(x, where)
        return self._apply(fn, x, y)

    def _choice(self, node: ast.IfExp, names: dict[str, Any], where: Any) -> Any:
        test = self.visit(node.test, names, where)
        both = test if where is None else self._apply("logical_and", where, test)
        x = self.visit(node.body, names, both)
        otherwise = self._apply("logical_not", test)
        other = otherwise if where is None else self._apply("logical_and", where, otherwise)
        return self._apply("where", test, x, self.visit(node.orelse, names, other))

    def _comprehension(self, node: Any, names: dict[str, Any], where: Any) -> Any:
        if len(node.generators) != 1 or node.generators[0].ifs:
            raise Unreadable
        loop = node.generators[0]
        source, target = loop.iter, loop.target
        if isinstance(source, ast.Call) and getattr(source.func, "id", "") == "zip":
            vectors = [self.visit(a, names, where) for a in source.args]
            targets = target.elts if isinstance(target, ast.Tuple) else [target]
        else:
            vectors, targets = [self.visit(source, names, where)], [target]
        if len(vectors) != len(targets) or not all(isinstance(v, Vector) for v in vectors):
            raise Unreadable
        inner = names | {t.id: v for t, v in zip(targets, vectors) if isinstance(t, ast.Name)}
        found = self.visit(node.elt, inner, where)
        return found if isinstance(found, Vector) else self._spread(found, vectors[0])

    def _spread(self, number: Any, vector: Vector) -> Any:
        """The same number for every component."""
        if isinstance(number, Array):
            raise Unreadable
        return number

    def _call(self, node: ast.Call, names: dict[str, Any], where: Any) -> Any:
        name = getattr(node.func, "id", None)
        if name is None or node.keywords or name in names:
            raise Unreadable
        if name == "map" and len(node.args) > 1:
            inner = ast.Call(node.args[0], node.args[1:], [])
            return self._call(inner, names, where)
        if name in TOTALS or name in ROWS or "*" in FORMULAS.get(name, ("",))[0]:
            where = None  # one component may be unwanted, and the others not
        arguments = [self.visit(a, names, where) for a in node.args]
        if name == "mul":
            return self._apply("multiply", *arguments)
        if name in ("int", "float") and len(arguments) == 1:
            return arguments[0]
        if name in TOTALS and len(arguments) == 1:
            return self._total(name, arguments[0])
        if name == "equals":  # which component of the vector is the k-th
            length = shape_of(arguments[0].array)[-1]
            return Vector(
                self._apply("equal", Vector(np.arange(float(length))), arguments[1]).array
            )
        if (found := self._named(name, arguments)) is not None:
            return found
        if name == "sech2" and isinstance(arguments[0], Array):
            z = self.build.known("tanh", arguments[0])
            if z is not None and (z.shape or z.batched):
                return self.build.emit("sech2_of", (z, arguments[0]), z.shape)
        if name in FORMULAS:
            signature, text = FORMULAS[name]
            inner_names = dict(zip(signature.replace("*", "").split(", "), arguments))
            return self.visit(_tree(text), inner_names, where)
        if name in ROWS:
            return self._of_rows(name, arguments)
        if name in NUMPY:
            if name in DOMAINS:
                arguments[0] = self._guarded(arguments[0], where)
            return self._apply(name, *arguments)
        row = OPS.get(name)
        if row is None or f"{name}(" in row.value or len(arguments) != len(row.names):
            raise Unreadable
        inner_names = dict(zip((n.strip("*") for n in row.names), arguments))
        return self.visit(_tree(row.value), inner_names, where)

    def _named(self, name: str, arguments: list[Any]) -> Any:
        """A kernel under its name, in the program that is read."""
        if name not in FORMULAS or any(isinstance(a, Listed) for a in arguments):
            return None
        vector = any(isinstance(a, Vector) for a in arguments)
        given = [*map(self._lifted, arguments)] if vector else arguments
        if name == "softmax_minus":
            p = self.build.named("softmax", given[0])
            found = None if p is None else self.build.named("minus", p, given[1])
        elif name == "logsumexp_minus_dot":
            return self.build.named("cross_entropy", *given)
        else:
            found = self.build.named(name, *given)
        if found is None or not vector or name == "logsumexp":
            return found
        return Vector(found)

    def _total(self, name: str, xs: Any) -> Any:
        if isinstance(xs, Listed) and name in ("sum", "fsum"):
            found: Any = 0.0
            for part in xs.parts:
                if isinstance(part, Vector):
                    part = self._total("sum", part)
                found = self.build.elementwise("add", found, part)
            return found
        if not isinstance(xs, Vector):
            raise Unreadable
        array = xs.array
        length = shape_of(array)[-1]
        if name == "len":
            return float(length)
        if name == "max":
            return self.build.max(array)
        total = self.build.sum(array, [len(shape_of(array)) - 1])
        return self.build.elementwise("divide", total, float(length)) if name == "fmean" else total

    def _of_rows(self, name: str, arguments: list[Any]) -> Any:
        given = [a.array if isinstance(a, Vector) else self._lifted(a) for a in arguments]
        array = given[0]
        if not isinstance(array, Array):
            raise Unreadable
        if name in ("log_total", "probabilities_minus"):
            total = arguments[-1]
            sure = self.build.emit("any_sure", (total,), (), batched=False)
            given = [array, total, sure] if name == "log_total" else [*given[:2], sure]
        if ROWS[name]:
            return Vector(self.build.emit(name, given, array.shape))
        return self.build.emit(name, given, array.shape[:-1])

    def _subscript(self, node: ast.Subscript, names: dict[str, Any], where: Any) -> Any:
        xs, k = self.visit(node.value, names, where), self.visit(node.slice, names, where)
        if not isinstance(xs, Vector) or isinstance(k, Vector | Listed):
            raise Unreadable
        length = shape_of(xs.array)[-1]
        own = self.build.elementwise("equal", np.arange(float(length)), self._lifted(k))
        chosen = self.build.elementwise("multiply", xs.array, own)
        return self.build.sum(chosen, [len(shape_of(chosen)) - 1])
