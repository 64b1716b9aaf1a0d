"""Outgoing HTTP: never to where only this machine can reach, and never longer or more than agreed."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mentorq.core import outgoing
from mentorq.core.outgoing import AddressRefused, Answer, NotReached, is_public
from tests.support.certificates import contexts
from tests.support.patience import PATIENCE_SECONDS
from tests.support.receiver import (
    BABBLES,
    BREAKS_OFF,
    CLOSES,
    DRIPPING_BODY,
    DRIPS,
    EARLY_HINTS,
    EMPTY_204,
    ENDLESS_BODY,
    ENDLESS_HEAD,
    SILENT,
    Receiver,
    Reply,
    answers,
)
from tests.support.servers import free_port

pytestmark = pytest.mark.anyio

NAME = "hook.example"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A server on loopback."""
    async with Receiver() as running:
        yield running


class Resolver:
    """What names stand for: each look-up gets the next answer, the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    async def getaddrinfo(self, name: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        """As the event loop has it."""
        self.asked.append(name)
        if name not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        known = self.answers[name]
        found = known.pop(0) if len(known) > 1 else known[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
async def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """Instead of the system's: for us, and for whatever else would look a name up."""
    fake = Resolver()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fake.getaddrinfo)
    return fake


async def post(url: str, *, seconds: float = PATIENCE_SECONDS, allow_private: bool = True) -> Answer:
    """Send something small."""
    headers = {"Content-Type": "text/plain", "X-Mine": "yes"}
    return await outgoing.post(
        url, content=b"hello", headers=headers, timeout_seconds=seconds, allow_private=allow_private
    )


PUBLIC = [
    "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
    "2002:808:808::1",
]  # fmt: skip
NOT_PUBLIC = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.9.9",
    "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "fe80::1", "fe80::1%2", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
    "100::1", "2001::1", "64:ff9b:1::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1", "::ffff:224.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::6440:1",
    "2002:7f00:1::1", "2002:a00:1::1", "2002:a9fe:a9fe::1", "2002:e000:1::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_what_belongs_to_the_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_what_does_not_is_refused(address: str, resolver: Resolver) -> None:
    assert not is_public(address)
    resolver.answers[NAME] = [["93.184.215.14", address]]
    with pytest.raises(AddressRefused, match="private network"):
        await post(f"https://{NAME}/", allow_private=False)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "127.0.0.1.",
        "[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]", "[64:ff9b::127.0.0.1]", "localhost", "LOCALHOST",
        "①②⑦.⓪.⓪.①",
    ],
)  # fmt: skip
async def test_no_way_to_write_loopback_leads_there(host: str) -> None:
    with pytest.raises((AddressRefused, NotReached)) as refused:
        await post(f"https://{host}:{free_port()}/", allow_private=False)
    assert "connection" not in str(refused.value), "it was tried"


@pytest.mark.parametrize(
    "url",
    [
        "", "nonsense", "//hook.example/", "https://", "https:///path", "ftp://hook.example/", "file:///etc/passwd",
        "gopher://hook.example/", "http://hook.example/", "https://ana@hook.example/", "https://ana:pw@hook.example/",
        "https://hook.example:0/", "https://hook.example:99999/", "https://hook.example:port/",
        "https://hook.example/\r\nX: y", "https://hook.example/\0", f"https://hook.example/{'x' * 2000}",
        f"https://{'x' * 64}.example/", "https://a..example/", "https://[::1/", "https://hook example/", "javascript:1",
        "https://hook.example:-1/", f"https://hook.example:{'9' * 5000}/", "https://hook.example/\ud800", "https://[v1.x]/",
    ],
)  # fmt: skip
async def test_what_is_no_address_is_refused_unasked(url: str) -> None:
    with pytest.raises(AddressRefused):
        await post(url, allow_private=False)


async def test_plain_http_is_for_labs(receiver: Receiver, resolver: Resolver) -> None:
    resolver.answers[NAME] = [["127.0.0.1"]]
    url = f"http://{NAME}:{receiver.port}/a?b=c#d"
    with pytest.raises(AddressRefused, match="https"):
        await post(url, allow_private=False)
    assert receiver.received == []
    assert (await post(url)).is_success
    (request,) = receiver.received
    assert (request.method, request.path, request.body) == ("POST", "/a?b=c", b"hello")
    assert request.headers["host"] == f"{NAME}:{receiver.port}"
    assert (request.headers["x-mine"], request.headers["user-agent"]) == ("yes", outgoing.USER_AGENT)


@pytest.fixture
async def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    """A server with a certificate for a name, on loopback as if that were the Internet."""
    server, client = contexts(NAME, tmp_path)
    monkeypatch.setattr(outgoing, "tls", lambda: client)
    monkeypatch.setattr(outgoing, "is_public", lambda address: address == "127.0.0.1")
    async with Receiver(tls=server) as running:
        yield running


async def test_a_name_that_changes_its_mind_is_asked_once(secure: Receiver, resolver: Resolver) -> None:
    """DNS rebinding: what was checked is what is connected to."""
    resolver.answers[NAME] = [["127.0.0.1"], ["169.254.169.254"]]
    assert (await post(f"https://{NAME}:{secure.port}/", allow_private=False)).status == 200
    assert resolver.asked == [NAME]
    assert (secure.names, secure.received[0].headers["host"]) == ([NAME], f"{NAME}:{secure.port}")
    with pytest.raises(AddressRefused):
        await post(f"https://{NAME}:{secure.port}/", allow_private=False)
    assert len(secure.received) == 1


