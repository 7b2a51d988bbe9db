//! The certificate of delivery (送达凭证) as one page of HTML for A4 paper: what a verified evidence file says of a message, for
//! people who read paper. It carries no script, fetches nothing, and is legible in black and white; it is a picture of the
//! evidence, and says how the evidence itself is checked.
//!
//! *Against:* markup and control characters in what other rooms wrote; an exercise that is taken for the real thing.

use askama::Template;
use qrcode::{Color, EcLevel, QrCode};

use super::{
    account::{Event, Message, Room, Span, Told, Verdict},
    show::{named, note},
};
use crate::{
    catalogue::Catalogue,
    cli::{moment::beijing, rules::time, span::show_span},
    escape::one_line,
    problem::Problem,
};

/// The file that a page is about.
pub(super) struct Source<'a> {
    /// Its name, without the folders before it.
    pub(super) name: &'a str,
    /// SHA-256 of its bytes.
    pub(super) digest: &'a str,
    /// The file itself, where the page is opened from a console and not kept beside it.
    pub(super) carried: Option<Carried<'a>>,
}

/// An evidence file that a page brings along, as a link that is not printed.
pub(super) struct Carried<'a> {
    /// The message whose receipts the page was opened from.
    pub(super) id: &'a str,
    /// In base64.
    pub(super) bytes: String,
}

#[derive(Template)]
#[template(path = "certificate.html")]
struct Page<'a> {
    catalogue: &'a Catalogue,
    language: &'static str,
    network: String,
    file_name: String,
    file_digest: &'a str,
    exported: String,
    carried: Option<&'a Carried<'a>>,
    sheets: Vec<Sheet>,
}

/// One message.
struct Sheet {
    id: String,
    digest: String,
    /// What an exercise or a test is called; absent for the real thing.
    drill: Option<String>,
    facts: Vec<(&'static str, String)>,
    qr_side: usize,
    qr_path: String,
    parts: Vec<Part>,
    verdicts: Vec<Judged>,
    how: String,
}

/// The receipts for one recipient.
struct Part {
    heading: String,
    events: Vec<Signed>,
}

struct Signed {
    event: String,
    signer: String,
    officer: Option<String>,
    proven: String,
    attested: String,
    spent: String,
    leaf: u64,
    note: String,
}

struct Judged {
    word: String,
    is_bad: bool,
    rule: String,
    force: String,
    clause: String,
    who: String,
    /// By attested times and by proven ones: clock, start, due, met, verdict.
    clocks: [[String; 5]; 2],
}

impl Page<'_> {
    fn t(&self, id: &str) -> String {
        self.catalogue.text(id, &[])
    }
}

/// The page about these messages of a verified file.
///
/// # Errors
/// [`Problem`] when the page cannot be laid out.
pub(super) fn page(
    told: &Told,
    messages: &[&Message],
    source: &Source<'_>,
    catalogue: &Catalogue,
) -> Result<String, Problem> {
    let failed = |error: &dyn std::fmt::Display| Problem::failed("internal").with("detail", error);
    let sheets = messages.iter().map(|message| sheet(message, told, catalogue));
    let as_of = told.as_of.as_deref().map_or_else(|| catalogue.text("evidence-undated", &[]), time);
    let at = time(&told.exported_at);
    let exporter = named(&told.exporter, catalogue);
    let values = [("exporter", exporter.as_str()), ("at", &at), ("as_of", &as_of)];
    let page = Page {
        catalogue,
        language: catalogue.language().word(),
        network: one_line(&told.network),
        file_name: one_line(source.name),
        file_digest: source.digest,
        carried: source.carried.as_ref(),
        exported: one_line(&catalogue.text("certificate-exported", &values)),
        sheets: sheets.collect::<Result<_, _>>().map_err(|error| failed(&error))?,
    };
    page.render().map_err(|error| failed(&error))
}

fn sheet(message: &Message, told: &Told, catalogue: &Catalogue) -> Result<Sheet, qrcode::types::QrError> {
    let (qr_side, qr_path) = qr(&format!("YICHUAN {} {}", message.id, message.digest))?;
    let about =
        |verdict: &&Verdict| verdict.subject == message.id || verdict.answer.as_ref() == Some(&message.id);
    let status = catalogue.word("status", &message.status);
    Ok(Sheet {
        id: message.id.clone(),
        digest: message.digest.clone(),
        drill: (message.status != "actual")
            .then(|| catalogue.text("certificate-drill", &[("status", &status)])),
        facts: facts(message, catalogue),
        qr_side,
        qr_path,
        parts: message.to.iter().map(|to| part(&to.room, to.role, message, catalogue)).collect(),
        verdicts: told.verdicts.iter().filter(about).map(|verdict| judged(verdict, catalogue)).collect(),
        how: catalogue.text("certificate-how", &[]),
    })
}

