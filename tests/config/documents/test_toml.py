"""TOML: the same tree as YAML gives, with the place of every key and value, and texts that attack the reader."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import Location
from alived.config.documents.toml_reader import read_toml
from alived.config.documents.tree import DocumentError, Mapping, Node, Scalar
from alived.config.load import load_text
from tests.config.documents.test_documents import YAML
from tests.config.helpers import good

TOML = """
# a comment
[global_defs]
router_id = "node1"
vrrp_version = 3
script_user = ["nobody", "nogroup"]
vrrp_cpu_affinity = [0, 1]
vrrp_no_swap = true
log_unknown_vrids = false

[vrrp_sync_groups.G]
group = ["A", "B"]
sync_group_tracking_weight = true
notify = {command = ["/bin/any", "two words"], user = "root"}

[[vrrp_instances]]
name = "A"
interface = "eth0"
virtual_router_id = 0x33
priority = 150
advert_int = "500ms"
nopreempt = true
preempt = false
skip_check_adv_addr = false
use_vmac = true
notify_master = {command = "/bin/up a b", user = "user", group = "group"}
notify_backup = "/bin/down"
notify_fault = ["/bin/fault", 'x y']
track_interface = ["eth1", {name = "eth2", weight = 5, reverse = true}]
virtual_ipaddress = [
    {address = "192.0.2.10/24", dev = "eth0", label = "eth0:1", no_track = false, nodad = true},
    {address = "192.0.2.11", nodad = false, home = true, label = "z"},  # the last comma is allowed
]

[[vrrp_instances]]
name = "B"
interface = "eth1"
virtual_router_id = 52
version = 2
authentication = {auth_type = "PASS", auth_pass = "secret12"}
unicast_peer = ["192.0.2.2 min_ttl 255"]
virtual_ipaddress = "192.0.2.20"
"""


def test_toml_says_the_same_as_yaml() -> None:
    toml, yaml = load_text(TOML, "f"), load_text(YAML, "f")
    assert toml.config is not None
    assert toml.config == yaml.config


def plain(node: Node) -> object:
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.pairs}
    return node.text if isinstance(node, Scalar) else [plain(item) for item in node.items]


def words(value: object) -> object:
    """What tomllib makes of a text, as words."""
    if isinstance(value, dict):
        return {key: words(one) for key, one in value.items()}
    if isinstance(value, list):
        return [words(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "a = 1\r\nb = 2\r\n",
        "a.b.c = 1\na.b.d = 2\n[e.f]\ng = 3\n[e]\nh = 4",
        "[[a]]\nb = 1\n[[a.c]]\nd = 1\n[[a.c]]\nd = 2\n[[a]]\nb = 2\n[a.e]\nf = 3",
        '\'a b\'."c\\u0041" = "x\\ty\\\\"\n"" = 1',
        'a = """\nline\nline "quoted" \\\n   goes on"""',
        "a = '''\n'single' \\n '''\nb = ''''''\nc = \"\"",
        'a = """two quotes at the end"""""',
        "a = [1, [2, 3,], # c\n {b = 'c', d.e = 2}, ]\nf = {}",
        "[ a . b ]\nc = -5\nd = 1_000\ne = 0o17\nf = 0b11\ng = +7\nh = 1_0.5",
        "a = [ # c ]\n 1 # ]\n]",
        "a = '# no comment' # comment = 1",
    ],
)
def test_values_are_those_of_tomllib(text: str) -> None:
    assert plain(read_toml(text, "f")) == words(tomllib.loads(text))


_KEYS = st.text("abc", min_size=1, max_size=2)
_LEAVES = st.integers(-5, 5) | st.text(st.characters(codec="utf-8", exclude_characters="\r\x00")) | st.booleans()
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3))


def written(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(written, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(sign):08X}" if not sign.isalnum() else sign for sign in value) + '"'
    return str(value).lower()


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_any_value_is_read_as_tomllib_reads_it(document: dict[str, object]) -> None:
    text = "".join(f"{key} = {written(value)}\n" for key, value in document.items())
    assert plain(read_toml(text, "f")) == words(tomllib.loads(text))


def test_numbers_and_dates_stay_as_they_are_written() -> None:
    text = "a = 0.50\nb = 1979-05-27 07:32:00Z\nc = 1e3\nd = inf"
    assert plain(read_toml(text, "f")) == {"a": "0.50", "b": "1979-05-27 07:32:00Z", "c": "1e3", "d": "inf"}


def test_keys_and_values_have_their_places() -> None:
    text = "[a]\n  b = 1\n[[c.d]]\ne = [\n 'x',\n {f = 2}]\n"
    root = read_toml(text, "f")
    (_, a), (c_key, c) = root.pairs
    assert isinstance(a, Mapping) and isinstance(c, Mapping)
    assert (a.pairs[0][0].location, a.pairs[0][1].location) == (Location("f", 2, 3), Location("f", 2, 7))
    assert c_key.location == Location("f", 3, 3)
    entries = plain(c)
    assert entries == {"d": [{"e": ["x", {"f": "2"}]}]}
    places = [
        (found.code, str(found.location))
        for found in load_text("[vrrp_instances.A]\n\npriority = 300", "f").diagnostics
    ]
    assert ("out-of-range", "f:3:12") in places


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a = 1\nb = = 2", "toml", "f:2:5"),
        ("a = 1\na = 2", "toml", "f:2:6"),
        ("a = [1, 2", "toml", "f:1:10"),
        ("a = 1979-99-99", "toml", "f:1:9"),
        ("a = " + "9" * 5000, "toml", "f:1:5"),
        ("a = " + "[" * 100_000, "too-deep", "f:1:37"),
        ("[" + "a." * 100_000 + "b]\n", "too-deep", "f:1:65"),
        ("a." * 100_000 + "b = 1\n", "too-deep", "f:1:66"),
        ("a = [" + "1," * 300_000 + "]\n", "too-many-values", "f:1:400005"),
        ("a = \x01", "toml", "f:1:5"),
    ],
)
def test_texts_that_are_wrong_have_a_place(text: str, code: str, place: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_toml(text, "f")
    assert (caught.value.code, str(caught.value.location)) == (code, place)


@given(st.text("[]{}=,.\"'#\n a1\\", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Either tomllib refuses it, or the scanner agrees with it."""
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(DocumentError):
            read_toml(text, "f")
    else:
        assert plain(read_toml(text, "f")) == words(expected)


def test_an_empty_document_says_nothing() -> None:
    found = load_text("", "x.toml").diagnostics
    assert [one.code for one in found] == ["no-instance"]


def test_a_minimal_document() -> None:
    text = '[vrrp_instances.A]\ninterface = "eth0"\nvirtual_router_id = 1\nvirtual_ipaddress = "192.0.2.1"\n'
    assert good(text).instances[0].vrrp.name == "A"
