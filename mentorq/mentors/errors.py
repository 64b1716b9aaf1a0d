"""What can be wrong with a mentor."""

from mentorq.core.errors import DomainError, NotFound


class MentorNotFound(NotFound):
    """There is no such mentor."""

    code = "mentor_not_found"
    detail = "There is no such mentor."


class AlreadyExpert(DomainError):
    """The tag is among your expertise already."""

    status = 409
    code = "already_expert"
    detail = "This tag is among your expertise already."


class NotExpert(NotFound):
    """The tag is not among your expertise."""

    code = "not_expert"
    detail = "This tag is not among your expertise."
