"""The float64 kernels behind the table, for where a plain formula would lose digits.

A formula of the derivative table that would cancel, overflow or underflow calls one of these by
name. They take and return plain floats; each raises what `math` raises where it has no value.
`tests/test_accuracy.py` measures every one of them against 120-digit references.

>>> import math
>>> sech2(20.0), 1.0 - math.tanh(20.0) ** 2  # the textbook formula has lost every digit
(1.6993417021166355e-17, 0.0)
"""

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate, chain
from math import (
    copysign,
    cos,
    erf,
    erfc,
    exp,
    expm1,
    frexp,
    inf,
    ldexp,
    log,
    log1p,
    nan,
    sin,
    sqrt,
    tan,
    tanh,
)
from math import fsum as _fsum
from math import prod as _prod
from operator import mul

# fmt: off
__all__ = [
    "cos", "derf", "dpower", "dsigmoid", "erf", "exp", "fmean", "fsum", "gelu", "inf", "log",
    "logsumexp", "logsumexp_minus_dot", "mul", "nan", "normal_cdf", "normal_pdf", "power",
    "product", "products_of_others", "sech2", "sigmoid", "sigmoid_minus", "sin", "softmax",
    "softmax_derivatives", "softmax_minus", "softplus", "sqrt", "tan", "tanh",
]
# fmt: on

# Constants as high + low parts, so that multiplying by them costs one rounding.
_SQRT_HALF = 0.7071067811865476, -4.833646656726457e-17
_INV_SQRT_2PI = 0.3989422804014327, -2.49232720227773e-17
_TWO_OVER_SQRT_PI = 1.1283791670955126, 1.533545961316588e-17


# ------------------------------------------------------------------ error-free transformations


def _split(x: float) -> tuple[float, float]:
    """`x` as high + low of at most 26 bits each, so that high * high is exact (Veltkamp)."""
    c = 134217729.0 * x
    high = c - (c - x)
    return high, x - high


def _two_product(x: float, y: float) -> tuple[float, float]:
    """x * y as (rounded product, its rounding error) (Dekker 1971)."""
    product = x * y
    (xh, xl), (yh, yl) = _split(x), _split(y)
    return product, ((xh * yh - product) + xh * yl + xl * yh) + xl * yl


def _one_plus(e: float) -> tuple[float, float]:
    """1 + e as (rounded sum, its rounding error), for 0 <= e <= 1."""
    s = 1.0 + e
    return s, e - (s - 1.0)


# ------------------------------------------------------------------ logistic and hyperbolic


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)) without overflow."""
    e = exp(-abs(x))
    s, low = _one_plus(e)
    q = (1.0 if x >= 0.0 else e) / s
    return q - q * (low / s)


def dsigmoid(x: float) -> float:
    """sigmoid'(x) = e / (1 + e)² with e = exp(-|x|): right where sigmoid(x) has rounded to 1."""
    e = exp(-abs(x))
    s, low = _one_plus(e)
    square, square_low = _two_product(s, s)
    q = e / square
    return q - q * ((square_low + 2.0 * s * low) / square)


def sigmoid_minus(x: float, t: float) -> float:
    """sigmoid(x) - t, for t = 1 without cancelling."""
    return sigmoid(x) - t if t != 1.0 else -sigmoid(-x)


def sech2(x: float) -> float:
    """tanh'(x) = 1 / cosh(x)² = 4 sigmoid'(2x)."""
    if abs(x) > 300.0:  # exp(-2|x|) would be subnormal, with few digits, before the factor 4
        half = 2.0 * exp(-abs(x))
        return half * half
    return 4.0 * dsigmoid(2.0 * x)


def softplus(x: float) -> float:
    """log(1 + exp(x)) without overflow, and without losing exp(x) beside the 1."""
    return (x if x > 0.0 else 0.0) + log1p(exp(-abs(x)))


# ------------------------------------------------------------------ the normal distribution


def _bell(x: float, scale: float, factor: tuple[float, float]) -> float:
    """factor · exp(-scale · x²): a rounding error in x² would come back multiplied by x²."""
    if not abs(x) < 64.0:
        return x if x != x else 0.0
    high, low = _split(x)
    e = exp(-scale * (high * high))
    return factor[0] * e + e * (factor[1] + factor[0] * expm1(-scale * (low * (x + high))))


