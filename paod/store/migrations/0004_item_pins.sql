-- Items that are held at a revision. While one is, its row in catalog_items says what readers are
-- served; what the branch says in place of it is kept here, and comes back when it is released.

CREATE TABLE catalog_item_pins (
    item_id {reference} PRIMARY KEY REFERENCES catalog_items (id),
    pin_revision INTEGER NOT NULL,
    pin_reason TEXT NOT NULL,
    pin_since TEXT NOT NULL,
    branch_row TEXT NOT NULL
);
