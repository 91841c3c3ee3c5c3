"""Train a model: the loop of the lectures, what it went through, and how to go on with it.

>>> from micrograd_bp import MLP
>>> from micrograd_bp.data import make_moons
>>> from micrograd_bp.losses import binary_cross_entropy
>>> X, y = make_moons(40, seed=1)
>>> model = MLP(2, [4, 1], activation="tanh", seed=1)
>>> history = fit(model, X, y, loss=binary_cross_entropy, epochs=20, batch_size=10)
>>> history
History(20 epochs, loss 0.337, accuracy 0.825)
>>> [round(loss, 2) for loss in history.loss[::5]]
[0.66, 0.49, 0.4, 0.35]

The loss is that of one example, its outputs and its target; a batch has the mean. The same
arguments give the same bits again. To go on later, to the bits of a training without a break:

>>> longer = fit(model, X, y, loss=binary_cross_entropy, epochs=40, batch_size=10,
...              resume=history.checkpoint)
>>> len(longer.loss), longer.loss[:20] == history.loss
(40, True)
"""

import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from math import fsum, inf, isfinite, isnan
from typing import Any

from micrograd_bp import losses, ops
from micrograd_bp.checkpoint import CURVES, State, kind
from micrograd_bp.engine import Value, no_grad, topological_order
from micrograd_bp.ops import OPS
from micrograd_bp.optim import Adam, Optimizer
from micrograd_bp.recording import with_recording
from micrograd_bp.table import listed, number, whole
from micrograd_bp.train_compiled import Batch, BatchProgram, InArrays, recorded

__all__ = ["Epoch", "History", "fit", "gradients"]

Loss = Callable[[Any, Any], Value]
Penalty = Callable[[list[Value]], Value]
Right = Callable[[Any, Any], bool]
Compute = Callable[[Sequence[int]], Batch]
Measure = Callable[[], tuple[float, list[Any]]]