def derf(x: float) -> float:
    """erf'(x) = 2/√π · exp(-x²)."""
    return _bell(x, 1.0, _TWO_OVER_SQRT_PI)


def normal_pdf(x: float) -> float:
    """φ(x) = exp(-x²/2) / √(2π)."""
    return _bell(x, 0.5, _INV_SQRT_2PI)


def _mills(x: float) -> float:
    """Φ(x) |x| / φ(x) = 1 - 1/x² + 3/x⁴ - 15/x⁶ …, for x <= -20 (Abramowitz & Stegun 26.2.12)."""
    terms = accumulate(range(1, 18, 2), lambda term, k: -term * k / (x * x), initial=1.0)
    return _fsum(terms)


def normal_cdf(x: float) -> float:
    """Φ(x) = erfc(-x/√2) / 2, the rounding error of x/√2 put back to first order."""
    if x <= -20.0:
        return normal_pdf(x) * _mills(x) / -x if x > -40.0 else 0.0
    if not x < 40.0:
        return x if x != x else 1.0
    y, error = _two_product(-x, _SQRT_HALF[0])
    error -= x * _SQRT_HALF[1]
    return 0.5 * erfc(y) - 2.0 * _SQRT_HALF[0] * normal_pdf(x) * error


def gelu(x: float) -> float:
    """x Φ(x), also where Φ(x) alone is too small for a float."""
    return x * normal_cdf(x) if not x <= -20.0 else -normal_pdf(x) * _mills(x)


# ------------------------------------------------------------------ powers and products


def power(x: float, y: float) -> float:
    """x ** y over the reals: a negative x to a fraction raises ValueError."""
    z = x**y  # complex, where a float would not do
    if isinstance(z, complex):
        raise ValueError("a negative number has no real fractional power")
    return z  # type: ignore[no-any-return]


_TINY = 1e-290  # below, products come near the subnormal numbers, which have few digits


def dpower(x: float, y: float) -> float:
    """y · x^(y-1) = ∂x^y/∂x; 0 for y = 0 even at x = 0; ±inf where it is too large."""
    if y == 0.0:
        return 0.0
    exponent = y - 1.0
    try:
        if x <= 0.0 or (abs(y) >= 1.0 and y - exponent == 1.0 and exponent + 1.0 == y):
            slope = y * power(x, exponent)
            if x <= 0.0 or abs(slope) > _TINY:
                return slope
        # A rounded y - 1 would cost as many digits as log(x^y) has; y and y / 2 are exact.
        z = power(x, y)
        if _TINY < z < 1e250 and abs(y) < 1e40:  # y z / x, with the rounding errors put back
            product, low = _two_product(y, z)
            q = product / x
            if abs(q) > 1e290:
                return q
            back, back_low = _two_product(q, x)
            return q + ((product - back) - back_low + low) / x
        root = power(x, y / 2.0)
        return y * (root / x) * root if abs(y) >= 1.0 else y * root / x * root
    except (OverflowError, ZeroDivisionError):
        odd = exponent % 2.0 == 1.0
        return copysign(inf, y * copysign(1.0, x) if odd else y)


_Scaled = tuple[float, float, int]  # (high + low) · 2^exponent with ½ <= |high| < 1


def _scaled_product(p: _Scaled, q: _Scaled) -> _Scaled:
    high, low = _two_product(p[0], q[0])
    low += p[0] * q[1] + p[1] * q[0]
    total = high + low
    mantissa, shift = frexp(total)
    return mantissa, ldexp(low - (total - high), -shift), p[2] + q[2] + shift


def _scaled(x: float) -> _Scaled:
    mantissa, exponent = frexp(x)
    return mantissa, 0.0, exponent


_ONE: _Scaled = (0.5, 0.0, 1)


def product(xs: Sequence[float]) -> float:
    """The product of `xs`: no overflow on the way, rounded as if once (Ogita, Rump, Oishi 2005)."""
    plain: float = _prod(xs)
    if len(xs) <= 2 or plain != plain or inf in xs or -inf in xs:
        return plain
    high, low, exponent = reduce(_scaled_product, map(_scaled, xs), _ONE)
    return ldexp(high + low, exponent)


