//! What a case owes, by the packs of the program, on a small map.

mod calls;

use topology::{Dated, Level, Name, Plan, Room};

use super::*;
use crate::{
    duty::{builtin, finding::Verdict, mark::Mark},
    envelope_id::EnvelopeId,
    message::{DeclaredTime, Kind, field::Severity, occurrence::Occurrence},
};

const PROVINCE: RoomId = RoomId::from_bytes([1; 16]);
const CITY: RoomId = RoomId::from_bytes([2; 16]);
const COUNTY: RoomId = RoomId::from_bytes([3; 16]);
/// 2026-11-22 10:00 Beijing time.
const T0: i64 = 1_795_312_800_000;

fn minutes(after: i64) -> i64 {
    T0 + after * 60_000
}

fn map() -> Map {
    let room = |id, code: &str, level, parent| Room {
        id,
        level,
        codes: vec![Dated::always(code.parse().unwrap())],
        names: vec![Dated::always(Name { zh: format!("{code} 值班室"), en: None })],
        parent,
        alternates: Vec::new(),
        address: Some(format!("127.0.0.1:{}", 7000 + u16::from(id_byte(id)))),
        telephone: None,
        relations: Vec::new(),
        valid_from_ms: None,
        valid_to_ms: None,
    };
    let rooms = vec![
        room(PROVINCE, "410000", Level::Province, None),
        room(CITY, "411300", Level::City, Some(PROVINCE)),
        room(COUNTY, "411322", Level::County, Some(CITY)),
    ];
    let (v, network) = (Plan::FORMAT, "henan".to_owned());
    Map::new(Plan {
        v,
        network,
        version: 1,
        issued_at_ms: 0,
        demo: false,
        rooms,
        packs: vec![],
        calendars: vec![],
    })
    .unwrap()
}

fn id_byte(id: RoomId) -> u8 {
    id.as_bytes()[0]
}

fn point(minute: i64) -> Interval {
    Interval::point(Timestamp::from_ms(minutes(minute)))
}

fn facts(kind: Kind) -> MessageFacts {
    MessageFacts {
        kind,
        case: None,
        case_seq: None,
        relates_to: Vec::new(),
        supersedes: None,
        marking: Default::default(),
        status: Default::default(),
        composed_at: None,
        signed_off_at: None,
        stage: None,
        category: None,
        severity: None,
        sensitive: false,
        occurred_at: None,
        learned_at: None,
        late_reason: None,
        written_required: false,
        conclusion: None,
        due_at: None,
        direction: None,
        phone: None,
        started_at: None,
        ended_at: None,
        pairing_code: None,
        call: None,
    }
}

fn key(origin: RoomId, number: u8) -> EnvelopeKey {
    EnvelopeKey { origin, id: EnvelopeId::from_bytes([number; 16]) }
}

fn message(
    origin: RoomId,
    number: u8,
    to: RoomId,
    facts: MessageFacts,
    receipts: Vec<TimedReceipt>,
) -> CaseMessage {
    CaseMessage {
        key: key(origin, number),
        to: vec![(to, Role::Action)],
        facts: MessageFacts { case_seq: Some(u32::from(number)), ..facts },
        signed: point(i64::from(number)),
        receipts,
    }
}

fn receipt(event: Event, issuer: RoomId, recipient: RoomId, minute: i64) -> TimedReceipt {
    TimedReceipt { event, recipient, issuer, at: point(minute), said_at: Timestamp::from_ms(minutes(minute)) }
}

fn report(severity: Severity) -> MessageFacts {
    let occurred = DeclaredTime::from_ms(T0).unwrap();
    MessageFacts {
        severity: Some(severity),
        occurred_at: Some(Occurrence::Exact(occurred)),
        ..facts(Kind::Report)
    }
}

