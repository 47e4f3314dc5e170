"""Whether a process is one that a `vrrp_track_process` means: keepalived's comparisons."""

from __future__ import annotations

from alived.health.process_events import Process
from alived.health.trackers_config import ParamMatch, TrackProcess


def matches(config: TrackProcess, process: Process) -> bool:
    if not config.full_command:
        return process.comm == config.process
    command, _, arguments = process.cmdline.partition(b"\0")
    return command == _octets(config.process) and _arguments_match(config, arguments)


def _arguments_match(config: TrackProcess, arguments: bytes) -> bool:
    """arguments: each with a NUL behind it, as `wanted`."""
    wanted = b"".join(_octets(argument) + b"\0" for argument in config.arguments)
    match config.param_match:
        case ParamMatch.NONE:
            return True
        case ParamMatch.EXACT:
            return arguments == wanted
        case ParamMatch.PARTIAL:
            return arguments.startswith(wanted)
    return arguments.startswith(wanted[:-1])  # ParamMatch.INITIAL: without the last NUL


def _octets(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
