"""Read JSON that somebody else wrote: what is wrong with it is said, and where.

>>> content = json_of(b'{"size": 2, "rows": [[1, 2], [3, "x"]]}')
>>> entries(content, ["size", "rows"])
>>> with inside("my.json"):
...     matrix(content["rows"], "rows", 2, "size")
Traceback (most recent call last):
ValueError: my.json: rows[1][1]: expected a finite number, got "x"
"""

import json
import math
import os
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def inside(where: str | os.PathLike[str]) -> Iterator[None]:
    """Put `where` before the message of a ValueError."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{os.fspath(where)}: {error}") from None


def json_of(data: bytes) -> Any:
    """What JSON in UTF-8 holds; ValueError where it is not JSON, or has a key twice."""
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            parse_constant=float,
            parse_int=_integer,
            object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    except UnicodeDecodeError:
        raise ValueError("not JSON: expected text in UTF-8") from None
    except RecursionError:
        raise ValueError("not JSON: nested too deep") from None


def _integer(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:  # Python reads no more than 4300
        return float(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"{shown(twice)} is there twice")
    return content


def shown(value: Any) -> str:
    """`value` for a message: as JSON, on one line, and short.

    >>> shown({"a": None}), shown("x" * 100)
    ('{"a": null}', '"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…')
    """
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = "lists in lists without end"
    except (TypeError, ValueError):
        text = type(value).__name__
    return short(text, 40)


def short(text: str, length: int) -> str:
    """At most so many characters of `text`, all printable and on one line.

    >>> short("one two three", 8)
    'one two…'
    """
    text = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def entries(content: Any, required: Collection[str], optional: Collection[str] = ()) -> None:
    """Check that `content` is an object with these keys; ValueError for another, or one missing."""
    known = {*required, *optional}
    if not isinstance(content, dict):
        raise ValueError(
            f"expected an object with {', '.join(sorted(known))}, got {shown(content)}"
        )
    if unknown := content.keys() - known:
        raise ValueError(f"unknown {', '.join(map(shown, sorted(unknown, key=str)[:5]))}")
    if missing := {*required} - content.keys():
        raise ValueError(f"missing {', '.join(sorted(missing))}")


def number(value: Any, where: str) -> float:
    """`value` as a float; ValueError for what is no number, or not finite."""
    try:
        found = float(value) if type(value) in (int, float) else math.nan
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise ValueError(f"{where}: expected a finite number, got {shown(value)}")
    return found


def vector(values: Any, where: str, length: int = 0, because: str = "") -> list[float]:
    """A list of numbers; with a `length`, so many, as many as `because` says."""
    if not isinstance(values, list) or not values:
        raise ValueError(f"{where}: expected a list of numbers, got {shown(values)}")
    if length and len(values) != length:
        raise ValueError(
            f"{where}: expected {length} numbers, as many as {because}, got {len(values)}"
        )
    return [number(value, f"{where}[{k}]") for k, value in enumerate(values)]


def matrix(rows: Any, where: str, width: int, because: str) -> list[list[float]]:
    """A list of rows of `width` numbers."""
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{where}: expected a list of rows, got {shown(rows)}")
    return [vector(row, f"{where}[{i}]", width, because) for i, row in enumerate(rows)]
