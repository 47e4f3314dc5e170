"""Table of `auth_hmac`: the signed adverts of keepalived 2.4."""

from __future__ import annotations

from alived.config.findings import Findings
from alived.config.keywords.converters import Converter, check_no_more, choice, integer, parse_integer, whole_seconds
from alived.config.keywords.table import Settings, read_settings, table, works
from alived.config.text.blocks import Block, Word
from alived.vrrp.config import AntiReplay, AuthHmac, HmacKey, HmacMode

KEY_BYTES = (32, 64)
"""A key is as long as this, at least and at most."""
_EXAMPLE = "hex:" + bytes(range(KEY_BYTES[0])).hex()
_SHAPE = "ID hex:DIGITS|file:PATH|TEXT"


def _key() -> Converter:
    """`ID VALUE`, several of them: `hex:DIGITS`, `file:PATH` (not opened here) or the key itself."""

    def read(block: Block, findings: Findings) -> tuple[HmacKey, ...] | None:
        if len(block.arguments) < 2:
            message = "'key' needs a number and a value"
            findings.error(block.location, "missing-argument", message, f"key {_SHAPE}")
            return None
        check_no_more(block, 2, findings)
        number, word = block.arguments[:2]
        identity = parse_integer(number, 1, 255, "number of a key", findings)
        key = _secret(word, identity or 0, findings)
        return (key,) if identity and key else None

    return Converter(_SHAPE, f"1 {_EXAMPLE}", read, merge="append")


def _secret(word: Word, identity: int, findings: Findings) -> HmacKey | None:
    """Never shows the key in a message."""
    if word.text.startswith("file:"):
        return HmacKey(identity, file=word.text.removeprefix("file:"))
    try:
        digits = word.text.startswith("hex:")
        secret = bytes.fromhex(word.text.removeprefix("hex:")) if digits else word.text.encode()
    except ValueError:
        message = f"key {identity}: the digits after 'hex:' are no hexadecimal bytes"
        findings.error(word.location, "invalid-value", message, "an even number of digits 0-9 and a-f")
        return None
    low, high = KEY_BYTES
    if low <= len(secret) <= high:
        return HmacKey(identity, secret)
    message = f"key {identity} has {len(secret)} bytes"
    findings.error(word.location, "out-of-range", message, f"expected: {low} to {high} bytes")
    return None


AUTH_HMAC = table(
    "in auth_hmac",
    works("key", _key(), "A key by its number; several while keys are changed.", field="keys", since="2.4.0"),
    works("active_key", integer(1, 255, 1), "The key that adverts are signed with.", since="2.4.0"),
    works(
        "time_window",
        whole_seconds(1, 300),
        "How old a signed advert may be.",
        default="3 times advert_int, at least 5",
        since="2.4.0",
    ),
    works(
        "anti_replay",
        choice(*AntiReplay),
        "Old adverts are known by their time (clocks must agree) or by their counter.",
        default=AntiReplay.TIME,
        since="2.4.0",
    ),
    works(
        "mode",
        choice(*HmacMode),
        "permissive accepts unsigned adverts too, receive-only also sends none that are signed.",
        default=HmacMode.ENFORCE,
        since="2.4.0",
    ),
)


def auth_hmac() -> Converter:
    """The block -> AuthHmac; the active key is one of the keys."""

    def read(block: Block, findings: Findings) -> AuthHmac | None:
        check_no_more(block, 0, findings)
        said = read_settings(block, AUTH_HMAC, findings)
        keys = _unique(said, findings)
        active: int = said.get("active_key", 0)
        if active not in {key.id for key in keys} and not said.tried - set(dict(said)):
            message = f"active_key {active} is none of the keys" if active else "active_key is missing"
            findings.error(said.place("active_key"), "unknown-key", message, "key ID VALUE, active_key ID")
        return AuthHmac(
            keys=keys,
            active_key=active,
            time_window_ns=said.get("time_window"),
            anti_replay=AntiReplay(said.get("anti_replay", AntiReplay.TIME)),
            mode=HmacMode(said.get("mode", HmacMode.ENFORCE)),
        )

    return Converter("{ ... }", f"{{\nkey 1 {_EXAMPLE}\nactive_key 1\n}}", read, block=True)


def _unique(said: Settings, findings: Findings) -> tuple[HmacKey, ...]:
    keys: tuple[HmacKey, ...] = said.get("keys", ())
    by_number: dict[int, HmacKey] = {}
    for key in keys:
        if by_number.setdefault(key.id, key) is not key:
            findings.error(said.place("keys"), "duplicate-name", f"key {key.id} is given twice", "one value each")
    return tuple(by_number.values())
