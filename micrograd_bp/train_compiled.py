"""One example's loss as a program of arrays, for training: what `fit(…, compile=True)` runs.

>>> from micrograd_bp import MLP
>>> from micrograd_bp.losses import cross_entropy
>>> model = MLP(2, [3, 2], activation="tanh", seed=1)
>>> parameters = model.parameters()
>>> def one_hot(target):
...     return [float(k == target) for k in range(2)]
>>> program = BatchProgram(model, parameters, cross_entropy, None, [0.0, 1.0], 1, one_hot)
>>> batch = program(*program.arrays([[0.0, 1.0], [1.0, 0.0]], [1, 0]))
>>> round(batch.loss, 4), batch.penalty, len(batch.outputs), round(parameters[0].grad, 4)
(1.1979, 0.0, 2, -0.264)

A program that is called reads the `.data` of the parameters and sets their `.grad`, as `backward()`
does. Through an epoch of `fit` both are in arrays, and so is what the optimizer remembers of them
(`InArrays`); between epochs they are in the Values, so callbacks and checkpoints need not know.
"""

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import Any, NamedTuple

from micrograd_bp.checkpoint import State
from micrograd_bp.compiler import compile
from micrograd_bp.engine import Value, no_grad
from micrograd_bp.ops import dot
from micrograd_bp.optim import Optimizer
from micrograd_bp.recording import with_recording

__all__ = ["Batch", "BatchProgram", "InArrays", "differing", "recorded", "targets_as"]

Encode = Callable[[Any], Any]


class Batch(NamedTuple):
    """The mean loss of a batch, the penalty, and the outputs for each of its examples."""

    loss: float
    penalty: float
    outputs: list[Any]


class BatchProgram:
    """The mean loss of a batch, its gradients and its outputs, from the graph of one example.

    `x` and `target` are that example: what Python decides while the model and the loss are called
    with it is fixed for all others. `encode` makes a number of a target, or a list. Errors:
    ImportError without NumPy; those of the model and the loss.
    """

    def __init__(
        self,
        model: Any,
        parameters: Sequence[Value],
        loss: Callable[[Any, Any], Value],
        penalty: Callable[[list[Value]], Any] | None,
        x: Sequence[float],
        target: Any,
        encode: Encode,
    ) -> None:
        self._encode = encode
        inputs = [Value(v) for v in x]
        target = encode(target)
        wanted = [*map(Value, target)] if isinstance(target, list) else Value(target)
        output = model(inputs)
        self._single = isinstance(output, Value)
        outputs = [output] if self._single else [*output]
        # A program has one value. With s = 0 this one is the loss, and its derivatives by s are
        # the outputs.
        s = [Value(0.0) for _ in outputs]
        C = loss(output, wanted) + dot(s, outputs)
        self._parameters = parameters
        self._extras = len(s)
        self._loss = compile(C, [inputs, wanted, s], {"w": [*parameters], "s": s}, "sum")
        self.weights = self._loss.parameters["w"]
        self._penalty, self._constant = None, 0.0
        if penalty is not None:
            extra = penalty([*parameters])
            if isinstance(extra, Value):
                self._penalty = compile(extra, [], [*parameters])
            else:
                self._constant = float(extra)

    def arrays(self, X: Sequence[Sequence[float]], y: Sequence[Any]) -> tuple[Any, Any]:
        """Examples and their targets as arrays, of which rows may be chosen."""
        import numpy as np

        return np.array(X), np.array([*map(self._encode, y)])

    def __call__(self, X: Any, y: Any) -> Batch | None:
        """What a batch comes to; its gradients are in the parameters' `.grad`.

        X and y are arrays, (examples × inputs) and (examples) or (examples × targets).
        None where a number is not finite, and then no `.grad` has changed.
        """
        self.weights[:] = [p.data for p in self._parameters]
        if (found := self.gradient(X, y)) is None:
            return None
        batch, gradient = found
        for parameter, g in zip(self._parameters, gradient.tolist()):
            parameter.grad = g
        return batch

    def gradient(self, X: Any, y: Any) -> tuple[Batch, Any] | None:
        """What a batch comes to at `weights`, and its gradient as an array; None as for a call."""
        import numpy as np

        try:
            with np.errstate(all="ignore"):
                mean, gradient, outputs = self._run(X, y)
                extra = self._constant
                if self._penalty is not None:
                    self._penalty.parameters[:] = self.weights
                    extra, slopes = self._penalty()
                    gradient += slopes
                finite = isfinite(mean + extra + abs(gradient).sum())
        except (ValueError, ArithmeticError):
            return None
        return (Batch(mean, extra, outputs), gradient) if finite else None

    def measured(self, X: Any, y: Any) -> tuple[float, list[Any]] | None:
        """The mean loss and the outputs, and no `.grad` is set; None as for a call."""
        import numpy as np

        self.weights[:] = [p.data for p in self._parameters]
        try:
            with np.errstate(all="ignore"):
                mean, _, outputs = self._run(X, y)
        except (ValueError, ArithmeticError):
            return None
        return (mean, outputs) if isfinite(mean) else None

    def _run(self, X: Any, y: Any) -> tuple[float, Any, list[Any]]:
        """The mean loss, its gradient by all parameters, and the outputs."""
        import numpy as np

        total, found = self._loss(X, y, np.zeros((len(X), self._extras)))
        rows = found["s"]
        return total / len(X), found["w"] / len(X), (rows[:, 0] if self._single else rows).tolist()


