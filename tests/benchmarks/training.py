"""Training by `fit`, beside micrograd's own demo, and on handwritten digits.

    python tests/benchmarks/training.py

Needs `pip install -e '.[dev]'`. (a) Two moons, 100 points, 2-16-16-1: micrograd's demo.ipynb (hinge
loss, L2, accuracy, gradient descent with its falling learning rate) against `fit`, from the same
weights in one process, a few epochs in turn; that their losses agree is checked first. With
Python's garbage collector as it comes, and with it off (and run between the turns, outside the
time). (b) 1,437 digits, 64-32-10, cross-entropy in batches of 32, and 360 to test with; micrograd's
epoch is extrapolated from a few images, by squared errors, as it has no exp. (c) The same digits
by `fit` with Values, by `fit(…, compile=True)`, and by PyTorch's tensors in float64 where it is
installed, from the same weights in the same batches, a few epochs of each in turn; their losses in
the end are printed beside, and have to agree. Then the time until 97 % of the test are right.

    python tests/benchmarks/training.py digits

does (c) alone.
"""

import gc
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import micrograd.engine
import micrograd.nn

from micrograd_bp import MLP, SGD, Adam, fit
from micrograd_bp.data import load_digits, make_moons, train_test_split
from micrograd_bp.losses import cross_entropy, hinge, l2

X, Y = make_moons(100, noise=0.1, seed=1)
SIGNS = [2 * label - 1 for label in Y]
ROUNDS, THEIRS, OURS = 8, 3, 12  # turns, and the epochs of each in a turn


