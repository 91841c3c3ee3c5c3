"""Tests of Σ over like terms, and of a layer in indices."""

import pytest

import micrograd_bp as mb
from micrograd_bp import MLP, Layer, Neuron, Value, derive
from micrograd_bp.formula import Call, Chain, Name, Number, Partial, Product, Sigma, Sum
from micrograd_bp.generic import chain, readings, sigma, unify
from micrograd_bp.losses import squared_error
from micrograd_bp.notation import Text

show = Text()


def names(*labels):
    return [Name(label) for label in labels]


# ------------------------------------------------------------------ Σ


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("W^{(2)}_{12}", [("W^{(2)}", ["1", "2"]), ("W^{(2)}", ["12"])]),
        ("W^{(2)}_{1,12}", [("W^{(2)}", ["1", "12"])]),
        ("x_3", [("x", ["3"])]),
        ("x_i", [("x", ["i"])]),
        ("w_{ij}", [("w", ["i", "j"])]),
        ("z^{(3)}", []),
        ("learning rate", []),
        ("", []),
        ("a\n_1", [("a\n", ["1"])]),
    ],
)
def test_readings(label, expected):
    assert readings(label) == expected


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (names("x_1", "x_2"), "Σᵢ₌₁² xᵢ"),
        (names("x_3", "x_4", "x_5"), "Σᵢ₌₃⁵ xᵢ"),
        (names("x_2", "x_1"), "Σᵢ₌₁² xᵢ"),
        (names("W_{12}", "W_{22}"), "Σᵢ₌₁² Wᵢ₂"),
        (names("W_{11}", "W_{12}"), "Σᵢ₌₁² W₁ᵢ"),
        (names("W_{11}", "W_{22}"), "Σᵢ₌₁² Wᵢᵢ"),
        (names("W_{9,1}", "W_{10,1}"), "Σᵢ₌₉¹⁰ Wᵢ₁"),
        (names("x_{9}", "x_{10}"), "Σᵢ₌₉¹⁰ xᵢ"),
        (names("Err_{5}", "Err_{6}"), "Σᵢ₌₅⁶ Errᵢ"),
        ([Name("z", "1"), Name("z", "2")], "Σᵢ₌₁² z[i]"),
        ([Name("z_1", "1"), Name("z_1", "2")], "Σᵢ₌₁² z₁[i]"),
        ([Chain((Name("a"), Name(f"w_{k}"))) for k in (1, 2)], "Σᵢ₌₁² a · wᵢ"),
        ([Call("tanh", (Name(f"z_{k}"),), True) for k in (1, 2)], "Σᵢ₌₁² tanh′(zᵢ)"),
        ([Product((Number(-1.0), Name(f"z_{k}"))) for k in (1, 2)], "Σᵢ₌₁² −zᵢ"),
    ],
)
def test_like_terms_become_one(terms, expected):
    assert show(sigma(terms, "i")).replace("(−zᵢ)", "−zᵢ") == expected


@pytest.mark.parametrize(
    "terms",
    [
        names("x_1"),
        [],
        names("x_1", "y_2"),
        names("x_1", "x_3"),
        names("x_1", "x_1"),
        names("x", "y"),
        names("W_{11}", "W_{23}"),
        [Name("x_1"), Number(2.0)],
        [Number(1.0), Number(2.0)],
        [Name("x_1", "2"), Name("x_2", "1")],
        [Chain((Name("x_1"), Name("y_2"))), Chain((Name("x_2"), Name("y_1")))],
        [Chain((Name("x_1"),)), Chain((Name("x_2"), Name("y_2")))],
        [Call("tanh", (Name("x_1"),)), Call("sin", (Name("x_2"),))],
        [Call("softmax", (Name("x_1"),), index=1), Call("softmax", (Name("x_2"),), index=2)],
    ],
)
def test_unlike_terms_do_not(terms):
    assert sigma(terms, "i") is None


def test_unify_leaves_what_is_equal():
    term = Sum((Name("a"), Number(2.0)))
    assert unify([term, term], [1, 2], "i") == term


def test_a_sum_within_a_sum():
    inner = [Sigma("j", 1, 2, Name(f"W_{{{k}j}}")) for k in (1, 2)]
    assert show(sigma(inner, "i")).replace("(", "").replace(")", "") == "Σᵢ₌₁² Σⱼ₌₁² Wᵢⱼ"


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ([], "1"),
        ([Number(1.0)], "1"),
        ([Number(-1.0)], "−1"),
        ([Name("a"), Number(1.0), Name("b")], "a · b"),
        ([Name("a"), Number(-1.0), Name("b")], "−a · b"),
        ([Number(-1.0), Number(-1.0), Name("b")], "b"),
        ([Number(2.0), Name("b")], "2 · b"),
    ],
)
def test_chain(factors, expected):
    assert show(chain(factors)) == expected


# ------------------------------------------------------------------ layers

W = "∂C/∂W⁽¹⁾ᵢⱼ = δ⁽¹⁾ᵢ · xⱼ    i = 1…3, j = 1…2"
B = "∂C/∂b⁽¹⁾ᵢ = δ⁽¹⁾ᵢ    i = 1…3"
DELTA = "δ⁽¹⁾ᵢ = ∂C/∂z⁽¹⁾ᵢ"


