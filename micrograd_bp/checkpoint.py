"""What training goes on from: parameters, optimizer, random order, best so far, as plain data.

>>> from micrograd_bp import SGD, Value
>>> w = Value(1.0)
>>> state = State([w], SGD([w]), random.Random(0), examples=10, batch_size=5, curves={"loss": []})
>>> state.end_epoch({"loss": 0.5, "penalty": None, "validation_loss": None})
>>> content = state.checkpoint()
>>> [*content]
['format', 'version', 'epoch', 'examples', 'batch_size', 'parameters', 'best', 'optimizer', \
'random', 'history']
>>> state.restore(content, epochs=2)
>>> state.restore(content | {"parameters": [1.0, 2.0]}, epochs=2)
Traceback (most recent call last):
ValueError: resume: parameters: expected 1 numbers, as many as the model has parameters, got 2
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Any

from micrograd_bp import reading
from micrograd_bp.engine import Value
from micrograd_bp.optim import Optimizer
from micrograd_bp.table import whole

FORMAT = "micrograd_bp training"
VERSION = 1
CURVES = ("loss", "penalty", "accuracy", "validation_loss", "validation_accuracy")
"""What may be measured for each epoch."""


@dataclass
class State:
    """All that training changes, and with which it goes on to the same bits."""

    parameters: list[Value]
    optimizer: Optimizer
    rng: random.Random
    examples: int
    batch_size: int
    curves: dict[str, list[float]]
    epoch: int = 0

    def __post_init__(self) -> None:
        self.measured = [p.data for p in self.parameters]
        """The parameters that the latest loss was measured at: they have moved since."""
        self.best_epoch, self.best_loss, self.best = 0, inf, self.measured

    def end_epoch(self, told: Mapping[str, Any]) -> None:
        """Count an epoch, keep what is told of it, and the parameters if they are the best yet."""
        self.epoch += 1
        for name, values in self.curves.items():
            values.append(told[name])
        reached, at = told["loss"] + (told["penalty"] or 0.0), self.measured
        if told["validation_loss"] is not None:
            reached, at = told["validation_loss"], [p.data for p in self.parameters]
        if reached < self.best_loss:
            self.best_epoch, self.best_loss, self.best = self.epoch, reached, at

    def back_to_best(self) -> None:
        """Give the parameters the best numbers so far."""
        for parameter, value in zip(self.parameters, self.best):
            parameter.data = value

    @contextmanager
    def located(self, where: str) -> Iterator[None]:
        """Say where a number went wrong, with the best parameters back in their place."""
        try:
            yield
        except (ValueError, ArithmeticError) as error:
            self.back_to_best()
            best = f"those of epoch {self.best_epoch}, the best" if self.best_epoch else "as before"
            said = f"epoch {self.epoch + 1}, {where}: {error}; the parameters are {best}"
            raise kind(error)(said) from error

    def checkpoint(self) -> dict[str, Any]:
        """All of it as plain data for JSON; later steps do not change it."""
        version, numbers, gauss = self.rng.getstate()
        best = {
            "epoch": self.best_epoch,
            "loss": self.best_loss if self.best_epoch else None,
            "parameters": self.best,
        }
        return {
            "format": FORMAT,
            "version": VERSION,
            "epoch": self.epoch,
            "examples": self.examples,
            "batch_size": self.batch_size,
            "parameters": [p.data for p in self.parameters],
            "best": best,
            "optimizer": self.optimizer.state_dict(),
            "random": [version, [*numbers], gauss],
            "history": {name: [*self.curves.get(name, [])] for name in CURVES},
        }

    def restore(self, content: Any, epochs: int) -> None:
        """Go on from a checkpoint; ValueError where it is not one, and nothing has changed."""
        try:
            self._restore(content, epochs)
        except (ValueError, TypeError) as error:
            raise ValueError(f"resume: {error}") from None

    def _restore(self, content: Any, epochs: int) -> None:
        reading.entries(content, self.checkpoint())
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            given = reading.shown([content["format"], content["version"]])
            raise ValueError(f"expected {FORMAT!r} of version {VERSION}, got {given}")
        epoch = whole(content["epoch"], "epoch", 0)
        if epoch > epochs:
            raise ValueError(f"it is at epoch {epoch}, beyond epochs = {epochs}")
        for name in ("examples", "batch_size"):
            if content[name] != (own := getattr(self, name)):
                raise ValueError(f"{name}: {reading.shown(content[name])}, but here it is {own}")
        count, because = len(self.parameters), "the model has parameters"
        parameters = reading.vector(content["parameters"], "parameters", count, because)
        best = content["best"]
        reading.entries(best, ["epoch", "loss", "parameters"])
        best_epoch = whole(best["epoch"], "best epoch", 0, epoch)
        best_loss = reading.number(best["loss"], "best loss") if best_epoch else inf
        at = reading.vector(best["parameters"], "best parameters", count, because)
        curves = self._curves(content["history"], epoch)
        rng = _generator(content["random"])
        with reading.inside("optimizer"):
            self.optimizer.load_state_dict(content["optimizer"])
        for parameter, value in zip(self.parameters, parameters):
            parameter.data = value
        self.epoch, self.curves, self.rng = epoch, curves, rng
        self.best_epoch, self.best_loss, self.best = best_epoch, best_loss, at

    def _curves(self, content: Any, epoch: int) -> dict[str, list[float]]:
        reading.entries(content, CURVES)
        found = {}
        for name, values in content.items():
            expected = epoch if name in self.curves else 0
            if not isinstance(values, list) or len(values) != expected:
                given = len(values) if isinstance(values, list) else reading.shown(values)
                raise ValueError(
                    f"history: {name}: expected {expected} numbers, got {given}: loss, penalty and "
                    "validation have to be the same as before"
                )
            if name in self.curves:
                found[name] = [reading.number(v, f"history: {name}") for v in values]
        return found


def kind(error: Exception) -> type[Exception]:
    """The built-in exception that an error is."""
    kinds = (ZeroDivisionError, OverflowError, ArithmeticError, TypeError, ValueError)
    return next(kind for kind in kinds if isinstance(error, kind))


def _generator(content: Any) -> random.Random:
    rng = random.Random(0)
    try:
        version, numbers, gauss = content
        if version != rng.VERSION:
            raise ValueError(version)
        rng.setstate((version, tuple(numbers), None if gauss is None else float(gauss)))
    except (TypeError, ValueError, OverflowError):
        raise ValueError("random: expected the state of Python's random generator") from None
    return rng
