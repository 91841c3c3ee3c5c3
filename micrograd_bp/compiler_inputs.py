"""What a compiled program is called with, checked before anything is computed.

>>> fitting([[[0, 1], [2, 3]]], [(2, 2)])
[array([[0., 1.],
       [2., 3.]])]
>>> fitting([[0.5, 1.0]], [(2, 2)])
Traceback (most recent call last):
ValueError: input 0: shape (2,); expected (2, 2)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["all_finite", "fitting"]

DOUBLE = np.dtype(np.float64)


def fitting(
    arrays: Sequence[Any], shapes: Sequence[tuple[int, ...]], batch: bool = False
) -> list[Any]:
    """The inputs as arrays of float64 in these shapes, with a batch below one axis more.

    An array of float64 is taken as it is. Errors: TypeError for another count, and for what holds
    no real numbers; ValueError for another shape, and where examples differ in number.
    """
    if len(arrays) != len(shapes):
        raise TypeError(f"expected {len(shapes)} inputs, got {len(arrays)}")
    given: list[Any] = []
    for k, array in enumerate(arrays):
        if type(array) is not np.ndarray or array.dtype is not DOUBLE:
            array = _numbers(array, k)
        shape = array.shape
        if batch:
            if len(shape) != len(shapes[k]) + 1 or shape[1:] != shapes[k] or not shape[0]:
                wanted = f"({', '.join(['n', *map(str, shapes[k])])}{'' if shapes[k] else ','})"
                raise ValueError(f"input {k}: shape {shape}; expected {wanted}")
            if k and shape[0] != len(given[0]):
                raise ValueError(f"input {k}: {shape[0]} examples, but input 0 has {len(given[0])}")
        elif shape != shapes[k]:
            raise ValueError(f"input {k}: shape {shape}; expected {shapes[k]}")
        given.append(array)
    return given


def _numbers(array: Any, k: int) -> Any:
    """An input as an array of float64; TypeError where it holds no numbers."""
    try:
        found = np.asarray(array)
    except ValueError:
        raise ValueError(f"input {k}: expected rows of one length") from None
    if found.dtype.kind == "O" and found.size:
        given = type(found.flat[0]).__name__
        raise TypeError(f"input {k}: expected real numbers, got objects such as {given}")
    if found.dtype.kind not in "fiub":
        raise TypeError(f"input {k}: expected real numbers, got dtype {found.dtype}")
    return found.astype(np.float64)


def all_finite(given: Sequence[Any], what: str = "input") -> None:
    """ValueError with the place of the first number that is nan or infinite."""
    for k, array in enumerate(given):
        finite = np.isfinite(array)
        if not finite.all():
            at = np.unravel_index(int(np.argmin(finite)), array.shape)
            place = "".join(f"[{i}]" for i in at)
            raise ValueError(f"{what} {k}{place} is {array[at]}; expected finite numbers")
