r"""Random networks for the formulas of ML: the small net, alone and with a batch, and perceptrons.

Each is given twice, by the engine's graph and in plain numbers (`statements`), in the lecture's
names: of the small net zʹ and zʺ for z' and z'' of the next layer, w3, l; of perceptrons, whose
units are numbered, W[j, i] from j to i, a[j], in_[i], Err[i], Δ[i] = -∂E/∂in_i.

>>> engine, oracle = any_net(Random(0))
>>> abs(engine["l"] / oracle["l"] - 1.0) < 1e-15
True
>>> engine, oracle = multilayer(Random(0))
>>> engine["before"][engine["outputs"][0]], engine["outputs"]
([0, 6, 7], [8, 9, 10])
"""
# ruff: noqa: E741  l is the lecture's name for the loss of one example

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from operator import mul
from random import Random
from types import SimpleNamespace
from typing import Any

from micrograd_bp import ops
from micrograd_bp.engine import Value
from micrograd_bp.lectures.statements import (
    FUNCTIONS,
    SMOOTH,
    At,
    Plain,
    Quantities,
    Recorded,
    composed,
    exp,
    random_vector,
    record,
)
from micrograd_bp.nn import tex

PLAIN = SimpleNamespace(
    dot=lambda weights, inputs, bias=0.0: sum(map(mul, weights, inputs)) + bias,
    softmax=lambda z: [exp(z_k) / sum(map(exp, z)) for z_k in z],
    sum=sum,
    **FUNCTIONS,
)
"""What a network is made of, in plain numbers; to the engine it is `ops`."""


def _sources(program: Callable[[At, Any], Value]) -> tuple[Recorded, Plain]:
    """A network recorded by the engine, and the same in plain numbers."""
    return Recorded(program(record, ops)), Plain(lambda at: program(at, PLAIN))


# ------------------------------------------------------------------ labels


def label(name: str, mark: str = "") -> str:
    r"""The label of a name of the small net, in the example of this mark.

    >>> label("zʹ", "2"), label("zʹ"), label("w3"), label("x1", "2")
    ('z^{\\prime 2}', 'z^{\\prime}', 'w_3', 'x^{2}_1')
    """
    primes = {"": "", "ʹ": r"\prime", "ʺ": r"\prime\prime"}[name[1:].rstrip("0123456789")]
    upper = " ".join(filter(None, (primes, mark)))
    index = name[1:].strip("ʹʺ")
    symbol = name[0] + (f"^{{{upper}}}" if upper else "")
    return tex(symbol, None, int(index)) if index else symbol


def unit(symbol: str, *units: int) -> str:
    """The label of a quantity of a perceptron, or of a weight from one to another.

    >>> unit("in", 3), unit("W", 1, 3)
    ('in_{3}', 'W_{1,3}')
    """
    return f"{symbol}_{{{','.join(map(str, units))}}}"


# ------------------------------------------------------------------ the small net, and its batch

Net = Mapping[str, tuple[str, Mapping[str, str]]]
"""Of each z: its bias, and what each of its weights multiplies. The last two lead to y1 and y2."""
CASE_1: Net = {  # the lecture's figures are lost: z0, beside z, and its weights are ours
    "z0": ("b0", {"u1": "x1", "u2": "x2"}),
    "z": ("b", {"w1": "x1", "w2": "x2"}),
    "zʹ": ("bʹ", {"w3": "a", "u3": "a0"}),
    "zʺ": ("bʺ", {"w4": "a", "u4": "a0"}),
}
CASE_2: Net = {  # and so are z1, z2
    **CASE_1,
    "z1": ("b1", {"w5": "aʹ", "w7": "aʺ"}),
    "z2": ("b2", {"w6": "aʹ", "w8": "aʺ"}),
}
DEEPER: Net = {
    **CASE_2,
    "z3": ("b3", {"w9": "a1", "w11": "a2"}),
    "z4": ("b4", {"w10": "a1", "w12": "a2"}),
}


def _small(rng: Random, net: Net, examples: int = 1, softmax: bool = False) -> list[Quantities]:
    marks = [str(n) for n in range(1, examples + 1)] if examples > 1 else [""]
    batch = {mark: (random_vector(rng, 2), random_vector(rng, 2)) for mark in marks}
    weights, biases = [w for _, into in net.values() for w in into], [b for b, _ in net.values()]
    θ = dict(zip([*weights, *biases], random_vector(rng, len(weights) + len(biases))))
    σ, power = rng.choice(SMOOTH), rng.choice((2, 4))
    hidden, last = [*net][:-2], [*net][-2:]

    def program(at: At, f: Any) -> Any:
        p = {name: at(label(name), number) for name, number in θ.items()}
        losses = []
        for mark, (x, t) in batch.items():
            value = {f"x{j}": at(label(f"x{j}", mark), x_j) for j, x_j in enumerate(x, 1)}
            for z, (b, into) in net.items():
                total = f.dot([p[w] for w in into], [value[x] for x in into.values()], p[b])
                value[z] = at(label(z, mark), total)
                if z in hidden:
                    a = z.replace("z", "a")
                    value[a] = at(label(a, mark), getattr(f, σ)(value[z]))
            ends = [value[z] for z in last]
            outputs = f.softmax(ends) if softmax else [getattr(f, σ)(z) for z in ends]
            y = [at(label(f"y{i}", mark), y_i) for i, y_i in enumerate(outputs, 1)]
            l = f.sum([(y_i - t_i) ** power / power for y_i, t_i in zip(y, t)])
            losses.append(at(label("l", mark), l))
        return at("L", f.sum(losses))

    def quantities(q: Recorded | Plain) -> Quantities:
        found = {"L": q("L"), "d": q.d, "slope": q.slope}
        found["σ"], found["σʹ"] = q.function(σ)
        if examples > 1:
            l = {mark: q(label("l", mark)) for mark in marks}
            w, b = ({name: q(label(name)) for name in names} for names in (weights, biases))
            return found | {"l": l, "w": w, "b": b, "θ": [*w.values(), *b.values()]}
        names = ["x1", "x2", *θ, *net, *(z.replace("z", "a") for z in hidden), "y1", "y2", "l"]
        found |= {name: q(label(name)) for name in names}
        into = {w: (x, z) for z, (_, into) in net.items() for w, x in into.items()}
        return found | {"all_w": {w: (found[w], found[x], found[z]) for w, (x, z) in into.items()}}

    return [quantities(q) for q in _sources(program)]


