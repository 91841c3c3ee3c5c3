"""What the text of a program calls: the kernels by their names, on NumPy's arrays or on JAX's.

>>> array_functions(np)["softplus"](np.array([0.0, 800.0])).round(4).tolist()
[0.6931, 800.0]
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from micrograd_bp import compiler_kernels as kernels
from micrograd_bp.compiler_kernels import log_total, probabilities_minus

__all__ = ["array_functions"]


def array_functions(library: Any, special: Any = None) -> dict[str, Any]:
    """What the text calls, from `library`: NumPy, or `jax.numpy` with `jax` as `special`."""
    names = (
        "abs broadcast_to concatenate cos einsum exp log log1p maximum minimum outer ravel reshape "
        "sin sqrt tan tanh where zeros"
    )
    scope = {name: getattr(library, name) for name in names.split()} | _kernels(library)
    for name in ("log_total", "probabilities_minus", "softmax_backward"):
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


def _kernels(np: Any) -> dict[str, Callable[..., Any]]:
    """What the names mean on arrays of the library `np`, without overflow or cancelling."""

    def decay(x: Any) -> Any:
        return np.exp(-np.abs(x))

    def sigmoid(x: Any) -> Any:
        return np.where(x >= 0.0, 1.0, decay(x)) / (1.0 + decay(x))

    def dsigmoid(x: Any) -> Any:
        return decay(x) / ((1.0 + decay(x)) * (1.0 + decay(x)))

    def sigmoid_minus(x: Any, y: Any) -> Any:
        return np.where(np.equal(y, 1.0), -sigmoid(-x), sigmoid(x) - y)

    def sech2(x: Any) -> Any:
        half = 2.0 * decay(x) / (1.0 + decay(x) * decay(x))
        return half * half

    def exps(xs: Any) -> tuple[Any, Any]:
        top = xs.max(-1, keepdims=True)
        return np.exp(xs - top), top

    def softmax(xs: Any) -> Any:
        e, _ = exps(xs)
        return e / e.sum(-1, keepdims=True)

    def logsumexp(xs: Any) -> Any:
        e, top = exps(xs)
        return top[..., 0] + log_total(e, e.sum(-1), np=np)

    def cross_entropy(xs: Any, ys: Any) -> Any:
        e, top = exps(xs)
        short = top[..., 0] * (1.0 - np.sum(ys, -1))
        return log_total(e, e.sum(-1), np=np) - (ys * (xs - top)).sum(-1) + short

    return {
        "cross_entropy": cross_entropy,
        "derf": lambda x: 1.1283791670955126 * np.exp(-(x * x)),
        "dsigmoid": dsigmoid,
        "leaky_relu": lambda x, slope: np.where(x <= 0.0, slope * x, x),
        "logsumexp": logsumexp,
        "minus": lambda p, ys: probabilities_minus(p, ys, np=np),
        "normal_pdf": lambda x: 0.3989422804014327 * np.exp(-0.5 * (x * x)),
        "relu": lambda x: np.maximum(x, 0.0),
        "sech2": sech2,
        "sigmoid": sigmoid,
        "sigmoid_minus": sigmoid_minus,
        "softmax": softmax,
        "softplus": lambda x: np.maximum(x, 0.0) + np.log1p(decay(x)),
    }