fn verdicts(case: &Case, towards: RoomId) -> Vec<(String, Verdict)> {
    let judged = judge_case(case, &map(), &builtin::packs(), &builtin::calendars());
    let of = judged.into_iter().filter(|judged| judged.duty.towards == towards);
    let findings = of.flat_map(|judged| judged.judgement.findings);
    findings.filter(|finding| finding.rule.starts_with("hn.")).map(|f| (f.rule, f.verdict)).collect()
}

fn expect(case: &Case, wanted: &[(&str, Verdict)]) {
    let wanted: Vec<(String, Verdict)> =
        wanted.iter().map(|(rule, verdict)| ((*rule).to_owned(), *verdict)).collect();
    let found = verdicts(case, PROVINCE);
    for one in &wanted {
        assert!(found.contains(one), "{one:?} is not in {found:?}");
    }
}

#[test]
fn a_report_to_the_province_is_judged_from_the_occurrence_to_the_delivery_there() {
    let way = |minute| {
        vec![
            receipt(Event::Accepted, COUNTY, PROVINCE, 20),
            receipt(Event::Custody, CITY, PROVINCE, 21),
            receipt(Event::Delivered, PROVINCE, PROVINCE, minute),
        ]
    };
    let case = |minute| Case {
        messages: vec![message(COUNTY, 1, PROVINCE, report(Severity::Serious), way(minute))],
        ..Case::default()
    };
    expect(&case(60), &[("hn.report.l3", Verdict::OnTime)]);
    expect(&case(61), &[("hn.report.l3", Verdict::Late)]);
    assert!(verdicts(&case(60), CITY).is_empty(), "a provincial pack says nothing of what the city is owed");
}

#[test]
fn the_province_is_owed_a_report_that_nobody_has_addressed_to_it() {
    let delivered = vec![receipt(Event::Delivered, CITY, CITY, 2)];
    let mut case = Case {
        messages: vec![message(COUNTY, 1, CITY, report(Severity::Serious), delivered)],
        now: Some(Timestamp::from_ms(minutes(30))),
        ..Case::default()
    };
    expect(&case, &[("hn.report.l3", Verdict::Pending)]);
    case.now = Some(Timestamp::from_ms(minutes(61)));
    expect(&case, &[("hn.report.l3", Verdict::Late)]);
    let again = vec![receipt(Event::Delivered, PROVINCE, PROVINCE, 50)];
    case.messages.push(message(CITY, 2, PROVINCE, report(Severity::Serious), again));
    expect(&case, &[("hn.report.l3", Verdict::OnTime)]);
    let judged = judge_case(&case, &map(), &builtin::packs(), &builtin::calendars());
    let duty = &judged.iter().find(|judged| judged.duty.towards == PROVINCE).unwrap().duty;
    assert_eq!((duty.obliged, duty.answer), (CITY, Some(key(CITY, 2))), "the city's own report met it");
}

#[test]
fn a_verification_runs_from_the_delivery_at_the_asked_room_to_that_of_the_reply() {
    let asked = MessageFacts { written_required: true, ..facts(Kind::VerifyRequest) };
    let request =
        vec![receipt(Event::Delivered, COUNTY, COUNTY, 5), receipt(Event::Acknowledged, COUNTY, COUNTY, 19)];
    let reply = MessageFacts { relates_to: vec![key(PROVINCE, 1)], ..facts(Kind::VerifyReply) };
    let case = |minute| Case {
        messages: vec![
            message(PROVINCE, 1, COUNTY, asked.clone(), request.clone()),
            message(
                COUNTY,
                2,
                PROVINCE,
                reply.clone(),
                vec![receipt(Event::Delivered, PROVINCE, PROVINCE, minute)],
            ),
        ],
        now: Some(Timestamp::from_ms(minutes(120))),
        ..Case::default()
    };
    expect(&case(45), &[("hn.verify.written", Verdict::OnTime), ("hn.verify.phone", Verdict::Late)]);
    expect(&case(46), &[("hn.verify.written", Verdict::Late)]);
    let other = MessageFacts { relates_to: vec![key(PROVINCE, 9)], ..facts(Kind::VerifyReply) };
    let mut unrelated = case(45);
    unrelated.messages[1].facts = other;
    expect(&unrelated, &[("hn.verify.written", Verdict::Late)]);
}

