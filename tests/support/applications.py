"""Applications for tests: thousands are made, so what does not differ is worked out once in a process."""

from fastapi import FastAPI
from starlette.routing import BaseRoute

from mentorq.main import create_app
from mentorq.settings import Settings

_included: list[BaseRoute] = []


def made(settings: Settings) -> FastAPI:
    """The application of `create_app`, with the included routers of the first one.

    FastAPI works out with the first request what each route depends on, which takes longer than most tests.
    """
    app = create_app(settings)
    own = [route for route in app.router.routes if hasattr(route, "original_router")]
    if not _included:
        _included.extend(own)
    assert len(own) == len(_included)
    shared = dict(zip(map(id, own), _included, strict=True))
    app.router.routes[:] = [shared.get(id(route), route) for route in app.router.routes]
    return app
