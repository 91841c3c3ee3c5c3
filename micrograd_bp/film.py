"""A film: pictures in their order, to be shown in a notebook or kept as one file.

>>> from PIL import Image
>>> buffer = io.BytesIO()
>>> Image.new("RGB", (2, 2)).save(buffer, "PNG")
>>> film = Film(["epoch 1", "epoch 2"], 2 * [buffer.getvalue()])
>>> film
Film(2 frames)
>>> film.gif()[:6]
b'GIF89a'

`film.save("moons.gif")` writes a file for slides and pages, `film.save("moons.html")` one to pause,
and to go through frame by frame; it needs no network.
"""

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from micrograd_bp import files, viewer

HOLD = 15
"""How many times as long as the others the last frame of a GIF stands."""


@dataclass(frozen=True, repr=False)
class Film:
    """`images` (PNG, all of one size), each with its title and shown for so many milliseconds."""

    titles: Sequence[str]
    images: Sequence[bytes]
    milliseconds: int = 120

    def gif(self) -> bytes:
        """An animated GIF that begins anew after its last frame, which it holds for a while.

        Errors: ImportError without Pillow, by which it is written.
        """
        try:
            from PIL import Image
        except ImportError:
            raise ImportError(
                "a GIF needs Pillow, which comes with matplotlib: "
                "pip install 'micrograd_bp[train]'; a page, .html, needs nothing"
            ) from None
        frames = [Image.open(io.BytesIO(image)).convert("RGB") for image in self.images]
        colours = frames[-1].quantize(256, Image.Quantize.MAXCOVERAGE)
        first, *rest = (f.quantize(palette=colours, dither=Image.Dither.NONE) for f in frames)
        buffer = io.BytesIO()
        durations = [self.milliseconds] * len(rest) + [HOLD * self.milliseconds]
        first.save(buffer, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
        return buffer.getvalue()

    def html(self) -> str:
        """A page with the frames, a slider, and a button to play them."""
        film = {
            "titles": [*self.titles],
            "frames": [f"data:image/png;base64,{_base64(image)}" for image in self.images],
            "milliseconds": self.milliseconds,
        }
        parts = {
            "title": viewer.escaped(" … ".join((self.titles[0], self.titles[-1]))),
            "last": str(len(self.images) - 1),
            "film": viewer.json_data(film),
        }
        return viewer.filled("film.html", parts)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the film to a file: .gif or .html, by its suffix.

        Errors: ValueError for another suffix, those of `gif`, OSError where it cannot be written.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in (".gif", ".html"):
            raise ValueError(f"cannot save {os.fspath(path)!r}: expected .gif or .html")
        files.write(path, self.gif() if suffix == ".gif" else self.html())

    def _repr_html_(self) -> str:
        words = viewer.escaped(f"{self!r}: from {self.titles[0]} to {self.titles[-1]}")
        image = f"data:image/gif;base64,{_base64(self.gif())}"
        return f'<img style="max-width:100%" alt="{words}" src="{image}">'

    def __repr__(self) -> str:
        return f"Film({len(self.images)} frame{'s' * (len(self.images) != 1)})"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
