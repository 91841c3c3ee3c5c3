r"""Labels in print: TeX-like as they are written, Unicode as they are read, MathML for a page.

>>> print(unicode(r"W^{(2)}_{12}"), unicode(r"\alpha"), unicode("x_1"), unicode("learning_rate"))
W⁽²⁾₁₂ α x₁ learning_rate
>>> print(latex(r"W^{(2)}_{12}"), latex(r"\hat{y}_k"), latex("50%"))
W^{(2)}_{12} \hat{y}_k 50\text{\%}

A label is data: whatever it holds, each of these gives a piece of text that is complete in itself.
"""

import re
from collections.abc import Iterator
from html import escape

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
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def pieces(label: str) -> Iterator[tuple[str, str]]:
    r"""The label as ("", characters), ("^", superscript) and ("_", subscript), in order.

    `_` and `^` make scripts of what stands in braces, and of one character behind a one-letter
    symbol; the `_r` of `learning_rate` is none.

    >>> [*pieces(r"\alpha^{(2)}_1")]
    [('', 'α'), ('^', '(2)'), ('_', '1')]
    """
    text = _COMMAND.sub(lambda m: _GREEK.get(m[1], m[0]), label)
    text = _ACCENT.sub(lambda m: (m[2] or m[3]) + _ACCENTS[m[1]], text)
    run = ""
    scriptable = False  # behind a script, or a letter that stands alone
    while text:
        found = _BRACED.match(text) or (scriptable and _SINGLE.match(text))
        if found:
            yield from [("", run)] if run else []
            yield found[1], found[2]
            run, scriptable, text = "", True, text[found.end() :]
            continue
        letter = text[0]
        if letter not in _ACCENTS.values():
            scriptable = letter.isalpha() and not (run[-1:].isalnum() and run[-1:].isascii())
        run, text = run + letter, text[1:]
    if run:
        yield "", run


def short(label: str) -> str:
    r"""`label` on one line, not too long, and without what XML cannot hold.

    >>> short("a\nb"), len(short("x" * 10_000))
    ('a b', 60)
    """
    line = " ".join(_NOT_XML.sub("\ufffd", label[: 4 * LONGEST]).split())
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
    """`body` as a superscript (`^`) or subscript (`_`), with its mark where Unicode lacks it."""
    table = _SUPER if mark == "^" else _SUB
    if all(ord(c) in table for c in body):
        return body.translate(table)
    return f"{mark}({body})" if len(body) > 1 else mark + body


# ------------------------------------------------------------------ TeX

_COMMANDS = {character: f"\\{name}" for name, character in _GREEK.items()}
_COMMANDS["′"] = "{\\prime}"  # behind a superscript a bare one would be a second superscript
_OF_ACCENT = {mark: name for name, mark in _ACCENTS.items()}
_PLAIN = {"…": r"\ldots"}
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip
_TOKEN = re.compile(
    rf"([A-Za-z])([{''.join(_OF_ACCENT)}])|([{''.join(_COMMANDS)}…])|([0-9()+=,.:-]+|[A-Za-z](?![A-Za-z]))"
    rf"|((?:(?![{''.join(_COMMANDS)}…])[^0-9()+=,.:-])+)"
)


def latex(label: str) -> str:
    r"""`label` for TeX's math mode, amsmath and KaTeX alike; what is no mathematics as `\text`.

    >>> print(latex("b^{(2)}_1"), latex("learning_rate"), latex(r"\input{x}"))
    b^{(2)}_1 \text{learning\_rate} \text{\textbackslash{}input\{x\}}
    """
    out = ""
    used = "^_"  # the scripts that the latest base has: a second one would need another base
    for mark, body in pieces(short(label)):
        shown = _tex(body)
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
    for letter, accent, character, plain, words in _TOKEN.findall(run):
        if accent:
            token = rf"\{_OF_ACCENT[accent]}{{{letter}}}"
        elif character:
            token = _PLAIN.get(character) or _COMMANDS[character]
        else:
            token = plain or text(words)
        between = " " if out[-1:].isalpha() and re.search(r"\\[A-Za-z]+$", out) else ""
        out += (between if token[0].isalpha() else "") + token
    return out


def text(words: str) -> str:
    r"""`words` as TeX's `\text`: whatever they hold, they are printed and do nothing."""
    return rf"\text{{{''.join(_ESCAPES.get(c, c) for c in words)}}}"


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
    name = {"_": "msub", "^": "msup"}[next(iter(scripts))] if len(scripts) == 1 else "msubsup"
    parts = [scripts[mark] for mark in "_^" if mark in scripts]
    return f"<{name}>{base or '<mrow></mrow>'}{''.join(parts)}</{name}>"


def _tokens(run: str) -> str:
    if not run:
        return ""
    tag = "mn" if run.isdecimal() else "mi" if len(run) < 3 and run[0].isalpha() else "mtext"
    return f"<{tag}>{escape(run)}</{tag}>"
