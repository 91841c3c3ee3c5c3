"""Tests of the text of compiled programs: it reads as the lectures do, and runs as it reads."""

import ast

import numpy as np
import pytest
from test_compiler import agrees_as, numbers, recorded, values

import micrograd_bp as mb
from micrograd_bp import losses, nn
from micrograd_bp.compiler import compile
from micrograd_bp.compiler_functions import array_functions
from micrograd_bp.compiler_named import MEANINGS
from micrograd_bp.lectures import csc311

EXAMPLE = '''\
def program(W1, b1, W2, b2, w3, b3, a0):
    """Shapes: W1 (3, 3), b1 (3,), W2 (2, 3), b2 (2,), w3 (1, 2), b3 (1,), a0 (3,)."""
    # dsigmoid(z) = sigmoid'(z) = sigmoid(z) (1 - sigmoid(z))
    # forward
    z1 = a0 @ W1.T + b1
    a1 = sigmoid(z1)
    z2 = a1 @ W2.T + b2
    a2 = sigmoid(z2)
    z3 = a2 @ w3[0] + b3[0]
    a3 = sigmoid(z3)
    C = 0.5 * (a3 - 0.9) ** 2

    # backward
    d_a3 = a3 - 0.9
    d_z3 = d_a3 * dsigmoid(z3)
    d_w3 = outer(d_z3, a2)
    d_b3 = d_z3
    d_a2 = d_z3 * w3[0]
    d_z2 = d_a2 * dsigmoid(z2)
    d_W2 = outer(d_z2, a1)
    d_b2 = d_z2
    d_a1 = d_z2 @ W2
    d_z1 = d_a1 * dsigmoid(z1)
    d_W1 = outer(d_z1, a0)
    d_b1 = d_z1
    return C, [d_W1, d_b1, d_W2, d_b2, d_w3, d_b3]
'''


def test_the_worked_example():
    C, model, inputs = csc311.build(csc311.EXAMPLE)
    assert compile(C, inputs=[inputs], wrt=model).source == EXAMPLE


SLOPES = {
    "sigmoid": "dsigmoid(z1)", "tanh": "sech2(z1)", "relu": "(z1 > 0.0)",
    "softplus": "sigmoid(z1)", "gelu": "(normal_cdf(z1) + z1 * normal_pdf(z1))",
    "sin": "cos(z1)", "exp": "a1", "erf": "derf(z1)",
}  # fmt: skip


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("activation", SLOPES)
def test_nonlinearities_stand_by_name(activation, fused):
    model = mb.MLP(2, [4, 1], activation, seed=1, fused=fused)
    C, inputs = recorded(model, "mean_squared_error")
    source = compile(C, inputs, wrt=model).source
    assert f"    a1 = {activation}(z1)\n" in source
    assert f"    d_z1 = d_a1 * {SLOPES[activation]}\n" in source


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
@pytest.mark.parametrize("loss", ["hinge", "mean_squared_error", "cross_entropy"])
def test_layers_come_from_the_last_to_the_first(activation, loss):
    model = mb.MLP(2, [4, 3, 3 if loss == "cross_entropy" else 1], activation, seed=1)
    source = compile(*recorded(model, loss), wrt=model).source
    last = "W3" if loss == "cross_entropy" else "w3"
    written = [line.split()[0] for line in source.splitlines() if line.startswith("    d_")]
    wanted = ["d_z3", f"d_{last}", "d_b3", "d_a2", "d_z2", "d_W2", "d_b2", "d_a1"]
    wanted += ["d_z1", "d_W1", "d_b1"]
    assert [name for name in written if activation != "linear" or name[2] != "a"] == [
        name for name in wanted if name in written
    ]
    assert {"d_z3", "d_W2", "d_b1"} <= {*written}
    assert not any(word in source for word in ("tape", "reshape", "concatenate"))
    assert "0.01 * W2" in source


@pytest.mark.parametrize("mode", [True, "mean", "each"])
def test_the_softmax_and_the_targets_over_a_batch(mode):
    model = mb.MLP(3, [4, 3], "tanh", seed=1)
    x, y = values([0.1, 0.2, 0.3]), values([0.0, 1.0, 0.0])
    source = compile(losses.cross_entropy(model(x), y), [x, y], wrt=model, batch=mode).source
    assert "a0 (n, 3), Y (n, 3)." in source
    assert "    p = softmax(z2)\n" in source
    assert "minus(p, Y)\n" in source
    assert "value = cross_entropy(z2, Y)\n" in source


