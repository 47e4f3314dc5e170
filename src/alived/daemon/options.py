"""What the command line says to a daemon, and what its exit status says back."""

from __future__ import annotations

import msgspec

EXIT_OK = 0
EXIT_REFUSED = 1
"""The configuration cannot run, or the runtime directory is not ours."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The command line of `alived run`."""

    config_path: str
    runtime_dir: str
    log_format: str = ""
    """text or json; "": what the configuration says"""
    debug: bool = False
    single: bool = False
