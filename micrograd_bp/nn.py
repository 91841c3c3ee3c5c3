"""Neurons, layers and perceptrons of many layers, over Values.

Parameters, pre-activations and activations carry the labels of the lecture (CSC311): W_ij^(m) goes
*to* unit i of layer m *from* unit j of layer m - 1, all counted from 1; a last layer of one unit
has w_j^(L), b^(L), z^(L), a^(L). `repr`, the random initial weights and the plain calls are those
of micrograd.

>>> model = MLP(3, [3, 2, 1], activation="sigmoid", output_activation="sigmoid", seed=1)
>>> [model.weight(2, 1, 2).label, model.bias(2, 1).label, model.weight(3, 1, 2).label]
['W^{(2)}_{12}', 'b^{(2)}_1', 'w^{(3)}_2']
>>> a = model([0.5, -1.5, 2.0])
>>> a.label, a.op, a.parents[0].label, a.parents[0].op
('a^{(3)}', 'sigmoid', 'z^{(3)}', 'dot')
"""

import os
import random
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from micrograd_bp import reading, saving
from micrograd_bp.engine import Value
from micrograd_bp.ops import OPS
from micrograd_bp.table import listed, number, whole

ACTIVATIONS = (
    *("linear", "relu", "leaky_relu", "gelu", "softplus"),
    *("sigmoid", "tanh", "erf", "sin", "cos", "exp"),
)
"""The names that `activation=` and `output_activation=` take."""


_dot = OPS["dot"]  # without the checks of `ops.dot`, which a neuron makes itself


def tex(symbol: str, layer: int | None = None, *indices: int) -> str:
    r"""A label in the lecture's notation.

    >>> tex("W", 2, 1, 2), tex("W", 1, 10, 3), tex("z", 3), tex("w", None, 1)
    ('W^{(2)}_{12}', 'W^{(1)}_{10,3}', 'z^{(3)}', 'w_1')
    """
    upper = "" if layer is None else f"^{{({layer})}}"
    lower = ("," if max(indices, default=0) > 9 else "").join(map(str, indices))
    if len(lower) > 1:
        lower = f"{{{lower}}}"
    return symbol + upper + (f"_{lower}" if indices else "")


class Module:
    """Something with parameters: its leaf Values, and those of its lists and modules.

    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Value(2.0)
    ...         self.shifts = [Value(0.0, "s_1"), Value(1.0, "s_2")]
    >>> [name for name, _ in Scale().named_parameters()]
    ['factor', 's_1', 's_2']
    """

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """The parameters in order, each with its label, or else with the way to it."""
        seen: set[int] = set()  # what two attributes share counts once
        stack: list[tuple[str, Any]] = [("", self)]
        while stack:
            name, item = stack.pop()
            if id(item) in seen:
                continue
            seen.add(id(item))
            if isinstance(item, Value):
                if not item.op:
                    yield item.label or name, item
            elif isinstance(item, Module):
                dot = f"{name}." if name else ""
                stack += [(dot + key, inner) for key, inner in vars(item).items()][::-1]
            elif isinstance(item, list | tuple | dict):
                items = item.items() if isinstance(item, dict) else enumerate(item)
                stack += [(f"{name}[{key}]", inner) for key, inner in items][::-1]

    def parameters(self) -> list[Value]:
        """The parameters: for the networks here unit by unit, its weights, then its bias."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, before the next `backward()`."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def document(self) -> dict[str, Any]:
        """The parameters as plain numbers, by name: what `save` writes, for JSON of your own.

        Errors: ValueError where there is none, or one is not finite.
        """
        named = [(name, number(v.data, name)) for name, v in self.named_parameters()]
        if not named:
            raise ValueError(f"{type(self).__name__} has no parameters to save")
        for name, value in named:
            if not isfinite(value):
                raise ValueError(f"{name} is {value}: only finite parameters can be saved")
        names, values = map(list, zip(*named))
        head = {"format": saving.PARAMETERS, "version": saving.VERSION}
        return head | {"names": names, "values": values}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the parameters to `path`: .json, .npz or .safetensors (see `saving`).

        The old file or the new one is there at any moment, whole. Of an `MLP` all is written, and
        `load(path)` makes it anew; any other module takes its parameters back by
        `load_parameters`. Errors: ValueError where a parameter is not finite, or for another
        suffix; ImportError where a library is missing; OSError where it cannot be written.
        """
        saving.write(path, self.document())

    def load_parameters(self, path: str | os.PathLike[str]) -> None:
        """Take the numbers that a module of this make has saved: all of them, or none.

        Errors: ValueError saying what is wrong and where, also where the names or their order
        are not those of this module; ImportError and OSError as in `load`.

        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "neuron.json"
        >>> trained, fresh = Neuron(2), Neuron(2)
        >>> trained.save(path)
        >>> fresh.load_parameters(path)
        >>> [v.data for v in fresh.w] == [v.data for v in trained.w]
        True
        """
        document = saving.read(path)
        with reading.inside(path):
            if saving.format_of(document) == saving.FORMAT:
                whole = MLP.from_document(document)
                found = [(name, v.data) for name, v in whole.named_parameters()]
            else:
                found = saving.parameters_of(document)
            own = [*self.named_parameters()]
            for k, ((name, _), (expected, _)) in enumerate(zip(found, own)):
                if name != expected:
                    raise ValueError(
                        f"parameter {k} is {reading.shown(name)}, but this module's is "
                        f"{reading.shown(expected)}"
                    )
            if len(found) != len(own):
                raise ValueError(f"{len(found)} parameters, but this module has {len(own)}")
        for (_, value), (_, parameter) in zip(found, own):
            parameter.data = value


