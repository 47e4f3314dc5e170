"""What `alived check` is given -> texts: files, directories, patterns, standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator

import click

STDIN = "<stdin>"
SUFFIXES = (".conf", ".yaml", ".yml", ".toml")
"""Of the files of a directory that are configurations."""


def expand(arguments: Iterable[str]) -> list[str]:
    """Paths in the order given, each file once; `-` becomes STDIN. A directory stands for the configurations in it, a
    pattern that the shell left alone for the files that match. Raises click.UsageError for one that stands for none."""
    found: dict[str, str] = {}
    for argument in arguments:
        for path in _paths(argument):
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _paths(argument: str) -> Iterator[str]:
    if argument == "-":
        yield STDIN
    elif os.path.isdir(argument):
        names = sorted(name for name in os.listdir(argument) if name.endswith(SUFFIXES))
        if not names:
            raise click.UsageError(f"{argument} has no file that ends with {', '.join(SUFFIXES)}")
        yield from (os.path.join(argument, name) for name in names)
    elif glob.has_magic(argument) and not os.path.exists(argument):
        found = sorted(glob.glob(argument))
        if not found:
            raise click.UsageError(f"no file matches {argument}")
        yield from found
    else:
        yield argument
