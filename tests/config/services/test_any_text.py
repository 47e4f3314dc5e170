"""Texts about load balancing that have lost or gained bytes: never a crash, always a place."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alived.config.load import load_text
from tests.config.services.documents import HEAD, check, real_server, virtual_server
from tests.config.test_corpus import check as check_loaded

GROUP = "virtual_server_group g {\n192.0.2.1-10 80\n2001:db8::/112 80\n}\n"
CHECKS = "\n".join(
    [
        check("HTTP_GET/url", 'regex "a b"\nstatus_code 200-299 404\ndigest 9b3a0c85a887a256d6939da88aabd8cd'),
        check("SMTP_CHECK", "helo_name a\nhost {\nconnect_ip 192.0.2.7\n}"),
        check("UDP_CHECK", "payload 01 2\nrequire_reply xx 0a"),
        check("DNS_CHECK", "type A\nname example.com"),
        check("MISC_CHECK", "misc_timeout 5"),
        check("FILE_CHECK", "weight -2 reverse"),
        check("BFD_CHECK", "alpha off"),
    ]
)
SERVER = real_server(f'lvs_method TUN type gue port 5555\nnotify_up "/bin/x y"\n{CHECKS}')
STATEMENTS = "lvs_sched sh\nsh-port\npersistence_granularity 255.255.255.0\nquorum 1\nsorry_server 192.0.2.30 80"
SEED = (
    HEAD
    + GROUP
    + virtual_server(STATEMENTS, servers=SERVER)
    + virtual_server("lvs_method TUN", header="group g")
    + virtual_server("ip_family inet", header="fwmark 6")
    + "SSL {\nkey /etc/ssl/key.pem\n}\n"
)


def test_the_text_itself_is_right() -> None:
    found = {one.code for one in load_text(SEED, "f").diagnostics}
    assert found == {"not-supported-yet", "deprecated"}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SEED)), st.integers(0, 40), st.text(alphabet=' {}"!#\n\\-/.:0123456789afx', max_size=8)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_edits(edits: list[tuple[int, int, str]]) -> None:
    text = SEED
    for position, length, new in edits:
        at = position % (len(text) + 1)
        text = text[:at] + new + text[at + length :]
    check_loaded(load_text(text, "f"), "f")


WORDS = [*sorted(set(SEED.split()) - {"{", "}"}), "0", "-1", "1" * 30, "x" * 300, "::", "fe80::1%lo", "٣", "\0"]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(WORDS)), min_size=1, max_size=6))
def test_other_words(edits: list[tuple[int, str]]) -> None:
    """Words of the same language in places where they do not belong."""
    lines = [line.split(" ") for line in SEED.splitlines()]
    for number, word in edits:
        line = lines[number % len(lines)]
        line[number % len(line)] = word
    check_loaded(load_text("\n".join(" ".join(line) for line in lines), "f"), "f")
