"""Data to learn from: points in the plane, drawn at random; handwritten digits; one's own table.

>>> X, y = make_moons(100, noise=0.1, seed=0)
>>> len(X), [round(x, 2) for x in X[0]], y[:8]
(100, [0.24, 1.09], [0, 0, 0, 0, 0, 0, 0, 1])
>>> train, test = train_test_split(X, y)
>>> len(train[0]), len(test[0])
(80, 20)

`X` is a list of rows, a list of floats for each example; `y` has a label for each row, the number
of its class: 0, 1 … A loss that takes labels of −1 and 1, as `hinge` does, gets them so:

>>> [2 * label - 1 for label in y[:8]]
[-1, -1, -1, -1, -1, -1, -1, 1]

The same arguments give the same numbers again, and the module `random` is left alone.
"""

import csv
import io
import math
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from operator import index
from pathlib import Path
from typing import Any

from micrograd_bp.symbol import short
from micrograd_bp.table import number, whole

Rows = list[list[float]]
Data = tuple[Rows, list[int]]

# ------------------------------------------------------------------ points in the plane


def make_moons(n: int = 100, noise: float = 0.1, seed: int = 0) -> Data:
    """Two half circles of radius 1, one hooked into the other: X (n × 2), y (0 or 1).

    The upper one, of class 0, is about (0, 0), the lower one about (1, ½): the shapes of
    scikit-learn's `make_moons`, in an order of our own. `noise` is the standard deviation of what
    is added to each coordinate. Errors: ValueError for n < 2 or noise that is negative or not
    finite, TypeError for what is no number.

    >>> make_moons(2, noise=0.0)
    ([[1.0, 0.0], [0.0, 0.5]], [0, 1])
    """
    upper, lower = _halves(n)
    points = [(math.cos(t), math.sin(t), 0) for t in _steps(0.0, math.pi, upper)]
    points += [(1 - math.cos(t), 0.5 - math.sin(t), 1) for t in _steps(0.0, math.pi, lower)]
    return _scattered(points, noise, seed)


def make_circles(n: int = 100, noise: float = 0.1, seed: int = 0, factor: float = 0.5) -> Data:
    """A circle of radius 1, of class 0, about one of radius `factor`, of class 1.

    X (n × 2), y (0 or 1), the shapes of scikit-learn's `make_circles`. `noise` and errors are
    those of `make_moons`, and ValueError for a factor that is not between 0 and 1.

    >>> X, y = make_circles(4, noise=0.0)
    >>> sorted((label, round(math.hypot(*x), 3)) for x, label in zip(X, y))
    [(0, 1.0), (0, 1.0), (1, 0.5), (1, 0.5)]
    """
    radius = number(factor, "factor")
    if not 0 < radius < 1:
        raise ValueError(f"factor = {factor}: expected a number between 0 and 1")
    points = []
    for label, (r, count) in enumerate(zip((1.0, radius), _halves(n))):
        angles = (2 * math.pi * k / count for k in range(count))
        points += [(r * math.cos(t), r * math.sin(t), label) for t in angles]
    return _scattered(points, noise, seed)


def make_spirals(n: int = 100, noise: float = 0.1, seed: int = 0, turns: float = 1.5) -> Data:
    """Two arms of a spiral about (0, 0), of the classes 0 and 1: X (n × 2), y (0 or 1).

    Archimedes' spiral r = θ/π: going outwards, the arms alternate at a distance of 1. Each makes
    `turns` turns from r = ½, the points evenly along it. `noise` and errors are those of
    `make_moons`, and ValueError for turns that are not above 0.

    >>> X, y = make_spirals(200, noise=0.0)
    >>> round(min(math.hypot(*x) for x in X), 3), round(max(math.hypot(*x) for x in X), 3)
    (0.5, 3.5)
    """
    if not 0 < number(turns, "turns") < math.inf:
        raise ValueError(f"turns = {turns}: expected a finite number above 0")
    inner = math.pi / 2
    outer = inner + 2 * math.pi * turns
    points = []
    for label, count in enumerate(_halves(n)):
        for square in _steps(inner**2, outer**2, count):  # the length of an arm grows as θ²
            t = math.sqrt(square)
            r = t / math.pi * (1 - 2 * label)
            points.append((r * math.cos(t), r * math.sin(t), label))
    return _scattered(points, noise, seed)


