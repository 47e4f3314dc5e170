"""Mistakes that a file tells by itself: each rule fires on the mistake and is silent beside it."""

from __future__ import annotations

import pytest

from alived.config.load import load_text
from tests.config.helpers import codes_of, good, instance_text, refused, warned

UNICAST = "unicast_src_ip 198.51.100.1\nunicast_peer {\n198.51.100.2\n}"


@pytest.mark.parametrize(
    ("vip", "kind", "hint"),
    [
        ("192.0.2.0/24", "network", "192.0.2.1/24"),
        ("192.0.2.255/24", "broadcast", "192.0.2.1/24"),
        ("192.0.2.12/30", "network", "192.0.2.13/30"),
        ("10.255.255.255/8", "broadcast", "10.0.0.1/8"),
    ],
)
def test_the_number_of_a_subnet_is_not_a_host(vip: str, kind: str, hint: str) -> None:
    (found,) = load_text(instance_text(vip=vip)).diagnostics
    assert (found.code, found.severity) == ("not-a-host", "warning")
    assert f"the {kind} address" in found.message and found.hint.endswith(hint)


@pytest.mark.parametrize("vip", ["192.0.2.0", "192.0.2.0/31", "192.0.2.1/24", "192.0.3.0/23", "2001:db8::/64"])
def test_an_address_without_subnet_or_inside_one_is_a_host(vip: str) -> None:
    assert "not-a-host" not in codes_of(load_text(instance_text(vip=vip)))


class TestOutsideSubnet:
    def test_all_nodes_are_in_another_subnet_of_that_length(self) -> None:
        warned(instance_text(UNICAST, vip="192.0.2.10/24"), "outside-subnet")

    @pytest.mark.parametrize(
        "vip",
        [
            "198.51.100.10/24",
            "192.0.2.10",  # no length, no subnet
            "192.0.2.10/24 dev eth1",  # another link
            "203.0.113.10/2",  # so large that the nodes are in it
        ],
    )
    def test_silent_beside_it(self, vip: str) -> None:
        good(instance_text(UNICAST, vip=vip))

    def test_nodes_of_several_subnets_say_nothing_about_it(self) -> None:
        good(instance_text(UNICAST.replace("198.51.100.2", "203.0.113.2"), vip="192.0.2.10/24"))

    def test_without_an_own_address_nothing_is_known(self) -> None:
        good(instance_text("unicast_peer {\n198.51.100.2\n}", vip="192.0.2.10/24"))


class TestImpossibleRouters:
    @pytest.mark.parametrize("peer", ["0.0.0.0", "127.0.0.1", "224.0.0.18"])
    def test_no_other_node_has_it(self, peer: str) -> None:
        (found,) = refused(instance_text(f"unicast_peer {{\n{peer}\n}}"), "unusable-address")
        assert peer in found.message and found.location.line == 6

    @pytest.mark.parametrize("source", ["0.0.0.0", "127.0.0.1", "239.1.1.1"])
    def test_no_node_has_it(self, source: str) -> None:
        refused(instance_text(f"mcast_src_ip {source}"), "unusable-address")

    def test_other_addresses_are_right(self) -> None:
        good(instance_text("mcast_src_ip 192.0.2.1"))
        good(instance_text("unicast_peer {\n192.0.2.2\n}"))


class TestWeights:
    def test_with_nopreempt_and_without(self) -> None:
        good(instance_text("nopreempt\ntrack_interface {\neth1 weight -20\n}"))
        good(instance_text("track_interface {\neth1 weight -20\n}"))

    @pytest.mark.parametrize("entries", ["eth1 weight 200", "eth1 weight -120", "eth1 weight 100\neth2 weight 100"])
    def test_a_sum_beyond_the_end_is_clamped(self, entries: str) -> None:
        warned(instance_text(f"track_interface {{\n{entries}\n}}"), "priority-clamped")

    @pytest.mark.parametrize("entries", ["eth1 weight 154", "eth1 weight -99", "eth1 weight 100\neth2 weight -90"])
    def test_a_sum_within_is_right(self, entries: str) -> None:
        good(instance_text(f"track_interface {{\n{entries}\n}}"))


def test_a_group_preempts_as_a_whole() -> None:
    group = "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\n"
    a, b = instance_text("nopreempt", name="A"), instance_text(name="B", vrid=52, vip="192.0.2.11")
    warned(group + a + b, "mixed-preemption")
    good(group + a + b.replace("priority 100", "priority 100\nnopreempt"))


def script(body: str, tracked: bool = True) -> list[str]:
    """Findings of a vrrp_script, without those that say that it is not run yet."""
    text = f"vrrp_script chk {{\n{body}\n}}\n" + instance_text("track_script {\nchk\n}" if tracked else "")
    return [code for code in codes_of(load_text(text)) if code != "not-supported-yet"]