#[test]
fn an_outage_is_the_line_only_by_the_parents_record() {
    use crate::duty::finding::Cause;
    let way = vec![
        receipt(Event::Accepted, COUNTY, PROVINCE, 20),
        receipt(Event::Custody, CITY, PROVINCE, 90),
        receipt(Event::Delivered, PROVINCE, PROVINCE, 91),
    ];
    let line = |room, peer| CaseLine {
        room,
        peer,
        from: Timestamp::from_ms(minutes(10)),
        to: Some(Timestamp::from_ms(minutes(89))),
    };
    let cause = |lines: Vec<CaseLine>| {
        let messages = vec![message(COUNTY, 1, PROVINCE, report(Severity::Serious), way.clone())];
        let case = Case { messages, lines, ..Case::default() };
        let judged = judge_case(&case, &map(), &builtin::packs(), &builtin::calendars());
        let findings = judged.into_iter().flat_map(|judged| judged.judgement.findings);
        findings.filter(|finding| finding.rule == "hn.report.l3").find_map(|finding| finding.cause)
    };
    assert_eq!(cause(vec![line(CITY, COUNTY)]), Some(Cause::Line));
    assert_eq!(cause(vec![line(COUNTY, CITY)]), Some(Cause::LineClaimed));
    assert_eq!(cause(vec![line(CITY, PROVINCE)]), Some(Cause::Desk), "another link");
    assert_eq!(cause(Vec::new()), Some(Cause::Desk));
}

#[test]
fn a_level_that_is_raised_later_is_kept_beside_the_first() {
    let delivered = |minute| vec![receipt(Event::Delivered, PROVINCE, PROVINCE, minute)];
    let case = Case {
        messages: vec![
            message(COUNTY, 1, PROVINCE, report(Severity::Ordinary), delivered(30)),
            message(COUNTY, 2, PROVINCE, report(Severity::Exceptional), delivered(50)),
        ],
        ..Case::default()
    };
    let judged = judge_case(&case, &map(), &builtin::packs(), &builtin::calendars());
    let facts = &judged.iter().find(|judged| judged.duty.towards == PROVINCE).unwrap().duty.facts;
    assert_eq!(facts.severity.len(), 2);
    assert_eq!(facts.moment(Mark::DeliveredAt), Some(&point(30)), "the first report counts");
    expect(&case, &[("hn.report.l12.written", Verdict::OnTime), ("hn.report.l12.phone", Verdict::Late)]);
}

#[test]
fn whoever_does_not_hold_the_origins_own_receipt_blames_nobody_falsely() {
    use crate::duty::finding::Cause;
    let way =
        vec![receipt(Event::Custody, CITY, PROVINCE, 90), receipt(Event::Delivered, PROVINCE, PROVINCE, 91)];
    let line = CaseLine {
        room: CITY,
        peer: COUNTY,
        from: Timestamp::from_ms(minutes(0)),
        to: Some(Timestamp::from_ms(minutes(89))),
    };
    let messages = vec![message(COUNTY, 1, PROVINCE, report(Severity::Serious), way)];
    let case = Case { messages, lines: vec![line], ..Case::default() };
    let judged = judge_case(&case, &map(), &builtin::packs(), &builtin::calendars());
    let findings = judged.into_iter().flat_map(|judged| judged.judgement.findings);
    let cause = findings.filter(|finding| finding.rule == "hn.report.l3").find_map(|finding| finding.cause);
    assert_eq!(cause, Some(Cause::Line), "the header says when it was queued");
}

