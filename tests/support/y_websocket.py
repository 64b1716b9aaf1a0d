"""A y-websocket client as it comes from its makers, in a process of Node.js."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.patience import PATIENCE_SECONDS

FRONTEND = Path(__file__).parents[2] / "frontend"
PROGRAM = Path(__file__).with_suffix(".mjs")


def lacking() -> str:
    """What has to be there first; nothing if all is."""
    if shutil.which("node") is None:
        return "no Node.js"
    is_there = (FRONTEND / "node_modules" / "y-websocket").exists()
    return "" if is_there else "no y-websocket: run `npm ci` in frontend/"


class YWebsocket:
    """The client's process, and what it said last."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def until(self, **expected: Any) -> None:
        """Wait until it says this."""
        assert self.process.stdout is not None
        said: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not expected.items() <= said.items():
                line = await self.process.stdout.readline()
                assert line, "it has ended"
                said = json.loads(line)

    def type(self, line: str) -> None:
        """Let it type a line, or reconnect."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())


@asynccontextmanager
async def y_websocket(url: str, session_id: int, token: str) -> AsyncIterator[YWebsocket]:
    """The client, which connects."""
    process = await asyncio.create_subprocess_exec(
        "node", "--experimental-websocket", "--no-warnings", PROGRAM, FRONTEND,
        f"{url.replace('http', 'ws')}/sessions", f"{session_id}/editor", token,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        yield YWebsocket(process)
    finally:
        process.stdin.close()
        await process.wait()