class InArrays:
    """Training in arrays: `with` it, a step reads and writes no Value unless something is odd.

    `by_values` takes a step with Values: that is what happens where a number is not finite, for
    it says where. An optimizer with a `step` of its own, or a rule that is not one for arrays,
    moves the Values each time.
    """

    def __init__(
        self,
        program: BatchProgram,
        state: State,
        X: Sequence[Sequence[float]],
        y: Sequence[Any],
        by_values: Callable[[Sequence[int]], Batch],
    ) -> None:
        import numpy as np

        self.program, self.state, self.by_values = program, state, by_values
        self.X, self.y = program.arrays(X, y)
        self.place: dict[Value, int] = {}  # of a parameter that is there twice, the first
        for k, p in enumerate(state.parameters):
            self.place.setdefault(p, k)
        self.first = np.array([self.place[p] for p in state.parameters])
        self.latest: Any = None  # the weights and the gradient before the latest step

    def __enter__(self) -> "InArrays":
        """Take the numbers from the Values and the optimizer's lists."""
        import numpy as np

        optimizer = self.state.optimizer
        self.program.weights[:] = [p.data for p in self.state.parameters]
        self.moving = np.array([self.place.get(p, -1) for p in optimizer.parameters])
        self.steps = optimizer.steps
        remembered = optimizer.remembered()
        self.memory = {name: np.array(numbers) for name, numbers in remembered.items()}
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        """Give them back; after an error they are as they were."""
        if kind is not None:
            self.state.optimizer.steps = self.steps
            return
        for parameter, value in zip(self.state.parameters, self.program.weights.tolist()):
            parameter.data = value
        remembered = {name: numbers.tolist() for name, numbers in self.memory.items()}
        vars(self.state.optimizer).update(remembered)
        if self.latest is not None:
            self.state.measured, gradient = (array.tolist() for array in self.latest)
            for parameter, g in zip(self.state.parameters, gradient):
                parameter.grad = g
            self.latest = None

    def step(self, chosen: Sequence[int]) -> Batch:
        """What the examples with these numbers come to, before the step."""
        found = self.program.gradient(self.X[chosen], self.y[chosen])
        if found is None:
            batch: Batch = self._with_values(lambda: self.by_values(chosen))
            return batch
        batch, gradient = found
        self.latest = self.program.weights.copy(), gradient
        if not self._move(gradient):
            self._with_values(self.state.optimizer.step)
        return batch

    def _with_values(self, act: Callable[[], Any]) -> Any:
        """What `act()` gives, which works on the Values."""
        self.__exit__(None)
        found = act()
        self.__enter__()
        return found

    def _move(self, gradient: Any) -> bool:
        """Whether the optimizer's rule, on arrays, moved the parameters."""
        import numpy as np

        optimizer, weights, at = self.state.optimizer, self.program.weights, self.moving
        if _steps_otherwise(optimizer) or -1 in at:
            return False
        memory = [array.copy() for array in self.memory.values()]  # a rule may work in place
        try:
            with np.errstate(all="ignore"):
                moved, *new = optimizer.rule(np.sqrt)(weights[at], gradient[at], *memory)
                finite = isfinite(sum(abs(array).sum() for array in (moved, *new)))
        except Exception:  # whatever a rule of the user's may raise: with Values it says where
            return False
        if not finite:
            return False
        weights[at] = moved
        weights[:] = weights[self.first]
        self.memory = dict(zip(self.memory, new))
        optimizer.steps += 1
        return True


