"""What can be wrong with following."""

from mentorq.core.errors import InvalidInput


class OwnFollower(InvalidInput):
    """Nobody follows themselves."""

    code = "own_follower"
    detail = "You cannot follow yourself: what you do you know already."
