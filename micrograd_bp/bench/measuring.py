"""Measure a workload: gradients first, then the contestants in turn, again and again.

>>> from dataclasses import replace
>>> from micrograd_bp.bench.problems import moons
>>> from micrograd_bp.bench.workloads import WORKLOADS
>>> small = replace(WORKLOADS["W1"], make=lambda: moons(points=2))
>>> eager, fused = compare("W1", small, ["eager", "fused"], repeats=3).rows
>>> len(fused.times), fused.difference < 1e-12
(3, True)
"""

import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from micrograd_bp.bench.workloads import Workload, missing

TOLERANCE = 1e-10  # of the largest number
SAMPLE = 0.02  # seconds, for which a step is repeated


@dataclass(frozen=True)
class Row:
    """A contestant's times, or why there are none.

    `times` are seconds a step, one for each repeat. `prepared` is the seconds that recording,
    compiling and the first step took together. `difference` is the largest one between its value
    and gradients and those of the first contestant, relative to the largest of these. `note` says
    what is to be installed, why it is left out, or how it failed.
    """

    name: str
    status: Literal["measured", "missing", "left out", "failed"]
    note: str = ""
    times: tuple[float, ...] = ()
    prepared: float = 0.0
    difference: float = 0.0

    @property
    def median(self) -> float:
        """Seconds a step, for a row that was measured."""
        return statistics.median(self.times)


@dataclass(frozen=True)
class Table:
    """What came of a workload: a row for each contestant."""

    name: str
    title: str
    rows: list[Row]

    def ratio(self, name: str, to: str) -> float | None:
        """How many times as long as `to` it takes: the median over the repeats that both ran in."""
        rows = {row.name: row for row in self.rows if row.times}
        if name not in rows or to not in rows:
            return None
        return statistics.median(a / b for a, b in zip(rows[name].times, rows[to].times))


def compare(
    name: str,
    workload: Workload,
    contestants: Sequence[str],
    repeats: int = 9,
    seconds: float = 10.0,
) -> Table:
    """The table of a workload, its contestants in the order given.

    Each prepares itself and takes a step; its value and gradients must agree with those of the
    first within 1e-10, or it has failed. After another step to warm up, all are timed in turn,
    `repeats` times; one whose times add up to more than `seconds` drops out. What takes less than
    20 ms is run as many times as fit in, and the mean taken. Freeing what a step has made is
    part of it, and the garbage collector runs as it comes, but over a contestant's own objects.
    """
    if repeats < 1:
        raise ValueError(f"repeats: expected at least 1, got {repeats}")
    problem = workload.make()
    rows: dict[str, Row] = {}
    runs: dict[str, Callable[[], Any]] = {}
    reference: list[float] = []
    for contestant in contestants:
        if contestant not in workload.contestants:
            rows[contestant] = Row(contestant, "left out", workload.left_out[contestant])
        elif needed := missing(contestant):
            rows[contestant] = Row(contestant, "missing", needed)
        else:
            start = time.perf_counter()
            try:
                run, read = workload.contestants[contestant](problem)
                found = run()
                prepared = time.perf_counter() - start
                numbers = read(found)
            except Exception as error:  # whatever a peer raises, the others go on
                words = " ".join(str(error).split())
                rows[contestant] = Row(
                    contestant, "failed", f"{type(error).__name__}: {words:.200}"
                )
                continue
            reference = reference or numbers
            apart = difference(numbers, reference)
            if apart <= TOLERANCE:
                rows[contestant] = Row(contestant, "measured", prepared=prepared, difference=apart)
                runs[contestant] = run
            else:
                note = f"its value or gradients differ by {apart:.1e}"
                rows[contestant] = Row(contestant, "failed", note)
            del found
    for contestant, times in _in_turn(runs, repeats, seconds).items():
        rows[contestant] = replace(rows[contestant], times=tuple(times))
    return Table(name, workload.title, [rows[contestant] for contestant in contestants])


def difference(numbers: Sequence[float], reference: Sequence[float]) -> float:
    """The largest one, relative to the largest of the reference; infinite for what is no number.

    >>> difference([4.0, 1.0], [4.0, 2.0]), difference([1.0], [1.0, 2.0])
    (0.25, inf)
    """
    if len(numbers) != len(reference):
        return float("inf")
    apart = [abs(a - b) for a, b in zip(numbers, reference)]
    if any(d != d for d in apart):
        return float("inf")
    largest = max(map(abs, reference), default=0.0)
    if not any(apart):
        return 0.0
    return max(apart) / largest if largest else float("inf")


def _in_turn(
    runs: Mapping[str, Callable[[], Any]], repeats: int, seconds: float
) -> dict[str, list[float]]:
    """Seconds a call, for each repeat."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    spent = dict.fromkeys(runs, 0.0)
    gc.collect()
    gc.freeze()  # or each would pay for walking over what all the others keep
    try:
        calls = {name: max(1, round(SAMPLE / _seconds(run, 1))) for name, run in runs.items()}
        for _ in range(repeats):
            for name, run in runs.items():
                if spent[name] <= seconds:
                    gc.collect()  # the garbage of the one before
                    if calls[name] > 1:
                        run()  # with its own data in the cache
                    taken = _seconds(run, calls[name])
                    spent[name] += taken
                    times[name].append(taken / calls[name])
    finally:
        gc.unfreeze()
    return times


def _seconds(run: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return time.perf_counter() - start


# ------------------------------------------------------------------ threads


def pin(threads: int) -> str:
    """Have libraries that are loaded from now on use so many threads; what came of it, in words.

    By the variables that BLAS, OpenMP and XLA read when they are loaded.
    """
    if threads < 1:
        raise ValueError(f"threads: expected at least 1, got {threads}")
    loaded = [name for name in ("numpy", "torch", "jax") if name in sys.modules]
    if loaded:
        return f"threads as {' and '.join(loaded)} had them, loaded before"
    for name in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
        suffix = "THREADS" if name == "VECLIB_MAXIMUM" else "NUM_THREADS"
        os.environ[f"{name}_{suffix}"] = str(threads)
    os.environ["NPROC"] = str(threads)
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    return f"{threads} thread{'s' * (threads > 1)} each"
