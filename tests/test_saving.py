"""Tests of saving: to the bit and back, whole or not at all, and what is said of a bad file."""

import io
import json
import math
import os
import pickle
import random
import signal
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from micrograd_bp import MLP, Layer, Module, Neuron, Value, nn, saving, topological_order
from micrograd_bp.nn import ACTIVATIONS

SUFFIXES = saving.SUFFIXES
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
X = [0.5, -1.25]


def small(**options):
    return MLP(2, [3, 1], "tanh", "sigmoid", seed=1, **options)


def hexes(module):
    return [float(v.data).hex() for v in module.parameters()]


def outcome(model):
    """Outputs and gradients to the bit, with every label and operation on the way."""
    outs = model(X)
    outs = outs if isinstance(outs, list) else [outs]
    model.zero_grad()
    for out in outs:
        out.backward()
    return (
        [(v.data.hex(), v.label, v.op) for out in outs for v in topological_order(out)],
        [(v.label, v.data.hex(), v.grad.hex()) for v in model.parameters()],
    )


def refused(call, error=ValueError):
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 400
    return message


# ------------------------------------------------------------------ there and back


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "options",
    [{}, {"fused": False}, {"bias": False}, {"fused": False, "bias": False}],
    ids=str,
)
@pytest.mark.parametrize("nouts", [[1], [3], [3, 1], [1, 2], [11, 1, 1]], ids=str)
def test_a_loaded_network_computes_the_same_bits(tmp_path, nouts, options, suffix):
    model = MLP(2, nouts, "tanh", "sigmoid", seed=5, **options)
    path = tmp_path / f"model{suffix}"
    model.save(path)
    before = random.getstate()
    for load in (MLP.load, nn.load):
        loaded = load(path)
        assert type(loaded) is MLP
        assert repr(loaded) == repr(model)
        assert outcome(loaded) == outcome(model)
    assert random.getstate() == before


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(tmp_path, activation):
    model = MLP(2, [2, 2], activation, activation, seed=3)
    model.save(tmp_path / "model.json")
    assert outcome(nn.load(tmp_path / "model.json")) == outcome(model)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exact")


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(st.lists(FLOATS, min_size=4, max_size=4))
@example([5e-324, -0.0, 1.7976931348623157e308, -2.2250738585072014e-308])
@example([0.1, 1 / 3, 2.2250738585072009e-308, -1e22])
def test_every_float_comes_back_to_the_bit(folder, suffix, numbers):
    model = MLP.from_arrays([([numbers[:3]], numbers[3])])
    model.save(folder / f"model{suffix}")
    assert hexes(nn.load(folder / f"model{suffix}")) == [x.hex() for x in numbers]


@given(st.lists(st.text(), min_size=5, max_size=5))
@example(["\ud800", "α", '"\\', "\x00\n", "😀"])
def test_labels_of_ones_own(folder, labels):
    model = MLP.from_arrays([([1.0, 2.0], 3.0)], "tanh", "tanh")
    for parameter, label in zip(model.parameters(), labels):
        parameter.label = label
    neuron = model.layers[0].neurons[0]
    neuron.z_label, neuron.a_label = labels[3:]
    for suffix in SUFFIXES:
        model.save(folder / f"labels{suffix}")
        assert outcome(nn.load(folder / f"labels{suffix}")) == outcome(model)


def test_other_numbers_become_floats(tmp_path):
    model = MLP.from_arrays([([1.0, 2.0], 3.0)])
    model.weight(1, 1, 1).data, model.weight(1, 1, 2).data = 7, np.float32(0.5)
    for neuron in model.layers[0].neurons:
        neuron.fused = 1
    model.save(tmp_path / "model.json")
    assert [v.data for v in nn.load(tmp_path / "model.json").parameters()] == [7.0, 0.5, 3.0]


def test_layers_may_differ_in_activation_and_bias(tmp_path):
    model = MLP(2, [2, 2, 1], "tanh", seed=2)
    for neuron in model.layers[1].neurons:
        neuron.activation, neuron.b = "relu", None
    for suffix in SUFFIXES:
        model.save(tmp_path / f"model{suffix}")
        assert outcome(nn.load(tmp_path / f"model{suffix}")) == outcome(model)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_network_gives_the_same_file(tmp_path, suffix):
    for name in ("a", "b"):
        small().save(tmp_path / (name + suffix))
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    if suffix == ".npz":
        with zipfile.ZipFile(tmp_path / "a.npz") as plain:
            assert {info.date_time[0] for info in plain.infolist()} == {1980}


