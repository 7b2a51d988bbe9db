-- Schema 1. A key is 32 bytes: the origin's room id, then the envelope's id. Times are milliseconds since 1970.
-- `check_sum` is the first 8 bytes of a SHA-256 over key and content: what SQLite itself does not notice is found
-- on reading.

-- What travels. Bytes here never change but for wrapped keys that are added; a body that was pruned is null.
CREATE TABLE envelope (
    row         INTEGER PRIMARY KEY,
    key         BLOB NOT NULL UNIQUE,
    header      BLOB NOT NULL,
    keys        BLOB NOT NULL,
    content_key BLOB,
    summary     BLOB,
    body        BLOB
) STRICT;

-- What is remembered of an envelope; `state` holds all of it, the other columns are for finding it.
CREATE TABLE record (
    key            BLOB NOT NULL PRIMARY KEY,
    source         BLOB,
    class          INTEGER NOT NULL,
    held           INTEGER NOT NULL,
    prunable       INTEGER NOT NULL,
    size_bytes     INTEGER NOT NULL,
    due_at_ms      INTEGER,
    received_at_ms INTEGER NOT NULL,
    check_sum      INTEGER NOT NULL,
    state          BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX record_due ON record (due_at_ms, key) WHERE due_at_ms IS NOT NULL;
CREATE INDEX record_held ON record (held, source, class, size_bytes) WHERE held = 1;
CREATE INDEX record_prunable ON record (key) WHERE prunable = 1;
CREATE INDEX record_sent ON record (received_at_ms, key) WHERE source IS NULL;
CREATE INDEX record_id ON record (substr(key, 17));

-- What waits, most urgent and oldest first. A place is 57 bytes: neighbour (16), class (1), milliseconds since
-- 1970 plus 2^63, big-endian (8), key (32).
CREATE TABLE queue (
    place BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Signed evidence, own and foreign. Each is a leaf of our log, and `seq` of an own one is its number: never taken twice.
CREATE TABLE receipt (
    row        INTEGER PRIMARY KEY,
    key        BLOB NOT NULL,
    event      INTEGER NOT NULL,
    own        INTEGER NOT NULL,
    recipient  BLOB NOT NULL,
    issuer     BLOB NOT NULL,
    epoch      INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    at_ms      INTEGER NOT NULL,
    leaf       INTEGER NOT NULL,
    outbox_to  BLOB,
    outbox_nr  INTEGER,
    check_sum  INTEGER NOT NULL,
    bytes      BLOB NOT NULL
) STRICT;
CREATE INDEX receipt_key ON receipt (key);
CREATE UNIQUE INDEX receipt_leaf ON receipt (leaf);
CREATE UNIQUE INDEX receipt_outbox ON receipt (outbox_to, outbox_nr) WHERE outbox_to IS NOT NULL;

-- Where each neighbour's outbox stands: the next number outlives every receipt.
CREATE TABLE outbox_cursor (
    neighbour   BLOB NOT NULL PRIMARY KEY,
    next_nr     INTEGER NOT NULL,
    stored_upto INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was delivered here.
CREATE TABLE inbox (
    row             INTEGER PRIMARY KEY,
    key             BLOB NOT NULL UNIQUE,
    origin          BLOB NOT NULL,
    kind            INTEGER NOT NULL,
    nr              INTEGER NOT NULL,
    epoch_counter   INTEGER NOT NULL,
    epoch_nonce     BLOB NOT NULL,
    delivered_at_ms INTEGER NOT NULL,
    acknowledged    INTEGER NOT NULL DEFAULT 0,
    opened          INTEGER NOT NULL DEFAULT 0,
    disposed        INTEGER NOT NULL DEFAULT 0,
    returned        INTEGER NOT NULL DEFAULT 0,
    alerted         INTEGER NOT NULL DEFAULT 0,
    summary         BLOB NOT NULL
) STRICT;
CREATE INDEX inbox_open ON inbox (row) WHERE acknowledged = 0;
CREATE INDEX inbox_silent ON inbox (row) WHERE alerted = 0;
CREATE INDEX inbox_number ON inbox (origin, epoch_counter, epoch_nonce, nr);

-- Other signed headers that came under an id that was taken.
CREATE TABLE collision (
    key    BLOB NOT NULL,
    digest BLOB NOT NULL,
    header BLOB NOT NULL,
    PRIMARY KEY (key, digest)
) STRICT;

-- The runs of this node, each with its signed leaf.
CREATE TABLE epoch (
    counter INTEGER PRIMARY KEY,
    nonce   BLOB NOT NULL,
    seq     INTEGER NOT NULL UNIQUE,
    bytes   BLOB NOT NULL
) STRICT;

-- The Merkle log: the hashes of its leaves, a row for each commit, and the roots of its complete subtrees of 256 leaves
-- and more.
CREATE TABLE log (
    first  INTEGER PRIMARY KEY,
    hashes BLOB NOT NULL
) STRICT;
CREATE TABLE log_subtree (
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;

-- Leaves whose bytes stand in no other table: children's checkpoints (0), outages (1), plans and sheets (2).
CREATE TABLE log_object (
    leaf  INTEGER PRIMARY KEY,
    kind  INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX log_object_kind ON log_object (kind, leaf);

-- The root hub's time. What nothing cites is dropped after some days.
CREATE TABLE tick (
    at_ms  INTEGER NOT NULL,
    digest BLOB NOT NULL,
    cited  INTEGER NOT NULL,
    bytes  BLOB NOT NULL,
    PRIMARY KEY (at_ms, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX tick_uncited ON tick (at_ms) WHERE cited = 0;

-- Our signed heads, and when the root hub had them, with its proof.
CREATE TABLE checkpoint (
    size        INTEGER PRIMARY KEY,
    root        BLOB,
    bytes       BLOB NOT NULL,
    dated_at_ms INTEGER,
    anchor      BLOB
) STRICT;
CREATE INDEX checkpoint_dated ON checkpoint (size) WHERE dated_at_ms IS NOT NULL;

-- The head that is held of each child's log.
CREATE TABLE child_head (
    room  BLOB NOT NULL PRIMARY KEY,
    leaf  INTEGER NOT NULL,
    size  INTEGER NOT NULL,
    root  BLOB NOT NULL,
    bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A child's log that does not continue the head that was held: both, as evidence. Never deleted.
CREATE TABLE history_break (
    row      INTEGER PRIMARY KEY,
    room     BLOB NOT NULL,
    declared INTEGER NOT NULL,
    held     BLOB NOT NULL,
    shown    BLOB NOT NULL,
    at_ms    INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    UNIQUE (room, held, shown)
) STRICT;

-- Each link as it was last.
CREATE TABLE link_state (
    neighbour BLOB NOT NULL PRIMARY KEY,
    down      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What was found damaged. Never deleted.
CREATE TABLE quarantine (
    row    INTEGER PRIMARY KEY,
    what   TEXT NOT NULL,
    key    BLOB NOT NULL,
    reason TEXT NOT NULL,
    bytes  BLOB NOT NULL,
    at_ms  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    UNIQUE (what, key, bytes)
) STRICT;
