"""National systems behind the broker: over AMQP, by webhook, or fetching by themselves."""
