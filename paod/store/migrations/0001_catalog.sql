-- The catalog as it is served, its history, and what the next sync starts from.
-- Tokens in braces stand for types that databases name differently. Small columns come first:
-- a list of items then never reads the long texts at a row's end.

CREATE TABLE catalog_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL,
    commit_hash TEXT,
    generation INTEGER NOT NULL,
    basis TEXT NOT NULL,
    synced_at {timestamp},
    checked_at {timestamp},
    pin_commit TEXT,
    pin_reason TEXT,
    pin_since TEXT
);

CREATE TABLE catalog_items (
    id {id},
    name {text_c} NOT NULL UNIQUE,
    version TEXT NOT NULL,
    description TEXT NOT NULL,
    owner {text_c} NOT NULL,
    tags {json} NOT NULL,
    category {text_c} NOT NULL,
    is_active {boolean} NOT NULL,
    on_line {boolean} NOT NULL,
    stale_since TEXT,
    stale_problems INTEGER,
    revision INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    source_file_path {text_c} NOT NULL,
    source_file_hash TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    commit_hash TEXT NOT NULL,
    commit_author TEXT NOT NULL,
    commit_time TEXT NOT NULL,
    commit_subject TEXT NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    removed_at {timestamp},
    outline {json} NOT NULL,
    published {json} NOT NULL,
    warning {json},
    search_text TEXT NOT NULL,
    presentation {json},
    fulfillment {json},
    content TEXT NOT NULL
);
CREATE INDEX catalog_items_by_category ON catalog_items (category, is_active, name);
CREATE INDEX catalog_items_by_owner ON catalog_items (owner, is_active, name);

CREATE TABLE catalog_item_tags (
    item_id {reference} NOT NULL REFERENCES catalog_items (id),
    tag {text_c} NOT NULL,
    PRIMARY KEY (item_id, tag)
);
CREATE INDEX catalog_item_tags_by_tag ON catalog_item_tags (tag, item_id);

CREATE TABLE catalog_item_versions (
    id {id},
    item_id {reference} NOT NULL REFERENCES catalog_items (id),
    revision INTEGER NOT NULL,
    change TEXT NOT NULL,
    name {text_c} NOT NULL,
    version TEXT NOT NULL,
    renamed_from TEXT,
    category TEXT NOT NULL,
    source_file_path TEXT NOT NULL,
    source_file_hash TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    commit_hash TEXT NOT NULL,
    commit_author TEXT NOT NULL,
    commit_time TEXT NOT NULL,
    commit_subject TEXT NOT NULL,
    generation INTEGER NOT NULL,
    sync_id {reference} NOT NULL,
    created_at {timestamp} NOT NULL,
    content TEXT NOT NULL,
    UNIQUE (item_id, revision)
);
CREATE INDEX catalog_item_versions_by_commit ON catalog_item_versions (commit_hash);

CREATE TABLE catalog_bundles (
    id {id},
    name {text_c} NOT NULL UNIQUE,
    version TEXT NOT NULL,
    description TEXT NOT NULL,
    owner {text_c} NOT NULL,
    tags {json} NOT NULL,
    category {text_c} NOT NULL,
    is_active {boolean} NOT NULL,
    on_line {boolean} NOT NULL,
    stale_since TEXT,
    stale_problems INTEGER,
    resolved {boolean},
    revision INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    source_file_path {text_c} NOT NULL,
    source_file_hash TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    commit_hash TEXT NOT NULL,
    commit_author TEXT NOT NULL,
    commit_time TEXT NOT NULL,
    commit_subject TEXT NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    removed_at {timestamp},
    outline {json} NOT NULL,
    published {json} NOT NULL,
    warning {json},
    parts {json},
    search_text TEXT NOT NULL,
    presentation {json},
    required_items {json},
    optional_items {json},
    content TEXT NOT NULL
);
CREATE INDEX catalog_bundles_by_category ON catalog_bundles (category, is_active, name);
CREATE INDEX catalog_bundles_by_owner ON catalog_bundles (owner, is_active, name);

CREATE TABLE catalog_bundle_tags (
    bundle_id {reference} NOT NULL REFERENCES catalog_bundles (id),
    tag {text_c} NOT NULL,
    PRIMARY KEY (bundle_id, tag)
);
CREATE INDEX catalog_bundle_tags_by_tag ON catalog_bundle_tags (tag, bundle_id);

CREATE TABLE catalog_bundle_versions (
    id {id},
    bundle_id {reference} NOT NULL REFERENCES catalog_bundles (id),
    revision INTEGER NOT NULL,
    change TEXT NOT NULL,
    name {text_c} NOT NULL,
    version TEXT NOT NULL,
    renamed_from TEXT,
    category TEXT NOT NULL,
    source_file_path TEXT NOT NULL,
    source_file_hash TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    commit_hash TEXT NOT NULL,
    commit_author TEXT NOT NULL,
    commit_time TEXT NOT NULL,
    commit_subject TEXT NOT NULL,
    generation INTEGER NOT NULL,
    sync_id {reference} NOT NULL,
    created_at {timestamp} NOT NULL,
    content TEXT NOT NULL,
    UNIQUE (bundle_id, revision)
);
CREATE INDEX catalog_bundle_versions_by_commit ON catalog_bundle_versions (commit_hash);

CREATE TABLE catalog_aliases (
    name {text_c} PRIMARY KEY,
    target {text_c} NOT NULL
);

CREATE TABLE catalog_changes (
    generation INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name {text_c} NOT NULL,
    change TEXT NOT NULL,
    version TEXT NOT NULL,
    revision INTEGER NOT NULL,
    renamed_from TEXT,
    PRIMARY KEY (generation, position)
);

CREATE TABLE catalog_files (
    path {text_c} PRIMARY KEY,
    oid TEXT NOT NULL,
    commit_hash TEXT NOT NULL,
    name TEXT,
    serves_kind TEXT,
    serves_name {text_c},
    stale_since TEXT,
    held TEXT NOT NULL,
    refusal {json},
    problems {json},
    outline {json},
    content TEXT
);

CREATE TABLE parser_crashes (
    oid TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    crashes INTEGER NOT NULL,
    last_crashed_at {timestamp} NOT NULL
);
