"""The same text, read by keepalived 2.2.7 and by us: the same words must come out."""

from __future__ import annotations

import pathlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alived.config.findings import Findings
from alived.config.load import load_tree
from tests.config.test_corpus import corpus_files
from tests.config.text.keepalived import END, refused_by_keepalived, words_of_alived, words_of_keepalived

CONDITIONS = """
@here probe_1
@there probe_2
@^here probe_3
@^there probe_4
@ probe_5
@^ probe_6
@here
@^there
@here @^there probe_7
@^there @^here probe_8
@here	probe_9
@here   "probe 10" # remark
probe_11 { @here probe_12
@there probe_13 }
}
@here probe_14 {
}
@there probe_15 { probe_16
@here @there
@HERE probe_17
@here2 probe_18
@^here2 probe_19
"""
DEFINITIONS = """
$A=foo
$B=x${A}y # remark
probe_${A}
probe_$A
"probe_$A a"
"probe_$A,$A) $A_ $A. $Ax ${A}x $"
$A=bar
"${A} ${B} $A"
$C =5
$C=
"c${C}c $C c"
$D= \t two words \t
"$D ."
${A}
$_X=1
$X_1=${_X}${_X}
a${X_1}
$1X=5
$_PWD_=5
@there $A=no
@here $A=yes
a${A}
$BLOCK=p1 { p2 }
$BLOCK
$NOT=@there
$NOT probe_not
$LATE="late ${LATER} "
$LATER=1
$LATE
$LATER=2
$LATE
p { $A=inside
a${A} }
a${A}
$WHOLE=$A=again
$WHOLE
a${A}
$HALF=${
$OTHER=A}
"${HALF}${OTHER} "
$$A
$HASH=\\#
p"${_HASH}${_BANG} # !"
$OFF=${_HASH}
$OFF p_off
p_on $OFF p_off { p_off
p_on${OFF}p_off
p_on ${_BANG} p_off
"""
LINES = """
$ONE= \\
p_first { \\
    "in ${N} " \\
    # a comment line \\
    p_second # a remark \\

$N=1
$ONE
}
$TWO= \\
    $N=2 \\
    $ONE \\
    } \\
    @here p_here \\
    @there p_there \\
    "two $N "
$TWO
before_$TWO
$ONE and more
$FULL=p_begin \\
p_end
$FULL
x${FULL}
$END= \\
p_e1 \\
$FULL

$END
p_after
$NEST= \\
~SEQ(I,1,2) $END \\
p_nest
$NEST
$EMPTY= \\

$EMPTY
p_e$EMPTY
$BLANKS= \\
p_b1 \\
  \x20
p_b2 \\
	# comment
p_b3
$BLANKS
$ODD=p_odd # remark \\\\
p_next
$ODD
"""
SEQUENCES = """
~SEQ(A,3) a$A
~SEQ(A,0) b$A
~SEQ(A,-2) c$A
~SEQ(A,1,3) d$A
~SEQ(A,3,1) e$A
~SEQ(A,1,2,6) f$A
~SEQ(A,6,-2,1) g$A
~SEQ(A, 0x10 , 0x2, 020 ) h$A
~SEQx(A,8,11) i$A
~SEQx(A,0x90,0x10,0xc0) fe80::${A}:1
~SEQ (A,1,2) j$A
~SEQ( A ,1,2)k$A
$A
~SEQ(A,1,2) ~SEQ(B,$A,3) l${A}_$B
~SEQ(A,1,2) ~SEQ(B,${A},$A) m${A}_$B
~SEQ(A,-1,1) "n $A "
~SEQ(A,+1,2) o$A
~SEQ(A,1,3) $V=${A}${V0}
"$V "
~LST(L,a,b,c) p$L
~LST(L, a , b ,c ) q${L}
~LST({L,M},{1,2},{3,4}) r${L}_${M}
~LST({L, M}, { 1 , 2 } , {3}) "s $L $M "
~LST({L,M},5,{6}) "t $L $M "
~LST(L,{7},8) u$L
~LST(L,,x) "v $L "
~LST(L,x,) "w $L "
~LST(L,$A,$V) "x $L "
~LST({IP,   IP1},  {10,1},{20,4},{5,6},{12,8})  ~SEQ(IP2,168,2,172) 192.${IP2}.${IP}.${IP1}
@here ~SEQ(A,1,2) y$A
@there ~SEQ(A,1,2) z$A
~SEQ(A,1,2) @here aa$A
~SEQ(A,1,2) @there ab$A
$S=~SEQ(K,1,2)
$S ac$K
$T=~LST(K,$A,9)
$T ~SEQ(A,1,2) "ad $K $A "
~SEQ(A,1,2) ae$A { af$A }
~SEQ(A,1,2) $R
~x y
ag { ~SEQ(A,1,2) ah$A
}
"""
QUOTES = """
"a # b"
"a ! b" # c
a#b
a\\#b
a\\\\b
"a { b"
a"b c"d
"a\\b c"
p{q}r
p \\{ @here p_y
}
p {q{r}}
'a b'
"a	b"
"""


