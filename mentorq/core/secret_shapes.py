"""Values that are secret by what stands around them: `password = "…"`, `://user:…@host`, `Authorization: Bearer …`."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mentorq.core.placeholders import is_placeholder, looks_chosen, looks_random


@dataclass(frozen=True)
class Shape:
    """A value that is secret by what stands around it."""

    kind: str
    words: tuple[str, ...]
    """One of them is before every such value, in lower case."""
    find: Callable[[str, str], Iterator[tuple[int, int]]]
    """The places in a text, of which there is also a copy in lower case."""
    source: str


def _after(word: str, lower: str) -> Iterator[int]:
    """Where `word` ends, each time."""
    start = lower.find(word)
    while start >= 0:
        yield start + len(word)
        start = lower.find(word, start + len(word))


_ADDRESS = re.compile(
    r"://(?P<user>[^\s:/@\"'<>`\\]{0,100}):(?P<password>[^\s/\"'<>`\\]{3,200})@(?P<host>[^\s/:?#\"'<>`,;)\\]{1,255})",
    re.ASCII,
)
_LOCAL = re.compile(
    r"(?:localhost|127\.|0\.0\.0\.0|host\.docker|(?:[\w-]+\.){0,5}example\.|[\w-]+\Z)", re.ASCII | re.IGNORECASE
)


def _in_addresses(text: str, lower: str) -> Iterator[tuple[int, int]]:
    for match in _ADDRESS.finditer(text):
        user, password, host = match.groups()
        # What is for one's own machine counts only if it looks as if it were used elsewhere, too.
        counts = looks_random(password) if _LOCAL.match(host) else not is_placeholder(password)
        if counts and password.lower() not in (user.lower(), host.lower()):
            yield match.span("password")


# `password = "…"`, `"token": "…"`, `SECRET_KEY=…`, `<password>…</password>`, `setPassword("…")`, `.put("secret", "…")`,
# `name="password" value="…"`. A bare value holds none of these signs, so that no text is read twice.
_ASSIGNMENT = re.compile(
    r"""
    (?P<rest>[\w-]{0,20})
    [\\"'`\]\[*]{0,4}
    (?:[ \t]{0,4}:[ \t]{0,4}[A-Za-z_][\w.]{0,30}(?=[ \t]{0,4}=[^=]))?           # a type, as in `token: str = …`
    (?P<sign>[ \t]{0,8}
        (?:=>|:=|=(?![=~])|:(?!:)|>
            |(?:\(|(?<=["']),)(?=[ \t]{0,4}[@$brf]{0,2}\\?["'`])
            |value[ \t]{0,3}=(?=[ \t]{0,3}["']))
        [ \t]{0,8})
    [*]{0,2}
    (?:[@$bruf]{0,2}(?P<quote>\\?["'`])(?P<quoted>\S{6,400}?)(?P=quote)
        |(?P<bare>[^\s"'`<>(){}\[\],;&|\\=:]{6,400}+={0,2})(?![(\[{]))
    """,
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_NAME_REACH = 30
_KEY_OF_WHAT = re.compile(
    r"(?:api|access|auth|account|private|signing|encryption|master|shared|secret)[ _-]?key\Z", re.IGNORECASE
)
_NO_SECRET_NAME = re.compile(
    r"public|csrf|xsrf|forgery|verification|(?:page|sync|next)[_-]?token|continuation|cancel|marker|lexer|postman|encrypted|"
    r"(?:hash|salt|digest|ids?|name|types?|urls?|uri|file|path|dir|field|length|size|count|hint|label|regex|pattern|"
    r"policy|encoder|expir\w*|column|param\w*|attr\w*|propert\w*|header|text|input|box|button|format|manager|provider|"
    r"service|factory|class|store|alias|ref|version|algorithm|kind|reset|error|message|msg|authentication)\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Assignment:
    """A name that says that its value is secret, and the value."""

    text: str
    start: int
    name: str
    match: re.Match[str]

    @property
    def span(self) -> tuple[int, int]:
        """Where the value is, without what ends its sentence."""
        group, ends = ("quoted", "\\") if self.match["quoted"] else ("bare", ".!?*")
        start = self.match.start(group)
        return start, start + len(self.match[group].rstrip(ends))

    @property
    def value(self) -> str:
        """What is assigned."""
        return self.text[slice(*self.span)]

    def is_password(self) -> bool:
        """Whether its value may be a password that somebody has chosen."""
        return looks_chosen(self.value) and (bool(self.match["quoted"]) or self._is_alone() or self._is_part())

    def is_key(self) -> bool:
        """Whether its value may be a key that a machine has made."""
        return looks_random(self.value) and not is_placeholder(self.value)

    def _is_alone(self) -> bool:
        """A line of a file of settings: `db.password=…`, `  password: …`, `export DB_PASSWORD=…`."""
        before = self.text[max(0, self.start - _LINE_REACH) : self.start].rpartition("\n")
        is_first = bool(before[1]) or self.start <= _LINE_REACH
        is_last = self.text[self.match.end() :][:1] in ("", "\n")
        return (
            is_first and is_last and self.match["sign"] in ("=", ":", ": ") and bool(_LINE_START.fullmatch(before[2]))
        )

    def _is_part(self) -> bool:
        """A part of a connection string or of an address of another machine: `;Password=…`, `&password=…`."""
        before = self.text[max(0, self.start - _LOCAL_REACH) : self.start]
        is_local = "localhost" in before or "127.0.0.1" in before
        return before.rstrip(" ")[-1:] in (";", "&", "?") and self.match["sign"] in ("=", " = ") and not is_local


_LINE_REACH = 80
_LINE_START = re.compile(r"[ \t]*(?:export |set |env |ENV |- |# ?)?(?:[\w-]+\.)*")
_LOCAL_REACH = 200


def _assignments(words: Iterable[str], text: str, lower: str) -> Iterator[Assignment]:
    for word in words:
        for end in _after(word, lower):
            match = _ASSIGNMENT.match(text, end)
            if match is None:
                continue
            start = _name_start(text, end)
            name = text[start:end] + match["rest"]
            is_of_springs = text.startswith("security ", start - 9)  # Spring Boot's, made anew whenever it starts
            if not is_of_springs and not _NO_SECRET_NAME.search(name):
                yield Assignment(text, start, name, match)


def _name_start(text: str, end: int) -> int:
    start, first = end, max(0, end - _NAME_REACH)
    while start > first and (text[start - 1].isalnum() or text[start - 1] in "_-"):
        start -= 1
    return start


_PASSWORD_WORDS = ("passw", "passphrase", "contraseña", "contrasena", "pwd")


def _passwords(text: str, lower: str) -> Iterator[tuple[int, int]]:
    for found in _assignments(_PASSWORD_WORDS, text, lower):
        if found.is_key() or found.is_password():
            yield found.span


_KEY_WORDS = ("secret", "token", "credential", "authorization", "key")


def _keys(text: str, lower: str) -> Iterator[tuple[int, int]]:
    for found in _assignments(_KEY_WORDS, text, lower):
        rest = found.match.start()
        is_named = text[rest - 3 : rest].lower() != "key" or _KEY_OF_WHAT.search(text[max(0, rest - 20) : rest])
        if is_named and found.is_key():
            yield found.span


_CREDENTIALS = re.compile(r"[ \t]{1,4}([A-Za-z0-9._~+/=-]{8,2000})", re.ASCII)
_HEADER_REACH = 40


def _bearers(text: str, lower: str) -> Iterator[tuple[int, int]]:
    for end in _after("bearer", lower):
        match = _CREDENTIALS.match(text, end)
        if match and looks_random(match[1]) and not is_placeholder(match[1]):
            yield match.span(1)


def _basics(text: str, lower: str) -> Iterator[tuple[int, int]]:
    for end in _after("basic", lower):
        match = _CREDENTIALS.match(text, end)
        if match and "authorization" in lower[max(0, end - _HEADER_REACH) : end]:
            _, colon, password = _decoded(match[1]).partition(":")
            if colon and len(password) >= 3 and not is_placeholder(password):
                yield match.span(1)


def _decoded(base: str) -> str:
    try:
        return base64.b64decode(base + "=" * (-len(base) % 4)).decode()
    except ValueError:
        return ""


_NETRC = re.compile(
    r"\s{1,20}[\w.-]{1,255}\s{1,20}login\s{1,20}\S{1,255}\s{1,20}password\s{1,20}([^\s\"'`]{3,255})", re.ASCII
)


def _in_netrc(text: str, lower: str) -> Iterator[tuple[int, int]]:
    for end in _after("machine", lower):
        match = _NETRC.match(text, end)
        if match and looks_chosen(match[1]):
            yield match.span(1)


SHAPES = (
    Shape("a password in an address", ("://",), _in_addresses, "RFC 3986, 3.2.1: user information"),
    Shape("an access token", ("bearer",), _bearers, "RFC 6750, 2.1: Authorization: Bearer"),
    Shape("a password", ("basic",), _basics, "RFC 7617: Authorization: Basic"),
    Shape("a password", ("machine",), _in_netrc, "https://www.gnu.org/software/inetutils/manual (The .netrc file)"),
    Shape("a password", _PASSWORD_WORDS, _passwords, "CWE-798: hard-coded credentials; detect-secrets: keyword"),
    Shape("a secret key or token", _KEY_WORDS, _keys, "CWE-798: hard-coded credentials; gitleaks: generic-api-key"),
)
