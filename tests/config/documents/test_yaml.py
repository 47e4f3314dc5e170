"""What YAML lets people write, and what attacks the reader: bounded, with a place, and every word as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alived.config.documents.tree import DocumentError, Mapping, Node, Scalar
from alived.config.documents.yaml_reader import read_yaml
from alived.config.findings import Findings
from alived.config.load import Loaded, load_text
from alived.config.model import Instance
from tests.config.helpers import good, one

BASE = "vrrp_instances:\n  A:\n    interface: eth0\n    virtual_router_id: 1\n    virtual_ipaddress: 192.0.2.1\n"


def instance(line: str) -> Instance:
    return one(good(f"{BASE}    {line}\n"))


def plain(node: Node | None) -> object:
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.pairs}
    if isinstance(node, Scalar) or node is None:
        return node.text if node else None
    return [plain(item) for item in node.items]


def read(text: str) -> tuple[object, list[str]]:
    findings = Findings()
    root = read_yaml(text, "f", findings)
    return plain(root), [f"{found.location.line}:{found.location.column} {found.code}" for found in findings.sorted()]


def places(loaded: Loaded) -> list[tuple[str, str]]:
    return [(found.code, f"{found.location.line}:{found.location.column}") for found in loaded.diagnostics]


class TestWordsAsWritten:
    """YAML 1.1 would make booleans, octal and sexagesimal numbers, dates and nothing of these."""

    @pytest.mark.parametrize("word", ["no", "off", "yes", "on", "012345", "0x1f", "1:30", "1_000", "26-01-01", ".5"])
    def test_a_password(self, word: str) -> None:
        text = f"authentication: {{auth_type: PASS, auth_pass: {word}}}"
        assert instance(text).vrrp.auth_pass == word

    @pytest.mark.parametrize("word", ["no", "on", "0x10", "12:30:45"])
    def test_a_name(self, word: str) -> None:
        assert one(good(BASE.replace("  A:", f"  {word}:"))).vrrp.name == word
        assert one(good(f"global_defs: {{router_id: {word}}}\n{BASE}")).vrrp.name == "A"

    @pytest.mark.parametrize(("word", "code"), [("010", ""), ("1_0", "invalid-value"), ("0x10", "invalid-value")])
    def test_a_number_is_decimal_or_an_error(self, word: str, code: str) -> None:
        loaded = load_text(f"{BASE}    priority: {word}\n", "f")
        assert [found for found, _ in places(loaded)] == ([code] if code else [])
        if loaded.config is not None:
            assert one(loaded.config).vrrp.priority == 10

    @pytest.mark.parametrize(
        ("word", "expected"),
        [("no", False), ("off", False), ("False", False), ("yes", True), ("on", True), ("TRUE", True), ("", True)],
    )
    def test_a_flag_takes_every_yes_and_no(self, word: str, expected: bool) -> None:
        assert instance(f"nopreempt: {word}").vrrp.nopreempt is expected

    def test_an_interface_called_no(self) -> None:
        text = BASE.replace("interface: eth0", "interface: no")
        assert one(good(text)).vrrp.interface == "no"

    def test_use_vmac_is_switched_off_by_false_and_named_by_a_word(self) -> None:
        assert instance("use_vmac: false").vrrp.vmac is None
        named = instance("use_vmac: vrrp.7").vrrp.vmac
        assert named is not None and named.name == "vrrp.7"


class TestSharing:
    def test_an_alias_is_what_it_stands_for(self) -> None:
        assert read("a: &x {b: [1, 2]}\nc: *x\n") == ({"a": {"b": ["1", "2"]}, "c": {"b": ["1", "2"]}}, [])

    def test_merge_keys(self) -> None:
        text = "base: &base {a: 1, b: 2}\nmore: &more {b: 3, c: 4}\none: {<<: *base, b: 5}\nall: {<<: [*base, *more]}\n"
        root, found = read(text)
        assert isinstance(root, dict) and found == []
        assert root["one"] == {"b": "5", "a": "1"}
        assert root["all"] == {"a": "1", "b": "2", "c": "4"}, "the first mapping of the list wins"

    def test_instances_that_share_their_settings(self) -> None:
        text = """
vrrp_instances:
  - &one
    name: A
    interface: eth0
    virtual_router_id: 1
    priority: 150
    virtual_ipaddress: 192.0.2.1
  - <<: *one
    name: B
    virtual_router_id: 2
    virtual_ipaddress: 192.0.2.2
