"""Static files: kept for good by their address, compressed, and nothing beside them."""

import gzip

import httpx2
import pytest

from mentorq.web import assets

pytestmark = pytest.mark.anyio


async def test_an_address_with_the_content_in_it_is_kept_for_good(client: httpx2.AsyncClient) -> None:
    answer = await client.get(assets.address("app/app.css"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == (assets.HOME / "app/app.css").read_bytes()


@pytest.mark.parametrize("query", ["", "?v=", "?v=somethingelse"])
async def test_any_other_address_is_asked_for_again(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/static/app/mark.svg{query}")
    assert answer.headers["cache-control"] == "no-cache"
    again = await client.get("/static/app/mark.svg", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_who_cannot_unpack_gets_it_plain(client: httpx2.AsyncClient) -> None:
    packed = await client.get("/static/app/app.js", headers={"Accept-Encoding": "gzip"})
    plain = await client.get("/static/app/app.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert int(packed.headers["content-length"]) <= len(gzip.compress(plain.content, 9, mtime=0))


@pytest.mark.parametrize(
    "path",
    ["", "app", "app/", "nothing.css", "../pages.py", "..%2fpages.py", "app/../../pages.py", "app/%00", "//etc/passwd"],
)
async def test_there_is_nothing_else(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(f"/static/{path}")).status_code == 404


async def test_files_are_only_read(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/static/app/app.css")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert (await client.head("/static/app/app.css")).status_code == 200