class Neuron(Module):
    """a = σ(z) of z = Σ wⱼxⱼ + b: `nin` inputs, one output.

    `activation` is a name in `ACTIVATIONS`; micrograd's `nonlin` says relu or linear. `unit` and
    `layer` are for the labels. Weights are uniform in [-1, 1], drawn from `rng` or else from the
    module `random`; the bias starts at 0. With `fused=False` z is recorded as products and sums.
    Errors: ValueError for no inputs, an unknown activation, or, when it is called, another number
    of inputs.

    >>> neuron = Neuron(2)
    >>> neuron.w[0].data, neuron.w[1].data = 0.5, -0.25
    >>> neuron([1.0, 2.0]).data, neuron
    (0.0, ReLUNeuron(2))
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        *,
        activation: str | None = None,
        fused: bool = True,
        bias: bool = True,
        layer: int | None = None,
        unit: int | None = None,
        rng: Any = random,
    ) -> None:
        if activation is None:
            activation = "relu" if nonlin else "linear"
        self.activation = _known(activation)
        if whole(nin, "Neuron: nin") < 1:
            raise ValueError(f"a neuron needs at least 1 input, got nin = {nin}")
        self.fused = fused
        self.place = f" (unit {unit} of layer {layer})" if layer and unit else ""
        own = () if unit is None else (unit,)
        symbol = "w" if unit is None else "W"
        self.w = [Value(rng.uniform(-1, 1), tex(symbol, layer, *own, j)) for j in range(1, nin + 1)]
        self.b = Value(0.0, tex("b", layer, *own)) if bias else None
        self.z_label, self.a_label = tex("z", layer, *own), tex("a", layer, *own)

    def __call__(self, x: Sequence[Value | float]) -> Value:
        """The activation a of the inputs x: as many as there are weights, Values or numbers.

        Errors: ValueError for another number of them, TypeError for what is no sequence.
        """
        try:
            given = len(x)
        except TypeError:
            raise TypeError(
                f"expected a sequence of {len(self.w)} inputs, got {type(x).__name__}"
            ) from None
        if given != len(self.w):
            raise ValueError(f"expected {len(self.w)} inputs, got {given}{self.place}")
        z: Value
        if self.fused:
            z = _dot(self.w, x, 0.0 if self.b is None else self.b)
        else:
            products = [w * xj for w, xj in zip(self.w, x)]
            z = sum(products, self.b) if self.b is not None else sum(products[1:], products[0])
        z.label = self.z_label
        if self.activation == "linear":
            return z
        a: Value = getattr(z, self.activation)()
        a.label = self.a_label
        return a

    def __repr__(self) -> str:
        symbol = "Linear" if self.activation == "linear" else OPS[self.activation].symbol
        return f"{symbol[0].upper()}{symbol[1:]}Neuron({len(self.w)})"


class Layer(Module):
    """`nout` neurons on the same `nin` inputs; the other arguments are theirs.

    Called on inputs it gives the list of activations, or the one activation of a single neuron.
    Errors: ValueError for no neurons, and those of a neuron.

    >>> Layer(2, 2, activation="tanh")
    Layer of [TanhNeuron(2), TanhNeuron(2)]
    """

    def __init__(
        self, nin: int, nout: int, *args: Any, single: bool = False, **kwargs: Any
    ) -> None:
        if whole(nout, "Layer: nout") < 1:
            raise ValueError(f"a layer needs at least 1 unit, got nout = {nout}")
        units = [None] if single else range(1, nout + 1)
        self.neurons = [Neuron(nin, *args, unit=unit, **kwargs) for unit in units]

    def __call__(self, x: Sequence[Value | float]) -> Any:
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


class MLP(Module):
    """A multi-layer perceptron: `nin` inputs, then layers of `nouts` units each.

    `activation` is that of the hidden layers, `output_activation` that of the last. With a `seed`
    the initial weights come from a generator of their own, else from the module `random`, in
    micrograd's order. `fused=False` records each z as products and sums, `bias=False` leaves the
    biases out. Errors: ValueError for a size below 1, an unknown activation, or, when it is
    called, another number of inputs.

    >>> MLP(2, [2, 1], seed=0)
    MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(2)]]
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: str = "relu",
        output_activation: str = "linear",
        seed: int | None = None,
        fused: bool = True,
        bias: bool = True,
    ) -> None:
        if not isinstance(nouts, Sequence) or not nouts:
            raise ValueError(f"expected the sizes of at least 1 layer, got nouts = {nouts!r}")
        _known(activation)  # also where no layer is hidden
        rng = random if seed is None else random.Random(whole(seed, "seed"))
        sizes = [nin, *nouts]
        self.layers = [
            Layer(
                sizes[m - 1],
                sizes[m],
                activation=activation if m < len(nouts) else output_activation,
                single=m == len(nouts) and nouts[-1] == 1,
                fused=fused,
                bias=bias,
                layer=m,
                rng=rng,
            )
            for m in range(1, len(nouts) + 1)
        ]

    @classmethod
    def from_arrays(
        cls,
        arrays: Sequence[tuple[Any, Any]],
        activation: str = "relu",
        output_activation: str = "linear",
        fused: bool = True,
    ) -> "MLP":
        """The network with these (W, b), layer by layer: W[i][j] goes to unit i from unit j.

        For a layer of one unit W may be its one row, and b a number; `b=None` is no bias. Nested
        sequences and NumPy arrays do. Errors: ValueError where a shape does not fit, TypeError
        for what is not a number, each with the layer and the place.

        >>> model = MLP.from_arrays([([[0.5, -1.0], [0.25, 2.0]], [0.0, 0.1]), ([1.0, 3.0], 0.2)])
        >>> model.weight(1, 2, 1).data, model.weight(2, 1, 2).data, model.bias(2, 1).data
        (0.25, 3.0, 0.2)
        """
        layers = [_rows(m, pair) for m, pair in enumerate(listed(arrays, "from_arrays"), 1)]
        if not layers:
            raise ValueError("a network needs at least 1 layer, got no arrays")
        width = len(layers[0][0][0])
        sizes = [len(rows) for rows, _ in layers]
        # With a seed, for the module `random` is to be left alone.
        model = cls(width, sizes, activation, output_activation, seed=0, fused=fused)
        for m, (layer, (rows, biases)) in enumerate(zip(model.layers, layers), 1):
            for neuron, row, bias in zip(layer.neurons, rows, biases):
                if len(row) != width:
                    raise ValueError(f"layer {m}: a row of W has {len(row)} weights, not {width}")
                for parameter, weight in zip(neuron.w, row):
                    parameter.data = weight
                if bias is None:
                    neuron.b = None
                elif neuron.b is not None:
                    neuron.b.data = bias
            width = len(rows)
        return model

    @classmethod
    def from_document(cls, document: Any, where: str | os.PathLike[str] = "document") -> "MLP":
        """The network that `document()` described; it computes the same, to the bit.

        Errors: ValueError saying what is wrong and where, beginning with `where`.

        >>> MLP.from_document(MLP(2, [2, 1], "tanh").document())
        MLP of [Layer of [TanhNeuron(2), TanhNeuron(2)], Layer of [LinearNeuron(2)]]
        """
        with reading.inside(where):
            fused, records = saving.layers_of(document, ACTIVATIONS)
        model = cls.from_arrays([(r.weights, r.biases) for r in records], fused=fused)
        for record, layer in zip(records, model.layers):
            for i, neuron in enumerate(layer.neurons):
                neuron.activation = record.activation
                if record.labels:
                    *own, neuron.z_label, neuron.a_label = record.labels[i]
                    for parameter, label in zip(neuron.parameters(), own):
                        parameter.label = label
        return model

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "MLP":
        """The network in a file that `save` wrote; nothing in it is run.

        Errors: ValueError saying what is wrong and where; ImportError where a library is missing;
        OSError where the file cannot be read.

        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.json"
        >>> MLP(2, [2, 1], "tanh").save(path)
        >>> MLP.load(path)
        MLP of [Layer of [TanhNeuron(2), TanhNeuron(2)], Layer of [LinearNeuron(2)]]
        """
        return cls.from_document(saving.read(path), path)

    def document(self) -> dict[str, Any]:
        """All that makes this network, as plain data: `saving` says how.

        Of a network that was changed by hand, so that its layers are not all of it (two units
        share a weight, say) or not all alike within, only the parameters.
        """
        parameters = super().document()
        layers = [layer.neurons for layer in self.layers]
        neurons = [neuron for layer in layers for neuron in layer]
        owned = [v for n in neurons for v in (*n.w, n.b) if v is not None]
        kinds = [
            {(n.activation, n.fused, n.b is None, len(n.w)) for n in layer} for layer in layers
        ]
        if owned != self.parameters() or any(len(kind) > 1 for kind in kinds):
            return parameters
        document = {
            "format": saving.FORMAT,
            "version": saving.VERSION,
            "fused": bool(neurons[0].fused),
            "layers": [_described(layer) for layer in layers],
        }
        saving.layers_of(document, ACTIVATIONS)  # what could not be read again is not written
        return document

    def __call__(self, x: Sequence[Value | float]) -> Any:
        """The activations of the last layer, a list; of a last layer of one unit the one."""
        if not _is_vector(x):
            raise TypeError(f"expected a sequence of inputs, got {type(x).__name__}")
        for layer in self.layers:
            out = layer(x)
            x = out if isinstance(out, list) else [out]
        return out

    def _neuron(self, layer: int, i: int) -> Neuron:
        if not 1 <= whole(layer, "layer") <= len(self.layers):
            raise IndexError(f"layer {layer}: this network has layers 1 to {len(self.layers)}")
        neurons = self.layers[layer - 1].neurons
        if not 1 <= whole(i, "unit") <= len(neurons):
            raise IndexError(f"unit {i}: layer {layer} has units 1 to {len(neurons)}")
        return neurons[i - 1]

    def weight(self, layer: int, i: int, j: int) -> Value:
        """W_ij^(layer): to unit i from unit j of the layer before, all counted from 1.

        Errors: IndexError for a layer, unit or input that is not there.
        """
        weights = self._neuron(layer, i).w
        if not 1 <= whole(j, "weight") <= len(weights):
            raise IndexError(f"weight {i}, {j}: layer {layer} has inputs 1 to {len(weights)}")
        return weights[j - 1]

    def bias(self, layer: int, i: int) -> Value:
        """b_i^(layer), counted from 1. Errors: as for `weight`; ValueError where there are none."""
        bias = self._neuron(layer, i).b
        if bias is None:
            raise ValueError(f"layer {layer} has no biases: it was made without them")
        return bias

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"