def same(directory: pathlib.Path, text: str) -> None:
    path = directory / "keepalived.conf"
    path.write_text(f"{text}\n{END}\n")
    expected = words_of_keepalived(path)
    assert expected is not None, "keepalived did not come to the end"
    assert words_of_alived(path) == expected


@pytest.mark.parametrize("text", [CONDITIONS, DEFINITIONS, LINES, SEQUENCES, QUOTES])
def test_all_corners(text: str, tmp_path: pathlib.Path) -> None:
    same(tmp_path, text)


_STATEMENT = re.compile(r"(\s*)([^\s@$~#!{}\"\\][^{}\"#!\\]*?)\s*\Z")
_FIRST_WORDS = re.compile(
    r"((?:^|(?<!\$)[{}])\s*(?:@\S+\s+|~(?:SEQ|LST)x?\([^)]*\)\s*)*)(?!include[rmwba]?\s)([A-Za-z_]\w*)"
)


def _unknown(line: str) -> str:
    """The line so that its words are no keywords: in quotes, to be seen as a whole, where that changes nothing else."""
    match = _STATEMENT.match(line)
    if match and not match[2].startswith("include"):
        return f'{match[1]}"{match[2]} "'
    return _FIRST_WORDS.sub(r"\1p_\2", line)


def test_the_corpus(tmp_path: pathlib.Path) -> None:
    """Files of keepalived's own developer that use every corner of the language."""
    path = tmp_path / "keepalived.conf"
    compared = 0
    for source in (source for source in corpus_files() if "-dev-" in str(source)):
        lines = source.read_bytes().decode(errors="replace").replace("\0", "").split("\n")
        path.write_text("\n".join(["p_begin", *map(_unknown, lines), END, ""]))
        found = words_of_alived(path, "main")
        if found is None or (expected := words_of_keepalived(path, "main")) is None:
            continue
        assert found == expected, source
        compared += 1
    assert compared > 125