def test_a_factor_that_a_divisor_takes_away_is_not_written():
    model = mb.MLP(2, [3, 2], "tanh", seed=0)
    x, y = values([0.1, 0.2]), values([0.0, 1.0])
    C = losses.mean_squared_error(model(x), y)
    assert "    d_z2 = z2 - Y\n" in agrees_as(C, [x, y]).source
    assert "    d_z2 = z2 - Y\n" in compile(C, [x, y], wrt=model, batch=True).source


@pytest.mark.parametrize("batch", [False, True])
def test_names_are_there_before_they_are_used(batch):
    model = mb.MLP(2, [3, 1], "softplus", seed=0)
    x, y = values([0.1, 0.2]), values(1.0)
    C = losses.binary_cross_entropy([model(x)], [y]) + losses.l2(model.parameters(), 0.1)
    program = compile(C, [x, y], wrt=model, batch=batch)
    function = ast.parse(program.source).body[0]
    known = {a.arg for a in function.args.args} | array_functions(np).keys() | {"len"}
    for line in function.body:
        used = {n.id for n in ast.walk(line) if isinstance(n, ast.Name) and n.id not in known}
        assert used <= ({line.targets[0].id} if isinstance(line, ast.Assign) else set())
        known |= used


@pytest.mark.parametrize("x", [-800.0, -3.0, -1e-9, 0.0, 0.5, 40.0, 800.0])
def test_the_functions_are_those_of_the_table(x):
    functions = array_functions(np)
    for name in MEANINGS.keys() & mb.OPS.keys():
        op = mb.OPS[name]
        if op.names == ["x"]:
            np.testing.assert_allclose(functions[name](np.array(x)), op(x), rtol=1e-14, atol=0.0)
    row, ys = [x, 0.0, 1.0], [1.0, 0.0, 0.0]
    given = values(row)
    C = losses.cross_entropy(given, ys)
    found = functions["cross_entropy"](np.array([row]), np.array([ys]))
    np.testing.assert_allclose(found, [C.data], rtol=1e-13, atol=0.0)
    slope = functions["minus"](functions["softmax"](np.array([row])), np.array([ys]))
    np.testing.assert_allclose(slope, [mb.grad(C, given)], rtol=1e-13, atol=0.0)


def test_a_row_of_ones_own_may_have_a_name_of_ours():
    minus = mb.operation("minus(x, y)", "x - y", "1.0", "-1.0")
    both = mb.operation("both(x, y)", "minus(x, y) * y", "y", "x - 2.0 * y")
    try:
        x = values([0.3, 2.0])
        agrees_as(both(*x) + minus(*x), [x])
    finally:
        del mb.OPS["minus"], mb.OPS["both"]


def test_numbers_are_the_recorded_ones():
    x = values([0.3, 0.4, 0.5])
    program = agrees_as(mb.sum([v / 3.0 * 0.1 for v in x]) * (1.0 / 12.0), [x])
    assert program.check(numbers(x)) < 1e-15


@pytest.mark.parametrize("outputs", [2, 3])
def test_unfused_errors_of_several_outputs_are_sums_of_rows(outputs):
    model = mb.MLP(3, [4, outputs], activation="tanh", seed=1)
    X = [values(row) for row in np.random.default_rng(1).normal(size=(5, 3))]
    Y = [values(row) for row in np.random.default_rng(2).normal(size=(5, outputs))]
    each = [losses.mean_squared_error(model(x), y, False) for x, y in zip(X, Y)]
    program = agrees_as(mb.sum(each) / 5.0, [X, Y], [model.parameters()])
    source = compile(mb.sum(each) / 5.0, [X, Y], wrt=model).source
    assert f"value = (((z2 - Y) ** 2).sum(1) / {outputs}.0).sum() / 5.0" in source
    assert "ravel" not in source
    assert program.check(numbers(X), numbers(Y)) < 1e-14
