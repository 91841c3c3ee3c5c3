"""Tests of `bench`: who agrees with whom, who is missing, and how it is told; never how fast."""

import ctypes
import gc
import json
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from micrograd_bp.bench import graphs, measuring, native, networks, report, workloads
from micrograd_bp.bench.measuring import Row, Table, compare
from micrograd_bp.bench.problems import chain, dag, moons, pixels
from micrograd_bp.bench.workloads import CONTESTANTS, WORKLOADS, known, missing
from micrograd_bp.cli import main

SMALL = {
    "W1": partial(moons, points=7),
    "W2": partial(dag, nodes=300, leaves=6),
    "W2-deep": partial(dag, nodes=300, leaves=6, window=5),
    "W3": partial(chain, nodes=40),
    "W5": partial(pixels, (9, 5, 4), batch=3, shades=17),
    "W6": partial(pixels, (7, 6, 3), batch=5, shades=256),
}


def small(name, **changes):
    return replace(WORKLOADS[name], make=SMALL[name], **changes)


@pytest.fixture
def tiny(monkeypatch):
    """The command's workloads, so small that each takes no time."""
    for name in SMALL:
        monkeypatch.setitem(WORKLOADS, name, small(name))


# ------------------------------------------------------------------ contestants


@pytest.mark.parametrize("name", SMALL)
def test_all_that_are_there_agree(name):
    table = compare(name, small(name), [*CONTESTANTS], repeats=1)
    assert [row.name for row in table.rows] == [*CONTESTANTS]
    for row in table.rows:
        if row.name not in WORKLOADS[name].contestants:
            assert (row.status, row.times) == ("left out", ())
        elif missing(row.name):
            assert (row.status, row.note) == ("missing", missing(row.name))
        else:
            assert row.status == "measured", row.note
            assert row.difference < 1e-12
    measured = {row.name for row in table.rows if row.times}
    assert measured >= {"W2": {"eager"}, "W2-deep": {"eager"}, "W3": {"eager", "python"}}.get(
        name, {"fused", "numpy"}
    )


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_contestant_is_in_or_left_out_with_a_reason(name):
    workload = WORKLOADS[name]
    assert {*workload.contestants} | {*workload.left_out} == {*CONTESTANTS}
    assert {*workload.contestants} & {*workload.left_out} == set()
    assert all(workload.left_out.values())


@pytest.mark.parametrize("name", ["W1", "W5"])
def test_networks_against_differences(name):
    """The value and gradients that all are compared with, by NumPy and central differences."""
    problem = SMALL[name]()
    run, read = networks.fused(problem)
    value, *gradients = read(run())
    theta, h = np.array(networks.flat(problem.layers)), 1e-6

    def loss(theta):
        a, start = np.array(problem.X), 0
        for nin, nout in zip(problem.sizes, problem.sizes[1:]):
            end = start + nin * nout
            z = a @ theta[start:end].reshape(nout, nin).T + theta[end : end + nout]
            a, start = np.maximum(z, 0.0), end + nout
        Y = np.array(problem.Y)
        if problem.loss == "hinge":
            each = np.maximum(0.0, 1.0 - Y * z)[:, 0]
        else:
            each = np.log(np.exp(z).sum(axis=1)) - (Y * z).sum(axis=1)
        return each.mean() + problem.lam / 2 * (theta**2).sum()

    assert value == pytest.approx(loss(theta), rel=1e-12)
    steps = h * np.eye(len(theta))
    found = [(loss(theta + s) - loss(theta - s)) / (2 * h) for s in steps]
    assert gradients == pytest.approx(found, abs=1e-8)


@pytest.mark.parametrize("way", [networks.numpy, networks.fused, networks.eager])
def test_a_second_step_finds_the_same(way):
    run, read = way(SMALL["W5"]())
    first = read(run())
    assert read(run()) == first


def test_chain_against_its_formula():
    run, read = graphs.python_loop(chain(nodes=6))
    v, w, u = chain().leaves
    expected = [v * w**3 + u * (1 + w + w * w), w**3]
    expected += [3 * v * w * w + u * (1 + 2 * w), 1 + w + w * w]
    assert read(run()) == pytest.approx(expected, rel=1e-14)


