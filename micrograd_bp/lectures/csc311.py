r"""CSC311, "The Backpropagation Algorithm" (Gao, Tawfik): the 3-layer network.

Three layers of weights W^(1), W^(2), w^(3) from the inputs a^(0) to one output a^(3), and the
cost C = ½(a^(3) - t)². W_ij^(m) goes to unit i of layer m from unit j of layer m - 1. Formulas
are cited by their place in the lecture: CSC311-18 is its eighteenth. `FORMULAS` has them as records
that run, `REMARKS` what does not hold as printed, or is left open.

>>> C, model, inputs = build(EXAMPLE)
>>> C.backward()
>>> forward, backward = by_hand(EXAMPLE)
>>> print(f"{model.weight(2, 1, 2).grad:.10g} {backward['W^{(2)}_{12}']:.10g}")
-0.002199267245 -0.002199267245
>>> for exercise in exercises(EXAMPLE):
...     print(exercise.wrt.label, len(exercise.paths), f"{exercise.value:.10g}")
W^{(2)}_{12} 1 -0.002199267245
W^{(1)}_{23} 2 0.004532416582
"""

import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from micrograd_bp import reading
from micrograd_bp.derivations import Derivation, Shared, derive, shared
from micrograd_bp.engine import Value, topological_order
from micrograd_bp.lectures.beside import NONLINEARITIES, Row, beside, compared, fitted
from micrograd_bp.lectures.csc311_formulas import FORMULAS, REMARKS
from micrograd_bp.lectures.statements import Matrix, Vector
from micrograd_bp.losses import squared_error
from micrograd_bp.nn import ACTIVATIONS, MLP, tex
from micrograd_bp.ops import OPS
from micrograd_bp.reading import number, shown

__all__ = [
    "EXAMPLE", "FORMULAS", "REMARKS", "Network", "Row", "blanks", "build", "by_hand", "compare",
    "exercises", "load", "repeated", "step", "update", "with_activation",
]  # fmt: skip


@dataclass(frozen=True)
class Network:
    """A 3-layer network with one output, one training example and a learning rate.

    `W1[i][j]` is W^(1) to unit i + 1 from input j + 1, a row for each unit; so is `W2`; `w3` has
    one weight for each unit of layer 2, `b3` is one number. `activation` serves all three layers.
    """

    x: Vector
    t: float
    W1: Matrix
    b1: Vector
    W2: Matrix
    b2: Vector
    w3: Vector
    b3: float
    eta: float = 0.5
    activation: str = "sigmoid"

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """D^(0), D^(1), D^(2) and D^(3) = 1."""
        return len(self.x), len(self.W1), len(self.W2), 1


EXAMPLE = Network(
    x=(0.5, -1.5, 2.0),
    t=0.9,
    W1=((0.1, -0.2, 0.3), (0.4, 0.5, -0.6), (-0.7, 0.8, 0.9)),
    b1=(0.1, -0.1, 0.2),
    W2=((0.3, -0.5, 0.2), (-0.4, 0.6, 0.7)),
    b2=(0.05, -0.15),
    w3=(0.8, -0.9),
    b3=0.25,
)
"""The worked example: 3-3-2-1, sigmoid throughout."""


# ------------------------------------------------------------------ the reader's own network


def load(path: str | pathlib.Path) -> Network:
    """The network in a JSON file: an object with the fields of `Network`.

    `eta` and `activation` may be left out. Errors: ValueError saying what is wrong and where;
    OSError where the file cannot be read.

    >>> import json, tempfile
    >>> own = {"x": [1, 2], "t": 0.5, "W1": [[0.1, 0.2]], "b1": [0], "W2": [[0.5]], "b2": [0.1]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "own.json")
    ...     _ = path.write_text(json.dumps(own | {"w3": [0.7], "b3": -0.2}))
    ...     load(path).sizes
    (2, 1, 1, 1)
    """
    with reading.inside(path):
        return _network(reading.json_of(pathlib.Path(path).read_bytes()))


def _network(content: Any) -> Network:
    optional = ("eta", "activation")
    reading.entries(content, {f.name for f in fields(Network)}.difference(optional), optional)
    x = _vector(content, "x")
    W1 = _matrix(content, "W1", len(x), "x")
    W2 = _matrix(content, "W2", len(W1), "W1 has rows")
    network = Network(
        x=x,
        t=number(content["t"], "t"),
        W1=W1,
        b1=_vector(content, "b1", len(W1), "W1 has rows"),
        W2=W2,
        b2=_vector(content, "b2", len(W2), "W2 has rows"),
        w3=_vector(content, "w3", len(W2), "W2 has rows"),
        b3=number(content["b3"], "b3"),
        eta=number(content.get("eta", EXAMPLE.eta), "eta"),
        activation=content.get("activation", EXAMPLE.activation),
    )
    if network.eta <= 0.0:
        raise ValueError(f"eta: expected a positive learning rate, got {network.eta}")
    return with_activation(network, network.activation)


