r"""CS3780, "Lecture 22: Backpropagation": its network, forward and back.

Layer t takes the outputs z^(t-1) of the layer below: u^t = W^[t] z^(t-1) + b^t, z^t = σ(u^t), where
z^0 = x; after T layers ŷ = αᵀ z^T + b is read out. W^[t]_ij goes to unit i from unit j, and
δ^t = dℓ/du^t. The lecture leaves the loss open, here ℓ = ½(ŷ - y)², and derives the backward pass
for one neuron in each layer: `chain_by_hand` (CS3780-01 to -13). The vector form, which its slides
have, is `by_hand` (CS3780-14). `FORMULAS` has all of them as records that run, `REMARKS` what does
not hold as printed, or is left open.

>>> loss, model, inputs = build(CHAIN)
>>> loss.backward()
>>> forward, backward = chain_by_hand(CHAIN)
>>> print(f"{model.weight(1, 1, 1).grad:.10g} {backward['W^{[1]}']:.10g}")
-0.0008509376867 -0.0008509376867
>>> loss, model, inputs = build(EXAMPLE)
>>> loss.backward()
>>> forward, backward = by_hand(EXAMPLE)
>>> print(f"{model.weight(2, 1, 2).grad:.10g} {backward['W^{[2]}_{12}']:.10g}")
-0.01718485738 -0.01718485738
"""

from collections.abc import Sequence
from dataclasses import dataclass

from micrograd_bp.derivations import Derivation, derive
from micrograd_bp.engine import Value, topological_order
from micrograd_bp.lectures.beside import NONLINEARITIES, Row, beside, compared, dot, fitted
from micrograd_bp.lectures.cs3780_formulas import FORMULAS, REMARKS
from micrograd_bp.lectures.cs3780_networks import inputs, is_chain, label, labelled
from micrograd_bp.lectures.statements import Matrix, Vector
from micrograd_bp.losses import squared_error
from micrograd_bp.nn import MLP

__all__ = [
    "CHAIN", "EXAMPLE", "FORMULAS", "REMARKS", "Network", "Row", "build", "by_hand",
    "chain_by_hand", "compare", "exercises", "update",
]  # fmt: skip


@dataclass(frozen=True)
class Network:
    """T layers and a read-out, one training example and a learning rate.

    `W[t - 1][i - 1][j - 1]` is W^[t]_ij, `b[t - 1][i - 1]` is b^t_i; `alpha` and `bias` are the
    read-out's α and b. `sigma` is a key of `NONLINEARITIES`. Errors: ValueError where a shape does
    not fit, or σ is unknown.
    """

    x: Vector
    y: float
    W: tuple[Matrix, ...]
    b: tuple[Vector, ...]
    alpha: Vector
    bias: float
    sigma: str = "sigmoid"
    eta: float = 0.5

    def __post_init__(self) -> None:
        if self.sigma not in NONLINEARITIES:
            raise ValueError(
                f"sigma: expected one of {', '.join(NONLINEARITIES)}, got {self.sigma!r}"
            )
        if not self.W or len(self.W) != len(self.b):
            raise ValueError(
                f"expected as many b as W, and at least 1 of each: got {len(self.b)} and "
                f"{len(self.W)}"
            )
        below = len(self.x)
        for t, (rows, b) in enumerate(zip(self.W, self.b), 1):
            below = fitted(f"W^[{t}]", rows, f"b^{t}", b, below)
        if len(self.alpha) != below:
            raise ValueError(
                f"alpha: expected {below} numbers, one for each unit of the last layer, "
                f"got {len(self.alpha)}"
            )


CHAIN = Network(
    x=(0.5,),
    y=0.9,
    W=(((0.8,),), ((-1.2,),), ((0.6,),)),
    b=((0.1,), (0.3,), (-0.2,)),
    alpha=(1.5,),
    bias=0.25,
)
"""One input, and T = 3 layers of one neuron each: the lecture's derivation."""

