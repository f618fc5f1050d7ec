"""Each peer's own environment, built from its lock with hashes; built again when the lock has changed."""

import hashlib
import shutil
import sys
import venv
from pathlib import Path

from bench.peers.contestants import Peer
from bench.processes import run

ENVIRONMENTS = Path(__file__).parent / ".environments"


def python_of(peer: Peer, place: Path) -> Path:
    """The interpreter to run it with."""
    home = ENVIRONMENTS / peer.program
    python, built = home / "bin" / "python", home / "built"
    digest = hashlib.sha256(peer.lock.read_bytes() + sys.version.encode()).hexdigest()
    if not built.exists() or built.read_text(encoding="utf-8") != digest:
        sys.stderr.write(f"building the environment of {peer.name}\n")
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(peer.lock)], place)
        built.write_text(digest, encoding="utf-8")
    return python
