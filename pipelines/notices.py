"""Sends notices, such as that a run failed, to where the setting TESSITURA_NOTIFY says.

    smtp://USER:PASSWORD@HOST:587/?from=ADDRESS&to=ADDRESS     e-mail, with STARTTLS where the server has it
    smtps://USER:PASSWORD@HOST:465/?from=ADDRESS&to=ADDRESS    e-mail over TLS from the start
    https://hooks.slack.com/services/…                         Slack
    slack+https://HOST/PATH                                    anything that takes Slack's messages, such as Mattermost
    https://HOST/PATH                                          a web hook that gets the notice as JSON

A notice never fails the run that it is about, and takes 10 s at most for each step of the connection. The address is a
secret: it stands in no message, no log and no file of the store; of a failure to send, the host is named and the kind.
"""

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from data.errors import InputError

_SECONDS = 10.0
_HERE = ("127.0.0.1", "localhost", "::1")  # a password does not leave the machine
_SLACK = ("hooks.slack.com",)
_MAIL, _WEB = ("smtp", "smtps"), ("http", "https", "slack+http", "slack+https")
FORMS = "smtp://…, smtps://…, https://… or slack+https://…"


@dataclass(frozen=True)
class Notice:
    """A notice.

    Attributes:
        event: what it is about, such as "failure" or "digest".
        title: one line.
        text: what there is to say, plain text of some lines.
        facts: the same for programs: texts by name, such as the job and the run.
    """

    event: str
    title: str
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)


def check_address(address: str) -> None:
    """Check that an address has one of the forms above.

    Raises:
        InputError: it has not; the message does not contain it.

    Example:
        >>> check_address("smtp://mail.example.org/?from=a@example.org&to=b@example.org")
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"no address; write {FORMS}") from error
    if parts.scheme not in (*_MAIL, *_WEB) or not host:
        raise InputError(f"no address; write {FORMS}")
    if parts.scheme in _MAIL and not all(_people(parts, one) for one in ("from", "to")):
        raise InputError("an address for e-mail needs ?from=ADDRESS&to=ADDRESS")


def send(address: str, notice: Notice) -> str:
    """Send a notice, and return "" if it was taken, otherwise why not, in one line without the address.

    Args:
        address: where to, in one of the forms above; "" sends nothing.
        notice: the notice.

    Example:
        >>> send("https://example.org/hook", Notice("failure", "synthesis failed", "disk full"))
        'example.org: did not take the notice (HTTP 404)'
    """
    if not address:
        return ""
    host = ""
    try:
        check_address(address)
        parts = urlsplit(address)
        host = str(parts.hostname)
        return _post(parts, notice) if parts.scheme in _WEB else _mail(parts, notice)
    except InputError as error:
        return f"TESSITURA_NOTIFY: {error}"
    except Exception as error:  # whatever it is, it must not fail the run, and its message may hold the address
        return f"{host}: did not take the notice ({type(error).__name__})"


def _post(parts: SplitResult, notice: Notice) -> str:
    """Send a notice to a web hook."""
    import requests

    slack = parts.scheme.startswith("slack+") or parts.hostname in _SLACK
    where = parts._replace(scheme=parts.scheme.removeprefix("slack+")).geturl()
    content = (
        {"text": _slack(f"*{notice.title}*\n{notice.text}")}
        if slack
        else {"event": notice.event, "title": notice.title, "text": notice.text, **notice.facts}
    )
    answer = requests.post(where, json=content, timeout=_SECONDS, allow_redirects=False)
    return "" if answer.ok else f"{parts.hostname}: did not take the notice (HTTP {answer.status_code})"


def _slack(text: str) -> str:
    """Return a text in which nothing is a command of Slack, such as a mention of everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mail(parts: SplitResult, notice: Notice) -> str:
    """Send a notice by e-mail."""
    message = EmailMessage()
    message["Subject"] = " ".join(notice.title.split())  # a line break would begin another header
    message["From"], message["To"] = _people(parts, "from"), _people(parts, "to")
    message.set_content(notice.text)
    host, safe = str(parts.hostname), ssl.create_default_context()
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_SECONDS, context=safe)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
    with server:
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=safe)
            server.ehlo()
        elif parts.scheme == "smtp" and parts.username and host not in _HERE:
            return f"{host}: offers no STARTTLS, so the password was not sent; use smtps://"
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)
    return ""


def _people(parts: SplitResult, name: str) -> str:
    """Return the value of a field of the query, without line breaks; "" if there is none."""
    return " ".join(parse_qs(parts.query).get(name, [""])[0].split())
