"""Runs a program, and shows what a notebook would show of it: by Pyodide, on the page to try.

>>> shown = []
>>> run("x = 1 / 0", lambda kind, text: shown.append((kind, text)))
>>> print(shown[0][1])
line 1: x = 1 / 0
ZeroDivisionError: division by zero
"""

import ast
import io
import linecache
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout

FILE = "your program"
MOST = 1_000_000
"""Characters that a program may print: of many more the page would come to a halt."""
FRAMES = 6
"""Lines of a traceback beyond which its middle is left out, as of an endless recursion."""


class Printed(io.TextIOBase):
    """What is printed, passed on to `show` a tenth of a second's worth at a time."""

    def __init__(self, show):
        self.show, self.held, self.count, self.last = show, [], 0, 0.0

    def write(self, text):
        """Take it, and pass it on if it is time. Errors: RuntimeError for more than `MOST`."""
        self.held.append(text)
        self.count += len(text)
        if self.count > MOST:
            raise RuntimeError(f"stopped: it printed more than {MOST:,} characters")
        if time.monotonic() > self.last + 0.1:
            self.flush()
        return len(text)

    def flush(self):
        """Pass on all that there is."""
        held, self.held, self.last = self.held, [], time.monotonic()
        if held:
            self.show("text", "".join(held))


def run(source, show):
    """Run it, calling `show(kind, text)` for each piece; its kind is text, html or error."""
    lines = source.splitlines(keepends=True)
    linecache.cache[FILE] = (len(source), None, lines, FILE)
    printed = Printed(show)

    def display(*values):
        for value in values:
            printed.flush()
            show(*form(value))

    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            program = ast.parse(source, FILE)
            last = program.body.pop() if program.body else None
            if not isinstance(last, ast.Expr):
                program.body += [last] * (last is not None)
                last = None
            names = {"__name__": "__main__", "display": display, "input": unanswered}
            exec(compile(program, FILE, "exec"), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), FILE, "eval"), names)
                if value is not None:
                    display(value)
            printed.flush()
        except BaseException as error:
            printed.count = 0
            printed.flush()
            if not isinstance(error, SystemExit) or error.code:
                show("error", told(error))


def unanswered(prompt=""):
    """In the place of `input`."""
    raise RuntimeError("input: nobody can answer on this page; write the value into the program")


def form(value):
    """The kind and the text of what a notebook would choose to show."""
    if not isinstance(value, type):
        if hasattr(value, "_repr_mimebundle_"):
            bundle = value._repr_mimebundle_()
            bundle = bundle[0] if isinstance(bundle, tuple) else bundle  # the other is about it
            for kind in ("text/html", "image/svg+xml"):
                if kind in bundle:
                    return "html", bundle[kind]
        if hasattr(value, "_repr_html_"):
            return "html", value._repr_html_()
    return "text", f"{value!r}\n"


def told(error):
    """The lines of the program that led to it, and what it says."""
    frames = [
        f"line {frame.lineno}: {frame.line}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == FILE
    ]
    if len(frames) > FRAMES:
        half = FRAMES // 2
        frames[half:-half] = [f"… {len(frames) - 2 * half} more …"]
    said = "".join(traceback.format_exception_only(error)).rstrip()
    return "\n".join([*frames, said])
