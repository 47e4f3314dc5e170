"""HTTP_GET and SSL_GET: one URL on a connection of its own.

As keepalived: the body is what comes until the server ends the connection, raw; the header must end within 4096
octets; then status code, digest and regex are looked at, in this order, and the first that is wrong decides. A wrong
status is known as soon as the header is, so the body is not waited for. What keepalived does not have (`method`,
`headers`, `body`, `end_at_length`, `decode_chunked`, `contains`, `json_path`) is in force only if it is configured;
`max_body` always is.
"""

from __future__ import annotations

import functools
import re

from alived.health.config import HttpCheck, HttpProtocol, SslContext, Url
from alived.health.dialogue import Step, Tls, Verdict, verdict
from alived.health.dialogues.conversation import Conversation, shown
from alived.health.dialogues.http_body import Body, body_of
from alived.health.dialogues.http_conditions import conditions

MAX_HEADER = 4096
"""Octets, the empty line at its end included (keepalived's buffer)"""
USER_AGENT = "KeepAliveClient"
KNOWN_CHECKS = 4096
"""That what does not change from run to run is kept of"""
_WITH_LENGTH = ("POST", "PUT", "PATCH")
"""Methods whose requests say how long their body is, even if there is none (RFC 9110 section 8.6)"""
_END_OF_HEADER = b"\r\n\r\n"
_STATUS = re.compile(rb"[^ ]* (\d{3}) ")


class HttpDialogue(Conversation):
    """One request and its answer."""

    awaited = "answer"

    def __init__(self, request: bytes, url: Url) -> None:
        self._request = request
        self._url = url
        self._header = b""
        self._status = 0
        self._body: Body | None = None
        self._left = url.max_body
        """Octets after the header that may still come"""
        self._conditions = conditions(url)

    def begun(self) -> Step:
        return Step(send=self._request, patience=True)

    def received(self, data: bytes) -> Step:
        """Every piece renews the patience, as in keepalived."""
        if self._body is not None:
            return self._take_body(self._body, data)
        before = len(self._header)
        self._header += data[: MAX_HEADER - before]
        end = self._header.find(_END_OF_HEADER) + len(_END_OF_HEADER)
        if end >= len(_END_OF_HEADER):
            return self._take_header(self._header[:end], data[end - before :])
        if len(self._header) == MAX_HEADER:
            return verdict(False, f"the header does not end within {MAX_HEADER} octets")
        return Step(patience=True)

    def ended(self) -> Verdict:
        if not self._header:
            return Verdict(False, "the server ended the connection without an answer")
        if self._body is None:
            return Verdict(False, f"the server ended the connection within the header, after {self._octets()}")
        if self._body.incomplete(self._url.end_at_length):
            return Verdict(False, f"the server ended the connection within the body, after {self._octets()}")
        return self._judge(cut=False)

    def broken(self, why: str) -> Verdict:
        return Verdict(False, f"{why} after {self._octets()} of its answer" if self._header else f"{why}, no answer")

    def timed_out(self) -> Verdict:
        if not self._header:
            return Verdict(False, "no answer in time")
        if self._body is None:
            return Verdict(False, f"the header did not end in time, {self._octets()} came")
        if self._body.complete:
            hint = "http_protocol 1.0C or 1.1 asks it to"
            return Verdict(False, f"the answer is whole, but the server did not end the connection in time: {hint}")
        return Verdict(False, f"the body did not end in time, {self._octets()} came")

    def _octets(self) -> str:
        return f"{len(self._header) if self._body is None else self._body.read} octets"

    # -- header --

    def _take_header(self, header: bytes, rest: bytes) -> Step:
        self._header = header
        found = _STATUS.match(header)
        self._status = int(found[1]) if found else 0
        if wrong := self._wrong_status():
            return verdict(False, wrong)
        self._body = self._body_of(header)
        return self._take_body(self._body, rest)

    def _wrong_status(self) -> str:
        if any(first <= self._status <= last for first, last in self._url.status_code):
            return ""
        if not self._status:
            return f"no status code in {shown(self._header.partition(_END_OF_HEADER[:2])[0])}"
        wanted = " ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in self._url.status_code)
        return f"HTTP status {self._status}, not {wanted}"

    def _body_of(self, header: bytes) -> Body:
        if self._url.method == "HEAD":
            return Body(0)
        return body_of(self._status, header, decode_chunked=self._url.decode_chunked or self._url.end_at_length)

    # -- body --

    def _take_body(self, body: Body, data: bytes) -> Step:
        cut = len(data) > self._left
        data = data[: self._left]
        self._left -= len(data)
        content = body.feed(data)
        if body.error:
            return verdict(False, body.error)
        if content:
            for condition in self._conditions:
                condition.feed(content)
        if cut or (self._url.end_at_length and body.complete):
            return Step(verdict=self._judge(cut=cut and not body.complete))
        return Step(patience=True)

    def _judge(self, cut: bool) -> Verdict:
        for condition in self._conditions:
            if why := condition.failure(cut):
                return Verdict(False, why)
        return Verdict(True, f"HTTP status {self._status}" + (", the body is longer than max_body" if cut else ""))


def dialogue(check: HttpCheck, url: Url) -> HttpDialogue:
    return HttpDialogue(request(check, url), url)


@functools.lru_cache(KNOWN_CHECKS)
def request(check: HttpCheck, url: Url) -> bytes:
    """keepalived's, octet by octet, unless there are native options."""
    version = "1.1" if check.http_protocol is HttpProtocol.HTTP_1_1 else "1.0"
    fields = [("User-Agent", USER_AGENT)]
    if check.http_protocol is not HttpProtocol.HTTP_1_0:
        fields.append(("Connection", "close"))
    fields.append(("Host", url.virtualhost or _host(check.connect_ip, check.connect_port)))
    body = url.body.encode()
    if body or url.method in _WITH_LENGTH:
        fields.append(("Content-Length", str(len(body))))
    replaced = {name.lower() for name, _ in url.headers}
    fields = [(name, value) for name, value in fields if name.lower() not in replaced] + list(url.headers)
    lines = [f"{url.method} {url.path} HTTP/{version}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode() + body


def _host(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@functools.lru_cache(KNOWN_CHECKS)
def tls(check: HttpCheck, url: Url, defaults: SslContext) -> Tls | None:
    """None: no TLS. defaults: the `SSL` block, for what the check does not say itself."""
    if not check.tls:
        return None
    own = bool(check.tls_certificate)
    return Tls(
        server_name=check.server_name(url),
        verify=check.tls_verify,
        ca=check.tls_ca or defaults.ca,
        certificate=check.tls_certificate or defaults.certificate,
        key=check.tls_key if own else defaults.key,
        password=defaults.password,
        close_notify=url.tls_compliant,
    )
