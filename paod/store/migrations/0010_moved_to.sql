-- Where the Git host redirects to, when the repository was renamed or transferred there.

ALTER TABLE catalog_head ADD COLUMN moved_to {text_c};
