r"""CS3780: its network by the engine, and random ones with their quantities by its names.

W^[t]_ij goes to unit i of layer t from unit j of layer t - 1. With one neuron in each layer, and
there is one input, as in the lecture's derivation, the labels have no such index.

>>> model = labelled([((0.5,),), ((-2.0,),)], [(0.0,), (0.1,)], (3.0,), 0.25, "tanh")
>>> [v.label for v in model.parameters()]
['W^{[1]}', 'b^{1}', 'W^{[2]}', 'b^{2}', '\\alpha', 'b']
>>> engine, oracle = vectors(Random(1))
>>> loss, W, d = (oracle[name] for name in ("loss", "W", "d"))
>>> abs(d(loss, W[2][1, 1]) - engine["d"](loss, W[2][1, 1])) < 1e-15
True
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
    each,
    random_vector,
)
from micrograd_bp.nn import MLP, tex

# ------------------------------------------------------------------ the lecture's network


def is_chain(W: Sequence[Matrix]) -> bool:
    """Whether there is one input, and one neuron in each layer."""
    return all(len(rows) == len(rows[0]) == 1 for rows in W)


def label(symbol: str, chain: bool, *indices: int) -> str:
    """The label of a quantity; in a chain there is one of each, and no index."""
    return tex(symbol, None, *([] if chain else indices))


def labelled(
    W: Sequence[Matrix], b: Sequence[Vector], alpha: Vector, bias: float, sigma: str
) -> MLP:
    """The network by the engine in the lecture's labels: T layers, then α and b, which are linear.

    `model.weight(t, i, j)` is W^[t]_ij, `model.weight(T + 1, 1, i)` is α_i.
    """
    model = MLP.from_arrays([*zip(W, b), (alpha, bias)], sigma, "linear")
    chain = is_chain(W)
    *hidden, read_out = model.layers
    for t, layer in enumerate(hidden, 1):
        for i, neuron in enumerate(layer.neurons, 1):
            for j, w in enumerate(neuron.w, 1):
                w.label = label(f"W^{{[{t}]}}", chain, i, j)
            model.bias(t, i).label = label(f"b^{{{t}}}", chain, i)
            neuron.z_label = label(f"u^{{{t}}}", chain, i)
            neuron.a_label = label(f"z^{{{t}}}", chain, i)
    (neuron,) = read_out.neurons
    for i, w in enumerate(neuron.w, 1):
        w.label = label(r"\alpha", chain, i)
    model.bias(len(model.layers), 1).label = "b"
    neuron.z_label = r"\hat{y}"
    return model


def inputs(x: Vector, W: Sequence[Matrix]) -> list[Value]:
    """z^0 = x as Values (01)."""
    return [Value(x_j, label("z^{0}", is_chain(W), j)) for j, x_j in enumerate(x, 1)]


# ------------------------------------------------------------------ random networks of any depth


@dataclass(frozen=True)
class Deep:
    """T hidden layers, each with its W^[t] and b^t, one σ for all, α and b, and a loss."""

    x: Vector
    y: float
    W: tuple[Matrix, ...]
    b: tuple[Vector, ...]
    alpha: Vector
    bias: float
    sigma: str
    loss: str


LOSSES: dict[str, Callable[[Any, float], Any]] = {
    "squared": lambda ŷ, y: 0.5 * (ŷ - y) ** 2,
    "quartic": lambda ŷ, y: 0.25 * (ŷ - y) ** 4,
}


def _random(
    rng: Random, sizes: Sequence[int], sigmas: Sequence[str], bound: float = 1.5
) -> list[Quantities]:
    vector = partial(random_vector, rng, bound=bound)
    n = Deep(
        x=vector(sizes[0]),
        y=rng.uniform(-1.0, 1.0),
        W=tuple(tuple(vector(D) for _ in range(up)) for D, up in pairwise(sizes)),
        b=tuple(map(vector, sizes[1:])),
        alpha=vector(sizes[-1]),
        bias=rng.uniform(-1.0, 1.0),
        sigma=rng.choice(sigmas),
        loss=rng.choice([*LOSSES]),
    )
    return [_quantities(n, Recorded(_record(n))), _quantities(n, Plain(partial(_forward, n)))]


def chains(rng: Random, sigmas: Sequence[str] = SMOOTH) -> list[Quantities]:
    """2 to 5 layers of one neuron, and one input."""
    return _random(rng, [1] * rng.randint(3, 6), sigmas)


def sigmoids(rng: Random) -> list[Quantities]:
    """The same, with the logistic sigmoid."""
    return chains(rng, ["sigmoid"])


def tanhs(rng: Random) -> list[Quantities]:
    """The same, with tanh."""
    return chains(rng, ["tanh"])


def exponentials(rng: Random) -> list[Quantities]:
    """2 layers of one neuron with σ = exp, and smaller weights, for it grows fast."""
    return _random(rng, [1, 1, 1], ["exp"], 0.8)


def vectors(rng: Random) -> list[Quantities]:
    """2 to 4 layers; half of the networks have square matrices throughout, the others do not."""
    T, D = rng.randint(2, 4), rng.randint(2, 3)
    if rng.random() < 0.5:
        return _random(rng, [D] * (T + 1), SMOOTH)
    between = [rng.randint(1, 4) for _ in range(T - 2)]
    return _random(rng, [rng.randint(1, 4), D, *between, 5 - D], SMOOTH)


def _record(n: Deep) -> Value:
    """The loss, recorded by the engine."""
    model = labelled(n.W, n.b, n.alpha, n.bias, n.sigma)
    loss: Value = LOSSES[n.loss](model(inputs(n.x, n.W)), n.y)
    loss.label = r"\ell"
    return loss


def _forward(n: Deep, at: At) -> None:
    """The forward pass in plain loops (01 to 04)."""
    chain = is_chain(n.W)
    σ = FUNCTIONS[n.sigma]
    z = [at(label("z^{0}", chain, j), x) for j, x in enumerate(n.x, 1)]
    for t, (W, b) in enumerate(zip(n.W, n.b), 1):
        before, z = z, []
        for i, (row, b_i) in enumerate(zip(W, b), 1):
            u = at(label(f"b^{{{t}}}", chain, i), b_i)
            for j, (w, z_j) in enumerate(zip(row, before), 1):
                u += at(label(f"W^{{[{t}]}}", chain, i, j), w) * z_j
            u = at(label(f"u^{{{t}}}", chain, i), u)
            z.append(at(label(f"z^{{{t}}}", chain, i), σ(u)))
    ŷ = at("b", n.bias)
    for i, (α, z_i) in enumerate(zip(n.alpha, z), 1):
        ŷ += at(label(r"\alpha", chain, i), α) * z_i
    at(r"\ell", LOSSES[n.loss](at(r"\hat{y}", ŷ), n.y))


def _quantities(n: Deep, q: Recorded | Plain) -> Quantities:
    """By the lecture's names: W[t][i, j], u[t][i], α[i]; of a chain W[t], u[t], α."""
    T, chain, loss = len(n.W), is_chain(n.W), q(r"\ell")
    D = [len(n.x), *map(len, n.b)]
    units = {t: range(1, D[t] + 1) for t in range(T + 1)}
    W = {
        t: {(i, j): q(label(f"W^{{[{t}]}}", chain, i, j)) for i in units[t] for j in units[t - 1]}
        for t in range(1, T + 1)
    }
    u, z, b = (
        {
            t: {i: q(label(f"{symbol}^{{{t}}}", chain, i)) for i in units[t]}
            for t in range(symbol != "z", T + 1)
        }
        for symbol in "uzb"
    )
    α = {i: q(label(r"\alpha", chain, i)) for i in units[T]}
    δ = each(u, lambda t, i: q.d(loss, u[t][i]))
    x = dict(enumerate(n.x, 1))

    def by_layer(quantity: dict[int, Any]) -> dict[int, Any]:
        return {t: only(inside) for t, inside in quantity.items()}

    def only(quantity: dict[Any, Any]) -> Any:
        return next(iter(quantity.values())) if chain else quantity

    σ, dσ = q.function(n.sigma)
    return {
        "T": T,
        "W": by_layer(W),
        "b": by_layer(b),
        "u": by_layer(u),
        "z": by_layer(z),
        "δ": by_layer(δ),
        "α": only(α),
        "x": only(x),
        "bias": q("b"),
        "ŷ": q(r"\hat{y}"),
        "loss": loss,
        "d": q.d,
        "σ": σ,
        "dσ": dσ,
    }
