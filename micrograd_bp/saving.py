r"""Models as plain documents, and documents in files: what `save` and `load` write and read.

`model.save(path)` and `nn.load(path)` go by the suffix. `.json` is for people: this document, a
row of weights on a line. `.npz` (NumPy) and `.safetensors` hold the same numbers as float64 arrays
`W1`, `b1`, `W2`, … (or `values`) and, as metadata, the document without them. All three give back
every float64 to the bit. Nothing is ever pickled: reading a file runs no code of it.

>>> from micrograd_bp.nn import MLP
>>> model = MLP.from_arrays([([[0.5, -1.0], [0.25, 2.0]], [0.0, 0.1]), ([1.0, 3.0], 0.2)], "tanh")
>>> print(text(model.document()))
{
  "format": "micrograd_bp MLP",
  "version": 1,
  "fused": true,
  "layers": [
    {
      "inputs": 2,
      "units": 2,
      "activation": "tanh",
      "weights": [
        [0.5, -1.0],
        [0.25, 2.0]
      ],
      "biases": [0.0, 0.1],
      "labels": [
        ["W^{(1)}_{11}", "W^{(1)}_{12}", "b^{(1)}_1", "z^{(1)}_1", "a^{(1)}_1"],
        ["W^{(1)}_{21}", "W^{(1)}_{22}", "b^{(1)}_2", "z^{(1)}_2", "a^{(1)}_2"]
      ]
    },
    {
      "inputs": 2,
      "units": 1,
      "activation": "linear",
      "weights": [
        [1.0, 3.0]
      ],
      "biases": [0.2],
      "labels": [
        ["w^{(2)}_1", "w^{(2)}_2", "b^{(2)}", "z^{(2)}", "a^{(2)}"]
      ]
    }
  ]
}

`weights[i][j]` goes to unit i from unit j of the layer before, counted from 0 here; `biases` is
null for a layer without. `labels` has a row for each unit: those of its weights, of its bias if it
has one, of z and of a. It may be left out, and the labels are then the lecture's; all else has to
be there, and nothing more. Numbers are finite.

Any other module has a document of its parameters alone, to be read back into a module of its
make: "format" is "micrograd_bp parameters", "names" and "values" are two lists in their order.
"""

import copy
import io
import json
import math
import os
import re
import zipfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from micrograd_bp import files, reading
from micrograd_bp.reading import shown

FORMAT, PARAMETERS = "micrograd_bp MLP", "micrograd_bp parameters"
VERSION = 1
SUFFIXES = (".json", ".npz", ".safetensors")

# What NumPy puts before an array: a Python literal, but it is not run as one here.
_NPY = re.compile(
    rb"\x93NUMPY\x01\0..\{'descr': '([^']*)', 'fortran_order': (True|False), "
    rb"'shape': \((\d{1,15},(?: \d{1,15})?)\), \} *\n",
    re.DOTALL,
)


# ------------------------------------------------------------------ what a document says


@dataclass(frozen=True)
class LayerRecord:
    """A layer as a document has it: `weights[i][j]` to unit i from unit j, counted from 0.

    `labels[i]` are those of unit i: its weights', its bias's if it has one, z's and a's. An empty
    list stands for the lecture's.
    """

    activation: str
    weights: list[list[float]]
    biases: list[float] | None
    labels: list[list[str]]


def format_of(document: Any) -> str:
    """`FORMAT` or `PARAMETERS`; ValueError for a document of another kind, or from the future."""
    found = document.get("format") if isinstance(document, dict) else None
    if found not in (FORMAT, PARAMETERS):
        given = shown(found) if isinstance(document, dict) else shown(document)
        raise ValueError(f'expected "format": "{FORMAT}" or "{PARAMETERS}", got {given}')
    version = document.get("version")
    if type(version) is int and version > VERSION:
        raise ValueError(
            f"version {shown(version)} is later than {VERSION}, the latest that is known here: "
            "update micrograd_bp"
        )
    if type(version) is not int or version != VERSION:
        raise ValueError(f"version: expected {VERSION}, got {shown(version)}")
    return str(found)


def layers_of(document: Any, activations: tuple[str, ...]) -> tuple[bool, list[LayerRecord]]:
    """Whether the MLP of a document is fused, and its layers; ValueError with what is wrong."""
    if format_of(document) != FORMAT:
        raise ValueError(
            "this is a module's parameters, and no MLP: make the module, and then call its "
            "load_parameters"
        )
    reading.entries(document, ["format", "version", "fused", "layers"])
    fused, layers = document["fused"], document["layers"]
    if type(fused) is not bool:
        raise ValueError(f"fused: expected true or false, got {shown(fused)}")
    if not isinstance(layers, list) or not layers:
        raise ValueError(f"layers: expected a list of layers, got {shown(layers)}")
    records: list[LayerRecord] = []
    for m, layer in enumerate(layers, 1):
        with reading.inside(f"layer {m}"):
            record = _layer(layer, activations)
            if records and layer["inputs"] != len(records[-1].weights):
                raise ValueError(
                    f"inputs: expected {len(records[-1].weights)}, as many as layer {m - 1} has "
                    f"units, got {layer['inputs']}"
                )
            records.append(record)
    return fused, records


