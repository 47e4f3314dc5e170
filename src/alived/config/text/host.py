"""What a configuration may ask of the machine it is read on. The reader has no other way out."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol


class Kind(enum.Enum):
    """What stands at a path."""

    NOTHING = "nothing"
    DIRECTORY = "a directory"
    FILE = "a file"
    PROGRAM = "an executable file"
    OTHER = "neither a file nor a directory"
    LOOSE_LINK = "a symbolic link to nothing"


class Host(Protocol):
    def read(self, path: str) -> bytes:
        """The bytes of a file, no more than a little over MAX_BYTES. Raises OSError."""
        ...

    def names(self, directory: str) -> Sequence[str]:
        """What is in a directory, in any order; "" is the current one. Raises OSError."""
        ...

    def kind(self, path: str) -> Kind: ...

    def real_path(self, path: str) -> str:
        """Absolute and without symbolic links; "" is the current directory."""
        ...

    def name(self) -> str:
        """The node name, as uname says it."""
        ...

    def variable(self, name: str) -> str | None:
        """A variable of the environment."""
        ...
