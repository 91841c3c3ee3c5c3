r"""ML, "Deep Learning: Backpropagation Algorithm": a small net and its batch, then perceptrons.

In the small net (`Network`) z takes the inputs x_1, x_2, and a = σ(z) goes on to z' with w_3 and to
z'' with w_4, the next layer: primes on z, a and b are no derivatives, that on σ is one. The loss L
of a batch is the sum of the l^n of its examples. Of perceptrons there is one (`Perceptron`), with
the weights W_j of its inputs x_j, x_0 = 1, and Err = y - h; and two layers of them (`Multilayer`),
where W_{j,i} goes from unit j to unit i, and Δ_i is -∂E/∂in_i. Formulas are cited by their place
in the lecture: ML-11 is its eleventh. `FORMULAS` has them as records that run, `REMARKS` what does
not hold as printed, or is left open.

>>> L, θ = build(EXAMPLE)
>>> L.backward()
>>> forward, backward = by_hand(EXAMPLE)
>>> print(f"{θ['w_1'].grad:.10g} {backward['w_1']:.10g}")
0.003869960793 0.003869960793
>>> for row in update(PERCEPTRON)[:2]:
...     print(row.label, f"{row.engine:.10g} {row.hand:.10g}")
W_0 0.173562152 0.173562152
W_1 0.436781076 0.436781076
>>> for exercise in exercises(MULTILAYER):
...     print(exercise.wrt.label, len(exercise.paths), f"{exercise.value:.10g}")
in_{5} 1 -0.08562103369
in_{3} 2 -0.02310307898
W_{3,5} 1 -0.05815198228
W_{1,3} 2 -0.02310307898
"""
# ruff: noqa: E741  l is the lecture's name for the loss of one example

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeVar

from micrograd_bp import ops
from micrograd_bp.derivations import Derivation, derive
from micrograd_bp.engine import Value, topological_order
from micrograd_bp.lectures.beside import NONLINEARITIES, Row, beside
from micrograd_bp.lectures.ml_formulas import FORMULAS, REMARKS
from micrograd_bp.lectures.ml_networks import label, unit
from micrograd_bp.lectures.statements import Matrix, Vector
from micrograd_bp.losses import squared_error
from micrograd_bp.ops import dot, sigmoid

__all__ = [
    "EXAMPLE", "FORMULAS", "MULTILAYER", "PERCEPTRON", "REMARKS", "Multilayer", "Network",
    "Perceptron", "Row", "build", "by_hand", "compare", "exercises", "update",
]  # fmt: skip

Numbers = dict[str, float]
T = TypeVar("T")


@dataclass(frozen=True)
class Network:
    """The small net: w_1 to w_8, the biases of z, z', z'', z_1, z_2, a batch of (x, t), and η.

    w_1 and w_2 lead from x_1, x_2 to z; w_3 and w_4 from a to z', z''; w_5 and w_6 from a', w_7
    and w_8 from a'' to z_1, z_2. Two outputs y_1, y_2 have the targets t. The lecture's figures are
    lost: what is behind z' and z'' goes by names of ours.
    """

    batch: tuple[tuple[Vector, Vector], ...]
    w: Vector
    b: Vector
    eta: float = 0.5

    def __post_init__(self) -> None:
        _expect("w", self.w, 8)
        _expect("b", self.b, 5)
        if not self.batch:
            raise ValueError("batch: expected at least 1 example, got none")
        for n, (x, t) in enumerate(self.batch):
            _expect(f"batch[{n}]: x", x, 2)
            _expect(f"batch[{n}]: t", t, 2)


@dataclass(frozen=True)
class Perceptron:
    """One perceptron: inputs x_1 …, true output y, weights W_0, W_1 …, and the learning rate α.

    W_0 is the bias, the weight of x_0 = 1.
    """

    x: Vector
    y: float
    W: Vector
    alpha: float = 0.5

    def __post_init__(self) -> None:
        _expect("W, x_0 = 1 included", self.W, len(self.x) + 1)


