"""Tests of `Program.to("jax")` on eight devices, which tests/test_compiler_jax.py runs.

In a process of their own: the devices are made when JAX is loaded, whose threads then disturb
other tests. The folder is left out of the run of all tests.

XLA_FLAGS=--xla_force_host_platform_device_count=8 pytest tests/devices/test_jax.py
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from test_compiler import RTOL, numbers, random_graph, recorded, values

import micrograd_bp as mb
from micrograd_bp import losses, nn
from micrograd_bp.compiler import compile

jax.config.update("jax_enable_x64", True)

PERCEPTRONS = [
    *((activation, "mean_squared_error", [4, 3, 1]) for activation in nn.ACTIVATIONS),
    *((activation, "hinge", [4, 3, 1]) for activation in ("relu", "tanh")),
    *((activation, "cross_entropy", [4, 3]) for activation in ("relu", "sigmoid")),
]


def same(found, expected):
    """Equal trees of arrays: each to 1e-12 of the largest number in all of them."""
    found, shape = jax.tree.flatten(found)
    expected, expected_shape = jax.tree.flatten(expected)
    assert shape == expected_shape
    assert [np.shape(a) for a in found] == [np.shape(b) for b in expected]
    scale = max((np.max(np.abs(b), initial=0.0) for b in expected), default=0.0)
    for a, b in zip(found, expected):
        assert np.asarray(a).dtype == np.float64
        assert np.max(np.abs(a - b), initial=0.0) <= RTOL * scale


def agrees(program, *every):
    """The function, in `jit`, gives the value and gradients of the program for each of `every`."""
    function = jax.jit(program.to("jax"))
    for arrays in every:
        value, gradients = function(program.parameters, *arrays)
        expected, slopes = program(*arrays)
        same(value, expected)
        same(gradients, slopes)


def classifier(activation="tanh", batch="mean"):
    """A program for a batch of examples: (program, X, Y), of 16 examples."""
    model = mb.MLP(2, [4, 3], activation, seed=1)
    x, y = values([0.1, 0.2]), values([0.2, 0.5, 0.3])
    C = losses.cross_entropy(model(x), y) + losses.l2(model.parameters(), 0.1)
    program = compile(C, [x, y], wrt=model, batch=batch)
    rng = np.random.default_rng(0)
    return program, rng.normal(size=(16, 2)), np.eye(3)[rng.integers(0, 3, 16)]


def test_there_are_eight_devices():
    assert len(jax.devices()) == 8


@pytest.mark.parametrize(("activation", "loss", "sizes"), PERCEPTRONS)
def test_perceptrons(activation, loss, sizes):
    model = mb.MLP(2, sizes, activation, seed=1)
    C, inputs = recorded(model, loss)
    given = [np.array(numbers(part)) for part in inputs]
    agrees(compile(C, inputs, wrt=model), given, [0.7 * array + 0.1 for array in given])


@pytest.mark.parametrize("seed", range(5))
def test_random_graphs(seed):
    C, inputs = random_graph(seed, 40, 6)
    agrees(compile(C, [inputs], wrt=[inputs, inputs[0]]), [numbers(inputs)])


@pytest.mark.parametrize("batch", ["sum", "mean", "each"])
def test_batches(batch):
    program, X, Y = classifier(batch=batch)
    agrees(program, (X, Y), (X[:1], Y[:1]))


def test_gradients_by_inputs_and_by_parts_of_parameters():
    w, x = values([0.3, -0.2, 0.5]), values([[0.1, 0.7, -0.4], [0.2, 0.9, 1.1]])
    C = mb.sum([mb.tanh(mb.dot(w, row)) for row in x]) * w[1]
    agrees(compile(C, [x], wrt={"w": (w[0], [w[2], w[1]]), "x": x}), [numbers(x)])


def test_an_operation_of_ones_own():
    bump = mb.operation("bump(x, y)", "exp(-x * x) * y", "-2.0 * x * z", "exp(-x * x)")
    norm = mb.operation("norm(*xs)", "sqrt(fsum([x * x for x in xs]))", "[x / z for x in xs]")
    w, X = values([0.5, -1.0, 2.0]), values(np.random.default_rng(0).normal(size=(6, 3)))
    C = mb.sum([bump(x[0], w[0]) * norm([x[1], x[2], w[1]]) + w[2] * x[2] for x in X])
    agrees(compile(C, [X], wrt=[w, X]), [numbers(X)])


def test_one_compiled_function_serves_other_parameters():
    program, X, Y = classifier()
    function, traced = program.to("jax"), []

    @jax.jit
    def counted(*given):
        traced.append(given)
        return function(*given)

    for _ in range(2):
        same(counted(program.parameters, X, Y), program(X, Y))
        for pair in program.parameters:
            for parameter in pair:
                parameter *= 1.5
    assert len(traced) == 1


def test_what_vmap_gives_is_each():
    each, X, Y = classifier(batch="each")
    one, _, _ = classifier(batch="sum")
    function = one.to("jax")
    every = jax.jit(jax.vmap(lambda x, y: function(one.parameters, x[None], y[None])))
    same(every(X, Y), each(X, Y))


def test_vmap_over_parameters():
    program, X, Y = classifier()
    many = jax.tree.map(lambda p: np.stack([p, 0.5 * p, -p]), program.parameters)
    found = jax.jit(jax.vmap(program.to("jax"), in_axes=(0, None, None)))(many, X, Y)
    for k, factor in enumerate((1.0, 0.5, -1.0)):
        again, _, _ = classifier()
        for pair in again.parameters:
            for parameter in pair:
                parameter *= factor
        same(jax.tree.map(lambda a, k=k: a[k], found), again(X, Y))


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_jaxs_own_gradient_is_the_programs(activation):
    program, X, Y = classifier(activation)
    function = program.to("jax")
    parameters = jax.tree.map(jnp.asarray, program.parameters)
    same(jax.jit(jax.grad(lambda p: function(p, X, Y)[0]))(parameters), program(X, Y)[1])


def test_second_derivatives():
    """JAX differentiates the program's gradients as the engine does its own."""
    x = values([0.4, -0.9])
    C = mb.exp(mb.sin(x[0]) * x[1]) + mb.softplus(x[0] * x[1])
    function = compile(C, [x], wrt=x).to("jax")
    jacobian = jax.jit(jax.jacobian(lambda given: function(None, given)[1]))
    found = jacobian(jnp.array(numbers(x)))
    slopes = mb.grad(C, x, create_graph=True)
    same(found, np.array([mb.grad(slope, x) for slope in slopes]))


