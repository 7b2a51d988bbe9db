//! What the node answers: the shapes that `--json` prints and that tables are made of. Times are milliseconds since
//! 1970, UTC.

use serde::{Deserialize, Serialize};

/// A room as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// The permanent id.
    pub id: String,
    /// Its present code, short where possible.
    pub code: String,
    /// Its present Chinese name.
    pub name: String,
    /// Its English name, or the Chinese one.
    pub name_en: String,
    /// The duty telephone.
    pub telephone: Option<String>,
}

/// `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// This room.
    pub room: Room,
    /// The program's version.
    pub version: String,
    /// Address of the console; null while there is none.
    pub console: Option<String>,
    /// The network's label.
    pub network: String,
    /// Version of the plan in force.
    pub map_version: u64,
    /// Whether this is a demo network.
    pub demo: bool,
    /// The node's process id.
    pub pid: u32,
    /// When the node started.
    pub started_at_ms: i64,
    /// Every neighbour, parent first.
    pub links: Vec<Link>,
    /// The clock.
    pub clock: ClockState,
    /// Certificates.
    pub certificates: CertificateState,
    /// The disk.
    pub disk: Disk,
    /// Messages in the inbox that no officer has acknowledged.
    pub unacknowledged: u64,
    /// The log and its dates.
    #[serde(default)]
    pub log: LogState,
    /// The time limits.
    #[serde(default)]
    pub duties: DutyState,
}

/// The time limits of what this room owes and is owed, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyState {
    /// With a due time, and not met.
    pub open: usize,
    /// Of those, half of whose time is over.
    pub warned: usize,
    /// Overdue, and no officer has taken notice.
    pub alarms: usize,
    /// Whose the furthest of these is: the role's word.
    pub role: Option<String>,
}

/// The log in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogState {
    /// Leaves.
    pub size: u64,
    /// Leaves under the newest head that the root hub has dated.
    pub dated_size: u64,
    /// When it dated that head.
    pub dated_at_ms: Option<i64>,
    /// For how long leaves have waited for a date although a parent is up; null when none waits or none is up.
    pub undated_ms: Option<i64>,
    /// Age of the newest tick.
    pub tick_age_ms: Option<i64>,
    /// Logs of children that did not continue what was held of them.
    pub breaks: Vec<HistoryBreak>,
    /// What this node lost, until and after it was accepted.
    pub loss: Option<Loss>,
}

/// Breaks of one child's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryBreak {
    /// Whose.
    pub room: Room,
    /// Whether the child itself says that it lost what was before, as after a restored backup.
    pub declared: bool,
    /// How many.
    pub count: u64,
    /// When the last was found.
    pub at_ms: i64,
}

/// What this node lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// When the backup that it was restored from was made; null when its directory was put back by other means.
    pub backup_made_at_ms: Option<i64>,
    /// Leaves of the log in that backup.
    pub backup_leaves: Option<u64>,
    /// The parent that holds what is lost here; null while none has said that anything is.
    pub held_by: Option<Room>,
    /// The first leaf that is lost.
    pub from: Option<u64>,
    /// The last one that the parent knows of.
    pub to: Option<u64>,
    /// The root over the log up to there.
    pub root: Option<String>,
    /// When the parent said so.
    pub seen_at_ms: Option<i64>,
    /// When a person said that it is known.
    pub accepted_at_ms: Option<i64>,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The neighbour.
    pub room: Room,
    /// `parent`, `alternate` or `child`.
    pub role: String,
    /// `up`, `down`, `connecting` or `cut`.
    pub state: String,
    /// `quic`, or null while down.
    pub transport: Option<String>,
    /// Round trip in milliseconds.
    pub rtt_ms: Option<f64>,
    /// By how much the neighbour's clock is ahead: at least, at most.
    pub offset_ms: Option<[i64; 2]>,
    /// Envelopes that wait for it.
    pub queued: u64,
    /// Age of the oldest of them.
    pub oldest_ms: Option<i64>,
    /// When the state began.
    pub since_ms: i64,
    /// Why it is down, a code of the catalogue.
    pub reason: Option<String>,
    /// The neighbour's program version.
    pub software: Option<String>,
}

/// The clock's health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockState {
    /// Now.
    pub now_ms: i64,
    /// Whether this is the root, whose clock is the network's.
    pub is_reference: bool,
    /// The parent's clock against ours.
    pub offset_ms: Option<[i64; 2]>,
    /// Whether expiry may be decided by it.
    pub trusted: bool,
}

/// The certificates in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateState {
    /// End of the TLS certificate.
    pub tls_not_after_ms: i64,
    /// Whole days until then.
    pub tls_days_left: i64,
    /// End of the issuing certificate of a hub.
    pub issuing_not_after_ms: Option<i64>,
    /// Sheets held.
    pub sheets: u64,
}

