"""One step of a network by each contestant: mean loss and gradients of all parameters.

Each is what one who knows the library would write, in float64. Parameters, inputs and targets
are arguments of everything that is compiled, none is folded in. What a contestant gives is
`Ready`: `run()` takes the step, `read` tells what it found.

>>> from micrograd_bp.bench.problems import moons
>>> run, read = fused(moons(points=4))
>>> value, *gradients = read(run())
>>> round(value, 3), len(gradients)
(0.996, 337)
"""

from collections.abc import Callable, Sequence
from ctypes import c_double
from itertools import chain
from tempfile import TemporaryDirectory
from typing import Any

import micrograd_bp as mb
from micrograd_bp import losses
from micrograd_bp.bench import native
from micrograd_bp.bench.problems import Network, Ready


def flat(layers: Sequence[tuple[Any, Any]]) -> list[Any]:
    """The parameters of nested lists, layer by layer, W row by row and then b."""
    return [p for W, b in layers for p in (*chain.from_iterable(W), *b)]


def _read_arrays(value: Any, arrays: Sequence[Any]) -> list[float]:
    """The value, and what is in the arrays."""
    import numpy as np

    return [float(value), *chain.from_iterable(np.ravel(a).tolist() for a in arrays)]


# ------------------------------------------------------------------ this engine


def eager(problem: Network, fused: bool = False) -> Ready:
    model = mb.MLP.from_arrays(problem.layers, "relu", fused=fused)
    parameters = flat(_values(model))

    def run() -> mb.Value:
        C = _loss(problem, model, problem.X, problem.Y, fused)
        model.zero_grad()
        C.backward()
        return C

    return run, lambda C: [C.data, *(p.grad for p in parameters)]


def fused(problem: Network) -> Ready:
    return eager(problem, fused=True)


def compiled(problem: Network, batch: bool = False) -> Ready:
    """The graph of the whole batch; with `batch`, of one example, to be run over a batch."""
    import numpy as np

    model = mb.MLP.from_arrays(problem.layers, "relu")
    recorded = slice(1) if batch else slice(None)
    X, Y = ([[*map(mb.Value, r)] for r in rows[recorded]] for rows in (problem.X, problem.Y))
    C = _loss(problem, model, X, Y, fused=True)
    inputs = [X[0], Y[0]] if batch else [X, Y]
    program = mb.compile(C, inputs=inputs, wrt=model, batch=batch)
    arrays = np.array(problem.X), np.array(problem.Y)

    def read(found: Any) -> list[float]:
        value, gradients = found
        return _read_arrays(value, [*chain.from_iterable(gradients)])

    return lambda: program(*arrays), read


def compiled_example(problem: Network) -> Ready:
    return compiled(problem, batch=True)


def _values(model: mb.MLP) -> list[tuple[list[list[mb.Value]], list[mb.Value]]]:
    neurons = [layer.neurons for layer in model.layers]
    return [([n.w for n in ns], [n.b for n in ns if n.b is not None]) for ns in neurons]


def _loss(problem: Network, model: mb.MLP, X: Any, Y: Any, fused: bool) -> mb.Value:
    """The mean loss over the batch; of an example recorded alone, its share of that mean."""
    outputs = [model(x) for x in X]
    C: mb.Value
    if problem.loss == "hinge":
        C = losses.hinge(outputs, [y for (y,) in Y], fused)
    else:
        each = [losses.cross_entropy(output, y, fused) for output, y in zip(outputs, Y)]
        C = (mb.sum(each) if fused else sum(each[1:], each[0])) / len(problem.X)
    return C + losses.l2(model.parameters(), problem.lam, fused) if problem.lam else C


# ------------------------------------------------------------------ other scalars


def _scalar_loss(
    problem: Network, layers: Any, relu: Callable[[Any], Any], exp: Any = None, log: Any = None
) -> Any:
    """The mean loss by Python's arithmetic, on scalars of any make."""
    each = []
    for row, y in zip(problem.X, problem.Y):
        x: list[Any] = row
        for m, (W, b) in enumerate(layers, 1):
            z = [sum((w * xj for w, xj in zip(ws, x)), bias) for ws, bias in zip(W, b)]
            x = z if m == len(layers) else [relu(v) for v in z]
        if problem.loss == "hinge":
            each.append(relu(1.0 - y[0] * x[0]))
        else:
            each.append(log(sum(map(exp, x))) - x[y.index(1.0)])
    loss = sum(each) * (1.0 / len(each))
    return loss + 0.5 * problem.lam * sum(w * w for w in flat(layers)) if problem.lam else loss


