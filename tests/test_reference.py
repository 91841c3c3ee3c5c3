"""Tests of the API reference: every public name is described and shown, and no link is broken.

That the examples run is what `pytest --doctest-modules` sees to.
"""

import doctest
import importlib
import inspect
import re
from html import unescape

import pytest
from reference import PUBLIC, broken, build

import micrograd_bp as mb

FINDER = doctest.DocTestFinder(exclude_empty=True)
NEEDS_TORCH = {"to_torch", "from_torch"}  # shown without being run, for the tests have no PyTorch


def public(name):
    """The names that a module offers and defines, with what they are."""
    module = importlib.import_module(name)
    offered = getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")])
    found = {offer: getattr(module, offer) for offer in offered}
    return {n: v for n, v in found.items() if getattr(v, "__module__", None) == name}


def members(cls):
    """The public methods and properties that a class itself defines."""
    for name, value in vars(cls).items():
        inner = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not name.startswith("_") and (
            inspect.isfunction(inner) or hasattr(value, "__set_name__")
        ):
            yield name


def examples(module):
    """The text of all examples in a module's docstrings."""
    tests = FINDER.find(module, module.__name__)
    return "\n".join(example.source for test in tests for example in test.examples)


@pytest.mark.parametrize("name", PUBLIC)
def test_everything_is_described(name):
    missing = [] if importlib.import_module(name).__doc__ else ["the module"]
    for found, value in public(name).items():
        if inspect.isclass(value):
            text = vars(value).get("__doc__") or ""
            made = text.startswith(f"{found}(")  # as dataclasses write it where there is none
            missing += [found] * (not text or made)
            missing += [
                f"{found}.{member}"
                for member in members(value)
                if not inspect.getdoc(getattr(value, member))
            ]
        elif inspect.isfunction(value) and not value.__doc__:
            missing.append(found)
    assert missing == []


@pytest.mark.parametrize("name", PUBLIC)
def test_every_function_is_shown(name):
    module = importlib.import_module(name)
    shown = examples(module)
    functions = {n for n, value in public(name).items() if inspect.isfunction(value)}
    called = {n for n in functions if re.search(rf"\b{n}\(", shown)}
    assert functions - called - NEEDS_TORCH == set()
    for found in functions & NEEDS_TORCH:
        assert f"{found}(" in module.__doc__


@pytest.mark.parametrize("name", mb.__all__)
def test_what_the_package_offers_is_shown(name):
    value = getattr(mb, name)
    modules = {
        importlib.import_module(m) for m in (mb.__name__, value.__module__, "micrograd_bp.ops")
    }
    if name not in NEEDS_TORCH:
        assert any(re.search(rf"\b{name}\b", examples(module)) for module in modules)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("pdoc")
    folder = tmp_path_factory.mktemp("reference")
    build(folder)
    return folder


def test_each_module_has_its_page(folder):
    pages = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.html")}
    assert pages == {name.replace(".", "/") for name in PUBLIC} | {"index"}


def test_each_page_leads_to_all_modules(folder):
    for path in folder.joinpath("micrograd_bp").rglob("*.html"):
        links = re.findall(r'<li><a href="([^"#]*)">', path.read_text("utf-8"))
        to = {(path.parent / link).resolve().relative_to(folder.resolve()) for link in links}
        found = {place.with_suffix("").as_posix().replace("/", ".") for place in to}
        own = path.relative_to(folder).with_suffix("").as_posix().replace("/", ".")
        assert found == {*PUBLIC} - {own}


def test_the_first_page_has_every_name(folder):
    page = (folder / "micrograd_bp.html").read_text("utf-8")
    assert [name for name in mb.__all__ if f'<section id="{name}">' not in page] == []


def test_examples_are_printed_as_they_are(folder):
    """pdoc takes `.data` for the module of that name, unless told."""
    texts = [path.read_text("utf-8") for path in folder.rglob("*.html")]
    bare = [unescape(re.sub("<[^>]*>", "", text)) for text in texts]
    assert any("model.weight(1, 2, 1).data" in text for text in bare)
    assert any("(.data was assigned" in text for text in bare)
    wrong = re.compile(r"[\w(\])]micrograd_bp\.data")
    assert [
        text[m.start() - 30 : m.end() + 30] for text in bare for m in wrong.finditer(text)
    ] == []


def test_no_link_is_broken_and_nothing_is_loaded_from_elsewhere(folder):
    assert [*broken(folder)] == []


@pytest.mark.parametrize(
    ("html", "lost"),
    [
        ('<a href="other.html#here">', []),
        ('<a href="#x"><p id="x">', []),
        ('<a href="https://example.org">', []),
        ('<img src="data:,">', []),
        ('<a href="#y"><p id="x">', ["#y"]),
        ('<a href="other.html#there">', ["other.html#there"]),
        ('<a href="third.html">', ["third.html"]),
        ('<script src="third.js">', ["third.js"]),
        ('<script src="https://example.org/x.js">', ["https://example.org/x.js"]),
        ('<link rel="stylesheet" href="//example.org/x.css">', ["//example.org/x.css"]),
    ],
)
def test_a_broken_link_is_found(tmp_path, html, lost):
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    (tmp_path / "other.html").write_text('<p id="here">', encoding="utf-8")
    assert [*broken(tmp_path)] == [("page.html", link) for link in lost]
