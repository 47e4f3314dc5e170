"""The table of `hooks`: scripts that run on events, in vip-switch's words."""

from __future__ import annotations

import re
from typing import Any

from alived.base import NS_PER_S
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    FileUse,
    boolean,
    choice,
    entries,
    integer,
    invalid,
    only_argument,
    seconds,
)
from alived.config.keywords.lists import is_plain
from alived.config.keywords.product import check_path, nested, path
from alived.config.keywords.shapes import user
from alived.config.keywords.table import Keyword, Settings, table, works
from alived.config.text.blocks import Block
from alived.hooks.config import ON_FAILURE, Hook, HookEvent, OnFailure, Script
from alived.hooks.template import FIELDS, TemplateError, check

DEFAULT_TIMEOUT_NS = 60 * NS_PER_S
MAX_TIMEOUT_S = 3600
MAX_RETRIES = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")
_DANGEROUS = ("LD_", "BASH_ENV", "ENV", "IFS", "SHELLOPTS", "BASHOPTS", "PYTHONPATH", "PYTHONSTARTUP")
"""Names that make an interpreter run something else than the script; a prefix if it ends with an underscore."""


def _arguments() -> Converter:
    def read(block: Block, findings: Findings) -> tuple[str, ...]:
        return tuple(word.text for word in block.arguments)

    return Converter("ARGUMENT...", "one two", read)


def _program() -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "PATH")
        return check_path(argument, block.keyword, findings) if argument else None

    return Converter("PATH", "/usr/local/bin/on-master.sh", read)


def _digest(what_prints_it: str) -> Converter:
    def read(block: Block, findings: Findings) -> str | None:
        argument = only_argument(block, findings, "DIGEST")
        if argument is None or _SHA256.match(argument.text):
            return argument.text.lower() if argument else None
        invalid(argument, block.keyword, f"64 hexadecimal digits, such as {what_prints_it} prints", findings)
        return None

    return Converter("DIGEST", "0" * 64, read)


def _read_variable(block: Block, findings: Findings) -> tuple[str, str] | None:
    """`NAME VALUE`, where the value may be a template."""
    if not is_plain(block, findings):
        return None
    name = block.keyword
    if not _NAME.match(name):
        message = f"{name!r} cannot be the name of a variable"
        findings.error(block.location, "invalid-value", message, "letters, digits and '_'")
        return None
    if any(name == word or (word.endswith("_") and name.startswith(word)) for word in _DANGEROUS):
        message = f"variable {name} decides what an interpreter runs: it is not passed to hooks"
        findings.error(block.location, "dangerous-variable", message, "set it in the script, if it must be")
        return None
    if len(block.arguments) != 1:
        message = f"variable {name} needs one value"
        findings.error(block.location, "missing-argument", message, f'{name} "value"')
        return None
    value = block.arguments[0]
    try:
        check(value.text)
    except TemplateError as error:
        hint = "fields: " + ", ".join(f"{{{{.{field}}}}}" for field in FIELDS)
        findings.error(value.location, "invalid-template", f"value of {name}: {error}", hint)
        return None
    return name, value.text


def _rows_of_failure() -> tuple[Keyword, ...]:
    return (
        works("timeout", seconds(0.001, MAX_TIMEOUT_S, "30"), "After it the script and its children are killed."),
        works("on_failure", choice(*OnFailure), "What it means if the script fails.", default="by event"),
        works("retries", integer(1, MAX_RETRIES, 3), "Repetitions with on_failure retry.", default="3"),
        works("retry_delay", seconds(0, MAX_TIMEOUT_S, "1"), "Pause before the first of them, doubled each time."),
    )


HOOK = table(
    "in a hook",
    works("command", _program(), "The program; it never goes through a shell."),
    works("args", _arguments(), "Its arguments."),
    _rows_of_failure(),
    works(
        "environment",
        entries("NAME VALUE", 'NODE_ID "{{.NodeID}}"', _read_variable),
        "Variables for the script, beside those that say what has happened.",
    ),
    works("user", user(), "Who runs it.", default="script_user"),
    works("sha256", _digest("sha256sum"), "A script with another content does not run.", default="any content"),
    works("hmac", _digest("openssl dgst -hmac"), "Likewise, by its HMAC-SHA-256.", default="any content"),
    works("hmac_key", path(FileUse.KEY_OF_WORKER), "File with the key of hmac, for root only."),
)

_MEANINGS = {
    HookEvent.TO_READY: "Script when the daemon has started.",
    HookEvent.TO_MASTER: "Script when this node has become the owner.",
    HookEvent.TO_SLAVE: "Script when this node is not, or no longer, the owner.",
    HookEvent.TO_DESTROY: "Script when the daemon ends.",
    HookEvent.BEFORE_BIND: "Script before addresses are bound; it may veto.",
    HookEvent.AFTER_BIND: "Script after addresses were bound.",
    HookEvent.BEFORE_UNBIND: "Script before addresses are removed.",
    HookEvent.AFTER_UNBIND: "Script after addresses were removed.",
}

HOOKS = table(
    "in hooks",
    works("enabled", boolean(), "Whether hooks run at all.", default="on"),
    _rows_of_failure(),
    (
        works(event.value, nested(HOOK, "command /usr/local/bin/hook.sh"), _MEANINGS[event], children=HOOK)
        for event in HookEvent
    ),
)


def hooks() -> Converter:
    """`hooks { ... }` -> (Hook, ...)."""
    return nested(HOOKS, "ToMaster {\ncommand /usr/local/bin/on-master.sh\n}", _build_hooks)


def _build_hooks(settings: Settings, findings: Findings) -> tuple[Hook, ...]:
    """The hooks of a block that are enabled."""
    built = [_build_hook(event, settings.get(event), settings, findings) for event in HookEvent if event in settings]
    return tuple(hook for hook in built if hook is not None) if settings.get("enabled", True) else ()


def _build_hook(event: HookEvent, said: Settings, common: Settings, findings: Findings) -> Hook | None:
    """A hook without a command is none, as with vip-switch."""
    if "command" not in said:
        if "command" not in said.tried:
            message = f"{event.value} has no command: nothing runs"
            findings.warning(said.location, "missing-keyword", message, "command PATH")
        return None
    _check_variables(said, findings)
    words = {"hmac", "hmac_key"}
    if len(words & said.tried) == 1:
        message = f"{event.value} needs both hmac and hmac_key: without the key no content is right"
        findings.error(said.place(*words), "missing-keyword", message, "hmac DIGEST and hmac_key PATH")
    who, group = said.get("user", ("", ""))
    return Hook(
        event=event,
        script=Script(
            argv=(said.get("command"), *said.get("args", ())),
            user=who,
            group=group,
            timeout_ns=_either("timeout", said, common, DEFAULT_TIMEOUT_NS),
        ),
        on_failure=OnFailure(_either("on_failure", said, common, ON_FAILURE[event])),
        retries=_either("retries", said, common, 3),
        retry_delay_ns=_either("retry_delay", said, common, NS_PER_S),
        environment=tuple(said.get("environment", ())),
        sha256=said.get("sha256", ""),
        hmac=said.get("hmac", ""),
        hmac_key=said.get("hmac_key", ""),
    )


def _either(field: str, said: Settings, common: Settings, default: Any) -> Any:
    """What the hook says, else all hooks, else the default."""
    return said.get(field, common.get(field, default))


def _check_variables(said: Settings, findings: Findings) -> None:
    names = [name for name, _ in said.get("environment", ())]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            message = f"variable {name} is set twice: the last one counts"
            findings.warning(said.place("environment"), "duplicate-entry", message, "remove one of them")
