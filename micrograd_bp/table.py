"""What a row of the derivative table is, and how to add one.

A row is an operation's value and local derivatives as formulas in text. The same text is compiled
over floats (the numbers that the engine records) and over Values (derivatives that have
derivatives in their turn), and other modules translate it further.

>>> from micrograd_bp.ops import OPS
>>> OPS["truediv"]
truediv(x, y) = x / y,  ∂/∂x = 1.0 / y,  ∂/∂y = -z / y
>>> OPS["truediv"](1.0, 4.0), OPS["truediv"].derivatives(0.25, [1.0, 4.0])
(0.25, [0.25, -0.0625])
>>> OPS["truediv"](1.0, 0.0)
Traceback (most recent call last):
ZeroDivisionError: truediv: no value at x = 1.0, y = 0.0; expected y != 0
"""

import builtins
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from keyword import iskeyword
from math import inf, isfinite, isnan
from numbers import Real
from operator import index
from types import CodeType
from typing import Any, ClassVar, TypeVar

from micrograd_bp import floats

# What the names in a formula mean: on floats, and on Values (whatever has `_apply`) and numbers.
FLOATS: dict[str, Any] = {"abs": abs} | {name: getattr(floats, name) for name in floats.__all__}
MIXED: dict[str, Any] = {"inf": floats.inf, "nan": floats.nan}
RESERVED: set[str] = set()


T = TypeVar("T")


class Table(dict[str, "Op"]):
    """The rows by name."""

    def __missing__(self, name: str) -> "Op":
        raise KeyError(f"{name} is not in the table: operation(...) adds it")

    def symbol(self, name: str) -> str:
        """What a drawing shows for a row; the name itself where there is none."""
        return self[name].symbol if name in self else name


OPS = Table()


def number(value: Any, where: str, expected: str = "a real number") -> float:
    """`value` as a float: any real number, NumPy scalar or 0-d array; else a TypeError.

    >>> number(True, "here"), number(3, "here")
    (1.0, 3.0)
    >>> number("3", "here")
    Traceback (most recent call last):
    TypeError: here: expected a real number, got str
    """
    if getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, Real):
        try:
            return float(value)
        except OverflowError:
            raise OverflowError(f"{where}: a number too large for a float64") from None
    raise TypeError(f"{where}: expected {expected}, got {type(value).__name__}")


def operand_number(value: Any, where: str) -> float:
    """`value` as a float, for an operand that is no Value.

    >>> operand_number(3, "exp")
    3.0
    """
    return number(value, where, "a Value or a real number")


def whole(value: Any, where: str, least: float = -inf, most: float = inf) -> int:
    """`value` as an int; else a TypeError, or a ValueError where it is not from `least` to `most`.

    >>> whole(0, "epochs", 1)
    Traceback (most recent call last):
    ValueError: epochs = 0: expected a whole number from 1 on
    """
    try:
        found = index(value)
    except TypeError:
        raise TypeError(f"{where}: expected a whole number, got {value!r:.40}") from None
    if not least <= found <= most:
        span = f"from {least} " + ("on" if most == inf else f"to {most}")
        raise ValueError(f"{where} = {found}: expected a whole number {span}")
    return found


def checked(value: Any, kind: type[T], where: str) -> T:
    """`value`, where it is of this kind; else a TypeError.

    >>> checked("x_1", str, "label")
    'x_1'
    >>> checked(1, str, "label")
    Traceback (most recent call last):
    TypeError: label: expected a str, got int
    """
    if not isinstance(value, kind):
        raise TypeError(f"{where}: expected a {kind.__name__}, got {type(value).__name__}")
    return value


def listed(values: Iterable[Any], where: str) -> list[Any]:
    """`values` as a list; else a TypeError.

    >>> listed(range(3), "sum")
    [0, 1, 2]
    """
    try:
        return [*values]
    except TypeError:
        raise TypeError(f"{where}: expected a list, got {type(values).__name__}") from None