@dataclass(frozen=True)
class Multilayer:
    """A hidden layer of perceptrons and one of outputs: inputs x, true outputs y, W, and α.

    The units have numbers: 0 is always 1, then come the inputs k, the hidden units j, the outputs
    i. `W_kj[k]` is the row of weights from unit k to the hidden units, k = 0 first; `W_ji` has the
    rows from unit 0, then from the hidden units, to the outputs.
    """

    x: Vector
    y: Vector
    W_kj: Matrix
    W_ji: Matrix
    alpha: float = 0.5

    def __post_init__(self) -> None:
        inputs, hidden, outputs = self.units
        if not (inputs and hidden and outputs):
            sizes = f"{len(inputs)}, {len(hidden)} and {len(outputs)}"
            raise ValueError(f"expected inputs, hidden units and outputs, got {sizes} of them")
        for name, W, before, after in (
            ("W_kj", self.W_kj, inputs, hidden),
            ("W_ji", self.W_ji, hidden, outputs),
        ):
            _expect(f"rows of {name}, unit 0 included", W, len(before) + 1)
            for k, row in enumerate(W):
                _expect(f"{name}[{k}]", row, len(after))

    @property
    def units(self) -> list[list[int]]:
        """The numbers k of the inputs, j of the hidden units, i of the outputs."""
        sizes = len(self.x), len(self.W_kj[0]) if self.W_kj else 0, len(self.y)
        return [[*range(*ends)] for ends in pairwise(accumulate(sizes, initial=1))]

    @property
    def W(self) -> dict[tuple[int, int], float]:
        """W[j, i] is the weight from unit j to unit i."""
        return {
            (j, i): w
            for matrix, before, after in zip((self.W_kj, self.W_ji), self.units, self.units[1:])
            for j, row in zip([0, *before], matrix)
            for i, w in zip(after, row)
        }


Networks = Network | Perceptron | Multilayer


def _expect(what: str, numbers: Sequence[object], size: int) -> None:
    if len(numbers) != size:
        raise ValueError(f"{what}: expected {size}, got {len(numbers)}")


EXAMPLE = Network(
    batch=(((1.0, -1.0), (1.0, 0.0)), ((0.5, 2.0), (0.0, 1.0)), ((-1.5, 0.5), (1.0, 0.0))),
    w=(0.5, -0.4, 0.8, -0.6, 0.3, 0.7, -0.5, 0.9),
    b=(0.1, -0.2, 0.3, 0.05, -0.1),
)
"""Three examples."""
PERCEPTRON = Perceptron(x=(0.5, -1.5, 2.0), y=1.0, W=(0.1, 0.4, 0.3, -0.2))
"""Three inputs."""
MULTILAYER = Multilayer(
    x=(1.0, -0.5),
    y=(1.0, 0.0),
    W_kj=((0.1, -0.2), (0.4, 0.3), (-0.5, 0.6)),
    W_ji=((0.2, -0.1), (0.7, -0.4), (-0.3, 0.5)),
)
"""Inputs 1 and 2, hidden units 3 and 4, outputs 5 and 6."""


# ------------------------------------------------------------------ labels


def _labelled(mark: str = "", **quantities: T) -> dict[str, T]:
    return {label(name, mark): quantity for name, quantity in quantities.items()}


def _parameters(network: Networks) -> Numbers:
    """θ by label: of a `Network` all weights, then all biases, as in 01."""
    if isinstance(network, Multilayer):
        return {unit("W", j, i): w for (j, i), w in network.W.items()}
    if isinstance(network, Perceptron):
        return {f"W_{j}": w for j, w in enumerate(network.W)}
    weights = {f"w_{k}": w for k, w in enumerate(network.w, 1)}
    b, bʹ, bʺ, b1, b2 = network.b
    return weights | _labelled(b=b, bʹ=bʹ, bʺ=bʺ, b1=b1, b2=b2)


def _examples(n: Network) -> Iterator[tuple[str, Vector, Vector]]:
    """The mark, inputs and targets of each example; where there is one, it needs no mark."""
    for number, (x, t) in enumerate(n.batch, 1):
        yield str(number) if len(n.batch) > 1 else "", x, t


# ------------------------------------------------------------------ with the engine


