"""Rows of `global_defs` about scripts, pipes and mail: how alived tells others what happens."""

from __future__ import annotations

from alived.config.keywords.consequences import NO_MAIL
from alived.config.keywords.converters import boolean, command, flag, whole_seconds, word
from alived.config.keywords.global_values import fifo, mail_server, recipients
from alived.config.keywords.shapes import user
from alived.config.keywords.table import no_effect, not_yet, works

MAX_CONNECT_S = 4294

SCRIPTS = (
    works("script_user", user(), "Who runs scripts.", default="keepalived_script if there is one, else root"),
    works("enable_script_security", flag(), "Do not run as root what others can change.", default="off"),
    no_effect(
        "use_symlink_paths",
        "Check symbolic links of scripts.",
        "paths are resolved before they are checked",
        converter=boolean(),
        since="2.3.0",
    ),
    not_yet(
        "set_supplementary_groups",
        "Scripts get all groups of the user.",
        "scripts get the main group only",
        converter=boolean(),
        default="off",
        since="2.4.4",
    ),
    works("startup_script", command(), "Command before the start; nothing starts before it has ended."),
    works("startup_script_timeout", whole_seconds(1, 1000, 10), "After it the command is killed.", default="10"),
    works("shutdown_script", command(), "Command after the end."),
    works("shutdown_script_timeout", whole_seconds(1, 1000, 10), "After it the command is killed.", default="10"),
)

FIFOS = (
    works("notify_fifo", fifo(), "Pipe for all changes of state, and of real servers."),
    works("notify_fifo_script", command(), "Reader of the pipe, whose path is its last argument."),
    works("vrrp_notify_fifo", fifo(), "Pipe for changes of instances and groups."),
    works("vrrp_notify_fifo_script", command(), "Reader of that pipe."),
    works("fifo_write_vrrp_states_on_reload", flag(), "States to the pipe on a reload.", default="off"),
    works("lvs_notify_fifo", fifo(), "Pipe for changes of real servers."),
    works("lvs_notify_fifo_script", command(), "Reader of that pipe."),
)

MAIL = (
    not_yet("notification_email", "Who gets mail.", NO_MAIL, converter=recipients()),
    not_yet(
        "notification_email_from",
        "Sender of mail.",
        NO_MAIL,
        converter=word("ADDRESS", "alived@example.com"),
        default="keepalived@ and the host's name",
    ),
    not_yet("smtp_server", "Mail server.", NO_MAIL, converter=mail_server(), default="port 25"),
    not_yet(
        "smtp_helo_name",
        "Our name in HELO.",
        NO_MAIL,
        converter=word("NAME", "node1.example.com"),
        default="host name",
    ),
    not_yet(
        "smtp_connect_timeout",
        "Patience with the mail server.",
        NO_MAIL,
        converter=whole_seconds(1, MAX_CONNECT_S, 30),
        default="30",
    ),
    not_yet("smtp_alert", "Mail on every change.", NO_MAIL, converter=boolean(), default="off"),
    not_yet("smtp_alert_vrrp", "Mail on changes of VRRP.", NO_MAIL, converter=boolean(), default="smtp_alert"),
    not_yet(
        "smtp_alert_checker", "Mail on changes of real servers.", NO_MAIL, converter=boolean(), default="smtp_alert"
    ),
    not_yet("no_email_faults", "No mail on faults.", NO_MAIL, converter=flag(), default="off"),
    not_yet("no_checker_emails", "No mail on single checks.", NO_MAIL, converter=boolean(), default="off"),
)
