"""`notifications { ... }`: from the text to values, and what is wrong with it said in its line."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_S
from alived.config.load import load_text
from alived.hooks.events import Kind, Word
from alived.notify.config import Language, MessageFormat, Notifications, Webhook
from tests.config.helpers import good, instance_text, refused, warned

URL = "url https://example.com/hook"


def text(*lines: str) -> str:
    """Line 1 is the block's."""
    return "\n".join(["notifications {", *lines, "}", instance_text()])


def hook(*lines: str, name: str = "chat") -> str:
    """Line 3 is the URL, further ones follow."""
    return text(f"webhook {name} {{", URL, *lines, "}")


def test_all_that_can_be_said() -> None:
    found = good(
        text(
            "spool /var/lib/alived/spool",
            "webhook chat {",
            "url http://[2001:db8::1]:8080/x?key=1",
            "format feishu",
            "language zh",
            "events MASTER down",
            "kinds real_server raft",
            "objects VI_1",
            "secret_file /etc/alived/secret",
            'header X-Team "on call"',
            "header Authorization x",
            "timeout 2.5",
            "retry_for 0",
            "ca_file /etc/ca.pem",
            "verify off",
            "}",
            "webhook plain {",
            URL,
            "}",
        )
    ).notifications
    assert found == Notifications(
        spool="/var/lib/alived/spool",
        webhooks=(
            Webhook(
                name="chat",
                url="http://[2001:db8::1]:8080/x?key=1",
                format=MessageFormat.FEISHU,
                language=Language.CHINESE,
                secret_file="/etc/alived/secret",
                timeout_ns=5 * NS_PER_S // 2,
                retry_for_ns=0,
                events=(Word.MASTER, Word.DOWN),
                kinds=(Kind.REAL_SERVER, Kind.RAFT),
                objects=("VI_1",),
                headers=(("X-Team", "on call"), ("Authorization", "x")),
                ca_file="/etc/ca.pem",
                verify=False,
            ),
            Webhook(name="plain", url="https://example.com/hook"),
        ),
    )


@pytest.mark.parametrize(
    ("body", "code", "place", "words"),
    [
        (text("webhook a {", "}"), "missing-keyword", (2, 1), "url is missing in 'webhook a'"),
        (text("webhook {", URL, "}"), "missing-argument", (2, 1), "'webhook' needs a name"),
        (text("webhook a {", "url", "}"), "missing-argument", (3, 1), "'url' needs a value"),
        (hook("events"), "missing-argument", (4, 1), "'events' needs a value"),
        (hook("events master nonsense"), "invalid-value", (4, 15), "'nonsense' is no value for 'events'"),
        (hook("kinds"), "missing-argument", (4, 1), "'kinds' needs a value"),
        (hook("kinds raft daemon"), "invalid-value", (4, 12), "'daemon' is no value for 'kinds'"),
        (hook("objects"), "missing-argument", (4, 1), "'objects' needs a value"),
        (hook("events test"), "invalid-value", (4, 8), "'test' is no value for 'events'"),
        (hook("format teams"), "invalid-value", (4, 8), "'teams' is no value for 'format'"),
        (hook("language de"), "invalid-value", (4, 10), "'de' is no value for 'language'"),
        (hook("header X"), "missing-argument", (4, 1), "'header' has a name and a value"),
        (hook("header Content-Length 5"), "invalid-value", (4, 8), "'Content-Length' is no value for 'header'"),
        (hook('header "X Y" 5'), "invalid-value", (4, 8), "'X Y' is no value for 'header'"),
        (hook('header X "a\tb"'), "invalid-value", (4, 10), "is no value for 'header'"),
        (hook("timeout 0"), "out-of-range", (4, 9), "timeout 0 is out of range"),
        (hook("retry_for 9999999"), "out-of-range", (4, 11), "retry_for 9999999 is out of range"),
        (hook("verify maybe"), "invalid-value", (4, 8), "'maybe' is no value for 'verify'"),
        (hook("}", "webhook chat {", URL), "duplicate-name", (5, 9), "webhook 'chat' is already defined in line 2"),
    ],
)
def test_what_is_wrong_is_said_in_its_place(body: str, code: str, place: tuple[int, int], words: str) -> None:
    (found, *_) = refused(body, code)
    assert (found.location.file, found.location.line, found.location.column) == ("test.conf", *place)
    assert words in found.message


