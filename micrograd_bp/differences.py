"""Derivatives by finite differences, each with an estimate of its own error.

The oracle behind `check`: it knows nothing of the table or the engine, only how to call a function
of one float. Slopes over steps of many sizes are extrapolated to size zero (Richardson 1911,
Ridders 1982), and the one in best agreement with its neighbours is taken, its error being their
disagreement and the noise of the function (Moré and Wild 2011) over the step.

>>> import math
>>> e = slope(math.exp, 1.0)
>>> abs(e.value - math.e) < e.error < 1e-9
True
>>> e = slope(abs, 0.0)
>>> e.left, e.right
(-1.0, 1.0)
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

_RUNGS = 48
_COLUMNS = 5
_LEAST = 2.0**-1074


@dataclass(frozen=True)
class Estimate:
    """A derivative by differences, the error it may have, and the slopes to either side.

    A side where the function has no value has no slope (None). Where the two differ there is a
    kink: `value` is then their mean, and `error` reaches to both.
    """

    value: float
    error: float
    left: float | None
    right: float | None
    kink: bool = False

    def allows(self, derivative: float) -> bool:
        """Whether `derivative` is no further off than ten times the error; at a kink, between."""
        if math.isnan(self.value):
            return True  # f jumps here, or has no values around
        if math.isinf(derivative) or math.isinf(self.value):
            return derivative == self.value
        slack = self.error if self.kink else 10.0 * self.error
        return abs(derivative - self.value) <= slack + 1e-10 * abs(self.value)


def slope(f: Callable[[float], float], x: float, ratio: float = 1.9) -> Estimate:
    """f′(x) from some two hundred values of f around x.

    Steps shrink by `ratio`, which is no whole number, lest they fall in with a period of f.
    Errors: what f raises at x itself; elsewhere that is taken for the border of its domain.
    """
    middle = f(x)
    nothing = math.nan, math.inf
    centre = left = right = nothing
    near = 0.31 * abs(x)  # near 0 the function may vary over steps like x or over steps like 1
    sizes = [near] if near > 3e-3 else [0.31, near] if near else [0.31]
    if near > 300.0:  # and far from 0 too
        sizes = [near, 0.31]
    for size in sizes:
        noise = _noise(f, x, size)
        steps = [size * ratio**-k for k in range(_RUNGS)]
        # Of the steps, those that x + h and x - h can tell from their neighbours.
        rungs = [_neighbours(f, x, h) for h in steps if h > 8.0 * math.ulp(x)]
        if not math.isnan(centre[0]) and all(up == down for _, _, up, down in rungs):
            continue  # f changes over larger steps: its rounding hides these
        ups = [(h, (up - middle) / h, up != middle) for h, _, up, _ in rungs]
        downs = [(h, (middle - down) / h, down != middle) for _, h, _, down in rungs]
        both = [((h + k) / 2, (up - down) / (h + k), up != down) for h, k, up, down in rungs]
        centre = _better(centre, _extrapolate(both, 2, noise), 1000.0)
        left = _better(left, _extrapolate(downs, 1, noise), 1000.0)
        right = _better(right, _extrapolate(ups, 1, noise), 1000.0)
        if size == sizes[-1]:
            left, right = _vertical(downs) or left, _vertical(ups) or right
    if any(math.isnan(value) and error == 0.0 for value, error in (left, right)):
        return Estimate(math.nan, math.inf, None, None)
    below, above = (None if math.isnan(side[0]) else side[0] for side in (left, right))
    if below is None or above is None:
        value, error = left if above is None else right
        return Estimate(value, error, below, above)
    if math.isinf(below) or math.isinf(above):
        return Estimate(above if below == above else math.nan, 0.0, below, above)
    gap, doubt = abs(below - above), left[1] + right[1]
    if gap > 10.0 * doubt + 1e-6 * max(abs(below), abs(above)):
        return Estimate((below + above) / 2.0, gap / 2.0 + doubt, below, above, kink=True)
    return Estimate(*centre, below, above)


def _better(
    coarse: tuple[float, float], fine: tuple[float, float], factor: float
) -> tuple[float, float]:
    """That of smaller error, or the finer one where they contradict each other.

    For steps far beyond what f does near x can agree with each other, and be wrong together.
    """
    if math.isnan(coarse[0]) or abs(fine[0] - coarse[0]) > factor * (fine[1] + coarse[1]):
        return fine
    return min(coarse, fine, key=_error)


def _error(found: tuple[float, float]) -> float:
    return found[1]


def _at(f: Callable[[float], float], x: float) -> float:
    """f(x), or nan outside its domain."""
    try:
        y = f(x)
    except (ValueError, ArithmeticError):
        return math.nan
    return y if math.isfinite(y) else math.nan


def _neighbours(f: Callable[[float], float], x: float, h: float) -> tuple[float, ...]:
    """The steps up and down that floats can take instead of `h`, and f there."""
    up, down = x + h, x - h
    return up - x, x - down, _at(f, up), _at(f, down)


def _noise(f: Callable[[float], float], x: float, size: float) -> float:
    """What rounding does to f near x: fourth differences over steps too small for all else."""
    h = size * 2.0**-43
    for side in (0, 1, -1):  # where one half of the neighbourhood has no values, the other may
        ys = [_at(f, x + (k + 4 * side) * h) for k in range(-4, 5)]
        if not any(map(math.isnan, ys)):
            ys = [y / 64.0 for y in ys]
            spread = max(
                abs(ys[k] - 4.0 * ys[k + 1] + 6.0 * ys[k + 2] - 4.0 * ys[k + 3] + ys[k + 4])
                for k in range(5)
            )
            noise = 64.0 * max(spread / math.sqrt(70.0), 2.0**-53 * max(map(abs, ys)))
            return max(noise, _LEAST)
    return max(2.0**-53 * abs(f(x)), _LEAST)


def _extrapolate(
    rungs: Sequence[tuple[float, float, bool]], power: int, noise: float
) -> tuple[float, float]:
    """The limit of the slopes for steps towards 0, and its error; nan where there is none.

    A rung is a step, a slope, and whether the function changed at all over that step. The error
    of a slope is a series in step^power.
    """
    while rungs and not rungs[-1][2] and any(changed for _, _, changed in rungs):
        rungs = rungs[:-1]  # the step has vanished in the rounding
    best = math.nan, math.inf
    before: list[float] = []  # the row of the table above, and its step
    step = 0.0
    for h, first, _ in rungs:
        row = [first] if math.isfinite(first) else []
        found = math.nan, math.inf
        for j in range(1, min(_COLUMNS, len(before) + 1) if row else 0):
            gain = (step / h) ** (power * j) - 1.0
            row.append(row[j - 1] + (row[j - 1] - before[j - 1]) / gain)
            doubt = max(abs(row[j] - row[j - 1]), abs(row[j] - before[j - 1]))
            if j < len(before):
                doubt = max(abs(row[j] - before[j]), abs(before[j] - before[j - 1]))
                found = min(found, (row[j], doubt + 4.0 * noise / h), key=_error)
        best = _better(best, found, 10.0)
        before, step = row, h
    return best


def _vertical(rungs: Sequence[tuple[float, float, bool]]) -> tuple[float, float] | None:
    """An infinite slope, where slopes grow and grow as the steps shrink; nan at a jump of f."""
    tail = [(h, slope_h) for h, slope_h, changed in rungs if changed and math.isfinite(slope_h)]
    tail = tail[-16:]
    if len(tail) < 16 or any(abs(b[1]) < 1.1 * abs(a[1]) for a, b in pairwise(tail)):
        return None
    (h0, first), (h1, last) = tail[0], tail[-1]
    jump = abs(last) * h1 > 0.5 * abs(first) * h0
    return (math.nan if jump else math.copysign(math.inf, last)), 0.0