def build(network: Networks) -> tuple[Value, dict[str, Value]]:
    """The loss with its graph, and θ, the parameters by label: L of a `Network`, else E.

    `topological_order` has all other nodes. In a batch of several, those of example n are marked
    by it: `z^{2}` is z in the second. Errors: TypeError for any other network.
    """
    if isinstance(network, Network):
        return _small(network)
    if isinstance(network, Perceptron):
        return _one(network)
    if isinstance(network, Multilayer):
        return _layers(network)
    raise _unknown(network)


def _unknown(network: object) -> TypeError:
    given = f"{type(network).__module__}.{type(network).__name__}"
    return TypeError(f"expected ml.Network, ml.Perceptron or ml.Multilayer, got {given}")


def _small(n: Network) -> tuple[Value, dict[str, Value]]:
    θ = [Value(number, name) for name, number in _parameters(n).items()]
    w1, w2, w3, w4, w5, w6, w7, w8, b, bʹ, bʺ, b1, b2 = θ
    losses = []
    for mark, x, (t1, t2) in _examples(n):
        x1, x2 = map(Value, x)
        z = dot([w1, w2], [x1, x2], b)
        a = sigmoid(z)
        zʹ, zʺ = dot([w3], [a], bʹ), dot([w4], [a], bʺ)
        aʹ, aʺ = sigmoid(zʹ), sigmoid(zʺ)
        z1, z2 = dot([w5, w7], [aʹ, aʺ], b1), dot([w6, w8], [aʹ, aʺ], b2)
        y1, y2 = sigmoid(z1), sigmoid(z2)
        l1, l2 = squared_error(y1, t1), squared_error(y2, t2)
        l = ops.sum([l1, l2])
        nodes = _labelled(mark, x1=x1, x2=x2, z=z, a=a, zʹ=zʹ, zʺ=zʺ, aʹ=aʹ, aʺ=aʺ)
        nodes |= _labelled(mark, z1=z1, z2=z2, y1=y1, y2=y2, l1=l1, l2=l2, l=l)
        for name, node in nodes.items():
            node.label = name
        losses.append(l)
    L: Value = ops.sum(losses)
    L.label = "L"
    return L, {v.label: v for v in θ}


def _one(n: Perceptron) -> tuple[Value, dict[str, Value]]:
    W = [Value(number, name) for name, number in _parameters(n).items()]
    x = [Value(x_j, f"x_{j}") for j, x_j in enumerate((1.0, *n.x))]
    in_ = dot(W, x)
    h = sigmoid(in_)
    Err = n.y - h
    squared = Err**2
    E: Value = 0.5 * squared
    in_.label, h.label, Err.label, squared.label, E.label = "in", "h", "Err", "Err^{2}", "E"
    return E, {v.label: v for v in W}


def _layers(n: Multilayer) -> tuple[Value, dict[str, Value]]:
    inputs, hidden, outputs = n.units
    W = {(j, i): Value(w, unit("W", j, i)) for (j, i), w in n.W.items()}
    a = {k: Value(x, unit("a", k)) for k, x in enumerate((1.0, *n.x))}
    for before, after in ((inputs, hidden), (hidden, outputs)):
        for i in after:
            in_ = dot([W[j, i] for j in [0, *before]], [a[j] for j in [0, *before]])
            a[i] = sigmoid(in_)
            in_.label, a[i].label = unit("in", i), unit("a", i)
    terms = []
    for i, y in zip(outputs, n.y):
        Err = y - a[i]
        squared = Err**2
        terms.append(0.5 * squared)
        Err.label, squared.label = unit("Err", i), unit("Err^{2}", i)
        terms[-1].label = unit("E", i)
    E: Value = ops.sum(terms)
    E.label = "E"
    return E, {v.label: v for v in W.values()}


# ------------------------------------------------------------------ by hand, with plain numbers


σ, σʹ = NONLINEARITIES["sigmoid"]
"""The logistic sigmoid and its derivative: here the prime is one."""

g, gʹ = σ, σʹ
"""What the second half of the lecture calls them."""


