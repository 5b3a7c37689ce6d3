"""Codecs between a wire form and eu-1."""
