"""What a vrrp_instance means: keepalived's defaults, derivations and corrections (2.2.7)."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_MS, NS_PER_S, Family
from alived.config.load import load_text
from alived.vip.config import INFINITE_LIFETIME, ConflictPolicy, VanishPolicy
from alived.vrrp.config import AuthType, Checksum, State, TrackedInterface, UnicastPeer, Vmac
from tests.config.helpers import good, instance_text, one, refused, warned

V3 = "global_defs {\nvrrp_version 3\n}\n"
STRICT = "global_defs {\nvrrp_version 3\nvrrp_strict\n}\n"
MINIMAL = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n192.0.2.10\n}\n}\n"


def test_defaults_are_keepalived_s() -> None:
    instance = one(good(MINIMAL))
    vrrp = instance.vrrp
    assert (vrrp.name, vrrp.interface, vrrp.virtual_router_id) == ("VI_1", "eth0", 51)
    assert (vrrp.family, vrrp.version, vrrp.priority, vrrp.advert_interval_cs) == (Family.IPV4, 2, 100, 100)
    assert vrrp.initial_state is State.BACKUP
    assert (vrrp.nopreempt, vrrp.preempt_delay_ns, vrrp.accept, vrrp.strict_mode) == (False, 0, True, False)
    assert vrrp.addresses == ("192.0.2.10",)
    assert (vrrp.auth_type, vrrp.unicast, vrrp.vmac, vrrp.sync_group) == (AuthType.NONE, False, None, "")
    assert (vrrp.track_primary, vrrp.down_timer_adverts, vrrp.unicast_ttl) == (True, 3, 255)
    assert vrrp.checksum is Checksum.PSEUDO_HEADER
    (vip,) = instance.vips.addresses
    assert (vip.address, vip.prefix_length, vip.interface, vip.nodad) == ("192.0.2.10", 32, "eth0", True)
    assert (vip.scope, vip.label, vip.broadcast, vip.preferred_lft) == ("global", "", "", None)
    assert instance.vips.conflict is ConflictPolicy.TAKE
    assert instance.vips.vanish is VanishPolicy.RESTORE
    assert instance.vips.lifetime_s is None


class TestElection:
    def test_version_comes_from_the_instance_then_from_global_defs(self) -> None:
        assert one(good(V3 + MINIMAL)).vrrp.version == 3
        assert one(good(instance_text("version 2", before=V3))).vrrp.version == 2

    def test_ipv6_is_always_version_3(self) -> None:
        assert one(good(instance_text(vip="fe80::1"))).vrrp.version == 3
        config = warned(instance_text("version 2", vip="fe80::1"), "version-changed")
        assert one(config).vrrp.version == 3

    def test_state_master_without_priority_is_the_owner(self) -> None:
        config = warned(MINIMAL.replace("interface", "state MASTER\ninterface"), "priority-from-state")
        assert one(config).vrrp.priority == 255

    def test_priority_255_without_state_begins_as_master(self) -> None:
        assert one(good(MINIMAL.replace("interface", "priority 255\ninterface"))).vrrp.initial_state is State.MASTER

    def test_an_unknown_state_is_backup(self) -> None:
        config = warned(instance_text("state master"), "invalid-value")
        assert one(config).vrrp.initial_state is State.BACKUP

    @pytest.mark.parametrize(
        ("version", "text", "cs"),
        [(2, "1", 100), (2, "255", 25500), (3, "0.01", 1), (3, ".5", 50), (3, "40.95", 4095), (3, "2.", 200)],
    )
    def test_intervals(self, version: int, text: str, cs: int) -> None:
        assert one(good(instance_text(f"version {version}\nadvert_int {text}"))).vrrp.advert_interval_cs == cs

    @pytest.mark.parametrize(
        ("version", "text", "code"),
        [
            (2, "0.5", "interval"),
            (2, "1.5", "interval"),
            (3, "41", "interval"),
            (3, "0", "out-of-range"),
            (2, "256", "out-of-range"),
            (3, "1s", "invalid-value"),
            (3, "-1", "invalid-value"),
        ],
    )
    def test_intervals_that_no_packet_can_carry(self, version: int, text: str, code: str) -> None:
        refused(instance_text(f"version {version}\nadvert_int {text}"), code)

    def test_an_interval_is_rounded_to_10_ms(self) -> None:
        assert (
            one(warned(instance_text("version 3\nadvert_int 0.333"), "interval-rounded")).vrrp.advert_interval_cs == 33
        )

    @pytest.mark.parametrize("keyword", ["virtual_router_id", "priority"])
    @pytest.mark.parametrize("value", ["0", "256", "-1", "1.5", "x", "1_0", "٣"])
    def test_numbers_out_of_bounds(self, keyword: str, value: str) -> None:
        text = instance_text().replace(f"{keyword} {'51' if keyword[0] == 'v' else '100'}", f"{keyword} {value}")
        (found,) = [
            d
            for d in refused(
                text,
                *["out-of-range" if value.lstrip("-").isascii() and value.lstrip("-").isdigit() else "invalid-value"],
            )
            if d.severity == "error"
        ]
        assert found.location.column == len(keyword) + 2

    def test_everything_that_is_missing_is_said_at_once(self) -> None:
        found = refused("vrrp_instance VI_1 {\n}\n", "missing-keyword", "missing-keyword")
        assert {"interface", "virtual_router_id"} == {
            word for d in found for word in ("interface", "virtual_router_id") if f"{word} is missing" in d.message
        }

    def test_the_loopback_interface_is_refused(self) -> None:
        refused(instance_text().replace("eth0", "lo"), "loopback")


class TestPreemption:
    def test_nopreempt_and_its_opposite(self) -> None:
        assert one(good(instance_text("nopreempt"))).vrrp.nopreempt
        assert not one(warned(instance_text("nopreempt\npreempt"), "duplicate-keyword")).vrrp.nopreempt
        assert not one(good(instance_text("preempt"))).vrrp.nopreempt

    def test_nopreempt_needs_state_backup(self) -> None:
        assert not one(warned(instance_text("state MASTER\nnopreempt"), "nopreempt-cleared")).vrrp.nopreempt

    def test_an_owner_always_preempts(self) -> None:
        text = instance_text("nopreempt").replace("priority 100", "priority 255\nstate BACKUP")
        assert not one(warned(text, "nopreempt-cleared")).vrrp.nopreempt

    def test_preempt_delay_has_a_fraction(self) -> None:
        assert one(good(instance_text("preempt_delay 4.125"))).vrrp.preempt_delay_ns == 4125 * NS_PER_MS

    @pytest.mark.parametrize("with_", ["state MASTER", "strict_mode\nversion 3", "nopreempt"])
    def test_preempt_delay_is_cleared_where_nothing_preempts(self, with_: str) -> None:
        config = warned(
            instance_text(f"preempt_delay 5\n{with_}"),
            "preempt-delay-cleared",
        )
        assert one(config).vrrp.preempt_delay_ns == 0

    def test_preempt_delay_of_an_owner_is_cleared(self) -> None:
        text = instance_text("preempt_delay 5\nstate BACKUP").replace("priority 100", "priority 255")
        assert one(warned(text, "preempt-delay-cleared")).vrrp.preempt_delay_ns == 0

    def test_preempt_delay_is_bounded(self) -> None:
        refused(instance_text("preempt_delay 1001"), "out-of-range")


class TestAuthentication:
    def block(self, kind: str = "PASS", password: str = "secret") -> str:
        return f"authentication {{\nauth_type {kind}\nauth_pass {password}\n}}"

    @pytest.mark.parametrize("kind", ["PASS", "AH"])
    def test_version_2_knows_two_kinds(self, kind: str) -> None:
        vrrp = one(good(instance_text(self.block(kind)))).vrrp
        assert (vrrp.auth_type, vrrp.auth_pass) == (AuthType(kind), "secret")

    def test_a_long_password_is_cut(self) -> None:
        assert (
            one(warned(instance_text(self.block(password="1234567890")), "password-cut")).vrrp.auth_pass == "12345678"
        )

    def test_a_password_is_cut_by_bytes_between_characters(self) -> None:
        assert one(warned(instance_text(self.block(password="ääääÄ")), "password-cut")).vrrp.auth_pass == "ääää"

    def test_version_3_has_none(self) -> None:
        assert (
            one(warned(instance_text(self.block(), before=V3), "authentication-skipped")).vrrp.auth_type
            is AuthType.NONE
        )

    def test_strict_mode_has_none(self) -> None:
        config = warned(instance_text(self.block() + "\nstrict_mode"), "authentication-skipped")
        assert one(config).vrrp.auth_type is AuthType.NONE

    def test_without_a_password_there_is_none(self) -> None:
        config = warned(instance_text("authentication {\nauth_type PASS\n}"), "authentication-skipped")
        assert one(config).vrrp.auth_type is AuthType.NONE

    def test_without_a_type_there_is_none(self) -> None:
        config = warned(instance_text("authentication {\nauth_pass x\n}"), "no-authentication")
        assert one(config).vrrp.auth_type is AuthType.NONE

    def test_an_unknown_type_is_refused(self) -> None:
        refused(instance_text(self.block("MD5")), "invalid-value")

    def test_ah_begins_as_backup(self) -> None:
        config = warned(instance_text(self.block("AH") + "\nstate MASTER"), "state-changed")
        assert one(config).vrrp.initial_state is State.BACKUP

    def test_hmac_is_refused_rather_than_left_out(self) -> None:
        key = "0123456789abcdef" * 2
        refused(instance_text(f"auth_hmac {{\nkey 1 {key}\nactive_key 1\n}}"), "not-supported")


class TestUnicast:
    PEERS = "unicast_peer {\n192.0.2.2\n192.0.2.3 min_ttl 250 max_ttl 254\n}"

    def test_peers(self) -> None:
        vrrp = one(good(instance_text("unicast_src_ip 192.0.2.1\nunicast_ttl 64\n" + self.PEERS))).vrrp
        assert vrrp.unicast
        assert vrrp.unicast_peers == (UnicastPeer("192.0.2.2"), UnicastPeer("192.0.2.3", 250, 254))
        assert (vrrp.source_address, vrrp.unicast_ttl) == ("192.0.2.1", 64)

    def test_a_ttl_range_turns_the_check_of_sources_on(self) -> None:
        assert one(good(instance_text(self.PEERS))).vrrp.check_unicast_src
        assert not one(good(instance_text("unicast_peer {\n192.0.2.2\n}"))).vrrp.check_unicast_src
        assert one(good(instance_text("check_unicast_src\nunicast_peer {\n192.0.2.2\n}"))).vrrp.check_unicast_src

    def test_an_empty_block_never_means_multicast(self) -> None:
        assert one(warned(instance_text("unicast_peer {\n}"), "no-unicast-peer")).vrrp.unicast
        config = warned(instance_text("unicast_fault_no_peer"), "no-unicast-peer")
        assert one(config).vrrp.unicast and one(config).vrrp.unicast_fault_no_peer

    @pytest.mark.parametrize("word", ["unicast_src_ip 192.0.2.1", "unicast_ttl 5", "check_unicast_src"])
    def test_unicast_words_without_peers_have_no_effect(self, word: str) -> None:
        assert not one(warned(instance_text(word), "no-unicast-peer")).vrrp.unicast

    def test_our_own_address_among_the_peers_is_skipped(self) -> None:
        text = instance_text("unicast_src_ip 192.0.2.2\n" + self.PEERS)
        assert one(warned(text, "own-peer")).vrrp.unicast_peers == (UnicastPeer("192.0.2.3", 250, 254),)

    def test_without_an_interface_a_source_address_is_needed(self) -> None:
        text = instance_text("unicast_peer {\n192.0.2.2\n}").replace("interface eth0\n", "")
        refused(text, "missing-keyword")
        vrrp = one(
            warned(
                text.replace("{\n192.0.2.2", "{\n192.0.2.2 ").replace("priority", "unicast_src_ip 192.0.2.1\npriority"),
                "no-interface",
            )
        )
        assert vrrp.vrrp.interface == ""
        assert vrrp.vips.addresses[0].interface == "eth0"

    def test_the_default_interface_takes_addresses_that_have_none(self) -> None:
        text = instance_text(
            "unicast_src_ip 192.0.2.1\nunicast_peer {\n192.0.2.2\n}", before="global_defs {\ndefault_interface br0\n}\n"
        )
        assert one(good(text.replace("interface eth0\n", ""))).vips.addresses[0].interface == "br0"

    def test_a_link_local_source_needs_an_interface(self) -> None:
        text = instance_text("unicast_src_ip fe80::1\nunicast_peer {\nfe80::2\n}", vip="2001:db8::1 dev eth0")
        refused(text.replace("interface eth0\n", ""), "missing-keyword")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("unicast_peer {\n192.0.2.2\n2001:db8::1\n}", "family-mismatch"),
            ("unicast_peer {\n192.0.2.2\n}\nunicast_src_ip 2001:db8::1", "family-mismatch"),
            ("unicast_peer {\nrouter2\n}", "invalid-address"),
            ("unicast_peer {\n192.0.2.2 min_ttl 300\n}", "out-of-range"),
            ("unicast_peer {\n192.0.2.2 min_ttl\n}", "missing-argument"),
            ("unicast_peer {\n192.0.2.2 min_ttl 9 max_ttl 8\n}", "out-of-range"),
            ("unicast_peer {\n192.0.2.2\n192.0.2.2\n}", "duplicate-entry"),
            ("unicast_peer {\n192.0.2.10\n}", "vip-as-peer"),
            ("unicast_src_ip 192.0.2.10\nunicast_peer {\n192.0.2.2\n}", "vip-as-source"),
            ("unicast_peer {\n192.0.2.2 {\n}\n}", "unexpected-block"),
            ("unicast_peer", "missing-brace"),
        ],
    )
    def test_peers_that_cannot_be(self, body: str, code: str) -> None:
        refused(instance_text(body), code)

    def test_strict_mode_knows_no_peers(self) -> None:
        refused(instance_text("strict_mode\n" + self.PEERS), "strict-mode")

    def test_a_prefix_length_of_a_router_is_skipped(self) -> None:
        assert (
            one(warned(instance_text("mcast_src_ip 192.0.2.1/24"), "extra-arguments")).vrrp.source_address
            == "192.0.2.1"
        )

    def test_an_unknown_option_of_a_peer(self) -> None:
        warned(instance_text("unicast_peer {\n192.0.2.2 ttl 5\n}"), "unknown-option")


class TestSource:
    def test_the_last_source_counts(self) -> None:
        text = instance_text("mcast_src_ip 192.0.2.1\nunicast_src_ip 192.0.2.2\nunicast_peer {\n192.0.2.3\n}")
        assert one(good(text)).vrrp.source_address == "192.0.2.2"

    def test_track_src_ip(self) -> None:
        assert one(good(instance_text("mcast_src_ip 192.0.2.1\ntrack_src_ip"))).vrrp.track_source_address
        assert not one(warned(instance_text("track_src_ip"), "track-src-ip")).vrrp.track_source_address

    def test_groups(self) -> None:
        before = "global_defs {\nvrrp_mcast_group4 224.0.0.33\nvrrp_mcast_group6 ff02::33\n}\n"
        assert one(good(instance_text(before=before))).vrrp.group == "224.0.0.33"
        assert one(good(instance_text(before=before, vip="fe80::1"))).vrrp.group == "ff02::33"
        assert one(good(instance_text("mcast_dst_ip 224.0.0.44", before=before))).vrrp.group == "224.0.0.44"
        assert one(good(instance_text("mcast_dst_ip 224.0.0.18"))).vrrp.multicast_group == ""

    @pytest.mark.parametrize("group", ["192.0.2.1", "ff05::1", "x"])
    def test_a_group_is_a_multicast_address_that_stays_on_the_link(self, group: str) -> None:
        refused(instance_text(f"mcast_dst_ip {group}"), "invalid-address" if group == "x" else "invalid-value")

    def test_a_group_of_the_other_family_is_refused(self) -> None:
        refused(instance_text("mcast_src_ip 192.0.2.1\nmcast_dst_ip ff02::1"), "family-mismatch")
        refused(instance_text(before="global_defs {\nvrrp_mcast_group4 ff02::1\n}\n"), "invalid-value")

    def test_a_group_has_no_effect_with_peers(self) -> None:
        text = instance_text("mcast_dst_ip 224.0.0.44\nunicast_peer {\n192.0.2.2\n}")
        assert one(warned(text, "multicast-skipped")).vrrp.multicast_group == ""

    def test_checksums(self) -> None:
        assert one(good(instance_text("v3_checksum_as_v2", before=V3))).vrrp.checksum is Checksum.MESSAGE_ONLY
        assert one(good(instance_text("v3_checksum_as_v2 off"))).vrrp.checksum is Checksum.PSEUDO_HEADER
        peers = "\nunicast_peer {\n192.0.2.2\n}"
        assert one(good(instance_text("old_unicast_checksum" + peers))).vrrp.old_unicast_checksum
        assert not one(good(instance_text("old_unicast_checksum never" + peers))).vrrp.old_unicast_checksum
        refused(instance_text("old_unicast_checksum always" + peers), "invalid-value")


class TestVmac:
    def test_the_default_name_has_the_vrid(self) -> None:
        instance = one(good(instance_text("use_vmac")))
        assert instance.vrrp.vmac == Vmac("vrrp.51")
        assert instance.vrrp.interface == "eth0"
        assert instance.vips.addresses[0].interface == "vrrp.51"

    def test_names_that_are_taken_get_a_number(self) -> None:
        four = instance_text("use_vmac", name="four")
        six = instance_text("use_vmac", name="six", vip="fe80::1")
        other = instance_text("use_vmac", name="other", vip="192.0.2.11").replace("eth0", "eth1")
        config = good(four + six + other)
        assert [i.vrrp.vmac.name for i in config.instances if i.vrrp.vmac] == ["vrrp.51", "vrrp6.51", "vrrp1.51"]

    def test_a_prefix_of_one_s_own_is_cut_to_fit(self) -> None:
        before = "global_defs {\nvmac_prefix averyveryverylong\n}\n"
        assert one(good(instance_text("use_vmac", before=before))).vrrp.vmac == Vmac("averyveryver.51")

    def test_a_name_of_one_s_own(self) -> None:
        assert one(good(instance_text("use_vmac vip0\nvmac_xmit_base"))).vrrp.vmac == Vmac("vip0", True)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("use_vmac sixteencharacter", "invalid-interface"),
            ("use_vmac vip0 02:00:00:00:00:01", "not-supported"),
            ("use_vmac eth0", "vmac"),
            ("use_ipvlan", "not-supported"),
            ("vrf red", "not-supported"),
        ],
    )
    def test_macvlans_that_cannot_be(self, body: str, code: str) -> None:
        refused(instance_text(body), code)

    def test_two_instances_cannot_share_a_name(self) -> None:
        text = instance_text("use_vmac v0", name="A") + instance_text(
            "use_vmac v0", name="B", vrid=52, vip="192.0.2.11"
        )
        refused(text, "vmac")

    def test_without_an_interface_there_is_none(self) -> None:
        text = instance_text(
            "use_vmac\nvmac_xmit_base\nunicast_src_ip 192.0.2.1\nunicast_peer {\n192.0.2.2\n}",
            vip="192.0.2.10 dev eth1",
        )
        refused(text.replace("interface eth0\n", ""), "vmac")

    def test_unicast_sends_from_the_interface(self) -> None:
        config = warned(instance_text("use_vmac\nunicast_peer {\n192.0.2.2\n}"), "vmac")
        assert one(config).vrrp.vmac == Vmac("vrrp.51", True)

    def test_strict_mode_sends_from_the_macvlan(self) -> None:
        config = warned(instance_text("use_vmac\nvmac_xmit_base", before=STRICT), "strict-mode")
        assert one(config).vrrp.vmac == Vmac("vrrp.51", False)

    def test_vmac_xmit_base_alone_means_nothing(self) -> None:
        assert one(warned(instance_text("vmac_xmit_base"), "vmac")).vrrp.vmac is None

    def test_the_macvlan_takes_the_addresses_of_its_family_on_its_interface(self) -> None:
        text = instance_text(
            "use_vmac\nvirtual_ipaddress_excluded {\n192.0.2.11 dev eth0\n192.0.2.12 dev eth1\n2001:db8::1\n}"
        )
        devices = {vip.address: vip.interface for vip in one(good(text)).vips.addresses}
        assert devices == {
            "192.0.2.10": "vrrp.51",
            "192.0.2.11": "vrrp.51",
            "192.0.2.12": "eth1",
            "2001:db8::1": "eth0",
        }


class TestStrictMode:
    def test_accept(self) -> None:
        assert not one(good(instance_text(before=STRICT))).vrrp.accept
        assert one(good(instance_text("accept", before=STRICT))).vrrp.accept
        assert not one(warned(instance_text("accept\nstrict_mode"), "strict-mode")).vrrp.accept
        assert one(good(instance_text(before=STRICT).replace("priority 100", "priority 255"))).vrrp.accept
        assert not one(good(instance_text("no_accept"))).vrrp.accept

    def test_answers_to_other_masters(self) -> None:
        vrrp = one(good(instance_text(before=STRICT))).vrrp
        assert (vrrp.lower_prio_no_advert, vrrp.higher_prio_send_advert) == (True, False)
        body = "lower_prio_no_advert off\nhigher_prio_send_advert"
        vrrp = one(warned(instance_text(body, before=STRICT), "strict-mode", "strict-mode")).vrrp
        assert (vrrp.lower_prio_no_advert, vrrp.higher_prio_send_advert) == (True, False)
        vrrp = one(good(instance_text("lower_prio_no_advert\nhigher_prio_send_advert yes"))).vrrp
        assert (vrrp.lower_prio_no_advert, vrrp.higher_prio_send_advert) == (True, True)

    def test_state_follows_priority(self) -> None:
        config = warned(instance_text("state MASTER", before=STRICT), "strict-mode")
        assert one(config).vrrp.initial_state is State.BACKUP
        text = instance_text("state BACKUP", before=STRICT).replace("priority 100", "priority 255")
        assert one(warned(text, "strict-mode")).vrrp.initial_state is State.MASTER

    def test_down_timer_adverts(self) -> None:
        assert (
            one(warned(instance_text("down_timer_adverts 5", before=STRICT), "strict-mode")).vrrp.down_timer_adverts
            == 3
        )
        assert one(good(instance_text("down_timer_adverts 5"))).vrrp.down_timer_adverts == 5

    def test_no_repeated_announcements(self) -> None:
        garp = one(good(instance_text(before=STRICT))).vips.garp
        assert (garp.lower_prio_repeat, garp.lower_prio_delay_ns) == (0, 0)
        warned(
            instance_text("garp_lower_prio_repeat 2\ngarp_lower_prio_delay 2", before=STRICT),
            "strict-mode",
            "strict-mode",
        )

    def test_ipv6_needs_a_link_local_address_first(self) -> None:
        warned(instance_text(vip="2001:db8::1"), "first-not-link-local")
        refused(instance_text("strict_mode", vip="2001:db8::1"), "first-not-link-local")
        good(instance_text("unicast_peer {\n2001:db8::2\n}", vip="2001:db8::1"))

    def test_an_address_is_needed(self) -> None:
        refused(instance_text("strict_mode\nno_virtual_ipaddress", vip=""), "no-address")


class TestAnnouncements:
    def test_keepalived_s_defaults(self) -> None:
        garp = one(good(MINIMAL)).vips.garp
        assert (garp.master_delay_ns, garp.master_repeat) == (5 * NS_PER_S, 5)
        assert (garp.master_refresh_ns, garp.master_refresh_repeat) == (0, 1)
        assert (garp.lower_prio_delay_ns, garp.lower_prio_repeat) == (5 * NS_PER_S, 5)

    def test_global_defs_set_defaults_and_the_lower_prio_ones_follow_the_global_master_ones(self) -> None:
        before = "global_defs {\nvrrp_garp_master_delay 2\nvrrp_garp_master_repeat 3\n"
        before += "vrrp_garp_interval 0.001\nvrrp_gna_interval 0.002\n}\n"
        garp = one(good(instance_text("garp_master_repeat 9", before=before))).vips.garp
        assert (garp.master_delay_ns, garp.master_repeat) == (2 * NS_PER_S, 9)
        assert (garp.lower_prio_delay_ns, garp.lower_prio_repeat) == (2 * NS_PER_S, 3)
        assert (garp.garp_interval_ns, garp.gna_interval_ns) == (NS_PER_MS, 2 * NS_PER_MS)

    def test_instances_override(self) -> None:
        body = "garp_master_delay 1\ngarp_master_refresh 60\ngarp_master_refresh_repeat 2\n"
        body += "garp_lower_prio_delay 3\ngarp_lower_prio_repeat 4"
        garp = one(good(instance_text(body))).vips.garp
        assert (garp.master_delay_ns, garp.master_refresh_ns, garp.master_refresh_repeat) == (
            NS_PER_S,
            60 * NS_PER_S,
            2,
        )
        assert (garp.lower_prio_delay_ns, garp.lower_prio_repeat) == (3 * NS_PER_S, 4)

    def test_min_garp_leaves_what_was_said(self) -> None:
        before = "global_defs {\nvrrp_min_garp\nvrrp_garp_master_delay 7\n}\n"
        garp = one(good(instance_text(before=before))).vips.garp
        assert (garp.master_delay_ns, garp.master_repeat) == (7 * NS_PER_S, 1)
        before = "global_defs {\nvrrp_min_garp on\nvrrp_garp_master_repeat 3\n}\n"
        garp = one(good(instance_text(before=before))).vips.garp
        assert (garp.master_delay_ns, garp.master_repeat) == (0, 3)

    def test_repeat_0_means_1(self) -> None:
        assert one(warned(instance_text("garp_master_repeat 0"), "out-of-range")).vips.garp.master_repeat == 1


class TestTracking:
    def test_interfaces_with_weights(self) -> None:
        text = instance_text(
            "track_interface {\neth1\neth2 weight -20\neth3 weight 10 reverse\n}\n"
            "track_interface {\neth4 weight 5 noreverse\n}"
        )
        assert one(good(text)).vrrp.track_interfaces == (
            TrackedInterface("eth1"),
            TrackedInterface("eth2", -20),
            TrackedInterface("eth3", 10, True),
            TrackedInterface("eth4", 5),
        )

    @pytest.mark.parametrize(
        ("entry", "code"),
        [
            ("eth1 weight 254", "out-of-range"),
            ("eth1 weight", "missing-argument"),
            ("eth1 weight x", "invalid-value"),
            ("eth1:0", "invalid-interface"),
            ("eth1 { }", "unexpected-block"),
        ],
    )
    def test_entries_that_cannot_be(self, entry: str, code: str) -> None:
        refused(instance_text(f"track_interface {{\n{entry}\n}}"), code)

    @pytest.mark.parametrize(
        ("entries", "code"),
        [("eth1\neth1", "duplicate-entry"), ("eth0", "own-interface"), ("eth1 often", "unknown-option")],
    )
    def test_entries_that_say_too_much(self, entries: str, code: str) -> None:
        warned(instance_text(f"track_interface {{\n{entries}\n}}"), code)

    def test_an_owner_tracks_without_weights_only(self) -> None:
        text = instance_text("track_interface {\neth1\neth2 weight 5\n}").replace("priority 100", "priority 255")
        assert one(warned(text, "owner-weight")).vrrp.track_interfaces == (TrackedInterface("eth1"),)

    def test_dont_track_primary(self) -> None:
        assert not one(good(instance_text("dont_track_primary"))).vrrp.track_primary

    @pytest.mark.parametrize("keyword", ["track_bfd"])
    def test_what_is_not_watched_is_said(self, keyword: str) -> None:
        text = instance_text(f"{keyword} {{\nx\n}}")
        (found,) = [found for found in load_text(text).diagnostics if found.code == "not-supported-yet"]
        assert "this instance will not notice" in found.message


class TestOwnKeywords:
    def test_policies_of_the_instance_and_of_global_defs(self) -> None:
        body = "conflict_check abort\nvip_vanish fail_over\naddress_lifetime 7"
        for text in (instance_text(body), instance_text(before=f"global_defs {{\n{body}\n}}\n")):
            vips = one(good(text)).vips
            assert (vips.conflict, vips.vanish, vips.lifetime_s) == (ConflictPolicy.ABORT, VanishPolicy.FAIL_OVER, 7)

    @pytest.mark.parametrize(("text", "seconds"), [("auto", None), ("forever", 0), ("1", 1), ("86400", 86400)])
    def test_lifetimes(self, text: str, seconds: int | None) -> None:
        assert one(good(instance_text(f"address_lifetime {text}"))).vips.lifetime_s == seconds

    @pytest.mark.parametrize("text", ["0", "86401", "never", "1.5"])
    def test_lifetimes_that_cannot_be(self, text: str) -> None:
        refused(instance_text(f"address_lifetime {text}"), "out-of-range" if text.isdigit() else "invalid-value")

    def test_a_lifetime_needs_a_value(self) -> None:
        refused(instance_text("address_lifetime"), "missing-argument")

    def test_an_unknown_policy_is_refused(self) -> None:
        refused(instance_text("conflict_check maybe"), "invalid-value")


def test_infinite_preferred_lifetime() -> None:
    assert (
        one(good(instance_text(vip="192.0.2.10 preferred_lft forever"))).vips.addresses[0].preferred_lft
        == INFINITE_LIFETIME
    )
