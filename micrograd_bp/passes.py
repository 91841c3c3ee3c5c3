"""What a derivative costs, pass by pass, and what goes wrong in another order.

>>> from micrograd_bp.lectures import csc311
>>> C, model, inputs = csc311.build(csc311.EXAMPLE)
>>> count = cost(C)
>>> count.paths, count.backward
(136, 31)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from micrograd_bp.engine import Value, grad, topological_order, values
from micrograd_bp.formula import ones
from micrograd_bp.naming import Names
from micrograd_bp.notation import Text
from micrograd_bp.ops import OPS
from micrograd_bp.paths import edges
from micrograd_bp.symbol import short


@dataclass(frozen=True, repr=False)
class Cost:
    """How many multiplications the derivatives by all weights take, and how many additions.

    `backward`: in one backward pass; `per_weight`: one backward pass for each weight, along its
    own paths only; `paths`: path by path; `finite_differences`: two forward passes for each
    weight. `path_count` is the number of paths from the output to the weights; `weights` how many
    there are; `forward` the multiplications of one forward pass.
    """

    weights: int
    path_count: int
    backward: int
    backward_additions: int
    per_weight: int
    per_weight_additions: int
    paths: int
    paths_additions: int
    finite_differences: int
    finite_differences_additions: int
    forward: int

    @property
    def rows(self) -> list[tuple[str, int, int]]:
        """(Method, multiplications, additions)."""
        return [
            ("one backward pass", self.backward, self.backward_additions),
            ("each weight on its own", self.per_weight, self.per_weight_additions),
            (
                "finite differences",
                self.finite_differences,
                self.finite_differences_additions,
            ),
            (
                f"path by path ({_counted(self.path_count, 'path')})",
                self.paths,
                self.paths_additions,
            ),
        ]

    def __repr__(self) -> str:
        lines = [f"{'':40}{'multiplications':>24}{'additions':>24}"]
        lines += [f"{name:40}{_big(m):>24}{_big(a):>24}" for name, m, a in self.rows]
        return "\n".join([f"∂C/∂w for {_counted(self.weights, 'weight')}", *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'>{name}</td><td>{_big(m)}</td><td>{_big(a)}</td></tr>"
            for name, m, a in self.rows
        )
        head = "<tr><th></th><th>multiplications</th><th>additions</th></tr>"
        caption = f"∂C/∂w for {_counted(self.weights, 'weight')}"
        return f"<table><caption>{caption}</caption>{head}{rows}</table>"


def _counted(n: int, what: str) -> str:
    return f"{_big(n)} {what}{'' if n == 1 else 's'}"


def _big(n: int) -> str:
    """A count in full while it can be read, then rounded, in powers of ten; n stays exact."""
    if n < 10**15:
        return f"{n:,}"
    exponent = math.floor(math.log10(n))
    return f"{10 ** (math.log10(n) - exponent):.2f}·10^{exponent}"


def cost(output: Value, weights: Any = None) -> Cost:
    """Count what the derivatives of `output` by its weights cost, in each of four ways.

    `weights` are the parameters of a model, biases too, or a list of Values; without it, the leaves
    whose labels begin with w or W as the lectures' weights do, or else all leaves.

    How it is counted: an edge whose local derivative is 1 whatever its operands (a bias, a term of
    a sum) costs nothing, nor does a product with the seed ∂C/∂C = 1; every other edge that a pass
    goes along is one multiplication with its local derivative, σ′(z) being given as one factor. A
    product of n factors along a path takes n − 1. Sums of k terms take k − 1 additions. Forward, a
    product of two is one multiplication, and so is each call of a function; central differences
    take two forward passes for each weight.

    Errors: TypeError for what is no Value; ValueError where no weights are given, or one that
    `output` does not depend on.

    >>> w, x = Value(0.5, "w"), Value(2.0, "x")
    >>> print(cost((w * x).tanh(), [w, x]))
    ∂C/∂w for 2 weights
                                                     multiplications               additions
    one backward pass                                              2                       0
    each weight on its own                                         2                       0
    finite differences                                             8                       0
    path by path (2 paths)                                         2                       0
    """
    order = _order(output, "cost")
    chosen = weights_of(order) if weights is None else values(_listed(weights), "cost")
    chosen = [*dict.fromkeys(chosen)]
    if not chosen:
        raise ValueError("cost: expected at least one weight, got none")
    if missing := {*chosen} - {*order}:
        name = next(repr(short(v.label) if v.label else v) for v in missing)
        raise ValueError(
            f"cost: the output does not depend on {name}: expected weights that it "
            "was computed from"
        )
    below = _below(order, chosen)
    backward = additions = per_weight = per_weight_additions = 0
    coming = dict.fromkeys(order, 0)
    multiplied = dict.fromkeys(order, False)  # whether the gradient is something else than the seed
    for node in reversed(order):
        multiplied[node] |= coming[node] > 1
        for parent, charged in _edges(node):
            if reached := below[parent]:
                coming[parent] += 1
                if charged and multiplied[node]:
                    backward += 1
                    per_weight += reached
                per_weight_additions += reached
                multiplied[parent] |= charged or multiplied[node]
    for node in order:
        if coming[node]:
            additions += coming[node] - 1
            per_weight_additions -= below[node]
    paths, multiplications = _by_path(order, output, {*chosen})
    forward = sum(map(_forward, order))
    forward_additions = sum(map(_forward_additions, order))
    return Cost(
        weights=len(chosen),
        path_count=paths,
        backward=backward,
        backward_additions=additions,
        per_weight=per_weight,
        per_weight_additions=per_weight_additions,
        paths=multiplications,
        paths_additions=paths - sum(v is output or coming[v] > 0 for v in chosen),
        finite_differences=2 * len(chosen) * forward,
        finite_differences_additions=2 * len(chosen) * forward_additions,
        forward=forward,
    )


def _order(output: Value, where: str) -> list[Value]:
    if not isinstance(output, Value):
        raise TypeError(f"{where}: expected a Value as the output, got {type(output).__name__}")
    return topological_order(output)


def _listed(weights: Any) -> Any:
    parameters = getattr(weights, "parameters", None)
    return weights if parameters is None else parameters()


def weights_of(order: Sequence[Value]) -> list[Value]:
    """The leaves whose labels begin with w or W, as the lectures' weights do; else all leaves.

    >>> from micrograd_bp.engine import Value, topological_order
    >>> x, w = Value(1.0, "x"), Value(2.0, "w_1")
    >>> [leaf.label for leaf in weights_of(topological_order(x * w))]
    ['w_1']
    """
    leaves = [v for v in order if not v.op]
    named = [v for v in leaves if v.label[:1] in ("w", "W") and not v.label[1:2].isalpha()]
    return named or leaves


def _edges(node: Value) -> list[tuple[Value, bool]]:
    """Each parent, and whether the local derivative has to be multiplied with."""
    if not node.op:
        return []
    operands = node.operands
    free = ones(OPS[node.op], len(operands))
    return [(v, not one) for v, one in zip(operands, free) if isinstance(v, Value)]


def _below(order: Sequence[Value], weights: Sequence[Value]) -> dict[Value, int]:
    """For each node, how many of the weights it was computed from, itself among them."""
    count = dict.fromkeys(order, 0)
    for start in range(0, len(weights), _AT_ONCE):
        bit = {v: 1 << k for k, v in enumerate(weights[start : start + _AT_ONCE])}
        reached: dict[Value, int] = {}
        for node in order:
            bits = bit.get(node, 0)
            for parent in node.parents:
                bits |= reached[parent]
            reached[node] = bits
            count[node] += bits.bit_count()
    return count


_AT_ONCE = 2048
"""Weights whose sets are kept as the bits of one number: bounds the memory."""


def _by_path(order: Sequence[Value], output: Value, weights: set[Value]) -> tuple[int, int]:
    """The paths from the output to the weights, and the multiplications of all their products."""
    ways, factors = dict.fromkeys(order, 0), dict.fromkeys(order, 0)
    charged_ways = dict.fromkeys(order, 0)  # those with a factor that has to be multiplied
    ways[output] = 1
    paths = multiplications = 0
    for node in reversed(order):  # what is done with is dropped: deep graphs have huge numbers
        count, charges, charged_count = ways.pop(node), factors.pop(node), charged_ways.pop(node)
        if node in weights:
            paths += count
            multiplications += charges - charged_count
        for parent, charged in _edges(node):
            ways[parent] += count
            factors[parent] += charges + (count if charged else 0)
            charged_ways[parent] += count if charged else charged_count
    return paths, multiplications


def _forward(node: Value) -> int:
    """The multiplications of an operation: products, or one for a function of its own."""
    if node.op in ("", "add", "sub", "neg", "sum"):
        return 0
    if node.op == "dot":
        return len(node.operands) // 2
    return len(node.operands) - 1 if node.op == "prod" else 1


def _forward_additions(node: Value) -> int:
    if node.op in ("add", "sub"):
        return 1
    if node.op == "sum":
        return max(len(node.operands) - 1, 0)
    return len(node.operands) // 2 if node.op == "dot" else 0


# ------------------------------------------------------------------ wrong order


@dataclass(frozen=True, repr=False)
class WrongOrder:
    """What happens when each node passes its gradient on as soon as it has one.

    `node` is the first that did so before its gradient was complete: `passed_on` is what it had
    then, `gradient` what it should have been, `missing` the children that came too late. It is
    None where every order is right, since nothing that passes a gradient on is used twice.
    `order` is that of the naive pass; `wrong` and `right` have the gradients of all nodes.
    """

    node: Value | None
    passed_on: float
    gradient: float
    missing: tuple[Value, ...]
    order: tuple[Value, ...]
    wrong: dict[Value, float]
    right: dict[Value, float]
    names: Names

    def text(self) -> str:
        """The node, and every gradient that came out wrong beside the right one."""
        if self.node is None:
            return "Every order is right here: no operation's result is used twice."
        show = Text()
        late = [show(self.names[v]) for v in self.missing[:5]]
        late += ["…"] if len(self.missing) > 5 else []
        differ = [v for v in reversed(self.names.order) if self.wrong[v] != self.right[v]]
        rows = [("gradient of", "wrong", "right")]
        rows += [
            (show(self.names[v]), _six(self.wrong[v]), _six(self.right[v])) for v in differ[:20]
        ]
        width = max(len(name) for name, _, _ in rows)
        lines = [
            f"{show(self.names[self.node])} passed {_six(self.passed_on)} on before its gradient "
            f"was complete: {_six(self.gradient)}",
            f"with what came later from {', '.join(late)}.",
            "",
            *[f"{name:{width}}  {wrong:>12}  {right:>12}" for name, wrong, right in rows],
        ]
        if len(differ) > 20:
            lines.append(f"and {len(differ) - 20:,} more")
        return "\n".join(lines)

    __repr__ = text


def _six(x: float) -> str:
    return f"{x:.6g}".replace("-", "−")


def wrong_order(output: Value) -> WrongOrder:
    """Run the naive depth-first push on the graph of `output`, and say where it goes wrong.

    The naive pass goes from the output depth first and lets each node pass its gradient on once,
    when it is first reached. In topological order, by contrast, a node comes after all of its
    children. Touches no `.grad`. Errors: TypeError for what is no Value.

    >>> x = Value(2.0, "x")
    >>> a = x * 3.0
    >>> b = a * a
    >>> y = b + a
    >>> a.label, b.label, y.label = "a", "b", "y"
    >>> found = wrong_order(y)
    >>> found.node is a, found.passed_on, found.gradient
    (True, 6.0, 13.0)
    """
    order = _order(output, "wrong_order")
    children: dict[Value, list[Value]] = {v: [] for v in order}  # one for each edge
    for node in order:
        for parent in node.parents:
            children[parent].append(node)
    coming = {v: len(children[v]) for v in order}
    right = dict(zip(order, grad(output, order)))
    wrong = dict.fromkeys(order, 0.0)
    wrong[output] = 1.0
    first, passed_on, missing = None, 0.0, tuple[Value, ...]()
    gone: dict[Value, int] = {output: 0}  # of each node that was reached, edges gone along
    stack = [(output, edges(output))]
    while stack:
        node, leading = stack[-1]
        if gone[node] == len(leading):
            stack.pop()
            continue
        _, _, parent, local = leading[gone[node]]
        gone[node] += 1
        coming[parent] -= 1
        wrong[parent] += wrong[node] * local
        if parent in gone:
            continue
        gone[parent] = 0
        stack.append((parent, edges(parent)))
        if first is None and coming[parent] and parent.op:
            first, passed_on = parent, wrong[parent]
            late = (
                v for v in dict.fromkeys(children[parent]) if parent in v.parents[gone.get(v, 0) :]
            )
            missing = tuple(late)
    return WrongOrder(
        first,
        passed_on=passed_on,
        gradient=right[first] if first else 0.0,
        missing=missing,
        order=tuple(gone),
        wrong=wrong,
        right=right,
        names=Names(order),
    )
