-- What a dry run looked at beside the branch, and what it found: a proposal, as if it were merged.

ALTER TABLE catalog_sync_status ADD COLUMN requested_ref TEXT;
ALTER TABLE catalog_sync_status ADD COLUMN preview {json};
