//! What the command line asks the running node, one JSON document per line over the control socket, and what it
//! is answered.

use relay::message::{
    Kind,
    phone::{Direction, PhoneLine},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

pub use crate::problem::Problem;

/// One question or order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "verb", rename_all = "kebab-case", rename_all_fields = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Room, links, clock, certificates, disk. Answer: [`super::view::Status`].
    Status,
    /// Round trip to a room over the tree; with its hops. Answer: [`super::view::Trace`].
    Ping {
        /// Code, name or id.
        room: String,
        /// Milliseconds to wait.
        timeout_ms: u64,
    },
    /// Self-check. Answer: list of [`super::view::Check`].
    Doctor {
        /// Whether what the last reading of the whole database found will do; else it is read anew.
        kept: bool,
    },
    /// Sends a message. Answer: [`super::view::Sent`], only once `accepted` is committed.
    Send(Box<SendRequest>),
    /// What sending would do: which limits apply, what is missing, what would keep it back. Answer:
    /// [`super::view::Preview`].
    Preview(Box<SendRequest>),
    /// Keeps a form for somebody to sign it off. Answer: [`super::view::DraftLine`].
    DraftKeep(Box<DraftRequest>),
    /// Forms that wait to be signed off. Answer: list of [`super::view::DraftLine`].
    DraftList,
    /// One of them. Answer: [`super::view::Draft`].
    DraftShow {
        /// Its id.
        id: String,
    },
    /// Gives one back to whoever wrote it. Answer: null.
    DraftReturn {
        /// Its id.
        id: String,
        /// What is to be changed.
        note: String,
    },
    /// One was sent, or nobody wants it. Answer: null.
    DraftDrop {
        /// Its id.
        id: String,
    },
    /// The rooms of the map, and how this room may write to each. Answer: list of [`super::view::RoomLine`].
    Rooms,
    /// The cases that are known here, those with the newest message first. Answer: list of
    /// [`super::view::CaseLine`].
    Cases,
    /// Lines of the inbox, newest last. Answer: list of [`super::view::InboxLine`].
    Inbox {
        /// Acknowledged ones too.
        all: bool,
        /// The newest so many; 10,000 where it is not said, and at the most.
        #[serde(default)]
        newest: Option<u64>,
        /// Only what came before this one: its id or a unique beginning of it.
        #[serde(default)]
        before: Option<String>,
    },
    /// Messages that this room sent, newest last. Answer: list of [`super::view::SentLine`].
    Outbox {
        /// The newest so many; 10,000 where it is not said, and at the most.
        #[serde(default)]
        newest: Option<u64>,
        /// Only what was sent before this one: its id or a unique beginning of it.
        #[serde(default)]
        before: Option<String>,
    },
    /// One message, opened. Answer: [`super::view::Opened`].
    Show {
        /// Id or a unique beginning of it.
        id: String,
    },
    /// One attachment of a message. Answer: [`super::view::AttachmentFile`].
    Attachment {
        /// Id or a unique beginning of it.
        id: String,
        /// Its name.
        name: String,
    },
    /// Receipts of one message. Answer: list of [`super::view::ReceiptLine`].
    Receipts {
        /// Id or a unique beginning of it.
        id: String,
    },
    /// An officer acknowledges, opens, disposes or returns. Answer: null.
    Deed {
        /// Id or a unique beginning of it.
        id: String,
        /// `acknowledged`, `opened`, `disposed` or `returned`.
        event: String,
        /// The officer's name or id; empty where the officer has logged in.
        #[serde(default)]
        officer: String,
        /// The officer's password; empty where the officer has logged in.
        #[serde(default)]
        password: String,
        /// Why, for a return.
        #[serde(default)]
        reason: Option<String>,
    },
    /// The alarm rang for a message in an open page. It is signed where the node has no alarm of its own, which signs for
    /// itself. Answer: null.
    Rang {
        /// Id or a unique beginning of it.
        id: String,
    },
    /// Outages of this room's lines that are over, and what went when the line was back. Answer: list of
    /// [`super::view::Outage`].
    Outages,
    /// When officers silenced the alarm, the newest first. Answer: list of [`super::view::Silence`].
    Silences,
    /// The last day of each link of this node. Answer: list of [`super::view::LinkDay`].
    LinkDays,
    /// An officer notes a telephone call. Answer: [`super::view::Noted`].
    PhoneNote(Box<PhoneRequest>),
    /// Telephone calls. Answer: list of [`super::view::CallLine`].
    Calls,
    /// What can be proved about a message or its case, as one file. Answer: [`super::view::EvidenceFile`].
    EvidenceExport {
        /// Id or a unique beginning of it.
        id: String,
        /// The whole case.
        case: bool,
        /// With texts and attachments.
        text: bool,
        /// With personal blocks.
        personal: bool,
    },
    /// The proof that nothing came from a room in a time, as one file. Answer: [`super::view::EvidenceFile`].
    EvidenceSilence {
        /// Code, name or id.
        room: String,
        /// From this on, in milliseconds since 1970.
        from_ms: i64,
        /// Until before this, in milliseconds since 1970.
        to_ms: i64,
    },
    /// Queues by neighbour. Answer: list of [`super::view::QueueLine`].
    QueueList,
    /// One envelope's ways. Answer: [`super::view::QueueEntry`].
    QueueShow {
        /// Id or a unique beginning of it.
        id: String,
    },
    /// Sends an envelope again now. Answer: null.
    QueueRetry {
        /// Id or a unique beginning of it.
        id: String,
    },
    /// A one-time token for a room below this one. Answer: [`super::view::Invited`].
    Invite {
        /// Code, name or id.
        room: String,
        /// How long the token is good for, in seconds.
        ttl_s: u64,
        /// Whether possession of the token is enough: the six words are not compared.
        trust_token: bool,
    },
    /// Who is at the door. Answer: list of [`super::view::Joining`].
    InvitePending,
    /// Confirms the room whose six words these are. Answer: [`super::view::Joining`].
    InviteConfirm {
        /// The six words, in any case, separated by blanks.
        words: String,
    },
    /// A new officer. Answer: [`super::view::Officer`].
    OfficerAdd {
        /// Name.
        name: String,
        /// Role word such as `duty_officer`.
        role: String,
        /// First password.
        password: String,
    },
    /// Officers. Answer: list of [`super::view::Officer`].
    OfficerList,
    /// An officer leaves or has lost the key. Old acknowledgements stay valid. Answer: null.
    OfficerDisable {
        /// Name or id.
        officer: String,
    },
    /// Certificates of this node and of the rooms that it enrolled. Answer: list of [`super::view::Certificate`].
    CertificateList,
    /// Renews this node's TLS certificate now. Answer: [`super::view::Certificate`].
    CertificateRenew,
    /// Revokes the certificates of a room enrolled here. Answer: [`super::view::Certificate`].
    CertificateRevoke {
        /// Code, name or id.
        room: String,
        /// Why.
        reason: String,
    },
    /// The plan in force as TOML. Answer: [`super::view::MapText`].
    MapShow,
    /// The root hub reads and signs the rule packs and calendars that a map file chooses; nothing is in force by
    /// that. Answer: [`super::view::SignedDocuments`].
    RulesSign(Box<crate::rulebook::Wish>),
    /// Why limits applied to a message or did not. Answer: list of [`super::view::ExplainedDuty`].
    RulesExplain {
        /// Id or a unique beginning of it.
        id: String,
    },
    /// What this room owes and is owed. Answer: list of [`super::view::DueLine`].
    Due {
        /// What was met, too.
        all: bool,
        /// Only in the case of this message: its id or a unique beginning of it.
        #[serde(default)]
        about: Option<String>,
    },
    /// What would be in force if a map file were applied; nothing is signed. Answer: [`super::view::RulesPreview`].
    RulesPreview(Box<crate::rulebook::Wish>),
    /// The rule packs and calendars in force here. Answer: [`super::view::RulesInForce`].
    RulesList,
    /// A newer signed plan is put in force and spread. Answer: [`super::view::MapText`].
    MapApply {
        /// The signed plan, in base64.
        plan: String,
        /// The rule packs and calendars that it names and that are not in force yet, in base64.
        #[serde(default)]
        documents: Vec<String>,
    },
    /// Cuts or heals a link; only under a demo authority. Answer: null.
    Link {
        /// Code, name or id of the neighbour.
        room: String,
        /// True cuts.
        cut: bool,
    },
    /// Moves or scales the node's clock; only under a demo authority. Answer: null.
    Clock {
        /// Milliseconds forward (or back), a century at most.
        shift_ms: i64,
        /// How many times as fast, 1 to 3600.
        #[schema(minimum = 1, maximum = 3600)]
        speed: u32,
        /// Since this moment of the machine's time, in milliseconds since 1970; since now when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since_ms: Option<i64>,
    },
    /// How many messages this room has sent, and how many delivered receipts have come back. Answer:
    /// [`super::view::Progress`].
    Progress,
    /// Waits until a message sent here has a receipt of this event. Answer: null, or `await_timeout`.
    Await {
        /// Id.
        id: String,
        /// The event's word.
        event: String,
        /// Milliseconds to wait.
        timeout_ms: u64,
    },
    /// A person knows what this node lost. Answer: null.
    LossAccept,
    /// Stops the node in good order. Answer: null.
    Stop,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// The message kind's word, such as `report` or `verify.request`.
    #[schema(schema_with = kinds)]
    pub kind: String,
    /// 主送: codes, names or ids.
    pub to: Vec<String>,
    /// 抄送.
    #[serde(default)]
    pub cc: Vec<String>,
    /// The message file's text, TOML.
    #[serde(default)]
    pub file: Option<String>,
    /// Its name, for error messages.
    #[serde(default)]
    pub file_name: Option<String>,
    /// Attachments named in the file: name and content in base64.
    #[serde(default)]
    pub attachments: Vec<(String, String)>,
    /// Plain text instead of a file.
    #[serde(default)]
    pub text: Option<String>,
    /// `flash`, `immediate`, `priority`, `routine`; the kind's own when absent.
    #[serde(default)]
    pub precedence: Option<String>,
    /// `actual`, `exercise` or `test`.
    #[serde(default)]
    pub status: Option<String>,
    /// Why a level is bypassed.
    #[serde(default)]
    pub skip_level: Option<String>,
    /// Why a report is sent after a limit has passed.
    #[serde(default)]
    pub late_reason: Option<String>,
    /// Whether somebody can be asked for that reason: then nothing is sent without it, and the caller asks once.
    #[serde(default)]
    pub asks_late_reason: bool,
    /// Whether somebody can be asked about much the same message that left minutes ago: then nothing is sent, and the
    /// caller asks once.
    #[serde(default)]
    pub asks_repeat: bool,
    /// The id of the message that this one answers, follows or recalls.
    #[serde(default)]
    pub relates_to: Option<String>,
    /// A written answer is wanted.
    #[serde(default)]
    pub written: bool,
    /// Seconds until it expires; three days when absent.
    #[serde(default)]
    pub expires_in_s: Option<u64>,
    /// The caller's key for this request: given again, nothing is sent again and the answer is the same.
    #[serde(default)]
    pub idempotency_key: Option<String>,
}

