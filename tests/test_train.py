"""Tests of training: the loop against one by hand, what is kept, what stops it, what it refuses."""

import functools
import json
import math
import random
import sys
import types
import warnings
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import micrograd_bp as mb
from micrograd_bp import MLP, SGD, Adam, AdamW, Module, Value, fit, no_grad, train
from micrograd_bp.data import make_moons, xor
from micrograd_bp.losses import (
    binary_cross_entropy,
    cross_entropy,
    hinge,
    l2,
    mean_squared_error,
    squared_error,
)
from micrograd_bp.train import gradients

X, Y = make_moons(12, seed=1)
SIGNS = [2 * t - 1 for t in Y]


def network(*nouts, seed=1):
    return MLP(2, nouts or (3, 1), activation="tanh", seed=seed)


def numbers(model):
    return [p.data for p in model.parameters()]


def sgd(model, lr=0.1, **settings):
    return SGD(model.parameters(), lr, **settings)


def small(l):  # noqa: E741
    return lambda ws: l2(ws, l)


# ------------------------------------------------------------------ the loop


def test_it_is_the_loop_of_the_lecture():
    by_hand = network()
    parameters = by_hand.parameters()
    history = {"loss": [], "penalty": [], "accuracy": []}
    rng = random.Random(5)
    for _ in range(4):
        order = rng.sample(range(12), 12)
        rows, targets = [X[i] for i in order], [SIGNS[i] for i in order]
        scores = [by_hand(x) for x in rows]
        loss = mb.sum([hinge(s, t) for s, t in zip(scores, targets)]) / 12
        penalty = l2(parameters, 0.01)
        by_hand.zero_grad()
        (loss + penalty).backward()
        for p in parameters:
            p.data -= 0.1 * p.grad
        history["loss"].append(loss.data)
        history["penalty"].append(penalty.data)
        right = [(s.data > 0) == (t > 0) for s, t in zip(scores, targets)]
        history["accuracy"].append(sum(right) / 12)
    model = network()
    found = fit(
        model, X, SIGNS, loss=hinge, optimizer=sgd(model), epochs=4, seed=5, penalty=small(0.01)
    )
    assert numbers(model) == numbers(by_hand)
    assert {name: getattr(found, name) for name in history} == history
    assert (found.validation_loss, found.validation_accuracy) == ([], [])
    assert not found.interrupted