@pytest.mark.parametrize("name", ["../chat", "..", ".hidden", "a/b", "mail", '"two words"', "x" * 65, "名"])
def test_a_name_is_that_of_a_directory_and_not_that_of_mail(name: str) -> None:
    (found,) = refused(hook(name=name), "invalid-name")
    assert (found.location.line, found.location.column) == (2, 9)
    assert f"{name.strip(chr(34))!r} is no name for a webhook" in found.message


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com/", "example.com/hook", "https://", "http://example.com:0/", "http://example.com:99999/"),
        *("http://[::1/", "https://user:password@example.com/", "https://exämple.com/", '"https://example.com/a b"'),
    ],
)
def test_what_is_no_url_that_can_be_asked(url: str) -> None:
    (found,) = refused(text("webhook a {", f"url {url}", "}"), "invalid-value")
    assert (found.location.line, found.location.column) == (3, 5)


def test_a_secret_for_whom_no_signature_is_known() -> None:
    for format in ("slack", "wecom"):
        warned(hook(f"format {format}", "secret_file /etc/alived/secret"), "unused-secret")


def test_words_that_are_not_known_are_skipped_and_said() -> None:
    warned(hook("colour red"), "unknown-keyword")


SERVERS = """
virtual_server 192.0.2.1 80 {
    protocol TCP
    lvs_method NAT
    lvs_sched rr
    real_server 192.0.2.7 80 {
        weight 1
    }
}
virtual_server fwmark 5 {
    lvs_method NAT
    lvs_sched rr
    real_server 192.0.2.8 80 {
        weight 1
    }
}
vrrp_sync_group G {
    group {
        VI_1
    }
}
node {
    id n1
    raft_addr 192.0.2.11:7946
    data_dir /var/lib/alived
}
cluster {
    node n1 {
        addr 192.0.2.11:7946
    }
}
raft_instance web {
    interface eth0
    virtual_ipaddress {
        192.0.2.99/32 dev eth0
    }
}
"""


def unknown_objects(document: str) -> list[tuple[int, int, str, str]]:
    found = load_text(document, "test.conf").diagnostics
    return [
        (one.location.line, one.location.column, one.message, one.hint) for one in found if one.code == "unknown-object"
    ]


def test_objects_are_named_as_news_has_them() -> None:
    names = "VI_1 G web [192.0.2.1]:tcp:80 [192.0.2.7]:tcp:80 'FWM 5' [192.0.2.8]:none:80".replace("'", '"')
    assert unknown_objects(hook(f"objects {names}") + SERVERS) == []
    assert unknown_objects(hook("objects [192.0.2.7]:udp:80") + SERVERS) == [
        (
            *(4, 9, "webhook chat: there is no object '[192.0.2.7]:udp:80': nothing is told of it"),
            "did you mean '[192.0.2.7]:tcp:80'?",
        )
    ]


def test_an_object_that_does_not_exist_is_said_in_its_place_and_stops_nothing() -> None:
    (first, second) = unknown_objects(hook("objects VI_1 VI_2 somebody"))
    assert first == (4, 14, "webhook chat: there is no object 'VI_2': nothing is told of it", "did you mean 'VI_1'?")
    assert second[:2] == (4, 19)
    assert second[3] == "there are VI_1"
    warned(hook("objects VI_2"), "unknown-object")


def test_servers_that_may_be_left_out_because_of_another_mistake_are_not_called_unknown() -> None:
    assert unknown_objects(hook("objects [192.0.2.7]:tcp:80", "events nonsense")) == []


def test_where_nothing_has_a_name_the_hint_says_so() -> None:
    only_hook = hook("objects VI_1").partition("vrrp_instance")[0]
    assert [hint for *_, hint in unknown_objects(only_hook)] == ["there is no object yet that anything could happen to"]


def test_yaml_says_the_same_in_its_own_lines() -> None:
    document = (
        "notifications:\n  webhooks:\n    - name: ../chat\n      url: https://example.com/\n      events: nonsense\n"
        "    - name: few\n      url: https://example.com/\n      objects:\n        - VI_1\n"
    )
    found = load_text(document, "test.yaml").diagnostics
    assert [(one.code, one.location.file, one.location.line) for one in found if one.code != "no-instance"] == [
        ("invalid-name", "test.yaml", 3),
        ("invalid-value", "test.yaml", 5),
        ("unknown-object", "test.yaml", 9),
    ]
