"""`mentorq` on the command line. Each command imports what it needs when it runs, so that `--help` is quick."""

import typer

from mentorq.commands import community, contract, db, mails, serving, users, webhooks

app = typer.Typer(
    name="mentorq",
    help="Where people who learn to program get unstuck by people who volunteer to help.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(serving.serve)
app.command()(serving.worker)
app.add_typer(db.app, name="db")
app.add_typer(users.app, name="user")
app.add_typer(mails.app, name="mail")
app.add_typer(webhooks.app, name="webhook")
app.command("import")(community.import_)
app.command()(community.demo)
app.command()(contract.openapi)
