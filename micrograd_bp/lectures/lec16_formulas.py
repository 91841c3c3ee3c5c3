# ruff: noqa: E741  l is the lecture's layer
r"""Lec 16, "Backward propagation" (handwritten): its formulas, as they come, to be run.

w^(l)_ij goes from unit i of layer l - 1 to unit j of layer l; row 0 of w^(l) is the biases, which
come from x^(l-1)_0 = 1. In the statements w[l][i, j], s[l][j], x[l][i] and δ[l][j] are what they
are in the lecture, dim[l] is d^(l), dθ is θ′, and d(e, s[l][j]) is ∂e/∂s^(l)_j.

>>> from random import Random
>>> from micrograd_bp.lectures.statements import errors
>>> formula = FORMULAS[9]
>>> print(formula.id, formula.words)
LEC16-10 A weight's gradient is the sensitivity of its sum, times its input.
>>> drawn = [formula.given(Random(seed)) for seed in range(5)]
>>> errors(formula.printed, drawn).most > 0.1, errors(formula.corrected, drawn).most < 1e-12
(True, True)
"""

from micrograd_bp.lectures.lec16_networks import (
    chain_rule,
    half_squared,
    networks,
    one_output,
    squared,
)
from micrograd_bp.lectures.statements import Formula, Remark, Run, each

