"""Fixtures of all tests."""

import shutil

import pytest
from website import packed_package

from micrograd_bp import OPS, table


@pytest.fixture(autouse=True)
def _own_table():
    """Rows that a test adds are gone behind it."""
    before = [dict(names) for names in (OPS, table.FLOATS, table.MIXED)]
    yield
    for names, old in zip((OPS, table.FLOATS, table.MIXED), before):
        names.clear()
        names.update(old)


@pytest.fixture
def no_dot(monkeypatch, tmp_path_factory):
    """An empty folder is all of the PATH; it is returned."""
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, of one module: while it is open, `asyncio.run` fails in its thread."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("the system has no chromium")
    with (
        api.sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as opened,
    ):
        yield opened


@pytest.fixture
def visit(browser, tmp_path):
    """A function that opens HTML as a file, offline; the page must ask for nothing, and not fail.

    It takes the options of playwright's `new_context`, and returns playwright's page.
    """
    path = tmp_path / "page.html"
    contexts, asked, said = [], set(), []

    def opened(html, **options):
        path.write_bytes(html.encode())
        context = browser.new_context(offline=True, **{"reduced_motion": "reduce"} | options)
        contexts.append(context)
        context.set_default_timeout(10_000)
        context.on("request", lambda request: asked.add(request.url))
        context.on("console", lambda message: said.append(message.text))
        context.on("weberror", lambda error: said.append(str(error.error)))
        page = context.new_page()
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert {url.partition("#")[0] for url in asked if not url.startswith("data:")} == {
        path.as_uri()
    }
    assert said == []


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The wheel of this tree, as `pip wheel .` makes it; nothing is fetched."""
    return packed_package(tmp_path_factory.mktemp("wheel"))
