"""Fixtures of the tests in a browser."""

from collections.abc import Iterator

import pytest

from tests.support.community import Sight, community, sights


@pytest.fixture(scope="session")
def community_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a demonstration community is served; tests look at it and change nothing."""
    with community(tmp_path_factory.mktemp("community")) as server:
        yield server.url


@pytest.fixture(scope="session")
def all_sights(community_url: str) -> list[Sight]:
    """Every page of it."""
    return sights(community_url)
