"""Rows of the derivative table as JavaScript, so that a page can compute a recorded graph anew.

The text of a row's formulas is translated; what the formulas call is written by hand below.

>>> print(functions(["leaky_relu", "mul"]))
const OPS = (() => {
  "use strict";
  return {
    leaky_relu: {
      value: ([x, slope]) => x <= 0.0 ? slope * x : x,
      partials: (z, [x, slope]) => [x <= 0.0 ? slope : 1.0, x <= 0.0 ? x : 0.0],
    },
    mul: {
      value: ([x, y]) => x * y,
      partials: (z, [x, y]) => [y, x],
    },
  };
})();
<BLANKLINE>

Operands are one flat list, as in `Value.operands`: `OPS.dot.partials(z, [w1, w2, x1, x2, b])`.
Where Python raises, JavaScript goes on: mostly to NaN or ±Infinity, though `1.0 / exp(x)` is 0
where exp(x) is too large for Python.

>>> import math
>>> from micrograd_bp.table import operation
>>> row = operation("lgamma(x)", math.lgamma, "nan")
>>> translatable("lgamma"), obstacle("lgamma")
(False, 'lgamma: lgamma is a Python function')
"""

import ast
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from micrograd_bp import floats
from micrograd_bp.ops import OPS
from micrograd_bp.table import FLOATS, Op


def functions(names: Iterable[str]) -> str:
    """JavaScript that defines `const OPS = {…}` for these rows of the table, and nothing else.

    `OPS.mul.value([x, y])` is a number, `OPS.mul.partials(z, [x, y])` the list of ∂z/∂operand.
    The text is the same for the same rows, and fits into a <script> as it is.
    Errors: KeyError for what is not in the table, ValueError for what cannot be translated.
    """
    program = _Program()
    rows = [program.row(OPS[name]) for name in sorted({*names})]
    body = [*program.definitions(), "return {\n" + "".join(rows) + "  };"]
    lines = "".join(f"  {line}\n" for line in ['"use strict";', *body])
    return f"const OPS = (() => {{\n{lines}}})();\n"


def obstacle(name: str) -> str:
    """Why this row of the table cannot be translated; nothing where it can."""
    try:
        functions([name])
    except ValueError as error:
        return str(error)
    return ""


def translatable(name: str) -> bool:
    """Whether `functions` takes this row of the table."""
    return not obstacle(name)


# ------------------------------------------------------------------ what formulas call

