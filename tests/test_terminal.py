"""Tests of the terminal's player, driven through a pseudo-terminal and read off its screen."""

import os
import re
import select
import signal
import struct
import subprocess
import sys
import time
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrograd_bp import Value, terminal, topological_order
from micrograd_bp.lectures import csc311
from micrograd_bp.nn import tex
from micrograd_bp.stepping import GRANULARITIES, Step, steps
from micrograd_bp.terminal import NODE, SEARCH, View, plain, play

pytest.importorskip("prompt_toolkit", reason="prompt_toolkit is not installed")

RIGHT, LEFT, HOME, END = b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1b[F"
PAGE_UP, PAGE_DOWN, ESCAPE, CTRL_C = b"\x1b[5~", b"\x1b[6~", b"\x1b", b"\x03"
CODE = """
from micrograd_bp import Value
from micrograd_bp.lectures import csc311
from micrograd_bp.stepping import steps
from micrograd_bp.terminal import play
C, _, _ = csc311.build(csc311.EXAMPLE)
x, y = Value(2.0, {x!r}), Value(3.0, {y!r})
try:
    play(steps({output}), {title!r})
    print("the end")
except KeyboardInterrupt:
    print("interrupted")
"""
HOSTILE = "\x1b[31mred\x07\x9b2J", "ab\u202ecd\u0301漢字\n\t\u2069\ud800👩\u200d👧"
FORWARD = "z⁽¹⁾₁ = W⁽¹⁾₁₁ · a⁽⁰⁾₁ + W⁽¹⁾₁₂ · a⁽⁰⁾₂ + W⁽¹⁾₁₃ · a⁽⁰⁾₃ + b⁽¹⁾₁"


class Session:
    """The player in a process of its own, in a terminal of its own."""

    def __init__(self, columns=80, rows=24, *, output="C", x="x", y="y", title="csc311", **env):
        pyte = pytest.importorskip("pyte", reason="pyte is not installed")
        pty = pytest.importorskip("pty", reason="the system has no pseudo-terminals")
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.terminal, self.inner = pty.openpty()
        self.resize(columns, rows)
        self.before = self.attributes()
        code = CODE.format(output=output, x=x, y=y, title=title)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            stdin=self.inner, stdout=self.inner, stderr=self.inner, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "NO_COLOR": "", **env},
        )  # fmt: skip

    def attributes(self):
        import termios

        return termios.tcgetattr(self.inner)

    def resize(self, columns, rows):
        import fcntl
        import termios

        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, size)
        self.screen.resize(rows, columns)
        if hasattr(self, "process"):
            self.process.send_signal(signal.SIGWINCH)

    @property
    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def read(self, seconds=0.05):
        if select.select([self.terminal], [], [], seconds)[0]:
            data = os.read(self.terminal, 65536)
            self.raw += data
            self.stream.feed(data)
            return True
        return False

    def wait(self, *texts, seconds=30):
        """Until all of `texts` are on the screen, and no more comes."""
        end = time.monotonic() + seconds
        while self.read() or not all(text in "\n".join(self.lines) for text in texts):
            assert time.monotonic() < end, (texts, self.lines)

    def press(self, keys, *texts):
        if b"\x1b[?1049h" not in self.raw:
            self.wait("q quit")
        os.write(self.terminal, keys)
        self.wait(*texts)

    def ended(self):
        """The exit code, with everything read that was written."""
        end = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < end, self.lines
            self.read()
        while self.read():
            pass
        return self.process.returncode

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        os.close(self.inner)