def _layer(layer: Any, activations: tuple[str, ...]) -> LayerRecord:
    reading.entries(layer, ["inputs", "units", "activation", "weights", "biases"], ["labels"])
    inputs, units, activation = layer["inputs"], layer["units"], layer["activation"]
    for name in ("inputs", "units"):
        if type(layer[name]) is not int or not 1 <= layer[name] < 2**31:
            raise ValueError(f"{name}: expected a whole number from 1 on, got {shown(layer[name])}")
    if activation not in activations:
        raise ValueError(
            f"activation: expected one of {', '.join(activations)}, got {shown(activation)}"
        )
    weights = reading.matrix(layer["weights"], "weights", inputs, "inputs")
    if len(weights) != units:
        raise ValueError(f"weights: expected {units} rows, as many as units, got {len(weights)}")
    biases = layer["biases"]
    if biases is not None:
        biases = reading.vector(biases, "biases", units, "units")
    labels = layer.get("labels", [])
    width = inputs + (2 if biases is None else 3)
    if "labels" in layer and (not isinstance(labels, list) or len(labels) != units):
        raise ValueError(f"labels: expected {units} rows, as many as units, got {shown(labels)}")
    for i, row in enumerate(labels):
        if not isinstance(row, list) or len(row) != width or {*map(type, row)} != {str}:
            raise ValueError(
                f"labels[{i}]: expected {width} strings, of a unit's weights, "
                f"{'' if biases is None else 'bias, '}z and a, got {shown(row)}"
            )
    return LayerRecord(activation, weights, biases, labels)


def parameters_of(document: Any) -> list[tuple[str, float]]:
    """The names and numbers in a document of parameters; ValueError with what is wrong."""
    format_of(document)
    reading.entries(document, ["format", "version", "names", "values"])
    names = document["names"]
    if not isinstance(names, list) or not names:
        raise ValueError(f"names: expected a list of strings, got {shown(names)}")
    for k, name in enumerate(names):
        if not isinstance(name, str):
            raise ValueError(f"names[{k}]: expected a string, got {shown(name)}")
    return [*zip(names, reading.vector(document["values"], "values", len(names), "names"))]


# ------------------------------------------------------------------ in files


def write(path: str | os.PathLike[str], document: dict[str, Any]) -> None:
    """Put a document at `path`, in the form that its suffix says: the whole file or none of it.

    A `~` in front is the home folder. Errors: ValueError for another suffix, ImportError where a
    library is missing, OSError where it cannot be written.
    """
    suffix = _suffix(path)
    if suffix == ".json":
        data = _encoded(document)
    else:
        data = (_npz if suffix == ".npz" else _safetensors)(copy.deepcopy(document))
    files.write(os.path.expanduser(path), data)


def read(path: str | os.PathLike[str]) -> Any:
    """The document at `path`, whatever it says: `layers_of` and `parameters_of` check it.

    Errors: ValueError for another suffix, or content that is not of its form; ImportError where a
    library is missing, OSError where the file cannot be read.
    """
    suffix = _suffix(path)
    data = Path(os.path.expanduser(path)).read_bytes()
    with reading.inside(path):
        if suffix == ".json":
            return reading.json_of(data)
        return (_of_npz if suffix == ".npz" else _of_safetensors)(data)


def text(value: Any, line: str = "\n") -> str:
    """JSON with a list of numbers or strings on one line each.

    >>> print(text({"a": [[1.0, 2.0], [3.0, 4.0]]}))
    {
      "a": [
        [1.0, 2.0],
        [3.0, 4.0]
      ]
    }
    """
    inner = line + "  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {text(entry, inner)}" for key, entry in value.items()]
    elif isinstance(value, list) and any(isinstance(entry, list | dict) for entry in value):
        parts = [text(entry, inner) for entry in value]
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return begin + inner + f",{inner}".join(parts) + line + end


def _encoded(document: Any) -> bytes:
    # Half a surrogate pair is no UTF-8, but its escape is JSON.
    return f"{text(document)}\n".encode(errors="backslashreplace")


