"""Names of checks, and which of them ask."""

from __future__ import annotations

from alived.base import NS_PER_MS, NS_PER_S
from alived.daemon.shared.configured_checks import configured_checks, keyword_of, target_of, time_to_confirm_ns
from alived.health.config import FileCheck, HttpCheck, PingCheck, RedisCheck, TcpCheck, Url
from tests.daemon.checked import checking, pool, shell, tcp


def test_a_named_check_has_its_name() -> None:
    (found,) = configured_checks(checking(web=tcp(80))).values()
    assert (found.name, found.subject, found.check) == ("web", "check web", tcp(80))


def test_checks_of_real_servers_get_names_that_tell_them_apart() -> None:
    config = pool(tcp(80), shell("true"), tcp(81), FileCheck(track_file="f"))
    named = {name: found.subject for name, found in configured_checks(config).items()}
    assert named == {
        "192.0.2.1:80 192.0.2.7:80 TCP_CHECK": "TCP_CHECK of 192.0.2.7:80 for 192.0.2.1:80",
        "192.0.2.1:80 192.0.2.7:80 MISC_CHECK": "MISC_CHECK of 192.0.2.7:80 for 192.0.2.1:80",
        "192.0.2.1:80 192.0.2.7:80 TCP_CHECK 2": "TCP_CHECK of 192.0.2.7:80 for 192.0.2.1:80",
    }


def test_keywords() -> None:
    http = HttpCheck(connect_ip="192.0.2.1", urls=(Url(path="/"),))
    https = HttpCheck(connect_ip="192.0.2.1", urls=(Url(path="/"),), tls=True)
    checks = (http, https, tcp(1), RedisCheck(connect_ip="192.0.2.1"), shell("true"))
    assert [keyword_of(check) for check in checks] == [
        "HTTP_GET",
        "SSL_GET",
        "TCP_CHECK",
        "REDIS_CHECK",
        "MISC_CHECK",
    ]


def test_targets() -> None:
    assert target_of(tcp(80)) == "127.0.0.1:80"
    assert target_of(TcpCheck(connect_ip="2001:db8::1", connect_port=80)) == "[2001:db8::1]:80"
    assert target_of(PingCheck(connect_ip="2001:db8::1")) == "2001:db8::1"
    assert target_of(shell("exit 1")) == "/bin/sh -c 'exit 1'"


def test_how_long_a_new_worker_needs_to_confirm() -> None:
    assert time_to_confirm_ns(tcp(80, 1000, connect_timeout_ns=3 * NS_PER_S)) == 4 * NS_PER_S
    assert time_to_confirm_ns(shell("true", 1000, 500, warmup_ns=NS_PER_S)) == 2500 * NS_PER_MS
    two = HttpCheck(connect_ip="192.0.2.1", urls=(Url(path="/a"), Url(path="/b")))
    assert time_to_confirm_ns(two) == (60 + 2 * 65) * NS_PER_S
