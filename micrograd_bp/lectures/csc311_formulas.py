r"""CSC311, "The Backpropagation Algorithm" (Gao, Tawfik): its formulas, as they come, to be run.

W^(m)_ij goes to unit i of layer m from unit j of layer m - 1. In the statements W[m][i, j], z[m][i]
and a[m][j] are what they are in the lecture, and d(C, z[m][i]) is ∂C/∂z^(m)_i.

>>> from random import Random
>>> from micrograd_bp.lectures.statements import errors
>>> formula = FORMULAS[21]
>>> print(formula.id, formula.words)
CSC311-22 19 for layer 2: to unit i, from unit j.
>>> errors(formula.printed, [formula.given(Random(seed)) for seed in range(5)]).most < 1e-12
True
"""

from collections.abc import Callable, Iterable
from typing import Any

from micrograd_bp.lectures.csc311_networks import any_depth, chain, sigmoids, three_layers, two_ways
from micrograd_bp.lectures.statements import Formula, Remark, Run, Statement, each


def _backward_pass(order: Callable[[int], Iterable[int]]) -> Statement:
    """28 with the layers in this order, then 29; what is not yet computed is 0."""

    def statement(C: Any, L: Any, a: Any, z: Any, W: Any, dσ: Any, d: Any) -> tuple[Any, Any]:
        dz = {m: dict.fromkeys(z[m], 0.0) for m in z} | {L + 1: {}}
        dz[L] = {1: d(C, a[L][1]) * dσ[L](z[L][1])}
        for m in order(L):
            dz[m] = {
                j: sum(dz[m + 1][i] * W[m + 1][i, j] for i in dz[m + 1]) * dσ[m](z[m][j])
                for j in z[m]
            }
        return (
            each(W, lambda m, i, j: d(C, W[m][i, j])),
            each(W, lambda m, i, j: dz[m][i] * a[m - 1][j]),
        )

    return statement


DOWN = _backward_pass(lambda L: range(L - 1, 0, -1))
UP = _backward_pass(lambda L: range(1, L + 1))

