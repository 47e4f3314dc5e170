"""Effective values of virtual servers and their pools: what is inherited, what follows, what is corrected."""

from __future__ import annotations

from typing import Any

import pytest

from alived.base import NS_PER_S, Family
from alived.config.load import load_text
from alived.config.model import Service
from alived.health.config import (
    SslContext,
    TcpCheck,
)
from alived.hooks.config import Script
from alived.lvs.config import (
    AddressRange,
    Endpoint,
    Forwarding,
    Fwmark,
    GroupName,
    Method,
    Protocol,
    Scheduler,
    SorryServer,
    Tunnel,
    TunnelChecksum,
    VirtualServer,
)
from tests.config.helpers import instance_text
from tests.config.services.documents import REAL_SERVER, real_server, virtual_server
from tests.config.services.helpers import config, member, server, service

TARGET: dict[str, Any] = {"connect_ip": "192.0.2.20", "connect_port": 80}
SECOND = NS_PER_S


class TestVirtualServer:
    def test_the_simplest_one(self) -> None:
        assert service(virtual_server()) == Service(
            virtual_server=VirtualServer(
                service=Endpoint("192.0.2.9", 80),
                family=Family.IPV4,
                protocol=Protocol.TCP,
                lvs_sched=Scheduler.RR,
            ),
            pool=(member(""),),
        )

    def test_all_that_it_can_say(self) -> None:
        found = service(
            virtual_server(
                "lvs_sched sh\nlvs_method TUN type gue port 5555 remcsum\nprotocol UDP\nops\nsh-port\nflag-3\n"
                "persistence_timeout\npersistence_granularity 255.255.0.0\npersistence_engine sip\n"
                "quorum 2\nhysteresis 1\nalpha\nomega\nha_suspend\nsnmp_name web\nweight 3\nsmtp_alert\n"
                'quorum_up "/bin/up a" nobody\nquorum_down /bin/down\n'
                "sorry_server 2001:db8::5\nsorry_server_inhibit"
            )
        )
        tunnel = Forwarding(
            method=Method.TUN, tunnel=Tunnel.GUE, tunnel_port=5555, tunnel_checksum=TunnelChecksum.REMOTE
        )
        assert found.virtual_server == VirtualServer(
            service=Endpoint("192.0.2.9", 80),
            family=Family.IPV4,
            protocol=Protocol.UDP,
            lvs_sched=Scheduler.SH,
            scheduler_flags=(2, 3),
            ops=True,
            persistence_timeout_s=360,
            persistence_granularity="255.255.0.0",
            persistence_engine="sip",
            quorum=2,
            hysteresis=1,
            sorry_server=SorryServer(
                endpoint=Endpoint("2001:db8::5", 80), family=Family.IPV6, forwarding=tunnel, inhibit=True
            ),
            alpha=True,
            omega=True,
            ha_suspend=True,
            snmp_name="web",
        )
        assert found.quorum_up == Script(argv=("/bin/up", "a"), user="nobody")
        assert found.quorum_down == Script(argv=("/bin/down",))
        assert found.smtp_alert
        (only,) = found.pool
        assert (only.server.weight, only.server.alpha, only.server.forwarding) == (3, True, tunnel)

    @pytest.mark.parametrize(
        ("statement", "field", "value"),
        [
            ("lb_algo sed", "lvs_sched", Scheduler.SED),
            ("lvs_sched mh\nmh-fallback", "scheduler_flags", (1,)),
            ("flag-1\nflag-2", "scheduler_flags", (1, 2)),
            ("persistence_timeout 50", "persistence_timeout_s", 50),
            ("persistence_granularity 255.255.255.0", "persistence_timeout_s", 360),
            ("protocol sctp", "protocol", Protocol.SCTP),
        ],
    )
    def test_a_statement(self, statement: str, field: str, value: object) -> None:
        assert getattr(server(statement), field) == value

    @pytest.mark.parametrize(
        ("statement", "code", "field", "value"),
        [
            ("quorum 5", "quorum-lowered", "quorum", 1),
            ("hysteresis 7", "hysteresis-lowered", "hysteresis", 0),
            ("ops", "ops-skipped", "ops", False),
            ("sh-port", "flag-skipped", "scheduler_flags", ()),
        ],
    )
    def test_what_is_corrected(self, statement: str, code: str, field: str, value: object) -> None:
        assert getattr(server(statement, code), field) == value

    def test_defaults_of_keepalived(self) -> None:
        found = service(
            f"virtual_server 192.0.2.9 80 {{\n{REAL_SERVER}\n}}\n", "no-protocol", "no-scheduler", "no-method"
        )
        assert found.virtual_server.protocol is Protocol.UDP
        assert found.virtual_server.lvs_sched is Scheduler.WLC
        assert found.pool[0].server.forwarding == Forwarding(method=Method.NAT)

    def test_the_order_of_statements_does_not_matter(self) -> None:
        lines = ["lvs_sched sh", "lvs_method TUN", "protocol UDP", "weight 4", "sh-port", "delay_loop 2", "quorum 3"]
        text = "virtual_server 192.0.2.9 80 {{\n{}\n}}\n"
        first = service(text.format("\n".join([*lines, real_server("TCP_CHECK {\n}")])))
        assert service(text.format("\n".join([real_server("TCP_CHECK {\n}"), *reversed(lines)]))) == first
        assert first.pool[0].checks[0] == TcpCheck(delay_loop_ns=2 * SECOND, warmup_ns=2 * SECOND, **TARGET)

    def test_without_a_port_clients_stay(self) -> None:
        assert server("", "persistence-needed", header="192.0.2.9").persistence_timeout_s == 360

    def test_one_address_of_a_group_without_a_port_is_enough_for_that(self) -> None:
        group = "virtual_server_group g {\n192.0.2.1 80\n192.0.2.2\n}\n"
        found = service(group + virtual_server(header="group g"), "persistence-needed")
        assert found.virtual_server.persistence_timeout_s == 360

    def test_one_without_real_servers_is_left_out(self) -> None:
        assert config(virtual_server(servers=""), "no-real-server").virtual_servers == ()


