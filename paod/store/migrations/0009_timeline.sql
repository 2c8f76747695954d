-- What tells one state of one database from every other, also once the database went back.

ALTER TABLE catalog_head ADD COLUMN timeline TEXT NOT NULL DEFAULT '';
ALTER TABLE catalog_head ADD COLUMN seal TEXT NOT NULL DEFAULT '';
ALTER TABLE catalog_head ADD COLUMN server TEXT;
ALTER TABLE catalog_head ADD COLUMN went_back_at {timestamp};
ALTER TABLE catalog_head ADD COLUMN went_back_from INTEGER;
ALTER TABLE catalog_head ADD COLUMN went_back_to INTEGER;

CREATE TABLE catalog_generations (
    epoch {text_c} PRIMARY KEY,
    timeline {text_c} NOT NULL,
    generation INTEGER NOT NULL
);
CREATE INDEX catalog_generations_by_timeline ON catalog_generations (timeline);
