"""HealthData@EU broker: an open National Dispatcher for cross-border health data access."""

__version__ = "0.1.0"
