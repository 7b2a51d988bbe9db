-- Schema 4. Requests that were done under a key of their caller's, so that whoever repeats one is answered as the first
-- time and nothing is sent twice. `name` is the digest of the caller and the key. Rows go after some days.
CREATE TABLE sent_once (
    name    BLOB PRIMARY KEY,
    request BLOB NOT NULL,
    at_ms   INTEGER NOT NULL,
    answer  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_once_at ON sent_once (at_ms);
