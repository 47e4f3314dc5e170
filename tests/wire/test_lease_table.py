"""alived.wire.lease_table: the rules of the kernel lease as text, and the frames that renew. What they do on a kernel:
tests/adapters/test_kernel_lease.py."""

from __future__ import annotations

import struct

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alived.base import NS_PER_MS
from alived.wire import lease_table
from alived.wire.lease_table import LeasedGroup, LeaseTable

KEY = bytes.fromhex("0123456789abcdef")
WEB = LeasedGroup("web", (("eth0", "192.0.2.100"), ("eth0", "2001:db8::100")))
MAIL = LeasedGroup("mail", (("eth1", "192.0.2.101"),))
TABLE = LeaseTable(name="alived_test", key=KEY, timeouts_ns=(50 * NS_PER_MS, 100 * NS_PER_MS), groups=(WEB, MAIL))


def chain(group: LeasedGroup) -> str:
    return f"group_{lease_table.group_number(group.name):08x}"


def blocks(script: str) -> dict[str, list[str]]:
    """The content of chains and maps by their name."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in script.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word in ("chain", "map") and line.endswith("{"):
            current = found.setdefault(rest.removesuffix(" {"), [])
        elif line.startswith("    "):
            current.append(line.strip())
    return found


def test_a_frame_has_key_and_number_in_the_byte_order_of_the_machine_and_which_timeout_is_meant() -> None:
    number = struct.pack("=I", lease_table.group_number("web"))
    assert [lease_table.frame(KEY, "web", place) for place in (0, 7)] == [KEY + number + b"\0", KEY + number + b"\7"]


def test_a_number_depends_on_the_name_alone() -> None:
    """Else a reload that adds a group would close the leases of others."""
    assert lease_table.group_number("123456789") == 0xCBF43926  # the check value of this CRC
    assert lease_table.group_number("mail") != lease_table.group_number("web")


def test_a_table_replaces_one_that_is_left() -> None:
    assert lease_table.make(TABLE).startswith(lease_table.remove("alived_test"))


def test_who_has_the_key_renews_with_one_of_the_timeouts_and_closes() -> None:
    rules = blocks(lease_table.make(TABLE))["renewals"]
    assert rules[0] == 'type filter hook egress device "lo" priority 0; policy accept;'
    assert rules[1:] == [
        "@ll,96,80 0x88b50123456789abcdef @ll,208,8 0 update @leases { @ll,176,32 timeout 50ms } drop",
        "@ll,96,80 0x88b50123456789abcdef @ll,208,8 1 update @leases { @ll,176,32 timeout 100ms } drop",
        "@ll,96,80 0x88b60123456789abcdef delete @leases { @ll,176,32 }",
        "@ll,96,80 0x88b60123456789abcdef drop",
    ]


def test_an_address_leads_to_the_chain_of_its_group_on_its_interface_only() -> None:
    found = blocks(lease_table.make(TABLE))
    assert found["ipv4_0"] == [f"type ipv4_addr : verdict; elements = {{ 192.0.2.100 : goto {chain(WEB)} }}"]
    assert found["ipv6_0"] == [f"type ipv6_addr : verdict; elements = {{ 2001:db8::100 : goto {chain(WEB)} }}"]
    target = f"0x20010db8000000000000000000000100 : goto {chain(WEB)}"
    assert found["target_0"] == [f"typeof @th,64,128 : verdict; elements = {{ {target} }}"]
    assert found["ipv4_1"] == [f"type ipv4_addr : verdict; elements = {{ 192.0.2.101 : goto {chain(MAIL)} }}"]


def test_what_leaves_is_looked_up_by_its_source_and_what_comes_by_its_destination() -> None:
    found = blocks(lease_table.make(TABLE))
    assert found["out_0"] == [
        'type filter hook egress device "eth0" priority 0; policy accept;',
        "ip saddr vmap @ipv4_0",
        "arp saddr ip vmap @ipv4_0",
        "ip6 saddr vmap @ipv6_0",
        "icmpv6 type nd-neighbor-advert @th,64,128 vmap @target_0",
    ]
    assert found["in_0"] == [
        'type filter hook ingress device "eth0" priority -500; policy accept;',
        "ip daddr vmap @ipv4_0",
        "ip6 daddr vmap @ipv6_0",
    ]


def test_no_rule_costs_packets_of_a_family_without_addresses() -> None:
    found = blocks(lease_table.make(TABLE))
    assert not [rule for rule in found["out_1"] + found["in_1"] if "ip6" in rule or "icmpv6" in rule]
    assert "ipv6_1" not in found


def test_the_chain_of_a_group_drops_unless_its_number_is_among_the_leases() -> None:
    number = lease_table.group_number("web")
    assert blocks(lease_table.make(TABLE))[chain(WEB)] == [
        f"jhash meta protocol mod 1 offset {number} != @leases counter drop"
    ]


def test_a_change_deletes_all_but_the_leases_and_makes_the_new_rules() -> None:
    after = msgspec.structs.replace(TABLE, groups=(MAIL,))
    script = lease_table.change(TABLE, after)
    deleted, _, made = script.partition("table netdev alived_test {")
    names = [line.rpartition(" ")[2] for line in deleted.splitlines() if line.startswith("delete ")]
    assert sorted(names) == sorted(blocks(lease_table.make(TABLE)))
    assert "leases" not in deleted
    assert lease_table.make(after).endswith(made)
    # What is referred to goes last.
    assert names.index("in_1") < names.index("ipv4_0") < names.index(chain(WEB))


interfaces = st.sampled_from(["eth0", "eth1", "bond0.100"])
addresses = st.ip_addresses().map(str)
groups = st.lists(
    st.builds(LeasedGroup, st.text(min_size=1, max_size=20), st.lists(st.tuples(interfaces, addresses)).map(tuple)),
    unique_by=lambda group: group.name,
).map(tuple)


@given(groups)
def test_whatever_is_looked_up_is_there(some: tuple[LeasedGroup, ...]) -> None:
    found = blocks(lease_table.make(msgspec.structs.replace(TABLE, groups=some)))
    for rules in found.values():
        for rule in rules:
            if " vmap @" in rule:
                assert rule.rpartition("@")[2] in found
            assert all(part.split()[0].rstrip(",") in found for part in rule.split(" : goto ")[1:])
    listed = sum(rule.count(" : goto ") for name, rules in found.items() if name.startswith("ip") for rule in rules)
    assert listed == sum(len(group.addresses) for group in some)
