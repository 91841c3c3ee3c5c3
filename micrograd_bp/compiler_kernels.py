"""The kernels of the derivative table on arrays: most as formulas again, a few as functions.

`FORMULAS` says what the kernels of `floats` are in plain arithmetic: accurate to a few roundings,
without overflow, and the same text for every array library. What two of them have in common is
computed once. `NUMPY` holds the functions that formulas end in.

Where there is no value NumPy's own flags go up (invalid, divide, overflow), and not without need:
so a program that runs with these flags raised as errors needs no checks of its own.
"""

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np

from micrograd_bp import floats

_numpy = np

__all__ = ["FORMULAS", "NUMPY", "ROWS", "each", "each_row"]

_E = "exp(-abs(x))"
_EXPS = "[exp(x - max(xs)) for x in xs]"
_TOTAL = f"fsum({_EXPS})"

FORMULAS: dict[str, tuple[str, str]] = {
    "sigmoid": ("x", f"(1.0 if x >= 0.0 else {_E}) / (1.0 + {_E})"),
    "dsigmoid": ("x", f"{_E} / ((1.0 + {_E}) * (1.0 + {_E}))"),
    "sigmoid_minus": ("x, t", "-sigmoid(-x) if t == 1.0 else sigmoid(x) - t"),
    "sech2": ("x", f"(2.0 * {_E} / (1.0 + {_E} * {_E})) * (2.0 * {_E} / (1.0 + {_E} * {_E}))"),
    "softplus": ("x", f"(0.0 if x <= 0.0 else x) + log1p({_E})"),
    "derf": ("x", "1.1283791670955126 * exp(-(x * x))"),
    "normal_pdf": ("x", "0.3989422804014327 * exp(-0.5 * (x * x))"),
    "logsumexp": ("*xs", f"max(xs) + log_total({_EXPS}, {_TOTAL})"),
    "softmax": ("*xs", f"[exp(x - max(xs)) / {_TOTAL} for x in xs]"),
    "softmax_minus": ("*xs, *ys", f"probabilities_minus(softmax(xs), ys, {_TOTAL})"),
    "softmax_derivatives": (
        "k, *xs",
        "[softmax(xs)[k] * (fsum([0.0 if own else q for q, own in zip(softmax(xs), equals(xs, k))])"
        " if own else -p) for p, own in zip(softmax(xs), equals(xs, k))]",
    ),
    "logsumexp_minus_dot": (
        "*xs, *ys",
        f"log_total({_EXPS}, {_TOTAL}) - fsum([y * (x - max(xs)) for x, y in zip(xs, ys)])"
        " + max(xs) * (1.0 - fsum(ys))",
    ),
}
ROWS = {
    "product": False, "products_of_others": True, "log_total": False, "probabilities_minus": True,
}  # fmt: skip
"""Functions of vectors that are no formulas; whether they give a vector."""

SURE = 1.001
"""Below this total of exp(xᵢ - max x), log(total) and p - 1 lose digits to cancelling."""


def each(function: Callable[..., float], *arrays: Any) -> Any:
    """`function` of floats, number by number: for what has no kernel."""
    together = np.broadcast_arrays(*arrays)
    columns = [a.ravel().tolist() for a in together]
    found = np.fromiter(map(function, *columns), float, together[0].size)
    return found.reshape(together[0].shape)


def each_row(
    function: Callable[..., Any], stars: tuple[bool, ...], vector: bool, *arrays: Any
) -> Any:
    """`function` of floats and lists of floats, row by row; the `stars` say which are lists."""
    given = [np.asarray(a, float) for a in arrays]
    shape = np.broadcast_shapes(*(a.shape[: a.ndim - s] for a, s in zip(given, stars)))
    columns = []
    for a, star in zip(given, stars):
        own = a.shape[a.ndim - star :]
        columns.append(np.broadcast_to(a, (*shape, *own)).reshape(-1, *own).tolist())
    found = np.array([function(*row) for row in zip(*columns)], float)
    return found.reshape((*shape, -1) if vector else shape)


def product(xs: Any) -> Any:
    """Π xᵢ of the last axis."""
    return each_row(floats.product, (True,), False, xs)


def products_of_others(xs: Any) -> Any:
    """For each k the product of all but x_k."""
    return each_row(floats.products_of_others, (True,), True, xs)


def any_sure(total: Any) -> bool:
    """Whether a total is so near 1 that 1 - p would lose digits to cancelling."""
    return bool(np.minimum.reduce(np.ravel(total), initial=np.inf) < SURE)


def log_total(e: Any, total: Any, sure: Any = True, out: Any = None, np: Any = np) -> Any:
    """log Σ eᵢ of some eᵢ the largest of which is 1: if any is `sure`, log1p of the others."""
    if not sure:
        return np.log(total, out=out)
    ones = e == 1.0
    rest = np.sum(np.where(ones, 0.0, e), axis=-1) + (np.sum(ones, axis=-1) - 1.0)
    return np.log1p(rest) if out is None else np.log1p(rest, out=out)


def probabilities_minus(p: Any, ys: Any, sure: Any = True, out: Any = None, np: Any = np) -> Any:
    """pᵢ - yᵢ; if any is `sure`, minus the Σ of the other p where yᵢ = 1."""
    if not sure:
        return np.subtract(p, ys, out=out)
    ones = np.equal(ys, 1.0)
    others = np.sum(np.where(ones, 0.0, p), axis=-1, keepdims=True)
    found = np.where(ones, -others, p - ys)
    if out is None:
        return found
    out[...] = found
    return out


def sech2_of(z: Any, x: Any, np: Any = np) -> Any:
    """tanh'(x), where z = tanh(x) is known: 1 - z², but where that cancels."""
    slope = 1.0 - z * z
    near = slope < 1e-3
    if np is not _numpy or near.any():
        e = np.exp(-np.abs(x))
        q = 2.0 * e / (1.0 + e * e)
        slope = np.where(near, q * q, slope)
    return slope


def softmax_backward(d: Any, p: Any, np: Any = np) -> Any:
    """Σₖ dₖ ∂pₖ/∂xᵢ = pᵢ (dᵢ - Σₖ dₖpₖ), with d counted from that of the likeliest."""
    top = np.argmax(p, axis=-1, keepdims=True)
    d = np.broadcast_to(d, p.shape)
    d = d - np.take_along_axis(d, top, -1)
    return p * (d - np.sum(d * p, axis=-1, keepdims=True))


NUMPY: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in (
        "abs add cos divide equal exp greater greater_equal less less_equal log log1p logical_and "
        "logical_not logical_or maximum minimum multiply negative not_equal power sin sqrt "
        "subtract tan tanh where"
    ).split()
} | {
    "erf": lambda x: each(erf, x),
    "normal_cdf": lambda x: each(floats.normal_cdf, x),
    "gelu": lambda x: each(floats.gelu, x),
    "dpower": lambda x, y: each(floats.dpower, x, y),
    "product": product,
    "products_of_others": products_of_others,
    "log_total": log_total,
    "probabilities_minus": probabilities_minus,
    "any_sure": any_sure,
    "sech2_of": sech2_of,
    "softmax_backward": softmax_backward,
}
"""What a formula may call in the end; all but the last two are elementwise."""