# A formula calls the kernels of `floats` where it would lose digits by itself; these are their
# counterparts, shorter at the cost of a few units in the last place, which no slider shows. Those
# that formulas do not name (group, repeat, split …) serve the others, and the translation.
KERNELS = {
    # Python's own
    "abs": "Math.abs",
    "int": "Math.trunc",
    "len": "(xs) => xs.length",
    "max": "(...xs) => xs.flat().reduce((a, b) => (b > a ? b : a), xs.flat()[0] ?? NaN)",
    "min": "(...xs) => xs.flat().reduce((a, b) => (b < a ? b : a), xs.flat()[0] ?? NaN)",
    "map": "(f, ...lists) => zip(...lists).map((row) => f(...row))",
    "zip": """(...lists) =>
    lists[0].slice(0, Math.min(...lists.map(len))).map((_, k) => lists.map((xs) => xs[k]))""",
    "enumerate": "(xs) => xs.map((x, k) => [k, x])",
    "range": """(start, stop, step = 1) =>
    stop === undefined
      ? range(0, start)
      : Array.from({length: Math.ceil((stop - start) / step)}, (_, k) => start + k * step)""",
    "at": "(xs, k) => xs[k < 0 ? k + xs.length : k] ?? NaN",
    "repeat": "(xs, count) => range(count).flatMap(() => xs)",
    "mod": """(x, y) => {
    const rest = x % y;
    return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
  }""",
    "floordiv": "(x, y) => Math.round((x - mod(x, y)) / y)",
    "group": """(operands, stars) => {
    const vectors = stars.filter((star) => star === 1).length;
    const length = (operands.length - stars.length + vectors) / vectors;
    let k = 0;
    return stars.map((star) => (star ? operands.slice(k, (k += length)) : operands[k++]));
  }""",
    # functions that both have
    "cos": "Math.cos",
    "exp": "Math.exp",
    "log": "Math.log",
    "mul": "(x, y) => x * y",
    "sin": "Math.sin",
    "sqrt": "Math.sqrt",
    "tan": "Math.tan",
    "tanh": "Math.tanh",
    # logistic and hyperbolic
    "sigmoid": "(x) => (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)))",
    "dsigmoid": """(x) => {
    const e = exp(-abs(x));
    return e / ((1 + e) * (1 + e));
  }""",
    "sigmoid_minus": "(x, t) => (t === 1 ? -sigmoid(-x) : sigmoid(x) - t)",
    "sech2": """(x) => {
    const half = 2 * exp(-abs(x));
    return abs(x) > 300 ? half * half : 4 * dsigmoid(2 * x);
  }""",
    "softplus": "(x) => (x > 0 ? x : 0) + Math.log1p(exp(-abs(x)))",
    # the normal distribution: its series where it bends, its continued fraction in the tail
    "split": """(x) => {
    const c = 134217729 * x;
    const high = c - (c - x);
    return [high, x - high];
  }""",
    "bell": """(x, scale) => {
    if (!(abs(x) < 64)) return x !== x ? x : 0;
    const [high, low] = split(x);
    const e = exp(-scale * (high * high));
    return e + e * Math.expm1(-scale * (low * (x + high)));
  }""",
    "derf": "(x) => 1.1283791670955126 * bell(x, 1)",
    "normal_pdf": "(x) => 0.3989422804014327 * bell(x, 0.5)",
    "series": """(s) => {
    let sum = 1;
    for (let term = s / 3, k = 5; term > 1e-17 * sum; term *= s / k, k += 2) sum += term;
    return sum;
  }""",
    "tail": """(s) => {
    let fraction = 1;
    for (let k = Math.ceil(20 + 400 / s); k > 0; k--) fraction = 1 + k / s / fraction;
    return 1 / fraction;
  }""",
    "erf": """(x) => {
    if (!(abs(x) >= 1)) return x * derf(x) * series(2 * x * x);
    return Math.sign(x) * (1 - (derf(x) / (2 * abs(x))) * tail(2 * x * x));
  }""",
    "normal_cdf": """(x) => {
    if (!(abs(x) >= 1.4)) return 0.5 + x * normal_pdf(x) * series(x * x);
    const outside = (normal_pdf(x) / abs(x)) * tail(x * x);
    return x < 0 ? outside : 1 - outside;
  }""",
    "gelu": "(x) => (x <= -1.4 ? -normal_pdf(x) * tail(x * x) : x * normal_cdf(x))",
    # powers and products
    "power": "(x, y) => (x === 1 || (x === -1 && abs(y) === Infinity) ? 1 : x ** y)",
    "dpower": """(x, y) => {
    if (y === 0) return 0;
    const slope = y * power(x, y - 1);
    if (x <= 0 || (abs(y) >= 1 && y - (y - 1) === 1 && abs(slope) > 1e-290)) return slope;
    const z = power(x, y); // a rounded y - 1 would cost as many digits as log z has
    if (z > 1e-290 && z < 1e250 && abs(y) < 1e40) return (y * z) / x;
    const root = power(x, y / 2);
    return abs(y) >= 1 ? y * (root / x) * root : ((y * root) / x) * root;
  }""",
    "product": """(xs) => {
    const sorted = [...xs].sort((x, y) => abs(x) - abs(y));
    let result = 1; // large times small, so that nothing overflows on the way
    while (sorted.length) result *= abs(result) > 1 ? sorted.shift() : sorted.pop();
    return result;
  }""",
    "products_of_others": "(xs) => xs.map((_, k) => product(xs.filter((_, j) => j !== k)))",
    # sums
    "partials_sum": """(xs) => {
    let parts = []; // their sum is exact, and no two of them overlap (Shewchuk 1997)
    for (let x of xs) {
      const rest = [];
      for (const y of parts) {
        const sum = x + y;
        const [large, small] = abs(x) > abs(y) ? [x, y] : [y, x];
        const low = small - (sum - large);
        if (low !== 0) rest.push(low);
        x = sum;
      }
      parts = [...rest, x];
    }
    return parts.reduce((sum, x) => sum + x, 0);
  }""",
    "fsum": """(xs) => {
    const plain = xs.reduce((sum, x) => sum + x, 0);
    if (!xs.every(Number.isFinite)) return plain;
    const sum = partials_sum(xs); // not finite where it overflows, if only on the way
    return Number.isFinite(sum) ? sum : partials_sum(xs.map((x) => x * 2 ** -64)) * 2 ** 64;
  }""",
    "fmean": "(xs) => fsum(xs.map((x) => x / xs.length)) / (xs.length ? 1 : 0)",
    "exp_difference": """(x, y) => {
    const d = x - y;
    if (!(d > -800)) return d !== d ? d : 0;
    const b = d - x;
    return exp(d) * (1 + (x - (d - b) + (-y - b))); // with what the rounding of d left out
  }""",
    "of_others": "(xs, k) => fsum(xs.filter((_, j) => j !== k))",
    "log_rest": """(xs, top) =>
    Math.log1p(of_others(xs.map((x) => exp_difference(x, top)), xs.indexOf(top)))""",
    "logsumexp": """(xs) => {
    const top = max(xs);
    return Number.isFinite(top) ? top + log_rest(xs, top) : top;
  }""",
    "logsumexp_minus_dot": """(xs, ys) => {
    const top = max(xs);
    const below = xs.map((x, k) => (ys[k] ? 2 * ys[k] * (top / 2 - x / 2) : 0));
    return fsum([log_rest(xs, top), top * (1 - fsum(ys)), ...below]);
  }""",
    "softmax": """(xs) => {
    const top = max(xs);
    const exps = xs.map((x) => exp_difference(x, top));
    const total = fsum(exps);
    return exps.map((e) => e / total);
  }""",
    "softmax_derivatives": """(k, xs) => {
    const p = softmax(xs);
    return p.map((q, j) => p[k] * (j === k ? of_others(p, k) : -q));
  }""",
    "softmax_minus": """(xs, ys) => {
    const p = softmax(xs);
    return p.map((q, k) => (ys[k] === 1 ? -of_others(p, k) : q - ys[k]));
  }""",
}

