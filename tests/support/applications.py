"""Applications for tests: thousands are made, so what does not differ is worked out once in a process."""

from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache
from starlette.routing import BaseRoute

from mentorq.core.database import Database
from mentorq.main import create_app
from mentorq.settings import Settings

_included: list[BaseRoute] = []
_compiled: dict[object, Any] = {}


def made(settings: Settings) -> FastAPI:
    """The application of `create_app`, with the included routers and the compiled statements of the first one.

    FastAPI works out with the first request what each route depends on, which takes longer than most tests.
    """
    app = create_app(settings)
    own = [route for route in app.router.routes if hasattr(route, "original_router")]
    if not _included:
        _included.extend(own)
    assert len(own) == len(_included)
    shared = dict(zip(map(id, own), _included, strict=True))
    app.router.routes[:] = [shared.get(id(route), route) for route in app.router.routes]
    _share_compiled(app.state.database)
    return app


def _share_compiled(database: Database) -> None:
    """SQLAlchemy keeps what it has compiled by engine and by dialect, and each test has an engine of its own."""
    database._compiled = _compiled.setdefault("driver", database._compiled)
    engines: list[AsyncEngine] = [database.engine, database.readers]
    for engine in (each.sync_engine for each in engines):
        dialect, statements = _compiled.setdefault(engine.name, (engine.dialect, LRUCache(2000)))
        engine.dialect, engine._compiled_cache = dialect, statements
