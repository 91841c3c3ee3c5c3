"""The command `micrograd-bp train`: a network on data, with what came of it in a folder.

In the folder are then `weights.json`, which `nn.load` reads; `history.json`, a list by epoch for
each curve; `checkpoint.json`, from which `--resume` goes on to the bits of a training without a
break; and pictures. Settings are kept in the checkpoint as the words of the command line.
"""

import argparse
import hashlib
import io
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from math import inf, nan
from pathlib import Path
from typing import Any

from micrograd_bp import data, files, plots, reading
from micrograd_bp.checkpoint import CURVES
from micrograd_bp.losses import binary_cross_entropy, cross_entropy, l2, squared_error
from micrograd_bp.nn import ACTIVATIONS, MLP
from micrograd_bp.optim import SGD, Adam, AdamW
from micrograd_bp.train import Epoch, History, fit

FORMAT, VERSION = "micrograd_bp train", 1
SETS: dict[str, Callable[..., data.Data]] = {
    "moons": data.make_moons,
    "circles": data.make_circles,
    "spirals": data.make_spirals,
    "xor": data.xor,
}
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
HEADERS = {"auto": None, "yes": True, "no": False}
OPTIMIZERS: dict[str, Any] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
MOST = 1_000_000
"""Of epochs, of points, of units, of all weights and biases: each weight is a Python object."""
EVERY = 1.0
"""Seconds between two checkpoints: a kill loses no more."""


# ------------------------------------------------------------------ settings


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(word: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,19}", word) or not least <= int(word) <= most:
            raise ValueError(f"expected a whole number from {least} to {most}")
        return int(word)

    return read


def _batch(word: str) -> int | None:
    return None if word == "auto" else _whole(1, MOST)(word)


def _number(expected: str, holds: Callable[[float], bool]) -> Callable[[str], float]:
    def read(word: str) -> float:
        try:
            found = float(word)
        except ValueError:
            found = nan
        if not holds(found):
            raise ValueError(f"expected a number {expected}")
        return found

    return read


_above_0 = _number("above 0", lambda x: 0.0 < x < inf)
_from_0 = _number("from 0 on", lambda x: 0.0 <= x < inf)
_noise = _number("from 0 to 1000", lambda x: 0.0 <= x <= 1000.0)
_share = _number("from 0 on, below 1", lambda x: 0.0 <= x < 1.0)


def _one_of(names: Any) -> Callable[[str], str]:
    def read(word: str) -> str:
        if word not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return word

    return read


def _sizes(word: str) -> list[int]:
    return (
        [_whole(1, MOST)(part.strip()) for part in word.split(",")]
        if word not in ("", "none")
        else []
    )


def _column(word: str) -> int | str:
    return int(word) if re.fullmatch(r"-?\d{1,9}", word) else word


@dataclass(frozen=True)
class Setting:
    """An option: its default as a word, what a word means, and the help."""

    default: str
    read: Callable[[str], Any]
    metavar: str
    help: str


SETTINGS = {
    "layers": Setting("16,16", _sizes, "N,N", "units of the hidden layers, or none"),
    "activation": Setting("tanh", _one_of(ACTIVATIONS), "NAME", "that of the hidden layers"),
    "optimizer": Setting("adam", _one_of(OPTIMIZERS), "NAME", "sgd, adam or adamw"),
    "lr": Setting("0.01", _above_0, "LR", "the learning rate"),
    "l2": Setting("0", _from_0, "λ", "adds λ/2 Σ w² to the loss"),
    "batch-size": Setting("auto", _batch, "N", "examples to a step; auto: 32, if so many"),
    "test": Setting("0.2", _share, "SHARE", "what is held back, not learnt from"),
    "seed": Setting("0", _whole(-(2**63), 2**63 - 1), "SEED", "of data, weights and order"),
    "points": Setting("200", _whole(2, MOST), "N", "of moons, circles, spirals, xor, in all"),
    "noise": Setting("0.1", _noise, "σ", "the deviation of their noise, 0 to 1000"),
    "target": Setting("-1", _column, "COLUMN", "of the table: its name, or its number from 0"),
    "predict": Setting(
        "classes", _one_of(("classes", "numbers")), "WHAT", "of the table: classes or numbers"
    ),
    "delimiter": Setting(
        "comma", _one_of(DELIMITERS), "NAME", "of the table: comma, semicolon or tab"
    ),
    "header": Setting(
        "auto", _one_of(HEADERS), "YES", "whether the table has one: yes, no or auto"
    ),
}


