"""Tests of writing a file: the whole of it or none, and nothing left behind."""

import os
import stat

import pytest

from micrograd_bp import files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("content", "expected"),
    [("", b""), ("α\r\n\n", b"\xce\xb1\r\n\n"), (b"\xff\x00\n", b"\xff\x00\n")],
)
@pytest.mark.parametrize("convert", [str, lambda path: path])
def test_write(tmp_path, content, expected, convert):
    path = tmp_path / "new" / "folder" / "a.txt"
    files.write(convert(path), content)
    assert path.read_bytes() == expected
    assert names(path.parent) == ["a.txt"]


def test_write_replaces(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a longer text than the new")
    files.write(path, "new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("name", ["x" * 200, "α" * 120, ".hidden", "a b\n'\"$(x)"])
def test_write_to_odd_names(tmp_path, name):
    files.write(tmp_path / name, "text")
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fdopen", "chmod", "replace"])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, step, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(*arguments, **options):
        if step == "fdopen":
            os.close(arguments[0])
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(files.os, step, fail)
        with pytest.raises(type(error)):
            files.write(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_text_that_is_no_utf8_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "\ud800")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("place", ["file/a.txt", "file/folder/a.txt"])
def test_a_place_below_a_file(tmp_path, place):
    (tmp_path / "file").write_text("old")
    with pytest.raises(OSError, match="file"):
        files.write(tmp_path / place, "new")
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OSError, match=r"a\.txt"):
        files.write(tmp_path / "a.txt", "new")
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_without_write_permission(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied", str(tmp_path / ".a.txt.x"))

    monkeypatch.setattr(files.tempfile, "mkstemp", refuse)  # root may write anywhere
    with pytest.raises(PermissionError, match=r"Permission denied: '.*/a\.txt'"):
        files.write(tmp_path / "a.txt", "new")
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, umask, mode):
    path = tmp_path / "a.txt"
    before = os.umask(umask)
    try:
        files.write(path, "text")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode
