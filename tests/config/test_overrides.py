"""The command line and the environment say what a file says: where it goes, who wins, and what finds no place."""

from __future__ import annotations

import pytest

from alived.config.load import Loaded, ReadOptions, load_text
from alived.config.model import Config
from alived.config.overrides import Override, from_environment, from_options
from tests.config.helpers import instance_text

TWO = instance_text() + instance_text(name="B.2-x", vrid=52, vip="192.0.2.11")


def loaded(*settings: str, text: str = TWO, **environment: str) -> Loaded:
    overrides = (*from_environment(environment), *from_options(settings))
    return load_text(text, "f", ReadOptions(overrides=overrides))


def config(*settings: str, text: str = TWO, **environment: str) -> Config:
    found = loaded(*settings, text=text, **environment)
    assert found.config is not None, found.diagnostics
    return found.config


def priorities(*settings: str, **environment: str) -> list[int]:
    return [one.vrrp.priority for one in config(*settings, **environment).instances]


def test_an_option_and_a_variable() -> None:
    assert from_options(["vrrp_instance.A.priority = 7 "]) == (
        Override("vrrp_instance.A.priority", "7", "--set vrrp_instance.A.priority", True),
    )
    assert from_environment({"ALIVED_SET_A__B": " 7", "ALIVED_SETTING": "x", "PATH": "/bin"}) == (
        Override("A__B", "7", "environment ALIVED_SET_A__B", False),
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["vrrp_instance.VI_1.priority=7"], [7, 100]),
        (["vrrp_instance.B.2-x.priority=7"], [100, 7]),
        (["vrrp_instance.priority=7"], [7, 7]),
        (["vrrp_instance.VI_1.priority=7", "vrrp_instance.VI_1.priority=8"], [8, 100]),
    ],
)
def test_paths_of_options(settings: list[str], expected: list[int]) -> None:
    assert priorities(*settings) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ALIVED_SET_VRRP_INSTANCE__VI_1__PRIORITY": "7"}, [7, 100]),
        ({"ALIVED_SET_VRRP_INSTANCE__B_2_X__PRIORITY": "7"}, [100, 7]),
        ({"ALIVED_SET_VRRP_INSTANCE__PRIORITY": "7", "ALIVED_SET_VRRP_INSTANCE__B_2_X__PRIORITY": "8"}, [7, 8]),
    ],
)
def test_paths_of_variables(environment: dict[str, str], expected: list[int]) -> None:
    assert priorities(**environment) == expected


def test_options_win_over_the_environment_over_the_file_over_the_default() -> None:
    path, name = "global_defs.vrrp_version", "ALIVED_SET_GLOBAL_DEFS__VRRP_VERSION"
    text = TWO.replace("priority", "# priority")
    said = "global_defs {\nvrrp_version 3\n}\n" + text
    versions = [
        config(text=text).instances[0].vrrp.version,
        config(text=said).instances[0].vrrp.version,
        config(text=said, **{name: "2"}).instances[0].vrrp.version,
        config(f"{path}=3", text=said, **{name: "2"}).instances[0].vrrp.version,
    ]
    assert versions == [2, 3, 2, 3]


def test_a_block_that_is_not_there_is_made() -> None:
    one = config(
        "vrrp_instance.VI_1.authentication.auth_type=PASS",
        ALIVED_SET_VRRP_INSTANCE__VI_1__AUTHENTICATION__AUTH_PASS="s#1 x",
    )
    assert one.instances[0].vrrp.auth_pass == "s"
    quoted = config(
        "vrrp_instance.VI_1.authentication.auth_type=PASS", 'vrrp_instance.VI_1.authentication.auth_pass="s#1 x"'
    )
    assert quoted.instances[0].vrrp.auth_pass == "s#1 x"
    assert config("global_defs.router_id=n1").global_defs.router_id == "n1"


def test_several_global_defs_become_one() -> None:
    text = "global_defs {\nrouter_id a\n}\n" + TWO + "global_defs {\nrouter_id b\nprocess_name p\n}\n"
    found = loaded("global_defs.router_id=n1", text=text)
    assert found.diagnostics == ()
    assert found.config is not None
    assert (found.config.global_defs.router_id, found.config.global_defs.process_name) == ("n1", "p")


