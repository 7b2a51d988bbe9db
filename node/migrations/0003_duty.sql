-- Schema 3. Steps of obligations' timers: each stage once for an obligation and a due time. `obligation` is the digest of
-- its name, `subject` the key of the message that it is shown with; what the step says is its leaf.
CREATE TABLE duty_step (
    obligation BLOB NOT NULL,
    due_ms     INTEGER NOT NULL,
    stage      INTEGER NOT NULL,
    subject    BLOB NOT NULL,
    leaf       INTEGER NOT NULL UNIQUE,
    PRIMARY KEY (obligation, due_ms, stage)
) STRICT, WITHOUT ROWID;
CREATE INDEX duty_step_subject ON duty_step (subject);
