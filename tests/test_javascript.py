"""Tests of the table in JavaScript: every row against its Python floats, and rows of one's own."""

import json
import math
import re
import shutil
import subprocess
from itertools import product

import oracle
import pytest

import micrograd_bp.losses  # its rows are rows of the table
from micrograd_bp import OPS, operation
from micrograd_bp.javascript import KERNELS, functions, obstacle, translatable

assert micrograd_bp.losses
PACKAGE = sorted({**OPS})

# Both sides are right to a few units in the last place (2e-16 each), as are the mathematical
# functions of JavaScript engines and C libraries: six of those, and of a digit lost ten times as
# many. Where two terms cancel, of the larger of them; below 1e-300, where factors are subnormal
# numbers with few digits, of 1e-300.
TOLERANCE = 1e-14
TINY = 1e-300

SCRIPT = """
const {code, cases} = JSON.parse(require("fs").readFileSync(0, "utf8"));
const scope = require("vm").createContext({});
const OPS = require("vm").runInContext(code + ";OPS", scope);
const said = (x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);
const answers = cases.map(([name, given]) => {
  const operands = given.map(Number);
  const z = OPS[name].value(operands);
  return [said(z), OPS[name].partials(z, operands).map(said)];
});
process.stdout.write(JSON.stringify({answers, globals: Object.keys(scope)}));
"""


def node(*arguments, given=""):
    program = shutil.which("node")
    if program is None:
        pytest.skip("the system has no node")
    return subprocess.run(
        [program, *arguments], input=given, capture_output=True, encoding="utf-8", timeout=120
    )


def computed(cases):
    """[z, partials] of each (name, operands) by the JavaScript of their rows; one process for all.

    A number that JSON cannot hold is the float of its name, and what is no number is kept.
    """
    code = functions(name for name, _ in cases)
    sent = [(name, [x if math.isfinite(x) else js_name(x) for x in v]) for name, v in cases]
    done = node("-e", SCRIPT, given=json.dumps({"code": code, "cases": sent}))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["globals"] == []
    assert len(found["answers"]) == len(cases) > 0
    return [[read(z), [*map(read, slopes)]] for z, slopes in found["answers"]]


def js_name(x):
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def read(x):
    return float(x.replace("Infinity", "inf")) if isinstance(x, str) else x


def expected(name, operands):
    """The value and partials by Python; None for what it has no number for."""
    op = OPS[name]
    try:
        z = op.evaluate(operands, operands)
    except (ValueError, ArithmeticError):
        return None, None
    try:
        return z, op.derivatives(z, operands) if operands else []
    except (ValueError, ArithmeticError):
        return z, None


KINKS = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 1e-300, -1e-300, 1e-20, -1e-9, 1e300, -1e300]
EDGES = [-2000.0, -745.0, -40.0, -39.0, -37.5, -20.0, -6.0, -1.4, -1.0, -0.7518, 0.99, 1.4, 6.0,
         28.0, 40.0, 65.0, 301.0, 709.7, 710.0, 1e9, 1e22, math.inf, -math.inf,
         math.nan]  # fmt: skip
LISTS = [(), (0.0,), (3.0,), (2.0, 2.0), (0.0, 0.0, 5.0), (-1.0, 1.0, 1.0), (1e16, 1.0, -1e16),
         (1e308, 1e308, -1e308), (1e200, 1e-200, 1e200), (1e-300, 1e-300, 1e300, 1e300),
         (1000.0, 999.0, -1000.0), (-2000.0, 0.0), (0.1,) * 10, (math.inf, 1.0), (math.nan, 1.0),
         (-1000.0, -1000.0)]  # fmt: skip


def kinks(name):
    """Operands where formulas change, tie, vanish, or have no value."""
    op = OPS[name]
    if not op.vectors:
        return product(KINKS + (EDGES if len(op.names) == 1 else EDGES[-3:]), repeat=len(op.names))
    if name == "softmax":
        return [(float(k), *xs) for xs in LISTS for k in range(len(xs))]
    if name == "dot":
        return [(*xs, *xs[::-1], b) for xs in LISTS for b in (0.0, -1.0)]
    if name == "l2":
        return [(*xs, b) for xs in LISTS for b in (0.0, 0.5)]
    if op.vectors == 2:  # a loss
        return [(*xs, *ts) for xs in LISTS for ts in targets(name, len(xs))]
    return LISTS


