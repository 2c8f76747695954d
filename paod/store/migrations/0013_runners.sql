-- Who runs a dry run, so that what it left when it was killed is ended by the next one in its place.

ALTER TABLE catalog_sync_status ADD COLUMN runner TEXT;

-- What a file's verdict took, counted: the verdict on a commit must not depend on who saw its files before.
ALTER TABLE catalog_files ADD COLUMN units INTEGER NOT NULL DEFAULT 0;
