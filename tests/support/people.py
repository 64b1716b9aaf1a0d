"""People who use the application in tests: each has an account and sends requests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx2

PASSWORD = "a-long-Passphrase-7"
_numbers = count(1)


@dataclass
class Person:
    """Somebody who is signed in."""

    client: httpx2.AsyncClient
    id: int
    username: str
    email: str
    tokens: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        """What proves who it is."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request as this person."""
        headers = self.headers | options.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        """GET as this person."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx2.Response:
        """POST as this person."""
        return await self.request("POST", path, json=json, **options)

    async def put(self, path: str, json: Any = None, **options: Any) -> httpx2.Response:
        """PUT as this person."""
        return await self.request("PUT", path, json=json, **options)

    async def patch(self, path: str, json: Any = None, **options: Any) -> httpx2.Response:
        """PATCH as this person."""
        return await self.request("PATCH", path, json=json, **options)

    async def delete(self, path: str, **options: Any) -> httpx2.Response:
        """DELETE as this person."""
        return await self.request("DELETE", path, **options)

    async def ask(self, title: str = "Why is my list None?", **fields: Any) -> dict[str, Any]:
        """Post a ticket."""
        body = {"title": title, "description": "I call `x = x.sort()`.", "tags": ["python"]} | fields
        answer = await self.post("/tickets", body)
        assert answer.status_code == 201, answer.text
        ticket: dict[str, Any] = answer.json()
        return ticket

    async def expect(self, status: int, method: str, path: str, json: Any = None) -> Any:
        """Send a request that must be answered with `status`; returns the body."""
        answer = await self.request(method, path, json=json)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


Join = Callable[..., Awaitable[Person]]


async def join(
    client: httpx2.AsyncClient, role: str, username: str | None = None, skills: list[str] | None = None
) -> Person:
    """Sign somebody up and in."""
    username = username or f"{role}{next(_numbers)}"
    email = f"{username}@example.org"
    body = {"username": username, "email": email, "password": PASSWORD, "role": role}
    created = await client.post("/auth/signup", json=body)
    assert created.status_code == 201, created.text
    tokens = await client.post("/auth/signin", data={"username": username, "password": PASSWORD})
    person = Person(client, created.json()["id"], username, email, tokens.json())
    if skills:
        await person.expect(200, "PATCH", "/users/me", {"skills": skills})
    return person


async def join_quietly(
    client: httpx2.AsyncClient, role: str, username: str | None = None, skills: list[str] | None = None
) -> Person:
    """The same for people who do not want to hear of what they achieve: where a test is about all else one is told."""
    person = await join(client, role, username, skills)
    silence = {"in_app": False, "email": "off", "push": False}
    await person.expect(200, "PUT", "/notifications/preferences", {"achievement_awarded": silence})
    return person


async def solve(student: Person, mentor: Person, *, close: bool = False, **fields: Any) -> dict[str, Any]:
    """A whole life: asked, accepted, resolved, and closed where wanted."""
    ticket = await student.ask(**fields)
    path = f"/tickets/{ticket['id']}"
    await mentor.expect(200, "POST", f"{path}/accept")
    solved: dict[str, Any] = await mentor.expect(200, "POST", f"{path}/resolve", {"solution": "Use `sorted(x)`."})
    return await student.expect(200, "POST", f"{path}/close") if close else solved
