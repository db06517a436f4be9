"""What to do about each problem: one sentence per code, for /docs and the OpenAPI document."""

from collections.abc import Mapping

from cift_shared.rails.registry import rail_refusals

HELP: Mapping[str, str] = {
    "http_malformed": "Send one valid HTTP/1.1 request with exactly one Host header.",
    "json_malformed": "Send one JSON document in UTF-8.",
    "signature_invalid": "The sender must sign the raw body with the secret set here, within five"
    " minutes.",
    "webhook_event_invalid": "Let the provider send snapshot events, whose JSON has an id.",
    "webhook_mode_mismatch": "Send test events to the test gateway, live events to the live one.",
    "idempotency_key_missing": "Send an Idempotency-Key that is new for each payment and the same"
    " for each retry.",
    "idempotency_key_malformed": "Send one Idempotency-Key header of 1 to 255 visible ASCII"
    " characters.",
    "unauthenticated": "Send `Authorization: Bearer <api key>` with a key that is neither revoked"
    " nor expired.",
    "scope_missing": "Use a key that has one of the operation's scopes.",
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
    " being processed.",
    "not_refundable": "Refund only a completed deposit that was not refunded in full.",
    "not_cancelable": "Wait until the payment is final, and refund it if necessary.",
    "body_too_large": "Send at most 64 KiB.",
    "content_type_unsupported": "Send `Content-Type: application/json` in UTF-8.",
    "content_encoding_unsupported": "Send the body without Content-Encoding.",
    "validation_failed": "Correct the fields listed in `errors`.",
    "json_refused": "Send at most 20 levels, no repeated key, no NaN and no Infinity.",
    "text_refused": "Remove NUL and unpaired surrogates from the fields listed in `errors`.",
    "card_number_refused": "Let the payer's client send it to the provider, and send us the token"
    " that the provider returns.",
    "idempotency_key_reused": "Use a new key for a new request.",
    "amount_invalid": 'Send positive decimal text like "100.00", with at most the places of the'
    " currency.",
    "amount_not_whole": "Send a multiple of what the provider can move; the detail names it.",
    "amount_out_of_limits": "Send an amount within the limits of the method.",
    "currency_unknown": "Send an ISO 4217 code in capital letters.",
    "currency_unsupported": "Use a currency that the method supports.",
    "method_unavailable": "Use a method that is offered here.",
    **{code: refusal.advice for code, refusal in rail_refusals().items()},
    "rate_unavailable": "Use two currencies for which there is a rate. With status 503 the rate is"
    " only not known at present: send the same request again later.",
    "conversion_same_currency": "Give two different currencies.",
    "quote_not_found": "Give a quote of the same merchant and mode.",
    "quote_expired": "Create a new quote.",
    "quote_mismatch": "Create a quote for the same type, method, amount and currency.",
    "phone_invalid": "Send a mobile number of the country: 07.. or with the country code.",
    "country_unsupported": "Send a country that the method serves; the detail names them.",
    "return_url_invalid": "Send an https address without user and password.",
    "payment_method_invalid": "Send exactly one instrument that matches the method and is usable.",
    "insufficient_funds": "Send a smaller amount, or wait until the available balance is higher.",
    "refund_exceeds_captured": "Refund at most what is left of the deposit.",
    "verification_too_soon": "The provider is queried about one payment at most every 10 seconds:"
    " send this reference again after that time.",
    "too_many_streams": "Close event streams before you open more, or poll the payment instead.",
    "too_many_requests": "Send fewer requests per second with this key.",
    "too_many_notices": "Send fewer notices per second from one address.",
    "head_too_large": "Send at most 32 KiB of address and headers.",
    "internal_error": "Send the same request with the same key again, and quote `instance` to us.",
    "float_low": "There is too little to pay out by this method in this currency: send the same"
    " request with the same key again later, or withdraw by another method.",
    "network_fee_unknown": "The price includes what the network charges, which we do not know at"
    " present: send the same request again later, or use another method.",
    "unavailable": "Send the same request with the same key again in a moment.",
}
