"""Tables of what instances can track: `vrrp_script`, `vrrp_track_process`, `track_file`."""

from __future__ import annotations

from typing import Any

import msgspec

from alived.base import NS_PER_S
from alived.config.findings import Findings
from alived.config.keywords.converters import (
    Converter,
    check_no_more,
    choice,
    flag,
    integer,
    only_argument,
    parse_integer,
    seconds,
    word,
)
from alived.config.keywords.shapes import user
from alived.config.keywords.table import Settings, table, works
from alived.config.text.blocks import Block
from alived.config.text.commands import read_command
from alived.health.trackers_config import (
    MAX_WEIGHT,
    FlapDamping,
    ParamMatch,
    TrackFile,
    TrackProcess,
    VrrpScript,
    Weight,
)

MAX_SECONDS = 4294
"""keepalived counts microseconds in 32 bits."""
MAX_COUNT = 2**31 - 1
MAX_QUORUM = 65535
MAX_DELAY_S = 3600
MAX_COMM = 15
"""Octets of /proc/PID/comm"""


def weight(limit: int) -> Converter:
    """`NUMBER [reverse|noreverse]` -> Weight."""
    shape = f"-{limit}..{limit} [reverse|noreverse]"

    def read(block: Block, findings: Findings) -> Weight | None:
        if not block.arguments:
            only_argument(block, findings, shape)
            return None
        number, *options = block.arguments
        value = parse_integer(number, -limit, limit, block.keyword, findings)
        check_no_more(block, 2, findings)
        option = options[0].text if options else "noreverse"
        if option not in ("reverse", "noreverse"):
            message = f"unknown option {option!r} of weight"
            findings.error(options[0].location, "unknown-option", message, "options: reverse, noreverse")
            return None
        return None if value is None else Weight(value, option == "reverse")

    return Converter(shape, "-20", read)


def command_line() -> Converter:
    """One word (in quotes if it has arguments) -> argv; whatever follows is not run, as in keepalived."""

    def read(block: Block, findings: Findings) -> tuple[str, ...] | None:
        found = read_command(block, findings)
        if found is None:
            return None
        argv, extra, _ = found
        if extra:
            message = f"{extra!r} after the command is skipped: it is no argument of it"
            hint = f'script "{" ".join([*argv, extra])}"'
            findings.warning(block.location, "extra-arguments", message, hint)
        return argv

    return Converter('"COMMAND [ARGUMENT]..."', '"/usr/local/bin/check.sh one"', read, is_command=True)


MAX_HOLD_S = 86400
HOLDS = 32
"""The longest hold beside the first one, unless said otherwise."""


def flap_damping() -> Converter:
    """`HOLD_SECONDS [MAX_SECONDS]` -> FlapDamping."""
    span = seconds(0.001, MAX_HOLD_S, "10")

    def read(block: Block, findings: Findings) -> FlapDamping | None:
        check_no_more(block, 2, findings)
        said = [msgspec.structs.replace(block, arguments=(word,)) for word in block.arguments[:2]] or [block]
        hold, *rest = [span.read(one, findings) for one in said]
        most = rest[0] if rest else min((hold or 0) * HOLDS, MAX_HOLD_S * NS_PER_S)
        if hold is None or most is None:
            return None
        if most < hold:
            message = f"flap_damping begins with {hold / NS_PER_S:g} s, but has {most / NS_PER_S:g} s at most"
            findings.error(block.arguments[1].location, "out-of-range", message, "the longest hold comes last")
            return None
        return FlapDamping(hold, most)

    return Converter("HOLD_SECONDS [MAX_SECONDS]", "10 320", read)


FLAP_DAMPING = works(
    "flap_damping",
    flap_damping(),
    "How long it must stay up to count again once it fell twice; each fall doubles that.",
    default="off",
)


def build_script(name: str, said: Settings, findings: Findings) -> VrrpScript | None:
    argv = require(name, "script", 'script "COMMAND"', said, findings)
    if argv is None:
        return None
    interval: int = said.get("interval", NS_PER_S)
    owner, group = said.get("user", ("", ""))
    return VrrpScript(
        name=name,
        argv=argv,
        user=owner,
        group=group,
        interval_ns=interval,
        timeout_ns=said.get("timeout", interval),
        rise=said.get("rise", 1),
        fall=said.get("fall", 1),
        init_fail=said.get("init_fail", False),
        weight=said.get("weight", Weight()),
        flap_damping=said.get("flap_damping"),
    )


def require(name: str, field: str, hint: str, said: Settings, findings: Findings) -> Any:
    """A value without which there is nothing to watch; reported once."""
    if field not in said and field not in said.tried:
        findings.error(said.location, "missing-keyword", f"{name}: {field} is missing", hint)
    return said.get(field)


VRRP_SCRIPT = table(
    "in vrrp_script",
    works("script", command_line(), "Command that is run; exit code 0 is a success."),
    works("interval", seconds(0.001, MAX_SECONDS, "2"), "Time between two runs.", default="1"),
    works("timeout", seconds(0.001, MAX_SECONDS, "1"), "After it a run counts as failed.", default="interval"),
    works("weight", weight(MAX_WEIGHT), "Change of the priority; 0: FAULT while it is down.", default="0"),
    works("rise", integer(1, MAX_COUNT, 2), "Successes in a row before it is up.", default="1"),
    works("fall", integer(1, MAX_COUNT, 2), "Failures in a row before it is down.", default="1"),
    works("user", user(), "Who runs the command.", default="script_user"),
    works("init_fail", flag(), "It is down until it has risen.", default="off"),
    FLAP_DAMPING,
)


