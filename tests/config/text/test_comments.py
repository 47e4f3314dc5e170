"""Comments are kept, each beside what it speaks of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.config.findings import Findings
from alived.config.text.blocks import Block, Tree
from alived.config.text.read import read_text
from tests.config.text.host import HOST


def tree(text: str) -> Tree:
    return read_text(text, "f", HOST, Findings())


def children(block: Block) -> tuple[Block, ...]:
    assert block.children is not None
    return block.children


TEXT = """! Head of the file
#
# for a

a 1 # one
b
# before the brace
{  # two
   c # three

   # four
   d { e } # five
   # six

} # seven
# eight
"""


def test_comments_stay_where_they_were() -> None:
    found = tree(TEXT)
    a, b = found.blocks
    assert (a.comments, a.remark) == (("! Head of the file", "#", "# for a", ""), "# one")
    assert (b.comments, b.remark, b.last_comments) == ((), "# two", ("# six", "", "# seven"))
    c, d = children(b)
    assert (c.comments, c.remark) == (("# before the brace",), "# three")
    assert (d.comments, d.remark, d.last_comments) == (("# four",), "# five", ())
    assert found.last_comments == ("# eight",)


@pytest.mark.parametrize(
    ("text", "remark", "last_comments"),
    [
        ("a # x", "# x", ()),
        ("a {# x\n}", "# x", ()),
        ("a # x\n{ # y\n}", "# x", ()),
        ("a {\n} # x", "", ("# x",)),
        ("a {} # x", "# x", ()),
        ("a { # x\n} # y", "# x", ("# y",)),
        ("a {\n# x\n", "", ("# x",)),
        ("a b \\\n c # x", "# x", ()),
        ("\n$E=\n${E}a {} # x", "# x", ()),
        ("$E=\n${E}a { # x\n${E}} # y", "# x", ("# y",)),
    ],
)
def test_the_rest_of_a_line_belongs_to_what_it_says(text: str, remark: str, last_comments: tuple[str, ...]) -> None:
    (block,) = tree(text).blocks
    assert (block.remark, block.last_comments) == (remark, last_comments)


def test_blank_lines_count_between_comments_only() -> None:
    found = tree("\n\n# x\n\n\n# y\n\na\n\n")
    assert found.blocks[0].comments == ("# x", "", "# y", "")
    assert found.last_comments == ()


def test_quotes_hide_comment_signs() -> None:
    (block,) = tree('a "# x" # y').blocks
    assert block.remark == "# y"


def _count(block: Block) -> int:
    own = [comment for comment in (*block.comments, block.remark, *block.last_comments) if comment]
    return len(own) + sum(map(_count, block.children or ()))


@given(st.lists(st.sampled_from(["a", "b {", "}", "# x", "\n", "c # y", "d {} # z", "e { # t"]), max_size=30))
def test_every_comment_is_somewhere(lines: list[str]) -> None:
    """Unless its block is dropped, or it stands beside a brace that is wrong."""
    findings = Findings()
    found = read_text("\n".join(lines), "f", HOST, findings)
    if {"extra-brace", "unexpected-brace"} & {finding.code for finding in findings.sorted()}:
        return
    kept = sum(map(_count, found.blocks)) + sum(1 for comment in found.last_comments if comment)
    assert kept == sum("#" in line for line in lines)
