//! What needs no running node, or becomes one: `run`, `network init`, `join`, `demo`, `bench`, and the signing of a
//! plan for `map apply`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    arguments::{InitArguments, JoinArguments},
    moment::beijing,
    session::{Outcome, Session},
    trial::{BenchArguments, DemoArguments, DemoOrder},
};
use crate::{
    authority, bench as benchmark, catalogue::Language, control::view::Room, daemon, demo as theatre,
    enrolment, problem::Problem, rulebook::InForce,
};

/// The node itself, until it is told to stop.
pub(crate) async fn run(session: &mut Session) -> Outcome {
    daemon::run(session.dir()?).await?;
    Ok(0)
}

/// A new network: its authority, its trust anchor and the root hub's directory.
pub(crate) fn network_init(session: &mut Session, arguments: InitArguments) -> Outcome {
    let made = authority::network_init(&arguments.directory, &arguments.map)?;
    let [authority, anchor, root] =
        [&made.authority, &made.anchor, &made.root].map(|path| path.display().to_string());
    let value = json!({"authority": authority, "anchor": anchor, "root": root});
    session.screen.result(&value, |_, catalogue| {
        catalogue.text("network-made", &[("authority", &authority), ("anchor", &anchor), ("root", &root)])
    });
    Ok(0)
}

/// The root hub's certificates, renewed by the authority. The node must not be running.
pub(crate) fn renew_root(session: &mut Session, authority_dir: &Path) -> Outcome {
    let renewed = authority::renew_root(authority_dir, &session.dir()?)?;
    let value = json!({"serial": renewed.serial, "not_after_ms": renewed.not_after_ms});
    session.screen.result(&value, |_, catalogue| {
        catalogue.text("network-renewed", &[("until", &beijing(renewed.not_after_ms))])
    });
    Ok(0)
}

/// The child's side of joining. The six words are shown at once; the result comes when the parent has confirmed.
pub(crate) async fn join(session: &mut Session, arguments: JoinArguments) -> Outcome {
    let dir = session.dir()?;
    let screen = &mut session.screen;
    let mut show = |words: &[String; 6]| {
        let text = if screen.is_json() {
            json!({"words": words}).to_string()
        } else {
            screen.catalogue().text("join-words", &[("words", &words.join(" "))])
        };
        screen.remark(&text);
    };
    let joined = enrolment::join(&arguments.token, &dir, arguments.listen, &mut show).await?;
    let directory = joined.directory.display().to_string();
    let (code, id) = (joined.code.to_string(), joined.room.to_string());
    let value = json!({"id": id, "code": code, "name": joined.name, "dir": directory});
    session.screen.result(&value, |_, catalogue| {
        let name = if catalogue.language() == Language::Chinese { &joined.name } else { &joined.name_en };
        let room = format!("{code} {name}");
        catalogue.text("join-done", &[("room", &room), ("dir", &directory)])
    });
    Ok(0)
}

/// The seven rooms of the demo; `--dir` only as typed.
pub(crate) async fn demo(session: &mut Session, arguments: DemoArguments, dir: Option<PathBuf>) -> Outcome {
    if let Some(order) = &arguments.order {
        return demo_order(session, order, dir.as_deref()).await;
    }
    let (json, language) = (session.screen.is_json(), session.screen.catalogue().language());
    let arguments = DemoArguments { dir, json, language, ..arguments };
    theatre::run(&arguments, &mut |text| session.screen.print(text)).await
}

/// An order to the demo of another terminal.
async fn demo_order(session: &mut Session, order: &DemoOrder, dir: Option<&Path>) -> Outcome {
    let (text, cut) = match order {
        DemoOrder::Cut { room } => (room, true),
        DemoOrder::Heal { room } => (room, false),
        DemoOrder::Down => {
            let place = theatre::down(dir).await?.display().to_string();
            session.screen.result(&json!({ "dir": place }), |_, catalogue| {
                catalogue.text("demo-is-down", &[("dir", &place)])
            });
            return Ok(0);
        }
    };
    let (room, parent) = theatre::line(dir, text, cut).await?;
    let value = json!({"room": room.code, "parent": parent.code, "cut": cut});
    session.screen.result(&value, |_, catalogue| {
        let name = |room: &Room| match catalogue.language() {
            Language::English if !room.name_en.is_empty() => format!("{} {}", room.code, room.name_en),
            Language::Chinese | Language::English => format!("{} {}", room.code, room.name),
        };
        let said = if cut { "demo-line-cut" } else { "demo-line-healed" };
        catalogue.text(said, &[("room", &name(&room)), ("parent", &name(&parent))])
    });
    Ok(0)
}

/// The chain of three nodes that is measured.
pub(crate) async fn bench(session: &mut Session, arguments: BenchArguments, dir: Option<PathBuf>) -> Outcome {
    let screen = &mut session.screen;
    let arguments = BenchArguments { dir, ..arguments };
    let figures = benchmark::run(&arguments, &mut |phase| {
        let text = screen.catalogue().text(phase, &[]);
        screen.remark(&text);
    })
    .await?;
    show_figures(session, &figures)
}

/// Figures are a JSON document for people too.
pub(crate) fn show_figures(session: &mut Session, figures: &impl serde::Serialize) -> Outcome {
    session
        .screen
        .result(figures, |figures, _| serde_json::to_string_pretty(figures).expect("figures are plain data"));
    Ok(0)
}

/// Signs a changed map with the authority's root key.
pub(crate) fn sign_plan(authority_dir: &Path, map_file: &Path, rules: &InForce) -> Result<Vec<u8>, Problem> {
    authority::sign_plan(authority_dir, map_file, rules)
}
