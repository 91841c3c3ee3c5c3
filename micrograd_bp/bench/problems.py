"""What is measured, as plain data: networks with a batch and a loss, and graphs of scalars.

>>> problem = moons(points=3)
>>> problem.sizes, len(problem.X), problem.Y
((2, 16, 16, 1), 3, [[1.0], [1.0], [-1.0]])
>>> chain(nodes=4).ops
['mul', 'add', 'mul', 'add']

The same arguments give the same numbers again. They are drawn at random: how long a step takes
depends on the shapes, not on which digits are read.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from math import sqrt
from typing import Any, Literal

from micrograd_bp.data import make_moons

Rows = list[list[float]]

Ready = tuple[Callable[[], Any], Callable[[Any], list[float]]]
"""A contestant that has recorded, compiled or allocated all that it keeps: (run, read).

`run()` is what is timed: the value and the gradients, from inputs and parameters that may change
between calls. `read` makes one list of what it returned: the value, then ∂value/∂parameter for
each parameter, of a `Network` layer by layer W row by row and then b, of a `Graph` its leaves.
"""


@dataclass(frozen=True)
class Network:
    """A network with ReLU in its hidden layers and linear outputs, a batch and its mean loss.

    `layers` has (W, b) for each, W[i][j] to unit i from unit j. Y has a row for each example: of
    ±1 for "hinge", of one-hot probabilities for "cross_entropy". `lam` is that of `losses.l2`.
    """

    sizes: tuple[int, ...]
    layers: list[tuple[Rows, list[float]]]
    X: Rows
    Y: Rows
    loss: Literal["hinge", "cross_entropy"]
    lam: float = 0.0


@dataclass(frozen=True)
class Graph:
    """Operations on scalars, each on two nodes before it: first the leaves, then `ops` in order.

    `ops[k]` is "add", "sub" or "mul" of the nodes left[k] and right[k], or "tanh" or "sin" of
    left[k] alone. The last node is the output, to be differentiated by all leaves.
    """

    leaves: list[float]
    ops: list[str]
    left: list[int]
    right: list[int]


# ------------------------------------------------------------------ networks


def moons(points: int = 100) -> Network:
    """2-16-16-1 on two moons, hinge loss and L2: the network of micrograd's demonstration."""
    X, y = make_moons(points, seed=1)
    sizes = (2, 16, 16, 1)
    Y = [[2.0 * label - 1.0] for label in y]
    return Network(sizes, _layers(sizes), X, Y, "hinge", lam=2e-4)


def pixels(sizes: Sequence[int], batch: int, shades: int) -> Network:
    """A network on pixels of so many shades, with cross-entropy of as many classes as outputs."""
    rng = random.Random(2)
    X = [[rng.randrange(shades) / (shades - 1) for _ in range(sizes[0])] for _ in range(batch)]
    classes = [rng.randrange(sizes[-1]) for _ in range(batch)]
    Y = [[float(k == c) for k in range(sizes[-1])] for c in classes]
    return Network(tuple(sizes), _layers(sizes), X, Y, "cross_entropy")


def _layers(sizes: Sequence[int]) -> list[tuple[Rows, list[float]]]:
    rng = random.Random(0)
    layers = []
    for nin, nout in pairwise(sizes):
        scale = 1.0 / sqrt(nin)
        W = [[rng.uniform(-scale, scale) for _ in range(nin)] for _ in range(nout)]
        layers.append((W, [rng.uniform(-scale, scale) for _ in range(nout)]))
    return layers


# ------------------------------------------------------------------ graphs


def dag(nodes: int = 100_000, window: int | None = None, leaves: int = 100) -> Graph:
    """A random graph: each operation on any nodes before it, or on any of the last `window`.

    What nothing uses is added up in pairs, so that the output depends on every node. Without a
    window it is wide, about 40 operations deep; a window makes it deep.
    """
    rng = random.Random(3)
    graph = Graph([rng.uniform(-1.0, 1.0) for _ in range(leaves)], [], [], [])
    unused = dict.fromkeys(range(leaves))

    def append(op: str, i: int, j: int) -> None:
        unused.pop(i, None)
        unused.pop(j, None)
        unused[leaves + len(graph.ops)] = None
        graph.ops.append(op)
        graph.left.append(i)
        graph.right.append(j)

    while len(graph.ops) + len(unused) - 1 < nodes:
        known = leaves + len(graph.ops)
        first = 0 if window is None else max(0, known - window)
        i, j = rng.randrange(first, known), rng.randrange(first, known)
        op = rng.choice(("add", "sub", "mul", "tanh", "sin"))
        append(op, i, i if op in ("tanh", "sin") else j)
    while len(unused) > 1:
        append("add", *islice(unused, 2))
    return graph


def chain(nodes: int = 1_000_000) -> Graph:
    """v ← w · v, then v ← v + u, over and over: one node after the other, from leaves v, w, u."""
    ops = ["mul", "add"] * (nodes // 2)
    right = [1, 2] * (nodes // 2)
    return Graph([0.5, 0.999999, 1e-6], ops, [0, *range(3, 2 + len(ops))], right)
