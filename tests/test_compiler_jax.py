"""Tests of compiled programs in JAX: what is said without it, and tests/devices/test_jax.py."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import micrograd_bp as mb
from micrograd_bp.compiler import compile

TESTS = Path(__file__).parent / "devices" / "test_jax.py"


@pytest.mark.skipif(find_spec("jax") is None, reason="pip install 'micrograd_bp[jax]'")
def test_on_eight_devices():
    """In a process of its own: JAX makes its devices once, and its threads mind no forks."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS],
        env=os.environ | {"XLA_FLAGS": flags.strip(), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_what_to_install_is_said(monkeypatch):
    x = mb.Value(2.0)
    program = compile(x * x, [x], wrt=x)
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r"pip install 'micrograd_bp\[jax\]'"):
        program.to("jax")


def test_there_is_no_other_library():
    x = mb.Value(2.0)
    with pytest.raises(ValueError, match=r"to\('torch'\): expected 'jax'"):
        compile(x * x, [x]).to("torch")
