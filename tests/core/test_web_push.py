"""Web push: browsers can read it, push services know who sends, and the installation has one key pair."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import http_ece
import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from structlog.testing import capture_logs

from mentorq.core import web_push
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.outgoing import AddressRefused, NotReached
from mentorq.core.server_keys import ServerKeyRow
from mentorq.core.web_push import LONGEST_MESSAGE, Pushed, Subscription, WrongSubscription
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.people import Join
from tests.support.receiver import CLOSES, Receiver, answers

pytestmark = pytest.mark.anyio


def encoded(raw: bytes) -> str:
    """As browsers write keys."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of it."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """Subscribes, and reads what comes."""

    def __init__(self, endpoint: str = "https://push.example/send/abc") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = os.urandom(16)
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.subscription = Subscription(endpoint, encoded(point), encoded(self.secret))

    def read(self, body: bytes) -> bytes:
        """By an implementation that is not ours."""
        text: bytes = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        return text


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Of an installation that may talk to loopback."""
    public = {"public_url": "https://mentorq.example", "log_level": "debug"}
    return settings_for(database_url, tmp_path, allow_private_addresses=True, **public)


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    """A push service."""
    async with Receiver() as running:
        running.replies = [answers(201)]
        yield running


@how(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=LONGEST_MESSAGE))
def test_the_browser_reads_what_was_written(message: bytes) -> None:
    browser = Browser()
    assert browser.read(web_push.encrypt(message, browser.subscription)) == message


def test_the_longest_message_fits_what_push_services_take() -> None:
    browser = Browser()
    body = web_push.encrypt(b"x" * LONGEST_MESSAGE, browser.subscription)
    assert (len(body) <= 4096, browser.read(body)) == (True, b"x" * LONGEST_MESSAGE)
    with pytest.raises(ValueError, match="at most 3072 bytes, not 3073"):
        web_push.encrypt(b"x" * (LONGEST_MESSAGE + 1), browser.subscription)


def test_the_same_message_never_looks_the_same() -> None:
    browser = Browser()
    assert len({web_push.encrypt(b"hi", browser.subscription) for _ in range(20)}) == 20


def test_nobody_else_reads_it() -> None:
    body = web_push.encrypt(b"hi", Browser().subscription)
    with pytest.raises(http_ece.ECEException):
        Browser().read(body)


def test_the_example_of_rfc_8291(monkeypatch: pytest.MonkeyPatch) -> None:
    private = int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    monkeypatch.setattr(ec, "generate_private_key", lambda curve: ec.derive_private_key(private, curve))
    monkeypatch.setattr(os, "urandom", lambda _: decoded("DGv6ra1nlYgDCS1FRnbzlw"))
    browser = Subscription(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
    )
    assert encoded(web_push.encrypt(b"When I grow up, I want to be a watermelon", browser)) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBr"
        "u3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def vapid_of(headers: Any) -> tuple[dict[str, Any], str]:
    """What a push service reads in the signature, which it checks; and the key that it checks it by."""
    scheme, _, rest = headers["authorization"].partition(" ")
    assert scheme == "vapid"
    parts = dict(part.split("=", 1) for part in rest.replace(" ", "").split(","))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(parts["k"]))
    claims = jwt.decode(parts["t"], key, algorithms=["ES256"], options={"verify_aud": False})
    return claims, parts["k"]


async def test_a_message_arrives_and_says_who_sent_it(database: Database, service: Receiver) -> None:
    browser = Browser(service.url)
    pushed = await web_push.push(
        database, browser.subscription, b"news", ttl=timedelta(hours=2), urgency="high", topic="ticket-7"
    )
    assert (pushed.status, pushed.is_accepted) == (201, True)
    (request,) = service.received
    assert browser.read(request.body) == b"news"
    sent = {name: request.headers[name] for name in ("ttl", "urgency", "topic", "content-encoding")}
    assert sent == {"ttl": "7200", "urgency": "high", "topic": "ticket-7", "content-encoding": "aes128gcm"}
    claims, key = vapid_of(request.headers)
    assert (claims["aud"], claims["sub"]) == (service.url.removesuffix("/hook"), "https://mentorq.example")
    assert 0 < claims["exp"] - now().timestamp() < 24 * 3600
    async with database.write() as db:
        assert await web_push.public_key(db, db) == key


def test_without_https_there_is_a_mailbox_to_write_to(tmp_path: Path) -> None:
    settings = settings_for("sqlite:///unused.db", tmp_path, public_url="http://lab.example:8000")
    assert web_push._subject(settings) == "mailto:webmaster@lab.example"


@pytest.mark.parametrize(
    ("pushed", "accepted", "gone", "may_pass"),
    [
        (Pushed(200), True, False, False),
        (Pushed(201), True, False, False),
        (Pushed(202), True, False, False),
        (Pushed(301), False, False, False),
        (Pushed(400), False, False, False),
        (Pushed(403), False, False, False),
        (Pushed(404), False, True, False),
        (Pushed(408), False, False, True),
        (Pushed(410), False, True, False),
        (Pushed(413), False, False, False),
        (Pushed(429), False, False, True),
        (Pushed(500), False, False, True),
        (Pushed(503), False, False, True),
    ],
)
def test_what_an_answer_means(pushed: Pushed, accepted: bool, gone: bool, may_pass: bool) -> None:
    assert (pushed.is_accepted, pushed.is_gone, pushed.may_pass) == (accepted, gone, may_pass)


async def test_a_push_service_that_is_busy_says_until_when(database: Database, service: Receiver) -> None:
    service.replies = [answers(429, retry_after="90"), CLOSES]
    browser = Browser(service.url)
    assert await web_push.push(database, browser.subscription, b"") == Pushed(429, 90)
    with pytest.raises(NotReached):
        await web_push.push(database, browser.subscription, b"")


async def test_of_many_who_need_the_key_first_all_get_the_same(database: Database, settings: Settings) -> None:
    homes = [Database(settings) for _ in range(6)]

    async def first(home: Database) -> str:
        async with home.read() as reads, home.write() as db:
            return await web_push.public_key(db, reads)

    try:
        keys = await asyncio.gather(*(first(home) for home in homes))
    finally:
        for home in homes:
            await home.stop()
    assert len(set(keys)) == 1
    assert len(decoded(keys[0])) == 65
    async with database.read() as db:
        assert await db.scalar(sa.select(sa.func.count()).select_from(ServerKeyRow)) == 1


async def test_the_key_that_is_there_is_only_read(database: Database) -> None:
    async with database.write() as db:
        key = await web_push.public_key(db, db)
    async with database.read() as reads, database.write() as db:
        assert await web_push.public_key(db, reads) == key
        assert (reads.statements, db.has_begun) == (1, False)


async def test_the_private_key_is_in_no_export_and_no_log(database: Database, service: Receiver, student: Join) -> None:
    ana, browser = await student(), Browser(service.url)
    with capture_logs() as logs:
        await web_push.push(database, browser.subscription, b"hi")
    async with database.read() as reads:
        private = await reads.scalar(sa.select(ServerKeyRow.value))
    export = (await ana.get("/users/me/export")).text
    seen = export + str(logs) + repr(browser.subscription) + repr(service.received)
    assert private not in seen
    assert browser.subscription.auth not in seen


def wrong_subscriptions() -> Iterator[Subscription]:
    """What scripts send instead of what browsers do."""
    good = Browser().subscription
    for key in ("", "a", "é", "AAAA", encoded(b"\4" + b"\1" * 64), good.p256dh[:-4], good.p256dh + "AAAA"):
        yield Subscription(good.endpoint, key, good.auth)
    for secret in ("", "a", "é", encoded(b"1" * 15), encoded(b"1" * 17)):
        yield Subscription(good.endpoint, good.p256dh, secret)


@pytest.mark.parametrize("wrong", list(wrong_subscriptions()))
def test_what_is_no_subscription_is_refused(wrong: Subscription, tmp_path: Path) -> None:
    with pytest.raises(WrongSubscription):
        web_push.encrypt(b"", wrong)
    with pytest.raises(WrongSubscription):
        web_push.require_valid(wrong, settings_for("sqlite:///unused.db", tmp_path))


def test_a_subscription_is_looked_at_before_it_is_kept(tmp_path: Path) -> None:
    strict = settings_for("sqlite:///unused.db", tmp_path)
    web_push.require_valid(Browser().subscription, strict)
    with pytest.raises(AddressRefused):
        web_push.require_valid(Browser("http://push.example/x").subscription, strict)


async def test_a_subscription_that_points_inside_is_not_served(database: Database, service: Receiver) -> None:
    strict = Database(database.settings.model_copy(update={"allow_private_addresses": False}))
    try:
        with pytest.raises(AddressRefused):
            await web_push.push(strict, Browser(f"https://127.0.0.1:{service.port}/").subscription, b"")
    finally:
        await strict.stop()
    assert service.received == []
