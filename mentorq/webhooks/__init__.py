"""Webhooks: what happens here, told to other programs of whoever runs the installation. Listens; nobody imports it."""
