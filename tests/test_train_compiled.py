"""Tests of training in arrays: the same as with Values, whatever the loss and the trouble."""

import functools
import json
import math
import sys

import pytest

import micrograd_bp as mb
from micrograd_bp import MLP, SGD, Adam, AdamW, Module, Value, fit, train_compiled
from micrograd_bp.cli import main
from micrograd_bp.data import load_digits, make_moons, train_test_split
from micrograd_bp.losses import (
    binary_cross_entropy,
    cross_entropy,
    hinge,
    l2,
    mean_squared_error,
    squared_error,
)
from micrograd_bp.train_compiled import differing, targets_as

X, Y = make_moons(22, seed=1)
SIGNS = [2 * t - 1 for t in Y]
CLOSE = {"rel": 1e-9, "abs": 1e-12}
CURVES = ("loss", "penalty", "accuracy", "validation_loss", "validation_accuracy")


def numbers(model):
    return [p.data for p in model.parameters()]


def network(*nouts, activation="tanh", **settings):
    return MLP(2, nouts or (5, 1), activation=activation, seed=1, **settings)


def both(make, y, loss, *, optimizer=Adam, lr=0.05, **settings):
    """The model and the history of `fit` with Values, and in arrays."""
    found = []
    for compile in (False, True):
        model = make()
        history = fit(
            model, X, y, loss=loss, optimizer=optimizer(model.parameters(), lr=lr),
            **{"epochs": 6, "batch_size": 8} | settings, compile=compile,
        )  # fmt: skip
        found.append((model, history))
    return found


def assert_same(eager, compiled):
    (model, history), (other, told) = eager, compiled
    assert numbers(other) == pytest.approx(numbers(model), **CLOSE)
    for name in CURVES:
        assert getattr(told, name) == pytest.approx(getattr(history, name), **CLOSE)
    assert (told.best_epoch, told.interrupted) == (history.best_epoch, history.interrupted)
    assert told.best == pytest.approx(history.best, **CLOSE)
    grads = [[p.grad for p in m.parameters()] for m in (other, model)]
    assert grads[0] == pytest.approx(grads[1], rel=1e-7, abs=1e-10)
    ours, wanted = (h.checkpoint["optimizer"] for h in (told, history))
    assert ours.keys() == wanted.keys()
    for name, value in wanted.items():
        expected = value if isinstance(value, str) else pytest.approx(value, rel=1e-7, abs=1e-10)
        assert ours[name] == expected


@pytest.fixture
def programs(monkeypatch):
    """How many batches went through a program, and how many of them it could not do."""
    told = []
    call = train_compiled.BatchProgram.gradient

    def counted(self, *arrays):
        told.append(call(self, *arrays))
        return told[-1]

    monkeypatch.setattr(train_compiled.BatchProgram, "gradient", counted)
    return told


# ------------------------------------------------------------------ the same as with Values


def one_hot(y):
    return [[1 - t, t] for t in y]


def own(output, target):
    return (output - target) ** 4 + mb.log(1.0 + output * output)


@pytest.mark.parametrize(
    ("loss", "nouts", "y"),
    [
        (squared_error, (5, 1), [0.5 * t for t in Y]),
        (mean_squared_error, (5, 2), one_hot(Y)),
        (binary_cross_entropy, (5, 1), Y),
        (binary_cross_entropy, (5, 2), one_hot(Y)),
        (cross_entropy, (5, 2), Y),
        (cross_entropy, (5, 3), [(k * k) % 3 for k in range(22)]),
        (cross_entropy, (5, 2), one_hot(Y)),
        (cross_entropy, (5, 2), [t if k % 2 else [1 - t, t] for k, t in enumerate(Y)]),
        (functools.partial(cross_entropy, fused=False), (5, 2), Y),
        (lambda logits, t: cross_entropy(logits, t), (5, 2), Y),
        (hinge, (5, 1), SIGNS),
        (functools.partial(hinge, fused=False), (4, 3, 1), SIGNS),
        (own, (5, 1), Y),
        (lambda outputs, t: (outputs[0] + outputs[1] - t) ** 2, (2,), Y),
    ],
)
def test_losses(loss, nouts, y, programs):
    assert_same(*both(lambda: network(*nouts), y, loss))
    assert len(programs) >= 18
    assert None not in programs


