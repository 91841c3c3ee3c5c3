"""Tests of the data: shapes and seeds of the generated, every mistake in a table by its place."""

import math
import random
import statistics
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets

from micrograd_bp import data
from micrograd_bp.data import (
    load_csv,
    load_digits,
    make_circles,
    make_moons,
    make_spirals,
    standardize,
    train_test_split,
    xor,
)

GENERATORS = [make_moons, make_circles, make_spirals, xor]

# ------------------------------------------------------------------ points in the plane


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize("n", [2, 3, 4, 101])
def test_points(make, n):
    X, y = make(n, noise=0.2, seed=3)
    assert [len(X), len(y)] == [n, n]
    assert {type(x) for row in X for x in row} == {float}
    assert {len(row) for row in X} == {2}
    assert {type(label) for label in y} == {int}
    assert {*y} == {0, 1}
    if make is not xor:
        assert y.count(0) == n // 2


@pytest.mark.parametrize("make", GENERATORS)
def test_a_seed_is_a_sequence_of_its_own(make):
    random.seed(7)
    expected = random.random()
    random.seed(7)
    once = make(50, 0.1, 5)
    assert random.random() == expected
    assert once == make(50, 0.1, 5)
    assert once != make(50, 0.1, 6)
    assert once != make(50, 0.11, 5)


@pytest.mark.parametrize("make", GENERATORS[:3])
def test_the_order_is_random(make):
    y = make(100)[1]
    assert y != sorted(y)
    assert 30 < sum(a != b for a, b in pairwise(y)) < 70


@pytest.mark.parametrize("make", GENERATORS)
def test_noise_is_a_standard_deviation(make):
    noisy = make(2000, 0.25, 1)[0]
    # the generator draws the order first, and so the points are the same without noise
    exact = make(2000, 0.0, 1)[0]
    errors = [a - b for p, q in zip(noisy, exact) for a, b in zip(p, q)]
    assert statistics.fmean(errors) == pytest.approx(0.0, abs=0.02)
    assert statistics.stdev(errors) == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize("n", [2, 7, 100])
@pytest.mark.parametrize(
    ("make", "theirs"),
    [
        (make_moons, datasets.make_moons),
        (make_circles, lambda n: datasets.make_circles(n, factor=0.5)),
        (lambda n, noise: make_circles(n, noise, factor=0.8), datasets.make_circles),
    ],
)
def test_shapes_are_those_of_scikit_learn(make, theirs, n):
    def rounded(X, y):
        return sorted((int(k), *(round(float(x), 9) + 0.0 for x in row)) for row, k in zip(X, y))

    assert rounded(*make(n, noise=0.0)) == rounded(*theirs(n))


def test_the_arms_of_the_spiral_alternate_at_a_distance_of_1():
    X, y = make_spirals(40_000, noise=0.0)
    radii = {0: [], 1: []}
    for (a, b), label in zip(X, y):
        if abs(math.atan2(b, a)) < 0.001:  # those on the axis to the right
            radii[label].append(math.hypot(a, b))
    assert sorted({round(r, 2) for r in radii[0]}) == [2.0]
    assert sorted({round(r, 2) for r in radii[1]}) == [1.0, 3.0]


def test_the_points_of_a_spiral_are_evenly_along_it():
    X = [row for row, label in zip(*make_spirals(400, noise=0.0)) if label == 0]
    X.sort(key=lambda row: math.hypot(*row))
    gaps = [math.dist(p, q) for p, q in pairwise(X)]
    assert max(gaps) < 1.2 * min(gaps)


@pytest.mark.parametrize("turns", [0.25, 3])
def test_turns_of_a_spiral(turns):
    X, _ = make_spirals(100, 0.0, turns=turns)
    assert max(math.hypot(*row) for row in X) == pytest.approx(0.5 + 2 * turns)


