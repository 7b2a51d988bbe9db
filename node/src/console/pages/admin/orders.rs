//! What the forms of administration order. What cannot be undone wants the name typed once more.

use axum::{
    Form,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::Value;

use super::{News, page};
use crate::{
    console::page::Visit,
    control::request::Request,
    problem::Problem,
    rulebook::{Wish, Wished},
};

#[derive(Deserialize)]
pub(crate) struct InviteForm {
    csrf: String,
    room: String,
    hours: u64,
}

#[derive(Deserialize)]
pub(crate) struct WordsForm {
    csrf: String,
    words: String,
}

#[derive(Deserialize)]
pub(crate) struct OrderForm {
    csrf: String,
}

#[derive(Deserialize)]
pub(crate) struct RevokeForm {
    csrf: String,
    room: String,
    reason: String,
}

#[derive(Deserialize)]
pub(crate) struct OfficerForm {
    csrf: String,
    name: String,
    role: String,
    password: String,
}

#[derive(Deserialize)]
pub(crate) struct LeaverForm {
    csrf: String,
    officer: String,
    name: String,
    again: String,
}

#[derive(Deserialize)]
pub(crate) struct RulesForm {
    csrf: String,
    names: String,
    #[serde(default)]
    text: String,
}

/// The token is shown once, on the answer itself.
pub(crate) async fn invite(visit: Visit, Form(form): Form<InviteForm>) -> Response {
    let done = async {
        visit.check_form(&form.csrf)?;
        let request = Request::Invite {
            room: form.room,
            ttl_s: form.hours.clamp(1, HOURS_MAX) * 3_600,
            trust_token: false,
        };
        let invited = visit.ask(request).await?;
        page(&visit, News { invited: Some(invited), ..News::default() }).await
    };
    visit.show(done.await)
}

pub(crate) async fn confirm(visit: Visit, Form(form): Form<WordsForm>) -> Response {
    visit.show(order(&visit, &form.csrf, Request::InviteConfirm { words: form.words }).await)
}

pub(crate) async fn renew(visit: Visit, Form(form): Form<OrderForm>) -> Response {
    visit.show(order(&visit, &form.csrf, Request::CertificateRenew).await)
}

pub(crate) async fn revoke(visit: Visit, Form(form): Form<RevokeForm>) -> Response {
    let request = Request::CertificateRevoke { room: form.room, reason: form.reason };
    visit.show(order(&visit, &form.csrf, request).await)
}

pub(crate) async fn accept_loss(visit: Visit, Form(form): Form<OrderForm>) -> Response {
    visit.show(order(&visit, &form.csrf, Request::LossAccept).await)
}

pub(crate) async fn officer_add(visit: Visit, Form(form): Form<OfficerForm>) -> Response {
    let request = Request::OfficerAdd { name: form.name, role: form.role, password: form.password };
    visit.show(order(&visit, &form.csrf, request).await)
}

/// An officer who leaves; the name is typed once more.
pub(crate) async fn officer_disable(visit: Visit, Form(form): Form<LeaverForm>) -> Response {
    let done = async {
        if form.again.trim() != form.name {
            return Err(Problem::usage("name_not_repeated").with("name", &form.name));
        }
        order(&visit, &form.csrf, Request::OfficerDisable { officer: form.officer }).await
    };
    visit.show(done.await)
}

/// What would be in force with these packs. Only the authority's signature, off-line, puts anything in force.
pub(crate) async fn rules_preview(visit: Visit, Form(form): Form<RulesForm>) -> Response {
    let done = async {
        visit.check_form(&form.csrf)?;
        let names = form.names.split([',', '\n', ' ']).map(str::trim).filter(|name| !name.is_empty());
        let mut packs: Vec<Wished> =
            names.map(|name| Wished { name: name.to_owned(), text: None, line: 0 }).collect();
        if !form.text.trim().is_empty() {
            packs.push(Wished { name: "pack.toml".to_owned(), text: Some(form.text), line: 0 });
        }
        let wish = Wish { file: "-".to_owned(), packs, keeps_calendars: true, ..Wish::default() };
        let preview = visit.ask(Request::RulesPreview(Box::new(wish))).await?;
        page(&visit, News { preview: Some(preview), ..News::default() }).await
    };
    visit.show(done.await)
}

async fn order(visit: &Visit, token: &str, request: Request) -> Result<Response, Problem> {
    visit.check_form(token)?;
    visit.ask::<Value>(request).await?;
    Ok(Redirect::to("/admin").into_response())
}

/// A week.
const HOURS_MAX: u64 = 7 * 24;
