"""How long it takes to derive one weight of a large graph, and to show it.

    python tests/benchmarks/derivations.py [NODES]

Of 100,000 nodes unless told otherwise: a chain, a recurrent network, Horner's scheme and an MLP
over a batch. Seconds, the best of three: `derive`, its `text()`, its `path_count`, then `cost` and
`wrong_order` of the same graph. Then the table of the 2,080 parameters of a 64-32 layer.
"""

import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import micrograd_bp as mb
from micrograd_bp import MLP, Value
from micrograd_bp.losses import squared_error


def chain(n: int) -> tuple[Value, Value]:
    v = w = Value(0.5, "w")
    for _ in range(n // 2):
        v = (v * 1.00001).tanh()
    return v, w


def rnn(n: int) -> tuple[Value, Value]:
    w, u, h = Value(0.5, "w"), Value(0.3), Value(0.0, "h")
    for _ in range(n // 4):
        h = (w * h + u * 0.1).tanh()
    return h, w


def horner(n: int) -> tuple[Value, Value]:
    x, p = Value(0.9, "x"), Value(0.1)
    for _ in range(n // 2):
        p = p * x + 0.01
    return p, x


def batch(n: int) -> tuple[Value, Value]:
    model = MLP(8, [16, 16, 1], activation="tanh", seed=1, fused=False)
    losses = [squared_error(model([0.01 * k] * 8), 0.5) for k in range(n // 840)]
    return mb.sum(losses), model.weight(1, 1, 1)


def seconds(run: Callable[[], Any]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def report(n: int) -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}, {n:,} nodes")
    print("| graph | derive | text | both | path_count | cost | wrong_order |")
    print("|---|---|---|---|---|---|---|")
    for make in (chain, rnn, horner, batch):
        output, wrt = make(n)

        def derived(output: Value = output, wrt: Value = wrt) -> Any:
            return mb.derive(output, wrt)

        runs: list[Callable[[], Any]] = [
            derived,
            lambda: derived().text(),
            lambda: derived().path_count,
            lambda: mb.cost(output),  # noqa: B023
            lambda: mb.wrong_order(output),  # noqa: B023
        ]
        alone, both, counted, cost, wrong = map(seconds, runs)
        shown = (alone, both - alone, both, counted - alone, cost, wrong)
        print(f"| {make.__name__} | {' | '.join(f'{t:.2f} s' for t in shown)} |")
    model = MLP(64, [32, 1], "tanh", seed=1)
    C = squared_error(model([0.01 * k for k in range(64)]), 0.5)
    table = seconds(lambda: mb.derive(C, model.layers[0]).text("table"))
    print(f"\nThe table of a 64-32 layer: {table:.2f} s")


if __name__ == "__main__":
    report(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
