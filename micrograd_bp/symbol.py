r"""Labels in print: TeX-like as they are written, Unicode as they are read.

>>> print(unicode(r"W^{(2)}_{12}"), unicode(r"\alpha"), unicode("x_1"), unicode("learning_rate"))
W⁽²⁾₁₂ α x₁ learning_rate
"""

import re

_GREEK = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
        "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega "
        "partial nabla ell infty cdot times prime varepsilon vartheta varphi".split(),
        "αβγδϵζηθικλμνξπρστυϕχψωΓΔΘΛΞΠΣΥΦΨΩ∂∇ℓ∞·×′εϑφ",
        strict=True,
    )
)
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


def unicode(label: str) -> str:
    r"""`label` in Unicode; a script that Unicode lacks keeps its mark: `f_(QR)`.

    `_` and `^` make scripts of what stands in braces, and of one character behind a one-letter
    symbol; the `_r` of `learning_rate` is none.

    >>> print(unicode("z^{(3)}"), unicode("w_{out}"), unicode("a^2_i"), unicode("f_{QR}"))
    z⁽³⁾ wₒᵤₜ a²ᵢ f_(QR)
    """
    text = _COMMAND.sub(lambda m: _GREEK.get(m[1], m[0]), label)
    out = ""
    scriptable = False  # behind a script, or a letter that stands alone
    while text:
        braced, single = _BRACED.match(text), _SINGLE.match(text)
        if found := braced or (scriptable and single):
            out += _script(found[1], found[2])
            scriptable, text = True, text[found.end() :]
        else:
            scriptable = text[0].isalpha() and not (out[-1:].isalnum() and out[-1:].isascii())
            out, text = out + text[0], text[1:]
    return out


def _script(mark: str, body: str) -> str:
    table = _SUPER if mark == "^" else _SUB
    if all(ord(c) in table for c in body):
        return body.translate(table)
    return f"{mark}({body})" if len(body) > 1 else mark + body
