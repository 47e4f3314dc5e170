"""The planner alone: it leads from what is to what should be, and says nothing if that is the same."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from alived.vip.config import VirtualAddress
from alived.vip.plan import Key, Plan, key_of, plan, text_of
from tests.vip.playbook import A, B, C, ipv4

_ADDRESSES = st.builds(ipv4, st.integers(1, 6), label=st.sampled_from(["", "eth0:1"]))
_SETS = st.lists(_ADDRESSES, unique_by=key_of).map(lambda addresses: {key_of(va): va for va in addresses})


@given(_SETS, _SETS)
def test_applying_the_plan_yields_what_is_desired(
    desired: dict[Key, VirtualAddress], actual: dict[Key, VirtualAddress]
) -> None:
    todo = plan(desired, actual)
    there = dict(actual)
    for va in todo.remove:
        assert there.pop(key_of(va)) == va, "only what is there is removed"
    for va in todo.add:
        assert key_of(va) not in there, "only what is missing is added"
        there[key_of(va)] = va
    assert there == desired
    assert bool(todo) == (desired != actual)


@given(_SETS, _SETS)
def test_the_order_is_that_of_the_configuration_and_last_in_first_out(
    desired: dict[Key, VirtualAddress], actual: dict[Key, VirtualAddress]
) -> None:
    todo = plan(desired, actual)
    assert [va for va in desired.values() if va in todo.add] == list(todo.add)
    assert [va for va in reversed(actual.values()) if va in todo.remove] == list(todo.remove)


def test_a_change_of_attributes_is_a_removal_and_an_addition() -> None:
    """NLM_F_REPLACE changes lifetimes and flags of an IPv4 address, not its label or scope."""
    changed = msgspec.structs.replace(A, label="eth0:vip")
    assert plan({key_of(A): changed}, {key_of(A): A}) == Plan(remove=(A,), add=(changed,))


def test_a_reconstructed_equal_address_is_left_alone() -> None:
    assert not plan({key_of(A): ipv4(100)}, {key_of(A): A})


def test_two_devices_or_two_prefix_lengths_are_two_addresses() -> None:
    keys = {key_of(va) for va in (A, ipv4(100, interface="eth1"), ipv4(100, prefix_length=24))}
    assert len(keys) == 3
    todo = plan({key_of(va): va for va in (A, B, C)}, {})
    assert todo.add == (A, B, C)


def test_with_a_peer_the_kernel_s_prefix_length_is_the_peer_s() -> None:
    assert key_of(ipv4(1, peer="192.0.2.9/30")) == ("eth0", "192.0.2.1", 30)
    assert key_of(ipv4(1, peer="192.0.2.9")) == ("eth0", "192.0.2.1", 32)


def test_text_for_people() -> None:
    assert text_of(A) == "192.0.2.100/32 dev eth0"
