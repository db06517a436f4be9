CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS agenda (
    seq INTEGER PRIMARY KEY,
    due_at REAL NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS agenda_due ON agenda (due_at, seq);
CREATE INDEX IF NOT EXISTS agenda_about ON agenda (kind, json_extract(payload, '$.id'));

CREATE TABLE IF NOT EXISTS callbacks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at REAL NOT NULL,
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'delivered', 'failed', 'lost')),
    attempts INTEGER NOT NULL DEFAULT 0,
    http_status INTEGER,
    error TEXT,
    finished_at REAL
);
CREATE INDEX IF NOT EXISTS callbacks_open ON callbacks (state) WHERE state IN ('waiting', 'sending');

CREATE TABLE IF NOT EXISTS book (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    msisdn TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    fee TEXT NOT NULL,
    receipt TEXT NOT NULL,
    provider_ids TEXT NOT NULL,
    caller_refs TEXT NOT NULL,
    callback_url TEXT NOT NULL,
    UNIQUE (provider, receipt)
);
CREATE TRIGGER IF NOT EXISTS book_is_append_only BEFORE UPDATE ON book
BEGIN SELECT RAISE(ABORT, 'the book is append-only'); END;

CREATE TABLE IF NOT EXISTS arrivals (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    operation TEXT NOT NULL,
    reference TEXT,
    callback_url TEXT,
    accepted INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    operation TEXT NOT NULL,
    kind TEXT NOT NULL,
    times INTEGER NOT NULL,
    delay_s REAL NOT NULL,
    error_code TEXT,
    match TEXT NOT NULL,
    probability REAL NOT NULL DEFAULT 1
);

