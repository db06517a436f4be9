"""What to do about each problem: one sentence per code, for /docs and the OpenAPI document."""

from collections.abc import Mapping

HELP: Mapping[str, str] = {
    "http_malformed": "Send one valid HTTP/1.1 request with exactly one Host header.",
    "json_malformed": "Send one JSON document in UTF-8.",
    "signature_invalid": "The sender must sign the raw body with the secret set here, within five"
    " minutes.",
    "webhook_event_invalid": "Have the provider send snapshot events, whose JSON has an id.",
    "webhook_mode_mismatch": "Send test events to the test gateway, live events to the live one.",
    "idempotency_key_missing": "Send an Idempotency-Key that is new for each payment and the same"
    " for each retry.",
    "idempotency_key_malformed": "Send one Idempotency-Key header of 1 to 255 visible ASCII"
    " characters.",
    "unauthenticated": "Send `Authorization: Bearer <api key>` with a key that is neither revoked"
    " nor expired.",
    "scope_missing": "Use a key that has one of the scopes the operation names.",
    "not_found": "Check the address.",
    "payment_not_found": "Check the id, and that the key is of the same merchant and mode.",
    "payment_method_not_found": "Check the id, and that the key is of the same merchant and mode.",
    "conversion_not_found": "Check the ids, and that the key is of the same merchant and mode.",
    "customer_not_found": "The customer has no account yet: the first accepted payment opens it.",
    "dispute_not_found": "Check the id, and that the key is of the same merchant and mode.",
    "webhook_not_configured": "Set the provider's webhook secret before webhooks are sent here.",
    "method_not_allowed": "Use a method of the Allow header.",
    "request_timeout": "Send the whole body within ten seconds.",
    "idempotency_key_in_flight": "Send the same request again in a moment: the first one is still"
    " being worked on.",
    "not_refundable": "Refund only a completed deposit that was not refunded in full.",
    "not_cancelable": "Wait for the end of the payment, and refund it if need be.",
    "body_too_large": "Send at most 64 KiB.",
    "content_type_unsupported": "Send `Content-Type: application/json` in UTF-8.",
    "content_encoding_unsupported": "Send the body without Content-Encoding.",
    "validation_failed": "Correct what `errors` names.",
    "json_refused": "Send at most 20 levels, no repeated key, no NaN and no Infinity.",
    "text_refused": "Take NUL and unpaired surrogates out of the text that `errors` names.",
    "card_number_refused": "Let the payer's client give the card to the provider, and send the"
    " token it gets.",
    "idempotency_key_reused": "Use a new key for a new request.",
    "amount_invalid": 'Send positive decimal text like "100.00", with at most the places of the'
    " currency.",
    "amount_not_whole": "Send an amount that the provider can move: M-Pesa moves whole shillings.",
    "amount_out_of_limits": "Send an amount within the limits of the method.",
    "currency_unknown": "Send an ISO 4217 code in capital letters.",
    "currency_unsupported": "Use a currency that the method moves.",
    "method_unavailable": "Use a method that is offered here.",
    "card_withdrawal_unsupported": "Refund an earlier card deposit, or withdraw by another method.",
    "rate_unavailable": "Use two currencies for which a rate is known.",
    "conversion_same_currency": "Name two different currencies.",
    "quote_not_found": "Name a quote of the same merchant and mode.",
    "quote_expired": "Make a new quote.",
    "quote_mismatch": "Make a quote of the same type, method, amount and currency.",
    "phone_invalid": "Send a mobile number of the country: 07.., 01.., +254.. or 254..",
    "country_unsupported": "Send the country of a wallet that is offered here: KE.",
    "return_url_invalid": "Send an https address without user and password.",
    "payment_method_invalid": "Send exactly one instrument that fits the method and is usable.",
    "insufficient_funds": "Let the customer's available balance grow, or send less.",
    "refund_exceeds_captured": "Refund at most what is left of the deposit.",
    "verification_too_soon": "The provider is asked about a payment at most every 10 seconds: send"
    " this reference again then.",
    "too_many_streams": "Close event streams before more are opened, or ask instead.",
    "too_many_requests": "Send fewer requests a second with this key.",
    "too_many_notices": "Send fewer notices a second from one address.",
    "head_too_large": "Send at most 32 KiB of address and headers.",
    "internal_error": "Send the same request with the same key again, and quote `instance` to us.",
    "unavailable": "Send the same request with the same key again in a moment.",
}