@pytest.mark.parametrize("size", [1, 5, 11, 21, 22, None])
def test_batches_and_the_last_of_another_size(size):
    # Not Adam: of a gradient that is 0 but for rounding it would make a step.
    settings = {"batch_size": size, "penalty": lambda ws: l2(ws, 1e-2), "optimizer": SGD}
    assert_same(*both(network, SIGNS, hinge, validation=(X[:7], SIGNS[:7]), **settings))


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "gelu", "leaky_relu", "softplus"])
@pytest.mark.parametrize("fused", [True, False])
def test_activations(activation, fused):
    make = functools.partial(network, 4, 3, 1, activation=activation, fused=fused, bias=fused)
    assert_same(*both(make, Y, binary_cross_entropy))


@pytest.mark.parametrize("optimizer", [SGD, Adam, AdamW, functools.partial(SGD, momentum=0.9)])
def test_optimizers(optimizer):
    assert_same(*both(network, Y, binary_cross_entropy, optimizer=optimizer))


class ByMagnitude(SGD):
    """Of one's own, with a rule that numbers know and arrays do not."""

    def rule(self, sqrt=math.sqrt):
        return lambda w, g, v: (w - self.lr * math.copysign(sqrt(abs(g)), g), v)


class Halving(SGD):
    """Of one's own, with a step of its own."""

    def step(self):
        super().step()
        self.lr /= 2.0


class InPlace(SGD):
    """Of one's own, with a rule that changes what it is given before it fails on arrays."""

    def rule(self, sqrt=math.sqrt):
        def moved(w, g, v):
            v += g
            return w - self.lr * (v if v > 0.0 else 0.1 * v), v

        return moved


class Clipping(SGD):
    """Of one's own, with more to a step than its rule."""

    def _set(self, weights, **remembered):
        super()._set([max(-0.5, min(0.5, w)) for w in weights], **remembered)


def wrapped(parameters, lr):
    optimizer = SGD(parameters, lr=lr)
    step = optimizer.step
    optimizer.step = lambda: (step(), step())
    return optimizer


def every_other(parameters, lr):
    return SGD(parameters[::-2], lr=lr, momentum=0.5)


@pytest.mark.parametrize("optimizer", [ByMagnitude, Halving, InPlace, Clipping, every_other])
def test_optimizers_of_ones_own(optimizer, programs):
    assert_same(*both(network, Y, binary_cross_entropy, optimizer=optimizer))
    assert len(programs) >= 18


def test_a_step_that_was_wrapped():
    (eager, _), (compiled, _) = both(network, Y, binary_cross_entropy, optimizer=wrapped)
    assert numbers(compiled) == pytest.approx(numbers(eager), **CLOSE)


def test_parameters_taken_from_the_optimizer_on_the_way():
    found = []
    for compile in (False, True):
        model = network()
        optimizer = SGD(model.parameters(), lr=0.1, momentum=0.5)

        def freeze(told, model=model, optimizer=optimizer):
            if told.epoch == 2:
                optimizer.parameters = model.parameters()[-3:]
                optimizer.velocity = [0.0] * 3

        history = fit(
            model, X, Y, loss=binary_cross_entropy, optimizer=optimizer, epochs=5, batch_size=8,
            callbacks=[freeze], compile=compile,
        )  # fmt: skip
        found.append((model, history))
    assert_same(*found)


class Twice(MLP):
    """Names its first layer twice among its parameters."""

    def parameters(self):
        return [*super().parameters(), *self.layers[0].parameters()]


def test_parameters_that_are_named_twice():
    found = []
    for compile in (False, True):
        model = Twice(2, [3, 1], activation="tanh", seed=1)
        optimizer = Adam(list(dict.fromkeys(model.parameters())), lr=0.05)
        history = fit(
            model, X, Y, loss=binary_cross_entropy, optimizer=optimizer, epochs=4, batch_size=8,
            penalty=lambda ws: l2(ws, 1e-2), compile=compile,
        )  # fmt: skip
        found.append((model, history))
    assert_same(*found)