FORMULAS = (
    Formula(
        "LEC16-01",
        r"\Omega = \{ w^{(1)}, w^{(2)}, \dots, w^{(L)} \}",
        "All that can be learned: a matrix for each layer, with a row more than the layer below "
        "has units, for the biases.",
        lambda Ω, dim, L: (
            len(Ω),
            sum((dim[l - 1] + 1) * dim[l] for l in range(1, L + 1)),
        ),
        networks,
        note="the copy has ω for the handwritten w",
    ),
    Formula(
        "LEC16-02",
        r"e_n(\Omega) = g(x^{(L)}, y_n)",
        "The loss compares the output with the target of one example.",
        lambda e, x, L, g: (e, g(x[L])),
        networks,
        note="g is open in the lecture: here (x − y)² or (x − y)⁴, summed over the outputs",
    ),
    Formula(
        "LEC16-03",
        r"∂{e_n(\Omega)}{w^{(l)}_{ij}} \quad \forall\, i, j, l",
        "The goal, the slope for each weight: where all weights grow by the same small share, "
        "the loss grows by that share of Σ w ∂e/∂w.",
        lambda e, Ω, slope, d: (slope(e, Ω, Ω), sum(d(e, w) * w for w in Ω)),
        networks,
    ),
    Formula(
        "LEC16-04",
        r"e(\Omega) = e(s^{(l)}, w^{(l+1)}, \dots, w^{(L)})",
        "No memory: the sums of one layer and the weights above it are enough to get the loss.",
        lambda e, s, w, L, rest: (
            dict.fromkeys(s, e),
            {l: rest(s[l], [w[m] for m in range(l + 1, L + 1)]) for l in s},
        ),
        networks,
        note="G3: the copy has e(R)",
    ),
    Formula(
        "LEC16-05",
        r"e(\Omega) = e((s^{(l)}_1, s^{(l)}_2, \dots, s^{(l)}_{d^{(l)}}),"
        r" w^{(l+1)}, \dots, w^{(L)})",
        "04 with the sums one by one: one for each unit, and none for the constant.",
        lambda e, s, w, L, dim, rest: (
            dict.fromkeys(s, e),
            {
                l: rest(
                    {i: s[l][i] for i in range(1, dim[l] + 1)},
                    [w[m] for m in range(l + 1, L + 1)],
                )
                for l in s
            },
        ),
        networks,
        note="G2: read as meant; the copy has i, j for 1, 2",
    ),
    Formula(
        "LEC16-06",
        r"∂{e(\Omega)}{w^{(l)}_{ij}} = ∂{e(\Omega)}{s^{(l)}_j} \cdot ∂{s^{(l)}_j}{w^{(l)}_{ij}}",
        "A weight acts on one sum alone, that of the unit it goes to: a chain of two factors.",
        lambda e, s, w, d: (
            each(w, lambda l, i, j: d(e, w[l][i, j])),
            each(w, lambda l, i, j: d(e, s[l][j]) * d(s[l][j], w[l][i, j])),
        ),
        networks,
    ),
    Formula(
        "LEC16-07",
        r"s^{(l)}_j = w^{(l)}_{0j} + \sum_{k=1}^{d^{(l-1)}} w^{(l)}_{kj} x^{(l-1)}_k",
        "A unit's sum: its bias, and its inputs by its column of weights.",
        lambda s, w, x, dim: (
            s,
            each(
                s,
                lambda l, j: (
                    w[l][0, j] + sum(w[l][k, j] * x[l - 1][k] for k in range(1, dim[l - 1] + 1))
                ),
            ),
        ),
        networks,
    ),
    Formula(
        "LEC16-08",
        r"∂{s^{(l)}_j}{w^{(l)}_{ij}} = x^{(l-1)}_i",
        "What stands beside the weight in the sum is its input; beside the bias it is 1.",
        lambda s, w, x, d: (
            each(w, lambda l, i, j: d(s[l][j], w[l][i, j])),
            each(w, lambda l, i, j: x[l - 1][i]),
        ),
        networks,
    ),
    Formula(
        "LEC16-09",
        r"\delta^{(l)}_j \triangleq ∂{e(\Omega)}{s^{(l)}_j}",
        "The sensitivity: how fast the loss changes where one sum is moved, all before it fixed.",
        lambda e, s, δ, slope: (each(s, lambda l, j: slope(e, [s[l][j]], [1.0])), δ),
        networks,
    ),
    Formula(
        "LEC16-10",
        r"∂{e(\Omega)}{s^{(l)}_j} = x^{(l-1)}_i \cdot \delta^{(l)}_j",
        "A weight's gradient is the sensitivity of its sum, times its input.",
        lambda e, s, x, w, δ, d: (
            each(w, lambda l, i, j: d(e, s[l][j])),
            each(w, lambda l, i, j: x[l - 1][i] * δ[l][j]),
        ),
        networks,
        lambda e, x, w, δ, d: (
            each(w, lambda l, i, j: d(e, w[l][i, j])),
            each(w, lambda l, i, j: x[l - 1][i] * δ[l][j]),
        ),
        r"∂{e(\Omega)}{w^{(l)}_{ij}} = x^{(l-1)}_i \cdot \delta^{(l)}_j",
        "E9",
    ),
    Formula(
        "LEC16-11",
        r"∂{e(\Omega)}{\mathbf{w}^{(l)}} \triangleq \left[ ∂{e(\Omega)}{w^{(l)}_{ij}}"
        r" \right]_{0 \le i \le d^{(l-1)},\; 1 \le j \le d^{(l)}}",
        "A layer's gradient has the shape of its weights: a row for the biases, too.",
        lambda e, s, w, dim, d: (
            each(w, lambda l, i, j: d(e, w[l][i, j])),
            {
                l: {
                    (i, j): d(e, s[l][j]) * d(s[l][j], w[l][i, j])
                    for i in range(dim[l - 1] + 1)
                    for j in range(1, dim[l] + 1)
                }
                for l in w
            },
        ),
        networks,
    ),
    Formula(
        "LEC16-12",
        r"\underline{x}^{(l-1)} = \begin{bmatrix} x^{(l-1)}_0 \\ \vdots \\"
        r" x^{(l-1)}_{d^{(l-1)}} \end{bmatrix}, \quad"
        r" \underline{\delta}^{(l)} = \begin{bmatrix} \delta^{(l)}_0 \\ \vdots \\"
        r" \delta^{(l-1)}_{d^{(l-1)}} \end{bmatrix}",
        "A layer's inputs as a column, the constant 1 on top; its sensitivities as a column.",
        lambda e, s, δ, dim, d: (
            each(s, lambda l, j: d(e, s[l][j])),
            {l: {j: δ[l][j] for j in range(dim[l - 1] + 1)} for l in s},
        ),
        networks,
        lambda e, s, δ, dim, d: (
            each(s, lambda l, j: d(e, s[l][j])),
            {l: {j: δ[l][j] for j in range(1, dim[l] + 1)} for l in s},
        ),
        r"\underline{\delta}^{(l)} = \begin{bmatrix} \delta^{(l)}_1 \\ \vdots \\"
        r" \delta^{(l)}_{d^{(l)}} \end{bmatrix}",
        "E10",
        "the superscript l − 1 of the last entry is read as l; the first is undefined either way",
    ),
    Formula(
        "LEC16-13",
        r"∂{e(\Omega)}{\mathbf{w}^{(l)}} = \underline{x}^{(l-1)} \, \underline{\delta}^{(l)T}",
        "A layer's whole gradient is a column times a row: all inputs by all sensitivities.",
        lambda e, w, x, δ, d: (
            each(w, lambda l, i, j: d(e, w[l][i, j])),
            {l: {(i, j): x[l - 1][i] * δ[l][j] for i in x[l - 1] for j in δ[l]} for l in w},
        ),
        networks,
    ),
    # ① the output, d^(L) = 1
    Formula(
        "LEC16-14",
        r"\delta^{(L)} = ∂{g(x^{(L)}, y)}{x^{(L)}} \cdot ∂{x^{(L)}}{s^{(L)}}"
        r" = ∂{g(x^{(L)}, y)}{x^{(L)}} \cdot \theta'(s^{(L)})",
        "Where it begins: the slope of the loss, times that of the nonlinearity.",
        lambda e, s, x, L, dθ, d: (
            {1: d(e, s[L][1]), 2: d(e, s[L][1])},
            {1: d(e, x[L][1]) * d(x[L][1], s[L][1]), 2: d(e, x[L][1]) * dθ(s[L][1])},
        ),
        one_output,
        note="for one output, as in the lecture; of several, for each by itself",
    ),
    Formula(
        "LEC16-15",
        r"g = (x^{(L)} - y)^2: \quad \delta^{(L)} = 2 (x^{(L)} - y) \, \theta'(s^{(L)})",
        "14 for regression: the square brings a factor of 2.",
        lambda e, s, x, y, L, dθ, d: (d(e, s[L][1]), 2.0 * (x[L][1] - y[1]) * dθ(s[L][1])),
        squared,
        note="C2: with ½(x − y)² there is no 2",
    ),
    # ② the units below
    Formula(
        "LEC16-16",
        r"\delta^{(l)}_i = ∂{e(\Omega)}{x^{(l)}_i} \cdot ∂{x^{(l)}_i}{s^{(l)}_i}"
        r" = ∂{e(\Omega)}{x^{(l)}_i} \cdot \theta'(s^{(l)}_i)",
        "A sum acts through the output of its own unit alone.",
        lambda e, s, x, dθ, d: (
            each(s, lambda l, i: {1: d(e, s[l][i]), 2: d(e, s[l][i])}),
            each(
                s,
                lambda l, i: {
                    1: d(e, x[l][i]) * d(x[l][i], s[l][i]),
                    2: d(e, x[l][i]) * dθ(s[l][i]),
                },
            ),
        ),
        networks,
    ),
    Formula(
        "LEC16-17",
        r"∂{z}{s} = ∂{z}{x} ∂{x}{s} + ∂{z}{y} ∂{y}{s}, \quad ∂{z}{t} = \dots",
        "Two ways from s to z: multiply along each, and add; the same for t.",
        lambda s, t, x, y, z, d: (
            {"s": d(z, s), "t": d(z, t)},
            {
                "s": d(z, x) * d(x, s) + d(z, y) * d(y, s),
                "t": d(z, x) * d(x, t) + d(z, y) * d(y, t),
            },
        ),
        chain_rule,
        note="the second is left open in the lecture, and filled in here",
    ),
    Formula(
        "LEC16-18",
        r"∂{e(\Omega)}{x^{(l)}_i} = \sum_{j=1}^{d^{(l+1)}} ∂{e(\Omega)}{s^{(l+1)}_j}"
        r" \cdot ∂{s^{(l+1)}_j}{x^{(l)}_i}"
        r" = \sum_{j=1}^{d^{(l+1)}} \delta^{(l+1)}_j \cdot w^{(l+1)}_{ij}",
        "A unit's output goes to every unit above it, and from each of them comes a share.",
        lambda e, s, x, w, δ, outputs, d: (
            each(outputs, lambda l, i: {1: d(e, x[l][i]), 2: d(e, x[l][i])}),
            each(
                outputs,
                lambda l, i: {
                    1: sum(d(e, s[l + 1][j]) * d(s[l + 1][j], x[l][i]) for j in s[l + 1]),
                    2: sum(δ[l + 1][j] * w[l + 1][i, j] for j in δ[l + 1]),
                },
            ),
        ),
        networks,
    ),
    Formula(
        "LEC16-19",
        r"\delta^{(l)}_i = \left[ \sum_{j=1}^{d^{(l+1)}} \delta^{(l+1)}_j w^{(l+1)}_{ij} \right]"
        r" \cdot \theta'(s^{(l)}_i)",
        "The step down: the sensitivities above, through the weights, then the nonlinearity.",
        lambda e, s, w, δ, hidden, dθ, d: (
            each(hidden, lambda l, i: d(e, s[l][i])),
            each(
                hidden,
                lambda l, i: sum(δ[l + 1][j] * w[l + 1][i, j] for j in δ[l + 1]) * dθ(s[l][i]),
            ),
        ),
        networks,
    ),
    Formula(
        "LEC16-20",
        r"\underline{\delta}^{(l)} = \begin{bmatrix} \delta^{(l)}_1 \\ \vdots \\"
        r" \delta^{(l)}_{d^{(l)}} \end{bmatrix} \cdot \theta'(\underline{s}^{(l)})"
        r" = \begin{bmatrix} \theta'(s^{(l)}_1) \\ \vdots \\"
        r" \theta'(s^{(l)}_{d^{(l)}}) \end{bmatrix}",
        "For 19 of a whole layer at once, two columns: the sensitivities, and the slopes.",
        lambda e, s, δ, dθ, d: (
            each(s, lambda l, i: {1: d(e, s[l][i]), 2: d(e, s[l][i])}),
            each(s, lambda l, i: {1: δ[l][i] * dθ(s[l][i]), 2: dθ(s[l][i])}),
        ),
        networks,
        lambda e, s, x, δ, dim, dθ, d: (
            each(s, lambda l, i: {1: d(e, s[l][i]), 2: d(x[l][i], s[l][i])}),
            {l: {i: {1: δ[l][i], 2: dθ(s[l][i])} for i in range(1, dim[l] + 1)} for l in s},
        ),
        r"\underline{\delta}^{(l)} = \begin{bmatrix} \delta^{(l)}_1 \\ \vdots \\"
        r" \delta^{(l)}_{d^{(l)}} \end{bmatrix}, \quad"
        r" \theta'(\underline{s}^{(l)}) = \begin{bmatrix} \theta'(s^{(l)}_1) \\ \vdots \\"
        r" \theta'(s^{(l)}_{d^{(l)}}) \end{bmatrix}",
        note="G1: a garble and no erratum; two definitions have run into one line",
    ),
    Formula(
        "LEC16-21",
        r"\hat{W}^{(l+1)} \triangleq \begin{bmatrix} w^{(l+1)}_{11} & \dots &"
        r" w^{(l+1)}_{1 d^{(l+1)}} \\ \vdots & & \vdots \\ w^{(l+1)}_{d^{(l)} 1} & \dots &"
        r" w^{(l+1)}_{d^{(l)} d^{(l+1)}} \end{bmatrix}",
        "The weights without the row of biases: how the sums above vary with the outputs here.",
        lambda s, x, w, Ŵ, dim, d: (
            each(Ŵ, lambda l, i, j: d(s[l][j], x[l - 1][i])),
            {
                l: {
                    (i, j): w[l][i, j]
                    for i in range(1, dim[l - 1] + 1)
                    for j in range(1, dim[l] + 1)
                }
                for l in w
            },
        ),
        networks,
    ),
    Formula(
        "LEC16-22",
        r"\underline{\delta}^{(l)} = \left[ \hat{W}^{(l+1)} \underline{\delta}^{(l+1)} \right]"
        r" \otimes \theta'(\underline{s}^{(l)})",
        "19 in one line: a matrix by a column, then number by number with the slopes.",
        lambda e, s, Ŵ, δ, hidden, dθ, d: (
            each(hidden, lambda l, i: d(e, s[l][i])),
            each(
                hidden,
                lambda l, i: sum(Ŵ[l + 1][i, j] * δ[l + 1][j] for j in δ[l + 1]) * dθ(s[l][i]),
            ),
        ),
        networks,
        note="⊗ is multiplication number by number here, not Kronecker's product",
    ),
)
"""The formulas of the lecture in its order, by their numbers."""