class TestFamily:
    @pytest.mark.parametrize(
        ("statement", "servers", "family"),
        [
            ("", "192.0.2.20", Family.IPV4),
            ("", "2001:db8::1", Family.IPV6),
            ("ip_family inet6\nlvs_method TUN", "192.0.2.20", Family.IPV6),
            ("persistence_granularity 64\nlvs_method TUN", "192.0.2.20", Family.IPV6),
            ("persistence_granularity 255.255.255.0\nlvs_method TUN", "2001:db8::1", Family.IPV4),
            ("lvs_method TUN", "2001:db8::1", Family.IPV6),
            ("lvs_method TUN\nsorry_server 192.0.2.30", "2001:db8::1", Family.IPV4),
            ("lvs_method TUN\nsorry_server 2001:db8::2\nsorry_server_lvs_method NAT", "192.0.2.20", Family.IPV6),
        ],
    )
    def test_of_a_mark(self, statement: str, servers: str, family: Family) -> None:
        found = server(statement, header="fwmark 7", servers=f"real_server {servers} {{\n}}")
        assert (found.family, found.service, found.protocol) == (family, Fwmark(7), None)

    def test_the_first_server_of_a_mark_decides(self) -> None:
        servers = "real_server 192.0.2.20 {\n}\nreal_server 2001:db8::1 {\n}"
        loaded = load_text(virtual_server(header="fwmark 7", servers=servers), "f")
        (found,) = [one for one in loaded.diagnostics if one.code == "family-mismatch"]
        assert "real_server [2001:db8::1]" in found.message and loaded.config is None

    def test_of_an_address(self) -> None:
        tunnel = "real_server 192.0.2.20 80 {\nlvs_method TUN\n}"
        assert server("lvs_method NAT", header="2001:DB8:0::9 80", servers=tunnel).service == Endpoint(
            "2001:db8::9", 80
        )

    def test_of_a_group(self) -> None:
        group = "virtual_server_group g {\n2001:db8::1-ff 80\nfwmark 3 inet6\n}\n"
        text = group + virtual_server(header="group g", servers="real_server 2001:db8::20 80 {\n}")
        found = config(text)
        assert found.virtual_servers[0].virtual_server.family is Family.IPV6
        assert found.virtual_servers[0].virtual_server.service == GroupName("g")
        (only,) = found.virtual_server_groups
        assert only.addresses == (AddressRange("2001:db8::1", "2001:db8::ff", Family.IPV6, 80),)
        assert only.fwmarks == (Fwmark(3, Family.IPV6),)

    def test_of_a_group_of_both(self) -> None:
        group = "virtual_server_group g {\n192.0.2.1 80\n2001:db8::1 80\n}\n"
        found = service(group + virtual_server("lvs_method TUN", header="group g"))
        assert found.virtual_server.family is None


