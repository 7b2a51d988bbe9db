//! Every bound on what a peer, a clock or an officer can make grow, with its arithmetic.

use std::time::Duration;

use topology::Precedence;

/// The protocol version that this program speaks; it understands the one before it too.
pub const PROTOCOL_VERSION: u16 = 1;
/// The oldest protocol version that this program understands.
pub const PROTOCOL_VERSION_MIN: u16 = 1;

/// Recipients of one envelope. 128 addresses of about 90 bytes and 128 wrapped keys of about 120 fit a frame.
pub const RECIPIENTS_MAX: usize = 128;
/// One frame, length prefix excluded.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// The largest plan or sheet on a link, sent in parts of [`PART_BYTES_MAX`].
pub const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// One part of a body: an urgent frame waits for at most one of these (2.6 s at 50 kbit/s).
pub const PART_BYTES_MAX: usize = 16 * 1024;
/// The sum of a message's attachments.
pub const ATTACHMENTS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A sealed body: the attachments, the text blocks (256 KiB) and the padding.
pub const BODY_BYTES_MAX: usize = ATTACHMENTS_BYTES_MAX + 512 * 1024;
/// The signed header: the route and [`RECIPIENTS_MAX`] addresses.
pub const HEADER_BYTES_MAX: usize = 24 * 1024;
/// One receipt with an officer's signature and certificate inside.
pub const RECEIPT_BYTES_MAX: usize = 4 * 1024;
/// Receipts in one frame: 64 KiB of the usual 300 bytes, rounded down.
pub const RECEIPTS_PER_FRAME: usize = 128;
/// Bytes of receipts in one frame, leaving room for lengths.
pub const RECEIPTS_BYTES_PER_FRAME: usize = 56 * 1024;
/// Receipts sent to a neighbour and not yet confirmed as stored.
pub const OUTBOX_WINDOW: u64 = 1024;
/// Receipts of rooms on the way that are heard for one recipient: a dozen hops with four each.
pub const RECEIPTS_OF_HOPS_MAX: usize = 48;
/// Receipts of one room that are heard for one recipient: each event once, and again after a restored backup.
pub const RECEIPTS_OF_ROOM_MAX: usize = 16;
/// Characters of what an officer adds to a return.
pub const REASON_CHARACTERS_MAX: usize = 500;
/// Different bytes kept under one (origin, id) after the first: evidence, not an archive.
pub const COLLISIONS_KEPT: usize = 4;

/// An envelope may live this long (DESIGN 5).
pub const LIFETIME_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// What an officer gets who says nothing about expiry.
pub const LIFETIME_DEFAULT: Duration = Duration::from_secs(3 * 24 * 3600);
/// Duplicates are recognised this long after the expiry (DESIGN 6).
pub const DUPLICATES_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// An envelope that expires by this much later than one made at this moment may ([`LIFETIME_MAX`]) stays with the neighbour,
/// which tries again: the clock of its origin is ahead or ours behind, and nobody is bound to keep anything for so long.
pub const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(5 * 60);
/// Nobody expires anything on a clock whose offset to the parent is not known to lie within this.
pub const CLOCK_TRUSTED_MS: i64 = 5_000;
/// How long draining a less urgent queue waits for the custody of a more urgent envelope on the same link.
pub const URGENT_HEAD_START: Duration = Duration::from_secs(1);

/// A child that signs nothing for so long after the hand-over has it attested (DESIGN 7).
pub const RECEIPT_OVERDUE: Duration = Duration::from_secs(60);
/// 50 kbit/s: no line that this network is made for is slower.
pub const SLOWEST_LINE_BYTES_PER_SECOND: u64 = 6_250;
/// Hand-overs remembered for one link: two windows in each precedence.
pub const HANDED_OVER_MAX: usize = 2 * 4 * 256;

/// Messages on a link, per precedence, that may be under way without custody.
pub const WINDOW_MESSAGES: u64 = 256;
/// What one wrapped key counts against windows and quotas.
pub const KEY_BYTES: usize = 128;
/// The largest envelope as it counts against windows and quotas.
pub const ENVELOPE_BYTES_MAX: u64 = (HEADER_BYTES_MAX + BODY_BYTES_MAX + RECIPIENTS_MAX * KEY_BYTES) as u64;
/// Bytes likewise: one largest envelope and the usual small ones beside it.
pub const WINDOW_BYTES: u64 = ENVELOPE_BYTES_MAX + 1024 * 1024;
/// Envelopes read from the disk in one go when a window opens.
pub const REFILL_MESSAGES: usize = 64;
/// Envelopes looked through for those that can go another way while their neighbour is away; at most
/// [`WINDOW_BYTES`] of them.
pub const DETOUR_MESSAGES: usize = 1024;
/// What is due but cannot be settled now (no trusted clock, no way) is looked at again after this.
pub const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Records of envelopes kept in memory, about 600 bytes each: a cache, the store is the truth.
pub const RECORDS_CACHED: usize = 4096;

/// What one child may have waiting here, so that it cannot starve the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Envelopes of the three lower precedences.
    pub messages: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Flash envelopes have a quota of their own: a flood of routine cannot use it up, nor can flash be unbounded.
    pub flash_messages: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { messages: 200_000, bytes: 4 * 1024 * 1024 * 1024, flash_messages: 10_000 }
    }
}

/// Nothing waits longer for an answer before it is sent again.
pub const RESEND_MAX: Duration = Duration::from_secs(3600);

/// How long to wait for an answer before an envelope is sent again, by precedence and attempt (doubling, at most
/// [`RESEND_MAX`]).
pub fn resend_after(precedence: Precedence, attempt: u32) -> Duration {
    let first = match precedence {
        Precedence::Flash => 15,
        Precedence::Immediate => 30,
        Precedence::Priority => 120,
        Precedence::Routine => 300,
    };
    Duration::from_secs(first << attempt.min(8)).min(RESEND_MAX)
}

const _: () = {
    assert!(WINDOW_BYTES > ENVELOPE_BYTES_MAX, "the window holds the largest envelope");
    assert!(PART_BYTES_MAX < FRAME_BYTES_MAX, "a part fits into a frame");
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resend_schedule_doubles_up_to_an_hour() {
        let schedule: Vec<u64> =
            (0..10).map(|attempt| resend_after(Precedence::Flash, attempt).as_secs()).collect();
        assert_eq!(schedule, vec![15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(resend_after(Precedence::Routine, 0).as_secs(), 300);
    }
}
