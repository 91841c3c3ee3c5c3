"""Record an operation: the node it makes, and the text of the method that makes it fastest.

Calling a row's formulas costs more than computing them, so each row of the table becomes the text
of a method with its formulas in place, as `dataclasses` writes `__init__` from fields.
`inspect.getsource` shows that text, and tracebacks quote it:

>>> import inspect
>>> from micrograd_bp import Value
>>> print(inspect.getsource(Value.tanh))
def tanh(self):
    x = self.data
    try:
        z = tanh(x)
    except (ValueError, ArithmeticError) as error:
        raise op.undefined(error, (self,)) from None
    if z - z:
        z = op.not_finite(z, (self,))
    node = new(Value)
    node.data = z
    node.grad = 0.0
    node.label = ""
    if recording():
        node.op = 'tanh'
        node._x = self
        node._y = None
        node._dx = sech2(x)
        node._dy = None
    else:
        node.op = ""
        node._x = node._y = node._dx = node._dy = None
    return node
<BLANKLINE>
"""

import linecache
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

from micrograd_bp.table import FLOATS, OPS, Op, operand_number

_recording: ContextVar[bool] = ContextVar("recording", default=True)


@contextmanager
def no_grad() -> Iterator[None]:
    """A context (or decorator) in which operations compute, but record nothing.

    It holds for the thread or asyncio task that entered it, and for tasks started inside it.

    >>> from micrograd_bp import Value
    >>> with no_grad():
    ...     y = Value(2.0) * 3.0
    >>> y.data, y.parents
    (6.0, ())
    """
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def with_recording(f: Callable[..., Any], *arguments: Any) -> Any:
    """f(*arguments) with recording on, whatever `no_grad` is around it."""
    context = copy_context()
    context.run(_recording.set, True)
    return context.run(f, *arguments)


def fill(node: Any, op: str, operands: Sequence[Any], derivatives: Sequence[float]) -> None:
    """Make `node` that of `op` on `operands`, `derivatives` being those of the Values among them.

    One or two operands become `_x` and `_y`, their derivatives `_dx` and `_dy` (None for a
    number); of more, `_x` has the Values, `_dx` their derivatives and `_y` all, as tuples. With
    tuples throughout, a node of two operands would take twice the time. Of two, vectors (as
    `l2` of one weight) have tuples too: the kind of `_dx` says which it is.
    """
    cls = type(node)
    node.op = op
    if len(operands) > 2:
        node._x = tuple([v for v in operands if isinstance(v, cls)])
        node._y = tuple(operands)
        node._dx = tuple(derivatives)
    else:
        rest = iter(derivatives)
        node._x, node._y = (*operands, None, None)[:2]
        node._dx = next(rest) if isinstance(node._x, cls) else None
        node._dy = next(rest) if isinstance(node._y, cls) else None


def record(cls: Any, op: Op, operands: Sequence[Any]) -> Any:
    """The node of `op` on `operands`, whatever mixture of Values and numbers."""
    operands = [v if isinstance(v, cls) else operand_number(v, op.name) for v in operands]
    numbers = [v.data if isinstance(v, cls) else v for v in operands]
    node = cls(op.evaluate(numbers, operands))
    if _recording.get():
        parents = [k for k, v in enumerate(operands) if isinstance(v, cls)]
        try:
            derivatives = op.derivatives(node.data, numbers, parents)
        except (ValueError, ArithmeticError) as error:
            raise op.undefined(error, operands, "no derivative") from None
        fill(node, op.name, operands, derivatives)
    return node


_SLOTS = ("data", "label", "grad", "op", "_x", "_y", "_dx", "_dy")


def flatten(order: Sequence[Any]) -> tuple[list[list[Any]], dict[int, Any]]:
    """A graph as a column for each slot, for `pickle`: a node in one is its place in `order`.

    And, by their places, the leaves as they are, but for the last node.
    """
    place = {node: k for k, node in enumerate(order)}
    columns = [
        _mapped([getattr(v, slot) for v in order], type(order[-1]), place) for slot in _SLOTS
    ]
    return columns, {k: node for k, node in enumerate(order[:-1]) if not node.op}


def restore(cls: Any, columns: list[list[Any]], leaves: dict[int, Any]) -> Any:
    """The last node of a graph that was flattened."""
    nodes: list[Any] = []
    for k, row in enumerate(zip(*columns)):
        node = leaves.get(k)
        if node is None:
            node = object.__new__(cls)
            for slot, value in zip(_SLOTS, _mapped(row, int, nodes)):
                setattr(node, slot, value)
        nodes.append(node)
    return nodes[-1]


def _mapped(values: Sequence[Any], kind: type, meaning: Any) -> list[Any]:
    """`values` with `meaning[v]` for each v of the kind, also for those within tuples."""
    return [
        meaning[v] if type(v) is kind
        else tuple(_mapped(v, kind, meaning)) if type(v) is tuple
        else v
        for v in values
    ]  # fmt: skip


# ------------------------------------------------------------------ the same, written out

_UNARY = """\
def {method}(self):
    x = self.data
"""

# A number among two operands is stored as it is: `y is other` tells it from the data of a Value.
_BINARY = """\
def {method}(self, other):
    {x} = self.data
    if isinstance(other, Value):
        {y} = other.data
    elif type(other) is float:
        {y} = other
    else:
        {y} = other = operand(other, {method!r}, op)
        if {y} is NotImplemented:
            return {y}
"""