def test_what_is_not_finite_is_no_json():
    with pytest.raises(ValueError, match="JSON"):
        saving.text({"a": [[1.0, math.nan]]})


def test_a_document_is_plain_and_apart_from_the_model(tmp_path):
    model = small()
    document = model.document()
    assert json.loads(json.dumps(document)) == document
    before = hexes(model)
    document["layers"][0]["weights"][0][0] = 99.0
    assert hexes(model) == before
    again = MLP.from_document(document)
    assert again.weight(1, 1, 1).data == 99.0
    copy = json.loads(json.dumps(document))
    for suffix in SUFFIXES:
        saving.write(tmp_path / f"model{suffix}", document)
        assert document == copy == saving.read(tmp_path / f"model{suffix}")


def test_labels_may_be_left_out_and_numbers_whole(tmp_path):
    layer = {"inputs": 2, "units": 1, "activation": "relu", "weights": [[1, -2]], "biases": None}
    document = {"format": "micrograd_bp MLP", "version": 1, "fused": True, "layers": [layer]}
    (tmp_path / "own.JSON").write_text(json.dumps(document), encoding="utf-8-sig")
    model = nn.load(tmp_path / "own.JSON")
    assert [(v.label, v.data) for v in model.parameters()] == [
        ("w^{(1)}_1", 1.0), ("w^{(1)}_2", -2.0),
    ]  # fmt: skip
    assert (model([5.0, 1.0]).data, model([5.0, 1.0]).label) == (3.0, "a^{(1)}")


def test_other_tools_read_the_arrays(tmp_path):
    model = small()
    model.save(tmp_path / "model.npz")
    model.save(tmp_path / "model.safetensors")
    tensors = load_tensors((tmp_path / "model.safetensors").read_bytes())
    with np.load(tmp_path / "model.npz", allow_pickle=False) as archive:
        assert json.loads(archive["metadata.json"])["version"] == 1
        for arrays in (archive, tensors):
            assert arrays["W1"].dtype == np.float64
            assert arrays["W1"].shape == (3, 2)
            assert arrays["b2"].shape == (1,)
            assert arrays["W1"][2, 1] == model.weight(1, 3, 2).data


def test_a_subclass_loads_itself(tmp_path):
    class Net(MLP):
        pass

    Net(2, [2, 1], seed=0).save(tmp_path / "model.json")
    assert type(Net.load(tmp_path / "model.json")) is Net
    assert type(nn.load(tmp_path / "model.json")) is MLP


# ------------------------------------------------------------------ parameters of any module


class Gated(Module):
    def __init__(self, start=0.0):
        self.inner = [Neuron(2), Neuron(2)]  # with the same labels
        self.gate = Value(start)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("make", [lambda: Neuron(3), lambda: Layer(2, 2), Gated, small])
def test_load_parameters(tmp_path, make, suffix):
    trained, fresh = make(), make()
    for k, parameter in enumerate(trained.parameters()):
        parameter.data = 0.1 * k - 0.3
    own = fresh.parameters()
    trained.save(tmp_path / f"module{suffix}")
    fresh.load_parameters(tmp_path / f"module{suffix}")
    assert hexes(fresh) == hexes(trained)
    assert fresh.parameters() == own  # the same Values, which an optimiser may hold


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Neuron(1), 'parameter 1 is "b", but this module\'s is "w_2"'),
        (Neuron(3), 'parameter 2 is "w_3", but this module\'s is "b"'),
        (Neuron(2, bias=False), "2 parameters, but this module has 3"),
        (small(), 'parameter 0 is "W^{(1)}_{11}", but this module\'s is "w_1"'),
    ],
    ids=str,
)
def test_load_parameters_of_another_make(tmp_path, other, expected):
    neuron = Neuron(2)
    before = hexes(neuron)
    path = tmp_path / "other.json"
    other.save(path)
    assert refused(lambda: neuron.load_parameters(path)) == f"{path}: {expected}"
    assert hexes(neuron) == before


def test_parameters_are_no_network(tmp_path):
    Neuron(2).save(tmp_path / "n.json")
    message = refused(lambda: nn.load(tmp_path / "n.json"))
    assert "this is a module's parameters" in message
    assert "load_parameters" in message


def shared(model):
    model.layers[0].neurons[1].w[0] = model.layers[0].neurons[0].w[0]


def computed(model):
    model.layers[0].neurons[1].w[0] = Value(0.5, "v").exp()


def extended(model):
    model.temperature = Value(2.0, "T")


def mixed(model):
    model.layers[0].neurons[1].activation = "relu"


