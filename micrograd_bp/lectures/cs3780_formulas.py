r"""CS3780, "Lecture 22: Backpropagation": its formulas, as they come, to be run.

01 to 04 and 14 are about vectors: W[t][i, j] is W^[t]_ij, to unit i of layer t from unit j of layer
t - 1. From 05 to 13 there is one neuron in each layer and one input, and W[t], u[t], z[t], δ[t] are
numbers. d(loss, u[t]) is dℓ/du^t, dσ is σ′; `bias` is the b beside α, which has no layer.

>>> from random import Random
>>> from micrograd_bp.lectures.statements import errors
>>> formula = FORMULAS[10]
>>> print(formula.id, formula.words)
CS3780-11 Where the recursion starts: through the read-out, then through the last nonlinearity.
>>> drawn = [formula.given(Random(seed)) for seed in range(5)]
>>> errors(formula.printed, drawn).most > 0.1, errors(formula.corrected, drawn).most < 1e-12
(True, True)
"""

from collections.abc import Mapping
from math import copysign, prod
from typing import Any

from micrograd_bp.lectures.cs3780_networks import (
    chains,
    exponentials,
    sigmoids,
    tanhs,
    vectors,
)
from micrograd_bp.lectures.statements import Formula, Remark, Run, each


def descended(
    start: float, W: Mapping[int, float], u: Mapping[int, float], dσ: Any
) -> dict[int, float]:
    """δ^T to δ^1 by the recursion (10), from any start."""
    δ = {len(W): start}
    for t in range(len(W), 1, -1):
        δ[t - 1] = W[t] * dσ(u[t - 1]) * δ[t]
    return δ


def _signs(
    loss: Any, ŷ: Any, W: Any, u: Any, z: Any, α: Any, T: int, dσ: Any, d: Any
) -> tuple[Any, Any]:
    """Of each dℓ/dW^[s] from the printed start (11): 1 where it is that of the true one."""
    δ = descended(d(loss, ŷ) * α * z[T], W, u, dσ)
    return (
        dict.fromkeys(W, 1.0),
        {s: copysign(1.0, δ[s] * z[s - 1] * d(loss, W[s])) for s in W},
    )


# ------------------------------------------------------------------ the formulas, as they come

