"""Random networks for the formulas of CSC311, of three layers and of any depth.

Each is given twice, by the engine's graph and by a plain program (`statements`), in the lecture's
names: z[m][i], a[m][i], b[m][i], W[m][i, j], and d(C, z[m][i]) for ∂C/∂z^(m)_i.

>>> engine, oracle = three_layers(Random(0))
>>> engine["D"], abs(engine["C"] - oracle["C"]) < 1e-15
([4, 3, 2, 1], True)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from random import Random
from typing import Any

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
    random_vector,
)
from micrograd_bp.nn import MLP, tex


@dataclass(frozen=True)
class Deep:
    """L layers, each with its W^(m), b^(m) and nonlinearity σ^(m), one output a^(L), and a cost."""

    x: Vector
    t: float
    layers: tuple[tuple[Matrix, Vector], ...]
    activations: tuple[str, ...]
    cost: str

    def unit(self, symbol: str, m: int, i: int) -> str:
        """The label of a z, a or b: that of the one output has no index."""
        return tex(symbol, m, *([i] if m < len(self.layers) else []))

    def weight(self, m: int, i: int, j: int) -> str:
        """The label of a weight."""
        return tex("W", m, i, j) if m < len(self.layers) else tex("w", m, j)


COSTS: dict[str, Callable[[Any, float], Any]] = {
    "squared": lambda a, t: 0.5 * (a - t) ** 2,
    "quartic": lambda a, t: 0.25 * (a - t) ** 4,
}


def _random(rng: Random, sizes: Sequence[int], activations: Sequence[str]) -> list[Quantities]:
    vector = partial(random_vector, rng)
    n = Deep(
        x=vector(sizes[0]),
        t=rng.uniform(-1.0, 1.0),
        layers=tuple(
            (tuple(vector(D) for _ in range(up)), vector(up)) for D, up in pairwise(sizes)
        ),
        activations=tuple(rng.choice(activations) for _ in sizes[1:]),
        cost=rng.choice([*COSTS]),
    )
    return [_quantities(n, Recorded(*_record(n))), _quantities(n, Plain(partial(_forward, n)))]


def three_layers(rng: Random) -> list[Quantities]:
    """3 layers; w3, b3, z3 and a3 are those of the output, which has no index."""
    return _random(rng, [rng.randint(3, 4), rng.randint(2, 4), rng.randint(2, 3), 1], SMOOTH)


def any_depth(rng: Random) -> list[Quantities]:
    """2 to 5 layers of 1 to 4 units, then one output."""
    return _random(rng, [*(rng.randint(1, 4) for _ in range(rng.randint(2, 5))), 1], SMOOTH)


def sigmoids(rng: Random) -> list[Quantities]:
    """3 layers, all with the logistic sigmoid."""
    return _random(rng, [3, 3, 2, 1], ["sigmoid"])


def _record(n: Deep) -> tuple[Value, list[Value]]:
    """The cost, recorded by the engine, and its inputs."""
    model = MLP.from_arrays(n.layers)
    for layer, activation in zip(model.layers, n.activations):
        for neuron in layer.neurons:
            neuron.activation = activation
    inputs = [Value(x, tex("a", 0, j)) for j, x in enumerate(n.x, 1)]
    C = COSTS[n.cost](model(inputs), n.t)
    C.label = "C"
    return C, inputs


def _forward(n: Deep, at: At) -> None:
    """The forward pass in plain loops (31)."""
    a = [at(tex("a", 0, j), x) for j, x in enumerate(n.x, 1)]
    for m, ((W, b), name) in enumerate(zip(n.layers, n.activations), 1):
        σ, before, a = FUNCTIONS[name], a, []
        for i, (row, b_i) in enumerate(zip(W, b), 1):
            z = at(n.unit("b", m, i), b_i)
            for j, (w, a_j) in enumerate(zip(row, before), 1):
                z += at(n.weight(m, i, j), w) * a_j
            a.append(at(n.unit("a", m, i), σ(at(n.unit("z", m, i), z))))
    at("C", COSTS[n.cost](a[0], n.t))


def _quantities(n: Deep, q: Recorded | Plain) -> Quantities:
    """By the lecture's names and indices: z[m][i], W[m][i, j], d(C, z[m][i])."""
    L = len(n.layers)
    D = [len(n.x), *(len(b) for _, b in n.layers)]
    units = {m: range(1, D[m] + 1) for m in range(L + 1)}
    W = {
        m: {(i, j): q(n.weight(m, i, j)) for i in units[m] for j in units[m - 1]}
        for m in range(1, L + 1)
    }
    a, b, z = (
        {m: {i: q(n.unit(symbol, m, i)) for i in units[m]} for m in range(symbol != "a", L + 1)}
        for symbol in "abz"
    )
    functions = {m: q.function(name) for m, name in enumerate(n.activations, 1)}
    return {
        "L": L,
        "D": D,
        "W": W,
        "b": b,
        "z": z,
        "a": a,
        "w3": {j: w for (_, j), w in W[L].items()},
        "b3": b[L][1],
        "z3": z[L][1],
        "a3": a[L][1],
        "t": n.t,
        "C": q("C"),
        "d": q.d,
        "slope": q.slope,
        "σ": {m: σ for m, (σ, _) in functions.items()},
        "dσ": {m: dσ for m, (_, dσ) in functions.items()},
        "cost": COSTS[n.cost],
        "parameters": [w for m in W for w in [*W[m].values(), *b[m].values()]],
    }


def chain(rng: Random) -> list[Quantities]:
    """y = f(x), z = g(y)."""
    return composed(
        rng,
        ["x"],
        {"y": lambda f, x: f.tanh(x) + 2.0 * x, "z": lambda f, y: f.sin(y) * y},
    )


def two_ways(rng: Random) -> list[Quantities]:
    """y₁ = f₁(x), y₂ = f₂(x), C = g(y₁, y₂)."""
    rules: dict[str, Callable[..., Any]] = {
        "y_1": lambda f, x: f.tanh(x) + 2.0 * x,
        "y_2": lambda f, x: f.exp(x) * x,
        "C": lambda f, y_1, y_2: f.sin(y_1) * y_2,
    }
    return composed(rng, ["x"], rules)
