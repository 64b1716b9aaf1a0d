"""A mail as providers take it: addresses that are some, headers that nothing can be smuggled into, two parts."""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime

from mentorq.core.database import Row
from mentorq.core.mail.letters import Letter, Thread, html_of, text_of
from mentorq.mail_settings import Sender, sender_of
from mentorq.settings import Settings

UNFOLDED = {"list-unsubscribe", "message-id", "in-reply-to", "references"}
"""What Python would write as encoded words where it is long, which no mail program reads back there."""


class NoAddress(ValueError):
    """What a mail is to is no address."""


class _Policy(EmailPolicy):
    """`SMTP`, but ids and addresses of the web stay whole, one a line."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """A header as it is sent."""
        if name.lower() in UNFOLDED:
            folded = "\r\n ".join(value.split())
            return f"{name}: {folded}\r\n".encode("ascii")
        return super().fold_binary(name, value)


ASCII = _Policy(linesep=SMTP.linesep, cte_type="7bit")
UTF8 = ASCII.clone(utf8=True)


@dataclass(frozen=True)
class Mail:
    """One mail, ready."""

    id: int
    sender: Sender
    recipient: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    """All but From, To, Subject and what the parts need."""

    @property
    def needs_utf8(self) -> bool:
        """Whether the recipient's address cannot be written in ASCII (RFC 6531)."""
        return not self.recipient.isascii()

    def as_bytes(self) -> bytes:
        """The mail as RFC 5322 writes it."""
        message = EmailMessage(UTF8 if self.needs_utf8 else ASCII)
        message["From"] = Address(self.sender.name, addr_spec=self.sender.address)
        name, _, domain = self.recipient.rpartition("@")
        message["To"] = Address(username=name, domain=domain)  # an `addr_spec` beyond ASCII it would not take
        message["Subject"] = self.subject
        for name, value in self.headers.items():
            message[name] = value
        message.set_content(self.text, cte="quoted-printable")
        message.add_alternative(self.html, subtype="html", cte="quoted-printable")
        return message.as_bytes()


def compose(row: Row, settings: Settings) -> Mail:
    """A row of `mails` as a mail.

    Raises:
        NoAddress: its recipient is none.
    """
    content = row["content"]
    letter, unsubscribe_url = Letter.of_json(content["letter"]), content["unsubscribe_url"]
    return Mail(
        id=row["id"],
        sender=sender_of(settings.mail_from),
        recipient=deliverable(row["recipient"]),
        subject=_one_line(letter.subject),
        text=text_of(letter, settings.public_url, unsubscribe_url),
        html=html_of(letter, settings.public_url, unsubscribe_url),
        headers=_headers(row, settings, letter.language),
    )


def deliverable(address: str) -> str:
    """The address as mail servers take it: its domain in ASCII.

    Raises:
        NoAddress: it is none.
    """
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 (only the worker writes mail)

    try:
        valid = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise NoAddress("no address that mail can be sent to") from None  # the cause would quote it
    return valid.ascii_email or f"{valid.local_part}@{valid.ascii_domain}"


def _headers(row: Row, settings: Settings, language: str) -> dict[str, str]:
    content, created = row["content"], row["created_at"]
    # The same at every attempt, so that mail programs recognise a mail that came twice.
    own_id = message_id(settings, f"mail.{row['id']}.{created:%Y%m%d%H%M%S%f}")
    thread = Thread.of_json(content["thread"]) if content["thread"] else Thread(own_id)
    headers = {
        "Date": format_datetime(created),
        "Message-ID": _one_line(thread.message_id),
        "Auto-Submitted": "auto-generated",
        "Content-Language": language,
    }
    if thread.in_reply_to:
        headers["In-Reply-To"] = _one_line(thread.in_reply_to)
    if thread.references:
        headers["References"] = " ".join(map(_one_line, thread.references))
    if url := content["unsubscribe_url"]:
        headers["List-Unsubscribe"] = f"<{_one_line(url)}>"
        if url.startswith("https://"):  # RFC 8058 wants it
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def message_id(settings: Settings, name: str) -> str:
    """An id for a `Thread`: the same for the same name, and nobody else's."""
    return f"<{name}@{sender_of(settings.mail_from).address.rpartition('@')[2]}>"


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
