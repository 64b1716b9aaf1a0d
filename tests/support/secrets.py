"""A likely secret to post in tests; put together at run time, so that nobody's scanner takes it for real."""

import random
import string


def github_token(seed: int = 7) -> str:
    """What looks like a classic personal access token of GitHub."""
    return "ghp_" + "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=36))