@pytest.mark.parametrize(
    ("size", "sizes"), [(5, [5, 5, 2]), (12, [12]), (1, [1] * 12), (None, [12])]
)
def test_batches(size, sizes):
    seen, batches = [], []

    class Counting(SGD):
        def step(self):
            batches.append(len(seen))
            super().step()

    def loss(output, target):
        seen.append(target)
        return squared_error(output, target)

    model = network()
    targets = [float(k) for k in range(12)]
    optimizer = Counting(model.parameters(), 0.01)
    history = fit(model, X, targets, loss=loss, optimizer=optimizer, epochs=3, batch_size=size)
    seen = seen[12:]  # behind those that were tried
    ends = [k - 12 for k in batches]
    assert [b - a for a, b in zip([0, *ends], ends)] == sizes * 3
    orders = [seen[k : k + 12] for k in (0, 12, 24)]
    assert all(sorted(order) == targets for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert len(history.loss) == 3


def test_the_loss_of_an_epoch_is_the_mean_over_its_examples():
    """With steps too small to matter, that is the loss of the whole set, whatever the batches."""
    model = network()
    whole = mb.sum([hinge(model(x), t) for x, t in zip(X, SIGNS)]).data / 12
    history = fit(
        model, X, SIGNS, loss=hinge, optimizer=sgd(model, 1e-12), epochs=1, batch_size=5,
        validation=(X, SIGNS), penalty=small(0.5),
    )  # fmt: skip
    assert history.loss == pytest.approx([whole], rel=1e-9)
    assert history.validation_loss == pytest.approx([whole], rel=1e-9)
    assert history.penalty == pytest.approx([l2(model.parameters(), 0.5).data], rel=1e-9)
    assert history.accuracy == history.validation_accuracy


def test_the_same_arguments_give_the_same_bits():
    random.seed(7)
    before = random.getstate()

    def once(seed):
        model = network()
        history = fit(
            model, X, Y, loss=binary_cross_entropy, epochs=3, batch_size=4, seed=seed,
            validation=(X[:4], Y[:4]),
        )  # fmt: skip
        return numbers(model), history

    assert once(3) == once(3)
    assert once(3) != once(4)
    assert random.getstate() == before


@pytest.mark.parametrize(
    ("loss", "outputs", "targets"),
    [
        (binary_cross_entropy, 1, [0, 1, 1, 0]),
        (hinge, 1, [-1, 1, 1, -1]),
        (squared_error, 1, [0.0, 1.0, 1.0, 0.0]),
        (cross_entropy, 2, [0, 1, 1, 0]),
        (cross_entropy, 2, [[1, 0], [0, 1], [0, 1], [1, 0]]),
        (mean_squared_error, 2, [[1, 0], [0, 1], [0, 1], [1, 0]]),
        (functools.partial(hinge, fused=False), 1, [-1, 1, 1, -1]),
    ],
)
def test_every_loss_learns_xor(loss, outputs, targets):
    model = network(4, outputs, seed=3)
    optimizer = Adam(model.parameters(), lr=0.1)
    history = fit(model, xor()[0], targets, loss=loss, optimizer=optimizer, epochs=120)
    assert history.loss[-1] < 0.1 * history.loss[0]
    regression = loss in (squared_error, mean_squared_error)
    assert history.accuracy[-1:] == ([] if regression else [1.0])


def test_the_plain_way_of_a_loss_gives_the_same():
    found = []
    for fused in (True, False):
        model = network(3, 2)
        history = fit(
            model, X, Y, loss=functools.partial(cross_entropy, fused=fused), epochs=3, batch_size=5
        )
        found.append((history.loss, history.accuracy, numbers(model)))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-12)
    assert found[1][1] == found[0][1]
    assert found[1][2] == pytest.approx(found[0][2], rel=1e-9)


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "expected"),
    [
        (cross_entropy, [[1.0, 3.0, 2.0]] * 3, [0, 1, 2], 1 / 3),
        (cross_entropy, [[1.0, 3.0]] * 2, [[0.4, 0.6], [0.6, 0.4]], 1 / 2),
        (cross_entropy, [[2.0, 2.0]] * 2, [0, 1], 1 / 2),
        (hinge, [0.5, -0.5, 0.0, 2.0], [1, 1, -1, -1], 1 / 2),
        (binary_cross_entropy, [0.5, -0.5, 0.0, 2.0], [1, 1, 0, 0], 1 / 2),
        (binary_cross_entropy, [[0.5, -0.5], [0.5, -0.5]], [[1, 0], [1, 1]], 1 / 2),
        (binary_cross_entropy, [3.0, -3.0], [0.75, 0.75], 1 / 2),
        (binary_cross_entropy, [3.0, 2.0], [0.25, 0.4], 0.0),
    ],
)
def test_accuracy_follows_from_the_loss(loss, outputs, targets, expected):
    class Answers(Module):
        """Gives the answers in turn, by the number of the row."""

        def __init__(self):
            self.w = Value(1.0)

        def __call__(self, x):
            answer = outputs[int(x[0])]
            return [self.w * a for a in answer] if isinstance(answer, list) else self.w * answer

    model = Answers()
    rows = [[k] for k in range(len(outputs))]
    history = fit(model, rows, targets, loss=loss, epochs=1, validation=(rows[:1], targets[:1]))
    assert history.accuracy == [expected]


def test_accuracy_of_ones_own():
    model = network()
    near = functools.partial(fit, model, X, [0.5] * 12, loss=squared_error, epochs=1)
    assert near().accuracy == []
    assert near(accuracy=lambda output, target: abs(output - target) < 100).accuracy == [1.0]
    assert near(accuracy=lambda output, target: output > 100).accuracy == [0.0]


def test_what_the_validation_measures_is_the_model_after_the_epoch():
    model = network()
    held = [[0.3, 0.1], [-1.0, 0.5]], [1, 0]
    told = []
    history = fit(
        model, X, Y, loss=binary_cross_entropy, epochs=1, validation=held, callbacks=[told.append]
    )
    losses = [binary_cross_entropy(model(x), t).data for x, t in zip(*held)]
    assert history.validation_loss == [math.fsum(losses) / 2]
    right = [(model(x).data > 0) == (t == 1) for x, t in zip(*held)]
    assert history.validation_accuracy == [sum(right) / 2]
    assert told[0].validation_loss == history.validation_loss[0]


