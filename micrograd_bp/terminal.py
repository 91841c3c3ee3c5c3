"""The terminal's player of the steps: by the arrow keys, or all of them as plain lines.

>>> from micrograd_bp import Value
>>> from micrograd_bp.stepping import steps
>>> w, x = Value(0.5, "w"), Value(2.0, "x")
>>> C = w * x
>>> C.label = "C"
>>> for line in plain(steps(C)):
...     print(line)
Forward pass
1. C = w · x
   0.5 · 2 = 1
Backward pass
2. ∂C/∂C = 1
3. ∂C/∂w += ∂C/∂C · x
   0 + 1 · 2 → 2, complete
4. ∂C/∂x += ∂C/∂C · w
   0 + 1 · 0.5 → 0.5, complete
Weights
5. ∂C/∂w = x
   2

`play(steps(C))` shows them one at a time on the whole screen, with each node's value and gradient
so far. Everything shown comes from the records of `stepping`.
"""

import os
import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import category, normalize

from micrograd_bp.formula import Literal
from micrograd_bp.notation import Text
from micrograd_bp.stepping import Step
from micrograd_bp.symbol import short, unicode

if TYPE_CHECKING:
    from prompt_toolkit import Application
    from prompt_toolkit.filters import Filter
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.output import Output

ADVICE = (
    "No player: install prompt_toolkit (`pip install prompt_toolkit`), "
    "or take --plain, which needs nothing."
)
"""What to do where there is no player."""
PHASES = {
    "forward": "Forward pass",
    "seed": "Backward pass",
    "backward": "Backward pass",
    "weight": "Weights",
}
"""For each kind of step the part of the player that shows it."""
SMALLEST = 40, 10
"""Columns and rows below which there is no room."""

Fragments = list[tuple[str, str]]


class NoTerminal(RuntimeError):
    """The library of the player is missing: what to install, on one line."""


def plain(steps: Sequence[Step]) -> Iterator[str]:
    """Every step as lines of text, for pipes, logs and screen readers: numbered, with headings."""
    phase = ""
    for k, step in enumerate(steps, 1):
        if PHASES[step.kind] != phase:
            phase = PHASES[step.kind]
            yield phase
        yield f"{k}. {_data(step.formula)}"
        if step.kind != "seed":
            complete = ", complete" if step.parent is not None and step.complete else ""
            yield " " * len(f"{k}. ") + _data(step.numbers) + complete


def play(
    steps: Sequence[Step],
    title: str = "",
    *,
    input: "Input | None" = None,
    output: "Output | None" = None,
) -> None:
    """Show the steps one at a time on the whole screen, until q or Esc; `?` there shows the keys.

    Where no screen is to be had, in a pipe or with TERM=dumb, prints them plainly. `input` and
    `output` are those of prompt_toolkit, for tests. Ctrl-C gives the terminal back as it was, then
    raises KeyboardInterrupt.

    Errors: ValueError without steps; NoTerminal where prompt_toolkit is not installed.

    >>> from micrograd_bp import Value, steps
    >>> play(steps(Value(2.0, "x") * 3.0)[:1])  # here, in a pipe
    Forward pass
    1. v₁ = 3 · x
       2 · 3 = 6
    """
    if not steps:
        raise ValueError("play: there are no steps; expected those of steps(output)")
    if input is None and output is None and not has_screen():
        for line in plain(steps):
            print(line)
        return
    try:
        import prompt_toolkit  # noqa: F401
    except ImportError:
        raise NoTerminal(ADVICE) from None
    _application(View(steps, title), input, output).run()


def has_screen() -> bool:
    """Whether someone can press keys and see a screen here, so that `play` does not just print.

    >>> has_screen() in (True, False)
    True
    """
    streams = (sys.stdin, sys.stdout)
    smart = os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
    return smart and all(stream is not None and stream.isatty() for stream in streams)


# ------------------------------------------------------------------ hostile text, and its width

_TURNING = {*map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))}
_ACTING = {"Cc", "Cs", "Zl", "Zp"}


def _data(text: str) -> str:
    """`text` without what acts on a terminal; names stay isolated from the writing around them."""
    return "".join(
        c if c in "\u2068\u2069" or (category(c) not in _ACTING and c not in _TURNING) else "\ufffd"
        for c in text
    )


