"""What a mail says: one `Letter`, from which both its plain text and its HTML are made."""

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mentorq.core.languages import Tongue, locale_of

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True)
class Letter:
    """Texts in the reader's language, without any markup."""

    subject: str
    paragraphs: Sequence[str]
    action: tuple[str, str] | None = None
    """What to do: what the button says, and the address that it leads to."""
    small_print: Sequence[str] = ()
    language: str = "en"
    quote: str | None = None
    """An excerpt of what somebody wrote, shown as a quotation."""

    def __post_init__(self) -> None:
        if self.action is not None and not self.action[1].startswith(("https://", "http://")):
            raise ValueError("a letter's action leads to an address of the web")

    def as_json(self) -> dict[str, Any]:
        """As the queue keeps it."""
        return dataclasses.asdict(self)

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> "Letter":
        """A letter that the queue kept."""
        return cls(**(kept | {"action": tuple(kept["action"]) if kept["action"] else None}))


@dataclass(frozen=True)
class Thread:
    """How mail programs know which mails belong together: ids with their angle brackets."""

    message_id: str
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the queue keeps it."""
        return dataclasses.asdict(self)

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> "Thread":
        """A thread that the queue kept."""
        return cls(**(kept | {"references": tuple(kept["references"])}))


def text_of(letter: Letter, site: str, unsubscribe_url: str | None = None) -> str:
    """The letter for programs that show plain text."""
    gettext = Tongue(letter.language).gettext
    parts = list(letter.paragraphs)
    if letter.quote:
        parts.append("\n".join(f"> {line}".rstrip() for line in letter.quote.splitlines()))
    if letter.action:
        label, url = letter.action
        parts.append(f"{label}:\n{url}")
    foot = [*letter.small_print, _sign_off(letter, site)]
    if unsubscribe_url:
        foot.append(f"{gettext('Unsubscribe')}: {unsubscribe_url}")
    return "\n\n".join(parts) + "\n\n-- \n" + "\n".join(foot) + "\n"


def html_of(letter: Letter, site: str, unsubscribe_url: str | None = None) -> str:
    """The letter for programs that show HTML: no images, nothing loaded from anywhere, every text escaped."""
    gettext = Tongue(letter.language).gettext
    return _template().render(
        letter=letter,
        direction=locale_of(letter.language).text_direction,
        instead=gettext("If the button does not work, open this address:"),
        sign_off=_sign_off(letter, site),
        unsubscribe=gettext("Unsubscribe"),
        unsubscribe_url=unsubscribe_url,
    )


def _sign_off(letter: Letter, site: str) -> str:
    return Tongue(letter.language).gettext("Sent by MentorQ at %(site)s") % {"site": site}


@functools.cache
def _template() -> "jinja2.Template":
    import jinja2  # noqa: PLC0415 (only the worker writes mail)

    return jinja2.Environment(
        loader=jinja2.PackageLoader("mentorq.core.mail"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("letter.html")