FORMULAS = (
    Formula(
        "CSC311-01",
        r"\mathbf{w} \leftarrow \mathbf{w} - \eta \nabla_{\mathbf{w}} \mathcal{E}(\mathbf{w})",
        "One step against the gradient: to first order in η the cost falls by η |∇E|².",
        lambda C, parameters, slope, d: (
            slope(C, parameters, [-d(C, w) for w in parameters]),
            -sum(d(C, w) ** 2 for w in parameters),
        ),
        any_depth,
    ),
    Formula(
        "CSC311-02",
        r"W^{(m)} \in \mathbb{R}^{D^{(m)} \times D^{(m-1)}}, \quad"
        r" \mathbf{b}^{(m)} \in \mathbb{R}^{D^{(m)}}",
        "A row of weights and a bias for each unit, a column for each unit of the layer before.",
        lambda D, W, b: (
            {m: {"rows": D[m], "columns": D[m - 1], "biases": D[m]} for m in W},
            {m: dict(zip(("rows", "columns"), max(W[m]))) | {"biases": len(b[m])} for m in W},
        ),
        any_depth,
    ),
    Formula(
        "CSC311-03",
        r"z^{(2)}_i = \sum_{j=1}^{D^{(1)}} W^{(2)}_{ij} a^{(1)}_j + b^{(2)}_i",
        "A pre-activation is the weighted sum of the activations below, plus the bias.",
        lambda z, W, a, b: (
            z[2],
            {i: sum(W[2][i, j] * a[1][j] for j in a[1]) + b[2][i] for i in z[2]},
        ),
        three_layers,
    ),
    Formula(
        "CSC311-04",
        r"a^{(2)}_i = \sigma^{(2)}(z^{(2)}_i)",
        "An activation is the nonlinearity of its unit's own pre-activation.",
        lambda z, a, σ: (a[2], {i: σ[2](z[2][i]) for i in z[2]}),
        three_layers,
    ),
    Formula(
        "CSC311-05",
        r"z^{(3)} = \sum_{j=1}^{D^{(2)}} w^{(3)}_j a^{(2)}_j + b^{(3)}",
        "The output's pre-activation: one unit, so one row of weights.",
        lambda z3, w3, a, b3: (z3, sum(w3[j] * a[2][j] for j in a[2]) + b3),
        three_layers,
    ),
    Formula(
        "CSC311-06",
        r"a^{(3)} = \sigma^{(3)}(z^{(3)})",
        "The output is the last nonlinearity of its pre-activation.",
        lambda z3, a3, σ: (a3, σ[3](z3)),
        three_layers,
    ),
    Formula(
        "CSC311-07",
        r"C = C(a^{(3)}, t)",
        "The cost compares the output with the target; it sees nothing else of the network.",
        lambda C, a3, t, cost: (C, cost(a3, t)),
        three_layers,
    ),
    Formula(
        "CSC311-08",
        r"\frac{dz}{dx} = \frac{dz}{dy} \frac{dy}{dx}",
        "One way from x to z: the derivatives along it multiply.",
        lambda x, y, z, d: (d(z, x), d(z, y) * d(y, x)),
        chain,
    ),
    Formula(
        "CSC311-09",
        r"∂{C}{W^{(2)}_{12}} = C' \cdot \sigma^{(3)\prime}(z^{(3)}) \cdot w^{(3)}_1"
        r" \cdot \sigma^{(2)\prime}(z^{(2)}_1) \cdot a^{(1)}_2",
        "A weight of layer 2 has one path to the cost: five factors, the last its own input.",
        lambda C, W, a, z, a3, z3, w3, dσ, d: (
            d(C, W[2][1, 2]),
            d(C, a3) * dσ[3](z3) * w3[1] * dσ[2](z[2][1]) * a[1][2],
        ),
        three_layers,
    ),
    Formula(
        "CSC311-10",
        r"\frac{dC}{dx} = ∂{C}{y_1} \frac{dy_1}{dx} + ∂{C}{y_2} \frac{dy_2}{dx}",
        "Two ways from x to C: multiply along each, add over both.",
        lambda x, y_1, y_2, C, d: (d(C, x), d(C, y_1) * d(y_1, x) + d(C, y_2) * d(y_2, x)),
        two_ways,
    ),
    Formula(
        "CSC311-11",
        r"z^{(1)}_i = \sum_{j=1}^{D^{(0)}} W^{(1)}_{ij} a^{(0)}_j + b^{(1)}_i, \quad"
        r" a^{(1)}_i = \sigma^{(1)}(z^{(1)}_i)",
        "Layer 1 does with the inputs what layer 2 does with layer 1.",
        lambda z, W, a, b, σ: (
            {"z": z[1], "a": a[1]},
            {
                "z": {i: sum(W[1][i, j] * a[0][j] for j in a[0]) + b[1][i] for i in z[1]},
                "a": {i: σ[1](z[1][i]) for i in z[1]},
            },
        ),
        three_layers,
    ),
    Formula(
        "CSC311-12",
        r"∂{C}{z^{(1)}_2} = \left( \sum_{i=1}^{D^{(2)}} ∂{C}{z^{(2)}_i} ∂{z^{(2)}_i}{a^{(1)}_2}"
        r" \right) ∂{a^{(1)}_2}{z^{(1)}_2}",
        "Unit 2 of layer 1 reaches the cost through every unit of layer 2: a sum over them.",
        lambda C, z, a, d: (
            d(C, z[1][2]),
            sum(d(C, z[2][i]) * d(z[2][i], a[1][2]) for i in z[2]) * d(a[1][2], z[1][2]),
        ),
        three_layers,
    ),
    Formula(
        "CSC311-13",
        r"∂{C}{W^{(1)}_{23}} = ∂{C}{z^{(1)}_2} ∂{z^{(1)}_2}{W^{(1)}_{23}}",
        "A weight acts through the pre-activation it goes to, and through nothing else.",
        lambda C, z, W, d: (d(C, W[1][2, 3]), d(C, z[1][2]) * d(z[1][2], W[1][2, 3])),
        three_layers,
    ),
    Formula(
        "CSC311-14",
        r"∂{C}{z^{(3)}} = ∂{C}{a^{(3)}} \cdot ∂{a^{(3)}}{z^{(3)}}",
        "The output's pre-activation has one way to the cost: its activation.",
        lambda C, z3, a3, d: (d(C, z3), d(C, a3) * d(a3, z3)),
        three_layers,
    ),
    Formula(
        "CSC311-15",
        r"∂{C}{z^{(2)}_i} = ∂{C}{z^{(3)}} \cdot ∂{z^{(3)}}{a^{(2)}_i}"
        r" \cdot ∂{a^{(2)}_i}{z^{(2)}_i}",
        "A unit of layer 2 has one way to the cost, for there is one output.",
        lambda C, z, a, z3, d: (
            {i: d(C, z[2][i]) for i in z[2]},
            {i: d(C, z3) * d(z3, a[2][i]) * d(a[2][i], z[2][i]) for i in z[2]},
        ),
        three_layers,
    ),
    Formula(
        "CSC311-16",
        r"∂{C}{z^{(1)}_2} = \left( \sum_{i=1}^{D^{(2)}} ∂{C}{z^{(2)}_i} ∂{z^{(2)}_i}{a^{(1)}_2}"
        r" \right) ∂{a^{(1)}_2}{z^{(1)}_2}"
        r" \qquad ∂{C}{z^{(3)}} = ∂{C}{a^{(3)}} ∂{a^{(3)}}{z^{(3)}}",
        "12 and 14 again, side by side.",
        lambda C, z, a, z3, a3, d: (
            {12: d(C, z[1][2]), 14: d(C, z3)},
            {
                12: sum(d(C, z[2][i]) * d(z[2][i], a[1][2]) for i in z[2]) * d(a[1][2], z[1][2]),
                14: d(C, a3) * d(a3, z3),
            },
        ),
        three_layers,
        note="read as two equations; G4 reads it as one product",
    ),
    Formula(
        "CSC311-17",
        r"∂{C}{W^{(2)}_{12}} = ∂{C}{z^{(3)}} ∂{z^{(3)}}{W^{(2)}_{12}}, \quad"
        r" ∂{C}{W^{(1)}_{23}} = ∂{C}{z^{(3)}} ∂{z^{(3)}}{W^{(1)}_{23}}",
        "The factor of 14 stands in both derivatives, and is computed twice if each is on its own.",
        lambda C, z3, W, d: (
            {9: d(C, W[2][1, 2]), 13: d(C, W[1][2, 3])},
            {9: d(C, z3) * d(z3, W[2][1, 2]), 13: d(C, z3) * d(z3, W[1][2, 3])},
        ),
        three_layers,
        note="the lecture lists the factors; which of them are marked is lost, and inferred",
    ),
    # Step 1: the output layer
    Formula(
        "CSC311-18",
        r"∂{C}{z^{(3)}} = ∂{C}{a^{(3)}} \cdot \sigma^{(3)\prime}(z^{(3)})",
        "Where the backward pass begins: the cost's slope times the nonlinearity's.",
        lambda C, z3, a3, dσ, d: (d(C, z3), d(C, a3) * dσ[3](z3)),
        three_layers,
    ),
    Formula(
        "CSC311-19",
        r"∂{C}{w^{(3)}_i} = ∂{C}{z^{(3)}} \cdot a^{(2)}_i",
        "A weight's gradient is that of the unit it goes to, times the activation it comes from.",
        lambda C, w3, z3, a, d: (
            {i: d(C, w3[i]) for i in w3},
            {i: d(C, z3) * a[2][i] for i in w3},
        ),
        three_layers,
    ),
    Formula(
        "CSC311-20",
        r"∂{C}{b^{(3)}} = ∂{C}{z^{(3)}}",
        "A bias is a weight whose input is 1.",
        lambda C, b3, z3, d: (d(C, b3), d(C, z3)),
        three_layers,
    ),
    # Step 2: hidden layer 2
    Formula(
        "CSC311-21",
        r"∂{C}{z^{(2)}_i} = ∂{C}{z^{(3)}} \cdot w^{(3)}_i \cdot \sigma^{(2)\prime}(z^{(2)}_i)",
        "Back through the weight, then through the nonlinearity.",
        lambda C, z, z3, w3, dσ, d: (
            {i: d(C, z[2][i]) for i in z[2]},
            {i: d(C, z3) * w3[i] * dσ[2](z[2][i]) for i in z[2]},
        ),
        three_layers,
    ),
    Formula(
        "CSC311-22",
        r"∂{C}{W^{(2)}_{ij}} = ∂{C}{z^{(2)}_i} \cdot a^{(1)}_j",
        "19 for layer 2: to unit i, from unit j.",
        lambda C, W, z, a, d: (
            {(i, j): d(C, W[2][i, j]) for i, j in W[2]},
            {(i, j): d(C, z[2][i]) * a[1][j] for i, j in W[2]},
        ),
        three_layers,
    ),
    Formula(
        "CSC311-23",
        r"∂{C}{b^{(2)}_i} = ∂{C}{z^{(2)}_i}",
        "20 for layer 2.",
        lambda C, b, z, d: ({i: d(C, b[2][i]) for i in b[2]}, {i: d(C, z[2][i]) for i in z[2]}),
        three_layers,
    ),
    # Step 3: hidden layer 1
    Formula(
        "CSC311-24",
        r"∂{C}{z^{(1)}_j} = \left( \sum_{i=1}^{D^{(2)}} ∂{C}{z^{(2)}_i} \cdot W^{(2)}_{ij} \right)"
        r" \cdot \sigma^{(1)\prime}(z^{(1)}_j)",
        "What the units above report, each through its weight, summed: then the nonlinearity.",
        lambda C, z, W, dσ, d: (
            {j: d(C, z[1][j]) for j in z[1]},
            {j: sum(d(C, z[2][i]) * W[2][i, j] for i in z[2]) * dσ[1](z[1][j]) for j in z[1]},
        ),
        three_layers,
    ),
    Formula(
        "CSC311-25",
        r"∂{C}{W^{(1)}_{ij}} = ∂{C}{z^{(1)}_i} \cdot a^{(0)}_j",
        "19 for layer 1, where the activations are the inputs.",
        lambda C, W, z, a, d: (
            {(i, j): d(C, W[1][i, j]) for i, j in W[1]},
            {(i, j): d(C, z[1][i]) * a[0][j] for i, j in W[1]},
        ),
        three_layers,
    ),
    Formula(
        "CSC311-26",
        r"∂{C}{b^{(1)}_i} = ∂{C}{z^{(1)}_i}",
        "20 for layer 1.",
        lambda C, b, z, d: ({i: d(C, b[1][i]) for i in b[1]}, {i: d(C, z[1][i]) for i in z[1]}),
        three_layers,
    ),
    # the algorithm, for any number of layers
    Formula(
        "CSC311-27",
        r"∂{C}{z^{(L)}} = ∂{C}{a^{(L)}} \cdot \sigma^{(L)\prime}(z^{(L)})",
        "The base case: 18 with L for 3.",
        lambda C, z, a, L, dσ, d: (d(C, z[L][1]), d(C, a[L][1]) * dσ[L](z[L][1])),
        any_depth,
    ),
    Formula(
        "CSC311-28",
        r"∂{C}{z^{(m)}_j} = \left( \sum_{i=1}^{D^{(m+1)}} ∂{C}{z^{(m+1)}_i} \cdot W^{(m+1)}_{ij}"
        r" \right) \cdot \sigma^{(m)\prime}(z^{(m)}_j)",
        "The recursive case: each hidden layer from the one above it.",
        lambda C, z, W, L, dσ, d: (
            {m: {j: d(C, z[m][j]) for j in z[m]} for m in range(1, L)},
            {
                m: {
                    j: sum(d(C, z[m + 1][i]) * W[m + 1][i, j] for i in z[m + 1]) * dσ[m](z[m][j])
                    for j in z[m]
                }
                for m in range(1, L)
            },
        ),
        any_depth,
    ),
    Formula(
        "CSC311-29",
        r"∂{C}{W^{(m)}_{ij}} = ∂{C}{z^{(m)}_i} \cdot a^{(m-1)}_j",
        "The weights of any layer.",
        lambda C, W, z, a, d: (
            each(W, lambda m, i, j: d(C, W[m][i, j])),
            each(W, lambda m, i, j: d(C, z[m][i]) * a[m - 1][j]),
        ),
        any_depth,
    ),
    Formula(
        "CSC311-30",
        r"∂{C}{a^{(L)}}, \; \sigma^{(m)\prime}(z^{(m)}_j), \; W^{(m)}_{ij}, \; a^{(m)}_j",
        "What the backward pass reads: from these alone every weight's gradient follows.",
        DOWN,
        any_depth,
        note="O3: σ′(z) needs the stored z as well, or σ′ in terms of a",
    ),
    Formula(
        "CSC311-31",
        r"z^{(m)}_i = \sum_{j=1}^{D^{(m-1)}} W^{(m)}_{ij} a^{(m-1)}_j + b^{(m)}_i, \quad"
        r" a^{(m)}_i = \sigma^{(m)}(z^{(m)}_i), \quad m = 1, \dots, L; \quad C = C(a^{(L)}, t)",
        "The forward pass, layer by layer up to the cost; z and a are kept for the way back.",
        lambda C, L, z, a, W, b, t, σ, cost: (
            {m: {i: {"z": z[m][i], "a": a[m][i]} for i in z[m]} for m in z} | {"C": C},
            {
                m: {
                    i: {
                        "z": sum(W[m][i, j] * a[m - 1][j] for j in a[m - 1]) + b[m][i],
                        "a": σ[m](z[m][i]),
                    }
                    for i in z[m]
                }
                for m in z
            }
            | {"C": cost(a[L][1], t)},
        ),
        any_depth,
    ),
    Formula(
        "CSC311-32",
        r"\text{for } m = 1, \dots, L: \text{ 28, then 29}",
        "The backward pass as a loop over the layers.",
        UP,
        any_depth,
        DOWN,
        r"\text{for } m = L - 1, \dots, 1: \text{ 28; then 29 for all layers}",
        "E2",
        "run literally: derivatives start at 0, the sum over the missing layer L + 1 is empty",
    ),
    Formula(
        "CSC311-33",
        r"∂{C}{b^{(m)}_i} = ∂{C}{z^{(m)}_i}",
        "The biases of any layer.",
        lambda C, b, z, d: (
            each(b, lambda m, i: d(C, b[m][i])),
            each(z, lambda m, i: d(C, z[m][i])),
        ),
        any_depth,
        note="O1: left out of the lecture's algorithm, supplied here",
    ),
)
"""The formulas of the lecture in its order, by their numbers."""

