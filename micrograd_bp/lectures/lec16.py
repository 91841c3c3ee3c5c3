# ruff: noqa: E741  l is the lecture's layer
r"""Lec 16, "Backward propagation" (handwritten): its network, forward and back.

Layer l takes the outputs x^(l-1) of the layer below, and x^(l-1)_0 = 1. w^(l)_ij goes from unit i
of layer l - 1 to unit j of layer l, so row 0 of w^(l) is the biases; s^(l)_j is a unit's sum,
x^(l)_j = θ(s^(l)_j) its output, δ^(l)_j = ∂e/∂s^(l)_j its sensitivity. The loss is that of
regression, e = (x^(L) - y)², without a ½. Formulas are cited by their place in the lecture:
LEC16-22 is its twenty-second. `FORMULAS` has them as records that run, `REMARKS` what does not hold
as printed, or is left open.

>>> e, w, s, x = build(EXAMPLE)
>>> e.backward()
>>> forward, backward = by_hand(EXAMPLE)
>>> print(f"{w[2][2, 1].grad:.10g} {backward['w^{(2)}_{21}']:.10g}")
-0.004398534489 -0.004398534489
>>> print(f"{s[2][1].grad:.10g} {backward['s^{(2)}_1']:.10g}")  # δ^(2)_1
-0.03237242 -0.03237242
>>> for derivation in exercises(EXAMPLE):
...     print(derivation.wrt.label, len(derivation.paths), f"{derivation.value:.10g}")
w^{(2)}_{21} 1 -0.004398534489
s^{(3)} 1 -0.166212226
s^{(1)}_2 2 0.004532416582
t 2 5
"""

from dataclasses import dataclass

from micrograd_bp.derivations import Derivation, derive
from micrograd_bp.engine import Value
from micrograd_bp.lectures.beside import NONLINEARITIES, Row, beside, compared, dot
from micrograd_bp.lectures.lec16_formulas import FORMULAS, REMARKS
from micrograd_bp.lectures.lec16_networks import Units, Weights, layers, unit
from micrograd_bp.lectures.statements import Matrix, Vector
from micrograd_bp.nn import tex

__all__ = [
    "EXAMPLE", "FORMULAS", "REMARKS", "Network", "Row", "build", "by_hand", "compare",
    "exercises", "update",
]  # fmt: skip


@dataclass(frozen=True)
class Network:
    """A network with one output, d^(L) = 1, one training example and a learning rate.

    `w[l - 1][i][j - 1]` is w^(l)_ij: row 0 of each matrix is the biases, then comes a row for each
    unit of the layer below; there is a column for each unit of the layer itself. `theta` is a key
    of `NONLINEARITIES`. Errors: ValueError where a shape does not fit, or θ is unknown.
    """

    x: Vector
    y: float
    w: tuple[Matrix, ...]
    theta: str = "sigmoid"
    eta: float = 0.25

    def __post_init__(self) -> None:
        if self.theta not in NONLINEARITIES:
            raise ValueError(
                f"theta: expected one of {', '.join(NONLINEARITIES)}, got {self.theta!r}"
            )
        if not self.w:
            raise ValueError("w: expected at least 1 matrix of weights, got none")
        below = len(self.x)
        for l, rows in enumerate(self.w, 1):
            widths = sorted({len(row) for row in rows})
            if len(rows) != below + 1 or len(widths) != 1 or widths[0] < 1:
                raise ValueError(
                    f"w^({l}): expected {below + 1} rows of one length, a row for the constant 1 "
                    f"and one for each of {below} units below, got {len(rows)} of {widths}"
                )
            (below,) = widths
        if below != 1:
            raise ValueError(f"w^({len(self.w)}): expected 1 column, for 1 output, got {below}")


EXAMPLE = Network(
    x=(0.5, -1.5, 2.0),
    y=0.9,
    w=(
        ((0.1, -0.1, 0.2), (0.1, 0.4, -0.7), (-0.2, 0.5, 0.8), (0.3, -0.6, 0.9)),
        ((0.05, -0.15), (0.3, -0.4), (-0.5, 0.6), (0.2, 0.7)),
        ((0.25,), (0.8,), (-0.9,)),
    ),
)
"""The network of `csc311.EXAMPLE`, its matrices transposed, with the biases on top."""


# ------------------------------------------------------------------ with the engine


def build(network: Network) -> tuple[Value, Weights, Units, Units]:
    """The loss e with its graph, and the Values by their indices: w[l][i, j], s[l][j], x[l][i].

    After `e.backward()`, s[l][j].grad is δ^(l)_j. x[l][0] is a leaf, the constant 1: the gradient
    that arrives there goes no further.
    """
    w, s, x = layers(network.x, network.w, network.theta)
    L = len(w)
    difference = x[L][1] - network.y
    difference.label = f"{x[L][1].label}-y"
    e = difference**2
    e.label = "e"
    return e, w, s, x


