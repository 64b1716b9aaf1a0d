"""How the tests of the command line start it."""

import os
import subprocess
from collections.abc import Callable

import pytest

from mentorq.settings import Settings
from tests.support.commands import MEASURED, command
from tests.support.processes import environment

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def mentorq(settings: Settings) -> Run:
    """`mentorq("db", "verify")`: run a command to its end, in the environment of the test's settings."""

    def run(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return command(arguments, {**environment(settings), **changed}, settings.mentorq_data_dir)

    return run


def bare_environment() -> dict[str, str]:
    """An environment without any setting of MentorQ."""
    return {key: os.environ[key] for key in ("PATH", "HOME", MEASURED) if key in os.environ}
