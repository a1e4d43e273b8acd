"""A wheel and a source distribution made by hand, so that pip needs no network."""

import io
import tarfile
import zipfile
from pathlib import Path

META = "Metadata-Version: 2.1\nName: {0}\nVersion: 1.0\n"


def wheel(folder: Path, name: str, body: str) -> None:
    """Write ``<name>-1.0-py3-none-any.whl`` with one module."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": body,
        f"{info}/METADATA": META.format(name),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as zipped:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            zipped.writestr(path, text)


def source(folder: Path, name: str, trap: Path) -> None:
    """Write ``<name>-1.0.tar.gz`` whose setup.py makes the file ``trap``."""
    folder.mkdir(parents=True, exist_ok=True)
    setup = (
        f"open({str(trap)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name={name!r})\n"
    )
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as tar:
        for path, text in {"setup.py": setup, "PKG-INFO": META.format(name)}.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
