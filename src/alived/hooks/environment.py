"""What a hook finds in its environment: the event, the state of its object, and what the operator wrote."""

from __future__ import annotations

from alived.hooks.config import Hook
from alived.hooks.events import HooksDue
from alived.hooks.template import expand


def hook_environment(due: HooksDue, hook: Hook) -> dict[str, str]:
    """The state first, then the operator's variables, which may say otherwise."""
    return _state(due) | {"ALIVED_SCRIPT": hook.script.argv[0]} | _own(due, hook)


def _state(due: HooksDue) -> dict[str, str]:
    facts = due.facts
    return {
        "ALIVED_KIND": str(due.kind),
        "ALIVED_NAME": due.name,
        "ALIVED_GROUP": due.name,
        "ALIVED_EVENT": str(due.event),
        "ALIVED_EVENT_ID": due.event_id,
        "ALIVED_OLD_STATE": facts.old,
        "ALIVED_STATE": facts.new,
        "ALIVED_REASON": facts.reason,
        "ALIVED_PRIORITY": str(facts.priority),
        "ALIVED_TERM": str(facts.term),
        "ALIVED_VIPS": " ".join(facts.vips),
        "ALIVED_VIP": facts.vips[0] if facts.vips else "",
        "ALIVED_INTERFACE": facts.interface,
        "ALIVED_NODE_ID": facts.node_id,
        "ALIVED_PEERS": " ".join(facts.peers),
        "ALIVED_BY_HAND": "1" if due.by_hand else "",
    }


def _own(due: HooksDue, hook: Hook) -> dict[str, str]:
    """Templates were checked when the configuration was read."""
    values = {
        "NodeID": due.facts.node_id,
        "Event": str(due.event),
        "RaftAddr": due.facts.raft_addr,
        "Group": due.name,
    }
    return {name: expand(template, values) for name, template in hook.environment}
