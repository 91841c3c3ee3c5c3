"""Tests of the way to PyTorch where there is none; with it, see tests/optional/test_torch.py."""

import math
import sys

import pytest

from micrograd_bp import MLP, Neuron
from micrograd_bp.torch_bridge import MODULES, from_torch, to_torch


@pytest.mark.parametrize("function", [to_torch, from_torch])
def test_without_pytorch(monkeypatch, function):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError) as caught:
        function(MLP(2, [1]))
    message = str(caught.value)
    assert message.startswith(f"{function.__name__} needs PyTorch, which nothing else here does")
    assert "pip install torch" in message


@pytest.mark.parametrize("activation", ["sin", "cos", "exp", "erf"])
def test_an_activation_that_pytorch_has_no_module_for(activation):
    expected = f"to_torch: layer 2: torch.nn has no {activation}: expected one of linear, relu, "
    with pytest.raises(ValueError, match=expected):
        to_torch(MLP(2, [3, 1], "tanh", activation))
    assert activation not in MODULES


def test_what_is_no_network():
    with pytest.raises(TypeError, match="to_torch: expected an MLP, got Neuron"):
        to_torch(Neuron(2))
    model = MLP(2, [2, 1])
    model.layers[0].neurons[0].activation = "tanh"
    with pytest.raises(ValueError, match="to_torch: this network's layers are not all of it, or"):
        to_torch(model)


def test_what_is_not_finite():
    model = MLP(2, [1])
    model.bias(1, 1).data = math.nan
    with pytest.raises(ValueError, match=r"b\^\{\(1\)\} is nan"):
        to_torch(model)
