"""Formulas as trees: the rows of the table run on symbols, and simplified where it helps a reader.

>>> from micrograd_bp.notation import Text
>>> from micrograd_bp.ops import OPS
>>> x, y = Name("x"), Name("y")
>>> show = Text()
>>> print(show(value(OPS["truediv"], [x, y])), "|", show(local(OPS["truediv"], [x, y], 1)))
x/y | −x/y²
>>> for expand in (False, True):
...     print(show(local(OPS["sigmoid"], [x], 0, expand=expand)))
σ′(x)
σ(x) · (1 − σ(x))

A tree is plain data: `notation` prints it, `evaluate` puts numbers in.
"""

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from operator import ge, gt, le, lt
from typing import Any

from micrograd_bp.ops import OPS
from micrograd_bp.table import Op


@dataclass(frozen=True)
class Expr:
    """A formula. Arithmetic on formulas makes formulas."""

    def __add__(self, other: Any) -> "Expr":
        return add(self, other)

    def __radd__(self, other: Any) -> "Expr":
        return add(other, self)

    def __sub__(self, other: Any) -> "Expr":
        return add(self, mul(-1.0, other))

    def __rsub__(self, other: Any) -> "Expr":
        return add(other, mul(-1.0, self))

    def __mul__(self, other: Any) -> "Expr":
        return mul(self, other)

    def __rmul__(self, other: Any) -> "Expr":
        return mul(other, self)

    def __truediv__(self, other: Any) -> "Expr":
        return mul(self, power(other, -1.0))

    def __rtruediv__(self, other: Any) -> "Expr":
        return mul(other, power(self, -1.0))

    def __pow__(self, other: Any) -> "Expr":
        return power(self, other)

    def __rpow__(self, other: Any) -> "Expr":
        return power(other, self)

    def __neg__(self) -> "Expr":
        return mul(-1.0, self)

    def __lt__(self, other: Any) -> "Expr":
        return Comparison(self, "<", formula(other))

    def __le__(self, other: Any) -> "Expr":
        return Comparison(self, "≤", formula(other))

    def __gt__(self, other: Any) -> "Expr":
        return Comparison(self, ">", formula(other))

    def __ge__(self, other: Any) -> "Expr":
        return Comparison(self, "≥", formula(other))


@dataclass(frozen=True)
class Number(Expr):
    """A number."""

    value: float

    def __int__(self) -> int:
        return int(self.value)


@dataclass(frozen=True)
class Name(Expr):
    """What a node is called: its label, and which it is of several nodes with this label."""

    label: str
    copy: str = ""


@dataclass(frozen=True)
class Partial(Expr):
    """∂of/∂by."""

    of: Expr
    by: Expr


@dataclass(frozen=True)
class Sum(Expr):
    """Terms, added."""

    terms: tuple[Expr, ...]


@dataclass(frozen=True)
class Product(Expr):
    """Factors, multiplied; those with a negative exponent are a denominator."""

    factors: tuple[Expr, ...]


@dataclass(frozen=True)
class Chain(Expr):
    """Factors of the chain rule, each kept as it is."""

    factors: tuple[Expr, ...]


@dataclass(frozen=True)
class Power(Expr):
    """Base to the exponent."""

    base: Expr
    exponent: Expr


@dataclass(frozen=True)
class Call(Expr):
    """A row of the table on arguments, or its derivative; `index` says which of several results."""

    function: str
    arguments: tuple[Expr, ...]
    prime: bool = False
    index: int | None = None


@dataclass(frozen=True)
class Comparison(Expr):
    """A condition."""

    left: Expr
    sign: str
    right: Expr


@dataclass(frozen=True)
class Both(Expr):
    """Two conditions, both (`sign` ∧) or at least one of them (∨)."""

    left: Expr
    sign: str
    right: Expr


@dataclass(frozen=True)
class Cases(Expr):
    """The value of the first branch whose condition holds: (value, condition)."""

    branches: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr


