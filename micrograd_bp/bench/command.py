"""The command `micrograd-bp bench`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from micrograd_bp.bench import report
from micrograd_bp.bench.measuring import compare, pin
from micrograd_bp.bench.workloads import CONTESTANTS, WORKLOADS, known


def add(commands: Any) -> None:
    """Make `bench` one of the commands."""
    parser = commands.add_parser(
        "bench",
        help="this engine beside its peers: times, ratios, and gradients checked equal",
        description=(
            "Measure this engine, eager and compiled, and each peer that is installed, in one "
            "run. bench.md, bench.json and bench.png are written to DIR. The exit code is 1 where "
            "a contestant fails or its gradients are not those of the first."
        ),
        epilog=(
            "Workloads: "
            + "; ".join(f"{name}, {workload.title}" for name, workload in WORKLOADS.items())
            + f". Peers: {', '.join(CONTESTANTS)}.\n"
            "Example: micrograd-bp bench W1 W5 --peers compiled numpy torch"
        ),
    )
    parser.add_argument("workloads", nargs="*", metavar="W", help="which workloads (all)")
    parser.add_argument(
        "--peers", nargs="+", default=[], metavar="NAME", help="these contestants (all)"
    )
    parser.add_argument(
        "--repeats", type=int, default=9, metavar="N", help="how often each is run (9)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="seconds after which one drops out (10)",
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="threads of each library (1)"
    )
    parser.add_argument(
        "--out", default="bench", metavar="DIR", help="the folder of the files (bench)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, not a table")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, write the files, print the table; 1 where a contestant failed, else 0."""
    workloads = known(options.workloads, WORKLOADS, "workload")
    contestants = known(options.peers, CONTESTANTS, "peer")
    if options.repeats < 1:
        raise ValueError(f"--repeats {options.repeats}: expected at least 1")
    if not options.seconds > 0.0:
        raise ValueError(f"--seconds {options.seconds:g}: expected more than 0")
    if options.threads < 1:
        raise ValueError(f"--threads {options.threads}: expected at least 1")
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    about = report.machine() | {"threads": pin(options.threads)}
    tables = []
    for name in workloads:
        print(f"{name}: {WORKLOADS[name].title} …", file=sys.stderr, flush=True)
        tables.append(compare(name, WORKLOADS[name], contestants, options.repeats, options.seconds))
    text, document = report.markdown(tables, about), report.document(tables, about)
    (folder / "bench.md").write_text(text, encoding="utf-8")
    (folder / "bench.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    try:
        report.plot(tables).savefig(folder / "bench.png")
    except (ImportError, ValueError) as error:
        print(f"no plot: {error}", file=sys.stderr)
    print(json.dumps(document, indent=1) if options.json else text)
    print(f"The table: {folder / 'bench.md'}", file=sys.stderr)
    return int(any(row.status == "failed" for table in tables for row in table.rows))
