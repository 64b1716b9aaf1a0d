"""What deploy/compose.yaml starts, started as plain processes: two APIs, a worker, one database, one Valkey."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import httpx2
import pytest

from mentorq.accounts.access import CACHE_SECONDS
from tests.deploy.compose_as_processes import ComposeProcess, compose_processes
from tests.support.patience import PATIENCE_SECONDS, wait_until
from tests.support.processes import is_ready
from tests.support.servers import free_port

PASSWORD = "correct horse battery 9"
TRIES = 10


@dataclass(frozen=True)
class Installation:
    """A running installation."""

    apis: list[str]
    """The addresses of its API processes."""

    processes: list[tuple[ComposeProcess, subprocess.Popen[bytes]]]
    """All that keep running."""


def listening_here(process: ComposeProcess, port: int) -> ComposeProcess:
    return process.with_option("--host", "127.0.0.1").with_option("--port", port)


def stop(process: ComposeProcess, running: subprocess.Popen[bytes]) -> int:
    """Its exit code after SIGTERM; killed where it takes much longer than Compose would wait."""
    if running.poll() is None:
        running.send_signal(signal.SIGTERM)
    try:
        return running.wait(process.stop_seconds + PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        running.kill()
        return running.wait()


def started(planned: list[ComposeProcess], directory: Path) -> Iterator[Installation]:
    """Run one-shot processes to their end and the others until the generator is closed."""
    installation = Installation([], [])
    try:
        for process in planned:
            _start(process, directory, installation)
        for api in installation.apis:
            wait_until(partial(is_ready, urlsplit(api).port or 0), f"{api}/readyz answers 200")
        yield installation
    finally:
        for process, running in installation.processes:
            stop(process, running)


def _start(process: ComposeProcess, directory: Path, installation: Installation) -> None:
    if process.service == "migrate":
        assert process.start(directory).wait(PATIENCE_SECONDS) == 0
        return
    if process.service == "api":
        port = free_port()
        process = listening_here(process, port)
        installation.apis.append(f"http://127.0.0.1:{port}")
    installation.processes.append((process, process.start(directory)))


@pytest.fixture
def installation(postgres_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Installation]:
    """What compose.yaml describes, on an empty database."""
    variables = {
        "SECRET_KEY": token_hex(32),
        "POSTGRES_PASSWORD": token_hex(16),
        "PUBLIC_URL": "http://127.0.0.1",
        "RATE_LIMITS": "off",
    }
    planned = compose_processes(variables, {"postgres": postgres_url, "valkey": valkey_url})
    yield from started(list(planned), tmp_path)


@contextmanager
def signed_up(api: str, role: str) -> Iterator[httpx2.Client]:
    """A fresh account's client, signed in."""
    name = f"{role}{token_hex(6)}"
    account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": role}
    with httpx2.Client(base_url=api, timeout=PATIENCE_SECONDS) as client:
        assert client.post("/auth/signup", json=account).status_code == 201
        answer = client.post("/auth/signin", data={"username": name, "password": PASSWORD})
        assert answer.status_code == 200
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def test_two_apis_and_a_worker_are_one_installation(installation: Installation) -> None:
    first, second = installation.apis
    with signed_up(first, "student") as student, signed_up(first, "mentor") as mentor:
        ticket = student.post("/tickets", json={"title": "Why?", "description": "It fails.", "tags": ["python"]})
        assert ticket.status_code == 201
        path = f"/tickets/{ticket.json()['id']}"
        assert mentor.post(f"{second}{path}/accept").status_code == 200
        assert student.get(path).json()["status"] == "assigned"
    assert any(seconds_until_refused(first, second) < CACHE_SECONDS for _ in range(TRIES)), "nobody told the other one"


def test_all_run_by_what_compose_says_and_end_in_peace(installation: Installation) -> None:
    for each, running in installation.processes:
        assert running.poll() is None, each.service
        # Otherwise a setting that compose.yaml lacks might come from the machine that the test runs on.
        assert "PYTEST_CURRENT_TEST" not in environment_of(running)
    codes = {f"{each.service} {each.number}": stop(each, running) for each, running in installation.processes}
    assert codes == {"api 0": 0, "api 1": 0, "worker 0": 0}


def seconds_until_refused(here: str, there: str) -> float:
    """How long a process keeps a sign-in that it knows and that ends in the other one, from before it knew it."""
    with signed_up(here, "student") as student:
        started = time.monotonic()
        assert is_accepted(student, there)
        assert student.post("/auth/signout").status_code == 204
        wait_until(lambda: not is_accepted(student, there), "the token is refused everywhere")
        return time.monotonic() - started


def is_accepted(client: httpx2.Client, api: str) -> bool:
    """Whether this API process takes the client's token."""
    status = client.get(f"{api}/auth/me").status_code
    assert status in {200, 401}
    return status == 200


def environment_of(running: subprocess.Popen[bytes]) -> str:
    """What a process sees as its environment; nothing where the system does not tell."""
    file = Path(f"/proc/{running.pid}/environ")
    return file.read_text() if file.exists() else ""