@pytest.mark.parametrize("change", [shared, computed, extended, mixed])
def test_a_network_that_its_layers_do_not_describe_saves_its_parameters(tmp_path, change):
    model, fresh = small(), MLP(2, [3, 1], "tanh", "sigmoid", seed=9)
    change(model)
    change(fresh)
    model.save(tmp_path / "model.json")
    assert saving.read(tmp_path / "model.json")["format"] == "micrograd_bp parameters"
    fresh.load_parameters(tmp_path / "model.json")
    assert outcome(fresh) == outcome(model)


PARAMETERS = {"format": "micrograd_bp parameters", "version": 1, "names": ["a"], "values": [1]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"names": []}, "names: expected a list of strings, got []"),
        ({"names": "a"}, 'names: expected a list of strings, got "a"'),
        ({"names": [1]}, "names[0]: expected a string, got 1"),
        ({"values": [1, 2]}, "values: expected 1 numbers, as many as names, got 2"),
        ({"values": ["1"]}, 'values[0]: expected a finite number, got "1"'),
        ({"values": [math.nan]}, "values[0]: expected a finite number, got NaN"),
        ({"more": 1}, 'unknown "more"'),
        ({"version": 2}, "version 2 is later than 1"),
    ],
)
def test_bad_parameters(tmp_path, changes, expected):
    module = Module()
    module.a = Value(5.0, "a")
    path = tmp_path / "module.json"
    path.write_text(json.dumps(PARAMETERS | changes))
    assert refused(lambda: module.load_parameters(path)).startswith(f"{path}: {expected}")
    assert module.a.data == 5.0


# ------------------------------------------------------------------ what is not saved


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_not_saved(tmp_path, value, suffix):
    path = tmp_path / f"model{suffix}"
    model = small()
    model.save(path)
    before = path.read_bytes()
    model.weight(1, 2, 1).data = value
    message = refused(lambda: model.save(path))
    assert message == f"W^{{(1)}}_{{21}} is {value}: only finite parameters can be saved"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_a_parameter_that_is_no_number(tmp_path):
    model = small()
    model.bias(1, 2).data = "x"
    expected = r"b\^\{\(1\)\}_2: expected a real number, got str"
    with pytest.raises(TypeError, match=expected):
        model.save(tmp_path / "model.json")
    assert os.listdir(tmp_path) == []


def test_a_network_that_could_not_be_read_again_is_not_saved(tmp_path):
    model = small()
    for neuron in model.layers[0].neurons:
        neuron.activation = "tan"
    assert "layer 1: activation: expected" in refused(lambda: model.save(tmp_path / "m.json"))
    model = small()
    model.weight(2, 1, 1).label = 5
    assert "layer 2: labels[0]: expected" in refused(lambda: model.save(tmp_path / "m.json"))
    assert os.listdir(tmp_path) == []


def test_nothing_to_save(tmp_path):
    message = refused(lambda: Module().save(tmp_path / "module.json"))
    assert message == "Module has no parameters to save"


@pytest.mark.parametrize("name", ["model.pkl", "model.pt", "model", ".json", "model.json.gz", ""])
def test_another_suffix(tmp_path, name):
    for call in (lambda: small().save(name), lambda: nn.load(name)):
        assert refused(call) == f"{name!r}: expected .json, .npz or .safetensors"


@pytest.mark.parametrize(
    ("library", "suffix"),
    [("numpy", ".npz"), ("safetensors", ".safetensors")],
)
def test_a_missing_library(tmp_path, monkeypatch, library, suffix):
    path = tmp_path / f"model{suffix}"
    small().save(path)
    before = path.read_bytes()
    for name in [*sys.modules]:
        if name.partition(".")[0] == library:
            monkeypatch.setitem(sys.modules, name, None)
    for call in (lambda: small().save(path), lambda: nn.load(path)):
        message = refused(call, ImportError)
        assert library in message
        assert "pip install 'micrograd_bp[train]'" in message
    assert path.read_bytes() == before
    small().save(tmp_path / "model.json")
    assert outcome(nn.load(tmp_path / "model.json")) == outcome(small())


# ------------------------------------------------------------------ places


