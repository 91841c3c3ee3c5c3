"""Sums of products over letters of axes, as Einstein writes them, by products of matrices.

>>> a, b = np.ones((2, 3)), np.ones((4, 3))
>>> left, right, shape, order = matrices(a, "nk", b, "ik", "in")
>>> (left @ right).shape, shape, order
((4, 2), (4, 2), (0, 1))
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

__all__ = ["contraction", "matrices", "strided"]


def contraction(a: Any, b: Any, out: Any, letters: Sequence[str]) -> tuple[str, Any, Any, Any]:
    """How to compute the sum of a · b into `out`: a function of NumPy, and views for it.

    `letters` are those of the axes of a, b and out.
    """
    a_axes, b_axes, axes = letters
    if {*a_axes, *b_axes} == {*axes}:  # nothing is summed
        return "multiply", along(a, a_axes, axes), along(b, b_axes, axes), out
    found = matrices(a, a_axes, b, b_axes, axes)
    if found is None:
        return "einsum", a, b, out
    left, right, shape, order = found
    if shape == out.shape and order == tuple(range(len(order))):
        target = out
    else:
        target = out.reshape([shape[k] for k in order])
        target = target.transpose([order.index(k) for k in range(len(order))])
    plain = left.ndim < 3 and right.ndim < 3 and target.flags.c_contiguous
    return "dot" if plain else "matmul", left, right, target


def along(array: Any, own: str, axes: str) -> Any:
    """A view of an array with the axes `own` that lies along `axes`, with 1 for the others."""
    moved = array.transpose([own.index(k) for k in axes if k in own])
    return moved[tuple(slice(None) if k in own else None for k in axes)]


def matrices(a: Any, a_axes: str, b: Any, b_axes: str, axes: str) -> Any:
    """A contraction as a product of (stacks of) matrices, all of them views.

    (left, right, shape, order): left @ right has `shape`, one axis for each group of letters, and
    `order` puts these axes in the order of `axes`. None where it takes a copy, or is no product.
    """
    sizes = dict(zip(a_axes, a.shape)) | dict(zip(b_axes, b.shape))
    both = [k for k in axes if k in a_axes and k in b_axes]
    rows = [k for k in axes if k in a_axes and k not in b_axes]
    columns = [k for k in axes if k in b_axes and k not in a_axes]
    summed = [k for k in a_axes if k not in axes]
    if not summed or {*summed} != {k for k in b_axes if k not in axes}:
        return None
    if both and (not rows or not columns or len(both) > 1):
        return None
    left = _merged(a, a_axes, [both, rows, summed], sizes)
    right = _merged(b, b_axes, [both, summed, columns], sizes)
    if left is None or right is None:
        return None
    groups = [g for g in (both, rows, columns) if g]
    places = [axes.find("".join(g)) for g in groups]
    if min(places, default=0) < 0:
        return None
    shape = tuple(prod(sizes[k] for k in g) for g in groups)
    order = tuple(sorted(range(len(groups)), key=places.__getitem__))
    if order == (1, 0):  # (AB)ᵀ = BᵀAᵀ
        return right.T, left.T, shape[::-1], (0, 1)
    return left, right, shape, order


def _merged(array: Any, own: str, groups: list[list[str]], sizes: dict[str, int]) -> Any:
    """A view with one axis for each group of letters; None where there is none."""
    moved = array.transpose([own.index(k) for g in groups for k in g])
    found = moved.reshape([prod(sizes[k] for k in g) for g in groups if g])
    return found if np.shares_memory(found, array) else None


def strided(flat: Any, shape: tuple[int, ...], offset: int, strides: Sequence[int]) -> Any:
    """A view of a vector, or of each row of a matrix, with these strides in numbers."""
    steps = tuple(k * flat.strides[-1] for k in strides)
    if flat.ndim == 2:
        return as_strided(flat[:, offset:], (len(flat), *shape), (flat.strides[0], *steps))
    return as_strided(flat[offset:], shape, steps)
