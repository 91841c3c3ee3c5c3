"""What the website is made of."""

import zipfile
from importlib.metadata import distribution


def packed(name, folder):
    """What is installed of a library in pure Python, as an archive that Pyodide unpacks."""
    found = distribution(name)
    path = folder / f"{name}-{found.version}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in found.files:
            if file.suffix != ".pyc" and ".." not in file.parts:
                archive.write(file.locate(), file)
    return path
