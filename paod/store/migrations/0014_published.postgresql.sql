-- What was ever published under a name is a table: a new version adds a row to it, and the row of
-- its entry is not rewritten with all versions before.

CREATE TABLE catalog_item_published (
    item_id {reference} NOT NULL REFERENCES catalog_items (id),
    version {text_c} NOT NULL,
    content_hash {text_c} NOT NULL,
    PRIMARY KEY (item_id, version, content_hash)
);

CREATE TABLE catalog_bundle_published (
    bundle_id {reference} NOT NULL REFERENCES catalog_bundles (id),
    version {text_c} NOT NULL,
    content_hash {text_c} NOT NULL,
    PRIMARY KEY (bundle_id, version, content_hash)
);

INSERT INTO catalog_item_published (item_id, version, content_hash)
SELECT entry.id, pair ->> 0, pair ->> 1
FROM catalog_items AS entry, jsonb_array_elements(entry.published) AS pair;

ALTER TABLE catalog_items DROP COLUMN published;

INSERT INTO catalog_bundle_published (bundle_id, version, content_hash)
SELECT entry.id, pair ->> 0, pair ->> 1
FROM catalog_bundles AS entry, jsonb_array_elements(entry.published) AS pair;

ALTER TABLE catalog_bundles DROP COLUMN published;
