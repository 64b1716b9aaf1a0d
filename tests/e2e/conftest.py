"""Fixtures of the tests in a browser."""

from collections.abc import Iterator

import pytest

from tests.support.community import Sight, community, sights
from tests.support.databases import settings_for
from tests.support.processes import Server


@pytest.fixture(scope="session")
def community_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a demonstration community is served; tests look at it and change nothing."""
    with community(tmp_path_factory.mktemp("community")) as server:
        yield server.url


@pytest.fixture(scope="session")
def all_sights(community_url: str) -> list[Sight]:
    """Every page of it."""
    return sights(community_url)


@pytest.fixture(scope="module")
def live_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that does its jobs at once."""
    home = tmp_path_factory.mktemp("live")
    with Server(settings_for(f"sqlite:///{home / 'mentorq.db'}", home, embedded_worker=True)) as server:
        yield server.url
