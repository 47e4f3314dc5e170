"""Effective values of checks: what is inherited from whom, and what follows."""

from __future__ import annotations

from typing import Any

import pytest

from alived.base import NS_PER_S
from alived.config.load import load_text
from alived.health.config import (
    BfdCheck,
    DnsCheck,
    DnsType,
    FileCheck,
    HttpCheck,
    HttpProtocol,
    MiscCheck,
    PingCheck,
    SmtpCheck,
    TcpCheck,
    UdpCheck,
    Url,
)
from alived.health.trackers_config import Weight
from tests.config.services.documents import HEAD, real_server, virtual_server
from tests.config.services.helpers import checks, service

TARGET: dict[str, Any] = {"connect_ip": "192.0.2.20", "connect_port": 80}
SECOND = NS_PER_S

SAID = "delay_loop 9\nretry 8\ndelay_before_retry 7\nwarmup 6\nalpha\nconnect_timeout 5"
VALUES: dict[str, Any] = {
    "delay_loop_ns": 9 * SECOND,
    "retry": 8,
    "delay_before_retry_ns": 7 * SECOND,
    "warmup_ns": 6 * SECOND,
    "alpha": True,
    "connect_timeout_ns": 5 * SECOND,
}
OTHER = "delay_loop 19\nretry 18\ndelay_before_retry 17\nwarmup 16\nconnect_timeout 15"


class TestSchedule:
    """Section 1 of the semantics of checks: check, real server, virtual server, default of the kind."""

    def test_a_check_says_it(self) -> None:
        (found,) = checks(f"TCP_CHECK {{\n{SAID}\n}}", outer=OTHER, own=OTHER)
        assert found == TcpCheck(**VALUES, **TARGET)

    def test_its_server_says_it(self) -> None:
        (found,) = checks("TCP_CHECK {\n}", outer=OTHER, own=SAID)
        assert found == TcpCheck(**VALUES, **TARGET)

    def test_the_virtual_server_says_it(self) -> None:
        (found,) = checks("TCP_CHECK {\n}", outer=SAID)
        assert found == TcpCheck(**VALUES, **TARGET)

    @pytest.mark.parametrize("kind", ["TCP_CHECK", "PING_CHECK", "UDP_CHECK", "DNS_CHECK", "SMTP_CHECK", "MISC_CHECK"])
    def test_rise_and_fall_of_every_kind(self, kind: str) -> None:
        path = "misc_path /bin/true\n" if kind == "MISC_CHECK" else ""
        (found,) = checks(f"{kind} {{\n{path}rise 2\nfall 3\n}}")
        assert not isinstance(found, FileCheck | BfdCheck)
        assert (found.rise, found.fall) == (2, 3)

    @pytest.mark.parametrize("kind", ["HTTP_GET", "SSL_GET"])
    def test_rise_and_fall_of_pages(self, kind: str) -> None:
        (found,) = checks(f"{kind} {{\nrise 2\nfall 3\nurl {{\npath /\n}}\n}}")
        assert isinstance(found, HttpCheck)
        assert (found.rise, found.fall) == (2, 3)

    @pytest.mark.parametrize(
        ("block", "retry", "delay_before_retry_ns"),
        [
            ("TCP_CHECK {\n}", 1, SECOND),
            ("PING_CHECK {\n}", 1, SECOND),
            ("UDP_CHECK {\n}", 1, SECOND),
            ("SMTP_CHECK {\n}", 1, SECOND),
            ("HTTP_GET {\nurl {\npath /\n}\n}", 1, 3 * SECOND),
            ("SSL_GET {\nurl {\npath /\n}\n}", 1, 3 * SECOND),
            ("DNS_CHECK {\n}", 3, 60 * SECOND),
            ("MISC_CHECK {\nmisc_path /bin/true\n}", 0, SECOND),
        ],
    )
    def test_nobody_says_it(self, block: str, retry: int, delay_before_retry_ns: int) -> None:
        (found,) = checks(block)
        assert not isinstance(found, FileCheck | BfdCheck)
        assert (found.retry, found.delay_before_retry_ns) == (retry, delay_before_retry_ns)
        assert (found.delay_loop_ns, found.warmup_ns, found.alpha) == (60 * SECOND, 60 * SECOND, False)

    def test_warmup_and_the_wait_of_dns_follow_the_effective_delay_loop(self) -> None:
        (found,) = checks("DNS_CHECK {\n}", outer="delay_loop 30", own="delay_loop 0.25")
        assert isinstance(found, DnsCheck)
        assert found.warmup_ns == found.delay_before_retry_ns == found.delay_loop_ns == SECOND // 4


