-- Whose settings made the catalog: machines that share it may have others.

ALTER TABLE catalog_head ADD COLUMN applied_with {json};
