"""`mentorq openapi`."""

import json

import typer


def openapi() -> None:
    """Print the OpenAPI document. Needs no settings, and touches neither database nor data folder."""
    from mentorq.main import create_app
    from mentorq.settings import Settings

    # Unvalidated defaults: the environment is not read. PostgreSQL is named because nothing is opened until it is used.
    unused = Settings.model_construct(database_url="postgresql://localhost/unused", secret_key="unused")  # noqa: S106
    typer.echo(json.dumps(create_app(unused).openapi(), indent=2, sort_keys=True, ensure_ascii=False))
