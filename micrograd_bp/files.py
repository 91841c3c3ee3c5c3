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
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name[:50]}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's is for its owner alone
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