REMARKS = (
    Remark(
        "E2",
        "error",
        ("CSC311-32",),
        r"m = 1, \dots, L",
        r"m = L - 1, \dots, 1",
        "A layer's gradients are made from those of the layer above, so the loop has to come down, "
        "and layer L, which has none above it, is the base case.",
    ),
    Remark(
        "O1",
        "omission",
        ("CSC311-32", "CSC311-33"),
        "both complete algorithms stop at the weights",
        r"∂{C}{b^{(m)}_i} = ∂{C}{z^{(m)}_i}",
        "The biases are parameters too, and their gradients (20, 23, 26) belong in the loop.",
    ),
    Remark(
        "O2",
        "omission",
        ("CSC311-07",),
        r"C(\mathbf{a}^{(L)}, y)",
        r"C(\mathbf{a}^{(L)}, t)",
        "The table of symbols calls the target y once, and t everywhere else.",
    ),
    Remark(
        "O3",
        "omission",
        ("CSC311-30",),
        r"a^{(m)}_j \text{ are stored}",
        r"z^{(m)}_j \text{ too, or } \sigma' \text{ in terms of } a",
        "σ′ is taken at z, so z has to be kept; for the sigmoid σ′ = a(1 − a), and a is enough.",
        (
            Run(
                "σ′ = a(1 − a) of the sigmoid",
                lambda z, a, dσ: (
                    each(z, lambda m, i: dσ[m](z[m][i])),
                    each(z, lambda m, i: a[m][i] * (1.0 - a[m][i])),
                ),
                sigmoids,
            ),
        ),
    ),
    Remark(
        "G4",
        "garble",
        ("CSC311-16",),
        r"∂{C}{z^{(1)}_2} = (\dots) ∂{a^{(1)}_2}{z^{(1)}_2} ∂{C}{z^{(3)}}",
        "12, and beside it 14",
        "Two equations stand on one line without a gap, which reads as a factor too many.",
        (
            Run(
                "as one product",
                lambda C, z, a, z3, d: (
                    d(C, z[1][2]),
                    sum(d(C, z[2][i]) * d(z[2][i], a[1][2]) for i in z[2])
                    * d(a[1][2], z[1][2])
                    * d(C, z3),
                ),
                three_layers,
            ),
        ),
    ),
    Remark(
        "G5",
        "garble",
        ("CSC311-09", "CSC311-03"),
        r"= z^{(2)}_i = \dots",
        "03 as an equation of its own",
        "An equals sign from the line above has slipped in front of 03.",
    ),
    Remark(
        "G6",
        "garble",
        ("CSC311-12", "CSC311-21"),
        r"\omega^{(1)}_{23}, \omega^{(3)}_i",
        r"W^{(1)}_{23}, w^{(3)}_i",
        "A handwritten w became an ω in places.",
    ),
)
"""What there is to say of them: an error, and what is none."""
