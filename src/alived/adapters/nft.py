"""Tables of nftables, made and removed by scripts for `nft -f -`: each script is one transaction, all of it or nothing.

Not netlink messages of our own: a table is made at the start and on a reload, where milliseconds count for nothing.
"""

from __future__ import annotations

import subprocess
import zlib

from alived.base import AlivedError

TIMEOUT_S = 10


class NftError(AlivedError):
    """nft is not there or refused."""


def table_name(runtime_dir: str) -> str:
    """What the tables of the daemon with this runtime directory are called: several may share a machine."""
    return f"alived_{zlib.crc32(runtime_dir.encode()):08x}"


def run(script: str) -> None:
    """Carries out a script. Raises NftError, and then nothing has changed."""
    try:
        done = subprocess.run(
            ["nft", "-f", "-"], input=script, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NftError(f"cannot run nft: {error}") from error
    if done.returncode:
        raise NftError(f"nft: {_first_complaint(done.stderr)}")


def _first_complaint(text: str) -> str:
    """The reason and the line of the script. What follows are its consequences, dozens of lines in a large table."""
    first, *rest = text.strip().splitlines() or ["it failed without a word"]
    reason = first.partition("Error: ")[2] or first
    return f"{reason}, at: {rest[0].strip()}" if rest else reason
