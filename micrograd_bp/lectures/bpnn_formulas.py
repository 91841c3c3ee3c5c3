# ruff: noqa: E741  l is the lecture's layer
r"""BPNN, "Backpropagation in Neural Networks": its formulas, as they come, to be run.

A classifier of D inputs, H hidden units and C classes. The layers are 1 to 3 and layer 1 is the
input, A^(1) = x; W^(l) joins layer l to layer l + 1, and W^(l)_ij goes to unit i from unit j. A
tilde puts the bias in: W̃ = [b W], with the column 0, and Ã = [1; A], with the entry 0. In the
statements W̃[l][i, j], Ã[l][j] and Z[l][i] are what they are in the lecture, d(J, Z[l][i]) is
∂J/∂Z^(l)_i, and Δ[l][i] the same number.

>>> from random import Random
>>> from micrograd_bp.lectures.statements import errors
>>> formula = FORMULAS[14]
>>> print(formula.id, formula.words)
BPNN-15 Where the error signal starts: output minus target, times the last nonlinearity's slope.
>>> networks = [formula.given(Random(seed)) for seed in range(5)]
>>> errors(formula.printed, networks).least > 0.1, errors(formula.corrected, networks).most < 1e-12
(True, True)
"""

from math import copysign
from typing import Any

from micrograd_bp.lectures.bpnn_networks import (
    any_least_squares,
    any_output,
    batch,
    example,
    least_squares,
    penalised,
    sine_output,
    square,
)
from micrograd_bp.lectures.statements import Formula, Remark, Run, each, exp, log