def test_any_module_and_part_of_its_parameters():
    class Line(Module):
        def __init__(self):
            self.slope, self.shift = Value(0.0, "slope"), Value(5.0, "shift")

        def __call__(self, x):
            return self.slope * x[0] + self.shift

    model = Line()
    optimizer = SGD([model.slope], lr=0.1)
    fit(model, [[1.0], [2.0]], [7.0, 9.0], loss=squared_error, optimizer=optimizer, epochs=50)
    assert model.slope.data == pytest.approx(2.0)
    assert model.shift.data == 5.0


def test_arrays_are_lists():
    found = []
    for rows, targets in (
        (X, Y), (np.array(X), np.array(Y)), ([*map(np.array, X)], tuple(map(np.int8, Y))),
        (tuple(map(tuple, X)), [*map(float, Y)]),
    ):  # fmt: skip
        model = network()
        history = fit(
            model, rows, targets, loss=binary_cross_entropy, epochs=2, validation=(rows, targets)
        )
        found.append((history, numbers(model)))
    assert all(each == found[0] for each in found)


def test_it_learns_where_nothing_is_recorded():
    model = network()
    with no_grad():
        fit(model, X, Y, loss=binary_cross_entropy, epochs=1)
    other = network()
    fit(other, X, Y, loss=binary_cross_entropy, epochs=1)
    assert numbers(model) == numbers(other) != numbers(network())


def test_gradients_are_those_of_the_batch():
    model = network()
    parameters = model.parameters()
    for p in parameters:
        p.grad = 9.0
    batch = gradients(model, parameters, hinge, small(0.5), X[:3], SIGNS[:3])
    scores = [model(x) for x in X[:3]]
    mean, penalty = hinge(scores, SIGNS[:3]), l2(parameters, 0.5)
    assert batch.loss == pytest.approx(mean.data, rel=1e-15)
    assert batch.penalty == penalty.data
    assert batch.outputs == [s.data for s in scores]
    expected = mb.grad(mean + penalty, parameters)
    assert [p.grad for p in parameters] == pytest.approx(expected, rel=1e-13)


# ------------------------------------------------------------------ what is told


def test_callbacks():
    model = network()
    told = []
    calls = (call for call in [told.append])  # any iterable
    history = fit(model, X, Y, loss=binary_cross_entropy, epochs=3, callbacks=calls)
    assert [e.epoch for e in told] == [1, 2, 3]
    assert [e.loss for e in told] == history.loss
    assert [e.accuracy for e in told] == history.accuracy
    assert {(e.penalty, e.validation_loss, e.validation_accuracy) for e in told} == {(None,) * 3}
    assert all(e.model is model for e in told)
    assert told[-1].checkpoint == history.checkpoint
    assert [len(e.checkpoint["history"]["loss"]) for e in told] == [1, 2, 3]
    assert "Epoch(epoch=1, loss=" in repr(told[0])
    with pytest.raises(FrozenInstanceError):
        told[0].loss = 0.0


def test_a_callback_may_change_the_learning_rate():
    model = network()
    optimizer = sgd(model, 1.0)
    rates = []

    def schedule(epoch):
        rates.append(optimizer.lr)
        optimizer.lr = 1.0 - 0.9 * epoch.epoch / 100

    fit(model, X, SIGNS, loss=hinge, optimizer=optimizer, epochs=3, callbacks=[schedule])
    assert rates == [1.0, 0.991, 0.982]


def test_how_a_history_reads():
    model = network()
    history = fit(model, X, Y, loss=binary_cross_entropy, epochs=2, validation=(X, Y))
    assert repr(history).startswith("History(2 epochs, loss 0.")
    assert "validation accuracy" in repr(history)