def _suffix(path: str | os.PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{os.fspath(path)!r}: expected .json, .npz or .safetensors")
    return suffix


def _said(error: Exception) -> str:
    """What a library says of a file, which may quote any of it."""
    return reading.short(str(error) or type(error).__name__, 100)


def _library(name: str, suffix: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise ImportError(
            f"{suffix} files need {name.partition('.')[0]}: pip install 'micrograd_bp[train]', "
            "or take .json, which needs nothing"
        ) from None


# ------------------------------------------------------------------ numbers as arrays


def _places(document: Any) -> dict[str, tuple[dict[str, Any], str]]:
    """Where the numbers of a document belong, by the array's name: an object in it, and a key."""
    if format_of(document) == PARAMETERS:
        return {"values": (document, "values")}
    layers = document.get("layers")
    return {
        f"{symbol}{m}": (layer, key)
        for m, layer in enumerate(layers if isinstance(layers, list) else (), 1)
        for symbol, key in (("W", "weights"), ("b", "biases"))
        if isinstance(layer, dict)
    }


def _taken_out(document: Any) -> dict[str, Any]:
    """The numbers of a document as arrays, which it is then without."""
    array = import_module("numpy").array
    return {
        name: array(entry.pop(key), dtype="<f8")
        for name, (entry, key) in _places(document).items()
        if entry[key] is not None
    }


def _put_in(document: Any, arrays: dict[str, Any]) -> Any:
    places = _places(document)
    for name, numbers in arrays.items():
        if name not in places:
            raise ValueError(f"unknown array {shown(name)}")
        entry, key = places[name]
        entry[key] = numbers
    return document


def _npz(document: Any) -> bytes:
    numpy = _library("numpy", ".npz")
    file = io.BytesIO()
    numpy.savez(file, **_taken_out(document))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo("metadata.json"), _encoded(document))
    return file.getvalue()


def _of_npz(data: bytes) -> Any:
    _library("numpy", ".npz")
    try:
        members = _members(data)
    except (zipfile.BadZipFile, RuntimeError, EOFError, OverflowError) as error:
        raise ValueError(f"not an .npz file: {_said(error)}") from None
    if "metadata.json" not in members:
        raise ValueError("no metadata.json in it, which save writes")
    with reading.inside("metadata.json"):
        document = reading.json_of(members.pop("metadata.json"))
        format_of(document)
    return _put_in(document, {n.removesuffix(".npy"): _array(m, n) for n, m in members.items()})


def _members(data: bytes) -> dict[str, bytes]:
    """The members of a zip file by name, none compressed, so together no larger than the file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = archive.infolist()
        if len({info.filename for info in infos}) < len(infos):
            raise ValueError("a member is there twice")
        for info in infos:
            if info.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{shown(info.filename)}: expected it stored, not compressed")
        if sum(info.file_size for info in infos) > len(data):
            raise ValueError("its members claim to be larger than the file")
        return {info.filename: archive.read(info) for info in infos}


def _array(data: bytes, name: str) -> Any:
    """The numbers in an .npy file, as lists."""
    with reading.inside(shown(name)):
        header = _NPY.match(data)
        if (
            not name.endswith(".npy")
            or header is None
            or header.end() != 10 + int.from_bytes(data[8:10], "little")
        ):
            raise ValueError("expected a vector or a matrix, as .npy of version 1.0")
        kind, fortran, shape = (part.decode("latin-1") for part in header.groups())
        order = "F" if fortran == "True" else "C"
        sizes = [int(size) for size in shape.split(",") if size]
        return _numbers(data[header.end() :], kind, sizes, order)


def _numbers(data: bytes, kind: str, shape: list[int], order: str = "C") -> Any:
    """The numbers as lists, of one or two dimensions."""
    if kind not in ("<f8", "F64"):
        raise ValueError(f"expected float64, got {shown(kind)}")
    if len(shape) not in (1, 2) or min(shape) < 1 or 8 * math.prod(shape) != len(data):
        raise ValueError(f"expected the numbers of its shape {shown(shape)}, got {len(data)} bytes")
    array = import_module("numpy").frombuffer(data, "<f8")
    return array.reshape(shape, order=order).tolist()


def _safetensors(document: Any) -> bytes:
    library = _library("safetensors.numpy", ".safetensors")
    arrays = _taken_out(document)
    data: bytes = library.save(arrays, metadata={"micrograd_bp": json.dumps(document)})
    return data


def _of_safetensors(data: bytes) -> Any:
    library = _library("safetensors", ".safetensors")
    try:
        tensors = library.deserialize(data)
    except library.SafetensorError as error:
        raise ValueError(f"not a .safetensors file: {_said(error)}") from None
    header = reading.json_of(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata = header.get("__metadata__") or {}
    if "micrograd_bp" not in metadata:
        raise ValueError("no metadata of micrograd_bp in it, which save writes")
    with reading.inside("metadata"):
        document = reading.json_of(metadata["micrograd_bp"].encode(errors="backslashreplace"))
        format_of(document)
    arrays = {}
    for name, tensor in tensors:
        with reading.inside(shown(name)):
            arrays[name] = _numbers(tensor["data"], tensor["dtype"], tensor["shape"])
    return _put_in(document, arrays)
