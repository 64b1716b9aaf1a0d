"""What can be wrong with notifications."""

from mentorq.core.errors import Forbidden, NotFound, TooManyRequests


class NotificationNotFound(NotFound):
    """There is no such notification, or it is somebody else's."""

    code = "notification_not_found"
    detail = "There is no such notification."


class TooManyStreams(TooManyRequests):
    """This account follows its notifications in too many places at once."""

    code = "too_many_streams"
    detail = "Your account has too many streams open. Close some, or share one between tabs."


class BadUnsubscribeLink(Forbidden):
    """The address is not one that we mailed."""

    code = "bad_unsubscribe_link"
    detail = "This link is not whole. Open it from the mail again, or sign in and change it in your settings."
