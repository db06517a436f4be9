"""Kafka in and out: a supervised producer, a batch subscriber, the topics' admin step."""

from cift_shared.kafka.admin import create_topics
from cift_shared.kafka.producer import Producer
from cift_shared.kafka.record import Handler, Record, Refusal
from cift_shared.kafka.subscriber import BatchSubscriber

__all__ = ["BatchSubscriber", "Handler", "Producer", "Record", "Refusal", "create_topics"]
