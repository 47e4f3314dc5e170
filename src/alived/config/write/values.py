"""One statement -> the value that stands under its key: the reverse of `documents.statements`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from alived.config.documents.naming import is_boolean, is_duration, takes_nothing, takes_several_words
from alived.config.findings import Findings
from alived.config.keywords.converters import FALSE_WORDS, TRUE_WORDS, Converter
from alived.config.text.blocks import Block
from alived.config.text.commands import UnclosedQuote, quote, read_command, split
from alived.config.write.nodes import FALSE, NOTHING, TRUE, Array, Item, Leaf, Object, Pair, Value

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?\Z")
_TAKES_NUMBER = re.compile(r"-?[0-9.]+\.\.-?[0-9.]+")
_NEEDS_NO_QUOTES = re.compile(r"""[^\s\\"']+\Z""")


def leaf(text: str, is_number: bool = False) -> Leaf:
    """A word; bare where the keyword takes numbers and it is one."""
    return Leaf(text, is_number and _NUMBER.match(text) is not None)


def takes_number(converter: Converter | None) -> bool:
    """Whether a word that looks like a number is meant as one: a password is not."""
    return converter is not None and (is_duration(converter) or _TAKES_NUMBER.search(converter.shape) is not None)


def from_statement(block: Block, converter: Converter | None) -> Value:
    """What stands under the key of a statement."""
    words = [word.text for word in block.arguments]
    if converter is not None and converter.is_command:
        return _command(block)
    if converter is not None and converter.is_escaped and (text := escaped_text(block)) is not None:
        return leaf(text)
    if not words:
        return TRUE if takes_nothing(converter) or is_boolean(converter) else NOTHING
    if len(words) == 1:
        return _one(words[0], converter)
    line = " ".join(words)
    if takes_several_words(converter) and _split(line) == words:
        return leaf(line)
    return Array(tuple(Item(leaf(word, True)) for word in words))


def escaped_text(block: Block) -> str | None:
    """What a statement says whose text has escapes; None if that is not one text."""
    said = _split(block.raw)
    return said[1] if said is not None and len(said) == 2 else None


def _one(word: str, converter: Converter | None) -> Value:
    if is_boolean(converter) and word in (*TRUE_WORDS, *FALSE_WORDS):
        return TRUE if word in TRUE_WORDS else FALSE
    if takes_several_words(converter) and _split(word) != [word]:
        return Array((Item(leaf(word)),))
    return leaf(word, takes_number(converter))


def _split(line: str) -> list[str] | None:
    try:
        return split(line)
    except UnclosedQuote:
        return None


def _command(block: Block) -> Value:
    """The command line as a string, in a mapping if a user is named."""
    if not block.arguments:
        return NOTHING
    found = read_command(block, Findings())
    assert found is not None, "what is wrong has been reported when the file was read"
    argv, user, group = found
    line = leaf(command_line(argv))
    if not user:
        return line
    said = (("command", line), ("user", leaf(user)), ("group", leaf(group)))
    return Object(tuple(Pair(key, value) for key, value in said if value.text))


def command_line(argv: Sequence[str]) -> str:
    """A text that `split` takes apart into these words."""
    return " ".join(word if _NEEDS_NO_QUOTES.match(word) else _quoted(word) for word in argv)


def _quoted(word: str) -> str:
    return f"'{word}'" if not re.search(r"['\\]", word) else quote(word)
