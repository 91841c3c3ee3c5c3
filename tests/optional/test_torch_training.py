"""Losses and optimizers beside those of PyTorch, which need PyTorch: no extra installs it.

pip install torch && pytest tests/optional/test_torch_training.py
"""

import random

import pytest

from micrograd_bp import SGD, Adam, AdamW, Value, losses

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

OPTIMIZERS = [
    (SGD, torch.optim.SGD, {}),
    (SGD, torch.optim.SGD, {"weight_decay": 0.1}),
    (SGD, torch.optim.SGD, {"momentum": 0.9}),
    (SGD, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (SGD, torch.optim.SGD, {"momentum": 0.5, "nesterov": True, "weight_decay": 0.1}),
    (Adam, torch.optim.Adam, {}),
    (Adam, torch.optim.Adam, {"betas": (0.5, 0.75), "eps": 1e-3, "weight_decay": 0.1}),
    (AdamW, torch.optim.AdamW, {}),
    (AdamW, torch.optim.AdamW, {"betas": (0.8, 0.9), "weight_decay": 0.3}),
]


@pytest.mark.parametrize(("make", "make_theirs", "settings"), OPTIMIZERS)
def test_optimizers(make, make_theirs, settings):
    rng = random.Random(0)
    start = [rng.gauss(0, 1) for _ in range(5)]
    ours = [*map(Value, start)]
    theirs = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    one, other = make(ours, lr=0.05, **settings), make_theirs([theirs], lr=0.05, **settings)
    for _ in range(100):
        gradients = [rng.gauss(0, 10 ** rng.uniform(-3, 3)) for _ in ours]
        theirs.grad = torch.tensor(gradients, dtype=torch.float64)
        for w, gradient in zip(ours, gradients, strict=True):
            w.grad = gradient
        one.step()
        other.step()
        assert [w.data for w in ours] == pytest.approx(theirs.tolist(), rel=1e-12)


def both(ours, theirs, xs):
    """Value and derivatives by each."""
    vs = [*map(Value, xs)]
    C = ours(vs)
    tensor = torch.tensor(xs, dtype=torch.float64, requires_grad=True)
    loss = theirs(tensor)
    loss.backward()
    C.backward()
    return (C.data, *(v.grad for v in vs)), (loss.item(), *tensor.grad.tolist())


TARGETS = torch.tensor([1.0, 0.0, 0.25], dtype=torch.float64)
SOFT = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
LOSSES = [
    (
        lambda vs: losses.mean_squared_error(vs, TARGETS.tolist()),
        lambda t: functional.mse_loss(t, TARGETS),
    ),
    (
        lambda vs: losses.binary_cross_entropy(vs, TARGETS.tolist()),
        lambda t: functional.binary_cross_entropy_with_logits(t, TARGETS),
    ),
    (
        lambda vs: losses.cross_entropy(vs, 2),
        lambda t: functional.cross_entropy(t[None], torch.tensor([2])),
    ),
    (
        lambda vs: losses.cross_entropy(vs, SOFT.tolist()),
        lambda t: functional.cross_entropy(t[None], SOFT[None]),
    ),
    (
        lambda vs: losses.hinge(vs, [1, -1, 1]),
        lambda t: functional.margin_ranking_loss(
            t, torch.zeros(3), torch.tensor([1, -1, 1]), margin=1.0
        ),
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), LOSSES)
@pytest.mark.parametrize("xs", [[0.3, -0.7, 1.2], [30.0, -20.0, 25.0], [1e3, 0.0, -1e3]])
def test_losses(ours, theirs, xs):
    found, expected = both(ours, theirs, xs)
    # Where p is near y, p - y has more digits here than there.
    assert found == pytest.approx(expected, rel=1e-13, abs=1e-15)