@pytest.mark.parametrize("validated", [False, True])
def test_the_best_is_that_of_the_lowest_loss(validated):
    """A learning rate that grows until the loss rises again."""
    model = network()
    optimizer = sgd(model)
    states = [numbers(model)]

    def louder(epoch):
        states.append(numbers(model))
        optimizer.lr *= 2.5

    history = fit(
        model, X, Y, loss=binary_cross_entropy, optimizer=optimizer, epochs=12, penalty=small(1e-2),
        callbacks=[louder], validation=(X[:5], Y[:5]) if validated else None,
    )  # fmt: skip
    curve = [loss + penalty for loss, penalty in zip(history.loss, history.penalty)]
    if validated:
        curve = history.validation_loss
    best = curve.index(min(curve)) + 1
    assert 1 < best < 12
    assert history.best_epoch == best
    # The loss was measured at the parameters before the step, the validation at those after it.
    assert history.best == states[best if validated else best - 1]
    assert history.checkpoint["best"]["loss"] == min(curve)


# ------------------------------------------------------------------ what stops it


def interrupting(epoch, at):
    if epoch.epoch == at:
        raise KeyboardInterrupt


def test_ctrl_c_keeps_the_best():
    model = network()
    optimizer = sgd(model, 0.5)
    states = [numbers(model)]

    def step(epoch):
        states.append(numbers(model))
        optimizer.lr *= -1  # uphill from here
        interrupting(epoch, 4)

    history = fit(model, X, Y, loss=binary_cross_entropy, optimizer=optimizer, callbacks=[step])
    assert history.interrupted
    assert len(history.loss) == 4
    assert repr(history).endswith(", interrupted)")
    best = history.loss.index(min(history.loss))
    assert numbers(model) == states[best] == history.best
    assert numbers(model) != states[-1] == history.checkpoint["parameters"]


@pytest.mark.parametrize("call", [13, 20, 25, 40])
def test_ctrl_c_amid_an_epoch(call):
    """In the first epoch the parameters stay as they were; the checkpoint is of a whole epoch."""
    calls = []

    def loss(output, target):
        calls.append(target)
        if len(calls) == call:
            raise KeyboardInterrupt
        return hinge(output, target)

    model = network()
    start = numbers(model)
    history = fit(model, X, SIGNS, loss=loss, optimizer=sgd(model), batch_size=4)
    done = (call - 13) // 12
    assert history.interrupted
    assert len(history.loss) == history.checkpoint["epoch"] == done
    assert history.best_epoch == done
    assert numbers(model) == history.best
    assert (numbers(model) == start) is (done == 0)
    assert json.dumps(history.checkpoint, allow_nan=False)
    assert repr(history).startswith(f"History({done} epochs")


def test_ctrl_c_between_an_epoch_and_its_checkpoint():
    class Interrupted(SGD):
        calls = 0

        def state_dict(self):
            Interrupted.calls += 1
            if Interrupted.calls == 4:  # at the start, and after each epoch
                raise KeyboardInterrupt
            return super().state_dict()

    model = network()
    history = fit(model, X, SIGNS, loss=hinge, optimizer=Interrupted(model.parameters(), lr=0.1))
    assert history.interrupted
    assert len(history.loss) == history.best_epoch == 2
    assert numbers(model) == history.best == history.checkpoint["best"]["parameters"]


def test_a_loss_that_overflows():
    model = network()
    optimizer = sgd(model, 1e160)
    with pytest.raises(OverflowError) as caught:
        fit(model, X, [0.5] * 12, loss=squared_error, optimizer=optimizer, batch_size=6)
    said = str(caught.value)
    assert said.startswith("epoch 1, batch 2 of 2: squared_error: too large for a float64 at a = ")
    assert "(node 'z^{(2)}')" in said
    assert said.endswith("; the parameters are as before")
    assert numbers(model) == numbers(network())


def test_a_step_too_far():
    model = network()
    optimizer = sgd(model, 1e308)
    targets = [1e10] * 12
    with pytest.raises(OverflowError, match="epoch 1, batch 1 of 1: SGD: no finite step for param"):
        fit(model, X, targets, loss=squared_error, optimizer=optimizer)
    assert numbers(model) == numbers(network())


