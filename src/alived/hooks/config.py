"""What an operator can say about scripts that run on a change of state. Frozen values in keepalived's words."""

from __future__ import annotations

import enum

import msgspec

from alived.base import NS_PER_S
from alived.owner import HookEvent as HookEvent


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A command: argv, never a shell line. user "": `script_user` (keepalived_script if there is one, else root)."""

    argv: tuple[str, ...]
    user: str = ""
    group: str = ""
    timeout_ns: int = 60 * NS_PER_S
    """After it the whole process group is killed."""


class NotifyScripts(msgspec.Struct, frozen=True, kw_only=True):
    """keepalived's `notify_*`: the specific one runs first with just the argv of the text, then `notify` with four
    more arguments: INSTANCE or GROUP, name, MASTER|BACKUP|FAULT|STOP|DELETED, effective priority (0 of a group)."""

    master: Script | None = None
    backup: Script | None = None
    fault: Script | None = None
    stop: Script | None = None
    deleted: Script | None = None
    says_deleted: bool = False
    """`notify_deleted`, with or without a command: a deleted instance is reported as DELETED, else as FAULT"""
    master_rx_lower_pri: Script | None = None
    """`notify_master_rx_lower_pri`: a MASTER has heard an advert of a lower priority"""
    notify: Script | None = None
    up: Script | None = None
    """`notify_up` of a real server, `quorum_up` of a virtual server"""
    down: Script | None = None


class OnFailure(enum.StrEnum):
    """What a hook that fails or takes too long means."""

    ABORT = "abort"
    """The node steps down, releases its addresses and backs off."""
    CONTINUE = "continue"
    """A line in the log."""
    RETRY = "retry"
    """Once more after a pause, `retries` times; then abort."""


ON_FAILURE = {
    HookEvent.TO_READY: OnFailure.CONTINUE,
    HookEvent.TO_MASTER: OnFailure.ABORT,
    HookEvent.TO_SLAVE: OnFailure.ABORT,
    HookEvent.TO_DESTROY: OnFailure.CONTINUE,
    HookEvent.BEFORE_BIND: OnFailure.ABORT,
    HookEvent.AFTER_BIND: OnFailure.CONTINUE,
    HookEvent.BEFORE_UNBIND: OnFailure.CONTINUE,
    HookEvent.AFTER_UNBIND: OnFailure.CONTINUE,
}
"""vip-switch's defaults for its events; only a veto needs more than a line in the log for the others."""


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A script that runs on an event. Its environment has only what is said here and the state of the group."""

    event: HookEvent
    script: Script
    on_failure: OnFailure
    retries: int = 3
    retry_delay_ns: int = NS_PER_S
    """Before the first repetition; doubled before each further one"""
    environment: tuple[tuple[str, str], ...] = ()
    """Names and templates (`alived.hooks.template`)"""
    sha256: str = ""
    """Hexadecimal; a script with another content does not run. "": any content"""
    hmac: str = ""
    """Likewise its HMAC-SHA-256 with the key in the file `hmac_key`: who may write the configuration but does not know
    the key cannot pin another script"""
    hmac_key: str = ""

    @property
    def pinned(self) -> bool:
        return bool(self.sha256 or self.hmac)
