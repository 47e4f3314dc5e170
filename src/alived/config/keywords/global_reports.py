"""Rows of `global_defs` about scripts, pipes and mail: how alived tells others what happens."""

from __future__ import annotations

from alived.config.keywords.converters import FileUse, boolean, choice, command, flag, whole_seconds, word
from alived.config.keywords.global_values import fifo
from alived.config.keywords.mail import mail_address, mail_server, recipients
from alived.config.keywords.product import path
from alived.config.keywords.shapes import user
from alived.config.keywords.table import no_effect, not_yet, works
from alived.notify.config import MailTls

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
    works("notification_email", recipients(), "Who gets mail."),
    works(
        "notification_email_from",
        mail_address(),
        "Sender of mail.",
        default="keepalived@ and the host's name",
    ),
    works("smtp_server", mail_server(), "Mail server.", default="port 25"),
    works("smtp_helo_name", word("NAME", "node1.example.com"), "Our name in EHLO.", default="host name"),
    works(
        "smtp_connect_timeout",
        whole_seconds(1, MAX_CONNECT_S, 30),
        "Patience with the mail server: to connect, and for each of its answers.",
        default="30",
    ),
    works("smtp_tls", choice(*MailTls), "TLS to the mail server: no, by STARTTLS, from the beginning.", default="off"),
    works(
        "smtp_ca_file",
        path(FileUse.PUBLIC),
        "Authorities that the certificate of the mail server must lead to.",
        default="the system's",
    ),
    works("smtp_user", word("NAME", "alived"), "User for AUTH.", default="no AUTH"),
    works("smtp_password_file", path(FileUse.KEY), "File with the password for AUTH, readable by its owner alone."),
    works("smtp_alert", boolean(), "Mail on every change.", default="off"),
    works("smtp_alert_vrrp", boolean(), "Mail on changes of VRRP.", default="smtp_alert"),
    works("smtp_alert_checker", boolean(), "Mail on changes of real servers.", default="smtp_alert"),
    works("no_email_faults", flag(), "No mail on faults.", default="off"),
    works("no_checker_emails", boolean(), "No mail on single checks.", default="off"),
)
