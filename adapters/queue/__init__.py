"""Tickets: hints to workers, over RabbitMQ or within one process."""
