"""Tests of the README: what it says to call runs, and what it names is there.

Its examples are run by pytest's doctest.
"""

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_package import MODULES

import micrograd_bp as mb
from micrograd_bp import data, lectures, losses, nn, plots
from micrograd_bp.lectures import csc311

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title):
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


CALLS = [
    call
    for row in section("What to call").splitlines()
    if row.startswith("| ") and "→" not in row
    for call in re.findall(r"`([^`]+)`", row.rpartition(" | ")[2])
]


@pytest.fixture(scope="module")
def names():
    C, model, inputs = csc311.build(csc311.EXAMPLE)
    X, y = data.make_moons(8, seed=1)
    modules = {"mb": mb, "losses": losses, "nn": nn, "plots": plots, "lectures": lectures}
    example = {"C": C, "model": model, "inputs": inputs, "X": X, "y": y}
    parameters = {"w": model.weight(2, 1, 2), "b": model.bias(2, 1)}
    return modules | example | parameters | {"net": mb.MLP(2, [3, 1], activation="tanh", seed=1)}


@pytest.mark.parametrize("call", CALLS)
def test_what_to_call(call, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if call == 'nn.load("net.json")':
        names["net"].save("net.json")
    if call.startswith("python tests/"):  # run by a test of its own
        assert (ROOT / call.split()[1]).exists()
    elif call.startswith("python "):
        command = [sys.executable, *shlex.split(call)[1:]]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    elif "torch" in call and find_spec("torch") is None:
        with pytest.raises(ImportError, match="pip install torch"):
            exec(call, dict(names))
    else:
        exec(call, dict(names))


def test_there_is_something_to_call():
    assert len(CALLS) > 30


@pytest.mark.parametrize("name", MODULES)
def test_each_module_is_in_the_tour(name):
    tour = re.findall(r"`(\w+)`", section("In reading order"))
    stem = name.rpartition(".")[2]
    assert re.sub("^(cs3780|ml|bpnn|lec16)", "csc311", stem) in tour  # one stands for the five


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link):
    assert link.startswith("https://") or (ROOT / link).exists()


@pytest.mark.parametrize("path", sorted({*re.findall(r"(?:tests|notebooks)/[\w/.]+\w", README)}))
def test_files_that_are_named_are_there(path):
    assert (ROOT / path).exists() or (ROOT / f"{path}.ipynb").exists()
