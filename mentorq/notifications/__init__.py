"""The right person hears at the right time: inbox, live stream, e-mail and push. Listens to all others."""
