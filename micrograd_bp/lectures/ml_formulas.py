r"""ML, "Deep Learning: Backpropagation Algorithm": its formulas, as they come, to be run.

First a small net: z takes two inputs, its a goes to z' and z'' of the next layer, and in the
statements zʹ and zʺ are those (their primes are no derivatives, but that of σʹ is). Then
perceptrons, where W[j, i] goes from unit j to unit i, a unit 0 is always 1, and Δ[i] is -∂E/∂in_i.

>>> from random import Random
>>> from micrograd_bp.lectures.statements import errors
>>> formula = FORMULAS[10]
>>> print(formula.id, formula.words)
ML-11 What the next layer reports, each through its weight, summed: then the nonlinearity.
>>> errors(formula.printed, [formula.given(Random(seed)) for seed in range(5)]).most < 1e-12
True
"""
# ruff: noqa: E741  l is the lecture's name for the loss of one example

from micrograd_bp.lectures.ml_networks import (
    any_net,
    batch,
    hidden_next,
    multilayer,
    one_perceptron,
    one_way,
    output_next,
    single_layer,
    softmax_next,
    two_ways,
)
from micrograd_bp.lectures.statements import Formula, Remark, Run

FORMULAS = (
    Formula(
        "ML-01",
        r"\nabla L(\theta) = \begin{bmatrix} ∂{L(\theta)}{w_1} \\ ∂{L(\theta)}{w_2} \\ \vdots \\"
        r" ∂{L(\theta)}{b_1} \\ ∂{L(\theta)}{b_2} \\ \vdots \end{bmatrix}",
        "All derivatives, by weights and by biases, in a vector: along θ, say, L rises by ∇L · θ.",
        lambda L, θ, w, b, slope, d: (
            slope(L, θ, θ),
            sum(w[k] * d(L, w[k]) for k in w) + sum(b[k] * d(L, b[k]) for k in b),
        ),
        batch,
    ),
    Formula(
        "ML-02",
        r"\theta^1 = \theta^0 - \eta \nabla L(\theta^0)",
        "One step against the gradient: to first order in η the loss falls by η |∇L|².",
        lambda L, θ, slope, d: (
            slope(L, θ, [-d(L, p) for p in θ]),
            -sum(d(L, p) ** 2 for p in θ),
        ),
        batch,
    ),
    Formula(
        "ML-03",
        r"\frac{dz}{dx} = \frac{dz}{dy} \frac{dy}{dx}",
        "Case 1, one way from x to z: the derivatives along it multiply.",
        lambda x, y, z, d: (d(z, x), d(z, y) * d(y, x)),
        one_way,
    ),
    Formula(
        "ML-04",
        r"\frac{dz}{ds} = ∂{z}{x} \frac{dx}{ds} + ∂{z}{y} \frac{dy}{ds}",
        "Case 2, two ways from s to z: multiply along each, add over both.",
        lambda s, x, y, z, d: (d(z, s), d(z, x) * d(x, s) + d(z, y) * d(y, s)),
        two_ways,
    ),
    Formula(
        "ML-05",
        r"L(\theta) = \sum_{n=1}^N l^n(\theta) \quad \Rightarrow \quad"
        r" ∂{L(\theta)}{w} = \sum_{n=1}^N ∂{l^n(\theta)}{w}",
        "The loss of a batch is a sum over its examples, and so is each derivative of it.",
        lambda L, l, w, d: (
            {"L": L, "∂L/∂w": {k: d(L, w[k]) for k in w}},
            {
                "L": sum(l[n] for n in l),
                "∂L/∂w": {k: sum(d(l[n], w[k]) for n in l) for k in w},
            },
        ),
        batch,
        note="a sum, not a mean: with 1/N in front, as elsewhere, η would mean something else",
    ),
    # the small net
    Formula(
        "ML-06",
        r"z = x_1 w_1 + x_2 w_2 + b",
        "What goes into the activation function: each input times its weight, plus the bias.",
        lambda z, x1, w1, x2, w2, b: (z, x1 * w1 + x2 * w2 + b),
        any_net,
    ),
    Formula(
        "ML-07",
        r"∂{l}{w} = ∂{z}{w} ∂{l}{z}",
        "A weight acts through z: what the forward pass knows, times what comes back.",
        lambda l, z, w1, w2, d: (
            {1: d(l, w1), 2: d(l, w2)},
            {1: d(z, w1) * d(l, z), 2: d(z, w2) * d(l, z)},
        ),
        any_net,
    ),
    Formula(
        "ML-08",
        r"∂{z}{w_1} = x_1, \quad ∂{z}{w_2} = x_2",
        "z changes with a weight at the rate of the input that the weight multiplies.",
        lambda z, w1, w2, x1, x2, d: ({1: d(z, w1), 2: d(z, w2)}, {1: x1, 2: x2}),
        any_net,
        note="local derivatives, known on the way forward: not what is called forward mode",
    ),
    Formula(
        "ML-09",
        r"∂{l}{z} = ∂{a}{z} ∂{l}{a} = \sigma'(z) ∂{l}{a}",
        "Back through the activation function: its slope, at the z of the forward pass.",
        lambda l, a, z, σʹ, d: (
            {"∂a/∂z": d(l, z), "σ′(z)": d(l, z)},
            {"∂a/∂z": d(a, z) * d(l, a), "σ′(z)": σʹ(z) * d(l, a)},
        ),
        any_net,
    ),
    Formula(
        "ML-10",
        r"∂{l}{a} = ∂{z'}{a} ∂{l}{z'} + ∂{z''}{a} ∂{l}{z''}"
        r" = w_3 ∂{l}{z'} + w_4 ∂{l}{z''}",
        "a has two ways on, one through each unit of the next layer: 04.",
        lambda l, a, zʹ, zʺ, w3, w4, d: (
            {"∂z/∂a": d(l, a), "w": d(l, a)},
            {
                "∂z/∂a": d(zʹ, a) * d(l, zʹ) + d(zʺ, a) * d(l, zʺ),
                "w": w3 * d(l, zʹ) + w4 * d(l, zʺ),
            },
        ),
        any_net,
    ),
    Formula(
        "ML-11",
        r"∂{l}{z} = \sigma'(z) \left[ w_3 ∂{l}{z'} + w_4 ∂{l}{z''} \right]",
        "What the next layer reports, each through its weight, summed: then the nonlinearity.",
        lambda l, z, zʹ, zʺ, σʹ, w3, w4, d: (
            d(l, z),
            σʹ(z) * (w3 * d(l, zʹ) + w4 * d(l, zʺ)),
        ),
        any_net,
    ),
    Formula(
        "ML-12",
        r"∂{l}{z'} = ∂{y_1}{z'} ∂{l}{y_1}, \quad ∂{l}{z''} = ∂{y_2}{z''} ∂{l}{y_2}",
        "Case 1: of an output layer it can be said at once.",
        lambda l, zʹ, zʺ, y1, y2, d: (
            {"z′": d(l, zʹ), "z″": d(l, zʺ)},
            {"z′": d(y1, zʹ) * d(l, y1), "z″": d(y2, zʺ) * d(l, y2)},
        ),
        output_next,
        note="S2: where each output depends on its own z alone",
    ),
    Formula(
        "ML-13",
        r"∂{l}{z'} = \sigma'(z') \left[ w_5 ∂{l}{z_1} + w_6 ∂{l}{z_2} \right], \quad"
        r" ∂{l}{z''} = \sigma'(z'') \left[ w_7 ∂{l}{z_1} + w_8 ∂{l}{z_2} \right]",
        "Case 2: of any other layer it is 11 again, and again, up to the output layer.",
        lambda l, zʹ, zʺ, z1, z2, σʹ, w5, w6, w7, w8, d: (
            {"z′": d(l, zʹ), "z″": d(l, zʺ)},
            {
                "z′": σʹ(zʹ) * (w5 * d(l, z1) + w6 * d(l, z2)),
                "z″": σʹ(zʺ) * (w7 * d(l, z1) + w8 * d(l, z2)),
            },
        ),
        hidden_next,
        note="a figure, lost: the names from w_5 on, z_1 and z_2 are ours",
    ),
    Formula(
        "ML-14",
        r"∂{z}{w} = a, \quad a \times ∂{l}{z} = ∂{l}{w} \quad \text{for all } w",
        "Both passes together: what the weight multiplied, times what came back to its z.",
        lambda l, all_w, d: (
            {k: {"∂z/∂w": d(z, w), "∂l/∂w": d(l, w)} for k, (w, a, z) in all_w.items()},
            {k: {"∂z/∂w": a, "∂l/∂w": a * d(l, z)} for k, (w, a, z) in all_w.items()},
        ),
        any_net,
    ),
    # perceptrons
    Formula(
        "ML-15",
        r"E = \tfrac12 Err^2 \equiv \tfrac12 \left( y - h_{\mathbf{W}}(\mathbf{x}) \right)^2",
        "The squared error of one example: Err is how far the output falls short of y.",
        lambda E, Err, y, h: (
            {"Err": E, "y - h": E},
            {"Err": 0.5 * Err**2, "y - h": 0.5 * (y - h) ** 2},
        ),
        one_perceptron,
    ),
    Formula(
        "ML-16",
        r"∂{E}{W_j} = Err \times ∂{Err}{W_j} = Err \times ∂{}{W_j} \left( y - g \left("
        r" \sum_{j=0}^n W_j x_j \right) \right) = -Err \times g'(in) \times x_j",
        "Err falls as h rises: hence the minus.",
        lambda E, Err, y, g, gʹ, in_, W, x, d: (
            {"Err": Err, **{j: {"∂Err": d(E, W[j]), "g′": d(E, W[j])} for j in W}},
            {
                "Err": y - g(sum(W[j] * x[j] for j in W)),
                **{j: {"∂Err": Err * d(Err, W[j]), "g′": -Err * gʹ(in_) * x[j]} for j in W},
            },
        ),
        one_perceptron,
        note="x_0 is 1, and W_0 the bias; O8",
    ),
    Formula(
        "ML-17",
        r"W_j \leftarrow W_j + \alpha \times Err \times g'(in) \times x_j",
        "A step against 16: minus times minus is plus.",
        lambda E, Err, gʹ, in_, W, x, α, d: (
            {j: W[j] - α * d(E, W[j]) for j in W},
            {j: W[j] + α * Err * gʹ(in_) * x[j] for j in W},
        ),
        one_perceptron,
    ),
    Formula(
        "ML-18",
        r"W_{j,i} \leftarrow W_{j,i} + \alpha \times a_j \times \Delta_i",
        "The output layer: 17 for the weight from j to i, with what it multiplied and Δ_i.",
        lambda E, W, a, Δ, α, before, outputs, d: (
            {(j, i): W[j, i] - α * d(E, W[j, i]) for i in outputs for j in before[i]},
            {(j, i): W[j, i] + α * a[j] * Δ[i] for i in outputs for j in before[i]},
        ),
        multilayer,
    ),
    Formula(
        "ML-19",
        r"\Delta_i = Err_i \times g'(in_i)",
        "An output's Δ is -∂E/∂in_i.",
        lambda E, Err, gʹ, in_, outputs, d: (
            {i: -d(E, in_[i]) for i in outputs},
            {i: Err[i] * gʹ(in_[i]) for i in outputs},
        ),
        multilayer,
    ),
    Formula(
        "ML-20",
        r"\Delta_j = g'(in_j) \sum_i W_{j,i} \Delta_i",
        "A hidden unit's Δ: those of the units that it leads to, each through its weight.",
        lambda E, gʹ, in_, W, Δ, after, hidden, d: (
            {j: -d(E, in_[j]) for j in hidden},
            {j: gʹ(in_[j]) * sum(W[j, i] * Δ[i] for i in after[j]) for j in hidden},
        ),
        multilayer,
        note="S6: with the weights from before the step",
    ),
    Formula(
        "ML-21",
        r"W_{k,j} \leftarrow W_{k,j} + \alpha \times a_k \times \Delta_j",
        "The hidden layers: 18 again, a layer down.",
        lambda E, W, a, Δ, α, before, hidden, d: (
            {(k, j): W[k, j] - α * d(E, W[k, j]) for j in hidden for k in before[j]},
            {(k, j): W[k, j] + α * a[k] * Δ[j] for j in hidden for k in before[j]},
        ),
        multilayer,
    ),
    Formula(
        "ML-22",
        r"∂{Err_i}{W_{j,i}} = -g'(in_i) \, x_j, \quad ∂{Err_{i'}}{W_{j,i}} = 0 \; (i' \ne i)",
        "The outputs of a single layer share no weight: each learns on its own.",
        lambda Err, W, a, gʹ, in_, outputs, d: (
            {(o, j, i): d(Err[o], W[j, i]) for o in outputs for j, i in W},
            {(o, j, i): -gʹ(in_[i]) * a[j] if o == i else 0.0 for o in outputs for j, i in W},
        ),
        single_layer,
        note="words only in the lecture, and before 15",
    ),
)
"""The formulas of the lecture in its order, by their numbers."""

