"""Signatures, as a receiver would verify them; in the tests of the notifier openssl does."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qs

from alived.notify.signatures import dingtalk_query, feishu_signature, our_signature


def test_ours_is_verified_from_the_timestamp_and_the_body() -> None:
    """The value is what `printf '1795297554.{"a":1}' | openssl dgst -sha256 -hmac SEC123` says."""
    assert (
        our_signature(b"SEC123", 1795297554, b'{"a":1}')
        == "sha256=8134194f7b6414fb44a3e431e19a3e51cec06732af51e1edef9ba465cf7a59db"
    )
    assert our_signature(b"SEC123", 1795297554, b'{"a":2}') != our_signature(b"SEC123", 1795297554, b'{"a":1}')
    assert our_signature(b"SEC123", 1795297555, b'{"a":1}') != our_signature(b"SEC123", 1795297554, b'{"a":1}')


def test_dingtalk_signs_the_time_and_the_secret_with_the_secret() -> None:
    found = parse_qs(dingtalk_query(b"SEC123", 1795297554472))
    assert found["timestamp"] == ["1795297554472"]
    digest = hmac.new(b"SEC123", b"1795297554472\nSEC123", hashlib.sha256).digest()
    assert base64.b64decode(found["sign"][0]) == digest


def test_feishu_signs_nothing_with_the_time_and_the_secret() -> None:
    digest = hmac.new(b"1795297554\nSEC123", b"", hashlib.sha256).digest()
    assert base64.b64decode(feishu_signature(b"SEC123", 1795297554)) == digest
