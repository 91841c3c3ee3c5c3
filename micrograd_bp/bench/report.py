"""What was measured, as Markdown, as plain data and as a plot.

>>> from micrograd_bp.bench.measuring import Row, Table
>>> rows = [Row("compiled", "measured", "", (2e-5, 3e-5, 4e-5), 0.1, 1e-16),
...         Row("jax", "missing", "pip install 'jax[cpu]'")]
>>> print(markdown([Table("W1", "moons", rows)]))
## W1: moons
<BLANKLINE>
| contestant | median | least to most | ÷ compiled | to prepare | difference | repeats |
|---|---:|---:|---:|---:|---:|---:|
| **this engine, compiled** | 30.0 µs | 20.0 to 40.0 µs | 1.00 | 100 ms | 1.0e-16 | 3 |
| JAX, jit | missing: pip install 'jax[cpu]' | | | | | |
<BLANKLINE>
"""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from micrograd_bp.bench import native
from micrograd_bp.bench.measuring import Row, Table
from micrograd_bp.bench.workloads import CONTESTANTS

REFERENCES = {"compiled": "÷ compiled", "numpy": "÷ NumPy", "casadi": "÷ CasADi"}
OURS = ("eager", "fused", "compiled")
HOW = (
    "Each step finds the value and the gradients of all parameters, in float64, from inputs and "
    "parameters that may change between steps; no parameter is updated. Gradients were checked "
    "to agree first. Contestants run in turn within each repeat; the garbage collector runs as it "
    "comes, over the objects of the one that is timed."
)


def machine() -> dict[str, Any]:
    """What it was measured on: Python, processor, compiler and the versions of the libraries."""
    packages = {contestant.module for contestant in CONTESTANTS.values()} - {""}
    found = {}
    for package in sorted(packages | {"micrograd_bp", "jaxlib", "numba"}):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            pass
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "processors": os.cpu_count(),
        "compiler": _compiler(),
        "versions": found,
    }


def _processor() -> str:
    """Its name where Linux tells it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _compiler() -> str:
    if (cc := native.compiler()) is None:
        return ""
    done = subprocess.run([cc, "--version"], capture_output=True, text=True)
    return done.stdout.partition("\n")[0]


def markdown(tables: Sequence[Table], about: dict[str, Any] | None = None) -> str:
    """A table for each workload, below what `machine()` says."""
    parts = [] if about is None else [_about(about)]
    for table in tables:
        ratios = [to for to in REFERENCES if table.ratio(to, to)]  # those that were measured
        heads = ["contestant", "median", "least to most", *(REFERENCES[to] for to in ratios)]
        heads += ["to prepare", "difference", "repeats"]
        lines = [f"## {table.name}: {table.title}", "", _line(heads)]
        lines.append(f"|---|{'---:|' * (len(heads) - 1)}")
        lines += [_line(_cells(table, row, ratios, len(heads))) for row in table.rows]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _about(about: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    facts = [
        f"Python {about['python']}, {about['system']}",
        f"{about['processors']} × {about['processor']}",
        about["compiler"] or "no C compiler",
        *([about["threads"]] if "threads" in about else []),
        versions,
    ]
    return f"# Bench\n\n{HOW}\n\n{'; '.join(facts)}.\n"


def _line(cells: Sequence[str]) -> str:
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"


def _cells(table: Table, row: Row, ratios: Sequence[str], width: int) -> list[str]:
    title = CONTESTANTS[row.name].title
    cells = [f"**{title}**" if row.name in OURS else title]
    if not row.times:
        words = f"{row.status}: {row.note}".replace("|", "\\|")
        return [*cells, words, *[""] * (width - 2)]
    cells += [_time(row.median), _span(min(row.times), max(row.times))]
    for to in ratios:
        ratio = table.ratio(row.name, to)
        cells.append("" if ratio is None else _digits(ratio))
    return [*cells, _time(row.prepared), f"{row.difference:.1e}", str(len(row.times))]


def _unit(seconds: float) -> tuple[float, str]:
    units = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
    return next(((size, name) for size, name in units if seconds >= size), units[-1])


def _time(seconds: float) -> str:
    size, name = _unit(seconds)
    return f"{_digits(seconds / size)} {name}"


def _span(least: float, most: float) -> str:
    size, name = _unit(least)
    return f"{_digits(least / size)} to {_digits(most / size)} {name}"


def _digits(x: float) -> str:
    """Three digits, or all before the point: 0.0123, 1.23, 12.3, 1,234."""
    if x >= 100.0:
        return f"{x:,.0f}"
    return f"{x:.1f}" if x >= 10.0 else f"{x:.2f}" if x >= 1.0 else f"{x:.3g}"


def document(tables: Sequence[Table], about: dict[str, Any]) -> dict[str, Any]:
    """All of it as plain data for JSON, times in seconds."""
    return {
        "machine": about,
        "workloads": [
            {
                "name": table.name,
                "title": table.title,
                "rows": [_record(table, row) for row in table.rows],
            }
            for table in tables
        ],
    }


def _record(table: Table, row: Row) -> dict[str, Any]:
    title = CONTESTANTS[row.name].title
    record: dict[str, Any] = {"name": row.name, "title": title, "status": row.status}
    if not row.times:
        return record | {"note": row.note}
    ratios = {to: table.ratio(row.name, to) for to in REFERENCES}
    return record | {
        "median": row.median,
        "times": [*row.times],
        "ratios": {to: ratio for to, ratio in ratios.items() if ratio is not None},
        "prepared": row.prepared,
        "difference": row.difference,
    }


def plot(tables: Sequence[Table]) -> Any:
    """A bar for each contestant's median, workload by workload: a `matplotlib.figure.Figure`.

    Errors: ImportError without matplotlib; ValueError where nothing was measured.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'micrograd_bp[train]'") from None
    measured = [(table, [row for row in table.rows if row.times]) for table in tables]
    measured = [(table, rows) for table, rows in measured if rows]
    if not measured:
        raise ValueError("nothing was measured: there is nothing to plot")
    heights = [len(rows) + 2 for _, rows in measured]
    figure = Figure(figsize=(8.0, 0.28 * sum(heights)), dpi=100, layout="constrained")
    panels = figure.subplots(len(measured), 1, squeeze=False, height_ratios=heights)
    for panel, (table, rows) in zip(panels.flat, measured):
        ordered = sorted(rows, key=lambda row: -row.median)
        medians = [row.median for row in ordered]
        colours = ["#1f5fa8" if row.name in OURS else "#b8bec6" for row in ordered]
        bars = panel.barh([CONTESTANTS[row.name].title for row in ordered], medians, color=colours)
        panel.bar_label(bars, [_time(m) for m in medians], padding=3, fontsize=8)
        panel.set_xscale("log")
        panel.set_xlim(min(medians) / 2.0, max(medians) * 5.0)
        panel.set_title(f"{table.name}: {table.title}", fontsize=9, loc="left")
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    panels.flat[-1].set_xlabel("seconds a step", fontsize=9)
    return figure
