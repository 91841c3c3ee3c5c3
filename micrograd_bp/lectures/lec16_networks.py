# ruff: noqa: E741  l is the lecture's layer
r"""Lec 16: its network by the engine, and random ones with their quantities by its names.

w^(l)_ij goes from unit i of layer l - 1 to unit j of layer l. The constant x^(l-1)_0 = 1 is a leaf
of the graph, and row 0 of w^(l), which comes from it, is the biases.

>>> w, s, x = layers((0.5,), (((0.25,), (-1.0,)),), "tanh")
>>> s[1][1].data, [v.label for v in s[1][1].parents]
(-0.25, ['w^{(1)}_{01}', 'w^{(1)}_{11}', 'x^{(0)}_0', 'x^{(0)}_1'])
>>> engine, oracle = networks(Random(1))
>>> e, w, d = (oracle[name] for name in ("e", "w", "d"))
>>> abs(d(e, w[2][0, 1]) - engine["d"](e, w[2][0, 1])) < 1e-15
True
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

from micrograd_bp import ops
from micrograd_bp.engine import Value
from micrograd_bp.lectures.statements import (
    FUNCTIONS,
    SMOOTH,
    At,
    Matrix,
    Plain,
    Quantities,
    Recorded,
    Vector,
    composed,
    each,
    random_vector,
)
from micrograd_bp.nn import tex

Units = dict[int, dict[int, Value]]
Weights = dict[int, dict[tuple[int, int], Value]]

# ------------------------------------------------------------------ the lecture's network


def unit(symbol: str, l: int, i: int, w: Sequence[Matrix]) -> str:
    """The label of an s or x: that of the output, where it is one, has no index."""
    return tex(symbol, l, *([] if l == len(w) and len(w[-1][0]) == 1 else [i]))


def layers(x: Vector, w: Sequence[Matrix], theta: str) -> tuple[Weights, Units, Units]:
    """The network by the engine: its Values w[l][i, j], s[l][j] and x[l][i].

    `w[l - 1][i][j - 1]` is w^(l)_ij. s^(l)_j is one node, of a column of w^(l) and all of x^(l-1).
    """
    ws: Weights = {}
    ss: Units = {}
    xs: Units = {0: {i: Value(x_i, tex("x", 0, i)) for i, x_i in enumerate(x, 1)}}
    θ = getattr(ops, theta)
    for l, rows in enumerate(w, 1):
        xs[l - 1] = {0: Value(1.0, tex("x", l - 1, 0))} | xs[l - 1]
        ws[l] = {
            (i, j): Value(w_ij, tex("w", l, i, j))
            for i, row in enumerate(rows)
            for j, w_ij in enumerate(row, 1)
        }
        ss[l], xs[l] = {}, {}
        for j in range(1, len(rows[0]) + 1):
            s = ops.dot([ws[l][i, j] for i in xs[l - 1]], xs[l - 1].values())  # 07
            s.label = unit("s", l, j, w)
            ss[l][j], xs[l][j] = s, θ(s)
            xs[l][j].label = unit("x", l, j, w)
    return ws, ss, xs


# ------------------------------------------------------------------ random networks of any depth


@dataclass(frozen=True)
class Deep:
    """L layers of weights w^(l), a θ for all of them, and g summed over the outputs."""

    x: Vector
    y: Vector
    w: tuple[Matrix, ...]
    theta: str
    g: str


G: dict[str, Callable[[Any, float], Any]] = {
    "squared": lambda x, y: (x - y) ** 2,
    "half squared": lambda x, y: 0.5 * (x - y) ** 2,
    "quartic": lambda x, y: (x - y) ** 4,
}


def _random(rng: Random, sizes: Sequence[int], losses: Sequence[str]) -> list[Quantities]:
    vector = partial(random_vector, rng)
    n = Deep(
        x=vector(sizes[0]),
        y=vector(sizes[-1]),
        w=tuple(tuple(vector(up) for _ in range(d + 1)) for d, up in pairwise(sizes)),
        theta=rng.choice(SMOOTH),
        g=rng.choice(losses),
    )
    return [_quantities(n, Recorded(_record(n))), _quantities(n, Plain(partial(_forward, n)))]


def networks(rng: Random) -> list[Quantities]:
    """2 to 4 layers; half of the networks are square, d^(0) = … = d^(L), the others are not."""
    L, d = rng.randint(2, 4), rng.randint(2, 3)
    square = rng.random() < 0.5
    sizes = [d, *(d if square else rng.randint(1, 4) for _ in range(L - 1)), d if square else 5 - d]
    return _random(rng, sizes, ["squared", "quartic"])


def one_output(rng: Random, losses: Sequence[str] = ("squared", "quartic")) -> list[Quantities]:
    """1 to 4 layers, d^(L) = 1."""
    return _random(rng, [*(rng.randint(1, 4) for _ in range(rng.randint(1, 4))), 1], losses)


def squared(rng: Random) -> list[Quantities]:
    """One output, g = (x - y)²."""
    return one_output(rng, ["squared"])


def half_squared(rng: Random) -> list[Quantities]:
    """One output, g = ½(x - y)²."""
    return one_output(rng, ["half squared"])


def chain_rule(rng: Random) -> list[Quantities]:
    """x = g(s, t), y = h(s, t), z = f(x, y)."""
    rules: dict[str, Callable[..., Any]] = {
        "x": lambda f, s, t: f.tanh(s) * t,
        "y": lambda f, s, t: f.exp(t) + 2.0 * s * t,
        "z": lambda f, x, y: f.sin(x) * y,
    }
    return composed(rng, ["s", "t"], rules)


def _record(n: Deep) -> Value:
    """The loss, recorded by the engine."""
    _, _, x = layers(n.x, n.w, n.theta)
    e: Value = ops.sum([G[n.g](x[len(n.w)][j], y) for j, y in enumerate(n.y, 1)])
    e.label = "e"
    return e


def _forward(n: Deep, at: At) -> None:
    """The same in plain loops (07, 02)."""
    x = [at(tex("x", 0, i), x_i) for i, x_i in enumerate(n.x, 1)]
    θ = FUNCTIONS[n.theta]
    for l, rows in enumerate(n.w, 1):
        s = [0.0] * len(rows[0])
        for i, (x_i, row) in enumerate(zip([at(tex("x", l - 1, 0), 1.0), *x], rows)):
            for j, w_ij in enumerate(row, 1):
                s[j - 1] += at(tex("w", l, i, j), w_ij) * x_i
        s = [at(unit("s", l, j, n.w), s_j) for j, s_j in enumerate(s, 1)]
        x = [at(unit("x", l, j, n.w), θ(s_j)) for j, s_j in enumerate(s, 1)]
    at("e", sum(G[n.g](x_j, y) for x_j, y in zip(x, n.y)))


def _quantities(n: Deep, q: Recorded | Plain) -> Quantities:
    """By the lecture's names and indices: w[l][i, j], s[l][j], x[l][i], δ[l][j], Ŵ[l][i, j]."""
    L, e, y = len(n.w), q("e"), dict(enumerate(n.y, 1))
    d = dict(enumerate([*(len(rows) - 1 for rows in n.w), len(n.y)]))
    w = {
        l: {(i, j): q(tex("w", l, i, j)) for i in range(d[l - 1] + 1) for j in range(1, d[l] + 1)}
        for l in range(1, L + 1)
    }
    s, x = (
        {
            l: {i: q(unit(symbol, l, i, n.w)) for i in range(symbol == "s" or l == L, d[l] + 1)}
            for l in range(symbol == "s", L + 1)
        }
        for symbol in "sx"
    )
    θ, dθ = q.function(n.theta)

    def g(x: dict[int, float]) -> Any:
        return sum(G[n.g](x[j], y[j]) for j in y)

    def rest(s: dict[int, float], above: Sequence[dict[tuple[int, int], float]]) -> Any:
        """e from the s of one layer and the weights above it alone."""
        for w in above:
            x = {0: 1.0} | {i: θ(s_i) for i, s_i in s.items()}
            s = {j: sum(w[i, j] * x[i] for i in x) for j in dict.fromkeys(j for _, j in w)}
        return g({j: θ(s_j) for j, s_j in s.items()})

    return {
        "L": L,
        "dim": d,
        "w": w,
        "Ω": [w_ij for l in w for w_ij in w[l].values()],
        "Ŵ": {l: {(i, j): w_ij for (i, j), w_ij in w[l].items() if i} for l in w},
        "s": s,
        "x": x,
        "y": y,
        "e": e,
        "δ": each(s, lambda l, j: q.d(e, s[l][j])),
        "hidden": {l: s[l] for l in range(1, L)},
        "outputs": {l: [i for i in x[l] if i] for l in range(L)},
        "d": q.d,
        "slope": q.slope,
        "dθ": dθ,
        "g": g,
        "rest": rest,
    }
