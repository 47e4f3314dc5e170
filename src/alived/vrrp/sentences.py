"""Reasons as an operator reads them, in the log, the status and the history alike."""

from __future__ import annotations

from alived.vrrp.config import VrrpInstance
from alived.vrrp.events import AddressListDiffers, AdvertisementReceived
from alived.vrrp.peers import Peer
from alived.vrrp.standing import Standing
from alived.vrrp.timers import seconds


def why_take_over(standing: Standing, master: Peer | None, listening_ns: int, now_ns: int) -> str:
    """The Master_Down_Timer fired. master: who last said that it is MASTER; listening_ns: since when we are BACKUP."""
    if master is None:
        return f"no advert heard for {seconds(now_ns - listening_ns)}"
    silence_ns = now_ns - master.last_heard_ns
    if master.priority == 0:
        skew = seconds(standing.skew_time_ns)
        return f"{master.address} stopped being MASTER (priority 0) {seconds(silence_ns)} ago, Skew_Time is {skew}"
    if master.priority < standing.priority and silence_ns < standing.master_down_interval_ns:
        fell = f", which fell from {master.fell_from}" if master.fell_from is not None else ""
        return f"priority {standing.priority} > {master.priority} of {master.address}{fell}: preempt"
    return (
        f"no advert from {master.address} for {seconds(silence_ns)} (Master_Down_Interval),"
        f" the last one had priority {master.priority}"
    )


def why_give_way(standing: Standing, advert: AdvertisementReceived) -> str:
    if advert.priority > standing.priority:
        return f"priority {standing.priority} < {advert.priority} of {advert.source}: give way"
    ours = standing.primary_address or "none"
    return f"same priority {advert.priority}, our address {ours} < {advert.source}: give way"


def losing_claim(standing: Standing, advert: AdvertisementReceived) -> str:
    ours = f"ours is {standing.priority}"
    if advert.priority == standing.priority:
        ours = f"as we have, our address {standing.primary_address} > {advert.source}"
    return f"{advert.source} claims to be MASTER with priority {advert.priority}, {ours}"


def other_interval(config: VrrpInstance, advert: AdvertisementReceived) -> str:
    ours, theirs = config.advert_interval_cs * 10, advert.interval_cs * 10
    return f"{advert.source} advertises every {theirs} ms, we are configured for {ours} ms: follow its interval"


def other_addresses(config: VrrpInstance, event: AddressListDiffers) -> str:
    ours, theirs = " ".join(config.addresses) or "none", " ".join(event.addresses) or "none"
    return f"{event.source} advertises the addresses {theirs}; ours are {ours}"


def own_address(advert: AdvertisementReceived) -> str:
    return (
        f"an advert with priority {advert.priority} came from our own address {advert.source}:"
        " another router has our address, or the network has a loop"
    )


def two_owners(advert: AdvertisementReceived) -> str:
    return f"{advert.source} has priority 255 too: only one router can own the addresses, the higher address wins"
