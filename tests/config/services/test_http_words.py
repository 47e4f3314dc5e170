"""alived's own words for checks of HTTP: what they come to, in a real server and in `check NAME`, and what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from alived.config.load import load_text
from alived.health.config import Comparison, HttpCheck, JsonAssertion, SmtpCheck, Url
from tests.config.helpers import complaints, instance_text
from tests.config.services.helpers import checks

INSTANCE = instance_text()


def url(*lines: str) -> Url:
    statements = "\n".join(("path /", *lines))
    (found,) = checks(f"HTTP_GET {{\nurl {{\n{statements}\n}}\n}}")
    assert isinstance(found, HttpCheck)
    return found.urls[0]


def wrong(*lines: str) -> list[tuple[str, int]]:
    """The lines begin at 5."""
    statements = "\n".join(("path /", *lines))
    text = f"check c {{\nhttp {{\ntarget 192.0.2.1 80\nurl {{ {statements}\n}}\n}}\n}}\n"
    return complaints(text + INSTANCE)


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (("method HEAD",), {"method": "HEAD"}),
        (
            ("headers {", 'X-Token "a b"', "Host example.com", "}"),
            {"headers": (("X-Token", "a b"), ("Host", "example.com"))},
        ),
        (('body "all is well"',), {"method": "POST", "body": "all is well"}),
        (("method PUT", "body x"), {"method": "PUT", "body": "x"}),
        (("end_at_length",), {"end_at_length": True}),
        (("decode_chunked on",), {"decode_chunked": True}),
        (("max_body 1000",), {"max_body": 1000}),
        (('contains "is well"',), {"contains": "is well"}),
        (
            ("json {", "$.a == UP", "$.b[-1] < 5", "$.c", '$.d "!=" true', "}"),
            {
                "json_path": (
                    JsonAssertion("$.a", Comparison.EQUAL, "UP"),
                    JsonAssertion("$.b[-1]", Comparison.LESS, 5),
                    JsonAssertion("$.c"),
                    JsonAssertion("$.d", Comparison.UNEQUAL, True),
                )
            },
        ),
    ],
)  # fmt: skip
def test_what_a_url_says(lines: tuple[str, ...], fields: dict[str, Any]) -> None:
    assert url(*lines) == Url(path="/", **fields)


@pytest.mark.parametrize(
    ("lines", "finding"),
    [
        (("method get",), ("invalid-value", 5)),
        (("method G\u00c9T",), ("invalid-value", 5)),
        (("body a b",), ("invalid-value", 5)),
        (("headers {", "X-Token", "}"), ("invalid-value", 6)),
        (("headers {", "X-Token a b", "}"), ("invalid-value", 6)),
        (("headers {", "X:Token a", "}"), ("invalid-value", 6)),
        (("headers {", "Content-Length 5", "}"), ("invalid-value", 6)),
        (("headers {", "X-Token a\u0001b", "}"), ("invalid-value", 6)),
        (("json {", "status == UP", "}"), ("invalid-value", 6)),
        (("json {", "$..a", "}"), ("invalid-value", 6)),
        (("json {", "$.a = UP", "}"), ("invalid-value", 6)),
        (("json {", "$.a ==", "}"), ("invalid-value", 6)),
        (("max_body 0",), ("out-of-range", 5)),
        (('regex "(a"',), ("invalid-regex", 5)),
        (('regex "a(?=b)"',), ("unknown-regex", 5)),
        (("regex a", "regex_options ucp"), ("unknown-regex", 5)),
    ],
)
def test_what_is_wrong(lines: tuple[str, ...], finding: tuple[str, int]) -> None:
    assert wrong(*lines) == [finding]


def test_a_text_needs_both_its_quotes() -> None:
    assert set(wrong('body "a')) == {("unclosed-quote", 5)}


def test_tls_of_ssl_get() -> None:
    words = "tls_verify\ntls_ca /ca.pem\ntls_certificate /c.pem\ntls_key /k.pem\ntls_expiry_days 14"
    (found,) = checks(f"SSL_GET {{\n{words}\nurl {{\npath /\n}}\n}}")
    assert isinstance(found, HttpCheck)
    assert (found.tls, found.tls_verify, found.tls_ca) == (True, True, "/ca.pem")
    assert (found.tls_certificate, found.tls_key, found.tls_expiry_days) == ("/c.pem", "/k.pem", 14)


def test_a_certificate_needs_its_key() -> None:
    text = "check c {\nhttps {\ntarget 192.0.2.1\ntls_key /k.pem\nurl {\npath /\n}\n}\n}\n" + INSTANCE
    assert complaints(text) == [("missing-keyword", 4)]


def test_expiry_of_other_checks() -> None:
    text = "check c {\nsmtp {\ntarget 192.0.2.1\ntls\ntls_expiry_days 7\n}\n}\n" + INSTANCE
    loaded = load_text(text, "f")
    assert loaded.config is not None
    check = loaded.config.checks[0]
    assert isinstance(getattr(check, "check", None), SmtpCheck) and check.check.tls_expiry_days == 7  # type: ignore[union-attr]


def test_yaml_says_the_same() -> None:
    text = """
vrrp_instances:
  - {name: a, interface: eth0, virtual_router_id: 1, priority: 100, no_virtual_ipaddress: true}
checks:
  - name: c
    https:
      target: 192.0.2.1 443
      tls_expiry_days: 7
      urls:
        - path: /
          body: '{"a": [1, "b c"]}'
          json: ["$.a == UP", "$.b < 5"]
          headers: {X-Token: a b}
"""
    loaded = load_text(text, "f.yaml")
    assert loaded.config is not None, loaded.diagnostics
    (url_,) = loaded.config.checks[0].check.urls  # type: ignore[union-attr]
    assert (url_.method, url_.body, url_.headers) == ("POST", '{"a": [1, "b c"]}', (("X-Token", "a b"),))
    assert [one.path for one in url_.json_path] == ["$.a", "$.b"]
