"""vip.conf: values are kept as a shell keeps them; whatever a shell would do instead is an error with its place."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alived.base import NS_PER_MS, Family
from alived.config.documents.vip_conf import read_vip_conf
from alived.config.findings import Findings
from alived.config.interpret import read_tree
from alived.config.load import language, load_text
from alived.vip.config import VipGroup

EXAMPLE = 'VIP_ADDRESS="192.168.1.100/32"\nINTERFACE="eth0"\nARP_COUNT=3\nARP_DELAY_MS=200\n'
"""As vip-switch has it."""


def said(text: str) -> tuple[dict[str, str], list[str]]:
    """Names with their values, and the findings about the text as such."""
    findings = Findings()
    (block,) = read_vip_conf(text, "f", findings)
    values = {child.keyword: child.arguments[0].text for child in block.children or ()}
    return values, [f"{found.location.line}:{found.location.column} {found.code}" for found in findings.sorted()]


def group(text: str) -> VipGroup:
    findings = Findings()
    config, _ = read_tree(read_vip_conf(text, "f", findings), "f", findings)
    assert not findings.has_errors, findings.sorted()
    assert config.vip_conf is not None
    return config.vip_conf


def test_the_example_of_the_original() -> None:
    assert language(EXAMPLE, "vip.conf") == "vip.conf"
    vips = group(EXAMPLE)
    (vip,) = vips.addresses
    assert (vip.address, vip.prefix_length, vip.interface, vip.family) == ("192.168.1.100", 32, "eth0", Family.IPV4)
    assert vips.garp.master_repeat == 3
    assert vips.garp.garp_interval_ns == 200 * NS_PER_MS
    assert vips.garp.master_delay_ns == 0


def test_alone_it_is_checked_and_clean() -> None:
    loaded = load_text(EXAMPLE, "vip.conf")
    assert loaded.diagnostics == ()
    assert loaded.config is not None and loaded.config.vip_conf is not None


def test_ipv6_and_defaults() -> None:
    vips = group("VIP_ADDRESS=2001:db8::1/64\nINTERFACE=eth0")
    assert (vips.addresses[0].address, vips.addresses[0].prefix_length) == ("2001:db8::1", 64)
    assert (vips.garp.master_repeat, vips.garp.gna_interval_ns) == (3, 200 * NS_PER_MS)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=x", "x"),
        ("A=", ""),
        ("A=''", ""),
        ("  A=x", "x"),
        ("export A=x", "x"),
        ("A='a b'\"c d\"e", "a bc de"),
        ("A='a\"$`\\b'", 'a"$`\\b'),
        (r'A="a\"b\\c\$d\`e\f"', 'a"b\\c$d`e\\f'),
        (r"A=a\ b\;c", "a b;c"),
        ("A=a#b", "a#b"),
        ("A=x # comment; $(id)", "x"),
        ("A= # comment", ""),
        ("A=a=b", "a=b"),
        ("A=a~b", "a~b"),
        ("A=*", "*"),
        ("A=x   ", "x"),
        ("# A=y\n\nA=x", "x"),
    ],
)
def test_words_are_quoted_as_in_a_shell(text: str, value: str) -> None:
    assert said(text) == ({"A": value}, [])
    shell = subprocess.run(
        [shutil.which("sh") or "sh", "-c", f'{text}\nprintf "%s" "$A"'], capture_output=True, check=True
    )
    assert shell.stdout.decode() == value


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("A=$(id)", "1:3 shell-expansion"),
        ("A=`id`", "1:3 shell-expansion"),
        ("A=$HOME", "1:3 shell-expansion"),
        ("A=x${B}", "1:4 shell-expansion"),
        ('A="$(id)"', "1:3 shell-expansion"),
        ('A="`id`"', "1:3 shell-expansion"),
        ('A="a" b', "1:7 shell-command"),
        ("A=~/x", "1:3 shell-expansion"),
        ("A=x; id", "1:4 shell-syntax"),
        ("A=x ; id", "1:5 shell-syntax"),
        ("A=x && id", "1:5 shell-syntax"),
        ("A=x|id", "1:4 shell-syntax"),
        ("A=x>f", "1:4 shell-syntax"),
        ("A=(a b)", "1:3 shell-syntax"),
        ("A=x)", "1:4 shell-syntax"),
        ("A=x id", "1:5 shell-command"),
        ("A=x\\", "1:4 shell-syntax"),
        ('A="x', "1:3 unclosed-quote"),
        ("A='x", "1:3 unclosed-quote"),
        ("A = x", "1:1 shell-command"),
        ("\n  id", "2:3 shell-command"),
        ("A+=x", "1:1 shell-command"),
        ("1A=x", "1:1 shell-command"),
        ("readonly A=x", "1:1 shell-command"),
        ("source /etc/other", "1:1 shell-command"),
    ],
)
def test_what_a_shell_would_do_is_an_error(text: str, finding: str) -> None:
    assert said(text) == ({}, [finding])


@settings(max_examples=300)
@given(st.text("aA= \t'\"\\$`;&|<>()#~\n\r{}*\x00é", max_size=30))
def test_no_text_breaks_the_reader(text: str) -> None:
    values, findings = said(f"A={text}")
    assert values or findings or not text.strip()


def test_a_carriage_return_is_no_part_of_the_value() -> None:
    assert said("A=x\r\nB=y\r\n") == ({"A": "x", "B": "y"}, ["1:4 carriage-return", "2:4 carriage-return"])


@pytest.mark.parametrize(
    ("line", "code", "place"),
    [
        ("VIP_ADDRESS=192.0.2.300/24", "invalid-address", "5:13"),
        ("VIP_ADDRESS=192.0.2.1/33", "out-of-range", "5:13"),
        ("VIP_ADDRESS='192.0.2.1/24 192.0.2.2/24'", "invalid-value", "5:13"),
        ("VIP_ADDRESS=224.0.0.1", "invalid-address", "5:13"),
        ("VIP_ADDRESS=", "invalid-address", "5:13"),
        ("INTERFACE=eth0/1", "invalid-interface", "5:11"),
        ("INTERFACE='eth0 eth1'", "invalid-interface", "5:11"),
        ("ARP_COUNT=many", "invalid-value", "5:11"),
        ("ARP_COUNT=-1", "out-of-range", "5:11"),
        ("ARP_COUNT=101", "out-of-range", "5:11"),
        ("ARP_DELAY_MS=0200", "invalid-value", "5:14"),
        ("ARP_DELAY_MS=0.2", "invalid-value", "5:14"),
        ("ARP_DELAY_MS=60001", "out-of-range", "5:14"),
        ("ARP_COUT=5", "unknown-keyword", "5:1"),
        ("ARP_COUNT=5", "duplicate-keyword", "5:1"),
        ("VIP_ADDRESS=192.0.2.1", "no-prefix-length", "5:13"),
    ],
)
def test_values_are_checked(line: str, code: str, place: str) -> None:
    found = [one for one in load_text(f"{EXAMPLE}{line}\n", "f").diagnostics if one.code == code]
    assert [f"{one.location.line}:{one.location.column}" for one in found] == [place]
    assert found[0].hint


def test_an_address_and_an_interface_are_needed() -> None:
    codes = [one.code for one in load_text("ARP_COUNT=1", "f").diagnostics if one.severity == "error"]
    assert codes == ["missing-keyword", "missing-keyword"]