def _scalars(problem: Network, make: Callable[[float], Any]) -> list[tuple[Any, Any]]:
    return [([[make(w) for w in ws] for ws in W], [make(v) for v in b]) for W, b in problem.layers]


def micrograd(problem: Network) -> Ready:
    from micrograd.engine import Value

    layers = _scalars(problem, Value)
    parameters = flat(layers)

    def run() -> Any:
        loss = _scalar_loss(problem, layers, Value.relu)
        for p in parameters:
            p.grad = 0
        loss.backward()
        return loss

    return run, lambda loss: [loss.data, *(p.grad for p in parameters)]


def torch_scalars(problem: Network) -> Ready:
    import torch

    def make(w: float) -> Any:
        return torch.tensor(w, dtype=torch.float64, requires_grad=True)

    layers = _scalars(problem, make)
    parameters = flat(layers)

    def run() -> Any:
        loss = _scalar_loss(problem, layers, torch.relu, torch.exp, torch.log)
        return loss, torch.autograd.grad(loss, parameters)

    return run, lambda found: [found[0].item(), *(g.item() for g in found[1])]


def xad(problem: Network) -> Ready:
    """XAD records anew in each step: its bindings for Python have no replay."""
    from xad import adj_1st, math

    def relu(x: Any) -> Any:
        return math.max(x, 0.0)

    def run() -> Any:
        with adj_1st.Tape() as tape:
            layers = _scalars(problem, adj_1st.Real)
            parameters = flat(layers)
            for p in parameters:
                tape.registerInput(p)
            tape.newRecording()
            loss = _scalar_loss(problem, layers, relu, math.exp, math.log)
            tape.registerOutput(loss)
            loss.setDerivative(1.0)
            tape.computeAdjoints()
            return [loss.getValue(), *(p.getDerivative() for p in parameters)]

    return run, lambda found: found


# ------------------------------------------------------------------ arrays


def _array_loss(np: Any, problem: Network, layers: Any, X: Any, Y: Any, logsumexp: Any) -> Any:
    """The mean loss in the array functions of `np`, NumPy's or their like."""
    a = X
    for m, (W, b) in enumerate(layers, 1):
        z = a @ W.T + b
        a = z if m == len(layers) else np.maximum(z, 0.0)
    if problem.loss == "hinge":
        loss = np.mean(np.maximum(1.0 - Y * z, 0.0))
    else:
        loss = np.mean(logsumexp(z) - np.sum(Y * z, axis=1))
    if not problem.lam:
        return loss
    return loss + 0.5 * problem.lam * sum(np.sum(p * p) for layer in layers for p in layer)


def torch(problem: Network) -> Ready:
    import torch
    from torch.nn import functional

    def tensor(values: Any, **more: Any) -> Any:
        return torch.tensor(values, dtype=torch.float64, **more)

    X, Y = tensor(problem.X), tensor(problem.Y)
    layers = [[tensor(p, requires_grad=True) for p in layer] for layer in problem.layers]
    parameters = [*chain.from_iterable(layers)]

    def run() -> Any:
        a = X
        for m, (W, b) in enumerate(layers, 1):
            z = functional.linear(a, W, b)
            a = z if m == len(layers) else torch.relu(z)
        if problem.loss == "hinge":
            loss = torch.relu(1.0 - Y * z).mean()
        else:
            loss = functional.cross_entropy(z, Y)
        if problem.lam:
            loss = loss + 0.5 * problem.lam * sum((p * p).sum() for p in parameters)
        return loss, torch.autograd.grad(loss, parameters)

    return run, lambda found: _read_arrays(found[0].item(), found[1])


