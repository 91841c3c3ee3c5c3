# ruff: noqa: E741  l is the lecture's layer
r"""Random networks of BPNN, and their quantities by the lecture's names and indices.

A function such as `example` draws a network and gives its quantities twice: those of a graph that
the engine records, with the biases as weights W̃_i0 of a constant Ã_0 = 1, and those of a plain
program in loops, with no part of the engine in it.

>>> engine, oracle = example(Random(1))
>>> J, W̃, d = (oracle[name] for name in ("J", "W̃", "d"))
>>> abs(d(J, W̃[2][1, 0]) - engine["d"](J, W̃[2][1, 0])) < 1e-15
True
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

from micrograd_bp.engine import Value
from micrograd_bp.lectures.statements import (
    FUNCTIONS,
    At,
    Matrix,
    Plain,
    Quantities,
    Recorded,
    Vector,
    exp,
    log,
    random_vector,
)
from micrograd_bp.losses import cross_entropy, l2
from micrograd_bp.nn import tex
from micrograd_bp.ops import OPS, dot, softmax


@dataclass(frozen=True)
class Classifier:
    """A network D→H→C with m examples (x, class of x), φ^(2) and φ^(3), λ and η.

    J is the cross-entropy with its penalty; with `squared` it is ½‖A^(3) - y‖² instead.
    """

    examples: tuple[tuple[Vector, int], ...]
    layers: tuple[tuple[Matrix, Vector], ...]
    φ: tuple[str, str]
    λ: float
    η: float
    squared: bool

    def at(self, symbol: str, e: int, l: int | None, j: int) -> str:
        """The label of a quantity of example e; where there is one example, that is not said."""
        return tex(symbol, l, j) + (f"(x^{{({e})}})" if len(self.examples) > 1 else "")

    def y(self, e: int) -> dict[int, float]:
        """The target of example e, one-hot."""
        return {k: float(k == self.examples[e][1]) for k, _ in enumerate(self.layers[1][1], 1)}


HIDDEN = ("relu", "softplus", "sigmoid", "tanh")
TILDE = r"\tilde{A}"


def _random(
    rng: Random,
    output: tuple[str, ...] = ("id",),
    square: float = 0.5,
    penalty: bool = False,
    examples: int = 1,
    squared: bool = False,
) -> list[Quantities]:
    """D, H and C all equal with probability `square`, else all different.

    No hidden unit is near the kink of ReLU, and not all of them are off. No h of a right class is
    almost 1: there h - y loses its digits.
    """
    vector = partial(random_vector, rng)
    sizes = [rng.randint(2, 4)] * 3 if rng.random() < square else rng.sample((2, 3, 4, 5), 3)
    n = Classifier(
        examples=tuple((vector(sizes[0]), rng.randint(1, sizes[2])) for _ in range(examples)),
        layers=tuple(
            (tuple(vector(size) for _ in range(up)), vector(up)) for size, up in pairwise(sizes)
        ),
        φ=(rng.choice(HIDDEN), rng.choice(output)),
        λ=rng.uniform(0.1, 1.0) if penalty else 0.0,
        η=rng.uniform(0.1, 1.0),
        squared=squared,
    )
    plain = Plain(partial(_forward, n))
    hidden = [z for label, z in plain.values.items() if label.startswith("Z^{(2)}")]
    sure = max(plain.values[n.at("h", e, None, k)] for e, (_, k) in enumerate(n.examples))
    if max(hidden) < 0.0 or min(map(abs, hidden)) < 0.02 or sure > 0.999:
        return _random(rng, output, square, penalty, examples, squared)
    return [_quantities(n, q) for q in (Recorded(*_record(n)), plain)]


def example(rng: Random) -> list[Quantities]:
    """One example, φ^(3) = id, no penalty: J is -log h_k of the class k."""
    return _random(rng)


def square(rng: Random) -> list[Quantities]:
    """The same, with D = H = C."""
    return _random(rng, square=1.0)


def any_output(rng: Random) -> list[Quantities]:
    """The same, with φ^(3) = id or another, before the softmax."""
    return _random(rng, ("id", "sin", "tanh"))


def sine_output(rng: Random) -> list[Quantities]:
    """The same, with φ^(3) = sin before the softmax."""
    return _random(rng, ("sin",))


def penalised(rng: Random) -> list[Quantities]:
    """One example, φ^(3) = id, with a penalty on the weights."""
    return _random(rng, penalty=True)


def batch(rng: Random) -> list[Quantities]:
    """2 to 4 examples, with a penalty on the weights."""
    return _random(rng, penalty=True, examples=rng.randint(2, 4))


def least_squares(rng: Random) -> list[Quantities]:
    """One example, J = ½‖A^(3) - y‖², φ^(3) = id."""
    return _random(rng, squared=True)


def any_least_squares(rng: Random) -> list[Quantities]:
    """One example, J = ½‖A^(3) - y‖², φ^(3) = id or another."""
    return _random(rng, ("id", "sin", "tanh"), squared=True)


def _record(n: Classifier) -> tuple[Value, list[Value]]:
    """J, recorded by the engine, and the h, which J does not depend on there."""

    def named(values: Iterable[Value], label: Callable[[int], str]) -> list[Value]:
        nodes = [*values]
        for k, node in enumerate(nodes, 1):
            node.label = label(k)
        return nodes

    W̃, weights = {}, []
    for l, (W, b) in enumerate(n.layers, 1):
        biases = named(map(Value, b), partial(tex, "b", l))
        rows = [named(map(Value, row), partial(tex, "W", l, i)) for i, row in enumerate(W, 1)]
        W̃[l] = [[b_i, *row] for b_i, row in zip(biases, rows)]
        weights += [w for row in rows for w in row]
    losses, every_h = [], []
    for e, (x, _) in enumerate(n.examples):
        A = named(map(Value, x), partial(n.at, "A", e, 1))
        for l, name in enumerate(n.φ, 1):
            Ã = [Value(1.0, n.at(TILDE, e, l, 0)), *A]
            Z = named((dot(row, Ã) for row in W̃[l]), partial(n.at, "Z", e, l + 1))
            φ = OPS.get(name, lambda z: z * 1.0)  # id as a node of its own
            A = named(map(φ, Z), partial(n.at, "A", e, l + 1))
        every_h += named(softmax(A), partial(n.at, "h", e, None))
        y = [*n.y(e).values()]
        half_squares = (0.5 * (a - t) ** 2 for a, t in zip(A, y))
        losses.append(sum(half_squares) if n.squared else cross_entropy(A, y))
    J = sum(losses) / len(losses) + l2(weights, n.λ)
    J.label = "J"
    return J, every_h


def _forward(n: Classifier, at: At) -> None:
    """The forward pass in plain loops, and J by 08."""
    W̃: dict[int, dict[tuple[int, int], Any]] = {1: {}, 2: {}}
    for l, (W, b) in enumerate(n.layers, 1):
        for i, row in enumerate(W, 1):
            W̃[l][i, 0] = at(tex("b", l, i), b[i - 1])
            W̃[l] |= {(i, j): at(tex("W", l, i, j), w) for j, w in enumerate(row, 1)}
    J = n.λ / 2.0 * sum(w**2 for l in W̃ for (_, j), w in W̃[l].items() if j > 0)
    for e, (x, _) in enumerate(n.examples):
        A = {j: at(n.at("A", e, 1, j), x_j) for j, x_j in enumerate(x, 1)}
        for l, (name, (_, b)) in enumerate(zip(n.φ, n.layers), 1):
            Ã, φ = {0: at(n.at(TILDE, e, l, 0), 1.0)} | A, FUNCTIONS.get(name, _id)
            Z = {i: sum(W̃[l][i, j] * Ã[j] for j in Ã) for i, _ in enumerate(b, 1)}
            Z = {i: at(n.at("Z", e, l + 1, i), z) for i, z in Z.items()}
            A = {i: at(n.at("A", e, l + 1, i), φ(z)) for i, z in Z.items()}
        h = {k: at(n.at("h", e, None, k), exp(A[k]) / sum(map(exp, A.values()))) for k in A}
        for k, y in n.y(e).items():
            J += 0.5 * (A[k] - y) ** 2 if n.squared else -y * log(h[k]) / len(n.examples)
    at("J", J)


def _id(z: Any) -> Any:
    return z


def _quantities(n: Classifier, q: Recorded | Plain) -> Quantities:
    """By the lecture's names and indices: Z[l][i], W̃[l][i, j]; of a batch h[i][k], y[i]."""
    size = {1: len(n.examples[0][0])} | {l: len(b) for l, (_, b) in enumerate(n.layers, 2)}
    units = {l: range(1, size[l] + 1) for l in size}
    b = {l: {i: q(tex("b", l, i)) for i in units[l + 1]} for l in (1, 2)}
    W = {l: {(i, j): q(tex("W", l, i, j)) for i in units[l + 1] for j in units[l]} for l in (1, 2)}
    common = {
        "J": q("J"),
        "W": W,
        "b": b,
        "W̃": {l: {(i, 0): b[l][i] for i in b[l]} | W[l] for l in W},
        "m": len(n.examples),
        "λ": n.λ,
        "η": n.η,
        "d": q.d,
    }
    h = [{k: q(n.at("h", e, None, k)) for k in units[3]} for e, _ in enumerate(n.examples)]
    if len(n.examples) > 1:
        return common | {
            "h": dict(enumerate(h, 1)),
            "y": {i: y for i, (_, y) in enumerate(n.examples, 1)},
            "one_hot": {i: n.y(i - 1) for i, _ in enumerate(n.examples, 1)},
        }
    A = {l: {j: q(n.at("A", 0, l, j)) for j in units[l]} for l in units}
    Z = {l: {i: q(n.at("Z", 0, l, i)) for i in units[l]} for l in (2, 3)}
    Ã = {l: {0: q(n.at(TILDE, 0, l, 0))} | A[l] for l in W}
    φ = {l: q.function(f) if f in OPS else (_id, lambda z: 1.0) for l, f in enumerate(n.φ, 2)}
    return common | {
        "x": A[1],
        "x̃": Ã[1],
        "A": A,
        "Ã": Ã,
        "Z": Z,
        "Δ": {l: {i: q.d(q("J"), z) for i, z in Z[l].items()} for l in Z},
        "h": h[0],
        "y": n.y(0),
        "φ": {l: f for l, (f, _) in φ.items()},
        "dφ": {l: df for l, (_, df) in φ.items()},
    }