# ------------------------------------------------------------------ by hand, with plain numbers


def by_hand(network: Network) -> tuple[dict[str, float], dict[str, float]]:
    """The forward values, and ∂e/∂ of each of them and of each weight, in vector form.

    Both by label, in the order in which they are computed; nothing here uses the engine. Vectors
    are lists, matrices lists of rows. ∂e/∂s^(l)_j is δ^(l)_j.
    """
    θ, dθ = NONLINEARITIES[network.theta]
    y, w = network.y, dict(enumerate(network.w, 1))
    L = len(w)

    x = {0: [1.0, *network.x]}
    s = {}
    for l in range(1, L + 1):
        s[l] = [dot(column, x[l - 1]) for column in zip(*w[l])]  # 07
        x[l] = [1.0, *[θ(s_j) for s_j in s[l]]]
    (s_L,), (_, x_L) = s[L], x[L]
    e = (x_L - y) ** 2  # 02, 15

    de_dx = {L: [2 * (x_L - y)]}
    δ = {L: [2 * (x_L - y) * dθ(s_L)]}  # 15
    for l in range(L - 1, 0, -1):
        Ŵ = w[l + 1][1:]  # 21
        de_dx[l] = [dot(row, δ[l + 1]) for row in Ŵ]  # 18: Ŵ^(l+1) δ^(l+1)
        δ[l] = [a * b for a, b in zip(de_dx[l], [dθ(s_i) for s_i in s[l]])]  # 22: ⊗ θ′(s^(l))
    de_dx[0] = [dot(row, δ[1]) for row in w[1][1:]]
    dw = {l: [[x_i * δ_j for δ_j in δ[l]] for x_i in x[l - 1]] for l in range(1, L + 1)}  # 13

    forward: dict[str, float] = {}
    backward: dict[str, float] = {}
    for l in range(1, L + 1):
        forward |= {unit("s", l, j, network.w): s_j for j, s_j in enumerate(s[l], 1)}
        forward |= {unit("x", l, j, network.w): x_j for j, x_j in enumerate(x[l]) if j}
    forward["e"] = e
    for l in range(L, 0, -1):
        backward |= {unit("x", l, j, network.w): d for j, d in enumerate(de_dx[l], 1)}
        backward |= {unit("s", l, j, network.w): δ_j for j, δ_j in enumerate(δ[l], 1)}
        for i, row in enumerate(dw[l]):
            backward |= {tex("w", l, i, j): d for j, d in enumerate(row, 1)}
    backward |= {tex("x", 0, i): d for i, d in enumerate(de_dx[0], 1)}
    return forward, backward


# ------------------------------------------------------------------ both, and the derivations


def compare(network: Network) -> tuple[list[Row], list[Row]]:
    """The forward values, and the derivatives of e, by the engine beside those by hand.

    >>> forward, backward = compare(EXAMPLE)
    >>> max(abs(row.difference) for row in forward + backward) < 1e-15
    True
    """
    return compared(build(network)[0], by_hand(network))


def update(network: Network) -> list[Row]:
    """Each weight after one step w ← w - η ∂e/∂w, by the engine beside by hand.

    The lecture stops at the derivatives; this is the plain step down the gradient.

    >>> max(abs(row.difference) for row in update(EXAMPLE)) < 1e-15
    True
    """
    e, w, _, _ = build(network)
    e.backward()
    weights = [w_ij for l in w for w_ij in w[l].values()]
    before = {v.label: v.data for v in weights}
    for v in weights:
        v.data -= network.eta * v.grad
    _, backward = by_hand(network)
    return beside(
        {v.label: v.data for v in weights},
        {label: w_ij - network.eta * backward[label] for label, w_ij in before.items()},
    )


def exercises(network: Network) -> list[Derivation]:
    """What the lecture derives, read off the graph; it poses no exercises.

    ∂e/∂w_21^(2) (10), δ^(L) (15), δ_2^(1) (19), and the ∂z/∂t that it leaves open in the chain rule
    (17), for x = s t, y = s + t, z = x y at s = 1, t = 2. In a network that is narrower, or has
    fewer layers, others stand in for those that it lacks.
    """
    e, w, s, x = build(network)
    l, L = min(2, len(w)), len(w)
    derived = [w[l][min(2, len(x[l - 1]) - 1), 1], s[L][1], s[1][min(2, len(s[1]))]]
    return [*(derive(e, v) for v in derived), derive(*_left_open())]


def _left_open() -> tuple[Value, Value]:
    """The z and t of 17."""
    s, t = Value(1.0, "s"), Value(2.0, "t")
    x, y = s * t, s + t
    z = x * y
    x.label, y.label, z.label = "x", "y", "z"
    return z, t