# ------------------------------------------------------------------ what training tells


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to, for callbacks; None is what was not measured.

    `epoch` counts from 1. `loss`, `penalty` and `accuracy` are means over its examples, each as
    its batch came by; the validation's are those of the model after it. `checkpoint` is plain
    data for JSON, to go on from here with `fit(…, resume=checkpoint)`.
    """

    epoch: int
    loss: float
    penalty: float | None
    accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    model: Any = field(repr=False)
    checkpoint: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, repr=False)
class History:
    """What `fit` went through: lists with a number for each epoch, empty if it was not measured.

    They are those of `Epoch`. `best_epoch` has the lowest validation loss, or else the lowest loss
    with its penalty (0: there is none yet), and `best` are the parameters then, in the order of
    `model.parameters()`. `checkpoint` is plain data for JSON, to go on with.
    """

    loss: list[float]
    penalty: list[float]
    accuracy: list[float]
    validation_loss: list[float]
    validation_accuracy: list[float]
    interrupted: bool
    best_epoch: int
    best: list[float]
    checkpoint: dict[str, Any]

    def __repr__(self) -> str:
        last = {name: getattr(self, name)[-1] for name in CURVES if getattr(self, name)}
        parts = [f"{len(self.loss)} epochs", _shown(last), "interrupted" * self.interrupted]
        return f"History({', '.join(filter(None, parts))})"


# ------------------------------------------------------------------ one batch


def gradients(
    model: Any,
    parameters: Sequence[Value],
    loss: Loss,
    penalty: Penalty | None,
    X: Sequence[list[float]],
    y: Sequence[Any],
) -> Batch:
    """One batch forward and backward: its numbers, and the gradients in the parameters' `.grad`.

    This is all that `fit` computes with Values, and what a compiled program has to agree with.
    Errors: ValueError or ArithmeticError, naming the first node without a finite value or gradient.

    >>> from micrograd_bp import MLP
    >>> from micrograd_bp.losses import squared_error
    >>> model = MLP(1, [1], seed=1)
    >>> w, b = model.parameters()
    >>> w.data = 0.5
    >>> gradients(model, [w, b], squared_error, None, [[1.0], [2.0]], [0.0, 0.0])
    Batch(loss=0.3125, penalty=0.0, outputs=[0.5, 1.0])
    >>> w.grad, b.grad
    (1.25, 0.75)
    """
    outputs = [model(x) for x in X]
    mean = ops.sum([loss(output, t) for output, t in zip(outputs, y)]) / len(X)
    extra = 0.0 if penalty is None else penalty([*parameters])
    C = mean if penalty is None else mean + extra
    if not isfinite(C.data):
        _blame(C)
    for parameter in parameters:
        parameter.grad = 0.0
    C.backward()
    if not isfinite(sum(abs(parameter.grad) for parameter in parameters)):
        _blame(C)
    return Batch(mean.data, float(extra), [*map(_numbers, outputs)])


def _numbers(output: Any) -> Any:
    return output.data if isinstance(output, Value) else [v.data for v in output]


def _blame(C: Value) -> None:
    """Raise an error that names the first node, forth and then back, without a finite number."""
    order = topological_order(C)
    for node in order:
        if not isfinite(node.data):
            if not node.op:
                raise ValueError(f"the parameter {node.label!r} is {node.data}")
            error = ValueError() if isnan(node.data) else OverflowError()
            raise OPS[node.op].undefined(error, node.operands)
    for node in reversed(order):
        if not isfinite(node.grad):  # all that it is the sum of is finite
            raise OverflowError(f"the gradient of {node.label or node.op!r} is {node.grad}")
        if node.grad and not all(isfinite(node.grad * local) for local in node.local_derivatives):
            raise OPS[node.op].undefined(ValueError(), node.operands, "no finite gradient")


# ------------------------------------------------------------------ the loop


def fit(
    model: Any,
    X: Any,
    y: Any,
    *,
    loss: Loss,
    optimizer: Optimizer | None = None,
    epochs: int = 100,
    batch_size: int | None = None,
    seed: int = 0,
    validation: tuple[Any, Any] | None = None,
    penalty: Penalty | None = None,
    accuracy: Callable[[Any, Any], bool] | None = None,
    callbacks: Sequence[Callable[[Epoch], Any]] = (),
    progress: bool | None = None,
    compile: bool = False,
    resume: Mapping[str, Any] | None = None,
) -> History:
    """Train `model` on the rows of X and their targets y; its parameters are then the last ones.

    `model` is an `MLP`, or any `Module` that takes a row of X. `loss(outputs, target)` is the loss
    of one example: one of `losses`, or a function of your own. X and y are lists or arrays of
    finite numbers: X (examples × inputs), y a target for each.

    In each epoch the examples come in a new order, drawn with `seed`, in batches of `batch_size`
    (None: all at once). For each batch the mean loss and the `penalty` of the parameters, like
    `lambda ws: l2(ws, 1e-4)`, are computed and differentiated, and `optimizer` (None: `Adam` with
    lr = 0.01) takes a step. `validation` is a pair (X, y) to measure after each epoch.

    `accuracy(outputs, target)` says whether numbers are right. If it is None it follows from the
    loss: the largest logit for `cross_entropy`, the sign for `hinge` and `binary_cross_entropy`.
    Each of the `callbacks` is called with the `Epoch`, and may set `optimizer.lr`. `progress=True`
    shows a bar, by tqdm; None shows it if tqdm is there and someone may be watching. `resume` goes
    on from a checkpoint, up to `epochs` in all.

    `compile=True` records the graph of the first example, and runs the batches as arrays. The
    results are the same but for rounding, some 1e-12 of them after a few epochs (more, where `Adam`
    makes a step of a gradient that is 0 but for rounding). What Python decides by the numbers
    (`if x[0] > 0`) is then as for the first example; examples from all over X are computed without
    it first, and a ValueError says if they differ. What it decides by the parameters (`w if w > 0
    else -w`: take `abs`), and what a penalty reads outside (a λ that falls), stays as it was at the
    beginning. Needs NumPy.

    Ctrl-C ends training: the parameters are then the best ones so far, and the history says
    `interrupted`. So are they if a number is not finite: ValueError, OverflowError or
    ZeroDivisionError with the epoch, the batch and the first node that went wrong.
    Errors, before anything is done: ValueError or TypeError for data, targets and settings that do
    not fit, with the place; ImportError where tqdm or NumPy is missing.

    >>> from micrograd_bp import SGD, MLP
    >>> from micrograd_bp.losses import hinge, l2
    >>> model = MLP(1, [3, 1], activation="tanh", seed=2)
    >>> X, y = [[-2.0], [-1.0], [1.0], [2.0]], [1, -1, -1, 1]
    >>> told = []
    >>> _ = fit(model, X, y, loss=hinge, optimizer=SGD(model.parameters(), lr=0.3), epochs=50,
    ...         penalty=lambda ws: l2(ws, 1e-3), callbacks=[told.append])
    >>> told[-1].epoch, told[-1].accuracy
    (50, 1.0)
    """
    X, y = _examples(X, y)
    held = None if validation is None else _held(validation)
    parameters = _parameters(model)
    if optimizer is None:
        optimizer = Adam(parameters, lr=0.01)
    size = whole(len(X) if batch_size is None else batch_size, "batch_size", 1, len(X))
    epochs = whole(epochs, "epochs", 1)
    rng = random.Random(whole(seed, "seed"))
    _checked(optimizer, parameters)
    callbacks = listed(callbacks, "callbacks")
    _functions(loss=[loss], penalty=[penalty], accuracy=[accuracy], callbacks=callbacks)
    right = accuracy or _RIGHT.get(getattr(loss, "func", loss))  # also of a partial of a loss
    _try(model, loss, right, X, y)
    if held is not None:
        _try(model, loss, right, *held, "validation ")
    _try_penalty(penalty, parameters)
    measured = {
        "loss": True, "penalty": penalty is not None, "accuracy": right is not None,
        "validation_loss": held is not None,
        "validation_accuracy": held is not None and right is not None,
    }  # fmt: skip
    curves: dict[str, list[float]] = {name: [] for name in measured if measured[name]}
    state = State(parameters, optimizer, rng, len(X), size, curves)
    tqdm = _tqdm(progress)
    compute = _of_values(model, parameters, loss, penalty, X, y)
    step = _step_of_values(state, compute)
    arrays: InArrays | nullcontext[None] = nullcontext()
    measure = None if held is None else _measure_of_values(model, loss, *held)
    if compile:
        program = recorded(compute, model, parameters, loss, penalty, X, y)
        arrays = InArrays(program, state, X, y, step)
        step = arrays.step
        if held is not None and measure is not None:
            measure = _measure_of_arrays(program, *program.arrays(*held), measure)
    if resume is not None:
        state.restore(resume, epochs)
    bar = None if tqdm is None else tqdm(total=epochs, initial=state.epoch, unit="epoch")

    checkpoint = state.checkpoint()
    interrupted = False
    try:
        while state.epoch < epochs:
            with arrays:
                told = _epoch(state, step, penalty, right, y)
            if held is not None and measure is not None:
                told |= _validation(state, measure, right, held[1])
            state.end_epoch(told)
            checkpoint = state.checkpoint()
            for callback in callbacks:
                callback(Epoch(state.epoch, **told, model=model, checkpoint=checkpoint))
                checkpoint = state.checkpoint()  # a learning rate that it set is part of it
            if bar is not None:
                bar.set_postfix_str(_shown(told), refresh=False)
                bar.update()
    except KeyboardInterrupt:
        state.best = checkpoint["best"]["parameters"]  # of a whole epoch, whenever it came
        state.back_to_best()
        interrupted = True
    finally:
        if bar is not None:
            bar.close()
    return _history(checkpoint, interrupted)


def _history(checkpoint: dict[str, Any], interrupted: bool) -> History:
    """What a checkpoint says, in lists of its own."""
    curves, best = checkpoint["history"], checkpoint["best"]
    return History(
        **{name: [*curves[name]] for name in CURVES},
        interrupted=interrupted,
        best_epoch=best["epoch"],
        best=[*best["parameters"]],
        checkpoint=checkpoint,
    )


def _epoch(
    state: State,
    step: Compute,
    penalty: Penalty | None,
    right: Right | None,
    y: Sequence[Any],
) -> dict[str, Any]:
    """Go through all examples once, batch by batch, a step for each; what `Epoch` tells of it."""
    order = state.rng.sample(range(len(y)), len(y))
    batches = [order[k : k + state.batch_size] for k in range(0, len(y), state.batch_size)]
    losses, penalties, hits = [], [], 0
    for k, chosen in enumerate(batches, 1):
        with state.located(f"batch {k} of {len(batches)}"):
            mean, extra, outputs = step(chosen)
        share = len(chosen) / len(y)
        losses.append(mean * share)
        penalties.append(extra * share)
        if right is not None:
            hits += sum(map(right, outputs, [y[i] for i in chosen]))
    return {
        "loss": fsum(losses),
        "penalty": None if penalty is None else fsum(penalties),
        "accuracy": None if right is None else hits / len(y),
        "validation_loss": None,
        "validation_accuracy": None,
    }


def _validation(
    state: State, measure: Measure, right: Right | None, y: Sequence[Any]
) -> dict[str, Any]:
    """The loss and accuracy on examples that are not learnt from."""
    with state.located("validation"):
        mean, outputs = measure()
    hits = 0 if right is None else sum(map(right, outputs, y))
    return {
        "validation_loss": mean,
        "validation_accuracy": None if right is None else hits / len(y),
    }


# ------------------------------------------------------------------ with Values, or in arrays


def _of_values(
    model: Any,
    parameters: Sequence[Value],
    loss: Loss,
    penalty: Penalty | None,
    X: Sequence[list[float]],
    y: Sequence[Any],
) -> Compute:
    """`gradients` of the examples with these numbers."""

    def compute(chosen: Sequence[int]) -> Batch:
        rows, targets = [X[i] for i in chosen], [y[i] for i in chosen]
        found: Batch = with_recording(gradients, model, parameters, loss, penalty, rows, targets)
        return found

    return compute


def _step_of_values(state: State, compute: Compute) -> Compute:
    """The same, and then the optimizer's step."""

    def step(chosen: Sequence[int]) -> Batch:
        batch = compute(chosen)
        state.measured = [p.data for p in state.parameters]
        state.optimizer.step()
        return batch

    return step