_FLOATS = """\
    for number in {each}:
        if type(number) is not float:
            return NotImplemented
"""

_VECTORS = """\
def {method}({names}):
{check}    operands = ({flat},)
    parents = {parents}
    if len(operands) < {least}:
        return NotImplemented
{take}"""

# z - z is 0.0 for a finite z; for the others it is nan, which is true.
_RECORD = """\
    try:
        z = {value}
    except (ValueError, ArithmeticError) as error:
        raise op.undefined(error, {operands}) from None
    if z - z:
        z = op.not_finite(z, {operands})
    node = new(Value)
    node.data = z
    node.grad = 0.0
    node.label = ""
    if recording():
        node.op = {name!r}
        node._x = {left}
        node._y = {right}
        node._dx = {dx}
        node._dy = {dy}
    else:
        node.op = ""
        node._x = node._y = node._dx = node._dy = None
    return node
"""


def operand(value: Any, method: str, op: Op) -> Any:
    """`value` as a float; NotImplemented where its own type may know what to do with a Value."""
    try:
        return operand_number(value, op.name)
    except TypeError:
        own = method if method.startswith("__r") else method.replace("__", "__r", 1)
        if hasattr(value, own) and type(value).__module__ != "builtins":
            return NotImplemented
        raise


def unary(op: Op, method: str) -> str:
    """The text of a method of one operand."""
    return (_UNARY + _RECORD).format(
        method=method, name=op.name, value=op.value, operands="(self,)",
        left="self", right="None", dx=op.partials[0], dy="None",
    )  # fmt: skip


def binary(op: Op, method: str) -> str:
    """The text of a method of two operands, x on the left."""
    return (_BINARY + _RECORD).format(
        method=method, name=op.name, value=op.value, operands="(self, other)", x="x", y="y",
        left="self", right="other",
        dx=op.partials[0], dy=f"None if y is other else ({op.partials[1]})",
    )  # fmt: skip


def reflected(op: Op, method: str) -> str:
    """The text of the same method for a number on the left: `2.0 - x`."""
    return (_BINARY + _RECORD).format(
        method=method, name=op.name, value=op.value, operands="(other, self)", x="y", y="x",
        left="other", right="self",
        dx=f"None if x is other else ({op.partials[0]})", dy=op.partials[1],
    )  # fmt: skip


def vectors(op: Op, method: str, numbers: Sequence[str] = ()) -> str:
    """The text of a function of vectors: of Values, but for the `numbers`, which are floats."""
    check, take, parents, derivatives = "", "", [], []
    for name, formula in zip(op.names, op.partials):
        plain, star = name.strip("*"), "*" * ("*" in name)
        if name in numbers:
            check += _FLOATS.format(each=plain if star else f"({plain},)")
            continue
        take += f"    {plain} = {f'[v.data for v in {plain}]' if star else f'{plain}.data'}\n"
        parents.append(name)
        derivatives.append(star + formula)
    return (_VECTORS + _RECORD).format(
        method=method, name=op.name, value=op.value, operands="operands",
        names=op.signature.replace("*", ""), flat=op.signature, check=check, take=take,
        parents=f"({', '.join(parents)},)" if numbers else "operands",
        least=2 if numbers else 3,  # two Values are faster without tuples
        left="parents", right="operands", dx=f"({', '.join(derivatives)},)", dy="None",
    )  # fmt: skip


def _write(cls: type, op: Op, text: str) -> Callable[..., Any]:
    """The function that `text` defines."""
    name = text.removeprefix("def ").partition("(")[0]
    path = f"<{cls.__name__}.{name}>"
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    scope = FLOATS | {cls.__name__: cls, "new": object.__new__, "op": op, "operand": operand}
    scope["recording"] = _recording.get
    made: dict[str, Any] = {}  # apart, or `def tanh` would hide the tanh that it calls
    exec(compile(text, path, "exec"), scope, made)
    function: Callable[..., Any] = made[name]
    function.__doc__ = repr(op)
    function.__qualname__ = f"{cls.__name__}.{name}"
    return function


def attach(cls: type) -> None:
    """Give `cls`, the class of Values, the methods of the table, and `_apply` for its rows."""
    cls._apply = staticmethod(partial(record, cls))  # type: ignore[attr-defined]
    for name in ("add", "sub", "mul", "truediv", "pow"):
        for method, text in ((f"__{name}__", binary), (f"__r{name}__", reflected)):
            setattr(cls, method, _write(cls, OPS[name], text(OPS[name], method)))
    for name in ("neg", "abs"):
        setattr(cls, f"__{name}__", _write(cls, OPS[name], unary(OPS[name], f"__{name}__")))
    for name in "exp log sqrt sin cos tan tanh sigmoid relu softplus erf gelu".split():
        setattr(cls, name, _write(cls, OPS[name], unary(OPS[name], name)))
    hasten(cls, OPS["dot"], numbers=["*xs"])
    for name in ("sum", "prod", "dot", "logsumexp"):
        hasten(cls, OPS[name])


def hasten(cls: type, op: Op, numbers: Sequence[str] = ()) -> None:
    """Give a row of vectors a faster way, for Values but for the `numbers` among its operands."""
    method = op.name + "_of_numbers" * bool(numbers)
    # A row is frozen, and there is one of it: only here does it get something more.
    vars(op)["fast"] = (*op.fast, _write(cls, op, vectors(op, method, numbers)))
