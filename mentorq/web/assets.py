"""Static files: each has an address that changes with its content, so that browsers keep it for good."""

import functools
import gzip
import hashlib
import mimetypes
from importlib import resources
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

FOREVER = "public, max-age=31536000, immutable"
PARTS = "/parts/"
"""Where the bundler puts what scripts load by themselves: files whose names change with their content."""

COMPRESSED = ("text/css", "text/javascript", "application/javascript", "image/svg+xml", "application/json")

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("image/svg+xml", ".svg")

HOME = Path(str(resources.files("mentorq.web").joinpath("static")))


def address(name: str) -> str:
    """The path below which a static file is served; it names the file's content."""
    return f"/static/{name}?v={_loaded(name).version}"


def content(name: str) -> bytes:
    """What a static file holds."""
    return _loaded(name).content


class _Asset:
    """A file in memory, as it goes over the wire."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        self.version = hashlib.sha256(self.content).hexdigest()[:12]
        self.media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self.gzipped = gzip.compress(self.content, 9, mtime=0) if self.media_type in COMPRESSED else None


@functools.cache
def _loaded(name: str) -> _Asset:
    return _Asset(HOME / name)


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(str(path.relative_to(HOME).as_posix()) for path in HOME.rglob("*") if path.is_file())


class Assets:
    """The ASGI application below `/static`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD for the files that there were at the start."""
        request = Request(scope)
        name = request.url.path.split("/static/", 1)[-1]
        if name not in _names():
            raise HTTPException(404)
        if request.method not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        await self._answer(request, _loaded(name))(scope, receive, send)

    def _answer(self, request: Request, asset: _Asset) -> Response:
        is_current = request.query_params.get("v") == asset.version or PARTS in request.url.path
        etag = f'"{asset.version}"'
        headers = {
            "Cache-Control": FOREVER if is_current else "no-cache",
            "ETag": etag,
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        if asset.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.gzipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type)
        return Response(asset.content, headers=headers, media_type=asset.media_type)
