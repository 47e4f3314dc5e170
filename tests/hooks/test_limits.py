"""How long the hooks of an event may take: what whoever waits counts on."""

from __future__ import annotations

from alived.base import NS_PER_S
from alived.hooks.config import Hook, HookEvent, OnFailure, Script
from alived.hooks.limits import MARGIN_NS, limits_of
from alived.hooks.runs import KILL_GRACE_NS

MASTER, SLAVE = HookEvent.TO_MASTER, HookEvent.TO_SLAVE


def hook(event: HookEvent, on_failure: OnFailure = OnFailure.ABORT, retries: int = 3) -> Hook:
    script = Script(argv=("/x",), timeout_ns=10 * NS_PER_S)
    return Hook(event=event, script=script, on_failure=on_failure, retries=retries, retry_delay_ns=NS_PER_S)


ONCE_NS = 10 * NS_PER_S + 2 * KILL_GRACE_NS


def test_without_hooks_nobody_waits() -> None:
    assert limits_of(()) == {}


def test_a_hook_may_need_its_timeout_and_both_graces() -> None:
    assert limits_of([hook(MASTER)]) == {MASTER: MARGIN_NS + ONCE_NS}


def test_hooks_of_an_event_come_one_after_the_other() -> None:
    assert limits_of([hook(MASTER), hook(MASTER), hook(SLAVE)]) == {
        MASTER: MARGIN_NS + 2 * ONCE_NS,
        SLAVE: MARGIN_NS + ONCE_NS,
    }


def test_repetitions_and_the_pauses_before_them_count() -> None:
    pauses_ns = (1 + 2) * NS_PER_S
    assert limits_of([hook(MASTER, OnFailure.RETRY, retries=2)]) == {MASTER: MARGIN_NS + 3 * ONCE_NS + pauses_ns}


def test_what_is_pinned() -> None:
    script = Script(argv=("/x",))
    assert not Hook(event=MASTER, script=script, on_failure=OnFailure.ABORT).pinned
    assert Hook(event=MASTER, script=script, on_failure=OnFailure.ABORT, sha256="0" * 64).pinned
    assert Hook(event=MASTER, script=script, on_failure=OnFailure.ABORT, hmac="0" * 64, hmac_key="/k").pinned