def output_next(rng: Random) -> list[Quantities]:
    """z' and z'' lead to y_1 and y_2: case 1."""
    return _small(rng, CASE_1)


def hidden_next(rng: Random) -> list[Quantities]:
    """z' and z'' are hidden: case 2."""
    return _small(rng, rng.choice((CASE_2, DEEPER)))


def any_net(rng: Random) -> list[Quantities]:
    """Either."""
    return _small(rng, rng.choice((CASE_1, CASE_2, DEEPER)))


def softmax_next(rng: Random) -> list[Quantities]:
    """y_1 and y_2 are the softmax of z' and z''."""
    return _small(rng, CASE_1, softmax=True)


def batch(rng: Random) -> list[Quantities]:
    """2 to 4 examples through one net: l[n], and w and b by name."""
    return _small(rng, rng.choice((CASE_1, CASE_2, DEEPER)), rng.randint(2, 4))


# ------------------------------------------------------------------ perceptrons


def _perceptrons(rng: Random, sizes: Sequence[int]) -> list[Quantities]:
    """Layers of these sizes; the units are numbered all through, the inputs from 1 on."""
    units = [[*range(*ends)] for ends in pairwise(accumulate(sizes, initial=1))]
    inputs, *hidden, outputs = units
    before = {i: [0, *layer] for layer, after in pairwise(units) for i in after}
    weights = [(j, i) for i in before for j in before[i]]
    W = dict(zip(weights, random_vector(rng, len(weights))))
    x, y = (
        dict(zip(inputs, random_vector(rng, sizes[0]))),
        dict(zip(outputs, random_vector(rng, sizes[-1]))),
    )
    g, α = rng.choice(SMOOTH), rng.uniform(0.2, 0.5)

    def program(at: At, f: Any) -> Any:
        w = {(j, i): at(unit("W", j, i), W[j, i]) for j, i in W}
        a = {j: at(unit("a", j), number) for j, number in {0: 1.0, **x}.items()}
        for i in before:
            in_ = f.dot([w[j, i] for j in before[i]], [a[j] for j in before[i]])
            a[i] = at(unit("a", i), getattr(f, g)(at(unit("in", i), in_)))
        Err = {i: at(unit("Err", i), y[i] - a[i]) for i in outputs}
        return at("E", f.sum([0.5 * Err[i] ** 2 for i in outputs]))

    def quantities(q: Recorded | Plain) -> Quantities:
        E, in_ = q("E"), {i: q(unit("in", i)) for i in before}
        functions = dict(zip(("g", "gʹ"), q.function(g)))
        return functions | {
            "W": {(j, i): q(unit("W", j, i)) for j, i in W},
            "a": {j: q(unit("a", j)) for j in [0, *x, *before]},
            "in_": in_,
            "y": y,
            "Err": {i: q(unit("Err", i)) for i in outputs},
            "E": E,
            "Δ": {i: -q.d(E, in_[i]) for i in in_},
            "hidden": [j for layer in hidden for j in layer],
            "outputs": outputs,
            "before": before,
            "after": {j: after for layer, after in pairwise(units) for j in layer},
            "α": α,
            "d": q.d,
        }

    return [quantities(q) for q in _sources(program)]


def one_perceptron(rng: Random) -> list[Quantities]:
    """1 to 4 inputs, one output: W[j], x[j], in_, Err and h have no index of a unit."""

    def without_index(n: Quantities) -> Quantities:
        (i,) = n["outputs"]
        return n | {
            "W": {j: w for (j, _), w in n["W"].items()},
            "x": {j: n["a"][j] for j in n["before"][i]},
            "in_": n["in_"][i],
            "h": n["a"][i],
            "y": n["y"][i],
            "Err": n["Err"][i],
        }

    return [*map(without_index, _perceptrons(rng, [rng.randint(1, 4), 1]))]


def single_layer(rng: Random) -> list[Quantities]:
    """1 to 4 inputs, 2 or 3 outputs."""
    return _perceptrons(rng, [rng.randint(1, 4), rng.randint(2, 3)])


def multilayer(rng: Random) -> list[Quantities]:
    """1 or 2 hidden layers, 2 or 3 outputs."""
    hidden = [rng.randint(2, 4) for _ in range(rng.randint(1, 2))]
    return _perceptrons(rng, [rng.randint(1, 3), *hidden, rng.randint(2, 3)])


# ------------------------------------------------------------------ functions of functions


def one_way(rng: Random) -> list[Quantities]:
    """y = g(x), z = h(y)."""
    return composed(rng, ["x"], {"y": lambda f, x: f.tanh(x) + x, "z": lambda f, y: f.sin(y)})


def two_ways(rng: Random) -> list[Quantities]:
    """x = g(s), y = h(s), z = k(x, y)."""
    rules: dict[str, Callable[..., Any]] = {
        "x": lambda f, s: f.tanh(s) + 2.0 * s,
        "y": lambda f, s: f.exp(s) * s,
        "z": lambda f, x, y: f.sin(x) * y,
    }
    return composed(rng, ["s"], rules)
