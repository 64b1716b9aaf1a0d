"""The API's documentation for people: Swagger UI at /docs and ReDoc at /redoc, all of it from our own files."""

import secrets
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
{styles}
</head>
<body>
<div id="viewer" data-openapi-url="{openapi_url}"></div>
<noscript><p>This page needs JavaScript. Without it: <a href="{openapi_url}">OpenAPI document</a>.</p></noscript>
{scripts}
</body>
</html>
"""


@router.get("/docs")
async def swagger_ui(request: Request) -> HTMLResponse:
    """Swagger UI: read the operations, sign in, and try them."""
    return page(
        request,
        styles=["vendor/swagger-ui/swagger-ui.css", "docs/docs.css"],
        scripts=["vendor/swagger-ui/swagger-ui-bundle.js", "docs/swagger.js"],
    )


@router.get("/redoc")
async def redoc(request: Request) -> HTMLResponse:
    """ReDoc: the same contract on one page, for reading."""
    return page(request, styles=["docs/docs.css"], scripts=["vendor/redoc/redoc.standalone.js", "docs/redoc.js"])


def page(request: Request, styles: list[str], scripts: list[str]) -> HTMLResponse:
    """A page that shows this application's OpenAPI document with `scripts`, run in their order."""
    root = escape(str(request.scope.get("root_path", "")).rstrip("/"))
    nonce = secrets.token_urlsafe(16)
    content = PAGE.format(
        title=escape(f"{request.app.title} API"),
        openapi_url=f"{root}{escape(request.app.openapi_url)}",
        styles="\n".join(f'<link rel="stylesheet" href="{root}/static/{file}">' for file in styles),
        scripts="\n".join(f'<script src="{root}/static/{file}" nonce="{nonce}"></script>' for file in scripts),
    )
    return HTMLResponse(
        content, headers={"Content-Security-Policy": content_security_policy(nonce), "Cache-Control": "no-store"}
    )


def content_security_policy(nonce: str) -> str:
    """Own files and this origin's API, nothing else: no inline code, no eval, no workers, no other host.

    ReDoc writes <style> elements as it runs, which is what `nonce` is for; both viewers' icons are data: URLs.
    """
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
