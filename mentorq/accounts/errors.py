"""What can be wrong with an account."""

from mentorq.core.errors import (
    BodyTooLarge,
    DomainError,
    Forbidden,
    InvalidInput,
    NotFound,
    NotSignedIn,
    Unavailable,
)


class UsernameTaken(DomainError):
    """Another account has this username."""

    status = 409
    code = "username_taken"
    detail = "Somebody else has this username. Choose another one."


class EmailTaken(DomainError):
    """Another account has this e-mail address."""

    status = 409
    code = "email_taken"
    detail = "There is an account with this e-mail address. Sign in, or reset its password."


class WrongCredentials(NotSignedIn):
    """Name or password is wrong, or the account is disabled."""

    code = "wrong_credentials"
    detail = "This name and password do not belong together."


class BadRefreshToken(NotSignedIn):
    """The refresh token is unknown, expired, or was used before."""

    code = "bad_refresh_token"
    detail = "This sign-in has ended. Sign in again."


class ReusedRefreshToken(BadRefreshToken):
    """The refresh token was used before: somebody may have stolen it, so the sign-in was ended."""

    code = "refresh_token_reused"
    detail = "This refresh token was used before. To be safe, the sign-in was ended. Sign in again."
    keeps_changes = True


class WrongPassword(Forbidden):
    """The current password is not right."""

    code = "wrong_password"
    detail = "This is not your current password."


class BadAccountToken(InvalidInput):
    """The mailed token is unknown, expired, or was used before."""

    code = "bad_token"
    detail = "This link has expired or was used before. Ask for a new one."

    def __init__(self) -> None:
        super().__init__(errors=[{"pointer": "/token", "detail": self.detail}])


class UserNotFound(NotFound):
    """There is no such person."""

    code = "user_not_found"
    detail = "There is no such person, or no longer."


class SignInNotFound(NotFound):
    """None of your devices that are signed in."""

    code = "sign_in_not_found"
    detail = "This device is not signed in."


class PictureTooLarge(BodyTooLarge):
    """The picture has too many bytes, or too many pixels."""

    code = "picture_too_large"
    detail = "A picture may have up to 2 MiB and 25 million pixels. Choose a smaller one."


class UnsupportedPicture(DomainError):
    """What was sent is no picture that we can read, whatever it is called."""

    status = 415
    code = "unsupported_picture"
    detail = "This cannot be read as a picture. Choose a PNG, JPEG, WebP or GIF."


class PicturesUnavailable(Unavailable):
    """Where pictures are kept does not answer; the one that was there stays."""

    code = "pictures_unavailable"
    detail = "Pictures cannot be kept right now. Nothing was changed; please try again in a moment."


class PictureNotFound(NotFound):
    """Nobody shows such a picture, or nobody any longer."""

    code = "picture_not_found"
    detail = "There is no such picture, or no longer."


class WrongRole(Forbidden):
    """The account's role may not do this."""

    code = "wrong_role"
    detail = "Your account may not do this."

    def __init__(self, needed: str = "") -> None:
        super().__init__(f"Only a {needed} may do this." if needed else None)
