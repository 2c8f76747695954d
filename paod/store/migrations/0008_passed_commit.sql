-- The branch's newest commit that deliveries showed to change nothing under the root since the
-- applied one, so that the next delivery may start there and readers learn what became of it.

ALTER TABLE catalog_head ADD COLUMN passed_commit {text_c};
