r"""Losses, each one formula and one node, with the local derivative that the lectures name.

>>> from micrograd_bp import Value
>>> a = Value(0.25, "a")
>>> C = squared_error(a, 1.0)
>>> C.data, C.local_derivatives  # ½(a - t)², a - t
(0.28125, (-0.75,))
>>> logits = [Value(1.0), Value(3.0), Value(2.0)]
>>> C = cross_entropy(logits, 1)
>>> [round(p_minus_y, 3) for p_minus_y in C.local_derivatives]
[0.09, -0.335, 0.245]

Targets are numbers, or Values where their derivatives are wanted too. `squared_error` is that of
one output; `mean_squared_error`, `binary_cross_entropy` and `hinge` take one output or the mean
over several, `cross_entropy` all the logits of one example. With `fused=False` each of them
records its sums and products one by one: the same number up to rounding. Errors: ValueError for
a target out of its range, or not as many targets as outputs; TypeError for what is no number;
OverflowError for a loss too large for a float.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from math import fsum, inf, isfinite
from operator import add
from typing import Any

from micrograd_bp.engine import Value
from micrograd_bp.ops import exp, log, maximum, operation, sigmoid, softmax, softplus
from micrograd_bp.recording import hasten
from micrograd_bp.table import MIXED, listed, number, operand_number, reserve

__all__ = [
    "binary_cross_entropy",
    "cross_entropy",
    "hinge",
    "l2",
    "mean_squared_error",
    "squared_error",
]

MIXED["sigmoid_minus"] = lambda x, t: sigmoid(x) - t
MIXED["softmax_minus"] = lambda xs, ys: [p - y for p, y in zip(softmax(xs), ys)]

# fmt: off
_squared_error = operation(
    "squared_error(a, t)", "0.5 * (a - t) ** 2",
    "a - t",
    "t - a", constants="t")

_mean_squared_error = operation(
    "mean_squared_error(*xs, *ts)", "fmean([(x - t) ** 2 for x, t in zip(xs, ts)])",
    "[2.0 * (x - t) / len(xs) for x, t in zip(xs, ts)]",
    "[2.0 * (t - x) / len(xs) for x, t in zip(xs, ts)]", constants=["*ts"])

_binary_cross_entropy = operation(
    "binary_cross_entropy(*xs, *ts)",
    "fmean([t * softplus(-x) + (1.0 - t) * softplus(x) for x, t in zip(xs, ts)])",
    "[sigmoid_minus(x, t) / len(xs) for x, t in zip(xs, ts)]",
    "[-x / len(xs) for x in xs]", constants=["*ts"])

_cross_entropy = operation(
    "cross_entropy(*xs, *ys)", "logsumexp_minus_dot(xs, ys)",
    "softmax_minus(xs, ys)",
    "[-x for x in xs]", constants=["*ys"])

_hinge = operation(
    "hinge(*xs, *ts)", "fmean([maximum(0.0, 1.0 - t * x) for x, t in zip(xs, ts)])",
    "[-t / len(xs) if t * x < 1.0 else 0.0 for x, t in zip(xs, ts)]",
    "[-x / len(xs) if t * x < 1.0 else 0.0 for x, t in zip(xs, ts)]", constants=["*ts"])

_l2 = operation(
    "l2(*ws, λ)", "0.5 * λ * sum([w * w for w in ws])",
    "[λ * w for w in ws]",
    "0.5 * sum([w * w for w in ws])", constants=["λ"])
# fmt: on
for _op in (_mean_squared_error, _binary_cross_entropy, _cross_entropy, _hinge, _l2):
    hasten(Value, _op, _op.constants)
reserve()


def squared_error(a: Any, t: Any, fused: bool = True) -> Any:
    """C = ½(a - t)² of the activation a and the target t: ∂C/∂a = a - t (CSC311, ML-15).

    Errors: TypeError for several of either, ValueError for a target that is not finite.

    >>> squared_error(0.5, 2.0)
    1.125
    """
    for given in (a, t):
        if not _single(given):
            raise TypeError(
                f"squared_error: expected one output and one target, got {type(given).__name__}; "
                "mean_squared_error takes several"
            )
    if not isfinite(found := _float(t, "squared_error: the target")):
        raise ValueError(f"squared_error: the target is {found!r}; expected a finite number")
    return _squared_error(a, t) if fused else 0.5 * (a - t) ** 2


def mean_squared_error(outputs: Any, targets: Any, fused: bool = True) -> Any:
    """C = 1/n Σ (xᵢ - tᵢ)² of n outputs and their targets: ∂C/∂xᵢ = 2/n (xᵢ - tᵢ).

    It has no ½, unlike `squared_error` (LEC16-15, for one output). Errors: ValueError where the
    lists are empty or differ in length, or a target is not finite.

    >>> mean_squared_error([1.0, 2.0], [0.0, 4.0])
    2.5
    """
    xs, ts = _pairs("mean_squared_error", outputs, targets, isfinite, "a finite number")
    return _mean_squared_error(xs, ts) if fused else _mean([(x - t) ** 2 for x, t in zip(xs, ts)])


def binary_cross_entropy(logits: Any, targets: Any, fused: bool = True) -> Any:
    """C = -t log σ(x) - (1 - t) log(1 - σ(x)) of a logit x and a target in [0, 1], or their mean.

    ∂C/∂x = σ(x) - t, over n for the mean (Bishop 2006, 4.90). The logit is what a sigmoid would be
    taken of, so the network's last layer is linear; no logit is too large. Errors: ValueError
    where the lists are empty or differ in length, or a target is outside [0, 1].

    >>> C = binary_cross_entropy(Value(-1000.0), 1)
    >>> C.data, C.local_derivatives
    (1000.0, (-1.0,))
    """
    where = "binary_cross_entropy"
    xs, ts = _pairs(where, logits, targets, lambda t: 0.0 <= t <= 1.0, "a number from 0 to 1")
    if fused:
        return _binary_cross_entropy(xs, ts)
    return _mean([t * softplus(-x) + (1.0 - t) * softplus(x) for x, t in zip(xs, ts)])


def cross_entropy(logits: Sequence[Any], target: Any, fused: bool = True) -> Any:
    """C = -Σ yᵢ log pᵢ of one example, p = softmax(logits): ∂C/∂xᵢ = pᵢ - yᵢ (BPNN-09).

    `target` is the number of the right class, counted from 0, or the probabilities y of all
    classes: one-hot, or any that add up to 1. The network's last layer is linear. Computed as
    log Σ exp(xᵢ) - Σ yᵢxᵢ, from the largest logit down; no logit is too large. Errors: ValueError
    for fewer than 2 logits, a class that none of them stands for, or probabilities of another
    number or sum.

    >>> cross_entropy([1000.0, 0.0, -1000.0], 1), cross_entropy([0.0, 0.0], [0.5, 0.5])
    (1000.0, 0.6931471805599453)
    """
    xs = _several(logits, "cross_entropy")
    if len(xs) < 2:
        raise ValueError(
            f"cross_entropy: expected the logits of 2 classes or more, got {len(xs)}; one logit "
            "is for binary_cross_entropy"
        )
    ys = _probabilities(target, len(xs))
    if fused:
        return _cross_entropy(xs, ys)
    top = max(map(float, xs))
    shifted = [x - top for x in xs]
    return log(_total(map(exp, shifted))) - _total(y * x for y, x in zip(ys, shifted) if y)


def hinge(scores: Any, targets: Any, fused: bool = True) -> Any:
    """C = max(0, 1 - t x) of a score x and a target of -1 or 1, or their mean.

    ∂C/∂x = -t where the score is on the wrong side of its margin, t x < 1; 0 elsewhere, also at
    the kink (Cortes and Vapnik 1995). Errors: ValueError where the lists are empty or differ in
    length, or a target is neither.

    >>> hinge([0.5, 2.0, -1.0], [1, 1, 1])
    0.8333333333333334
    """
    xs, ts = _pairs("hinge", scores, targets, lambda t: abs(t) == 1.0, "-1 or 1")
    return _hinge(xs, ts) if fused else _mean([maximum(0.0, 1.0 - t * x) for x, t in zip(xs, ts)])


def l2(parameters: Iterable[Any], lam: Any, fused: bool = True) -> Any:
    """λ/2 Σ w² of the parameters, to be added to a loss: its derivative by w is λw (BPNN-08).

    Errors: ValueError for no parameters, or a λ that is negative or not finite.

    >>> w = [Value(3.0), Value(-4.0)]
    >>> penalty = l2(w, 0.1)
    >>> penalty.data, penalty.local_derivatives
    (1.25, (0.30000000000000004, -0.4))
    """
    ws = listed(parameters, "l2")
    if not ws:
        raise ValueError("l2: expected at least one parameter, got none")
    if not 0.0 <= (given := _float(lam, "l2: lam")) < inf:
        raise ValueError(f"l2: lam is {given!r}; expected a number of at least 0")
    factor = lam if isinstance(lam, Value) else given
    return _l2(ws, factor) if fused else 0.5 * factor * _total(w * w for w in ws)


# ------------------------------------------------------------------ what they are given


def _pairs(
    where: str, outputs: Any, targets: Any, valid: Callable[[float], bool], expected: str
) -> tuple[list[Any], list[Any]]:
    """Outputs and targets as two lists of one length, one of each as lists of one."""
    xs, ts = _several(outputs, where), _several(targets, where)
    if len(xs) != len(ts):
        raise ValueError(f"{where}: {len(xs)} outputs but {len(ts)} targets")
    if not xs:
        raise ValueError(f"{where}: expected at least one output, got none")
    for k, t in enumerate(ts):
        if not valid(given := _float(t, f"{where}: target {k + 1}")):
            which = f" {k + 1}" if len(ts) > 1 else ""
            raise ValueError(f"{where}: target{which} is {given!r}; expected {expected}")
        if t is not given and not isinstance(t, Value):
            ts[k] = given
    return xs, ts


def _probabilities(target: Any, classes: int) -> list[Any]:
    """The target of `cross_entropy` as the probability of each class."""
    ys = _several(target, "cross_entropy")
    if _single(target):
        given = number(target, "cross_entropy: the target", "the number of a class")
        if given not in range(classes):
            raise ValueError(
                f"cross_entropy: class {given:g}; expected a whole number from 0 to {classes - 1}, "
                f"for there are {classes} logits"
            )
        return [float(k == given) for k in range(classes)]
    if len(ys) != classes:
        raise ValueError(f"cross_entropy: {classes} logits but {len(ys)} probabilities")
    p = [_float(y, f"cross_entropy: probability {k}") for k, y in enumerate(ys, 1)]
    if not all(0.0 <= q <= 1.0 for q in p) or abs(fsum(p) - 1.0) > 1e-6:
        raise ValueError(f"cross_entropy: expected probabilities that add up to 1, got {p!s:.80}")
    return [y if isinstance(y, Value) else q for y, q in zip(ys, p)]


def _several(given: Any, where: str) -> list[Any]:
    """Several as a list; one number or Value as a list of one."""
    return [given] if _single(given) else listed(given, where)


def _single(given: Any) -> bool:
    return not hasattr(given, "__iter__") or getattr(given, "ndim", 1) == 0


def _float(given: Any, where: str) -> float:
    return given.data if isinstance(given, Value) else operand_number(given, where)


def _total(terms: Iterable[Any]) -> Any:
    return reduce(add, terms)


def _mean(terms: Sequence[Any]) -> Any:
    return _total(terms) / len(terms) if len(terms) > 1 else terms[0]
