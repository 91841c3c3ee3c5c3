r"""Labels in print: TeX-like as they are written, Unicode as they are read, MathML for a page.

>>> print(unicode(r"W^{(2)}_{12}"), unicode(r"\alpha"), unicode("x_1"), unicode("learning_rate"))
W⁽²⁾₁₂ α x₁ learning_rate
>>> print(latex(r"W^{(2)}_{12}"), latex(r"\hat{y}_k"), latex("50%"))
W^{(2)}_{12} \hat{y}_k \text{50\%}

A label is data: whatever it holds, each of these gives a piece of text that is complete in itself.
"""

import re
from collections.abc import Iterator
from html import escape
from unicodedata import category, normalize

LONGEST = 60
"""Characters of a label that a view shows; the rest becomes an ellipsis."""

_GREEK = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
        "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega "
        "partial nabla ell infty cdot times prime varepsilon vartheta varphi".split(),
        "αβγδϵζηθικλμνξπρστυϕχψωΓΔΘΛΞΠΣΥΦΨΩ∂∇ℓ∞·×′εϑφ",
        strict=True,
    )
)
_ACCENTS = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304", "dot": "\u0307", "vec": "\u20d7"}
_SUPER = str.maketrans(
    "0123456789+-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW′",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ′",
)
_SUB = str.maketrans(
    "0123456789+-=(),aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎,ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ"
)

_BRACED = re.compile(r"([_^])\{([^{}]*)\}")
_SINGLE = re.compile(r"([_^])([^\W_])(?![^\W_])")
_COMMAND = re.compile(r"\\([A-Za-z]+) ?")
_ACCENT = re.compile(rf"\\({'|'.join(_ACCENTS)})(?:\{{(\w)\}}| (\w))")
# What XML cannot hold, and the control characters on which TeX gives up.
_CONTROLS = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def pieces(label: str) -> Iterator[tuple[str, str]]:
    r"""The label as ("", characters), ("^", superscript) and ("_", subscript), in order.

    `_` and `^` make scripts of what stands in braces, and of one character behind a one-letter
    symbol; the `_r` of `learning_rate` is none.

    >>> [*pieces(r"\alpha^{(2)}_1")]
    [('', 'α'), ('^', '(2)'), ('_', '1')]
    """
    text = _COMMAND.sub(lambda m: _GREEK.get(m[1], m[0]), label)
    text = _ACCENT.sub(lambda m: (m[2] or m[3]) + _ACCENTS[m[1]], text)
    start = at = 0
    scriptable = False  # behind a script, or a letter that stands alone
    while at < len(text):
        found = _BRACED.match(text, at) or (scriptable and _SINGLE.match(text, at))
        if found:
            yield from [("", text[start:at])] if start < at else []
            yield found[1], found[2]
            start = at = found.end()
            scriptable = True
            continue
        if text[at] not in _ACCENTS.values():
            before = text[max(start, at - 1) : at]
            scriptable = text[at].isalpha() and not (before.isalnum() and before.isascii())
        at += 1
    if start < at:
        yield "", text[start:]


def printable(text: str) -> str:
    """`text` with a mark for each control character and what XML cannot hold.

    >>> printable("a" + chr(27) + "b")
    'a�b'
    """
    return _CONTROLS.sub("\ufffd", text)


def short(label: str) -> str:
    r"""`label` on one line, not too long, without control characters, and to be seen.

    >>> short("a\nb"), len(short("x" * 10_000)), short(" ")
    ('a b', 60, '␣')
    """
    line = " ".join(printable(label[: 4 * LONGEST]).split())
    if label and not unicode(line):
        line = "␣"
    if len(unicode(line)) <= LONGEST and len(label) <= 4 * LONGEST:
        return line
    return unicode(line)[: LONGEST - 1] + "…"


# ------------------------------------------------------------------ Unicode


def unicode(label: str) -> str:
    r"""`label` in Unicode; a script that Unicode lacks keeps its mark: `f_(QR)`.

    >>> print(unicode("z^{(3)}"), unicode("w_{out}"), unicode("a^2_i"), unicode("f_{QR}"))
    z⁽³⁾ wₒᵤₜ a²ᵢ f_(QR)
    """
    return "".join(script(mark, body) if mark else body for mark, body in pieces(label))


def script(mark: str, body: str) -> str:
    """`body` as a superscript (`^`) or subscript (`_`), with its mark where Unicode lacks it.

    >>> script("^", "(2)"), script("_", "12"), script("^", "?")
    ('⁽²⁾', '₁₂', '^?')
    """
    table = _SUPER if mark == "^" else _SUB
    if all(ord(c) in table for c in body):
        return body.translate(table)
    whole = len(body) == 1 or (body[0] == "[" and body[-1] == "]" and "[" not in body[1:])
    return mark + body if whole else f"{mark}({body})"


# ------------------------------------------------------------------ TeX