def _measure_of_values(
    model: Any, loss: Loss, X: Sequence[list[float]], y: Sequence[Any]
) -> Measure:
    """The mean loss of all examples, and their outputs."""

    def measure() -> tuple[float, list[Any]]:
        with no_grad():
            outputs = [model(x) for x in X]
            mean = float(ops.sum([loss(output, t) for output, t in zip(outputs, y)]) / len(X))
        if not isfinite(mean):
            raise ValueError(f"the mean loss is {mean}")
        return mean, [*map(_numbers, outputs)]

    return measure


def _measure_of_arrays(program: BatchProgram, X: Any, y: Any, slow: Measure) -> Measure:
    """The same by a program, or by `slow`."""
    return lambda: program.measured(X, y) or slow()


# ------------------------------------------------------------------ when an answer is right


def _largest(outputs: Any, target: Any) -> bool:
    """Whether the largest logit is that of the class, or of its most probable one."""
    wanted = target.index(max(target)) if isinstance(target, list) else target
    return bool(outputs.index(max(outputs)) == wanted)


def _side(middle: float, outputs: Any, targets: Any) -> bool:
    """Whether each output is positive where its target is above the middle."""
    xs = outputs if isinstance(outputs, list) else [outputs]
    ts = targets if isinstance(targets, list) else [targets]
    return all((x > 0.0) == (t > middle) for x, t in zip(xs, ts))


