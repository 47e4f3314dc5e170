"""Rules across instances and groups, names, and the blocks around them."""

from __future__ import annotations

import pytest

from alived.config.load import load_text
from alived.vrrp.config import TrackedInterface
from tests.config.helpers import good, instance_text, one, refused, warned

TWO = instance_text(name="A", vip="192.0.2.10") + instance_text(name="B", vrid=52, vip="192.0.2.11")


def group(body: str, name: str = "G") -> str:
    return f"vrrp_sync_group {name} {{\n{body}\n}}\n"


MEMBERS = "group {\nA\nB\n}"


class TestNames:
    @pytest.mark.parametrize("keyword", ["vrrp_instance", "vrrp_sync_group"])
    def test_a_name_is_needed(self, keyword: str) -> None:
        refused(TWO + f"{keyword} {{\n}}\n", "missing-argument")

    def test_an_instance_is_defined_once(self) -> None:
        (found,) = refused(instance_text() + instance_text(), "duplicate-name")
        assert (found.location.line, found.location.column) == (10, 15)
        assert "line 1" in found.message

    def test_a_group_is_defined_once(self) -> None:
        refused(group(MEMBERS) * 2 + TWO, "duplicate-name")

    def test_a_name_is_one_word(self) -> None:
        refused(instance_text(name="my instance"), "extra-arguments")
        assert one(good(instance_text(name='"my instance"'))).vrrp.name == "my instance"


class TestVrids:
    def test_the_same_on_one_interface_is_an_error(self) -> None:
        (found,) = refused(instance_text(name="A") + instance_text(name="B", vip="192.0.2.11"), "duplicate-vrid")
        assert "A (line 3)" in found.message

    @pytest.mark.parametrize(
        "second",
        [
            instance_text(name="B", vip="192.0.2.11").replace("eth0", "eth1"),
            instance_text(name="B", vip="fe80::1"),
            instance_text("mcast_dst_ip 224.0.0.99", name="B", vip="192.0.2.11"),
            instance_text("unicast_peer {\n192.0.2.2\n}", name="B", vip="192.0.2.11"),
        ],
    )
    def test_another_interface_family_group_or_way_is_another_router(self, second: str) -> None:
        good(instance_text(name="A") + second)

    def unicast(self, name: str, peer: str, source: str = "", vip: str = "192.0.2.10") -> str:
        body = f"unicast_peer {{\n{peer}\n}}\n" + (f"unicast_src_ip {source}" if source else "")
        return instance_text(body, name=name, vip=vip)

    def test_unicast_instances_meet_if_they_share_a_peer(self) -> None:
        first = self.unicast("A", "192.0.2.2")
        refused(first + self.unicast("B", "192.0.2.2", vip="192.0.2.11"), "duplicate-vrid")
        good(first + self.unicast("B", "192.0.2.3", vip="192.0.2.11"))
        good(first + self.unicast("B", "192.0.2.2", vip="192.0.2.11").replace("eth0", "eth1"))

    def test_unicast_sources_tell_instances_apart(self) -> None:
        first = self.unicast("A", "192.0.2.2", "192.0.2.4")
        good(first + self.unicast("B", "192.0.2.2", "192.0.2.5", vip="192.0.2.11"))
        refused(first + self.unicast("B", "192.0.2.2", "192.0.2.4", vip="192.0.2.11"), "duplicate-vrid")

    def test_a_sender_that_does_not_say_who_it_is_may_be_any(self) -> None:
        first = self.unicast("A", "192.0.2.2", "192.0.2.4")
        refused(first + self.unicast("B", "192.0.2.2", vip="192.0.2.11"), "duplicate-vrid")
        nowhere = self.unicast("B", "192.0.2.2", "192.0.2.4", vip="192.0.2.11 dev eth1").replace("interface eth0\n", "")
        refused(first + nowhere, "duplicate-vrid")
        refused(nowhere + first, "duplicate-vrid")

    def test_thousands_of_senders_to_one_peer_are_compared_in_one_pass(self) -> None:
        text = "".join(
            self.unicast(f"V{number}", "192.0.2.2", vip=f"10.1.{number // 250}.{number % 250}").replace(
                "eth0", f"eth{number}"
            )
            for number in range(2000)
        )
        good(text)

    def test_a_vrid_that_is_not_known_collides_with_nothing(self) -> None:
        text = TWO.replace("virtual_router_id 51", "virtual_router_id x").replace("virtual_router_id 52", "priority 1")
        assert "duplicate-vrid" not in [found.code for found in load_text(text).diagnostics]


