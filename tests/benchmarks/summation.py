"""How to add: error against cost of the ways to compute `sum` and `dot` of floats.

    python tests/benchmarks/summation.py

The error is the worst of 300 draws, in units in the last place of the exact result; "cancels" adds
the negative of nearly all operands again, so that the sum is a thousandth of its terms. The cost
is the median time an operand, relative to the plain sum. `dot` rounds its products in the first
two rows; the third adds the rounding errors of the products too (Dekker), and is exact.
"""

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from operator import mul

from micrograd_bp.floats import _two_product

REPEATS = 300


def plain(xs: Sequence[float]) -> float:
    total = 0.0
    for x in xs:
        total += x
    return total


def compensated(xs: Sequence[float]) -> float:
    """Neumaier's sum, which Python 3.12 and later have as `sum`."""
    total, lost = 0.0, 0.0
    for x in xs:
        new = total + x
        lost += (total - new) + x if abs(total) >= abs(x) else (x - new) + total
        total = new
    return total + lost


def dot_plain(ws: Sequence[float], xs: Sequence[float]) -> float:
    return plain([*map(mul, ws, xs)])


def dot_fsum(ws: Sequence[float], xs: Sequence[float]) -> float:
    return math.fsum(map(mul, ws, xs))


def dot_exact(ws: Sequence[float], xs: Sequence[float]) -> float:
    return math.fsum(part for w, x in zip(ws, xs) for part in _two_product(w, x))


SUMS: dict[str, Callable[..., float]] = {
    "sum, plain loop": plain,
    "sum, compensated (Neumaier)": compensated,
    "sum, math.fsum (chosen)": math.fsum,
}
DOTS: dict[str, Callable[..., float]] = {
    "dot, plain loop": dot_plain,
    "dot, math.fsum of products (chosen)": dot_fsum,
    "dot, exact": dot_exact,
}


def draw(rng: random.Random, n: int, kind: str) -> list[float]:
    if kind == "one sign":
        return [rng.uniform(0, 1) for _ in range(n)]
    xs = [rng.gauss(0, 1) for _ in range(n)]
    if kind == "cancels":
        xs[n // 2 :] = [-x * (1 + 1e-3 * rng.random()) for x in xs[: n - n // 2]]
    return xs


def ulps(got: float, exact: Fraction) -> float:
    return float(abs(Fraction(got) - exact) / Fraction(math.ulp(float(exact))))


def report() -> None:
    print("| way | operands | one sign | random | cancels | cost |")
    print("|---|---|---|---|---|---|")
    for n in (17, 785):
        for group in (SUMS, DOTS):
            costs: dict[str, list[float]] = {name: [] for name in group}
            worst = {name: {"one sign": 0.0, "random": 0.0, "cancels": 0.0} for name in group}
            rng = random.Random(0)
            for _ in range(REPEATS):
                for kind in ("one sign", "random", "cancels"):
                    xs = draw(rng, n, kind)
                    ws = [1.0] * n if group is SUMS else draw(rng, n, "one sign")
                    exact = sum((Fraction(w) * Fraction(x) for w, x in zip(ws, xs)), Fraction(0))
                    arguments = (xs,) if group is SUMS else (ws, xs)
                    for name, way in group.items():
                        start = time.perf_counter()
                        got = way(*arguments)
                        costs[name].append(time.perf_counter() - start)
                        worst[name][kind] = max(worst[name][kind], ulps(got, exact))
            base = statistics.median(next(iter(costs.values())))
            for name in group:
                errors = " | ".join(f"{error:.1f}" for error in worst[name].values())
                cost = statistics.median(costs[name]) / base
                print(f"| {name} | {n} | {errors} | {cost:.2f} |")


if __name__ == "__main__":
    report()