def test_xor():
    assert xor() == ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    assert xor(6) == (xor()[0] + xor()[0][:2], [0, 1, 1, 0, 0, 1])
    X, y = xor(400, noise=0.01)
    assert [round(a) ^ round(b) for a, b in X] == y


@pytest.mark.parametrize("make", GENERATORS)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 1}, ValueError, "n = 1: expected a whole number from 2 on"),
        ({"n": 0}, ValueError, "n = 0: expected"),
        ({"n": -5}, ValueError, "n = -5: expected"),
        ({"n": 10.0}, TypeError, r"n: expected a whole number, got 10\.0"),
        ({"n": "10"}, TypeError, "n: .* got '10'"),
        ({"n": None}, TypeError, "n: .* got None"),
        ({"noise": -0.1}, ValueError, r"noise = -0\.1: expected a finite standard dev"),
        ({"noise": math.nan}, ValueError, "noise = nan: expected"),
        ({"noise": math.inf}, ValueError, "noise = inf: expected"),
        ({"noise": "much"}, TypeError, "noise: expected a real number, got str"),
        ({"noise": None}, TypeError, "noise: expected a real number, got NoneType"),
        ({"seed": None}, TypeError, "seed: expected a whole number, got None"),
        ({"seed": 0.5}, TypeError, r"seed: expected a whole number, got 0\.5"),
    ],
)
def test_mistakes_in_points(make, arguments, error, message):
    with pytest.raises(error, match=message):
        make(**arguments)


@pytest.mark.parametrize("factor", [0.0, 1.0, -1, math.nan])
def test_mistakes_in_a_factor(factor):
    with pytest.raises(ValueError, match=r"factor = .*: expected a number between 0 and 1"):
        make_circles(factor=factor)


@pytest.mark.parametrize("turns", [0, -1.5, math.inf, math.nan])
def test_mistakes_in_turns(turns):
    with pytest.raises(ValueError, match=r"turns = .*: expected a finite number above 0"):
        make_spirals(turns=turns)


# ------------------------------------------------------------------ handwritten digits


def test_digits():
    X, y = load_digits()
    assert [len(X), len(y), {len(row) for row in X}] == [1797, 1797, {64}]
    assert {type(x) for row in X for x in row} == {float}
    assert {type(label) for label in y} == {int}
    assert {x for row in X for x in row} == {k / 16 for k in range(17)}
    assert [y.count(k) for k in range(10)] == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    ink = [" .:#"[min(int(4 * x), 3)] for x in X[0]]
    assert ["".join(ink[k : k + 8]) for k in range(0, 64, 8)] == [
        "  .#:   ",
        "  ##:#. ",
        "  #  :: ",
        " .#  :: ",
        " .:  :: ",
        " .:  #. ",
        "  #.:#  ",
        "  .#:   ",
    ]


def test_the_split_of_the_digits():
    (X, y), (X_test, y_test) = train_test_split(*load_digits())
    assert [len(X), len(y), len(X_test), len(y_test)] == [1437, 1437, 360, 360]
    assert [y_test.count(k) for k in range(10)] == [36, 36, 36, 36, 37, 36, 36, 36, 35, 36]


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"pip install 'micrograd_bp\[train\]'"):
        load_digits()


# ------------------------------------------------------------------ a table of one's own


@pytest.fixture
def table(tmp_path):
    """A function that writes a table and returns its path."""

    def written(content):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


@pytest.mark.parametrize(
    "content",
    [
        "1,2,0\n-3.5,4e1,1\n",
        "1,2,0\r\n-3.5,4e1,1",
        "1,2,0\r-3.5,4e1,1\r",
        "\ufeff1,2,0\n-3.5,4e1,1\n",
        "\n1, 2 ,0\n   \n -3.5,\t4e1,1.0\n\n",
        '"1","2","0"\n"-3.5","4e1","01"\n',
    ],
)
def test_a_table(table, content):
    found = load_csv(table(content))
    assert found == data.Dataset(
        [[1.0, 2.0], [-3.5, 40.0]], [0, 1], ["column 1", "column 2"], "column 3", ["0", "1"]
    )


