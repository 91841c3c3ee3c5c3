"""The derivative table: every operation once, as a calculus book prints it.

A row gives an operation's value and its local derivatives as formulas over the same operations,
in which `z` is the value itself. All else is read off the row: the float the engine computes, the
local derivatives it records, derivatives of derivatives, and the row's own gradient check.

>>> OPS["mul"]
mul(x, y) = x * y,  ∂/∂x = y,  ∂/∂y = x

The functions take Values and numbers alike; where there is no value they raise ValueError,
ZeroDivisionError or OverflowError, and an operation of your own is one more row:

>>> exp(0.0), log(1.0), sqrt(9.0), sin(0.0), cos(0.0), tan(0.0), tanh(0.0), sigmoid(0.0), erf(0.0)
(1.0, 0.0, 3.0, 0.0, 1.0, 0.0, 0.0, 0.5, 0.0)
>>> gelu(0.0), relu(-2.0), leaky_relu(-2.0), softplus(-800.0), maximum(2.0, 3.0), minimum(2.0, 3.0)
(0.0, 0.0, -0.02, 0.0, 3.0, 2.0)
>>> sum([0.1] * 10), prod([2.0, 3.0]), dot([0.5, -0.25], [1.0, 2.0], 0.5), softmax([0.0, 0.0])
(1.0, 6.0, 0.5, [0.5, 0.5])
>>> cube = operation("cube(x)", "x ** 3", "3.0 * x ** 2")
>>> from micrograd_bp import Value, grad
>>> x = Value(2.0)
>>> cube(2.0), grad(cube(x), x), logsumexp([x, -800.0]).local_derivatives
(8.0, 12.0, (1.0,))
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import mul
from typing import Any

from micrograd_bp.table import MIXED, OPS, listed, operation, reserve

# fmt: off
__all__ = [
    "OPS", "cos", "dot", "erf", "exp", "gelu", "leaky_relu", "log", "logsumexp", "maximum",
    "minimum", "operation", "prod", "relu", "sigmoid", "sin", "softmax", "softplus", "sqrt", "sum",
    "tan", "tanh",
]

# Cases go by < and > alone, for == of Values is identity; x + y, inf - z, nan * x * y hand nan on.
operation("add(x, y)",      "x + y",       "1.0",     "1.0",     symbol="+")
operation("sub(x, y)",      "x - y",       "1.0",     "-1.0",    symbol="-")
operation("mul(x, y)",      "x * y",       "y",       "x",       symbol="*")
operation("truediv(x, y)",  "x / y",       "1.0 / y", "-z / y",  symbol="/", domain="y != 0")
operation("pow(x, y)",      "power(x, y)", "dpower(x, y)",
          "z * log(x) if x > 0.0 else 0.0 if x >= 0.0 else nan * x * y", symbol="**",
          domain="x > 0, or x = 0 and y >= 0, or x < 0 and a whole y")
operation("neg(x)",         "-x",          "-1.0",               symbol="-")
operation("abs(x)",         "abs(x)",      "1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0")

exp      = operation("exp(x)",        "exp(x)",             "z")
log      = operation("log(x)",        "log(x)",             "1.0 / x", domain="x > 0")
sqrt     = operation("sqrt(x)",       "sqrt(x)",            "0.5 / z if z > 0.0 else inf - z",
                     domain="x >= 0")
sin      = operation("sin(x)",        "sin(x)",             "cos(x)")
cos      = operation("cos(x)",        "cos(x)",             "-sin(x)")
tan      = operation("tan(x)",        "tan(x)",             "1.0 + z * z")
tanh     = operation("tanh(x)",       "tanh(x)",            "sech2(x)")
sigmoid  = operation("sigmoid(x)",    "sigmoid(x)",         "dsigmoid(x)")
softplus = operation("softplus(x)",   "softplus(x)",        "sigmoid(x)")
erf      = operation("erf(x)",        "erf(x)",             "derf(x)")
gelu     = operation("gelu(x)",       "gelu(x)",            "normal_cdf(x) + x * normal_pdf(x)")
relu     = operation("relu(x)",       "0.0 if x <= 0.0 else x", "0.0 if x <= 0.0 else 1.0",
                     symbol="ReLU")
maximum  = operation("maximum(x, y)", "x if x >= y else y if y > x else x + y",
                     "1.0 if x > y else 0.5 if x >= y else 0.0",
                     "1.0 if y > x else 0.5 if y >= x else 0.0", symbol="max")
minimum  = operation("minimum(x, y)", "x if x <= y else y if y < x else x + y",
                     "1.0 if x < y else 0.5 if x <= y else 0.0",
                     "1.0 if y < x else 0.5 if y <= x else 0.0", symbol="min")
_leaky   = operation("leaky_relu(x, slope)", "slope * x if x <= 0.0 else x",
                     "slope if x <= 0.0 else 1.0", "x if x <= 0.0 else 0.0", symbol="LeakyReLU")

# Of vectors: a star marks them.
_sum       = operation("sum(*xs)",           "fsum(xs)",           "[1.0] * len(xs)")
_prod      = operation("prod(*xs)",          "product(xs)",        "products_of_others(xs)")
_dot       = operation("dot(*ws, *xs, b)",   "fsum([*map(mul, ws, xs), b])", "xs", "ws", "1.0")
_logsumexp = operation("logsumexp(*xs)",     "logsumexp(xs)",      "softmax(xs)")
_softmax   = operation("softmax(k, *xs)",    "softmax(xs)[int(k)]",
                       "0.0", "softmax_derivatives(int(k), xs)")

# Derivatives that need care of their own to be right to the last digit, in derivatives again.
operation("sech2(x)",       "sech2(x)",      "-2.0 * tanh(x) * z")
operation("dsigmoid(x)",    "dsigmoid(x)",   "-tanh(x / 2.0) * z")
operation("derf(x)",        "derf(x)",       "-2.0 * x * z")
operation("normal_cdf(x)",  "normal_cdf(x)", "normal_pdf(x)")
operation("normal_pdf(x)",  "normal_pdf(x)", "-x * z")
operation("dpower(x, y)",   "dpower(x, y)",
          "0.0 if 0.0 <= x <= 0.0 <= y <= 0.0 else y * dpower(x, y - 1.0)",
          "x ** (y - 1.0) * (1.0 + y * log(x)) if x > 0.0 else "
          "0.0 if x >= 0.0 and y > 1.0 else nan * x * y")
# fmt: on


def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """x where it is positive, slope · x elsewhere (Maas et al. 2013)."""
    return _leaky(x, slope)


def sum(values: Iterable[Any]) -> Any:
    """Σ values as one node, correctly rounded; 0.0 of none."""
    return _sum(listed(values, "sum"))


def prod(values: Iterable[Any]) -> Any:
    """Π values as one node; 1.0 of none."""
    return _prod(listed(values, "prod"))


def dot(weights: Iterable[Any], inputs: Iterable[Any], bias: Any = 0.0) -> Any:
    """A neuron's z = Σ wᵢxᵢ + b as one node (CSC311-03); ValueError where lengths differ."""
    weights, inputs = listed(weights, "dot"), listed(inputs, "dot")
    if len(weights) != len(inputs):
        raise ValueError(f"dot: {len(weights)} weights but {len(inputs)} inputs")
    return _dot(weights, inputs, bias)