def targets(name, count):
    """Targets of every kind that the loss takes, and NaN."""
    one_hot = [float(k == count - 1) for k in range(count)]
    if name == "cross_entropy":
        return [one_hot, one_hot[::-1], [1 / (count or 1)] * count, [math.nan] * count]
    signs = [-1.0, 1.0] * count
    return [one_hot, signs[:count] if name == "hinge" else [0.25] * count, [math.nan] * count]


@pytest.fixture(scope="module")
def answers():
    points = {name: [*oracle.points(name, 300), *kinks(name)] for name in PACKAGE}
    found = iter(computed([(name, v) for name in PACKAGE for v in points[name]]))
    return {name: [(v, *next(found)) for v in points[name]] for name in PACKAGE}


def unit(name, column, operands):
    """The larger of two terms that cancel, for results of which the accuracy test says so."""
    try:
        return oracle.unit(name, column, operands) * 2.0**52
    except (ValueError, ArithmeticError, AttributeError, IndexError, KeyError):
        return 0.0


def columns(op):
    """For each kind of result its name, and the places it has among the flat operands."""
    return lambda operands: [
        f"∂{name.strip('*')}"
        for name, group in zip(op.names, op._group(operands))
        for _ in (group if isinstance(group, list) else [group])
    ]


def errors(name, rows):
    """(error by tolerance, what, operands, JavaScript's number, Python's) of each result."""
    for operands, z, slopes in rows:
        value, partials = expected(name, operands)
        assert len(slopes) == len(operands)
        assert all(isinstance(x, int | float) for x in (z, *slopes)), (operands, z, slopes)
        if value is None:  # the page says "undefined"
            yield math.inf if math.isfinite(z) else 0.0, "value", operands, z, None
            continue
        wanted = [("value", z, value)]
        if partials is None:
            yield (
                math.inf if all(map(math.isfinite, slopes)) else 0.0,
                "∂",
                operands,
                slopes,
                None,
            )
        else:
            wanted += zip(columns(OPS[name])(operands), slopes, partials)
        for what, found, exact in wanted:
            if not math.isfinite(exact):
                yield (math.inf if math.isfinite(found) else 0.0), what, operands, found, exact
            else:
                size = max(abs(exact), TINY, unit(name, what, operands))
                yield abs(found - exact) / size, what, operands, found, exact


@pytest.mark.parametrize("name", PACKAGE)
def test_every_row_gives_what_it_gives_in_python(name, answers):
    worst = max(errors(name, answers[name]), key=lambda e: math.inf if e[0] != e[0] else e[0])
    print(f"{name:14} {worst}")  # seen with pytest -s
    assert worst[0] <= TOLERANCE, worst


def test_every_kind_of_answer_is_seen(answers):
    """So that the test above tells values from what is undefined."""
    kinds = {
        (value is None, partials is None)
        for name in PACKAGE
        for value, partials in (expected(name, operands) for operands, _, _ in answers[name])
    }
    assert {(True, True), (False, False)} <= kinds
    assert sum(map(len, answers.values())) > 10_000
    (z, slopes), (undefined, _) = computed([("mul", (2.0, 3.0)), ("log", (0.0,))])
    assert (z, slopes, undefined) == (6.0, [3.0, 2.0], -math.inf)


def test_erf_and_the_tails_of_the_normal_distribution():
    """By 120 digits: the table's own are those of the C library, another way to get there."""
    xs = [k / 16 + 0.003 for k in range(-38 * 16, 9 * 16)]
    cases = [(name, (x,)) for name in ("erf", "normal_cdf", "gelu") for x in xs]
    worst = {name: 0.0 for name, _ in cases}
    for (name, operands), (found, _) in zip(cases, computed(cases), strict=True):
        if abs(exact := float(oracle.value(name, operands))) > TINY:
            worst[name] = max(worst[name], abs(found / exact - 1.0))
    print(worst)  # seen with pytest -s
    assert worst["erf"] <= 1e-15
    assert max(worst.values()) <= 2e-15