@pytest.mark.parametrize("header", [None, True])
@pytest.mark.parametrize("target", ["kind", -1, 2])
def test_a_header(table, header, target):
    found = load_csv(table("größe,b,kind\n1,2,x\n3,4,y\n"), target, header)
    assert found == data.Dataset(
        [[1.0, 2.0], [3.0, 4.0]], [0, 1], ["größe", "b"], "kind", ["x", "y"]
    )


@pytest.mark.parametrize("target", ["kind", 0, -3])
def test_a_target_in_front(table, target):
    found = load_csv(table("kind,a,b\nx,1,2\ny,3,4\n"), target)
    assert (found.X, found.y) == ([[1.0, 2.0], [3.0, 4.0]], [0, 1])
    assert (found.columns, found.target) == (["a", "b"], "kind")


def test_names_that_are_numbers(table):
    path = table("0,1,label\n5,6,x\n7,8,y\n")
    assert load_csv(path, header=True).columns == ["0", "1"]
    assert load_csv(path, "label").X == [[5.0, 6.0], [7.0, 8.0]]
    assert load_csv(path, header=False).X == [[0.0, 1.0], [5.0, 6.0], [7.0, 8.0]]


@pytest.mark.parametrize(
    ("targets", "classes", "y"),
    [
        (["pear", "apple", "pear"], ["apple", "pear"], [1, 0, 1]),
        (["10", "9", "10"], ["9", "10"], [1, 0, 1]),
        (["-1", "1.0", "-1.0", "1"], ["-1", "1"], [0, 1, 0, 1]),
        (["10", "9", "x"], ["10", "9", "x"], [0, 1, 2]),
        (["ä", "z", '"a,b"'], ["a,b", "z", "ä"], [2, 1, 0]),
    ],
)
def test_classes(table, targets, classes, y):
    found = load_csv(table("".join(f"1,{target}\n" for target in targets)))
    assert (found.classes, found.y) == (classes, y)


def test_numbers_to_be_predicted(table):
    path = table("a,price\n1,2.5\n2,2.5\n")
    assert load_csv(path, classes=False) == data.Dataset(
        [[1.0], [2.0]], [2.5, 2.5], ["a"], "price", []
    )


