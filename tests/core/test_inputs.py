"""Whatever is sent: never 5xx, always a problem document that names the field, quickly, and nothing is changed."""

import json
import string
import time
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings, strategies

from mentorq.core.errors import InvalidInput, PreconditionFailed
from mentorq.core.http import require_match
from mentorq.core.inputs import LARGEST_ID
from mentorq.core.pagination import BadCursor, keyset
from mentorq.core.security import read_access_token
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.people import Join, Person
from tests.support.problems import fields, problem

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FORBIDDEN = [chr(code) for code in range(32) if chr(code) not in "\t\n"] + ["\ud800", "\udfff"]

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is refused before any database is asked."""

QUICK_SECONDS = 20.0  # of this process, since others may be busy, too; what is not refused at once takes hours


async def raw(person: Person, content: Any, path: str = "/tickets", headers: dict[str, str] | None = None) -> Any:
    """POST bytes as they are."""
    return await person.post(path, content=content, headers=headers or JSON)


async def test_control_characters_and_half_surrogates_are_refused_in_every_text_of_a_body(student: Join) -> None:
    ana = await student()
    for character in FORBIDDEN:
        bad = f"in{character}side"
        for sent, pointer in (
            ({"title": bad}, "/title"),
            ({"description": bad}, "/description"),
            ({"tags": [bad]}, "/tags/0"),
        ):
            body = json.dumps({"title": "A", "description": "B"} | sent)
            assert fields(await raw(ana, body.encode())) == {pointer}, ascii(character)
    for name in ("bio", "headline", "time_zone"):
        assert fields(await ana.patch("/users/me", content=json.dumps({name: "a\ud800"}), headers=JSON)) == {f"/{name}"}
    body = json.dumps({"current_password": "a\ud800-long-one", "new_password": "a\0-long-one"})
    assert fields(await raw(ana, body, "/auth/password/change")) == {"/current_password", "/new_password"}
    assert (await ana.expect(200, "GET", "/tickets"))["items"] == []


@pytest.mark.parametrize("character", ["\0", "\x1b", "\r"], ids=ascii)
async def test_control_characters_are_refused_in_queries_forms_and_paths(character: str, mentor: Join) -> None:
    ben, sent = await mentor(), quote(f"a{character}b")
    assert fields(await ben.get(f"/tickets?q={sent}")) == {"/q"}
    assert fields(await ben.get(f"/tickets?tag={sent}")) == {"/tag/0"}
    assert fields(await ben.get(f"/tickets?cursor={sent}")) == {"/cursor"}
    assert fields(await ben.get(f"/tags?q={sent}")) == {"/q"}
    assert fields(await ben.get(f"/mentors?q={sent}")) == {"/q"}
    assert fields(await ben.delete(f"/mentors/me/tags/{sent}")) == {"/name"}
    assert fields(await ben.get(f"/tickets/{sent}")) == {"/ticket_id"}
    answer = await ben.client.post("/auth/signin", content=f"username={sent}&password=x", headers=FORM)
    assert fields(answer) == {"/username"}
    answer = await ben.client.post("/auth/signin", content=f"username=ben&password={sent}", headers=FORM)
    assert answer.status_code < 500
    problem(await ben.get(f"/static/{sent}"), 404)
    problem(await ben.get(f"/{sent}"), 404)


async def test_windows_line_ends_are_accepted_and_become_newlines(student: Join) -> None:
    ticket = await (await student()).ask(description=" one\r\ntwo\n\tthree \r\n")
    assert ticket["description"] == "one\ntwo\n\tthree"


async def test_bidirectional_overrides_and_emoji_are_text_like_any_other(student: Join) -> None:
    ticket = await (await student()).ask(title="\u202egnp.exe 🦆 é")
    assert ticket["title"] == "\u202egnp.exe 🦆 é"


NOT_JSON = {
    "invalid UTF-8": b'{"title": "\xff"}',
    "UTF-16": '{"title": "A"}'.encode("utf-16"),
    "NaN": b'{"title": NaN}',
    "Infinity": b'{"title": -Infinity}',
    "a repeated field": b'{"title": "A", "title": "B", "description": "C"}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "a number of 5,000 digits": b'{"title": ' + b"9" * 5000 + b"}",
    "half of an object": b'{"title": "A"',
    "two objects": b"{}{}",
    "a byte order mark": b'\xef\xbb\xbf{"title": "A"}',
    "only a NUL": b"\0",
}


@on_sqlite
@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON.keys())
async def test_what_is_not_strictly_json_is_refused_quickly(content: bytes, student: Join) -> None:
    ana = await student()
    started = time.process_time()
    document = problem(await raw(ana, content), 422, "invalid_input")
    assert time.process_time() - started < QUICK_SECONDS
    (error,) = document["errors"]
    assert error["pointer"] == ""
    assert error["detail"].startswith("The body is not valid JSON: ")


async def test_a_repeated_field_is_named(student: Join) -> None:
    answer = await raw(await student(), b'{"title": "A", "description": "C", "title": "B"}')
    assert "'title' is repeated" in problem(answer, 422)["errors"][0]["detail"]


WRONG_VALUES: list[tuple[str, str]] = [
    ('{"title": "A", "description": "B", "tgas": []}', "/tgas"),
    ('{"title": "A"}', "/description"),
    ('{"title": 7, "description": "B"}', "/title"),
    ('{"title": null, "description": "B"}', "/title"),
    ('{"title": 1e999, "description": "B"}', "/title"),
    ('{"title": " \\t\\n ", "description": "B"}', "/title"),
    ('{"title": "A\\nB", "description": "B"}', "/title"),
    ('{"title": "' + "A" * 201 + '", "description": "B"}', "/title"),
    ('{"title": "A", "description": "' + "B" * 20_001 + '"}', "/description"),
    ('{"title": "A", "description": "B", "tags": "python"}', "/tags"),
    ('{"title": "A", "description": "B", "tags": ["a","b","c","d","e","f","g","h","i","j","k"]}', "/tags"),
    ('{"title": "A", "description": "B", "is_anonymous": 10000000000000000000000000000000}', "/is_anonymous"),
    ('{"title": "A", "description": "B", "\\ud800": 1}', ""),
    ("[]", ""),
    ('"text"', ""),
    ("null", ""),
    ("[" * 900 + "]" * 900, ""),
    ("", ""),
]


@on_sqlite
@pytest.mark.parametrize(("content", "pointer"), WRONG_VALUES, ids=[each[0][:60] for each in WRONG_VALUES])
async def test_what_does_not_fit_is_named(content: str, pointer: str, student: Join) -> None:
    assert pointer in fields(await raw(await student(), content.encode()))


async def test_a_field_with_a_huge_name_is_not_echoed_whole(student: Join) -> None:
    answer = await raw(await student(), b'{"title":"A","description":"B","' + b"k" * 500_000 + b'": 1}')
    problem(answer, 422)
    assert len(answer.content) < 2000


@pytest.mark.parametrize(
    "number", ["0", "-1", str(LARGEST_ID + 1), str(10**30), "9" * 5000, "1e3", "0x1", "１２", "1.5"]
)
async def test_ids_out_of_range_are_not_found_or_invalid(number: str, student: Join, mentor: Join) -> None:
    for person in (await student(), await mentor()):
        for path in ("/tickets/{}", "/users/{}", "/mentors/{}", "/tickets/{}/messages", "/tickets/{}/wait"):
            problem(await person.get(path.format(number)), 422)
        problem(await person.post(f"/tickets/{number}/close"), 422)
        problem(await person.get(f"/tickets?limit={number}"), 422)
        problem(await person.delete(f"/auth/signins/{number}"), 422)


async def test_the_largest_id_is_simply_not_there(student: Join) -> None:
    ana = await student()
    for path in ("/tickets/{}", "/users/{}", "/mentors/{}", "/tickets/{}/messages"):
        problem(await ana.get(path.format(LARGEST_ID)), 404)


async def test_numbers_of_any_size_in_a_body_are_refused(student: Join) -> None:
    ana = await student()
    for rating in (10**30, -1, 0, 6, 1.5, "5", True):
        answer = await ana.post("/tickets/1/review", {"rating": rating})
        assert answer.status_code in (404, 422), rating
    assert fields(await ana.post("/tickets/1/review", {"rating": 10**30})) == {"/rating"}


async def test_ten_megabytes_are_refused_before_they_are_read(student: Join) -> None:
    ana = await student()
    started = time.process_time()
    problem(await raw(ana, b'{"title":"' + b"A" * 10_000_000 + b'"}'), 413, "body_too_large")
    problem(await raw(ana, b"A" * 10_000_000, "/auth/signin", FORM), 413, "body_too_large")
    assert time.process_time() - started < QUICK_SECONDS


async def test_ten_megabytes_in_chunks_are_refused_when_they_have_grown_too_long(student: Join) -> None:
    ana, sent = await student(), 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(160):
            sent += 1
            yield b" " * 65_536

    problem(await raw(ana, chunks()), 413, "body_too_large")
    problem(await raw(ana, chunks(), "/auth/signin", FORM), 413)
    assert sent


@on_sqlite
@pytest.mark.parametrize("length", ["99999999999", "9" * 40])
async def test_a_length_that_is_declared_too_large_is_refused(length: str, student: Join) -> None:
    problem(await raw(await student(), b"{}", headers=JSON | {"Content-Length": length}), 413)


@on_sqlite
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded", "nonsense", "é", ""],
)
async def test_json_of_another_type_is_refused(content_type: str, student: Join) -> None:
    headers = {b"content-type": content_type.encode("latin-1")}
    answer = await raw(await student(), b'{"title": "A", "description": "B"}', headers=headers)  # type: ignore[arg-type]
    assert answer.status_code in (415, 422)
    problem(answer, answer.status_code)


MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
BAD_FORMS: list[tuple[bytes, dict[str, str]]] = [
    (b"--x\r\n", MULTIPART),
    (b"--x\r\nnonsense\r\n\r\n--x--", MULTIPART),
    (b"--y\r\nContent-Disposition: form-data; name=username\r\n\r\nx\r\n--y--\r\n", MULTIPART),
    (b"--x\r\nContent-Disposition: form-data; name=username; filename=a\r\n\r\nx\r\n--x--\r\n", MULTIPART),
    (b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n", MULTIPART),
    (b"--x\r\nfoo", {"Content-Type": "multipart/form-data"}),
    (b"--x", {"Content-Type": "multipart/form-data; boundary=" + "b" * 10_000}),
    (b"\xff\xfe", MULTIPART),
    (b"&".join(b"f%d=1" % number for number in range(5000)), FORM),
    (b"%%%&&&===", FORM),
    (b"username=a", FORM),
    (b'{"username": "a", "password": "b"}', JSON),
    (b"username=a&password=b&scope=\x00", FORM),
    (b"username=a&password=" + b"b" * 2000, FORM),
    (b"username=" + b"a" * 2000 + b"&password=b", FORM),
    (b"grant_type=magic&username=a&password=b", FORM),
]


@on_sqlite
@pytest.mark.parametrize(("content", "headers"), BAD_FORMS, ids=range(len(BAD_FORMS)))
async def test_malformed_forms_are_refused(content: bytes, headers: dict[str, str], client: httpx2.AsyncClient) -> None:
    problem(await client.post("/auth/signin", content=content, headers=headers), 422)


async def test_forms_in_odd_encodings_are_only_wrong_credentials(client: httpx2.AsyncClient) -> None:
    for content in (
        b"username=%ff%fe&password=%ff",
        b"username=\xff&password=\xff",
        b"username=%ed%a0%80&password=%ed",
    ):
        problem(await client.post("/auth/signin", content=content, headers=FORM), 401, "wrong_credentials")


async def test_huge_headers_are_no_error_of_ours(student: Join) -> None:
    ana = await student()
    headers = {"X-Long": "a" * 200_000, "User-Agent": "b" * 50_000, "X-Request-Id": "c" * 50_000}
    assert (await ana.get("/auth/me", headers=headers)).status_code == 200
    signed_in = await ana.client.post(
        "/auth/signin", data={"username": ana.username, "password": "a-long-Passphrase-7"}, headers=headers
    )
    assert signed_in.status_code == 200
    problem(await ana.get("/auth/me", headers={"Authorization": "Bearer " + "a" * 200_000}), 401)
    problem(await ana.patch("/users/me", {"bio": ""}, headers={"If-Match": "a" * 10_000}), 422)
    problem(await ana.post("/tickets", {}, headers={"Idempotency-Key": "a" * 10_000}), 422)


async def test_an_id_with_many_zeros_is_the_same_id_also_with_a_key(student: Join) -> None:
    ana = await student()
    ticket = await ana.ask()
    path = f"/tickets/{'0' * 400}{ticket['id']}/messages"
    first = await ana.post(path, {"body": "More."}, headers={"Idempotency-Key": "one"})
    again = await ana.post(path, {"body": "More."}, headers={"Idempotency-Key": "one"})
    assert (first.status_code, again.json()) == (201, first.json())


@pytest.fixture(scope="module")
def plain_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("plain")
    return settings_for(f"sqlite:///{home / 'plain.db'}", home)


anything = strategies.text(max_size=300) | strategies.text(
    alphabet=string.ascii_letters + string.digits + "-_.=", max_size=300
)
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(cursor=anything)
@many
def test_no_text_is_mistaken_for_a_cursor(cursor: str, plain_settings: Settings) -> None:
    with pytest.raises(BadCursor):
        keyset(plain_settings, "list", cursor, 20)


place = strategies.tuples(
    strategies.none() | strategies.integers(-(2**63), 2**63 - 1) | strategies.text(max_size=20) | strategies.booleans(),
    strategies.datetimes(timezones=strategies.just(UTC)),
)


@given(place=place, position=strategies.integers(0, 10_000), replacement=strategies.characters(max_codepoint=0x7E))
@many
def test_a_cursor_comes_back_as_it_was_and_any_change_of_it_is_noticed(
    place: tuple[Any, ...], position: int, replacement: str, plain_settings: Settings
) -> None:
    cursor = keyset(plain_settings, "list", None, 20).seal(*place)
    assert keyset(plain_settings, "list", cursor, 20).after == place
    at = position % len(cursor)
    changed = cursor[:at] + replacement + cursor[at + 1 :]
    for other in {changed, cursor[:at], cursor + replacement} - {cursor}:
        try:
            after = keyset(plain_settings, "list", other, 20).after
        except BadCursor:
            continue
        assert after == place  # the last character's spare bits mean nothing


@given(header=anything)
@many
def test_if_match_is_met_or_it_is_not(header: str) -> None:
    try:
        require_match(header, '"1-7"')
    except PreconditionFailed:
        assert '"1-7"' not in [tag.strip() for tag in header.split(",")]
        assert header.strip() != "*"
    else:
        assert header.strip() == "*" or '"1-7"' in header


@given(header=anything)
@many
def test_no_text_is_mistaken_for_a_token(header: str, plain_settings: Settings) -> None:
    assert read_access_token(plain_settings, header) is None


@given(value=strategies.binary(max_size=400).filter(lambda value: b"\n" not in value and b"\r" not in value))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_idempotency_key_is_printable_or_refused(value: bytes) -> None:
    from starlette.requests import Request

    from mentorq.core.idempotency import key_of

    request = Request({"type": "http", "headers": [(b"idempotency-key", value)], "path": "/", "query_string": b""})
    text = value.decode("latin-1")
    try:
        found = key_of(request)
    except InvalidInput:
        assert not (text.isascii() and text.isprintable() and len(text) <= 255)
    else:
        assert (found.key if found else "") == text