fn facts(message: &Message, catalogue: &Catalogue) -> Vec<(&'static str, String)> {
    let words = [("kind", &message.kind), ("precedence", &message.precedence), ("status", &message.status)];
    let words = words.map(|(group, word)| catalogue.word(group, word)).join(" · ");
    let to = |role: &str| {
        let to = message.to.iter().filter(|to| to.role == role).map(|to| named(&to.room, catalogue));
        to.collect::<Vec<_>>().join("; ")
    };
    let mut facts =
        vec![("certificate-kind", words), ("certificate-origin", named(&message.origin, catalogue))];
    facts.push(("certificate-to", to("action")));
    facts.push(("certificate-copy", to("info")));
    facts.push(("column-title", message.title.clone().unwrap_or_default()));
    let case = message.case.clone().map(|case| match message.case_seq {
        Some(seq) => format!("{case} № {seq}"),
        None => case,
    });
    facts.push(("certificate-case", case.unwrap_or_default()));
    let acknowledged = message.events.iter().filter(|event| event.event == "acknowledged");
    let acknowledged: Vec<String> = acknowledged.map(|event| acknowledgement(event, catalogue)).collect();
    facts.push(("certificate-acknowledged", acknowledged.join("; ")));
    facts.retain(|(_, value)| !value.is_empty());
    facts.into_iter().map(|(name, value)| (name, one_line(&value))).collect()
}

/// Who signed for it, where, and when.
fn acknowledgement(event: &Event, catalogue: &Catalogue) -> String {
    let when = interval(working(event), catalogue);
    format!("{} {} {when}", officer(event, catalogue).unwrap_or_else(dash), named(&event.issuer, catalogue))
}

fn officer(event: &Event, catalogue: &Catalogue) -> Option<String> {
    let name = event.officer.as_ref()?;
    Some(match event.officer_role {
        Some(role) => format!("{name} ({})", catalogue.word("role", role)),
        None => name.clone(),
    })
}

fn part(to: &Room, role: &str, message: &Message, catalogue: &Catalogue) -> Part {
    let role = catalogue.text(if role == "action" { "certificate-to" } else { "certificate-copy" }, &[]);
    let mut events: Vec<&Event> = message.events.iter().filter(|event| event.recipient.id == to.id).collect();
    events.sort_by_key(|event| (working(event).ms[0], event.leaf));
    let before = std::iter::once(None).chain(events.iter().copied().map(Some));
    let signed = events.iter().zip(before).map(|(event, before)| signed(event, before, catalogue));
    Part { heading: one_line(&format!("{role} {}", named(to, catalogue))), events: signed.collect() }
}

fn signed(event: &Event, before: Option<&Event>, catalogue: &Catalogue) -> Signed {
    let attested = event.attested.as_ref().zip(event.attested_by.as_ref()).map(|(span, by)| {
        catalogue.text("certificate-by", &[("span", &interval(span, catalogue)), ("room", &by.code)])
    });
    Signed {
        event: catalogue.word("event", &event.event),
        signer: one_line(&named(&event.issuer, catalogue)),
        officer: officer(event, catalogue).map(|officer| one_line(&officer)),
        proven: interval(&event.proven, catalogue),
        attested: attested.unwrap_or_else(dash),
        spent: before.and_then(|before| spent(before, event)).unwrap_or_else(dash),
        leaf: event.leaf,
        note: one_line(&note(event, catalogue)),
    }
}

fn working(event: &Event) -> &Span {
    event.attested.as_ref().unwrap_or(&event.proven)
}

/// Between the middles of two known intervals.
fn spent(before: &Event, event: &Event) -> Option<String> {
    let middle = |span: &Span| match span.ms {
        [Some(earliest), Some(latest)] => Some(i64::midpoint(earliest, latest)),
        [_, _] => None,
    };
    let (from, to) = (middle(before.attested.as_ref()?)?, middle(event.attested.as_ref()?)?);
    Some(show_span(to.saturating_sub(from)))
}

fn judged(verdict: &Verdict, catalogue: &Catalogue) -> Judged {
    let finding = &verdict.finding;
    let word = |word: &str| catalogue.word("verdict", word);
    let shown = |span: Option<&Span>| span.map_or_else(dash, |span| interval(span, catalogue));
    let time = |at: Option<relay::timestamp::Timestamp>| at.map_or_else(dash, |at| beijing(at.as_ms()));
    let due = time(finding.due_at());
    let cause = finding.cause.map(|cause| catalogue.word("cause", cause.word()));
    let told =
        [Some(word(finding.verdict.word())), cause].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let working = [verdict.start.as_ref(), verdict.met.as_ref()].map(shown);
    let proven = [verdict.proven_start.as_ref(), verdict.proven_met.as_ref()].map(shown);
    let row = |grade: &str, [start, met]: [String; 2], verdict: String| {
        [catalogue.text(grade, &[]), start, due.clone(), met, verdict]
    };
    let rooms = [("obliged", &verdict.obliged), ("towards", &verdict.towards)];
    let rooms = rooms.map(|(name, room)| (name, named(room, catalogue)));
    let values: Vec<(&str, &str)> = rooms.iter().map(|(name, room)| (*name, room.as_str())).collect();
    Judged {
        word: word(finding.verdict.word()),
        is_bad: verdict.is_bad,
        rule: finding.rule.clone(),
        force: catalogue.word("force", finding.force.word()),
        clause: one_line(&finding.clause),
        who: one_line(&catalogue.text("certificate-owes", &values)),
        clocks: [
            row("certificate-working-clock", working, told),
            row("certificate-proven-clock", proven, word(&verdict.proven_verdict)),
        ],
    }
}

