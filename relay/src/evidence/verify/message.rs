//! One message: its header, the blocks that are there, its receipts, the call that it notes.
//! *Against:* a header by a key that was stolen before anybody saw it, blocks of another message.

use topology::RoomId;

use super::{
    super::{KeptMessage, account::MessageAccount, invalid::Fault},
    call,
    group::Ground,
};
use crate::{
    duty::Interval,
    envelope::VerifiedHeader,
    message::{Facts, Message},
};

impl Ground<'_> {
    /// Verifies it with all its receipts; an error names the part.
    pub(super) fn message(
        &self,
        kept: &KeptMessage,
        exporter: Option<RoomId>,
    ) -> Result<MessageAccount, (String, Fault)> {
        let at = |part: &str| {
            let part = part.to_owned();
            move |fault: Fault| (part.clone(), fault)
        };
        let object = |part: &'static str| {
            move |error: &dyn std::fmt::Display| (part.to_owned(), Fault::Object(error.to_string()))
        };
        let header = VerifiedHeader::verify(&kept.header, self.maps.map().network(), &self.keys)
            .map_err(|error| object("header")(&error))?;
        let header_keys = self.keys.take();
        let tick = self.cited(header.route.tick).map_err(at("header"))?;
        let commitments = header.header.commitments.as_slice().try_into();
        let commitments = commitments.map_err(|_| object("header")(&"three commitments"))?;
        kept.blocks.check(commitments).map_err(|error| object("blocks")(&error))?;
        let facts = Facts::from_blocks(&kept.blocks).map_err(|error| object("blocks")(&error))?;
        if facts.status != header.route.status {
            return Err(at("blocks")(Fault::Policy("the facts have another status than the route")));
        }
        let mut events = Vec::with_capacity(kept.receipts.len());
        for (index, leaf) in kept.receipts.iter().enumerate() {
            let event = self.receipt(leaf, (&header, facts.kind), tick, exporter);
            events.push(event.map_err(at(&format!("receipt {}", index + 1)))?);
        }
        if !kept.receipts.is_sorted_by(|one, next| one.leaf < next.leaf) {
            return Err(at("receipts")(Fault::Policy("they are not in the order of their leaves")));
        }
        // The header is no leaf: the first dated receipt about these very bytes witnesses it.
        let same = events.iter().filter(|event| event.receipt.envelope_digest == header.digest);
        let seen = same.filter_map(|event| event.timed.proven.latest).min();
        self.keys.check_these(&header_keys, tick, seen).map_err(at("header"))?;
        let call = call::of_facts(&facts, &header, &self.keys).map_err(at("call"))?;
        self.keys.check_embedded(seen).map_err(at("call"))?;
        let signed = Interval { earliest: tick, latest: seen, missing: None };
        let title = Message::from_blocks(&kept.blocks).ok().map(|message| message.title().to_owned());
        let VerifiedHeader { digest, route, header } = header;
        Ok(MessageAccount { digest, route, header, facts, events, call, signed, title })
    }
}
