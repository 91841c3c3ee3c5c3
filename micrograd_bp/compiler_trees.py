"""Nested structures of Values as arrays, and arrays in the same structure again.

>>> from micrograd_bp.nn import MLP
>>> [leaf.shape for leaf in flatten(MLP(2, [3, 1]), "wrt").leaves]
[(3, 2), (3,), (1, 3), (1,)]
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from micrograd_bp.engine import Value
from micrograd_bp.nn import MLP, Layer, Module, Neuron

__all__ = ["Leaf", "Tree", "flatten"]


@dataclass(frozen=True)
class Leaf:
    """The Values of one array, and its shape."""

    values: tuple[Value, ...]
    shape: tuple[int, ...]


@dataclass
class Tree:
    """`leaves` in order, and `form`: the structure with their numbers in their places."""

    leaves: list[Leaf] = field(default_factory=list)
    form: Any = None
    inputs: Collection[Value] = ()

    def filled(self, arrays: Sequence[Any]) -> Any:
        """The structure with an array in the place of each leaf."""
        return self._fill(arrays)

    def listed(self, filled: Any) -> list[Any]:
        """The arrays of a structure like this one, in order; TypeError where it is another."""
        found: list[Any] = [None] * len(self.leaves)
        stack = [(self.form, filled)]
        while stack:
            form, given = stack.pop()
            if isinstance(form, int):
                found[form] = given
            elif isinstance(form, dict) and isinstance(given, dict) and {*form} == {*given}:
                stack += [(form[key], given[key]) for key in form]
            elif isinstance(form, list | tuple) and isinstance(given, list | tuple):
                if len(form) != len(given):
                    raise TypeError(f"parameters: {len(given)} parts; expected {len(form)}")
                stack += zip(form, given)
            elif form is not None:
                raise TypeError(f"parameters: got {type(given).__name__} for {self.form}")
        return found

    @cached_property
    def _fill(self) -> Callable[[Sequence[Any]], Any]:
        keys: list[Any] = []
        text = _spelled(self.form, keys)
        function: Callable[[Sequence[Any]], Any] = eval(f"lambda g: {text}", {"keys": keys})
        return function


def _spelled(form: Any, keys: list[Any]) -> str:
    """The structure as an expression: walking it at each call would cost as much as a layer."""
    if isinstance(form, int):
        return f"g[{form}]"
    if isinstance(form, dict):
        parts = []
        for key, part in form.items():
            keys.append(key)
            parts.append(f"keys[{len(keys) - 1}]: {_spelled(part, keys)}")
        return f"{{{', '.join(parts)}}}"
    if form is None:
        return "None"
    inner = "".join(f"{_spelled(part, keys)}, " for part in form)
    return f"({inner})" if isinstance(form, tuple) else f"[{inner}]"


def flatten(given: Any, where: str, inputs: Collection[Value] = ()) -> Tree:
    """The arrays in `given`.

    A list of Values, or of lists of equal shape, is one array, if all of them are `inputs` or
    none is; other lists, tuples and dicts stay what they are. An `MLP` is a list of (W, b) layer
    by layer, as `MLP.from_arrays` takes them, a `Layer` or `Neuron` one such pair (b is None
    without biases); any other module is a dict of its attributes that hold parameters. Errors:
    TypeError for what is no Value, ValueError for a Value that is not a leaf.
    """
    tree = Tree(inputs=inputs)
    tree.form = _form(given, where, tree)
    return tree


def _form(given: Any, where: str, tree: Tree) -> Any:
    if isinstance(given, MLP):
        return [_form(layer, where, tree) for layer in given.layers]
    if isinstance(given, Layer):
        biases = [neuron.b for neuron in given.neurons]
        W = _form([neuron.w for neuron in given.neurons], where, tree)
        return W, (None if None in biases else _form(biases, where, tree))
    if isinstance(given, Neuron):
        return _form(given.w, where, tree), None if given.b is None else _form(given.b, where, tree)
    if isinstance(given, Module):
        found = {}
        for name, part in vars(given).items():
            if _holds_values(part):
                found[name] = _form(part, f"{where}.{name}", tree)
        return found
    if isinstance(given, dict):
        return {key: _form(part, f"{where}[{key!r}]", tree) for key, part in given.items()}
    array = _array(given, where)
    if array is not None and len({v in tree.inputs for v in array.values}) == 1:
        tree.leaves.append(array)
        return len(tree.leaves) - 1
    if not isinstance(given, list | tuple):
        raise TypeError(f"{where}: expected Values, got {type(given).__name__}")
    parts = [_form(part, f"{where}[{k}]", tree) for k, part in enumerate(given)]
    return tuple(parts) if isinstance(given, tuple) else parts


def _holds_values(part: Any) -> bool:
    if isinstance(part, Value):
        return not part.op
    if isinstance(part, Module):
        return any(True for _ in part.parameters())
    if isinstance(part, list | tuple):
        return any(map(_holds_values, part))
    return isinstance(part, dict) and any(map(_holds_values, part.values()))


def _array(given: Any, where: str) -> Leaf | None:
    """`given` as one array; None where it is none."""
    shape: list[int] = []
    level = [given]
    while not isinstance(level[0], Value):
        if not all(isinstance(part, list | tuple) for part in level):
            return None
        lengths = {len(part) for part in level}
        if len(lengths) > 1 or 0 in lengths:
            return None
        shape.append(lengths.pop())
        level = [inner for part in level for inner in part]
    if not all(isinstance(v, Value) for v in level):
        return None
    for k, v in enumerate(level):
        if v.op:
            index = "".join(f"[{i}]" for i in _index(k, shape))
            raise ValueError(
                f"{where}{index} is the result of {v.op}; expected a leaf, which can be changed"
            )
    return Leaf(tuple(level), tuple(shape))


def _index(k: int, shape: Sequence[int]) -> list[int]:
    found = []
    for axis in range(len(shape)):
        step = prod(shape[axis + 1 :])
        found.append(k // step)
        k %= step
    return found