def test_the_parameters_are_then_the_best_ones():
    model = network()
    optimizer = sgd(model, 0.5)
    told = []

    def louder(epoch):
        told.append(epoch)
        if epoch.epoch == 3:
            optimizer.lr = 1e200

    with pytest.raises(OverflowError, match=r"epoch 5, .*; the parameters are those of epoch 4"):
        fit(model, X, [0.5] * 12, loss=squared_error, optimizer=optimizer, callbacks=[louder])
    assert numbers(model) == told[-1].checkpoint["best"]["parameters"]
    assert told[-1].checkpoint["best"]["epoch"] == 4


INFINITE = [
    (lambda a, t: a * math.inf, OverflowError, r"mul: too large .* x = .* \(node 'z\^\{\(2\)\}'\)"),
    (lambda a, t: a * math.nan, ValueError, "mul: no value at x = .*, y = nan"),
    (lambda a, t: a + math.inf, OverflowError, "add: too large .*, y = inf"),
    (
        lambda a, t: (a * 0.0) ** 0.5 + (a * 0.0).sqrt() * 0.0,  # of 0 · ∞ nothing is passed on
        ValueError,
        "pow: no finite gradient at x = ",
    ),
    (lambda a, t: (a * 0.0).sqrt(), ValueError, "sqrt: no finite gradient at x = -?0.0"),
    (lambda a, t: mb.log(a * 0.0), ValueError, "log: no value at x = -?0.0; expected x > 0"),
    (lambda a, t: 1.0 / (a * 0.0), ZeroDivisionError, "truediv: no value at"),
    (lambda a, t: a * 1e308 * 1e-300, None, ""),
]


@pytest.mark.parametrize(("wrong", "error", "said"), INFINITE)
def test_the_first_node_that_went_wrong(wrong, error, said):
    model = network()

    def loss(a, t):
        return wrong(a, t) if t == 7.0 else squared_error(a, t)

    tried = []

    def fine_at_first(a, t):  # fit tries the targets before it begins
        tried.append(t)
        return squared_error(a, t) if len(tried) <= 12 else loss(a, t)

    targets = [0.5] * 11 + [7.0]
    if error is None:
        fit(model, X, targets, loss=fine_at_first, epochs=1, optimizer=sgd(model, 1e-20))
        return
    with pytest.raises(error, match=f"^epoch 1, batch 1 of 1: {said}"):
        fit(model, X, targets, loss=fine_at_first, epochs=1)
    assert numbers(model) == numbers(network())


def test_gradients_too_large_together():
    model = network()
    with pytest.raises(OverflowError, match=r"batch 1 of 1: the gradient of 'z\^\{\(2\)\}' is inf"):
        fit(model, X[:1], [0.5], loss=lambda a, t: a * 1e308 + a * 1e308)
    assert numbers(model) == numbers(network())


def test_a_validation_that_has_no_value():
    model = MLP(2, [3, 1], activation="exp", seed=1)
    far = [1e5, -1e5]
    with pytest.raises(OverflowError, match=r"^validation X\[0\]: exp: too large"):
        fit(model, X, [0.5] * 12, loss=squared_error, validation=([far], [0.5]), epochs=1)
    held = [[0.5, 0.5], far], [0.5, 0.5]
    with pytest.raises(
        OverflowError, match=r"^epoch 1, validation: exp: too large .* are as before"
    ):
        fit(model, X, [0.5] * 12, loss=squared_error, validation=held, epochs=1)
    with pytest.raises(ValueError, match="epoch 1, validation: the mean loss is inf"):
        fit(
            model, X, [0.5] * 12, loss=lambda a, t: a * math.inf if t == 9.0 else a * 1.0,
            validation=(X, [9.0] * 12), epochs=1,
        )  # fmt: skip


def test_the_errors_of_callbacks_are_theirs():
    def fail(epoch):
        raise ZeroDivisionError("mine")

    model = network()
    with pytest.raises(ZeroDivisionError, match=r"^mine$"):
        fit(model, X, Y, loss=binary_cross_entropy, callbacks=[fail])
    assert numbers(model) != numbers(network())


# ------------------------------------------------------------------ going on

OPTIMIZERS = {
    "default": lambda model: None,
    "momentum": lambda model: sgd(model, momentum=0.9, nesterov=True),
    "adamw": lambda model: AdamW(model.parameters(), lr=0.1),
}


