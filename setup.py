"""Compiles pipeline/plain/events.c; all else stands in pyproject.toml.

A plain shared library, called by ctypes: it needs no header of Python's. Where the machine has no C compiler,
Zig's is installed for the build, from the package index.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

OWN = shlex.split(os.environ.get("CC", "cc"))
HAS_OWN = shutil.which(OWN[0]) is not None
COMPILER = OWN if HAS_OWN else [sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"]


class BuildLibrary(build_ext):
    """Each extension is a library of its sources."""

    def build_extension(self, ext: Extension) -> None:
        """By one command."""
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        options = "-O3", "-shared", "-fPIC", f'-DSOURCES="{digest(Path(ext.sources[0]).parent)}"'
        subprocess.run([*COMPILER, *options, "-o", str(target), *ext.sources], check=True)  # noqa: S603


def digest(folder: Path) -> str:
    """Of all sources in it: events.py compares it, to notice a library that is older than they are."""
    sources = sorted(folder.glob("*.[ch]"))
    return hashlib.sha256(b"".join(each.read_bytes() for each in sources)).hexdigest()


setup(
    ext_modules=[Extension("pipeline.plain.events_c", ["pipeline/plain/events.c"])],
    cmdclass={"build_ext": BuildLibrary},
    setup_requires=[] if HAS_OWN else ["ziglang==0.17.1"],
)
