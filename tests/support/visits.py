"""People who use the pages in tests: signed in by cookie, as a browser without JavaScript would."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from fastapi import FastAPI

from tests.support.people import PASSWORD, Person

BASE = "http://test"


class Visit:
    """A browser with its cookies: follows no redirect by itself."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        """Open a page."""
        headers = {"Accept": "text/html"} | options.pop("headers", {})
        return await self.client.get(path, headers=headers, **options)

    async def send(self, path: str, fields: dict[str, Any] | None = None, **options: Any) -> httpx2.Response:
        """Send a form from one of our own pages."""
        headers = {"Accept": "text/html", "Origin": BASE} | options.pop("headers", {})
        return await self.client.post(path, data=fields or {}, headers=headers, **options)

    async def page(self, path: str, status: int = 200) -> str:
        """The text of a page that must answer with `status`."""
        answer = await self.get(path)
        assert answer.status_code == status, (answer.status_code, answer.headers.get("location"), answer.text[:500])
        return answer.text

    async def goes_to(self, location: str, path: str, fields: dict[str, Any] | None = None) -> None:
        """Send a form that must lead to another page."""
        answer = await self.send(path, fields)
        assert answer.status_code == 303, (answer.status_code, answer.text[-3000:])
        assert answer.headers["location"] == location


@asynccontextmanager
async def visiting(app: FastAPI, person: Person | None = None) -> AsyncIterator[Visit]:
    """A visit to `app`: of somebody who has an account, or of nobody in particular."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        visit = Visit(client)
        if person is not None:
            answer = await visit.send("/signin", {"username": person.username, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        yield visit