FORMULAS = (
    Formula(
        "BPNN-01",
        r"Z^{(2)} = W^{(1)} x + b^{(1)}",
        "What a hidden unit takes in: its weighted sum of the inputs, plus its bias.",
        lambda Z, W, x, b: (
            Z[2],
            {i: sum(W[1][i, j] * x[j] for j in x) + b[1][i] for i in Z[2]},
        ),
        example,
    ),
    Formula(
        "BPNN-02",
        r"Z^{(2)} = \widetilde{W}^{(1)} \tilde{x}",
        "The same with the bias as one more weight, whose input is always 1.",
        lambda Z, W̃, x̃: (Z[2], {i: sum(W̃[1][i, j] * x̃[j] for j in x̃) for i in Z[2]}),
        example,
    ),
    Formula(
        "BPNN-03",
        r"A^{(2)} = \varphi^{(2)}(Z^{(2)}) \quad \left[ = \max(0, Z^{(2)}) \right]",
        "A hidden unit gives out the nonlinearity of what it takes in.",
        lambda A, Z, φ: (A[2], {i: φ[2](Z[2][i]) for i in Z[2]}),
        example,
        note="ReLU is one of four nonlinearities here; its networks keep clear of the kink",
    ),
    Formula(
        "BPNN-04",
        r"\widetilde{A}^{(2)} = \begin{bmatrix} 1 \\ A^{(2)} \end{bmatrix}, \quad"
        r" \widetilde{W}^{(2)} = \begin{bmatrix} b^{(2)} \; W^{(2)} \end{bmatrix}",
        "The bias trick one layer up: a unit 0 that is always 1, and the biases as column 0.",
        lambda A, Ã, W, W̃, b: (
            {"A": Ã[2], "WA": {i: sum(W̃[2][i, j] * Ã[2][j] for j in Ã[2]) for i in b[2]}},
            {
                "A": {0: 1.0} | A[2],
                "WA": {i: b[2][i] + sum(W[2][i, j] * A[2][j] for j in A[2]) for i in b[2]},
            },
        ),
        example,
    ),
    Formula(
        "BPNN-05",
        r"Z^{(3)} = \widetilde{W}^{(2)} \widetilde{A}^{(2)}",
        "What the output units take in: 02, one layer up.",
        lambda Z, W̃, Ã: (Z[3], {i: sum(W̃[2][i, j] * Ã[2][j] for j in Ã[2]) for i in Z[3]}),
        example,
    ),
    Formula(
        "BPNN-06",
        r"A^{(3)} = \varphi^{(3)}(Z^{(3)}) \quad \left[ = \mathrm{id} \right]",
        "The output layer may have a nonlinearity of its own; in the example it has none.",
        lambda A, Z, φ: (A[3], {i: φ[3](Z[3][i]) for i in Z[3]}),
        any_output,
    ),
    Formula(
        "BPNN-07",
        r"h_{W,b}(x) = \frac{1}{\sum_{i=1}^{C} e^{A_i^3}} e^{A^{(3)}}"
        r" = \frac{1}{\sum_{i=1}^{C} e^{Z_i^3}} e^{Z^{(3)}}",
        "The prediction: positive shares of 1, one for each class, by softmax.",
        lambda h, A, Z: (
            {"A": h, "Z": h},
            {
                "A": {k: 1.0 / sum(exp(A[3][i]) for i in A[3]) * exp(A[3][k]) for k in h},
                "Z": {k: 1.0 / sum(exp(Z[3][i]) for i in Z[3]) * exp(Z[3][k]) for k in h},
            },
        ),
        example,
        note="the upper 3 is the layer, no power; S4: the second equality needs φ^(3) = id",
    ),
    Formula(
        "BPNN-08",
        r"J(W, b) = -\frac{1}{m} \sum_{i=1}^{m} \sum_{k=1}^{C} \mathbb{1}\{y^{(i)} = k\}"
        r" \log h_{W,b}(x^{(i)}) + \frac{\lambda}{2} \sum_{l=1}^{L} \|W^{(l)}\|^2",
        "The loss: the mean of -log of the share that the right class gets, and a price on large"
        " weights, but not on biases.",
        lambda J, h, y, W, m, λ: (
            J,
            {
                c: -1.0 / m * sum((y[i] == k) * log(h[i][c]) for i in y for k in h[i])
                + λ / 2.0 * sum(w**2 for l in W for w in W[l].values())
                for c in h[1]
            },
        ),
        batch,
        lambda J, h, y, W, m, λ: (
            J,
            -1.0 / m * sum((y[i] == k) * log(h[i][k]) for i in y for k in h[i])
            + λ / 2.0 * sum(w**2 for l in W for w in W[l].values()),
        ),
        r"J(W, b) = -\frac{1}{m} \sum_{i=1}^{m} \sum_{k=1}^{C} \mathbb{1}\{y^{(i)} = k\}"
        r" \log h_{W,b}(x^{(i)})_k + \frac{\lambda}{2} \sum_{l=1}^{2} \|W^{(l)}\|^2",
        "E3",
        "printed: log h for each component of h; y^(i) is a class number here (O5), and l runs over"
        " the matrices that there are (O4)",
    ),
    Formula(
        "BPNN-09",
        r"J(W, b) = -\sum_{k=1}^{C} y_k \log h_{W,b}(x)"
        r" + \frac{\lambda}{2} \sum_{l=1}^{L} \|W^{(l)}\|^2",
        "08 for one example: a one-hot y picks its class out of the sum.",
        lambda J, h, y, W, λ: (
            J,
            {
                c: -sum(y[k] * log(h[c]) for k in y)
                + λ / 2.0 * sum(w**2 for l in W for w in W[l].values())
                for c in h
            },
        ),
        penalised,
        lambda J, h, y, W, λ: (
            J,
            -sum(y[k] * log(h[k]) for k in y)
            + λ / 2.0 * sum(w**2 for l in W for w in W[l].values()),
        ),
        r"J(W, b) = -\sum_{k=1}^{C} y_k \log h_{W,b}(x)_k"
        r" + \frac{\lambda}{2} \sum_{l=1}^{2} \|W^{(l)}\|^2",
        "E3",
        "printed: log h for each component of h; l as in 08",
    ),
    Formula(
        "BPNN-10",
        r"∂{J}{\widetilde{W}_{i,j}^{(l)}} = ∂{J}{A_j^{(l+1)}} ∂{A_j^{(l+1)}}{Z_j^{(l+1)}}"
        r" ∂{Z_j^{(l+1)}}{\widetilde{W}_{i,j}^{(l)}}",
        "A weight acts on the loss through the one unit that it goes to.",
        lambda J, A, Z, W, W̃, d: (
            each(W, lambda l, i, j: d(J, W̃[l][i, j])),
            each(
                W,
                lambda l, i, j: (
                    d(J, A[l + 1][j]) * d(A[l + 1][j], Z[l + 1][j]) * d(Z[l + 1][j], W̃[l][i, j])
                ),
            ),
        ),
        example,
        lambda J, A, Z, W̃, d: (
            each(W̃, lambda l, i, j: d(J, W̃[l][i, j])),
            each(
                W̃,
                lambda l, i, j: (
                    d(J, A[l + 1][i]) * d(A[l + 1][i], Z[l + 1][i]) * d(Z[l + 1][i], W̃[l][i, j])
                ),
            ),
        ),
        r"∂{J}{\widetilde{W}_{i,j}^{(l)}} = ∂{J}{A_i^{(l+1)}} ∂{A_i^{(l+1)}}{Z_i^{(l+1)}}"
        r" ∂{Z_i^{(l+1)}}{\widetilde{W}_{i,j}^{(l)}}",
        "E4",
        "printed: without the bias column, where j = 0 is no unit; λ = 0, for the penalty is 14's",
    ),
    Formula(
        "BPNN-11",
        r"∂{A_j^{(l+1)}}{Z_j^{(l+1)}} = \varphi'^{(l+1)}(Z_j^{(l+1)})",
        "The second factor of 10 is the slope of the nonlinearity.",
        lambda A, Z, dφ, d: (
            each(Z, lambda l, j: d(A[l][j], Z[l][j])),
            each(Z, lambda l, j: dφ[l](Z[l][j])),
        ),
        any_output,
    ),
    Formula(
        "BPNN-12",
        r"∂{Z_j^{(l+1)}}{\widetilde{W}_{i,j}^{(l)}} = A_i^{(l)}",
        "The third factor of 10 is what comes in through the weight.",
        lambda A, Z, W, W̃, d: (
            each(W, lambda l, i, j: d(Z[l + 1][j], W̃[l][i, j])),
            each(W, lambda l, i, j: A[l][i]),
        ),
        example,
        lambda Ã, Z, W̃, d: (
            each(W̃, lambda l, i, j: d(Z[l + 1][i], W̃[l][i, j])),
            each(W̃, lambda l, i, j: Ã[l][j]),
        ),
        r"∂{Z_i^{(l+1)}}{\widetilde{W}_{i,j}^{(l)}} = \widetilde{A}_j^{(l)}",
        "E4, E5",
        "printed: without the bias column, as in 10",
    ),
    Formula(
        "BPNN-13",
        r"∂{J}{Z_j^{(l+1)}} = Z_j^{(l+1)} - y_j \quad \left[ l = 3 \right]",
        "The first two factors of 10 at the output, in one: prediction minus target.",
        lambda J, Z, y, d: (
            {j: d(J, Z[3 + 1][j]) for j in y},
            {j: Z[3 + 1][j] - y[j] for j in y},
        ),
        example,
        lambda J, Z, h, y, d: (
            {j: d(J, Z[2 + 1][j]) for j in y},
            {j: h[j] - y[j] for j in y},
        ),
        r"∂{J}{Z_j^{(l+1)}} = h_j - y_j \quad \left[ l = 2 \right]",
        "E6, E7",
    ),
    Formula(
        "BPNN-14",
        r"\widetilde{W}_{i,j}^{(l)} \leftarrow -\eta \Delta_j^{(l+1)} A_i^{(l)} \quad"
        r" \left[ + \text{regularization} \right]",
        "The update: a step of size η against the gradient.",
        lambda J, Δ, A, W, W̃, η, λ, d: (
            each(W, lambda l, i, j: W̃[l][i, j] - η * d(J, W̃[l][i, j])),
            each(W, lambda l, i, j: -η * Δ[l + 1][j] * A[l][i] - η * λ * W[l][i, j]),
        ),
        penalised,
        lambda J, Δ, Ã, W̃, η, λ, d: (
            each(W̃, lambda l, i, j: W̃[l][i, j] - η * d(J, W̃[l][i, j])),
            each(
                W̃,
                lambda l, i, j: (
                    W̃[l][i, j] - η * (Δ[l + 1][i] * Ã[l][j] + (λ * W̃[l][i, j] if j > 0 else 0.0))
                ),
            ),
        ),
        r"\widetilde{W}_{i,j}^{(l)} \leftarrow \widetilde{W}_{i,j}^{(l)} - \eta \left("
        r" \Delta_i^{(l+1)} \widetilde{A}_j^{(l)} + \lambda W_{i,j}^{(l)} \right), \quad"
        r" \text{no } \lambda \text{ where } j = 0",
        "E4, E5, E8",
        "printed: without the bias column, as in 10, and with the bracket as −ηλW (O7)",
    ),
    Formula(
        "BPNN-15",
        r"\Delta_j^{(l)} = \varphi'(Z_j^{(l)}) (A_j - y_j) \quad \text{for the output layer}",
        "Where the error signal starts: output minus target, times the last nonlinearity's slope.",
        lambda Δ, A, Z, y, dφ: (
            Δ[3],
            {j: dφ[3](Z[3][j]) * (A[3][j] - y[j]) for j in Z[3]},
        ),
        any_output,
        lambda Δ, h, Z, y, dφ: (Δ[3], {j: dφ[3](Z[3][j]) * (h[j] - y[j]) for j in Z[3]}),
        r"\Delta_j^{(3)} = \varphi'^{(3)}(Z_j^{(3)}) (h_j - y_j)",
        "E6",
    ),
    Formula(
        "BPNN-16",
        r"\Delta_j^{(l)} = \varphi'(Z_j^{(l)}) \sum_k \Delta_k^{(l+1)} \widetilde{W}_{j,k}^{(l)}"
        r" \quad \text{else}",
        "A hidden unit's error signal: those of the units it feeds, each through its weight.",
        lambda Δ, Z, W̃, dφ: (
            Δ[2],
            {j: dφ[2](Z[2][j]) * sum(Δ[3][k] * W̃[2][j, k] for k in Δ[3]) for j in Z[2]},
        ),
        example,
        lambda Δ, Z, W, dφ: (
            Δ[2],
            {j: dφ[2](Z[2][j]) * sum(Δ[3][k] * W[2][k, j] for k in Δ[3]) for j in Z[2]},
        ),
        r"\Delta_j^{(l)} = \varphi'^{(l)}(Z_j^{(l)}) \sum_k \Delta_k^{(l+1)} W_{k,j}^{(l)}",
        "E4, E5",
    ),
)
"""The formulas of the lecture in its order, by their numbers."""


