"""Tests of neurons, layers and perceptrons: labels, access, arrays, and equality with micrograd."""

import random

import numpy as np
import pytest

from micrograd_bp import MLP, Layer, Module, Neuron, Value, dot, topological_order
from micrograd_bp.nn import ACTIVATIONS, tex

X = [0.5, -1.5]


def close(a, b):
    return a == pytest.approx(b, rel=1e-12, abs=1e-12)


def labels(module):
    return " ".join(v.label for v in module.parameters())


def network(**options):
    return MLP(2, [3, 2, 1], seed=1, **options)


# ------------------------------------------------------------------ labels


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("W", 2, 1, 2), "W^{(2)}_{12}"),
        (("W", 1, 9, 9), "W^{(1)}_{99}"),
        (("W", 1, 10, 3), "W^{(1)}_{10,3}"),
        (("W", 1, 3, 10), "W^{(1)}_{3,10}"),
        (("b", 2, 1), "b^{(2)}_1"),
        (("b", 2, 10), "b^{(2)}_{10}"),
        (("z", 3), "z^{(3)}"),
        (("a", 12, 1), "a^{(12)}_1"),
        (("w", None, 1), "w_1"),
        (("b", None), "b"),
    ],
)
def test_tex(arguments, expected):
    assert tex(*arguments) == expected


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (MLP(1, [2], seed=0), "W^{(1)}_{11} b^{(1)}_1 W^{(1)}_{21} b^{(1)}_2"),
        (MLP(2, [2], seed=0, bias=False), "W^{(1)}_{11} W^{(1)}_{12} W^{(1)}_{21} W^{(1)}_{22}"),
        (MLP(2, [1], seed=0), "w^{(1)}_1 w^{(1)}_2 b^{(1)}"),
        (MLP(1, [1, 1], seed=0), "W^{(1)}_{11} b^{(1)}_1 w^{(2)}_1 b^{(2)}"),
        (MLP(1, [2, 1], seed=0, bias=False), "W^{(1)}_{11} W^{(1)}_{21} w^{(2)}_1 w^{(2)}_2"),
        (Neuron(2), "w_1 w_2 b"),
        (Layer(1, 2), "W_{11} b_1 W_{21} b_2"),
    ],
)
def test_labels_of_parameters(module, expected):
    assert labels(module) == expected


def test_two_digit_indices_have_a_comma():
    model = MLP(10, [11, 1], seed=0)
    for i, j, expected in ((11, 10, "11,10"), (1, 10, "1,10"), (10, 1, "10,1"), (9, 9, "99")):
        assert model.weight(1, i, j).label == f"W^{{(1)}}_{{{expected}}}"
    assert model.bias(1, 10).label == "b^{(1)}_{10}"
    assert model.weight(2, 1, 11).label == "w^{(2)}_{11}"


@pytest.mark.parametrize("fused", [True, False])
def test_labels_of_pre_activations_and_activations(fused):
    out = network(activation="tanh", output_activation="sigmoid", fused=fused)(X)
    made = [v.label for v in topological_order(out) if v.label and v.op]
    units = [(m, i) for m, count in ((1, 3), (2, 2)) for i in range(1, count + 1)]
    assert sorted(made) == sorted(
        [f"{s}^{{({m})}}_{i}" for m, i in units for s in "az"] + ["z^{(3)}", "a^{(3)}"]
    )
    assert out.label == "a^{(3)}"


def test_a_linear_activation_is_its_pre_activation():
    out = network()(X)
    assert (out.label, out.op) == ("z^{(3)}", "dot")


# ------------------------------------------------------------------ weight and bias


def test_weight_goes_to_unit_i_from_unit_j():
    model = network(activation="tanh")
    model(X).backward()
    out = model(X)
    node = {v.label: v for v in topological_order(out)}
    for m, i, j in ((1, 3, 2), (2, 1, 2), (2, 2, 3)):
        source = X[j - 1] if m == 1 else node[f"a^{{({m - 1})}}_{j}"].data
        z = node[f"z^{{({m})}}_{i}"]
        place = z.parents.index(model.weight(m, i, j))
        assert z.local_derivatives[place] == source
    assert model.weight(2, 1, 2) is model.layers[1].neurons[0].w[1]
    assert model.weight(3, 1, 2) is model.layers[2].neurons[0].w[1]
    assert model.bias(2, 2) is model.layers[1].neurons[1].b


