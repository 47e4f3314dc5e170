"""alived.wire.no_accept_table: the rules for addresses that accept nothing, as text."""

from __future__ import annotations

from alived.wire.no_accept_table import script

TABLE = "alived_test"
VIP = "192.0.2.100"


def test_without_addresses_the_table_is_only_taken_away() -> None:
    assert script(TABLE, [], []) == f"table inet {TABLE} {{}}\ndelete table inet {TABLE}\n"


def test_the_table_is_replaced_as_a_whole() -> None:
    lines = script(TABLE, [VIP, "192.0.2.101"], ["2001:db8::100"]).splitlines()
    assert lines[:2] == [f"table inet {TABLE} {{}}", f"delete table inet {TABLE}"]
    assert "    ip daddr { 192.0.2.100, 192.0.2.101 } counter drop" in lines
    drop = lines.index("    ip6 daddr { 2001:db8::100 } counter drop")
    assert "nd-neighbor-solicit" in lines[drop - 1]


def test_one_family_says_nothing_of_the_other() -> None:
    assert "ip6 daddr" not in script(TABLE, [VIP], [])
    assert "ip daddr" not in script(TABLE, [], ["2001:db8::100"])
