-- Full text over what a row says of itself (search_text). The adapter keeps it, row by row: a trigger
-- would make FTS5 write its index out once for each row.

CREATE VIRTUAL TABLE catalog_items_search USING fts5 (search_text, tokenize = 'unicode61 remove_diacritics 0');
CREATE VIRTUAL TABLE catalog_bundles_search USING fts5 (search_text, tokenize = 'unicode61 remove_diacritics 0');