def trained(optimizer, size, epochs, seed=3, **others):
    model = network(seed=8) if "resume" in others else network()
    history = fit(
        model, X, Y, loss=binary_cross_entropy, optimizer=OPTIMIZERS[optimizer](model), seed=seed,
        epochs=epochs, batch_size=size, validation=(X[:4], Y[:4]), penalty=small(1e-3), **others,
    )  # fmt: skip
    return numbers(model), history


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@settings(max_examples=10, deadline=None)
@given(size=st.integers(1, 12), epochs=st.integers(1, 6), data=st.data())
def test_a_training_goes_on_to_the_same_bits(optimizer, size, epochs, data):
    stop = data.draw(st.integers(1, epochs))
    whole = trained(optimizer, size, epochs)
    _, first = trained(optimizer, size, stop)
    saved = json.loads(json.dumps(first.checkpoint, allow_nan=False))
    assert trained(optimizer, size, epochs, seed=99, resume=saved) == whole


def test_a_learning_rate_that_a_callback_sets_goes_on():
    def scheduled(epochs, resume=None):
        model = network()
        optimizer, kept = sgd(model, 1.0), []

        def schedule(epoch):
            optimizer.lr = 1.0 / (1 + epoch.epoch)

        history = fit(
            model, X, SIGNS, loss=hinge, optimizer=optimizer, epochs=epochs, resume=resume,
            callbacks=[schedule, lambda epoch: kept.append(epoch.checkpoint)],
        )  # fmt: skip
        return numbers(model), history, kept

    whole = scheduled(6)
    first = scheduled(3)
    for checkpoint in (first[1].checkpoint, first[2][-1], whole[2][2]):
        assert scheduled(6, resume=checkpoint)[:2] == whole[:2]


@pytest.mark.parametrize("at", [1, 3])
def test_going_on_after_ctrl_c(at):
    stopped = trained("momentum", 5, 6, callbacks=[functools.partial(interrupting, at=at)])[1]
    assert stopped.interrupted
    assert trained("momentum", 5, 6, resume=stopped.checkpoint) == trained("momentum", 5, 6)


def test_going_on_before_the_first_epoch():
    calls = []

    def stop(output, target):
        calls.append(target)
        if len(calls) > 12:
            raise KeyboardInterrupt
        return hinge(output, target)

    model, other = network(), network(seed=8)
    checkpoint = fit(model, X, SIGNS, loss=stop, seed=4, accuracy=lambda *_: True).checkpoint
    history = fit(other, X, SIGNS, loss=hinge, epochs=2, resume=checkpoint)
    assert len(history.loss) == 2
    assert history == fit(model, X, SIGNS, loss=hinge, epochs=2, seed=4)


def test_a_training_that_is_done():
    parameters, history = trained("adamw", 5, 2)
    assert trained("adamw", 5, 2, resume=history.checkpoint) == (parameters, history)


def test_a_history_of_ones_own_does_not_change_the_checkpoint():
    _, history = trained("default", 5, 2)
    history.loss.clear()
    history.best.clear()
    assert len(history.checkpoint["history"]["loss"]) == 2
    assert len(history.checkpoint["best"]["parameters"]) == len(network().parameters())


# ------------------------------------------------------------------ the bar


class Bar:
    """What a bar was told."""

    made: list = []  # noqa: RUF012

    def __init__(self, **options):
        self.options, self.shown, self.steps, self.open = options, [], 0, True
        self.made.append(self)

    def set_postfix_str(self, text, refresh):
        self.shown.append(text)

    def update(self):
        self.steps += 1

    def close(self):
        self.open = False


@pytest.fixture
def bars(monkeypatch):
    monkeypatch.setattr(Bar, "made", [])
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    return Bar.made


def bars_of(progress, **others):
    model = network()
    return fit(model, X, Y, loss=binary_cross_entropy, epochs=3, progress=progress, **others)


def test_a_bar(bars):
    history = bars_of(True)
    (bar,) = bars
    assert bar.options == {"total": 3, "initial": 0, "unit": "epoch"}
    assert (bar.steps, bar.open) == (3, False)
    assert bar.shown[-1] == f"loss {history.loss[-1]:.3g}, accuracy {history.accuracy[-1]:.3g}"


