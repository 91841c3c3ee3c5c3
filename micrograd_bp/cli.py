"""The command `micrograd-bp`, also `python -m micrograd_bp`.

>>> main(["--version"])
Traceback (most recent call last):
SystemExit: 0
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from importlib.metadata import version
from pathlib import Path
from textwrap import fill
from typing import Any, NoReturn

from micrograd_bp import doctor, drawing, reading, terminal, train_command
from micrograd_bp.bench import command as bench_command
from micrograd_bp.derivations import STYLES, Derivation, derive
from micrograd_bp.engine import Value, topological_order
from micrograd_bp.folding import LEVELS
from micrograd_bp.lectures import csc311, report
from micrograd_bp.nn import ACTIVATIONS
from micrograd_bp.player import Stepper
from micrograd_bp.renderers import NoRenderer
from micrograd_bp.stepping import GRANULARITIES, steps
from micrograd_bp.symbol import unicode
from micrograd_bp.terminal import NoTerminal

EXAMPLES = """\
examples, and COMMAND --help has more:
  micrograd-bp demo
  micrograd-bp derive csc311 "W^{(1)}_{23}" --style paths
  micrograd-bp graph csc311 --out graph.html
  micrograd-bp step csc311
  micrograd-bp train moons --out moons
  micrograd-bp doctor

