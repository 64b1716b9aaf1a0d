"""What can be wrong with an article."""

from mentorq.core.errors import NotFound, Unavailable


class ArticleNotFound(NotFound):
    """There is no such article, or not yet."""

    code = "article_not_found"
    detail = "There is no such article: no ticket of this number has been solved in public."


class SearchTookTooLong(Unavailable):
    """The database was not done within the time that one search may take."""

    code = "search_took_too_long"
    detail = "This search took too long. Use rarer words, or filter by a tag."
