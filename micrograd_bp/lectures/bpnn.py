# ruff: noqa: E741  l is the lecture's layer
r"""BPNN, "Backpropagation in Neural Networks": a classifier of one hidden layer, and its loss.

The layers are 1 to 3, and layer 1 is the input. W^(1) and b^(1) lead to the hidden units of layer
2, which are rectified, W^(2) and b^(2) to those of layer 3, one for each class; W^(l)_ij goes to
unit i of layer l + 1 from unit j of layer l. h is the softmax of layer 3, y the one-hot target,
and J the cross-entropy plus λ/2 times the squares of the weights, not of the biases. Formulas are
cited by their place in the lecture: BPNN-16 is its sixteenth. Several do not hold as printed
(`FORMULAS`, `REMARKS`); what is computed here is what they should be.

>>> J, model, x, h = build(EXAMPLE)
>>> J.backward()
>>> forward, backward = by_hand(EXAMPLE)
>>> print(f"{model.weight(2, 2, 1).grad:.10g} {backward['W^{(2)}_{21}']:.10g}")
-0.7724945439 -0.7724945439
>>> for derivation in exercises(EXAMPLE):
...     print(derivation.wrt.label, len(derivation.paths), f"{derivation.value:.10g}")
Z^{(3)}_2 1 -0.8027717155
Z^{(2)}_1 3 0.8461665604
W^{(2)}_{21} 2 -0.7724945439
b^{(2)}_2 1 -0.8027717155
W^{(1)}_{11} 4 0.4630832802
b^{(1)}_1 3 0.8461665604
"""

import math
from dataclasses import dataclass
from itertools import chain

from micrograd_bp.derivations import Derivation, derive
from micrograd_bp.engine import Value, topological_order
from micrograd_bp.lectures.beside import Row, beside, compared, fitted
from micrograd_bp.lectures.bpnn_formulas import FORMULAS, REMARKS
from micrograd_bp.lectures.statements import Matrix, Vector
from micrograd_bp.losses import cross_entropy, l2
from micrograd_bp.nn import MLP, tex
from micrograd_bp.ops import softmax

__all__ = [
    "EXAMPLE", "FORMULAS", "REMARKS", "Network", "Row", "build", "by_hand", "compare",
    "exercises", "update",
]  # fmt: skip


@dataclass(frozen=True)
class Network:
    """A classifier of D inputs, H hidden units and C classes, one training example, λ and η.

    `W1[i][j]` is W^(1) to hidden unit i + 1 from input j + 1, a row for each unit; so is `W2`, a
    row for each of at least 2 classes. `y` is 1 at the right class and 0 elsewhere. `lam` is the
    λ of the loss, `eta` the learning rate η.
    """

    x: Vector
    y: Vector
    W1: Matrix
    b1: Vector
    W2: Matrix
    b2: Vector
    lam: float = 0.1
    eta: float = 0.5


EXAMPLE = Network(
    x=(0.5, -1.0),
    y=(0.0, 1.0, 0.0),
    W1=((0.4, -0.6), (-0.3, 0.2), (0.5, 0.7)),
    b1=(0.1, -0.05, 0.8),
    W2=((0.7, -0.2, 0.3), (-0.5, 0.4, 0.6), (0.1, -0.8, -0.4)),
    b2=(0.05, -0.1, -0.3),
)
"""2 inputs, 3 hidden units, of which the second is off, and 3 classes, of which the second is
right: W^(1) is not square, W^(2) is."""


# ------------------------------------------------------------------ with the engine


def build(network: Network, fused: bool = True) -> tuple[Value, MLP, list[Value], list[Value]]:
    """The loss J with its graph, the model, the inputs x, and the prediction h.

    `model.weight(l, i, j)` is W^(l)_ij. J = J_y + J_W, the cross-entropy, which is computed from
    Z^(3), and the penalty; h stands beside it. `fused=False` records sums and losses in single
    steps. Errors: ValueError where the shapes do not fit.
    """
    model = MLP.from_arrays([(network.W1, network.b1), (network.W2, network.b2)], fused=fused)
    for l, layer in enumerate(model.layers, 2):
        for i, neuron in enumerate(layer.neurons, 1):
            neuron.z_label, neuron.a_label = tex("Z", l, i), tex("A", l, i)
    x = [Value(x_j, tex("x", None, j)) for j, x_j in enumerate(network.x, 1)]
    Z3 = model(x)
    h = softmax(Z3)
    for k, h_k in enumerate(h, 1):
        h_k.label = tex("h", None, k)
    weights = [w for layer in model.layers for neuron in layer.neurons for w in neuron.w]
    J_y, J_W = cross_entropy(Z3, network.y, fused), l2(weights, network.lam, fused)
    J = J_y + J_W
    J_y.label, J_W.label, J.label = "J_y", "J_W", "J"
    return J, model, x, h


# ------------------------------------------------------------------ by hand, with plain numbers