def xor(n: int = 4, noise: float = 0.0, seed: int = 0) -> Data:
    """Exclusive or: y is 1 where one of the two inputs is 1 and the other 0.

    X (n × 2) goes through the four corners of the unit square in turn; `noise` and errors are
    those of `make_moons`.

    >>> xor()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    corners = [(float(k // 2 % 2), float(k % 2)) for k in range(whole(n, "n", 2))]
    return _noisy([(a, b, int(a != b)) for a, b in corners], noise, _generator(seed))


def _halves(n: int) -> tuple[int, int]:
    """How many of n points are of class 0, how many of class 1."""
    count = whole(n, "n", 2)
    return count // 2, count - count // 2


def _steps(first: float, last: float, count: int) -> list[float]:
    """`count` numbers at equal distances, from the first up to the last."""
    return [first + (last - first) * k / max(count - 1, 1) for k in range(count)]


def _generator(seed: int) -> random.Random:
    return random.Random(whole(seed, "seed"))


def _scattered(points: list[tuple[float, float, int]], noise: float, seed: int) -> Data:
    """The points in random order, with noise."""
    rng = _generator(seed)
    rng.shuffle(points)
    return _noisy(points, noise, rng)


def _noisy(points: list[tuple[float, float, int]], noise: float, rng: random.Random) -> Data:
    if not 0 <= number(noise, "noise") < math.inf:
        raise ValueError(f"noise = {noise}: expected a finite standard deviation of at least 0")
    X = [[a + rng.gauss(0.0, noise), b + rng.gauss(0.0, noise)] for a, b, _ in points]
    return X, [label for _, _, label in points]


# ------------------------------------------------------------------ handwritten digits


def load_digits() -> Data:
    """1,797 handwritten digits of 8 × 8 pixels: X (1797 × 64), y (0 … 9).

    A row of X has the pixels line by line, from 0.0 (paper) to 1.0 (ink); y is the digit. They are
    the test set of E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits* (UCI
    Machine Learning Repository, 1998), as scikit-learn brings it along: no network is needed.
    Errors: ImportError where scikit-learn is missing.

    >>> X, y = load_digits()
    >>> len(X), len(X[0]), y[:10], X[0][:8]
    (1797, 64, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0.0, 0.0, 0.3125, 0.8125, 0.5625, 0.0625, 0.0, 0.0])
    """
    try:
        from sklearn import datasets
    except ImportError:
        raise ImportError(
            "load_digits: the images come with scikit-learn: pip install 'micrograd_bp[train]'"
        ) from None
    pixels, digits = datasets.load_digits(return_X_y=True)
    return (pixels / 16).tolist(), digits.tolist()


# ------------------------------------------------------------------ a table of one's own


@dataclass(frozen=True)
class Dataset:
    """What `load_csv` read: rows of inputs `X`, their targets `y`, and what they are called.

    `columns` names the inputs in order, `target` the target. `classes[k]` is the class of the label
    k; without classes it is empty, and y has the numbers of the table.
    """

    X: Rows
    y: list[Any]
    columns: list[str]
    target: str
    classes: list[str]


def load_csv(
    path: str | os.PathLike[str],
    target: int | str = -1,
    header: bool | None = None,
    *,
    classes: bool = True,
    delimiter: str = ",",
) -> Dataset:
    r"""The table in a CSV file (UTF-8): a row for each example, all columns numbers but the target.

    `target` is the column of the targets: its name, or its number, counted from 0 or, if negative,
    from the end. `header` says whether the first line has the columns' names; with None it has if
    none of its inputs is a number. The targets are classes, words or whole numbers, and get labels
    by their order: 0, 1 … With `classes=False` they are the numbers to be predicted.

    Errors: OSError where there is no file to read; ValueError for a cell that is no finite number
    or empty, rows of different lengths, no rows, one class alone, a target that is not there, text
    that is no UTF-8: each with the file, and the line and column.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "fruit.csv"
    ...     _ = path.write_text("weight,width,fruit\n150,7.1,pear\n120,6.0,apple\n")
    ...     fruit = load_csv(path)
    >>> fruit.X, fruit.y, fruit.columns, fruit.classes
    ([[150.0, 7.1], [120.0, 6.0]], [1, 0], ['weight', 'width'], ['apple', 'pear'])
    """
    lines = _read(path, delimiter)
    first, names = lines[0]
    width = len(names)
    if width < 2:
        raise ValueError(
            f"{path}, line {first}: expected at least 2 columns, divided by {delimiter!r}, got 1: "
            f"{short(names[0])!r}; for another say delimiter=';', or --delimiter semicolon"
        )
    for line, cells in lines:
        if len(cells) != width:
            raise ValueError(
                f"{path}, line {line}: expected {width} cells, as in line {first}, got {len(cells)}"
            )
    place = _place(path, target, names)
    if header is None:
        header = isinstance(target, str) or _is_header(path, first, names, place)
    if header:
        del lines[0]
        if not lines:
            raise ValueError(f"{path}: expected rows below its header, line {first}, got none")
        places = [f"column {k} ({short(name)})" for k, name in enumerate(names, 1)]
    else:
        names = places = [f"column {k}" for k in range(1, width + 1)]

    def real(line: int, k: int, cell: str) -> float:
        return _number(cell, f"{path}, line {line}, {places[k]}")

    X = [[real(line, k, c) for k, c in enumerate(cells) if k != place] for line, cells in lines]
    columns = [name for k, name in enumerate(names) if k != place]
    if not classes:
        y = [real(line, place, cells[place]) for line, cells in lines]
        return Dataset(X, y, columns, names[place], [])
    for line, cells in lines:
        if not cells[place]:
            raise ValueError(f"{path}, line {line}, {places[place]}: expected a class, got nothing")
    labels, found = _labelled([cells[place] for _, cells in lines], f"{path}, {places[place]}")
    return Dataset(X, labels, columns, names[place], found)


def _read(path: str | os.PathLike[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """The cells of each line that is not blank, with its number."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise ValueError(
            f"{path}, line {line}: expected UTF-8, got the byte 0x{byte:02x}: "
            "save the table as CSV in UTF-8"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped) or len(stripped) > 1:
                lines.append((reader.line_num, stripped))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from None
    if not lines:
        raise ValueError(f"{path}: expected a table, got an empty file")
    return lines


