//! One command being carried out: where it prints, and which node it speaks to.

use std::{path::PathBuf, time::Duration};

use serde::de::DeserializeOwned;

use super::screen::Screen;
use crate::{
    catalogue::Catalogue,
    control::{client::Client, request::Request, view::Room},
    problem::Problem,
};

/// The exit code, or why there is no result.
pub(crate) type Outcome = Result<u8, Problem>;

/// Screen and node of one command.
pub(crate) struct Session {
    pub(crate) screen: Screen,
    dir: Option<PathBuf>,
}

impl Session {
    pub(crate) const fn new(screen: Screen, dir: Option<PathBuf>) -> Self {
        Self { screen, dir }
    }

    /// The node's directory.
    ///
    /// # Errors
    /// `directory_needed` when nobody named one.
    pub(crate) fn dir(&self) -> Result<PathBuf, Problem> {
        self.dir.clone().ok_or_else(|| Problem::usage("directory_needed"))
    }

    pub(crate) async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Problem> {
        Client::new(self.dir()?).ask(request).await
    }

    pub(crate) async fn ask_patiently<T: DeserializeOwned>(
        &self,
        request: &Request,
        patience: Duration,
    ) -> Result<T, Problem> {
        Client::new(self.dir()?).with_patience(patience).ask(request).await
    }

    /// Gives an order that has no answer but done.
    pub(crate) async fn order(&mut self, request: &Request, done: &str, values: &[(&str, &str)]) -> Outcome {
        self.ask::<serde_json::Value>(request).await?;
        self.screen.done(done, values);
        Ok(0)
    }
}

/// `411322 方城县总值班室`, the name in the reader's language.
pub(crate) fn named(room: &Room, catalogue: &Catalogue) -> String {
    format!("{} {}", room.code, catalogue.either(&room.name, &room.name_en))
}