_RIGHT: dict[Any, Right] = {
    losses.cross_entropy: _largest,
    losses.hinge: partial(_side, 0.0),
    losses.binary_cross_entropy: partial(_side, 0.5),
}


# ------------------------------------------------------------------ what fit is given


def _examples(X: Any, y: Any, where: str = "") -> tuple[list[list[float]], list[Any]]:
    """Rows of floats, all of one width, and as many targets; where they are not, an error."""
    rows = [_row(row, f"{where}X[{i}]") for i, row in enumerate(_list(X, f"{where}X"))]
    targets = [_target(t, f"{where}y[{i}]") for i, t in enumerate(_list(y, f"{where}y"))]
    if not rows:
        raise ValueError(f"{where}X: expected at least one example, got none")
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{where}X[{i}]: expected {len(rows[0])} inputs, as in X[0], got {len(row)}"
            )
    if len(targets) != len(rows):
        raise ValueError(f"{where}X has {len(rows)} rows, but {where}y {len(targets)} targets")
    return rows, targets


def _held(validation: Any) -> tuple[list[list[float]], list[Any]]:
    pair = listed(validation, "validation")
    if len(pair) != 2:
        raise ValueError(f"validation: expected a pair (X, y), got {len(pair)}")
    return _examples(pair[0], pair[1], "validation ")