def _place(path: Any, target: int | str, names: list[str]) -> int:
    """Which column the target is, from 0."""
    if isinstance(target, str):
        if names.count(target) != 1:
            found = ", ".join(map(repr, map(short, names)))
            raise ValueError(f"{path}: expected one column {target!r}, its columns are {found}")
        return names.index(target)
    try:
        return range(len(names))[index(target)]
    except TypeError:
        raise TypeError(f"expected the target's name or number, got {target!r}") from None
    except IndexError:
        raise ValueError(f"{path}: no column {target}, there are {len(names)}") from None


def _is_header(path: Any, line: int, cells: list[str], place: int) -> bool:
    numbers = [_is_number(cell) for k, cell in enumerate(cells) if k != place]
    if any(numbers) and not all(numbers):
        raise ValueError(
            f"{path}, line {line}: expected names or numbers, got some of each: is it a header? "
            "Say header=True or header=False, or --header yes or no"
        )
    return not any(numbers)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, where: str) -> float:
    """The number in a cell, as it is written in a table: Python's 1_000 is none."""
    if not _is_number(cell) or "_" in cell:
        raise ValueError(
            f"{where}: expected a number, got {repr(short(cell)) if cell else 'nothing'}"
        )
    if not math.isfinite(float(cell)):
        raise ValueError(f"{where}: expected a finite number, got {short(cell)!r}")
    return float(cell)


