"""A configuration in another language is the same configuration, wherever it goes and back."""

from __future__ import annotations

import json
import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alived.config.findings import Findings
from alived.config.load import load, load_text, load_tree
from alived.config.model import Config
from alived.config.text.blocks import Block, Tree
from alived.config.this_host import ThisHost
from alived.config.write.languages import LANGUAGES, write
from tests.config.helpers import instance_text
from tests.config.test_corpus import corpus_files

EXAMPLES = sorted((pathlib.Path(__file__).parents[3] / "examples").glob("*.*"))


def tree_of(text: str) -> Tree:
    findings = Findings()
    tree = load_tree("text", findings, host=ThisHost(lambda path: text.encode()), comments=True)
    assert not findings.has_errors, findings.sorted()
    return tree


def written(tree: Tree, language: str) -> str:
    findings = Findings()
    text = write(tree, language, findings)
    assert not findings.has_errors, findings.sorted()
    return text


def config_of(text: str) -> Config:
    loaded = load_text(text)
    assert loaded.config is not None, loaded.diagnostics
    return loaded.config


def comment_texts(blocks: tuple[Block, ...]) -> list[str]:
    """All comments, without their signs, in any order."""
    found = [text for block in _all(blocks) for text in (*block.comments, block.remark, *block.last_comments)]
    return sorted(text[1:] for text in found if text[1:])


def test_the_corpus_is_the_same_in_every_language_and_back() -> None:
    converted = 0
    for path in corpus_files():
        config = load(str(path)).config
        if config is None:
            continue
        original = load_tree(str(path), Findings())
        texts = {language: written(original, language) for language in LANGUAGES}
        for language, text in texts.items():
            assert config_of(text) == config, (path, language)
            again = tree_of(text)
            assert written(again, language) == text, (path, language)
            other = LANGUAGES[LANGUAGES.index(language) - 1]
            assert config_of(written(again, other)) == config, (path, language, other)
        converted += 1
    assert converted > 200


def test_the_corpus_keeps_its_comments() -> None:
    for path in corpus_files():
        if load(str(path)).config is None:
            continue
        original = load_tree(str(path), Findings())
        kept = comment_texts(original.blocks)
        for language in ("keepalived", "yaml", "toml"):
            again = tree_of(written(original, language))
            assert set(kept) - set(comment_texts(again.blocks)) - set(_ends(again)) - _lost(original) == set(), path


def _ends(tree: Tree) -> list[str]:
    return [comment[1:] for comment in tree.last_comments]


def _lost(tree: Tree) -> set[str]:
    """Comments of statements that are left out, because they mean nothing or others overrule them."""
    findings = Findings()
    write(tree, "yaml", findings)
    lines = {found.location.line for found in findings.sorted() if found.code == "left-out"}
    return set(comment_texts(tuple(block for block in _all(tree.blocks) if block.location.line in lines)))


def _all(blocks: tuple[Block, ...]) -> list[Block]:
    return [inner for block in blocks for inner in (block, *_all(block.children or ()))]


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_the_examples_in_the_languages_of_documents(path: pathlib.Path) -> None:
    config = load(str(path)).config
    tree = load_tree(str(path), Findings(), comments=True)
    for language in ("yaml", "toml"):
        text = written(tree, language)
        assert load_text(text).config == config
        assert written(tree_of(text), language) == text


words = st.text(alphabet="abAB01.:/-_#!'\"\\$@~ {}é", min_size=1, max_size=8)
lines = st.one_of(
    st.builds(lambda number: f"priority {number}", st.integers(1, 254)),
    st.builds(lambda seconds: f"advert_int {seconds}", st.sampled_from(["1", "2", "10"])),
    st.sampled_from(["nopreempt", "preempt", "no_accept", "strict_mode off", "garp_master_delay 0.5", "use_vmac v0"]),
    st.builds(lambda word: f"notify_master \"/bin/x '{word}'\" root", words.filter(lambda word: "'" not in word)),
    st.builds(lambda text: f"# {text}", words),
    st.builds(lambda weight: f"track_interface {{\neth1 weight {weight} # w\n\n}}", st.integers(-20, 20)),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(lines, max_size=6))
def test_any_instance(body: list[str]) -> None:
    text = instance_text("\n".join(body))
    loaded = load_text(text)
    if loaded.config is None:
        return
    tree = tree_of(text)
    for language in LANGUAGES:
        findings = Findings()
        converted = write(tree, language, findings)
        if not findings.has_errors:
            assert load_text(converted).config == loaded.config
            assert written(tree_of(converted), language) == converted


texts_with_escapes = st.text(alphabet="ab1 \"'\\\n\t{}#!$_A[]:~@%é", min_size=1, max_size=8)


@given(texts_with_escapes, texts_with_escapes)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_texts_with_escapes_are_the_same_in_every_language(body: str, contains: str) -> None:
    url = {"path": "/", "method": "POST", "body": body, "contains": contains}
    server = {"address": "192.0.2.11", "port": 80, "HTTP_GET": {"urls": [url]}}
    text = json.dumps({"virtual_servers": [{"address": "192.0.2.10", "port": 80, "real_servers": [server]}]})
    config = config_of(text)
    for language in LANGUAGES:
        once = written(tree_of(text), language)
        assert config_of(once) == config
        for other in LANGUAGES:
            assert config_of(written(tree_of(once), other)) == config


def test_a_pattern_with_escaped_quotes_is_plain_in_a_document_and_as_it_was_in_keepalived_conf() -> None:
    said = r'''regex "it's \"well\" \\d+ \\\\ #1"'''
    url = f"url {{\npath /\n{said} # a remark\n}}"
    tree = tree_of(f"virtual_server 192.0.2.10 80 {{\nreal_server 192.0.2.11 80 {{\nHTTP_GET {{\n{url}\n}}\n}}\n}}\n")
    pattern = tree_of(written(tree, "yaml")), tree_of(written(tree, "toml"))
    assert [config_of(written(one, "keepalived")) for one in pattern] == [config_of(written(tree, "keepalived"))] * 2
    assert r"""regex: "it's \"well\" \\d+ \\\\ #1"  # a remark""" in written(tree, "yaml")
    assert f"{said}  # a remark" in written(tree, "keepalived")