def add(commands: Any) -> None:
    """Add `train` to the commands."""
    parser = commands.add_parser(
        "train",
        help="a network on moons, circles, spirals, xor, digits or a table of your own",
        description=(
            "Train a network, and write its weights, its history, pictures and a checkpoint into a "
            "folder. Ctrl-C keeps the best weights so far; --resume goes on, with the settings of "
            "before. The columns of a table are scaled to mean 0 and deviation 1; the weights are "
            "written for the table's own numbers."
        ),
        epilog="Example: micrograd-bp train moons --layers 16,16 --epochs 100 --out moons",
    )
    parser.add_argument(
        "data", metavar="FILE.csv|NAME", help=f"{', '.join(SETS)}, digits, or a FILE.csv"
    )
    for name, setting in SETTINGS.items():
        parser.add_argument(
            f"--{name}", metavar=setting.metavar, help=f"{setting.help} ({setting.default})"
        )
    parser.add_argument(
        "--epochs", default="100", metavar="N", help="times through the data, in all (100)"
    )
    parser.add_argument(
        "--out", default="training", metavar="DIR", help="the folder of the results (training)"
    )
    parser.add_argument("--compile", action="store_true", help="in arrays: fast; needs NumPy")
    parser.add_argument("--resume", action="store_true", help="go on from DIR/checkpoint.json")
    parser.set_defaults(run=run)


def _words(options: argparse.Namespace, saved: Mapping[str, Any] | None) -> dict[str, str]:
    """The settings in words: those given, or else those saved, or else the defaults."""
    words = {"data": options.data}
    for name, setting in SETTINGS.items():
        given = getattr(options, name.replace("-", "_"))
        words[name] = given if given is not None else setting.default
        if saved is not None:
            words[name] = saved[name]
            if given not in (None, saved[name]):
                raise ValueError(
                    f"--{name} {given}: the training to resume has --{name} {saved[name]}"
                )
    if saved is not None and saved["data"] != options.data:
        raise ValueError(f"{options.data}: the training to resume is on {saved['data']}")
    return words


def _read(name: str, word: str, read: Callable[[str], Any]) -> Any:
    with reading.inside(f"--{name} {reading.short(word, 40)}"):
        return read(word)


# ------------------------------------------------------------------ data


@dataclass(frozen=True)
class Task:
    """What is to be learnt: rows and targets, those held back, and how the rows are scaled."""

    train: data.Data
    test: data.Data
    rows: data.Rows  # of `train`, before they were scaled
    scale: list[tuple[float, float]]  # x · factor + shift, by column
    classes: list[str]  # of a table
    outputs: int
    loss: Any


def _task(name: str, settings: Mapping[str, Any]) -> Task:
    seed, classes = settings["seed"], 2
    names: list[str] = []
    y: list[Any]
    if name in SETS:
        X, y = SETS[name](settings["points"], noise=settings["noise"], seed=seed)
    elif name == "digits":
        X, y = data.load_digits()
        classes = 10
    elif name.lower().endswith(".csv"):
        table = data.load_csv(
            name, settings["target"], HEADERS[settings["header"]],
            classes=settings["predict"] == "classes", delimiter=DELIMITERS[settings["delimiter"]],
        )  # fmt: skip
        X, y, names, classes = table.X, table.y, table.classes, len(table.classes)
    else:
        raise ValueError(f"{name}: expected {', '.join(SETS)}, digits, or a FILE.csv")
    train: data.Data = (X, y)
    test: data.Data = ([], [])
    if settings["test"]:
        train, test = data.train_test_split(X, y, test=settings["test"], seed=seed)
    known = train[0]
    scale = [(1.0, 0.0)] * len(X[0])
    if name.lower().endswith(".csv"):
        train = data.standardize(known), train[1]
        test = data.standardize(test[0], like=known), test[1]
        zero, one = data.standardize([[0.0] * len(scale), [1.0] * len(scale)], like=known)
        scale = [(b - a, a) for a, b in zip(zero, one)]
    loss = {0: squared_error, 2: binary_cross_entropy}.get(classes, cross_entropy)
    return Task(train, test, known, scale, names, classes if classes > 2 else 1, loss)


