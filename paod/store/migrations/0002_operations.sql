-- What happened: syncs and the queue of those to come, deliveries, problems.

CREATE TABLE catalog_sync_status (
    id {id},
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    error_message TEXT,
    triggered_by TEXT NOT NULL,
    triggers {json} NOT NULL,
    webhook_payload {json},
    mode TEXT NOT NULL,
    dry_run {boolean} NOT NULL,
    requested_commit TEXT,
    allow_mass_removal TEXT,
    pin TEXT,
    pin_reason TEXT NOT NULL,
    queue_place {reference},
    phase TEXT,
    requested_at {timestamp} NOT NULL,
    sync_started_at {timestamp},
    sync_completed_at {timestamp},
    repository_url TEXT NOT NULL,
    branch TEXT NOT NULL,
    from_commit TEXT,
    commit_hash TEXT,
    history_rewritten {boolean} NOT NULL,
    items_added INTEGER NOT NULL,
    items_updated INTEGER NOT NULL,
    items_removed INTEGER NOT NULL,
    bundles_added INTEGER NOT NULL,
    bundles_updated INTEGER NOT NULL,
    bundles_removed INTEGER NOT NULL,
    problems INTEGER NOT NULL,
    generation INTEGER,
    superseded_by {reference},
    timings {json} NOT NULL,
    changes {json}
);
CREATE INDEX catalog_sync_status_by_status ON catalog_sync_status (status, id);
CREATE INDEX catalog_sync_status_by_commit ON catalog_sync_status (commit_hash, id);
CREATE INDEX catalog_sync_status_by_request ON catalog_sync_status (requested_at);

CREATE TABLE catalog_validation_errors (
    id {id},
    path {text_c} NOT NULL,
    document TEXT,
    code TEXT NOT NULL,
    severity TEXT NOT NULL,
    line INTEGER NOT NULL,
    col INTEGER NOT NULL,
    pointer TEXT NOT NULL,
    message TEXT NOT NULL,
    hint TEXT NOT NULL,
    commit_hash TEXT,
    status TEXT NOT NULL,
    rejected {boolean} NOT NULL,
    first_seen_at {timestamp} NOT NULL,
    resolved_at {timestamp},
    sync_id {reference} NOT NULL,
    resolved_by_sync_id {reference}
);
CREATE INDEX catalog_validation_errors_by_path ON catalog_validation_errors (status, path);
CREATE INDEX catalog_validation_errors_by_end ON catalog_validation_errors (resolved_at);

CREATE TABLE webhook_events (
    id {id},
    delivery_id TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    commit_hash TEXT,
    payload {json},
    attempts INTEGER NOT NULL,
    received_at {timestamp} NOT NULL,
    last_received_at {timestamp} NOT NULL,
    sync_id {reference}
);
CREATE INDEX webhook_events_by_commit ON webhook_events (commit_hash, id);
CREATE INDEX webhook_events_by_sync ON webhook_events (sync_id);
CREATE INDEX webhook_events_by_time ON webhook_events (last_received_at);