REMARKS = (
    Remark(
        "E9",
        "error",
        ("LEC16-10",),
        r"∂{e}{s^{(l)}_j} = x^{(l-1)}_i \delta^{(l)}_j",
        r"∂{e}{w^{(l)}_{ij}} = x^{(l-1)}_i \delta^{(l)}_j",
        "The line before gives ∂e/∂s_j the name δ_j, so it cannot be x_i δ_j as well: what is "
        "meant is the derivative by the weight.",
        (
            Run(
                "as printed, for i = 0 alone, where the input is 1",
                lambda e, s, x, δ, d: (
                    each(s, lambda l, j: d(e, s[l][j])),
                    each(s, lambda l, j: x[l - 1][0] * δ[l][j]),
                ),
                networks,
            ),
        ),
    ),
    Remark(
        "E10",
        "error",
        ("LEC16-12",),
        r"[\delta^{(l)}_0, \dots, \delta^{(l-1)}_{d^{(l-1)}}]^T",
        r"[\delta^{(l)}_1, \dots, \delta^{(l)}_{d^{(l)}}]^T",
        "A layer has a sensitivity for each of its own sums, and none for the constant, which has "
        "no sum; the handwriting may have been misread, but as it stands it is wrong.",
        (
            Run(
                "begun at 1, but as long as the layer below: x δᵀ has another shape",
                lambda e, w, x, δ, dim, d: (
                    each(w, lambda l, i, j: d(e, w[l][i, j])),
                    {
                        l: {
                            (i, j): x[l - 1][i] * δ[l][j]
                            for i in x[l - 1]
                            for j in range(1, dim[l - 1] + 1)
                        }
                        for l in w
                    },
                ),
                networks,
            ),
        ),
    ),
    Remark(
        "G1",
        "garble",
        ("LEC16-20",),
        r"\underline{\delta} = [\delta_i] \cdot \theta'(\underline{s}) = [\theta'(s_i)]",
        r"\underline{\delta} = [\delta_i], \quad \theta'(\underline{s}) = [\theta'(s_i)]",
        "Two definitions stand on one line without a gap, which reads as one chain of equations; "
        "22 uses them as two.",
        (
            Run(
                "read from end to end, δ = θ′(s)",
                lambda e, s, dθ, d: (
                    each(s, lambda l, i: d(e, s[l][i])),
                    each(s, lambda l, i: dθ(s[l][i])),
                ),
                networks,
            ),
        ),
    ),
    Remark(
        "G2",
        "garble",
        ("LEC16-05",),
        r"(s^{(l)}_i, s^{(l)}_j, \dots, s^{(l)}_d)",
        r"(s^{(l)}_1, s^{(l)}_2, \dots, s^{(l)}_{d^{(l)}})",
        "A list that counts up to d begins with 1 and 2, which by hand look like i and j.",
    ),
    Remark(
        "G3",
        "garble",
        ("LEC16-04", "LEC16-06", "LEC16-09", "LEC16-10", "LEC16-11", "LEC16-13"),
        "e(R), e(N)",
        r"e(\Omega)",
        "A handwritten Ω became an R or an N in places.",
    ),
    Remark(
        "C1",
        "convention",
        ("LEC16-07", "LEC16-13", "LEC16-19"),
        r"w_{ij} \text{ from } i \text{ to } j: \quad x \, \delta^T, \; \hat{W} \delta",
        r"W_{ij} \text{ to } i \text{ from } j: \quad \delta \, x^T, \; W^T \delta",
        "Either order of the indices is right, each matrix being the other's transpose, as long "
        "as nobody mixes the two.",
        (
            Run(
                "to i from j, W = wᵀ: the gradient is δ xᵀ",
                lambda e, w, x, δ, d: (
                    {l: {(j, i): d(e, w[l][i, j]) for i, j in w[l]} for l in w},
                    {l: {(i, j): δ[l][i] * x[l - 1][j] for i in δ[l] for j in x[l - 1]} for l in w},
                ),
                networks,
            ),
            Run(
                "mixed, without the biases: δ xᵀ for the gradient of w",
                lambda e, Ŵ, x, δ, d: (
                    each(Ŵ, lambda l, i, j: d(e, Ŵ[l][i, j])),
                    each(Ŵ, lambda l, i, j: δ[l][i] * x[l - 1][j]),
                ),
                networks,
            ),
        ),
    ),
    Remark(
        "C2",
        "convention",
        ("LEC16-15",),
        r"g = (x^{(L)} - y)^2",
        r"g = \tfrac{1}{2} (x^{(L)} - y)^2",
        "Both losses are least at the same weights; the ½ of other lectures takes the 2 out of "
        "every derivative, and half the learning rate does the same.",
        (
            Run(
                "with ½: δ = (x − y) θ′(s)",
                lambda e, s, x, y, L, dθ, d: (d(e, s[L][1]), (x[L][1] - y[1]) * dθ(s[L][1])),
                half_squared,
            ),
            Run(
                "mixed, 15 for the loss with ½: twice as much",
                lambda e, s, x, y, L, dθ, d: (d(e, s[L][1]), 2.0 * (x[L][1] - y[1]) * dθ(s[L][1])),
                half_squared,
            ),
        ),
    ),
)
"""What there is to say of them: two errors, and what is none."""