EXAMPLE = Network(
    x=(0.5, -1.5, 2.0),
    y=0.9,
    W=(
        ((0.1, -0.2, 0.3), (0.4, 0.5, -0.6), (-0.7, 0.8, 0.9)),
        ((0.3, -0.5, 0.2), (-0.4, 0.6, 0.7)),
    ),
    b=((0.1, -0.1, 0.2), (0.05, -0.15)),
    alpha=(0.8, -0.9),
    bias=0.25,
)
"""The network of `csc311.EXAMPLE`, its last layer read out without a nonlinearity."""


# ------------------------------------------------------------------ with the engine


def build(network: Network) -> tuple[Value, MLP, list[Value]]:
    """The loss ℓ with its graph, the model, and the inputs z^0.

    `model.weight(t, i, j)` is W^[t]_ij, `model.bias(t, i)` is b^t_i; α_i and b follow as those of
    a layer T + 1 with one unit.
    """
    n = network
    model = labelled(n.W, n.b, n.alpha, n.bias, n.sigma)
    z0 = inputs(n.x, n.W)
    loss: Value = squared_error(model(z0), Value(n.y, "y"))  # labelled: t is a layer here
    loss.label = r"\ell"
    return loss, model, z0


# ------------------------------------------------------------------ by hand, with plain numbers


def chain_by_hand(network: Network) -> tuple[dict[str, float], dict[str, float]]:
    """The forward values, and dℓ/d of each sum and parameter, for one neuron in each layer.

    Both by label, in the lecture's order; nothing here uses the engine. Errors: ValueError where
    a layer has more.
    """
    if not is_chain(network.W):
        sizes = ", ".join(str(len(rows)) for rows in network.W)
        raise ValueError(
            "expected one input and one neuron in each layer, "
            f"got {len(network.x)} inputs and layers of {sizes}: by_hand takes those"
        )
    σ, dσ = NONLINEARITIES[network.sigma]
    T = len(network.W)
    (x,), y, (α,) = network.x, network.y, network.alpha
    W = {t: rows[0][0] for t, rows in enumerate(network.W, 1)}
    b = {t: b_t for t, (b_t,) in enumerate(network.b, 1)}

    z, u = {0: x}, {}  # 01
    for t in range(1, T + 1):
        u[t] = W[t] * z[t - 1] + b[t]  # 02
        z[t] = σ(u[t])  # 03
    ŷ = α * z[T] + network.bias  # 04
    loss = 0.5 * (ŷ - y) ** 2

    dŷ = ŷ - y
    δ = {T: dŷ * α * dσ(u[T])}  # 11, corrected
    for t in range(T, 1, -1):
        δ[t - 1] = (W[t] * dσ(u[t - 1])) * δ[t]  # 10
    dW = {s: δ[s] * z[s - 1] for s in W}  # 12
    db = dict(δ)  # 13
    dα, dbias = dŷ * z[T], dŷ  # 14
    dx = W[1] * δ[1]  # 14: no σ′ here

    forward: dict[str, float] = {}
    for t in range(1, T + 1):
        forward |= {f"u^{{{t}}}": u[t], f"z^{{{t}}}": z[t]}
    forward |= {r"\hat{y}": ŷ, r"\ell": loss}
    backward = {r"\hat{y}": dŷ, r"\alpha": dα, "b": dbias}
    for t in range(T, 0, -1):
        backward |= {f"u^{{{t}}}": δ[t], f"W^{{[{t}]}}": dW[t], f"b^{{{t}}}": db[t]}
    return forward, backward | {"z^{0}": dx}