@dataclass(frozen=True, repr=False)
class Op:
    """A row of the table, and the function it defines: `OPS["exp"](1.0)` is e.

    `signature` names the operands: `"x, y"`. One with a star is a vector: `dot(*ws, *xs, b)` takes
    two of one length and a number, and its node has all their components as operands, in order.
    `partials` has a formula for each; `symbol` is for drawings; `domain` says where there is a
    value. Formulas show a number in the place of one of the `constants` by its name: a target.
    """

    name: str
    signature: str
    value: str
    partials: tuple[str, ...]
    symbol: str
    domain: str = ""
    constants: tuple[str, ...] = ()
    fast: ClassVar[tuple[Callable[..., Any], ...]] = ()
    """What records a row of vectors fastest; NotImplemented where the operands are others."""

    @cached_property
    def names(self) -> list[str]:
        """The operands' names, vectors with their star."""
        return self.signature.split(", ")

    @cached_property
    def vectors(self) -> int:
        """How many of the operands are vectors."""
        return self.signature.count("*")

    def compile(self, formula: str, names: dict[str, Any], first: str = "") -> Callable[..., Any]:
        """`formula` as a function of `first` and the operands, where `names` have their meaning."""
        text = f"lambda {first}{self.signature.replace('*', '')}: {formula}"
        return eval(compile(text, f"<{self.name}>", "eval"), names)  # type: ignore[no-any-return]

    @cached_property
    def formula(self) -> Callable[..., Any]:
        """The value, on floats and lists of floats; raises what its formula raises."""
        return self.compile(self.value, FLOATS)

    @cached_property
    def _partials(self) -> dict[bool, list[Callable[..., Any]]]:
        """The local derivatives, on floats (False) and mixed with Values (True)."""
        return {
            mixed: [self.compile(partial, names, "z, ") for partial in self.partials]
            for mixed, names in ((False, FLOATS), (True, MIXED))
        }

    def _flat(self, arguments: Sequence[Any]) -> list[Any]:
        """The arguments in a row, those with a star item by item."""
        where = f"{self.name}({self.signature})"
        if len(arguments) != len(self.names):
            count = f"{len(self.names)} argument{'s' * (len(self.names) != 1)}"
            raise TypeError(f"{where}: expected {count}, got {len(arguments)}")
        groups = [
            listed(argument, f"{where}: {name}") if "*" in name else [argument]
            for name, argument in zip(self.names, arguments)
        ]
        lengths = [len(group) for name, group in zip(self.names, groups) if "*" in name]
        if len({*lengths}) > 1:
            raise ValueError(f"{where}: expected lists of one length, got {lengths}")
        return [*chain.from_iterable(groups)]

    def _group(self, operands: Sequence[Any]) -> Sequence[Any]:
        """The operands as formulas take them: those of each name with a star in a list."""
        if not self.vectors:
            return operands
        length = (len(operands) - len(self.names) + self.vectors) // self.vectors
        rest = iter(operands)
        return [[*islice(rest, length)] if "*" in n else next(rest) for n in self.names]

    def __call__(self, *arguments: Any) -> Any:
        """A float, of numbers; a node of a graph as soon as one of the operands is a Value."""
        for fast in self.fast:
            try:
                if (node := fast(*arguments)) is not NotImplemented:
                    return node
            except (AttributeError, TypeError):
                pass  # not all of them are Values
        operands: Sequence[Any] = arguments
        if self.vectors or len(arguments) != len(self.names):
            operands = self._flat(arguments)
        for operand in operands:
            if (apply := getattr(operand, "_apply", None)) is not None:
                return apply(self, operands)
        return self.evaluate([operand_number(v, self.name) for v in operands], operands)

    def evaluate(self, numbers: Sequence[float], operands: Sequence[Any]) -> float:
        """The value at `numbers`; where there is none, an error that speaks of the `operands`."""
        try:
            z = self.formula(*self._group(numbers))
            if isinstance(z, complex):
                raise ValueError("not real")
        except (ValueError, ArithmeticError) as error:
            raise self.undefined(error, operands) from None
        return float(z) if isfinite(z) else self.not_finite(z, operands)

    def derivatives(
        self,
        z: Any,
        operands: Sequence[Any],
        wanted: Sequence[int] | None = None,
        mixed: bool = False,
    ) -> list[Any]:
        """∂z/∂operands[k] for each k in `wanted`, or for all of them, on floats.

        With `mixed` the same formulas run on Values, and can be differentiated again.
        """
        if wanted is None:
            wanted = range(len(operands))
        partials = self._partials[mixed]
        if not self.vectors:
            return [partials[k](z, *operands) for k in wanted]
        groups = self._group(operands)
        every: list[Any] = []
        for name, group, partial in zip(self.names, groups, partials):
            found = partial(z, *groups)
            if "*" in name and len(found) != len(group):
                raise TypeError(f"{self.name}: {len(found)} derivatives by {len(group)} {name[1:]}")
            every += found if "*" in name else [found]
        return [every[k] for k in wanted]

    def undefined(
        self, error: Exception, operands: Sequence[Any], what: str = "no value"
    ) -> Exception:
        """An error like `error` that names the op, each operand's value and label, the domain."""
        names = (
            f"{name[1:].removesuffix('s')}{k}" if "*" in name else name
            for name, group in zip(self.names, self._group(operands))
            for k in range(1, len(group) + 1 if "*" in name else 2)
        )
        given = []
        for name, operand in zip(names, operands[:6]):
            label = getattr(operand, "label", "")
            given.append(f"{name} = {float(operand)!r}" + (f" (node {label!r})" if label else ""))
        given += ["…"] if len(operands) > 6 else []
        place = f"at {', '.join(given)}" if given else "of no operands"
        if isinstance(error, OverflowError):
            return OverflowError(f"{self.name}: too large for a float64 {place}")
        kind = ZeroDivisionError if isinstance(error, ZeroDivisionError) else ValueError
        advice = self.domain and f"; expected {self.domain}"
        return kind(f"{self.name}: {what} {place}{advice}")

    def not_finite(self, z: float, operands: Sequence[Any]) -> float:
        """`z` where an operand is not finite either and so accounts for it; else an error."""
        if not isinstance(z, Real):
            held = type(z).__name__
            raise TypeError(f"{self.name}: an operand's .data must be a number, but made a {held}")
        numbers = [float(operand) for operand in operands]
        if all(map(isfinite, numbers)) or (isnan(z) and not any(map(isnan, numbers))):
            raise self.undefined(ValueError() if isnan(z) else OverflowError(), operands)
        return float(z)

    def __reduce__(self) -> tuple[Any, ...]:
        """A row is pickled by its name, and copied as itself."""
        return _row, (self.name,)

    def __repr__(self) -> str:
        names = self.signature.replace("*", "").split(", ")
        partials = (f"∂/∂{name} = {p}" for name, p in zip(names, self.partials))
        return ",  ".join((f"{self.name}({self.signature}) = {self.value}", *partials))


