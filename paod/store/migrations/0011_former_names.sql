-- Aliases belong to a kind: an item that was renamed says nothing of bundles. And an entry remembers
-- the names whose history or place it took, so that a renamed_from without effect can be told.

CREATE TABLE aliases_by_kind (
    kind {text_c} NOT NULL,
    name {text_c} NOT NULL,
    target {text_c} NOT NULL,
    PRIMARY KEY (kind, name)
);

INSERT INTO aliases_by_kind (kind, name, target)
SELECT 'item', name, target FROM catalog_aliases
WHERE target IN (SELECT name FROM catalog_items);

INSERT INTO aliases_by_kind (kind, name, target)
SELECT 'bundle', name, target FROM catalog_aliases
WHERE target IN (SELECT name FROM catalog_bundles);

DROP TABLE catalog_aliases;

ALTER TABLE aliases_by_kind RENAME TO catalog_aliases;

ALTER TABLE catalog_items ADD COLUMN former_names {json} NOT NULL DEFAULT '[]';

ALTER TABLE catalog_bundles ADD COLUMN former_names {json} NOT NULL DEFAULT '[]';