FORMULAS = (
    # 1 Forward pass
    Formula(
        "CS3780-01",
        r"z^0 = x",
        "The input is the output of a layer 0.",
        lambda z, x: (z[0], x),
        vectors,
    ),
    Formula(
        "CS3780-02",
        r"u^t = W^{[t]} z^{t-1} + b^t, \quad t = 1, \dots, T",
        "A layer's sums: its matrix by the outputs below, plus its biases.",
        lambda u, W, z, b: (
            u,
            each(u, lambda t, i: sum(W[t][i, j] * z[t - 1][j] for j in z[t - 1]) + b[t][i]),
        ),
        vectors,
    ),
    Formula(
        "CS3780-03",
        r"z^t = \sigma(u^t), \quad t = 1, \dots, T",
        "The nonlinearity, number by number.",
        lambda u, z, σ: ({t: z[t] for t in u}, each(u, lambda t, i: σ(u[t][i]))),
        vectors,
    ),
    Formula(
        "CS3780-04",
        r"\hat{y} = \alpha^T z^{[T]} + b",
        "One number is read out of the last layer, without a nonlinearity.",
        lambda z, α, bias, ŷ, T: (ŷ, sum(α[i] * z[T][i] for i in z[T]) + bias),
        vectors,
        note="T is the number of layers below, and the transpose above α",
    ),
    # 2 Backward pass, with one neuron in each layer
    Formula(
        "CS3780-05",
        r"u^s = W^{[s]} z^{s-1} + b^s",
        "02 once more, now with numbers.",
        lambda u, W, z, b: (u, {s: W[s] * z[s - 1] + b[s] for s in u}),
        chains,
    ),
    Formula(
        "CS3780-06",
        r"\frac{d\ell(\hat{y}, y)}{dW^{[s]}} = \frac{d\ell(\hat{y}, y)}{d\hat{y}}"
        r" \cdot \frac{d\hat{y}}{du^T} \cdot \frac{du^T}{du^{T-1}} \cdots"
        r" \frac{du^{s+1}}{du^s} z^{s-1}",
        "In a chain of neurons there is one way from a weight to the loss: one product.",
        lambda loss, ŷ, u, z, W, T, d: (
            {s: d(loss, W[s]) for s in W},
            {
                s: d(loss, ŷ)
                * d(ŷ, u[T])
                * prod(d(u[t], u[t - 1]) for t in range(T, s, -1))
                * z[s - 1]
                for s in W
            },
        ),
        chains,
    ),
    Formula(
        "CS3780-07",
        r"\delta^t = \frac{d\ell(\hat{y}, y)}{d\hat{y}} \cdot \frac{d\hat{y}}{du^T}"
        r" \cdot \frac{du^T}{du^{T-1}} \cdots \frac{du^{t+1}}{du^t}",
        "The part of 06 that has no weight's input in it: the derivative by the sum of a layer.",
        lambda loss, ŷ, u, T, d: (
            {t: d(loss, u[t]) for t in u},
            {
                t: d(loss, ŷ) * d(ŷ, u[T]) * prod(d(u[r], u[r - 1]) for r in range(T, t, -1))
                for t in u
            },
        ),
        chains,
    ),
    Formula(
        "CS3780-08",
        r"u^t = W^{[t]} \sigma(u^{t-1}) + b^t",
        "02 and 03 in one: a sum in terms of the sum before it.",
        lambda u, W, b, σ: (
            {t: u[t] for t in u if t > 1},
            {t: W[t] * σ(u[t - 1]) + b[t] for t in u if t > 1},
        ),
        chains,
        note="for t ≥ 2: there is no u⁰",
    ),
    Formula(
        "CS3780-09",
        r"\frac{du^t}{du^{t-1}} = W^{[t]} \sigma'(u^{t-1})",
        "One step of the chain: through the nonlinearity, then through the weight.",
        lambda u, W, dσ, d: (
            {t: d(u[t], u[t - 1]) for t in u if t > 1},
            {t: W[t] * dσ(u[t - 1]) for t in u if t > 1},
        ),
        chains,
        note="S1: with one neuron in each layer",
    ),
    Formula(
        "CS3780-10",
        r"\delta^{t-1} = (W^{[t]} \sigma'(u^{t-1})) \, \delta^t",
        "The recursion: each δ is that of the layer above, times one more factor.",
        lambda loss, u, W, δ, dσ, d: (
            {t: d(loss, u[t - 1]) for t in u if t > 1},
            {t: W[t] * dσ(u[t - 1]) * δ[t] for t in u if t > 1},
        ),
        chains,
        note="S1: with one neuron in each layer; O12: down to t = 2",
    ),
    Formula(
        "CS3780-11",
        r"\delta^T = \frac{d\ell(\hat{y}, y)}{d\hat{y}} \, \alpha \, z^T",
        "Where the recursion starts: through the read-out, then through the last nonlinearity.",
        lambda loss, ŷ, u, z, α, T, d: (d(loss, u[T]), d(loss, ŷ) * α * z[T]),
        chains,
        lambda loss, ŷ, u, α, T, dσ, d: (d(loss, u[T]), d(loss, ŷ) * α * dσ(u[T])),
        r"\delta^T = \frac{d\ell(\hat{y}, y)}{d\hat{y}} \, \alpha \, \sigma'(u^T)",
        "E1",
    ),
    Formula(
        "CS3780-12",
        r"\frac{d\ell(\hat{y}, y)}{dW^{[s]}} = \delta^s z^{s-1}",
        "A weight's derivative: δ of the sum it enters, times its input.",
        lambda loss, z, W, δ, d: (
            {s: d(loss, W[s]) for s in W},
            {s: δ[s] * z[s - 1] for s in W},
        ),
        chains,
    ),
    Formula(
        "CS3780-13",
        r"\frac{d\ell(\hat{y}, y)}{db^s} = \delta^s",
        "A bias enters its sum with the factor 1: its derivative is δ itself.",
        lambda loss, b, δ, d: ({s: d(loss, b[s]) for s in b}, δ),
        chains,
        note="O11: α and the b beside it have derivatives, too",
    ),
    # what the slides are to show
    Formula(
        "CS3780-14",
        r"\begin{aligned} \delta^T &= \frac{d\ell}{d\hat{y}} \, \alpha \odot \sigma'(u^T) &"
        r" \delta^{t-1} &= (W^{[t]T} \delta^t) \odot \sigma'(u^{t-1}) \\"
        r" \frac{d\ell}{dW^{[s]}} &= \delta^s (z^{s-1})^T & \frac{d\ell}{db^s} &= \delta^s \\"
        r" \frac{d\ell}{d\alpha} &= \frac{d\ell}{d\hat{y}} \, z^T &"
        r" \frac{d\ell}{db} &= \frac{d\ell}{d\hat{y}} \\"
        r" \frac{d\ell}{dx} &= W^{[1]T} \delta^1 \end{aligned}",
        "The same with any number of neurons: the matrix back is the transpose, ⊙ is number by "
        "number, and a gradient is a column times a row.",
        lambda loss, ŷ, T, W, b, α, bias, u, z, δ, dσ, d: (
            {
                "start": {i: d(loss, u[T][i]) for i in u[T]},
                "step": {t: {j: d(loss, u[t][j]) for j in u[t]} for t in range(1, T)},
                "W": each(W, lambda s, i, j: d(loss, W[s][i, j])),
                "b": each(b, lambda s, i: d(loss, b[s][i])),
                "α": {i: d(loss, α[i]) for i in α},
                "bias": d(loss, bias),
                "x": {j: d(loss, z[0][j]) for j in z[0]},
            },
            {
                "start": {i: d(loss, ŷ) * α[i] * dσ(u[T][i]) for i in u[T]},
                "step": {
                    t: {
                        j: sum(W[t + 1][i, j] * δ[t + 1][i] for i in δ[t + 1]) * dσ(u[t][j])
                        for j in u[t]
                    }
                    for t in range(1, T)
                },
                "W": each(W, lambda s, i, j: δ[s][i] * z[s - 1][j]),
                "b": δ,
                "α": {i: d(loss, ŷ) * z[T][i] for i in α},
                "bias": d(loss, ŷ),
                "x": {j: sum(W[1][i, j] * δ[1][i] for i in δ[1]) for j in z[0]},
            },
        ),
        vectors,
        note="missing, supplied: the lecture leaves it to slides that are not at hand",
    ),
)
"""The formulas of the lecture in its order, by their numbers."""

