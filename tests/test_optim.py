"""Tests of the optimizers against sequences by hand, in exact arithmetic where it can be."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_bp import MLP, Value, losses
from micrograd_bp.optim import SGD, Adam, AdamW, Optimizer

F = Fraction


def after(make, start, gradients):
    """What the weight is after each step with these gradients."""
    w = Value(start)
    optimizer = make([w])
    found = []
    for w.grad in gradients:
        optimizer.step()
        found.append(w.data)
    return found


# ------------------------------------------------------------------ sequences by hand


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"lr": 0.5}, [1.5, 1.0, 2.0]),
        ({"lr": 0.5, "weight_decay": 0.5}, [1.0, 0.25, 1.1875]),
        # v = 1, 1.5, -1.25
        ({"lr": 0.5, "momentum": 0.5}, [1.5, 0.75, 1.375]),
        # along 1.5, 1.75, -2.625
        ({"lr": 0.5, "momentum": 0.5, "nesterov": True}, [1.25, 0.375, 1.6875]),
        # g = 2, 1.5, -2.125; v = 2, 2.5, -0.875
        ({"lr": 0.5, "momentum": 0.5, "weight_decay": 0.5}, [1.0, -0.25, 0.1875]),
    ],
)
def test_sgd_by_hand(settings, expected):
    assert after(lambda ws: SGD(ws, **settings), 2.0, [1.0, 1.0, -2.0]) == expected


def adam_by_hand(start, gradients, lr, betas, eps, l2, decay):
    """The published rule in fractions, but for the square root."""
    (b1, b2), w, m, v = betas, F(start), F(0), F(0)
    for t, gradient in enumerate(gradients, 1):
        g = F(gradient) + l2 * w
        w -= lr * decay * w
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g * g
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        w -= lr * m_hat / (F(math.sqrt(v_hat)) + eps)
        yield float(w)


@pytest.mark.parametrize(
    ("make", "l2", "decay"),
    [(Adam, 0, 0), (Adam, 0.25, 0), (AdamW, 0, 0.25), (AdamW, 0, 0)],
)
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.75), (0.0, 0.0)])
def test_adam_by_hand(make, l2, decay, betas):
    gradients = [1.0, -3.0, 0.0, 100.0, 1e-3, -0.5]
    eps = 1e-8
    found = after(
        lambda ws: make(ws, lr=0.125, betas=betas, eps=eps, weight_decay=l2 or decay),
        2.0,
        gradients,
    )
    exact = adam_by_hand(2.0, gradients, F(0.125), [*map(F, betas)], F(eps), F(l2), F(decay))
    assert found == pytest.approx([*exact], rel=1e-14)


def test_two_steps_of_adam_in_figures():
    """At the first step m̂ = g and v̂ = g², so that w moves by lr whatever the gradient."""
    first, second = after(lambda ws: Adam(ws, lr=0.1), 1.0, [0.5, 1.0])
    assert first == pytest.approx(0.9, abs=1e-8)
    m, v = (0.9 * 0.05 + 0.1) / 0.19, (0.999 * 0.00025 + 0.001) / 0.001999
    assert second == pytest.approx(first - 0.1 * m / math.sqrt(v), abs=1e-8)


def test_defaults_are_those_of_pytorch():
    w = [Value(1.0)]
    assert SGD(w).state_dict() == {
        "optimizer": "SGD", "lr": 0.01, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0,
        "steps": 0, "velocity": [0.0],
    }  # fmt: skip
    assert Adam(w).state_dict() == {
        "optimizer": "Adam", "lr": 0.001, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0,
        "steps": 0, "m": [0.0], "v": [0.0],
    }  # fmt: skip
    assert AdamW(w).weight_decay == 0.01


def test_l2_and_weight_decay_are_the_same_for_sgd_alone():
    def by_loss(make):
        w = Value(2.0)
        optimizer = make([w])
        for gradient in (1.0, 1.0, -2.0):
            optimizer.zero_grad()
            (w * gradient + losses.l2([w], 0.5)).backward()
            optimizer.step()
        return w.data

    gradients = [1.0, 1.0, -2.0]
    assert (
        by_loss(lambda ws: SGD(ws, 0.5))
        == after(lambda ws: SGD(ws, 0.5, weight_decay=0.5), 2.0, gradients)[-1]
    )
    l2 = after(lambda ws: Adam(ws, 0.5, weight_decay=0.5), 2.0, gradients)[-1]
    assert by_loss(lambda ws: Adam(ws, 0.5)) == pytest.approx(l2, rel=1e-14)
    decoupled = after(lambda ws: AdamW(ws, 0.5, weight_decay=0.5), 2.0, gradients)[-1]
    assert abs(decoupled - l2) > 0.1


def test_all_parameters_move_from_the_same_old_values():
    x, y = Value(1.0), Value(2.0)
    optimizer = SGD([x, y], lr=0.5)
    (x * y).backward()
    optimizer.step()
    assert (x.data, y.data) == (0.0, 1.5)  # y by the old x, 1.0


def test_the_learning_rate_may_change():
    w = Value(0.0)
    optimizer = SGD([w], lr=1.0)
    for optimizer.lr in (1.0, 0.5, 0.25):
        w.grad = -1.0
        optimizer.step()
    assert w.data == 1.75


def test_zero_grad():
    ws = [Value(1.0), Value(2.0)]
    (ws[0] * ws[1]).backward()
    SGD(ws[:1]).zero_grad()
    assert [w.grad for w in ws] == [0.0, 1.0]


@pytest.mark.parametrize("make", [SGD, lambda ws: SGD(ws, momentum=0.9), Adam, AdamW])
def test_a_network_learns(make):
    model = MLP(2, [4, 1], activation="tanh", seed=1)
    optimizer = make(model.parameters())
    values = []
    for _ in range(40):
        loss = losses.squared_error(model([0.5, -1.0]), 1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.data)
    assert values[-1] < 0.9 * values[0]


# ------------------------------------------------------------------ the state

MAKERS = {
    "sgd": lambda ws: SGD(ws, 0.1),
    "momentum": lambda ws: SGD(ws, 0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda ws: SGD(ws, 0.1, 0.9, nesterov=True),
    "adam": lambda ws: Adam(ws, 0.1, weight_decay=0.01),
    "adamw": lambda ws: AdamW(ws, 0.1, betas=(0.8, 0.9)),
}
SMALL = st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3)


@pytest.mark.parametrize("name", MAKERS)
@given(gradients=st.lists(SMALL, min_size=1, max_size=6), data=st.data())
def test_a_state_goes_on_to_the_same_bits(name, gradients, data):
    stop = data.draw(st.integers(0, len(gradients)))
    ws, others = ([Value(k / 3) for k in range(3)] for _ in range(2))
    whole, first = MAKERS[name](ws), MAKERS[name](others)
    for k, row in enumerate(gradients):
        if k == stop:
            state = json.loads(json.dumps(first.state_dict()))
            first = type(first)(others)
            first.load_state_dict(state)
            assert first.state_dict() == state
        for w, other, g in zip(ws, others, row):
            w.grad = other.grad = g
        whole.step()
        first.step()
    assert [w.data for w in ws] == [w.data for w in others]
    assert stop == len(gradients) or whole.state_dict() == first.state_dict()


def test_a_state_is_a_copy():
    w = Value(1.0)
    optimizer = Adam([w])
    state = optimizer.state_dict()
    state["m"][0] = 5.0
    assert optimizer.m == [0.0]
    optimizer.load_state_dict(state)
    state["m"][0] = 7.0
    assert optimizer.m == [5.0]


def changed(**changes):
    return lambda state: {k: v for k, v in (state | changes).items() if v != "gone"}


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda state: None, ValueError, "expected the state of Adam, got that of None"),
        (lambda state: [], ValueError, "expected the state of Adam, got that of"),
        (lambda state: {}, ValueError, "expected the state of Adam, got that of None"),
        (changed(optimizer="SGD"), ValueError, "expected the state of Adam, got that of 'SGD'"),
        (changed(v="gone"), ValueError, "state: missing v"),
        (changed(extra=1), ValueError, 'state: unknown "extra"'),
        (changed(m=[0.0]), ValueError, "state: m: expected a list of 2 numbers"),
        (changed(m="ab"), ValueError, "state: m: expected a list of 2 numbers"),
        (changed(v=[0.0, math.nan]), ValueError, "state: v: expected finite numbers"),
        (changed(v=[0.0, "x"]), TypeError, r"state: v\[1\]: expected a real number, got str"),
        (changed(steps=-1), ValueError, "steps -1: expected a whole number"),
        (changed(steps=1.5), ValueError, "steps 1.5: expected a whole number"),
        (changed(steps=True), ValueError, "steps True: expected a whole number"),
        (changed(lr=0), ValueError, "lr = 0.0: expected a number above 0"),
        (changed(lr=None), TypeError, "lr: expected a real number, got NoneType"),
        (changed(betas=[0.9]), ValueError, "betas: expected two numbers, got 1"),
        (changed(betas=5), TypeError, "betas: expected a list, got int"),
    ],
)
def test_a_state_that_is_none_changes_nothing(change, error, said):
    ws = [Value(1.0, "a"), Value(2.0)]
    optimizer = Adam(ws)
    ws[0].grad = 1.0
    optimizer.step()
    before = optimizer.state_dict()
    with pytest.raises(error, match=said):
        optimizer.load_state_dict(change(before))
    assert optimizer.state_dict() == before


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize("make", [SGD, Adam, AdamW])
@pytest.mark.parametrize(
    ("parameters", "error", "said"),
    [
        ([], ValueError, "expected at least one parameter, got none"),
        ([1.0], TypeError, "parameter 1: expected a Value, got float"),
        ([Value(1.0), None], TypeError, "parameter 2: expected a Value, got NoneType"),
        ([Value(1.0, "x") * 2.0], ValueError, "parameter 1 was computed, by mul: expected a leaf"),
        ([w := Value(1.0, "w"), w], ValueError, r"parameter 2 \('w'\) is parameter 1 again"),
        (Value(1.0), TypeError, "parameters: expected a list, got Value"),
        (MLP(1, [1]), TypeError, r"got MLP: give its \.parameters\(\)"),
        (None, TypeError, "expected a list, got NoneType"),
    ],
)
def test_parameters_that_are_none(make, parameters, error, said):
    with pytest.raises(error, match=said):
        make(parameters)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda ws: SGD(ws, lr=0), ValueError, "lr = 0.0: expected a number above 0"),
        (lambda ws: SGD(ws, lr=-0.1), ValueError, "lr = -0.1: expected a number above 0"),
        (lambda ws: SGD(ws, lr=math.nan), ValueError, "lr = nan"),
        (lambda ws: SGD(ws, lr=math.inf), ValueError, "lr = inf"),
        (lambda ws: SGD(ws, lr="0.1"), TypeError, "lr: expected a real number, got str"),
        (lambda ws: SGD(ws, momentum=-1), ValueError, "momentum = -1.0: expected a number of at l"),
        (lambda ws: SGD(ws, nesterov=True), ValueError, "nesterov = True: expected False, or True"),
        (lambda ws: SGD(ws, 0.1, 0.9, "no"), ValueError, "nesterov = 'no'"),
        (lambda ws: SGD(ws, weight_decay=-1), ValueError, "weight_decay = -1.0"),
        (lambda ws: Adam(ws, lr=0), ValueError, "lr = 0.0"),
        (lambda ws: Adam(ws, betas=(1, 0.9)), ValueError, "betas = 1.0: .* and below 1"),
        (lambda ws: Adam(ws, betas=(0.9, -0.1)), ValueError, "betas = -0.1"),
        (lambda ws: Adam(ws, betas=(0.9,)), ValueError, "betas: expected two numbers, got 1"),
        (lambda ws: Adam(ws, betas=0.9), TypeError, "betas: expected a list, got float"),
        (lambda ws: Adam(ws, eps=0), ValueError, "eps = 0.0: expected a number above 0"),
        (lambda ws: AdamW(ws, weight_decay=math.nan), ValueError, "weight_decay = nan"),
    ],
)
def test_settings_out_of_range(make, error, said):
    with pytest.raises(error, match=said):
        make([Value(1.0)])


@pytest.mark.parametrize("make", [SGD, lambda ws: SGD(ws, 1.0, 0.9), Adam, AdamW])
@pytest.mark.parametrize(("gradient", "error"), [(math.inf, OverflowError), (math.nan, ValueError)])
def test_a_step_that_has_no_number_changes_nothing(make, gradient, error):
    ws = [Value(1.0), Value(2.0, "W_2")]
    optimizer = make(ws)
    before = optimizer.state_dict()
    ws[0].grad, ws[1].grad = 1.0, gradient
    with pytest.raises(error, match=rf"step for parameter 2 .'W_2'.: .* gradient {gradient}"):
        optimizer.step()
    assert [w.data for w in ws] == [1.0, 2.0]
    assert optimizer.state_dict() == before


def test_a_square_too_large_for_adam():
    w = Value(1.0, "w")
    w.grad = 1e200
    with pytest.raises(OverflowError, match=r"Adam: no finite step for parameter 1 .'w'."):
        Adam([w]).step()


def test_any_numbers_as_settings():
    optimizer = Adam((Value(k) for k in range(2)), lr=np.float32(0.5), betas=[0, Fraction(1, 2)])
    assert (optimizer.lr, optimizer.betas, len(optimizer.parameters)) == (0.5, (0.0, 0.5), 2)
    assert json.dumps(optimizer.state_dict())


def test_an_optimizer_of_ones_own():
    class Sign(Optimizer):
        """By the sign of the gradient alone."""

        def __init__(self, parameters, lr=0.1, weight_decay=0.0):
            super().__init__(parameters, lr, weight_decay)
            self.last = [0.0] * len(self.parameters)

        def rule(self, sqrt=math.sqrt):
            return lambda w, g, last: (w - self.lr * math.copysign(1.0, g), g)

    w = Value(1.0)
    optimizer = Sign([w], lr=0.5)
    w.grad = 7.0
    optimizer.step()
    assert w.data == 0.5
    again = Sign([w])
    again.load_state_dict(optimizer.state_dict())
    assert again.state_dict() == {
        "optimizer": "Sign", "lr": 0.5, "weight_decay": 0.0, "steps": 1, "last": [7.0],
    }  # fmt: skip


def test_the_plain_optimizer_does_not_step():
    with pytest.raises(NotImplementedError):
        Optimizer([Value(1.0)], 0.1, 0.0).step()
