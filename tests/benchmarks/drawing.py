"""How long pictures take: of large graphs that fold themselves, and of many boxes unfolded.

Run `python tests/benchmarks/drawing.py`; with `--without-dot`, WebAssembly alone draws. Each line
is the time of `draw`, and then that of its `svg()`.
"""

import os
import random
import sys
import time

import micrograd_bp as mb


def network(points, sizes, fused=True):
    model = mb.MLP(sizes[0], sizes[1:], activation="tanh", seed=1, fused=fused)
    rng = random.Random(0)
    loss = mb.Value(0.0)
    for _ in range(points):
        y = model([rng.uniform(-1, 1) for _ in range(sizes[0])])
        loss = loss + (y - rng.choice([-1.0, 1.0])) ** 2
    loss.label = "L"
    loss.backward()
    return loss


def dag(nodes, seed=0):
    """A random graph of about twice so many nodes."""
    rng = random.Random(seed)
    made = [mb.Value(rng.uniform(-1, 1)) for _ in range(10)]
    while len(made) < nodes:
        made.append(mb.tanh(rng.choice(made[-60:])) * rng.choice(made))
    last = mb.sum(made)
    last.backward()
    return last


def chain(nodes):
    y = mb.Value(1.0, "x")
    for _ in range(nodes - 1):
        y = y * 1.0000001
    y.backward()
    return y


def main():
    if "--without-dot" in sys.argv:
        os.environ["PATH"] = ""
    cases = [
        ("2-16-16-1, 100 points, unfused", lambda: network(100, (2, 16, 16, 1), False), {}),
        ("the same in layers", lambda: network(100, (2, 16, 16, 1), False), {"detail": "layers"}),
        ("1,000,000 nodes of a chain", lambda: chain(1_000_000), {}),
        ("a DAG of many nodes", lambda: dag(100_000), {}),
        ("8-37-37-1, full", lambda: network(1, (8, 37, 37, 1)), {"detail": "full"}),
        ("a DAG, full", lambda: dag(1_000), {"detail": "full"}),
        ("a chain of 2,000, full", lambda: chain(2_000), {"detail": "full"}),
    ]
    for name, make, options in cases:
        root = make()
        nodes = len(mb.topological_order(root))
        start = time.perf_counter()
        picture = mb.draw(root, **options)
        drawn = time.perf_counter() - start
        start = time.perf_counter()
        try:
            size = f"{len(picture.svg()) / 1e6:.2f} MB"
        except RuntimeError as error:
            size = str(error)
        rendered = time.perf_counter() - start
        print(f"{name:32} {nodes:9,} nodes {drawn:6.2f} s + {rendered:6.2f} s  {size}", flush=True)


if __name__ == "__main__":
    main()
