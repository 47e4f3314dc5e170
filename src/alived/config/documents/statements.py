"""Values of a document -> statements and lines of keepalived.conf: words, commands, entries of lists.

A bare yes or no counts only where a keyword has nothing else to say; everywhere else a word is the word that is
written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from alived.config.documents.naming import (
    PAIR,
    entry_choices,
    entry_heads,
    entry_needs,
    is_boolean,
    is_duration,
    takes_nothing,
    takes_several_words,
    unit_ns,
)
from alived.config.documents.tree import FALSE_WORDS, TRUE_WORDS, Mapping, Node, Scalar, Sequence
from alived.config.findings import Findings
from alived.config.keywords.converters import Converter
from alived.config.keywords.durations import bare_number
from alived.config.keywords.table import did_you_mean
from alived.config.text.blocks import Block, Word
from alived.config.text.characters import check_characters
from alived.config.text.commands import UnclosedQuote, quote, split

COMMAND_KEYS = ("command", "user", "group")
HEAD_KEYS = ("address", "name")
"""Keys that every entry's first word may have, whatever it is called in the table."""


def fail(node: Node, message: str, hint: str, findings: Findings) -> None:
    findings.error(node.location, "wrong-type", message, hint)


def word(node: Node, findings: Findings) -> Word:
    """The word of a scalar; "" after a report if it is none."""
    if not isinstance(node, Scalar):
        fail(node, "a single value is expected here", "", findings)
        return Word("", node.location)
    return checked(node.word, findings)


def checked(said: Word, findings: Findings) -> Word:
    """The word, after a report about characters in it that are no text."""
    if not said.text.isascii():
        check_characters(said.text, said.location, findings)
    return said


def statement(keyword: Word, node: Node, converter: Converter | None, findings: Findings) -> Block | None:
    """A keyword with its value; None for a `false` that leaves it out."""
    if isinstance(node, Scalar):
        return _from_scalar(keyword, node, converter, findings)
    if converter is not None and converter.is_command:
        return _command(keyword, node, findings)
    if isinstance(node, Sequence):
        return with_words(keyword, tuple(word(item, findings) for item in node.items))
    fail(node, f"{keyword.text!r} takes a value, not a mapping", _value_hint(keyword, converter), findings)
    return None


def _value_hint(keyword: Word, converter: Converter | None) -> str:
    return f"{keyword.text}: {converter.example}" if converter is not None and "\n" not in converter.example else ""


def _from_scalar(keyword: Word, node: Scalar, converter: Converter | None, findings: Findings) -> Block | None:
    bare = Block(keyword.text, keyword.location, (), None, keyword.text)
    if node.is_null:
        return bare
    if node.truth is not None and is_boolean(converter):
        return with_words(keyword, (Word("on" if node.truth else "off", node.location),))
    if node.truth is not None and takes_nothing(converter):
        return bare if node.truth else None
    found = word(node, findings)
    if converter is not None and is_duration(converter):
        return with_words(keyword, (Word(bare_number(found.text, unit_ns(converter)), found.location),))
    return with_words(keyword, words_of(found) if takes_several_words(converter) else (found,))


def words_of(line: Word) -> tuple[Word, ...]:
    """The words of a line in keepalived's language, all at its place."""
    try:
        return tuple(Word(text, line.location) for text in split(line.text))
    except UnclosedQuote:
        return (line,)


def with_words(keyword: Word, words: tuple[Word, ...], raw: str = "") -> Block:
    raw = raw or " ".join(quote(one.text) for one in words)
    return Block(keyword.text, keyword.location, words, None, f"{keyword.text} {raw}")


def _command(keyword: Word, node: Mapping | Sequence, findings: Findings) -> Block:
    """`[ARGV...]` or `{command: ..., user: ..., group: ...}`."""
    if isinstance(node, Sequence):
        words = tuple(word(item, findings) for item in node.items)
        return with_words(keyword, words, raw=_one_argument(words))
    for key, _ in node.pairs:
        if key.text not in COMMAND_KEYS:
            message = f"unknown key {key.text!r} of {keyword.text!r}: skipped"
            hint = did_you_mean(key.text, COMMAND_KEYS) or f"keys: {', '.join(COMMAND_KEYS)}"
            findings.warning(key.location, "unknown-keyword", message, hint)
    line = node.get("command")
    if line is None:
        return Block(keyword.text, keyword.location, (), None, keyword.text)
    said = (node.get("user"), node.get("group"))
    raw = [_command_text(line, findings), *(quote(word(one, findings).text) for one in said if one is not None)]
    arguments = tuple(Word(text, keyword.location) for text in raw)
    return with_words(keyword, arguments, raw=" ".join(raw))


