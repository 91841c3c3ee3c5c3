"""Backpropagation you can read: a scalar autodiff engine whose every gradient explains itself.

>>> import micrograd_bp as mb
>>> x = mb.Value(0.5, "x")
>>> y = mb.tanh(3 * x) + x**2
>>> y.backward()
>>> print(f"{y.data:.6f} {x.grad:.6f}")
1.155148 1.542120
"""

from micrograd_bp.check import check_graph, gradcheck
from micrograd_bp.compiler import compile
from micrograd_bp.derivations import cost, derive, shared, wrong_order
from micrograd_bp.directional import hvp, jvp
from micrograd_bp.drawing import draw, draw_dot
from micrograd_bp.engine import Value, grad, hessian, no_grad, topological_order
from micrograd_bp.nn import MLP, Layer, Module, Neuron
from micrograd_bp.ops import (
    OPS,
    cos,
    dot,
    erf,
    exp,
    gelu,
    leaky_relu,
    log,
    logsumexp,
    maximum,
    minimum,
    operation,
    prod,
    relu,
    sigmoid,
    sin,
    softmax,
    softplus,
    sqrt,
    sum,
    tan,
    tanh,
)
from micrograd_bp.optim import SGD, Adam, AdamW
from micrograd_bp.player import Stepper
from micrograd_bp.stepping import steps
from micrograd_bp.torch_bridge import from_torch, to_torch
from micrograd_bp.train import fit

# fmt: off
__all__ = [
    "MLP", "OPS", "SGD", "Adam", "AdamW", "Layer", "Module", "Neuron", "Stepper", "Value",
    "check_graph", "compile", "cos", "cost", "derive", "dot", "draw", "draw_dot", "erf", "exp",
    "fit", "from_torch", "gelu", "grad", "gradcheck", "hessian", "hvp", "jvp", "leaky_relu",
    "log", "logsumexp", "maximum", "minimum", "no_grad", "operation", "prod", "relu", "shared",
    "sigmoid", "sin", "softmax", "softplus", "sqrt", "steps", "sum", "tan", "tanh", "to_torch",
    "topological_order", "wrong_order",
]
