"""`check NAME { ... }`: from the text to values, and everything that can be wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from alived.base import NS_PER_S
from alived.config.load import load_text
from alived.config.model import Config
from alived.health.checks_config import CombinedCheck, CombinedMember, NamedCheck
from alived.health.config import (
    AnyCheck,
    DnsCheck,
    DnsType,
    GrpcCheck,
    HttpCheck,
    MiscCheck,
    MysqlCheck,
    PingCheck,
    PostgresqlCheck,
    RedisCheck,
    Role,
    SmtpCheck,
    TcpCheck,
    UdpCheck,
    Url,
)
from alived.health.trackers_config import FlapDamping, Tracked, TrackerKind, Weight
from tests.config.helpers import complaints, instance_text, understood

INSTANCE = instance_text()
RUNS: dict[str, Any] = {
    "delay_loop_ns": NS_PER_S,
    "start_to_start": True,
    "retry": 0,
    "delay_before_retry_ns": NS_PER_S,
    "warmup_ns": 0,
}
"""Every second, from start to start, each result counted by rise and fall."""
PLAIN: dict[str, Any] = {**RUNS, "connect_timeout_ns": NS_PER_S}


def config(text: str) -> Config:
    return understood(f"{text}\n{INSTANCE}")


def named(body: str) -> NamedCheck:
    (found,) = config(f"check c {{\n{body}\n}}").checks
    return found


POOL = "{\nlvs_sched rr\nreal_server 10.0.0.7 80 {\n}\n}\n"


@pytest.mark.parametrize(
    ("said", "name"), [("10.0.0.1 80", "10.0.0.1:80"), ("2001:db8::1 80", "[2001:db8::1]:80"), ("fwmark 5", "fwmark 5")]
)
def test_the_quorum_of_a_virtual_server(said: str, name: str) -> None:
    body = f"virtual_server {said} {POOL}check c {{\nvirtual_server {said}\nweight -20\nflap_damping 5\n}}"
    text = body.replace("10.0.0.7", "2001:db8::7") if ":" in said else body
    found = load_text(f"{text}\n{INSTANCE}").config
    assert found is not None
    (check,) = found.combined_checks
    assert check.members == (CombinedMember(TrackerKind.VIRTUAL_SERVER, name),)
    assert (check.quorum, check.weight) == (1, Weight(-20))
    assert check.flap_damping == FlapDamping(5 * NS_PER_S, 160 * NS_PER_S)


@pytest.mark.parametrize("servers", ["", "virtual_server 10.0.0.1 80 {\n}\n", f"virtual_server 10.0.0.1 81 {POOL}"])
def test_a_virtual_server_that_is_not_there_or_is_left_out_is_an_error(servers: str) -> None:
    found = load_text(f"{servers}check c {{\nvirtual_server 10.0.0.1 80\n}}\n{INSTANCE}").diagnostics
    (error,) = [one for one in found if one.code == "unknown-tracker"]
    assert error.message == "check c: there is no virtual_server '10.0.0.1:80'"
    assert error.location.line == servers.count("\n") + 2


def test_a_virtual_server_runs_nothing_of_its_own() -> None:
    body = f"virtual_server 10.0.0.1 80 {POOL}check c {{\nvirtual_server 10.0.0.1 80\nrise 2\n}}\n{INSTANCE}"
    (warning,) = [one for one in load_text(body).diagnostics if one.code == "no-runs"]
    assert warning.hint == "rise in the checks of its real servers"


def wrong(body: str) -> list[tuple[str, int]]:
    """The body begins in line 2."""
    return complaints(f"check c {{\n{body}\n}}\n{INSTANCE}")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("tcp {\ntarget 192.0.2.1 80\n}", TcpCheck(connect_ip="192.0.2.1", connect_port=80, **PLAIN)),
        ("tcp {\ntarget db.example.com 5432\n}", TcpCheck(connect_ip="db.example.com", connect_port=5432, **PLAIN)),
        ("ping {\ntarget 2001:DB8::1\n}", PingCheck(connect_ip="2001:db8::1", **PLAIN)),
        (
            "http {\ntarget 192.0.2.1\nurl {\npath /ok\nstatus_code 200 204\n}\n}",
            HttpCheck(
                connect_ip="192.0.2.1",
                connect_port=80,
                urls=(Url(path="/ok", status_code=((200, 200), (204, 204))),),
                **PLAIN,
            ),
        ),
        (
            "https {\ntarget www.example.com\nenable_sni\nurl {\npath /\n}\n}",
            HttpCheck(
                connect_ip="www.example.com",
                connect_port=443,
                urls=(Url(path="/"),),
                tls=True,
                enable_sni=True,
                **PLAIN,
            ),
        ),
        (
            "dns {\ntarget 192.0.2.53\ntype A\nname www.example.com\n}",
            DnsCheck(connect_ip="192.0.2.53", connect_port=53, type=DnsType.A, name="www.example.com", **PLAIN),
        ),
        (
            "udp {\ntarget 192.0.2.1 514\npayload 0a\n}",
            UdpCheck(connect_ip="192.0.2.1", connect_port=514, payload=b"\n", **PLAIN),
        ),
        (
            "smtp {\ntarget 192.0.2.25\nstarttls\ntls_verify\ntls_name mx.example.com\n}",
            SmtpCheck(
                connect_ip="192.0.2.25",
                connect_port=25,
                multiline=True,
                starttls=True,
                tls_verify=True,
                tls_name="mx.example.com",
                first_run_retry=False,
                **PLAIN,
            ),
        ),
        (
            "redis {\ntarget 192.0.2.1\nrole replica\nreplication_link\npassword_file /etc/p\n}",
            RedisCheck(
                connect_ip="192.0.2.1",
                connect_port=6379,
                role=Role.REPLICA,
                replication_link=True,
                password_file="/etc/p",
                **PLAIN,
            ),
        ),
        (
            "mysql {\ntarget 192.0.2.1\nuser m\npassword_file /etc/p\nrole master\n}",
            MysqlCheck(
                connect_ip="192.0.2.1", connect_port=3306, user="m", password_file="/etc/p", role=Role.MASTER, **PLAIN
            ),
        ),
        (
            "postgresql {\ntarget 192.0.2.1\nuser m\ndatabase app\ntls\n}",
            PostgresqlCheck(connect_ip="192.0.2.1", connect_port=5432, user="m", database="app", tls=True, **PLAIN),
        ),
        (
            "grpc {\ntarget 192.0.2.1 50051\nservice shop.Cart\n}",
            GrpcCheck(connect_ip="192.0.2.1", connect_port=50051, service="shop.Cart", **PLAIN),
        ),
        (
            'misc {\nmisc_path "/bin/check one"\nuser nobody\n}',
            MiscCheck(argv=("/bin/check", "one"), user="nobody", misc_timeout_ns=NS_PER_S, **RUNS),
        ),
    ],
    ids=lambda value: value.split(" ")[0] if isinstance(value, str) else "",
)
def test_what_is_asked(body: str, expected: AnyCheck) -> None:
    assert named(body) == NamedCheck(name="c", check=expected)


def test_when_it_is_asked_and_how_results_count() -> None:
    runs = "interval 3\ntimeout 0.5\nrise 2\nfall 4\ninit_fail\nweight -20 reverse"
    found = named(f"tcp {{\ntarget 192.0.2.1 80\n}}\n{runs}")
    check = found.check
    assert isinstance(check, TcpCheck)
    assert (check.delay_loop_ns, check.connect_timeout_ns) == (3 * NS_PER_S, NS_PER_S // 2)
    assert (check.rise, check.fall, check.retry, check.alpha) == (2, 4, 0, True)
    assert found.weight == Weight(-20, True)


def damping(body: str) -> FlapDamping | None:
    return named(f"ping {{\ntarget 192.0.2.1\n}}\n{body}").flap_damping


def test_flap_damping() -> None:
    assert damping("") is None
    assert damping("flap_damping 10") == FlapDamping(10 * NS_PER_S, 320 * NS_PER_S)
    assert damping("flap_damping 0.5 60") == FlapDamping(NS_PER_S // 2, 60 * NS_PER_S)
    assert damping("flap_damping 86400") == FlapDamping(86400 * NS_PER_S, 86400 * NS_PER_S)


@pytest.mark.parametrize(("interval", "seconds"), [("", 1), ("interval 2", 2), ("interval 30", 5)])
def test_the_timeout_is_the_interval_but_not_more_than_that_of_a_real_server(interval: str, seconds: int) -> None:
    check = named(f"tcp {{\ntarget 192.0.2.1 80\n}}\n{interval}").check
    assert isinstance(check, TcpCheck) and check.connect_timeout_ns == seconds * NS_PER_S


def test_a_command_may_take_as_long_as_said() -> None:
    check = named("misc {\nmisc_path /bin/true\n}\ninterval 20\ntimeout 12").check
    assert isinstance(check, MiscCheck) and check.misc_timeout_ns == 12 * NS_PER_S


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        ("", "check-type", 1),
        ("interval 2", "check-type", 1),
        ("tcp {\ntarget 192.0.2.1 80\n}\nping {\ntarget 192.0.2.1\n}", "check-type", 5),
        ("tcp {\n}", "missing-keyword", 2),
        ("tcp {\ntarget\n}", "missing-argument", 3),
        ("tcp {\ntarget 192.0.2.1\n}", "missing-argument", 3),
        ("tcp {\ntarget 192.0.2.1 0\n}", "out-of-range", 3),
        ("tcp {\ntarget 192.0.2.1:80\n}", "invalid-value", 3),
        ("tcp {\ntarget 192.0.2 80\n}", "invalid-value", 3),
        ("tcp {\ntarget -x 80\n}", "invalid-value", 3),
        ("tcp {\ntarget 192.0.2.1 80 90\n}", "extra-arguments", 3),
        ("tcp {\ntarget 192.0.2.1 80\nconnect_port 80\n}", "unknown-keyword", 4),
        ("tcp {\ntarget 192.0.2.1 80\nbindto 2001:db8::1\n}", "family-mismatch", 4),
        ("tcp {\ntarget fe80::1 80\n}", "missing-keyword", 2),
        ("tcp {\ntarget 192.0.2.1 80\n}\ntimeout 2", "timeout-above-interval", 5),
        ("tcp {\ntarget 192.0.2.1 80\n}\nweight 254", "out-of-range", 5),
        ("tcp {\ntarget 192.0.2.1 80\n}\nrise 0", "out-of-range", 5),
        ("ping {\ntarget 192.0.2.1 80\n}", "extra-arguments", 3),
        ("http {\ntarget 192.0.2.1\n}", "missing-keyword", 2),
        ("misc {\n}", "missing-keyword", 2),
        ("mysql {\ntarget 192.0.2.1\nrole master\n}", "missing-keyword", 4),
        ("mysql {\ntarget 192.0.2.1\nrole slave\n}", "invalid-value", 4),
        ("mysql {\ntarget 192.0.2.1\npassword_file /etc/p\n}", "no-user", 4),
        ("redis {\ntarget 192.0.2.1\nreplication_link\n}", "no-replica", 4),
        ("redis {\ntarget 192.0.2.1\ntls_verify\n}", "no-tls", 4),
        ("redis {\ntarget 192.0.2.1\ntls\ntls_key /etc/k\n}", "missing-keyword", 5),
        ("smtp {\ntarget 192.0.2.1\ntls\nstarttls\n}", "starttls", 5),
        ("smtp {\ntarget 192.0.2.1\nstarttls\nmultiline off\n}", "starttls", 5),
        ("tcp {\ntarget 192.0.2.1 80\n}\nflap_damping 20 10", "out-of-range", 5),
        ("tcp {\ntarget 192.0.2.1 80\n}\nflap_damping", "missing-argument", 5),
        ("tcp {\ntarget 192.0.2.1 80\n}\nflap_damping long", "invalid-value", 5),
        ("any", "missing-argument", 2),
        ("all script", "missing-argument", 2),
        ("quorum", "missing-argument", 2),
        ("quorum two c", "invalid-value", 2),
        ("quorum 0 c", "out-of-range", 2),
    ],
)
def test_what_is_wrong_and_where(body: str, code: str, line: int) -> None:
    assert wrong(body) == [(code, line)]


def test_a_second_check_of_a_name_is_refused() -> None:
    one = "check c {\nping {\ntarget 192.0.2.1\n}\n}\n"
    assert complaints(one + one + INSTANCE) == [("duplicate-name", 6)]


TWO = "check a {\nping {\ntarget 192.0.2.1\n}\n}\ncheck b {\nping {\ntarget 192.0.2.2\n}\n}\n"
SCRIPT = "vrrp_script s {\nscript /bin/true\n}\n"


class TestCombinations:
    def combined(self, said: str) -> CombinedCheck:
        (found,) = config(f"{TWO}{SCRIPT}check both {{\n{said}\n}}").combined_checks
        return found

    @pytest.mark.parametrize(
        ("said", "quorum"), [("all a b script s", 3), ("any a b script s", 1), ("quorum 2 a check b script s", 2)]
    )
    def test_what_they_count(self, said: str, quorum: int) -> None:
        members = (
            CombinedMember(TrackerKind.CHECK, "a"),
            CombinedMember(TrackerKind.CHECK, "b"),
            CombinedMember(TrackerKind.SCRIPT, "s"),
        )
        assert self.combined(said) == CombinedCheck(name="both", members=members, quorum=quorum)

    def test_they_have_a_weight(self) -> None:
        assert self.combined("any a b\nweight 5").weight == Weight(5)

    def test_a_document_lists_them(self) -> None:
        text = "checks:\n  a: {ping: {target: 192.0.2.1}}\n  both: {all: [a, script s]}\n"
        text += "vrrp_scripts:\n  s: {script: /bin/true}\n"
        text += (
            "vrrp_instances:\n  I:\n    interface: eth0\n    virtual_router_id: 1\n    virtual_ipaddress: 192.0.2.9\n"
        )
        loaded = load_text(text + "    track_check: [both]\n")
        assert loaded.diagnostics == () and loaded.config is not None
        (found,) = loaded.config.combined_checks
        assert [member.key for member in found.members] == ["check a", "script s"] and found.quorum == 2

    @pytest.mark.parametrize(
        ("said", "found"),
        [
            ("all a c", [("unknown-tracker", 15)]),
            ("all a script b", [("unknown-tracker", 15)]),
            ("all a process s", [("unknown-tracker", 15)]),
            ("all a file s", [("unknown-tracker", 15)]),
            ("quorum 3 a b", [("out-of-range", 15)]),
            ("any a a", [("duplicate-entry", 15)]),
            ("any a b\nrise 2\ninterval 3", [("no-runs", 16), ("no-runs", 17)]),
            ("all a\nany b", [("check-type", 16)]),
            ("all both a", [("check-loop", 14)]),
        ],
    )
    def test_what_is_wrong(self, said: str, found: list[tuple[str, int]]) -> None:
        assert complaints(f"{TWO}{SCRIPT}check both {{\n{said}\n}}\n{INSTANCE}") == found

    def test_each_circle_is_told_once_with_its_way(self) -> None:
        text = "check x {\nall y\n}\ncheck y {\nany z a\n}\ncheck z {\nall x\n}\ncheck u {\nall x\n}\n"
        found = [one for one in load_text(TWO + text + INSTANCE).diagnostics if one.code == "check-loop"]
        assert [one.message for one in found] == [
            "check x counts itself (x -> y -> z -> x): it would never have a verdict"
        ]

    def test_a_long_chain_is_no_circle(self) -> None:
        chain = "".join(f"check c{i} {{\nall c{i + 1}\n}}\n" for i in range(1500))
        text = f"{chain}check c1500 {{\nping {{\ntarget 192.0.2.1\n}}\n}}\n"
        assert complaints(text + instance_text("track_check {\nc0\n}")) == []


class TestTracked:
    def test_by_an_instance_with_its_own_weight(self) -> None:
        text = TWO + instance_text("track_check {\na\nb weight -5 reverse\n}")
        (instance,) = understood(text).instances
        assert instance.tracking.checks == (Tracked("a", Weight()), Tracked("b", Weight(-5, True)))

    def test_a_combination_as_any_check(self) -> None:
        text = f"{TWO}check c {{\nall a b\nweight 7\n}}\n" + instance_text("track_check {\nc\n}")
        found = load_text(text)
        assert found.diagnostics == () and found.config is not None
        assert found.config.instances[0].tracking.checks == (Tracked("c", Weight(7)),)

    def test_one_that_does_not_exist(self) -> None:
        text = TWO + instance_text("track_check {\naa\n}")
        (found,) = [one for one in load_text(text).diagnostics if one.code == "unknown-tracker"]
        assert found.location.line == 16 and found.message == "VI_1: there is no check 'aa'"

    def test_one_that_is_wrong_is_reported_once(self) -> None:
        text = "check c {\nany a\n}\n" + instance_text("track_check {\nc\n}")
        assert [code for code, _ in complaints(text)] == ["unknown-tracker"]

    def test_what_nobody_tracks_changes_nothing(self) -> None:
        text = f"{TWO}{SCRIPT}check used {{\nany a script s\n}}\n" + instance_text("track_check {\nused\n}")
        found = [one for one in load_text(text).diagnostics if one.code == "unused-tracker"]
        assert [one.location.line for one in found] == [6]

    def test_what_only_an_unused_combination_counts_is_unused(self) -> None:
        text = f"{TWO}check used {{\nany a b\n}}\n" + INSTANCE
        assert [one.code for one in load_text(text).diagnostics] == ["unused-tracker"] * 3
