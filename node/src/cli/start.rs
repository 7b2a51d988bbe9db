//! What needs no running node, or becomes one: `run`, `network init`, `join`, `demo`, `bench`, and the signing of a
//! plan for `map apply`.

use std::path::{Path, PathBuf};

use super::{
    arguments::{BenchArguments, DemoArguments, InitArguments, JoinArguments},
    session::{Outcome, Session},
};
use crate::problem::Problem;

pub(crate) async fn run(session: &mut Session) -> Outcome {
    absent(session.dir()?)
}
pub(crate) fn network_init(_: &mut Session, arguments: InitArguments) -> Outcome {
    absent(arguments)
}
pub(crate) async fn join(_: &mut Session, arguments: JoinArguments) -> Outcome {
    absent(arguments)
}
pub(crate) async fn demo(_: &mut Session, arguments: DemoArguments, dir: Option<PathBuf>) -> Outcome {
    absent((arguments, dir))
}
pub(crate) async fn bench(_: &mut Session, arguments: BenchArguments, dir: Option<PathBuf>) -> Outcome {
    absent((arguments, dir))
}
pub(crate) fn sign_plan(authority_dir: &Path, map_file: &Path) -> Result<Vec<u8>, Problem> {
    absent((authority_dir, map_file))
}
fn absent<T>(what: impl std::fmt::Debug) -> Result<T, Problem> {
    Err(Problem::failed("internal").with("detail", format!("{what:?}")))
}