_TAKEN = {*KERNELS, "Infinity", "NaN"} | set(
    "Array Math Number OPS arguments await break case catch class const continue debugger default "
    "delete do else enum eval export extends false finally for function if implements import in "
    "instanceof interface let new null package private protected public return static super "
    "switch this throw true try typeof undefined var void while with yield".split()
)
# Functions of `math` with one of the same name in Math; `log` takes a base in Python.
_MATH = (
    "acos acosh asin asinh atan atan2 atanh cbrt cos cosh exp expm1 hypot log10 log1p log2 sin "
    "sinh sqrt tan tanh"
).split()


def _safe(name: str) -> str:
    """A Python name that means nothing else in JavaScript: no Python name has a $."""
    return f"{name}$" if name in _TAKEN else name


# ------------------------------------------------------------------ translation

# What an expression is: a number, (), or a list of what its first item is. JavaScript adds and
# multiplies lists without a word, as text.
Kind: TypeAlias = "tuple[Kind, ...]"
NUMBER: Kind = ()
LIST: Kind = (NUMBER,)

# How tightly an expression binds; JavaScript wants brackets around a sign under a power.
CASES, OR, AND, COMPARISON, SUM, PRODUCT, POWER, SIGN, ATOM = range(9)


class _Unknown(Exception):
    """What has no counterpart."""


@dataclass(frozen=True)
class _Js:
    text: str
    level: int = ATOM
    kind: Kind = NUMBER

    def at(self, level: int) -> str:
        return self.text if self.level >= level else f"({self.text})"