def _labelled(words: list[str], where: str) -> tuple[list[int], list[str]]:
    """The label of each word, and the classes in the order of their labels."""
    if all(map(_is_number, words)):
        if real := [word for word in words if not float(word).is_integer()]:
            raise ValueError(
                f"{where}: expected classes, words or whole numbers, got {short(real[0])!r}; "
                "for numbers to be predicted say classes=False, or --predict numbers"
            )
        numbers = [int(float(word)) for word in words]  # 1 and 1.0 are one class
        words, found = [*map(str, numbers)], [*map(str, sorted({*numbers}))]
    else:
        found = sorted({*words})
    if len(found) < 2:
        raise ValueError(
            f"{where}: expected at least 2 classes, got {short(found[0])!r} in every row"
        )
    label = {word: k for k, word in enumerate(found)}
    return [label[word] for word in words], found


# ------------------------------------------------------------------ what training needs


def train_test_split(
    X: Sequence[Any], y: Sequence[Any], test: float = 0.2, seed: int = 0
) -> tuple[tuple[list[Any], list[Any]], tuple[list[Any], list[Any]]]:
    """Two pairs, ((X, y) to train on, (X, y) to test with), each in random order.

    The share `test` of the rows, rounded up, are held back: of the 1,797 digits, 360. It is
    stratified: the rows go by their labels, and one is taken from each of so many equal stretches,
    so that every class, or with real targets every range, has its share in both. Errors: ValueError
    for X and y of different lengths or a share that leaves one of the two empty.

    >>> train, test = train_test_split([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1], test=0.5)
    >>> sorted(train[1]), sorted(test[1])
    ([0, 1], [0, 1])
    """
    n = len(X)
    if len(y) != n:
        raise ValueError(
            f"train_test_split: expected a label for each row, got {n} rows and {len(y)} labels"
        )
    if not 0 < number(test, "test") < 1:
        raise ValueError(f"test = {test}: expected a share between 0 and 1")
    count = math.ceil(n * test)
    if not 0 < count < n:
        raise ValueError(f"train_test_split: {n} rows are too few to hold a share of {test} back")
    order = _generator(seed).sample(range(n), n)
    by_label = sorted(order, key=lambda k: y[k])
    held = {by_label[(2 * k + 1) * n // (2 * count)] for k in range(count)}

    def examples(chosen: Sequence[int]) -> tuple[list[Any], list[Any]]:
        return [X[k] for k in chosen], [y[k] for k in chosen]

    return examples([k for k in order if k not in held]), examples([k for k in order if k in held])


def standardize(
    X: Sequence[Sequence[float]], like: Sequence[Sequence[float]] | None = None
) -> Rows:
    """X with each column shifted and scaled so that those of `like` have mean 0 and deviation 1.

    `like` are the rows trained on, X itself by default; the rows to test with, and new ones, have
    to be treated like them. A column that is constant there is only shifted. A table of one's own
    needs this where its columns differ in scale: the tanh of a weight in grams is 1, whatever it
    weighs.

    Errors: ValueError for no rows, or rows of different lengths; OverflowError for numbers that are
    too large.

    >>> standardize([[1.0, 7.0], [3.0, 7.0]])
    [[-1.0, 0.0], [1.0, 0.0]]
    >>> standardize([[4.0, 9.0]], like=[[1.0, 7.0], [3.0, 7.0]])
    [[2.0, 2.0]]
    """
    known, X = (
        [[number(x, f"row {k}") for x in row] for k, row in enumerate(rows)]
        for rows in (X if like is None else like, X)
    )
    if not known:
        raise ValueError("standardize: expected rows to take mean and deviation from, got none")
    width = len(known[0])
    for rows in (known, X):
        for k, row in enumerate(rows):
            if len(row) != width:
                raise ValueError(f"row {k}: expected {width} numbers, got {len(row)}")
    scales = []
    for k, column in enumerate(zip(*known), 1):
        mean, deviation = column[0], 1.0
        if min(column) < max(column):
            try:
                mean = math.fsum(column) / len(column)
                deviation = math.dist(column, [mean] * len(column)) / math.sqrt(len(column)) or 1.0
            except OverflowError:
                deviation = math.inf
            if deviation == math.inf:
                raise OverflowError(f"column {k}: its numbers are too large to take a deviation of")
        scales.append((mean, deviation))
    return [[(x - mean) / scale for x, (mean, scale) in zip(row, scales)] for row in X]