def by_hand(network: Network) -> tuple[dict[str, float], dict[str, float]]:
    """The same for any number of neurons, in vector form: what the lecture leaves to its slides.

    Vectors are lists, matrices lists of rows; the formulas are those of 14.
    """
    σ, dσ = NONLINEARITIES[network.sigma]
    T = len(network.W)
    x, y, α = network.x, network.y, network.alpha
    W, b = dict(enumerate(network.W, 1)), dict(enumerate(network.b, 1))

    z, u = {0: [*x]}, {}  # 01
    for t in range(1, T + 1):
        u[t] = [dot(row, z[t - 1]) + b_i for row, b_i in zip(W[t], b[t])]  # 02
        z[t] = [σ(u_i) for u_i in u[t]]  # 03
    ŷ = dot(α, z[T]) + network.bias  # 04
    loss = 0.5 * (ŷ - y) ** 2

    dŷ = ŷ - y
    δ = {T: [dŷ * α_i * dσ(u_i) for α_i, u_i in zip(α, u[T])]}  # ℓ′ α ⊙ σ′(u^T)
    for t in range(T, 1, -1):
        dz = [dot(column, δ[t]) for column in zip(*W[t])]  # W^[t]ᵀ δ^t
        δ[t - 1] = [dz_j * dσ(u_j) for dz_j, u_j in zip(dz, u[t - 1])]  # ⊙ σ′(u^(t-1))
    dW = {s: [[δ_i * z_j for z_j in z[s - 1]] for δ_i in δ[s]] for s in W}  # δ^s (z^(s-1))ᵀ
    db = dict(δ)
    dα, dbias = [dŷ * z_i for z_i in z[T]], dŷ
    dx = [dot(column, δ[1]) for column in zip(*W[1])]  # W^[1]ᵀ δ¹

    chain = is_chain(network.W)

    def by_label(symbol: str, vector: Sequence[float]) -> dict[str, float]:
        return {label(symbol, chain, i): value for i, value in enumerate(vector, 1)}

    forward: dict[str, float] = {}
    for t in range(1, T + 1):
        forward |= by_label(f"u^{{{t}}}", u[t]) | by_label(f"z^{{{t}}}", z[t])
    forward |= {r"\hat{y}": ŷ, r"\ell": loss}
    backward = {r"\hat{y}": dŷ} | by_label(r"\alpha", dα) | {"b": dbias}
    for t in range(T, 0, -1):
        backward |= by_label(f"u^{{{t}}}", δ[t])
        for i, row in enumerate(dW[t], 1):
            for j, derivative in enumerate(row, 1):
                backward[label(f"W^{{[{t}]}}", chain, i, j)] = derivative
        backward |= by_label(f"b^{{{t}}}", db[t])
    return forward, backward | by_label("z^{0}", dx)


# ------------------------------------------------------------------ both, and the derivations


def compare(network: Network) -> tuple[list[Row], list[Row]]:
    """The forward values, and the derivatives of ℓ, by the engine beside those by hand.

    By hand is `chain_by_hand` for one neuron in each layer, as in the lecture, else `by_hand`.

    >>> forward, backward = compare(EXAMPLE)
    >>> max(abs(row.difference) for row in forward + backward) < 1e-15
    True
    """
    return compared(build(network)[0], _by_hand(network))


def _by_hand(network: Network) -> tuple[dict[str, float], dict[str, float]]:
    return (chain_by_hand if is_chain(network.W) else by_hand)(network)


def update(network: Network) -> list[Row]:
    """Each parameter after one step w ← w - η dℓ/dw, by the engine beside by hand.

    The lecture stops at the derivatives; this is the plain step down the gradient.

    >>> max(abs(row.difference) for row in update(EXAMPLE)) < 1e-15
    True
    """
    loss, model, _ = build(network)
    loss.backward()
    before = {p.label: p.data for p in model.parameters()}
    for p in model.parameters():
        p.data -= network.eta * p.grad
    _, backward = _by_hand(network)
    return beside(
        {p.label: p.data for p in model.parameters()},
        {label: w - network.eta * backward[label] for label, w in before.items()},
    )


def exercises(network: Network) -> list[Derivation]:
    r"""What the lecture derives, read off the graph; it poses no exercises.

    dℓ/dW^[1] (06), δ^1 (07) and dℓ/db^1 (13), in a wider network of unit 1 from unit 1, and what is
    left out at the read-out: dℓ/dα and dℓ/db (14).

    >>> print(*(d.wrt.label for d in exercises(CHAIN)))
    W^{[1]} u^{1} b^{1} \alpha b
    """
    loss, model, _ = build(network)
    δ1 = next(v for v in topological_order(loss) if v.label == model.layers[0].neurons[0].z_label)
    last = len(model.layers)
    wanted = [
        *(model.weight(1, 1, 1), δ1, model.bias(1, 1)),
        *(model.weight(last, 1, 1), model.bias(last, 1)),
    ]
    return [derive(loss, v) for v in wanted]
