"""HTTP from us to addresses that people gave: never to what only this machine can reach.

A name is resolved once, all its addresses are checked, and the connection goes to the very address that was checked:
a name that says something else a moment later (DNS rebinding) changes nothing. No redirect is followed, no proxy of
the environment is used, the whole exchange has a deadline, and an answer is read only so far.
"""

import asyncio
import contextlib
import functools
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

import mentorq
from mentorq.core.errors import DomainError

LONGEST_URL = 2_000
LONGEST_BODY = 4_096
BODY_SECONDS = 2.0
MOST_ADDRESSES = 3
USER_AGENT = f"MentorQ/{mentorq.__version__}"
LAST_PORT = 65_535
NAME = re.compile(r"[a-z0-9._:-]+")
NO_ADDRESS = "This is no address: it should look like https://example.org/path."
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(DomainError):
    """We send nothing to this address, now or later."""

    status = 422
    code = "address_refused"
    detail = "Nothing can be sent to this address: it needs https, a name, and no private network behind it."


class NotReached(Exception):
    """Nobody answered whom one could understand. It may pass; whether anything arrived is unknown."""


@dataclass(frozen=True)
class Answer:
    """What came back; the body's beginning only, as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """2xx: whoever answered has taken it."""
        return 200 <= self.status < 300

    @property
    def retry_after_seconds(self) -> int | None:
        """When to come back, if the answer says so in seconds."""
        wish = self.headers.get("retry-after", "")
        return int(wish) if wish.isascii() and wish.isdigit() and len(wish) < 9 else None


@dataclass(frozen=True)
class Target:
    """A URL that has the right form, and the addresses behind its name."""

    url: httpx2.URL
    addresses: Sequence[str]

    @property
    def name(self) -> str:
        """The host as it was asked for: what the certificate must be of."""
        return self.url.raw_host.decode("ascii")


async def post(
    url: str,
    *,
    content: bytes,
    headers: Mapping[str, str],
    timeout_seconds: float,
    allow_private: bool,
) -> Answer:
    """POST `content`, and return whatever is answered, errors and redirects included.

    Raises:
        AddressRefused: the URL has not the right form, or leads to a private address; for good.
        NotReached: no connection, no answer in time, or none that is HTTP.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            target = await look_up(url, allow_private=allow_private)
            return await _post(target, content, headers, timeout_seconds)
    except TimeoutError:
        raise NotReached(f"no answer within {timeout_seconds:g} seconds") from None


async def look_up(url: str, *, allow_private: bool) -> Target:
    """Where a URL leads.

    Raises:
        AddressRefused: the URL has not the right form, or leads to a private address.
        NotReached: its name is not known.
    """
    parsed = parse(url, allow_private=allow_private)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    addresses = await resolve(parsed.raw_host.decode("ascii"), port)
    if not addresses:
        raise NotReached("its name has no address")
    if not allow_private and not all(is_public(address) for address in addresses):
        raise AddressRefused("This address is in a private network: nothing is sent there.")
    return Target(parsed, addresses[:MOST_ADDRESSES])


def parse(url: str, *, allow_private: bool) -> httpx2.URL:
    """A URL that we may send to, by its form alone.

    Raises:
        AddressRefused: it is none.
    """
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, UnicodeError):
        raise AddressRefused(NO_ADDRESS) from None
    if parsed.scheme != "https" and not (allow_private and parsed.scheme == "http"):
        raise AddressRefused("The address must begin with https://.")
    if parsed.userinfo:
        raise AddressRefused("The address must not hold a name or a password.")
    has_port = parsed.port is None or 0 < parsed.port <= LAST_PORT
    if not NAME.fullmatch(parsed.raw_host.decode("ascii")) or not has_port or len(url) > LONGEST_URL:
        raise AddressRefused(NO_ADDRESS)
    return parsed


async def resolve(name: str, port: int) -> list[str]:
    """All addresses of a name, the system's favourite first.

    Raises:
        AddressRefused: it cannot be a name.
        NotReached: there is no such name, or nobody knows just now.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise AddressRefused("This is no address: its name has a part that is too long, or empty.") from None
    except OSError as error:
        raise NotReached(f"its name cannot be resolved ({error.strerror})") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether an address belongs to the Internet, also where it is one within another (NAT64, 6to4, mapped)."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        inside = _inside(found)
        if inside is None:
            return found in GLOBAL_UNICAST and found.is_global
        found = inside
    return found.is_global and not found.is_multicast and not found.is_reserved


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


@functools.cache
def tls() -> ssl.SSLContext:
    """Whose certificates we believe: the system's, or `SSL_CERT_FILE`. Reading them takes long enough to do it once."""
    return httpx2.create_ssl_context()


async def _post(target: Target, content: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
    """To the first address that takes a connection; nothing was sent to those before it."""
    patience = httpx2.Timeout(seconds, connect=seconds / len(target.addresses)).as_dict()
    failure: httpx2.TransportError | None = None
    for address in target.addresses:
        try:
            return await _exchange(target, address, content, headers, {"timeout": patience})
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            failure = error
        except httpx2.TransportError as error:
            raise NotReached(_reason(error)) from error
    assert failure is not None
    raise NotReached(_reason(failure)) from failure


class Stream(Protocol):
    """A connection, as the transport has it."""

    async def aclose(self) -> None:
        """End it; once more does no harm."""


class Opened:
    """The connections of one exchange: the transport forgets one whose TLS handshake our deadline has ended."""

    def __init__(self) -> None:
        self._streams: list[Stream] = []

    async def note(self, event: str, details: Mapping[str, Any]) -> None:
        """What the transport tells of each of its steps."""
        if event == "connection.connect_tcp.complete":
            self._streams.append(details["return_value"])

    async def close(self) -> None:
        """End all of them."""
        for stream in self._streams:
            await stream.aclose()


async def _exchange(
    target: Target, address: str, content: bytes, headers: Mapping[str, str], extensions: Mapping[str, object]
) -> Answer:
    opened = Opened()
    own = {"Host": target.url.netloc.decode("ascii"), "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    request = httpx2.Request(
        "POST",
        target.url.copy_with(host=address, fragment=None),
        headers={**headers, **own},
        content=content,
        extensions={**extensions, "sni_hostname": target.name, "trace": opened.note},
    )
    try:
        async with httpx2.AsyncHTTPTransport(verify=tls(), trust_env=False) as transport:
            response = await transport.handle_async_request(request)
            try:
                return Answer(response.status_code, dict(response.headers), await _beginning(response))
            finally:
                await response.aclose()
    finally:
        await opened.close()


async def _beginning(response: httpx2.Response) -> bytes:
    """As much of the body as we want, or as there is: the status has said already what became of the request."""
    body = bytearray()
    with contextlib.suppress(httpx2.TransportError, TimeoutError):
        async with asyncio.timeout(BODY_SECONDS):
            async for part in response.aiter_raw():
                body += part
                if len(body) >= LONGEST_BODY:
                    break
    return bytes(body[:LONGEST_BODY])


def _reason(error: httpx2.TransportError) -> str:
    """In words that name neither address nor path: they end up where more people look."""
    if isinstance(error, httpx2.TimeoutException):
        return "no connection or no answer in time"
    if isinstance(error, httpx2.ConnectError):
        refused = isinstance(_root(error), ssl.SSLError)
        return "its certificate is not valid, or it does not speak TLS" if refused else "it takes no connection"
    return "it closed the connection, or its answer was not HTTP"


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return error
