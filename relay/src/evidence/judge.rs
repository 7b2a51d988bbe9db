//! From what verified to verdicts: each case is judged twice, by the attested intervals, which work, and by the proven
//! ones, which a dispute falls back on.

use std::collections::BTreeMap;

use topology::{Map, RoomId};

use super::{
    Listener, MessageAccount, Timed,
    account::{LineAccount, Rules},
};
use crate::{
    duty::{
        Finding, Interval,
        case::{Case, CaseLine, CaseMessage, Judged, TimedReceipt, judge_case},
        event::RuleKind,
        finding::Verdict,
    },
    envelope_id::EnvelopeKey,
    message::phone::pairing::{Note, pair},
};

/// One rule's verdict on one duty, by both grades.
#[derive(Debug, Clone)]
pub struct RuleVerdict {
    /// The report, the request or the instruction.
    pub subject: EnvelopeKey,
    /// The message that met it.
    pub answer: Option<EnvelopeKey>,
    /// Who owes.
    pub obliged: RoomId,
    /// Whom.
    pub towards: RoomId,
    /// What.
    pub kind: RuleKind,
    /// By attested times where there are such.
    pub working: Finding,
    /// By the root hub's time alone.
    pub proven: Verdict,
    /// Start and stop by the root hub's time alone.
    pub proven_times: [Option<Interval>; 2],
}

/// Is told messages and verdicts as they come.
pub trait Account {
    /// A message that verified.
    fn message(&mut self, map: &Map, message: &MessageAccount);
    /// An outage that verified.
    fn line(&mut self, map: &Map, line: &LineAccount) {
        let _ = (map, line);
    }
    /// A verdict; those of one case follow its messages.
    fn verdict(&mut self, map: &Map, verdict: RuleVerdict);
}

/// Gathers a case, judges it, and forgets it.
pub struct Judge<'a> {
    account: &'a mut dyn Account,
    rules: Option<Rules>,
    lines: Vec<CaseLine>,
    messages: Vec<MessageAccount>,
}

impl<'a> Judge<'a> {
    /// Tells this account.
    pub fn new(account: &'a mut dyn Account) -> Self {
        Self { account, rules: None, lines: Vec::new(), messages: Vec::new() }
    }

    /// Judges what was gathered last; to be called when the whole file has verified.
    pub fn finish(mut self) {
        self.flush();
    }

    fn flush(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        let Some(rules) = self.rules.as_ref().filter(|_| !messages.is_empty()) else { return };
        let working = self.judge(&messages, rules, Timed::working);
        let proven = self.judge(&messages, rules, |timed| &timed.proven);
        let proven: BTreeMap<_, &Finding> = proven
            .iter()
            .flat_map(|judged| judged.judgement.findings.iter().map(|f| (name(judged, f), f)))
            .collect();
        for judged in &working {
            for finding in &judged.judgement.findings {
                let by_root = proven.get(&name(judged, finding)).copied();
                self.account.verdict(&rules.map, verdict(judged, finding, by_root));
            }
        }
    }

    fn judge(
        &self,
        messages: &[MessageAccount],
        rules: &Rules,
        grade: impl Fn(&Timed) -> &Interval,
    ) -> Vec<Judged> {
        let notes = messages
            .iter()
            .filter_map(|message| Some(Note { key: message.key(), call: message.call.clone()? }));
        let case = Case {
            messages: messages.iter().map(|message| case_message(message, &grade)).collect(),
            calls: pair(notes.collect()),
            lines: self.lines.clone(),
            now: rules.now,
        };
        judge_case(&case, &rules.map, &rules.packs, &rules.calendars)
    }
}

type Name = (EnvelopeKey, RoomId, RoomId, String, String);

fn name(judged: &Judged, finding: &Finding) -> Name {
    let duty = &judged.duty;
    (duty.subject, duty.obliged, duty.towards, finding.pack.clone(), finding.rule.clone())
}

fn verdict(judged: &Judged, finding: &Finding, proven: Option<&Finding>) -> RuleVerdict {
    let duty = &judged.duty;
    RuleVerdict {
        subject: duty.subject,
        answer: duty.answer,
        obliged: duty.obliged,
        towards: duty.towards,
        kind: duty.kind,
        working: finding.clone(),
        proven: proven.map_or(Verdict::Undecidable, |proven| proven.verdict),
        proven_times: proven.map_or([None, None], |proven| [proven.start.clone(), proven.met.clone()]),
    }
}

fn case_message(message: &MessageAccount, grade: impl Fn(&Timed) -> &Interval) -> CaseMessage {
    let receipts = message.events.iter().map(|event| TimedReceipt {
        event: event.receipt.event,
        recipient: event.receipt.recipient,
        issuer: event.receipt.issuer,
        at: grade(&event.timed).clone(),
        said_at: event.receipt.at,
    });
    CaseMessage {
        key: message.key(),
        to: message.header.to.iter().map(|address| (address.room, address.role)).collect(),
        facts: message.facts.clone(),
        signed: message.signed.clone(),
        receipts: receipts.collect(),
    }
}

impl Listener for Judge<'_> {
    fn rules(&mut self, rules: Rules) {
        self.rules = Some(rules);
    }

    fn line(&mut self, line: LineAccount) {
        if let Some(rules) = &self.rules {
            self.account.line(&rules.map, &line);
        }
        // A link was down at the latest when it was noticed, and up again at the latest when it was noted.
        let LineAccount { line, .. } = line;
        self.lines.push(CaseLine {
            room: line.room,
            peer: line.peer,
            from: line.down_at,
            to: Some(line.up_at),
        });
    }

    fn message(&mut self, message: MessageAccount, begins: bool) {
        if begins {
            self.flush();
        }
        if let Some(rules) = &self.rules {
            self.account.message(&rules.map, &message);
        }
        self.messages.push(message);
    }
}