def _list(values: Any, where: str) -> list[Any]:
    """The rows of an array, or the items of a list."""
    return listed(values.tolist() if hasattr(values, "tolist") else values, where)


def _row(row: Any, where: str) -> list[float]:
    if isinstance(row, str) or not hasattr(row, "__len__"):
        raise TypeError(f"{where}: expected a row of inputs, got {type(row).__name__}")
    return [_finite(v, f"{where}[{j}]") for j, v in enumerate(_list(row, where))]


def _target(target: Any, where: str) -> Any:
    """A number, a class as a whole number, or a list of numbers."""
    if hasattr(target, "__len__") and not isinstance(target, str):
        return [_finite(v, f"{where}[{k}]") for k, v in enumerate(_list(target, where))]
    return target if type(target) is int else _finite(target, where)


def _finite(value: Any, where: str) -> float:
    if type(value) is float and isfinite(value):
        return value
    if not isfinite(found := number(value, where)):
        raise ValueError(f"{where}: expected a finite number, got {found}")
    return found


def _parameters(model: Any) -> list[Value]:
    parameters = getattr(model, "parameters", None)
    if not callable(model) or not callable(parameters) or isinstance(model, type):
        raise TypeError(
            f"model: expected a Module, such as MLP(2, [16, 1]), got {type(model).__name__}"
        )
    return listed(parameters(), "model.parameters()")


def _checked(optimizer: Any, parameters: Sequence[Value]) -> None:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            "optimizer: expected one made for the model, such as SGD(model.parameters()), got "
            f"{optimizer!r:.60}"
        )
    if not {*parameters}.issuperset(optimizer.parameters):
        raise ValueError("optimizer: its parameters are not the model's; was it made for another?")
    if not 0.0 < number(optimizer.lr, "optimizer.lr") < inf:  # it may have been set since
        raise ValueError(f"optimizer.lr = {optimizer.lr!r}: expected a number above 0")


def _functions(**given: Sequence[Any]) -> None:
    for name, functions in given.items():
        for function in functions:
            missing = function is None and name in ("penalty", "accuracy")
            if not missing and not callable(function):
                raise TypeError(f"{name}: expected a function, got {type(function).__name__}")


def _try(
    model: Any, loss: Loss, right: Right | None, X: list[list[float]], y: list[Any], where: str = ""
) -> None:
    """See that the model takes the rows, and the loss its outputs with each of the targets."""
    with no_grad():
        with _prefixed(f"{where}X[0]"):
            outputs = model(X[0])
        for k, target in enumerate(y):
            with _prefixed(f"{where}y[{k}]"):
                C = loss(outputs, target)
            if not isinstance(C, Value):
                raise TypeError(f"loss: expected a Value, got {type(C).__name__}")
    if right is not None:
        with _prefixed("accuracy"):
            right(_numbers(outputs), y[0])


def _try_penalty(penalty: Penalty | None, parameters: list[Value]) -> None:
    with no_grad(), _prefixed("penalty"):
        found = None if penalty is None else penalty([*parameters])
    if penalty is not None and not isinstance(found, Value):
        number(found, "penalty")


@contextmanager
def _prefixed(where: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, ArithmeticError) as error:
        raise kind(error)(f"{where}: {error}") from error


# ------------------------------------------------------------------ the bar


def _tqdm(progress: bool | None) -> Any:
    """The class of the bar, or None for none."""
    if progress is False or (progress is None and not _watched()):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a notebook without widgets has its bar as text
            return import_module("tqdm.auto").tqdm
    except ImportError:
        if progress is None:
            return None
        raise ImportError(
            "progress=True: the bar needs tqdm: pip install 'micrograd_bp[train]'"
        ) from None


def _watched() -> bool:
    """Whether the standard error is a terminal, or this is a notebook."""
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())


def _shown(told: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.3g}" for name, value in told.items() if value is not None
    )
