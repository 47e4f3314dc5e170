"""`alived explain-keyword`: what the tables say, on a terminal and as JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from alived.cli.explain_keyword import WIDTH, lines
from alived.cli.main import main
from alived.config.explain import explain, words


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["explain-keyword", *arguments])
    return result.exit_code, result.output


def test_a_keyword_with_bounds_default_and_example() -> None:
    status, output = run("down_timer_adverts")
    assert status == 0
    (one,) = explain("down_timer_adverts")
    assert output.splitlines()[0] == "down_timer_adverts 1..100"
    assert f"  {one.meaning[:40]}" in output
    assert "  stands in   vrrp_instance\n" in output
    assert "  status      works\n" in output
    assert "  default     3\n" in output
    assert "  example     down_timer_adverts 3\n" in output


def test_the_example_in_two_languages() -> None:
    output = run("virtual_ipaddress")[1]
    assert (
        "  example     virtual_ipaddress {\n"
        "                  192.0.2.10/24 dev eth0\n"
        "              }\n"
        "  in YAML     virtual_ipaddress:\n"
        "                - 192.0.2.10/24 dev eth0\n"
    ) in output
    assert "  in YAML     nopreempt: true\n" in run("vrrp_instance/nopreempt")[1]


def test_a_word_in_a_block_that_does_not_work_says_so() -> None:
    (one,) = explain("virtual_server/real_server/weight")
    assert one.held_back.startswith("virtual_server: this version balances no load")
    assert "  status      read and checked; the block around it is not carried out" in run("real_server/weight")[1]
    assert explain("down_timer_adverts")[0].held_back == ""


def test_a_newer_and_a_deprecated_word() -> None:
    output = run("thread_timer_expired")[1]
    assert "  since       keepalived 2.3.2\n" in output
    assert "  deprecated  write timer_expired_backup\n" in output


def test_a_word_that_means_the_same_in_several_blocks_is_explained_once() -> None:
    first, *_ = explain("notify_master")
    assert first.blocks == ("vrrp_instance", "vrrp_sync_group", "raft_instance")


def test_a_path_says_which_one_is_meant() -> None:
    both = explain("notify_priority_changes")
    assert len(both) == 2
    assert [one.blocks for one in explain("vrrp_sync_group/notify_priority_changes")] == [("vrrp_sync_group",)]
    assert [one.blocks for one in explain("authentication/auth_type")] == [("vrrp_instance/authentication",)]
    assert explain("global_defs/auth_type") == ()


def test_a_block_lists_what_stands_in_it() -> None:
    status, output = run("vrrp_instance/authentication")
    assert status == 0
    assert "auth_type auth_pass" in output


def test_a_word_that_does_not_work_says_what_happens() -> None:
    (one,) = explain("use_ipvlan")
    assert f"refused, an error: {one.consequence}" in run("use_ipvlan")[1]
    (one,) = explain("debug")
    assert one.consequence[:20] in run("debug")[1] and "without effect" in run("debug")[1]


def test_an_unknown_word() -> None:
    status, output = run("prioritty")
    assert status == 1
    assert output == "no keyword 'prioritty'\n    hint: did you mean 'priority'?\n"
    status, output = run("qqqqqq")
    assert status == 1 and "hint: alived explain-keyword vrrp_instance" in output


def test_json() -> None:
    status, output = run("--json", "vrrp_sync_group/global_tracking")
    (one,) = json.loads(output)
    assert status == 0
    assert (one["keyword"], one["blocks"], one["status"]) == ("global_tracking", ["vrrp_sync_group"], "works")
    status, output = run("--json", "qqqqqq")
    assert (status, json.loads(output)) == (1, [])


@pytest.mark.parametrize("width", [60, WIDTH])
def test_every_word_is_explained_within_the_width(width: int) -> None:
    for word in words():
        found = explain(word)
        assert found, word
        for one in found:
            assert one.blocks and one.meaning, word
            head, *rest = lines(one, width)
            assert word in head
            samples = {*one.example.splitlines(), *one.yaml.splitlines()}
            too_long = [line for line in rest if len(line) > width and not line.endswith(tuple(samples))]
            assert not too_long, word
