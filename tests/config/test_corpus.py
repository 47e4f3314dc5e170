"""Configurations of other people, and what becomes of them when bytes get lost: never a crash, always a place."""

from __future__ import annotations

import functools
import pathlib
import posixpath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alived.config.findings import LIMIT
from alived.config.load import Loaded, load, load_text
from tests.corpus import CORPUS

FILES = CORPUS / "keepalived" / "files"

SEED = """! Configuration
global_defs {
   router_id LVS_1
   vrrp_version 3
   notification_email { a@example.com }
}
vrrp_sync_group G { group { VI_1
 VI_2 } notify "/bin/x 'y z'" root }
vrrp_instance VI_1 {
    state MASTER # comment
    interface eth0
    use_vmac vrrp.51
    virtual_router_id 51
    advert_int 0.25
    authentication { auth_type PASS
       auth_pass "a!b" }
    unicast_peer { 192.0.2.2 min_ttl 255 }
    track_interface { eth1 weight -20 }
    virtual_ipaddress { fe80::1/64 dev eth0 label x
      192.0.2.10/24 brd + scope link preferred_lft 5 }
}
"""
YAML_SEED = """vrrp_instances:
  - name: VI_1
    interface: eth0
    virtual_router_id: 51
    notify: {command: [/bin/x, y z], user: root}
    track_interface: [eth1, {name: eth2, weight: 5}]
    virtual_ipaddress: &vips
      - {address: 192.0.2.10/24, dev: eth0, home: false}
  - {name: VI_2, authentication: {auth_type: PASS}, virtual_ipaddress: *vips}
"""


def check(loaded: Loaded, file: str) -> None:
    """What holds for every result."""
    errors = [found for found in loaded.diagnostics if found.severity == "error"]
    assert (loaded.config is None) == bool(errors)
    assert len(loaded.diagnostics) <= LIMIT + 1
    for found in loaded.diagnostics:
        assert posixpath.dirname(found.location.file) == posixpath.dirname(file)
        assert found.location.line >= 0 and (found.location.column > 0) == (found.location.line > 0)
        assert found.code and found.message
    places = [(place.file, place.line, place.column) for place in (found.location for found in loaded.diagnostics)]
    assert places == sorted(places)


@functools.cache
def corpus_files() -> tuple[pathlib.Path, ...]:
    if not FILES.exists():
        pytest.skip(f"no corpus at {FILES} (set ALIVED_CORPUS)")
    return tuple(sorted(path for path in FILES.rglob("*") if path.is_file()))


def test_every_file_of_the_corpus_is_read() -> None:
    files = corpus_files()
    assert len(files) >= 349
    for path in files:
        check(load(str(path)), str(path))


def test_every_file_of_the_corpus_may_end_anywhere() -> None:
    for path in corpus_files():
        data = path.read_bytes()
        for part in (1, 2, 3):
            check(load_text(data[: len(data) * part // 4], "cut"), "cut")


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    check(load_text(data, "f"), "f")


@given(st.text(alphabet=st.sampled_from("{}[]:,-&*!#\"'\\$ \n\tab01./"), max_size=200))
def test_any_punctuation(text: str) -> None:
    check(load_text(text, "f"), "f")
    check(load_text("a:\n" + text, "f"), "f")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([SEED, YAML_SEED]),
    st.lists(
        st.tuples(st.integers(0, 1000), st.integers(0, 30), st.text(alphabet=' {}"!#\n\\$:-[]x9é\0', max_size=6)),
        min_size=1,
        max_size=6,
    ),
)
def test_mutations(seed: str, edits: list[tuple[int, int, str]]) -> None:
    text = seed
    for position, length, new in edits:
        at = position % (len(text) + 1)
        text = text[:at] + new + text[at + length :]
    check(load_text(text, "f"), "f")


@given(st.permutations(SEED.splitlines()))
def test_lines_in_any_order(lines: list[str]) -> None:
    check(load_text("\n".join(lines), "f"), "f")
