"""Every value and local derivative of the table, in units in the last place.

`python tests/test_accuracy.py` prints the table of the worst over many more points.
"""

import math
import sys

import oracle
import pytest

import micrograd_bp.losses  # its rows are rows of the table
from micrograd_bp import OPS

assert micrograd_bp.losses

LIMIT = 2.0
# Rows that float64 formulas on top of the C library do not get to 2 ulp, with what they reach.
BEYOND: dict[tuple[str, str], float] = {}


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
        errors = {"value": oracle.ulps(z, oracle.value(name, operands))}
        partials = op.derivatives(z, operands)
        lengths = [len(group) if isinstance(group, list) else 1 for group in op._group(operands)]
        starts = [sum(lengths[:k]) for k in range(len(lengths))]
        for column, start, length in zip(columns[1:], starts, lengths):
            for k in range(start, start + length):
                if (name, column) in SKIPPED or math.isnan(partials[k]):
                    continue
                error = oracle.ulps(partials[k], oracle.derivative(name, operands, k))
                errors[column] = max(error, errors.get(column, 0.0))
        for column, error in errors.items():
            worst[column] = max(worst[column], (error, operands))
    return worst


SKIPPED = {("softmax", "∂k")}  # an index


@pytest.mark.parametrize("name", sorted(oracle.REFERENCE))
def test_values_and_derivatives_are_right_to_the_last_digits(name: str) -> None:
    for column, (error, where) in measure(name, 150).items():
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
        shown = ", ".join(f"{column} {error:.2f}" for column, error, _ in partials)
        print(f"| {name} | {value[1]:.2f} | {shown} |")


if __name__ == "__main__":
    main()