def test_another_delimiter(table):
    path = table("1;2;0\n3;4;1\n")
    assert load_csv(path, delimiter=";").X == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(
        ValueError, match=r"line 1: .* at least 2 columns, divided by ',', got 1: '1"
    ):
        load_csv(path)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "expected a table, got an empty file"),
        ("\n \n", {}, "expected a table, got an empty file"),
        ("a,b\n", {}, "expected rows below its header, line 1, got none"),
        ("1,2,0\n3,4\n", {}, "line 2: expected 3 cells, as in line 1, got 2"),
        ("1,2,0\n\n3,4,1,5\n", {}, "line 3: expected 3 cells, as in line 1, got 4"),
        ("1,2,0\n3,x,1\n", {}, "line 2, column 2: expected a number, got 'x'"),
        ("a,b,c\n1,2,0\n3,x,1\n", {}, "line 3, column 2 (b): expected a number, got 'x'"),
        ("a,b,c\n1,,0\n3,4,1\n", {}, "line 2, column 2 (b): expected a number, got nothing"),
        ("1_0,2,0\n3,4,1\n", {}, "line 1, column 1: expected a number, got '1_0'"),
        ('1,"2,5",0\n3,4,1\n', {"header": False}, "column 2: expected a number, got '2,5'"),
        ("1,2,0\n3,nan,1\n", {}, "line 2, column 2: expected a finite number, got 'nan'"),
        ("1,2,0\n-inf,3,1\n", {}, "line 2, column 1: expected a finite number, got '-inf'"),
        ("1,2,0\n3,1e999,1\n", {}, "line 2, column 2: expected a finite number, got '1e999'"),
        ("1,2,0\n3,4,\n", {}, "line 2, column 3: expected a class, got nothing"),
        ("1,2,0\n3,4,0.0\n", {}, "column 3: expected at least 2 classes, got '0' in every row"),
        ("a,b,c\n3,4,x\n", {}, "column 3 (c): expected at least 2 classes, got 'x' in every row"),
        ("1,2,0.5\n3,4,1\n", {}, "column 3: expected classes, words or whole numbers, got '0.5'"),
        ("1,2,nan\n3,4,1\n", {}, "column 3: expected classes, words or whole numbers, got 'nan'"),
        ("1,2,x\n3,4,1\n", {"classes": False}, "line 1, column 3: expected a number, got 'x'"),
        ("1,b,0\n3,4,1\n", {}, "line 1: expected names or numbers, got some of each"),
        ("1,b,0\n3,4,1\n", {"header": False}, "line 1, column 2: expected a number, got 'b'"),
        ("a,b\n1,0\n", {"target": "c"}, "expected one column 'c', its columns are 'a', 'b'"),
        ("a,a\n1,0\n", {"target": "a"}, "expected one column 'a', its columns are 'a', 'a'"),
        ("1,2\n3,4\n", {"target": 2}, "no column 2, there are 2"),
        ("1,2\n3,4\n", {"target": -3}, "no column -3, there are 2"),
        ("1,2,0\n3,4,1\n".encode("utf-16"), {}, "line 1: expected UTF-8, got the byte 0xff"),
        (b"a,b\n1,sch\xf6n\n", {}, "line 2: expected UTF-8, got the byte 0xf6"),
        ("1,2,0\n3,\0,1\n", {}, "line 2, column 2: expected a number, got '\ufffd'"),
        ('1,2,0\n3,"4,1\n', {}, "line 2: unexpected end of data"),
        ("1,2,0\n3," + "9" * 200_000 + ",1\n", {}, "field larger than field limit"),
        ("1,2,0\n3," + "x" * 100_000 + ",1\n", {}, "x…'"),
        ("1,2,0\n3,\x1b[31m,1\n", {}, "got '\ufffd[31m'"),
    ],
)  # fmt: skip
def test_mistakes_in_a_table(table, content, options, message):
    path = table(content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        load_csv(path, **options)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("target", [1.0, None, [0]])
def test_a_target_that_is_no_column(table, target):
    with pytest.raises(TypeError, match="expected the target's name or number, got"):
        load_csv(table("1,2\n3,4\n"), target)


def test_no_table(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        load_csv(tmp_path / "none.csv")
    with pytest.raises(OSError, match=str(tmp_path)):
        load_csv(tmp_path)


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(rows=st.lists(st.tuples(finite, finite, st.integers(-99, 99)), min_size=1))
def test_a_table_keeps_every_bit(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_text("".join(f"{a!r},{b!r},{k}\n" for a, b, k in rows))
    found = load_csv(path, classes=False)
    assert list(zip(*zip(*found.X), found.y)) == rows
    assert [math.copysign(1, row[0]) for row in found.X] == [
        math.copysign(1, a) for a, _, _ in rows
    ]


# ------------------------------------------------------------------ what training needs


@given(
    y=st.lists(st.integers(0, 3), min_size=2, max_size=60),
    test=st.floats(0.01, 0.99),
    seed=st.integers(0, 99),
)
def test_a_split_is_stratified(y, test, seed):
    X = [[float(k)] for k in range(len(y))]
    count = math.ceil(len(y) * test)
    if count == len(y):
        with pytest.raises(ValueError, match="too few"):
            train_test_split(X, y, test, seed)
        return
    parts = train_test_split(X, y, test, seed)
    assert [len(part) for part, _ in parts] == [len(y) - count, count]
    assert sorted(parts[0][0] + parts[1][0]) == X
    for rows, labels in parts:
        assert [y[int(k)] for (k,) in rows] == labels
    for label in {*y}:
        assert abs(parts[1][1].count(label) - y.count(label) * count / len(y)) <= 1


def test_a_split_is_random_and_fixed_by_its_seed():
    X, y = [[k] for k in range(100)], [0] * 100
    once = train_test_split(X, y, seed=1)
    assert once == train_test_split(X, y, seed=1)
    assert once != train_test_split(X, y, seed=2)
    for rows, _ in once:
        assert rows != sorted(rows)
    held = [train_test_split(X, y, seed=k)[1][0] for k in range(200)]
    assert len({row[0] for rows in held for row in rows}) == 100


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0]], [0, 1]), ValueError, "a label for each row, got 1 rows and 2 labels"),
        (([], []), ValueError, "0 rows are too few"),
        (([[1.0]], [0]), ValueError, r"1 rows are too few to hold a share of 0\.2 back"),
        (([[1.0]] * 4, [0] * 4, 0.9), ValueError, r"4 rows are too few to hold a share of 0\.9"),
        (([[1.0]] * 4, [0] * 4, 0), ValueError, "test = 0: expected a share between 0 and 1"),
        (([[1.0]] * 4, [0] * 4, 1.0), ValueError, "a share between 0 and 1"),
        (([[1.0]] * 4, [0] * 4, math.nan), ValueError, "test = nan: expected"),
        (([[1.0]] * 4, [0] * 4, "half"), TypeError, "test: expected a real number, got str"),
        (([[1.0]] * 4, [0] * 4, 0.5, None), TypeError, "seed: expected a whole number, got None"),
    ],
)
def test_mistakes_in_a_split(arguments, error, message):
    with pytest.raises(error, match=message):
        train_test_split(*arguments)


