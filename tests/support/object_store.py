"""A bucket on loopback that speaks S3: it believes nobody whose signature is wrong, and fails when it is told to."""

import asyncio
import contextlib
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Self
from urllib.parse import quote, urlsplit

KEY, SECRET, REGION, BUCKET = "AKIDEXAMPLE", "a/secret+of=40 characters", "eu-test-1", "pictures"


class ObjectStore:
    """Listens while the block lasts."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, str]] = {}
        self.refused: list[str] = []
        self.fails = False

    @property
    def address(self) -> str:
        """What STORAGE_URL would be."""
        key, secret = quote(KEY, safe=""), quote(SECRET, safe="")
        return f"s3://{key}:{secret}@{BUCKET}/people?region={REGION}&endpoint={self.url}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await self._answer(reader))
            await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if self.fails:
            return _written(500, b"<Error><Code>InternalError</Code></Error>")
        if not _is_signed(method, path, headers, body):
            self.refused.append(path)
            return _written(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        name = urlsplit(path).path.removeprefix(f"/{BUCKET}/")
        if method == "PUT":
            self.files[name] = body, headers.get("content-type", "")
            return _written(200, b"", ETag='"1"')
        if method == "POST":  # many are deleted by a list, one is by a list of one
            keys = re.findall("<Key>(.*?)</Key>", body.decode())
            for key in keys:
                self.files.pop(key, None)
            gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            return _written(200, f"<DeleteResult>{gone}</DeleteResult>".encode())
        if name not in self.files:
            return _written(404, b"<Error><Code>NoSuchKey</Code></Error>")
        content, kind = self.files[name]
        more = {"ETag": '"1"', "Last-Modified": "Mon, 05 Jan 2026 08:00:00 GMT", "Content-Type": kind}
        return _written(200, content, **more)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._server.wait_closed()


def _written(status: int, body: bytes, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _is_signed(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the request bears the signature, version 4, that only the holder of the secret can make."""
    scheme, _, fields = headers.get("authorization", "").partition(" ")
    given = dict(field.strip().split("=", 1) for field in fields.split(",") if "=" in field)
    if scheme != "AWS4-HMAC-SHA256" or not given.get("Credential", "").startswith(f"{KEY}/"):
        return False
    digest = headers["x-amz-content-sha256"]
    if digest not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
        return False
    parts = urlsplit(path)
    signed = given["SignedHeaders"]
    canonical = [method, parts.path, f"{parts.query}=" if parts.query == "delete" else parts.query]
    canonical += [f"{name}:{headers[name]}" for name in signed.split(";")]
    request = "\n".join([*canonical, "", signed, digest])
    scope = given["Credential"].partition("/")[2]
    text = "\n".join([scheme, headers["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{SECRET}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return scope.split("/")[1] == REGION and hmac.compare_digest(key.hex(), given["Signature"])
