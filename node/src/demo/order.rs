//! Orders from another terminal to a demo that runs: the line above a room is cut, and healed; all of it ends.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use crate::{
    control::{
        client::Client,
        request::Request,
        view::{Room, Status},
    },
    problem::Problem,
};

/// Cuts or heals the line between a room of the running demo and its parent. Gives both rooms.
///
/// # Errors
/// `demo_not_running`, `demo_several`, `room_unknown`, `demo_no_line`, `demo_only`.
pub async fn line(dir: Option<&Path>, text: &str, cut: bool) -> Result<(Room, Room), Problem> {
    let (_, demo) = running(dir).await?;
    let is_meant = |room: &Room| {
        room.code == text || room.id == text || room.name.contains(text) || room.name_en.contains(text)
    };
    // The same words may stand in several names: a code is exact, and else the hub comes before what is below it.
    let exact = demo.iter().find(|(_, status)| status.room.code == text);
    let meant = exact.or_else(|| demo.iter().find(|(_, status)| is_meant(&status.room)));
    let (room, status) = meant.ok_or_else(|| Problem::usage("room_unknown").with("room", text))?;
    let parent = status.links.iter().find(|link| link.role == "parent");
    let parent = parent.ok_or_else(|| Problem::usage("demo_no_line").with("room", &status.room.name))?;
    let order = Request::Link { room: parent.room.id.clone(), cut };
    let _: Value = Client::new(room).ask(&order).await?;
    Ok((status.room.clone(), parent.room.clone()))
}

/// Ends the running demo, as Ctrl-C in its own terminal does, and waits until it has. Gives where it was.
///
/// # Errors
/// `demo_not_running`, `demo_several`; `no_answer` when it does not end in time.
pub async fn down(dir: Option<&Path>) -> Result<PathBuf, Problem> {
    let (place, _) = running(dir).await?;
    let order = place.join(DOWN);
    std::fs::write(&order, b"").map_err(|error| Problem::failed("no_answer").with("detail", error))?;
    let ended = async {
        while order.exists() {
            tokio::time::sleep(GLANCE).await;
        }
    };
    let in_time = tokio::time::timeout(ENDING_TAKES, ended).await;
    in_time.map_err(|_| Problem::unreachable("no_answer").with("detail", place.display()))?;
    Ok(place)
}

/// Waits for that order. It lies there until the demo has ended.
pub(super) async fn told_to_end(place: &Path) {
    while !place.join(DOWN).exists() {
        tokio::time::sleep(GLANCE).await;
    }
}

/// The demo has ended; a directory that is kept goes on without the order.
pub(super) fn has_ended(place: &Path) {
    // Most often the whole directory is gone.
    let _ = std::fs::remove_file(place.join(DOWN));
}

/// The order to end, in the demo's directory, which its owner alone may write.
const DOWN: &str = "down";
const GLANCE: Duration = Duration::from_millis(200);
const ENDING_TAKES: Duration = Duration::from_secs(60);

/// The one demo that runs: its directory, and its rooms, parents first.
async fn running(dir: Option<&Path>) -> Result<(PathBuf, Vec<(PathBuf, Status)>), Problem> {
    let places = match dir {
        Some(dir) => vec![dir.to_owned()],
        None => inside(&std::env::temp_dir()).into_iter().filter(|path| is_demo(path)).collect(),
    };
    let mut found: Vec<(PathBuf, Vec<(PathBuf, Status)>)> = Vec::new();
    for place in places {
        let mut rooms = Vec::new();
        for directory in inside(&place) {
            if let Ok(status) = Client::new(&directory).ask::<Status>(&Request::Status).await
                && status.demo
            {
                rooms.push((directory, status));
            }
        }
        rooms.sort_by_key(|(_, status)| status.room.code.trim_end_matches('0').len());
        if !rooms.is_empty() {
            found.push((place, rooms));
        }
    }
    match found.len() {
        0 => Err(Problem::unreachable("demo_not_running")),
        1 => Ok(found.remove(0)),
        _ => {
            let places: Vec<String> = found.iter().map(|(place, _)| place.display().to_string()).collect();
            Err(Problem::usage("demo_several").with("detail", places.join(", ")))
        }
    }
}

fn inside(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}

/// A throw-away directory of a demo, whose name and cards are as we make them.
fn is_demo(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("yichuan-"))
        && path.join("cards.json").is_file()
}