def _from_to(J: Any, Δ: Any, A: Any, Z: Any, W: Any, dφ: Any, d: Any) -> tuple[Any, Any]:
    """10, 12 and 16 as printed, but for the bias, where V_ij goes from unit i to unit j."""
    V = {(i, j): w for (j, i), w in W[2].items()}
    return (
        {
            10: {(i, j): d(J, V[i, j]) for i, j in V},
            12: {(i, j): d(Z[3][j], V[i, j]) for i, j in V},
            16: Δ[2],
        },
        {
            10: {(i, j): d(J, A[3][j]) * d(A[3][j], Z[3][j]) * d(Z[3][j], V[i, j]) for i, j in V},
            12: {(i, j): A[2][i] for i, j in V},
            16: {j: dφ[2](Z[2][j]) * sum(Δ[3][k] * V[j, k] for k in Δ[3]) for j in Z[2]},
        },
    )


REMARKS = (
    Remark(
        "E3",
        "error",
        ("BPNN-08", "BPNN-09"),
        r"\log h_{W,b}(x)",
        r"\log h_{W,b}(x)_k",
        "h has a component for each class, and the loss, one number, needs that of the class k.",
    ),
    Remark(
        "E4",
        "error",
        ("BPNN-10", "BPNN-12", "BPNN-14", "BPNN-16"),
        r"∂{J}{A_j} ∂{A_j}{Z_j} A_i, \; \Delta_j A_i, \; \sum_k \Delta_k W_{j,k}",
        r"∂{J}{A_i} ∂{A_i}{Z_i} \widetilde{A}_j, \; \Delta_i \widetilde{A}_j, \;"
        r" \sum_k \Delta_k W_{k,j}",
        "The lecture lets W_ij go to unit i from unit j, and its shapes say the same, but the "
        "backward formulas are written as if it went from i to j: one slip in four places.",
        (
            Run(
                "10 with 11 and 12 put in, for l = 2 and H = C",
                lambda J, A, Z, W, dφ, d: (
                    {(i, j): d(J, W[2][i, j]) for i, j in W[2]},
                    {(i, j): d(J, A[3][j]) * dφ[3](Z[3][j]) * A[2][i] for i, j in W[2]},
                ),
                square,
            ),
            Run(
                "10 with 11 and 12 put in, beside the transposed gradient",
                lambda J, A, Z, W, dφ, d: (
                    {(i, j): d(J, W[2][j, i]) for i, j in W[2]},
                    {(i, j): d(J, A[3][j]) * dφ[3](Z[3][j]) * A[2][i] for i, j in W[2]},
                ),
                square,
            ),
            Run(
                "16 for H = C: the sum along a row of W",
                lambda Δ, Z, W, dφ: (
                    Δ[2],
                    {j: dφ[2](Z[2][j]) * sum(Δ[3][k] * W[2][j, k] for k in Δ[3]) for j in Z[2]},
                ),
                square,
            ),
            Run("10, 12 and 16 where W_ij goes from i to j, as they assume", _from_to, example),
        ),
    ),
    Remark(
        "E5",
        "error",
        ("BPNN-12", "BPNN-14", "BPNN-16"),
        r"A_i, \; \widetilde{W}_{j,k}",
        r"\widetilde{A}_j \text{ with } \widetilde{A}_0 = 1, \; W_{k,j}",
        "The tilde is missing where the bias needs its constant input 1, and stands where the bias "
        "has no part: nothing flows back into a constant.",
        (
            Run(
                "12 with i and j right, without the tilde, for l = 2",
                lambda A, Z, W̃, d: (
                    {(i, j): d(Z[3][i], W̃[2][i, j]) for i, j in W̃[2]},
                    {(i, j): A[2][j] for i, j in W̃[2]},
                ),
                example,
            ),
            Run(
                "12 without it, columns of W̃ counted from 1: A one place off",
                lambda A, Z, W, W̃, d: (
                    {(i, j): d(Z[3][i], W̃[2][i, j - 1]) for i, j in W[2]},
                    {(i, j): A[2][j] for i, j in W[2]},
                ),
                example,
            ),
            Run(
                "16 with i and j right, the bias column kept",
                lambda Δ, Ã, Z, W̃, dφ: (
                    Δ[2],
                    {j: dφ[2](Z[2][j]) * sum(Δ[3][k] * W̃[2][k, j] for k in Δ[3]) for j in Ã[2]},
                ),
                example,
            ),
            Run(
                "16 with it, columns of W̃ counted from 1: W one place off",
                lambda Δ, Z, W̃, dφ: (
                    Δ[2],
                    {j: dφ[2](Z[2][j]) * sum(Δ[3][k] * W̃[2][k, j - 1] for k in Δ[3]) for j in Z[2]},
                ),
                example,
            ),
        ),
    ),
    Remark(
        "E6",
        "error",
        ("BPNN-13", "BPNN-15"),
        r"Z_j - y_j, \; \varphi'(Z_j) (A_j - y_j)",
        r"h_j - y_j, \; \varphi'(Z_j) (h_j - y_j)",
        "The loss compares y with the shares h, and softmax and logarithm together leave h - y; "
        "Z - y is the gradient of another loss.",
        (
            Run(
                "13 with l = 2",
                lambda Δ, Z, y: (Δ[3], {j: Z[3][j] - y[j] for j in y}),
                example,
            ),
            Run(
                "13 with l = 2, where J = ½‖Z − y‖²",
                lambda Δ, Z, y: (Δ[3], {j: Z[3][j] - y[j] for j in y}),
                least_squares,
            ),
            Run(
                "Z − y at an acute angle to the true gradient (off by 2 where obtuse)",
                lambda Δ, Z, y: (1.0, copysign(1.0, sum((Z[3][j] - y[j]) * Δ[3][j] for j in y))),
                example,
            ),
            Run(
                "the components of the true gradient add up to 0",
                lambda Δ: (0.0, sum(Δ[3].values())),
                example,
            ),
        ),
    ),
    Remark(
        "E7",
        "error",
        ("BPNN-13",),
        r"l = 3",
        r"l = 2",
        "Layer l + 1 is the output, layer 3, so l is 2; there is no layer 4.",
        (
            Run(
                "13 with h − y and l = 3",
                lambda J, Z, h, y, d: (
                    {j: d(J, Z[3 + 1][j]) for j in y},
                    {j: h[j] - y[j] for j in y},
                ),
                example,
            ),
        ),
    ),
    Remark(
        "E8",
        "error",
        ("BPNN-14",),
        r"\widetilde{W}_{i,j} \leftarrow -\eta \Delta_j A_i",
        r"\widetilde{W}_{i,j} \leftarrow \widetilde{W}_{i,j}"
        r" - \eta (\Delta_i \widetilde{A}_j + \lambda W_{i,j})",
        "A step starts from the weight that is there; as printed the weight is replaced by its "
        "change.",
        (
            Run(
                "14 with W̃ − put in front, no more: the change, for l = 2 and H = C",
                lambda J, Δ, A, W, η, d: (
                    {(i, j): -η * d(J, W[2][i, j]) for i, j in W[2]},
                    {(i, j): -η * Δ[3][j] * A[2][i] for i, j in W[2]},
                ),
                square,
            ),
            Run(
                "14 with indices and tilde put right, no more, for l = 2",
                lambda J, Δ, Ã, W̃, η, d: (
                    {(i, j): W̃[2][i, j] - η * d(J, W̃[2][i, j]) for i, j in W̃[2]},
                    {(i, j): -η * Δ[3][i] * Ã[2][j] for i, j in W̃[2]},
                ),
                example,
            ),
            Run(
                "14 put right, but λ on the biases too: the change, for l = 2",
                lambda J, Δ, Ã, W̃, η, λ, d: (
                    {(i, j): -η * d(J, W̃[2][i, j]) for i, j in W̃[2]},
                    {(i, j): -η * (Δ[3][i] * Ã[2][j] + λ * W̃[2][i, j]) for i, j in W̃[2]},
                ),
                penalised,
            ),
        ),
    ),
    Remark(
        "O4",
        "omission",
        ("BPNN-08", "BPNN-09"),
        r"\sum_{l=1}^{L}",
        r"\sum_{l=1}^{2}",
        "L is not said; where it is the number of layers, 3, the sum asks for a third matrix.",
        (
            Run(
                "09 with L = 3",
                lambda J, h, y, W, λ: (
                    J,
                    -sum(y[k] * log(h[k]) for k in y)
                    + λ / 2.0 * sum(w**2 for l in (1, 2, 3) for w in W[l].values()),
                ),
                penalised,
            ),
        ),
    ),
    Remark(
        "O5",
        "omission",
        ("BPNN-08",),
        r"\mathbb{1}\{y^{(i)} = k\}",
        r"y^{(i)}_k",
        "y is declared one-hot, and a vector is never the number k; here y is the class.",
        (
            Run(
                "08 with a one-hot y: the penalty alone is left",
                lambda J, h, one_hot, W, m, λ: (
                    J,
                    -1.0 / m * sum((one_hot[i] == k) * log(h[i][k]) for i in h for k in h[i])
                    + λ / 2.0 * sum(w**2 for l in W for w in W[l].values()),
                ),
                batch,
            ),
            Run(
                "08 with a one-hot y, and y_k for the indicator",
                lambda J, h, one_hot, W, m, λ: (
                    J,
                    -1.0 / m * sum(one_hot[i][k] * log(h[i][k]) for i in h for k in h[i])
                    + λ / 2.0 * sum(w**2 for l in W for w in W[l].values()),
                ),
                batch,
            ),
        ),
    ),
    Remark(
        "O6",
        "omission",
        ("BPNN-15", "BPNN-16"),
        r"\varphi'(Z_j^{(l)}), \; A_j",
        r"\varphi'^{(l)}(Z_j^{(l)}), \; A_j^{(l)}",
        "Each layer has its own φ, and 11 says which; here the reader has to add it.",
        (
            Run(
                "16 put right, but with the φ′ of the output",
                lambda Δ, Z, W, dφ: (
                    Δ[2],
                    {j: dφ[3](Z[2][j]) * sum(Δ[3][k] * W[2][k, j] for k in Δ[3]) for j in Z[2]},
                ),
                example,
            ),
        ),
    ),
    Remark(
        "O7",
        "omission",
        ("BPNN-14",),
        r"[+ \text{regularization}]",
        r"- \eta \lambda W_{i,j}^{(l)}",
        "The penalty is part of J, and so its gradient λW is subtracted like the rest.",
        (
            Run(
                "14 put right, but with +ηλW: the change, for l = 2",
                lambda J, Δ, A, W, η, λ, d: (
                    {(i, j): -η * d(J, W[2][i, j]) for i, j in W[2]},
                    {(i, j): -η * Δ[3][i] * A[2][j] + η * λ * W[2][i, j] for i, j in W[2]},
                ),
                penalised,
            ),
        ),
    ),
    Remark(
        "S3",
        "scope",
        ("BPNN-15",),
        r"\varphi'(Z_j)",
        r"\varphi^{(3)} = \mathrm{id}, \; \varphi'^{(3)} = 1",
        "The factor φ′ at the output is right, for φ^(3) comes before the softmax; it would be "
        "wrong only for a reader who calls the softmax itself φ^(3).",
        (
            Run(
                "15 with h for A, φ^(3) = id",
                lambda Δ, h, y, Z, dφ: (Δ[3], {j: dφ[3](Z[3][j]) * (h[j] - y[j]) for j in y}),
                example,
            ),
            Run(
                "15 with h for A, the softmax itself for φ^(3): φ′ = ∂h_j/∂Z_j",
                lambda Δ, h, y, Z, d: (Δ[3], {j: d(h[j], Z[3][j]) * (h[j] - y[j]) for j in y}),
                example,
            ),
        ),
    ),
    Remark(
        "S4",
        "scope",
        ("BPNN-15", "BPNN-07"),
        r"\varphi^{(3)}",
        r"h = \mathrm{softmax}(A^{(3)})",
        "With another φ^(3) before the softmax the corrected 15 still holds, but not that h is the "
        "softmax of Z.",
        (
            Run(
                "15 with h for A, φ^(3) = sin",
                lambda Δ, h, y, Z, dφ: (Δ[3], {j: dφ[3](Z[3][j]) * (h[j] - y[j]) for j in y}),
                sine_output,
            ),
            Run(
                "07 by Z, φ^(3) = sin",
                lambda h, Z: (h, {k: exp(Z[3][k]) / sum(exp(Z[3][i]) for i in Z[3]) for k in h}),
                sine_output,
            ),
        ),
    ),
    Remark(
        "S5",
        "scope",
        ("BPNN-15",),
        r"\varphi'(Z_j) (A_j - y_j)",
        r"J = \tfrac{1}{2} \|A^{(3)} - y\|^2",
        "As printed 15 is the start for half the squared distance, with any nonlinearity at the "
        "output: it belongs to another loss.",
        (
            Run(
                "15 as printed, where J = ½‖A − y‖²",
                lambda Δ, A, Z, y, dφ: (
                    Δ[3],
                    {j: dφ[3](Z[3][j]) * (A[3][j] - y[j]) for j in y},
                ),
                any_least_squares,
            ),
        ),
    ),
)
"""What there is to say of them: errors, and what is none."""
