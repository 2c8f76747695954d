-- What paod tells others: messages that wait or were sent, troubles that were told, counts.

CREATE TABLE outbox (
    id {id},
    kind TEXT NOT NULL,
    stream {text_c} NOT NULL,
    delivery_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    queued_at {timestamp} NOT NULL,
    due_at {timestamp} NOT NULL,
    leased_until {timestamp},
    ended_at {timestamp},
    last_error TEXT,
    sync_id INTEGER,
    payload {json} NOT NULL
);
CREATE INDEX outbox_by_status ON outbox (status, kind, id);
CREATE INDEX outbox_by_stream ON outbox (stream, id);
CREATE INDEX outbox_by_time ON outbox (queued_at);

CREATE TABLE outbox_counts (
    kind TEXT NOT NULL,
    result TEXT NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (kind, result)
);

CREATE TABLE told_troubles (
    trouble TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    since {timestamp} NOT NULL
);