/// The disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// `normal`, `low` or `critical`.
    pub level: String,
    /// Free bytes on the volume.
    pub free_bytes: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
}

/// `ping` and `trace`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Round trip in milliseconds.
    pub rtt_ms: f64,
    /// The rooms passed, from here to there, with their own time.
    pub hops: Vec<Hop>,
}

/// One room on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The room.
    pub room: Room,
    /// Its time.
    pub at_ms: i64,
}

/// One line of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// A code of the catalogue.
    pub code: String,
    /// `ok`, `warning` or `failed`.
    pub state: String,
    /// Values that the sentence needs.
    pub details: std::collections::BTreeMap<String, String>,
}

/// `send`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The envelope's id.
    pub id: String,
    /// Rooms that got a copy because they were bypassed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copied_to: Vec<Room>,
    /// Recommended elements that are missing, in Chinese.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// What the root hub has signed for a map that is about to be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDocuments {
    /// As the plan is to name them.
    pub in_force: crate::rulebook::InForce,
    /// The signed bytes, in base64.
    pub documents: Vec<String>,
}

/// What would be in force, beside what is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesPreview {
    /// Packs as `name@version`.
    pub packs: Vec<String>,
    /// Years of the calendar.
    pub calendars: Vec<i16>,
    /// Packs that the plan in force names.
    pub packs_now: Vec<String>,
    /// Years that it names.
    pub calendars_now: Vec<i16>,
}

/// `rules ls` at a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesInForce {
    /// Version of the plan that names them.
    pub map_version: u64,
    /// The packs that are here.
    pub packs: Vec<PackLine>,
    /// The years that are here.
    pub calendars: Vec<CalendarLine>,
    /// What the plan names and is not here yet.
    pub missing: Vec<String>,
}

/// One rule pack in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackLine {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// SHA-256 of the signed bytes, in hex.
    pub digest: String,
    /// Who signed it.
    pub issuer: Room,
    /// The document's title.
    pub title: String,
    /// The title in English.
    pub title_en: String,
    /// The document's number.
    pub document: String,
    /// The pack that it tightens.
    pub base: Option<String>,
    /// First instant at which it judges, Beijing time.
    pub effective: String,
    /// First instant at which it judges no more.
    pub repealed: Option<String>,
    /// How many rules.
    pub rules: u64,
    /// How many duties without a clock.
    pub duties: u64,
}

/// One year of the calendar in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarLine {
    /// The year.
    pub year: i16,
    /// SHA-256 of the signed bytes, in hex.
    pub digest: String,
    /// Who signed it.
    pub issuer: Room,
    /// Where its data comes from.
    pub source: String,
}

/// `rules explain`: one duty of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedDuty {
    /// What is owed, a rule kind's word such as `verify.reply`.
    pub kind: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// Id of the report, the request or the instruction.
    pub subject: String,
    /// Id of the message that meets it.
    pub answer: Option<String>,
    /// Who owes.
    pub obliged: Room,
    /// Whom.
    pub towards: Room,
    /// The rules that apply.
    pub rules: Vec<ExplainedRule>,
    /// The rules that do not.
    pub set_aside: Vec<SetAsideRule>,
}

/// A rule that applies. Times are RFC 3339, Beijing time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedRule {
    /// Its id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// The pack's version.
    pub pack_version: u32,
    /// `must`, `strive`, `principle`, `may`.
    pub force: String,
    /// `phone`, `written`, `any` ...
    pub channel: String,
    /// Document number and place.
    pub clause: String,
    /// What it demands, Chinese.
    pub says: String,
    /// The same in English.
    pub says_en: String,
    /// The limit as the pack writes it.
    pub limit: String,
    /// The event at which the clock starts.
    pub start_event: String,
    /// `stated`, `implied` or `local`.
    pub basis: String,
    /// When that was, by attested times.
    pub start: Option<Moment>,
    /// When it is due.
    pub due: Option<String>,
    /// The event that stops it.
    pub stop_event: String,
    /// When that was, by attested times.
    pub met: Option<Moment>,
    /// Milliseconds that were left, or are left now; negative when it is late.
    pub margin_ms: Option<i64>,
    /// The verdict to the delivery, or to the end of the call.
    pub verdict: String,
    /// By how much it is late.
    pub late_by_ms: Option<i64>,
    /// The verdict to the first custody.
    pub sent_verdict: Option<String>,
    /// Where a delay lies.
    pub cause: Option<String>,
    /// The verdict by the root hub's time alone.
    pub proven_verdict: String,
    /// The start by that time.
    pub proven_start: Option<Moment>,
    /// The stop by that time.
    pub proven_met: Option<Moment>,
    /// The same rule on another clock.
    pub alternative: Option<OtherClock>,
    /// Everything else, as `name` or `name:detail`.
    pub flags: Vec<String>,
}