@pytest.mark.parametrize(
    "penalty",
    [
        lambda ws: l2(ws, 0.1),
        lambda ws: l2(ws[:4], 0.1, fused=False),
        lambda ws: 0.01 * mb.sum([abs(w) for w in ws]),
        lambda ws: 0.25,
    ],
)
def test_penalties(penalty):
    eager, compiled = both(network, SIGNS, hinge, penalty=penalty)
    assert_same(eager, compiled)
    assert len(compiled[1].penalty) == 6


class Tied(Module):
    """A unit whose weight is used twice, and a parameter that is not used at all."""

    def __init__(self):
        self.w, self.shift, self.idle = Value(0.3, "w"), [Value(0.1), Value(-0.2)], Value(7.0)

    def __call__(self, x):
        h = mb.tanh(self.w * x[0] + self.shift[0])
        return mb.exp(self.w * h) + self.shift[1] * x[1]


def test_a_module_of_ones_own():
    eager, compiled = both(Tied, Y, squared_error)
    assert_same(eager, compiled)
    assert compiled[0].idle.data == 7.0


def test_it_is_one_program_for_all_batches(programs):
    calls = []

    class Counted(MLP):
        def __call__(self, x):
            calls.append(len(x))
            return super().__call__(x)

    model = Counted(2, [3, 1], seed=1)
    fit(model, X, SIGNS, loss=hinge, epochs=50, batch_size=5, validation=(X, SIGNS), compile=True)
    assert len(calls) < 3 * len(X)
    assert len(programs) == 50 * 5 + 1


def test_numbers_alone_come_back():
    model = network(3, 2)
    seen = []

    def right(outputs, target):
        seen.append((outputs, target))
        return True

    history = fit(
        model, X, Y, loss=cross_entropy, accuracy=right, epochs=1, batch_size=8, compile=True
    )
    assert {type(v) for outputs, _ in seen for v in outputs} == {float}
    assert all(type(outputs) is list and type(target) is int for outputs, target in seen)
    assert {type(v) for v in (*numbers(model), *history.loss, *history.best)} == {float}
    assert json.loads(json.dumps(history.checkpoint)) == history.checkpoint


def test_one_output_is_a_number():
    seen = []
    settings = {"accuracy": lambda output, target: seen.append(output) or True, "epochs": 1}
    fit(network(), X, Y, loss=squared_error, validation=(X, Y), compile=True, **settings)
    assert len(seen) >= 44
    assert {*map(type, seen)} == {float}


def test_the_command(tmp_path, capsys):
    weights = []
    for out, more in (("values", []), ("arrays", ["--compile"])):
        folder = str(tmp_path / out)
        words = ["train", "moons", "--layers", "4", "--epochs", "3", "--out", folder, *more]
        assert main(words) == 0
        weights.append(numbers(MLP.load(tmp_path / out / "weights.json")))
    assert weights[1] == pytest.approx(weights[0], **CLOSE)
    assert main([*words, "--resume"]) == 0


def test_arrays_as_examples():
    np = pytest.importorskip("numpy")
    models = [network(), network()]
    for model, given in zip(models, [(X, Y), (np.array(X), np.array(Y))]):
        fit(model, *given, loss=binary_cross_entropy, epochs=3, compile=True)
    assert numbers(models[0]) == numbers(models[1])


# ------------------------------------------------------------------ what stays as it is


def test_the_same_arguments_give_the_same_bits():
    runs = [both(network, Y, binary_cross_entropy)[1] for _ in range(2)]
    assert numbers(runs[0][0]) == numbers(runs[1][0])
    assert runs[0][1] == runs[1][1]


def test_resume_to_the_same_bits():
    settings = {"loss": hinge, "batch_size": 8, "validation": (X, SIGNS), "compile": True}
    whole, part = network(), network()
    expected = fit(whole, X, SIGNS, epochs=6, **settings)
    first = fit(part, X, SIGNS, epochs=2, **settings)
    again = network()
    content = json.loads(json.dumps(first.checkpoint))
    assert fit(again, X, SIGNS, epochs=6, resume=content, **settings) == expected
    assert numbers(again) == numbers(whole)


def test_a_checkpoint_goes_on_with_values():
    models = [network(), network()]
    first = [fit(m, X, Y, loss=binary_cross_entropy, epochs=2, compile=True) for m in models]
    for model, history, compile in zip(models, first, (True, False)):
        fit(
            model, X, Y, loss=binary_cross_entropy, epochs=4, compile=compile,
            resume=history.checkpoint,
        )  # fmt: skip
    assert numbers(models[0]) == pytest.approx(numbers(models[1]), **CLOSE)