async def test_a_certificate_for_another_name_is_not_believed(secure: Receiver, resolver: Resolver) -> None:
    resolver.answers["other.example"] = resolver.answers["127.0.0.1"] = [["127.0.0.1"]]
    with pytest.raises(NotReached, match="certificate"):
        await post(f"https://other.example:{secure.port}/", allow_private=False)
    with pytest.raises(NotReached, match="certificate"):
        await post(secure.url, allow_private=False)
    assert secure.received == []


async def test_who_speaks_no_tls_is_not_reached(receiver: Receiver) -> None:
    with pytest.raises(NotReached, match="within"):
        await post(receiver.url.replace("http:", "https:"), seconds=0.5)
    assert receiver.received == []


def test_whose_certificates_are_believed() -> None:
    assert outgoing.tls() is outgoing.tls()
    assert (outgoing.tls().verify_mode, outgoing.tls().check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("status", [200, 201, 204, 299, 400, 401, 403, 404, 410, 429, 500, 502, 503, 599])
async def test_whatever_is_answered_is_returned(status: int, receiver: Receiver) -> None:
    receiver.replies = [answers(status, x_theirs="yes") if status != 204 else EMPTY_204]
    answer = await post(receiver.url)
    assert (answer.status, answer.is_success) == (status, status < 300)
    assert status == 204 or answer.headers["x-theirs"] == "yes"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int, receiver: Receiver) -> None:
    async with Receiver() as inside:
        receiver.replies = [answers(status, location=inside.url)]
        assert (await post(receiver.url)).status == status
        assert inside.received == []
    assert len(receiver.received) == 1


@pytest.mark.parametrize("reply", [CLOSES, BABBLES, ENDLESS_HEAD], ids=["closes", "babbles", "endless head"])
async def test_what_is_no_answer_is_none(reply: Reply, receiver: Receiver) -> None:
    receiver.replies = [reply]
    with pytest.raises(NotReached, match="closed the connection, or its answer was not HTTP"):
        await post(receiver.url)


@pytest.mark.parametrize("reply", [SILENT, DRIPS, EARLY_HINTS], ids=["silent", "drips", "early hints"])
async def test_who_takes_too_long_is_left(reply: Reply, receiver: Receiver) -> None:
    receiver.replies = [reply]
    with pytest.raises(NotReached, match=r"time|within"):
        await post(receiver.url, seconds=0.4)


async def test_an_answer_is_read_only_so_far(receiver: Receiver) -> None:
    receiver.replies = [ENDLESS_BODY]
    answer = await post(receiver.url)
    assert (answer.status, len(answer.body)) == (200, outgoing.LONGEST_BODY)


async def test_the_status_counts_whatever_becomes_of_the_body(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.replies = [BREAKS_OFF, DRIPPING_BODY]
    assert await post(receiver.url) == Answer(200, {"content-length": "100"}, b"half")
    monkeypatch.setattr(outgoing, "BODY_SECONDS", 0.2)
    assert (await post(receiver.url)).status == 200


async def test_nothing_is_unpacked(receiver: Receiver) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    receiver.replies = [answers(200, bomb, content_encoding="gzip")]
    assert (await post(receiver.url)).body == bomb[: outgoing.LONGEST_BODY]
    assert receiver.received[0].headers["accept-encoding"] == "identity"


async def test_the_environments_proxies_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
        monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{free_port()}")
    assert (await post(receiver.url)).is_success


async def test_of_several_addresses_the_first_that_listens_gets_it(receiver: Receiver, resolver: Resolver) -> None:
    resolver.answers[NAME] = [["127.0.0.7", "127.0.0.8", "127.0.0.1"]]
    assert (await post(f"http://{NAME}:{receiver.port}/")).is_success
    assert len(receiver.received) == 1
    resolver.answers[NAME] = [["127.0.0.7", "127.0.0.8", "127.0.0.9", "127.0.0.1"]]
    with pytest.raises(NotReached, match="takes no connection"):
        await post(f"http://{NAME}:{receiver.port}/")


async def test_who_has_it_is_not_followed_by_the_next_address(resolver: Resolver) -> None:
    async with Receiver("127.0.0.2") as first, Receiver("127.0.0.3", first.port) as second:
        first.replies = [CLOSES]
        resolver.answers[NAME] = [["127.0.0.2", "127.0.0.3"]]
        with pytest.raises(NotReached):
            await post(f"http://{NAME}:{first.port}/")
        assert (len(first.received), second.received) == (1, [])


async def test_a_name_that_nobody_knows(resolver: Resolver) -> None:
    with pytest.raises(NotReached, match="name cannot be resolved"):
        await post("https://nobody.example/", allow_private=False)
    resolver.answers["empty.example"] = [[]]
    with pytest.raises(NotReached, match="no address"):
        await post("https://empty.example/", allow_private=False)


async def test_a_resolver_that_hangs_has_the_same_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hangs)
    with pytest.raises(NotReached, match=r"within 0\.2 seconds"):
        await post("https://slow.example/", seconds=0.2)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), ("0", 0), ("", None), ("-1", None), ("Wed, 21 Oct 2015", None), ("9" * 20, None)],
)
def test_when_to_come_back(value: str, seconds: int | None) -> None:
    assert Answer(503, {"retry-after": value}, b"").retry_after_seconds == seconds
