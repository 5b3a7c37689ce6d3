"""Stores behind `broker.ports.Store`."""