"""
        a, b = good(text).instances
        assert (a.vrrp.name, b.vrrp.name, b.vrrp.priority, b.vrrp.virtual_router_id) == ("A", "B", 150, 2)

    @pytest.mark.parametrize(
        ("text", "finding"),
        [
            ("a: {<<: 5}", "1:9 wrong-type"),
            ("a: {<<: [5]}", "1:10 wrong-type"),
            ("a: 1\nb: 2\na: 3", "3:1 duplicate-keyword"),
            ("{a: 1}: 2", "1:1 wrong-type"),
            ("[a]: 2", "1:1 wrong-type"),
        ],
    )
    def test_what_is_no_mapping_or_stands_twice(self, text: str, finding: str) -> None:
        assert read(text)[1] == [finding]

    @pytest.mark.parametrize(
        ("text", "message", "place"),
        [
            ("a: &a [*a]", "*a contains itself", "1:8"),
            ("&a a: &b {c: *b}", "*b contains itself", "1:14"),
            ("a: &a {<<: *a}", "*a contains itself", "1:12"),
            ("a: *nobody", "there is no &nobody before this *nobody", "1:4"),
        ],
    )
    def test_aliases_that_mean_nothing(self, text: str, message: str, place: str) -> None:
        with pytest.raises(DocumentError) as caught:
            read(text)
        error = caught.value
        assert (error.message, f"{error.location.line}:{error.location.column}") == (message, place)


class TestAttacks:
    def test_a_billion_laughs_end_early(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
        (found,) = places(load_text("\n".join(lines), "f"))[-1:]
        assert found[0] == "too-many-values"
        assert found[1].startswith("6:")

    def test_merging_laughs_end_early(self) -> None:
        pairs = ", ".join(f"k{n}: v" for n in range(100))
        lines = [f"m0: &m0 {{{pairs}}}"]
        lines += [f"m{n}: &m{n} {{x{n}: [{', '.join([f'*m{n - 1}'] * 20)}]}}" for n in range(1, 9)]
        assert "too-many-values" in [code for code, _ in places(load_text("\n".join(lines), "f"))]

    @pytest.mark.parametrize(
        ("text", "code", "place"),
        [
            ("a: " + "[" * 100_000, "too-deep", "1:35"),
            ("a: " + "{b: " * 100_000, "too-deep", "1:128"),
            ("\n".join(" " * n + "a:" for n in range(200)), "too-deep", "33:33"),
            ("a: [" + "1," * 300_000 + "]", "too-many-values", "1:400003"),
            ("a:\n\tb: 1", "yaml", "2:1"),
            ("a: b: c", "yaml", "1:5"),
            ("a: 'x", "yaml", "1:6"),
            ("a: [1", "yaml", "2:1"),
            ("a: \x01", "yaml", "1:4"),
            ("a: 1\nb: \ud7ff\uffff", "yaml", "2:5"),
            ("a: !!python/object/apply:os.system [id]", "yaml", "1:4"),
            ("a: !include other.yaml", "yaml", "1:4"),
            ("a: !!binary aGVsbG8=", "yaml", "1:4"),
            ("a: 1\n---\nb: 1", "yaml", "2:1"),
        ],
    )
    def test_an_error_with_a_place(self, text: str, code: str, place: str) -> None:
        errors = [one for one in places(load_text(text, "f")) if one[0] not in ("no-instance",)]
        assert errors == [(code, place)]

    def test_standard_tags_change_nothing(self) -> None:
        assert read("a: !!str 5\nb: !!map {c: !!int '6'}\nd: ! x") == ({"a": "5", "b": {"c": "6"}, "d": "x"}, [])

    def test_bytes_that_are_no_text_are_an_error_in_a_word(self) -> None:
        text = BASE.encode() + b"    notify: /bin/\xff\n"
        loaded = load_text(text, "f")
        assert loaded.config is None
        assert ("not-utf-8", "6:13") in places(loaded)

    def test_bytes_that_are_no_text_are_an_error_in_a_name(self) -> None:
        loaded = load_text(BASE.encode().replace(b"  A:", b"  A\xff:"), "f")
        assert loaded.config is None
        assert ("not-utf-8", "2:3") in places(loaded)

    def test_bytes_that_are_no_text_are_a_warning_in_a_comment(self) -> None:
        loaded = load_text(BASE.encode() + b"# \xff\n", "f")
        assert loaded.config is not None
        assert [code for code, _ in places(loaded)] == ["not-utf-8"]

    def test_a_character_that_is_easily_overlooked(self) -> None:
        loaded = load_text(BASE.replace("eth0", "eth0\u200b"), "f")
        assert "invisible-character" in [code for code, _ in places(loaded)]

    @settings(max_examples=300)
    @given(st.text("ab:-[]{},#&*!|>'\"%@` \n\t<?0~\\\x00\ufeff", max_size=40))
    def test_no_text_breaks_the_reader(self, text: str) -> None:
        loaded = load_text("---\n" + text, "f.yaml")
        assert loaded.config is None
        assert all(found.location.line or found.code == "no-instance" for found in loaded.diagnostics)
