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


@dataclass(frozen=True)
class _Rung:
    """A step, the slope over it, its noise, and whether f changed at all."""

    step: float
    slope: float
    noise: float
    changed: bool

    @classmethod
    def of(cls, step: float, high: float, low: float, noise: float) -> "_Rung":
        noise = max(noise, 2.0**-53 * abs(high), 2.0**-53 * abs(low))
        return cls(step, (high - low) / step, noise / step, high != low)


def slope(f: Callable[[float], float], x: float, ratio: float = 1.9) -> Estimate:
    """f′(x) from some two hundred values of f around x.

    Steps shrink by `ratio`, which is no whole number, lest they fall in with a period of f.
    Errors: what f raises at x itself; elsewhere that is taken for the border of its domain.
    """
    middle = f(x)
    if _unresolved(f, x, middle):
        return Estimate(math.nan, math.inf, None, None)
    centre = left = right = (math.nan, math.inf)
    near = 0.31 * abs(x)  # near 0 the function may vary over steps like x or over steps like 1
    for size in [near] if near > 3e-3 else [0.31, near] if near else [0.31]:
        noise = _noise(f, x, size)
        # Down to where x + h and x - h can just be told from x.
        smallest = max(8.0 * math.ulp(x), size * 2.0**-48)
        steps = [h for h in (size * ratio**-k for k in range(100)) if h > smallest]
        ups, downs, both = [], [], []
        for h in steps:
            high, low = _at(f, x + h), _at(f, x - h)
            up, down = (x + h) - x, x - (x - h)  # the steps that floats take instead of h
            ups.append(_Rung.of(up, high, middle, noise))
            downs.append(_Rung.of(down, middle, low, noise))
            both.append(_Rung.of((up + down) / 2.0, high / 2.0, low / 2.0, noise))
        if not math.isnan(centre[0]) and not any(rung.changed for rung in both):
            continue  # f changes over larger steps: its rounding hides these
        centre = _better(centre, _extrapolate(both, 2), 1000.0)
        left = _better(left, _extrapolate(downs, 1), 1000.0)
        right = _better(right, _extrapolate(ups, 1), 1000.0)
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


def second_opinion(f: Callable[[float], float], x: float, derivative: float) -> Estimate:
    """f′(x), from other steps where the first estimate does not allow `derivative`."""
    first = slope(f, x)
    return first if first.allows(derivative) else slope(f, x, ratio=1.63)


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


def _unresolved(f: Callable[[float], float], x: float, middle: float) -> bool:
    """Whether f all but jumps from one float to the next, as sin does at 10¹⁵."""
    ends = [_at(f, x * (1.0 + k / 16.0)) for k in range(-8, 9)]
    values = [y for y in ends if not math.isnan(y)]
    reach = max(values, default=middle) - min(values, default=middle)
    jumps = (abs(_at(f, math.nextafter(x, side)) - middle) for side in (-math.inf, math.inf))
    return any(jump > 5e-4 * reach > 0.0 for jump in jumps)


def _noise(f: Callable[[float], float], x: float, size: float) -> float:
    """What rounding does to f near x: fourth differences over steps too small for all else."""
    for side in (0, 1, -1):  # where one half of the neighbourhood has no values, the other may
        noises: list[float] = []
        h = max(26.0 * math.ulp(x), size * 2.0**-46)
        while h < size * 2.0**-3 and len(noises) < 3:
            ys = [_at(f, x + (k + 4 * side) * h) / 64.0 for k in range(-4, 5)]
            h *= 32.0
            if any(map(math.isnan, ys)):
                break
            spread = max(
                abs(ys[k] - 4.0 * ys[k + 1] + 6.0 * ys[k + 2] - 4.0 * ys[k + 3] + ys[k + 4])
                for k in range(5)
            )
            if spread or not noises:  # else on one stair of roundings, or flat
                noises.append(max(spread / math.sqrt(70.0), 2.0**-53 * max(map(abs, ys))))
        if noises:
            return max(64.0 * max(noises), _LEAST)
    return max(2.0**-53 * abs(f(x)), _LEAST)


def _extrapolate(rungs: Sequence[_Rung], power: int) -> tuple[float, float]:
    """The limit of the slopes for steps towards 0, and its error; nan where there is none.

    The error of a slope is taken for a series in step^power.
    """
    while rungs and not rungs[-1].changed and any(rung.changed for rung in rungs):
        rungs = rungs[:-1]  # the step has vanished in the rounding
    best = math.nan, math.inf
    before: list[float] = []  # the row of the table above, and its step
    step = 0.0
    for rung in rungs:
        row = [rung.slope] if math.isfinite(rung.slope) else []
        found = math.nan, math.inf
        for j in range(1, min(_COLUMNS, len(before) + 1) if row else 0):
            gain = (step / rung.step) ** (power * j) - 1.0
            row.append(row[j - 1] + (row[j - 1] - before[j - 1]) / gain)
            if j < len(before):
                doubt = max(
                    abs(row[j] - row[j - 1]),
                    abs(row[j] - before[j]),
                    abs(before[j] - before[j - 1]),
                )
                found = min(found, (row[j], doubt + 4.0 * rung.noise), key=_error)
        best = _better(best, found, 10.0)
        before, step = row, rung.step
    # Where even the smallest steps are too large, sin at 10¹⁵ say, they do not come near the limit.
    last = [abs(r.slope - best[0]) - 20.0 * r.noise for r in rungs[-3:] if math.isfinite(r.slope)]
    return best[0], max(best[1], min(last, default=0.0))


def _vertical(rungs: Sequence[_Rung]) -> tuple[float, float] | None:
    """An infinite slope, where slopes grow and grow as the steps shrink; nan at a jump of f."""
    tail = [rung for rung in rungs if rung.changed and math.isfinite(rung.slope)][-16:]
    if len(tail) < 16 or any(abs(b.slope) < 1.1 * abs(a.slope) for a, b in pairwise(tail)):
        return None
    first, last = tail[0], tail[-1]
    jump = abs(last.slope) * last.step > 0.5 * abs(first.slope) * first.step
    return (math.nan if jump else math.copysign(math.inf, last.slope)), 0.0
