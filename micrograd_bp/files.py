"""Write a file whole or not at all.

>>> import pathlib, tempfile
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> write(folder / "new" / "a.txt", "text")
>>> [path.name for path in (folder / "new").iterdir()]
['a.txt']
"""

import os
import tempfile
from pathlib import Path


def write(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Put `content` (a str as UTF-8) at `path`, making its folder where there is none.

    It is written to a temporary file beside it, which then takes its name: whatever happens on
    the way, the old file stands or the new one does. Errors: OSError with the path.
    """
    data = content.encode() if isinstance(content, str) else content
    place = Path(os.path.realpath(path))  # a link stays a link
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{place.name[:50]}.", dir=place.parent)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's is for its owner alone
        os.replace(temporary, place)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):  # of the file that was asked for, not the temporary one
            raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
        raise
