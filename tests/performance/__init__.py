"""Benchmarks: each figure beside the floor that the same work would cost without us (`python -m tests.performance`)."""