@pytest.mark.parametrize(
    ("call", "got", "expected"),
    [
        (lambda m: m.weight(0, 1, 1), "layer 0", "layers 1 to 3"),
        (lambda m: m.weight(4, 1, 1), "layer 4", "layers 1 to 3"),
        (lambda m: m.weight(-1, 1, 1), "layer -1", "layers 1 to 3"),
        (lambda m: m.weight(1, 0, 1), "unit 0", "units 1 to 3"),
        (lambda m: m.weight(2, 3, 1), "unit 3", "units 1 to 2"),
        (lambda m: m.weight(1, 1, 0), "weight 1, 0", "inputs 1 to 2"),
        (lambda m: m.weight(2, 1, 4), "weight 1, 4", "inputs 1 to 3"),
        (lambda m: m.bias(0, 1), "layer 0", "layers 1 to 3"),
        (lambda m: m.bias(3, 2), "unit 2", "units 1 to 1"),
    ],
)
def test_no_such_parameter(call, got, expected):
    with pytest.raises(IndexError) as caught:
        call(network())
    assert got in str(caught.value)
    assert expected in str(caught.value)


def test_no_biases():
    model = network(bias=False)
    assert "b" not in labels(model)
    with pytest.raises(ValueError, match="layer 2 has no biases"):
        model.bias(2, 1)


# ------------------------------------------------------------------ bad arguments


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: MLP(2, []), ("at least 1 layer", "[]")),
        (lambda: MLP(0, [1]), ("at least 1 input", "nin = 0")),
        (lambda: MLP(2, [2, 0]), ("at least 1 unit", "nout = 0")),
        (lambda: MLP(2, [2, -1]), ("at least 1 unit", "nout = -1")),
        (lambda: MLP(2, [1], output_activation="step"), ("'step'", *ACTIVATIONS)),
        (lambda: MLP(2, [1, 1], activation="step"), ("'step'", *ACTIVATIONS)),
        (lambda: MLP(2, [1], activation="step"), ("'step'", *ACTIVATIONS)),
        (lambda: Neuron(2, activation="step"), ("'step'", *ACTIVATIONS)),
        (lambda: Neuron(-1), ("at least 1 input", "nin = -1")),
        (lambda: Layer(2, 0), ("at least 1 unit", "nout = 0")),
        (lambda: network()([1.0]), ("expected 2 inputs", "got 1", "unit 1 of layer 1")),
        (lambda: network()([1.0, 2.0, 3.0]), ("expected 2 inputs", "got 3")),
        (lambda: Neuron(2)([1.0]), ("expected 2 inputs", "got 1")),
        (lambda: Layer(2, 2)([1.0]), ("expected 2 inputs", "got 1")),
    ],
)
def test_value_errors(make, parts):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  its parts are compared below
        make()
    assert [part for part in parts if part not in str(caught.value)] == []


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(
    ("x", "got"),
    [
        (5, "int"),
        (None, "NoneType"),
        ("ab", "str"),
        ({0: 1.0, 1: 2.0}, "dict"),
        ({0.5, 1.5}, "set"),
        (Value(1.0), "Value"),
        (iter(X), "list_iterator"),
        (["a", 1.0], "str"),
        ([None, 1.0], "NoneType"),
        ([1j, 1.0], "complex"),
    ],
)
def test_type_errors(x, got, fused):
    with pytest.raises(TypeError, match=f"expected a .* got {got}"):
        network(fused=fused)(x)


@pytest.mark.parametrize("x", [(0.5, -1.5), np.array(X), np.array(X, "f4"), [Value(0.5), -1.5]])
def test_any_sequence_of_numbers_is_an_input(x):
    assert network()(x).data == network()(X).data


# ------------------------------------------------------------------ from_arrays


@pytest.mark.parametrize("convert", [list, np.array, tuple])
def test_from_arrays(convert):
    W, b, w = [[0.5, -1.0], [0.25, 2.0]], [0.0, 0.1], [1.0, 3.0]
    model = MLP.from_arrays([(convert(W), convert(b)), (convert(w), 0.2)])
    assert [[model.weight(1, i, j).data for j in (1, 2)] for i in (1, 2)] == W
    assert [model.bias(1, i).data for i in (1, 2)] == b
    assert [model.weight(2, 1, j).data for j in (1, 2)] == w
    assert model.bias(2, 1).data == 0.2
    assert all(type(v.data) is float for v in model.parameters())
    assert labels(model).endswith("w^{(2)}_1 w^{(2)}_2 b^{(2)}")
    assert close(model([1.0, 2.0]).data, 3.0 * (0.25 + 4.0 + 0.1) + 0.2)


