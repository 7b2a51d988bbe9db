//! Which schema this program writes, and how an older one becomes it.

/// `PRAGMA application_id` of our files: "yich". `file` and a curious operator can tell whose database it is.
pub(super) const APPLICATION_ID: i64 = 0x7969_6368;
/// The mark of a backup of them: "yicb". No node opens it as its store.
pub(super) const BACKUP_ID: i64 = 0x7969_6362;

/// Each brings the schema from its place in the list to the next; the length of the list is the version
/// (`PRAGMA user_version`). What was released is never changed, only added to.
pub(super) const MIGRATIONS: [&str; 4] = [
    include_str!("../../../migrations/0001_store.sql"),
    include_str!("../../../migrations/0002_calls.sql"),
    include_str!("../../../migrations/0003_duty.sql"),
    include_str!("../../../migrations/0004_sent_once.sql"),
];

/// The schema that this program knows.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;
