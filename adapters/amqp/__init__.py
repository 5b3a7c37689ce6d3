"""What the queue adapter and the AMQP back end share: names, one connection, one way to consume."""