@pytest.mark.parametrize("name", ["α β", "модель", "x" * 200, "a\nb", "-", "..."])
def test_odd_paths(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for path in (f"{name}.json", Path("new") / "folder" / f"{name}.npz"):
        small().save(path)
        assert outcome(nn.load(path)) == outcome(small())


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    small().save("~/models/model.json")
    assert (tmp_path / "models" / "model.json").is_file()
    assert not (tmp_path / "~").exists()
    assert outcome(nn.load(Path("~/models/model.json"))) == outcome(small())


def test_through_a_link(tmp_path):
    place, link = tmp_path / "place.json", tmp_path / "link.json"
    link.symlink_to(place)
    for _ in range(2):
        small().save(link)
        assert link.is_symlink()
        assert outcome(nn.load(place)) == outcome(nn.load(link)) == outcome(small())


def test_no_such_place(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OSError, match=r"file/model\.json"):
        small().save(tmp_path / "file" / "model.json")
    with pytest.raises(OSError, match=r"folder\.json"):
        small().save(tmp_path / "folder.json")
    with pytest.raises(OSError, match=r"folder\.json"):
        nn.load(tmp_path / "folder.json")
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        nn.load(tmp_path / "none.json")


# ------------------------------------------------------------------ killed while saving

KILLED = """
import os, signal, sys
from micrograd_bp import files, saving
from micrograd_bp.nn import MLP

path, (old, new) = sys.argv[1], [MLP(2, [3, 1], seed=seed) for seed in (0, 1)]

def killed_at(line):
    def follow(frame, event, argument):
        nonlocal line
        if frame.f_code not in (files.write.__code__, saving.write.__code__):
            return None
        if event == "line":
            line -= 1
            if line < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return follow
    sys.settrace(follow)
    new.save(path)
    os._exit(0)

for suffix in saving.SUFFIXES:
    path = sys.argv[1] + suffix
    old.save(path)
    found, line, status = [], 0, 1
    while status:
        if not (process := os.fork()):
            killed_at(line)
        _, status = os.waitpid(process, 0)
        found.append([old.document(), new.document()].index(MLP.load(path).document()))
        line += 1
    print(*found)
"""


def test_a_kill_at_any_line_leaves_the_old_file_or_the_new(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "model")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        found = [int(which) for which in line.split()]
        assert found == sorted(found)  # once the new one is there, it stays
        assert (found[0], found[-1]) == (0, 1)
        assert found.count(0) > 10
    assert len(done.stdout.splitlines()) == len(SUFFIXES)


def test_kills_while_it_saves_again_and_again(tmp_path):
    path = tmp_path / "model.json"
    code = "import sys; from micrograd_bp import MLP\n"
    code += "models = [MLP(8, [30, 8], seed=k) for k in (0, 1)]\n"
    code += "models[0].save(sys.argv[1]); print(flush=True)\n"
    code += "while True:\n    for model in models: model.save(sys.argv[1])"
    expected = [MLP(8, [30, 8], seed=k).document() for k in (0, 1)]
    wait = random.Random(0)
    for _ in range(8):
        process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        with process:
            process.stdout.read(1)
            try:
                process.wait(wait.uniform(0.0, 0.05))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert nn.load(path).document() in expected


def test_control_c_at_any_line_leaves_the_old_file_or_the_new(tmp_path):
    old, new = small(), MLP(2, [3, 1], seed=9)
    path = tmp_path / "model.json"
    own = {module.__file__ for module in (saving, saving.files, nn)}
    lines, done = 0, False
    old.save(path)
    while not done:
        left = lines

        def interrupt(frame, event, argument):
            nonlocal left
            if frame.f_code.co_filename not in own:
                return None
            if event == "line" and (left := left - 1) < 0:
                raise KeyboardInterrupt
            return interrupt

        before = sys.gettrace()
        sys.settrace(interrupt)
        try:
            new.save(path)
            done = True
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert nn.load(path).document() in (old.document(), new.document())
        lines += 1 if lines < 20 else 37  # of some 2000
    assert nn.load(path).document() == new.document()
    assert lines > 100


# ------------------------------------------------------------------ bad files


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a good file, by suffix."""
    place = tmp_path_factory.mktemp("good")
    for suffix in SUFFIXES:
        small().save(place / f"model{suffix}")
    return {suffix: (place / f"model{suffix}").read_bytes() for suffix in SUFFIXES}


@pytest.fixture
def said(tmp_path):
    """A function: what `load` says of a file with these bytes, without its path."""

    def of(data, suffix=".json"):
        path = tmp_path / f"model{suffix}"
        path.write_bytes(data)
        message = refused(lambda: nn.load(path))
        assert message.startswith(f"{path}: ")
        assert os.listdir(tmp_path) == [path.name]
        return message.removeprefix(f"{path}: ")

    return of


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_truncated_anywhere(said, good, suffix):
    data = good[suffix].rstrip(b"\n")
    for length in range(0, len(data), 7):
        assert said(data[:length], suffix)
    assert said(data[:-1], suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.data())
def test_broken_anywhere(folder, good, suffix, data):
    """Another byte, some bytes fewer, or more: an error with the path, or a whole network."""
    content = good[suffix]
    begin = data.draw(st.integers(0, len(content) - 1))
    end = data.draw(st.integers(begin, min(begin + 20, len(content))))
    path = folder / f"broken{suffix}"
    path.write_bytes(content[:begin] + data.draw(st.binary(max_size=8)) + content[end:])
    message, numbers = "", []
    try:
        numbers = [v.data for v in nn.load(path).parameters()]
    except ValueError as error:
        message = str(error)
    assert (message[: len(str(path)) + 2] == f"{path}: ") == (not numbers)
    assert message.isprintable()
    assert all(map(math.isfinite, numbers))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "not JSON: Expecting value"),
        (b"\xff", "not JSON: expected text in UTF-8"),
        (b"[" * 100_000, "not JSON: nested too deep"),
        (b'{"format": ' * 100_000, "not JSON: nested too deep"),
        (b'{"version": 1, "version": 1}', '"version" is there twice'),
        (b"[]", 'expected "format": "micrograd_bp MLP" or "micrograd_bp parameters", got []'),
        (b'{"x": 1}', 'expected "format": "micrograd_bp MLP" or "micrograd_bp parameters", got n'),
        (b'{"format": ["micrograd_bp MLP"]}', 'expected "format": "micrograd_bp MLP" or '),
    ],
)
def test_what_is_no_document(said, data, expected):
    assert said(data).startswith(expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": "micrograd_bp CNN"}, 'expected "format": "micrograd_bp MLP" or "micrograd_bp'),
        ({"version": 2}, "version 2 is later than 1, the latest that is known here: update"),
        ({"version": 2, "new": "field"}, "version 2 is later than 1"),
        ({"version": 10**400}, "version 1000"),
        ({"version": 0}, "version: expected 1, got 0"),
        ({"version": 1.0}, "version: expected 1, got 1.0"),
        ({"version": True}, "version: expected 1, got true"),
        ({"version": "1"}, 'version: expected 1, got "1"'),
        ({"version": None}, "version: expected 1, got null"),
        ({"extra": 1}, 'unknown "extra"'),
        ({"fused": 1}, "fused: expected true or false, got 1"),
        ({"layers": []}, "layers: expected a list of layers, got []"),
        ({"layers": {}}, "layers: expected a list of layers, got {}"),
        ({"layers": 10**9}, "layers: expected a list of layers, got 1000000000"),
        ({"layers": [1]}, "layer 1: expected an object with activation, biases, inputs, labels,"),
    ],
)
def test_a_bad_head(said, changes, expected):
    assert said(json.dumps(small().document() | changes).encode()).startswith(expected)


@pytest.mark.parametrize(
    ("m", "changes", "expected"),
    [
        (1, {"inputs": 0}, "inputs: expected a whole number from 1 on, got 0"),
        (1, {"inputs": -2}, "inputs: expected a whole number from 1 on, got -2"),
        (1, {"inputs": 2.0}, "inputs: expected a whole number from 1 on, got 2.0"),
        (1, {"inputs": "2"}, 'inputs: expected a whole number from 1 on, got "2"'),
        (1, {"inputs": True}, "inputs: expected a whole number from 1 on, got true"),
        (1, {"inputs": 10**4200}, "inputs: expected a whole number from 1 on, got 1000"),
        (1, {"inputs": 3}, "weights[0]: expected 3 numbers, as many as inputs, got 2"),
        (1, {"inputs": 10**9}, "weights[0]: expected 1000000000 numbers, as many as inputs, got 2"),
        (1, {"units": 10**9}, "weights: expected 1000000000 rows, as many as units, got 3"),
        (1, {"units": None}, "units: expected a whole number from 1 on, got null"),
        (1, {"activation": "step"}, "activation: expected one of linear, relu, "),
        (1, {"activation": "__class__"}, "activation: expected one of linear, relu, "),
        (1, {"activation": ["tanh"]}, "activation: expected one of linear, relu, "),
        (1, {"weights": []}, "weights: expected a list of rows, got []"),
        (1, {"weights": 5}, "weights: expected a list of rows, got 5"),
        (1, {"weights": [[1, 2]]}, "weights: expected 3 rows, as many as units, got 1"),
        (1, {"weights": [[1, 2], [3], [4, 5]]}, "weights[1]: expected 2 numbers, as many as inp"),
        (2, {"weights": [[1, 2, "x"]]}, 'weights[0][2]: expected a finite number, got "x"'),
        (2, {"weights": [[1, 2, math.nan]]}, "weights[0][2]: expected a finite number, got NaN"),
        (2, {"weights": [[1, 10**400, 2]]}, "weights[0][1]: expected a finite number, got 1000"),
        (2, {"weights": [[1, None, 2]]}, "weights[0][1]: expected a finite number, got null"),
        (2, {"weights": [[1, [2], 2]]}, "weights[0][1]: expected a finite number, got [2]"),
        (2, {"biases": [1, 2]}, "biases: expected 1 numbers, as many as units, got 2"),
        (2, {"biases": 1}, "biases: expected a list of numbers, got 1"),
        (2, {"biases": [True]}, "biases[0]: expected a finite number, got true"),
        (2, {"biases": None}, "labels[0]: expected 5 strings, of a unit's weights, z and a, got"),
        (2, {"labels": None}, "labels: expected 1 rows, as many as units, got null"),
        (2, {"labels": []}, "labels: expected 1 rows, as many as units, got []"),
        (2, {"labels": [["a"] * 5]}, "labels[0]: expected 6 strings, of a unit's weights, bias, "),
        (2, {"labels": [["a"] * 5 + [1]]}, "labels[0]: expected 6 strings"),
        (2, {"labels": ["abcdef"]}, "labels[0]: expected 6 strings"),
        (2, {"more": 1}, 'unknown "more"'),
        (
            2,
            {"inputs": 1, "weights": [[1]], "labels": [["a"] * 4]},
            "inputs: expected 3, as many as layer 1 has units, got 1",
        ),
    ],
)
def test_a_bad_layer(said, m, changes, expected):
    document = small().document()
    document["layers"][m - 1] |= changes
    assert said(json.dumps(document).encode()).startswith(f"layer {m}: {expected}")


@pytest.mark.parametrize("name", ["inputs", "units", "activation", "weights", "biases"])
def test_a_layer_without(said, name):
    document = small().document()
    del document["layers"][1][name]
    assert said(json.dumps(document).encode()) == f"layer 2: missing {name}"


def test_a_document_from_elsewhere_in_python():
    document = small().document()
    document["layers"][1]["weights"] = np.ones((1, 3))
    message = refused(lambda: MLP.from_document(document, "run.json: model"))
    assert message == "run.json: model: layer 2: weights: expected a list of rows, got ndarray"
    assert refused(lambda: MLP.from_document(None)).startswith("document: expected ")
    assert refused(lambda: MLP.from_document({1, 2})).endswith("got set")


# ------------------------------------------------------------------ bad archives


class Trap:
    """What a pickle of this would run."""

    def __reduce__(self):
        return os.mkdir, ("trap",)


def archive(good, changes, compression=zipfile.ZIP_STORED):
    """A good .npz file with some members changed (None: left out)."""
    with zipfile.ZipFile(io.BytesIO(good[".npz"])) as plain:
        members = {name: plain.read(name) for name in plain.namelist()} | changes
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as changed:
        for name, data in members.items():
            if data is not None:
                changed.writestr(name, data)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def header(text):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text.encode() + b"\n"


def claim(shape, descr="<f8"):
    return header(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")


def test_an_archive_that_another_tool_wrote(tmp_path, good):
    path = tmp_path / "model.npz"
    path.write_bytes(archive(good, {}))
    assert outcome(nn.load(path)) == outcome(small())
    weights = np.array([[n.data for n in neuron.w] for neuron in small().layers[0].neurons])
    path.write_bytes(archive(good, {"W1.npy": npy(np.asfortranarray(weights))}))
    assert outcome(nn.load(path)) == outcome(small())


WEIGHTS = '"W1.npy": '


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"metadata.json": None}, "no metadata.json in it"),
        ({"metadata.json": b"{"}, "metadata.json: not JSON"),
        ({"metadata.json": b"[]"}, 'metadata.json: expected "format"'),
        ({"metadata.json": b"[" * 100_000}, "metadata.json: not JSON: nested too deep"),
        ({"metadata.json": pickle.dumps(Trap())}, "metadata.json: not JSON"),
        ({"W2.npy": None}, "layer 2: missing weights"),
        ({"b2.npy": None}, "layer 2: missing biases"),
        ({"W3.npy": npy(np.ones(2))}, 'unknown array "W3"'),
        ({"../W1.npy": npy(np.ones(2))}, 'unknown array "../W1"'),
        ({"/etc/x.npy": npy(np.ones(2))}, 'unknown array "/etc/x"'),
        ({"more.txt": b"text"}, '"more.txt": expected a vector or a matrix'),
        ({"W1": npy(np.ones((3, 2)))}, '"W1": expected a vector or a matrix, as .npy'),
        ({"W1.npy": b""}, WEIGHTS + "expected a vector or a matrix"),
        ({"W1.npy": pickle.dumps(Trap())}, WEIGHTS + "expected a vector or a matrix"),
        ({"W1.npy": npy(np.array([[Trap()]]))}, WEIGHTS + 'expected float64, got "|O"'),
        ({"W1.npy": npy(np.ones((3, 2), "<f4"))}, WEIGHTS + 'expected float64, got "<f4"'),
        ({"W1.npy": npy(np.ones((3, 2), ">f8"))}, WEIGHTS + 'expected float64, got ">f8"'),
        ({"W1.npy": npy(np.ones((3, 2), "i8"))}, WEIGHTS + 'expected float64, got "<i8"'),
        ({"W1.npy": npy(np.array([["1", "2"]]))}, WEIGHTS + 'expected float64, got "<U1"'),
        ({"W1.npy": npy(np.ones(1, [("a", "<f8")]))}, WEIGHTS + "expected a vector or a matrix"),
        ({"W1.npy": npy(np.float64(1.0))}, WEIGHTS + "expected a vector or a matrix"),
        ({"W1.npy": npy(np.ones((3, 2, 1)))}, WEIGHTS + "expected a vector or a matrix"),
        ({"W1.npy": npy(np.ones((0, 2)))}, WEIGHTS + "expected the numbers of its shape [0, 2]"),
        ({"W1.npy": npy(np.ones((2, 3)))}, "layer 1: weights[0]: expected 2 numbers, as many as"),
        ({"W1.npy": npy(np.ones(6))}, "layer 1: weights[0]: expected a list of numbers, got 1.0"),
        ({"b1.npy": npy(np.ones((3, 1)))}, "layer 1: biases[0]: expected a finite number, got [1"),
        ({"b1.npy": npy(np.array([1.0, np.nan, 2.0]))}, "layer 1: biases[1]: expected a finite"),
        ({"b1.npy": npy(np.array([1.0, 2.0, -np.inf]))}, "layer 1: biases[2]: expected a finite"),
        ({"W1.npy": npy(np.ones((3, 2))) + b"more"}, WEIGHTS + "expected the numbers of its shap"),
        ({"W1.npy": npy(np.ones((3, 2)))[:-1]}, WEIGHTS + "expected the numbers of its shape"),
        ({"W1.npy": claim("(1000000000, 1000000000)")}, WEIGHTS + "expected the numbers of its"),
        ({"W1.npy": claim("(1000000000, 0)")}, WEIGHTS + "expected the numbers of its shape"),
        ({"W1.npy": claim("(0, 1000000000)")}, WEIGHTS + "expected the numbers of its shape"),
        ({"W1.npy": claim(f"({'9' * 5000},)")}, WEIGHTS + "expected a vector or a matrix"),
        ({"W1.npy": claim("(-3, -2)") + bytes(48)}, WEIGHTS + "expected a vector or a matrix"),
        ({"W1.npy": claim("(3, 2)", "<U1000000000")}, WEIGHTS + "expected float64"),
        ({"W1.npy": header("__import__('os').mkdir('trap')")}, WEIGHTS + "expected a vector or a"),
        ({"W1.npy": header("(" * 5000)}, WEIGHTS + "expected a vector or a matrix"),
    ],
)
def test_a_bad_archive(said, good, tmp_path, monkeypatch, changes, expected):
    monkeypatch.chdir(tmp_path)  # the trap would stand here
    assert said(archive(good, changes), ".npz").startswith(expected)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_bomb(said, good, compression):
    bomb = archive(good, {"W1.npy": claim("(100000000,)") + bytes(10**7)}, compression)
    assert len(bomb) < 10**5
    assert said(bomb, ".npz").endswith(": expected it stored, not compressed")


def test_members_that_claim_to_be_larger_than_the_file(said, good):
    data = bytearray(good[".npz"])
    sizes = data.index(b"PK\x01\x02") + 20
    data[sizes : sizes + 8] = struct.pack("<LL", 2**30, 2**30)
    assert said(bytes(data), ".npz") == "its members claim to be larger than the file"


def test_a_member_that_goes_on_behind_the_file(said, good):
    data = bytearray(good[".npz"])
    sizes = data.rindex(b"PK\x01\x02") + 20
    data[sizes : sizes + 8] = struct.pack("<LL", 1100, 1100)
    assert said(bytes(data), ".npz").startswith("not an .npz file: EOFError")


def test_a_member_that_begins_far_behind_the_file(said, good):
    data = bytearray(good[".npz"])
    begin = data.index(b"PK\x01\x02")
    extra = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    end = begin + 46 + struct.unpack_from("<H", data, begin + 28)[0]
    data[begin + 30 : begin + 32] = struct.pack("<H", len(extra))
    data[begin + 42 : begin + 46] = b"\xff" * 4
    data[end:end] = extra
    size = data.rindex(b"PK\x05\x06") + 12
    data[size : size + 4] = struct.pack("<L", struct.unpack_from("<L", data, size)[0] + len(extra))
    assert said(bytes(data), ".npz").startswith("not an .npz file: Python int too large")


def test_a_member_twice(said, good):
    file = io.BytesIO(good[".npz"])
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(file, "a") as changed,
    ):
        changed.writestr("W1.npy", npy(np.zeros((3, 2))))
    assert said(file.getvalue(), ".npz") == "a member is there twice"


def test_a_member_with_a_password(said, good):
    data = bytearray(good[".npz"])
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    message = said(bytes(data), ".npz")
    assert message.startswith("not an .npz file: File ")
    assert "is encrypted" in message


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Trap()),
        npy(np.array([Trap()])),
        b"import os; os.mkdir('trap')",
        b"\x00" * 100,
        b"PK\x05\x06" + bytes(18),
    ],
    ids=["pickle", "npy", "code", "zeros", "empty zip"],
)
def test_files_of_another_kind(said, tmp_path, monkeypatch, content, suffix):
    monkeypatch.chdir(tmp_path)
    assert said(content, suffix)


# ------------------------------------------------------------------ bad tensors


def tensor_file(good, changes, **metadata):
    """A good .safetensors file with some arrays (None: left out) or its metadata changed."""
    data = good[".safetensors"]
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    arrays = load_tensors(data) | changes
    arrays = {name: array for name, array in arrays.items() if array is not None}
    return save_tensors(arrays, header["__metadata__"] | metadata)


def test_tensors_that_another_tool_wrote(tmp_path, good):
    path = tmp_path / "model.safetensors"
    path.write_bytes(tensor_file(good, {}, format="pt"))
    assert outcome(nn.load(path)) == outcome(small())


@pytest.mark.parametrize(
    ("changes", "metadata", "expected"),
    [
        ({}, {"micrograd_bp": "[]"}, 'metadata: expected "format"'),
        ({}, {"micrograd_bp": "{"}, "metadata: not JSON"),
        ({}, {"micrograd_bp": "[" * 100_000}, "metadata: not JSON: nested too deep"),
        ({"W2": None}, {}, "layer 2: missing weights"),
        ({"W3": np.ones(2)}, {}, 'unknown array "W3"'),
        ({"W1": np.ones((3, 2), "f4")}, {}, '"W1": expected float64, got "F32"'),
        ({"W1": np.ones((3, 2), "i8")}, {}, '"W1": expected float64, got "I64"'),
        ({"W1": np.ones((2, 3))}, {}, "layer 1: weights[0]: expected 2 numbers"),
        ({"W1": np.ones((3, 2, 1))}, {}, '"W1": expected the numbers of its shape [3, 2, 1]'),
        ({"W1": np.array(1.0)}, {}, '"W1": expected the numbers of its shape []'),
        ({"W1": np.ones((0, 10**9))}, {}, '"W1": expected the numbers of its shape [0, 100'),
        ({"b2": np.array([np.nan])}, {}, "layer 2: biases[0]: expected a finite number, got NaN"),
    ],
)
def test_bad_tensors(said, good, changes, metadata, expected):
    assert said(tensor_file(good, changes, **metadata), ".safetensors").startswith(expected)


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_tensors_of_another_maker(said, metadata):
    data = save_tensors({"W1": np.ones(2)}, metadata)
    assert said(data, ".safetensors") == "no metadata of micrograd_bp in it, which save writes"


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (2**63, b"{}"),
        (2, b"[]"),
        (10**5, b"[" * 10**5),
        (75, b'{"W1":{"dtype":"F64","shape":[1000000000,1000000000],"data_offsets":[0,8]}}'),
    ],
)
def test_a_bad_header_of_tensors(said, size, header):
    message = said(struct.pack("<Q", size) + header, ".safetensors")
    assert message.startswith("not a .safetensors file: ")
