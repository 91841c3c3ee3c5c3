"""Time compiled programs against NumPy written by hand: python tests/benchmarks/compiled.py

One step, forward and backward, of W1 (moons, 2-16-16-1, 100 points, hinge and L2), W5 (digits,
64-32-10, 32 examples, cross-entropy) and W6 (784-128-10, 128 examples): medians of interleaved
repeats, gradients checked equal.
"""

import sys
from statistics import median
from time import perf_counter

import numpy as np

from micrograd_bp import MLP, Value
from micrograd_bp.compiler import compile
from micrograd_bp.losses import cross_entropy, hinge, l2


def recorded(rows):
    return [[Value(float(x)) for x in row] for row in rows]


def moons(n=100):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 2)), rng.choice([-1.0, 1.0], n)
    model = MLP(2, [16, 16, 1], seed=1)
    Xv, yv = recorded(X), [Value(t) for t in y]
    loss = hinge([model(x) for x in Xv], yv) + l2(model.parameters(), 1e-4)
    program = compile(loss, [Xv, yv], wrt=model)
    (W1, b1), (W2, b2), (W3, b3) = program.parameters
    lam = 1e-4

    def by_hand(X, y):
        z1 = X @ W1.T + b1
        a1 = np.maximum(z1, 0.0)
        z2 = a1 @ W2.T + b2
        a2 = np.maximum(z2, 0.0)
        score = (a2 @ W3.T + b3)[:, 0]
        margin = 1.0 - y * score
        loss = np.maximum(margin, 0.0).mean()
        loss += 0.5 * lam * sum((p * p).sum() for p in (W1, b1, W2, b2, W3, b3))
        d3 = (-y / len(y) * (margin > 0.0))[:, None]
        d2 = (d3 @ W3) * (z2 > 0.0)
        d1 = (d2 @ W2) * (z1 > 0.0)
        return loss, [
            (d1.T @ X + lam * W1, d1.sum(0) + lam * b1),
            (d2.T @ a1 + lam * W2, d2.sum(0) + lam * b2),
            (d3.T @ a2 + lam * W3, d3.sum(0) + lam * b3),
        ]

    return program, by_hand, (X, y)


def classifier(sizes, n, batch):
    rng = np.random.default_rng(0)
    X, labels = rng.random((n, sizes[0])), rng.integers(0, sizes[-1], n)
    Y = np.eye(sizes[-1])[labels]
    model = MLP(sizes[0], sizes[1:], seed=1)
    for parameter in model.parameters():
        parameter.data *= 0.1
    if batch:
        xv, yv = recorded(X[:1])[0], [Value(0.1) for _ in range(sizes[-1])]
        program = compile(cross_entropy(model(xv), yv), [xv, yv], wrt=model, batch="mean")
    else:
        Xv, Yv = recorded(X), recorded(Y)
        loss = sum(cross_entropy(model(x), y) for x, y in zip(Xv, Yv)) / n
        program = compile(loss, [Xv, Yv], wrt=model)
    (W1, b1), (W2, b2) = program.parameters

    def by_hand(X, Y):
        z1 = X @ W1.T + b1
        a1 = np.maximum(z1, 0.0)
        z2 = a1 @ W2.T + b2
        top = z2.max(1, keepdims=True)
        e = np.exp(z2 - top)
        total = e.sum(1, keepdims=True)
        loss = (np.log(total) + top - (Y * z2).sum(1, keepdims=True)).mean()
        d2 = (e / total - Y) / len(X)
        d1 = (d2 @ W2) * (z1 > 0.0)
        return loss, [(d1.T @ X, d1.sum(0)), (d2.T @ a1, d2.sum(0))]

    return program, by_hand, (X, Y)


def compare(name, program, by_hand, arrays, seconds=2.0):
    (value, found), (expected, wanted) = program(*arrays), by_hand(*arrays)
    assert abs(value - expected) <= 1e-12 * abs(expected)
    for ours, theirs in zip(found, wanted):
        for g, h in zip(ours, theirs):
            assert np.abs(g - h).max() <= 1e-12 * np.abs(h).max()
    start, times = perf_counter(), ([], [])
    calls = max(1, int(0.01 / max(1e-6, _time(by_hand, arrays, 3))))
    while perf_counter() - start < seconds:
        for f, spent in zip((program, by_hand), times):
            spent.append(_time(f, arrays, calls))
    ours, theirs = map(median, times)
    print(
        f"{name}: {ours * 1e6:9.1f} µs, by hand {theirs * 1e6:9.1f} µs, ratio {ours / theirs:.3f}"
    )


def _time(f, arrays, calls):
    start = perf_counter()
    for _ in range(calls):
        f(*arrays)
    return (perf_counter() - start) / calls


if __name__ == "__main__":
    cases = {
        "W1": lambda: moons(),
        "W5": lambda: classifier([64, 32, 10], 32, batch=False),
        "W5 batch=": lambda: classifier([64, 32, 10], 32, batch=True),
        "W6 batch=": lambda: classifier([784, 128, 10], 128, batch=True),
    }
    for name in sys.argv[1:] or cases:
        begun = perf_counter()
        case = cases[name]()
        print(f"{name}: recorded and compiled in {perf_counter() - begun:.2f} s")
        compare(name, *case)
