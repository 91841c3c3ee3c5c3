"""Tests of the way to PyTorch and back, which need PyTorch: no extra installs it.

pip install torch && pytest tests/optional/test_torch.py
"""

import collections
import math

import pytest

from micrograd_bp import MLP, Value, sum
from micrograd_bp.torch_bridge import MODULES, from_torch, to_torch

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

X = [0.5, -1.25]
ACTIVATIONS = ("linear", *MODULES)


def close(a, b, scale=100.0):
    """Equal to rounding: that of 1 - a² in PyTorch's derivative of a = tanh(z), times inputs."""
    return a == pytest.approx(b, rel=1e-13, abs=4e-16 * scale)


def ours(model, x):
    """The outputs, and the gradients by inputs and parameters of a weighted sum of them."""
    inputs = [Value(v) for v in x]
    outs = model(inputs)
    outs = outs if isinstance(outs, list) else [outs]
    model.zero_grad()
    sum([(k + 1.0) * out for k, out in enumerate(outs)]).backward()
    return [v.data for v in outs], [v.grad for v in (*inputs, *model.parameters())]


def theirs(module, x):
    inputs = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    outs = module(inputs)
    module.zero_grad()
    (outs * torch.arange(1.0, len(outs) + 1.0)).sum().backward()
    gradients = inputs.grad.tolist()
    for part in module.modules():
        if isinstance(part, nn.Linear):
            for i, row in enumerate(part.weight.grad.tolist()):
                gradients += row + ([] if part.bias is None else [part.bias.grad[i].item()])
    return outs.tolist(), gradients


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("nouts", [[1], [3], [4, 3, 2], [12, 1]], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_outputs_and_gradients_agree(activation, nouts, fused, bias):
    model = MLP(2, nouts, activation, activation, seed=3, fused=fused, bias=bias)
    module = to_torch(model)
    back = from_torch(module)
    assert [(v.label, v.data) for v in back.parameters()] == [
        (v.label, v.data) for v in model.parameters()
    ]
    assert repr(back) == repr(model)
    for x in (X, [3.0, 40.0], [-50.0, -2.0], [0.0, 0.0]):
        for a, b, c in zip(ours(model, x), theirs(module, x), ours(back, x)):
            assert close(a, b)
            assert close(a, c)


@pytest.mark.parametrize("activation", MODULES)
@pytest.mark.parametrize(
    "z", [-800.0, -40.0, -1.5, -0.0, 1e-300, 0.3, 19.9, 20.1, 36.9, 41.0, 800.0]
)
def test_activations_agree_everywhere(activation, z):
    model = MLP.from_arrays([([1.0], None)], output_activation=activation)
    (a,), gradients = ours(model, [z])
    (b,), others = theirs(to_torch(model), [z])
    assert a == pytest.approx(b, rel=1e-14, abs=1e-300)
    assert close(gradients, others, max(1.0, abs(z)))


def test_the_module_is_a_copy_that_trains():
    model = MLP(2, [3, 1], "tanh", "sigmoid", seed=1)
    state = torch.random.get_rng_state()
    module = to_torch(model)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert str(module) == str(
        nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1), nn.Sigmoid())
    )
    assert {(p.dtype, p.device.type, p.requires_grad) for p in module.parameters()} == {
        (torch.float64, "cpu", True)
    }
    before = [v.data for v in model.parameters()]
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.tensor(X, dtype=torch.float64)).sum().backward()
    optimizer.step()
    assert [v.data for v in model.parameters()] == before
    assert [v.data for v in from_torch(module).parameters()] != before
    clone = to_torch(MLP(2, [3, 1], "tanh", "sigmoid", seed=9))
    clone.load_state_dict(module.state_dict())
    assert [v.data for v in from_torch(clone).parameters()] == [
        v.data for v in from_torch(module).parameters()
    ]


def double(*parts):
    return nn.Sequential(*parts).double()


TANH = nn.Tanh()


