"""MAIL_URL, MAIL_FROM and MAIL_WEBHOOK_KEY, taken apart; what is wrong with them is a sentence without secrets."""

import base64
import binascii
import re
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Kind = Literal["log", "smtp", "smtps", "sendgrid", "mailgun"]
Tls = Literal["offered", "required", "off"]

PORTS = {"smtp": 587, "smtps": 465}
OPTIONS = {
    "log": set[str](),
    "smtp": {"tls"},
    "smtps": set[str](),
    "sendgrid": {"region", "endpoint"},
    "mailgun": {"region", "endpoint"},
}
ENDPOINTS = {
    ("sendgrid", "us"): "https://api.sendgrid.com",
    ("sendgrid", "eu"): "https://api.eu.sendgrid.com",
    ("mailgun", "us"): "https://api.mailgun.net",
    ("mailgun", "eu"): "https://api.eu.mailgun.net",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")


@dataclass(frozen=True)
class MailProvider:
    """Who takes mail from us, and how. `host` is Mailgun's domain; `secret` a password or an API key."""

    kind: Kind
    host: str = ""
    port: int = 0
    username: str = ""
    secret: str = ""
    tls: Tls = "offered"
    endpoint: str = ""

    def __repr__(self) -> str:
        return f"MailProvider({self.kind})"


@dataclass(frozen=True)
class Sender:
    """Whom mail is from."""

    name: str
    address: str


def provider_of(url: str) -> MailProvider:
    """MAIL_URL.

    Raises:
        ValueError: it is none; the text says why.
    """
    scheme = url.partition("://")[0]
    for kind in OPTIONS:
        if scheme == kind and "://" in url:
            return _parsed(kind, url)  # type: ignore[arg-type]  # the keys of OPTIONS are the kinds
    raise ValueError("MAIL_URL must begin with log://, smtp://, smtps://, sendgrid:// or mailgun://")


def _parsed(kind: Kind, url: str) -> MailProvider:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(kind, 0)
    except ValueError:
        raise ValueError("MAIL_URL has a host or port that is none") from None
    options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if unknown := sorted(set(options) - OPTIONS[kind]):
        raise ValueError(f"MAIL_URL with {kind}:// knows no option {unknown[0]!r}")
    if kind != "log" and not host:
        raise ValueError(f"MAIL_URL with {kind}:// must name a host")
    username, secret = unquote(parts.username or ""), unquote(parts.password or "")
    if kind in ("smtp", "smtps"):
        if bool(username) != bool(secret):
            raise ValueError("MAIL_URL must have both a name and a password, or neither")
        return MailProvider(kind, host, port, username, secret, _tls(kind, host, secret, options.get("tls")))
    if kind == "log":
        return MailProvider(kind)
    if not username:
        raise ValueError(f"MAIL_URL must have an API key: {kind}://KEY@{'DOMAIN' if kind == 'mailgun' else 'default'}")
    if kind == "sendgrid" and host != "default":
        raise ValueError("MAIL_URL for SendGrid is sendgrid://KEY@default")
    return MailProvider(kind, host, secret=username, endpoint=_endpoint(kind, options))


def _tls(kind: Kind, host: str, password: str, wish: str | None) -> Tls:
    """A password never leaves this machine unencrypted unless that is asked for."""
    if wish not in (None, "required", "off"):
        raise ValueError("MAIL_URL's option tls is `required` or `off`")
    if kind == "smtps" or wish == "required":
        return "required"
    if wish == "off":
        return "off"
    return "required" if password and host not in LOOPBACK else "offered"


def _endpoint(kind: Kind, options: dict[str, str]) -> str:
    region = options.get("region", "us")
    if (kind, region) not in ENDPOINTS:
        raise ValueError("MAIL_URL's option region is `us` or `eu`")
    endpoint = options.get("endpoint", ENDPOINTS[kind, region]).rstrip("/")
    if not endpoint.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise ValueError("MAIL_URL's option endpoint must begin with https://")
    return endpoint


def sender_of(text: str) -> Sender:
    """MAIL_FROM.

    Raises:
        ValueError: it is no address.
    """
    name, address = parseaddr(text)
    is_sound = ADDRESS.fullmatch(address) and len(address) <= 254 and all(letter.isprintable() for letter in name)
    if not is_sound:
        raise ValueError("MAIL_FROM must be an address like: MentorQ <no-reply@mentorq.example.org>")
    return Sender(name, address)


def usual_sender(public_url: str) -> str:
    """MAIL_FROM where nobody set it: a name at the host of PUBLIC_URL."""
    host = urlsplit(public_url).hostname or "localhost"
    host = host.encode("idna").decode() if not host.isascii() else host
    return f"MentorQ <no-reply@{f'[{host}]' if ':' in host else host}>"


def check_webhook_key(provider: MailProvider, key: str) -> None:
    """MAIL_WEBHOOK_KEY, which must suit the provider.

    Raises:
        ValueError: it does not.
    """
    if provider.kind not in ("sendgrid", "mailgun"):
        raise ValueError("MAIL_WEBHOOK_KEY is for MAIL_URL=sendgrid://… or mailgun://…: others report nothing")
    if provider.kind == "sendgrid":
        try:
            public_key(key)
        except ValueError:
            raise ValueError("MAIL_WEBHOOK_KEY must be the verification key that SendGrid shows") from None


def public_key(key: str) -> bytes:
    """SendGrid's verification key as DER.

    Raises:
        ValueError: it is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 (few installations need it to start)
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    try:
        encoded = base64.b64decode(key, validate=True)
        loaded = load_der_public_key(encoded)
    except (binascii.Error, UnsupportedAlgorithm) as error:
        raise ValueError("no key") from error
    if not isinstance(loaded, EllipticCurvePublicKey):
        raise ValueError("no key of an elliptic curve")
    return encoded
