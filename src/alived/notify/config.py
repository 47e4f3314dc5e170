"""What an operator can say in `global_defs` about mail, pipes and scripts of the daemon itself. Frozen values."""

from __future__ import annotations

import msgspec

from alived.base import NS_PER_S
from alived.hooks.config import Script

SMTP_PORT = 25


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whom changes are mailed to, and how. Who mails at all is said by `smtp_alert` of each instance and server."""

    recipients: tuple[str, ...] = ()
    """`notification_email`; none: no mail"""
    sender: str = ""
    """`notification_email_from`; "": keepalived@ and the host's name"""
    server: str = ""
    """`smtp_server`: name or address; "": no mail"""
    port: int = SMTP_PORT
    helo_name: str = ""
    """"": the host's name"""
    connect_timeout_ns: int = 30 * NS_PER_S
    no_email_faults: bool = False
    """No mail when an instance goes to FAULT"""


class Fifo(msgspec.Struct, frozen=True, kw_only=True):
    """A named pipe that gets a line on every change. script: reads it; its last argument is the path."""

    path: str
    user: str = ""
    group: str = ""
    script: Script | None = None


class Fifos(msgspec.Struct, frozen=True, kw_only=True):
    """`notify_fifo` gets everything, the others their part."""

    all: Fifo | None = None
    vrrp: Fifo | None = None
    lvs: Fifo | None = None
    states_on_reload: bool = False
    """`fifo_write_vrrp_states_on_reload`"""


class DaemonScripts(msgspec.Struct, frozen=True, kw_only=True):
    """Run once before anything starts, and once after everything has ended."""

    startup: Script | None = None
    shutdown: Script | None = None
    supplementary_groups: bool = False
    """`set_supplementary_groups`: scripts get all groups of their user"""