# ------------------------------------------------------------------ problems


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize(("nodes", "leaves"), [(1, 2), (50, 3), (1000, 20)])
def test_dag_uses_every_node(nodes, leaves, window):
    graph = dag(nodes, window=window, leaves=leaves)
    assert graph == dag(nodes, window=window, leaves=leaves)
    assert nodes <= len(graph.ops) == len(graph.left) == len(graph.right) <= nodes + 1
    used = {*graph.left} | {j for op, j in zip(graph.ops, graph.right) if op not in ("tanh", "sin")}
    assert used == {*range(leaves + len(graph.ops) - 1)}
    assert all(max(i, j) < leaves + k for k, (i, j) in enumerate(zip(graph.left, graph.right)))


def test_dag_stays_within_its_window():
    graph = dag(1000, window=5, leaves=20)
    far = [20 + k - min(i, j) for k, (i, j) in enumerate(zip(graph.left, graph.right))]
    assert max(far[:500]) == 5


def test_problems_leave_random_alone_and_are_the_same_again():
    import random

    random.seed(5)
    before = random.getstate()
    for make in SMALL.values():
        assert make() == make()
    assert random.getstate() == before


def test_one_hot_targets():
    problem = pixels((4, 3), batch=20, shades=2)
    assert {sum(y) for y in problem.Y} == {1.0}
    assert {x for row in problem.X for x in row} == {0.0, 1.0}


# ------------------------------------------------------------------ comparing


def doctored(by):
    def contestant(problem):
        run, read = networks.fused(problem)
        return run, lambda C: by(read(C))

    return contestant


def boom(problem):
    raise RuntimeError("two\n  lines | and a bar")


@pytest.mark.parametrize(
    ("contestant", "note"),
    [
        (doctored(lambda g: [*g[:-1], g[-1] + 1e-6]), "its value or gradients differ by "),
        (doctored(lambda g: g[:-1]), "its value or gradients differ by inf"),
        (doctored(lambda g: [*g[:-1], float("nan")]), "its value or gradients differ by inf"),
        (boom, "RuntimeError: two lines | and a bar"),
    ],
)
def test_who_is_wrong_has_failed_and_the_others_go_on(contestant, note):
    contestants = {"eager": networks.eager, "fused": contestant, "numpy": networks.numpy}
    table = compare("W1", small("W1", contestants=contestants), [*contestants], repeats=2)
    eager, wrong, by_hand = table.rows
    assert (wrong.status, wrong.times) == ("failed", ())
    assert wrong.note.startswith(note)
    assert len(eager.times) == len(by_hand.times) == 2
    assert "failed: " in report.markdown([table])
    width = {line.replace("\\|", "").count("|") for line in report.markdown([table]).split("\n")}
    assert len(width - {0}) == 1


def test_the_first_that_works_is_what_others_are_compared_with():
    contestants = {"eager": boom, "fused": networks.fused, "numpy": networks.numpy}
    table = compare("W1", small("W1", contestants=contestants), [*contestants], repeats=1)
    assert [row.status for row in table.rows] == ["failed", "measured", "measured"]
    assert table.rows[1].difference == 0.0


def test_who_takes_too_long_drops_out():
    table = compare("W1", small("W1"), ["fused", "numpy"], repeats=5, seconds=1e-9)
    assert [len(row.times) for row in table.rows] == [1, 1]


def test_the_collector_is_left_as_it_was():
    def stops(problem):
        steps = iter(range(2))
        return lambda: next(steps), lambda _: [1.0]

    with pytest.raises(StopIteration):
        compare("W1", small("W1", contestants={"eager": stops}), ["eager"])
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_no_repeats():
    with pytest.raises(ValueError, match="repeats: expected at least 1, got 0"):
        compare("W1", small("W1"), ["fused"], repeats=0)


@pytest.mark.parametrize(
    ("numbers", "reference", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.5], [1.0, 2.0], 0.25),
        ([1.0], [], float("inf")),
        ([float("nan"), 1.0], [1.0, 1.0], float("inf")),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([float("inf")], [float("inf")], float("inf")),
        ([1.0], [0.0], float("inf")),
    ],
)
def test_difference(numbers, reference, expected):
    assert measuring.difference(numbers, reference) == expected


def test_ratio_is_the_median_over_the_repeats_of_both():
    rows = [
        Row("compiled", "measured", "", (2.0, 3.0, 40.0)),
        Row("numpy", "measured", "", (1.0, 3.0, 10.0)),
        Row("fused", "measured", "", (6.0,)),
        Row("jax", "missing", "pip install it"),
    ]
    table = Table("W1", "", rows)
    assert table.ratio("compiled", "numpy") == 2.0
    assert table.ratio("fused", "compiled") == 3.0
    assert table.ratio("jax", "numpy") is table.ratio("numpy", "jax") is None
    assert table.ratio("torch", "numpy") is None


