"""What can be wrong with a webhook."""

from mentorq.core.errors import DomainError, NotFound


class WebhookNotFound(NotFound):
    """There is no such webhook."""

    code = "webhook_not_found"
    detail = "There is no such webhook."


class DeliveryNotFound(NotFound):
    """There is no such delivery."""

    code = "delivery_not_found"
    detail = "There is no such delivery. They are kept for 30 days."


class WebhookDisabled(DomainError):
    """Nothing is sent to it."""

    status = 409
    code = "webhook_disabled"
    detail = "This webhook is disabled. Enable it first."


class DeliveryWaits(DomainError):
    """It is on its way already."""

    status = 409
    code = "delivery_waits"
    detail = "This delivery waits to be sent already."
