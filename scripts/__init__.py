"""Chores of development: what `make` runs beside the tools."""