def _seen(text: str) -> str:
    """`text` for a cell grid: also without what has no width, or makes that of others doubtful."""
    return "".join(c for c in _data(text) if category(c) != "Cf" and not "\ufe00" <= c <= "\ufe0f")


def _cells(text: str) -> int:
    from prompt_toolkit.utils import get_cwidth

    return get_cwidth(text)


def _fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells: cut, with an ellipsis, or filled up."""
    if _cells(text) > width:
        text = _chunks(text, width - 1)[0] + "…" if width > 0 else ""
    return text + " " * (width - _cells(text))


def _chunks(text: str, width: int) -> list[str]:
    """`text` in pieces of at most `width` cells, marks staying on their letters."""
    found, room = [""], width
    for c in text:
        size = _cells(c)
        if size > room:
            found.append("")
            room = width
        found[-1] += c
        room -= size
    return found


def _wrapped(text: str, width: int) -> list[str]:
    """`text` in lines: broken before its signs, else between words, else anywhere."""
    lines: list[str] = []
    for equation in re.split("(?<=;) ", text):
        line = ""
        for term in re.split(r" (?=[+−=→]=? )", equation):
            for word in [term] if _cells(term) <= width - 2 else term.split(" "):
                longer = f"{line} {word}" if line else word
                if line and _cells(longer) > width:
                    lines.append(line)
                    longer = f"  {word}"
                *full, line = _chunks(longer, width)
                lines += full
        lines.append(line)
    return lines


def _cut(lines: list[str], height: int, width: int) -> list[str]:
    if len(lines) <= height:
        return lines
    return [*lines[: height - 1], _fit(lines[height - 1], width - 2).rstrip() + " …"]


# ------------------------------------------------------------------ what stands where


class Row(NamedTuple):
    """A node as it stands at a step; None: not there yet."""

    value: float | None
    gradient: float | None
    complete: bool


class History:
    """What the steps say of each node, so that its state at any step is looked up, not replayed."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.targets: list[list[int]] = []
        self.first: dict[str, int] = {}
        self.about: dict[int, int] = {}
        labels: dict[int, str] = {}
        self._values: dict[int, tuple[int, float]] = {}
        self._gradients: dict[int, list[tuple[int, float, bool]]] = {}
        for k, step in enumerate(steps):
            self.first.setdefault(PHASES[step.kind], k)
            self.targets.append([])
            for fine in _fine(step):
                labels[fine.node] = fine.label
                node = fine.node
                if fine.parent is not None:
                    node = fine.parent
                    labels[node] = fine.parent_label
                self.targets[k].append(node)
                self.about.setdefault(node, k)
                for operand, value in fine.operands:
                    self._values.setdefault(operand, (-1, value))  # an input or a parameter
                if fine.kind == "forward":
                    self._values[node] = k, fine.result
                else:
                    complete = fine.complete is not False
                    self._gradients.setdefault(node, []).append((k, fine.result, complete))
        self.is_coarse = any(len({*nodes}) > 1 for nodes in self.targets)
        self.nodes = sorted(labels)
        self.label = {node: _seen(unicode(short(labels[node]))) for node in self.nodes}

    def at(self, node: int, k: int) -> Row:
        """The node's state when step `k` is done."""
        when, value = self._values.get(node, (k + 1, 0.0))
        gradients = self._gradients.get(node, [])
        so_far = bisect_right(gradients, k, key=lambda entry: entry[0])
        _, gradient, complete = gradients[so_far - 1] if so_far else (0, None, False)
        return Row(value if when <= k else None, gradient, complete)


def _fine(step: Step) -> Iterator[Step]:
    """The step, or the finest that it stands for."""
    if not step.parts:
        yield step
    for part in step.parts:
        yield from _fine(part)


_LAYER = re.compile("⁽[^⁾]*⁾")
_TYPED = str.maketrans("−′∂⁄", "-'d/", "[]{}^_ \u2068\u2069")


def _forms(text: str) -> tuple[str, str, str]:
    """`text` as one may type it: W⁽¹⁾₂₃ is W(1)23, W123, and W23."""
    full, layerless = (
        normalize("NFKC", form).translate(_TYPED) for form in (text, _LAYER.sub("", text))
    )
    return full, full.replace("(", "").replace(")", ""), layerless


# ------------------------------------------------------------------ the screen