_COMMANDS = {character: f"\\{name}" for name, character in _GREEK.items()} | {"…": r"\ldots"}
_COMMANDS |= {
    "ℒ": r"\mathcal{L}",
    "ℋ": r"\mathcal{H}",
    "ℐ": r"\mathcal{I}",
    "∑": r"\Sigma",
    "∏": r"\Pi",
}
_PRIME = r"{{}^\prime}"  # in braces, for a superscript may follow
_COMMANDS["′"] = _PRIME
_OF_ACCENT = {mark: name for name, mark in _ACCENTS.items()}
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    # Marks that turn the direction of writing would turn what stands around them too.
    **dict.fromkeys("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ""),
}  # fmt: skip
_UNKNOWN_ACCENT = re.compile("(?![\u0300-\u0304\u0306-\u0308\u030a-\u030c])[\u0300-\u036f]")
"""Combining marks at which KaTeX gives up."""
_SPECIAL = re.compile("([A-Za-z{0}][{1}]|[{0}])".format("".join(_COMMANDS), "".join(_OF_ACCENT)))
_MATHEMATICS = re.compile("(?:[0-9()+=,.:-]|[A-Za-z](?![A-Za-z]))*")
_INDICES = re.compile("[0-9i-n]+")
"""A script like ij or 1j: letters that each are an index."""


def latex(label: str) -> str:
    r"""`label` for TeX's math mode, amsmath and KaTeX alike; what is no mathematics as `\text`.

    >>> print(latex("b^{(2)}_1"), latex("learning_rate"), latex(r"\input{x}"))
    b^{(2)}_1 \text{learning\_rate} \text{\textbackslash{}input\{x\}}
    """
    out = ""
    used = "^_"  # the scripts that the latest base has: a second one would need another base
    for mark, body in pieces(short(label)):
        shown = body if mark and _INDICES.fullmatch(body) else _tex(body)
        if mark == "^":
            shown = shown.replace(_PRIME, r"\prime ").rstrip()
        if not mark:
            out, used = out + shown, ""
            continue
        if mark in used:
            out, used = out + "{}", ""
        out += mark + (shown if len(shown) == 1 else f"{{{shown}}}")
        used += mark
    return out


def _tex(run: str) -> str:
    out = ""
    for k, part in enumerate(_SPECIAL.split(run)):
        if k % 2 == 0:
            token = part if _MATHEMATICS.fullmatch(part) else text(part)
        elif len(part) == 2:
            token = rf"\{_OF_ACCENT[part[1]]}{{{_COMMANDS.get(part[0], part[0])}}}"
        else:
            token = _COMMANDS[part]
        ends_in_command = token[:1].isalpha() and re.search(r"\\[A-Za-z]+$", out)
        out += " " * bool(ends_in_command) + token
    return out


_UNKNOWN = {*"ℌℨℭ∐∉∌↤≙≚≛⌜⌝⌞⌟⟂⟦⟧⦃⦄⦵‼"}
"""What KaTeX does not take as text."""


def text(words: str) -> str:
    r"""`words` as TeX's `\text`: whatever they hold, they are printed and do nothing.

    >>> print(text("50 %"))
    \text{50 \%}
    """
    out, before = "", "\\"
    for c in _UNKNOWN_ACCENT.sub("\ufffd", normalize("NFC", words)):
        # Behind a command or a brace a combining mark would have no letter to stand on.
        out += "◌" if category(c)[0] == "M" and before in _ESCAPES else ""
        out += "\ufffd" if c in _UNKNOWN else _ESCAPES.get(c, c)
        before = c
    return rf"\text{{{out}}}"


# ------------------------------------------------------------------ MathML


def mathml(label: str) -> str:
    """`label` in presentation MathML.

    >>> mathml("a^2_i")
    '<msubsup><mi>a</mi><mi>i</mi><mn>2</mn></msubsup>'
    """
    out, base = "", ""
    scripts: dict[str, str] = {}
    for mark, body in [*pieces(short(label)), ("", "")]:
        if mark and mark not in scripts:
            scripts[mark] = _tokens(body)
            continue
        out += _scripted(base, scripts)
        base, scripts = ("", {mark: _tokens(body)}) if mark else (_tokens(body), {})
    return out


def _scripted(base: str, scripts: dict[str, str]) -> str:
    if not scripts:
        return base
    name = "m" + "sub" * ("_" in scripts) + "sup" * ("^" in scripts)
    parts = [scripts[mark] for mark in "_^" if mark in scripts]
    return f"<{name}>{base or '<mrow></mrow>'}{''.join(parts)}</{name}>"


def _tokens(run: str) -> str:
    if not run:
        return "<mrow></mrow>"  # a script has its place, even an empty one
    if len(run) > 1 and _INDICES.fullmatch(run) and not run.isdecimal():
        return f"<mrow>{''.join(map(_tokens, run))}</mrow>"
    tag = "mn" if run.isdecimal() else "mi" if len(run) < 3 and run[0].isalpha() else "mtext"
    return f"<{tag}>{escape(run)}</{tag}>"
