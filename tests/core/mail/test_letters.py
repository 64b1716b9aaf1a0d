"""A letter is the same in text and HTML, safe whatever is in it, and cannot smuggle headers."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest

from mentorq.core.mail import Letter, Thread
from mentorq.core.mail.letters import html_of, text_of
from mentorq.core.mail.message import Mail, NoAddress, compose, deliverable
from mentorq.settings import Settings

SITE = "https://mentorq.example.org"
LETTER = Letter(
    "Ben answered",
    ["Ben answered your question.", "It took 5 minutes."],
    ("Read the answer", f"{SITE}/app/tickets/7?a=1&b=2"),
    ["You get this because you asked."],
    quote="Use sorted(x).\nIt gives a new list.",
)
NASTY = "<img src=x onerror=alert(1)> \"'&{{ 7*7 }}"


class Page(HTMLParser):
    """What a mail program would make of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> list[str | None]:
        return [attributes.get("href") for tag, attributes in self.tags if tag == "a"]


def row(letter: Letter = LETTER, to: str = "ana@example.org", **content: Any) -> dict[str, Any]:
    """A row of `mails`."""
    kept: dict[str, Any] = {"letter": letter.as_json(), "thread": None, "unsubscribe_url": None, "still_wanted": None}
    created = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    return {"id": 7, "recipient": to, "created_at": created, "content": kept | content}


def made(given: dict[str, Any]) -> Mail:
    """A mail."""
    settings = Settings.model_construct(public_url=SITE, mail_from="MentorQ <desk@mentorq.example.org>")
    return compose(given, settings)


def read(mail: Mail) -> EmailMessage:
    """A mail as its reader's program sees it."""
    return message_from_bytes(mail.as_bytes(), policy=policy.default)


def test_both_parts_say_the_same() -> None:
    unsubscribe = f"{SITE}/u/1"
    text, page = text_of(LETTER, SITE, unsubscribe), Page(html_of(LETTER, SITE, unsubscribe))
    for said in (
        *LETTER.paragraphs,
        "Read the answer",
        *LETTER.small_print,
        f"Sent by MentorQ at {SITE}",
        "Unsubscribe",
    ):
        assert said in text, said
        assert said in page.text, said
    assert "> Use sorted(x).\n> It gives a new list." in text
    assert LETTER.quote is not None
    assert LETTER.quote in page.text
    assert page.links == [f"{SITE}/app/tickets/7?a=1&b=2"] * 2 + [unsubscribe]
    assert f"Read the answer:\n{SITE}/app/tickets/7?a=1&b=2" in text


def test_the_frame_speaks_the_readers_language() -> None:
    letter = Letter("Hola", ["Ben te respondió."], language="es")
    assert f"Enviado por MentorQ en {SITE}" in text_of(letter, SITE)
    html = html_of(letter, SITE, f"{SITE}/u")
    assert '<html lang="es" dir="ltr">' in html
    assert "Cancelar la suscripción" in html


def test_nothing_is_loaded_and_nobody_is_tracked() -> None:
    html = html_of(LETTER, SITE)
    page = Page(html)
    assert {tag for tag, _ in page.tags} & {"img", "script", "link", "iframe", "object", "form", "base"} == set()
    assert not re.search(r"url\(|@import|src=|background=", html)
    assert "prefers-color-scheme: dark" in html
    assert 'name="color-scheme" content="light dark"' in html
    assert not re.search(r"(?<!max-)width: \d+px|width=\"\d+\"", html), "nothing is wider than a phone"


def test_what_people_wrote_is_text_wherever_it_stands() -> None:
    letter = Letter(NASTY, [NASTY], (NASTY, f'{SITE}/?q="><script>'), [NASTY], quote=NASTY)
    page = Page(html_of(letter, SITE))
    assert page.text.count(NASTY) == 6, "title, heading, paragraph, quote, button and small print"
    assert {tag for tag, _ in page.tags} & {"img", "script"} == set()
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "/app", "ftp://a"])
def test_a_button_leads_to_the_web_only(url: str) -> None:
    with pytest.raises(ValueError, match="address of the web"):
        Letter("a", ["b"], ("c", url))


def test_a_kept_letter_and_thread_come_back_as_they_were() -> None:
    assert Letter.of_json(LETTER.as_json()).as_json() == LETTER.as_json()
    thread = Thread("<a@b>", "<c@d>", ("<e@f>", "<c@d>"))
    assert Thread.of_json(thread.as_json()) == thread


def test_headers_say_what_mail_programs_need() -> None:
    message = read(made(row()))
    assert (message["From"], message["To"]) == ("MentorQ <desk@mentorq.example.org>", "ana@example.org")
    assert message["Subject"] == "Ben answered"
    assert message["Message-ID"] == "<mail.7.20260131093000000000@mentorq.example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == "Sat, 31 Jan 2026 09:30:00 +0000"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "List-Unsubscribe" not in message


def test_threads_and_unsubscribing_survive_long_ids() -> None:
    """Python would write them as encoded words, which nobody decodes there."""
    ids = [f"<ticket.{number}.{'x' * 60}@mentorq.example.org>" for number in range(4)]
    url = f"{SITE}/notifications/unsubscribe?token={'t' * 200}"
    mail = made(row(thread=Thread(ids[3], ids[2], tuple(ids[:3])).as_json(), unsubscribe_url=url))
    raw, message = mail.as_bytes(), read(mail)
    assert b"=?utf-8?" not in raw
    assert message["References"].split() == ids[:3]
    assert (message["Message-ID"], message["In-Reply-To"]) == (ids[3], ids[2])
    assert message["List-Unsubscribe"] == f"<{url}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert max(map(len, raw.splitlines())) <= 998


def test_unsubscribing_by_one_click_needs_https() -> None:
    assert "List-Unsubscribe-Post" not in made(row(unsubscribe_url="http://localhost:8000/u")).headers


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\x00"])
def test_no_header_can_be_smuggled_in(break_: str) -> None:
    smuggled = f"Hello{break_}Bcc: eve@example.org{break_}{break_}<script>"
    mail = made(row(Letter(smuggled, ["text"]), thread=Thread(f"<a@b>{break_}Bcc: eve@example.org").as_json()))
    message = read(mail)
    assert message["Bcc"] is None
    assert message["Subject"] == "Hello Bcc: eve@example.org <script>"
    with pytest.raises(NoAddress):
        made(row(to=f"ana@example.org{break_}Bcc: eve@example.org"))


@pytest.mark.parametrize(
    "address", ["", "ana", "@example.org", "ana@", "a@b@c", "ana@example.org, eve@example.org", "Ana <ana@example.org>"]
)
def test_what_is_no_address_is_not_sent_to(address: str) -> None:
    with pytest.raises(NoAddress) as wrong:
        deliverable(address)
    assert not address or address not in str(wrong.value)


def test_domains_beyond_ascii_become_ascii_and_local_parts_stay() -> None:
    assert deliverable("ana@münchen.example.org") == "ana@xn--mnchen-3ya.example.org"
    mail = made(row(to="ñandú@münchen.example.org"))
    assert mail.recipient == "ñandú@xn--mnchen-3ya.example.org"
    assert mail.needs_utf8
    assert "ñandú@".encode() in mail.as_bytes()


def test_subjects_and_texts_beyond_ascii_arrive() -> None:
    subject = "¿Por qué «x» es ninguno? " * 8
    message = read(made(row(Letter(subject, ["日本語 " * 300, "." * 3, ".", "a\n.\nb"]))))
    assert message["Subject"] == subject.strip()
    body = message.get_body(("plain",))
    assert body is not None
    assert "日本語 日本語" in body.get_content()