class View:
    """The player's state, and its screen as lines of text in styles."""

    def __init__(self, steps: Sequence[Step], title: str = "") -> None:
        self.steps, self.title = steps, _seen(short(title))
        self.history = History(steps)
        self.cursor = 0
        self.asking = self.message = self.query = ""
        self.hits: list[int] = []
        self.help = False

    def go(self, k: int) -> None:
        """To step `k`, or as near as there is one."""
        self.cursor = min(max(k, 0), len(self.steps) - 1)

    def phase(self, name: str) -> None:
        """To the first step of a phase."""
        if name in self.history.first:
            self.go(self.history.first[name])
        else:
            self.message = f"{name}: no such steps here"

    def answer(self, text: str) -> None:
        """What was typed at the prompt, which asked for a node or for words to search."""
        if text.strip():
            (self._jump if self.asking == NODE else self._search)(text)

    def _jump(self, text: str) -> None:
        history, name = self.history, _forms(unicode(text))[0]
        forms = {node: _forms(history.label[node]) for node in history.nodes}
        found = [node for node in history.nodes if name in forms[node]]
        if not found and name.isdecimal():
            found = [node for node in history.nodes if node == int(name)]
        if not found:
            found = [v for v in history.nodes if any(f.startswith(name) for f in forms[v])]
        if not name or not found:
            self.message = f"no node {_seen(text)}"
            return
        self.go(history.about[found[0]])
        if len(found) > 1:
            names = ", ".join(f"{node} {history.label[node]}" for node in found[1:9])
            self.message = f"{len(found)} nodes match; also {names}"

    @cached_property
    def _texts(self) -> list[str]:
        """What is searched of each step: its formula, and its nodes."""
        label = {node: _forms(text) for node, text in self.history.label.items()}
        return [
            "\n".join((*_forms(step.formula), *(form for node in nodes for form in label[node])))
            for step, nodes in zip(self.steps, self.history.targets)
        ]

    def _search(self, text: str) -> None:
        wanted = _forms(unicode(text))[0]
        small = wanted == wanted.lower()  # then capital letters are found, too
        texts = [words.lower() for words in self._texts] if small else self._texts
        self.hits = [k for k, words in enumerate(texts) if wanted and wanted in words]
        self.query = _seen(text)
        if self.hits:
            self.go(self.hits[bisect_left(self.hits, self.cursor) % len(self.hits)])
        else:
            self.message = f"not found: {self.query}"

    def hit(self, by: int) -> None:
        """To the next hit of the search (`by` = 1) or the one before (−1), round the end."""
        at = bisect_left(self.hits, self.cursor) if by < 0 else bisect_right(self.hits, self.cursor)
        self.go(self.hits[(at - (by < 0)) % len(self.hits)])

    def screen(self, width: int, height: int) -> list[Fragments]:
        """All lines but the last, which is the footer's."""
        if width < SMALLEST[0] or height < SMALLEST[1]:
            notice = (
                "The player needs {}×{} cells; ".format(*SMALLEST) + f"here are {width}×{height}."
            )
            lines = _wrapped(notice, max(width, 4))[: height - 1]
            return [[("", line)] for line in lines]
        if self.help:
            return [self._header(width), [], *self._help(width, height - 3)]
        formula = max(3, height // (3 if self.history.is_coarse else 5) + 1)
        rest = height - formula - 4
        table = -(-rest * 3 // 5)
        return [
            self._header(width),
            *self._formula(width, formula),
            *self._table(width, table),
            *self._log(width, rest - table),
        ]

    def _header(self, width: int) -> Fragments:
        phase = PHASES[self.steps[self.cursor].kind]
        right = f"{phase}  step {self.cursor + 1} of {len(self.steps)} "
        return [("class:bar", _fit(f" {self.title}", width - _cells(right)) + right)]

    def _formula(self, width: int, height: int) -> list[Fragments]:
        step, room = self.steps[self.cursor], width - 2
        symbols = _wrapped(_seen(step.formula), room)
        numbers = _wrapped(_seen(step.numbers), room) if step.kind != "seed" else []
        spare = int(height > 3)  # an empty line above, where there is room
        height -= spare
        half = height // 2
        symbols = _cut(symbols, max(half, height - len(numbers)), room)
        numbers = _cut(numbers, height - len(symbols), room)
        lines: list[Fragments] = [[] for _ in range(spare)]
        lines += [[("class:formula", f" {line}")] for line in symbols]
        lines += [[("", f" {line}")] for line in numbers]
        return lines + [[] for _ in range(height + spare - len(lines))]

    @cached_property
    def _widest(self) -> int:
        return max(len("node"), *map(_cells, self.history.label.values()))

    def _table(self, width: int, height: int) -> list[Fragments]:
        history, step = self.history, self.steps[self.cursor]
        targets = {*history.targets[self.cursor]}
        source = step.node if step.parent is not None else None
        gap, column = ("  ", 13) if width >= 60 else (" ", 11)
        digits = len(str(history.nodes[-1]))
        name = min(self._widest, width - digits - 2 * column - 3 * len(gap) - 4)

        def cells(mark: str, node: object, label: str, value: str, gradient: str) -> str:
            left = f"{mark} {node:>{digits}}{gap}{_fit(label, name)}"
            return f"{left}{gap}{value:>{column}}{gap}{gradient:>{column}} "

        head = cells(" ", "#", "node", "value", "gradient")
        lines: list[Fragments] = [[("class:head", _fit(head, width))]]
        current = bisect_left(history.nodes, history.targets[self.cursor][-1])
        top = max(0, min(current - height // 2, len(history.nodes) - height))
        for node in history.nodes[top : top + height]:
            row = history.at(node, self.cursor)
            value = _number(row.value, column)
            mark = "▶" if node in targets else "◦" if node == source else " "
            done = " " if row.gradient is None else "✓" if row.complete else "…"
            style = "class:now" if node in targets else ""
            text = cells(mark, node, history.label[node], value, _number(row.gradient, column))
            lines.append([(style, text), (f"{style} class:done", done)])
        return lines + [[] for _ in range(height + 1 - len(lines))]

    def _log(self, width: int, height: int) -> list[Fragments]:
        lines: list[Fragments] = [[("class:head", _fit("  steps so far", width))]]
        digits = len(str(len(self.steps)))
        for k in range(max(0, self.cursor + 1 - height), self.cursor + 1):
            now, step = k == self.cursor, self.steps[k]
            several = len({*self.history.targets[k]}) > 1
            result = "" if several else f"  {_number(step.result, 13):>11} "
            text = f"{'▶' if now else ' '} {k + 1:>{digits}}  {_seen(step.formula)}"
            text = _fit(text, min(width, 100) - len(result)) + result
            lines.append([("class:now" if now else "", text)])
        return lines + [[] for _ in range(height + 1 - len(lines))]

    def _help(self, width: int, height: int) -> list[Fragments]:
        lines: list[str] = []
        for keys, meaning in HELP:
            first, *more = _wrapped(meaning, width - 15)
            lines += [f" {_fit(keys, 12)} {first}", *(f"{'':14}{line}" for line in more)]
        return [[("", line)] for line in _cut(lines, height, width)]

    def footer(self, width: int) -> str:
        """The message there is, or else the most important keys."""
        text = KEYS
        if self.message:
            text = self.message
        elif self.help:
            text = "any key: back to the steps"
        elif self.hits:
            where = bisect_right(self.hits, self.cursor)
            text = f"/{self.query}  {where} of {len(self.hits)}  n next  N previous  Esc end search"
        return _fit(f" {text}", width)


def _number(x: float | None, room: int) -> str:
    """`x` with four digits, or as many as there is room for."""
    if x is None:
        return "·"
    texts = [Text(digits)(Literal(x)) for digits in (4, 3, 2, 1)]
    return next((text for text in texts if len(text) <= room), texts[-1])


NODE, SEARCH = "Go to node, its label or number: ", "Search: "
KEYS = "? help  q quit  → next  ← back  g node  / search  f b w phase"
"""The last line of the screen."""
HELP = (
    ("→ ↓ Space n", "next step"),
    ("← ↑ p", "one step back"),
    ("PgDn PgUp", "ten steps on, back"),
    ("Home End", "first, last step"),
    ("q Esc", "quit (Ctrl-C interrupts the program)"),
    ("f b w", "to the forward pass, the backward pass, the weights"),
    ("g", "to the first step about a node"),
    ("/", "search labels and formulas (n, N: next, previous hit, Esc: end)"),
    ("", "type scripts as they come: W12, or with the layer W(1)12"),
    ("", ""),
    ("▶  ◦", "what the step computes, and from whose gradient"),
    ("✓  …", "the gradient is complete, or more will be added"),
    ("·", "not there yet"),
)
"""The page of help: keys and signs, and what each means."""


# ------------------------------------------------------------------ the library's part

STYLE = {
    "bar": "reverse",
    "head": "underline",
    "formula": "bold",
    "now": "bold",
    "done": "ansigreen",
}
"""What matters is told by marks and weight; colour only repeats it."""


def _application(view: View, input: "Input | None", output: "Output | None") -> "Application[None]":
    from prompt_toolkit import Application
    from prompt_toolkit.application import get_app
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.layout import (
        BufferControl,
        ConditionalContainer,
        FormattedTextControl,
        HSplit,
        Layout,
        Window,
    )
    from prompt_toolkit.layout.processors import BeforeInput
    from prompt_toolkit.styles import Style

    def screen() -> "StyleAndTextTuples":
        size = get_app().output.get_size()
        shown: StyleAndTextTuples = []
        for line in view.screen(size.columns, size.rows):
            shown += [*line, ("", "\n")]
        return shown[:-1]

    def footer() -> str:
        return view.footer(get_app().output.get_size().columns)

    def ask(what: str) -> None:
        view.asking = what
        answer.reset()
        get_app().layout.focus(answer)

    def answered(buffer: Buffer) -> bool:
        view.answer(buffer.text)
        leave()
        return False

    def leave() -> None:
        view.asking = ""
        get_app().layout.focus(steps)

    steps = FormattedTextControl(screen, focusable=True, show_cursor=False)
    answer = Buffer(multiline=False, accept_handler=answered)
    prompt = BeforeInput(lambda: f" {view.asking}")
    question = Window(BufferControl(answer, [prompt]), height=1)
    asking = Condition(lambda: bool(view.asking))
    parts = [
        Window(steps),
        ConditionalContainer(question, asking),
        ConditionalContainer(
            Window(FormattedTextControl(footer), height=1, style="class:bar"), ~asking
        ),
    ]
    application: Application[None] = Application(
        Layout(HSplit(parts), steps),
        style=Style.from_dict(STYLE),
        key_bindings=_keys(view, asking, ask, leave),
        full_screen=True,
        input=input,
        output=output,
    )
    application.ttimeoutlen = 0.05  # seconds until an Esc is the key, not an arrow's beginning
    return application


def _keys(
    view: View, asking: "Filter", ask: Callable[[str], None], leave: Callable[[], None]
) -> "KeyBindings":
    from prompt_toolkit.application import get_app
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.keys import Keys

    def move(by: int) -> Callable[[], None]:
        return lambda: view.go(view.cursor + by)

    def forward() -> None:
        if view.hits:
            view.hit(1)
        else:
            view.go(view.cursor + 1)

    def backward() -> None:
        if view.hits:
            view.hit(-1)

    def leave_search() -> None:
        if view.hits:
            view.hits = []
        else:
            get_app().exit()

    def show_help() -> None:
        view.help = True

    actions: dict[str, Callable[[], None]] = {
        "right down space": move(1),
        "left up p": move(-1),
        "pagedown": move(10),
        "pageup": move(-10),
        "home": lambda: view.go(0),
        "end": lambda: view.go(len(view.steps) - 1),
        "n": forward,
        "N": backward,
        "f": lambda: view.phase("Forward pass"),
        "b": lambda: view.phase("Backward pass"),
        "w": lambda: view.phase("Weights"),
        "g": lambda: ask(NODE),
        "/": lambda: ask(SEARCH),
        "?": show_help,
        "q": lambda: get_app().exit(),
        "escape": leave_search,
        Keys.Any: lambda: None,
    }
    keys = KeyBindings()

    def bind(name: str, action: Callable[[], None]) -> None:
        @keys.add(" " if name == "space" else name, filter=~asking, eager=name == "escape")
        def pressed(event: "KeyPressEvent") -> None:
            view.message = ""
            if view.help:
                view.help = False
            else:
                action()

    for names, action in actions.items():
        for name in names.split():
            bind(name, action)

    @keys.add("escape", filter=asking, eager=True)
    def unasked(event: "KeyPressEvent") -> None:
        leave()

    @keys.add("c-c")
    @keys.add(Keys.SIGINT)
    def interrupted(event: "KeyPressEvent") -> None:
        event.app.exit(exception=KeyboardInterrupt)

    @keys.add("c-z")
    def suspended(event: "KeyPressEvent") -> None:
        event.app.suspend_to_background()

    return keys