def _steps_otherwise(optimizer: Optimizer) -> bool:
    """Whether there is more to its steps than its rule."""
    kind = type(optimizer)
    own = kind.step is not Optimizer.step or kind._set is not Optimizer._set
    return own or not {"step", "_set"}.isdisjoint(vars(optimizer))


def recorded(
    eager: Callable[[Sequence[int]], Any],
    model: Any,
    parameters: Sequence[Value],
    loss: Callable[[Any, Any], Value],
    penalty: Callable[[list[Value]], Any] | None,
    X: Sequence[Sequence[float]],
    y: Sequence[Any],
) -> BatchProgram:
    """The program of the first example, if it does for the others.

    `eager` computes the examples with given numbers by Values, as `train.gradients` does. Both are
    compared on examples from all over X. Errors: ImportError without NumPy; ValueError where they
    differ, or there is no program.
    """
    with no_grad():
        outputs = model(X[0])
    some = range(0, len(X), -(-len(X) // 32))
    before = [p.grad for p in parameters]
    trouble = ""
    try:
        for encode in targets_as(y, outputs):
            try:
                program: BatchProgram = with_recording(
                    BatchProgram, model, parameters, loss, penalty, X[0], y[0], encode
                )
            except ImportError:
                raise
            except Exception as error:  # whatever a model or a loss of the user's may raise
                trouble = trouble or f"{type(error).__name__}: {error}"
                continue
            try:
                batch = eager(some)
            except (ValueError, ArithmeticError):  # training comes to it too, and says where
                return program
            wanted = batch.loss, batch.penalty, batch.outputs, [p.grad for p in parameters]
            found = program(*program.arrays([X[i] for i in some], [y[i] for i in some]))
            if found is None:
                trouble = "there it has a number that is not finite"
                continue
            trouble = differing((*found, [p.grad for p in parameters]), wanted)
            if not trouble:
                return program
    finally:
        for p, g in zip(parameters, before):
            p.grad = g
    raise ValueError(
        "compile=True: the program of the first example is not what the model and the loss compute "
        f"for others ({trouble}); does Python decide something there by the numbers? Leave out "
        "compile=True"
    )


def differing(found: Sequence[Any], wanted: Sequence[Any]) -> str:
    """Which of loss, penalty, outputs and gradients differ by more than 1e-9 of the largest."""
    names = "loss differs", "penalty differs", "outputs differ", "gradients differ"
    for name, ours, theirs in zip(names, found, wanted):
        a, b = _flat(ours), _flat(theirs)
        bound = 1e-9 * max(map(abs, b), default=0.0) + 1e-12
        if len(a) != len(b) or not all(abs(p - q) <= bound for p, q in zip(a, b)):
            return f"the {name}"
    return ""


def _flat(numbers: Any) -> list[float]:
    return [v for part in numbers for v in _flat(part)] if isinstance(numbers, list) else [numbers]


def targets_as(y: Sequence[Any], outputs: Any) -> Iterator[Encode]:
    """The ways to give a target to a program: that which agrees with the loss is right.

    A list stays a list, a number a number; but first of all whole numbers that may be those of
    classes are tried one-hot, with a place for each of the outputs.

    >>> [encode(1) for encode in targets_as([1, 0], [Value(0.5), Value(0.0), Value(2.0)])]
    [[0.0, 1.0, 0.0], 1.0]
    """
    lengths = {len(t) for t in y if isinstance(t, list)}
    if len(lengths) > 1 or (lengths and any(isinstance(t, float) for t in y)):
        raise ValueError("compile=True: y: expected targets of one kind: numbers, or lists as long")
    classes = max(lengths, default=0 if isinstance(outputs, Value) else len(outputs))
    if lengths or all(type(t) is int and 0 <= t < classes for t in y):
        yield lambda t: t if isinstance(t, list) else [float(k == t) for k in range(classes)]
    if not lengths:
        yield float