def load(path: str | os.PathLike[str]) -> MLP:
    """`MLP.load(path)`.

    The suffix says the format: .json, .npz or .safetensors. Errors: those of `MLP.load`.

    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.json")
    ...     MLP(2, [3, 1], seed=1).save(path)
    ...     load(path)
    MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2), ReLUNeuron(2)], Layer of [LinearNeuron(3)]]
    """
    return MLP.load(path)


def _described(layer: Sequence[Neuron]) -> dict[str, Any]:
    """A layer of a document, of units that are alike."""
    biases = [float(n.b.data) for n in layer if n.b is not None]
    return {
        "inputs": len(layer[0].w),
        "units": len(layer),
        "activation": layer[0].activation,
        "weights": [[float(w.data) for w in n.w] for n in layer],
        "biases": biases or None,
        "labels": [[*(v.label for v in n.parameters()), n.z_label, n.a_label] for n in layer],
    }


def _known(activation: str) -> str:
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise ValueError(
            f"unknown activation {activation!r:.40}: expected one of {', '.join(ACTIVATIONS)}"
        )
    return activation


def _rows(m: int, pair: Any) -> tuple[list[list[float]], list[float | None]]:
    """The rows of layer m's W and their biases, as floats."""
    if not _is_vector(pair) or len(pair) != 2:
        raise ValueError(f"layer {m}: expected (W, b), got {reading.shown(pair)}")
    W, b = pair
    if not _is_vector(W):
        raise ValueError(f"layer {m}: expected the rows of W, got {type(W).__name__}")
    matrix = [*W] if any(map(_is_vector, W)) else [W]
    rows = []
    for i, row in enumerate(matrix):
        if not _is_vector(row):
            raise ValueError(f"layer {m}: W[{i}]: expected a row, got {type(row).__name__}")
        rows.append([number(w, f"layer {m}: W[{i}][{j}]") for j, w in enumerate(row)])
    biases = [None] * len(rows) if b is None else [*b] if _is_vector(b) else [b]
    width = len(rows[0]) if rows else 0
    if not width or len(biases) != len(rows):
        shape = f"W has {len(rows)} rows of {width}, b {len(biases)} numbers"
        raise ValueError(f"layer {m}: expected a bias for each row of weights, but {shape}")
    if b is not None:
        biases = [number(bias, f"layer {m}: b[{i}]") for i, bias in enumerate(biases)]
    return rows, biases


def _is_vector(x: Any) -> bool:
    ordered = hasattr(x, "__len__") and hasattr(x, "__getitem__") and not isinstance(x, str | dict)
    return ordered and getattr(x, "ndim", 1) > 0