class TestAddressesTwice:
    def test_in_two_instances_is_an_error(self) -> None:
        refused(TWO.replace("192.0.2.11", "192.0.2.10"), "duplicate-vip")

    def test_on_two_interfaces_is_a_warning(self) -> None:
        warned(TWO.replace("192.0.2.11", "192.0.2.10 dev eth1"), "duplicate-vip")

    def test_in_one_instance_is_a_warning(self) -> None:
        warned(instance_text(vip="192.0.2.10\n192.0.2.10/24"), "duplicate-vip")

    def test_a_link_local_address_may_be_on_several_links(self) -> None:
        good(
            instance_text(name="A", vip="fe80::1")
            + instance_text(name="B", vip="fe80::1").replace("interface eth0", "interface eth1")
        )
        refused(
            instance_text(name="A", vip="fe80::1") + instance_text(name="B", vrid=52, vip="fe80::1"), "duplicate-vip"
        )


class TestGroups:
    def test_members_know_their_group(self) -> None:
        config = good(group(MEMBERS + "\ntrack_interface {\neth5\n}\nsync_group_tracking_weight") + TWO)
        (found,) = config.sync_groups
        assert (found.vrrp.name, found.vrrp.members) == ("G", ("A", "B"))
        assert found.vrrp.track_interfaces == (TrackedInterface("eth5"),)
        assert found.vrrp.sync_group_tracking_weight
        assert [instance.vrrp.sync_group for instance in config.instances] == ["G", "G"]

    def test_several_members_on_a_line(self) -> None:
        assert good(TWO + group("group { A B }")).sync_groups[0].vrrp.members == ("A", "B")

    def test_a_group_has_commands(self) -> None:
        (found,) = good(group(MEMBERS + '\nnotify_master "/bin/up one"\nnotify /bin/any user') + TWO).sync_groups
        assert found.notify.master is not None and found.notify.notify is not None
        assert found.notify.master.argv == ("/bin/up", "one")
        assert (found.notify.notify.argv, found.notify.notify.user) == (("/bin/any",), "user")

    def test_an_unknown_member_is_an_error_with_the_nearest_name(self) -> None:
        text = TWO.replace(" A ", " WEB_1 ").replace(" B ", " WEB_2 ") + group("group {\nWEB_1\nWEBB_2\n}")
        (found,) = refused(text, "unknown-member")
        assert found.hint == "did you mean 'WEB_2'?"

    def test_an_instance_is_in_one_group(self) -> None:
        refused(group(MEMBERS, "G") + group(MEMBERS, "H") + TWO, "two-groups", "two-groups")

    def test_one_member_moves_alone(self) -> None:
        warned(group("group {\nA\n}") + TWO, "small-group")

    def test_a_group_without_members_is_dropped(self) -> None:
        assert warned(group("") + TWO, "empty-group").sync_groups == ()
        assert warned(group("A\nB") + TWO, "empty-group", "unknown-keyword", "unknown-keyword").sync_groups == ()

    def test_the_first_list_of_members_counts(self) -> None:
        config = warned(group(MEMBERS + "\ngroup {\nC\n}") + TWO, "duplicate-keyword")
        assert config.sync_groups[0].vrrp.members == ("A", "B")

    def test_owners_and_others_do_not_move_together(self) -> None:
        text = TWO.replace("virtual_router_id 51\npriority 100", "virtual_router_id 51\npriority 255")
        warned(group(MEMBERS) + text, "mixed-owners")

    def test_weights_of_members_count_only_if_the_group_says_so(self) -> None:
        text = TWO.replace("virtual_router_id 51", "virtual_router_id 51\ntrack_interface {\neth9 weight 5\n}")
        assert warned(group(MEMBERS) + text, "group-weight").instances[0].vrrp.track_interfaces == (
            TrackedInterface("eth9"),
        )
        config = warned(group(MEMBERS + "\nglobal_tracking") + text, "deprecated")
        assert config.instances[0].vrrp.track_interfaces == (TrackedInterface("eth9", 5),)

    def test_weights_of_the_group_do_not_count_with_an_owner(self) -> None:
        text = TWO.replace("priority 100", "priority 255")
        config = warned(group(MEMBERS + "\ntrack_interface {\neth9 weight 5\n}") + text, "owner-weight")
        assert config.sync_groups[0].vrrp.track_interfaces == (TrackedInterface("eth9"),)

    def test_members_begin_alike(self) -> None:
        text = TWO.replace("virtual_router_id 51", "virtual_router_id 51\nstate MASTER")
        config = good(group(MEMBERS) + text)
        assert [instance.vrrp.initial_state for instance in config.instances] == ["BACKUP", "BACKUP"]
        config = good(group(MEMBERS) + TWO.replace("priority 100", "priority 255"))
        assert [instance.vrrp.initial_state for instance in config.instances] == ["MASTER", "MASTER"]
        assert [instance.vrrp.initial_state for instance in good(text).instances] == ["MASTER", "BACKUP"]

    def test_reports_of_priority_are_inherited_from_the_group_then_from_global_defs(self) -> None:
        config = good(group(MEMBERS + "\nnotify_priority_changes") + TWO)
        assert [instance.notify_priority_changes for instance in config.instances] == [True, True]
        text = TWO.replace("virtual_router_id 51", "virtual_router_id 51\nnotify_priority_changes off")
        config = good("global_defs {\nvrrp_notify_priority_changes\n}\n" + text)
        assert [instance.notify_priority_changes for instance in config.instances] == [False, True]

    def test_what_the_group_does_not_watch_is_said(self) -> None:
        found = load_text(group(MEMBERS + "\ntrack_bfd {\nx\n}") + TWO).diagnostics
        assert any("this group will not notice" in one.message for one in found)