def by_hand(network: Networks) -> tuple[Numbers, Numbers]:
    r"""The forward values and the backward ones, by the lecture's sums; nothing uses the engine.

    Both by label, in the lecture's order. Backward are the derivatives of the loss, by parameters
    at last, and for a `Multilayer` besides Δ, as `\Delta_{i}`. Errors: TypeError for any other
    network.
    """
    if isinstance(network, Network):
        return _small_by_hand(network)
    if isinstance(network, Perceptron):
        return _one_by_hand(network)
    if isinstance(network, Multilayer):
        return _layers_by_hand(network)
    raise _unknown(network)


def _small_by_hand(n: Network) -> tuple[Numbers, Numbers]:
    w1, w2, w3, w4, w5, w6, w7, w8 = n.w
    b, bʹ, bʺ, b1, b2 = n.b
    forward: Numbers = {}
    backward: Numbers = {}
    L, gradient = 0.0, [0.0] * 13
    for mark, (x1, x2), (t1, t2) in _examples(n):
        # forward pass: what each weight multiplies is ∂z/∂w (08)
        z = x1 * w1 + x2 * w2 + b  # 06
        a = σ(z)
        zʹ, zʺ = a * w3 + bʹ, a * w4 + bʺ
        aʹ, aʺ = σ(zʹ), σ(zʺ)
        z1, z2 = aʹ * w5 + aʺ * w7 + b1, aʹ * w6 + aʺ * w8 + b2
        y1, y2 = σ(z1), σ(z2)
        l = (y1 - t1) ** 2 / 2 + (y2 - t2) ** 2 / 2
        L += l  # 05
        forward |= _labelled(mark, z=z, a=a, zʹ=zʹ, zʺ=zʺ, aʹ=aʹ, aʺ=aʺ)
        forward |= _labelled(mark, z1=z1, z2=z2, y1=y1, y2=y2, l=l)

        # backward pass: ∂l/∂z of all z, from the output layer on
        dy1, dy2 = y1 - t1, y2 - t2
        dz1, dz2 = σʹ(z1) * dy1, σʹ(z2) * dy2  # 12: case 1, output layer
        daʹ, daʺ = w5 * dz1 + w6 * dz2, w7 * dz1 + w8 * dz2
        dzʹ, dzʺ = σʹ(zʹ) * daʹ, σʹ(zʺ) * daʺ  # 13: case 2, not output layer
        da = w3 * dzʹ + w4 * dzʺ  # 10
        dz = σʹ(z) * da  # 09, 11
        backward |= _labelled(mark, y1=dy1, y2=dy2, z1=dz1, z2=dz2, aʹ=daʹ, aʺ=daʺ)
        backward |= _labelled(mark, zʹ=dzʹ, zʺ=dzʺ, a=da, z=dz)

        # both together (07, 14), and ∂z/∂b = 1 (O10)
        dw = [x1 * dz, x2 * dz, a * dzʹ, a * dzʺ, aʹ * dz1, aʹ * dz2, aʺ * dz1, aʺ * dz2]
        db = [dz, dzʹ, dzʺ, dz1, dz2]
        gradient = [dL + dl for dL, dl in zip(gradient, dw + db)]  # 05
    return forward | {"L": L}, backward | dict(zip(_parameters(n), gradient))  # 01


def _one_by_hand(n: Perceptron) -> tuple[Numbers, Numbers]:
    x = [1.0, *n.x]
    in_ = sum(n.W[j] * x[j] for j in range(len(x)))
    h = g(in_)
    Err = n.y - h
    E = Err**2 / 2  # 15
    dW = [-Err * gʹ(in_) * x_j for x_j in x]  # 16
    return {"in": in_, "h": h, "Err": Err, "E": E}, dict(zip(_parameters(n), dW))


def _layers_by_hand(n: Multilayer) -> tuple[Numbers, Numbers]:
    W = n.W
    inputs, hidden, outputs = n.units
    a = dict(enumerate([1.0, *n.x]))
    in_ = {}
    for j in hidden:
        in_[j] = sum(W[k, j] * a[k] for k in [0, *inputs])
        a[j] = g(in_[j])
    for i in outputs:
        in_[i] = sum(W[j, i] * a[j] for j in [0, *hidden])
        a[i] = g(in_[i])
    Err = {i: y - a[i] for i, y in zip(outputs, n.y)}
    E = sum(Err[i] ** 2 for i in outputs) / 2  # 15, of all outputs (O9)

    Δ = {i: Err[i] * gʹ(in_[i]) for i in outputs}  # 19: output layer
    Δ |= {j: gʹ(in_[j]) * sum(W[j, i] * Δ[i] for i in outputs) for j in hidden}  # 20: hidden layer

    forward = {unit("in", i): in_[i] for i in in_} | {unit("a", i): a[i] for i in in_}
    forward |= {unit("Err", i): Err[i] for i in outputs} | {"E": E}
    backward = {unit(r"\Delta", i): Δ[i] for i in Δ}
    return forward, backward | {unit("W", j, i): -a[j] * Δ[i] for j, i in W}