@dataclass(frozen=True)
class Sigma(Expr):
    """Σ of the body over an index, from `first` to `last`."""

    index: str
    first: int
    last: int
    body: Expr


@dataclass(frozen=True)
class Marked(Expr):
    """Something pointed out."""

    body: Expr


@dataclass(frozen=True)
class Elided(Expr):
    """What a view leaves out, in words."""

    words: str


def formula(x: Any) -> Expr:
    """`x` itself, or the number x."""
    return x if isinstance(x, Expr) else Number(float(x))


# ------------------------------------------------------------------ simplification


def add(*terms: Any) -> Expr:
    """The sum: numbers together where the first of them stands, no 0 among the terms."""
    kept: list[Expr] = []
    place = None
    for term in map(formula, terms):
        for part in term.terms if isinstance(term, Sum) else (term,):
            if isinstance(part, Number) and place is not None:
                kept[place] = Number(kept[place].value + part.value)  # type: ignore[attr-defined]
                continue
            if isinstance(part, Number):
                place = len(kept)
            kept.append(part)
    kept = [part for part in kept if part != Number(0.0)]
    return Sum(tuple(kept)) if len(kept) > 1 else kept[0] if kept else Number(0.0)


def mul(*factors: Any) -> Expr:
    """The product: numbers in front, x · x as x², no 1 among the factors, 0 where one is 0."""
    number, exponents = 1.0, dict[Expr, Any]()
    for factor in map(formula, factors):
        for part in factor.factors if isinstance(factor, Product) else (factor,):
            if isinstance(part, Number):
                number *= part.value
                continue
            base, exponent = part, Number(1.0)
            if isinstance(part, Power) and isinstance(part.exponent, Number):
                base, exponent = part.base, part.exponent
            exponents[base] = exponents.get(base, 0.0) + exponent.value
    kept = [power(base, exponent) for base, exponent in exponents.items() if exponent]
    if number == 0.0 or not kept:
        return Number(number)
    if number != 1.0:
        kept.insert(0, Number(number))
    return kept[0] if len(kept) == 1 else Product(tuple(kept))


def power(base: Any, exponent: Any) -> Expr:
    """The power: x¹ as x, x⁰ as 1, a number's whole power as a number, (xᵃ)ᵇ as xᵃᵇ."""
    base, exponent = formula(base), formula(exponent)
    if isinstance(exponent, Number):
        if exponent.value in (0.0, 1.0):
            return base if exponent.value else Number(1.0)
        if isinstance(base, Number) and base.value and exponent.value == -1.0:
            return Number(1.0 / base.value)
        whole = exponent.value.is_integer()
        if whole and isinstance(base, Product):
            return mul(*[power(factor, exponent) for factor in base.factors])
        if whole and isinstance(base, Power) and isinstance(base.exponent, Number):
            return power(base.base, base.exponent.value * exponent.value)
    return Power(base, exponent)


# ------------------------------------------------------------------ rows on symbols


def value(op: Op, operands: Sequence[Expr], expand: bool = False) -> Expr:
    """The formula of the row on `operands`; a function with cases by its name, or `expand`ed."""
    try:
        found = formula(_symbolic(op.signature, op.value, op.name)(None, *op._group(operands)))
    except Exception:  # a formula of the user's that symbols do not follow
        found = Call(op.name, (*operands,))
    return Call(op.name, (*operands,)) if isinstance(found, Cases) and not expand else found


