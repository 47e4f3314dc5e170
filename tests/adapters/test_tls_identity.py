"""Certificates: whatever a peer would object to is said at home, before anybody is met."""

from __future__ import annotations

import functools
import os
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from alived.adapters.peers import PeersError
from alived.adapters.tls_identity import SECONDS_PER_DAY, expiry_text, load_identity, names
from alived.raft.config import Tls
from tests.adapters.certificates import Authority

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
load = functools.partial(load_identity, node_id="a", members=["a", "b"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def refusal(tls: Tls) -> str:
    with pytest.raises(PeersError) as error:
        load(tls)
    return str(error.value)


def test_a_good_one(authority: Authority) -> None:
    identity = load(authority.issue("a", days=10))
    days = (identity.expires_s - time.time()) / SECONDS_PER_DAY
    assert 9.9 < days <= 10
    for context in (identity.client, identity.server):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_3
        assert context.verify_mode == ssl.CERT_REQUIRED


def test_the_same_files_are_the_same_identity(authority: Authority) -> None:
    tls = authority.issue("a", file="first")
    assert load(tls).digest == load(tls).digest
    assert load(tls).digest != load(authority.issue("a", file="second")).digest


def test_the_name_is_in_the_alternative_names_or_else_the_common_one(authority: Authority) -> None:
    load(authority.issue("host", dns=("host.example", "a"), file="alternative"))
    assert refusal(authority.issue("a", dns=("host.example",), file="other")).endswith(
        'other.pem is for host.example, not for this node: its subjectAltName must have the DNS name "a"'
    )
    assert names({"subject": ((("commonName", "a"),), (("countryName", "XX"),))}) == ["a"]
    assert names({}) == []


def test_one_for_several_members_is_nobodys(authority: Authority) -> None:
    text = refusal(authority.issue("x", dns=("a", "b", "c"), file="shared"))
    assert text.endswith("shared.pem is for a and b: each member needs one of its own")


def test_expired(authority: Authority) -> None:
    text = refusal(authority.issue("a", days=-1, file="expired"))
    assert "would be refused by who trusts" in text
    assert text.endswith("certificate has expired")


def test_of_another_authority(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    tls = msgspec.structs.replace(authority.issue("a", file="foreign"), ca_file=str(other.certificate))
    assert "unable to get local issuer certificate" in refusal(tls)


@pytest.mark.parametrize("usage", ["clientAuth", "serverAuth"])
def test_for_one_side_only(authority: Authority, usage: str) -> None:
    assert "unsuitable certificate purpose" in refusal(authority.issue("a", usage=usage, file=usage))


def test_a_key_of_another_certificate(authority: Authority) -> None:
    one, other = authority.issue("a", file="one"), authority.issue("a", file="another")
    text = refusal(msgspec.structs.replace(one, key_file=other.key_file))
    assert "one.pem and" in text
    assert text.endswith("another.key cannot be used together: key values mismatch")


def test_a_key_with_a_password_asks_nobody(authority: Authority) -> None:
    tls = authority.issue("a", file="locked")
    key = Path(tls.key_file)
    locked = ["openssl", "ec", "-in", str(key), "-aes256", "-passout", "pass:secret"]
    key.write_bytes(subprocess.run(locked, check=True, capture_output=True).stdout)
    assert refusal(tls).endswith("cannot be used together: the key is protected by a password")


def test_files_that_cannot_be_read(authority: Authority, tmp_path: Path) -> None:
    tls = authority.issue("a", file="lost")
    for field in ("ca_file", "cert_file"):
        lost = msgspec.structs.replace(tls, **{field: str(tmp_path / "none")})
        assert refusal(lost) == f"cannot read {tmp_path}/none: No such file or directory"
    text = refusal(msgspec.structs.replace(tls, key_file=str(tmp_path / "none")))
    assert text == f"cannot read TLS key file {tmp_path}/none: No such file or directory"
    os.chmod(tls.key_file, 0o640)
    assert refusal(tls).endswith("is open to others (mode 0640): chmod 600 it, and consider a new key")


def test_an_authority_that_is_none(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    tls = msgspec.structs.replace(authority.issue("a", file="unsigned"), ca_file=str(tmp_path / "empty"))
    assert refusal(tls).startswith(f"{tmp_path}/empty has no certificate of an authority: ")


def test_a_day_is_said_in_utc() -> None:
    assert expiry_text(0) == "1970-01-01"
    assert expiry_text(SECONDS_PER_DAY - 1) == "1970-01-01"
    assert expiry_text(SECONDS_PER_DAY) == "1970-01-02"