def _command_text(node: Node, findings: Findings) -> str:
    if isinstance(node, Sequence):
        return _one_argument(tuple(word(item, findings) for item in node.items))
    return quote(word(node, findings).text)


def _one_argument(argv: tuple[Word, ...]) -> str:
    """An argv as the one argument that keepalived splits again."""
    return quote(" ".join(quote(one.text) for one in argv))


def entries(node: Node, converter: Converter | None, findings: Findings) -> Iterator[Block]:
    """Lines of a list: each a line of keepalived.conf, or a mapping of its words."""
    if isinstance(node, Scalar) and node.is_null:
        return
    form = _form(converter) if converter is not None else _FREE
    for item in _items(node, form.heads):
        words = tuple(_entry_words(item, form, findings))
        if words:
            yield Block(words[0].text, words[0].location, words[1:])


class Form(NamedTuple):
    """How an entry of a list begins. heads: keys of its first words; needs: the one that must be there; choices:
    options that may stand in its place."""

    heads: tuple[str, ...] = ()
    needs: str = ""
    choices: tuple[str, ...] = ()

    def key(self, written: str) -> str:
        """The head that a key means: the first word may be called address or name wherever it has another name."""
        return self.needs if written in HEAD_KEYS and written not in self.heads else written


_FREE = Form()


def _form(converter: Converter) -> Form:
    return Form(entry_heads(converter), entry_needs(converter), entry_choices(converter))


def _items(node: Node, heads: tuple[str, ...]) -> Iterator[Node]:
    """The entries of a node. Where each is a name and a value, a mapping of names to values is many entries."""
    if isinstance(node, Sequence):
        yield from node.items
    elif isinstance(node, Mapping) and heads == PAIR and node.get("name") is None:
        for key, value in node.pairs:
            yield Sequence((Scalar(key.text, key.location), value), key.location)
    else:
        yield node


def _entry_words(node: Node, form: Form, findings: Findings) -> Iterator[Word]:
    if isinstance(node, Scalar):
        line = word(node, findings)
        if not line.text.strip():
            fail(node, "an entry that says nothing", "", findings)
        yield from (Word(text, node.location) for text in line.text.split())
    elif isinstance(node, Mapping):
        yield from _entry_of_mapping(node, form, findings)
    elif form.heads == PAIR:
        yield from (word(item, findings) for item in node.items)
    else:
        fail(node, "a list inside a list", "an entry is a line or a mapping", findings)


def _entry_of_mapping(node: Mapping, form: Form, findings: Findings) -> Iterator[Word]:
    """First the words that have no keyword of their own, in the order of the table, then each option."""
    said = {form.key(key.text): value for key, value in node.pairs}
    if form.needs and form.needs not in said and said.keys().isdisjoint(form.choices):
        fail(node, f"an entry without {form.needs!r}", f"{{{form.needs}: ..., ...}}, or the whole line", findings)
        return
    for head in form.heads:
        if head in said:
            yield word(said[head], findings)
    for key, value in node.pairs:
        if form.key(key.text) not in form.heads:
            yield from _option(key, value, findings)


def _option(key: Word, node: Node, findings: Findings) -> Iterator[Word]:
    """`dev: eth0` is two words, `home: true` is one, `home: false` none; `nodad: false` is keepalived's -nodad."""
    if isinstance(node, Sequence):
        yield from (key, *(word(item, findings) for item in node.items))
        return
    value = word(node, findings)
    if key.text == "nodad":
        if value.text in FALSE_WORDS:
            yield Word("-nodad", key.location)
    elif value.text in TRUE_WORDS:
        yield key
    elif value.text not in FALSE_WORDS:
        yield from (key, value)
