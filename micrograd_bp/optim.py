"""Optimizers: how the parameters move once `backward()` has put their gradients into `.grad`.

>>> w = Value(1.0, "w")
>>> optimizer = SGD([w], lr=0.1)
>>> for _ in range(3):
...     loss = (w - 3.0) ** 2
...     optimizer.zero_grad()
...     loss.backward()
...     optimizer.step()
...     print(round(w.data, 3))
1.4
1.72
1.976

All new values are computed from the old ones before any is set. The settings are attributes and
may change on the way: `optimizer.lr = 0.05`.

L2 regularisation and weight decay are two things. L2 adds λ/2 Σ w² to the loss, and so λw to each
gradient: that is `losses.l2`, or the `weight_decay` of `SGD` and `Adam`. Decoupled weight decay
takes lr · λw off each weight, past the gradient: that is `AdamW`. For plain SGD they are the same.
For Adam they are not: it divides each gradient by its usual size, and with it the λw in it
(Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019).
"""

from collections.abc import Callable, Iterable, Mapping
from math import inf, isfinite, isnan, sqrt
from typing import Any

from micrograd_bp import reading
from micrograd_bp.engine import Value
from micrograd_bp.table import listed, number

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]


class Optimizer:
    """What all optimizers have: parameters, a learning rate, and a state that can be saved.

    One of your own takes its settings by name, keeps them in attributes of these names, keeps in
    lists what it remembers of each parameter, and says by `rule` how a parameter moves.

    >>> class SignDescent(Optimizer):
    ...     def rule(self, sqrt=sqrt):
    ...         return lambda w, g: (w - self.lr * ((g > 0) * 1.0 - (g < 0) * 1.0),)
    >>> w = Value(1.0)
    >>> w.grad = 100.0
    >>> SignDescent([w], 0.25, 0.0).step()
    >>> w.data
    0.75
    """

    def __init__(self, parameters: Iterable[Value], lr: float, weight_decay: float) -> None:
        self.parameters = _leaves(parameters)
        self.lr = _setting("lr", lr, positive=True)
        self.weight_decay = _setting("weight_decay", weight_decay)
        self.steps = 0

    def rule(self, sqrt: Callable[[Any], Any] = sqrt) -> Callable[..., tuple[Any, ...]]:
        """How a parameter moves: a function of it, its gradient and what is remembered of it.

        It gives the new value and what to remember then, in the order of `remembered`, by
        arithmetic and `sqrt` alone: with NumPy's `sqrt` it is the rule of whole arrays.
        """
        raise NotImplementedError

    def step(self) -> None:
        """Move each parameter by its gradient; see the class for the rule.

        Errors: OverflowError or ValueError where a number would not stay finite, with the name of
        its parameter; then nothing has changed.
        """
        memory = self.remembered()
        w, g = [p.data for p in self.parameters], [p.grad for p in self.parameters]
        moved, *new = map(list, zip(*map(self.rule(), w, g, *memory.values())))
        self._set(moved, **dict(zip(memory, new)))

    def remembered(self) -> dict[str, list[float]]:
        """What is remembered of each parameter, by the names of the attributes."""
        kept = {name: value for name, value in vars(self).items() if isinstance(value, list)}
        return {name: value for name, value in kept.items() if name != "parameters"}

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, before the next `backward()`."""
        for parameter in self.parameters:
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """The settings, and what is remembered of each parameter, as plain data for JSON."""
        return {"optimizer": type(self).__name__} | {
            name: [*value] if isinstance(value, list | tuple) else value
            for name, value in vars(self).items()
            if name != "parameters"
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state of another optimizer of this class, for as many parameters.

        Errors: ValueError or TypeError for what is no such state; then nothing has changed.
        """
        own = type(self).__name__
        given = state.get("optimizer") if isinstance(state, Mapping) else state
        if not isinstance(state, Mapping) or given != own:
            raise ValueError(f"expected the state of {own}, got that of {given!r:.40}")
        with reading.inside("state"):
            reading.entries({**state}, self.state_dict())
        remembered = {
            name: _numbers(f"state: {name}", state[name], len(self.parameters))
            for name in self.remembered()
        }
        steps = state["steps"]
        if type(steps) is not int or steps < 0:
            raise ValueError(f"state: steps {steps!r:.40}: expected a whole number of at least 0")
        others = {"optimizer", "steps", *remembered}
        settings = {name: value for name, value in state.items() if name not in others}
        same = type(self)(self.parameters, **settings)  # which checks them
        vars(self).update(vars(same) | remembered | {"steps": steps})

    def _set(self, weights: list[float], **remembered: list[float]) -> None:
        """Make a step final: the new data of the parameters, and what to remember of each."""
        for values in (weights, *remembered.values()):
            if isfinite(sum(map(abs, values))):
                continue
            for k, (w, value) in enumerate(zip(self.parameters, values), 1):
                if not isfinite(value):
                    raise (ValueError if isnan(w.grad) else OverflowError)(
                        f"{type(self).__name__}: no finite step for parameter {k}"
                        f"{f' ({w.label!r})' if w.label else ''}: it is {w.data!r}, its gradient "
                        f"{w.grad!r}"
                    )
        for w, value in zip(self.parameters, weights):
            w.data = value
        vars(self).update(remembered, steps=self.steps + 1)


