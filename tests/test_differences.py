"""Tests of the estimates: they allow the true derivative of awkward functions, and no other."""

import math
import random

import pytest

from micrograd_bp.differences import Estimate, slope


def noisy(scale):
    """Sin with an error of this size that is different at every float."""
    return lambda x: math.sin(x) + scale * random.Random(x.hex()).uniform(-1, 1)


AWKWARD = [  # the function, where, its derivative there
    ("exp(x)", math.exp, 1.0, math.e),
    ("exp(x) far down", math.exp, -700.0, math.exp(-700.0)),
    ("exp(x) near overflow", math.exp, 709.0, math.exp(709.0)),
    ("sin(x) at 0", math.sin, 0.0, 1.0),
    ("sin(x) far out", math.sin, 1e10, math.cos(1e10)),
    ("sin(1000 x)", lambda x: math.sin(1000 * x), 1.0, 1000 * math.cos(1000.0)),
    ("sin(1000 x) at 0", lambda x: math.sin(1000 * x), 0.0, 1000.0),
    ("cos at its top", math.cos, 0.0, 0.0),
    ("log(x) at 1e-20", math.log, 1e-20, 1e20),
    ("log(x) at 1e-300", math.log, 1e-300, 1e300),
    ("log(x) at 1e300", math.log, 1e300, 1e-300),
    ("log1p(x) at 1e-12", math.log1p, 1e-12, 1.0),
    ("sqrt(x) at 1e-12", math.sqrt, 1e-12, 5e5),
    ("sqrt(x) at 0", math.sqrt, 0.0, math.inf),
    ("-sqrt(x) at 0", lambda x: -math.sqrt(x), 0.0, -math.inf),
    ("asin(x) at 1", math.asin, 1.0, math.inf),
    ("asin(x) near 1", math.asin, 1 - 1e-6, 1 / math.sqrt(1 - (1 - 1e-6) ** 2)),
    ("x^(1/3) at 0", lambda x: math.copysign(abs(x) ** (1 / 3), x), 0.0, math.inf),
    ("x^1.5 at 0", lambda x: x**1.5 if x >= 0 else math.sqrt(x), 0.0, 0.0),
    ("x log x near 0", lambda x: x * math.log(x), 1e-9, math.log(1e-9) + 1),
    ("abs(x) at 0", abs, 0.0, 0.0),
    ("abs(x) at 1e-12", abs, 1e-12, 1.0),
    ("abs(x) at -1e-12", abs, -1e-12, -1.0),
    ("x abs(x) at 0", lambda x: x * abs(x), 0.0, 0.0),
    ("(1 + x) - 1", lambda x: (1 + x) - 1, 1e-10, 1.0),
    ("(1 + x) - 1 at 0", lambda x: (1 + x) - 1, 0.0, 1.0),
    ("x^9 at 0", lambda x: x**9, 0.0, 0.0),
    ("x^9 at 1e-3", lambda x: x**9, 1e-3, 9e-24),
    ("x^9 at 10", lambda x: x**9, 10.0, 9e8),
    ("x^2 at 1e8", lambda x: x * x, 1e8, 2e8),
    ("x^2 at 1e-8", lambda x: x * x, 1e-8, 2e-8),
    ("x^2 at 1e-150", lambda x: x * x, 1e-150, 2e-150),
    ("1/x at 1e-5", lambda x: 1 / x, 1e-5, -1e10),
    ("1/x at 1e100", lambda x: 1 / x, 1e100, -1e-200),
    ("tan(x) near its pole", math.tan, 1.57079, 1 + math.tan(1.57079) ** 2),
    ("tanh(x) at 20", math.tanh, 20.0, 4 * math.exp(-40.0)),
    ("tanh(30 x)", lambda x: math.tanh(30 * x), 0.01, 30 / math.cosh(0.3) ** 2),
    ("erf(x) at 3", math.erf, 3.0, 2 / math.sqrt(math.pi) * math.exp(-9.0)),
    ("atan(1e6 x)", lambda x: math.atan(1e6 * x), 0.0, 1e6),
    ("a narrow bell", lambda x: math.exp(-((100 * (x - 1)) ** 2)), 1.005, -100 * math.exp(-0.25)),
    ("Runge", lambda x: 1 / (1 + 25 * x * x), 0.2, -10 / 4),
    ("a constant", lambda x: 3.0, 2.0, 0.0),
    ("zero", lambda x: 0.0, 0.0, 0.0),
    ("a line", lambda x: 3 * x + 1e6, 0.1, 3.0),
    ("floor(x) at 0.5", math.floor, 0.5, 0.0),
    ("lgamma(x)", math.lgamma, 1.0, -0.5772156649015329),
    ("noise 1e-6", noisy(1e-6), 1.0, math.cos(1.0)),
    ("noise 1e-10", noisy(1e-10), 2.0, math.cos(2.0)),
]  # fmt: skip


@pytest.mark.parametrize(("f", "x", "true"), [pytest.param(*c[1:], id=c[0]) for c in AWKWARD])
def test_awkward_functions(f, x, true):
    for ratio in (1.9, 1.63):
        estimate = slope(f, x, ratio)
        assert estimate.allows(true), estimate
        wrong = true * (1 + 1e-4) + 1e-6
        if not estimate.kink and 10 * estimate.error < 0.5 * abs(wrong - true):
            assert not estimate.allows(wrong)
        if math.isfinite(true):
            assert not estimate.allows(math.inf)