class Demo:
    """The loop of micrograd's demo.ipynb, line by line."""

    def __init__(self) -> None:
        random.seed(1337)
        self.model = micrograd.nn.MLP(2, [16, 16, 1])
        self.done = 0
        self.accuracy = 0.0

    def loss(self) -> Any:
        inputs = [list(map(micrograd.engine.Value, row)) for row in X]
        scores = list(map(self.model, inputs))
        losses = [(1 + -yi * score).relu() for yi, score in zip(SIGNS, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in self.model.parameters())
        accuracy = [(yi > 0) == (s.data > 0) for yi, s in zip(SIGNS, scores, strict=True)]
        self.accuracy = sum(accuracy) / len(accuracy)
        return data_loss + reg_loss

    def epochs(self, count: int) -> list[tuple[float, float]]:
        """(seconds, loss) of each of so many epochs."""
        told = []
        for _ in range(count):
            start = time.perf_counter()
            total = self.loss()
            self.model.zero_grad()
            total.backward()
            rate = 1.0 - 0.9 * self.done / 100
            for p in self.model.parameters():
                p.data -= rate * p.grad
            self.done += 1
            told.append((time.perf_counter() - start, total.data))
            del total
        return told


class Ours:
    """The same by `fit`."""

    def __init__(self) -> None:
        random.seed(1337)
        self.model = MLP(2, [16, 16, 1])
        self.optimizer = SGD(self.model.parameters(), lr=1.0)
        self.done = 0
        self.accuracy = 0.0

    def epochs(self, count: int) -> list[tuple[float, float]]:
        told: list[tuple[float, float]] = []
        started = time.perf_counter()

        def tell(epoch: Any) -> None:
            nonlocal started
            self.done += 1
            self.accuracy = epoch.accuracy
            self.optimizer.lr = 1.0 - 0.9 * self.done / 100
            told.append((time.perf_counter() - started, epoch.loss + epoch.penalty))
            started = time.perf_counter()

        fit(
            self.model, X, SIGNS, loss=hinge, optimizer=self.optimizer, epochs=count,
            penalty=lambda ws: l2(ws, 2e-4), callbacks=[tell], progress=False,
        )  # fmt: skip
        return told


def agree(count: int) -> float:
    """How far the losses of the first epochs are apart, relative to their size."""
    theirs, ours = Demo().epochs(count), Ours().epochs(count)
    return max(abs(a / b - 1.0) for (_, a), (_, b) in zip(theirs, ours, strict=True))


def to_the_end(make: Callable[[], Any]) -> tuple[int, float]:
    """How many epochs it takes until all points are right, and how long."""
    runner = make()
    start = time.perf_counter()
    while runner.accuracy < 1.0 and runner.done < 100:
        runner.epochs(1)
    return runner.done, time.perf_counter() - start


def moons(collector: bool) -> tuple[float, float]:
    """The median seconds of an epoch, micrograd's and ours."""
    demo, ours = Demo(), Ours()
    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    for _ in range(ROUNDS):
        for name, runner, count in (("theirs", demo, THEIRS), ("ours", ours, OURS)):
            gc.collect()
            (gc.enable if collector else gc.disable)()
            times[name] += [seconds for seconds, _ in runner.epochs(count)]
            gc.enable()
    return statistics.median(times["theirs"]), statistics.median(times["ours"])


def digits() -> None:
    train, test = train_test_split(*load_digits(), test=0.2, seed=0)
    model = MLP(64, [32, 10], activation="tanh", seed=0)
    times = [time.perf_counter()]
    history = fit(
        model, *train, loss=cross_entropy, optimizer=Adam(model.parameters(), lr=0.01), epochs=15,
        batch_size=32, seed=0, progress=False,
        callbacks=[lambda _: times.append(time.perf_counter())],
    )  # fmt: skip
    epoch = statistics.median(b - a for a, b in pairwise(times))
    right = 0
    for x, t in zip(*test, strict=True):
        logits = [z.data for z in model(x)]
        right += logits.index(max(logits)) == t
    print(
        f"digits: {len(train[0])} to train on, {len(test[0])} to test; after {len(history.loss)} "
        f"epochs loss {history.loss[-1]:.3f}, training accuracy {history.accuracy[-1]:.1%}, "
        f"test accuracy {right / len(test[0]):.1%}"
    )
    few = 8
    random.seed(0)
    theirs = micrograd.nn.MLP(64, [32, 10])

    def step() -> float:
        start = time.perf_counter()
        loss = 0.0
        for x, t in zip(train[0][:few], train[1][:few], strict=True):
            outputs = theirs(list(map(micrograd.engine.Value, x)))
            loss += sum((z - float(k == t)) ** 2 for k, z in enumerate(outputs))
        theirs.zero_grad()
        loss.backward()  # type: ignore[attr-defined]
        return time.perf_counter() - start

    one = statistics.median(step() for _ in range(9)) / few
    print(
        f"an epoch: fit {epoch:.2f} s; micrograd {one * len(train[0]):.0f} s, extrapolated from "
        f"{few} images a step: {one * len(train[0]) / epoch:.0f} times as long"
    )


class Digits:
    """Training on digits, a few epochs at a time: by `fit`, with Values or in arrays."""

    def __init__(self, compile: bool) -> None:
        self.train, self.test = train_test_split(*load_digits(), test=0.2, seed=0)
        self.compile = compile
        self.model = small_network()
        self.optimizer = Adam(self.model.parameters(), lr=0.01)
        self.checkpoint: Any = None

    def epochs(self, count: int) -> list[tuple[float, float]]:
        """(seconds, loss) of each of so many epochs, without what is done before the first."""
        told: list[tuple[float, float]] = []
        done = 0 if self.checkpoint is None else self.checkpoint["epoch"]
        started = 0.0

        def tell(epoch: Any) -> None:
            nonlocal started
            told.append((time.perf_counter() - started, epoch.loss))
            started = time.perf_counter()

        history = fit(
            self.model, *self.train, loss=cross_entropy, optimizer=self.optimizer,
            epochs=done + count + 1, batch_size=32, seed=0, compile=self.compile,
            resume=self.checkpoint, progress=False, callbacks=[tell],
        )  # fmt: skip
        self.checkpoint = history.checkpoint
        return told[1:]


class Torch:
    """The same by PyTorch, with the same weights and the same order of examples."""

    def __init__(self) -> None:
        import torch

        self.torch = torch
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(1)  # more are slower for matrices as small as these
        train, _ = train_test_split(*load_digits(), test=0.2, seed=0)
        self.X, self.y = torch.tensor(train[0]), torch.tensor(train[1])
        self.model = torch.nn.Sequential(
            torch.nn.Linear(64, 32), torch.nn.Tanh(), torch.nn.Linear(32, 10)
        )
        ours = small_network()
        with torch.no_grad():
            for linear, layer in zip((self.model[0], self.model[2]), ours.layers, strict=True):
                linear.weight.copy_(torch.tensor([[w.data for w in n.w] for n in layer.neurons]))
                linear.bias.zero_()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.01)
        self.rng = random.Random(0)

    def epochs(self, count: int) -> list[tuple[float, float]]:
        told = []
        n = len(self.X)
        for _ in range(count + 1):
            start = time.perf_counter()
            order = self.torch.tensor(self.rng.sample(range(n), n))
            total = 0.0
            for k in range(0, n, 32):
                chosen = order[k : k + 32]
                logits = self.model(self.X[chosen])
                loss = self.torch.nn.functional.cross_entropy(logits, self.y[chosen])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                total += loss.item() * len(chosen) / n
            told.append((time.perf_counter() - start, total))
        return told[1:]


