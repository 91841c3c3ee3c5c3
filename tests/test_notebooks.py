"""The notebooks: each runs in a clean kernel, with `dot` and without, and prints what is committed.

After a change that is meant, `python tests/test_notebooks.py` writes their outputs anew; with
paths behind it, those of these notebooks alone.
"""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from micrograd_bp.renderers import ADVICE

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

FOLDER = Path(__file__).parent.parent / "notebooks"
INDEX, *NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def execute(path: Path) -> Any:
    """The notebook with the outputs of a kernel of its own; the file is left alone."""
    return executed(path, os.environ)[0]


def executed(path: Path, *environments: Mapping[str, str]) -> list[Any]:
    """The same, at once in a kernel for each of these environments."""

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(run(path, env) for env in environments))

    return asyncio.run(all_of_them())


async def run(path: Path, env: Mapping[str, str]) -> Any:
    notebook = nbformat.read(path, as_version=4)
    metadata = notebook.metadata.copy()
    await nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        allow_errors=True,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    ).async_execute(env=env)
    notebook.metadata = metadata  # without the version of this Python
    return notebook


def code_cells(notebook: Any) -> dict[str, Any]:
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def markdown(path: Path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def errors(cell: Any) -> list[str]:
    return [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]


def texts(cell: Any) -> tuple[str, list[str]]:
    """What it printed, and the plain text of its other outputs but for those with an address."""
    printed = [o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout"]
    plain = [o.data.get("text/plain", "") for o in cell.outputs if "data" in o]
    return "".join(printed), [text for text in plain if "at 0x" not in text]


def undrawn(notebook: Any) -> list[str]:
    """The cells that show advice in the place of a picture."""
    return [
        cell_id
        for cell_id, cell in code_cells(notebook).items()
        if any(ADVICE in str(o.get("data", "")) for o in cell.outputs)
    ]


def draws(path: Path) -> bool:
    source = "".join(cell.source for cell in code_cells(nbformat.read(path, 4)).values())
    return "mb.draw" in source or "mb.Stepper" in source


def needs_train(path: Path) -> bool:
    return "micrograd_bp[notebook,train]" in markdown(path)[0]


@each
def test_committed_with_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = code_cells(notebook)
    assert [cell_id for cell_id, cell in cells.items() if cell.execution_count is None] == []
    assert any(cell.outputs for cell in cells.values())
    assert undrawn(notebook) == []


@each
def test_runs_and_prints_what_is_committed(path: Path, tmp_path: Path) -> None:
    """Without `dot`, and what else its first cell does not ask for; if it draws, as things are too.

    Both at once: on two cores that takes no longer than one.
    """
    usual, bare = (
        os.environ | {"IPYTHONDIR": str(tmp_path / name)}  # no profile, no history of the user's
        for name in ("usual", "bare")
    )
    bare["PATH"] = str(tmp_path)  # no `dot`
    if not needs_train(path):
        for name in ("numpy", "matplotlib", "sklearn"):
            (tmp_path / f"{name}.py").write_text(f"raise ImportError('{name} is hidden')\n")
        bare["PYTHONPATH"] = str(tmp_path)
    committed = code_cells(nbformat.read(path, as_version=4))
    for notebook in executed(path, bare, *[usual] * draws(path)):
        fresh = code_cells(notebook)
        assert {cell_id: errors(cell) for cell_id, cell in fresh.items() if errors(cell)} == {}
        for cell_id, cell in fresh.items():
            assert texts(cell) == texts(committed[cell_id]), cell_id
        assert undrawn(notebook) == []


def title(path: Path) -> str:
    return markdown(path)[0].splitlines()[0].removeprefix("# ")


def test_numbered_in_one_order() -> None:
    assert INDEX.name == "00_index.ipynb"
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{k:02}_" for k in range(1, 15)]


def test_all_are_in_the_index_in_order() -> None:
    row = r"^\| (\d+) \| \[(.+?)\]\((.+?)\) \|.*\| ?([^|]*?) ?\|$"
    rows = re.findall(row, markdown(INDEX)[0], re.M)
    assert rows == [
        (str(k), title(path), path.name, "`train`" if needs_train(path) else "")
        for k, path in enumerate(NOTEBOOKS, 1)
    ]


@pytest.mark.parametrize("k", range(len(NOTEBOOKS)), ids=lambda k: NOTEBOOKS[k].stem)
def test_begins_and_ends_with_links_to_its_neighbours(k: int) -> None:
    around = [f"[All notebooks]({INDEX.name})", f"{k + 1} of {len(NOTEBOOKS)}"]
    for word, neighbours in (("before", NOTEBOOKS[:k][-1:]), ("next", NOTEBOOKS[k + 1 :][:1])):
        around += [f"{word}: [{title(path)}]({path.name})" for path in neighbours]
    first, *_, last = markdown(NOTEBOOKS[k])
    assert first.splitlines()[2] == " · ".join(around) == last
    assert re.search(r"^To run it: `pip install 'micrograd_bp\[notebook(,train)?\]'`", first, re.M)


@pytest.mark.parametrize("path", [INDEX, *NOTEBOOKS], ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", "\n".join(markdown(path)))
    files = [link.partition("#")[0] for link in links if not link.startswith("https://")]
    assert [name for name in files if not (FOLDER / name).is_file()] == []


if __name__ == "__main__":
    for notebook_path in [Path(name) for name in sys.argv[1:]] or NOTEBOOKS:
        nbformat.write(execute(notebook_path.resolve()), notebook_path)