class TestGlobalDefs:
    def test_every_field(self) -> None:
        text = """global_defs {
            router_id node1
            vrrp_process_name engine
            script_user nobody nogroup
            enable_script_security
            vrrp_rt_priority 0
            vrrp_no_swap
            vrrp_cpu_affinity 0 2
            vrrp_startup_delay 5.5
            vrrp_delay_after_boot 30
            log_unknown_vrids
            dynamic_interfaces allow_if_changes
        }
        """
        config = good(text + instance_text())
        found = config.global_defs
        assert (found.router_id, found.process_name) == ("node1", "engine")
        assert (found.script_user, found.script_group, found.enable_script_security) == ("nobody", "nogroup", True)
        assert (found.rt_priority, found.no_swap, found.cpu_affinity) == (0, True, (0, 2))
        assert (found.startup_delay_ns, found.delay_after_boot_ns) == (5_500_000_000, 30_000_000_000)
        assert (found.log_unknown_vrids, found.dynamic_interfaces) == (True, True)
        assert one(config).vrrp.startup_delay_ns == 5_500_000_000

    def test_several_blocks_add_up_in_any_place(self) -> None:
        config = good("global_defs {\nrouter_id a\n}\n" + instance_text() + "global_defs {\nvrrp_version 3\n}\n")
        assert (config.global_defs.router_id, one(config).vrrp.version) == ("a", 3)

    @pytest.mark.parametrize(
        ("statement", "code"),
        [
            ("script_user", "missing-argument"),
            ("vrrp_cpu_affinity", "missing-argument"),
            ("vrrp_cpu_affinity 0 x", "invalid-value"),
            ("router_id", "missing-argument"),
            ("vrrp_version 4", "out-of-range"),
            ("vrrp_min_garp maybe", "invalid-value"),
            ("router_id a {\n}", "unexpected-block"),
        ],
    )
    def test_statements_that_cannot_be(self, statement: str, code: str) -> None:
        refused(f"global_defs {{\n{statement}\n}}\n" + instance_text(), code)

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("global_defs {\ndynamic_interfaces always\n}\n", "unknown-option"),
            ("global_defs {\nenable_script_security off\n}\n", "extra-arguments"),
            ("global_defs x {\n}\n", "extra-arguments"),
            ("global_defs {\nrouter_id a\nrouter_id b\n}\n", "duplicate-keyword"),
            ("global_defs {\nenable_snmp_vrrp\n}\n", "no-effect"),
            ("virtual_server_group g {\n192.0.2.9 80\n}\n", "not-supported-yet"),
        ],
    )
    def test_statements_that_run_with_a_warning(self, text: str, code: str) -> None:
        warned(text + instance_text(), code)


class TestUnknownWords:
    def test_the_nearest_word_is_offered(self) -> None:
        (found,) = load_text(instance_text("prioritty 5"), "f").diagnostics
        assert (found.code, found.hint, str(found.location)) == ("unknown-keyword", "did you mean 'priority'?", "f:5:1")

    def test_a_word_of_another_block_is_told_where_it_belongs(self) -> None:
        (found,) = load_text(instance_text("router_id x")).diagnostics
        assert found.hint == "it belongs in global_defs"

    def test_a_block_inside_a_block_where_it_cannot_be_is_an_error(self) -> None:
        (found,) = refused(instance_text("vrrp_instance B {\npriority 5\n}"), "misplaced-block")
        assert "missing before it" in found.hint

    def test_nonsense_gets_no_offer(self) -> None:
        (found,) = load_text(instance_text("xyzzy")).diagnostics
        assert found.hint == ""

    def test_a_misspelt_word_that_is_needed_is_missing(self) -> None:
        refused(instance_text().replace("virtual_router_id", "virtual_route_id"), "missing-keyword")


def test_without_an_instance_nothing_would_run() -> None:
    refused("", "no-instance")
    refused("global_defs {\n}\n", "no-instance")
    refused("Dear reader,\nthis is a letter.\n", "no-instance")


def test_top_level_blocks_need_braces() -> None:
    refused("vrrp_instance A\n", "missing-brace")
