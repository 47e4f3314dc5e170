"""SCRAM-SHA-256: the example of RFC 7677, section 3, and servers that are not honest."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.wire.scram import MAX_ITERATIONS, Scram

NONCE = "rOprNGfwEbeRWgbNEkqO"
FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
PROOF = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="


def test_the_example_of_the_rfc() -> None:
    scram = Scram("user", "pencil", NONCE)
    assert scram.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert scram.final(FIRST) == PROOF
    scram.verify(FINAL)


def test_a_password_is_salted_once_for_a_server_and_again_when_anything_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    salted: list[tuple[Any, ...]] = []
    real = hashlib.pbkdf2_hmac
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", lambda *facts: salted.append(facts) or real(*facts))
    for password, first in (
        ("another pencil", FIRST),
        ("another pencil", FIRST),
        ("a third pencil", FIRST),
        ("another pencil", FIRST.replace(b"W22Z", b"X22Z")),
        ("another pencil", FIRST.replace(b"4096", b"4097")),
        ("another pencil", FIRST),
    ):
        Scram("user", password, NONCE).final(first)
    assert len(salted) == len(set(salted)) == 4


def test_names_are_escaped() -> None:
    assert Scram("a,b=c", "", "x").first() == b"n,,n=a=2Cb=3Dc,r=x"


def test_a_server_that_does_not_know_the_password() -> None:
    scram = Scram("user", "pencil", NONCE)
    scram.final(FIRST)
    for said in (b"v=AAAA", b"e=other-error", b"", b"v=AAA"):
        with pytest.raises(DecodeError):
            scram.verify(said)


def test_a_server_that_says_it_is_done_before_it_has_begun() -> None:
    with pytest.raises(DecodeError, match="does not prove"):
        Scram("user", "pencil", NONCE).verify(FINAL)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (FIRST.replace(b"rOpr", b"XXXX"), "its first message of SCRAM is wrong"),
        (b"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "its first message of SCRAM is wrong"),
        (b"", "its first message of SCRAM is wrong"),
        (FIRST.replace(b"W22Z", b"W=2Z"), "its message of SCRAM is no base64"),
        (FIRST.replace(b"4096", b"%d" % (MAX_ITERATIONS + 1)), "it wants 65537 iterations of SCRAM"),
        (FIRST.replace(b"4096", b"0"), "it wants 0 iterations of SCRAM"),
    ],
)
def test_a_first_message_that_is_wrong(said: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        Scram("user", "pencil", NONCE).final(said)


@given(st.binary(max_size=80))
def test_bears_anything(said: bytes) -> None:
    scram = Scram("", "pencil", NONCE)
    for hear in (scram.final, scram.verify):
        with pytest.raises(DecodeError):
            hear(said)