def local(
    op: Op,
    operands: Sequence[Expr],
    k: int,
    numbers: Sequence[float] | None = None,
    expand: bool = False,
) -> Expr:
    """The formula of ∂value/∂operands[k].

    One with cases becomes that case which holds at `numbers` (without them, the first) if it is a
    formula; if it is a mere number, the derivative goes by a name like ReLU′(z). `expand` writes
    out the derivatives that go by a name.
    """
    try:
        expr = formula(_partials(op, operands)[k])
    except Exception:  # as above
        return Partial(Call(op.name, (*operands,)), operands[k])
    if isinstance(expr, Cases):
        first = expr.branches[0][0]
        branch = first if numbers is None else _holding(expr, dict(zip(operands, numbers)))
        function_of_one = sum(not isinstance(operand, Number) for operand in operands) == 1
        if not isinstance(branch, Number):
            expr = branch
        elif function_of_one and not expand:
            return Call(op.name, tuple(o for o in operands if not isinstance(o, Number)), True)
    return expanded(expr) if expand else expr


def _partials(op: Op, operands: Sequence[Expr]) -> list[Any]:
    z, groups = value(op, operands), op._group(operands)
    found: list[Any] = []
    for name, text in zip(op.names, op.partials):
        one = _symbolic(op.signature, text, op.name)(z, *groups)
        found += one if "*" in name else [one]
    return found


@cache
def ones(op: Op, count: int) -> tuple[bool, ...]:
    """For each of `count` operands, whether ∂value/∂operand is 1 whatever the operands are.

    >>> ones(OPS["sub"], 2), ones(OPS["mul"], 2)
    ((True, False), (False, False))
    """
    try:
        found = _partials(op, [Name(f"x_{{{k}}}") for k in range(count)])
    except Exception:  # as above
        return (False,) * count
    return tuple([formula(one) == Number(1.0) for one in found])


def expanded(expr: Expr) -> Expr:
    """`expr` with σ′(z) as σ(z)(1 − σ(z)), and so on for the other derivatives with a name."""
    match expr:
        case Call(function, arguments, prime) if (function, prime) in TEXTBOOK:
            text = TEXTBOOK[function, prime]
            return formula(_symbolic("x", text, function)(None, *map(expanded, arguments)))
        case Sum(terms):
            return add(*map(expanded, terms))
        case Product(factors):
            return mul(*map(expanded, factors))
        case Power(base, exponent):
            return power(expanded(base), expanded(exponent))
    return expr


TEXTBOOK = {
    ("sigmoid", True): "sigmoid(x) * (1.0 - sigmoid(x))",
    ("tanh", True): "1.0 - tanh(x) ** 2",
    ("erf", True): "2.0 / sqrt(pi) * exp(-x ** 2)",
    ("normal_pdf", False): "exp(-x ** 2 / 2.0) / sqrt(2.0 * pi)",
    ("normal_cdf", False): "0.5 * (1.0 + erf(x / sqrt(2.0)))",
}
"""How a book writes what the table computes with more care: (function, whether its derivative)."""

PRIMES = {"dsigmoid": "sigmoid", "sech2": "tanh", "derf": "erf"}
"""Rows that are derivatives, by the function they derive."""


def _softmax(xs: Sequence[Expr]) -> list[Expr]:
    return [Call("softmax", (*xs,), index=k + 1) for k in range(len(xs))]


def _softmax_derivatives(k: int, xs: Sequence[Expr]) -> list[Expr]:
    p = _softmax(xs)
    return [p[k] * (1.0 - p[k]) if i == k else -p[k] * p[i] for i in range(len(p))]


def _if(test: Any, then: Any, otherwise: Any) -> Any:
    if not isinstance(test, Expr):
        return then if test else otherwise
    rest = formula(otherwise)
    branches = rest.branches if isinstance(rest, Cases) else ()
    return Cases(((formula(then), test), *branches), getattr(rest, "otherwise", rest))


def _both(sign: str, left: Any, right: Any) -> Any:
    if isinstance(left, Expr) and isinstance(right, Expr):
        return Both(left, sign, right)
    known, other = (right, left) if isinstance(left, Expr) else (left, right)
    return other if bool(known) is (sign == "∧") else known