def _unscaled(model: MLP, scale: list[tuple[float, float]]) -> MLP:
    """The network for rows as they were before they were scaled."""
    copy = MLP.from_document(model.document(), "weights")
    for neuron in copy.layers[0].neurons:
        shift = sum(w.data * b for w, (_, b) in zip(neuron.w, scale))
        if neuron.b is not None:
            neuron.b.data += shift
        for w, (factor, _) in zip(neuron.w, scale):
            w.data *= factor
    return copy


# ------------------------------------------------------------------ the command


def run(options: argparse.Namespace) -> int:
    """Train as the options say; the exit code is 130 if it was interrupted."""
    folder = Path(options.out)
    saved = None
    if options.resume:
        saved = _saved(folder)
    else:
        _nothing_in(folder)
    words = _words(options, saved and saved["settings"])
    settings = {name: _read(name, words[name], SETTINGS[name].read) for name in SETTINGS}
    epochs = _read("epochs", options.epochs, _whole(1, MOST))
    task = _task(options.data, settings)
    digest = hashlib.sha256(json.dumps([task.train, task.test]).encode()).hexdigest()
    if saved is not None and saved["data"] != digest:
        raise ValueError(f"{options.data}: the data are no longer those of the training to resume")
    rows = task.train[0]
    size = settings["batch-size"] or min(32, len(rows))
    if size > len(rows):
        raise ValueError(f"--batch-size {size}: there are only {len(rows)} examples to learn from")
    sizes = [*settings["layers"], task.outputs]
    weights = sum((a + 1) * b for a, b in pairwise([len(rows[0]), *sizes]))
    if weights > MOST:
        raise ValueError(
            f"--layers {reading.short(words['layers'], 40)}: {weights:,} weights and biases; "
            f"expected at most {MOST:,}"
        )
    model = MLP(len(rows[0]), sizes, settings["activation"], seed=settings["seed"])
    optimizer = OPTIMIZERS[settings["optimizer"]](model.parameters(), lr=settings["lr"])
    λ = settings["l2"]
    _writable(folder)
    shape = "-".join(map(str, [len(rows[0]), *sizes]))
    print(f"{options.data}: {len(rows)} to learn from, {len(task.test[0])} held back; {shape}")
    if task.classes:
        names = (f"{k} {name!r}" for k, name in enumerate(task.classes))
        print(f"classes: {reading.short(', '.join(names), 1000)}")
    ours = saved is not None

    def keep(training: Any) -> None:
        nonlocal ours
        if not ours:
            _nothing_in(folder)  # another training, begun in the meantime
            ours = True
        content = {
            "format": FORMAT, "version": VERSION, "settings": words, "data": digest,
            "training": training,
        }  # fmt: skip
        files.write(folder / "checkpoint.json", json.dumps(content, allow_nan=False) + "\n")

    bar = sys.stderr.isatty() and find_spec("tqdm") is not None
    kept = time.monotonic()
    latest: dict[str, Any] | None = None

    def tell(epoch: Epoch) -> None:
        nonlocal kept, latest
        latest = epoch.checkpoint
        if time.monotonic() - kept > EVERY:
            keep(epoch.checkpoint)
            kept = time.monotonic()
        if not bar and epoch.epoch % max(epochs // 10, 1) == 0:
            print(f"epoch {epoch.epoch}: {_line(epoch)}", flush=True)

    try:
        history = fit(
            model, *task.train, loss=task.loss, optimizer=optimizer, epochs=epochs,
            batch_size=size, seed=settings["seed"],
            validation=task.test if task.test[0] else None,
            penalty=(lambda ws: l2(ws, λ)) if λ else None,
            callbacks=[tell], progress=bar, compile=options.compile,
            resume=saved and saved["training"],
        )  # fmt: skip
    except (ValueError, ArithmeticError):
        if latest is not None:  # a number was not finite, and `fit` put the best weights back
            keep(latest)
            _unscaled(model, task.scale).save(folder / "weights.json")
            print(f"{folder}: weights.json, checkpoint.json")
        raise
    keep(history.checkpoint)
    whole = _unscaled(model, task.scale)
    whole.save(folder / "weights.json")
    curves = {name: getattr(history, name) for name in CURVES}
    files.write(folder / "history.json", json.dumps(curves, indent=1, allow_nan=False) + "\n")
    written = ["weights.json", "history.json", "checkpoint.json"]
    if history.interrupted:
        print(f"interrupted: the weights are those of epoch {history.best_epoch}, the best so far")
    if history.loss:
        written += _pictures(folder, model, whole, history, task)
    print(f"{folder}: {', '.join(written)}")
    return 130 if history.interrupted else 0


def _line(epoch: Epoch) -> str:
    told = ((name, getattr(epoch, name)) for name in CURVES)
    return ", ".join(f"{name.replace('_', ' ')} {v:.4g}" for name, v in told if v is not None)


def _saved(folder: Path) -> dict[str, Any]:
    """The checkpoint in a folder, checked but for its training, which `fit` checks."""
    path = folder / "checkpoint.json"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path}: there is nothing to resume; leave out --resume") from None
    with reading.inside(path):
        saved: dict[str, Any] = reading.json_of(content)
        reading.entries(saved, ["format", "version", "settings", "data", "training"])
        if (saved["format"], saved["version"]) != (FORMAT, VERSION):
            given = reading.shown([saved["format"], saved["version"]])
            raise ValueError(f"expected {FORMAT!r} of version {VERSION}, got {given}")
        if saved["training"] is None:
            raise ValueError("training: expected a checkpoint, got null")
        reading.entries(saved["settings"], ["data", *SETTINGS])
        for name, word in saved["settings"].items():
            if not isinstance(word, str):
                raise ValueError(f"settings: {name}: expected a string, got {reading.shown(word)}")
    return saved


