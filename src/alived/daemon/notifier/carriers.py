"""How a piece of news becomes a conversation with a mail server or a webhook, and what the end of that means."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from alived.adapters.key_files import KeyFileError, private_content
from alived.adapters.probes import ProbeEnd
from alived.base import AlivedError
from alived.config.model import Config
from alived.health.dialogue import Inquiry, Tls, Transport, Verdict
from alived.notify.config import MAIL, RETRY_FOR_NS, MailSettings, MailTls, MessageFormat, Webhook
from alived.notify.mail import MAILED, message
from alived.notify.mail_dialogue import Envelope, MailDialogue
from alived.notify.news import News
from alived.notify.outbox_events import Outcome, Reply
from alived.notify.post import Post
from alived.notify.webhook import is_wanted, judge, request

MAX_SECRET_BYTES = 4096
SIGNED = (MessageFormat.JSON, MessageFormat.DINGTALK, MessageFormat.FEISHU)


class CarrierError(AlivedError):
    """News that cannot even be sent now; the text is a sentence for the operator."""


class Errand(NamedTuple):
    """A conversation, and what its end means."""

    inquiry: Inquiry
    judge: Callable[[Verdict], Outcome]

    def outcome(self, end: ProbeEnd) -> Outcome:
        if isinstance(end.outcome, Verdict):
            return self.judge(end.outcome)
        return Outcome(Reply.AGAIN, end.outcome.reason)


class Carrier(Protocol):
    name: str
    retry_for_ns: int
    recipients: tuple[str, ...]
    """Of one that may take a message for some of them only"""

    def errand(self, news: News, recipients: tuple[str, ...] = ()) -> Errand:
        """recipients: for them alone; (): for all. Raises CarrierError."""

    def wants(self, news: News) -> bool:
        """As far as the receiver itself says so."""


class MailCarrier:
    """To the recipients of `notification_email`."""

    name = MAIL
    retry_for_ns = RETRY_FOR_NS

    def __init__(self, mail: MailSettings, node: str) -> None:
        self.mail, self._node = mail, node
        self.recipients = mail.recipients

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MailCarrier) and (self.mail, self._node) == (other.mail, other._node)

    def wants(self, news: News) -> bool:
        return news.word in MAILED

    def errand(self, news: News, recipients: tuple[str, ...] = ()) -> Errand:
        mail = self.mail
        host = os.uname().nodename
        helo = mail.helo_name or host
        sender = mail.sender or f"keepalived@{host}"
        dialogue = MailDialogue(
            Envelope(
                helo_name=helo,
                sender=sender,
                recipients=recipients or mail.recipients,
                message=message(news, self._node, sender, mail.recipients, helo),
                tls=mail.tls,
                user=mail.user,
                password=_secret(mail.password_file, "the password of mail").decode() if mail.password_file else "",
            )
        )

        def judge_mail(verdict: Verdict) -> Outcome:
            refused = not verdict.ok and dialogue.permanent
            reply = Reply.TAKEN if verdict.ok else Reply.REFUSED if refused else Reply.AGAIN
            return Outcome(reply, verdict.reason, incomplete=dialogue.is_incomplete, deferred=dialogue.deferred)

        tls = None
        if mail.tls is not MailTls.OFF:
            tls = _tls(mail.server, mail.ca_file, True, at_once=mail.tls is MailTls.TLS)
        return Errand(_inquiry(mail.server, mail.port, dialogue, mail.connect_timeout_ns, tls), judge_mail)


class WebhookCarrier:
    recipients: tuple[str, ...] = ()

    def __init__(self, hook: Webhook, node: str) -> None:
        self.hook, self._node = hook, node
        self.name = hook.name
        self.retry_for_ns = hook.retry_for_ns

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WebhookCarrier) and (self.hook, self._node) == (other.hook, other._node)

    def wants(self, news: News) -> bool:
        return not news.of_check and is_wanted(news, self.hook)

    def errand(self, news: News, recipients: tuple[str, ...] = ()) -> Errand:
        assert not recipients, "a webhook is one"
        hook = self.hook
        secret = b""
        if hook.secret_file and hook.format in SIGNED:
            secret = _secret(hook.secret_file, f"the secret of webhook {hook.name}")
        posted = request(hook, news, self._node, secret, time.time())
        post = Post(posted.octets)

        def judge_post(verdict: Verdict) -> Outcome:
            if post.answer is None:
                return Outcome(Reply.AGAIN, verdict.reason)
            return judge(hook.format, post.answer)

        tls = _tls(posted.host, hook.ca_file, hook.verify, at_once=True) if posted.tls else None
        return Errand(_inquiry(posted.host, posted.port, post, hook.timeout_ns, tls), judge_post)


def carriers(config: Config) -> dict[str, Carrier]:
    """All receivers of a configuration, by name; `mail` is no name for a webhook."""
    defaults, notifications = config.global_defs, config.notifications
    node = defaults.router_id or os.uname().nodename
    found: dict[str, Carrier] = {}
    if defaults.mail.is_complete:
        found[MailCarrier.name] = MailCarrier(defaults.mail, node)
    for hook in notifications.webhooks:
        found[hook.name] = WebhookCarrier(hook, node)
    return found


def _inquiry(host: str, port: int, dialogue: MailDialogue | Post, timeout_ns: int, tls: Tls | None) -> Inquiry:
    return Inquiry(
        transport=Transport.STREAM, address=host, port=port, dialogue=dialogue, timeout_ns=timeout_ns, tls=tls
    )


def _tls(host: str, ca_file: str, verify: bool, *, at_once: bool) -> Tls:
    name = "" if host.replace(".", "").isdigit() or ":" in host else host
    return Tls(server_name=name, verify=verify, ca=ca_file, modern=True, at_once=at_once)


def _secret(path: str, what: str) -> bytes:
    """Without the line end that editors leave."""
    try:
        content = private_content(path, what, MAX_SECRET_BYTES).strip()
    except KeyFileError as error:
        raise CarrierError(str(error)) from error
    if not content or len(content) > MAX_SECRET_BYTES:
        raise CarrierError(f"{what}: {path} is {'empty' if not content else 'too long'}")
    return content