class TestGroup:
    @pytest.mark.parametrize(
        ("entry", "first", "last", "port"),
        [
            ("192.0.2.1", "192.0.2.1", "192.0.2.1", 0),
            ("192.0.2.1 80", "192.0.2.1", "192.0.2.1", 80),
            ("192.0.2.1-10 80", "192.0.2.1", "192.0.2.10", 80),
            ("192.0.2.250-192.0.3.5 80", "192.0.2.250", "192.0.3.5", 80),
            ("192.0.2.16/28 0", "192.0.2.16", "192.0.2.31", 0),
            ("192.0.2.1/32 80", "192.0.2.1", "192.0.2.1", 80),
            ("2001:db8::fff0-ffff 443", "2001:db8::fff0", "2001:db8::ffff", 443),
            ("2001:db8::a5-bc 443", "2001:db8::a5", "2001:db8::bc", 443),
            ("2001:db8::/112 443", "2001:db8::", "2001:db8::ffff", 443),
        ],
    )
    def test_a_range(self, entry: str, first: str, last: str, port: int) -> None:
        (group,) = config(f"virtual_server_group g {{\n{entry}\n}}\n").virtual_server_groups
        (found,) = group.addresses
        assert (found.first, found.last, found.port) == (first, last, port)


class TestPool:
    def test_a_server_inherits(self) -> None:
        found = member("", outer="weight 5\ninhibit_on_failure\nalpha\nlvs_method DR").server
        assert (found.weight, found.inhibit_on_failure, found.alpha) == (5, True, True)
        assert found.forwarding.method is Method.DR

    def test_a_server_has_the_last_word(self) -> None:
        own = "weight 0\ninhibit_on_failure off\nalpha off\nlvs_method TUN\nuthreshold 9\nlthreshold 4\nsnmp_name a"
        found = member(own, "no-weight", outer="weight 5\ninhibit_on_failure\nalpha\nlvs_method DR").server
        assert (found.weight, found.inhibit_on_failure, found.alpha) == (0, False, False)
        assert (found.forwarding.method, found.uthreshold, found.lthreshold) == (Method.TUN, 9, 4)
        assert found.snmp_name == "a"

    def test_commands_and_mail(self) -> None:
        found = member('notify_up "/bin/up now"\nnotify_down /bin/down nobody\nsmtp_alert off')
        assert found.notify_up == Script(argv=("/bin/up", "now"))
        assert found.notify_down == Script(argv=("/bin/down",), user="nobody")
        assert not found.smtp_alert and member("").smtp_alert

    @pytest.mark.parametrize(
        ("header", "method", "server_text", "port", "codes"),
        [
            ("192.0.2.9 80", "NAT", "192.0.2.20 8080", 8080, []),
            ("192.0.2.9 80", "NAT", "192.0.2.20", 80, []),
            ("192.0.2.9 80", "NAT", "192.0.2.20 00", 80, []),
            ("192.0.2.9 80", "DR", "192.0.2.20", 80, []),
            ("192.0.2.9 80", "DR", "192.0.2.20 8080", 80, ["port-skipped"]),
            ("fwmark 1", "NAT", "192.0.2.20 8080", 8080, []),
            ("fwmark 1", "DR", "192.0.2.20 8080", 0, ["port-skipped"]),
            ("fwmark 1", "DR", "192.0.2.20", 0, []),
        ],
    )
    def test_only_nat_changes_the_port(
        self, header: str, method: str, server_text: str, port: int, codes: list[str]
    ) -> None:
        text = virtual_server(f"lvs_method {method}", header=header, servers=f"real_server {server_text} {{\n}}")
        assert service(text, *codes).pool[0].server.endpoint == Endpoint("192.0.2.20", port)

    def test_the_second_of_two_alike_is_skipped(self) -> None:
        twins = "real_server 192.0.2.20 {\nweight 7\n}\nreal_server 192.0.2.20 80 {\nweight 9\n}"
        found = service(virtual_server(servers=twins), "duplicate-server")
        assert [one.server.weight for one in found.pool] == [7]

    def test_a_sorry_server_of_the_pool_is_inhibited_as_its_twin(self) -> None:
        text = virtual_server("sorry_server 192.0.2.20", servers=real_server("inhibit_on_failure"))
        sorry = service(text, "sorry-server-in-pool", "sorry-server-in-pool").virtual_server.sorry_server
        assert sorry is not None and sorry.inhibit


def test_ssl() -> None:
    said = config("SSL {\npassword p\nca /ca\ncertificate /cert\nkey /key\n}\n").ssl
    assert said == SslContext(password="p", ca="/ca", certificate="/cert", key="/key")
    assert config(virtual_server()).ssl == SslContext()


def test_the_same_service_twice() -> None:
    assert len(config(virtual_server() * 2, "duplicate-service").virtual_servers) == 2
    udp = virtual_server("protocol UDP")
    assert len(config(virtual_server() + udp).virtual_servers) == 2


def test_what_this_version_does_not_do_is_said_once_for_all_services() -> None:
    text = "".join(virtual_server(header=f"192.0.2.{number} 80") for number in range(5))
    found = load_text(instance_text() + text, "f").diagnostics
    assert [(one.code, one.location.line) for one in found] == [("not-supported-yet", 10)]
    assert "balances no load" in found[0].message