def lines(d, style="generic"):
    return [line.strip() for line in d.text(style).splitlines()]


def network(**options):
    return MLP(2, [3, 2], "tanh", "sigmoid", seed=1, **options)


def loss(outputs):
    C = mb.sum([squared_error(a, 0.5) for a in outputs])
    C.label = "C"
    return C


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("numbers", [True, False])
def test_a_layer_in_indices(fused, numbers):
    model = network(fused=fused)
    x = [0.5, 0.5] if numbers else [Value(0.5, "x_1"), Value(-0.5, "x_2")]
    C = loss(model(x))
    assert lines(derive(C, model.layers[0])) == [W, DELTA, B]
    second = lines(derive(C, model.layers[1]))
    assert second[0] == "∂C/∂W⁽²⁾ᵢⱼ = δ⁽²⁾ᵢ · a⁽¹⁾ⱼ    i = 1…2, j = 1…3"
    assert lines(derive(C, model))[: 5 + 1 - 3] == [W, DELTA, B]


@pytest.mark.parametrize("fused", [True, False])
def test_without_biases(fused):
    model = network(fused=fused, bias=False)
    assert lines(derive(loss(model([0.5, 0.25])), model.layers[0])) == [W, DELTA]


@pytest.mark.parametrize("fused", [True, False])
def test_a_batch(fused):
    model = network(fused=fused)
    C = mb.sum([loss(model([0.1 * k, 0.5])) for k in range(4)])
    C.label = "C"
    for found in C.parents:
        found.label = ""
    assert lines(derive(C, model.layers[0])) == [
        "∂C/∂W⁽¹⁾ᵢⱼ = Σₙ₌₁⁴ δ⁽¹⁾ᵢ[n] · xⱼ[n]    i = 1…3, j = 1…2",
        "δ⁽¹⁾ᵢ[n] = ∂C/∂z⁽¹⁾ᵢ[n]",
        "∂C/∂b⁽¹⁾ᵢ = Σₙ₌₁⁴ δ⁽¹⁾ᵢ[n]    i = 1…3",
    ]


def test_one_unit():
    model = MLP(2, [3, 1], "tanh", "sigmoid", seed=1)
    C = loss([model([0.5, 0.5])])
    assert lines(derive(C, model.layers[1])) == [
        "∂C/∂w⁽²⁾ⱼ = δ⁽²⁾ · a⁽¹⁾ⱼ    j = 1…3",
        "δ⁽²⁾ = ∂C/∂z⁽²⁾",
    ]


@pytest.mark.parametrize("fused", [True, False])
def test_more_than_nine(fused):
    neuron = Neuron(12, activation="tanh", fused=fused)
    o = neuron([0.1] * 12)
    o.label = "o"
    assert lines(derive(o, neuron)) == ["∂o/∂wⱼ = δ · xⱼ    j = 1…12", "δ = ∂o/∂z"]
    layer = Layer(11, 11, activation="tanh", fused=fused)
    C = loss(layer([0.1] * 11))
    assert lines(derive(C, layer))[0] == "∂C/∂Wᵢⱼ = δᵢ · xⱼ    i = 1…11, j = 1…11"


def test_relu_layers_in_which_some_units_are_dead():
    model = MLP(2, [4, 1], "relu", seed=3)
    C = loss([model([0.5, -0.5])])
    assert lines(derive(C, model.layers[0]))[0] == "∂C/∂W⁽¹⁾ᵢⱼ = δ⁽¹⁾ᵢ · xⱼ    i = 1…4, j = 1…2"


def test_parameters_of_different_shapes():
    x, y = Value(1.0, "p"), Value(2.0, "q")
    d = derive(x * y, [x, y])
    assert d.generic() == []
    with pytest.raises(ValueError, match="these parameters do not share one form"):
        d.text("generic")
    u, v = Value(1.0, "w_1"), Value(2.0, "w_2")
    assert derive(u.tanh() * v.sin(), [u, v]).generic() == []


def test_the_weights_of_one_column():
    model = network()
    C = loss(model([0.5, 0.5]))
    column = [model.weight(1, i, 2) for i in (1, 2, 3)]
    assert lines(derive(C, column))[0] == "∂C/∂W⁽¹⁾ᵢ₂ = δ⁽¹⁾ᵢ · x₂    i = 1…3, j = 2"


def test_the_generic_form_in_other_formats():
    model = network()
    d = derive(loss(model([0.5, 0.5])), model.layers[0])
    assert r"&= \delta^{(1)}_i \cdot x_j && \text{i = 1…3, j = 1…2}" in d.latex()
    assert "<mi>δ</mi>" in d.html()


def test_partials_of_unlabelled_nodes_keep_their_partial():
    terms = [Partial(Name("C"), Name(f"z_{k}")) for k in (1, 2)]
    assert show(sigma(terms, "k")) == "Σₖ₌₁² ∂C/∂zₖ"