@pytest.mark.parametrize(
    "module",
    [
        nn.Linear(2, 3).double(),
        nn.Linear(2, 1, bias=False).double(),
        double(nn.Linear(2, 3), nn.Linear(3, 2)),
        double(nn.Identity(), nn.Linear(2, 3), nn.Identity(), nn.ReLU(inplace=True)),
        double(nn.Linear(2, 3), TANH, nn.Linear(3, 3), TANH, nn.Linear(3, 1), nn.Sigmoid()),
        double(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Sequential(nn.Linear(3, 2))),
        double(nn.Linear(2, 3), nn.GELU(), nn.Linear(3, 2, bias=False), nn.LeakyReLU()),
        double(nn.Linear(2, 3), nn.Softplus(), nn.Linear(3, 2)),
        double(collections.OrderedDict(first=nn.Linear(2, 2), then=nn.Tanh())),
        double(nn.Linear(2, 3), nn.Tanh()).requires_grad_(True).eval(),
    ],
    ids=str,
)
def test_from_torch(module):
    model = from_torch(module)
    for a, b in zip(ours(model, X), theirs(module, X)):
        assert close(a, b)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_precision_becomes_float64_exactly(dtype):
    linear = nn.Linear(3, 2).to(dtype)
    model = from_torch(linear)
    assert [[w.data for w in n.w] for n in model.layers[0].neurons] == linear.weight.tolist()
    assert all(type(v.data) is float for v in model.parameters())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 1)

    def forward(self, x):
        return self.first(x)


def with_nan():
    linear = nn.Linear(2, 2)
    linear.weight.data[1, 0] = math.nan
    return linear


def tied():
    linear = nn.Linear(2, 2)
    return nn.Sequential(linear, nn.Tanh(), linear)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (Net(), "from_torch: Net(): expected Sequentials of Linear and ReLU(), LeakyReLU("),
        (nn.Sequential(nn.Linear(2, 2), Net()), "from_torch: part '1', Net(): expected"),
        (nn.Sequential(nn.Flatten()), "from_torch: part '0', Flatten(start_dim=1, end_dim=-1): ex"),
        (nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)), "from_torch: part '1', Dropout(p=0.5"),
        (
            nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Conv1d(2, 2, 3))),
            "from_torch: part '1.0', Conv1d(2, 2, kernel_size=(3,)",
        ),
        (nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.2)), "from_torch: part '1', LeakyReLU(neg"),
        (nn.Sequential(nn.Linear(2, 2), nn.GELU("tanh")), "from_torch: part '1', GELU(approximate"),
        (nn.Sequential(nn.Linear(2, 2), nn.Softplus(2.0)), "from_torch: part '1', Softplus(beta=2"),
        (nn.Sequential(nn.Linear(2, 2), nn.Softplus(1, 5)), "from_torch: part '1', Softplus(beta="),
        (nn.Sequential(nn.Tanh(), nn.Linear(2, 2)), "from_torch: part '0', Tanh: expected a Lin"),
        (
            nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.ReLU()),
            "from_torch: part '2', ReLU: expected a Linear before it",
        ),
        (nn.Tanh(), "from_torch: Tanh: expected a Linear before it"),
        (nn.Sequential(), "from_torch: layers: expected a list of layers, got []"),
        (
            nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1)),
            "from_torch: layer 2: inputs: expected 3, as many as layer 1 has units, got 4",
        ),
        (with_nan(), "from_torch: layer 1: weights[1][0]: expected a finite number, got NaN"),
        (tied(), "from_torch: part '2', Linear: its weights are those of a part before it"),
        (nn.Linear(2, 2, dtype=torch.complex128), "from_torch: Linear(in_features=2, out_feature"),
        (
            nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
            "from_torch: ParametrizedLinear(in_features=2, ",
        ),
        (nn.LazyLinear(2), "from_torch: LazyLinear("),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_from_torch_refuses(module, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  its message is compared
        from_torch(module)
    assert str(caught.value).startswith(expected)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("thing", [None, torch.ones(2), MLP(2, [1]), "x", nn.Linear])
def test_from_torch_of_what_is_no_module(thing):
    with pytest.raises(TypeError, match=r"from_torch: expected a torch.nn.Module, got "):
        from_torch(thing)
