//! The officer's statement in a telephone note, as far as facts and header show it.

use super::{super::invalid::Fault, keys::Witnessed};
use crate::{
    envelope::VerifiedHeader,
    message::{Facts, Kind, phone::call::VerifiedCall},
};

/// Verifies what an officer signed about a call; none where the note is paper.
pub(super) fn of_facts(
    facts: &Facts,
    header: &VerifiedHeader,
    keys: &Witnessed<'_>,
) -> Result<Option<VerifiedCall>, Fault> {
    let Some(signed) = facts.call.as_ref().filter(|_| facts.kind == Kind::PhoneNote) else { return Ok(None) };
    let call = VerifiedCall::verify(signed, keys).map_err(|error| Fault::Object(error.to_string()))?;
    let said = call.statement();
    let is_same = said.room == header.route.origin
        && header.header.to.iter().any(|address| address.room == said.peer)
        && header.header.commitments.get(1) == Some(&said.text)
        && said.case == facts.case
        && said.about.as_ref() == facts.relates_to.first()
        && said.status == facts.status
        && facts.pairing_code.as_deref() == Some(said.code.as_str())
        && facts.phone == Some(said.line)
        && facts.direction == Some(said.direction)
        && facts.started_at == Some(said.started_at)
        && facts.ended_at == Some(said.ended_at)
        && facts.sensitive == said.sensitive;
    if is_same { Ok(Some(call)) } else { Err(Fault::Policy("its officer signed another note")) }
}
