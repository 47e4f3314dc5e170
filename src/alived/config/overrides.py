"""What the command line and the environment say instead of the file: statements put into the tree before it is read.

    --set global_defs.router_id=node1                     ALIVED_SET_GLOBAL_DEFS__ROUTER_ID=node1
    --set vrrp_instance.VI_1.priority=120                 ALIVED_SET_VRRP_INSTANCE__VI_1__PRIORITY=120
    --set vrrp_instance.interface=ens3                    ALIVED_SET_VRRP_INSTANCE__INTERFACE=ens3
    --set vrrp_instance.VI_1.authentication.auth_pass=x   ALIVED_SET_VRRP_INSTANCE__VI_1__AUTHENTICATION__AUTH_PASS=x

A path leads through the keyword tables: block, its name (none: every block of that kind), keyword. In the name of a
variable the parts are joined by two underscores, letters are large, and what cannot stand there is an underscore. The
value is what follows the keyword in keepalived.conf; entries of a list are separated by commas. The command line wins
over the environment, both win over the file, and a path with a name wins over one without.

The place of such a statement is where it was said, so every finding about it points there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alived.base import Location
from alived.config.findings import Findings
from alived.config.keywords.converters import FALSE_WORDS, TRUE_WORDS
from alived.config.keywords.table import Keyword, Table, did_you_mean
from alived.config.keywords.top import TOP
from alived.config.text.blocks import Block, Word
from alived.config.text.tokens import scan

PREFIX = "ALIVED_SET_"
_NOT_IN_VARIABLE = re.compile("[^A-Z0-9_]")
_ENTRY_END = re.compile(r"[,\n]")


class Override(msgspec.Struct, frozen=True):
    """origin: as the operator knows it, "--set PATH" or "environment NAME"; exact: whether names in the path stand as
    in the file, not as in the name of a variable."""

    path: str
    value: str
    origin: str
    exact: bool

    @property
    def separator(self) -> str:
        return "." if self.exact else "__"

    @property
    def place(self) -> Location:
        return Location(self.origin)

    def spelled(self, name: str) -> str:
        """A name as the path would have it."""
        return name if self.exact else _NOT_IN_VARIABLE.sub("_", name.upper())


def from_options(options: Iterable[str]) -> tuple[Override, ...]:
    """Of `--set PATH=VALUE`, in their order: the last one of a path counts."""
    parts = (option.partition("=") for option in options)
    return tuple(Override(path.strip(), value.strip(), f"--set {path.strip()}", True) for path, _, value in parts)


def from_environment(environment: Mapping[str, str]) -> tuple[Override, ...]:
    """Of the variables ALIVED_SET_*, the shorter paths first: what is said of one block wins over
    what is said of all."""
    ours = (name for name in environment if name.startswith(PREFIX))
    names = sorted(ours, key=lambda name: (name.count("__"), name))
    return tuple(
        Override(name.removeprefix(PREFIX), environment[name].strip(), f"environment {name}", False) for name in names
    )


def apply(blocks: tuple[Block, ...], overrides: Sequence[Override], findings: Findings) -> tuple[Block, ...]:
    """The tree with what the overrides say in it. An override that finds no place is an error: a typing mistake in a
    deployment must not pass for the default."""
    for override in overrides:
        blocks = _Setter(override, findings).descend(blocks, TOP, override.path, "")
    return blocks


class _Setter:
    """One override on its way down the tree."""

    def __init__(self, override: Override, findings: Findings) -> None:
        self.override = override
        self.findings = findings

    def fail(self, message: str, hint: str = "") -> None:
        self.findings.error(self.override.place, "override", message, hint)

    def descend(self, blocks: tuple[Block, ...], rows: Table, path: str, inside: str) -> tuple[Block, ...]:
        """The blocks, which `rows` describes, with the statement that the path leads to."""
        word, _, rest = path.partition(self.override.separator)
        row = next((row for name, row in rows.items() if self.override.spelled(name) == word), None)
        if row is None:
            where = f" in {inside!r}" if inside else " at the top level"
            hint = did_you_mean(word.lower(), rows) or "BLOCK.KEYWORD=VALUE or BLOCK.NAME.KEYWORD=VALUE"
            self.fail(f"there is no keyword {word!r}{where}: nothing is set", hint)
            return blocks
        if row.children is None and not rest:
            return self.replace(blocks, rows, row)
        if row.children is None or not rest:
            what = f"takes no {rest!r}" if rest else "is a block, set the keywords in it one by one"
            self.fail(f"{row.name!r} {what}: nothing is set")
            return blocks
        return self.enter(blocks, row, row.children, rest)

    def enter(self, blocks: tuple[Block, ...], row: Keyword, children: Table, rest: str) -> tuple[Block, ...]:
        """Goes down into the blocks of this keyword: the named one, or all; one is made if it needs no name."""
        here = [block for block in blocks if block.keyword == row.name]
        named = self.named(here, rest) if row.repeats else ""
        if named:
            here = [block for block in here if self.name(block) == named]
            rest = rest[len(named) + len(self.override.separator) :]
        wrong = self.why_not(here, named, rest, row, children)
        if wrong:
            self.fail(f"{wrong}: nothing is set", f"{row.name} in this configuration: {_titles(here) or 'none'}")
            return blocks
        if not row.repeats:
            blocks = _as_one(blocks, row.name, self.override.place)

        def entered(block: Block) -> Block:
            if block.keyword != row.name or named not in ("", self.name(block)):
                return block
            inner = self.descend(block.children or (), children, rest, row.name)
            return msgspec.structs.replace(block, children=inner)

        return tuple(map(entered, blocks))

    def why_not(self, here: Sequence[Block], named: str, rest: str, row: Keyword, children: Table) -> str:
        """Why the path cannot go on into these blocks; "" if it can."""
        if not row.repeats:
            return ""
        if named:
            return "" if len(set(map(_title, here))) == 1 else f"{named!r} may be any of several names"
        word = rest.partition(self.override.separator)[0]
        known = any(self.override.spelled(name) == word for name in children)
        return "" if here and known else f"{rest!r} leads nowhere"

    def named(self, blocks: Iterable[Block], rest: str) -> str:
        """The longest name of a block that the path goes on with; "" if there is none."""
        names = (self.name(block) for block in blocks)
        fitting = (name for name in names if name and rest.startswith(name + self.override.separator))
        return max(fitting, key=len, default="")

    def name(self, block: Block) -> str:
        return self.override.spelled(_title(block))

    def replace(self, blocks: tuple[Block, ...], rows: Table, row: Keyword) -> tuple[Block, ...]:
        """Our statement instead of all that say the same, where the first of them stood."""
        said = [number for number, block in enumerate(blocks) if _field(block, rows) == (row.field or row.name)]
        first = said[0] if said else len(blocks)
        kept = [block for number, block in enumerate(blocks) if number not in said]
        return (*kept[:first], *self.statement(row), *kept[first:])

    def statement(self, row: Keyword) -> tuple[Block, ...]:
        """The statement; none if the value says that it shall not stand there."""
        place, value, converter = self.override.place, self.override.value, row.converter
        if converter is not None and converter.block:
            entries = (_words(entry, place) for entry in _ENTRY_END.split(value))
            children = tuple(Block(words[0].text, place, words[1:]) for words in entries if words)
            return (Block(row.name, place, (), children),)
        if converter is not None and not converter.shape and value in (*TRUE_WORDS, *FALSE_WORDS):
            return (Block(row.name, place),) if value in TRUE_WORDS else ()
        return (Block(row.name, place, _words(value, place), None, f"{row.name} {value}"),)


def _as_one(blocks: tuple[Block, ...], keyword: str, place: Location) -> tuple[Block, ...]:
    """The blocks with one block of this keyword, which says all that the former ones said."""
    said = [block for block in blocks if block.keyword == keyword]
    if not said:
        return (*blocks, Block(keyword, place, (), ()))
    children = tuple(child for block in said for child in block.children or ())
    whole = msgspec.structs.replace(said[0], children=children)
    return tuple(
        whole if block is said[0] else block for block in blocks if block is said[0] or block.keyword != keyword
    )


def _title(block: Block) -> str:
    return " ".join(word.text for word in block.arguments)


def _titles(blocks: Iterable[Block]) -> str:
    return ", ".join(dict.fromkeys(map(_title, blocks)))


def _field(block: Block, rows: Table) -> str:
    row = rows.get(block.keyword)
    return (row.field or row.name) if row else ""


def _words(text: str, place: Location) -> tuple[Word, ...]:
    return tuple(Word(token.text, place) for token in scan(text) if token.kind in ("word", "quoted"))
