"""Scalars in, matrices out: a recorded graph as array code that runs again and again.

`compile` records nothing and changes nothing: it reads the graph of a loss, finds the vectors and
matrices in it, and gives a `Program` that computes the loss and its gradients for new inputs as
fast as NumPy written by hand. Needs NumPy: `pip install 'micrograd_bp[fast]'`.

>>> from micrograd_bp import MLP, Value
>>> from micrograd_bp.losses import mean_squared_error
>>> model = MLP(2, [3, 1], activation="tanh", seed=0)
>>> X = [[Value(0.0), Value(0.0)] for _ in range(4)]  # four examples
>>> Y = [Value(0.0) for _ in range(4)]
>>> loss = mean_squared_error([model(x) for x in X], Y)
>>> program = compile(loss, inputs=[X, Y], wrt=model)
>>> value, [(d_W1, d_b1), (d_W2, d_b2)] = program([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
>>> round(value, 6), d_W1.shape, d_b2.shape
(0.288455, (3, 2), (1,))

What Python decided while the graph was recorded (`if v.data > 0`, a number taken out of a Value)
is fixed in it; `program.check` compares with the engine.
"""

from collections.abc import Callable, Sequence
from contextvars import Context
from functools import cached_property
from math import isfinite
from threading import Lock
from typing import TYPE_CHECKING, Any

from micrograd_bp.compiler_graph import fuse, levels, read
from micrograd_bp.compiler_replay import replay
from micrograd_bp.compiler_trees import Leaf, Tree, flatten
from micrograd_bp.engine import Value, grad

if TYPE_CHECKING:
    from micrograd_bp.compiler_layout import Layout
    from micrograd_bp.compiler_machine import Machine
    from micrograd_bp.compiler_passes import Passes
    from micrograd_bp.compiler_source import Text

__all__ = ["Program", "compile"]

BATCHES = (False, True, "sum", "mean", "each")


def compile(
    output: Value, inputs: Sequence[Any] = (), wrt: Any = None, batch: bool | str = False
) -> "Program":
    """The program of `output` for other numbers in `inputs` and in the parameters `wrt`.

    `inputs` is a list of what the program will be called with, each a Value or a nested list of
    Values of one shape. `wrt` is what gradients are wanted of: a module, a Value, a nested list, a
    tuple or dict of these, or None; inputs may be among them, but share no array with parameters:
    a list with some of both stays a list. All other leaves are constants.

    With `batch` the graph is that of one example, and each input gets one axis more, in front, for
    many of them: "sum" (or True) gives the sums of their values and gradients, "mean" the means,
    "each" every one, along an axis in front.

    Errors: ImportError without NumPy; TypeError for what is no Value; ValueError for a Value that
    is no leaf, or is twice among the inputs.

    Takes time and memory in proportion to the nodes: 3 to 8 µs and 0.2 to 0.6 kB each in networks
    and chains, up to 25 µs and 2 kB where few of them are alike, and 0.5 µs more for each operand
    beyond two. The graph itself may be forgotten then.

    >>> w, x = Value(0.5, "w"), Value(0.0, "x")
    >>> program = compile((w * x).exp(), inputs=[x], wrt=w, batch=True)
    >>> program([0.0, 2.0])  # e⁰ + e¹, and 0 · e⁰ + 2 · e¹
    (3.718281828459045, array(5.43656366))
    """
    if not isinstance(output, Value):
        raise TypeError(f"compile: expected a Value, got {type(output).__name__}")
    if not isinstance(batch, bool | str) or batch not in BATCHES:
        raise ValueError(f"compile: batch is {batch!r}; expected one of {BATCHES}")
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise ImportError("compile needs NumPy: pip install 'micrograd_bp[fast]'") from None
    if isinstance(inputs, Value) or not isinstance(inputs, list | tuple):
        raise TypeError(f"compile: expected a list of inputs, got {type(inputs).__name__}")
    given = []
    for k, one in enumerate(inputs):
        tree = flatten(one, f"inputs[{k}]")
        if tree.form != 0:
            raise TypeError(f"inputs[{k}]: expected Values in a nested list of one shape")
        given.append(tree.leaves[0])
    seen: set[Value] = set()
    for k, leaf in enumerate(given):
        for v in leaf.values:
            if v in seen:
                label = f" {v.label!r}" if v.label else ""
                raise ValueError(f"inputs[{k}]: the Value{label} is twice among the inputs")
            seen.add(v)
    wanted = None if wrt is None else flatten(wrt, "wrt", seen)
    return Program(output, given, wanted, batch)


