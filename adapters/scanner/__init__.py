"""Malware scanners behind `broker.ports.Scanner`."""