@pytest.mark.parametrize(
    ("W", "b"),
    [
        ([1.0, 2.0], 3.0),
        ([1.0, 2.0], [3.0]),
        ([[1.0, 2.0]], 3.0),
        ([[1.0, 2.0]], [3.0]),
        (np.array([1, 2]), np.array(3)),
        (np.array([[1.0, 2.0]]), np.float32(3.0)),
        ([np.float64(1.0), 2], np.array([3.0])),
    ],
)
def test_from_arrays_of_one_unit(W, b):
    model = MLP.from_arrays([(W, b)])
    assert [(v.label, v.data) for v in model.parameters()] == [
        ("w^{(1)}_1", 1.0), ("w^{(1)}_2", 2.0), ("b^{(1)}", 3.0),
    ]  # fmt: skip


def test_from_arrays_without_a_bias():
    model = MLP.from_arrays([([[1.0, 2.0], [3.0, 4.0]], None), ([1.0, 1.0], 0.5)], "linear")
    assert len(model.parameters()) == 7
    assert model([1.0, 1.0]).data == 10.5
    with pytest.raises(ValueError, match="layer 1 has no biases"):
        model.bias(1, 2)


def test_from_arrays_takes_the_activations():
    model = MLP.from_arrays([([[1.0]], [0.0]), ([1.0], 0.0)], "tanh", "sigmoid", fused=False)
    assert repr(model) == "MLP of [Layer of [TanhNeuron(1)], Layer of [SigmoidNeuron(1)]]"
    assert {v.op for v in topological_order(model([0.5]))} == {"", "add", "mul", "tanh", "sigmoid"}


@pytest.mark.parametrize(
    ("arrays", "error", "parts"),
    [
        ([], ValueError, ("at least 1 layer",)),
        ([([1, 2], 3, 4)], ValueError, ("layer 1: expected (W, b), got [[1, 2], 3, 4]",)),
        ([([1, 2], 3), 4], ValueError, ("layer 2: expected (W, b), got 4",)),
        (([[1, 2, 3]], [0]), ValueError, ("layer 1: expected (W, b), got [[1, 2, 3]]",)),
        ([([[1, 2], [1]], [1, 2])], ValueError, ("layer 1", "1 weights, not 2")),
        ([([[1, 2], [3, 4]], [1, 2]), ([1, 2, 3], 1)], ValueError, ("layer 2", "3 weights, not 2")),
        ([([[1, 2], [3, 4]], [1])], ValueError, ("layer 1", "2 rows", "b 1 numbers")),
        ([([[1, 2]], [1, 2])], ValueError, ("layer 1", "1 rows", "b 2 numbers")),
        ([([], [])], ValueError, ("layer 1", "of 0")),
        ([([[]], [1])], ValueError, ("layer 1", "of 0")),
        ([(np.ones((2, 3)), np.ones(3))], ValueError, ("layer 1", "2 rows of 3", "b 3 numbers")),
        ([([["a", 1]], [1])], TypeError, ("layer 1: W[0][0]", "real number", "str")),
        ([([[1, 2], [3, None]], [1, 2])], TypeError, ("layer 1: W[1][1]", "NoneType")),
        ([([1], 1), ([1j], 1)], TypeError, ("layer 2: W[0][0]", "complex")),
        ([([1, 1], "x")], TypeError, ("layer 1: b[0]", "str")),
        ([([[1], [1]], [0, "x"])], TypeError, ("layer 1: b[1]", "str")),
        ([(np.ones((1, 2, 2)), 1)], TypeError, ("layer 1: W[0][0]", "ndarray")),
    ],
)  # fmt: skip
def test_from_arrays_refuses(arrays, error, parts):
    with pytest.raises(error) as caught:
        MLP.from_arrays(arrays)
    assert [part for part in parts if part not in str(caught.value)] == []


# ------------------------------------------------------------------ fused, seeds, activations


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_fused_and_not_agree(activation, bias):
    found = []
    for fused in (True, False):
        model = MLP(2, [3, 1], activation, activation, seed=3, fused=fused, bias=bias)
        out = model(X)
        out.backward()
        found.append([out.data, *(p.grad for p in model.parameters())])
        assert ("dot" in {v.op for v in topological_order(out)}) == fused
    assert close(found[0], found[1])


def test_a_fused_neuron_is_one_node():
    neuron = Neuron(3, nonlin=False)
    z = neuron([1.0, 2.0, 3.0])
    assert z.parents == (*neuron.w, neuron.b)
    assert z.local_derivatives == (1.0, 2.0, 3.0, 1.0)
    assert z.data == dot([w.data for w in neuron.w], [1.0, 2.0, 3.0], neuron.b.data)


