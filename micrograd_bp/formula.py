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
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from operator import eq, ge, gt, le, lt, ne
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


@dataclass(frozen=True)
class Number(Expr):
    """A number."""

    value: float

    def __int__(self) -> int:
        return int(self.value)


@dataclass(frozen=True)
class Literal(Expr):
    """A number put in for a name, rounded in print; two equal ones differ by their `place`."""

    value: float
    place: int = 0


@dataclass(frozen=True)
class Name(Expr):
    """What a node is called: its label, and which it is of several nodes with this label."""

    label: str
    copy: str = ""


@dataclass(frozen=True)
class Alias(Name):
    """What lectures call by a letter of its own, like the p of a softmax."""

    meaning: Expr = Number(0.0)


@dataclass(frozen=True)
class Partial(Expr):
    """∂of/∂by; with an `operand`, that by the k-th operand of the operation alone."""

    of: Expr
    by: Expr
    operand: int = 0


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
class Condition(Expr):
    """What holds or does not: for given numbers only, and so a formula cannot branch on it."""

    left: Expr
    sign: str
    right: Expr

    def __bool__(self) -> bool:
        raise TypeError(f"whether {self!r} holds depends on numbers")


@dataclass(frozen=True)
class Comparison(Condition):
    """Two sides, and one of the signs < ≤ = ≥ > ≠ between them."""


@dataclass(frozen=True)
class Both(Condition):
    """Two conditions, both (`sign` ∧) or at least one of them (∨)."""


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
    place, number = 0, 0.0
    for term in map(formula, terms):
        for part in term.terms if isinstance(term, Sum) else (term,):
            if not isinstance(part, Number):
                kept.append(part)
                continue
            place = place if number else len(kept)
            number += part.value
    if not kept or not math.isfinite(number):
        return Number(number)
    if number:
        kept.insert(place, Number(number))
    return Sum(tuple(kept)) if len(kept) > 1 else kept[0]


def mul(*factors: Any) -> Expr:
    """The product: numbers in front, x · x as x², no 1 among the factors, 0 where one is 0.

    A number that divides stays a divisor: x/3 has no decimals.
    """
    number, divisor, exponents = 1.0, 1.0, dict[Expr, float]()
    for factor in map(formula, factors):
        for part in factor.factors if isinstance(factor, Product) else (factor,):
            base, exponent = part, 1.0
            if isinstance(part, Power) and isinstance(part.exponent, Number):
                base, exponent = part.base, part.exponent.value
            if isinstance(part, Number):
                number *= part.value
            elif exponent == -1.0 and isinstance(base, Number) and base.value:
                divisor *= base.value
            else:
                exponents[base] = exponents.get(base, 0.0) + exponent
    kept = [power(base, exponent) for base, exponent in exponents.items() if exponent]
    number, divisor = _reduced(number, divisor)
    if number == 0.0 or math.isnan(number):
        return Number(number)
    if divisor != 1.0:
        kept.insert(0, Power(Number(divisor), Number(-1.0)))
    if number != 1.0 or not kept:
        kept.insert(0, Number(number))
    return kept[0] if len(kept) == 1 else Product(tuple(kept))


def _reduced(number: float, divisor: float) -> tuple[float, float]:
    """`number` over a positive `divisor`, one of them 1 where the quotient is whole."""
    number, divisor = math.copysign(1.0, divisor) * number, abs(divisor)
    if divisor == 1.0 or not (math.isfinite(number) and math.isfinite(divisor)):
        return number, divisor
    if math.fmod(number, divisor) == 0.0:
        return number / divisor, 1.0
    if math.fmod(divisor, number) == 0.0:
        return math.copysign(1.0, number), divisor / abs(number)
    return number, divisor


