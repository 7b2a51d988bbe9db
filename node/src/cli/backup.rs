//! `backup` and `restore`.

use std::path::Path;

use super::{
    moment::beijing,
    session::{Outcome, Session},
};
use crate::backup;

pub(crate) async fn backup(session: &mut Session, copy: &Path) -> Outcome {
    let made = backup::make(&session.dir()?, copy).await?;
    session.screen.result(&made, |made, catalogue| {
        let (bytes, leaves) = (made.size_bytes.to_string(), made.leaves.to_string());
        let values = [("path", made.path.as_str()), ("bytes", &bytes), ("leaves", &leaves)];
        format!("{}\n{}", catalogue.text("backup-made", &values), catalogue.text("backup-secret", &[]))
    });
    Ok(0)
}

pub(crate) async fn restore(session: &mut Session, copy: &Path) -> Outcome {
    let restored = backup::restore(copy, &session.dir()?).await?;
    session.screen.result(&restored, |restored, catalogue| {
        let (at, leaves) = (beijing(restored.made_at_ms), restored.leaves.to_string());
        let values = [("dir", restored.dir.as_str()), ("at", &at), ("leaves", &leaves)];
        format!("{}\n{}", catalogue.text("restore-done", &values), catalogue.text("restore-next", &[]))
    });
    Ok(0)
}
