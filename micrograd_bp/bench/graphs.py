"""One pass, forth and back, through a graph of scalars by each contestant.

Each starts from the numbers in the leaves and finds the value and the gradients of the leaves.
Who can, records once and replays; who cannot, records anew each time.

>>> from micrograd_bp.bench.problems import chain
>>> run, read = eager(chain(nodes=4))
>>> [round(found, 6) for found in read(run())]  # v, then its derivatives by v, w and u
[0.500001, 0.999998, 1.0, 1.999999]
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from ctypes import c_double, c_int
from typing import Any

import micrograd_bp as mb
from micrograd_bp.bench import native
from micrograd_bp.bench.networks import call_casadi
from micrograd_bp.bench.problems import Graph, Ready

OPS = ("add", "sub", "mul", "tanh", "sin")  # numbered as in graph.c
_BINARY = {name: getattr(operator, name) for name in OPS[:3]}


def trace(graph: Graph, leaves: Sequence[Any], tanh: Any, sin: Any) -> Any:
    """The last node, by Python's arithmetic and these functions, on scalars of any make."""
    functions: Mapping[str, Callable[[Any, Any], Any]] = {
        **_BINARY, "tanh": lambda x, _: tanh(x), "sin": lambda x, _: sin(x)
    }  # fmt: skip
    nodes = [*leaves]
    for op, i, j in zip(graph.ops, graph.left, graph.right):
        nodes.append(functions[op](nodes[i], nodes[j]))
    return nodes[-1]


def eager(graph: Graph) -> Ready:
    leaves = [*map(mb.Value, graph.leaves)]

    def run() -> mb.Value:
        output: mb.Value = trace(graph, leaves, mb.Value.tanh, mb.Value.sin)
        for leaf in leaves:
            leaf.grad = 0.0
        output.backward()
        return output

    return run, lambda output: [output.data, *(leaf.grad for leaf in leaves)]


def compiled(graph: Graph) -> Ready:
    import numpy as np

    leaves = [*map(mb.Value, graph.leaves)]
    output = trace(graph, leaves, mb.Value.tanh, mb.Value.sin)
    program = mb.compile(output, inputs=[], wrt=[leaves])

    def read(found: Any) -> list[float]:
        value, (gradients,) = found
        return [float(value), *np.ravel(gradients).tolist()]

    return program, read


def torch_scalars(graph: Graph) -> Ready:
    import torch

    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in graph.leaves]

    def run() -> Any:
        output = trace(graph, leaves, torch.tanh, torch.sin)
        return output, torch.autograd.grad(output, leaves)

    return run, lambda found: [found[0].item(), *(g.item() for g in found[1])]


def autograd(graph: Graph) -> Ready:
    import autograd
    import autograd.numpy as np

    leaves = np.array(graph.leaves)
    step = autograd.value_and_grad(lambda v: trace(graph, [*v], np.tanh, np.sin))
    return lambda: step(leaves), lambda found: [float(found[0]), *found[1].tolist()]


def xad(graph: Graph) -> Ready:
    """XAD records anew in each step: its bindings for Python have no replay."""
    from xad import adj_1st

    def run() -> list[float]:
        with adj_1st.Tape() as tape:
            return _adjoints(tape, *_on_tape(tape, graph))

    return run, lambda found: found


def xad_adjoints(graph: Graph) -> Ready:
    """The backward pass alone, over a tape that XAD has recorded: the part that it can repeat."""
    from xad import adj_1st

    tape = adj_1st.Tape()
    with tape:
        leaves, output = _on_tape(tape, graph)

    def run() -> list[float]:
        with tape:
            tape.clearDerivatives()
            return _adjoints(tape, leaves, output)

    return run, lambda found: found


def _on_tape(tape: Any, graph: Graph) -> tuple[list[Any], Any]:
    """The leaves and the output, recorded by XAD."""
    from xad import adj_1st, math

    leaves = [*map(adj_1st.Real, graph.leaves)]
    for leaf in leaves:
        tape.registerInput(leaf)
    tape.newRecording()
    output = trace(graph, leaves, math.tanh, math.sin)
    tape.registerOutput(output)
    return leaves, output


def _adjoints(tape: Any, leaves: Sequence[Any], output: Any) -> list[float]:
    output.setDerivative(1.0)
    tape.computeAdjoints()
    return [output.getValue(), *(leaf.getDerivative() for leaf in leaves)]


def casadi(graph: Graph) -> Ready:
    import casadi as ca
    import numpy as np

    x = ca.SX.sym("x", len(graph.leaves))
    output = trace(graph, [x[k] for k in range(len(graph.leaves))], ca.tanh, ca.sin)
    step = ca.Function("step", [x], [output, ca.gradient(output, x)])
    return call_casadi(step, [np.array(graph.leaves)])


def jax_loop(graph: Graph) -> Ready:
    """A chain alone: as the loop that XLA compiles, for one of scalars side by side it does not."""
    import jax

    jax.config.update("jax_enable_x64", True)
    np = jax.numpy

    def loss(leaves: Any) -> Any:
        v, w, u = leaves
        return jax.lax.scan(lambda v, _: (w * v + u, None), v, length=len(graph.ops) // 2)[0]

    leaves, step = np.array(graph.leaves), jax.jit(jax.value_and_grad(loss))

    def run() -> Any:
        return jax.block_until_ready(step(leaves))

    return run, lambda found: [float(found[0]), *found[1].tolist()]


def python_loop(graph: Graph) -> Ready:
    """A chain alone: floats in a loop, for arrays are of no use."""

    def run() -> list[float]:
        v, w, u = graph.leaves
        path = []
        for _ in range(len(graph.ops) // 2):
            path.append(v)
            v = w * v + u
        dv, dw, du = 1.0, 0.0, 0.0
        for before in reversed(path):
            du += dv
            dw += dv * before
            dv *= w
        return [v, dv, dw, du]

    return run, lambda found: found


def c(graph: Graph, flags: Sequence[str] = native.FLAGS) -> Ready:
    """`graph` of graph.c, through ctypes: one operation after the other."""
    step = native.library(native.source("graph.c"), flags).graph
    step.restype = c_double
    leaves, n = len(graph.leaves), len(graph.ops)
    numbers = {name: k for k, name in enumerate(OPS)}
    columns = ([numbers[op] for op in graph.ops], graph.left, graph.right)
    ops, left, right = ((c_int * n)(*column) for column in columns)
    values = (c_double * (leaves + n))(*graph.leaves)
    gradients = (c_double * (leaves + n))()

    def run() -> float:
        return step(leaves, n, ops, left, right, values, gradients)  # type: ignore[no-any-return]

    return run, lambda value: [value, *gradients[:leaves]]


def c_loop(graph: Graph, flags: Sequence[str] = native.FLAGS) -> Ready:
    """`chain` of graph.c, through ctypes."""
    step = native.library(native.source("graph.c"), flags).chain
    step.restype = c_double
    n = len(graph.ops) // 2
    leaves, path, gradients = (c_double * 3)(*graph.leaves), (c_double * n)(), (c_double * 3)()
    return lambda: step(n, leaves, path, gradients), lambda value: [value, *gradients]


def c_fast_math(graph: Graph) -> Ready:
    return c(graph, [*native.FLAGS, "-ffast-math"])


def c_loop_fast_math(graph: Graph) -> Ready:
    return c_loop(graph, [*native.FLAGS, "-ffast-math"])