def test_one_input_without_a_bias_and_unfused():
    neuron = Neuron(1, False, fused=False, bias=False)
    z = neuron([2.0])
    assert (z.op, z.data, z.label, neuron.w[0].label) == ("mul", 2.0 * neuron.w[0].data, "z", "w_1")


def data(module):
    return [p.data for p in module.parameters()]


def test_seeds():
    before = random.getstate()
    assert data(network()) == data(network())
    assert data(MLP(2, [3], seed=1)) != data(MLP(2, [3], seed=2))
    assert data(MLP(2, [3], seed=0)) == data(MLP(2, [3], seed=0))
    MLP.from_arrays([([1.0], 0.0)])
    assert random.getstate() == before
    assert data(MLP(2, [3])) != data(MLP(2, [3]))
    assert all(-1.0 <= w <= 1.0 for w in data(MLP(20, [20], seed=5)))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (Neuron(2), "ReLUNeuron(2)"),
        (Neuron(2, False), "LinearNeuron(2)"),
        (Neuron(3, activation="leaky_relu"), "LeakyReLUNeuron(3)"),
        (Layer(1, 2, activation="tanh"), "Layer of [TanhNeuron(1), TanhNeuron(1)]"),
        (MLP(1, [1, 1]), "MLP of [Layer of [ReLUNeuron(1)], Layer of [LinearNeuron(1)]]"),
    ],
)
def test_repr(module, expected):
    assert repr(module) == expected


@pytest.mark.parametrize(("nouts", "count"), [([1], 1), ([3], 3), ([2, 1, 2], 2)])
def test_a_last_layer_of_one_unit_gives_a_value_else_a_list(nouts, count):
    out = MLP(2, nouts, seed=0)(X)
    assert isinstance(out, Value) if count == 1 else [type(v) for v in out] == [Value] * count


# ------------------------------------------------------------------ micrograd


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("MLP", (2, [16, 16, 1]), {}),
        ("MLP", (2, [3, 2]), {}),
        ("Neuron", (2,), {}),
        ("Neuron", (2,), {"nonlin": False}),
        ("Neuron", (2, False), {}),
        ("Layer", (2, 3), {"nonlin": False}),
        ("Layer", (2, 1), {"nonlin": True}),
        ("Layer", (2, 2), {}),
    ],
)
def test_the_same_as_micrograd(name, arguments, options):
    theirs = pytest.importorskip("micrograd.nn")
    random.seed(1337)
    reference = getattr(theirs, name)(*arguments, **options)
    random.seed(1337)
    model = {"MLP": MLP, "Layer": Layer, "Neuron": Neuron}[name](*arguments, **options)
    assert data(model) == data(reference)
    assert repr(model) == repr(reference)
    for x in (X, [1.0, 0.25], [-2.0, 3.0]):
        outs = [module(list(x)) for module in (model, reference)]
        first, second = (out if isinstance(out, list) else [out] for out in outs)
        assert close([v.data for v in first], [v.data for v in second])
        for module, values in ((model, first), (reference, second)):
            module.zero_grad()
            sum(v * v for v in values).backward()
        gradients = [[p.grad for p in module.parameters()] for module in (model, reference)]
        assert close(*gradients)


# ------------------------------------------------------------------ a module of one's own


class Residual(Module):
    def __init__(self):
        self.inner = MLP(2, [3, 2], seed=0)
        self.gates = (Value(0.5, "g_1"), Value(0.25))
        self.nested = [[Value(1.0)], "no parameter", 3.0]

    def __call__(self, x):
        return [xi + g * y for xi, g, y in zip(x, self.gates, self.inner(x))]


def test_a_module_of_ones_own():
    module = Residual()
    parameters = module.parameters()
    inner = module.inner.parameters()
    assert parameters == [*inner, *module.gates, module.nested[0][0]]
    names = [name for name, _ in module.named_parameters()]
    assert names[len(inner) :] == ["g_1", "gates[1]", "nested[0][0]"]
    for out in module(X):
        out.backward()
    assert module.gates[0].grad == module.inner(X)[0].data
    module.zero_grad()
    assert {p.grad for p in parameters} == {0.0}


def test_what_was_computed_is_no_parameter():
    module = Module()
    module.w = Value(2.0)
    module.z = module.w * 3.0
    assert module.parameters() == [module.w]


def test_micrograds_way_to_name_parameters_goes_on():
    class Pair(Module):
        def __init__(self):
            self.kept, self.frozen = Value(1.0), Value(2.0)

        def parameters(self):
            return [self.kept]

    pair = Pair()
    (pair.kept * pair.frozen).backward()
    pair.zero_grad()
    assert (pair.kept.grad, pair.frozen.grad) == (0.0, 1.0)
