"""Every module's tables: importing this is what fills `Base.metadata`."""

from mentorq.accounts import models as accounts
from mentorq.community import models as community
from mentorq.core import idempotency, jobs, server_keys
from mentorq.core.database import Base
from mentorq.core.mail import models as mail
from mentorq.insights import models as insights
from mentorq.knowledge import models as knowledge
from mentorq.maintenance import models as maintenance
from mentorq.mentors import models as mentors
from mentorq.notifications import models as notifications
from mentorq.reviews import models as reviews
from mentorq.sessions import models as sessions
from mentorq.sessions.room import models as room
from mentorq.tags import models as tags
from mentorq.tickets import models as tickets
from mentorq.webhooks import models as webhooks

METADATA = Base.metadata
MODULES = (
    accounts, community, idempotency, insights, jobs, knowledge, mail, maintenance, mentors, notifications, reviews,
    room, server_keys, sessions, tags, tickets, webhooks,
)  # fmt: skip