# ------------------------------------------------------------------ rows of one's own


def differs(found, wanted):
    return found != pytest.approx(wanted, rel=TOLERANCE, abs=TOLERANCE)


SCALARS = [  # of x and y
    "x if x > y else -x if -1.0 < x <= y else x * y",
    "(x > 0.0) + (not y > 0.0) * 2.0",
    "1.0 if x > 0.0 and y > 0.0 or not (x != y) else 0.0 if x else 2.0",
    "1.0 if (x > 0.0 or y > 0.0) and x < 1.0 else 0.0",
    "-x ** 2 + (-x) ** 2 - x ** -2 + (x ** 2) ** 0.5 + 2 ** x ** 2",
    "x - (y - x) - (x + y) + -(-y) - +x",
    "x / (y / x) / (x * y) * (y - x)",
    "(x if x > y else y) * 2.0 + (1.0 if x < 0.0 else 0.0)",
    "x % y + x // y + x % -y",
    "max(x, y, 0.25) - min(x, y) + abs(x - y) + int(x)",
    "sum([x, y, 1.0]) + fsum(k * x for k in range(1, 4)) + fsum([*range(3)]) + len([x, y])",
    "relu(x) + maximum(x, y) + sigmoid(y) + pow(abs(x), y) + dot([x, y], [y, x], 1.0)",
    "sum([a * b + k for k, (a, b) in enumerate(zip([x, y], [y, y]))])",
    "fsum([a * b for a in [x, y] for b in [y, a] if a >= b])",
    "sum(map(abs, [x, y])) + product([*map(relu, [x, y, x]), 1.0][1:-1])",
    "[x, y, 3.0][-1] + [x, y][int(abs(y) > 1e9)] + fsum([x, y][:1] * 3 + [x])",
    "1e-05 * x + 1e+22 * y + (x == y) * 3 + True",
    "logsumexp([x, y]) + softmax([x, y, x])[1] + products_of_others([x, y, 2.0])[2]",
    "1.0 if [x, y][:0] else 0.5",
    "min(*[x, y], -1.0) + maximum(*[y, x])",
]
PAIRS = [*product((0.5, -0.5, 2.25, -3.0, 1.0), repeat=2)]


def test_scalar_rows_of_ones_own():
    for k, text in enumerate(SCALARS):
        operation(f"own{k}(x, y)", text, "x if x < y else 1", "x > y")
    cases = [(f"own{k}", pair) for k in range(len(SCALARS)) for pair in PAIRS]
    wrong = []
    for (name, (x, y)), (z, slopes) in zip(cases, computed(cases), strict=True):
        value, partials = expected(name, (x, y))
        assert value is not None, (OPS[name], x, y)
        if differs(z, value) or differs(slopes, [float(d) for d in partials]):
            wrong.append((OPS[name].value, x, y, z, value))
    assert wrong == []


def test_rows_of_ones_own_with_stars():
    operation("norm(*xs)", "sqrt(fsum([x * x for x in xs]))", "[x / z for x in xs]")
    operation("axpy(a, *xs, *ys)", "fsum([*map(mul, [a] * len(xs), xs), *ys])",
              "fsum(xs)", "[a] * len(xs)", "[1.0] * len(ys)")  # fmt: skip
    operation("twice(*xs, k)", "k * norm(xs)", "[k * x / norm(xs) for x in xs]", "norm(xs)")
    cases = [
        ("norm", (3.0, -4.0)),
        ("norm", (2.0, 3.0, 6.0)),
        ("axpy", (2.0, 1.0, 3.0, 5.0, 7.0)),
        ("twice", (3.0, 4.0, 2.0)),
    ]
    for (name, operands), found in zip(cases, computed(cases), strict=True):
        assert found == [*expected(name, operands)], name