/// Between which times something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Not before.
    pub earliest: Option<String>,
    /// Not after.
    pub latest: Option<String>,
    /// Which witness would narrow it.
    pub missing: Option<String>,
}

/// The same rule on another clock, where the document leaves the start open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherClock {
    /// The event at which it starts.
    pub start_event: String,
    /// When that was.
    pub start: Moment,
    /// When it is due then.
    pub due: Option<String>,
    /// The verdict then.
    pub verdict: String,
}

/// A rule that does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsideRule {
    /// Its id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// Document number and place.
    pub clause: String,
    /// `other_kind`, `condition`, `not_started` ...
    pub reason: String,
    /// What decided.
    pub detail: String,
}

/// `inbox --due`: one stage of one rule for one case. Times are RFC 3339, Beijing time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueLine {
    /// The rule's id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// What is owed.
    pub kind: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// How strongly it binds.
    pub force: String,
    /// By which way it is met.
    pub channel: String,
    /// Id of the report, the request or the instruction.
    pub subject: String,
    /// Who owes.
    pub obliged: Room,
    /// Whom.
    pub towards: Room,
    /// The event at which the clock started.
    pub start_event: String,
    /// When that was.
    pub start: Option<String>,
    /// When it is due; absent without a number.
    pub due: Option<String>,
    /// When it was met.
    pub met_at: Option<String>,
    /// `open`, `met` or `breached`.
    pub state: String,
    /// Where a delay lies.
    pub cause: Option<String>,
    /// Milliseconds left while it is not met; negative when it is overdue.
    pub remaining_ms: Option<i64>,
    /// `half`, `most`, `breach`, `leader`, `parent`: how far its timer has come while it is not met.
    #[serde(default)]
    pub stage: Option<String>,
    /// Whose it is now: the role's word, until an officer acknowledges.
    #[serde(default)]
    pub role: Option<String>,
    /// Whether an officer has taken notice of it.
    #[serde(default)]
    pub acknowledged: bool,
}

/// One line of the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxLine {
    /// The envelope's id.
    pub id: String,
    /// The kind's word.
    pub kind: String,
    /// The precedence's word.
    pub precedence: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// `action` or `info`.
    pub role: String,
    /// Who sent it.
    pub origin: Room,
    /// The title.
    pub title: String,
    /// When it was delivered.
    pub delivered_at_ms: i64,
    /// Whether an officer has acknowledged it.
    pub acknowledged: bool,
    /// Its number from this origin.
    pub nr: u64,
    /// Numbers before it from the same origin and epoch that have not come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_nr: Vec<u64>,
}

/// One line of what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentLine {
    /// The envelope's id.
    pub id: String,
    /// The kind's word.
    pub kind: String,
    /// The precedence's word.
    pub precedence: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// The title.
    pub title: String,
    /// When it was accepted.
    pub accepted_at_ms: i64,
    /// Each recipient and what is known: `queued`, `custody`, `delivered`, `acknowledged`, `unconfirmed`, ...
    pub recipients: Vec<(Room, String)>,
}

/// `show`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The envelope's id.
    pub id: String,
    /// The kind's word.
    pub kind: String,
    /// The precedence's word.
    pub precedence: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// Who sent it.
    pub origin: Room,
    /// Recipients with `action` or `info`.
    pub to: Vec<(Room, String)>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it expires.
    pub expires_at_ms: i64,
    /// The lines of the message: Chinese label, English label, value.
    pub lines: Vec<(String, String, String)>,
    /// The whole message as data.
    pub message: serde_json::Value,
    /// Attachments: name, media type, bytes.
    pub attachments: Vec<(String, String, u64)>,
    /// SHA-256 of the signed header, in hex.
    pub digest: String,
}

/// `phone out` and `phone in`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The id of the note's envelope.
    pub id: String,
    /// The three characters to be read aloud.
    pub code: String,
    /// The other end.
    pub peer: Room,
    /// `out` or `in`.
    pub direction: String,
    /// `paired`, `conflicting` or `claimed`, as far as is known now.
    pub state: String,
    /// The case that the call belongs to.
    pub case: Option<String>,
    /// A sensitive matter was spoken of on an ordinary telephone.
    pub secrecy_warning: bool,
    /// Rooms that got a copy because they were bypassed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copied_to: Vec<Room>,
}

