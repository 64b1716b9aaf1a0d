"""`mentorq serve` as processes: started, asked, killed."""

import contextlib
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mentorq.settings import Settings
from tests.support.commands import Running, serving
from tests.support.patience import PATIENCE_SECONDS, wait_until
from tests.support.servers import free_port

PROGRAM = Path(sys.executable).with_name("mentorq")
PASSED_ON = (
    "database_url", "mentorq_data_dir", "secret_key", "bcrypt_rounds", "rate_limits", "embedded_worker", "redis_url",
    "log_level", "claim_lease_minutes", "access_token_expire_minutes", "mail_url", "mail_webhook_key",
    "mail_delay_seconds", "matching_waves",
)  # fmt: skip


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which a process has these settings."""
    own = {name.upper(): str(getattr(settings, name)) for name in PASSED_ON}
    return {key: value for key, value in os.environ.items() if not key.startswith("MENTORQ_")} | own


def is_ready(port: int) -> bool:
    """Whether a server that listens there takes requests."""
    address = f"http://127.0.0.1:{port}/readyz"
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=PATIENCE_SECONDS) as answer:
        return bool(answer.status == 200)
    return False


class Server:
    """`mentorq serve`, ready when the block begins, gone when it ends."""

    def __init__(self, settings: Settings) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = settings
        self.log = settings.mentorq_data_dir / f"server-{self.port}.log"

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.process = self._begin(["serve", "--port", str(self.port)])
        wait_until(self._is_ready, f"{self.url} is ready")

    def _begin(self, arguments: Sequence[str]) -> "Running | subprocess.Popen[bytes]":
        return serving(arguments, environment(self.settings), self.settings.mentorq_data_dir, self.log)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return is_ready(self.port)

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class RealServer(Server):
    """The same, started as people start it: by the program that is installed, which imports all that it needs."""

    def _begin(self, arguments: Sequence[str]) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [PROGRAM, *arguments],
                env=environment(self.settings),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.settings.mentorq_data_dir,
            )
