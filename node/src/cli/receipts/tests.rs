//! The table of receipts, as the operator reads it.

use super::*;

fn line(event: &str, mark: &str, issuer: (&str, &str), at_ms: i64, spent_ms: Option<i64>) -> ReceiptLine {
    ReceiptLine {
        event: event.to_owned(),
        mark: mark.to_owned(),
        recipient: "410000".to_owned(),
        issuer: issuer.0.to_owned(),
        recipient_name: "省政府总值班室".to_owned(),
        recipient_name_en: String::new(),
        issuer_name: issuer.1.to_owned(),
        issuer_name_en: String::new(),
        at_ms: 1_795_286_525_123 + at_ms,
        offset_ms: None,
        officer: None,
        officer_role: None,
        reason: None,
        reason_text: None,
        epoch: 1,
        seq: 1,
        spent_ms,
        supplement: false,
    }
}

const COUNTY: (&str, &str) = ("411322", "方城县");
const CITY: (&str, &str) = ("411300", "南阳市");
const PROVINCE: (&str, &str) = ("410000", "省政府总值班室");

fn acknowledged() -> Vec<ReceiptLine> {
    let mut lines = vec![
        line("accepted", "t5", COUNTY, 0, None),
        line("custody", "t6", CITY, 912, Some(912)),
        line("delivered", "t8", PROVINCE, 1_300, Some(388)),
        line("acknowledged", "t10", PROVINCE, 36_300, Some(35_000)),
    ];
    lines[0].offset_ms = Some([-8, 16]);
    lines[3].officer = Some("庚".to_owned());
    lines[3].officer_role = Some("duty_officer".to_owned());
    lines
}

#[test]
fn the_operators_view_in_chinese() {
    let expected = "\
→ 410000 省政府总值班室: 已送达,已签收
 标记  事件                 单位                   时间(北京)               时钟偏差         值班员                         用时  备注
 t5    已入队 accepted      411322 方城县          2026-11-22 02:42:05.123  +0.004 ±0.012 s  —                                 —
 t6    枢纽已接管 custody   411300 南阳市          2026-11-22 02:42:06.035  —                —             411322→411300 0.912 s
 t8    已送达 delivered     410000 省政府总值班室  2026-11-22 02:42:06.423  —                —             411300→410000 0.388 s
 t10   已签收 acknowledged  410000 省政府总值班室  2026-11-22 02:42:41.423  —                庚 (值班员)  410000 值班室 35.000 s
入队到送达 1.300 s  送达到签收 35.000 s";
    assert_eq!(render(&acknowledged(), &Catalogue::new(Language::Chinese)), expected);
}

#[test]
fn the_operators_view_in_english() {
    let expected = "\
→ 410000 省政府总值班室: delivered and acknowledged
 mark  event                room                   time (Beijing)           clock offset     officer                              spent  note
 t5    accepted 已入队      411322 方城县          2026-11-22 02:42:05.123  +0.004 ±0.012 s  —                                        —
 t6    custody 枢纽已接管   411300 南阳市          2026-11-22 02:42:06.035  —                —                    411322→411300 0.912 s
 t8    delivered 已送达     410000 省政府总值班室  2026-11-22 02:42:06.423  —                —                    411300→410000 0.388 s
 t10   acknowledged 已签收  410000 省政府总值班室  2026-11-22 02:42:41.423  —                庚 (duty officer)  desk of 410000 35.000 s
queued to delivered 1.300 s  delivered to acknowledged 35.000 s";
    assert_eq!(render(&acknowledged(), &Catalogue::new(Language::English)), expected);
}

fn state(lines: &[ReceiptLine]) -> String {
    let page = render(lines, &Catalogue::new(Language::Chinese));
    page.lines().next().unwrap().split_once(": ").unwrap().1.to_owned()
}

#[test]
fn queued_and_in_custody_are_never_called_delivered() {
    let lines = acknowledged();
    assert_eq!(state(&lines[..1]), "未确认送达:只在本机入队");
    assert_eq!(state(&lines[..2]), "未确认送达:南阳市 已接管,尚无送达回执");
    assert_eq!(state(&lines[..3]), "已送达,尚未签收");
    let mut lost = lines[..2].to_vec();
    lost.push(line("unconfirmed", "-", CITY, 60_000, Some(59_000)));
    assert_eq!(state(&lost), "未确认:南阳市 不知道下一站是否收到");
    for page in [&lines[..1], &lines[..2], &lost] {
        for language in [Language::Chinese, Language::English] {
            let text = render(page, &Catalogue::new(language));
            assert!(!text.contains("已送达") && !text.contains(" delivered "), "{text}");
        }
    }
}

#[test]
fn negative_evidence_is_crossed_and_its_reason_given_in_words() {
    let mut lines = acknowledged()[..1].to_vec();
    let mut refused = line("refused", "-", PROVINCE, 1_000, Some(1_000));
    refused.reason = Some("policy.flow.up.not_superior".to_owned());
    lines.push(refused);
    let text = render(&lines, &Catalogue::new(Language::Chinese));
    assert_eq!(state(&lines), "没有送达:拒收 refused");
    assert!(text.contains(" ✗ ") && text.contains("不能向它上报。 [policy.flow.up.not_superior]"), "{text}");
}

#[test]
fn what_came_after_the_outcome_is_a_supplement_and_changes_nothing() {
    let mut lines = acknowledged()[..2].to_vec();
    lines.push(line("expired", "-", CITY, 2_000, Some(1_088)));
    let mut late = line("delivered", "t8", PROVINCE, 3_000, Some(1_000));
    late.supplement = true;
    lines.push(late);
    let text = render(&lines, &Catalogue::new(Language::Chinese));
    assert_eq!(state(&lines), "没有送达:过期 expired");
    assert!(text.lines().any(|line| line.contains("t8") && line.contains("补充(终局之后)")), "{text}");
}

#[test]
fn an_acknowledgement_is_no_supplement() {
    let mut lines = acknowledged();
    lines[3].supplement = true;
    assert!(!render(&lines, &Catalogue::new(Language::Chinese)).contains("补充"));
}

#[test]
fn an_officers_own_reason_stands_for_itself() {
    let mut lines = acknowledged();
    (lines[3].event, lines[3].mark) = ("returned".to_owned(), "t12".to_owned());
    (lines[3].reason, lines[3].reason_text) = (Some("returned".to_owned()), Some("要素不全".to_owned()));
    let text = render(&lines, &Catalogue::new(Language::Chinese));
    assert!(text.contains("要素不全") && !text.contains("[returned]"), "{text}");
    assert_eq!(state(&lines), "已送达,被退回");
}

#[test]
fn each_recipient_has_a_part_of_its_own() {
    let mut lines = acknowledged();
    let mut copy = line("accepted", "t5", COUNTY, 0, None);
    (copy.recipient, copy.recipient_name) = ("411300".to_owned(), "南阳市".to_owned());
    lines.insert(1, copy);
    let text = render(&lines, &Catalogue::new(Language::Chinese));
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with('→')).collect();
    assert_eq!(
        headings,
        ["→ 410000 省政府总值班室: 已送达,已签收", "→ 411300 南阳市: 未确认送达:只在本机入队"]
    );
}

#[test]
fn nothing_that_a_peer_wrote_can_forge_a_line() {
    let mut lines = acknowledged();
    lines[3].officer = Some("庚\n t8 已送达\u{1b}[1A".to_owned());
    let text = render(&lines, &Catalogue::new(Language::Chinese));
    assert_eq!(text.lines().count(), 7, "{text}");
    assert!(!text.contains('\u{1b}'));
}
