"""Kafka clients: a self-rebuilding producer, a batch subscriber, the creation of topics."""

from cift_shared.kafka.admin import create_topics
from cift_shared.kafka.producer import Producer
from cift_shared.kafka.subscriber import BatchSubscriber
from cift_shared.messaging.record import Handler, Record, RejectedRecord

__all__ = ["BatchSubscriber", "Handler", "Producer", "Record", "RejectedRecord", "create_topics"]