def _process() -> Converter:
    """`NAME [ARGUMENT]...` -> words."""

    def read(block: Block, findings: Findings) -> tuple[str, ...] | None:
        if not block.arguments:
            only_argument(block, findings, "NAME [ARGUMENT]...")
            return None
        return tuple(argument.text for argument in block.arguments)

    return Converter("NAME [ARGUMENT]...", "nginx", read, merge="first")


def _param_match() -> Converter:
    """`[initial|partial]`; without a word the arguments must be exactly those."""
    choices = choice("initial", "partial")

    def read(block: Block, findings: Findings) -> ParamMatch | None:
        if not block.arguments:
            return ParamMatch.EXACT
        text = choices.read(block, findings)
        return None if text is None else ParamMatch(text)

    return Converter("[initial|partial]", "initial", read)


def build_process(name: str, said: Settings, findings: Findings) -> TrackProcess | None:
    words = require(name, "process", "process NAME", said, findings)
    if words is None:
        return None
    full_command: bool = said.get("full_command", False)
    match: ParamMatch = said.get("param_match", ParamMatch.EXACT if len(words) > 1 else ParamMatch.NONE)
    quorum, quorum_max = _quorum(name, said, findings)
    full_command = full_command or match is not ParamMatch.NONE
    if not full_command and len(words[0].encode()) > MAX_COMM:
        message = f"{name}: no process is called {words[0]!r}: the kernel keeps {MAX_COMM} octets of a name"
        hint = f"{words[0][:MAX_COMM]}, or full_command with its path"
        findings.warning(said.place("process"), "process-name-too-long", message, hint)
    return TrackProcess(
        name=name,
        process=words[0],
        arguments=words[1:],
        param_match=match,
        full_command=full_command,
        quorum=quorum,
        quorum_max=quorum_max,
        fork_delay_ns=_delay("fork_delay", said),
        terminate_delay_ns=_delay("terminate_delay", said),
        weight=said.get("weight", Weight()),
        flap_damping=said.get("flap_damping"),
    )


def _quorum(name: str, said: Settings, findings: Findings) -> tuple[int, int | None]:
    """quorum_max 0 wants no process at all: then quorum is 0, too."""
    most: int | None = said.get("quorum_max")
    least: int = said.get("quorum", 0 if most == 0 else 1)
    if most is not None and least > most:
        message = f"{name}: quorum {least} is greater than quorum_max {most}: it could never be up"
        findings.error(said.place("quorum", "quorum_max"), "out-of-range", message, "quorum <= quorum_max")
    return least, most


def _delay(field: str, said: Settings) -> int:
    """`delay` says both; of the two the later one counts, as in keepalived."""
    told = [setting.value for name, setting in said if name in (field, "delay")]
    return told[-1] if told else 0


TRACK_PROCESS = table(
    "in vrrp_track_process",
    works("process", _process(), "Name of the process; with arguments the whole command line must agree."),
    works("param_match", _param_match(), "Arguments may go on (initial) or be more (partial).", default="exact"),
    works("weight", weight(MAX_WEIGHT + 1), "Change of the priority; 0: FAULT while it is down.", default="0"),
    works("quorum", integer(1, MAX_QUORUM, 1), "Processes that there must be.", default="1"),
    works("quorum_max", integer(0, MAX_QUORUM, 1), "Processes that there may be.", default="any number"),
    works("delay", seconds(0.000001, MAX_DELAY_S, "0.5"), "fork_delay and terminate_delay.", default="0"),
    works("terminate_delay", seconds(0.000001, MAX_DELAY_S, "0.5"), "Patience before it is down.", default="0"),
    works("fork_delay", seconds(0.000001, MAX_DELAY_S, "0.5"), "Patience before it is up.", default="0"),
    works("full_command", flag(), "Compare the command line, not the name.", default="off"),
    FLAP_DAMPING,
)


class InitFile(msgspec.Struct, frozen=True):
    value: int
    overwrite: bool


def _init_file() -> Converter:
    """`[NUMBER] [overwrite]`."""

    def read(block: Block, findings: Findings) -> InitFile | None:
        value: int | None = 0
        overwrite = False
        for argument in block.arguments:
            if argument.text == "overwrite":
                overwrite = True
            else:
                value = parse_integer(argument, -MAX_WEIGHT - 1, MAX_WEIGHT + 1, block.keyword, findings)
        return None if value is None else InitFile(value, overwrite)

    return Converter("[NUMBER] [overwrite]", "0 overwrite", read)


def build_file(name: str, said: Settings, findings: Findings) -> TrackFile | None:
    path = require(name, "file", "file PATH", said, findings)
    if path is None:
        return None
    init: InitFile | None = said.get("init_file")
    return TrackFile(
        name=name,
        path=path,
        init_value=init.value if init else None,
        overwrite=init.overwrite if init else False,
        weight=said.get("weight", Weight(1)),
        flap_damping=said.get("flap_damping"),
    )


TRACK_FILE = table(
    "in track_file",
    works("file", msgspec.structs.replace(word("PATH", '"/run/weight"'), merge="first"), "The file to read."),
    works("weight", weight(MAX_WEIGHT + 1), "Factor of the number; 0: any number but 0 means FAULT.", default="1"),
    works("init_file", _init_file(), "Write this number at the start.", default="nothing is written"),
    FLAP_DAMPING,
)
