"""What is reachable over HTTP: the APIs, the console, health and metrics."""
