-- Which sync wrote the rows last: what a worker keeps in memory is of these rows, or is read again.

ALTER TABLE catalog_head ADD COLUMN applied_sync INTEGER;
