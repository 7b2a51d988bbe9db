//! Composing in the console, beyond the plain form: files that go with a message, a message that was just sent, and drafts
//! that a head of watch signs off before or after they leave.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde_json::Value;
use tests::{
    cluster::Shared,
    house::{CITY, House, PASSWORD, Said},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const PROVINCE: &str = "410000";

static SHARED: Shared<House> = Shared::new();

async fn house() -> Arc<House> {
    SHARED.get(async || House::open(PROGRAM, CITY).await).await
}

/// An officer at the console, with a form to send.
struct Desk {
    house: Arc<House>,
    cookie: String,
    token: String,
    to: String,
}

impl Desk {
    async fn of(name: &str, role: &str) -> Self {
        let house = house().await;
        house.officer(name, role).await;
        let cookie = house.log_in(name, PASSWORD, "").await.cookie();
        let token = house.get("/compose", &cookie).await.token();
        let rooms = house.call(Method::GET, "/api/rooms", name, &Value::Null).await.json();
        let province =
            rooms["items"].as_array().unwrap().iter().find(|line| line["room"]["code"] == PROVINCE);
        let to = format!("room.{}", province.unwrap()["room"]["id"].as_str().unwrap());
        Self { house, cookie, token, to }
    }

    /// Posts the form of a report with more fields, and files.
    async fn post(&self, more: &[(&str, &str)], files: &[(&str, &str)]) -> Said {
        let base = [
            ("csrf", self.token.as_str()),
            ("kind", "report"),
            (&self.to, "action"),
            ("place.text", "方城县"),
            ("occurred_at.precision", "unknown"),
            ("what", "厂房起火"),
            ("status", "test"),
        ];
        self.house.form_with_files("/compose", &self.cookie, &[&base, more].concat(), files).await
    }
}

/// The id of the message that a redirect leads to.
fn sent_id(said: &Said) -> String {
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{said:?}");
    let place = said.header("location").strip_prefix("/messages/").unwrap_or_else(|| panic!("{said:?}"));
    place.split('?').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_a_form_is_told_by_the_name_of_its_element_and_not_by_lines_of_a_file() {
    let desk = Desk::of("with-mistakes", "duty_officer").await;
    let mistakes: [(&[(&str, &str)], &str); 5] = [
        (&[("title", " ")], "缺少标题。"),
        (&[("title", "火情"), ("casualties.dead", "三")], "死亡填的「三」不是数字。"),
        (&[("title", "火情"), ("stage_no", "不明")], "续报序号填的「不明」不是序号。"),
        (&[("title", "火情"), ("place.code", "方城")], "行政区划代码是 6 至 14 位数字"),
        (&[("title", "火情\u{7}")], "标题里有控制字符 U+0007。"),
    ];
    for (fields, words) in mistakes {
        for order in ["", "send"] {
            let said = desk.post(&[fields, &[("order", order)]].concat(), &[]).await;
            assert!(said.body.contains(words), "{words}: {said:?}");
            assert!(!said.body.contains("message.toml"), "{words}: {said:?}");
        }
    }
    let unknown =
        [("title", "火情"), ("casualties.dead", "不明"), ("casualties.light", "3"), ("order", "send")];
    sent_id(&desk.post(&unknown, &[]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_with_a_message_under_clean_names_and_are_kept_at_the_other_end() {
    let desk = Desk::of("with-files", "duty_officer").await;
    let files = [("C:\\值班\\现场 <b>.txt", "第一"), ("现场 <b>.txt", "第二"), ("../.secret", "第三")];
    let sent = sent_id(&desk.post(&[("title", "附件"), ("order", "send")], &files).await);
    let shown = desk.house.get(&format!("/messages/{sent}"), &desk.cookie).await;
    for name in ["现场 &#60;b&#62;.txt", "现场 &#60;b&#62; (2).txt", ">secret<"] {
        assert!(shown.body.contains(name), "{name}: {shown:?}");
    }
    let kept = desk.house.get(&format!("/messages/{sent}/attachments/1"), &desk.cookie).await;
    assert_eq!((kept.body.as_str(), kept.header("content-type")), ("第二", "application/octet-stream"));
    let name = "attachment; filename*=UTF-8''%E7%8E%B0%E5%9C%BA%20%3Cb%3E%20%282%29.txt";
    assert_eq!(kept.header("content-disposition"), name);
    let none = desk.house.get(&format!("/messages/{sent}/attachments/3"), &desk.cookie).await;
    assert!(none.body.contains("没有这个附件"), "{none:?}");
    desk.house.officer("file-inspector", "inspector").await;
    let inspector = desk.house.log_in("file-inspector", PASSWORD, "").await.cookie();
    let refused = desk.house.get(&format!("/messages/{sent}/attachments/1"), &inspector).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let path = format!("/api/messages/{sent}/attachments/secret");
    let by_name = desk.house.call(Method::GET, &path, "with-files", &Value::Null).await.json();
    assert_eq!(by_name["bytes"], data_encoding::BASE64.encode("第三".as_bytes()));
    desk.house.cluster.room(PROVINCE).has_in_inbox(&sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_report_goes_to_the_room_right_above_unless_an_officer_chooses_another() {
    let desk = Desk::of("above", "duty_officer").await;
    let chosen = |page: &Said| {
        let select = page.body.split(&format!("name=\"{}\"", desk.to)).nth(1).unwrap();
        select.split("</select>").next().unwrap().contains("<option value=\"action\" selected>")
    };
    assert!(chosen(&desk.house.get("/compose", &desk.cookie).await));
    let notify = desk.house.get("/compose?kind=notify", &desk.cookie).await;
    assert!(!notify.body.contains("<option value=\"action\" selected>"), "{notify:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_a_page_has_lost_are_asked_for_once_and_too_many_bytes_are_refused() {
    let desk = Desk::of("lost-files", "duty_officer").await;
    let checked = desk.post(&[("title", "丢失"), ("order", "check")], &[("图.txt", "1")]).await;
    assert!(checked.body.contains("请重新选择附件: 图.txt"), "{checked:?}");
    let again = [("title", "丢失"), ("lost_files", "图.txt"), ("order", "send")];
    let asked = desk.post(&again, &[]).await;
    assert!(
        asked.body.contains("附件尚未重新选择") && asked.body.contains("name=\"asked.files\""),
        "{asked:?}"
    );
    sent_id(&desk.post(&[&again[..], &[("asked.files", "1")]].concat(), &[]).await);
    let large = "9".repeat((8 << 20) + 1);
    let refused = desk.post(&[("title", "太大"), ("order", "send")], &[("大.txt", &large)]).await;
    assert!(refused.body.contains("大.txt") && refused.body.contains("role=\"alert\""), "{}", refused.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn much_the_same_within_minutes_is_asked_about_once_and_sent_all_the_same() {
    let desk = Desk::of("twice", "duty_officer").await;
    let event =
        [("occurred_at.precision", "about"), ("occurred_at.at", "2026-01-01T00:00"), ("order", "send")];
    let with = |title: &'static str, place: &'static str| {
        [&[("title", title), ("place.text", place)], &event[..]].concat()
    };
    // Of two fields of one name the first counts, so that these come before those of every form.
    let post = async |fields: Vec<(&str, &str)>| {
        let own = [
            ("csrf", desk.token.as_str()),
            ("kind", "report"),
            (&desk.to, "action"),
            ("status", "test"),
            ("what", "垮塌"),
        ];
        desk.house.form_with_files("/compose", &desk.cookie, &[&own, &fields[..]].concat(), &[]).await
    };
    let first = sent_id(&post(with("大桥垮塌", "独树镇")).await);
    for same in [with("大桥垮塌", "另一处"), with("另一个标题", "独树镇")] {
        let asked = post(same.clone()).await;
        assert!(
            asked.body.contains("十分钟内已发送过相近的文电") && asked.body.contains(&first),
            "{asked:?}"
        );
        assert!(asked.body.contains("name=\"asked.repeat\""), "{asked:?}");
    }
    sent_id(&post([with("大桥垮塌", "独树镇"), vec![("asked.repeat", "1")]].concat()).await);
    sent_id(&post(with("完全不同", "赵河镇")).await);
    let followup =
        [with("大桥垮塌", "独树镇"), vec![("about", &first), ("stage", "followup"), ("stage_no", "1")]]
            .concat();
    sent_id(&post(followup).await);
}

/// The draft of this title on the first page: its address, and what stands beside it.
async fn draft_on_first_page(desk: &Desk, title: &str) -> (String, String) {
    let home = desk.house.get("/", &desk.cookie).await;
    let list = home.body.split("<section id=\"drafts\">").nth(1).unwrap_or_default();
    let line = list.split("<li>").find(|line| line.contains(title)).unwrap_or_else(|| panic!("{home:?}"));
    let address = line.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    (address.to_owned(), line.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_handed_in_is_given_back_with_a_remark_and_leaves_with_the_signature_of_the_head_of_watch()
 {
    let officer = Desk::of("hands-in", "duty_officer").await;
    let head = Desk::of("signs-off", "head_of_watch").await;
    let kept = officer.post(&[("title", "送审 <b>稿"), ("order", "review")], &[("图.txt", "1")]).await;
    assert_eq!(kept.header("location"), "/", "{kept:?}");
    let (address, line) = draft_on_first_page(&head, "送审 &#60;b&#62;稿").await;
    assert!(line.contains("待签发") && line.contains("hands-in"), "{line}");
    let open = head.house.get(&address, &head.cookie).await;
    for part in ["厂房起火", "name=\"signed_by\" value=\"signs-off\"", "请重新选择附件: 图.txt", "签发并发送"]
    {
        assert!(open.body.contains(part), "{part}: {open:?}");
    }
    let id = address.strip_prefix("/compose?draft=").unwrap();
    let back = head.post(&[("draft", id), ("review_note", "写明伤亡"), ("order", "return")], &[]).await;
    assert_eq!(back.header("location"), "/", "{back:?}");
    let (_, line) = draft_on_first_page(&officer, "送审").await;
    assert!(line.contains("已退回") && line.contains("写明伤亡"), "{line}");
    let again = [("draft", id), ("title", "送审二稿"), ("order", "review")];
    assert_eq!(officer.post(&again, &[]).await.header("location"), "/");
    let (address, _) = draft_on_first_page(&head, "送审二稿").await;
    let id = address.strip_prefix("/compose?draft=").unwrap();
    let send = [("draft", id), ("title", "送审二稿"), ("signed_by", "signs-off"), ("order", "send")];
    let sent = sent_id(&head.post(&send, &[]).await);
    let shown = head.house.get(&format!("/messages/{sent}"), &head.cookie).await;
    assert!(shown.body.contains("signs-off"), "{shown:?}");
    let home = head.house.get("/", &head.cookie).await;
    assert!(!home.body.contains("送审二稿</a> hands-in"), "{home:?}");
    let gone = head.house.get(&address, &head.cookie).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let secret = officer.post(&[("title", "机密★1年"), ("order", "review")], &[]).await;
    assert!(secret.body.contains("涉密扫描:已拦截"), "{secret:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_in_a_hurry_waits_for_its_signature_and_a_correction_brings_it() {
    let officer = Desk::of("hurries", "duty_officer").await;
    let head = Desk::of("signs-later", "head_of_watch").await;
    let sent = sent_id(
        &officer.post(&[("title", "先报后审稿"), ("signed_by", "某人"), ("order", "fast")], &[]).await,
    );
    let (address, line) = draft_on_first_page(&head, "先报后审稿").await;
    assert!(line.contains("已先报,待补签"), "{line}");
    let open = head.house.get(&address, &head.cookie).await;
    let about = format!("name=\"about\" value=\"{sent}\"");
    for part in [&about, "<option value=\"correction\" selected>", "value=\"signs-later\""] {
        assert!(open.body.contains(part), "{part}: {open:?}");
    }
    let id = address.strip_prefix("/compose?draft=").unwrap();
    let correction = [
        ("draft", id),
        ("about", sent.as_str()),
        ("stage", "correction"),
        ("title", "先报后审稿"),
        ("signed_by", "signs-later"),
        ("order", "send"),
    ];
    let corrected = sent_id(&head.post(&correction, &[]).await);
    let shown = head.house.get(&format!("/messages/{corrected}"), &head.cookie).await;
    assert!(shown.body.contains("更正") && shown.body.contains("signs-later"), "{shown:?}");
    let gone = head.house.get(&address, &head.cookie).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    let reader = Desk::of("drops", "leader").await;
    let kept = reader.post(&[("title", "不要了"), ("order", "review")], &[]).await;
    assert_eq!(kept.header("location"), "/");
    let (address, _) = draft_on_first_page(&reader, "不要了").await;
    let id = address.strip_prefix("/compose?draft=").unwrap();
    assert_eq!(reader.post(&[("draft", id), ("order", "drop")], &[]).await.header("location"), "/");
    assert_eq!(reader.house.get(&address, &reader.cookie).await.status, StatusCode::NOT_FOUND);
    reader.house.officer("draft-inspector", "inspector").await;
    let refused = reader.house.call(Method::GET, "/api/drafts", "draft-inspector", &Value::Null).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
