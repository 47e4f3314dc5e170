"""What is told by mail and by pipes when the operator says nothing more: keepalived's defaults."""

from __future__ import annotations

from alived.base import NS_PER_S
from alived.notify.config import DaemonScripts, Fifos, MailSettings


def test_nobody_gets_mail_who_was_not_named() -> None:
    mail = MailSettings()
    assert (mail.recipients, mail.server) == ((), "")
    assert (mail.port, mail.connect_timeout_ns) == (25, 30 * NS_PER_S)


def test_nothing_is_written_and_nothing_runs_by_itself() -> None:
    assert (Fifos().all, Fifos().vrrp, Fifos().lvs) == (None, None, None)
    assert (DaemonScripts().startup, DaemonScripts().shutdown) == (None, None)


def test_mail_needs_a_server_and_somebody_who_gets_it() -> None:
    assert not MailSettings().is_complete
    assert not MailSettings(server="192.0.2.25").is_complete
    assert MailSettings(server="192.0.2.25", recipients=("a@example.com",)).is_complete
