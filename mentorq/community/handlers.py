"""What the community does when others announce something, and what it adds to a person's export.

Of the achievements, each listener looks at those alone that what has happened can change.
"""

from mentorq.accounts.events import UserDeleted
from mentorq.accounts.profile import export_section
from mentorq.community import activities, awarding, queries
from mentorq.community.catalogue import About, about
from mentorq.community.events import AchievementAwarded
from mentorq.core.database import Read, Row, Write
from mentorq.core.events import on, within
from mentorq.knowledge.events import ArticleChecked, ArticleUpvoted, QuestionDeflected
from mentorq.mentors import records
from mentorq.mentors.events import AvailabilityChanged
from mentorq.reviews.events import ReviewGiven, TestimonialShown
from mentorq.sessions.events import ScheduleChanged, SessionEnded
from mentorq.tickets.events import TicketClosed, TicketPosted, TicketReopened, TicketResolved
from mentorq.tickets.queries import bare

# --- activities


@on(TicketResolved)
async def note_solution(db: Write, event: TicketResolved) -> None:
    """Followers of its mentor may read it."""
    await activities.solved(db, event.ticket_id, event.mentor_id, event.resolved_at)


@within(TicketReopened)
async def forget_solution(db: Write, event: TicketReopened) -> None:
    """It is not solved after all."""
    await activities.take_back(db, event.ticket_id)


@on(AvailabilityChanged)
async def note_availability(db: Write, event: AvailabilityChanged) -> None:
    """A mentor is away, or here again."""
    await activities.came_or_went(db, event.mentor_id)


@on(ScheduleChanged)
async def note_hours(db: Write, event: ScheduleChanged) -> None:
    """A mentor has other hours."""
    await activities.hours_changed(db, event.mentor_id, event.opened_minutes, event.opened_at)


@on(AchievementAwarded)
async def note_achievement(db: Write, event: AchievementAwarded) -> None:
    """A mentor has earned an achievement; nobody follows students."""
    await activities.achieved(db, event.user_id, event.achievement)


# --- achievements


@on(TicketPosted)
async def award_for_asking(db: Write, event: TicketPosted) -> None:
    """A first question."""
    await awarding.consider(db, event.student_id, ("first_question",))


@on(TicketClosed)
async def award_for_closing(db: Write, event: TicketClosed) -> None:
    """What students earn by getting to the end."""
    await awarding.consider(db, event.student_id, about(About.ASKED, About.WELL_PUT), event.ticket_id)


@on(ReviewGiven)
async def award_for_review(db: Write, event: ReviewGiven) -> None:
    """What mentors earn by helping well, and students by saying so."""
    await awarding.consider(db, event.mentor_id, about(About.HELPED))
    await awarding.consider(db, event.student_id, ("gave_back",))


@on(ArticleUpvoted)
async def award_for_upvote(db: Write, event: ArticleUpvoted) -> None:
    """What an article earns those whose question and answer it is."""
    ticket = await bare(db, event.ticket_id)
    if ticket is not None:
        await awarding.consider(db, ticket["assigned_mentor_id"], about(About.READERS), event.ticket_id)
        await awarding.consider(db, ticket["student_id"], about(About.OWN_READERS), event.ticket_id)


@on(ArticleChecked)
async def award_for_check(db: Write, event: ArticleChecked) -> None:
    """What an article earns by lasting, and a reader by saying so."""
    ticket = await bare(db, event.ticket_id)
    if ticket is not None and event.works:
        await awarding.consider(db, ticket["assigned_mentor_id"], about(About.CONFIRMED), event.ticket_id)
    await awarding.consider(db, event.user_id, about(About.CHECKED))


@on(QuestionDeflected)
async def award_for_deflection(db: Write, event: QuestionDeflected) -> None:
    """What an article earns by sparing a question, and a reader by looking first."""
    ticket = await bare(db, event.ticket_id)
    if ticket is not None:
        await awarding.consider(db, ticket["assigned_mentor_id"], about(About.SPARED), event.ticket_id)
    await awarding.consider(db, event.user_id, about(About.FOUND))


@on(SessionEnded)
async def award_for_session(db: Write, event: SessionEnded) -> None:
    """What both earn by meeting."""
    for user_id in (event.mentor_id, event.student_id):
        await awarding.consider(db, user_id, about(About.MET))


@on(TestimonialShown)
async def award_for_testimonial(db: Write, event: TestimonialShown) -> None:
    """What both earn by thanks that everybody can read."""
    await awarding.consider(db, event.mentor_id, about(About.THANKED))
    await awarding.consider(db, event.student_id, about(About.GAVE_THANKS))


# --- accounts


@within(UserDeleted)
async def let_go(db: Write, event: UserDeleted) -> None:
    """Who leaves neither follows nor is followed, and has achieved nothing any longer."""
    for mentor_id in await queries.leave(db, event.user_id):
        await records.count(db, mentor_id, followers=-1)
    await awarding.take_all_back(db, event.user_id)


@export_section("following")
async def following(db: Read, user_id: int) -> list[Row]:
    """Whom somebody follows."""
    return await queries.all_followed(db, user_id)


@export_section("activities")
async def told(db: Read, user_id: int) -> list[Row]:
    """What followers heard of a mentor."""
    return await queries.activities_of(db, user_id)


@export_section("achievements")
async def earned(db: Read, user_id: int) -> list[Row]:
    """What somebody has achieved."""
    return await awarding.of_person(db, user_id)