INCLUDES = {
    "one.conf": "p_one ${_PWD}\n$X=1",
    "sub/two.conf": "p_two\ninclude three.conf\ninclude ../one.conf",
    "sub/three.conf": "$NAME=three\n@here p_three",
    "sub/.hidden.conf": "p_hidden",
    "sub/four.txt": "p_four\n}",
    "sub/five.txt": "p_five { ",
    "deep/a/x.conf": "p_xa",
    "deep/b/x.conf": "p_xb",
    "deep/b/y.conf": "p_yb",
    "odd/a b.conf": "p_blank",
    "odd/[x].conf": "p_bracket",
    "odd/{x,y}.conf": "p_brace",
    "end.conf": "p_no_final_newline",
}
PATTERNS = [
    "one.conf",
    "./one.conf",
    "sub/two.conf",
    "sub/*.conf",
    "sub/.*.conf",
    "sub/t*.conf",
    "sub/[a-t]*.conf",
    "sub/[!a-t]*.txt",
    "sub/[^f]*.conf",
    "sub/????.*",
    "sub/{two,one,three}.conf",
    "{one.conf,sub/t{wo,hree}.conf}",
    "{sub,deep/a}/*.conf",
    "sub/three.conf,one.conf",
    "sub/{}three.conf",
    "sub/{three.conf",
    "deep/*/x.conf",
    "deep/*/y.conf",
    "deep/*/*.conf",
    "deep/?/{x,y}.conf",
    "deep//a///x.conf",
    "odd/a b.conf",
    "odd/*",
    "odd/\\[x\\].conf",
    "odd/[[]x].conf",
    "nothing.conf",
    "nothing/*.conf",
    "sub/*.nothing",
    "{nothing,one}.conf",
    "{nothing,neither}.conf",
    "sub",
    "*",
    "end.conf",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("word", ["include", "includer", "includem", "includew", "includeb", "includea"])
def test_includes(word: str, pattern: str, tmp_path: pathlib.Path) -> None:
    """The same files come in, in the same order, and the same patterns are errors."""
    for name, text in INCLUDES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if pattern == "*":
        (tmp_path / "program.conf").write_text("p_program")
        (tmp_path / "program.conf").chmod(0o755)
        (tmp_path / "loose").symlink_to("nothing")
    main = tmp_path / ("main" if pattern != "*" else ".main")
    main.write_text(f"p_first\n{word} {pattern}\n\np_$NAME x$X\n{END}\n")
    assert words_of_alived(main) == words_of_keepalived(main)
    findings = Findings()
    load_tree(str(main), findings)
    assert findings.has_errors == refused_by_keepalived(main)


_PRELUDE = "$A=1\n$B=2\n$C=3\n$S=4\n$T=5\n$M=m\n$N=n\n"
_FRAGMENTS = [
    "$A=1",
    "$A=",
    "$A=x y",
    '$A="x y"',
    "$B=${A}2",
    "$B=$A",
    "$B=p_b { $A }",
    "$C=~SEQ(S,1,2)",
    "$C=~LST(T,1,2) ~SEQ(S,$A,2)",
    "$B=@here",
    "$B=${_BANG}",
    "$B=$C=7",
    "p_$A",
    "p_${A}_${B}",
    '"p ${A} ${B} ${C} ${S} $T "',
    '"p $A) $B, $C"',
    "$B",
    "$C p_c$S",
    "$M",
    "${N}",
    "p_m$M",
    "p_{ $N }",
    "@here $M",
    "@there $N",
    "@^there p_$A # remark",
    "@here $A=4",
    "~SEQ(S,1,3) p_$S",
    "~SEQ(S,$A,2) $M",
    "~LST(T,a,b) $N",
    "~LST({S,T},{1,$A},{2}) ~SEQ(S,2) p_${S}$T",
    "~SEQ(S,2) $A=$S",
    "~SEQ(S,2) { $A $M }",
    "p_3 { p_4 } @here p_5 { @there p_6\n}",
    "p { $A=3\np_$A }",
    "p { p_8\n$M\np_9 $A } p_$B",
    "# comment",
    "",
    "  ",
]
_BODY = [
    "p_1",
    "p_$A # remark",
    "$A=5",
    "$N",
    "p_$B { p_6",
    "}",
    "@here p_3",
    "@there p_4",
    "# comment",
    "  ",
    "~SEQ(S,2) p_$S",
]


def _definition(name: str, body: list[str]) -> str:
    return f"${name}= \\\n" + " \\\n".join(body) + "\n"


_LINES = st.lists(
    st.one_of(
        st.sampled_from(_FRAGMENTS),
        st.builds(_definition, st.sampled_from("MN"), st.lists(st.sampled_from(_BODY), min_size=1, max_size=5)),
    ),
    min_size=3,
    max_size=25,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(_LINES)
def test_any_lines(tmp_path: pathlib.Path, lines: list[str]) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text(_PRELUDE + "\n".join([*lines, "", END, ""]))
    found = words_of_alived(path)
    if found is not None and (expected := words_of_keepalived(path)) is not None:
        assert found == expected
