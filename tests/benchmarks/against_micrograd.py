"""One training step of micrograd's own network, by micrograd and by this engine.

    python tests/benchmarks/against_micrograd.py

2-16-16-1 with ReLU on 100 points, hinge loss; in one process, in turn, medians of several. All
gradients are first checked to agree to 1e-12. Twice: with Python's garbage collector as it comes
(the garbage of one step is then collected during the next), and with it off (and run between the
steps, outside the time). Then bytes a node, and the time a node of chains of three lengths.
"""

import copy
import gc
import pickle
import platform
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import micrograd.engine
import micrograd.nn

import micrograd_bp as mb

REPEATS = 11


def points() -> tuple[list[list[float]], list[int]]:
    rng = random.Random(0)
    X = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(100)]
    return X, [1 if x * y > 0 else -1 for x, y in X]


def step(model: Any, value: type, X: list[list[float]], y: list[int]) -> Any:
    """Micrograd's loop: forward, hinge loss, backward; the loss keeps the graph alive."""
    inputs = [list(map(value, row)) for row in X]
    scores = [model(row) for row in inputs]
    losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
    loss = sum(losses) * (1.0 / len(losses))
    model.zero_grad()
    loss.backward()
    return loss


def networks() -> dict[str, tuple[Any, type]]:
    made: dict[str, tuple[Any, type]] = {}
    for name, make, value in (
        ("micrograd", lambda: micrograd.nn.MLP(2, [16, 16, 1]), micrograd.engine.Value),
        ("unfused", lambda: mb.MLP(2, [16, 16, 1], fused=False), mb.Value),
        ("fused", lambda: mb.MLP(2, [16, 16, 1]), mb.Value),
    ):
        random.seed(1337)
        made[name] = make(), value
    return made


def check_gradients(made: dict[str, tuple[Any, type]], X: Any, y: Any) -> float:
    gradients = {}
    for name, (model, value) in made.items():
        step(model, value, X, y)
        gradients[name] = [p.grad for p in model.parameters()]
    worst = max(
        abs(a - b) / max(abs(a), 1e-300)
        for name in ("unfused", "fused")
        for a, b in zip(gradients["micrograd"], gradients[name], strict=True)
        if a != b
    )
    assert worst < 1e-12, worst
    return worst


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    kept = run()
    elapsed = time.perf_counter() - start
    del kept
    return elapsed


def measure(made: dict[str, tuple[Any, type]], X: Any, y: Any, collector: bool) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in made}
    gc.collect()
    for name, (model, value) in made.items() if collector else []:
        times[name] = [seconds(lambda: step(model, value, X, y)) for _ in range(REPEATS)]  # noqa: B023
    for _ in range(0 if collector else REPEATS):
        for name, (model, value) in made.items():
            gc.collect()
            gc.disable()
            times[name].append(seconds(lambda: step(model, value, X, y)))  # noqa: B023
            gc.enable()
    return {name: statistics.median(t) for name, t in times.items()}


def chain(n: int) -> mb.Value:
    v = mb.Value(1.0)
    for _ in range(n):
        v = v * 1.0000001
    return v


def report() -> None:
    X, y = points()
    made = networks()
    print(f"Python {platform.python_version()}, {platform.machine()}")
    print(f"gradients agree: worst relative difference {check_gradients(made, X, y):.1e}\n")
    print("| collector | micrograd | unfused | ratio | fused | ratio |")
    print("|---|---|---|---|---|---|")
    for collector in (True, False):
        t = measure(made, X, y, collector)
        ratios = {name: t["micrograd"] / t[name] for name in t}
        print(
            f"| {'as it comes' if collector else 'off'} | {1e3 * t['micrograd']:.0f} ms "
            f"| {1e3 * t['unfused']:.1f} ms | {ratios['unfused']:.1f} "
            f"| {1e3 * t['fused']:.1f} ms | {ratios['fused']:.1f} |"
        )
    for collector in (True, False):
        how = "as it comes" if collector else "off"
        print(f"\n| chain of, collector {how} | {' | '.join(PASSES)} | bytes a node |")
        print("|---" * (len(PASSES) + 2) + "|")
        for n in (10_000, 100_000, 1_000_000):
            per_node = (f"{1e9 * t / n:.0f} ns" for t in passes(n, collector))
            print(f"| {n:,} | {' | '.join(per_node)} | {size(n):.0f} |")


PASSES = ("build", "sort", "backward", "deepcopy", "pickle", "load", "free")


def passes(n: int, collector: bool) -> list[float]:
    """Median seconds of each of the PASSES over a chain of n operations."""
    times: dict[str, list[float]] = {name: [] for name in PASSES}
    for _ in range(3):
        gc.collect()
        (gc.enable if collector else gc.disable)()
        end, store = mb.Value(0.0), b""
        for name in PASSES:
            start = time.perf_counter()
            if name == "build":
                end = chain(n)
            elif name == "sort":
                mb.topological_order(end)
            elif name == "backward":
                end.backward()
            elif name == "deepcopy":
                copy.deepcopy(end)
            elif name == "pickle":
                store = pickle.dumps(end)
            elif name == "load":
                pickle.loads(store)
            else:
                del end
            times[name].append(time.perf_counter() - start)
        gc.enable()
    return [statistics.median(t) for t in times.values()]


def size(n: int) -> float:
    """Bytes a node, of a chain with its gradients."""
    tracemalloc.start()
    end = chain(n)
    end.backward()
    taken = tracemalloc.get_traced_memory()[0] / n
    tracemalloc.stop()
    return taken


if __name__ == "__main__":
    report()
