"""Every value and local derivative of the table, in units in the last place.

`python tests/test_accuracy.py` prints the table of the worst over many more points.
"""

import sys

import oracle
import pytest

import micrograd_bp.losses  # its rows are rows of the table
from micrograd_bp import OPS

assert micrograd_bp.losses

LIMIT = 2.0
# What float64 formulas on top of the C library do not get to 2 ulp, with a bound on what they
# reach: the library's erfc is 2.4 ulp off, each of the factors of the others up to 1.5, squares
# double the rounding of a difference, and second derivatives of x^y go by y - 1, whose rounding
# costs as many digits as log x^y has.
BEYOND: dict[tuple[str, str], float] = {
    ("normal_cdf", "value"): 3.5,
    ("gelu", "value"): 3.0,
    ("gelu", "∂x"): 4.0,
    ("softmax", "∂xs"): 3.5,
    ("mean_squared_error", "value"): 4.0,
    ("sech2", "∂x"): 3.2,
    ("dsigmoid", "∂x"): 3.2,
    ("derf", "∂x"): 2.5,
    ("normal_pdf", "∂x"): 3.0,
    ("dpower", "∂x"): 400.0,
    ("dpower", "∂y"): 400.0,
}


def measure(name: str, count: int, seed: int = 0) -> dict[str, tuple[float, tuple[float, ...]]]:
    """The worst error of the value and of each partial, and where."""
    op = OPS[name]
    columns = ["value", *(f"∂{n.strip('*')}" for n in op.names)]
    worst = dict.fromkeys(columns, (0.0, ()))
    for operands in oracle.points(name, count, seed):
        try:
            z = op.evaluate(operands, operands)
        except (OverflowError, ZeroDivisionError):
            continue
        exact = oracle.value(name, operands)
        errors = {"value": oracle.ulps(z, exact, oracle.unit(name, "value", operands))}
        partials = op.derivatives(z, operands)
        lengths = [len(group) if isinstance(group, list) else 1 for group in op._group(operands)]
        starts = [sum(lengths[:k]) for k in range(len(lengths))]
        for column, start, length in zip(columns[1:], starts, lengths):
            for k in range(start, start + length):
                no_log = column == "∂y" and name in ("pow", "dpower") and operands[0] <= 0.0
                if (name, column) in SKIPPED or no_log:
                    continue
                exact = oracle.derivative(name, operands, k)
                error = oracle.ulps(partials[k], exact, oracle.unit(name, column, operands))
                errors[column] = max(error, errors.get(column, 0.0))
        for column, error in errors.items():
            worst[column] = max(worst[column], (error, operands))
    return worst


MARKS = {(False, False): "", (True, False): "†", (False, True): "‡", (True, True): "†‡"}
SKIPPED = {("softmax", "∂k")}  # an index


@pytest.mark.parametrize("name", sorted(oracle.REFERENCE))
def test_values_and_derivatives_are_right_to_the_last_digits(name: str) -> None:
    for column, (error, where) in measure(name, 150).items():
        print(f"{name:14} {column:6} {error:6.2f} ulp")  # seen with pytest -s
        assert error <= BEYOND.get((name, column), LIMIT), (name, column, error, where)


def test_every_row_has_a_reference() -> None:
    assert {n for n, op in OPS.items() if op in PACKAGE} == oracle.REFERENCE.keys()


PACKAGE = set(OPS.values())


def main() -> None:
    """Print the table, of so many points a row as the argument says (2000)."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print("| operation | value | by operand |\n|---|---|---|")
    for name in oracle.REFERENCE:
        worst = measure(name, count, seed=1)
        value, *partials = ((column, *found) for column, found in worst.items())
        mark = {
            column: MARKS[(name, column) in oracle.CANCELS, (name, column) in oracle.SUBNORMAL]
            for column in worst
        }
        shown = ", ".join(f"{column} {error:.2f}{mark[column]}" for column, error, _ in partials)
        print(f"| {name} | {value[1]:.2f}{mark['value']} | {shown} |")


if __name__ == "__main__":
    main()