def test_names_that_mean_something_else_in_javascript():
    operation("split(Math)", "Math * Math", "2.0 * Math")
    operation("new(var, power)", "var ** power", "split(power)", "1.0")
    operation("function(eval, σ)", "split(eval) + fsum([at * σ for at in [eval]])", "new(σ, eval)",
              "σ")  # fmt: skip
    found = computed([("new", (2.0, 3.0)), ("split", (3.0,)), ("function", (2.0, 3.0))])
    assert found == [[8.0, [9.0, 1.0]], [9.0, [6.0]], [10.0, [9.0, 3.0]]]


def test_functions_of_math_that_javascript_has():
    operation("arcus(x)", math.atan, "1.0 / (1.0 + x * x)")
    assert translatable("arcus")
    assert computed([("arcus", (1.0,))]) == [[math.atan(1.0), [0.5]]]


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        (math.lgamma, "own is a Python function"),
        (lambda x: x * x, "own is a Python function"),
        ("round(x)", "round is a Python function"),
        ("[x]", "'[x]' is a list"),
        ("[x] - [x]", "'[x] - [x]' is arithmetic on lists"),
        ("[x] * [x]", "'[x] * [x]' is arithmetic on lists"),
        ("1.0 if [x] == [x] else 0.0", "'[x]' is a list"),
        ("1.0 if x in [x] else 0.0", "In cannot be translated"),
        ("x or 1.0", "'x or 1.0' cannot be translated"),
        ("[x, 1.0][::-1][0]", "the step of [::-1] cannot be translated"),
        ("fsum(zip(*[[x]]))", "zip(*…) cannot be translated"),
        ("{0: x}[0]", "'{0: x}' cannot be translated"),
        ("(lambda y: y)(x)", "'(lambda y: y)(x)' cannot be translated"),
        ("len('</script>')", "'</script>'\" cannot be translated"),
        ("max([x], key=abs)", "'max([x], key=abs)' cannot be translated"),
        ("int(x) ^ 1", "'int(x) ^ 1' cannot be translated"),
        ("fsum([a for a, a in [[x, x]]])", "'for (a, a)' cannot be translated"),
    ],
)
def test_what_cannot_be_translated_is_refused_by_name(formula, why):
    operation("own(x)", formula, "1.0")
    operation("user(x)", "own(x)", "own(x)")
    assert not translatable("own")
    assert why in obstacle("own")
    assert obstacle("own").startswith("own: ")
    assert not translatable("user")
    with pytest.raises(ValueError, match="^" + re.escape(obstacle("own")) + "$"):
        functions(["mul", "own"])
    assert translatable("mul")


def test_a_row_that_is_not_in_the_table():
    with pytest.raises(KeyError, match="nothing is not in the table"):
        functions(["nothing"])


# ------------------------------------------------------------------ the text


def test_the_text_is_the_same_for_the_same_rows_and_has_what_they_need_alone():
    assert functions(["mul", "add", "mul"]) == functions({"add", "mul"})
    code = functions(["relu", "dot"])
    assert re.findall(r"^  const (\w+)", code, re.M) == [
        "abs", "len", "map", "zip", "group", "mul", "partials_sum", "fsum",
    ]  # fmt: skip
    assert re.findall(r"^    (\w+): ", code, re.M) == ["dot", "relu"]
    assert functions([]).startswith("const OPS = ")


def test_every_row_of_the_package_can_be_translated():
    assert {name: why for name in PACKAGE if (why := obstacle(name))} == {}


def test_the_text_is_strict_and_safe_inside_a_script_element(tmp_path):
    code = functions(PACKAGE)
    assert code.startswith('const OPS = (() => {\n  "use strict";\n')
    for unwanted in ("<!--", "</", "<script", "-->", "\u2028", "\u2029", "eval(", "new Function"):
        assert unwanted not in code.lower()
    assert max(map(len, code.splitlines())) <= 100
    path = tmp_path / "ops.mjs"  # modules are strict throughout
    path.write_text(code, encoding="utf-8")
    done = node("--check", str(path))
    assert (done.returncode, done.stderr) == (0, "")


def test_every_kernel_is_of_use():
    """By the rows of the package, by the translation, or as one of Python's own functions."""
    code = functions(PACKAGE)
    unused = {name for name in KERNELS if f"  const {name} = " not in code}
    assert unused == {"min", "enumerate", "mod", "floordiv"}