def test_callbacks_may_change_parameters_and_settings():
    def make():
        model = network()
        optimizer = SGD(model.parameters(), lr=0.1)

        def tell(epoch):
            optimizer.lr *= 0.5
            epoch.model.parameters()[0].data = 0.25

        return model, optimizer, tell

    found = []
    for compile in (False, True):
        model, optimizer, tell = make()
        history = fit(
            model, X, Y, loss=binary_cross_entropy, optimizer=optimizer, epochs=4,
            callbacks=[tell], compile=compile,
        )  # fmt: skip
        found.append((model, history))
    assert_same(*found)
    assert numbers(found[1][0])[0] == 0.25


def test_interrupt_keeps_the_best():
    def stop(epoch):
        if epoch.epoch == 4:
            raise KeyboardInterrupt

    eager, compiled = both(network, Y, binary_cross_entropy, callbacks=[stop])
    assert_same(eager, compiled)
    assert compiled[1].interrupted
    assert numbers(compiled[0]) == compiled[1].best


def test_gradients_are_as_before_where_nothing_was_learnt():
    model = network()
    for k, p in enumerate(model.parameters()):
        p.grad = float(k)
    bad = {"format": "none"}
    with pytest.raises(ValueError, match="resume"):
        fit(model, X, Y, loss=binary_cross_entropy, resume=bad, compile=True)
    assert [p.grad for p in model.parameters()] == [*map(float, range(len(model.parameters())))]


def test_within_no_grad():
    found = []
    for compile in (False, True):
        model = network()
        with mb.no_grad():
            history = fit(model, X, Y, loss=binary_cross_entropy, epochs=3, compile=compile)
        found.append((model, history))
    assert_same(*found)


# ------------------------------------------------------------------ numbers that are not finite


def error_of(make, y, loss, **settings):
    """What training raises, with Values and in arrays."""
    said = []
    for compile in (False, True):
        model = make()
        with pytest.raises((ValueError, ArithmeticError)) as caught:
            fit(
                model, X, y, loss=loss, optimizer=SGD(model.parameters(), **{"lr": 0.1} | settings),
                epochs=50, batch_size=8, compile=compile,
            )  # fmt: skip
        said.append((caught.type, str(caught.value), [round(v, 9) for v in numbers(model)]))
    return said


def test_errors_are_those_of_the_engine():
    def steep(output, target):
        return mb.exp(output * output) * (1.0 + target)

    eager, compiled = error_of(network, Y, steep, lr=50.0)
    assert eager[0] is compiled[0] is OverflowError
    assert compiled[2] == eager[2]
    assert compiled[1].startswith("epoch 1, batch 2 of 3: exp: too large for a float64 at x = 812.")
    assert compiled[1].endswith("; the parameters are as before")


def test_a_domain_error_names_the_operation():
    def rooted(output, target):
        return mb.log(output + 1.5) * 1.0 + 0.0 * target

    eager, compiled = error_of(network, Y, rooted, lr=5.0)
    assert compiled[0] is eager[0] is ValueError
    assert "log" in compiled[1]
    assert compiled[1].split(":")[:2] == eager[1].split(":")[:2]


def test_trouble_in_the_first_batch_is_told_with_its_place():
    def make():
        model = network()
        model.parameters()[0].data = 1e308
        return model

    eager, compiled = error_of(make, Y, lambda a, t: squared_error(a, t) * 1e308)
    assert compiled == eager
    assert compiled[1].startswith("epoch 1, batch 2 of 3: dot: too large for a float64 at w1")


def test_a_step_that_is_not_finite_is_told_as_with_values():
    eager, compiled = error_of(network, Y, binary_cross_entropy, lr=1e-315, momentum=1e308)
    place = (
        "epoch 1, batch 3 of 3: SGD: no finite step for parameter 1 ('W^{(1)}_{11}'): it is -0.73"
    )
    assert eager[1].startswith(place)
    assert compiled[1].startswith(place)
    assert compiled[2] == eager[2]


