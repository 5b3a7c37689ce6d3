"""Adapters: one technology each, behind a port of `broker.ports`; they do not know each other."""