/// Both ends, the day once.
fn interval(span: &Span, catalogue: &Catalogue) -> String {
    let [earliest, latest] = span.ms.map(|end| end.map(beijing));
    let open = || catalogue.text("evidence-open", &[]);
    match (earliest, latest) {
        (Some(earliest), Some(latest)) if earliest == latest => earliest,
        (Some(earliest), Some(latest)) => {
            let day = earliest.find(' ').map_or(0, |at| at + 1);
            let same = earliest.get(..day).filter(|day| latest.starts_with(day));
            let latest = same.and_then(|day| latest.strip_prefix(day)).unwrap_or(&latest);
            format!("{earliest} .. {latest}")
        }
        (earliest, latest) => {
            format!("{} .. {}", earliest.unwrap_or_else(open), latest.unwrap_or_else(open))
        }
    }
}

fn dash() -> String {
    "—".to_owned()
}

/// Side and path of a QR code of these letters, with the quiet zone that scanners want.
fn qr(text: &str) -> Result<(usize, String), qrcode::types::QrError> {
    let code = QrCode::with_error_correction_level(text.to_ascii_uppercase(), EcLevel::M)?;
    let (width, colors) = (code.width(), code.to_colors());
    let mut path = String::new();
    for (row, colors) in colors.chunks(width).enumerate() {
        let mut column = 0;
        // Neighbours of one row are one bar: no hair line between them, and a third of the letters.
        for run in colors.chunk_by(|left, right| left == right) {
            if run.first() == Some(&Color::Dark) {
                let length = run.len();
                path.push_str(&format!("M{} {}h{length}v1h-{length}z", column + QUIET, row + QUIET));
            }
            column += run.len();
        }
    }
    Ok((width + 2 * QUIET, path))
}

/// Modules of white around the code (ISO/IEC 18004).
const QUIET: usize = 4;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::verified, *};
    use crate::{
        bench::evidence::sample::{Sample, Wish},
        catalogue::Language,
    };

    fn told() -> Told {
        let sample = Sample::new(Wish { receipts: 3, ..Wish::default() });
        let file = sample.write(Vec::new()).unwrap();
        verified(file.as_slice(), &sample.root(), Path::new("file")).unwrap()
    }

    fn printed(told: &Told, language: Language) -> String {
        let source = Source { name: "<b>file</b>.zip", digest: "00ff", carried: None };
        page(told, &[&told.messages[0]], &source, &Catalogue::new(language)).unwrap()
    }

    #[test]
    fn the_page_shows_every_receipt_with_signer_interval_and_grade_and_the_verdict_by_both_clocks() {
        let told = told();
        let message = &told.messages[0];
        for (language, words) in [
            (
                Language::Chinese,
                ["送达凭证", "【测试】", "已送达", "410000 见证", "及时", "豫政办〔2021〕6号"],
            ),
            (
                Language::English,
                ["Certificate of Delivery", "*** TEST ***", "delivered", "by 410000", "on time", "豫政办"],
            ),
        ] {
            let page = printed(&told, language);
            for word in words {
                assert!(page.contains(word), "{word} is missing");
            }
            for value in
                [&message.id, &message.digest, &told.network, "hn.report.l3", "2026-11-22 12:00:00.510"]
            {
                assert!(page.contains(value), "{value} is missing");
            }
            assert_eq!(page.matches("class=\"verdict\"").count(), 1, "one verdict about this message");
            assert_eq!(page.matches("certificate-").count(), 0, "every word is in the catalogue");
        }
    }

    #[test]
    fn what_other_rooms_wrote_is_text_and_the_page_fetches_and_runs_nothing() {
        let mut told = told();
        let evil = "<script>alert(1)</script>\u{202e}\" onload=\"x";
        told.network = evil.to_owned();
        told.messages[0].title = Some(evil.to_owned());
        told.messages[0].events[0].officer = Some(evil.to_owned());
        told.messages[0].events[0].issuer.name = evil.to_owned();
        told.messages[0].events[1].reason = Some(evil.to_owned());
        told.verdicts[0].finding.clause = evil.to_owned();
        let page = printed(&told, Language::Chinese);
        let lower = page.to_ascii_lowercase();
        for tag in ["<script", "onload=\"", "<b>file", "http:", "https:", "url(", "@import", "src=\""] {
            assert!(!lower.contains(tag), "{tag} is in the page");
        }
        assert!(!page.contains('\u{202e}') && page.matches("&#60;script&#62;").count() >= 6);
    }

    #[test]
    fn only_the_real_thing_has_no_frame() {
        let mut told = told();
        told.messages[0].status = "actual".to_owned();
        assert!(!printed(&told, Language::Chinese).contains("class=\"mark\""));
        told.messages[0].status = "exercise".to_owned();
        let page = printed(&told, Language::Chinese);
        assert!(page.contains("sheet drill") && page.contains("【演练】"));
    }
}
