-- Full text over what a row says of itself (search_text), kept by the database.

CREATE VIRTUAL TABLE catalog_items_search USING fts5 (
    search_text, content = 'catalog_items', content_rowid = 'id', tokenize = 'unicode61'
);
CREATE TRIGGER catalog_items_search_insert AFTER INSERT ON catalog_items BEGIN
    INSERT INTO catalog_items_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER catalog_items_search_update AFTER UPDATE OF search_text ON catalog_items
WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO catalog_items_search (catalog_items_search, rowid, search_text)
    VALUES ('delete', old.id, old.search_text);
    INSERT INTO catalog_items_search (rowid, search_text) VALUES (new.id, new.search_text);
END;

CREATE VIRTUAL TABLE catalog_bundles_search USING fts5 (
    search_text, content = 'catalog_bundles', content_rowid = 'id', tokenize = 'unicode61'
);
CREATE TRIGGER catalog_bundles_search_insert AFTER INSERT ON catalog_bundles BEGIN
    INSERT INTO catalog_bundles_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
CREATE TRIGGER catalog_bundles_search_update AFTER UPDATE OF search_text ON catalog_bundles
WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO catalog_bundles_search (catalog_bundles_search, rowid, search_text)
    VALUES ('delete', old.id, old.search_text);
    INSERT INTO catalog_bundles_search (rowid, search_text) VALUES (new.id, new.search_text);
END;
