"""What instances and groups track: names that exist, and weights that can count."""

from __future__ import annotations

import pytest

from alived.config.load import load_text
from alived.health.trackers_config import Tracked, Tracking, Weight
from tests.config.helpers import complaints, instance_text, understood

DEFINED = """vrrp_script check {
script /bin/true
weight 10 reverse
}
vrrp_track_process nginx {
process nginx
}
track_file load {
file /run/load
}
bfd_instance peer {
neighbor_ip 192.0.2.2
}
"""
MAIL = "notification_email {\na@example.com\n}\nsmtp_server 192.0.2.25\n"
LINE = DEFINED.count("\n")


def tracked(body: str, priority: int = 100) -> Tracking:
    text = instance_text(body).replace("priority 100", f"priority {priority}")
    (instance,) = understood(DEFINED + text).instances
    return instance.tracking


def group_text(body: str, first: str = "") -> str:
    members = instance_text(first) + instance_text(name="VI_2", vrid=52, vip="192.0.2.99")
    return f"{DEFINED}vrrp_sync_group G {{\ngroup {{\nVI_1\nVI_2\n}}\n{body}\n}}\n{members}"


def test_weights_are_the_trackers_own_unless_said() -> None:
    assert tracked("track_script {\ncheck\n}") == Tracking(scripts=(Tracked("check", Weight(10, True)),))
    assert tracked("track_script {\ncheck weight -5 noreverse\n}").scripts == (Tracked("check", Weight(-5)),)
    assert tracked("track_file {\nload\n}").files == (Tracked("load", Weight(1)),)
    assert tracked("track_process {\nnginx weight 100\n}").processes == (Tracked("nginx", Weight(100)),)
    assert tracked("track_bfd {\npeer reverse\n}").bfd == (Tracked("peer", Weight(0, True)),)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("track_script {\nchek\n}", "did you mean 'check'?"),
        ("track_process {\nngnix\n}", "did you mean 'nginx'?"),
        ("track_file {\nlaod\n}", "did you mean 'load'?"),
        ("track_bfd {\nother\n}", "bfd_instance other { ... }"),
    ],
)
def test_a_tracker_that_does_not_exist(body: str, hint: str) -> None:
    (found,) = [one for one in load_text(DEFINED + instance_text(body)).diagnostics if one.code == "unknown-tracker"]
    assert found.severity == "error" and found.hint == hint
    assert found.location.line == LINE + 6


def test_a_tracker_that_is_wrong_is_reported_once() -> None:
    text = "vrrp_script s {\n}\n" + instance_text("track_script {\ns\n}")
    assert complaints(text) == [("missing-keyword", 1)]


def test_twice_is_once() -> None:
    text = DEFINED + instance_text("track_script {\ncheck\ncheck weight 2\n}")
    assert complaints(text) == [("duplicate-entry", LINE + 7)]
    loaded = load_text(text).config
    assert loaded is not None and loaded.instances[0].tracking.scripts == (Tracked("check", Weight(10, True)),)


def test_a_session_for_checkers_only() -> None:
    text = "bfd_instance b {\nneighbor_ip 192.0.2.2\nchecker\n}\n" + instance_text("track_bfd {\nb\n}")
    assert complaints(text) == [("unknown-tracker", 10)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("track_script {\ncheck weight\n}", "missing-argument"),
        ("track_script {\ncheck weight 254\n}", "out-of-range"),
        ("track_file {\nload weight 255\n}", "out-of-range"),
        ("track_script {\ncheck wieght 2\n}", "unknown-option"),
        ("track_script {\ncheck {\n}\n}", "unexpected-block"),
    ],
)
def test_options(body: str, code: str) -> None:
    assert complaints(DEFINED + instance_text(body))[0] == (code, LINE + 6)


class TestWeightsThatCannotCount:
    def test_an_owner_does_not_track_what_weighs(self) -> None:
        text = DEFINED + instance_text("track_script {\ncheck\ncheck2\n}\ntrack_process {\nnginx\n}")
        text = "vrrp_script check2 {\nscript /bin/true\n}\n" + text.replace("priority 100", "priority 255")
        assert complaints(text) == [("owner-weight", LINE + 9)]
        config = load_text(text).config
        assert config is not None
        assert config.instances[0].tracking == Tracking(
            scripts=(Tracked("check2", Weight()),), processes=(Tracked("nginx", Weight()),)
        )

    def test_the_default_of_a_file_becomes_a_fault(self) -> None:
        assert tracked("track_file {\nload\n}", priority=255).files == (Tracked("load", Weight(0)),)

    def test_a_member_of_a_group(self) -> None:
        text = group_text("", "track_script {\ncheck\n}")
        assert [code for code, _ in complaints(text)] == ["group-weight"]
        assert complaints(text.replace("group {", "sync_group_tracking_weight\ngroup {")) == []

    def test_a_group_with_an_owner(self) -> None:
        body = "track_script {\ncheck\n}\ntrack_file {\nload weight 0\n}"
        plain = understood(group_text(body)).sync_groups[0].tracking
        assert plain == Tracking(scripts=(Tracked("check", Weight(10, True)),), files=(Tracked("load", Weight(0)),))
        text = group_text(body).replace("priority 100", "priority 255")
        assert [code for code, _ in complaints(text)] == ["owner-weight"]
        config = load_text(text).config
        assert config is not None
        assert config.sync_groups[0].tracking == Tracking(
            scripts=(Tracked("check", Weight(0, True)),), files=(Tracked("load", Weight(0)),)
        )


def test_who_mails() -> None:
    """What an instance or a group says counts, then smtp_alert_vrrp, then smtp_alert."""

    def alerts(globally: str, group: str, instance: str) -> tuple[bool, bool]:
        config = understood(f"global_defs {{\n{MAIL}{globally}\n}}\n" + group_text(group, instance))
        return config.sync_groups[0].smtp_alert, config.instances[0].smtp_alert

    assert alerts("", "", "") == (False, False)
    assert alerts("smtp_alert on", "", "") == (True, True)
    assert alerts("smtp_alert on\nsmtp_alert_vrrp off", "", "smtp_alert") == (False, True)
    assert alerts("smtp_alert_vrrp on", "smtp_alert off", "") == (False, True)


class TestAllUnhealthy:
    def instance(self, body: str, priority: int = 100) -> str:
        return instance_text(body).replace("priority 100", f"priority {priority}")

    def test_it_is_none_unless_said(self) -> None:
        (silent,) = understood(self.instance("")).instances
        (best,) = understood(self.instance("all_unhealthy best")).instances
        assert (silent.vrrp.all_unhealthy, best.vrrp.all_unhealthy) == ("none", "best")

    @pytest.mark.parametrize(("priority", "found"), [(9, [("out-of-range", 4)]), (10, [])])
    def test_who_is_well_needs_more_than_the_last_resort(self, priority: int, found: list[tuple[str, int]]) -> None:
        assert complaints(self.instance("all_unhealthy best", priority)) == found

    def test_an_owner_has_no_other_priority(self) -> None:
        assert complaints(self.instance("all_unhealthy best", 255)) == [("owner-weight", 5)]

    def test_what_it_can_be(self) -> None:
        assert complaints(self.instance("all_unhealthy worst")) == [("invalid-value", 5)]