def operation(
    definition: str,
    value: str | Callable[..., float],
    *partials: str,
    symbol: str = "",
    domain: str = "",
    constants: Sequence[str] = (),
) -> Op:
    """Add a row to the table and return it: a function of Values and numbers.

    `definition` is the name with its operands. `value` is a formula, or a function of floats where
    there is no formula. Each of `partials` is the formula of ∂z/∂operand, in the operands, the
    value `z` and the operations of the table: hence it has derivatives in its turn.
    Errors: ValueError for a definition of another form, a wrong number of partials, a name in a
    formula that is not in the table, or a name that the package or Python has already; SyntaxError
    for text that is no formula; TypeError for a value that is neither. A row of your own may be
    defined anew.

    >>> hypot = operation("hypot(x, y)", "sqrt(x * x + y * y)", "x / z", "y / z", domain="z > 0")
    >>> hypot(3.0, 4.0), hypot.derivatives(5.0, [3.0, 4.0])
    (5.0, [0.6, 0.8])
    """
    for name, text in (("definition", definition), ("symbol", symbol), ("domain", domain)):
        checked(text, str, f"operation: {name}")
    for k, text in enumerate(partials, 1):
        checked(text, str, f"{definition}: partial derivative {k}")
    match = re.fullmatch(r"\s*([^\W\d]\w*)\s*\(([^()]*)\)\s*", definition)
    operands = [part.strip() for part in match[2].split(",")] if match else []
    plain = [part.removeprefix("*") for part in operands]
    if match is None or not all(part.isidentifier() and part != "z" for part in plain):
        raise ValueError(f"{definition!r}: expected a name with its operands, like 'f(x, y, *xs)'")
    if len({*plain}) < len(plain) or any(map(iskeyword, (match[1], *plain))):
        raise ValueError(f"{definition!r}: expected operands of different names")
    name, signature = match[1], ", ".join(operands)
    if name in RESERVED:
        what = f"in the table already, as {OPS[name]}" if name in OPS else "in use by formulas"
        raise ValueError(f"{name} is {what}: expected another name")
    if not isinstance(value, str) and not callable(value):
        raise TypeError(f"{definition}: expected a formula or a function, got {value!r:.40}")
    formula = value if isinstance(value, str) else f"{name}({', '.join(plain)})"
    if len(partials) != len(operands):
        raise ValueError(
            f"{definition}: expected a partial derivative for each of {len(operands)} operands, "
            f"got {len(partials)}"
        )
    op = Op(name, signature, formula, partials, symbol or name, domain, (*constants,))
    known = {*FLOATS, *dir(builtins)} | ({name} if callable(value) else set())
    for text in (formula, *partials):
        if unknown := _names(op.compile(text, {}, "z, ").__code__) - known:
            names = ", ".join(sorted(unknown))
            raise ValueError(f"{definition}: {names} not in the table: operation(...) adds it")
    if OPS.get(name) == op:
        op = OPS[name]  # a cell run again
    if callable(value):
        FLOATS[name] = value
    elif name in OPS or name not in FLOATS:
        FLOATS[name] = op.formula
    OPS[name] = MIXED[name] = op
    return op


def _names(code: CodeType) -> set[str]:
    """The names that some code looks up, in its comprehensions too."""
    inner = (_names(c) for c in code.co_consts if isinstance(c, CodeType))
    return {*code.co_names}.union(*inner)


def reserve() -> None:
    """Let no row be defined by a name that has a meaning now.

    >>> operation("nan(x)", "x", "1.0")  # the package has called reserve()
    Traceback (most recent call last):
    ValueError: nan is in use by formulas: expected another name
    """
    RESERVED.update(FLOATS, OPS, dir(builtins))


def _row(name: str) -> Op:
    return OPS[name]