@pytest.fixture
def session():
    """A function that starts the player, by the options of `Session`."""
    opened = []

    def start(*size, **options):
        opened.append(Session(*size, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def example():
    return steps(csc311.build(csc311.EXAMPLE)[0])


# ------------------------------------------------------------------ through a terminal


def test_the_first_screen(session):
    shown = session()
    shown.wait("step 1 of 78", "? help")
    lines = shown.lines
    assert lines[0].split() == "csc311 Forward pass step 1 of 78".split()
    assert lines[2] == f" {FORWARD}"
    assert lines[3] == " 0.1 · 0.5 + (−0.2) · (−1.5) + 0.3 · 2 + 0.1 = 1.05"
    assert lines[6].split() == ["#", "node", "value", "gradient"]
    table = [line.split() for line in lines[7:16]]
    assert ["▶", "12", "z⁽¹⁾₁", "1.05", "·"] in table
    assert ["13", "a⁽¹⁾₁", "·", "·"] in table
    assert ["8", "a⁽⁰⁾₁", "0.5", "·"] in table
    assert lines[17].startswith("▶  1  z⁽¹⁾₁ = W⁽¹⁾₁₁")
    assert lines[17].endswith("1.05")
    assert "q quit" in lines[23]


def test_to_the_end_and_back_to_the_start(session):
    shown = session()
    shown.wait("step 1 of 78")
    first = shown.lines
    for key in (RIGHT, b" ", b"n", b"\x1b[B"):
        shown.press(key)
    shown.wait("step 5 of 78")
    shown.press(RIGHT * 73, "step 78 of 78", "0.01868 · 0.6106 = 0.01141")
    shown.press(RIGHT + LEFT, "step 77 of 78")
    shown.press(HOME, "step 1 of 78", FORWARD)
    assert shown.lines == first
    shown.press(END, "step 78 of 78")
    for key in (LEFT, b"p", b"\x1b[A"):
        shown.press(key)
    shown.wait("step 75 of 78")
    shown.press(PAGE_UP, "step 65 of 78")
    shown.press(PAGE_DOWN * 2, "step 78 of 78")


def test_phases(session):
    shown = session()
    shown.press(b"b", "step 14 of 78", "Backward pass", "∂C/∂C = 1")
    shown.press(RIGHT, "∂C/∂a⁽³⁾ += ∂C/∂C · (a⁽³⁾ − t)", "0 + 1 · (−0.3377) → −0.3377")
    table = [line.split() for line in shown.lines]
    assert ["▶", "37", "a⁽³⁾", "0.5623", "−0.3377", "✓"] in table
    assert ["◦", "38", "C", "0.05701", "1", "✓"] in table
    shown.press(b"w", "step 62 of 78", "Weights")
    shown.press(b"f", "step 1 of 78", "Forward pass")


def test_jump_to_a_node(session):
    shown = session()
    shown.press(b"g", "Go to node")
    shown.press(b"W(1)23\r", "∂C/∂W⁽¹⁾₂₃ += ∂C/∂z⁽¹⁾₂ · a⁽⁰⁾₃", "▶ 16  W⁽¹⁾₂₃")
    shown.press(b"g38\r", "C = ½ · (a⁽³⁾ − t)²", "step 13 of 78")
    shown.press(b"gnone\r", "no node none")
    shown.press(b"gW", "number: W")
    shown.press(ESCAPE, "q quit", "step 13 of 78")
    assert "no node" not in shown.lines[-1]


def test_search(session):
    shown = session()
    shown.press(b"/", "Search:")
    shown.press(b"w(3)2\r", "1 of 4", "▶ 36", "n next")
    shown.press(b"n", "2 of 4", "step 18 of 78")
    shown.press(b"N" * 2, "4 of 4", "step 63 of 78")
    shown.press(ESCAPE, "q quit")
    shown.press(b"n", "step 64 of 78")
    shown.press(b"/nothing\r", "not found: nothing", "step 64 of 78")


def test_help_and_quit(session):
    shown = session()
    shown.press(b"?", "type scripts as they come", "PgDn PgUp", "any key")
    shown.press(b"q", "step 1 of 78", "q quit")
    shown.press(b"q", "the end")
    assert shown.ended() == 0


@pytest.mark.parametrize("way", ["key", "signal", "in a prompt", "Esc"])
def test_the_terminal_is_as_it_was(session, way):
    shown = session()
    shown.wait("step 1 of 78")
    assert shown.attributes() != shown.before
    assert b"\x1b[?1049h" in shown.raw
    if way == "signal":
        shown.process.send_signal(signal.SIGINT)
    else:
        keys = {"key": CTRL_C, "in a prompt": b"/z" + CTRL_C, "Esc": ESCAPE}[way]
        os.write(shown.terminal, keys)
    shown.wait("the end" if way == "Esc" else "interrupted")
    assert shown.ended() == 0
    assert shown.attributes() == shown.before
    assert shown.raw.rindex(b"\x1b[?1049l") > shown.raw.rindex(b"\x1b[?1049h")
    assert shown.raw.rindex(b"\x1b[?25h") > shown.raw.rfind(b"\x1b[?25l")


def test_resizing(session):
    shown = session()
    shown.wait("step 1 of 78")
    shown.resize(40, 10)
    shown.wait("step 1 of 78", "▶ 12 z⁽¹⁾₁", "▶  1")
    assert shown.lines[0].endswith("step 1 of 78")
    shown.resize(30, 8)
    shown.wait("needs 40×10")
    shown.resize(3, 2)
    shown.wait("The")
    shown.press(RIGHT)
    shown.resize(120, 40)
    shown.wait("step 2 of 78", "σ(1.05) = 0.7408", "q quit")
    shown.press(b"q", "the end")
    assert shown.ended() == 0


def test_without_colour_it_is_as_clear(session):
    coloured, grey = session(), session(NO_COLOR="1")
    for shown in (coloured, grey):
        shown.press(b"bn", "step 15 of 78", "✓")
    assert coloured.lines == grey.lines
    cells = [cell for row in grey.screen.buffer.values() for cell in row.values()]
    assert {(cell.fg, cell.bg) for cell in cells} == {("default", "default")}
    assert any(
        cell.fg == "green" for row in coloured.screen.buffer.values() for cell in row.values()
    )
    (current,) = [k for k, line in enumerate(grey.lines) if line.startswith("▶ 37")]
    assert grey.screen.buffer[current][5].bold
    assert grey.screen.buffer[2][5].bold
    assert not grey.screen.buffer[current - 1][5].bold
    assert all(grey.screen.buffer[y][0].reverse for y in (0, 23))


def test_hostile_labels_are_data(session):
    x, y = HOSTILE
    shown = session(output="x * y", x=x, y=y, title="t\x1b]0;owned\x07")
    shown.press(END, "step 6 of 6", "q quit")
    text = "\n".join(shown.lines)
    assert "t�]0;owned�" in shown.lines[0]
    assert "�[31mred��2J" in text
    assert "ab�cd" in text
    assert b"]0;owned" not in shown.raw.replace("�]0;owned".encode(), b"")
    assert b"\x1b[31m" not in shown.raw
    sent = shown.raw.decode()
    assert {"\x07", "\x9b", "\u202e", "\u2068", "\u2069", "\u200d"} & {*sent} == set()
    heads = [k for k, line in enumerate(shown.lines) if "gradient" in line]
    rows = [
        line for line in shown.screen.display[heads[0] + 1 :] if re.match(r"[ ▶◦]+[01] .*✓", line)
    ]
    assert len(rows) == 2
    shown.press(b"q", "the end")


def test_without_a_screen_it_prints(session, example):
    shown = session(80, 200, TERM="dumb")
    shown.wait("the end")
    assert shown.ended() == 0
    assert b"\x1b" not in shown.raw
    assert shown.raw.decode().split("\r\n")[:-2] == [*plain(example)]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE.format(output="C", x="x", y="y", title="")],
        capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.stdout.decode().splitlines() == [*plain(example), "the end"]
    assert done.stderr == b""


# ------------------------------------------------------------------ without one


def test_without_the_library_one_line_says_what_to_do(monkeypatch, example, capsys):
    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    with pytest.raises(terminal.NoTerminal, match=r"pip install prompt_toolkit.*--plain") as error:
        play(example, input=object())
    assert "\n" not in str(error.value)
    play(example)
    assert capsys.readouterr().out.splitlines() == [*plain(example)]


def test_no_steps():
    assert [*plain([])] == []
    with pytest.raises(ValueError, match="no steps"):
        play([])


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_plain_has_each_step(granularity):
    played = steps(csc311.build(csc311.EXAMPLE)[0], granularity)
    lines = [*plain(played)]
    heads = ["Forward pass", "Backward pass", "Weights"]
    assert [line for line in lines if not line[0].isdigit() and line[0] != " "] == heads
    rest = iter(line for line in lines if line not in heads)
    for k, step in enumerate(played, 1):
        assert next(rest) == f"{k}. {step.formula}"
        if step.kind != "seed":
            shown = next(rest).removesuffix(", complete")
            assert shown == " " * len(f"{k}. ") + step.numbers
    assert next(rest, None) is None


def test_plain_is_harmless():
    x, y = (Value(2.0, label) for label in HOSTILE)
    step = Step(0, "forward", 0, "x", "\x1b[2J\u202e = \x9b", "\r\x00", 1.0)
    for line in [*plain(steps(x * y)), *plain([step])]:
        assert {category(c) for c in line} & {"Cc", "Cs"} == set()
        assert not {*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067"} & {*line}
        assert line.count("\u2068") == line.count("\u2069")


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_states_are_those_of_a_replay(granularity):
    C, _, _ = csc311.build(csc311.EXAMPLE)
    history = terminal.History(steps(C, granularity))
    leaves = {k: v.data for k, v in enumerate(topological_order(C)) if not v.op}
    values, gradients, complete = dict(leaves), {}, {}

    def replay(step):
        if step.parts:
            for part in step.parts:
                replay(part)
        elif step.kind == "forward":
            values[step.node] = step.result
        else:
            node = step.node if step.parent is None else step.parent
            gradients[node], complete[node] = step.result, step.complete is not False

    assert history.nodes == [*range(39)]
    for k, step in enumerate(steps(C, granularity)):
        replay(step)
        for v in history.nodes:
            expected = values.get(v), gradients.get(v), complete.get(v, False)
            assert history.at(v, k) == expected, (k, v)
    C.backward()
    assert all(complete.values())


def test_a_gradient_that_is_not_complete_says_so(example):
    view = View(example)
    view.asking = NODE
    view.answer("a(1)1")
    view.cursor = 25
    texts = ["".join(text for _, text in line) for line in view.screen(80, 24)]
    (row,) = [text for text in texts if text.startswith("▶ 13")]
    assert row.split()[-2:] == ["−0.007472", "…"]


@pytest.mark.parametrize(
    ("typed", "step"),
    [
        ("W(1)23", 48), ("W⁽¹⁾₂₃", 48), ("W^{(1)}_{23}", 48), ("W123", 48), (" W(1)23 ", 48),
        ("W12", 31), ("z(3)", 10), ("C", 12), ("0", 16), ("39", None), ("W99", None), ("()", None),
    ],
)  # fmt: skip
def test_nodes_as_they_are_typed(example, typed, step):
    view = View(example)
    view.asking = NODE
    view.answer(typed)
    assert view.cursor == (step or 0)
    assert view.message.startswith("no node") == (step is None)


def test_a_node_that_is_not_alone(example):
    view = View(example)
    view.asking = NODE
    view.answer("W12")
    assert view.message == "2 nodes match; also 6 W⁽¹⁾₁₂"


@pytest.mark.parametrize(
    ("typed", "first", "count"),
    [("W12", 0, 18), ("w(3)1", 10, 4), ("σ'(z", 15, 6), ("dC/dC", 13, 2), (r"\sigma", 1, 12)],
)
def test_searches_as_they_are_typed(example, typed, first, count):
    view = View(example)
    view.asking = SEARCH
    view.answer(typed)
    assert (view.cursor, len(view.hits)) == (first, count)
    for _ in view.hits:
        view.hit(1)
    assert view.cursor == first


def test_no_key_costs_more_in_a_long_play():
    def calls(n):
        x = tex("x", 1)
        view = View([Step(k, "forward", k, x, f"x = {k}", str(k), k) for k in range(n)])
        view.screen(80, 24)
        view.go(n // 2)
        count = 0

        def profile(frame, event, argument):
            nonlocal count
            count += event == "call"

        sys.setprofile(profile)
        view.screen(80, 24)
        view.go(view.cursor + 1)
        sys.setprofile(None)
        return count

    assert calls(20_000) < 1.5 * calls(200)


CHARACTERS = st.one_of(
    st.characters(), st.sampled_from("\x1b\u202e\u2069\u0301漢👩\u200d\ufe0f^_{}")
)
LABELS = st.builds(str.__mul__, st.text(CHARACTERS, max_size=8), st.sampled_from([1, 3, 60]))


@settings(max_examples=60, deadline=None)
@given(LABELS, LABELS, st.integers(1, 120), st.integers(1, 50), st.data())
def test_the_screen_fits(x, y, width, height, data):
    a, b = Value(2.0, x), Value(-1e-300, y)
    played = steps(a * b + a, data.draw(st.sampled_from(GRANULARITIES)))
    view = View(played, x)
    view.help = data.draw(st.booleans())
    view.go(data.draw(st.integers(0, len(played))))
    view.asking = data.draw(st.sampled_from([NODE, SEARCH]))
    view.answer(data.draw(LABELS))
    lines = view.screen(width, height)
    texts = ["".join(text for _, text in line) for line in lines] + [view.footer(width)]
    assert len(texts) <= max(height, 1)
    for text in texts:
        assert {category(c) for c in text} & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()
        assert terminal._cells(text) <= width or width < 4


@pytest.mark.parametrize("letter", ["漢", "é", "e\u0301", "👩"])
def test_wide_and_combining_letters_keep_the_columns(letter):
    x, y = Value(123.5, letter * 28), Value(321.5, "y")
    texts = ["".join(text for _, text in line) for line in View(steps(x * y)).screen(60, 24)]
    rows = [text for text in texts if text.rstrip().endswith("5              ·")]
    assert len(rows) == 2
    ends = {terminal._cells(text[: text.index("1.5" if "321" in text else "3.5")]) for text in rows}
    assert len(ends) == 1
    assert max(map(terminal._cells, texts)) <= 60
