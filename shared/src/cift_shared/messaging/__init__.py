"""Communication between services: topics, messages, and the outbox that publishes them."""
