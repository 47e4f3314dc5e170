"""What an operator can say about scripts that run on a change of state. Frozen values in keepalived's words."""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_S


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A command: argv, never a shell line. user "": `script_user` (keepalived_script if there is one, else root)."""

    argv: tuple[str, ...]
    user: str = ""
    group: str = ""
    timeout_ns: int = 60 * NS_PER_S
    """After it the whole process group is killed."""


class NotifyScripts(msgspec.Struct, frozen=True, kw_only=True):
    """keepalived's `notify_*`: the specific one runs first with just the argv of the text, then `notify` with four
    more arguments: INSTANCE or GROUP, name, MASTER|BACKUP|FAULT|STOP|DELETED, effective priority."""

    master: Script | None = None
    backup: Script | None = None
    fault: Script | None = None
    stop: Script | None = None
    deleted: Script | None = None
    notify: Script | None = None