ROUGH = {"sin(x) far out", "log(x) at 1e-20", "log(x) at 1e-300", "(1 + x) - 1", "noise 1e-6",
         "sqrt(x) at 0", "-sqrt(x) at 0", "asin(x) at 1", "x^(1/3) at 0", "abs(x) at 0",
         "abs(x) at 1e-12", "abs(x) at -1e-12", "x log x near 0", "noise 1e-10",
         "tanh(x) at 20"}  # fmt: skip
SHARP = [pytest.param(*c[1:], id=c[0]) for c in AWKWARD if c[0] not in ROUGH and c[3]]


@pytest.mark.parametrize(("f", "x", "true"), SHARP)
def test_smooth_functions_are_estimated_well(f, x, true):
    estimate = slope(f, x)
    assert not estimate.kink
    assert abs(estimate.value - true) <= 10 * estimate.error + 1e-10 * abs(true)
    assert estimate.error <= 1e-5 * abs(true)
    for factor in (1 + 1e-3, 1 - 1e-3, -1.0, 0.0):
        assert not estimate.allows(true * factor)


@pytest.mark.parametrize("x", [-3.0, -1e-3, -1e-9, 0.0, 1e-9, 1e-3, 0.5, 3.0])
@pytest.mark.parametrize("relative", [1e-14, 1e-9, 1e-5])
def test_noise_makes_the_error_larger_and_not_the_estimate_wrong(relative, x):
    assert slope(noisy(relative), x).allows(math.cos(x))
    assert slope(math.sin, x).error <= slope(noisy(1e-5), x).error


@pytest.mark.parametrize(
    ("f", "x", "left", "right"),
    [
        (abs, 0.0, -1.0, 1.0),
        (lambda x: max(x, 0.0), 0.0, 0.0, 1.0),
        (lambda x: max(2 * x, x * x), 2.0, 2.0, 4.0),
        (lambda x: abs(math.sin(x)), math.pi, -1.0, 1.0),
        (lambda x: x if x < 1e6 else 1e6, 1e6, 1.0, 0.0),
        (lambda x: abs(x) + 1e3, 0.0, -1.0, 1.0),
    ],
)
def test_kinks(f, x, left, right):
    estimate = slope(f, x)
    assert estimate.kink
    assert (estimate.left, estimate.right) == pytest.approx((left, right), abs=1e-6)
    low, high = sorted((left, right))
    for between in (low, high, (low + high) / 2, low + 0.1 * (high - low)):
        assert estimate.allows(between)
    for outside in (low - 0.01, high + 0.01, math.inf, -math.inf, math.nan):
        assert not estimate.allows(outside)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (math.floor, 1.0),
        (lambda x: math.copysign(1.0, x), 0.0),
        (lambda x: 0.0 if x < 2.0 else 1e-3, 2.0),
        (lambda x: {1.0: 5.0}[x] if x == 1.0 else math.log(-1.0), 1.0),
    ],
)
def test_jumps_and_lonely_points_have_no_derivative(f, x):
    estimate = slope(f, x)
    assert math.isnan(estimate.value)
    assert estimate.allows(0.0)
    assert estimate.allows(1e9)


@pytest.mark.parametrize(
    ("f", "x", "left", "right"),
    [
        (math.sqrt, 0.0, None, math.inf),
        (lambda x: math.sqrt(-x), 0.0, -math.inf, None),
        (lambda x: math.sqrt(x) ** 3, 0.0, None, 0.0),
        (math.asin, 1.0, math.inf, None),
        (lambda x: x * x if x <= 1.0 else math.log(-1.0), 1.0, 2.0, None),
    ],
)
def test_the_border_of_a_domain_has_one_side(f, x, left, right):
    estimate = slope(f, x)
    for found, expected in ((estimate.left, left), (estimate.right, right)):
        assert found == (expected if expected is None else pytest.approx(expected, abs=1e-4))


def test_an_error_at_the_point_itself():
    with pytest.raises(ValueError, match="math domain error"):
        slope(math.log, 0.0)
    with pytest.raises(ZeroDivisionError):
        slope(lambda x: 1 / x, 0.0)


@pytest.mark.parametrize(
    ("estimate", "allowed", "refused"),
    [
        (Estimate(2.0, 1e-8, 2.0, 2.0), [2.0, 2.0 + 9e-8], [2.0 + 2e-7, math.nan, math.inf]),
        (Estimate(2.0, 0.0, 2.0, 2.0), [2.0, 2.0 + 1e-10], [2.0 + 1e-9]),
        (Estimate(0.0, 1.0, -1.0, 1.0, True), [-1.0, 0.0, 1.0], [1.1, -1.1]),
        (Estimate(math.inf, 0.0, None, math.inf), [math.inf], [1e308, -math.inf, math.nan]),
        (Estimate(math.nan, math.inf, None, None), [0.0, 5.0, math.inf], []),
    ],
)
def test_allows(estimate, allowed, refused):
    assert all(map(estimate.allows, allowed))
    assert not any(map(estimate.allows, refused))
