"""The schema's history: one file for each step."""