def with_activation(network: Network, activation: str) -> Network:
    """The same network with another activation in all layers; ValueError for what is none.

    >>> with_activation(EXAMPLE, "tanh").activation
    'tanh'
    """
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation: expected one of {', '.join(ACTIVATIONS)}, got {shown(activation)}"
        )
    return replace(network, activation=activation)


def _vector(content: Any, name: str, *length: Any) -> Vector:
    return tuple(reading.vector(content[name], name, *length))


def _matrix(content: Any, name: str, width: int, because: str) -> Matrix:
    return tuple(map(tuple, reading.matrix(content[name], name, width, because)))


# ------------------------------------------------------------------ with the engine


def build(network: Network, fused: bool = True) -> tuple[Value, MLP, list[Value]]:
    """The cost C with its graph, the model, and the inputs a^(0): C.backward() does the rest.

    `fused=False` records each neuron's products and sums one by one. Errors: ValueError where the
    shapes do not fit.
    """
    model = MLP.from_arrays(
        [(network.W1, network.b1), (network.W2, network.b2), (network.w3, network.b3)],
        activation=network.activation,
        output_activation=network.activation,
        fused=fused,
    )
    inputs = [Value(x, tex("a", 0, j)) for j, x in enumerate(network.x, 1)]
    C = squared_error(model(inputs), network.t)
    C.label = "C"
    return C, model, inputs


# ------------------------------------------------------------------ by hand, with plain numbers


def _nonlinearity(name: str) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """σ and σ′ as a textbook writes them; those it does not have, from the table."""
    if name in NONLINEARITIES:
        return NONLINEARITIES[name]
    if name == "linear":
        return lambda z: z, lambda z: 1.0
    op = OPS[name]
    more = (0.01,) if name == "leaky_relu" else ()
    return lambda z: op(z, *more), lambda z: op.derivatives(op(z, *more), (z, *more), [0])[0]


def by_hand(network: Network) -> tuple[dict[str, float], dict[str, float]]:
    """The forward values, and ∂C/∂ of each of them and of each parameter, by the lecture's sums.

    Both by label, in the lecture's order; nothing here uses the engine. Errors: ValueError where
    the shapes do not fit (02).
    """
    n = network
    D1 = fitted("W1", n.W1, "b1", n.b1, len(n.x))
    D2 = fitted("W2", n.W2, "b2", n.b2, D1)
    fitted("w3", [n.w3], "b3", [n.b3], D2)

    σ, dσ = _nonlinearity(n.activation)
    a0 = n.x
    z1 = [sum(w * a for w, a in zip(row, a0)) + b for row, b in zip(n.W1, n.b1)]  # 11
    a1 = [σ(z) for z in z1]
    z2 = [sum(w * a for w, a in zip(row, a1)) + b for row, b in zip(n.W2, n.b2)]  # 03
    a2 = [σ(z) for z in z2]  # 04
    z3 = sum(w * a for w, a in zip(n.w3, a2)) + n.b3  # 05
    a3 = σ(z3)  # 06
    C = 0.5 * (a3 - n.t) ** 2  # 07

    units1, units2 = range(D1), range(D2)
    da3 = a3 - n.t
    dz3 = da3 * dσ(z3)  # 18
    dw3 = [dz3 * a for a in a2]  # 19
    da2 = [dz3 * w for w in n.w3]
    dz2 = [da2[i] * dσ(z2[i]) for i in units2]  # 21
    dW2 = [[dz2[i] * a1[j] for j in units1] for i in units2]  # 22
    da1 = [sum(dz2[i] * n.W2[i][j] for i in units2) for j in units1]
    dz1 = [da1[j] * dσ(z1[j]) for j in units1]  # 24
    dW1 = [[dz1[i] * a for a in a0] for i in units1]  # 25
    da0 = [sum(dz1[i] * n.W1[i][j] for i in units1) for j in range(len(a0))]

    forward = _labelled("z", 1, z1) | _labelled("a", 1, a1)
    forward |= _labelled("z", 2, z2) | _labelled("a", 2, a2)
    forward |= {tex("z", 3): z3, tex("a", 3): a3, "C": C}
    backward = {tex("a", 3): da3, tex("z", 3): dz3}
    backward |= _labelled("w", 3, dw3) | {tex("b", 3): dz3}  # 20
    for m, da, dz, dW in ((2, da2, dz2, dW2), (1, da1, dz1, dW1)):
        backward |= _labelled("a", m, da) | _labelled("z", m, dz)
        for i, row in enumerate(dW, 1):
            backward |= {tex("W", m, i, j): derivative for j, derivative in enumerate(row, 1)}
        backward |= _labelled("b", m, dz)  # 23, 26
    backward |= _labelled("a", 0, da0)
    if n.activation == "linear":  # then a^(m) is z^(m), one node, and goes by that name
        for values in (forward, backward):
            for label in [label for label in values if label.startswith("a") and label[4] != "0"]:
                del values[label]
    return forward, backward


