"""The builder of the program that is read: kernels stand by their names, not by what they are.

What runs has each kernel in plain arithmetic, so that parts are shared; what is printed has
`sigmoid(z1)`, and says of each parameter what concerns it.

>>> build = NamedBuilder()
>>> z = build.emit("leaf", (), (3,))
>>> build.named("sigmoid", z).fn, build.named("hypot", z)
('sigmoid', None)
"""

from math import prod
from typing import Any

import numpy as np

from micrograd_bp.compiler_arrays import Array, Builder, shape_of

__all__ = ["MEANINGS", "NamedBuilder"]

MEANINGS = {
    "cross_entropy": "cross_entropy(z, y) = -Σ y log softmax(z)",
    "derf": "derf(z) = erf'(z)",
    "dsigmoid": "dsigmoid(z) = sigmoid'(z) = sigmoid(z) (1 - sigmoid(z))",
    "leaky_relu": "",
    "logsumexp": "logsumexp(z) = log Σ exp(z)",
    "maximum": "",
    "minimum": "",
    "minus": "minus(p, y) = p - y, to the last digit",
    "normal_pdf": "normal_pdf(z) = normal_cdf'(z)",
    "relu": "",
    "sech2": "sech2(z) = tanh'(z) = 1 - tanh(z)²",
    "sigmoid": "",
    "sigmoid_minus": "sigmoid_minus(z, y) = sigmoid(z) - y, to the last digit",
    "softmax": "",
    "softplus": "softplus(z) = log(1 + exp(z))",
}
"""What stands by its name; and what that is, for the names that the lectures do not use."""
OF_VECTORS = {"cross_entropy": False, "logsumexp": False, "softmax": True}


class NamedBuilder(Builder):
    """A builder of statements that keeps names, and says of parameters one by one what it can."""

    def named(self, name: str, *arguments: Any) -> Any:
        if name not in MEANINGS or not any(isinstance(a, Array) for a in arguments):
            return None
        if name not in OF_VECTORS:
            return self.elementwise(name, *arguments)
        shape = np.broadcast_shapes(*map(shape_of, arguments))
        args = [self._of_rank(a, len(shape)) for a in arguments]
        return self.emit(name, args, shape if OF_VECTORS[name] else shape[:-1])

    def _divide(self, x: Any, y: Any) -> Any:
        product = isinstance(x, Array) and x.fn == "multiply" and isinstance(x.args[0], float)
        if product and isinstance(y, float) and x.args[0] == y:  # 2 · x / 2
            return x.args[1]
        return x if isinstance(y, float) and y == 1.0 else None  # and -Y / n stays what it is

    def _product_summed(self, a: Any) -> Any:
        return None  # (z ** 2).sum() says more than z @ z

    def sum(self, a: Any, axes: Any, keep: bool = False) -> Any:
        """Of the squares of several arrays: the sum of each one's."""
        if isinstance(a, Array) and a.fn == "multiply" and a.args[0] is a.args[1] and not keep:
            joined = a.args[0]
            if isinstance(joined, Array) and joined.fn == "concat" and not joined.batched:
                total: Any = 0.0
                for part in joined.args:
                    square = self.elementwise("multiply", part, part)
                    own = self.emit("sum", (square,), (), axes=(*range(len(part.shape)),))
                    total = self.elementwise("add", total, own)
                return total
        return super().sum(a, axes, keep)

    def part(self, a: Any, offset: int, shape: tuple[int, ...]) -> Any:
        if isinstance(a, Array) and a.fn == "concat":
            start = 0
            for one in a.args:
                if start == offset and prod(one.shape) == prod(shape):
                    return self.reshape(one, shape)
                start += prod(one.shape)
        if isinstance(a, Array) and a.fn == "multiply" and isinstance(a.args[0], float):
            return self.elementwise("multiply", a.args[0], self.part(a.args[1], offset, shape))
        return super().part(a, offset, shape)
