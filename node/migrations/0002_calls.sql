-- Schema 2. Telephone calls of this room: one row for each end's signed note, written here or delivered here. Which two
-- are of one call is worked out when it is asked; the columns are for finding them. `peer` is the room at the other
-- end, seen from here; `signed` is the officer's statement under the storage key.
CREATE TABLE call (
    row           INTEGER PRIMARY KEY,
    key           BLOB NOT NULL UNIQUE,
    peer          BLOB NOT NULL,
    code          TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    about         BLOB,
    case_id       BLOB,
    signed        BLOB NOT NULL
) STRICT;
CREATE INDEX call_peer ON call (peer, started_at_ms);
CREATE INDEX call_about ON call (about) WHERE about IS NOT NULL;
CREATE INDEX call_case ON call (case_id) WHERE case_id IS NOT NULL;
