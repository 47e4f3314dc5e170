"""The keepalived 2.2.7 of this machine as an oracle: what `keepalived -t` says of a file.

Always in a network namespace of its own: reading a PING_CHECK makes keepalived write a sysctl, testing or not.
"""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import subprocess

import pytest

APART = ("unshare", "--net")


@functools.cache
def program() -> str:
    """Its path; skips the test where it is not, or cannot be kept apart."""
    found = shutil.which("keepalived")
    if found is None:
        pytest.skip("no keepalived here to compare with")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stderr
    if "v2.2.7 " not in said:
        pytest.skip(f"another keepalived: {said.splitlines()[:1]}")
    if os.geteuid() != 0 or shutil.which(APART[0]) is None:
        pytest.skip("keepalived -t changes ping_group_range: it needs a network namespace of its own")
    tried = subprocess.run([*APART, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no network namespaces here: {tried.stderr.strip()}")
    return found


def check(path: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`keepalived -t` in the file's directory. Raises subprocess.TimeoutExpired: some texts keep it for ever."""
    command = [*APART, program(), "-t", "-f", path.name, *arguments]
    return subprocess.run(
        command, cwd=path.parent, capture_output=True, text=True, errors="replace", timeout=20, check=False
    )
