"""The ways by which messages leave, as Airflow's operators set them up: the connections `baosong_smtp` and
`baosong_apprise`. Without the first, mails become files.

The providers' own calls are not used: `SmtpHook.send_email_smtp` leaves no room before the final dot and covers a lost
answer by the error of its own repetition, and `AppriseHook.notify` keeps to itself whether anybody took the message.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from baosong.ledger.notifications import Channel
    from baosong.pipeline.mail_lines import Smtp
    from baosong.pipeline.notify import Letter, Opener

SMTP_ID, APPRISE_ID = "baosong_smtp", "baosong_apprise"
FOLDER = "messages"


def lines(home: Path) -> dict[Channel, Opener]:
    """Return how to open each channel that is set up; `home` holds the folder of mails that no server takes."""
    from baosong.pipeline.mail_lines import Spool

    opener: dict[Channel, Opener] = {"mail": lambda: nullcontext(Spool(home / FOLDER))}
    if _is_set(SMTP_ID):
        opener["mail"] = _smtp
    if _is_set(APPRISE_ID):
        opener["chat"] = _robot
    return opener


def _is_set(conn_id: str) -> bool:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return False
    return True


@contextmanager
def _smtp() -> Iterator[Smtp]:
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.sdk.exceptions import AirflowException

    from baosong.pipeline.mail_lines import Smtp, unavailable
    from baosong.pipeline.notify import Unavailable

    hook = SmtpHook(SMTP_ID)
    try:
        hook.get_conn()  # it signs in, by password or OAuth
    except (OSError, smtplib.SMTPException, AirflowException) as cut:
        raise unavailable(cut) from cut
    with closing(cast(smtplib.SMTP, hook._smtp_client)) as client:
        sender = hook.from_email or hook.smtp_user
        if not sender:
            raise Unavailable(f"连接 {SMTP_ID} 没有写发件地址（from_email）")
        yield Smtp(client, sender)


class Robot(NamedTuple):
    """Group robots and whatever else Apprise knows; not told again once one of them took the message."""

    box: Any

    def deliver(self, letter: Letter, hand_over: Callable[[], None]) -> str:
        """Tell the robots. What a killed process had begun is not told again, what was refused is."""
        from apprise.result import AppriseResultStatus

        from baosong.pipeline.notify import Refused, Unconfirmed

        hand_over()
        result = self.box.notify(title=letter.subject, body=letter.body)
        if result.status == AppriseResultStatus.TIMEOUT:
            raise Unconfirmed
        if result.status == AppriseResultStatus.PARTIAL:  # those that took it must not be told again
            return "有的群机器人没有收下"
        if not result:
            raise Refused("群机器人没有收下")
        return ""


@contextmanager
def _robot() -> Iterator[Robot]:
    import apprise
    from airflow.providers.apprise.hooks.apprise import AppriseHook

    from baosong.pipeline.notify import Unavailable

    hook, box = AppriseHook(APPRISE_ID), apprise.Apprise()
    hook.set_config_from_conn(hook.get_connection(APPRISE_ID), box)
    if not len(box):
        raise Unavailable(f"连接 {APPRISE_ID} 的 config 里没有可用的地址")
    yield Robot(box)