@pytest.mark.parametrize("whole", [False, True])
def test_sharded_over_the_batch(whole):
    """The examples on eight devices, the parameters on all: JAX adds the gradients up."""
    if whole:  # the graph holds the whole batch
        model = mb.MLP(2, [4, 3, 1], "tanh", seed=1)
        C, inputs = recorded(model, "mean_squared_error", n=16)
        program = compile(C, inputs, wrt=model)
        arrays = [np.array(numbers(part)) for part in inputs]
    else:
        program, *arrays = classifier()
    mesh = Mesh(np.array(jax.devices()), ("batch",))
    apart, copied = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (["batch"], []))
    given = [jax.device_put(array, apart) for array in arrays]
    assert all(len(array.sharding.device_set) == 8 for array in given)
    assert {part.data.shape[0] for array in given for part in array.addressable_shards} == {2}
    parameters = jax.device_put(program.parameters, copied)
    function = jax.jit(program.to("jax"), out_shardings=copied)
    value, gradients = function(parameters, *given)
    assert value.sharding.is_fully_replicated
    assert "all-reduce" in function.lower(parameters, *given).compile().as_text()
    expected, slopes = program(*arrays)
    same(value, expected)
    same(gradients, slopes)


def test_a_step_of_training_on_eight_devices():
    program, X, Y = classifier()
    mesh = Mesh(np.array(jax.devices()), ("batch",))
    apart, copied = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (["batch"], []))
    X_apart, Y_apart = jax.device_put((X, Y), apart)
    parameters, function = jax.device_put(program.parameters, copied), program.to("jax")

    @jax.jit
    def step(parameters, X, Y):
        value, gradients = function(parameters, X, Y)
        return value, jax.tree.map(lambda p, g: p - 0.5 * g, parameters, gradients)

    for _ in range(5):
        value, parameters = step(parameters, X_apart, Y_apart)
        expected, gradients = program(X, Y)
        same(value, expected)
        for pair, slopes in zip(program.parameters, gradients):
            for parameter, slope in zip(pair, slopes):
                parameter -= 0.5 * slope
        same(parameters, program.parameters)


def test_there_are_no_errors_but_no_values():
    x = mb.Value(1.0)
    value, slope = compile(mb.log(x) * 1.0, [x], wrt=x).to("jax")(None, -1.0)
    assert np.isnan(value)
    assert slope == -1.0


def test_wrong_inputs():
    program, X, _ = classifier()
    with pytest.raises(TypeError, match="expected 2 inputs, got 1"):
        program.to("jax")(program.parameters, X)
