"""The notebooks: each runs from a clean kernel and prints what is committed.

After a change that is meant, `python tests/test_notebooks.py` writes their outputs anew.
"""

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def execute(path: Path) -> Any:
    """The notebook with the outputs of a kernel of its own; the file is left alone."""
    notebook = nbformat.read(path, as_version=4)
    metadata = notebook.metadata.copy()
    nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        allow_errors=True,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata = metadata  # without the version of this Python
    return notebook


def code_cells(notebook: Any) -> dict[str, Any]:
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def errors(cell: Any) -> list[str]:
    return [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]


def texts(cell: Any) -> tuple[str, list[str]]:
    """What it printed, and the plain text of its other outputs but for those with an address."""
    printed = [o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout"]
    plain = [o.data.get("text/plain", "") for o in cell.outputs if "data" in o]
    return "".join(printed), [text for text in plain if "at 0x" not in text]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_with_outputs(path: Path) -> None:
    cells = code_cells(nbformat.read(path, as_version=4))
    assert [cell_id for cell_id, cell in cells.items() if cell.execution_count is None] == []
    assert any(cell.outputs for cell in cells.values())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_prints_what_is_committed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))  # no profile and no history of the user's
    committed, fresh = (code_cells(nb) for nb in (nbformat.read(path, 4), execute(path)))
    assert {cell_id: errors(cell) for cell_id, cell in fresh.items() if errors(cell)} == {}
    for cell_id, cell in fresh.items():
        assert texts(cell) == texts(committed[cell_id]), cell_id


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


if __name__ == "__main__":
    for notebook_path in NOTEBOOKS:
        nbformat.write(execute(notebook_path), notebook_path)
