"""What an operator can say in `global_defs` about mail, pipes and scripts of the daemon itself. Frozen values."""

from __future__ import annotations

import enum

import msgspec

from alived.base import NS_PER_S
from alived.hooks.config import Script
from alived.hooks.events import Kind, Word

SMTP_PORT = 25
MAIL = "mail"
"""What the receiver is called to whom mail goes; no webhook has this name."""


class MailTls(enum.StrEnum):
    OFF = "off"
    STARTTLS = "starttls"
    """RFC 3207; a server that does not offer it gets no mail"""
    TLS = "tls"
    """From the first octet on (RFC 8314), usually on port 465"""


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
    tls: MailTls = MailTls.OFF
    ca_file: str = ""
    """Authorities that the server's certificate must lead to; "": the system's"""
    user: str = ""
    """AUTH (RFC 4954); "": none"""
    password_file: str = ""
    of_raft_groups: bool = False
    """Mail on changes of groups elected by Raft: `smtp_alert_vrrp`, `smtp_alert`"""

    @property
    def is_complete(self) -> bool:
        """Without a server or a recipient there is no mail."""
        return bool(self.server and self.recipients)


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


class MessageFormat(enum.StrEnum):
    """Whose JSON a webhook gets."""

    JSON = "json"
    SLACK = "slack"
    DINGTALK = "dingtalk"
    WECOM = "wecom"
    FEISHU = "feishu"


class Language(enum.StrEnum):
    """Of the sentences of a message; reasons are English."""

    ENGLISH = "en"
    CHINESE = "zh"


USUAL_EVENTS = (Word.MASTER, Word.BACKUP, Word.FAULT, Word.STOP, Word.DELETED, Word.UP, Word.DOWN)
RETRY_FOR_NS = 24 * 3600 * NS_PER_S


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """Where changes of state are reported."""

    name: str
    url: str
    format: MessageFormat = MessageFormat.JSON
    language: Language = Language.ENGLISH
    secret_file: str = ""
    """Key of the signature; "": not signed"""
    timeout_ns: int = 10 * NS_PER_S
    retry_for_ns: int = RETRY_FOR_NS
    """After it a message that the other side does not take is given up"""
    events: tuple[Word, ...] = USUAL_EVENTS
    kinds: tuple[Kind, ...] = tuple(kind for kind in Kind if kind is not Kind.DAEMON)
    objects: tuple[str, ...] = ()
    """Names, of real and virtual servers as keepalived writes them; of a virtual server its real servers are told of,
    too. (): all"""
    headers: tuple[tuple[str, str], ...] = ()
    ca_file: str = ""
    """As for mail"""
    verify: bool = True


class Notifications(msgspec.Struct, frozen=True, kw_only=True):
    webhooks: tuple[Webhook, ...] = ()
    spool: str = ""
    """Directory of messages that were not taken yet; "": in the runtime directory"""
