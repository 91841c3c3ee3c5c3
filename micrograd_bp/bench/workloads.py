"""The workloads, each its data and the contestants that can do it, and who is there to take part.

>>> workload = WORKLOADS["W3"]
>>> workload.title
'a chain of 1,000,000 operations'
>>> workload.left_out["micrograd"]
'its topological sort recurses: RecursionError'
>>> CONTESTANTS["jax"].install
"pip install 'jax[cpu]'"
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any

from micrograd_bp.bench import graphs, native, networks
from micrograd_bp.bench.problems import Graph, Network, Ready, chain, dag, moons, pixels


@dataclass(frozen=True)
class Contestant:
    """Who takes part: what it is called in tables, the module it needs, how that is installed."""

    title: str
    module: str = ""
    install: str = ""


@dataclass(frozen=True)
class Workload:
    """What `make()` gives is handed to each of the `contestants`; `left_out` says why others not.

    A contestant takes the problem and gives a `Ready`.
    """

    title: str
    make: Callable[[], Network | Graph]
    contestants: Mapping[str, Callable[[Any], Ready]]
    left_out: Mapping[str, str]


_CASADI = ("casadi", "pip install casadi")
_GCC = ("", "install a C compiler, such as gcc")
CONTESTANTS = {
    "eager": Contestant("this engine, eager"),
    "fused": Contestant("this engine, eager, fused"),
    "compiled": Contestant("this engine, compiled", "numpy", "pip install 'micrograd_bp[fast]'"),
    "micrograd": Contestant("micrograd", "micrograd", "pip install 'micrograd_bp[bench]'"),
    "torch-scalars": Contestant("PyTorch, scalars", "torch", "pip install torch"),
    "torch": Contestant("PyTorch, tensors", "torch", "pip install torch"),
    "jax": Contestant("JAX, jit", "jax", "pip install 'jax[cpu]'"),
    "autograd": Contestant("HIPS autograd", "autograd", "pip install 'micrograd_bp[bench]'"),
    "xad": Contestant("XAD, recorded anew", "xad", "pip install xad"),
    "xad-adjoints": Contestant("XAD, backward pass alone", "xad", "pip install xad"),
    "casadi": Contestant("CasADi, scalars replayed", *_CASADI),
    "casadi-matrices": Contestant("CasADi, matrices replayed", *_CASADI),
    "casadi-c": Contestant("CasADi, generated C", *_CASADI),
    "numpy": Contestant("NumPy by hand", "numpy", "pip install 'micrograd_bp[fast]'"),
    "python": Contestant("Python by hand"),
    "c": Contestant(f"C by hand, {' '.join(native.FLAGS)}", *_GCC),
    "c-fast-math": Contestant("C by hand, -ffast-math", *_GCC),
}
"""By the names that `--peers` takes, in the order of the tables."""


def missing(name: str) -> str:
    """What a contestant that is not there needs, else nothing."""
    contestant = CONTESTANTS[name]
    if contestant.module and find_spec(contestant.module) is None:
        return contestant.install
    if name in ("c", "c-fast-math", "casadi-c") and native.compiler() is None:
        return _GCC[1]
    return ""


def known(names: Sequence[str], among: Mapping[str, Any], what: str) -> list[str]:
    """The names in the order of `among`, or all of it for none; ValueError for another name."""
    for name in names:
        if name not in among:
            raise ValueError(f"unknown {what} {name!r}: expected some of {', '.join(among)}")
    return [name for name in among if not names or name in names]


# ------------------------------------------------------------------ the workloads

_NETWORK: dict[str, Callable[[Any], Ready]] = {
    "eager": networks.eager,
    "fused": networks.fused,
    "compiled": networks.compiled,
    "torch-scalars": networks.torch_scalars,
    "torch": networks.torch,
    "jax": networks.jax,
    "autograd": networks.autograd,
    "xad": networks.xad,
    "casadi": networks.casadi,
    "casadi-matrices": networks.casadi_matrices,
    "casadi-c": networks.casadi_c,
    "numpy": networks.numpy,
    "c": networks.c,
    "c-fast-math": networks.c_fast_math,
}
_ARRAYS = ("fused", "torch", "jax", "autograd", "casadi-matrices", "numpy", "c", "c-fast-math")
_GRAPH: dict[str, Callable[[Any], Ready]] = {
    "eager": graphs.eager,
    "compiled": graphs.compiled,
    "torch-scalars": graphs.torch_scalars,
    "autograd": graphs.autograd,
    "xad": graphs.xad,
    "xad-adjoints": graphs.xad_adjoints,
    "casadi": graphs.casadi,
    "c": graphs.c,
    "c-fast-math": graphs.c_fast_math,
}
_CHAIN: dict[str, Callable[[Any], Ready]] = {
    **{name: way for name, way in _GRAPH.items() if name != "autograd"},
    "jax": graphs.jax_loop,
    "python": graphs.python_loop,
    "c": graphs.c_loop,
    "c-fast-math": graphs.c_loop_fast_math,
}

_NO_ARRAYS = "there are no arrays in it"
_ONE_WAY = "for graphs of scalars"
_NETWORK_ALONE = {"xad-adjoints": _ONE_WAY, "python": _ONE_WAY}
_GRAPH_ALONE = {
    "fused": "there is nothing to fuse",
    "torch": _NO_ARRAYS,
    "casadi-matrices": _NO_ARRAYS,
    "numpy": _NO_ARRAYS,
}
_DAG_ALONE = {
    **_GRAPH_ALONE,
    "micrograd": "it has neither tanh nor sin",
    "jax": "XLA takes a minute to compile 1,000 scalar operations, and the more the worse",
    "casadi-c": "gcc -O1 takes more than 6 minutes over its one function of 240,000 statements",
    "python": "there is no loop in it",
}

WORKLOADS = {
    "W1": Workload(
        "moons, 2-16-16-1, ReLU, 100 points, hinge loss and L2",
        moons,
        {**_NETWORK, "micrograd": networks.micrograd},
        _NETWORK_ALONE,
    ),
    "W2": Workload("a random DAG of 100,000 operations", dag, _GRAPH, _DAG_ALONE),
    "W2-deep": Workload(
        "a random DAG of 100,000 operations, each on two of the last 30 nodes",
        partial(dag, window=30),
        _GRAPH,
        _DAG_ALONE,
    ),
    "W3": Workload(
        "a chain of 1,000,000 operations",
        chain,
        _CHAIN,
        {
            **_GRAPH_ALONE,
            "micrograd": "its topological sort recurses: RecursionError",
            "autograd": "it takes 5 s for a tenth of it",
            "casadi-c": "its C is one function of 3,000,000 statements",
        },
    ),
    "W5": Workload(
        "digits, 64-32-10, ReLU, batch of 32, cross-entropy",
        partial(pixels, (64, 32, 10), batch=32, shades=17),
        _NETWORK,
        {**_NETWORK_ALONE, "micrograd": "it has neither exp nor log"},
    ),
    "W6": Workload(
        "784-128-10, ReLU, batch of 128, cross-entropy",
        partial(pixels, (784, 128, 10), batch=128, shades=256),
        {
            **{name: _NETWORK[name] for name in _ARRAYS},
            "compiled": networks.compiled_example,
            "casadi-c": networks.casadi_matrices_c,
        },
        {
            **_NETWORK_ALONE,
            **dict.fromkeys(
                ("eager", "torch-scalars", "xad"),
                "26 million scalar operations: about a minute a step, or more",
            ),
            "casadi": "26 million scalar operations: minutes to record",
            "micrograd": "it has neither exp nor log",
        },
    ),
}