class _Symbolic(ast.NodeTransformer):
    """Rewrites what decides at once, `x if c else y` and the like, as calls that make trees."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        return _call("_if", *map(self.visit, (node.test, node.body, node.orelse)))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        sign = ast.Constant("∧" if isinstance(node.op, ast.And) else "∨")
        left, *rest = [self.visit(v) for v in node.values]
        for right in rest:
            left = _call("_both", sign, left, right)
        return left  # type: ignore[no-any-return]

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        sides = [self.visit(v) for v in (node.left, *node.comparators)]
        if len(sides) == 2:
            return ast.Compare(sides[0], node.ops, sides[1:])
        pairs: list[ast.expr] = [
            ast.Compare(left, [sign], [right])
            for left, sign, right in zip(sides, node.ops, sides[1:])
        ]
        return self.visit_BoolOp(ast.BoolOp(ast.And(), pairs))


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), [*arguments], [])


@cache
def _symbolic(signature: str, text: str, name: str) -> Callable[..., Any]:
    """A formula of the table as a function of z and the operands, all of them trees."""
    source = f"lambda z, {signature.replace('*', '')}: {text}"
    tree = ast.fix_missing_locations(_Symbolic().visit(ast.parse(source, mode="eval")))
    return eval(compile(tree, f"<{name}>", "eval"), _scope())  # type: ignore[no-any-return]


def _scope() -> dict[str, Any]:
    """What the names in a formula mean on trees."""
    rows: dict[str, Any] = {name: partial(_call_of, name) for name in OPS}
    return rows | {
        "_if": _if,
        "_both": _both,
        "inf": Number(math.inf),
        "nan": Number(math.nan),
        "pi": Name("\\pi"),
        "mul": mul,
        "power": power,
        "dpower": lambda x, y: mul(y, power(x, add(y, -1.0))),
        "fsum": lambda xs: add(*xs),
        "sum": lambda xs: add(*xs),
        "product": lambda xs: mul(*xs),
        "products_of_others": lambda xs: [mul(*xs[:k], *xs[k + 1 :]) for k in range(len(xs))],
        "logsumexp": lambda xs: Call("logsumexp", (*xs,)),
        "softmax": _softmax,
        "softmax_derivatives": _softmax_derivatives,
    }


def _call_of(name: str, *arguments: Any) -> Expr:
    operands = [*map(formula, arguments)]
    if name in ("add", "sub", "mul", "truediv", "pow", "neg"):
        return value(OPS[name], operands)
    return Call(PRIMES.get(name, name), (*operands,), name in PRIMES)


# ------------------------------------------------------------------ numbers


def evaluate(expr: Expr, numbers: Mapping[Expr, float]) -> Any:
    """The number (or truth) of a formula in which `numbers` stand for the names."""
    of = partial(evaluate, numbers=numbers)
    match expr:
        case _ if expr in numbers:
            return numbers[expr]
        case Number(x):
            return x
        case Name("\\pi"):
            return math.pi
        case Sum(terms):
            return math.fsum(map(of, terms))
        case Product(factors) | Chain(factors):
            return math.prod(map(of, factors))
        case Power(base, exponent):
            return of(base) ** of(exponent)
        case Comparison(left, sign, right):
            return {"<": lt, "≤": le, ">": gt, "≥": ge}[sign](of(left), of(right))
        case Both(left, sign, right):
            return (of(left) and of(right)) if sign == "∧" else (of(left) or of(right))
        case Cases():
            return of(_holding(expr, numbers))
        case Call(function, arguments, prime, index):
            return _called(OPS[function], [*map(of, arguments)], prime, index)
    raise TypeError(f"no number for {expr!r}")


def _called(op: Op, numbers: list[float], prime: bool, index: int | None) -> float:
    if index is not None:
        numbers = [index - 1.0, *numbers]
    result = op.evaluate(numbers, numbers)
    return op.derivatives(result, numbers, [0])[0] if prime else result


def _holding(cases: Cases, numbers: Mapping[Expr, float]) -> Expr:
    """The value of the case that holds at `numbers`."""
    for found, test in cases.branches:
        if evaluate(test, numbers):
            return found
    return cases.otherwise