@given(
    X=st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=2).filter(
        lambda X: all(max(c) - min(c) > 1e-3 for c in zip(*X))
    )
)
def test_standardized_columns_have_mean_0_and_deviation_1(X):
    for column in zip(*standardize(X)):
        assert statistics.fmean(column) == pytest.approx(0.0, abs=1e-6)
        assert statistics.pstdev(column) == pytest.approx(1.0, rel=1e-6)


def test_standardize_like_the_rows_trained_on():
    trained = [[0.0, 5.0, 0.1], [10.0, 7.0, 0.1], [20.0, 9.0, 0.1]]
    assert standardize(trained[:2], like=trained) == standardize(trained)[:2]
    assert standardize([], like=trained) == []
    assert [row[2] for row in standardize([*trained, [0, 0, 3.1]], trained)] == [0.0, 0.0, 0.0, 3.0]


@pytest.mark.parametrize(
    ("X", "like", "message"),
    [
        ([], None, "expected rows to take mean and deviation from, got none"),
        ([[1.0]], [], "expected rows to take mean and deviation from, got none"),
        ([[1.0], [1.0, 2.0]], None, "row 1: expected 1 numbers, got 2"),
        ([[1.0]], [[1.0, 2.0]], "row 0: expected 2 numbers, got 1"),
    ],
)
def test_mistakes_in_standardize(X, like, message):
    with pytest.raises(ValueError, match=message):
        standardize(X, like)


def test_standardize_what_is_too_large_or_too_small_for_a_deviation():
    for large in (1e308, 1.7e308):
        with pytest.raises(OverflowError, match="column 2: its numbers are too large"):
            standardize([[0.0, large], [1.0, -large], [2.0, large], [2.0, large]])
    rows = [[0.0]] * 9 + [[5e-324]]
    assert standardize(rows) == rows


def test_standardize_what_is_no_number():
    with pytest.raises(TypeError, match="row 1: expected a real number, got str"):
        standardize([[1.0], ["2"]])
