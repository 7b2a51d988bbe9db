//! The parent's answer to a join or a renewal, and what the child checks before it believes it.

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::{Map, RoomId};

use crate::{
    cbor::{self, CborError},
    certificate::{CertificateError, CertificateFacts},
    identity::RoomKeys,
    peer::{PeerError, peer_room},
    plan::{PlanError, VerifiedPlan, verify_plan},
    sheet::{SheetError, VerifiedSheet, verify_sheet},
};

/// What the parent answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinAnswer {
    /// The version of this form, 1.
    pub v: u16,
    /// The signed plan.
    pub plan: ByteBuf,
    /// The signed sheets that the room needs.
    pub sheets: Vec<ByteBuf>,
    /// The room's TLS certificate and the issuing certificates above it.
    pub tls_chain: Vec<ByteBuf>,
    /// The same for its issuing certificate, where the plan makes it a hub.
    pub issuing_chain: Option<Vec<ByteBuf>>,
}

/// An answer that fits the room, its keys and the root certificate.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The plan.
    pub plan: VerifiedPlan,
    /// The sheets.
    pub sheets: Vec<VerifiedSheet>,
    /// The room's TLS certificate and the issuing certificates above it.
    pub tls_chain: Vec<CertificateDer<'static>>,
    /// The same for its issuing certificate.
    pub issuing_chain: Option<Vec<CertificateDer<'static>>>,
}

impl JoinAnswer {
    /// An answer from its parts.
    pub fn new(
        plan: &[u8],
        sheets: impl IntoIterator<Item = Vec<u8>>,
        tls_chain: &[CertificateDer<'_>],
        issuing_chain: Option<&[CertificateDer<'_>]>,
    ) -> Self {
        let bytes =
            |chain: &[CertificateDer<'_>]| chain.iter().map(|der| ByteBuf::from(der.as_ref())).collect();
        Self {
            v: 1,
            plan: ByteBuf::from(plan),
            sheets: sheets.into_iter().map(ByteBuf::from).collect(),
            tls_chain: bytes(tls_chain),
            issuing_chain: issuing_chain.map(bytes),
        }
    }

    /// The bytes of the answer.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads an answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, AnswerError> {
        let answer: Self = cbor::decode(bytes, ANSWER_BYTES_MAX)?;
        if answer.v == 1 { Ok(answer) } else { Err(AnswerError::Version(answer.v)) }
    }

    /// Checks everything in the answer for this room with these keys.
    pub fn verify(
        &self,
        root: &CertificateDer<'_>,
        room: RoomId,
        keys: &RoomKeys,
        now_ms: i64,
    ) -> Result<Joined, AnswerError> {
        let plan = verify_plan(&self.plan, root)?;
        let tls_chain = chain(&self.tls_chain);
        let own = peer_room(&plan.map, &tls_chain)?;
        if own.room != room || !is_of_key(&tls_chain, keys.tls.public().as_bytes())? {
            return Err(AnswerError::OtherCertificate);
        }
        let issuing_chain = self.issuing_chain.as_deref().map(chain);
        if let Some(issuing) = &issuing_chain {
            check_issuing(&plan.map, room, issuing, &tls_chain, keys)?;
        }
        let verified = self.sheets.iter().map(|bytes| verify_sheet(bytes, &plan.map, root, now_ms));
        let sheets = verified.collect::<Result<_, _>>()?;
        Ok(Joined { plan, sheets, tls_chain, issuing_chain })
    }
}

fn check_issuing(
    map: &Map,
    room: RoomId,
    issuing: &[CertificateDer<'_>],
    tls: &[CertificateDer<'_>],
    keys: &RoomKeys,
) -> Result<(), AnswerError> {
    let facts = CertificateFacts::read(issuing.first().ok_or(AnswerError::OtherCertificate)?)?;
    let same_issuers = issuing.get(1..) == tls.get(1..);
    let own = facts.is_authority && facts.permitted_dns == map.dns_name(room);
    if own && same_issuers && is_of_key(issuing, keys.issuing.public().as_bytes())? {
        Ok(())
    } else {
        Err(AnswerError::OtherCertificate)
    }
}

fn is_of_key(chain: &[CertificateDer<'_>], public: &[u8]) -> Result<bool, AnswerError> {
    let own = chain.first().ok_or(AnswerError::OtherCertificate)?;
    Ok(CertificateFacts::read(own)?.public == public)
}

fn chain(bytes: &[ByteBuf]) -> Vec<CertificateDer<'static>> {
    bytes.iter().map(|der| CertificateDer::from(der.to_vec())).collect()
}

/// Why a room does not believe an answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// A later form.
    #[error("the parent's answer has version {0}, which this program does not know: update this node")]
    Version(u16),
    /// It does not read.
    #[error("the parent's answer does not read: {0}")]
    Cbor(#[from] CborError),
    /// The plan is not good.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A sheet is not good.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// A certificate does not read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The chain is not that of the plan.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Certificates of another room or another key.
    #[error(
        "the parent's answer holds a certificate of another room or another key: ask it to look at its log"
    )]
    OtherCertificate,
}

/// A plan, the sheets of a large province, and certificates.
pub const ANSWER_BYTES_MAX: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        peer::Publisher,
        plan::sign_plan,
        testing::{CITY, COUNTY, NOW_MS, Tree},
    };

    fn answer(tree: &Tree, room: RoomId) -> JoinAnswer {
        let plan = sign_plan(&tree.authority, tree.map.plan());
        let sheets = [Publisher::Authority, Publisher::Hub(CITY)].map(|p| tree.sign(tree.contents(p, 1)));
        JoinAnswer::new(&plan, sheets, &tree.tls_chain(room), Some(&tree.issuing_chain(room)))
    }

    #[test]
    fn a_room_believes_an_answer_for_itself_and_its_keys() {
        let tree = Tree::new();
        let read = JoinAnswer::decode(&answer(&tree, CITY).encode()).unwrap();
        let joined = read.verify(tree.authority.root(), CITY, tree.keys(CITY), NOW_MS).unwrap();
        assert_eq!(joined.tls_chain, tree.tls_chain(CITY));
        assert_eq!(joined.issuing_chain, Some(tree.issuing_chain(CITY)));
        assert_eq!((joined.plan.map.version(), joined.sheets.len()), (1, 2));
    }

    #[test]
    fn an_answer_for_another_room_or_other_keys_is_refused() {
        let (tree, root) = (Tree::new(), |tree: &Tree| tree.authority.root().clone());
        let refused =
            |answer: &JoinAnswer, room, keys| answer.verify(&root(&tree), room, keys, NOW_MS).unwrap_err();
        let city = answer(&tree, CITY);
        assert!(matches!(refused(&city, COUNTY, tree.keys(CITY)), AnswerError::OtherCertificate));
        assert!(matches!(refused(&city, CITY, tree.keys(COUNTY)), AnswerError::OtherCertificate));
        let mixed = JoinAnswer { issuing_chain: answer(&tree, COUNTY).issuing_chain, ..city.clone() };
        assert!(matches!(refused(&mixed, CITY, tree.keys(CITY)), AnswerError::OtherCertificate));
        let elsewhere = Tree::new();
        let foreign = answer(&elsewhere, CITY);
        assert!(matches!(refused(&foreign, CITY, elsewhere.keys(CITY)), AnswerError::Plan(_)));
        let plan = JoinAnswer { plan: sign_plan(&tree.authority, tree.map.plan()).into(), ..foreign };
        assert!(refused(&plan, CITY, elsewhere.keys(CITY)).to_string().contains("signer is not valid"));
    }
}
