"""A tree written as keepalived.conf is read as the same tree, and looks as if a person had written it."""

from __future__ import annotations

import pytest
from hypothesis import given

from alived.config.findings import Findings
from alived.config.text.blocks import Tree
from alived.config.write.keepalived import write_keepalived, write_statement, write_word
from tests.config.test_corpus import corpus_files
from tests.config.text.host import HOST
from tests.config.write.helpers import any_words, made, meanings, notes, plain_words, read, trees

UGLY = """
# of this node
! Configuration File

global_defs {
router_id   node1 # its name
   # the last
}
# before the instance
vrrp_instance VI_1 { # the only one
  authentication { auth_type PASS
      auth_pass "a # b" }

  notify "/bin/x 'y z'" \\
     root
  track_interface {
  }
}
# the end
"""
NEAT = """
# of this node
! Configuration File

global_defs {
    router_id node1  # its name
    # the last
}

# before the instance
vrrp_instance VI_1 {  # the only one
    authentication {
        auth_type PASS
        auth_pass "a # b"
    }
    notify "/bin/x 'y z'" root
    track_interface {
    }
}

# the end
"""


def write(tree: Tree) -> str:
    findings = Findings()
    text = write_keepalived(tree, findings)
    assert findings.sorted() == ()
    return text


def test_indents_quotes_blank_lines_and_comments() -> None:
    assert write(read(UGLY)).strip() == NEAT.strip()


def test_what_is_neat_stays_as_it_is() -> None:
    assert write(read(NEAT)).strip() == NEAT.strip()


def test_statements_without_braces_stay_together() -> None:
    assert write(read("instance a\nuse_pid_dir\nglobal_defs {\n}\nnet_namespace b\n")) == (
        "instance a\nuse_pid_dir\n\nglobal_defs {\n}\n\nnet_namespace b\n"
    )


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("192.0.2.1/24", "192.0.2.1/24"),
        ("a#b", '"a#b"'),
        ("two words", '"two words"'),
        ("", '""'),
        ("{", '"{"'),
        ("ж", '"ж"'),
    ],
)
def test_a_word_gets_quotes_if_it_needs_them(word: str, written: str) -> None:
    assert write_word(word) == written
    assert [argument.text for argument in read(f"k {written}").blocks[0].arguments] == [word]


def test_a_word_that_no_quotes_can_hold_is_an_error_with_its_place() -> None:
    findings = Findings()
    tree = Tree((made(["zeta", 'a "b" c\nd']),))
    write_keepalived(tree, findings)
    (found,) = findings.sorted()
    assert (found.code, found.location, found.severity) == ("not-expressible", tree.blocks[0].location, "error")


def test_one_statement_by_itself() -> None:
    assert write_statement(read("a { b c\n}\n").blocks[0]) == "a {\n    b c\n}"


@given(trees(plain_words))
def test_any_tree_is_read_again(tree: Tree) -> None:
    assert meanings(read(write(tree))) == meanings(tree)


@given(trees(any_words))
def test_any_words_are_read_again_or_refused(tree: Tree) -> None:
    findings = Findings()
    text = write_keepalived(tree, findings)
    if not findings.has_errors:
        assert meanings(read(text)) == meanings(tree)


def test_the_corpus_is_read_again_with_its_comments_and_written_alike() -> None:
    from alived.config.text.read import read_text
    from alived.config.text.tokens import decode

    written = 0
    for path in corpus_files():
        findings = Findings()
        tree = read_text(decode(path.read_bytes(), "text", findings), "text", HOST, findings)
        if findings.has_errors:
            continue
        text = write(tree)
        again = read(text)
        assert meanings(again) == meanings(tree), path
        assert list(map(notes, again.blocks)) == list(map(notes, tree.blocks)), path
        assert write(again) == text, path
        written += 1
    assert written > 150
