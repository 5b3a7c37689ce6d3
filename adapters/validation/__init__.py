"""Validators elsewhere, behind `broker.judges.Validator`."""
