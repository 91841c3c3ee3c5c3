"""What every row of the table should give, by 120-digit arithmetic that knows nothing of it.

`REFERENCE[name]` is the operation in mpmath, on the flat list of its operands; `points(name)` are
operands all over its domain: near 0, where formulas cancel, at the edges of under- and overflow.
"""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from mpmath import mp, mpf

from micrograd_bp import OPS

mp.dps = 120


def _dot(*v: Any) -> Any:
    n = len(v) // 2
    return mp.fdot(zip(v[:n], v[n:-1], strict=True)) + v[-1]


def _logsumexp(*xs: Any) -> Any:
    return mp.log(mp.fsum(map(mp.exp, xs)))


def _phi(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _Phi(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


REFERENCE: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "truediv": lambda x, y: x / y,
    "pow": lambda x, y: mp.power(x, y).real,
    "neg": lambda x: -x,
    "abs": abs,
    "exp": mp.exp,
    "log": mp.log,
    "sqrt": mp.sqrt,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "tanh": mp.tanh,
    "sigmoid": lambda x: _sigmoid(x),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "erf": mp.erf,
    "gelu": lambda x: x * _Phi(x),
    "relu": lambda x: max(x, mpf(0)),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "maximum": max,
    "minimum": min,
    "sum": lambda *xs: mp.fsum(xs),
    "prod": lambda *xs: mp.fprod(xs),
    "dot": _dot,
    "logsumexp": _logsumexp,
    "softmax": lambda k, *xs: mp.exp(xs[int(k)] - _logsumexp(*xs)),
    "sech2": lambda x: 1 / mp.cosh(x) ** 2,
    "dsigmoid": lambda x: _dsigmoid(x),
    "derf": lambda x: _derf(x),
    "normal_cdf": _Phi,
    "normal_pdf": _phi,
    "dpower": lambda x, y: y * mp.power(x, y - 1).real,
    "squared_error": lambda a, t: (a - t) ** 2 / 2,
    "mean_squared_error": lambda *v: _mean(lambda x, t: (x - t) ** 2, v),
    "binary_cross_entropy": lambda *v: _mean(_binary_cross_entropy, v),
    "cross_entropy": lambda *v: _cross_entropy(v[: len(v) // 2], v[len(v) // 2 :]),
    "hinge": lambda *v: _mean(lambda x, t: max(mpf(0), 1 - t * x), v),
    "l2": lambda *v: v[-1] / 2 * mp.fsum(w * w for w in v[:-1]),
}


def _mean(f: Callable[..., Any], v: Any) -> Any:
    half = len(v) // 2
    return mp.fsum(map(f, v[:half], v[half:])) / half


def _cross_entropy(xs: Any, ys: Any) -> Any:
    with mp.workdps(800):
        return _logsumexp(*xs) - mp.fdot(zip(xs, ys, strict=True))


def _binary_cross_entropy(x: Any, t: Any) -> Any:
    return t * mp.log1p(mp.exp(-x)) + (1 - t) * mp.log1p(mp.exp(x))


def _softmax(i: Any, xs: Any) -> Any:
    return mp.exp(xs[int(i)] - _logsumexp(*xs))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _derf(x: Any) -> Any:
    return 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)


def _dsigmoid(x: Any) -> Any:
    return _sigmoid(x) * _sigmoid(-x)


# ∂/∂operand k at the operands v, where a difference of values would lose too many digits. Of two
# vectors, v[k - len(v) // 2] is the partner of v[k], for either.
DERIVATIVE: dict[str, Callable[..., Any]] = {
    "add": lambda k, x, y: mpf(1),
    "sub": lambda k, x, y: mpf(1 - 2 * k),
    "mul": lambda k, x, y: (y, x)[k],
    "truediv": lambda k, x, y: (1 / y, -x / y**2)[k],
    "pow": lambda k, x, y: mp.power(x, y).real * (y / x if k == 0 else mp.log(x)),
    "tanh": lambda k, x: mp.sech(x) ** 2,
    "sigmoid": lambda k, x: _dsigmoid(x),
    "softplus": lambda k, x: _sigmoid(x),
    "erf": lambda k, x: _derf(x),
    "gelu": lambda k, x: _Phi(x) + x * _phi(x),
    "logsumexp": lambda k, *xs: _softmax(k, xs),
    "mean_squared_error": lambda k, *v: 4 * (v[k] - v[k - len(v) // 2]) / len(v),
    "binary_cross_entropy": lambda k, *v: (
        (_sigmoid(v[k]) - v[k - len(v) // 2] if k < len(v) // 2 else -v[k - len(v) // 2])
        / (len(v) // 2)
    ),
    "cross_entropy": lambda k, *v: (
        _softmax(k, v[: len(v) // 2]) - v[k - len(v) // 2]
        if k < len(v) // 2
        else -v[k - len(v) // 2]
    ),
    "softmax": lambda k, i, *xs: _softmax(i, xs) * (_softmax(k - 1, xs) - (i == k - 1)) * -1,
    "sech2": lambda k, x: -2 * mp.tanh(x) * mp.sech(x) ** 2,
    "dsigmoid": lambda k, x: -mp.tanh(x / 2) * _dsigmoid(x),
    "derf": lambda k, x: -2 * x * _derf(x),
    "normal_cdf": lambda k, x: _phi(x),
    "normal_pdf": lambda k, x: -x * _phi(x),
}


_CANCELLING = {"tanh", "sigmoid", "softmax", "binary_cross_entropy", "cross_entropy"}

# Where each operand comes from: (low, high) evenly, "any" a sign and every magnitude,
# "positive" every magnitude, a list one of these numbers; or a function that draws them all.
_OPERANDS: dict[str, Any] = {
    "exp": [(-745, 709.7)],
    "log": ["positive"],
    "sqrt": ["positive"],
    "sin": [(-1e3, 1e3)],
    "cos": [(-1e3, 1e3)],
    "tan": [(-1e3, 1e3)],
    "tanh": [(-400, 400)],
    "sigmoid": [(-745, 745)],
    "softplus": [(-745, 745)],
    "erf": [(-27, 27)],
    "gelu": [(-38.5, 38.5)],
    "sech2": [(-372, 372)],
    "dsigmoid": [(-744, 744)],
    "derf": [(-27, 27)],
    "normal_cdf": [(-38.4, 10)],
    "normal_pdf": [(-38.5, 38.5)],
    "pow": ["positive", (-30, 30)],
    "dpower": ["positive", (-30, 30)],
    "sum": [(-3, 3)] * 5,
    "prod": [(-3, 3)] * 6,
    "dot": [(0, 3)] * 7,  # of one sign: sums that cancel have a test of their own
    "logsumexp": [(-9, 30)] * 4,
    "softmax": ["index"] + [(-300, 300)] * 4,
    "squared_error": [(-3, 3)] * 2,
    "mean_squared_error": [(-3, 3)] * 6,
    "binary_cross_entropy": lambda rng: (_draw(rng, (-745, 745)), _label(rng)),
    "cross_entropy": lambda rng: (*(_draw(rng, (-300, 300)) for _ in range(4)), *_labels(rng, 4)),
    "hinge": [(-3, 3)] * 3 + [[-1.0, 1.0]] * 3,
    "l2": [(-3, 3)] * 4 + [(0, 1)],
}


def _label(rng: random.Random) -> float:
    return rng.choice([0.0, 1.0, rng.random()])


def _labels(rng: random.Random, n: int) -> list[float]:
    """One-hot, or the parts of a sixteenth, which add up to 1 exactly."""
    right = rng.randrange(n)
    if rng.random() < 0.7:
        return [float(k == right) for k in range(n)]
    cuts = sorted(rng.randrange(17) / 16 for _ in range(n - 1))
    return [b - a for a, b in zip([0.0, *cuts], [*cuts, 1.0], strict=True)]


_STEPS = [sign * 10.0**-k for k in range(1, 16, 2) for sign in (1, -1)]
_SPECIAL: dict[str, list[tuple[float, ...]]] = {
    "pow": [
        *((1.0 + step, y) for step in _STEPS for y in (-7.932514786103261, 3.7, 0.3, 1e6)),
        (1.0000001, 1e6),
        (0.999, -300.0),
        (-2.0, -3.0),
        (-1.5, 7.0),
        (10.0, 100.1),
        (3.0, 0.0),
    ],
    "truediv": [(1.0, 1e-300), (1e-300, 3.0), (5.0, -7e-310), (3e-8, 1e8)],
    "logsumexp": [(1000.0, 1000.1, -1000.0), (-1000.0, -1000.2), (0.0,), (700.0, 1.0, 700.0)],
    "binary_cross_entropy": [
        *((x, t) for x in (1e308, -1e308, 1e3, -1e3, 40.0, -40.0) for t in (0.0, 1.0, 0.25)),
        (-2.0, 50.0, 800.0, 0.0, 1.0, 0.0),
    ],
    "cross_entropy": [
        (1e308, -1e308, 1.0, 0.0),
        (-1e308, 0.0, 1.0, 0.0),
        (1e308, -1e308, 0.25, 0.75),
        (1e3, -1e3, 0.0, 0.0, 1.0, 0.0),
        (-1e3, 1e3, 0.0, 0.0, 1.0, 0.0),
        (50.0, 0.0, 12.0, 1.0, 0.0, 0.0),
        (700.1, 1.3, 1.0, 0.0),
    ],
    "mean_squared_error": [(1e153, 0.0, -1e153, 1e153, 1.0, 0.0)],
    "hinge": [(1e308, -1.0), (1e308, 1.0)],
    "tanh": [(40.0,), (-40.0,), (1e-300,), (0.55,), (19.06,)],
    "sigmoid": [(40.0,), (-40.0,), (709.9,), (-744.9,)],
    "softplus": [(-37.0,), (36.0,), (-0.69,), (1e-17,)],
    "sum": [(1e308, 1e308, -1e308), (1.0, 1e100, 1.0, -1e100)],
    "prod": [(1e200, 1e200, 1e-300), (0.0, 2.0, 3.0), (1e-200, 1e-200, 1e300)],
}


def _draw(rng: random.Random, source: Any) -> float:
    if isinstance(source, tuple):
        low, high = source
        near = rng.random() < 0.5  # half of them where the curves bend
        return rng.uniform(max(low, -4), min(high, 4)) if near else rng.uniform(low, high)
    if isinstance(source, list):
        return float(rng.choice(source))
    if source == "index":
        return float(rng.randrange(4))
    magnitude = 10.0 ** (rng.uniform(-8, 8) if rng.random() < 0.7 else rng.uniform(-290, 290))
    return magnitude if source == "positive" else math.copysign(magnitude, rng.random() - 0.5)


def points(name: str, count: int, seed: int = 0) -> Iterator[tuple[float, ...]]:
    """Operands of the op: the special ones, then `count` at random."""
    yield from _SPECIAL.get(name, [])
    rng = random.Random(f"{name} {seed}")
    arity = OPS[name].signature.count(",") + 1
    sources = _OPERANDS.get(name, ["any"] * arity)
    for _ in range(count):
        if callable(sources):
            yield tuple(sources(rng))
        else:
            yield tuple(_draw(rng, source) for source in sources)


def value(name: str, operands: tuple[float, ...]) -> Any:
    return REFERENCE[name](*map(mpf, operands))


def derivative(name: str, operands: tuple[float, ...], k: int) -> Any:
    """By its own formula, or by a difference over 10⁻⁴⁰ of the operand, right to 40 digits."""
    if name in DERIVATIVE:
        with mp.workdps(800 if name in _CANCELLING else mp.dps):
            return DERIVATIVE[name](k, *map(mpf, operands))
    x = mpf(operands[k])
    h = abs(x) * mpf(10) ** -40 or mpf(10) ** -400

    def at(t: Any) -> Any:
        return REFERENCE[name](*(t if j == k else mpf(v) for j, v in enumerate(operands)))

    with mp.workdps(900 if not x else mp.dps):
        return (at(x + h) - at(x - h)) / (2 * h)


def ulps(got: float, expected: Any, unit: float = 0.0) -> float:
    """How far `got` is from `expected`, in units in the last place of the float nearest to it.

    Or in `unit`s, where those are larger.
    """
    nearest = float(expected)
    if math.isinf(nearest) or math.isinf(got):
        return 0.0 if got == nearest else math.inf
    return float(abs(mpf(got) - expected) / mpf(max(math.ulp(nearest), unit)))


# Two kinds of places where no float64 formula of these terms has all the digits of the result.
# Terms that cancel, near log Σ = 0, gelu′(-0.7518) = 0 and 1 + y log x = 0: the unit there is that
# of the larger term.
CANCELS: dict[tuple[str, str], Callable[..., Any]] = {
    ("logsumexp", "value"): lambda *xs: max(xs),
    ("gelu", "∂x"): _Phi,
    ("dpower", "∂y"): lambda x, y: mp.power(x, y - 1).real,
    ("binary_cross_entropy", "∂xs"): lambda *v: _soft(v, _sigmoid) / (len(v) // 2),
    ("cross_entropy", "∂xs"): lambda *v: _soft(
        v, lambda x: mp.exp(x - _logsumexp(*v[: len(v) // 2]))
    ),
}


def _soft(v: Any, probability: Callable[[Any], Any]) -> Any:
    """The largest p or y of p - y, which cancels where a y is neither 0 nor 1."""
    xs, ys = v[: len(v) // 2], v[len(v) // 2 :]
    return max(*ys, *map(probability, xs)) if {*ys} - {0, 1} else mpf(0)


# Subnormal factors, which have few digits: the unit there is theirs, times the other factor.
SUBNORMAL: dict[tuple[str, str], Callable[..., tuple[Any, Any]]] = {
    ("pow", "∂y"): lambda x, y: (mp.power(x, y).real, mp.log(abs(x))),
    ("gelu", "∂x"): lambda x: (_phi(x), x),
    ("derf", "∂x"): lambda x: (_derf(x), 2 * x),
    ("normal_pdf", "∂x"): lambda x: (_phi(x), x),
    ("dpower", "∂x"): lambda x, y: ((y - 1) * mp.power(x, y - 2).real, y),
    ("dpower", "∂y"): lambda x, y: (mp.power(x, y - 1).real, 1 + y * mp.log(abs(x))),
}


def unit(name: str, column: str, operands: tuple[float, ...]) -> float:
    """The unit for the errors of this column where those of the result would be too small."""
    exact = [*map(mpf, operands)]
    units = [0.0]
    if cancelling := CANCELS.get((name, column)):
        units.append(math.ulp(float(cancelling(*exact))))
    if pair := SUBNORMAL.get((name, column)):
        factor, other = pair(*exact)
        if abs(factor) < mpf(2) ** -1022:
            units.append(float(math.ulp(0.0) * abs(other)))
    return max(units)
