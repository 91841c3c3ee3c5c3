r"""Print formulas: as Unicode text, as TeX, and as MathML, with brackets where they are needed.

>>> from micrograd_bp.formula import Name, power
>>> x, y = Name("x"), Name(r"\beta_1")
>>> e = (x + y) * power(x, 2) / y
>>> print(Text()(e), "|", Tex()(e))
(x + β₁) · x²/β₁ | \frac{(x + \beta_1) x^{2}}{\beta_1}

Equations are printed in lines, aligned at their signs: `Line`.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from unicodedata import bidirectional, category, east_asian_width

from micrograd_bp import symbol
from micrograd_bp.formula import (
    Both,
    Call,
    Cases,
    Chain,
    Comparison,
    Elided,
    Expr,
    Literal,
    Marked,
    Name,
    Number,
    Partial,
    Power,
    Product,
    Sigma,
    Sum,
    mul,
    power,
)
from micrograd_bp.ops import OPS

# How tightly a formula holds together: one below what its place asks for gets brackets.
OR, AND, RELATION, SUM, NEGATIVE, QUOTIENT, PRODUCT, POWER, ATOM = range(9)
LONGEST = 16
"""Terms, factors and arguments that are shown in a row; of more, the middle becomes an ellipsis."""


@dataclass(frozen=True)
class Line:
    """One line of equations: left = right. Without `left` it continues the one before."""

    left: Expr | None
    sign: str
    right: Expr
    note: str = ""


class Text:
    """Prints formulas as Unicode text; numbers have `digits` significant digits."""

    times, prime, partial, minus, half = " · ", "′", "∂", "−", "½"

    def __init__(self, digits: int = 4) -> None:
        self.digits = digits

    def __call__(self, e: Expr, level: int = OR) -> str:
        """`e`, in brackets if it holds together less than `level`."""
        shown, own = self._shown(e)
        return self.brackets(shown) if own < level else shown

    def _shown(self, e: Expr) -> tuple[str, int]:
        match e:
            case Number(x):  # a constant of a formula is not rounded like a measured number
                return self._number(x, max(self.digits, 12))
            case Literal(x):
                return self._number(x, self.digits)
            case Name():
                return self.name(e), _tightness(e)
            case Partial(of, by, operand):
                over, under = (self.sign(self.partial) + self(v, POWER) for v in (of, by))
                shown = self.fraction(over, under)
                return self.by_operand(shown, operand) if operand else shown, PRODUCT
            case Sum(terms):
                return self._sum(terms), SUM
            case Product(factors):
                return self._product(factors)
            case Chain(factors):
                if len(factors) == 1:
                    return self._shown(factors[0])
                return self.sign(self.times).join(self._each(factors)), self.quotient
            case Power() if _is_divisor(e):
                return self._product((e,))
            case Power(base, exponent):
                return self.raised(self(base, ATOM), self._exponent(exponent)), POWER
            case Call():
                return self._call(e)
            case Comparison(left, sign, right):
                sides = self(left, RELATION), self(right, RELATION)
                return self.sign(f" {sign} ").join(sides), RELATION
            case Both(left, sign, right):
                level = AND if sign == "∧" else OR
                return self.sign(f" {sign} ").join((self(left, level), self(right, level))), level
            case Cases():
                rows = [(self(found), self(test)) for found, test in e.branches]
                return self.cases(rows, self(e.otherwise)), ATOM
            case Sigma(index, first, last, body):
                return self.sigma(index, str(first), str(last), self(body, QUOTIENT)), NEGATIVE
            case Marked(body):
                return self.marked(self(body)), ATOM
            case Elided(words):
                return self.elided(words), ATOM
        raise TypeError(f"cannot print {e!r}")

    def _number(self, x: float, digits: int) -> tuple[str, int]:
        if not math.isfinite(x):
            name = {math.inf: "∞", -math.inf: self.minus + "∞"}.get(x, "nan")
            return self.figures(name), NEGATIVE if x < 0 else ATOM
        mantissa, _, exponent = f"{abs(x):.{digits}g}".partition("e")
        shown, level = self.figures(mantissa), ATOM
        if exponent:
            ten = self.raised(self.figures("10"), self._whole(str(int(exponent))))
            one = mantissa == "1"
            shown = ten if one else shown + self.sign(self.times.strip()) + ten
            level = POWER if one else PRODUCT
        return (self.sign(self.minus) + shown, NEGATIVE) if x < 0 else (shown, level)

    def _whole(self, digits: str) -> str:
        return self.figures(digits.replace("-", self.minus))

    def _exponent(self, e: Expr) -> str:
        """An exponent, with all its digits if it is whole: x¹²³⁴⁵ is no x¹²³⁰⁰."""
        if isinstance(e, Number) and e.value.is_integer() and abs(e.value) < 1e15:
            return self._whole(str(int(e.value)))
        return self(e)

    def _each(self, factors: Sequence[Expr], last: int = QUOTIENT) -> list[str]:
        """The factors one by one: before a · the division of x/y needs brackets."""
        *before, end = elide(factors)
        return [*(self(factor, PRODUCT) for factor in before), self(end, last)]

    def _sum(self, terms: Sequence[Expr]) -> str:
        out = ""
        for term in elide(terms):
            negative = _negated(term)
            if negative is None:
                out += (self.sign(" + ") if out else "") + self(term, NEGATIVE)
            else:
                minus = self.sign(f" {self.minus} " if out else self.minus)
                out += minus + self(negative, QUOTIENT)
        return out

    def _product(self, factors: Sequence[Expr]) -> tuple[str, int]:
        number = factors[0].value if isinstance(factors[0], Number) else 1.0
        rest = factors[isinstance(factors[0], Number) :]
        under = [power(f.base, -f.exponent.value) for f in rest if _is_divisor(f)]  # type: ignore
        over = [f for f in rest if not _is_divisor(f)]
        size = abs(number)
        if size == 0.5 and under:
            size, under = 1.0, [Number(2.0), *under]
        half = size == 0.5 and over
        if (size != 1.0 or not over) and not half:
            over = [Number(size), *over]
        if under:
            shown = self.fraction(self._row(over, self.over), self._row(under, self.under))
        elif half:
            shown = self.juxtaposed([self.half, *self._each(over, PRODUCT)])
        else:
            shown = self._row(over, QUOTIENT)
        if number < 0:
            return self.sign(self.minus) + shown, NEGATIVE
        return shown, self.quotient if under else PRODUCT

    def _row(self, factors: Sequence[Expr], level: int) -> str:
        if len(factors) == 1:
            return self(factors[0], level)
        shown = self.juxtaposed(self._each(factors, PRODUCT))
        return self.brackets(shown) if level > PRODUCT else shown

    def _call(self, e: Call) -> tuple[str, int]:
        if not e.prime and e.function in ("abs", "sqrt") and len(e.arguments) == 1:
            return (self.absolute if e.function == "abs" else self.root)(e.arguments[0])
        if e.prime and e.function == "abs":
            name = self.function("sgn")
        else:
            name = self.function(e.function)
            name = self.primed(name) if e.prime else name
        if e.index is not None:
            name = self.indexed(name, e.index)
        arguments = self.sign(", ").join(map(self, elide(e.arguments)))
        return name + self.brackets(arguments), ATOM

    # What the notations do differently.

    quotient, over, under = QUOTIENT, PRODUCT, POWER
    """How tightly a fraction holds together, and how tightly its parts must."""

    def juxtaposed(self, factors: Sequence[str]) -> str:
        return self.sign(self.times).join(factors)

    def figures(self, digits: str) -> str:
        return digits

    def sign(self, text: str) -> str:
        return text

    def brackets(self, shown: str) -> str:
        return f"({shown})"

    def name(self, name: Name) -> str:
        shown = symbol.unicode(symbol.short(name.label))
        if _TURNING.intersection(map(bidirectional, shown)):
            shown = "\u2068" + shown.translate(_ISOLATES) + "\u2069"
        return shown + (f"[{name.copy}]" if name.copy else "")

    def fraction(self, over: str, under: str) -> str:
        return f"{over}/{under}"

    def by_operand(self, shown: str, k: int) -> str:
        return f"{shown}|{symbol.script('_', str(k))}"

    def raised(self, base: str, exponent: str) -> str:
        return base + symbol.script("^", exponent.replace(self.minus, "-").replace(" ", ""))

    def function(self, name: str) -> str:
        return _FUNCTIONS.get(name) or symbol.unicode(symbol.short(OPS.symbol(name)))

    def primed(self, name: str) -> str:
        return name + self.prime

    def indexed(self, name: str, index: int) -> str:
        return name + symbol.script("_", str(index))

    def absolute(self, e: Expr) -> tuple[str, int]:
        return f"|{self(e)}|", ATOM

    def root(self, e: Expr) -> tuple[str, int]:
        return f"√{self(e, ATOM)}", POWER

    def cases(self, rows: Iterable[tuple[str, str]], otherwise: str) -> str:
        shown = "; ".join(f"{found} if {test}" for found, test in rows)
        return f"{{{shown}; else {otherwise}}}"

    def sigma(self, index: str, first: str, last: str, body: str) -> str:
        return f"Σ{symbol.script('_', f'{index}={first}')}{symbol.script('^', last)} {body}"

    def marked(self, shown: str) -> str:
        return f"⟦{shown}⟧"

    def elided(self, words: str) -> str:
        return f"⋯[{words}]⋯" if words else "⋯"

    def lines(self, lines: Sequence[Line]) -> str:
        """Equations, one under the other, aligned at their signs."""
        lefts = ["" if line.left is None else self(line.left) for line in lines]
        widest = max(map(width, lefts), default=0)
        out = []
        for line, left in zip(lines, lefts):
            note = f"    {line.note}" if line.note else ""
            indent = " " * (widest - width(left))
            out.append(f"{indent}{left} {line.sign} {self(line.right)}{note}".rstrip())
        return "\n".join(out)


class Tex(Text):
    r"""Prints formulas for TeX's math mode: amsmath and KaTeX."""

    times, prime, partial, minus, half = r" \cdot ", "'", r"\partial ", "-", r"\tfrac{1}{2}"
    quotient, over, under = PRODUCT, SUM, SUM

    def juxtaposed(self, factors: Sequence[str]) -> str:
        out = factors[0]
        for left, right in pairwise(factors):
            # Without a dot, 3 · 2ˣ would be 32ˣ, and words would run together.
            words = left.startswith(r"\text") or right.startswith(r"\text")
            out += (self.times if words or right[0].isdigit() else " ") + right
        return out

    def figures(self, digits: str) -> str:
        return digits.replace("∞", r"\infty").replace("nan", r"\mathrm{nan}")

    def sign(self, text: str) -> str:
        return "".join(_TEX_SIGNS.get(c, c) for c in text)

    def brackets(self, shown: str) -> str:
        # \left( sets a space before it, which only what is tall is worth.
        return rf"\left({shown}\right)" if _TALL.search(shown) else f"({shown})"

    def name(self, name: Name) -> str:
        shown = symbol.latex(name.label)
        return rf"{shown}{{}}_{{[{name.copy}]}}" if name.copy else shown

    def fraction(self, over: str, under: str) -> str:
        return rf"\frac{{{over}}}{{{under}}}"

    def by_operand(self, shown: str, k: int) -> str:
        return rf"\left.{shown}\right|_{{{k}}}"

    def raised(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def function(self, name: str) -> str:
        if name in _TEX_FUNCTIONS:
            return "\\" + _TEX_FUNCTIONS[name]
        words = OPS.symbol(name)
        if len(words) > 1 and words.isalpha() and words.isascii() and len(words) <= symbol.LONGEST:
            return rf"\operatorname{{{words}}}"
        return rf"\operatorname{{{symbol.latex(words)}}}"

    def indexed(self, name: str, index: int) -> str:
        return f"{name}_{{{index}}}"

    def absolute(self, e: Expr) -> tuple[str, int]:
        return rf"\left|{self(e)}\right|", ATOM

    def root(self, e: Expr) -> tuple[str, int]:
        return rf"\sqrt{{{self(e)}}}", ATOM

    def cases(self, rows: Iterable[tuple[str, str]], otherwise: str) -> str:
        shown = r" \\ ".join(rf"{found} & \text{{if }} {test}" for found, test in rows)
        return rf"\begin{{cases}} {shown} \\ {otherwise} & \text{{otherwise}} \end{{cases}}"

    def sigma(self, index: str, first: str, last: str, body: str) -> str:
        return rf"\sum_{{{index} = {first}}}^{{{last}}} {body}"

    def marked(self, shown: str) -> str:
        return rf"\boxed{{{shown}}}"

    def elided(self, words: str) -> str:
        return rf"\cdots \text{{[{words}]}} \cdots" if words else r"\cdots"

    def lines(self, lines: Sequence[Line]) -> str:
        """Equations as an `aligned` environment, for a formula on its own (`$$…$$`)."""
        rows = []
        for line in lines:
            left = "" if line.left is None else self(line.left)
            note = rf" && {symbol.text(line.note)}" if line.note else ""
            rows.append(f"{left} &{self.sign(line.sign)} {self(line.right)}{note}")
        body = " \\\\\n".join(rows)
        return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


class Mathml(Text):
    """Prints formulas as MathML, and equations as a table of HTML that needs no network."""

    quotient, over, under = PRODUCT, SUM, SUM
    half = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"

    def figures(self, digits: str) -> str:
        minus = self.sign("−") if digits.startswith("−") else ""
        return f"{minus}<mn>{digits.removeprefix('−')}</mn>"

    def sign(self, text: str) -> str:
        if text == self.minus:  # one number's own, not between two
            return '<mo form="prefix" lspace="0" rspace="0">−</mo>'
        form = ' form="infix"' if text != text.strip() else ""
        return f"<mo{form}>{escape(text.strip())}</mo>"

    def brackets(self, shown: str) -> str:
        return f"<mrow><mo>(</mo>{shown}<mo>)</mo></mrow>"

    def name(self, name: Name) -> str:
        shown = symbol.mathml(name.label)
        if not name.copy:
            return f"<mrow>{shown}</mrow>"
        return f"<msub><mrow>{shown}</mrow><mtext>[{name.copy}]</mtext></msub>"

    def fraction(self, over: str, under: str) -> str:
        return f"<mfrac><mrow>{over}</mrow><mrow>{under}</mrow></mfrac>"

    def by_operand(self, shown: str, k: int) -> str:
        return f"<msub><mrow>{shown}<mo>|</mo></mrow><mn>{k}</mn></msub>"

    def raised(self, base: str, exponent: str) -> str:
        return f"<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>"

    def function(self, name: str) -> str:
        shown = super().function(name)
        tag = "mi" if len(shown) == 1 else "mtext"  # whose letters are upright
        return f"<{tag}>{escape(shown)}</{tag}>"

    def primed(self, name: str) -> str:
        return f"<msup>{name}<mo>{self.prime}</mo></msup>"

    def indexed(self, name: str, index: int) -> str:
        return f"<msub><mrow>{name}</mrow><mn>{index}</mn></msub>"

    def absolute(self, e: Expr) -> tuple[str, int]:
        return f"<mrow><mo>|</mo>{self(e)}<mo>|</mo></mrow>", ATOM

    def root(self, e: Expr) -> tuple[str, int]:
        return f"<msqrt>{self(e)}</msqrt>", ATOM

    def cases(self, rows: Iterable[tuple[str, str]], otherwise: str) -> str:
        every = [*((found, f"<mtext>if\u00a0</mtext>{test}") for found, test in rows)]
        every.append((otherwise, "<mtext>otherwise</mtext>"))
        cells = "".join(f"<mtr><mtd>{a}</mtd><mtd>{b}</mtd></mtr>" for a, b in every)
        return f"<mrow><mo>{{</mo><mtable>{cells}</mtable></mrow>"

    def sigma(self, index: str, first: str, last: str, body: str) -> str:
        lower = f"<mrow><mi>{index}</mi><mo>=</mo><mn>{first}</mn></mrow>"
        return f"<mrow><munderover><mo>∑</mo>{lower}<mn>{last}</mn></munderover>{body}</mrow>"

    def marked(self, shown: str) -> str:
        return f'<mrow style="background:#ffe08a;color:#222">{shown}</mrow>'

    def elided(self, words: str) -> str:
        return f"<mtext>⋯[{escape(words)}]⋯</mtext>" if words else "<mo>⋯</mo>"

    def lines(self, lines: Sequence[Line]) -> str:
        """Equations as an HTML table, aligned at their signs.

        A notebook that is not trusted loses the mathematics and the styles. The styles are what
        hides the same lines as text, and shows the table.
        """
        rows = []
        for line in lines:
            left = "" if line.left is None else self.math(self(line.left))
            right = self.math(self.sign(f" {line.sign} ") + self(line.right))
            cells = (left, right, escape(line.note))
            rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        body = "\n".join(rows)
        words = escape(Text(self.digits).lines(lines))
        return f"{_STYLE}<pre>{words}</pre>\n<table hidden='hidden'>\n{body}\n</table></div>"

    def math(self, shown: str) -> str:
        """`shown` as an element for a page."""
        return (
            f'<math xmlns="http://www.w3.org/1998/Math/MathML" displaystyle="true">{shown}</math>'
        )


# Letters of mathematical italic are boxes where no mathematics font is installed: upright letters
# that CSS slants are not.
_STYLE = """\
<div class="derivation"><style>
.derivation{overflow-x:auto}
.derivation pre{display:none}
.derivation table{display:table;border-collapse:collapse;background:none}
.derivation tr{background:none!important}
.derivation td{padding:.25em .15em;text-align:left!important;vertical-align:baseline!important;\
white-space:nowrap;border:0}
.derivation td:first-child{text-align:right!important}
.derivation td:last-child{padding-left:1.5em;opacity:.75}
.derivation math{font-size:1.25em}
.derivation mi{text-transform:none;font-style:italic}
</style>
"""

_FUNCTIONS = {"sigmoid": "σ", "normal_cdf": "Φ", "normal_pdf": "φ"}
_TEX_FUNCTIONS = {
    **{name: name for name in ("exp", "log", "sin", "cos", "tan", "tanh")},
    "sigmoid": "sigma", "normal_cdf": "Phi", "normal_pdf": "varphi",
}  # fmt: skip
_TALL = re.compile(r"\\(frac|sqrt|sum|begin|boxed|left)")
_TEX_SIGNS = {
    "·": r"\cdot",
    "−": "-",
    "≤": r"\le",
    "≥": r"\ge",
    "∧": r"\land",
    "∨": r"\lor",
    "≠": r"\ne",
    "⋮": r"\vdots",
}
# Marks that turn the direction of writing act within the name alone, between isolates of its own.
_ISOLATES = str.maketrans(dict.fromkeys("\u2066\u2067\u2068\u2069", "\ufffd"))
_TURNING = {"R", "AL", "AN", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_ENCLOSED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_OPERATOR = re.compile(r"[\s+*/·×−=<>&|-]")


def _tightness(name: Name) -> int:
    """How tightly a label holds together: a⁽²⁾ raised needs brackets, and `x*w + b` anywhere."""
    parts = [*symbol.pieces(symbol.short(name.label))]
    if any(not mark and _OPERATOR.search(_ENCLOSED.sub("", body)) for mark, body in parts):
        return SUM
    return POWER if any(mark == "^" for mark, _ in parts) else ATOM


def width(shown: str) -> int:
    """How many columns a text takes where all letters are equally wide.

    >>> width("σ′"), width("h\u0302"), width("重")
    (2, 1, 2)
    """
    wide = sum(east_asian_width(c) in "WF" for c in shown)
    return len(shown) + wide - sum(category(c) in ("Mn", "Me", "Cf") for c in shown)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of text with the cells of the rows in columns, two spaces apart.

    >>> aligned([["a", "1"], ["long", "2"]])
    ['a     1', 'long  2']
    """
    widths = [max(map(width, column)) for column in zip(*rows)]
    return [
        "  ".join(cell + " " * (w - width(cell)) for cell, w in zip(row, widths)).rstrip()
        for row in rows
    ]


def significant(digits: int) -> int:
    """`digits`, if it is a number of significant digits that a float64 has; else a ValueError."""
    if type(digits) is not int or not 1 <= digits <= 17:
        raise ValueError(f"digits {digits!r:.40}: expected a whole number from 1 to 17")
    return digits


def elide(items: Sequence[Expr], words: str = "more") -> list[Expr]:
    """The items; of very many the first, how many are left out, and the last."""
    if len(items) <= LONGEST:
        return [*items]
    side = LONGEST // 2 - 1
    return [*items[:side], Elided(f"{len(items) - 2 * side:,} {words}"), *items[-side:]]


def _is_divisor(e: Expr) -> bool:
    return isinstance(e, Power) and isinstance(e.exponent, Number) and e.exponent.value < 0


def _negated(e: Expr) -> Expr | None:
    """-e where e has a minus in front, so that a sum can show it."""
    if isinstance(e, Number | Literal) and e.value < 0:
        return type(e)(-e.value)
    if isinstance(e, Product) and isinstance(e.factors[0], Number) and e.factors[0].value < 0:
        return mul(-1.0, e)
    return None
