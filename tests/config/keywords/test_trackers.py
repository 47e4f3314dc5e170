"""Scripts, processes, files and BFD sessions: from the text to the values that an engine takes."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_MS, NS_PER_S
from alived.health.trackers_config import BfdInstance, ParamMatch, TrackFile, TrackProcess, VrrpScript, Weight
from tests.config.helpers import complaints, instance_text, understood

INSTANCE = instance_text()


def script(body: str) -> VrrpScript:
    (one,) = understood(f"vrrp_script s {{\n{body}\n}}\n{INSTANCE}").vrrp_scripts
    return one


def process(body: str) -> TrackProcess:
    (one,) = understood(f"vrrp_track_process p {{\n{body}\n}}\n{INSTANCE}").track_processes
    return one


def file(body: str) -> TrackFile:
    (one,) = understood(f"track_file f {{\n{body}\n}}\n{INSTANCE}").track_files
    return one


def bfd(body: str) -> BfdInstance:
    (one,) = understood(f"bfd_instance b {{\n{body}\n}}\n{INSTANCE}").bfd_instances
    return one


def wrong(keyword: str, body: str) -> list[tuple[str, int]]:
    return complaints(f"{keyword} x {{\n{body}\n}}\n{INSTANCE}")


class TestScript:
    def test_defaults(self) -> None:
        assert script("script /bin/true") == VrrpScript(name="s", argv=("/bin/true",))

    def test_everything(self) -> None:
        text = "script \"/bin/check 'a b' c\"\ninterval 2.5\ntimeout 0.5\nweight -20 reverse\nrise 2\nfall 3\n"
        assert script(text + "user nobody nogroup\ninit_fail") == VrrpScript(
            name="s",
            argv=("/bin/check", "a b", "c"),
            user="nobody",
            group="nogroup",
            interval_ns=2_500_000_000,
            timeout_ns=500_000_000,
            rise=2,
            fall=3,
            init_fail=True,
            weight=Weight(-20, True),
        )

    def test_the_timeout_is_the_interval_unless_said(self) -> None:
        assert script("script /bin/true\ninterval 7").timeout_ns == 7 * NS_PER_S

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("interval 1", "missing-keyword"),
            ("script", "missing-argument"),
            ("script /bin/true\ninterval 0", "out-of-range"),
            ("script /bin/true\ninterval soon", "invalid-value"),
            ("script /bin/true\nweight 254", "out-of-range"),
            ("script /bin/true\nweight", "missing-argument"),
            ("script /bin/true\nweight 1 backwards", "unknown-option"),
            ("script /bin/true\nrise 0", "out-of-range"),
            ("script /bin/true\nfal 2", "unknown-keyword"),
        ],
    )
    def test_what_is_wrong(self, body: str, code: str) -> None:
        (found,) = wrong("vrrp_script", body)
        assert found[0] == code

    def test_words_behind_the_command_are_not_its_arguments(self) -> None:
        assert wrong("vrrp_script", "script /bin/check one") == [("extra-arguments", 2)]


class TestProcess:
    def test_a_name(self) -> None:
        assert process("process nginx") == TrackProcess(name="p", process="nginx")

    def test_arguments_must_agree(self) -> None:
        found = process('process "/tmp/a b" one "two 2"')
        assert (found.process, found.arguments) == ("/tmp/a b", ("one", "two 2"))
        assert found.param_match is ParamMatch.EXACT and found.full_command

    @pytest.mark.parametrize(
        ("match", "expected"),
        [("", ParamMatch.EXACT), ("initial", ParamMatch.INITIAL), ("partial", ParamMatch.PARTIAL)],
    )
    def test_param_match(self, match: str, expected: ParamMatch) -> None:
        found = process(f"process x\nparam_match {match}")
        assert found.param_match is expected and found.full_command

    def test_numbers(self) -> None:
        text = "process x\nquorum 2\nquorum_max 3\ndelay 0.5\nterminate_delay 1\nweight 254\nfull_command"
        assert process(text) == TrackProcess(
            name="p",
            process="x",
            full_command=True,
            quorum=2,
            quorum_max=3,
            fork_delay_ns=500 * NS_PER_MS,
            terminate_delay_ns=NS_PER_S,
            weight=Weight(254),
        )

    def test_the_later_of_two_delays_counts(self) -> None:
        found = process("process x\nfork_delay 1\ndelay 2")
        assert (found.fork_delay_ns, found.terminate_delay_ns) == (2 * NS_PER_S, 2 * NS_PER_S)

    def test_no_process_may_be_what_is_wanted(self) -> None:
        assert process("process x\nquorum_max 0").quorum == 0

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("process", "missing-argument"),
            ("process x\nquorum 4\nquorum_max 3", "out-of-range"),
            ("process x\nparam_match part", "invalid-value"),
            ("process x\ndelay 3601", "out-of-range"),
        ],
    )
    def test_what_is_wrong(self, body: str, code: str) -> None:
        (found,) = wrong("vrrp_track_process", body)
        assert found[0] == code


class TestFile:
    def test_defaults(self) -> None:
        assert file("file /run/load") == TrackFile(name="f", path="/run/load", weight=Weight(1))

    @pytest.mark.parametrize(
        ("init", "value", "overwrite"),
        [("", 0, False), ("5", 5, False), ("overwrite", 0, True), ("-3 overwrite", -3, True)],
    )
    def test_init_file(self, init: str, value: int, overwrite: bool) -> None:
        found = file(f'file "/run/a b"\ninit_file {init}\nweight 2')
        assert (found.path, found.init_value, found.overwrite) == ("/run/a b", value, overwrite)
        assert found.weight == Weight(2)

    def test_what_is_wrong(self) -> None:
        assert wrong("track_file", "weight 2") == [("missing-keyword", 1)]
        assert wrong("track_file", "file /a\ninit_file 255") == [("out-of-range", 3)]

    def test_the_old_name_is_understood(self) -> None:
        old, new = "vrrp_track_file f {\nfile /a\n}\n", "track_file f {\nfile /a\n}\n"
        assert understood(old + INSTANCE) == understood(new + INSTANCE)


class TestBfd:
    def test_defaults(self) -> None:
        assert bfd("neighbor_ip 192.0.2.2") == BfdInstance(name="b", neighbor_ip="192.0.2.2")
        assert bfd("neighbour_ip fe80::2").ttl == 64

    def test_everything(self) -> None:
        text = (
            "neighbor_ip 192.0.2.2\nsource_ip 192.0.2.1\nmin_rx 3.312\nmin_tx 20\nidle_tx 1500\nmultiplier 4\npassive\n"
            "ttl 200\nmax_hops 3\nmultihop\nweight 10\nvrrp"
        )
        assert bfd(text) == BfdInstance(
            name="b",
            neighbor_ip="192.0.2.2",
            source_ip="192.0.2.1",
            min_rx_ns=3_312_000,
            min_tx_ns=20 * NS_PER_MS,
            idle_tx_ns=1500 * NS_PER_MS,
            multiplier=4,
            passive=True,
            ttl=200,
            max_hops=3,
            multihop=True,
            weight=Weight(10),
            for_vrrp=True,
            for_checkers=False,
        )

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ("passive", "missing-keyword"),
            ("neighbor_ip x", "invalid-address"),
            ("neighbor_ip 192.0.2.2\nsource_ip fe80::1", "family-mismatch"),
            ("neighbor_ip 192.0.2.2\nidle_tx 999", "out-of-range"),
            ("neighbor_ip 192.0.2.2\nttl 5\nmax_hops 6", "out-of-range"),
        ],
    )
    def test_what_is_wrong(self, body: str, code: str) -> None:
        (found,) = wrong("bfd_instance", body)
        assert found[0] == code


def test_a_name_once() -> None:
    one = "vrrp_script s {\nscript /bin/true\n}\n"
    assert complaints(one + one + INSTANCE) == [("duplicate-name", 4)]
