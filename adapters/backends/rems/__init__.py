"""REMS as a back end."""