_OPERATORS: dict[type[ast.AST], tuple[str, int]] = {
    ast.Add: ("+", SUM), ast.Sub: ("-", SUM), ast.Mult: ("*", PRODUCT), ast.Div: ("/", PRODUCT),
}  # fmt: skip
_FUNCTIONS: dict[type[ast.AST], str] = {
    ast.Pow: "power", ast.Mod: "mod", ast.FloorDiv: "floordiv",
}  # fmt: skip
_SIGNS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Eq: "===", ast.GtE: ">=", ast.Gt: ">", ast.NotEq: "!==",
}  # fmt: skip
_KINDS: dict[str, Callable[..., Kind]] = {
    **dict.fromkeys(
        "map products_of_others range softmax softmax_derivatives softmax_minus".split(),
        lambda *_: LIST,
    ),
    "enumerate": lambda xs: ((NUMBER, _item(xs)),),
    "zip": lambda *lists: (tuple(map(_item, lists)),),
}


class _Program:
    """The rows as text, and the functions that they call."""

    def __init__(self) -> None:
        self.kernels: set[str] = set()
        self.called: dict[str, str] = {}

    def row(self, op: Op) -> str:
        try:
            names, value = self.formula(op, op.value)
            partials = [
                ("..." if "*" in name else "")
                + self.formula(op, text, LIST if "*" in name else NUMBER)[1]
                for name, text in zip(op.names, op.partials)
            ]
        except _Unknown as error:
            raise ValueError(f"{op.name}: {error}") from None
        slopes = f"[{', '.join(partials)}]"
        if len(slopes) > 70:
            slopes = "[\n" + "".join(f"        {text},\n" for text in partials) + "      ]"
        bodies = [("", value), ("z, ", slopes)]
        given = f"[{', '.join(names)}]"
        if op.vectors:
            self.kernels.add("group")
            stars = [int("*" in name) for name in op.names]
            head = f"const {given} = group(operands$, {stars});"
            bodies = [(z, f"{{\n        {head}\n        return {b};\n      }}") for z, b in bodies]
            given = "operands$"
        value, slopes = (f"({z}{given}) => {body}" for z, body in bodies)
        return f"    {op.name}: {{\n      value: {value},\n      partials: {slopes},\n    }},\n"

    def formula(self, op: Op, text: str, kind: Kind = NUMBER) -> tuple[list[str], str]:
        """The operands' names in JavaScript, and one of the row's formulas."""
        signature = op.signature.replace("*", "")
        match ast.parse(f"lambda z, {signature}: {text}", mode="eval").body:
            case ast.Lambda(args=ast.arguments(args=[_, *arguments]), body=body):
                kinds = [LIST if "*" in name else NUMBER for name in op.names]
                names = [a.arg for a in arguments]
                found = _Scope(self, {"z": NUMBER, **dict(zip(names, kinds))}).translate(body)
            case _:
                raise _Unknown(f"{text!r} is no formula")
        if bool(found.kind) != bool(kind):
            raise _Unknown(f"{text!r} is {'a list' if found.kind else 'a number'}")
        return [*map(_safe, names)], found.at(CASES)

    def function(self, name: str) -> str:
        """What a function of the formulas is called in JavaScript."""
        meant = FLOATS.get(name)
        if name in KERNELS and (meant is None or meant is getattr(floats, name, abs)):
            self.kernels.add(name)
            return name
        if name in OPS and meant is OPS[name].formula:
            if name not in self.called:
                self.called[name] = ""  # a row may call itself
                names, text = self.formula(OPS[name], OPS[name].value)
                self.called[name] = f"const {_safe(name)} = ({', '.join(names)}) => {text};"
            return _safe(name)
        for same in _MATH:
            if meant is getattr(math, same):
                return f"Math.{same}"
        raise _Unknown(f"{name} is a Python function")

    def definitions(self) -> list[str]:
        """The kernels and rows that are called, and what those call."""
        found = {*self.kernels}
        while more := {name for k in found for name in _called(KERNELS[k])} - found:
            found |= more
        kernels = [f"const {name} = {text};" for name, text in KERNELS.items() if name in found]
        return [*kernels, *self.called.values()]


def _called(text: str) -> set[str]:
    """The kernels that some JavaScript names; a method of that name stands behind a dot."""
    return {*re.findall(r"(?<![\w.$])[a-z]\w*", text)} & KERNELS.keys()


def _item(kind: Kind) -> Kind:
    """What the items of a list are."""
    if not kind:
        raise _Unknown("a number in place of a list")
    return kind[0]


