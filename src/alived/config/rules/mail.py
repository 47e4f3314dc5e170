"""Mail that is wanted, but could not be sent."""

from __future__ import annotations

from collections.abc import Iterator

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.rules.report import warning
from alived.config.rules.walk import blocks


def mail_without_server(plan: Plan) -> Iterator[Diagnostic]:
    """smtp_alert asks for mail that nobody could deliver."""
    known = plan.defaults.tried
    missing = [field for field in ("smtp_server", "notification_email") if field not in known]
    places = [
        settings.place(field)
        for settings in blocks(plan)
        for field in ("smtp_alert", "smtp_alert_vrrp", "smtp_alert_checker")
        if settings.get(field)
    ]
    if missing and places:
        message = f"smtp_alert, but global_defs has no {' and no '.join(missing)}: there would be no mail"
        hint = "global_defs { notification_email { ADDRESS } smtp_server ADDRESS }"
        yield warning(min(places, key=lambda place: (place.file, place.line)), "no-mail-server", message, hint)


def half_of_a_login(plan: Plan) -> Iterator[Diagnostic]:
    """A user without a password, or the reverse."""
    known = plan.defaults.tried
    if "smtp_user" in known and "smtp_password_file" not in known:
        message = "smtp_user, but no smtp_password_file: alived logs in with an empty password, which servers refuse"
        yield warning(
            plan.defaults.place("smtp_user"), "no-password", message, "smtp_password_file PATH, or no smtp_user"
        )
    if "smtp_password_file" in known and "smtp_user" not in known:
        message = "smtp_password_file, but no smtp_user: alived does not log in, and the password is not used"
        yield warning(plan.defaults.place("smtp_password_file"), "no-user", message, "smtp_user NAME")


def nobody_to_mail(plan: Plan) -> Iterator[Diagnostic]:
    """A list of recipients without one."""
    if plan.defaults.get("notification_email") == ():
        place = plan.defaults.place("notification_email")
        yield warning(place, "no-recipient", "notification_email is empty: nobody gets mail", "one address a line")