def jax(problem: Network) -> Ready:
    import jax

    jax.config.update("jax_enable_x64", True)
    np = jax.numpy

    def loss(layers: Any, X: Any, Y: Any) -> Any:
        return _array_loss(np, problem, layers, X, Y, lambda z: jax.nn.logsumexp(z, axis=1))

    X, Y = np.array(problem.X), np.array(problem.Y)
    layers = [(np.array(W), np.array(b)) for W, b in problem.layers]
    step = jax.jit(jax.value_and_grad(loss))

    def run() -> Any:
        return jax.block_until_ready(step(layers, X, Y))

    return run, lambda found: _read_arrays(found[0], [*chain.from_iterable(found[1])])


def autograd(problem: Network) -> Ready:
    import autograd
    import autograd.numpy as np

    X, Y = np.array(problem.X), np.array(problem.Y)
    layers = [(np.array(W), np.array(b)) for W, b in problem.layers]

    def loss(layers: Any) -> Any:
        return _array_loss(np, problem, layers, X, Y, lambda z: np.log(np.sum(np.exp(z), axis=1)))

    step = autograd.value_and_grad(loss)
    return lambda: step(layers), lambda found: _read_arrays(
        found[0], [*chain.from_iterable(found[1])]
    )


# ------------------------------------------------------------------ CasADi


def casadi(problem: Network, kind: str = "SX", generated: bool = False) -> Ready:
    """CasADi's graph of scalars (SX) or of matrices (MX), replayed, or as C that it writes.

    Of scalars it writes C for one example, to be mapped over the batch: that takes gcc a second,
    the whole batch minutes.
    """
    import casadi as ca
    import numpy as np

    mapped = generated and kind == "SX"
    n = 1 if mapped else len(problem.X)
    new = getattr(ca, kind).sym
    # CasADi's matrices lie column by column: a transposed one lies as NumPy's.
    X, Y = new("X", problem.sizes[0], n), new("Y", problem.sizes[-1], n)
    parameters = []
    z = X
    for m, (W, b) in enumerate(problem.layers, 1):
        weights, biases = new(f"W{m}", len(W[0]), len(W)), new(f"b{m}", len(b))
        parameters += [weights, biases]
        z = ca.mtimes(weights.T, z if m == 1 else ca.fmax(z, 0.0)) + ca.repmat(biases, 1, n)
    if problem.loss == "hinge":
        C = ca.sum2(ca.fmax(1.0 - Y * z, 0.0))
    else:
        C = ca.sum2(ca.log(ca.sum1(ca.exp(z))) - ca.sum1(Y * z))
    C = C / len(problem.X)
    gradients = [ca.gradient(C, p) for p in parameters]
    step = ca.Function("step", [*parameters, X, Y], [C, *gradients])
    if mapped:
        constant = [*range(len(parameters))]  # and all outputs are added up
        step = step.map("step", "serial", len(problem.X), constant, [*range(1 + len(gradients))])
    if problem.lam:
        new = ca.MX.sym if mapped else new
        symbols = [new(f"s{k}", *step.size_in(k)) for k in range(step.n_in())]
        C, *gradients = step.call(symbols)
        parameters = symbols[:-2]
        C = C + 0.5 * problem.lam * sum(ca.sumsqr(p) for p in parameters)
        gradients = [g + problem.lam * p for g, p in zip(gradients, parameters)]
        step = ca.Function("step", symbols, [C, *gradients])
    if generated:
        step = _through_c(ca, step, native.FLAGS if kind == "SX" else ["-O2"])
    given = [np.array(p).ravel() for layer in problem.layers for p in layer]
    given += [np.array(problem.X).ravel(), np.array(problem.Y).ravel()]
    return call_casadi(step, given)


def casadi_matrices(problem: Network) -> Ready:
    return casadi(problem, "MX")


def casadi_c(problem: Network) -> Ready:
    return casadi(problem, "SX", generated=True)


def casadi_matrices_c(problem: Network) -> Ready:
    return casadi(problem, "MX", generated=True)


def call_casadi(function: Any, given: Sequence[Any]) -> Ready:
    """Through its buffers, which spare it the conversion of arguments and results."""
    import numpy as np

    buffer, evaluate = function.buffer()
    found: list[Any] = [np.zeros(function.nnz_out(k)) for k in range(function.n_out())]
    for k, array in enumerate(given):
        buffer.set_arg(k, memoryview(array))
    for k, array in enumerate(found):
        buffer.set_res(k, memoryview(array))

    def run() -> Any:
        evaluate()
        return function, buffer, given, found  # CasADi has their addresses, but keeps none

    return run, lambda kept: _read_arrays(kept[-1][0][0], kept[-1][1:])