def test_a_validation_that_is_not_finite():
    said = []
    for compile in (False, True):
        model = network(1, activation="linear")
        with pytest.raises(OverflowError) as caught:
            fit(
                model, X, Y, loss=squared_error, epochs=2, compile=compile,
                validation=([[1.0, 1.0], [2.0, 1e200]], [0.0, 0.0]),
            )  # fmt: skip
        said.append(str(caught.value))
    assert said[0] == said[1]


# ------------------------------------------------------------------ what cannot be a program


class Deciding(Module):
    """A graph that depends on the numbers it is recorded with."""

    def __init__(self):
        self.w = Value(0.5, "w")

    def __call__(self, x):
        return self.w * x[0] if x[0] > 0.0 else self.w * x[1]


def picking(outputs, target):
    return -mb.log(mb.softmax(outputs)[target])


@pytest.mark.parametrize(
    ("make", "loss", "y", "said"),
    [
        (Deciding, squared_error, Y, "the loss differs"),
        (lambda: network(3, 2), picking, Y, "TypeError: list indices"),
        (network, lambda a, t: a if t == 1 else -a, Y, "the loss differs"),
        (network, lambda a, t: a * float(t), [0.5 * t for t in SIGNS], "the loss differs"),
    ],
)
def test_python_that_decides_by_the_numbers(make, loss, y, said):
    model = make()
    before = numbers(model)
    told = []
    with pytest.raises(ValueError, match=f"compile=True: the program of .*{said}.*Leave out"):
        fit(model, X, y, loss=loss, callbacks=[told.append], compile=True)
    assert (numbers(model), told) == (before, [])
    fit(model, X, y, loss=loss, epochs=1)


def test_targets_of_two_kinds():
    y = [[1.0, 0.0] if k % 2 else 0.5 for k in range(22)]
    loss = lambda outputs, t: mb.sum(outputs)  # noqa: E731
    with pytest.raises(ValueError, match="compile=True: y: expected targets of one kind"):
        fit(network(3, 2), X, y, loss=loss, compile=True)


def test_without_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match=r"pip install 'micrograd_bp\[fast\]'"):
        fit(network(), X, Y, loss=binary_cross_entropy, compile=True)


# ------------------------------------------------------------------ its parts


def test_targets_as():
    several = [Value(0.0), Value(1.0)]
    assert [e(1) for e in targets_as([0, 1], several)] == [[0.0, 1.0], 1.0]
    assert [e(2) for e in targets_as([0, 2], several)] == [2.0]
    assert [e(-1) for e in targets_as([-1, 1], several)] == [-1.0]
    assert [e(1) for e in targets_as([0, 1], Value(0.0))] == [1.0]
    assert [e(0.5) for e in targets_as([0.5, 1], several)] == [0.5]
    assert [e([2.0]) for e in targets_as([[2.0], [3.0]], Value(0.0))] == [[2.0]]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((1.0, 0.5, [[1.0, 2.0]], [1e-3]), ""),
        ((1.0 + 1e-8, 0.5, [[1.0, 2.0]], [1e-3]), "the loss differs"),
        ((1.0, 0.5001, [[1.0, 2.0]], [1e-3]), "the penalty differs"),
        ((1.0, 0.5, [[1.0, 2.1]], [1e-3]), "the outputs differ"),
        ((1.0, 0.5, [[1.0]], [1e-3]), "the outputs differ"),
        ((1.0, 0.5, [[1.0, 2.0]], [1e-3 + 1e-11]), "the gradients differ"),
        ((math.nan, 0.5, [[1.0, 2.0]], [1e-3]), "the loss differs"),
    ],
)
def test_differing(found, said):
    assert differing(found, (1.0, 0.5, [[1.0, 2.0]], [1e-3])) == said


# ------------------------------------------------------------------ handwritten digits


def test_digits_to_97_percent():
    train, test = train_test_split(*load_digits(), test=0.2, seed=0)
    model = MLP(64, [32, 10], activation="tanh", seed=0)
    for w in model.parameters():
        w.data /= 4
    history = fit(
        model, *train, loss=cross_entropy, optimizer=Adam(model.parameters(), lr=0.01), epochs=20,
        batch_size=32, validation=test, compile=True,
    )  # fmt: skip
    assert max(history.validation_accuracy) >= 0.97
