"""A bucket on loopback that speaks S3: it believes nobody whose signature is wrong, and fails when it is told to."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from tests.support.http_servers import Asked, HttpServer, read_request, written

KEY, SECRET, REGION, BUCKET = "AKIDEXAMPLE", "a/secret+of=40 characters", "eu-test-1", "pictures"


class ObjectStore(HttpServer):
    """Keeps files."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, str]] = {}
        self.refused: list[str] = []
        self.fails = False

    @property
    def address(self) -> str:
        """What STORAGE_URL would be."""
        key, secret = quote(KEY, safe=""), quote(SECRET, safe="")
        return f"s3://{key}:{secret}@{BUCKET}/people?region={REGION}&endpoint={self.url}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What S3 says to it."""
        writer.write(self._done(await read_request(reader)))
        await writer.drain()

    def _done(self, asked: Asked) -> bytes:
        method, path, headers, body = asked.method, asked.path, asked.headers, asked.body
        if self.fails:
            return written(500, b"<Error><Code>InternalError</Code></Error>")
        if not _is_signed(method, path, headers, body):
            self.refused.append(path)
            return written(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        name = urlsplit(path).path.removeprefix(f"/{BUCKET}/")
        if method == "PUT":
            self.files[name] = body, headers.get("content-type", "")
            return written(200, b"", {"ETag": '"1"'})
        if method == "POST":  # many are deleted by a list, one is by a list of one
            keys = re.findall("<Key>(.*?)</Key>", body.decode())
            for key in keys:
                self.files.pop(key, None)
            gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            return written(200, f"<DeleteResult>{gone}</DeleteResult>".encode())
        if name not in self.files:
            return written(404, b"<Error><Code>NoSuchKey</Code></Error>")
        content, kind = self.files[name]
        more = {"ETag": '"1"', "Last-Modified": "Mon, 05 Jan 2026 08:00:00 GMT", "Content-Type": kind}
        return written(200, content, more)


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