# ------------------------------------------------------------------ both, and the exercises


def compare(network: Networks) -> tuple[list[Row], list[Row]]:
    """The forward values, and the backward ones, by the engine beside those by hand.

    >>> forward, backward = compare(EXAMPLE)
    >>> max(abs(row.difference) for row in forward + backward) < 1e-15
    True
    """
    loss, _ = build(network)
    loss.backward()
    nodes = {v.label: v for v in topological_order(loss)}
    forward, backward = by_hand(network)
    gradients = {name: v.grad for name, v in nodes.items()}
    if isinstance(network, Multilayer):
        _, *units = network.units
        gradients |= {
            unit(r"\Delta", i): -nodes[unit("in", i)].grad for layer in units for i in layer
        }
    return (
        beside({name: v.data for name, v in nodes.items()}, forward),
        beside(gradients, backward),
    )


def update(network: Networks) -> list[Row]:
    """Each parameter after one step, by the engine beside by hand.

    The engine goes against the gradient. By hand it is 02 with η, or the perceptrons' own rules
    with α: 17, and 18 and 21 with Δ from the weights before the step (S6).
    """
    loss, θ = build(network)
    loss.backward()
    rate = network.eta if isinstance(network, Network) else network.alpha
    return beside({name: v.data - rate * v.grad for name, v in θ.items()}, _stepped(network))


def _stepped(network: Networks) -> Numbers:
    forward, backward = by_hand(network)
    if isinstance(network, Network):
        return {
            name: number - network.eta * backward[name]  # 02
            for name, number in _parameters(network).items()
        }
    α = network.alpha
    if isinstance(network, Perceptron):
        step = α * forward["Err"] * gʹ(forward["in"])
        x = [1.0, *network.x]
        return {f"W_{j}": W_j + step * x[j] for j, W_j in enumerate(network.W)}  # 17
    a = dict(enumerate([1.0, *network.x]))
    a |= {j: forward[unit("a", j)] for j in network.units[1]}
    Δ = {i: backward[unit(r"\Delta", i)] for layer in network.units[1:] for i in layer}
    return {unit("W", j, i): w + α * a[j] * Δ[i] for (j, i), w in network.W.items()}  # 18, 21


def exercises(network: Networks) -> list[Derivation]:
    """What the lecture asks with "=?" or sets out to find, read off the graph.

    Of a `Network`, in its first example: ∂l/∂w_1 (07), ∂z/∂w_1 and ∂z/∂w_2 (08), and the two that
    10 leaves open, ∂l/∂z' and ∂l/∂z'' (12, 13). Of a `Perceptron` ∂E/∂W_1 (16), of a
    `Multilayer`, which poses none, -Δ of the first output and of the first hidden unit (19, 20),
    and the derivatives by a weight into each (18, 21).
    """
    loss, _ = build(network)
    node = {v.label: v for v in topological_order(loss)}
    if isinstance(network, Network):
        (mark, _, _), *_ = _examples(network)
        l, z = node[label("l", mark)], node[label("z", mark)]
        open_ = [derive(l, node[label(name, mark)]) for name in ("zʹ", "zʺ")]
        return [derive(l, node["w_1"]), *(derive(z, node[w]) for w in ("w_1", "w_2")), *open_]
    if isinstance(network, Perceptron):
        return [derive(loss, node["W_1"])]
    (k, *_), (j, *_), (i, *_) = network.units
    wanted = (unit("in", i), unit("in", j), unit("W", j, i), unit("W", k, j))
    return [derive(loss, node[name]) for name in wanted]