/// One telephone call. Its times are declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLine {
    /// The three characters.
    pub code: String,
    /// The other end.
    pub peer: Room,
    /// `out` when this room rang, `in` when it was rung.
    pub direction: String,
    /// `paired` counts for a rule; `claimed` and `conflicting` do not.
    pub state: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// `ordinary` or `secure`; null when the two ends do not agree.
    pub line: Option<String>,
    /// The earlier of the declared starts.
    pub started_at_ms: i64,
    /// t2: the later of the declared ends.
    pub ended_at_ms: i64,
    /// The message that it was about.
    pub about: Option<String>,
    /// The case that it belongs to.
    pub case: Option<String>,
    /// Whether either end calls the matter sensitive.
    pub sensitive: bool,
    /// A sensitive matter was spoken of on an ordinary telephone.
    pub secrecy_warning: bool,
    /// In what the two ends contradict each other: `line`, `about`, `case`, `ended_at`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// The signed notes, the caller's first.
    pub notes: Vec<CallNote>,
}

/// One end's signed note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallNote {
    /// The id of its envelope.
    pub id: String,
    /// Whose note.
    pub room: Room,
    /// `out` or `in`, as that room saw it.
    pub direction: String,
    /// `ordinary` or `secure`.
    pub line: String,
    /// Who signed.
    pub officer: String,
    /// In which capacity: a role's word.
    pub officer_role: String,
    /// The declared start.
    pub started_at_ms: i64,
    /// The declared end.
    pub ended_at_ms: i64,
    /// The message that it names.
    pub about: Option<String>,
    /// Whether it calls the matter sensitive.
    pub sensitive: bool,
}

/// One receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// The event's word.
    pub event: String,
    /// t5, t6 ...
    pub mark: String,
    /// For whom: the room's code.
    pub recipient: String,
    /// Who says it: the room's code.
    pub issuer: String,
    /// The recipient's Chinese name.
    pub recipient_name: String,
    /// The issuer's Chinese name.
    pub issuer_name: String,
    /// When, by the issuer's clock.
    pub at_ms: i64,
    /// The issuer's clock against its parent's.
    pub offset_ms: Option<[i64; 2]>,
    /// The officer's name.
    pub officer: Option<String>,
    /// The officer's role word.
    pub officer_role: Option<String>,
    /// Why: a code.
    pub reason: Option<String>,
    /// What was added to the reason.
    pub reason_text: Option<String>,
    /// The issuer's run.
    pub epoch: u64,
    /// Leaf number in the issuer's log.
    pub seq: u64,
    /// Milliseconds since the receipt before it for this recipient.
    pub spent_ms: Option<i64>,
    /// Whether it came after the terminal outcome: a supplement.
    pub supplement: bool,
}

/// One neighbour's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueLine {
    /// The envelope's id.
    pub id: String,
    /// Its origin.
    pub origin: Room,
    /// Whose queue.
    pub neighbour: Room,
    /// The precedence's word.
    pub precedence: String,
    /// Since when.
    pub since_ms: i64,
    /// Bytes.
    pub size_bytes: u64,
}

/// One envelope's ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// The envelope's id.
    pub id: String,
    /// Its origin.
    pub origin: Room,
    /// The precedence's word.
    pub precedence: String,
    /// When it expires.
    pub expires_at_ms: i64,
    /// One for each recipient.
    pub ways: Vec<Way>,
}

/// One recipient's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// Whom it is for.
    pub recipient: Room,
    /// `waiting`, `sent`, `held`, `here`, `ended`.
    pub state: String,
    /// With whom it is.
    pub neighbour: Option<Room>,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent again.
    pub resend_at_ms: Option<i64>,
    /// The terminal outcome's word.
    pub outcome: Option<String>,
}

/// `invite`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The room that may join with it.
    pub room: Room,
    /// The token.
    pub token: String,
    /// When it expires.
    pub expires_at_ms: i64,
}

/// A room at the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joining {
    /// The room.
    pub room: Room,
    /// The six words to compare over the telephone.
    pub words: String,
    /// `waiting`, `confirmed`.
    pub state: String,
}

/// An officer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Officer {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The role's word.
    pub role: String,
    /// Since when.
    pub since_ms: i64,
    /// Whether the officer was disabled.
    pub disabled: bool,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Whose.
    pub room: Room,
    /// `tls` or `issuing`.
    pub purpose: String,
    /// The serial number in hex.
    pub serial: String,
    /// Its end.
    pub not_after_ms: i64,
    /// Whole days left.
    pub days_left: i64,
    /// Since when it is revoked.
    pub revoked_at_ms: Option<i64>,
}

/// `map show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapText {
    /// Version.
    pub version: u64,
    /// The map in the form that people write.
    pub toml: String,
}

/// How far the messages of this room have come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Messages accepted here since the node started.
    pub accepted: u64,
    /// Delivered receipts that came back since the node started.
    pub delivered: u64,
}

/// An evidence file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFile {
    /// Its bytes in base64.
    pub bytes: String,
    /// Messages in it.
    pub messages: u64,
    /// Receipts in it.
    pub receipts: u64,
}
