//! Silencing the alarm (静音): for five minutes, by name; what comes after it rings.

use axum::{
    Form,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::login::own_path;
use crate::console::{page::Visit, rights::Capability};

#[derive(Deserialize)]
pub(crate) struct MuteForm {
    csrf: String,
    #[serde(default)]
    back: String,
}

pub(crate) async fn mute(visit: Visit, Form(form): Form<MuteForm>) -> Response {
    let done = async {
        visit.check_form(&form.csrf)?;
        visit.must(Capability::HandleMessages)?;
        visit.console.mute(&visit.caller).await?;
        Ok(Redirect::to(own_path(&form.back)).into_response())
    };
    visit.show(done.await)
}