def test_a_bar_is_closed_whatever_happens(bars):
    bars_of(True, callbacks=[functools.partial(interrupting, at=2)])
    with pytest.raises(ZeroDivisionError):
        bars_of(True, callbacks=[lambda epoch: 1 / 0])
    assert [bar.open for bar in bars] == [False, False]
    assert [bar.steps for bar in bars] == [1, 0]


@pytest.mark.parametrize(
    ("terminal", "kernel", "shown"), [(True, False, 1), (False, True, 1), (False, False, 0)]
)
def test_a_bar_is_for_those_who_watch(terminal, kernel, shown, bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", types.SimpleNamespace(isatty=lambda: terminal))
    if kernel:
        monkeypatch.setitem(sys.modules, "ipykernel", types.SimpleNamespace())
    else:
        monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    bars_of(None)
    bars_of(False)
    assert len(bars) == shown


def test_without_a_standard_error(bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    bars_of(None)
    assert bars == []


def test_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setitem(sys.modules, "ipykernel", types.SimpleNamespace())
    assert len(bars_of(None).loss) == 3
    with pytest.raises(ImportError, match=r"needs tqdm: pip install 'micrograd_bp\[train\]'"):
        bars_of(True)


def test_a_notebook_without_widgets(monkeypatch):
    def load(name):
        warnings.warn("IProgress not found", stacklevel=1)
        return types.SimpleNamespace(tqdm=Bar)

    monkeypatch.setattr(train, "import_module", load)
    assert len(bars_of(True).loss) == 3


def test_the_real_bar(capsys):
    bars_of(True)
    assert "3/3" in capsys.readouterr().err


# ------------------------------------------------------------------ mistakes, before any work


def call(**changes):
    given = {"model": network(), "X": X, "y": Y, "loss": binary_cross_entropy} | changes
    return fit(given.pop("model"), given.pop("X"), given.pop("y"), **given)


def cell(value, i=2, j=1):
    rows = [[*row] for row in X]
    rows[i][j] = value
    return rows


def label(value, i=2):
    targets = [*Y]
    targets[i] = value
    return targets


MISTAKES = [
    ({"X": []}, ValueError, "X: expected at least one example, got none"),
    ({"X": np.zeros((0, 2)), "y": []}, ValueError, "X: expected at least one example"),
    ({"X": 5}, TypeError, "X: expected a list, got int"),
    ({"X": [0.5] * 12}, TypeError, r"X\[0\]: expected a row of inputs, got float"),
    ({"X": "abcdefghijkl"}, TypeError, r"X\[0\]: expected a row of inputs, got str"),
    ({"X": [[*row, 0.0] for row in X]}, ValueError, r"^X\[0\]: expected 2 inputs, got 3"),
    ({"X": [X[0], X[1][:1], *X[2:]]}, ValueError, r"X\[1\]: expected 2 inputs, as in X\[0\]"),
    ({"X": X[:5]}, ValueError, "X has 5 rows, but y 12 targets"),
    ({"X": cell(math.nan)}, ValueError, r"X\[2\]\[1\]: expected a finite number, got nan"),
    ({"X": cell(math.inf)}, ValueError, r"X\[2\]\[1\]: expected a finite number, got inf"),
    ({"X": cell("x")}, TypeError, r"X\[2\]\[1\]: expected a real number, got str"),
    ({"X": cell(None)}, TypeError, r"X\[2\]\[1\]: expected a real number, got NoneType"),
    ({"X": cell([0.5])}, TypeError, r"X\[2\]\[1\]: expected a real number, got list"),
    ({"X": np.array(cell(math.nan))}, ValueError, r"X\[2\]\[1\]: expected a finite number"),
    ({"y": label(2)}, ValueError, r"^y\[2\]: binary_cross_entropy: target is 2.0; expected a nu"),
    ({"y": label(math.nan)}, ValueError, r"y\[2\]: expected a finite number, got nan"),
    ({"y": label("a")}, TypeError, r"y\[2\]: expected a real number, got str"),
    ({"y": label([1, math.inf])}, ValueError, r"y\[2\]\[1\]: expected a finite number, got inf"),
    ({"y": None}, TypeError, "y: expected a list, got NoneType"),
    ({"loss": hinge}, ValueError, r"^y\[2\]: hinge: target is 0.0; expected -1 or 1"),
    ({"loss": cross_entropy}, ValueError, r"^y\[0\]: cross_entropy: expected the logits of 2"),
    (
        {"loss": cross_entropy, "model": network(3, 2), "y": label(2)},
        ValueError,
        r"^y\[2\]: cross_entropy: class 2; expected a whole number from 0 to 1",
    ),
    ({"loss": lambda a, t: 0.5}, TypeError, "loss: expected a Value, got float"),
    ({"loss": None}, TypeError, "loss: expected a function, got NoneType"),
    ({"loss": "hinge"}, TypeError, "loss: expected a function, got str"),
    ({"penalty": 0.1}, TypeError, "penalty: expected a function, got float"),
    ({"accuracy": 1}, TypeError, "accuracy: expected a function, got int"),
    ({"model": None}, TypeError, r"model: expected a Module, such as MLP\(2, .*got NoneType"),
    ({"model": MLP}, TypeError, "model: expected a Module"),
    ({"model": types.SimpleNamespace(parameters=list)}, TypeError, "model: expected a Module"),
    ({"batch_size": 13}, ValueError, "batch_size = 13: expected a whole number from 1 to 12"),
    ({"batch_size": 0}, ValueError, "batch_size = 0: expected a whole number from 1 to 12"),
    ({"batch_size": 2.5}, TypeError, "batch_size: expected a whole number, got 2.5"),
    ({"epochs": 0}, ValueError, "epochs = 0: expected a whole number from 1 on"),
    ({"epochs": -1}, ValueError, "epochs = -1"),
    ({"epochs": "3"}, TypeError, "epochs: expected a whole number, got '3'"),
    ({"seed": 0.5}, TypeError, "seed: expected a whole number, got 0.5"),
    ({"optimizer": "adam"}, TypeError, "optimizer: expected one made for the model, .*'adam'"),
    ({"optimizer": SGD}, TypeError, "optimizer: expected one made for the model"),
    ({"optimizer": SGD([Value(1.0)])}, ValueError, "its parameters are not the model's"),
    ({"callbacks": [None]}, TypeError, "callbacks: expected a function, got NoneType"),
    ({"callbacks": print}, TypeError, "callbacks: expected a list, got builtin"),
    ({"validation": X}, ValueError, r"validation: expected a pair \(X, y\), got 12"),
    ({"validation": 5}, TypeError, "validation: expected a list, got int"),
    ({"validation": ([], [])}, ValueError, "validation X: expected at least one example"),
    ({"validation": (X, Y[:3])}, ValueError, "validation X has 12 rows, but validation y 3"),
    ({"validation": ([[0.5]], [1])}, ValueError, r"^validation X\[0\]: expected 2 inputs, got 1"),
    ({"validation": (X, label(7))}, ValueError, r"^validation y\[2\]: binary_cross_entropy: targ"),
    ({"validation": (cell(math.nan), Y)}, ValueError, r"^validation X\[2\]\[1\]: expected a finit"),
    ({"penalty": lambda ws: None}, TypeError, "^penalty: expected a real number, got NoneType"),
    ({"penalty": lambda ws: 1.0 / 0}, ZeroDivisionError, "^penalty: float division by zero"),
    ({"accuracy": lambda output, t: output[1]}, TypeError, "^accuracy: 'float' object is not"),
]


@pytest.mark.parametrize(("changes", "error", "said"), MISTAKES)
def test_mistakes_are_answered_before_any_work(changes, error, said):
    model = changes.get("model", network())
    before = numbers(model) if isinstance(model, MLP) else None
    called = []
    with pytest.raises(error, match=said):
        call(**{"model": model, "callbacks": [called.append]} | changes)
    assert called == []
    assert before is None or numbers(model) == before


def test_learning_rates_that_are_none():
    model = network()
    for lr in (0, -0.1, math.nan):
        with pytest.raises(ValueError, match="lr = "):
            call(model=model, optimizer=SGD(model.parameters(), lr=lr))
    optimizer = sgd(model)
    for optimizer.lr in (0, -0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"optimizer.lr = .*: expected a number above 0"):
            call(model=model, optimizer=optimizer)
