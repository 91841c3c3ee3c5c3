"""Tests of a film: its GIF frame by frame, its page in a browser, and what is written."""

import base64
import io
import re
import sys

import pytest
from PIL import Image

from micrograd_bp.film import HOLD, Film

COLOURS = ["#c8500a", "#ffffff", "#0063a8", "#1a1a1a"]


def png(colour, size=(40, 30)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def film():
    return Film(["start", "epoch 1", "epoch 2", "end"], [*map(png, COLOURS)], 50)


def shades(gif):
    """The colour and duration of each frame."""
    image = Image.open(io.BytesIO(gif))
    for k in range(image.n_frames):
        image.seek(k)
        yield image.convert("RGB").getpixel((20, 15)), image.info["duration"]


def test_gif():
    # a last frame that has them all, for the colours are its
    last = Image.new("RGB", (40, 30))
    for k, colour in enumerate(COLOURS):
        last.paste(colour, (10 * k, 0, 10 * k + 10, 30))
    buffer = io.BytesIO()
    last.save(buffer, "PNG")
    film = Film([*"abcde"], [*map(png, COLOURS), buffer.getvalue()], 50)
    rgb = [tuple(bytes.fromhex(colour[1:])) for colour in COLOURS]
    *frames, (_, held) = shades(film.gif())
    assert frames == [(colour, 50) for colour in rgb]
    assert held == HOLD * 50
    assert Image.open(io.BytesIO(film.gif())).info["loop"] == 0


def test_a_film_of_one_frame():
    film = Film(["only"], [png("#0063a8")])
    assert repr(film) == "Film(1 frame)"
    assert [colour for colour, _ in shades(film.gif())] == [(0, 0x63, 0xA8)]


def test_in_a_notebook(film):
    assert repr(film) == "Film(4 frames)"
    shown = re.fullmatch(
        r'<img style="max-width:100%" alt="Film\(4 frames\): from start to end" '
        r'src="data:image/gif;base64,([^"]+)">',
        film._repr_html_(),
    )
    assert base64.b64decode(shown[1]) == film.gif()


def test_without_pillow(film, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'micrograd_bp\[train\]'"):
        film.save(tmp_path / "a.gif")
    film.save(tmp_path / "a.html")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


@pytest.mark.parametrize("convert", [str, lambda path: path])
@pytest.mark.parametrize("name", ["a.gif", "a.GIF", "new/a.html"])
def test_save(film, tmp_path, name, convert):
    film.save(convert(tmp_path / name))
    expected = film.html().encode() if name.endswith("html") else film.gif()
    assert (tmp_path / name).read_bytes() == expected


@pytest.mark.parametrize("name", ["a.mp4", "a", ".gif"])
def test_save_as_something_else(film, tmp_path, name):
    with pytest.raises(ValueError, match=r"cannot save '.*': expected \.gif or \.html"):
        film.save(tmp_path / name)
    assert [*tmp_path.iterdir()] == []


def state(page):
    """The title of the frame that is shown, the count, the button, the image's size."""
    return [
        page.get_attribute("#picture", "alt"),
        page.inner_text("#count"),
        page.inner_text("#play"),
        page.evaluate("document.getElementById('picture').naturalWidth"),
    ]


def test_the_page(film, visit):
    page = visit(film.html())
    assert page.title() == "start … end"
    assert state(page) == ["end", "4 of 4", "Play", 40]
    assert page.get_attribute("#picture", "src") == (
        f"data:image/png;base64,{base64.b64encode(film.images[3]).decode()}"
    )
    page.focus("#at")
    page.keyboard.press("ArrowLeft")
    assert state(page) == ["epoch 2", "3 of 4", "Play", 40]
    assert page.get_attribute("#at", "aria-valuetext") == "epoch 2"
    page.keyboard.press("Home")
    assert state(page)[:2] == ["start", "1 of 4"]


def test_the_page_plays_to_its_end(film, visit):
    page = visit(film.html())
    page.evaluate("""() => {
        window.seen = [];
        new MutationObserver(() => seen.push(document.getElementById("picture").alt))
            .observe(document.getElementById("picture"), { attributeFilter: ["alt"] });
    }""")
    page.click("#play")  # from the end: it begins anew
    page.locator("#play", has_text="Play").wait_for()
    assert page.evaluate("seen") == film.titles
    assert state(page) == ["end", "4 of 4", "Play", 40]


def test_the_page_pauses(visit):
    page = visit(Film([*"abcd"], [*map(png, COLOURS)], 600_000).html())
    page.click("#play")
    assert state(page)[:3] == ["a", "1 of 4", "Pause"]
    page.click("#play")
    assert state(page)[:3] == ["a", "1 of 4", "Play"]


def test_hostile_titles(visit):
    title = "</script><script>document.body.remove()</script>\"'&<b>@@film@@"
    film = Film([title, title], [png("red"), png("blue")])
    page = visit(film.html())
    assert page.title() == f"{title} … {title}"
    assert state(page)[0] == title
    assert "<script>" not in film._repr_html_()