REMARKS = (
    Remark(
        "O8",
        "omission",
        ("ML-16",),
        r"∂{}{W_j} \left( y - g \left( \sum_{j=0}^n W_j x_j \right) \right)",
        r"∂{}{W_j} \left( y - g \left( \sum_{k=0}^n W_k x_k \right) \right)",
        "One j is the weight that is moved and the other runs over all of them, so one of the two "
        "needs another letter.",
        (
            Run(
                "of the sum, the derivative keeps the one term with W_j",
                lambda in_, W, x, d: ({j: d(in_, W[j]) for j in W}, {j: x[j] for j in W}),
                one_perceptron,
            ),
        ),
    ),
    Remark(
        "O9",
        "omission",
        ("ML-18", "ML-19", "ML-20"),
        r"E = \tfrac12 Err^2",
        r"E = \tfrac12 \sum_i Err_i^2",
        "The error is defined for one output, but with several the rules are those of the sum over "
        "all of them.",
        (
            Run("of ½ΣErr², Δ_j is 20", FORMULAS[19].printed, multilayer),
            Run(
                "of ½Err² of one output, Δ_j is not 20",
                lambda Err, in_, W, Δ, gʹ, after, hidden, outputs, d: (
                    {j: -Err[outputs[0]] * d(Err[outputs[0]], in_[j]) for j in hidden},
                    {j: gʹ(in_[j]) * sum(W[j, i] * Δ[i] for i in after[j]) for j in hidden},
                ),
                multilayer,
            ),
        ),
    ),
    Remark(
        "O10",
        "omission",
        ("ML-07", "ML-08"),
        r"∂{z}{w_1}, \; ∂{z}{w_2}",
        r"∂{z}{b} = 1, \quad ∂{l}{b} = ∂{l}{z}",
        "The gradient has the biases in it (01), and a bias is a weight whose input is 1.",
        (
            Run(
                "∂z/∂b is 1, and ∂l/∂b is ∂l/∂z",
                lambda l, z, b, d: ({"z": d(z, b), "l": d(l, b)}, {"z": 1.0, "l": d(l, z)}),
                any_net,
            ),
        ),
    ),
    Remark(
        "S2",
        "scope",
        ("ML-12",),
        r"∂{l}{z'} = ∂{y_1}{z'} ∂{l}{y_1}",
        r"∂{l}{z'} = \sum_k ∂{y_k}{z'} ∂{l}{y_k}",
        "Each output is taken to depend on its own z alone; in a softmax it depends on all.",
        (
            Run("a softmax, as printed", FORMULAS[11].printed, softmax_next),
            Run(
                "a softmax, summed over the outputs",
                lambda l, zʹ, zʺ, y1, y2, d: (
                    {"z′": d(l, zʹ), "z″": d(l, zʺ)},
                    {
                        "z′": d(y1, zʹ) * d(l, y1) + d(y2, zʹ) * d(l, y2),
                        "z″": d(y1, zʺ) * d(l, y1) + d(y2, zʺ) * d(l, y2),
                    },
                ),
                softmax_next,
            ),
        ),
    ),
    Remark(
        "S6",
        "scope",
        ("ML-20", "ML-21"),
        r"\text{18, then 20 with the new } W_{j,i}",
        "19 and 20 for all units, then 18 and 21",
        "18 is printed before 20, but Δ_j is a derivative at the weights that made the output, "
        "which are those from before the step.",
        (
            Run(
                "updating first",
                lambda E, gʹ, in_, W, a, Δ, α, after, hidden, d: (
                    {j: -d(E, in_[j]) for j in hidden},
                    {
                        j: gʹ(in_[j]) * sum((W[j, i] + α * a[j] * Δ[i]) * Δ[i] for i in after[j])
                        for j in hidden
                    },
                ),
                multilayer,
            ),
        ),
    ),
    Remark(
        "C3",
        "convention",
        ("ML-18", "ML-19", "ML-20", "ML-21"),
        r"\Delta_i = -∂{E}{in_i}, \quad +\alpha",
        r"\delta_i = ∂{E}{in_i}, \quad -\eta",
        "The minus of the step has moved into Δ, which is as good where the two are not mixed.",
        (
            Run(
                "∂E/∂in with a minus is the same step",
                lambda E, W, in_, a, α, before, outputs, d: (
                    {(j, i): -α * d(E, W[j, i]) for i in outputs for j in before[i]},
                    {(j, i): -α * a[j] * d(E, in_[i]) for i in outputs for j in before[i]},
                ),
                multilayer,
            ),
            Run(
                "Δ with a minus is a step uphill: off by twice the step",
                lambda E, W, a, Δ, α, before, outputs, d: (
                    {(j, i): -α * d(E, W[j, i]) for i in outputs for j in before[i]},
                    {(j, i): -α * a[j] * Δ[i] for i in outputs for j in before[i]},
                ),
                multilayer,
            ),
        ),
    ),
    Remark(
        "C4",
        "convention",
        ("ML-18", "ML-20", "ML-21", "ML-22"),
        r"W_{j,i} \text{ from } j \text{ to } i",
        r"W_{ij} \text{ to } i \text{ from } j",
        "Where a weight comes from is its first index here and its second in CSC311, so one matrix "
        "is the other's transpose, and 20 sums along a row here, down a column there.",
        (
            Run(
                "the transpose, summed to i from j",
                lambda E, gʹ, in_, W, Δ, after, hidden, d: (
                    {j: -d(E, in_[j]) for j in hidden},
                    {
                        j: sum(Δ[i] * {(to, by): W[by, to] for by, to in W}[i, j] for i in after[j])
                        * gʹ(in_[j])
                        for j in hidden
                    },
                ),
                multilayer,
            ),
            Run(
                "this matrix, read to i from j",
                lambda E, gʹ, in_, W, Δ, after, hidden, d: (
                    {j: -d(E, in_[j]) for j in hidden},
                    {j: gʹ(in_[j]) * sum(W[i, j] * Δ[i] for i in after[j]) for j in hidden},
                ),
                multilayer,
            ),
        ),
    ),
)
"""What there is to say of them: no errors, but what was left out, its scope, and conventions."""
