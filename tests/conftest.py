"""Fixtures of all tests; the services behind them are in `tests/support`."""

from tests.support.amqp_fixtures import amqp_url, rabbit, rabbit_node, vhost

__all__ = ["amqp_url", "rabbit", "rabbit_node", "vhost"]
