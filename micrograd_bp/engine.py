"""A scalar, how it was computed, and backpropagation through that record.

Arithmetic on Values records a graph of plain data: each node keeps its operands, in order and with
duplicates, and its local derivatives at the values of that moment. `backward` applies the
multivariate chain rule to it, children before parents; all else that explains, draws or compiles
is another walk over the same nodes. None of them recurses, and a graph has no reference cycles.

>>> x, y = Value(3.0, "x"), Value(-2.0, "y")
>>> z = x * x * y
>>> z.backward()
>>> z.data, x.grad, y.grad
(-18.0, -12.0, 9.0)
>>> grad(z, [x, y]), hessian(z, [x, y])
([-12.0, 9.0], [[-4.0, 6.0], [6.0, 0.0]])
>>> [node.op or node.label for node in topological_order(z)]
['x', 'mul', 'y', 'mul']
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from micrograd_bp.ops import OPS, leaky_relu
from micrograd_bp.recording import attach, fill, flatten, no_grad, restore
from micrograd_bp.table import checked, listed, number, operand_number

__all__ = ["Value", "grad", "hessian", "no_grad", "topological_order"]


class Value:
    """A number, its gradient, and the operation that made it.

    `data` is the number; `grad` is 0.0 until a `backward()` reaches it; `label` names it in every
    view, TeX-like (`W^{(2)}_{12}`) or plain; `op` is a key of `OPS`, or "" for a leaf. `==` and
    `hash` go by identity, `<` and its kin by data.

    >>> 3 * Value(2.0).tanh() + 1
    Value(data=3.8920827402274507, grad=0.0)
    """

    # _x and _y are the operands, _dx and _dy their derivatives (None for a number); of three or
    # more operands (or fewer) _x has the Values, _dx their derivatives, _y all of them, as tuples.
    __slots__ = ("__weakref__", "_dx", "_dy", "_x", "_y", "data", "grad", "label", "op")

    def __init__(self, data: float, label: str = "") -> None:
        if not isinstance(label, str):
            raise TypeError(f"Value: expected a str as its label, got {type(label).__name__}")
        self.data = data if type(data) is float else number(data, "Value")
        self.grad = 0.0
        self.label = label
        self.op = ""
        self._x: Any = None
        self._y: Any = None
        self._dx: Any = None
        self._dy: Any = None

    @property
    def operands(self) -> "tuple[Value | float, ...]":
        """The arguments of the operation in order: Values and plain numbers."""
        if type(self._dx) is tuple:
            return self._y  # type: ignore[no-any-return]
        return tuple([v for v in (self._x, self._y) if v is not None])

    @property
    def parents(self) -> tuple["Value", ...]:
        """The Values among the operands: `a * a` has the parents (a, a)."""
        return tuple([v for v in self.operands if isinstance(v, Value)])

    @property
    def local_derivatives(self) -> tuple[float, ...]:
        """∂self/∂parents[k] for each k, as recorded when the operation ran."""
        if type(self._dx) is tuple:
            return self._dx
        return tuple([d for d in (self._dx, self._dy) if d is not None])

    _prev = parents  # this and `_op` are for code written for micrograd

    @property
    def _op(self) -> str:
        if self.op == "pow" and not isinstance(self._y, Value):
            return f"**{self._y:g}"
        return OPS.symbol(self.op)

    def backward(self, seed: float = 1.0) -> None:
        """Set the `.grad` of every node below to ∂self/∂node · seed; leaves add it to theirs.

        Hence a second call adds the same amount to the leaves again, and intermediate nodes hold
        the gradient of the latest call. An error on the way leaves the leaves as they were.
        """
        order = topological_order(self)
        leaves = [node for node in order if not node.op]
        before = [leaf.grad for leaf in leaves]
        try:
            for node in order:
                node.grad = 0.0
            self.grad = number(seed, "backward")
            for node in reversed(order):
                upstream, local = node.grad, node._dx
                if not upstream:  # a dead ReLU, say: nothing to pass on
                    continue
                if type(local) is tuple:
                    for parent, derivative in zip(node._x, local):
                        parent.grad += upstream * derivative
                elif local is not None:
                    node._x.grad += upstream * local
                if node._dy is not None:
                    node._y.grad += upstream * node._dy
            for leaf, gradient in zip(leaves, before):
                leaf.grad += gradient
        except BaseException:
            for leaf, gradient in zip(leaves, before):
                leaf.grad = gradient
            raise

    def leaky_relu(self, slope: Any = 0.01) -> "Value":
        """x where it is positive, slope · x elsewhere."""
        return leaky_relu(self, slope)  # type: ignore[no-any-return]

    def __float__(self) -> float:
        return float(self.data)

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value(data={self.data}, grad={self.grad}{label})"

    def __lt__(self, other: Any) -> bool:
        return self.data < _data(other, "<")

    def __le__(self, other: Any) -> bool:
        return self.data <= _data(other, "<=")

    def __gt__(self, other: Any) -> bool:
        return self.data > _data(other, ">")

    def __ge__(self, other: Any) -> bool:
        return self.data >= _data(other, ">=")

    def _copy(self, operands: Sequence[Any]) -> "Value":
        copy = Value(self.data, self.label)
        copy.grad = self.grad
        fill(copy, self.op, operands, self.local_derivatives)
        return copy

    def __copy__(self) -> "Value":
        """Another node on the same operands."""
        return self._copy(self.operands)

    def __deepcopy__(self, memo: dict[Any, Any]) -> "Value":
        """A copy of the whole graph; what several Values of one `deepcopy` share stays shared."""
        for node in _post_order(self, memo.setdefault(Value, set())):
            memo[id(node)] = node._copy([memo.get(id(v), v) for v in node.operands])
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        """The whole graph as a flat list, of which only the leaves are shared with other Values."""
        return restore, (Value, *flatten(topological_order(self)))

    if TYPE_CHECKING:  # written from the table, below

        def __add__(self, other: Any) -> "Value": ...
        def __neg__(self) -> "Value": ...

        __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __add__
        __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __add__
        __abs__ = exp = log = sqrt = sin = cos = tan = tanh = __neg__
        sigmoid = relu = softplus = erf = gelu = __neg__


attach(Value)


def _data(value: Any, sign: str) -> float:
    return value.data if isinstance(value, Value) else operand_number(value, sign)


def _post_order(root: Value, seen: set[Value]) -> list[Value]:
    """The nodes below `root` that are not in `seen`, parents before children; adds them to it."""
    order: list[Value] = []
    stack: list[Value | None] = [root]
    while stack:
        node = stack.pop()
        if node is None:  # all below the next one is in the order now
            order.append(stack.pop())  # type: ignore[arg-type]
        elif node not in seen:
            seen.add(node)
            if not node.op:
                order.append(node)
                continue
            stack.append(node)
            stack.append(None)
            if node._dy is not None and node._y not in seen:
                stack.append(node._y)
            if type(node._dx) is tuple:
                if not seen.issuperset(node._x):
                    stack += [parent for parent in node._x[::-1] if parent not in seen]
            elif node._dx is not None and node._x not in seen:
                stack.append(node._x)
    return order


def topological_order(root: Value) -> list[Value]:
    """Every node that `root` was computed from, and last `root`: parents before children."""
    return _post_order(checked(root, Value, "topological_order"), set())


def values(inputs: Any, where: str) -> list[Value]:
    """The inputs as a list, one Value as a list of one; TypeError for anything else."""
    wanted = [inputs] if isinstance(inputs, Value) else listed(inputs, where)
    if bad := [v for v in wanted if not isinstance(v, Value)]:
        raise TypeError(f"{where}: expected Values as inputs, got {type(bad[0]).__name__}")
    return wanted


def grad(output: Value, inputs: Value | Sequence[Value], create_graph: bool = False) -> Any:
    """∂output/∂input: a float for one input, a list of them for a list; touches no `.grad`.

    An input may be any node of the graph; one that `output` does not depend on gets 0.0. With
    `create_graph` the derivatives are Values, made by the formulas of the table from the nodes of
    the graph, and have derivatives in their turn.

    >>> x = Value(2.0)
    >>> first = grad(x**3, x, create_graph=True)
    >>> second = grad(first, x, create_graph=True)
    >>> first.data, second.data, grad(second, x)
    (12.0, 12.0, 6.0)
    """
    wanted = values(inputs, "grad")
    order = topological_order(checked(output, Value, "grad"))
    relevant = {*wanted}  # and all between them and the output
    for node in order:
        if not relevant.isdisjoint(node.parents):
            relevant.add(node)
    gradients: dict[Value, Any] = {output: 1.0}
    for node in reversed(order):
        upstream = gradients.get(node, 0.0)
        if node not in relevant or not node.op or upstream == 0.0:
            continue
        edges = [(v, d) for v, d in zip(node.parents, node.local_derivatives) if v in relevant]
        if create_graph:
            chosen = [k for k, v in enumerate(node.operands) if v in relevant]
            formulas = OPS[node.op].derivatives(node, node.operands, chosen, mixed=True)
            edges = [(v, d) for (v, _), d in zip(edges, formulas)]
        for parent, local in edges:
            term = local if upstream == 1.0 else upstream * local
            gradients[parent] = gradients[parent] + term if parent in gradients else term
    found = [gradients.get(v, 0.0) for v in wanted]
    if create_graph:
        found = [v if isinstance(v, Value) else Value(v) for v in found]
    return found[0] if isinstance(inputs, Value) else found


def hessian(output: Value, inputs: Sequence[Value]) -> list[list[float]]:
    """The matrix of ∂²output/∂inputs[i]∂inputs[j], i down and j across."""
    wanted = values(inputs, "hessian")
    checked(output, Value, "hessian")
    return [grad(first, wanted) for first in grad(output, wanted, create_graph=True)]
