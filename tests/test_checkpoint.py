"""Tests of checkpoints: what is none is refused by name, and changes nothing."""

import copy
import json
import math
import random

import pytest

from micrograd_bp import SGD, Adam, Value
from micrograd_bp.checkpoint import State, kind

TOLD = {"loss": 0.5, "penalty": 0.25, "accuracy": None, "validation_loss": None}


def state(make=Adam, seed=1, curves=("loss", "penalty")):
    ws = [Value(1.0), Value(2.0)]
    return State(ws, make(ws), random.Random(seed), 10, 5, {name: [] for name in curves})


def begun():
    found = state()
    found.rng.random()
    found.parameters[0].grad = 1.0
    found.optimizer.step()
    found.end_epoch(TOLD)
    found.end_epoch(TOLD | {"loss": 0.75})
    return found


CONTENT = json.loads(json.dumps(begun().checkpoint(), allow_nan=False))


def test_there_and_back():
    other = state(seed=2)
    other.restore(CONTENT, 5)
    assert other.checkpoint() == CONTENT
    assert other.rng.random() == (same := begun()).rng.random()
    assert other.parameters[0].data == same.parameters[0].data != 1.0
    assert (other.epoch, other.best_epoch, other.best_loss) == (2, 1, 0.75)
    other.back_to_best()
    assert [p.data for p in other.parameters] == CONTENT["best"]["parameters"] == [1.0, 2.0]


def test_the_best_is_the_first_of_equals_and_goes_by_the_validation():
    found = state(curves=("loss", "validation_loss"))
    for loss, validation in ((0.1, 0.9), (0.5, 0.3), (0.2, 0.3)):
        found.parameters[0].data += 1.0
        found.end_epoch({"loss": loss, "penalty": None, "validation_loss": validation})
    assert (found.best_epoch, found.best_loss, found.best) == (2, 0.3, [3.0, 2.0])


def changed(**changes):
    return CONTENT | changes


BAD = [
    (None, "expected an object with batch_size, best"),
    ([], "expected an object"),
    ({}, "missing batch_size, best, epoch"),
    (changed(more=1), 'unknown "more"'),
    ({k: v for k, v in CONTENT.items() if k != "random"}, "missing random"),
    (changed(format="micrograd_bp MLP"), "expected 'micrograd_bp training' of version 1, got"),
    (changed(version=2), r"of version 1, got \[\"micrograd_bp training\", 2\]"),
    (changed(epoch=-1), "epoch = -1: expected a whole number from 0 on"),
    (changed(epoch=2.5), "epoch: expected a whole number, got 2.5"),
    (changed(epoch=6), "it is at epoch 6, beyond epochs = 5"),
    (changed(epoch=3), "history: loss: expected 3 numbers, got 2"),
    (changed(examples=11), "examples: 11, but here it is 10"),
    (changed(batch_size="5"), 'batch_size: "5", but here it is 5'),
    (changed(parameters=[1.0]), "parameters: expected 2 numbers, as many as the model has"),
    (changed(parameters=[1.0, math.nan]), r"parameters\[1\]: expected a finite number"),
    (changed(parameters="x"), "parameters: expected a list of numbers"),
    (changed(best=None), "expected an object with epoch, loss, parameters"),
    (changed(best=CONTENT["best"] | {"epoch": 3}), "best epoch = 3: expected .* from 0 to 2"),
    (changed(best=CONTENT["best"] | {"loss": None}), "best loss: expected a finite number"),
    (changed(best=CONTENT["best"] | {"parameters": []}), "best parameters: expected a list"),
    (changed(optimizer=None), "optimizer: expected the state of Adam, got that of None"),
    (changed(optimizer=SGD([Value(1.0)]).state_dict()), "optimizer: expected the state of Adam"),
    (changed(optimizer=CONTENT["optimizer"] | {"m": [0.0]}), "optimizer: state: m: expected a li"),
    (changed(random=None), "random: expected the state of Python's random generator"),
    (changed(random=[3, [1, 2, 3], None]), "random: expected the state"),
    (changed(random=[2, CONTENT["random"][1], None]), "random: expected the state"),
    (changed(random=[3, [0.5] * 625, None]), "random: expected the state"),
    (changed(random=[3, [-1] * 625, None]), "random: expected the state"),
    (changed(random=[3, CONTENT["random"][1], "x"]), "random: expected the state"),
    (changed(random=["__import__('os')", [], None]), "random: expected the state"),
    (changed(history={}), "missing accuracy, loss, penalty"),
    (changed(history=CONTENT["history"] | {"loss": [0.5]}), "history: loss: expected 2 numbers, g"),
    (changed(history=CONTENT["history"] | {"loss": None}), "loss: expected 2 numbers, got null"),
    (changed(history=CONTENT["history"] | {"loss": [1, "x"]}), "history: loss: expected a finite"),
    (
        changed(history=CONTENT["history"] | {"accuracy": [0.5, 0.5]}),
        "accuracy: expected 0 numbers, got 2: loss, penalty and validation have to be the same",
    ),
]


@pytest.mark.parametrize(("content", "said"), BAD)
def test_what_is_no_checkpoint_changes_nothing(content, said):
    other = state(seed=2)
    before = copy.deepcopy(other.checkpoint())
    with pytest.raises(ValueError, match=f"^resume: .*{said}"):
        other.restore(content, 5)
    assert other.checkpoint() == before


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ZeroDivisionError(), ZeroDivisionError),
        (OverflowError(), OverflowError),
        (FloatingPointError(), ArithmeticError),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), ValueError),
        (TypeError(), TypeError),
    ],
)
def test_kinds_of_errors(error, expected):
    assert kind(error) is expected