class TestScripts:
    @pytest.mark.parametrize("end", ["| grep x", "&& true", "> /dev/null", "; true", "`date`", "$(date)", "2>&1"])
    def test_no_shell_reads_a_command(self, end: str) -> None:
        assert script(f'script "/bin/ps {end}"') == ["shell-syntax"]
        warned(instance_text(f'notify "/bin/ps {end}"'), "shell-syntax")

    @pytest.mark.parametrize(
        "command", ["/bin/sh -c 'ps | grep x'", "/bin/grep a|b", "/bin/x 5>3", "/bin/mail a&b", "/bin/x $HOME"]
    )
    def test_the_same_signs_in_a_word_are_a_word(self, command: str) -> None:
        assert script(f'script "{command}"') == []

    def test_a_timeout_beyond_the_interval(self) -> None:
        assert script("script /bin/true\ninterval 2\ntimeout 3") == ["timeout-above-interval"]
        assert script("script /bin/true\ninterval 2\ntimeout 2") == []
        assert script("script /bin/true\ninterval 200") == []

    def test_one_that_nobody_tracks(self) -> None:
        assert script("script /bin/true", tracked=False) == ["unused-tracker"]

    def test_a_group_may_track_it(self) -> None:
        text = (
            "vrrp_script chk {\nscript /bin/true\n}\nvrrp_sync_group G {\ngroup {\nVI_1\n}\ntrack_script {\nchk\n}\n}\n"
        )
        assert "unused-tracker" not in codes_of(load_text(text + instance_text()))

    def test_weights_of_scripts_count_like_those_of_interfaces(self) -> None:
        assert script("script /bin/true\nweight 200") == ["priority-clamped"]
        assert script("script /bin/true\nweight -98") == []


@pytest.mark.parametrize("field", ["vrrp_garp_master_repeat", "vrrp_garp_master_refresh_repeat"])
def test_announcements_are_made_at_least_once(field: str) -> None:
    warned(f"global_defs {{\n{field} 0\n}}\n" + instance_text(), "out-of-range")
    good(f"global_defs {{\n{field} 1\n}}\n" + instance_text())


class TestMail:
    SERVER = "smtp_server 192.0.2.25"
    TO = "notification_email {\nadmin@example.com\n}"

    def codes(self, global_defs: str, body: str = "smtp_alert") -> list[str]:
        text = f"global_defs {{\n{global_defs}\n}}\n" + instance_text(body)
        return [code for code in codes_of(load_text(text)) if code == "no-mail-server"]

    @pytest.mark.parametrize("global_defs", ["", SERVER, TO])
    def test_needs_a_server_and_somebody_who_gets_it(self, global_defs: str) -> None:
        assert self.codes(global_defs) == ["no-mail-server"]

    def test_is_said_once(self) -> None:
        assert self.codes("smtp_alert") == ["no-mail-server"]

    def test_can_be_sent(self) -> None:
        assert self.codes(f"{self.SERVER}\n{self.TO}") == []

    def test_nobody_wants_any(self) -> None:
        assert self.codes("", "smtp_alert off") == []

    @pytest.mark.parametrize(
        ("said", "code", "line"),
        [
            ("smtp_user alived", "no-password", 2),
            ("smtp_password_file /k/mail", "no-user", 2),
            ("smtp_user alived\nsmtp_password_file /k/mail", "", 0),
            ("", "", 0),
        ],
    )
    def test_half_of_a_login_is_none(self, said: str, code: str, line: int) -> None:
        found = load_text(f"global_defs {{\n{said}\n}}\n" + instance_text(), "f").diagnostics
        assert [(one.code, one.location.line) for one in found] == ([(code, line)] if code else [])

    def test_a_list_of_nobody(self) -> None:
        assert "no-recipient" in codes_of(load_text("global_defs {\nnotification_email {\n}\n}\n" + instance_text()))
        assert "no-recipient" not in codes_of(load_text(f"global_defs {{\n{self.TO}\n}}\n" + instance_text()))


@pytest.mark.parametrize("character", "–—−“’：，\u200b\u00a0\u00ad")
def test_characters_that_look_like_others(character: str) -> None:
    assert "invisible-character" in codes_of(load_text(instance_text(f"notify /bin/x{character}5")))


@pytest.mark.parametrize("character", "-é节ö:'")
def test_characters_that_look_like_themselves(character: str) -> None:
    assert "invisible-character" not in codes_of(load_text(instance_text(f'notify "/bin/{character}{character}5"')))
