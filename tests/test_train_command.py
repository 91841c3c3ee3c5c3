"""Tests of `micrograd-bp train`: what it writes, how it goes on, and how it answers mistakes."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest

from micrograd_bp import MLP, nn, train_command
from micrograd_bp.cli import main
from micrograd_bp.data import load_csv, make_moons, train_test_split

JSON = ["checkpoint.json", "history.json", "weights.json"]
PICTURES = ["curves.png", "decision_boundary.png", "gradient_flow.png", "histograms.png"]
SMALL = ["--points", "30", "--layers", "3"]
TABLE = "weight,width,fruit\n" + "".join(
    f"{150 + 7 * (k % 5)},{7 + k % 3},pear\n{100 + 5 * (k % 7)},{9 - k % 2},apple\n"
    for k in range(12)
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def plain(monkeypatch):
    """Without pictures, which take most of the time."""
    monkeypatch.setattr(train_command, "_pictures", lambda *_: [])


def names(folder="training"):
    return sorted(os.listdir(folder))


def content(name, folder="training"):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return json.load(file)


def told(capsys):
    out, err = capsys.readouterr()
    return out, err


# ------------------------------------------------------------------ what it writes


def test_what_is_in_the_folder(capsys):
    assert main(["train", "moons", *SMALL, "--epochs", "20", "--out", "here/moons"]) == 0
    out, err = told(capsys)
    lines = out.splitlines()
    assert err == ""
    assert lines[0] == "moons: 24 to learn from, 6 held back; 2-3-1"
    assert [line.partition(":")[0] for line in lines[1:-1]] == [
        f"epoch {k}" for k in range(2, 21, 2)
    ]
    assert names("here/moons") == sorted(JSON + PICTURES)
    assert all(name in lines[-1] for name in JSON + PICTURES)
    history = content("history.json", "here/moons")
    assert {name: len(values) for name, values in history.items()} == {
        "loss": 20, "penalty": 0, "accuracy": 20, "validation_loss": 20, "validation_accuracy": 20,
    }  # fmt: skip
    model = nn.load("here/moons/weights.json")
    assert repr(model) == repr(MLP(2, [3, 1], "tanh"))
    X, y = train_test_split(*make_moons(30), test=0.2)[1]
    right = sum((model(x).data > 0) == (t == 1) for x, t in zip(X, y))
    assert right / 6 == history["validation_accuracy"][-1]
    for name in PICTURES:
        with open(f"here/moons/{name}", "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("name", ["moons", "circles", "spirals", "xor"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_sets_and_optimizers(name, optimizer):
    assert main(["train", name, *SMALL, "--epochs", "2", "--optimizer", optimizer]) == 0
    saved = content("checkpoint.json")
    assert saved["training"]["optimizer"]["optimizer"].lower() == optimizer
    assert saved["settings"]["data"] == name


@pytest.mark.usefixtures("plain")
def test_settings():
    options = ["--layers", "4,3", "--activation", "relu", "--lr", "0.25", "--l2", "1e-3", "--seed",
               "7", "--batch-size", "6", "--test", "0", "--noise", "0"]  # fmt: skip
    assert main(["train", "moons", *SMALL, *options, "--epochs", "1"]) == 0
    training = content("checkpoint.json")["training"]
    assert (training["optimizer"]["lr"], training["batch_size"]) == (0.25, 6)
    assert training["examples"] == 30
    assert content("history.json")["validation_loss"] == []
    assert len(content("history.json")["penalty"]) == 1
    layers = content("weights.json")["layers"]
    assert [(layer["units"], layer["activation"]) for layer in layers] == [
        (4, "relu"), (3, "relu"), (1, "linear"),
    ]  # fmt: skip


@pytest.mark.usefixtures("plain")
def test_without_hidden_layers():
    assert main(["train", "moons", "--layers", "none", "--epochs", "1"]) == 0
    assert [layer["units"] for layer in content("weights.json")["layers"]] == [1]


@pytest.mark.usefixtures("plain")
def test_digits():
    assert main(["train", "digits", "--layers", "none", "--epochs", "1"]) == 0
    assert content("history.json")["validation_accuracy"][0] > 0.5


def test_a_table_of_ones_own(tmp_path, capsys):
    (tmp_path / "fruit.csv").write_text(TABLE)
    assert main(["train", "fruit.csv", "--layers", "3", "--epochs", "40", "--lr", "0.1"]) == 0
    assert "24" not in capsys.readouterr().out.splitlines()[0]
    assert names() == sorted(JSON + PICTURES)
    table = load_csv("fruit.csv")
    model = nn.load("training/weights.json")  # for the table's own numbers
    right = [(model(x).data > 0) == (t == 1) for x, t in zip(table.X, table.y)]
    assert sum(right) == len(right)


@pytest.mark.usefixtures("plain")
def test_the_weights_are_for_rows_that_are_not_scaled(tmp_path):
    (tmp_path / "fruit.csv").write_text(TABLE)
    assert main(["train", "fruit.csv", "--layers", "3", "--epochs", "2", "--test", "0"]) == 0
    numbers = content("checkpoint.json")["training"]["parameters"]
    scaled = MLP(2, [3, 1], "tanh")
    for p, p.data in zip(scaled.parameters(), numbers):  # noqa: B007
        pass
    table = load_csv("fruit.csv")
    plain = nn.load("training/weights.json")
    rows = train_command.data.standardize(table.X)
    for x, row in zip(table.X, rows):
        assert plain(x).data == pytest.approx(scaled(row).data, rel=1e-9, abs=1e-9)


def test_numbers_to_be_predicted(tmp_path):
    rows = "".join(f"{2.5 * k + 1},{k},{k % 3}\n" for k in range(20))
    (tmp_path / "line.CSV").write_text("price,size,floor\n" + rows)
    options = ["--predict", "numbers", "--target", "price", "--layers", "none", "--lr", "0.5"]
    assert main(["train", "line.CSV", *options, "--epochs", "200"]) == 0
    assert names() == sorted({*JSON, *PICTURES} - {"decision_boundary.png"})
    assert content("history.json")["accuracy"] == []
    assert nn.load("training/weights.json")([10.0, 1.0]).data == pytest.approx(26.0, rel=1e-3)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(("name", "mark"), [("semicolon", ";"), ("tab", "\t")])
def test_a_table_with_another_delimiter_and_no_header(tmp_path, capsys, name, mark):
    rows = TABLE.partition("\n")[2]
    (tmp_path / "fruit.csv").write_text(rows.replace(",", mark))
    options = ["--epochs", "1", "--layers", "none", "--delimiter", name]
    assert main(["train", "fruit.csv", *options, "--header", "no"]) == 0
    assert "classes: 0 'apple', 1 'pear'\n" in capsys.readouterr().out
    assert "expected rows" not in answer(capsys, "fruit.csv", *options, "--header", "maybe")


def test_the_boundary_is_drawn_in_the_numbers_of_the_table(tmp_path, monkeypatch):
    (tmp_path / "fruit.csv").write_text(TABLE)
    drawn = []

    def boundary(model, X, y):
        drawn.extend((model(X[0]).data, sorted(X)))
        raise ImportError

    monkeypatch.setattr(train_command.plots, "decision_boundary", boundary)
    assert main(["train", "fruit.csv", "--layers", "none", "--epochs", "1", "--test", "0"]) == 0
    table = load_csv("fruit.csv")
    assert drawn[1] == sorted(table.X)
    model = nn.load("training/weights.json")
    assert drawn[0] in [model(x).data for x in table.X]


def test_without_matplotlib(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    train_command.plots._figure.cache_clear()
    assert main(["train", "moons", *SMALL, "--epochs", "1"]) == 0
    assert "pip install 'micrograd_bp[train]'" in capsys.readouterr().out
    assert names() == JSON


# ------------------------------------------------------------------ going on


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("options", [[], ["--optimizer", "sgd", "--l2", "0.01", "--test", "0"]])
def test_resume_goes_on_to_the_same_bits(options):
    assert main(["train", "moons", *SMALL, *options, "--epochs", "6", "--out", "whole"]) == 0
    assert main(["train", "moons", *SMALL, *options, "--epochs", "2", "--out", "parts"]) == 0
    for epochs in ("3", "6"):
        assert main(["train", "moons", "--epochs", epochs, "--out", "parts", "--resume"]) == 0
    for name in JSON:
        assert content(name, "parts") == content(name, "whole"), name


def process(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "micrograd_bp", "train", "moons", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.usefixtures("plain")
def test_ctrl_c_keeps_the_best_and_resume_goes_on():
    running = process("--points", "60", "--epochs", "100000", "--out", "long")
    while not os.path.exists("long/checkpoint.json"):
        time.sleep(0.05)
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "")
    assert "interrupted: the weights are those of epoch " in out
    assert names("long") == sorted(JSON + PICTURES)
    training = content("checkpoint.json", "long")["training"]
    weights = content("weights.json", "long")["layers"][0]["weights"][0]
    assert training["best"]["parameters"][:2] == weights
    total = str(training["epoch"] + 1)
    assert main(["train", "moons", "--epochs", total, "--out", "long", "--resume"]) == 0
    assert len(content("history.json", "long")["loss"]) == training["epoch"] + 1


@pytest.mark.usefixtures("plain")
def test_a_kill_leaves_a_whole_checkpoint():
    running = process("--points", "60", "--epochs", "100000", "--out", "long")
    while not os.path.exists("long/checkpoint.json"):
        time.sleep(0.05)
        assert running.poll() is None
    running.kill()
    running.communicate(timeout=60)
    epoch = content("checkpoint.json", "long")["training"]["epoch"]
    assert epoch > 0
    assert main(["train", "moons", "--epochs", str(epoch), "--out", "long", "--resume"]) == 0


def answer(capsys, *arguments):
    assert main(["train", *arguments]) == 2
    out, err = told(capsys)
    assert err.startswith("micrograd-bp: ")
    assert err.count("\n") == 1
    assert out == ""
    return err


@pytest.mark.usefixtures("plain")
def test_results_are_not_overwritten(capsys):
    assert main(["train", "moons", *SMALL, "--epochs", "1"]) == 0
    capsys.readouterr()
    before = {name: content(name) for name in JSON}
    said = answer(capsys, "moons", "--epochs", "2")
    assert "training/checkpoint.json is there already: go on with --resume, or take ano" in said
    for name in JSON[:2]:
        os.remove(f"training/{name}")
        assert "is there already" in answer(capsys, "moons", "--epochs", "2")
    assert content("weights.json") == before["weights.json"]


@pytest.mark.usefixtures("plain")
def test_of_two_at_once_the_first_to_write_stays(capsys, monkeypatch):
    def another(*given, **settings):
        monkeypatch.setattr(train_command, "fit", fit)
        assert main(["train", "moons", *SMALL, "--epochs", "1"]) == 0
        before.extend(content(name) for name in JSON)
        return fit(*given, **settings)

    before = []
    fit = train_command.fit
    monkeypatch.setattr(train_command, "fit", another)
    assert main(["train", "moons", *SMALL, "--seed", "2"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [content(name) for name in JSON] == before


@pytest.mark.usefixtures("plain")
def test_resume_where_nothing_fits(capsys, tmp_path):
    assert "there is nothing to resume" in answer(capsys, "moons", "--resume")
    (tmp_path / "fruit.csv").write_text(TABLE)
    assert main(["train", "fruit.csv", "--epochs", "2", "--layers", "3"]) == 0
    capsys.readouterr()
    checkpoint = tmp_path / "training" / "checkpoint.json"
    good = checkpoint.read_text()
    resume = ("fruit.csv", "--resume", "--epochs")
    said = answer_after_heading(capsys, *resume, "1")
    assert "resume: it is at epoch 2, beyond epochs = 1" in said
    said = answer(capsys, *resume, "3", "--layers", "4")
    assert "--layers 4: the training to resume has --layers 3" in said
    assert "the training to resume is on fruit.csv" in answer(capsys, "moons", "--resume")
    (tmp_path / "fruit.csv").write_text(TABLE + "1,2,pear\n")
    assert "fruit.csv: the data are no longer those" in answer(capsys, *resume, "3")
    (tmp_path / "fruit.csv").write_text(TABLE)
    saved = json.loads(good)
    for broken, said in [
        (good[:-20], "checkpoint.json: not JSON"),
        ("[]", "expected an object"),
        (json.dumps(saved | {"version": 2}), "expected 'micrograd_bp train' of version 1"),
        (json.dumps(saved | {"more": 2}), 'unknown "more"'),
        (json.dumps(saved | {"settings": {}}), "missing activation"),
        (json.dumps(saved | {"settings": saved["settings"] | {"lr": 1}}), "lr: expected a string"),
        (json.dumps(saved | {"settings": saved["settings"] | {"lr": "-1"}}), "--lr -1: expected a"),
        (json.dumps(saved | {"training": None}), "training: expected a checkpoint, got null"),
        (json.dumps(saved | {"training": []}), "resume: expected an object"),
        (json.dumps(saved | {"training": saved["training"] | {"epoch": 0.5}}), "resume: epoch: ex"),
        (
            json.dumps(saved | {"training": saved["training"] | {"parameters": [1.0]}}),
            "resume: parameters: expected 13 numbers",
        ),
    ]:
        checkpoint.write_text(broken)
        found = answer_after_heading(capsys, *resume, "3")
        assert said in found
        assert checkpoint.read_text() == broken
    checkpoint.write_text(good)
    assert main(["train", *resume, "3"]) == 0


def answer_after_heading(capsys, *arguments):
    assert main(["train", *arguments]) == 2
    return told(capsys)[1]


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mooons"], "mooons: expected moons, circles, spirals, xor, digits, or a FILE.csv"),
        (["none.csv"], "none.csv"),
        (["moons", "--layers", "16,0"], "--layers 16,0: expected a whole number from 1 to 1000000"),
        (["moons", "--layers", "x"], "--layers x: expected a whole number from 1 to 1000000"),
        (["moons", "--activation", "swish"], "--activation swish: expected one of linear, relu"),
        (["moons", "--optimizer", "lion"], "--optimizer lion: expected one of sgd, adam, adamw"),
        (["moons", "--lr", "0"], "--lr 0: expected a number above 0"),
        (["moons", "--lr", "-0.1"], "--lr -0.1: expected a number above 0"),
        (["moons", "--lr", "nan"], "--lr nan: expected a number above 0"),
        (["moons", "--lr", "fast"], "--lr fast: expected a number above 0"),
        (["moons", "--l2", "inf"], "--l2 inf: expected a number from 0 on"),
        (
            ["moons", "--batch-size", "0"],
            "--batch-size 0: expected a whole number from 1 to 1000000",
        ),
        (["moons", "--test", "1"], "--test 1: expected a number from 0 on, below 1"),
        (["moons", "--seed", "1.5"], "--seed 1.5: expected a whole number"),
        (["moons", "--points", "1"], "--points 1: expected a whole number from 2 to 1000000"),
        (["moons", "--noise", "-1"], "--noise -1: expected a number from 0 to 1000"),
        (["moons", "--epochs", "0"], "--epochs 0: expected a whole number from 1 to 1000000"),
        (["moons", "--noise", "1e308"], "--noise 1e308: expected a number from 0 to 1000"),
        (["moons", "--seed=--5"], "--seed --5: expected a whole number from -"),
        (["moons", "--seed", "9" * 5000], "9…: expected a whole number from -9223372036854775808"),
        (["moons", "--epochs", "9" * 5000], "9…: expected a whole number from 1 to 1000000"),
        (["moons", "--epochs", "1e5"], "--epochs 1e5: expected a whole number from 1 to 1000000"),
        (["moons", "--layers", "1000000000000"], "--layers 1000000000000: expected a whole number"),
        (
            ["moons", "--layers", "2000,500000"],
            "--layers 2000,500000: 1,001,006,001 weights and biases; expected at most 1,000,000",
        ),
        (["moons", "--points", "99999999999"], "--points 99999999999: expected a whole number"),
        (["moons", "--predict", "dogs"], "--predict dogs: expected one of classes, numbers"),
    ],
)
def test_mistakes(arguments, said, capsys):
    assert said in answer(capsys, *arguments)
    assert not os.path.exists("training")


def test_a_batch_larger_than_the_set(capsys):
    said = answer(capsys, "moons", *SMALL, "--batch-size", "25")
    assert said == "micrograd-bp: --batch-size 25: there are only 24 examples to learn from\n"
    assert not os.path.exists("training")


def test_a_bad_table(tmp_path, capsys):
    (tmp_path / "bad.csv").write_text("a,b\n1,0\nx,1\n")
    assert "bad.csv, line 3, column 1" in answer(capsys, "bad.csv")


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    for out in ("file", "file/below"):
        assert out.partition("/")[0] in answer(capsys, "moons", *SMALL, "--out", out)
    assert "'file': it is a file; expected a folder" in answer(capsys, "moons", "--out", "file")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_of_others(monkeypatch, capsys):
    def refused(dir):
        raise PermissionError(errno.EACCES, "Permission denied", f"{dir}/tmp123")

    monkeypatch.setattr(train_command.tempfile, "TemporaryFile", refused)
    said = answer(capsys, "moons", *SMALL, "--out", "closed")
    assert said == "micrograd-bp: 'closed': Permission denied\n"


@pytest.mark.usefixtures("plain")
def test_a_step_too_far(capsys):
    options = ["--optimizer", "sgd", "--lr", "1e308", "--l2", "1e10", "--epochs", "3"]
    said = answer_after_heading(capsys, "moons", *SMALL, *options)
    assert "epoch 1, batch 1 of 1: SGD: no finite step for parameter 1 ('W^{(1)}_{11}')" in said
    assert names() == []


@pytest.mark.usefixtures("plain")
def test_the_best_before_a_step_too_far(capsys):
    options = ["--optimizer", "sgd", "--lr", "30", "--l2", "0.1", "--activation", "relu"]
    deep = [*options, "--layers", "8,8,8", "--points", "60", "--batch-size", "8"]
    assert main(["train", "moons", *deep]) == 2
    out, err = capsys.readouterr()
    assert "training: weights.json, checkpoint.json" in out
    training = content("checkpoint.json")["training"]
    assert f"the parameters are those of epoch {training['best']['epoch']}, the best" in err
    model = nn.load("training/weights.json")
    assert [p.data for p in model.parameters()] == training["best"]["parameters"]
    assert names() == ["checkpoint.json", "weights.json"]


def test_digits_without_scikit_learn(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert "pip install 'micrograd_bp[train]'" in answer(capsys, "digits")


@pytest.mark.usefixtures("plain")
def test_the_numbers_in_the_history_are_numbers():
    assert main(["train", "xor", "--points", "8", "--layers", "2", "--epochs", "1"]) == 0
    assert all(math.isfinite(v) for curve in content("history.json").values() for v in curve)