def power(base: Any, exponent: Any) -> Expr:
    """The power: x¹ as x, x⁰ as 1, a number's whole power as a number, (xᵃ)ᵇ as xᵃᵇ."""
    base, exponent = formula(base), formula(exponent)
    if not isinstance(exponent, Number):
        return Power(base, exponent)
    if exponent.value in (0.0, 1.0):
        return base if exponent.value else Number(1.0)
    if exponent.value.is_integer():
        if isinstance(base, Product):
            return mul(*[power(factor, exponent) for factor in base.factors])
        if isinstance(base, Power) and isinstance(base.exponent, Number):
            return power(base.base, base.exponent.value * exponent.value)
        if isinstance(base, Number) and base.value and (raised := _whole(base, exponent)):
            return raised
    return Power(base, exponent)


def _whole(base: Number, exponent: Number) -> Expr | None:
    """The power as a number, or as one over a number; None where a float cannot hold it."""
    try:
        raised = base.value ** abs(exponent.value)
    except OverflowError:
        return None
    if not raised or not math.isfinite(raised):
        return None
    if exponent.value > 0.0:
        return Number(raised)
    number, divisor = _reduced(1.0, raised)
    if divisor == 1.0:
        return Number(number)
    over = Power(Number(divisor), Number(-1.0))
    return over if number == 1.0 else Product((Number(number), over))


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

    One with cases becomes that case which holds at `numbers` if it is a formula; if it is a mere
    number, the derivative of a function of one variable goes by a name like ReLU′(z). `expand`
    writes out the derivatives that go by a name.
    """
    whole = Call(op.name, (*operands,))
    try:
        expr = _partial(op, operands, k)
        if isinstance(expr, Cases):
            branch = _regular(expr, dict(zip(operands, numbers)) if numbers else None)
            one = sum(not isinstance(operand, Number) for operand in operands) == 1
            if not isinstance(branch, Number):
                expr = branch
            elif one and not expand and value(op, operands) == whole:
                return replace(whole, prime=True)
        return expanded(expr) if expand else expr
    except Exception:  # as in `value`
        return Partial(whole, operands[k])


def _partial(op: Op, operands: Sequence[Expr], k: int) -> Expr:
    groups = op._group(operands)
    place = k
    for name, group, text in zip(op.names, groups, op.partials):
        size = len(group) if "*" in name else 1
        if place < size:
            # The value is long where the operands are many, and most derivatives do without.
            z = value(op, operands) if re.search(r"\bz\b", text) else None
            found = _symbolic(op.signature, text, op.name)(z, *groups)
            return formula(found[place] if "*" in name else found)
        place -= size
    raise IndexError(k)


def _regular(cases: Cases, numbers: Mapping[Expr, float] | None) -> Expr:
    """The case that holds; the first where it has no finite value, so that a reader sees why.

    Without numbers the first too, if only where it does not hold there is no finite value.
    """
    first = cases.branches[0][0]
    if numbers is not None:
        found = _holding(cases, numbers)
        return first if _singular(found) else found
    return first if isinstance(first, Number) or _singular(cases.otherwise) else cases


def _singular(expr: Expr) -> bool:
    return isinstance(expr, Number) and not math.isfinite(expr.value)


@cache
def ones(op: Op, count: int) -> tuple[bool, ...]:
    """For each of `count` operands, whether ∂value/∂operand is 1 whatever the operands are.

    >>> ones(OPS["sub"], 2), ones(OPS["mul"], 2)
    ((True, False), (False, False))
    """
    vectors, scalars = op.vectors, len(op.names) - op.vectors
    length = (count - scalars) // vectors if vectors else 0
    few = min(length, 3)  # components beside each other are alike: the middle one is as all are
    names: list[Expr] = [Name(f"x_{{{k}}}") for k in range(few * vectors + scalars)]
    try:
        found = iter([_partial(op, names, k) == Number(1.0) for k in range(len(names))])
    except Exception:  # as in `value`
        return (False,) * count
    every: list[bool] = []
    for name in op.names:
        if "*" in name:
            group = [*islice(found, few)]
            every += group[:1] + group[1:2] * (length - 2) + group[-1:] if length > 2 else group
        else:
            every.append(next(found))
    return tuple(every)


def expanded(expr: Expr) -> Expr:
    """`expr` with σ′(z) as σ(z)(1 − σ(z)), and so on for what else goes by a name."""
    match expr:
        case Alias(meaning=meaning):
            return expanded(meaning)
        case Call(function, arguments, prime):
            found = tuple(map(expanded, arguments))
            if (text := TEXTBOOK.get((function, prime))) is None:
                return replace(expr, arguments=found)
            return formula(_symbolic("x", text, function)(None, *found))
        case Sum(terms):
            return add(*map(expanded, terms))
        case Product(factors):
            return mul(*map(expanded, factors))
        case Power(base, exponent):
            return power(expanded(base), expanded(exponent))
        case Cases(branches, otherwise):
            pairs = tuple((expanded(found), test) for found, test in branches)
            return Cases(pairs, expanded(otherwise))
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


@dataclass(frozen=True)
class _Each(Sequence[Expr]):
    """A list whose items are made when they are asked for: all of them would take n² steps."""

    size: int
    make: Callable[[int], Expr]

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, k: Any) -> Any:
        return self.make(range(self.size)[k])


def _products_of_others(xs: Sequence[Expr]) -> _Each:
    return _Each(len(xs), lambda k: mul(*xs[:k], *xs[k + 1 :]))


def _softmax(xs: Sequence[Expr]) -> _Each:
    return _Each(len(xs), lambda k: Call("softmax", (*xs,), index=k + 1))


def _softmax_minus(xs: Sequence[Expr], ys: Sequence[Expr]) -> _Each:
    """The pₖ − yₖ of the lectures."""

    def each(k: int) -> Expr:
        copies = {x.copy for x in xs if isinstance(x, Name)}
        copy = "".join(copies) if len(copies) == 1 else ""
        index = str(k + 1) if k < 9 else f"{{{k + 1}}}"
        return Alias(f"p_{index}", copy, _softmax(xs)[k]) - ys[k]

    return _Each(len(xs), each)


def _softmax_derivatives(k: int, xs: Sequence[Expr]) -> _Each:
    p = _softmax(xs)
    return _Each(len(xs), lambda i: p[k] * (1.0 - p[k]) if i == k else -p[k] * p[i])


_OUTCOMES = {"<": {-1}, "≤": {-1, 0}, "=": {0}, "≥": {0, 1}, ">": {1}, "≠": {-1, 1}}
"""What the sign of left − right may be where a comparison holds."""
_TESTS: dict[str, Callable[[Any, Any], Any]] = {
    "<": lt, "≤": le, "=": eq, "≥": ge, ">": gt, "≠": ne,
}  # fmt: skip
_FLIPPED = str.maketrans("<≤≥>", ">≥≤<")


def _compare(left: Any, sign: str, right: Any) -> Any:
    given = left, right
    if not any(isinstance(side, Expr) and not isinstance(side, Number) for side in given):
        return _TESTS[sign](*(getattr(side, "value", side) for side in given))
    if left == right:
        return 0 in _OUTCOMES[sign]
    if isinstance(formula(left), Number):
        left, sign, right = right, sign.translate(_FLIPPED), left
    return Comparison(formula(left), sign, formula(right))


def _if(test: Any, then: Any, otherwise: Any) -> Any:
    """Cases, without those that are left to no numbers: if not x ≥ y, then x < y."""
    if not isinstance(test, Expr):
        return then if test else otherwise
    rest = formula(otherwise)
    branches = [(formula(then), test), *(rest.branches if isinstance(rest, Cases) else ())]
    rest = rest.otherwise if isinstance(rest, Cases) else rest
    possible: dict[tuple[Expr, Expr], set[int]] = {}
    kept: list[tuple[Expr, Expr]] = []
    for found, condition in branches:
        if isinstance(condition, Comparison):
            left, sign, right = condition.left, condition.sign, condition.right
            outcomes = _OUTCOMES[sign]
            if (right, left) in possible:
                left, right, outcomes = right, left, {-outcome for outcome in outcomes}
            before = possible.setdefault((left, right), {-1, 0, 1})
            if before <= outcomes:
                rest = found
                break
            if before & outcomes == {0}:
                condition = Comparison(left, "=", right)
            before -= outcomes
        kept.append((found, condition))
    return Cases(tuple(kept), rest) if kept else rest


def _both(sign: str, left: Any, right: Any) -> Any:
    """Two conditions as one, and two comparisons of the same sides as one comparison."""
    if isinstance(left, Expr) and isinstance(right, Expr):
        last = left.right if isinstance(left, Both) and left.sign == sign else left
        if isinstance(last, Comparison) and isinstance(right, Comparison):
            join = set.intersection if sign == "∧" else set.union
            outcomes = join(_OUTCOMES[last.sign], _OUTCOMES[right.sign])
            same = (last.left, last.right) == (right.left, right.right)
            for name in [name for name in _OUTCOMES if same and _OUTCOMES[name] == outcomes]:
                one = Comparison(last.left, name, last.right)
                return Both(left.left, sign, one) if isinstance(left, Both) else one
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
        pairs: list[ast.expr] = [
            _call("_compare", left, ast.Constant(_SIGNS[type(sign)]), right)
            for left, sign, right in zip(sides, node.ops, sides[1:])
        ]
        return pairs[0] if len(pairs) == 1 else self.visit_BoolOp(ast.BoolOp(ast.And(), pairs))


_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "≤", ast.Eq: "=", ast.GtE: "≥", ast.Gt: ">", ast.NotEq: "≠",
}  # fmt: skip


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
        "_compare": _compare,
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
        "products_of_others": _products_of_others,
        "fmean": lambda xs: add(*xs) / len(xs),
        "logsumexp": lambda xs: Call("logsumexp", (*xs,)),
        "logsumexp_minus_dot": lambda xs, ys: Call("logsumexp", (*xs,)) - add(*map(mul, ys, xs)),
        "sigmoid_minus": lambda x, t: Call("sigmoid", (x,)) - t,
        "softmax": _softmax,
        "softmax_derivatives": _softmax_derivatives,
        "softmax_minus": _softmax_minus,
    }


def _call_of(name: str, *arguments: Any) -> Expr:
    operands = [*map(formula, arguments)]
    if name in ("add", "sub", "mul", "truediv", "pow", "neg"):
        return value(OPS[name], operands)
    return Call(PRIMES.get(name, name), (*operands,), name in PRIMES)


# ------------------------------------------------------------------ numbers


def evaluate(expr: Expr, numbers: Mapping[Expr, float]) -> Any:
    """The number (or truth) of a formula in which `numbers` stand for the names.

    Errors: TypeError for a name without a number; those of the operation where it has no value.

    >>> x = Name("x")
    >>> evaluate(power(x, 2) + 1.0, {x: 3.0})
    10.0
    """
    of = partial(evaluate, numbers=numbers)
    match expr:
        case _ if expr in numbers:
            return numbers[expr]
        case Alias(meaning=meaning):
            return of(meaning)
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
            return _TESTS[sign](of(left), of(right))
        case Both(left, sign, right):
            return (of(left) and of(right)) if sign == "∧" else (of(left) or of(right))
        case Cases():
            return of(_holding(expr, numbers))
        case Call(function, arguments, prime, index):
            given = [*map(of, arguments)]
            if index is not None:
                given.insert(0, index - 1.0)
            op = OPS[function]
            result = op.evaluate(given, given)
            if not prime:
                return result
            variable = [k for k, v in enumerate(arguments) if not isinstance(v, Number)] or [0]
            return op.derivatives(result, given, variable)[0]
    raise TypeError(f"no number for {expr!r}")


def _holding(cases: Cases, numbers: Mapping[Expr, float]) -> Expr:
    """The value of the case that holds at `numbers`."""
    for found, test in cases.branches:
        if evaluate(test, numbers):
            return found
    return cases.otherwise