def by_hand(network: Network) -> tuple[dict[str, float], dict[str, float]]:
    """The forward values, and ∂J/∂ of each of them and of each parameter, by the lecture's sums.

    Both by label, in the lecture's order; nothing here uses the engine. Errors: ValueError where
    the shapes do not fit, or y does not add up to 1.
    """
    n = network
    D = len(n.x)
    H = fitted("W1", n.W1, "b1", n.b1, D)
    C = fitted("W2", n.W2, "b2", n.b2, H)
    if len(n.y) != C or not math.isclose(sum(n.y), 1.0):
        raise ValueError(f"y: expected {C} numbers that add up to 1, got {n.y}")
    inputs, hidden, classes = range(D), range(H), range(C)

    x̃ = [1.0, *n.x]
    W̃1 = [[b, *row] for b, row in zip(n.b1, n.W1)]
    Z2 = [sum(w * x for w, x in zip(row, x̃)) for row in W̃1]  # 02
    A2 = [max(0.0, z) for z in Z2]  # 03
    Ã2 = [1.0, *A2]  # 04
    W̃2 = [[b, *row] for b, row in zip(n.b2, n.W2)]
    Z3 = [sum(w * a for w, a in zip(row, Ã2)) for row in W̃2]  # 05
    A3 = Z3  # 06
    log_sum = max(A3) + math.log(sum(math.exp(a - max(A3)) for a in A3))
    log_h = [a - log_sum for a in A3]
    h = [math.exp(log_h_k) for log_h_k in log_h]  # 07
    squares = sum(w**2 for row in chain(n.W1, n.W2) for w in row)
    J = -sum(n.y[k] * log_h[k] for k in classes) + n.lam / 2 * squares  # 09 (E3)

    Δ3 = [h[j] - n.y[j] for j in classes]  # 13, 15 with φ′ = 1 (E6, E7)
    dW̃2 = [[Δ3[i] * Ã2[j] for j in range(len(Ã2))] for i in classes]  # 10, 12 (E4, E5)
    dA2 = [sum(Δ3[k] * n.W2[k][j] for k in classes) for j in hidden]
    Δ2 = [dA2[j] if Z2[j] > 0.0 else 0.0 for j in hidden]  # 16 (E4, E5)
    dW̃1 = [[Δ2[i] * x̃[j] for j in range(len(x̃))] for i in hidden]  # 10, 12
    for i in classes:
        for j in hidden:
            dW̃2[i][1 + j] += n.lam * n.W2[i][j]  # 14's regularization (E8, O7)
    for i in hidden:
        for j in inputs:
            dW̃1[i][1 + j] += n.lam * n.W1[i][j]

    forward = _units("Z", 2, Z2) | _units("A", 2, A2) | _units("Z", 3, Z3) | _units("h", None, h)
    backward = _units("Z", 3, Δ3) | _weights(2, dW̃2)
    backward |= _units("A", 2, dA2) | _units("Z", 2, Δ2) | _weights(1, dW̃1)
    return forward | {"J": J}, backward


def _units(symbol: str, l: int | None, numbers: list[float]) -> dict[str, float]:
    return {tex(symbol, l, j): number for j, number in enumerate(numbers, 1)}


def _weights(l: int, W̃: list[list[float]]) -> dict[str, float]:
    """By label: column 0 has the biases."""
    return {
        tex("W", l, i, j) if j else tex("b", l, i): w
        for i, row in enumerate(W̃, 1)
        for j, w in enumerate(row)
    }


# ------------------------------------------------------------------ both, and the derivations


def compare(network: Network) -> tuple[list[Row], list[Row]]:
    """The forward values, and the derivatives of J, by the engine beside those by hand.

    >>> forward, backward = compare(EXAMPLE)
    >>> max(abs(row.difference) for row in forward + backward) < 1e-15
    True
    """
    J, _, _, h = build(network)
    return compared(J, by_hand(network), h)


def update(network: Network) -> list[Row]:
    """Each parameter after one step W̃ ← W̃ - η ∂J/∂W̃ (14, E8), by the engine beside by hand.

    >>> max(abs(row.difference) for row in update(EXAMPLE)) < 1e-15
    True
    """
    J, model, _, _ = build(network)
    J.backward()
    _, backward = by_hand(network)
    before = {p.label: p.data for p in model.parameters()}
    return beside(
        {p.label: p.data - network.eta * p.grad for p in model.parameters()},
        {label: w - network.eta * backward[label] for label, w in before.items()},
    )


def exercises(network: Network) -> list[Derivation]:
    """What the lecture derives, for one unit each, read off the graph; it poses no exercises.

    The error signals Δ^(3)_2 (13, 15) and Δ^(2)_1 (16), then ∂J/∂ of W^(2)_21, b^(2)_2, W^(1)_11
    and b^(1)_1 (10, 12): a weight has one path more than its bias, through the penalty.
    """
    J, model, _, _ = build(network)
    node = {v.label: v for v in topological_order(J)}
    chosen = [node[tex("Z", 3, 2)], node[tex("Z", 2, 1)], model.weight(2, 2, 1), model.bias(2, 2)]
    return [derive(J, v) for v in [*chosen, model.weight(1, 1, 1), model.bias(1, 1)]]
