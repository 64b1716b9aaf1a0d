"""People who are told of everything but what they achieve; `test_community.py` is about that."""

from functools import partial

import httpx2
import pytest

from tests.support.people import Join, join_quietly


@pytest.fixture
def student(client: httpx2.AsyncClient) -> Join:
    """`await student()`: a new student."""
    return partial(join_quietly, client, "student")


@pytest.fixture
def mentor(client: httpx2.AsyncClient) -> Join:
    """`await mentor(skills=["python"])`: a new mentor."""
    return partial(join_quietly, client, "mentor")