def products_of_others(xs: Sequence[float]) -> list[float]:
    """For each k the product of all but x_k: right when some are 0; ±inf where too large."""
    if not all(x - x == 0.0 for x in xs):
        return [_prod((*xs[:k], *xs[k + 1 :])) for k in range(len(xs))]
    scaled = list(map(_scaled, xs))
    before = list(accumulate(scaled[:-1], _scaled_product, initial=_ONE))
    after = list(accumulate(scaled[:0:-1], _scaled_product, initial=_ONE))[::-1]
    results = []
    for left, right in zip(before, after, strict=True):
        high, low, exponent = _scaled_product(left, right)
        try:
            results.append(ldexp(high + low, exponent))
        except OverflowError:
            results.append(copysign(inf, high))
    return results


# ------------------------------------------------------------------ sums


def fsum(xs: Sequence[float]) -> float:
    """The correctly rounded sum (Shewchuk 1997), whatever the order of `xs`."""
    try:
        return _fsum(xs)
    except OverflowError:  # only on the way, perhaps: 1e308 + 1e308 - 1e308
        return _fsum([x * 2.0**-64 for x in xs]) * 2.0**64


def fmean(xs: Sequence[float]) -> float:
    """The mean, also where the sum alone is too large."""
    total = fsum(xs)
    return total / len(xs) if total - total == 0.0 else fsum([x / len(xs) for x in xs])


def _exp_difference(x: float, y: float) -> tuple[float, float]:
    """exp(x - y), and the part of it that the rounding of x - y left out (Knuth's two-sum)."""
    d = x - y
    if not d > -800.0:
        return (d if d != d else 0.0), 0.0
    b = d - x
    e = exp(d)
    return e, e * ((x - (d - b)) + (-y - b))


def logsumexp(xs: Sequence[float]) -> float:
    """log Σ exp(xᵢ), shifted by the largest so that nothing overflows."""
    top = max(xs)
    if top - top != 0.0:
        return fsum(xs) if top != top else top
    others = [exp(x - top) for x in xs]
    others.remove(1.0)  # the largest itself: log1p adds it
    return top + log1p(_fsum(others))


def softmax(xs: Sequence[float]) -> list[float]:
    """exp(xᵢ) / Σⱼ exp(xⱼ), shifted by the largest so that nothing overflows."""
    top = max(xs)
    exps = [_exp_difference(x, top) for x in xs]
    parts = [*chain.from_iterable(exps)]
    total = _fsum(parts)
    relative = _fsum([*parts, -total]) / total  # what rounding the total left out
    quotients = [(e / total, low / total) for e, low in exps]
    return [q + (low - q * relative) for q, low in quotients]


def softmax_derivatives(k: int, xs: Sequence[float]) -> list[float]:
    """∂pₖ/∂xᵢ = pₖ (δᵢₖ - pᵢ); for i = k without cancelling, as pₖ · Σ of the others."""
    p = softmax(xs)
    others = _fsum(p[:k] + p[k + 1 :])
    return [p[k] * (others if i == k else -p[i]) for i in range(len(xs))]


def softmax_minus(xs: Sequence[float], ys: Sequence[float]) -> list[float]:
    """pᵢ - yᵢ; for yᵢ = 1 without cancelling, as minus the Σ of the other p."""
    p = softmax(xs)
    pairs = enumerate(zip(p, ys))
    return [q - y if y != 1.0 else -_fsum(p[:k] + p[k + 1 :]) for k, (q, y) in pairs]


def logsumexp_minus_dot(xs: Sequence[float], ys: Sequence[float]) -> float:
    """log Σ exp(xᵢ) - Σ yᵢxᵢ; all terms are positive where the y are, and their sum is 1."""
    top = max(xs)
    weighed = [(x, y) for x, y in zip(xs, ys) if y]  # so that a class may be ruled out by -inf
    if top - top != 0.0:
        return fsum([logsumexp(xs), *(-y * x for x, y in weighed)])
    exps = [*chain.from_iterable(_exp_difference(x, top) for x in xs)]
    exps.remove(1.0)
    below = (2.0 * y * (0.5 * top - 0.5 * x) for x, y in weighed)  # top - x may be too large
    return fsum([log1p(_fsum(exps)), top * _fsum([1.0, *(-y for y in ys)]), *below])