def test_all_statements_of_the_field_give_way() -> None:
    text = instance_text("nopreempt\npreempt")
    assert config("vrrp_instance.VI_1.nopreempt", text=text).instances[0].vrrp.nopreempt
    assert not config("vrrp_instance.VI_1.nopreempt=off", text=text).instances[0].vrrp.nopreempt
    assert config("vrrp_instance.VI_1.nopreempt=true", text=text).instances[0].vrrp.nopreempt
    assert loaded("vrrp_instance.VI_1.nopreempt=off", text=text).diagnostics == ()


def test_lists_are_replaced_entry_by_entry() -> None:
    one = config("vrrp_instance.VI_1.virtual_ipaddress=192.0.2.20/24 dev eth7, 192.0.2.21/24").instances[0]
    assert [str(vip) for vip in one.vips.addresses] == ["192.0.2.20/24 dev eth7", "192.0.2.21/24 dev eth0"]


def test_commands_have_quotes_of_their_own() -> None:
    script = config("vrrp_instance.VI_1.notify=\"/bin/x 'y z'\" root").instances[0].notify.notify
    assert script is not None
    assert (script.argv, script.user) == (("/bin/x", "y z"), "root")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("vrrp_instanc.VI_1.priority=7", "there is no keyword 'vrrp_instanc' at the top level: nothing is set"),
        ("vrrp_instance.VI_1.prioritty=7", "there is no keyword 'prioritty' in 'vrrp_instance': nothing is set"),
        ("vrrp_instance.VI_3.priority=7", "'VI_3.priority' leads nowhere: nothing is set"),
        ("vrrp_script.priority=7", "'priority' leads nowhere: nothing is set"),
        ("vrrp_instance=7", "'vrrp_instance' is a block, set the keywords in it one by one: nothing is set"),
        ("vrrp_instance.VI_1.priority.x=7", "'priority' takes no 'x': nothing is set"),
    ],
)
def test_what_finds_no_place_is_an_error_there(setting: str, message: str) -> None:
    found = loaded(setting)
    assert found.config is None
    (error,) = found.diagnostics
    assert (error.code, error.message) == ("override", message)
    assert str(error.location) == f"--set {setting.partition('=')[0]}"


def test_the_hint_names_what_there_is() -> None:
    (error,) = loaded("vrrp_instance.VI_3.priority=7").diagnostics
    assert error.hint == "vrrp_instance in this configuration: VI_1, B.2-x"
    (error,) = loaded(ALIVED_SET_VRRP_INSTANCE__VI_1__PRIORITTY="7").diagnostics
    assert error.hint == "did you mean 'priority'?"


def test_a_variable_that_may_mean_two_names() -> None:
    text = instance_text(name="A-1") + instance_text(name="A.1", vrid=52, vip="192.0.2.11")
    found = loaded(text=text, ALIVED_SET_VRRP_INSTANCE__A_1__PRIORITY="7")
    (error,) = found.diagnostics
    assert error.message == "'A_1' may be any of several names: nothing is set"
    assert error.hint == "vrrp_instance in this configuration: A-1, A.1"


def test_findings_about_a_value_point_to_where_it_was_said() -> None:
    (error,) = loaded("vrrp_instance.VI_1.priority=300").diagnostics
    assert str(error) == (
        "--set vrrp_instance.VI_1.priority: error: priority 300 is out of range [out-of-range]\n"
        "    hint: expected: 1 to 255"
    )
    (error,) = loaded(ALIVED_SET_VRRP_INSTANCE__VI_1__PRIORITY="x").diagnostics
    assert str(error.location) == "environment ALIVED_SET_VRRP_INSTANCE__VI_1__PRIORITY"


def test_documents_are_overridden_like_keepalived_conf() -> None:
    text = "vrrp_instances:\n  VI_1: {interface: eth0, virtual_router_id: 51, virtual_ipaddress: 192.0.2.1}\n"
    assert config("vrrp_instance.VI_1.priority=7", text=text).instances[0].vrrp.priority == 7