CREATE TABLE IF NOT EXISTS daraja_tokens (
    token TEXT PRIMARY KEY,
    expires_at REAL NOT NULL,
    live INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS daraja_phones (
    msisdn TEXT PRIMARY KEY,
    behaviour TEXT,
    wallet INTEGER CHECK (wallet >= 0),
    refused_last INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS daraja_accounts (
    name TEXT PRIMARY KEY,
    cents INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS daraja_stk (
    checkout_id TEXT PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    msisdn TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    account_reference TEXT NOT NULL,
    callback_url TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    callback_mode TEXT NOT NULL,
    forced_code TEXT,
    result_code TEXT,
    receipt TEXT UNIQUE,
    created_at REAL NOT NULL,
    decided_at REAL,
    reversal_receipt TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS daraja_stk_phone ON daraja_stk (msisdn, created_at);
CREATE INDEX IF NOT EXISTS daraja_stk_paid ON daraja_stk (decided_at, checkout_id)
    WHERE receipt IS NOT NULL;

CREATE TABLE IF NOT EXISTS daraja_b2c (
    originator_id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL UNIQUE,
    msisdn TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    result_url TEXT NOT NULL,
    timeout_url TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    callback_mode TEXT NOT NULL,
    forced_code TEXT,
    result_code TEXT,
    receipt TEXT UNIQUE,
    created_at REAL NOT NULL,
    decided_at REAL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stripe_counters (
    prefix TEXT PRIMARY KEY,
    n INTEGER NOT NULL
) WITHOUT ROWID;

-- Every object as Stripe's API returns it (body), and the state that only the twin uses (hidden).
CREATE TABLE IF NOT EXISTS stripe_objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    customer TEXT,
    payment_intent TEXT,
    charge TEXT,
    body TEXT NOT NULL,
    hidden TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS stripe_objects_kind ON stripe_objects (kind, seq);
CREATE INDEX IF NOT EXISTS stripe_objects_intent ON stripe_objects (payment_intent)
    WHERE payment_intent IS NOT NULL;
CREATE INDEX IF NOT EXISTS stripe_objects_charge ON stripe_objects (charge)
    WHERE charge IS NOT NULL;
CREATE INDEX IF NOT EXISTS stripe_objects_customer ON stripe_objects (customer)
    WHERE customer IS NOT NULL;

CREATE TABLE IF NOT EXISTS stripe_keys (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    request_id TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    made_at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS paypal_counters (
    kind TEXT PRIMARY KEY,
    n INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS paypal_tokens (
    token TEXT PRIMARY KEY,
    expires_at REAL NOT NULL
) WITHOUT ROWID;

-- Every object as PayPal's API returns it (body), and the state that only the twin uses (hidden).
CREATE TABLE IF NOT EXISTS paypal_objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    parent TEXT,
    status TEXT NOT NULL,
    body TEXT NOT NULL,
    hidden TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS paypal_objects_kind ON paypal_objects (kind, seq);
CREATE INDEX IF NOT EXISTS paypal_objects_status ON paypal_objects (kind, status, seq);
CREATE INDEX IF NOT EXISTS paypal_objects_invoice
    ON paypal_objects (json_extract(body, '$.invoice_id')) WHERE kind = 'capture';
CREATE INDEX IF NOT EXISTS paypal_objects_parent ON paypal_objects (parent, kind, seq)
    WHERE parent IS NOT NULL;

-- Request ids by group of operations (scope), and the sender_batch_id of payouts.
CREATE TABLE IF NOT EXISTS paypal_request_ids (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    about TEXT NOT NULL,
    made_at REAL NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;

-- Our balance by currency, as decimal text.
CREATE TABLE IF NOT EXISTS paypal_balances (
    currency TEXT PRIMARY KEY,
    amount TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS paypal_payers (
    email TEXT PRIMARY KEY,
    behaviour TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS momo_users (
    api_user TEXT PRIMARY KEY,
    product TEXT NOT NULL,
    callback_host TEXT NOT NULL,
    api_key TEXT
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS momo_tokens (
    token TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    product TEXT NOT NULL,
    api_user TEXT NOT NULL,
    expires_at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS momo_phones (
    msisdn TEXT PRIMARY KEY,
    behaviour TEXT,
    wallet INTEGER CHECK (wallet >= 0),
    refused_last INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS momo_accounts (
    name TEXT PRIMARY KEY,
    units INTEGER NOT NULL CHECK (units >= 0)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS momo_transactions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    target TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('collection', 'transfer', 'refund')),
    reference_id TEXT NOT NULL,
    msisdn TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    amount_text TEXT NOT NULL,
    external_id TEXT NOT NULL,
    refunds TEXT NOT NULL,
    callback_url TEXT NOT NULL,
    payer_message TEXT NOT NULL,
    payee_note TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    callback_mode TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    receipt TEXT UNIQUE,
    created_at REAL NOT NULL,
    visible_at REAL NOT NULL,
    decided_at REAL,
    UNIQUE (target, kind, reference_id)
);
CREATE INDEX IF NOT EXISTS momo_refunds ON momo_transactions (target, refunds)
    WHERE kind = 'refund';

CREATE TABLE IF NOT EXISTS vodacom_sessions (
    session_id TEXT PRIMARY KEY,
    live_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    calls INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS vodacom_phones (
    msisdn TEXT PRIMARY KEY,
    behaviour TEXT,
    wallet INTEGER CHECK (wallet >= 0),
    refused_last INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Our balance, in whole shillings.
CREATE TABLE IF NOT EXISTS vodacom_accounts (
    name TEXT PRIMARY KEY,
    shillings INTEGER NOT NULL CHECK (shillings >= 0)
) WITHOUT ROWID;

-- Every conversation id that a caller has used.
CREATE TABLE IF NOT EXISTS vodacom_keys (key TEXT PRIMARY KEY) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS vodacom_payments (
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('c2b', 'b2c', 'reversal')),
    conversation_id TEXT NOT NULL UNIQUE,
    transaction_id TEXT UNIQUE,
    msisdn TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    reference TEXT NOT NULL DEFAULT '',
    original TEXT,
    reversed INTEGER NOT NULL DEFAULT 0 CHECK (reversed BETWEEN 0 AND amount),
    behaviour TEXT NOT NULL,
    callback_mode TEXT NOT NULL,
    code TEXT,
    status TEXT NOT NULL,
    created_at REAL NOT NULL,
    decided_at REAL
) WITHOUT ROWID;