def logsumexp(values: Iterable[Any]) -> Any:
    """log Σ exp(xᵢ) as one node, without overflow; its derivatives are the softmax."""
    return _logsumexp(listed(values, "logsumexp"))


def softmax(values: Iterable[Any]) -> list[Any]:
    """pₖ = exp(xₖ) / Σ exp(xᵢ), a node for each k, without overflow: ∂pₖ/∂xᵢ = pₖ(δᵢₖ - pᵢ)."""
    xs = listed(values, "softmax")
    return [_softmax(k, xs) for k in range(len(xs))]


def products_of_others(xs: Sequence[Any]) -> list[Any]:
    """For each k the product of all but x_k, by products from both ends: some may be 0."""
    before = accumulate(xs[:-1], mul, initial=1.0)
    after = [*accumulate(xs[:0:-1], mul, initial=1.0)]
    return [*map(mul, before, reversed(after))]


def softmax_derivatives(k: int, xs: Sequence[Any]) -> list[Any]:
    """∂pₖ/∂xᵢ = pₖ (δᵢₖ - pᵢ)."""
    p = softmax(xs)
    return [p[k] * (sum(p[:k] + p[k + 1 :]) if i == k else -p[i]) for i in range(len(p))]


MIXED |= {f.__name__: f for f in (softmax, softmax_derivatives, products_of_others)}  # on Values
reserve()