exit codes: 0 done; 1 a check failed; 2 a mistake in what was given, or something missing, said in
one line; 130 interrupted by Ctrl-C
"""
"""What `--help` ends with."""
SHELLS = ("bash", "zsh", "fish", "powershell")
"""Those that `completion` writes a script for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, 1 for a failed check, 2 for a mistake in the input.

    It is 130 after Ctrl-C. Mistakes are answered on the standard error, in one line.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = parser().parse_args(arguments)
    code: int | None = None
    try:
        code = options.run(options)
        print(end="", flush=True)
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        place = "" if error.filename is None else f"{str(error.filename)!r}: "
        what = error.strerror or str(error)
        if isinstance(error, FileExistsError):  # of mkdir
            what = "it is a file; expected a folder, or a name that is free"
        print(f"micrograd-bp: {place}{what}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:  # of a library that is always needed
        print(f"micrograd-bp: {error}; micrograd-bp doctor says what is missing", file=sys.stderr)
        return 2
    except (ValueError, ArithmeticError, ImportError, NoRenderer, NoTerminal) as error:
        print(f"micrograd-bp: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code or 0


def parser() -> argparse.ArgumentParser:
    """The command's options, and those of each of its commands.

    >>> parser().parse_args(["derive", "csc311", "--style", "paths"]).style
    'paths'
    """
    found = _Parser(
        prog="micrograd-bp",
        description="Backpropagation you can read: every gradient explains itself.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--version", action="version", version=version("micrograd_bp"))
    commands = found.add_subparsers(required=True, metavar="COMMAND", parser_class=_Command)
    _add_demo(commands)
    _add_graph(commands)
    _add_derive(commands)
    _add_step(commands)
    _add_check(commands)
    train_command.add(commands)
    bench_command.add(commands)
    _add_doctor(commands)
    _add_completion(commands)
    return found


class _Parser(argparse.ArgumentParser):
    """One that answers a mistake in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where help is; exit with 2."""
        self.exit(2, f"{self.prog}: {reading.short(message, 300)}; {self.prog} --help says more\n")


class _Command(_Parser):
    """One whose help keeps the lines of the epilog apart, so that an example can be copied."""

    def __init__(self, *, description: str, epilog: str, **options: Any) -> None:
        filled = partial(fill, width=80, break_long_words=False, break_on_hyphens=False)
        super().__init__(
            description=filled(description),
            epilog="\n".join(map(filled, epilog.splitlines())),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )


# ------------------------------------------------------------------ the network


def _add_example(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("example", choices=("csc311",), help="the network")
    _add_network(parser)
    parser.add_argument(
        "--digits", type=int, default=4, metavar="N", help="significant digits, 1 to 17 (4)"
    )


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--activation", choices=ACTIVATIONS, metavar="NAME",
        help=f"that of all layers: {', '.join(ACTIVATIONS)} (that of the network: sigmoid)",
    )  # fmt: skip
    parser.add_argument(
        "--weights", metavar="FILE.json",
        help="a 3-layer network of your own, in the form that demo --help shows (the lecture's)",
    )  # fmt: skip


def _network(options: argparse.Namespace) -> csc311.Network:
    network = csc311.EXAMPLE if options.weights is None else csc311.load(options.weights)
    if options.activation:
        network = csc311.with_activation(network, options.activation)
    return network


# ------------------------------------------------------------------ demo


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser(
        "demo",
        help="the lecture's 3-layer network: every derivative, by the engine and by hand",
        description=(
            "Work the 3-layer example of CSC311 through: both passes with every derivative beside "
            "its value by hand, two weights factor by factor, one gradient step, and a drawing."
        ),
        epilog=(
            "FILE.json holds an object with x, t, W1, b1, W2, b2, w3, b3 and, if you like, eta and "
            "activation. W1[i][j] is the weight to unit i+1 from input j+1: a row for each unit:\n"
            '{"x": [1, 2], "t": 0.5, "W1": [[0.1, 0.2], [0.3, 0.4]], "b1": [0, 0], '
            '"W2": [[0.5, -0.5]], "b2": [0.1], "w3": [0.7], "b3": -0.2}\n'
            "Example: micrograd-bp demo --activation tanh --out demo"
        ),
    )
    demo.add_argument(
        "--out", metavar="DIR", default="demo", help="the folder of the drawing (demo)"
    )
    _add_network(demo)
    demo.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    demo.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> None:
    network = _network(options)
    forward, backward = csc311.compare(network)
    exercises = csc311.exercises(network)
    try:
        before, after = csc311.step(network)
        outcome = "C falls" if after < before else "C does not fall"
        outcome += f",\nfrom {before:#.10g} to {after:#.10g}."
    except (ValueError, ArithmeticError) as error:
        before, after, outcome = forward[-1].engine, None, f"too long a step, {error}"
    file, advice = _draw(network, Path(options.out))
    if options.json:
        report = {
            "network": {"sizes": network.sizes, "activation": network.activation},
            "forward": [_row(row, row.label) for row in forward],
            "backward": [_row(row, f"dC/d{row.label}") for row in backward],
            "exercises": [_exercise(exercise) for exercise in exercises],
            "step": {"eta": network.eta, "C_before": before, "C_after": after},
            "drawing": str(file),
        }
        print(json.dumps(report, indent=1))
        return
    sizes = "-".join(map(str, network.sizes))
    print(f"CSC311, 3-layer network {sizes}, {network.activation}, C = ½(a⁽³⁾ − t)²")
    print("\nForward pass\n")
    _table(forward, "{}")
    print("\nBackward pass\n")
    _table(backward, "∂C/∂{}")
    for exercise in exercises:
        print(f"\nExercise: ∂C/∂{unicode(exercise.wrt.label)}, factor by factor\n")
        _factors(exercise)
    print(f"\nOne step w ← w − η ∂C/∂w with η = {network.eta:g}: {outcome}")
    print(f"\nThe graph: {file}")
    if advice:
        print(advice)


def _draw(network: csc311.Network, folder: Path) -> tuple[Path, str]:
    C, _, _ = csc311.build(network)
    C.backward()
    picture = drawing.draw(C)
    try:
        picture.save(folder / "csc311.svg")
    except drawing.NoRenderer:
        picture.save(folder / "csc311.txt")
        return folder / "csc311.txt", drawing.ADVICE
    return folder / "csc311.svg", ""


def _table(rows: Sequence[csc311.Row], form: str) -> None:
    names = [form.format(unicode(row.label)) for row in rows]
    width = max(map(len, names))
    print(f"  {'':{width}}  {'engine':>16}  {'by hand':>16}  {'difference':>10}")
    for name, row in zip(names, rows):
        engine, hand = f"{row.engine:#.10g}", f"{row.hand:#.10g}"
        print(f"  {name:{width}}  {engine:>16}  {hand:>16}  {row.difference:>10.1e}")


def _factors(exercise: Derivation) -> None:
    target = unicode(exercise.wrt.label)
    for k, path in enumerate(exercise.paths, 1):
        if len(exercise.paths) > 1:
            print(f"  path {k}: {' → '.join(unicode(v.label) for v in reversed(path.nodes))}\n")
        names = [unicode(v.label) for v in path.nodes]
        for upper, lower, local in zip(names, names[1:], path.local_derivatives):
            print(f"    {f'∂{upper}/∂{lower}':20} = {local:>16.10g}")
        print(f"    {'product':20} = {path.product:>16.10g}\n")
    products = " + ".join(f"({path.product:#.10g})" for path in exercise.paths)
    print(f"  ∂C/∂{target} = {products + ' = ' if len(exercise.paths) > 1 else ''}", end="")
    print(f"{exercise.value:#.10g}")


def _row(row: csc311.Row, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "engine": row.engine,
        "by_hand": row.hand,
        "difference": row.difference,
    }


def _exercise(exercise: Derivation) -> dict[str, Any]:
    paths = [
        {
            "nodes": [node.label for node in path.nodes],
            "local_derivatives": path.local_derivatives,
            "product": path.product,
        }
        for path in exercise.paths
    ]
    return {"name": f"dC/d{exercise.wrt.label}", "paths": paths, "value": exercise.value}


# ------------------------------------------------------------------ graph


def _add_graph(commands: Any) -> None:
    parser = commands.add_parser(
        "graph",
        help="the computation graph, as a picture, as a page or as text",
        description=(
            "Draw the graph of a bundled example after its backward pass: to a file by its suffix "
            f"({', '.join(f'.{form}' for form in drawing.FORMS)}), or as text where there is none."
        ),
        epilog="Example: micrograd-bp graph csc311 --detail lecture --out lecture.html",
    )
    _add_example(parser)
    parser.add_argument("--out", metavar="FILE", help="the picture (none: text is printed)")
    parser.add_argument(
        "--detail", choices=("auto", *LEVELS), default="auto",
        help="how much is drawn; auto: all, or folded from 200 boxes on (auto)",
    )  # fmt: skip
    parser.add_argument(
        "--theme", choices=("light", "dark"), default="light", help="its colours (light)"
    )
    parser.set_defaults(run=_graph)


def _graph(options: argparse.Namespace) -> None:
    C, _, _ = csc311.build(_network(options))
    C.backward()
    picture = drawing.draw(
        C, options.digits, detail=options.detail, theme=options.theme, variables=False
    )
    if options.out is None:
        print(picture.text)
        return
    picture.save(options.out)
    print(f"The graph: {options.out}")


# ------------------------------------------------------------------ derive


def _add_derive(commands: Any) -> None:
    parser = commands.add_parser(
        "derive",
        help="the derivation of a weight, factor by factor",
        description=(
            "Print the derivation of ∂C/∂W, read off the graph of a bundled example: as the chain "
            "of factors, as formulas, in numbers, recursively, or path by path."
        ),
        epilog='Example: micrograd-bp derive csc311 "W^{(1)}_{23}" --style paths',
    )
    _add_example(parser)
    parser.add_argument(
        "node", metavar="W", nargs="?", help="a label, like W^{(1)}_{23} or W⁽¹⁾₂₃ (all parameters)"
    )
    parser.add_argument("--style", choices=STYLES, help="one form only (several)")
    parser.add_argument(
        "--format", choices=("text", "latex", "html"), default="text", help="what it prints (text)"
    )
    parser.add_argument("--expand", action="store_true", help="σ′(z) as σ(z) · (1 − σ(z))")
    parser.set_defaults(run=_derive)


def _derive(options: argparse.Namespace) -> None:
    C, model, _ = csc311.build(_network(options))
    wrt = model if options.node is None else _find(C, options.node)
    if options.node is None and options.style:
        raise ValueError(
            f'--style {options.style} is for one weight: name it, like "W^{{(1)}}_{{23}}"'
        )
    found = derive(C, wrt, digits=options.digits, expand=options.expand)
    if options.format == "html":
        print('<!DOCTYPE html>\n<meta charset="utf-8">\n<title>micrograd-bp derive</title>')
    print(getattr(found, options.format)(options.style))


def _find(output: Value, label: str) -> Value:
    """The node with this label, as it is or in Unicode."""
    nodes = {v.label: v for v in topological_order(output) if v.label}
    for known, node in nodes.items():
        if label in (known, unicode(known)):
            return node
    close = get_close_matches(label, nodes, n=5, cutoff=0.3) or [*nodes][:5]
    raise ValueError(
        f"no node is labelled {label!r:.60}; there are {len(nodes)}, like {', '.join(close)}"
    )


# ------------------------------------------------------------------ step


def _add_step(commands: Any) -> None:
    parser = commands.add_parser(
        "step",
        help="both passes step by step, in the terminal or as a page",
        description=(
            "Step through both passes of a bundled example with the arrow keys (? for help), "
            "print all steps, or write a page that opens without a network."
        ),
        epilog="Example: micrograd-bp step csc311 --html steps.html",
    )
    _add_example(parser)
    parser.add_argument("--plain", action="store_true", help="print all steps, as in a pipe")
    parser.add_argument("--html", metavar="FILE", help="the page to step through (none)")
    parser.add_argument(
        "--granularity", choices=GRANULARITIES, default="edge", help="what is one step (edge)"
    )
    parser.set_defaults(run=_step)


def _step(options: argparse.Namespace) -> None:
    C, _, _ = csc311.build(_network(options))
    if options.html is not None:
        if Path(options.html).suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"--html {options.html!r}: expected a name that ends in .html")
        if options.plain:
            raise ValueError("--plain prints, --html writes: take one of them")
        Stepper(C, digits=options.digits, title=options.example).save_html(options.html)
        print(f"The steps: {options.html}")
        return
    found = steps(C, options.granularity, digits=options.digits)
    if options.plain:
        print(*terminal.plain(found), sep="\n")
    else:
        terminal.play(found, options.example)


# ------------------------------------------------------------------ check


def _add_check(commands: Any) -> None:
    parser = commands.add_parser(
        "check",
        help="every formula of the five lectures on random networks, as printed and as corrected",
        description=(
            "Run the formulas of one lecture, or of all five, on random networks, against the "
            "engine and against complex steps of a plain program. The exit code is 1 where a "
            "formula that should hold does not."
        ),
        epilog="Example: micrograd-bp check lec16 --errata",
    )
    parser.add_argument(
        "lecture", nargs="?", type=str.lower, choices=[*report.LECTURES], help="all, if left out"
    )
    parser.add_argument(
        "--networks", type=int, default=25, metavar="N", help="how many, 1 to 10000 (25)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the networks (0)")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print one JSON object")
    output.add_argument("--errata", action="store_true", help="print what there is to say of them")
    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    if not 1 <= options.networks <= 10_000:
        raise ValueError(
            f"--networks {reading.short(str(options.networks), 40)}: "
            "expected a whole number from 1 to 10000"
        )
    drawn = {"seed": options.seed, "networks": options.networks}
    found = report.check(options.lecture, **drawn)
    if options.errata:
        print(report.errata(options.lecture, **drawn))
    else:
        print(found.json() if options.json else found.table)
    return 0 if found.ok else 1


# ------------------------------------------------------------------ doctor


def _add_doctor(commands: Any) -> None:
    parser = commands.add_parser(
        "doctor",
        help="what is installed, what draws pictures, and what each extra would add",
        description=(
            "Say which Python and libraries this is, who draws pictures here, what each extra "
            "adds and the line that installs it, and whether the terminal and a browser will do."
        ),
        epilog="Example: micrograd-bp doctor --json",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> None:
    report = doctor.examine()
    print(report.json() if options.json else report)


# ------------------------------------------------------------------ completion


def _add_completion(commands: Any) -> None:
    parser = commands.add_parser(
        "completion",
        help="a script with which the Tab key completes commands and options",
        description="Print the script that completes micrograd-bp in a shell.",
        epilog=(
            'For this session of bash: eval "$(micrograd-bp completion bash)". To keep it, write '
            "it to ~/.local/share/bash-completion/completions/micrograd-bp; for zsh, to a file "
            "_micrograd-bp in a folder of $fpath; for fish, to "
            "~/.config/fish/completions/micrograd-bp.fish.\n"
            "Example: micrograd-bp completion fish"
        ),
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to complete")
    parser.set_defaults(run=_completion)


def _completion(options: argparse.Namespace) -> None:
    try:
        import shtab
    except ImportError:
        raise ImportError(
            "completion needs shtab: pip install 'micrograd_bp[completion]'"
        ) from None
    whole = parser()
    [commands] = (a for a in whole._actions if isinstance(a, argparse._SubParsersAction))
    for command in commands.choices.values():
        command.description = " ".join(command.description.split())  # its first line is shown
        for action in command._actions:
            named = str(action.metavar)
            if named.startswith(("FILE", "DIR")):
                action.complete = shtab.FILE if named.startswith("FILE") else shtab.DIRECTORY
    print(shtab.complete(whole, options.shell))