REMARKS = (
    Remark(
        "E1",
        "error",
        ("CS3780-11",),
        r"\delta^T = \frac{d\ell}{d\hat{y}} \, \alpha \, z^T",
        r"\delta^T = \frac{d\ell}{d\hat{y}} \, \alpha \, \sigma'(u^T)",
        "By 07 the last factor is dz^T/du^T, the slope of the nonlinearity and not its value; "
        "hard to notice, for it gives the derivatives by all W and b one common wrong factor.",
        (
            Run(
                "all the derivatives by W and b from the printed start: off by one factor, z/σ′(u)",
                lambda loss, ŷ, W, b, u, z, α, T, dσ, d: (
                    {s: {"W": d(loss, W[s]) * z[T], "b": d(loss, b[s]) * z[T]} for s in W},
                    {
                        s: {"W": δ_s * z[s - 1] * dσ(u[T]), "b": δ_s * dσ(u[T])}
                        for s, δ_s in descended(d(loss, ŷ) * α * z[T], W, u, dσ).items()
                    },
                ),
                chains,
            ),
            Run(
                "their signs with the sigmoid: right, so the loss still falls",
                _signs,
                sigmoids,
            ),
            Run(
                "their signs with tanh: all turned round where z^T is negative",
                _signs,
                tanhs,
            ),
            Run(
                "as printed, with σ = exp, which is its own derivative",
                lambda loss, ŷ, u, z, α, T, d: (d(loss, u[T]), d(loss, ŷ) * α * z[T]),
                exponentials,
            ),
        ),
    ),
    Remark(
        "O11",
        "omission",
        ("CS3780-12", "CS3780-13"),
        "the derivatives end with those of the hidden layers",
        r"\frac{d\ell}{d\alpha} = \frac{d\ell}{d\hat{y}} z^T, \quad"
        r" \frac{d\ell}{db} = \frac{d\ell}{d\hat{y}}",
        "The read-out has parameters too; 14 has their derivatives.",
        (
            Run(
                "dℓ/dα = ℓ′ z^T, dℓ/db = ℓ′",
                lambda loss, ŷ, z, α, bias, T, d: (
                    {"α": d(loss, α), "b": d(loss, bias)},
                    {"α": d(loss, ŷ) * z[T], "b": d(loss, ŷ)},
                ),
                chains,
            ),
        ),
    ),
    Remark(
        "O12",
        "omission",
        ("CS3780-10",),
        r"\delta^{t-1} = (W^{[t]} \sigma'(u^{t-1})) \, \delta^t",
        r"\delta^{t-1} = (W^{[t]} \sigma'(u^{t-1})) \, \delta^t, \; t \ge 2; \quad"
        r" \frac{d\ell}{dx} = W^{[1]} \delta^1",
        "The recursion is printed without its range: it ends at t = 2, for the input has no "
        "nonlinearity to go back through.",
        (
            Run(
                "at t = 1, for dℓ/dx",
                lambda loss, z, u, W, δ, dσ, d: (d(loss, z[0]), W[1] * dσ(u[0]) * δ[1]),
                chains,
            ),
            Run(
                "at t = 1, with x in the place of u⁰",
                lambda loss, x, z, W, δ, dσ, d: (d(loss, z[0]), W[1] * dσ(x) * δ[1]),
                chains,
            ),
            Run(
                "dℓ/dx = W δ¹, without σ′",
                lambda loss, z, W, δ, d: (d(loss, z[0]), W[1] * δ[1]),
                chains,
            ),
        ),
    ),
    Remark(
        "S1",
        "scope",
        ("CS3780-09", "CS3780-10"),
        r"W^{[t]} \sigma'(u^{t-1}), \quad (W^{[t]} \sigma'(u^{t-1})) \, \delta^t",
        r"W^{[t]} \operatorname{diag}(\sigma'(u^{t-1})), \quad"
        r" (W^{[t]T} \delta^t) \odot \sigma'(u^{t-1})",
        "The lecture says that it has one neuron in each layer, and for that 09 and 10 are right; "
        "read with vectors as they stand they are not meant, and not right.",
        (
            Run(
                "10 with vectors as it stands",
                lambda loss, u, W, δ, dσ, d: (
                    {t: {j: d(loss, u[t - 1][j]) for j in u[t - 1]} for t in u if t > 1},
                    {
                        t: {
                            i: sum(W[t][i, j] * dσ(u[t - 1][j]) * δ[t][j] for j in δ[t])
                            for i in δ[t]
                        }
                        for t in u
                        if t > 1
                    },
                ),
                vectors,
            ),
            Run(
                "09 as a matrix, σ′(u_j) on column j of W",
                lambda u, W, dσ, d: (
                    {t: {(i, j): d(u[t][i], u[t - 1][j]) for i, j in W[t]} for t in u if t > 1},
                    {
                        t: {(i, j): W[t][i, j] * dσ(u[t - 1][j]) for i, j in W[t]}
                        for t in u
                        if t > 1
                    },
                ),
                vectors,
            ),
        ),
    ),
)
"""What there is to say of them: one error, and what is none."""
