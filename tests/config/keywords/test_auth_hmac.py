"""`auth_hmac`: keys are read, never shown."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_S
from alived.config.load import load_text
from alived.vrrp.config import AntiReplay, AuthHmac, HmacKey, HmacMode
from tests.config.helpers import complaints, instance_text

SECRET = "0123456789abcdef0123456789abcdef"


def read(body: str) -> AuthHmac | None:
    """The value, although this version refuses to run with it."""
    loaded = load_text(instance_text(f"auth_hmac {{\n{body}\n}}"))
    assert loaded.plan is not None
    (one,) = loaded.plan.instances
    return one.instance.vrrp.auth_hmac


def test_everything() -> None:
    body = f"key 1 hex:{'ab' * 32}\nkey 2 file:/etc/key\nkey 3 {SECRET}\nactive_key 2\ntime_window 9\n"
    assert read(body + "anti_replay monotonic\nmode receive-only") == AuthHmac(
        keys=(HmacKey(1, b"\xab" * 32), HmacKey(2, file="/etc/key"), HmacKey(3, SECRET.encode())),
        active_key=2,
        time_window_ns=9 * NS_PER_S,
        anti_replay=AntiReplay.MONOTONIC,
        mode=HmacMode.RECEIVE_ONLY,
    )


def test_a_secret_is_not_in_its_text() -> None:
    assert SECRET not in repr(read(f"key 3 {SECRET}\nactive_key 3"))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("key 1", "missing-argument"),
        (f"key 0 {SECRET}", "out-of-range"),
        ("key 1 hex:abc", "invalid-value"),
        ("key 1 short", "out-of-range"),
        (f"key 1 {SECRET}\nkey 1 {SECRET}\nactive_key 1", "duplicate-name"),
        (f"key 1 {SECRET}\nactive_key 2", "unknown-key"),
        (f"key 1 {SECRET}", "unknown-key"),
        (f"key 1 {SECRET}\nactive_key 1\nmode strict", "invalid-value"),
        (f"key 1 {SECRET}\nactive_key 1\ntime_window 301", "out-of-range"),
    ],
)
def test_what_is_wrong(body: str, code: str) -> None:
    text = instance_text(f"auth_hmac {{\n{body}\n}}")
    assert [one for one, _ in complaints(text) if one != "not-supported"] == [code]
    assert not any(SECRET in str(found) for found in load_text(text).diagnostics)