class SGD(Optimizer):
    """Gradient descent: w ← w - lr · g, with g = ∂C/∂w + λw where there is a `weight_decay` λ.

    With `momentum` μ it goes along v ← μv + g instead of g (Polyak 1964), from v = 0; with
    `nesterov` along g + μv (Sutskever et al. 2013). Conventions and results are PyTorch's.
    Errors: ValueError for a setting out of its range, TypeError for what is no leaf Value.

    >>> w = Value(1.0)
    >>> optimizer = SGD([w], lr=0.5, momentum=0.5)
    >>> for _ in range(3):
    ...     w.grad = 1.0
    ...     optimizer.step()
    ...     print(w.data)
    0.5
    -0.25
    -1.125
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.momentum = _setting("momentum", momentum)
        self.nesterov = nesterov
        if nesterov not in (False, True) or (nesterov and not momentum):
            raise ValueError(
                f"nesterov = {nesterov!r:.40}: expected False, or True with a momentum"
            )
        self.velocity = [0.0] * len(self.parameters)

    def rule(self, sqrt: Callable[[Any], Any] = sqrt) -> Callable[..., tuple[Any, ...]]:
        """How a parameter moves; see the class."""
        lr, momentum, nesterov, decay = self.lr, self.momentum, self.nesterov, self.weight_decay

        def moved(w: Any, g: Any, v: Any) -> tuple[Any, Any]:
            g = g + decay * w
            if not momentum:
                return w - lr * g, v
            v = momentum * v + g
            return w - lr * (g + momentum * v if nesterov else v), v

        return moved


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015): each gradient by a mean of itself over that of its size.

    At step t, with g = ∂C/∂w + λw where there is a `weight_decay` λ (an L2 term):
    m ← β₁m + (1 - β₁)g, v ← β₂v + (1 - β₂)g², both from 0, and
    w ← w - lr · m̂ / (√v̂ + ε) with m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ).
    Errors: ValueError for a setting out of its range, TypeError for what is no leaf Value.

    >>> w = Value(1.0)
    >>> optimizer = Adam([w], lr=0.1)
    >>> for w.grad in (1.0, 100.0):
    ...     optimizer.step()
    ...     print(round(w.data, 4))
    0.9
    0.8249
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        pair = listed(betas, "betas")
        if len(pair) != 2:
            raise ValueError(f"betas: expected two numbers, got {len(pair)}")
        first, second = (_setting("betas", beta, below=1.0) for beta in pair)
        self.betas = first, second
        self.eps = _setting("eps", eps, positive=True)
        self.m = [0.0] * len(self.parameters)
        self.v = [0.0] * len(self.parameters)

    def rule(self, sqrt: Callable[[Any], Any] = sqrt) -> Callable[..., tuple[Any, ...]]:
        """How a parameter moves; see the class."""
        (b1, b2), lr, eps = self.betas, self.lr, self.eps
        t = self.steps + 1
        m_share, v_share = 1.0 - b1**t, 1.0 - b2**t
        shrunk, decay = self._decay()

        def moved(w: Any, g: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
            g = g + decay * w
            m = b1 * m + (1.0 - b1) * g
            v = b2 * v + (1.0 - b2) * g * g
            return shrunk * w - lr * (m / m_share) / (sqrt(v / v_share) + eps), m, v

        return moved

    def _decay(self) -> tuple[float, float]:
        """The share of a parameter that a step begins with, and that its gradient gets."""
        return 1.0, self.weight_decay


class AdamW(Adam):
    """Adam with decoupled weight decay: each step begins with w ← w - lr · λw.

    Then Adam's with g = ∂C/∂w (Loshchilov and Hutter 2019; λ times lr, as in PyTorch).

    >>> w = Value(1.0)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> optimizer.step()  # a gradient of 0: decay alone
    >>> w.data
    0.95
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def _decay(self) -> tuple[float, float]:
        return 1.0 - self.lr * self.weight_decay, 0.0


# ------------------------------------------------------------------ what they are given


def _leaves(parameters: Iterable[Value]) -> list[Value]:
    """The parameters as a list, if they are leaves, each of them once."""
    if callable(getattr(parameters, "parameters", None)):
        raise TypeError(
            f"expected a list of Values, got {type(parameters).__name__}: give its .parameters()"
        )
    leaves = listed(parameters, "parameters")
    if not leaves:
        raise ValueError("expected at least one parameter, got none")
    place: dict[Value, int] = {}
    for k, w in enumerate(leaves, 1):
        if not isinstance(w, Value):
            raise TypeError(f"parameter {k}: expected a Value, got {type(w).__name__}")
        name = f"parameter {k}" + (f" ({w.label!r})" if w.label else "")
        if w.op:
            raise ValueError(f"{name} was computed, by {w.op}: expected a leaf, Value(…)")
        if place.setdefault(w, k) != k:
            raise ValueError(f"{name} is parameter {place[w]} again")
    return leaves


def _setting(name: str, value: Any, *, positive: bool = False, below: float = inf) -> float:
    found = number(value, name)
    if not 0.0 <= found < below or (positive and not found):
        least = "above 0" if positive else "of at least 0"
        raise ValueError(f"{name} = {found!r}: expected a number {least} and below {below:g}")
    return found


def _numbers(where: str, values: Any, count: int) -> list[float]:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(f"{where}: expected a list of {count} numbers, one for each parameter")
    found = [number(value, f"{where}[{k}]") for k, value in enumerate(values)]
    if not all(map(isfinite, found)):
        raise ValueError(f"{where}: expected finite numbers")
    return found