def _labelled(symbol: str, layer: int, values: Sequence[float]) -> dict[str, float]:
    return {tex(symbol, layer, i): value for i, value in enumerate(values, 1)}


# ------------------------------------------------------------------ both, and the exercises


def compare(network: Network) -> tuple[list[Row], list[Row]]:
    """The forward values, and the derivatives of C, by the engine beside those by hand.

    >>> forward, backward = compare(EXAMPLE)
    >>> max(abs(row.difference) for row in forward + backward) < 1e-15
    True
    """
    return compared(build(network)[0], by_hand(network))


def update(network: Network) -> list[Row]:
    """Each parameter after one step w ← w - η ∂C/∂w (01), by the engine beside by hand.

    >>> max(abs(row.difference) for row in update(EXAMPLE)) < 1e-15
    True
    """
    before = {p.label: p.data for p in build(network)[1].parameters()}
    _, backward = by_hand(network)
    return beside(
        {p.label: p.data for p in _stepped(network)[1].parameters()},
        {label: w - network.eta * backward[label] for label, w in before.items()},
    )


def exercises(network: Network) -> list[Derivation]:
    """The lecture's two: ∂C/∂W_12^(2) (09) and ∂C/∂W_23^(1) (12 to 15), read off the graph.

    In a narrower network a last unit stands in for one that it does not have.
    """
    C, model, _ = build(network)
    D0, D1, _, _ = network.sizes
    chosen = (model.weight(2, 1, min(2, D1)), model.weight(1, min(2, D1), min(3, D0)))
    return [derive(C, weight) for weight in chosen]


def repeated(network: Network) -> Shared:
    """The lecture's third: what both of the exercises compute (17).

    >>> print(repeated(EXAMPLE).text("local").splitlines()[0])
    ∂C/∂W⁽²⁾₁₂ = ⟦(a⁽³⁾ − t) · σ′(z⁽³⁾) · w⁽³⁾₁ · σ′(z⁽²⁾₁)⟧ · a⁽¹⁾₂
    """
    first, second = exercises(network)
    return shared(first, second)


def blanks(network: Network) -> dict[str, Derivation]:
    """The lecture's fourth, the blanks of Steps 1 to 3 (18 to 26), each for a first unit.

    >>> print(blanks(EXAMPLE)["CSC311-21"].text("local"))
    ∂C/∂z⁽²⁾₁ = (a⁽³⁾ − t) · σ′(z⁽³⁾) · w⁽³⁾₁ · σ′(z⁽²⁾₁)
    """
    C, model, _ = build(network)
    node = {v.label: v for v in topological_order(C)}
    wanted = [node[tex("z", 3)], model.weight(3, 1, 1), model.bias(3, 1)]
    for m in (2, 1):
        wanted += [node[tex("z", m, 1)], model.weight(m, 1, 1), model.bias(m, 1)]
    return {f"CSC311-{k}": derive(C, v) for k, v in enumerate(wanted, 18)}


def step(network: Network) -> tuple[float, float]:
    """C before and after one step w ← w - η ∂C/∂w of all parameters at once (01).

    >>> before, after = step(EXAMPLE)
    >>> f"{before:.6f} {after:.6f}"
    '0.057011 0.051020'
    """
    C, model, inputs = _stepped(network)
    return C.data, squared_error(model(inputs), network.t).data


def _stepped(network: Network) -> tuple[Value, MLP, list[Value]]:
    C, model, inputs = build(network)
    C.backward()
    for parameter in model.parameters():
        parameter.data -= network.eta * parameter.grad
    return C, model, inputs
