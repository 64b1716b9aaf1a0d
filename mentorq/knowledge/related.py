"""Articles like an article, kept for a while: to find them takes longer than all else that its page shows."""

import time
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Read
from mentorq.core.pagination import keyset
from mentorq.knowledge import service, similar
from mentorq.knowledge.errors import SearchTookTooLong

KEPT_SECONDS = 600
MOST_KEPT = 2_000
LOOKED_AT = 20
LEAST_ALIKE = 0.12
"""Less like it than this is another subject."""


class Related:
    """What one process knows of which articles are like which."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[float, list[int]]] = OrderedDict()

    async def to(self, db: Read, viewer: Viewer, article: dict[str, Any]) -> list[dict[str, Any]]:
        """Articles like this one that `viewer` may see, best first; none where finding them takes too long."""
        since, ticket_ids = self._kept.get(article["id"], (0.0, []))
        if since and time.monotonic() - since < KEPT_SECONDS:
            return await service.several(db, viewer, ticket_ids)
        draft = similar.Draft(article["title"], article["description"], tuple(article["tags"]))
        place = keyset(db.settings, "related", None, LOOKED_AT)
        with suppress(SearchTookTooLong):
            found, _ = await similar.to_draft(db, viewer, draft, place, but=article["id"])
            near = [other for other in found if other["similarity"] >= LEAST_ALIKE]
            self._keep(article["id"], [other["id"] for other in near])
            return near
        return []

    def _keep(self, ticket_id: int, ticket_ids: list[int]) -> None:
        self._kept[ticket_id] = (time.monotonic(), ticket_ids)
        self._kept.move_to_end(ticket_id)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
