-- Full text over what a row says of itself (search_text), whose words are folded already: they go into
-- the index as they are, without a dictionary or a parser that would see other words than SQLite's.

CREATE INDEX catalog_items_search ON catalog_items
USING gin (array_to_tsvector(string_to_array(search_text, ' ')));
CREATE INDEX catalog_bundles_search ON catalog_bundles
USING gin (array_to_tsvector(string_to_array(search_text, ' ')));
