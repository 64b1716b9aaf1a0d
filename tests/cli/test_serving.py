"""`mentorq serve` and `mentorq worker` as real processes."""

import asyncio
import signal
import socket
import subprocess
from pathlib import Path

import httpx2
import pytest

from mentorq.core.database import Database
from mentorq.migrations import downgrade, newest, revision, upgrade
from mentorq.settings import Settings
from tests.cli.conftest import Run, bare_environment
from tests.support.commands import Running, serving
from tests.support.commands import command as run_to_its_end
from tests.support.databases import SECRET, settings_for
from tests.support.patience import PATIENCE_SECONDS, wait_until
from tests.support.processes import PROGRAM, RealServer, Server, environment, is_ready
from tests.support.servers import free_port


def _migrated(settings: Settings, *, down_to: str | None = None) -> str | None:
    async def migrate() -> str | None:
        database = Database(settings)
        if down_to is not None:
            await upgrade(database)
            await downgrade(database, down_to)
        found = await revision(database)
        await database.stop()
        return found

    return asyncio.run(migrate())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_serving_without_a_trace(settings: Settings, number: signal.Signals) -> None:
    server = (RealServer if number == signal.SIGTERM else Server)(settings)
    server.start()
    server.process.send_signal(number)
    assert server.process.wait(PATIENCE_SECONDS) == 0
    log = server.log.read_text()
    assert "Traceback" not in log
    assert f":{server.port}/docs" in log


def test_a_signal_ends_it_while_it_waits_for_the_database(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE_SECONDS)
        nowhere = settings_for(f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none", tmp_path)
        process = subprocess.Popen(
            [PROGRAM, "serve", "--port", str(free_port())], env=environment(nowhere), cwd=tmp_path,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        waiting, _ = silent.accept()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
        waiting.close()
    assert b"Traceback" not in errors
    assert process.returncode in (0, 130)


def test_a_port_that_is_taken_is_a_sentence(settings: Settings, mentorq: Run) -> None:
    with Server(settings) as first:
        second = mentorq("serve", "--port", str(first.port))
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert str(first.port) in second.stderr
    assert "Traceback" not in second.stderr


def test_a_host_that_is_none_is_a_sentence(settings: Settings, mentorq: Run) -> None:
    answer = mentorq("serve", "--host", "no.such.host.invalid")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "no.such.host.invalid" in answer.stderr


def test_several_workers_need_redis(tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'm.db'}", tmp_path)
    answer = subprocess.run(
        [PROGRAM, "serve", "--workers", "2"], env=environment(settings), cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert answer.returncode == 2
    assert "REDIS_URL" in answer.stderr


def test_several_workers_serve_one_port_and_end_cleanly(tmp_path: Path, valkey_url: str) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'm.db'}", tmp_path, redis_url=valkey_url)
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--workers", "2", "--port", str(port)], env=environment(settings), cwd=tmp_path,
            stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _until_ready(port, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
    assert "Traceback" not in log.read_text()


def _until_ready(port: int, process: "Running | subprocess.Popen[bytes]") -> None:
    def is_ready_now() -> bool:
        assert process.poll() is None
        return is_ready(port)

    wait_until(is_ready_now, f"port {port} is ready")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"DATABASE_URL": "mysql://here"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://here/db", "SECRET_KEY": ""}, "SECRET_KEY"),
        ({"BCRYPT_ROUNDS": "99"}, "BCRYPT_ROUNDS"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_wrong_setting_is_one_sentence_that_names_it(
    command: str, wrong: dict[str, str], named: str, tmp_path: Path
) -> None:
    known = bare_environment() | {"MENTORQ_DATA_DIR": str(tmp_path)} | wrong
    answer = run_to_its_end([command], known, tmp_path)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert named in answer.stderr


def test_pending_migrations_stop_the_start_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    settings = settings_for(postgres_url, tmp_path)
    _migrated(settings, down_to="0001")
    for command in (["serve", "--port", str(free_port())], ["worker"], ["db", "verify"]):
        answer = run_to_its_end(command, environment(settings), tmp_path)
        assert answer.returncode == 1, answer.stderr
        assert "mentorq db upgrade" in answer.stderr
        assert "Traceback" not in answer.stderr


def test_embedded_databases_are_migrated_at_the_start(tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'm.db'}", tmp_path)
    _migrated(settings, down_to="0001")
    with Server(settings):
        pass
    assert _migrated(settings) == newest()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_servers_that_start_at_once_on_an_empty_database_all_serve(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'm.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    settings = settings_for(url, tmp_path, secret_key=SECRET)
    ports = [free_port() for _ in range(4)]
    processes = [
        serving(["serve", "--port", str(port)], environment(settings), tmp_path, tmp_path / "log") for port in ports
    ]
    try:
        for port, process in zip(ports, processes, strict=True):
            _until_ready(port, process)
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(PATIENCE_SECONDS) for process in processes] == [0, 0, 0, 0]
    finally:
        for process in processes:
            process.kill()


def test_a_worker_does_what_is_due_and_ends_by_a_signal(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with Server(settings) as server:
        body = {"username": "ana", "email": "ana@example.org", "password": "a-long-Passphrase-7", "role": "student"}
        assert httpx2.post(f"{server.url}/auth/signup", json=body).status_code == 201
    assert _jobs(settings, "core.mail.deliver") == 1
    process = serving(["worker", "--concurrency", "2"], environment(settings), tmp_path, log)
    try:
        wait_until(lambda: not _jobs(settings, "core.mail.deliver"), "the mail's job is done")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()
    finally:
        process.kill()
    assert "Traceback" not in log.read_text()


def _jobs(settings: Settings, task: str) -> int:
    import sqlalchemy as sa

    async def count() -> int:
        database = Database(settings)
        async with database.read() as db:
            found: int = await db.scalar(sa.text("SELECT count(*) FROM jobs WHERE task = :task").bindparams(task=task))
        await database.stop()
        return found

    return asyncio.run(count())


def test_forwarded_addresses_are_believed_from_networks_too(tmp_path: Path) -> None:
    from uvicorn.middleware.proxy_headers import _TrustedHosts

    settings = settings_for(f"sqlite:///{tmp_path / 'm.db'}", tmp_path, trusted_proxies=["10.0.0.0/8", "127.0.0.1"])
    trusted = _TrustedHosts(settings.trusted_proxies)
    assert "10.1.2.3" in trusted
    assert "192.168.1.1" not in trusted


def test_a_port_of_zero_is_announced_as_the_real_one(tmp_path: Path) -> None:
    settings = settings_for(f"sqlite:///{tmp_path / 'm.db'}", tmp_path)
    process = subprocess.Popen(
        [PROGRAM, "serve", "--port", "0"], env=environment(settings) | {"PYTHONUNBUFFERED": "1"}, cwd=tmp_path,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline().rpartition("/docs")[0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS):
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.communicate()
