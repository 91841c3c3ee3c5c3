"""Networks over to PyTorch, and back: the way out to bigger tools.

PyTorch is not needed for anything else here, and no extra installs it. With it::

    from micrograd_bp.torch_bridge import from_torch, to_torch

    module = to_torch(model)  # Sequential(Linear(2, 16), Tanh(), Linear(16, 1)), in float64
    model = from_torch(module)

Both compute the same outputs and gradients, to the rounding of PyTorch, whose derivatives of
sigmoid and tanh are a(1 - a) and 1 - a². What both have are linear layers and these activations,
in PyTorch's names: ReLU, LeakyReLU with a slope of 0.01, GELU by erf, Softplus with a beta of 1,
Sigmoid, Tanh.
"""

from typing import Any

from micrograd_bp import saving
from micrograd_bp.nn import ACTIVATIONS, MLP
from micrograd_bp.reading import short

MODULES: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("ReLU", {}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": 0.01}),
    "gelu": ("GELU", {"approximate": "none"}),
    # PyTorch's softplus is x itself above the threshold; from 37 on, so is float64's.
    "softplus": ("Softplus", {"beta": 1.0, "threshold": 40.0}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
}
"""The activations that both have: the name in torch.nn, and the arguments that make it ours."""


def to_torch(model: MLP) -> Any:
    """A `torch.nn.Sequential` of float64 with the numbers of this network, as a copy.

    Errors: ValueError for an activation that `torch.nn` has no module for (sin, cos, exp, erf), a
    parameter that is not finite, or a network that its layers do not describe; TypeError for what
    is no MLP; ImportError where there is no PyTorch.
    """
    if not isinstance(model, MLP):
        raise TypeError(f"to_torch: expected an MLP, got {type(model).__name__}")
    document = model.document()
    if document["format"] != saving.FORMAT:
        raise ValueError(
            "to_torch: this network's layers are not all of it, or not all alike within: a weight "
            "shared, a parameter added, one unit's activation changed?"
        )
    _, layers = saving.layers_of(document, ACTIVATIONS)
    for m, layer in enumerate(layers, 1):
        if layer.activation not in ("linear", *MODULES):
            raise ValueError(
                f"to_torch: layer {m}: torch.nn has no {layer.activation}: expected one of linear, "
                f"{', '.join(MODULES)}"
            )
    torch = _torch("to_torch")
    parts = []
    for layer in layers:
        weights = torch.tensor(layer.weights, dtype=torch.float64)
        units, inputs = weights.shape
        # On "meta" it draws no random weights of its own.
        linear = torch.nn.Linear(inputs, units, bias=layer.biases is not None, device="meta")
        linear.weight = torch.nn.Parameter(weights)
        if layer.biases is not None:
            linear.bias = torch.nn.Parameter(torch.tensor(layer.biases, dtype=torch.float64))
        parts.append(linear)
        if layer.activation != "linear":
            name, arguments = MODULES[layer.activation]
            parts.append(getattr(torch.nn, name)(**arguments))
    return torch.nn.Sequential(*parts)


def from_torch(module: Any) -> MLP:
    """The network with the numbers of a `torch.nn.Linear`, or a `Sequential` of them, as a copy.

    Each Linear is a layer, and an activation goes with the Linear before it. `Identity` and
    Sequentials in Sequentials are taken; numbers of another precision become float64. Errors:
    ValueError naming the part that has no counterpart; TypeError for what is no module;
    ImportError where there is no PyTorch.
    """
    torch = _torch("from_torch")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"from_torch: expected a torch.nn.Module, got {type(module).__name__}")
    layers: list[dict[str, Any]] = []
    taken: set[int] = set()
    for name, part in module.named_modules(remove_duplicate=False):
        if type(part) in (torch.nn.Sequential, torch.nn.Identity):
            continue
        where = f"from_torch: {name and f'part {name!r}, '}{type(part).__name__}"
        if type(part) is torch.nn.Linear and part.weight.is_floating_point():
            if id(part.weight) in taken:
                raise ValueError(f"{where}: its weights are those of a part before it")
            taken.add(id(part.weight))
            layers.append(
                {
                    "inputs": part.in_features,
                    "units": part.out_features,
                    "activation": "linear",
                    "weights": part.weight.tolist(),
                    "biases": None if part.bias is None else part.bias.tolist(),
                }
            )
        elif activation := _activation(torch, part):
            if not layers or layers[-1]["activation"] != "linear":
                raise ValueError(f"{where}: expected a Linear before it")
            layers[-1]["activation"] = activation
        else:
            raise ValueError(
                f"{where}({short(part.extra_repr(), 60)}): expected Sequentials of Linear and "
                + ", ".join(map(_call, MODULES))
            )
    document = {"format": saving.FORMAT, "version": saving.VERSION, "fused": True, "layers": layers}
    return MLP.from_document(document, "from_torch")


def _call(activation: str) -> str:
    name, arguments = MODULES[activation]
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _activation(torch: Any, part: Any) -> str:
    """The name here of an activation there; "" for one that differs, or is none."""
    for name, (theirs, arguments) in MODULES.items():
        if type(part) is getattr(torch.nn, theirs):
            same = all(
                getattr(part, key) == value
                or (key == "threshold" and part.threshold >= 20)  # PyTorch's own; 2e-9 off there
                for key, value in arguments.items()
            )
            return name if same else ""
    return ""


def _torch(caller: str) -> Any:
    try:
        import torch
    except ImportError:
        raise ImportError(
            f"{caller} needs PyTorch, which nothing else here does and no extra brings: "
            "pip install torch (https://pytorch.org/get-started)"
        ) from None
    return torch