/// A form to be signed off.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftRequest {
    /// The draft whose place it takes.
    #[serde(default)]
    pub id: Option<String>,
    /// The message kind's word.
    #[schema(schema_with = kinds)]
    pub kind: String,
    /// The title.
    pub title: String,
    /// The form's fields: names and values.
    pub fields: Vec<(String, String)>,
    /// The id of the message, where it has left without a signature.
    #[serde(default)]
    pub message: Option<String>,
}

/// A telephone call to note.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneRequest {
    /// `out` or `in`.
    #[schema(schema_with = directions)]
    pub direction: String,
    /// The room at the other end: code, name or id.
    pub room: String,
    /// The code that was heard; a caller's is drawn.
    #[serde(default)]
    pub code: Option<String>,
    /// `ordinary` or `secure`.
    #[schema(schema_with = phone_lines)]
    pub line: String,
    /// Id of the message, or of the case, that it was about.
    #[serde(default)]
    pub about: Option<String>,
    /// What was said.
    pub text: String,
    /// The matter is sensitive.
    #[serde(default)]
    pub sensitive: bool,
    /// When it began, as the officer says; now when absent.
    #[serde(default)]
    pub started_at_ms: Option<i64>,
    /// When it ended, as the officer says; now when absent.
    #[serde(default)]
    pub ended_at_ms: Option<i64>,
    /// The officer's name or id; empty where the officer has logged in.
    #[serde(default)]
    pub officer: String,
    /// The officer's password; empty where the officer has logged in.
    #[serde(default)]
    pub password: String,
    /// `flash`, `immediate`, `priority`, `routine`; the kind's own when absent.
    #[serde(default)]
    pub precedence: Option<String>,
    /// `actual`, `exercise` or `test`.
    #[serde(default)]
    pub status: Option<String>,
    /// Seconds until the note expires; three days when absent.
    #[serde(default)]
    pub expires_in_s: Option<u64>,
    /// The caller's key for this request: given again, nothing is noted again.
    #[serde(default)]
    pub idempotency_key: Option<String>,
}

/// The answer on the socket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Done; what was asked for.
    Ok(Value),
    /// Not done, and nothing was changed.
    Error(Problem),
}

fn kinds() -> Object {
    one_of(Kind::ALL.map(Kind::word))
}

fn directions() -> Object {
    one_of(Direction::ALL.iter().map(|direction| direction.word()))
}

fn phone_lines() -> Object {
    one_of(PhoneLine::ALL.iter().map(|line| line.word()))
}

/// What the OpenAPI document says of a word of a closed list.
fn one_of(words: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}