class _Scope:
    """Translates expressions in which these names are bound."""

    def __init__(self, program: _Program, bound: Mapping[str, Kind]) -> None:
        self.program = program
        self.bound = bound

    def translate(self, node: ast.AST) -> _Js:
        match node:
            case ast.Constant(value=bool() | int() | float() as number):
                return _Js("Infinity" if number == math.inf else repr(+number))
            case ast.Name(id=name) if name in self.bound:
                return _Js(_safe(name), kind=self.bound[name])
            case ast.Name(id="inf" | "nan" as name):
                return _Js({"inf": "Infinity", "nan": "NaN"}[name])
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.number(operand)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _Js(f"-{self.number(operand).at(ATOM)}", SIGN)
            case ast.BinOp():
                return self.binary(node)
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                yes, no = self.translate(body), self.translate(otherwise)
                if bool(yes.kind) != bool(no.kind):
                    raise _Unknown(f"{ast.unparse(node)!r} is a number or a list")
                text = f"{self.test(test).at(OR)} ? {yes.at(CASES)} : {no.at(CASES)}"
                return _Js(text, CASES, yes.kind)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) if _is_test(node):
                return _Js(f"Number({self.test(node).text})")
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                if name not in self.bound:
                    return self.call(name, arguments)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return self.display(items)
            case (
                ast.ListComp(elt=item, generators=loops)
                | ast.GeneratorExp(elt=item, generators=loops)
            ):
                return self.comprehension(item, loops)
            case ast.Subscript(value=value, slice=place):
                return self.item(self.translate(value), place)
        raise _Unknown(f"{ast.unparse(node)!r} cannot be translated")

    def number(self, node: ast.AST) -> _Js:
        found = self.translate(node)
        if found.kind:
            raise _Unknown(f"{ast.unparse(node)!r} is a list")
        return found

    def test(self, node: ast.AST) -> _Js:
        """An expression that is true or false; in Python NaN is true, and an empty list false."""
        match node:
            case ast.Compare(left=left, ops=signs, comparators=rest):
                if unknown := [sign for sign in signs if type(sign) not in _SIGNS]:
                    raise _Unknown(f"{type(unknown[0]).__name__} cannot be translated")
                sides = [self.number(side).at(SUM) for side in (left, *rest)]
                pairs = [
                    f"{x} {_SIGNS[type(sign)]} {y}" for x, sign, y in zip(sides, signs, sides[1:])
                ]
                return _Js(" && ".join(pairs), AND if len(pairs) > 1 else COMPARISON)
            case ast.BoolOp(op=join, values=values):
                sign, level = ("&&", AND) if isinstance(join, ast.And) else ("||", OR)
                return _Js(f" {sign} ".join(self.test(v).at(level) for v in values), level)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _Js(f"!{self.test(operand).at(ATOM)}", SIGN)
        found = self.translate(node)
        if found.kind:
            return _Js(f"{found.at(ATOM)}.length > 0", COMPARISON)
        return _Js(f"{found.at(SUM)} !== 0", COMPARISON)

    def binary(self, node: ast.BinOp) -> _Js:
        left, right = self.translate(node.left), self.translate(node.right)
        if left.kind or right.kind:
            return self.of_lists(node, left, right)
        if type(node.op) in _OPERATORS:
            sign, level = _OPERATORS[type(node.op)]
            return _Js(f"{left.at(level)} {sign} {right.at(level + 1)}", level)
        if isinstance(node.op, ast.Pow) and re.fullmatch(r"-?\d+(\.\d*)?", right.text):
            return _Js(f"{left.at(ATOM)} ** {right.text}", POWER)
        if type(node.op) not in _FUNCTIONS:
            raise _Unknown(f"{ast.unparse(node)!r} cannot be translated")
        function = _FUNCTIONS[type(node.op)]
        self.program.kernels.add(function)
        return _Js(f"{function}({left.at(CASES)}, {right.at(CASES)})")

    def of_lists(self, node: ast.BinOp, left: _Js, right: _Js) -> _Js:
        if isinstance(node.op, ast.Add) and left.kind and right.kind:
            return _Js(f"[...{left.at(CASES)}, ...{right.at(CASES)}]", kind=left.kind)
        if isinstance(node.op, ast.Mult) and not (left.kind and right.kind):
            xs, count = (left, right) if left.kind else (right, left)
            self.program.kernels.add("repeat")
            return _Js(f"repeat({xs.at(CASES)}, {count.at(CASES)})", kind=xs.kind)
        raise _Unknown(f"{ast.unparse(node)!r} is arithmetic on lists")

    def call(self, name: str, arguments: list[ast.expr]) -> _Js:
        function = self.program.function(name)
        texts = []
        if name == "map" and arguments and isinstance(arguments[0], ast.Name):
            texts.append(self.program.function(arguments[0].id))
            arguments = arguments[1:]
        kinds = []
        for node in arguments:
            starred = isinstance(node, ast.Starred)
            found = self.translate(node.value if isinstance(node, ast.Starred) else node)
            if starred and name in _KINDS:
                raise _Unknown(f"{name}(*…) cannot be translated")
            kinds.append(_item(found.kind) if starred else found.kind)
            texts.append(("..." if starred else "") + found.at(CASES))
        try:
            kind = _KINDS[name](*kinds) if name in _KINDS else NUMBER
        except TypeError:
            raise _Unknown(f"{name} of {len(kinds)} arguments cannot be translated") from None
        return _Js(f"{function}({', '.join(texts)})", kind=kind)

    def display(self, items: list[ast.expr]) -> _Js:
        found = []
        for node in items:
            if isinstance(node, ast.Starred):
                inner = self.translate(node.value)
                found.append(_Js(f"...{inner.at(CASES)}", kind=_item(inner.kind)))
            else:
                found.append(self.translate(node))
        if len(kinds := {js.kind for js in found}) > 1:
            raise _Unknown("numbers beside lists")
        return _Js(f"[{', '.join(js.text for js in found)}]", kind=(*kinds,) or LIST)

    def comprehension(self, item: ast.expr, loops: list[ast.comprehension]) -> _Js:
        loop, *inner = loops
        found = self.translate(loop.iter)
        bound = _bound(loop.target, _item(found.kind))
        scope = _Scope(self.program, {**self.bound, **bound})
        head = f"({_target(loop.target)}) => "
        text = found.at(ATOM)
        for test in loop.ifs:
            text += f".filter({head}{scope.test(test).text})"
        made = scope.comprehension(item, inner) if inner else scope.translate(item)
        kind = made.kind if inner else (made.kind,)
        return _Js(f"{text}.{'flatMap' if inner else 'map'}({head}{made.text})", kind=kind)

    def item(self, found: _Js, place: ast.expr) -> _Js:
        kind = (_item(found.kind),)
        if isinstance(place, ast.Slice):
            if place.step:
                raise _Unknown(f"the step of [{ast.unparse(place)}] cannot be translated")
            low = self.number(place.lower).at(CASES) if place.lower else "0"
            high = f", {self.number(place.upper).at(CASES)}" if place.upper else ""
            return _Js(f"{found.at(ATOM)}.slice({low}{high})", kind=kind)
        self.program.kernels.add("at")
        if len({*found.kind}) > 1:
            raise _Unknown("numbers beside lists")
        return _Js(f"at({found.at(CASES)}, {self.number(place).at(CASES)})", kind=found.kind[0])


def _is_test(node: ast.AST) -> bool:
    """Whether it gives True or False, and not, like `x or y`, one of its parts."""
    match node:
        case ast.BoolOp(values=values):
            return all(map(_is_test, values))
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return True
    return False


def _bound(target: ast.expr, kind: Kind) -> dict[str, Kind]:
    """The names that a loop binds, each with what it is."""
    match target:
        case ast.Name(id=name):
            return {name: kind}
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            kinds = kind if len(kind) == len(targets) else (_item(kind),) * len(targets)
            found = [_bound(inner, part) for inner, part in zip(targets, kinds)]
            merged = {name: part for names in found for name, part in names.items()}
            if len(merged) == sum(map(len, found)):
                return merged
    raise _Unknown(f"'for {ast.unparse(target)}' cannot be translated")


def _target(target: ast.expr) -> str:
    match target:
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            return f"[{', '.join(map(_target, targets))}]"
    return _safe(ast.unparse(target))