#[test]
fn a_delivery_without_a_date_does_not_take_the_place_of_a_proven_one() {
    let undated = Interval { latest: None, ..point(120) };
    let late = TimedReceipt { at: undated, ..receipt(Event::Delivered, PROVINCE, PROVINCE, 0) };
    let in_time = vec![receipt(Event::Delivered, PROVINCE, PROVINCE, 30)];
    let case = Case {
        messages: vec![
            message(COUNTY, 1, PROVINCE, report(Severity::Serious), in_time),
            message(COUNTY, 2, PROVINCE, report(Severity::Serious), vec![late]),
        ],
        ..Case::default()
    };
    expect(&case, &[("hn.report.l3", Verdict::OnTime)]);
}

/// When the clock of the written reply starts, in minutes, and whether the hand-over started it.
fn reply_starts(receipts: Vec<TimedReceipt>, lines: Vec<CaseLine>) -> Option<(i64, bool)> {
    use crate::duty::finding::FlagName;
    let asked = MessageFacts { written_required: true, ..facts(Kind::VerifyRequest) };
    let messages = vec![message(PROVINCE, 1, COUNTY, asked, receipts)];
    let case = Case { messages, lines, now: Some(Timestamp::from_ms(minutes(300))), ..Case::default() };
    let judged = judge_case(&case, &map(), &builtin::packs(), &builtin::calendars());
    let mut findings = judged.into_iter().flat_map(|judged| judged.judgement.findings);
    let found = findings.find(|finding| finding.rule == "hn.verify.written")?;
    let minute = (found.start?.shown()?.as_ms() - T0) / 60_000;
    Some((minute, found.flags.iter().any(|flag| flag.name == FlagName::StartFromHandOver)))
}

#[test]
fn a_room_that_withholds_its_receipt_is_judged_from_the_hand_over_that_its_parent_signed() {
    let custody = receipt(Event::Custody, CITY, COUNTY, 5);
    let handed = receipt(Event::Handed, CITY, COUNTY, 5);
    let delivered = |minute| receipt(Event::Delivered, COUNTY, COUNTY, minute);
    let starts = |receipts| reply_starts(receipts, vec![]);
    assert_eq!(starts(vec![handed.clone(), delivered(30)]), Some((5, true)), "withheld");
    assert_eq!(starts(vec![handed.clone(), delivered(6)]), Some((6, false)), "a minute is nobody's fault");
    assert_eq!(starts(vec![handed]), Some((5, true)), "nothing was ever signed for it");
    assert_eq!(
        starts(vec![custody.clone(), delivered(30)]),
        Some((30, false)),
        "it may have waited in the hub"
    );
    assert_eq!(starts(vec![custody]), None);
    let elsewhere = receipt(Event::Handed, PROVINCE, COUNTY, 5);
    assert_eq!(starts(vec![elsewhere, delivered(30)]), Some((30, false)), "no room that has a line to it");
}

#[test]
fn a_parent_whose_own_record_has_the_line_down_is_not_believed_about_the_hand_over() {
    let starts = |(room, peer), [from, to]: [i64; 2]| {
        let [from, to] = [from, to].map(Timestamp::from_ms);
        let line = CaseLine { room, peer, from, to: Some(to) };
        let handed = receipt(Event::Handed, CITY, COUNTY, 5);
        reply_starts(vec![handed, receipt(Event::Delivered, COUNTY, COUNTY, 30)], vec![line])
    };
    let [at, signed] = [5, 6].map(minutes);
    for down in [[at - 1, at + 1], [signed - 1, signed + 90_000], [at - 90_000, signed + 90_000]] {
        assert_eq!(starts((CITY, COUNTY), down), Some((30, false)), "{down:?}");
        assert_eq!(starts((COUNTY, CITY), down), Some((5, true)), "the child's own word, {down:?}");
        assert_eq!(starts((CITY, PROVINCE), down), Some((5, true)), "another line, {down:?}");
    }
    for down in [[at - 90_000, at], [signed, signed + 90_000]] {
        assert_eq!(starts((CITY, COUNTY), down), Some((5, true)), "before or after, {down:?}");
    }
}
