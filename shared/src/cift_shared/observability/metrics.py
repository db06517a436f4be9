"""Metrics of every service; names and units follow Prometheus (base units, bounded labels)."""

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

OUTBOX_PENDING = Gauge("cift_outbox_pending", "Messages stored and not yet published.", ["schema"])
OUTBOX_OLDEST_AGE = Gauge(
    "cift_outbox_oldest_age_seconds", "Age of the oldest unpublished message.", ["schema"]
)
OUTBOX_WAITING = Gauge(
    "cift_outbox_waiting",
    "Messages that wait because their topic fails; of the schema's 10000 oldest such messages.",
    ["schema", "topic"],
)
OUTBOX_PUBLISHED = Counter(
    "cift_outbox_published_total", "Messages published and confirmed.", ["schema", "topic"]
)
RELAY_LEADER = Gauge("cift_leader_is_self", "1 when this process leads the role.", ["role"])
PRODUCER_REBUILDS = Counter(
    "cift_kafka_producer_rebuilds_total", "Producers discarded after an error.", ["schema"]
)
RECORDS_HANDLED = Counter("cift_kafka_records_handled_total", "Records handled.", ["topic"])
RECORDS_REFUSED = Counter(
    "cift_messages_rejected_total", "Records written to dead-letter topics.", ["topic", "reason"]
)
BATCH_RETRIES = Counter(
    "cift_kafka_batch_retries_total",
    "Batches tried again after an infrastructure error.",
    ["topic"],
)
HANDLE_SECONDS = Histogram(
    "cift_kafka_batch_seconds",
    "Time to handle one batch.",
    ["topic"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
CONSUMER_LAG = Gauge(
    "cift_kafka_lag_records",
    "Records of its partitions that this consumer has not handled yet, as of its last fetch.",
    ["topic", "group"],
)
CONSUMER_OLDEST_AGE = Gauge(
    "cift_kafka_oldest_age_seconds",
    "Age of the oldest record that this consumer is handling; 0 while it waits for records.",
    ["topic", "group"],
)
DUPLICATES = Counter("cift_duplicates_suppressed_total", "Repeats that changed nothing.", ["layer"])
PROVIDER_REQUESTS = Counter(
    "cift_provider_requests_total", "Calls to a provider.", ["provider", "operation", "result"]
)
PROVIDER_SECONDS = Histogram(
    "cift_provider_request_duration_seconds",
    "Duration of calls to a provider.",
    ["provider", "operation"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
PROVIDER_UP = Gauge(
    "cift_provider_up", "1 while a provider answers, 0 while it does not.", ["provider"]
)
ATTEMPTS_OPEN = Gauge("cift_attempts_open", "Attempts not finished, by state.", ["method", "state"])
ATTEMPT_RESULTS = Counter(
    "cift_attempt_results_total", "Results of attempts.", ["method", "operation", "kind"]
)
UNKNOWN_WORDS = Counter(
    "cift_provider_unknown_words_total", "Codes a provider sent that no table lists.", ["provider"]
)
JOB_LAST_SUCCESS = Gauge(
    "cift_job_last_success_timestamp_seconds",
    "When this process last completed a periodic job.",
    ["schema", "job_name"],
)
JOB_FAILURES = Counter(
    "cift_job_failures_total", "Runs of a periodic job that failed.", ["schema", "job_name"]
)
FLOAT_BALANCE = Gauge(
    "cift_float_minor_units",
    "Balance that a rail pays out from, in minor units, as last read at the provider.",
    ["rail", "currency"],
)


def exposition() -> tuple[bytes, str]:
    """All metrics in the Prometheus text format, and its content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
