"""The tokens by which readers are let in: a file beside the database, which a worker reads at each login.

It holds each token's SHA-256 only. A token is 256 random bits: there is nothing to guess, and no salt needed.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any

from pipeline.errors import InputError

MAX_NAME = 100


def beside(database: Path) -> Path:
    """Where the tokens for `database` are."""
    return database.with_name(database.name + ".tokens")


@dataclass(frozen=True)
class Tokens:
    """The tokens of one database."""

    path: Path

    def add(self, name: str, token: str, made_at: datetime) -> None:
        """Let `token` in from now on, under `name`."""
        known = self.known()
        if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
            raise InputError(f"a token's name is 1 to {MAX_NAME} printable characters, no blank at its ends")
        if name in known:
            raise InputError(f"there is a token {name} already; revoke it, or take another name")
        self._write({**known, name: {"sha256": _digest(token), "made_at": made_at.isoformat()}})

    def revoke(self, name: str) -> None:
        """Let it in no more; who is in by it is refused with the next query."""
        known = dict(self.known())
        if known.pop(name, None) is None:
            raise InputError(f"there is no token {name}; `firsthand token list` names them")
        self._write(known)

    def name_of(self, token: str) -> str | None:
        """The name under which this token is known; None if it is not."""
        digest = _digest(token)
        found = [name for name, each in self.known().items() if compare_digest(each["sha256"], digest)]
        return found[0] if found else None

    def known(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of each token, by its name."""
        try:
            found: dict[str, dict[str, Any]] = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.path} cannot be read ({error}); remove it and make new tokens"
            ) from error
        return found

    def _write(self, tokens: Mapping[str, Mapping[str, Any]]) -> None:
        """In one step, for its owner's eyes only."""
        new = self.path.with_name(self.path.name + ".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(tokens, file, indent=1)
        new.replace(self.path)


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