def _through_c(ca: Any, function: Any, flags: Sequence[str]) -> Any:
    generator = ca.CodeGenerator("step.c")
    generator.add(function)
    with TemporaryDirectory() as folder:
        return ca.external("step", native.build(generator.dump(), folder, flags))


# ------------------------------------------------------------------ by hand


def numpy(problem: Network) -> Ready:
    """Arrays allocated once and written in place; all parameters, and gradients, in one vector."""
    import numpy as np

    X, Y, n, lam = np.array(problem.X), np.array(problem.Y), len(problem.X), problem.lam
    theta = np.array(flat(problem.layers))
    gradient = np.empty_like(theta)
    layers, start = [], 0
    for nin, nout in zip(problem.sizes, problem.sizes[1:]):
        end = start + nin * nout
        layers.append(
            (
                theta[start:end].reshape(nout, nin).T,
                theta[end : end + nout],
                gradient[start:end].reshape(nout, nin),
                gradient[end : end + nout],
            )
        )
        start = end + nout
    units = problem.sizes[1:]
    a = [X, *(np.empty((n, k)) for k in units)]
    delta = [np.empty((n, k)) for k in units]
    positive = [np.empty((n, k), dtype=bool) for k in units]
    column, ones = np.empty((n, 1)), np.ones(n)
    pull = -Y / n

    def hinge(z: Any, d: Any) -> Any:
        np.multiply(Y, z, out=d)
        np.subtract(1.0, d, out=d)
        np.greater(d, 0.0, out=positive[-1])
        value = d.ravel() @ positive[-1].ravel() / n
        np.multiply(pull, positive[-1], out=d)
        return value

    def cross_entropy(z: Any, d: Any) -> Any:
        np.max(z, axis=1, keepdims=True, out=column)
        np.subtract(z, column, out=d)
        value = -np.vdot(Y, d)
        np.exp(d, out=d)
        np.sum(d, axis=1, keepdims=True, out=column)
        np.divide(d, column, out=d)
        np.log(column, out=column)
        value += column.sum()
        np.subtract(d, Y, out=d)
        np.divide(d, n, out=d)
        return value / n

    loss = hinge if problem.loss == "hinge" else cross_entropy

    def run() -> Any:
        for m, (WT, b, _, _) in enumerate(layers):
            z = a[m + 1]
            np.dot(a[m], WT, out=z)
            np.add(z, b, out=z)
            if m + 1 < len(layers):
                np.maximum(z, 0.0, out=z)
        value = loss(a[-1], delta[-1])
        for m in reversed(range(len(layers))):
            WT, _, dW, db = layers[m]
            np.dot(delta[m].T, a[m], out=dW)
            np.dot(ones, delta[m], out=db)
            if m:
                np.dot(delta[m], WT.T, out=delta[m - 1])
                np.greater(a[m], 0.0, out=positive[m - 1])
                np.multiply(delta[m - 1], positive[m - 1], out=delta[m - 1])
        if lam:
            value += 0.5 * lam * np.dot(theta, theta)
            np.add(gradient, lam * theta, out=gradient)
        return value

    return run, lambda value: _read_arrays(value, [gradient])


def c(problem: Network, flags: Sequence[str] = native.FLAGS) -> Ready:
    """`network.c`, through ctypes."""
    theta = flat(problem.layers)
    sizes = problem.sizes
    defines = {
        "SIZES": f"{{{', '.join(map(str, sizes))}}}",
        "LAYERS": len(sizes) - 1,
        "WIDEST": max(sizes),
        "N": len(problem.X),
        "HINGE": int(problem.loss == "hinge"),
        "LAM": problem.lam,
    }
    head = "".join(f"#define {name} {value}\n" for name, value in defines.items())
    step = native.library(head + native.source("network.c"), flags).step
    step.restype = c_double
    rows = (theta, [*chain(*problem.X)], [*chain(*problem.Y)], [0.0] * len(theta))
    arrays = [(c_double * len(values))(*values) for values in rows]
    return lambda: step(*arrays), lambda value: [value, *arrays[-1]]


def c_fast_math(problem: Network) -> Ready:
    return c(problem, [*native.FLAGS, "-ffast-math"])
