"""Values of a virtual router."""

from __future__ import annotations

from alived.vrrp.config import AuthHmac, HmacKey


def test_a_secret_is_in_no_text_of_its_key() -> None:
    """It would get into a log or a trace."""
    key = HmacKey(3, b"correct horse battery staple 1234")
    for shown in (repr(key), str(key), repr(AuthHmac(keys=(key,), active_key=3))):
        assert "horse" not in shown and "id=3" in shown