def small_network() -> MLP:
    """64-32-10, with weights small enough for 64 inputs."""
    model = MLP(64, [32, 10], activation="tanh", seed=0)
    for w in model.parameters():
        w.data /= 4
    return model


def compiled() -> None:
    runners: dict[str, Any] = {"fit": Digits(False), "fit, compiled": Digits(True)}
    if find_spec("torch") is not None:
        runners["PyTorch"] = Torch()
    times: dict[str, list[float]] = {name: [] for name in runners}
    losses: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(4):
        for name, runner in runners.items():
            for seconds, loss in runner.epochs(3):
                times[name].append(seconds)
                losses[name].append(loss)
    print("| digits 64-32-10, batches of 32 | an epoch | loss in the end |\n|---|---|---|")
    for name, found in times.items():
        print(f"| {name} | {1e3 * statistics.median(found):.1f} ms | {losses[name][-1]:.6f} |")
    if "PyTorch" not in runners:
        print("| PyTorch | missing | |")
    apart = max(abs(found[-1] / losses["fit"][-1] - 1.0) for found in losses.values())
    print(f"\nlosses after 16 epochs agree to {apart:.0e}{'' if apart < 1e-6 else ': WRONG'}")

    class Reached(Exception):
        pass

    def stop(epoch: Any) -> None:
        if epoch.validation_accuracy >= 0.97:
            raise Reached(epoch)

    train, test = train_test_split(*load_digits(), test=0.2, seed=0)
    model = small_network()
    start = time.perf_counter()
    try:
        fit(
            model, *train, loss=cross_entropy, optimizer=Adam(model.parameters(), lr=0.01),
            epochs=50, batch_size=32, seed=0, validation=test, compile=True, progress=False,
            callbacks=[stop],
        )  # fmt: skip
        print("97 % of the test: not in 50 epochs")
    except Reached as reached:
        seconds, epoch = time.perf_counter() - start, reached.args[0]
        print(
            f"compiled, {epoch.validation_accuracy:.1%} of the test after {epoch.epoch} epochs and "
            f"{seconds:.2f} s, recording, compiling and checking among them"
        )


def report() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}")
    print(f"moons: losses of 5 epochs agree to {agree(5):.0e}")
    for name, make in (("micrograd", Demo), ("fit", Ours)):
        print("moons: all right after {} epochs, {:.1f} s, by {}".format(*to_the_end(make), name))
    print("\n| collector | micrograd | fit | ratio |\n|---|---|---|---|")
    for collector in (True, False):
        theirs, ours = moons(collector)
        print(
            f"| {'as it comes' if collector else 'off'} | {1e3 * theirs:.0f} ms "
            f"| {1e3 * ours:.1f} ms | {theirs / ours:.1f} |"
        )
    print()
    digits()
    print()
    compiled()


if __name__ == "__main__":
    compiled() if sys.argv[1:] == ["digits"] else report()
