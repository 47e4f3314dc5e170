"""A notifier on a loop of its own, and receivers that listen: for tests of what becomes of news."""

from __future__ import annotations

import hmac
import http.server
import pathlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from alived.adapters.loop import Loop
from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, GlobalDefs, Instance
from alived.daemon.notifier.notifier import Notifier
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import (
    BusMessage,
    Configure,
    LogLine,
    NewsDue,
    NewsTaken,
    NotifierSnapshot,
    SnapshotRequest,
)
from alived.notify.config import MailSettings, Notifications, Webhook
from alived.notify.outbox_events import OutboxSnapshot
from alived.vip.config import VipGroup
from alived.vrrp.config import VrrpInstance
from tests.daemon.processes import PATIENCE_S
from tests.notify.examples import news


class Heard(NamedTuple):
    """A request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Web:
    """Answers `status` with `headers` and `content`, and keeps what it was sent."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.content = b""
        self.date = ""
        """What its clock says; "": the time"""
        self.asked: list[Heard] = []
        self.taken: list[Heard] = []
        """While the status was 200"""
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.asked.append(heard := Heard(self.path, dict(self.headers.items()), body))
                if web.status == 200:
                    web.taken.append(heard)
                self.send_response(web.status)
                for name, value in web.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(web.content)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return web.date or super().date_time_string(timestamp)

            def log_message(self, *_: object) -> None:
                """Not to the terminal."""

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A client that does not trust us is no trouble of ours."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def events(self) -> list[str]:
        return [msgspec.json.decode(heard.body)["event_id"] for heard in self.taken]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Play:
    """A notifier on a loop, and what it said."""

    def __init__(self, directory: pathlib.Path, config: Config) -> None:
        self.loop = Loop()
        self.sent: list[BusMessage] = []
        self.notifier = Notifier(ChildContext("notifier", self.loop, config, self.sent.append), str(directory))
        self.notifier.start()
        self.stopped = False
        self._number = 0

    def tell(self, event_id: str, **fields: object) -> None:
        self._number += 1
        told = news(event_id=event_id, wall_time=time.time(), **fields)
        self.notifier.handle(NewsDue(self._number, told))

    def until(self, condition: Callable[[], object], what: str) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < give_up, f"never happened: {what}; {self.log()}"
            self.loop.call_later(5 * NS_PER_MS, self.loop.stop)
            self.loop.run()

    def configure(self, config: Config) -> None:
        self.notifier.handle(Configure(config))

    def taken(self) -> int:
        """What the parent need not keep any more."""
        return max((message.number for message in self.sent if isinstance(message, NewsTaken)), default=0)

    def target(self, name: str = "chat") -> OutboxSnapshot:
        return self.targets()[name]

    def until_error(self, name: str = "chat") -> str:
        self.until(lambda: self.target(name).last_error, f"{name} has a trouble")
        return self.target(name).last_error

    def log(self) -> list[str]:
        return [message.message for message in self.sent if isinstance(message, LogLine)]

    def targets(self) -> dict[str, OutboxSnapshot]:
        self.notifier.handle(SnapshotRequest(1))
        answer = self.sent.pop()
        assert isinstance(answer, NotifierSnapshot)
        return {target.name: target for target in answer.targets}

    def stop(self) -> None:
        def stopped() -> None:
            self.stopped = True

        self.notifier.stop(stopped)
        self.until(lambda: self.stopped, "it ends")
        self.loop.close()


MakePlay = Callable[[Config], Play]


def hooked(url: str, name: str = "chat", **fields: Any) -> Config:
    return Config(notifications=Notifications(webhooks=(Webhook(name=name, url=url, timeout_ns=NS_PER_S, **fields),)))


def refusing() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


User = tuple[str, str]
"""And the password"""


class Mailbox:
    """A mail server. starttls: without it nothing is taken. user: who has to log in. without: mechanisms that it does
    not offer."""

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        user: User | None = None,
        without: tuple[str, ...] = (),
    ) -> None:
        self.mails: list[Any] = []
        self.sessions: list[Any] = []
        self.logins: list[str] = []
        self.asked: list[str] = []
        """For which recipients, each time"""
        self.is_later = False
        """Whether it takes something for those who are refused for now"""
        self._user = user
        more: dict[str, Any] = {"tls_context": starttls, "require_starttls": starttls is not None}
        if user is not None:
            more |= {
                "auth_required": True,
                "auth_require_tls": starttls is not None,
                "auth_exclude_mechanism": without,
                "authenticator": self._authenticate,
            }
        self._controller = Controller(self, hostname="127.0.0.1", port=refusing(), ssl_context=tls, **more)
        self._controller.start()
        self.port = self._controller.port

    def _authenticate(self, _server: SMTP, _session: Any, _envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append(mechanism)
        return AuthResult(success=(data.login.decode(), data.password.decode()) == self._user, handled=False)

    async def auth_CRAM__MD5(self, server: SMTP, _arguments: Any) -> AuthResult:
        """aiosmtpd does not have it itself."""
        challenge = b"<1896.697170952@postoffice.reston.mci.net>"
        response = await server.challenge_auth(challenge)
        assert isinstance(response, bytes) and self._user is not None
        self.logins.append("CRAM-MD5")
        expected = hmac.new(self._user[1].encode(), challenge, "md5").hexdigest()
        return AuthResult(success=response.decode() == f"{self._user[0]} {expected}", handled=False)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        self.asked.append(address)
        if address.startswith("nobody"):
            return "550 no such user"
        if address.startswith("later") and not self.is_later:
            return "450 not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope)
        self.sessions.append(session)
        return "250 OK"

    def close(self) -> None:
        self._controller.stop()


def mailing(port: int, *recipients: str, alert: bool = True, **fields: Any) -> Config:
    mail = MailSettings(server="127.0.0.1", port=port, recipients=recipients or ("a@example.com",), **fields)
    vrrp = VrrpInstance(name="VI_1", interface="eth0", virtual_router_id=1)
    instance = Instance(vrrp=vrrp, vips=VipGroup(name="VI_1"), smtp_alert=alert)
    return Config(global_defs=GlobalDefs(mail=mail, router_id="n1"), instances=(instance,))