def _nothing_in(folder: Path) -> None:
    """See that no results of before would be overwritten."""
    for name in ("checkpoint.json", "weights.json", "history.json"):
        if (folder / name).exists():
            raise ValueError(
                f"{folder / name} is there already: go on with --resume, or take another --out"
            )


def _writable(folder: Path) -> None:
    """Make the folder, if there is none, and see that a file can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(folder)) from None


def _pictures(folder: Path, model: MLP, whole: MLP, history: History, task: Task) -> list[str]:
    """Write what can be drawn of it; the names of the files. `whole` takes rows not scaled."""
    X, y = task.train
    few = X[:200], y[:200]
    figures: dict[str, Callable[[], Any]] = {
        "curves.png": lambda: plots.loss_curves(history),
        "histograms.png": lambda: plots.histograms(model, few[0]),
        "gradient_flow.png": lambda: plots.gradient_flow(model, *few, task.loss),
    }
    if len(X[0]) == 2 and task.loss is not squared_error:
        figures["decision_boundary.png"] = lambda: plots.decision_boundary(whole, task.rows, y)
    try:
        for name, draw in figures.items():
            image = io.BytesIO()
            draw().savefig(image, format="png", dpi=144, metadata={"Software": None})
            files.write(folder / name, image.getvalue())
    except ImportError as error:
        print(error)
        return []
    return [*figures]
