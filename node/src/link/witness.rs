//! What neighbours say of time and logs: ticks, heads, anchors and outages, verified here before the engine sees them.
//! *Against:* a forged tick, a head of another room, a head of ours that we never signed, a proof that does not lead where it must.

use certs::signature::Keyring;
use relay::{
    checkpoint::{Anchor, CheckpointError, VerifiedCheckpoint},
    frame::Frame,
    log::VerifiedLine,
    step::Input,
    tick::VerifiedTick,
};
use topology::{Map, RoomId};

use super::session::Context;

/// Takes one such frame. What does not verify is left out, with a warning: nothing follows from it.
pub(super) async fn hear(context: &Context, from: RoomId, frame: Frame) {
    let trust = context.intake.trust.current();
    // What we signed ourselves we signed, whatever has become of the key since.
    let archive = trust.keys.archive();
    let keys: &dyn Keyring = if matches!(frame, Frame::HeadHeld { .. }) { &archive } else { &*trust.keys };
    match judge(context.me, &trust.map, keys, from, frame) {
        Ok(Some(input)) => context.intake.registry.tell(input).await,
        Ok(None) => {}
        Err(why) => {
            tracing::warn!(room = %from, why, "what the neighbour says of time or its log does not verify")
        }
    }
}

/// What the engine of `me` hears of such a frame; nothing of any other.
///
/// # Errors
/// A sentence for the log when something does not verify.
pub fn judge(
    me: RoomId,
    map: &Map,
    keys: &dyn Keyring,
    from: RoomId,
    frame: Frame,
) -> Result<Option<Input>, String> {
    let input = if let Frame::Tick { bytes } = frame {
        Input::Tick(VerifiedTick::verify(&bytes, map, keys).map_err(text)?)
    } else if let Frame::TickWanted { name } = frame {
        Input::TickWanted { from, name }
    } else if let Frame::HeadHeld { checkpoint } = frame {
        let checkpoint = checkpoint.map(|bytes| own(me, &bytes, keys).map(Box::new)).transpose()?;
        Input::HeadHeld { from, checkpoint }
    } else if let Frame::Head { checkpoint, from: old, path } = frame {
        let checkpoint = Box::new(VerifiedCheckpoint::verify(&checkpoint, keys).map_err(text)?);
        Input::Head { from, checkpoint, old, path }
    } else if let Frame::Anchor { checkpoint, anchor } = frame {
        let checkpoint = Box::new(own(me, &checkpoint, keys)?);
        let anchor = Anchor::decode(&anchor).map_err(text)?;
        let at = anchor.check(&checkpoint, map, keys).map_err(text)?;
        Input::Anchored { checkpoint, at, anchor }
    } else if let Frame::Line { bytes } = frame {
        Input::Line { from, line: Box::new(VerifiedLine::verify(&bytes, keys).map_err(text)?) }
    } else {
        return Ok(None);
    };
    Ok(Some(input))
}

/// A checkpoint that this room signed.
fn own(me: RoomId, bytes: &[u8], keys: &dyn Keyring) -> Result<VerifiedCheckpoint, String> {
    let shown = VerifiedCheckpoint::verify(bytes, keys).map_err(text)?;
    match shown.checkpoint().room {
        room if room == me => Ok(shown),
        signer => Err(text(CheckpointError::ForeignRoom { claimed: me, signer })),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
