"""C code to call from Python, where there is a compiler.

>>> from ctypes import c_double
>>> if compiler():
...     half = library("double half(double x) { return 0.5 * x; }").half
...     half.restype, half.argtypes = c_double, [c_double]
...     print(half(3.0))
1.5
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

FLAGS = ("-O3", "-march=native")


def compiler() -> str | None:
    """The path of the C compiler: that of the variable CC, or else cc, gcc or clang."""
    own = os.environ.get("CC")
    return next(filter(None, map(shutil.which, [own] if own else ["cc", "gcc", "clang"])), None)


def build(source: str, folder: str, flags: Sequence[str] = FLAGS) -> str:
    """The path of a shared library in `folder`, made of C code.

    Errors: FileNotFoundError where there is no compiler, ValueError with its words where it
    refuses the code.
    """
    if (cc := compiler()) is None:
        raise FileNotFoundError("no C compiler: install gcc or clang, or say CC=/path/to/it")
    code, made = Path(folder) / "code.c", Path(folder) / "code.so"
    compiled = code.with_suffix(".o")
    code.write_text(source, encoding="utf-8")
    # In two steps: linked with -ffast-math, a library would take the subnormal numbers from the
    # whole process that loads it.
    for command in (
        [cc, "-c", "-fPIC", *flags, str(code), "-o", str(compiled)],
        [cc, "-shared", str(compiled), "-o", str(made), "-lm"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ValueError(f"{cc}: {done.stderr.strip()}")
    return str(made)


def library(source: str, flags: Sequence[str] = FLAGS) -> ctypes.CDLL:
    """The functions of C code; it stays loaded when its file is gone."""
    with TemporaryDirectory() as folder:
        return ctypes.CDLL(build(source, folder, flags))


def source(name: str) -> str:
    """The text of a C file beside this module."""
    return files("micrograd_bp.bench").joinpath(name).read_text(encoding="utf-8")