class Program:
    """A loss and its gradients as a function of arrays. Made by `compile`.

    `parameters` are NumPy arrays in the structure of `wrt` (inputs among them are left as they
    are): the program reads them anew at each call, so change them in place. `source` is the
    program as text.
    """

    def __init__(
        self, output: Value, inputs: Sequence[Leaf], wrt: Tree | None, batch: bool | str
    ) -> None:
        import numpy as np

        from micrograd_bp import compiler_inputs, compiler_thin

        self._np = np
        self._checks = compiler_inputs
        self._inputs = inputs
        self._wrt = wrt
        self._batch = "sum" if batch is True else batch
        leaves = [] if wrt is None else wrt.leaves
        known = {v for leaf in inputs for v in leaf.values}
        self._owned: list[list[Value]] = []  # the Values of each parameter array
        self._owners: list[int] = []  # and which of `wrt` it is
        shapes = []
        for k, leaf in enumerate(leaves):
            if known.issuperset(leaf.values):
                continue
            own = []
            for v in leaf.values:  # where one is again, there is another that nothing reads
                own.append(Value(v.data) if v in known else v)
                known.add(v)
            self._owned.append(own)
            self._owners.append(k)
            shapes.append(leaf.shape)
        arrays = [*self._owned, *(leaf.values for leaf in inputs)]
        place = {v: (j, i) for j, values in enumerate(arrays) for i, v in enumerate(values)}
        shapes += [leaf.shape for leaf in inputs]
        count = len(self._owned)
        self._shapes = shapes[count:]
        self._graph = read(output, arrays)
        self._places = [[place[v] for v in leaf.values] for leaf in leaves]
        wanted = sorted({j for places in self._places for j, _ in places})
        self._wanted = wanted
        self._whole = [_whole(places, arrays) for places in self._places]
        first = {j: k for k, j in reversed([*enumerate(self._whole)])}
        self._again = [k for k, j in enumerate(self._whole) if j is not None and first[j] != k]
        self._all_shapes = shapes
        self._machines: dict[int, Machine] = {}
        self._turn = Lock()  # threads share the buffers
        self._strictly = Context()  # entering it costs less than `errstate` does
        self._strictly.run(np.seterr, divide="raise", over="raise", invalid="raise")
        fused = self._fused = fuse(self._graph)
        size = len(fused.ops), sum(map(len, fused.operands))
        groups = {(depth, op) for depth, op in zip(levels(fused), fused.ops) if op}
        thin = not batch and compiler_thin.pays(*size, len(groups))
        if not thin and not batch:
            reads = [read for group in self._layout.groups for read in group.reads]
            thin = compiler_thin.pays(*size, len(groups), sum(r.gathered for r in reads))
        self._tape = None
        if thin:
            machine = compiler_thin.thin(fused, shapes, wanted)
            self._parameters = machine.leaves[:count]
            machine.leaves[:] = machine.leaves[count:]
            self._machines[1] = machine
        else:
            if not batch and (self._passes.taped or self._passes.reads_tape):
                self._tape = np.zeros((1, self._layout.end))
            ends = np.cumsum([0, *map(len, self._owned)])
            flat = np.zeros(ends[-1]) if self._tape is None else self._tape[0]
            self._parameters = [
                flat[a:b].reshape(shape) for a, b, shape in zip(ends, ends[1:], shapes)
            ]
        for array, values in zip(self._parameters, self._owned):
            array[...] = np.array([v.data for v in values]).reshape(array.shape)
        self._direct = len(leaves) == len(wanted) and all(
            self._whole[k] == j
            and leaf.shape == self._full(j) != ()
            and (thin or self._has_shape(self._passes.gradients[k], j))
            for k, (leaf, j) in enumerate(zip(leaves, wanted))
        )
        if not batch and not thin:
            self._machine(1)

    def _has_shape(self, g: Any, j: int) -> bool:
        """Whether a gradient comes in the shape of the j-th array, and not as a number for all."""
        return getattr(g, "shape", None) == self._full(j) and g.batched == bool(self._lead(j, 1))

    @cached_property
    def _layout(self) -> "Layout":
        from micrograd_bp.compiler_layout import layout

        return layout(self._fused, self._all_shapes, self._kinds)

    @cached_property
    def _passes(self) -> "Passes":
        from micrograd_bp.compiler_passes import passes

        batched = [kind == "input" and bool(self._batch) for kind in self._kinds]
        return passes(self._layout, self._wanted, batched, self._batch)

    @property
    def _kinds(self) -> list[str]:
        return ["parameter"] * len(self._owned) + ["input"] * len(self._inputs)

    def __repr__(self) -> str:
        shapes = ", ".join(map(str, self._shapes))
        count = sum(array.size for array in self._parameters)
        return f"<Program of inputs {shapes or '()'} and {count:,} parameter{'s' * (count != 1)}>"

    @property
    def parameters(self) -> Any:
        """The parameters as arrays in the structure of `wrt`; None in the place of inputs.

        Where a Value is in several places, its first one counts, and the others follow it.
        """
        if self._wrt is None:
            return None
        return self._wrt.filled([self._parameter(k) for k in range(len(self._wrt.leaves))])

    def _parameter(self, k: int) -> Any:
        assert self._wrt is not None
        places, leaf = self._places[k], self._wrt.leaves[k]
        if any(j >= len(self._owned) for j, _ in places):
            return None
        own = self._parameters[self._owners.index(k)] if k in self._owners else None
        if own is not None and self._whole[k] is not None:
            return own
        found = self._np.array([self._parameters[j].flat[i] for j, i in places])
        found = found.reshape(leaf.shape)
        if own is None:
            return found
        own[...] = found
        return own

    def write_back(self) -> None:
        """Set the `.data` of the parameters' Values to the numbers in `parameters`."""
        for array, values in zip(self._parameters, self._owned):
            for v, number in zip(values, array.ravel().tolist()):
                v.data = number

    def __call__(self, *arrays: Any) -> tuple[Any, Any]:
        """The value, and the gradients in the structure of `wrt` (None without).

        One array (or nested list, or number) for each of the inputs. What is returned is the
        caller's: later calls leave it alone. Errors: TypeError and ValueError for what does not
        fit the inputs or is not finite, before anything is computed; and those of the first
        operation that has no value, in the engine's words.
        """
        value, found, rows = self._computed(self._fitting(arrays))
        if self._wrt is None:
            return value, None
        if not self._direct:
            found = [self._gradient(k, found, rows) for k in range(len(self._places))]
            for k in self._again:
                found[k] = found[k].copy()
        return value, self._wrt.filled(found)

    def _fitting(self, arrays: Sequence[Any]) -> list[Any]:
        """The inputs as float64 arrays of the right shapes."""
        given: list[Any] = self._checks.fitting(arrays, self._shapes, bool(self._batch))
        return given

    def _computed(self, given: list[Any]) -> tuple[Any, list[Any], int]:
        """The value, the gradients of the groups of leaves, and how many rows a batch has."""
        rows = len(given[0]) if self._batch and given else 1
        machine = self._machines.get(rows) or self._machine(rows)
        try:
            with self._turn:
                value, found = self._strictly.run(_run, machine, given)
            if not self._batch:
                if value - value == 0.0:
                    return float(value), found, 1
            else:
                total = self._over_batch(value, rows)
                if all(map(isfinite, total)) if self._batch == "each" else isfinite(total):
                    return total, found, rows
        except ArithmeticError:
            self._checks.all_finite(given)
            self._checks.all_finite(self._parameters, "parameters")
        except ValueError:
            self._replayed(given, rows)  # raises the engine's error
            raise
        value, found = self._replayed(given, rows)
        return (self._over_batch(value, rows) if self._batch else value), found, rows

    def _machine(self, rows: int) -> "Machine":
        """The program on buffers for a batch of so many rows; the latest few are kept."""
        from micrograd_bp.compiler_numpy import assemble

        machine = assemble(self._layout, self._passes, rows, self._parameters, self._tape)
        machine.leaves[:] = machine.leaves[len(self._owned) :]
        if len(self._machines) > 3:
            del self._machines[next(iter(self._machines))]
        self._machines[rows] = machine
        return machine

    def _over_batch(self, value: Any, rows: int) -> Any:
        """The value of the batch from those of its examples."""
        np = self._np
        if np.ndim(value) == 0:
            value = np.full(rows, float(value))
        if self._batch == "each":
            return value
        total = float(np.add.reduce(value))
        return total / rows if self._batch == "mean" else total

    def _gradient(self, k: int, found: list[Any], rows: int, library: Any = None) -> Any:
        """The gradient of the k-th array of `wrt`."""
        np = self._np if library is None else library
        assert self._wrt is not None
        shape, places = self._wrt.leaves[k].shape, self._places[k]
        parts = {}
        for j in dict.fromkeys(j for j, _ in places):
            g, lead = found[self._wanted.index(j)], self._lead(j, rows)
            full = lead + self._full(j)
            g = np.zeros(full) if g is None else np.asarray(g)
            parts[j] = g if g.shape == full else np.array(np.broadcast_to(g, full))
        if self._whole[k] is not None:
            return parts[places[0][0]].reshape(lead + shape)
        columns = [parts[j].reshape((*self._lead(j, rows), -1))[..., i] for j, i in places]
        return np.stack(columns, -1).reshape(lead + shape)

    def _lead(self, j: int, rows: int) -> tuple[int, ...]:
        """The axis of the batch, where the gradient by the j-th array has it."""
        return (rows,) if self._batch and (self._batch == "each" or j >= len(self._owned)) else ()

    def _full(self, j: int) -> tuple[int, ...]:
        own = len(self._owned)
        return self._parameters[j].shape if j < own else self._shapes[j - own]

    def _replayed(self, given: list[Any], rows: int) -> tuple[Any, list[Any]]:
        """What the engine gives; or its error, where an operation has no value."""
        np = self._np
        own = [p.ravel().tolist() for p in self._parameters]
        values, every = [], []
        for row in range(rows):
            mine = [(a[row] if self._batch else a).ravel().tolist() for a in given]
            value, gradients = replay(self._graph, [*own, *mine])
            values.append(value)
            every.append([np.array([gradients[k] for k in nodes]) for nodes in self._graph.leaves])
        every = [[gradients[j] for j in self._wanted] for gradients in every]
        return (np.array(values) if self._batch else values[0]), self._together(every, rows)

    def _together(self, every: list[list[Any]], rows: int) -> list[Any]:
        """The gradients of a batch from those of its examples."""
        np = self._np
        found = []
        for k, j in enumerate(self._wanted):
            parts = [gradients[k].reshape(self._full(j)) for gradients in every]
            g = np.stack(parts) if self._lead(j, rows) else sum(parts[1:], parts[0])
            found.append(g / rows if self._batch == "mean" else g)
        return found

    def check(
        self, *arrays: Any, rebuild: Callable[..., Value] | None = None, rtol: float = 1e-9
    ) -> float:
        """Compare with the engine at these inputs: the largest relative difference found.

        The recorded graph is evaluated again, number by number. Where Python decided something
        while it was recorded, give `rebuild`: the function that made it, called with the inputs as
        nested lists of new Values (of one example, with a batch); it is to use the parameters'
        own Values, which hold the program's numbers meanwhile. Errors: ValueError where value or
        gradients differ by more than `rtol` of the largest.
        """
        np = self._np
        given = self._fitting(arrays)
        rows = len(given[0]) if self._batch and given else 1
        value, found, _ = self._computed(given)
        if rebuild is None:
            expected, wanted = self._replayed(given, rows)
            if self._batch:
                expected = self._over_batch(expected, rows)
        else:
            expected, wanted = self._rebuilt(given, rows, rebuild)
        worst = 0.0
        pairs = [(value, expected, "value"), *((a, b, "gradient") for a, b in zip(found, wanted))]
        for ours, theirs, what in pairs:
            ours = np.zeros(np.shape(theirs)) if ours is None else ours
            scale = float(np.max(np.abs(theirs), initial=0.0)) or 1.0
            difference = float(np.max(np.abs(ours - theirs), initial=0.0)) / scale
            if not difference <= rtol:
                raise ValueError(
                    f"the program's {what} is not the engine's: they differ by {difference:.2g} of "
                    "the largest; was something decided in Python while the graph was recorded?"
                )
            worst = max(worst, difference)
        return worst

    def _rebuilt(
        self, given: list[Any], rows: int, rebuild: Callable[..., Value]
    ) -> tuple[Any, list[Any]]:
        """What the engine gives for a graph that is recorded anew."""
        np = self._np
        before = [[v.data for v in values] for values in self._owned]
        self.write_back()
        try:
            values, every = [], []
            for row in range(rows):
                mine = [_recorded((a[row] if self._batch else a).tolist()) for a in given]
                leaves = [*self._owned, *(_flat(nested) for nested in mine)]
                output = rebuild(*mine)
                values.append(output.data)
                every.append([np.array(grad(output, leaves[j])) for j in self._wanted])
        finally:
            for numbers, owned in zip(before, self._owned):
                for number, v in zip(numbers, owned):
                    v.data = number
        found = self._together(every, rows)
        return (self._over_batch(np.array(values), rows) if self._batch else values[0]), found

    @property
    def source(self) -> str:
        """The program as a function of arrays, in NumPy and in the lectures' names.

        It is called with the inputs and parameters and gives the value and the gradients, array by
        array. What runs is the same, with its memory laid out beforehand; but a long thin graph
        (a loop of thousands of steps) runs as a loop, and is as long as text as it is deep.
        """
        return self._text.source

    @cached_property
    def _text(self) -> "Text":
        from micrograd_bp.compiler_source import stem, write

        names = [stem([v.label for v in values]) for values in self._owned]
        inputs = [stem([v.label for v in leaf.values]) for leaf in self._inputs]
        for k, name in enumerate(inputs):
            if not name:
                layered = k == 0 and "W1" in names  # then the inputs are the activations a0
                inputs[k] = "a0" if layered else "XYZ"[k] if k < 3 else f"X{k}"
        return write(self._layout, self._passes, [*names, *inputs])

    def to(self, library: str) -> Callable[..., tuple[Any, Any]]:
        """The program as a pure function for JAX: f(parameters, *inputs) gives (value, gradients).

        `parameters` has the structure of `.parameters` (None for the inputs in it). The function
        may be given to `jax.jit`, `vmap` and `grad`, and its inputs and parameters be sharded over
        devices. It computes in JAX's precision: for float64 set `jax_enable_x64`. It raises no
        errors: where an operation has no value, it gives nan or inf. It is the text of `source`: a
        loop of hundreds of steps takes JAX minutes to compile. Errors here: ValueError for another
        library, ImportError without JAX (`pip install 'micrograd_bp[jax]'`).
        """
        if library != "jax":
            raise ValueError(f"to({library!r}): expected 'jax'")
        try:
            import jax
            import jax.numpy as jnp
        except ImportError:
            raise ImportError("needs JAX: pip install 'micrograd_bp[jax]'") from None
        return self._function(jnp, jax)

    def _function(self, library: Any, special: Any = None) -> Callable[..., tuple[Any, Any]]:
        """The text as a function of parameters and inputs."""
        from micrograd_bp.compiler_functions import array_functions

        text = self._text
        scope = array_functions(library, special) | text.constants
        exec(text.source, scope)
        own = len(self._owned)

        def run(parameters: Any, *inputs: Any) -> tuple[Any, Any]:
            if len(inputs) != len(self._shapes):
                raise TypeError(f"expected {len(self._shapes)} inputs, got {len(inputs)}")
            flat = [] if self._wrt is None else self._wrt.listed(parameters)
            leaves = [library.asarray(flat[k], float) for k in self._owners]
            leaves += [library.asarray(array, float) for array in inputs]
            value, found = scope["program"](*(leaves[j] for j in text.leaves))
            rows = len(leaves[own]) if self._batch and inputs else 1
            if self._batch:
                value = library.broadcast_to(value, (rows,))
                if self._batch != "each":
                    value = value.sum() if self._batch == "sum" else value.mean()
            if self._wrt is None:
                return value, None
            gradients = [self._gradient(k, found, rows, library) for k in range(len(self._places))]
            return value, self._wrt.filled(gradients)

        return run


def _run(machine: "Machine", given: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Fill the leaves and run; FloatingPointError for an input that is not finite, or is huge."""
    size = 0.0
    for leaf, array in zip(machine.leaves, given):
        leaf[...] = array
        flat = array.ravel()
        size += flat.dot(flat)
    if size - size != 0.0:
        raise FloatingPointError("an input is not finite, or too large to be squared")
    return machine.run()


def _recorded(numbers: Any) -> Any:
    """Nested lists of numbers as Values."""
    return [*map(_recorded, numbers)] if isinstance(numbers, list) else Value(numbers)


def _flat(nested: Any) -> list[Value]:
    if isinstance(nested, Value):
        return [nested]
    return [v for part in nested for v in _flat(part)]


def _whole(places: Sequence[tuple[int, int]], arrays: Sequence[Sequence[Value]]) -> int | None:
    """The array that these places are all of, in order; None where they are not."""
    j = places[0][0]
    return j if [*places] == [(j, i) for i in range(len(arrays[j]))] else None
