"""Malware scanners behind `broker.judges.Scanner`."""