class TestChecks:
    def test_all_are_one_list_in_the_order_of_the_text(self) -> None:
        found = checks("PING_CHECK {\n}\nTCP_CHECK {\n}\nPING_CHECK {\nconnect_ip 192.0.2.1\n}\nDNS_CHECK {\n}")
        assert [type(one) for one in found] == [PingCheck, TcpCheck, PingCheck, DnsCheck]

    def test_a_connection(self) -> None:
        said = "connect_ip 2001:db8::1\nconnect_port 81\nbindto 2001:db8::2\nbind_port 7\nbind_if eth1\nfwmark 5"
        (found,) = checks(f"TCP_CHECK {{\n{said}\nlog_all_failures\n}}")
        expected = TcpCheck(
            connect_ip="2001:db8::1",
            connect_port=81,
            bindto="2001:db8::2",
            bind_port=7,
            bind_if="eth1",
            fwmark=5,
            log_all_failures=True,
        )
        assert found == expected

    def test_the_port_of_a_check_is_that_which_the_server_gets(self) -> None:
        text = virtual_server("lvs_method DR", servers="real_server 192.0.2.20 81 {\nTCP_CHECK {\n}\n}")
        (found,) = service(text, "port-skipped").pool[0].checks
        assert found == TcpCheck(**TARGET)

    def test_http(self) -> None:
        said = (
            "http_protocol 1.0c\nenable_sni\nfast_recovery\nvirtualhost b\nnb_get_retry 4\n"
            "url {\npath /a\ndigest 9B3A0C85A887A256D6939DA88AABD8CD\nstatus_code 200 300-399\nstatus_code 418\n}\n"
            'url {\npath /b\nvirtualhost c\nregex "a b\\\\.c"\nregex_options caseless\nregex_options dotall\n'
            "regex_no_match\nregex_min_offset 1\nregex_max_offset 9\nregex_stack 10 20\n}"
        )
        (found,) = checks(f"SSL_GET {{\n{said}\n}}", "deprecated")
        assert found == HttpCheck(
            urls=(
                Url(
                    path="/a",
                    virtualhost="b",
                    digest="9b3a0c85a887a256d6939da88aabd8cd",
                    status_code=((200, 200), (300, 399), (418, 418)),
                ),
                Url(
                    path="/b",
                    virtualhost="c",
                    regex="a b\\.c",
                    regex_options=("caseless", "dotall"),
                    regex_no_match=True,
                    regex_min_offset=1,
                    regex_max_offset=9,
                    regex_stack=(10, 20),
                ),
            ),
            tls=True,
            http_protocol=HttpProtocol.HTTP_1_0_CLOSE,
            enable_sni=True,
            fast_recovery=True,
            retry=4,
            delay_before_retry_ns=3 * SECOND,
            **TARGET,
        )

    @pytest.mark.parametrize(
        ("outer", "own", "check", "url", "expected"),
        [
            ("virtualhost a", "virtualhost b", "virtualhost c", "virtualhost d", "d"),
            ("virtualhost a", "virtualhost b", "virtualhost c", "", "c"),
            ("virtualhost a", "virtualhost b", "", "", "b"),
            ("virtualhost a", "", "", "", "a"),
            ("", "", "", "", ""),
        ],
    )
    def test_the_innermost_virtualhost_counts(self, outer: str, own: str, check: str, url: str, expected: str) -> None:
        (found,) = checks(f"HTTP_GET {{\n{check}\nurl {{\npath /\n{url}\n}}\n}}", outer=outer, own=own)
        assert isinstance(found, HttpCheck)
        assert found.urls[0].virtualhost == expected

    def test_a_name_for_tls_means_that_it_is_said(self) -> None:
        (found,) = checks(
            "SSL_GET {\nsni_name a\ntls_compliant\nurl {\npath /\n}\nurl {\npath /b\ntls_compliant off\n}\n}"
        )
        assert isinstance(found, HttpCheck)
        assert (found.enable_sni, found.sni_name) == (True, "a")
        assert [url.tls_compliant for url in found.urls] == [True, False]

    def test_smtp(self) -> None:
        (found,) = checks("SMTP_CHECK {\nhelo_name a\nconnect_port 25\n}")
        assert found == SmtpCheck(helo_name="a", connect_ip="192.0.2.20", connect_port=25)

    def test_hosts_of_smtp_are_checks_of_their_own(self) -> None:
        hosts = "host {\nconnect_ip 192.0.2.7\nretry 5\n}\nhost {\nconnect_port 26\nconnect_timeout 2\n}"
        first = SmtpCheck(helo_name="a", retry=5, connect_ip="192.0.2.7", connect_port=80)
        second = SmtpCheck(
            helo_name="a", retry=5, connect_ip="192.0.2.20", connect_port=26, connect_timeout_ns=2 * SECOND
        )
        codes = ["deprecated", "deprecated"]
        assert checks(f"SMTP_CHECK {{\nhelo_name a\n{hosts}\n}}", *codes) == (first, second)
        own = SmtpCheck(helo_name="a", retry=5, connect_ip="192.0.2.20", connect_port=25)
        assert checks(f"SMTP_CHECK {{\nhelo_name a\nconnect_port 25\n{hosts}\n}}", *codes) == (own, first, second)

    def test_dns(self) -> None:
        (found,) = checks("DNS_CHECK {\ntype mx\nname example.com\nretry 1\ndelay_before_retry 2\n}")
        assert found == DnsCheck(
            type=DnsType.MX, name="example.com", retry=1, delay_before_retry_ns=2 * SECOND, **TARGET
        )

    @pytest.mark.parametrize(
        ("name", "why"),
        [("a..b", "empty label"), ("a" * 64, "64 octets"), ("münchen.example", "xn--"), (r"\999", "0 to 255")],
    )
    def test_names_that_dns_cannot_ask_for(self, name: str, why: str) -> None:
        loaded = load_text(HEAD + virtual_server(servers=real_server(f"DNS_CHECK {{\nname {name}\n}}")), "f")
        (error,) = [one for one in loaded.diagnostics if one.code == "invalid-value"]
        assert why in error.hint

    def test_misc(self) -> None:
        (found,) = checks("MISC_CHECK {\nmisc_path \"/bin/x 'a b'\"\nmisc_timeout 5\nmisc_dynamic\nuser a b\n}")
        assert found == MiscCheck(
            argv=("/bin/x", "a b"), user="a", group="b", misc_timeout_ns=5 * SECOND, misc_dynamic=True, retry=0
        )

    def test_misc_takes_the_delay_loop_of_the_virtual_server_for_its_timeout(self) -> None:
        (found,) = checks("MISC_CHECK {\nmisc_path /bin/x\n}", outer="delay_loop 9", own="delay_loop 12")
        assert isinstance(found, MiscCheck)
        assert (found.misc_timeout_ns, found.delay_loop_ns) == (9 * SECOND, 12 * SECOND)

    def test_udp(self) -> None:
        said = "payload 01 2 ff\nrequire_reply 0x aB\nmin_reply_length 2\nmax_reply_length 9"
        (found,) = checks(f"UDP_CHECK {{\n{said}\n}}")
        assert found == UdpCheck(
            payload=b"\x01\x02\xff",
            require_reply=True,
            reply=b"\x00\xab",
            reply_mask=b"\xf0\xff",
            min_reply_length=2,
            max_reply_length=9,
            **TARGET,
        )

    def test_any_answer_of_udp(self) -> None:
        (found,) = checks("UDP_CHECK {\nrequire_reply\n}")
        assert found == UdpCheck(require_reply=True, **TARGET)

    def test_file_and_bfd(self) -> None:
        found = checks("FILE_CHECK {\ntrack_file f\nweight -2 reverse\n}\nBFD_CHECK {\nname b\n}", outer="alpha")
        assert found == (FileCheck(track_file="f", weight=Weight(-2, True)), BfdCheck(name="b", alpha=True))

    def test_a_session_twice(self) -> None:
        assert len(checks("BFD_CHECK {\nname b\n}\nBFD_CHECK {\nname b\n}", "duplicate-entry")) == 2

    def test_a_check_that_asks_no_port(self) -> None:
        text = virtual_server(header="fwmark 1", servers="real_server 192.0.2.20 {\nTCP_CHECK {\n}\nPING_CHECK {\n}\n}")
        assert [type(one) for one in service(text, "no-port").pool[0].checks] == [TcpCheck, PingCheck]
