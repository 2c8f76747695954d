-- Counts for metrics that outlive the rows they count, and the way from a sync to those it stood for.

CREATE TABLE counters (
    counter {text_c} NOT NULL,
    label {text_c} NOT NULL,
    detail {text_c} NOT NULL,
    total {reference} NOT NULL,
    PRIMARY KEY (counter, label, detail)
);

CREATE INDEX catalog_sync_status_by_successor ON catalog_sync_status (superseded_by);