@pytest.mark.parametrize("threads", [1, 3])
def test_pin(threads):
    code = (
        "import os; from micrograd_bp.bench.measuring import pin\n"
        f"print(pin({threads})); print(os.environ['OPENBLAS_NUM_THREADS'])\n"
        "print('multi_thread_eigen=false' in os.environ.get('XLA_FLAGS', ''))\n"
        f"import numpy; print(pin({threads}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, blas, xla, late = done.stdout.splitlines()
    assert said == {1: "1 thread each", 3: "3 threads each"}[threads]
    assert (blas, xla) == (str(threads), str(threads == 1))
    assert late == "threads as numpy had them, loaded before"


def test_no_threads():
    with pytest.raises(ValueError, match="threads: expected at least 1, got 0"):
        measuring.pin(0)


# ------------------------------------------------------------------ who is there


def test_missing_peers_are_listed_with_what_to_install(monkeypatch, tiny, tmp_path, capsys):
    monkeypatch.setattr(workloads, "find_spec", lambda module: None)
    monkeypatch.setattr(native, "compiler", lambda: None)
    assert main(["bench", "W1", "--repeats", "1", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    for line in (
        "| PyTorch, tensors | missing: pip install torch | |",
        "| JAX, jit | missing: pip install 'jax[cpu]' | |",
        "| HIPS autograd | missing: pip install 'micrograd_bp[bench]' | |",
        "| NumPy by hand | missing: pip install 'micrograd_bp[fast]' | |",
        "| C by hand, -ffast-math | missing: install a C compiler, such as gcc | |",
        "no C compiler",
    ):
        assert line in shown
    assert shown.count("| missing: ") == len(WORKLOADS["W1"].contestants) - 2
    assert len((tmp_path / "bench.md").read_text(encoding="utf-8").splitlines()) > 15


def test_known():
    assert known([], {"a": 1, "b": 2}, "x") == ["a", "b"]
    assert known(["b", "a", "b"], {"a": 1, "b": 2}, "x") == ["a", "b"]
    with pytest.raises(ValueError, match="unknown peer 'c': expected some of a, b"):
        known(["c"], {"a": 1, "b": 2}, "peer")


def test_no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "no-such-compiler")
    assert native.compiler() is None
    with pytest.raises(FileNotFoundError, match="no C compiler: install gcc or clang"):
        native.build("", str(tmp_path))


def test_a_compiler_that_refuses(monkeypatch, tmp_path):
    cc = tmp_path / "cc"
    cc.write_text("#!/bin/sh\necho 'not like this' >&2\nexit 1\n", encoding="utf-8")
    cc.chmod(0o755)
    monkeypatch.setenv("CC", str(cc))
    with pytest.raises(ValueError, match="not like this"):
        native.build("", str(tmp_path))


@pytest.mark.parametrize("batch", [1, 15, 16, 17])
def test_c_by_hand_for_batches_that_do_not_fill_a_vector(batch):
    if native.compiler() is not None:
        problem = pixels((3, 4, 2), batch=batch, shades=3)
        found, expected = (
            read(run()) for run, read in (networks.c(problem), networks.fused(problem))
        )
        assert measuring.difference(found, expected) < 1e-13
        assert isinstance(native.library("int one(void) { return 1; }").one, ctypes._CFuncPtr)


def test_fast_math_of_a_library_stays_in_it():
    code = """
from micrograd_bp.bench import native
if native.compiler():
    native.library("int one(void) { return 1; }", ["-O3", "-ffast-math"])
print(5e-324 * 1.0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "5e-324\n"


# ------------------------------------------------------------------ telling


ROWS = [
    Row("fused", "measured", "", (0.031, 0.0123, 0.02), 0.5, 2.5e-16),
    Row("compiled", "measured", "", (25e-6, 20e-6, 30e-6), 1.5, 0.0),
    Row("numpy", "measured", "", (20e-6, 40e-6, 30e-6), 0.0001, 1e-16),
    Row("c", "left out", "it is not fair"),
]


def test_markdown():
    assert report.markdown([Table("W9", "a title", ROWS)]) == (
        "## W9: a title\n"
        "\n"
        "| contestant | median | least to most | ÷ compiled | ÷ NumPy | to prepare | difference "
        "| repeats |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|\n"
        "| **this engine, eager, fused** | 20.0 ms | 12.3 to 31.0 ms | 667 | 667 | 500 ms "
        "| 2.5e-16 | 3 |\n"
        "| **this engine, compiled** | 25.0 µs | 20.0 to 30.0 µs | 1.00 | 1.00 | 1.50 s "
        "| 0.0e+00 | 3 |\n"
        "| NumPy by hand | 30.0 µs | 20.0 to 40.0 µs | 1.00 | 1.00 | 100 µs | 1.0e-16 | 3 |\n"
        "| C by hand, -O3 -march=native | left out: it is not fair | | | | | | |\n"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (1234.5, "1,234 s"),
        (1.0, "1.00 s"),
        (0.0999, "99.9 ms"),
        (1.234e-5, "12.3 µs"),
        (1.234e-7, "0.123 µs"),
    ],
)
def test_times(seconds, shown):
    row = Row("numpy", "measured", "", (seconds,))
    assert f"| NumPy by hand | {shown} |" in report.markdown([Table("W1", "", [row])])


def test_document_is_json():
    about = report.machine()
    found = json.loads(json.dumps(report.document([Table("W9", "a title", ROWS)], about)))
    assert found["machine"]["versions"]["numpy"] == np.__version__
    (workload,) = found["workloads"]
    assert (workload["name"], workload["title"]) == ("W9", "a title")
    fused, _, _, left_out = workload["rows"]
    assert fused["times"] == [0.031, 0.0123, 0.02]
    assert fused["ratios"].keys() == {"compiled", "numpy"}
    assert left_out == {
        "name": "c",
        "title": CONTESTANTS["c"].title,
        "status": "left out",
        "note": "it is not fair",
    }


def test_plot_has_a_bar_for_each_that_was_measured():
    figure = report.plot([Table("W8", "", ROWS[:1]), Table("W9", "", ROWS), Table("W0", "", [])])
    assert [len(panel.patches) for panel in figure.axes] == [1, 3]
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert names[0] == "this engine, eager, fused"  # the slowest at the bottom


def test_nothing_to_plot():
    with pytest.raises(ValueError, match="nothing was measured"):
        report.plot([Table("W9", "", ROWS[3:])])


# ------------------------------------------------------------------ the command


def test_command(tiny, tmp_path, capsys):
    out = tmp_path / "new" / "folder"
    names = ["--peers", "numpy", "fused"]
    assert main(["bench", "W5", "W1", *names, "--repeats", "2", "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("# Bench\n")
    assert (out / "bench.md").read_text(encoding="utf-8") == told.out[:-1]
    assert told.out.index("## W1: moons") < told.out.index("## W5: digits")
    assert "threads as numpy" in told.out
    assert (out / "bench.png").read_bytes().startswith(b"\x89PNG")
    document = json.loads((out / "bench.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in document["workloads"][0]["rows"]] == ["fused", "numpy"]


def test_command_json(tiny, tmp_path, capsys):
    given = ["bench", "W3", "--peers", "eager", "--repeats", "1", "--json", "--out", str(tmp_path)]
    assert main(given) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))


def test_command_without_matplotlib(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    given = ["bench", "W3", "--peers", "eager", "--repeats", "1", "--out", str(tmp_path)]
    assert main(given) == 0
    assert "no plot: plots need matplotlib: pip install 'micrograd_bp[train]'" in (
        capsys.readouterr().err
    )
    assert {path.name for path in tmp_path.iterdir()} == {"bench.md", "bench.json"}


def test_command_fails_where_a_contestant_does(monkeypatch, tmp_path, capsys):
    workload = small("W1", contestants={"eager": networks.eager, "fused": boom})
    monkeypatch.setitem(WORKLOADS, "W1", workload)
    given = ["bench", "W1", "--peers", "eager", "fused", "--repeats", "1", "--out", str(tmp_path)]
    assert main(given) == 1
    assert "failed: RuntimeError: two lines \\| and a bar" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["W7"], "unknown workload 'W7': expected some of W1, W2, W2-deep, W3, W5, W6"),
        (["W1", "--peers", "tensorflow"], "unknown peer 'tensorflow': expected some of eager, "),
        (["--repeats", "0"], "--repeats 0: expected at least 1"),
        (["--threads", "0"], "--threads 0: expected at least 1"),
        (["--seconds", "nan"], "--seconds nan: expected more than 0"),
    ],
)
def test_mistakes_in_the_command(given, said, capsys, tmp_path):
    out = tmp_path / "bench"
    assert main(["bench", *given, "--out", str(out)]) == 2
    assert f"micrograd-bp: {said}" in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_that_cannot_be(tiny, tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["bench", "W1", "--out", str(tmp_path / "file")]) == 2
    assert "file" in capsys.readouterr().err
