"""An unmodified y-websocket client edits with one of ours."""

import pytest
from fastapi import FastAPI

from mentorq.sessions.room.awareness import write_entries
from mentorq.sessions.room.protocol import awareness
from tests.support.booking import book
from tests.support.editors import editor
from tests.support.people import Join
from tests.support.sockets import served
from tests.support.y_websocket import lacking, y_websocket

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(lacking() != "", reason=lacking() or "all is there")]


async def test_an_unmodified_y_websocket_writes_with_us(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    session = await book(ana, ben)
    at_ana = editor("", session, ana)
    async with served(app) as url:
        at_ana.address = f"{url.replace('http', 'ws')}{at_ana.address}"
        async with at_ana.connected(), y_websocket(url, session["id"], ben.tokens["access_token"]) as node:
            await at_ana.synced()
            await node.until(synced=True)
            node.type("from node")
            await at_ana.until(lambda it: it.text == "from node\n")
            at_ana.write("from python ç😀\n")
            await node.until(text="from node\nfrom python ç😀\n")
            at_ana.file().insert(0, "😀")
            del at_ana.file()[0:4]
            await node.until(text="from node\nfrom python ç😀\n")
            await at_ana.until(lambda it: any(b'"node"' in heard for heard in it.heard))
            at_ana.send(awareness(write_entries([(77, 1, b'{"user":"python"}')])))
            await node.until(others=["node", "python"])
            node.type("")
            expected = "offline\nfrom node\nfrom python ç😀\nat once\n"
            await at_ana.until(lambda it: it.text == expected)
            await node.until(text=expected, synced=True)
            node.type("and on")
            await at_ana.until(lambda it: it.text == expected + "and on\n")
