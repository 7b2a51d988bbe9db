//! The plan as it travels: signed by the authority's root key, kept and forwarded byte for byte.
//!
//! *Against:* a plan that nobody with the root key signed, or one of another network.

use rustls::pki_types::CertificateDer;
use topology::{Map, MapErrors, Plan};

use crate::{
    authority::{Authority, IssueError, network_of, root_public_key},
    cbor::{self, CborError},
    digest::{Digest, digest},
    signature::{self, ContentType, SignatureError},
};

/// Signs a plan.
pub fn sign_plan(authority: &Authority, plan: &Plan) -> Vec<u8> {
    signature::sign(authority.signer(), ContentType::Plan, &cbor::encode(plan))
}

/// A plan that the authority signed and in which everything fits.
#[derive(Debug, Clone)]
pub struct VerifiedPlan {
    /// The map that it makes.
    pub map: Map,
    /// The signed bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 over the signed bytes.
    pub digest: Digest,
}

/// Verifies a plan with the root certificate. Whether it is newer than the one in force is for the caller.
pub fn verify_plan(bytes: &[u8], root: &CertificateDer<'_>) -> Result<VerifiedPlan, PlanError> {
    let payload = signature::verify_with_key(bytes, ContentType::Plan, &root_public_key(root)?)?;
    let plan: Plan = cbor::decode(&payload, ContentType::Plan.size_bytes_max())?;
    if plan.v != Plan::FORMAT {
        return Err(PlanError::Version(plan.v));
    }
    let network = network_of(root)?;
    if plan.network != network {
        return Err(PlanError::OtherNetwork { of_plan: plan.network, of_root: network });
    }
    Ok(VerifiedPlan { map: Map::new(plan)?, bytes: bytes.to_vec(), digest: digest(bytes) })
}

/// Why a plan is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not signed by the authority.
    #[error("the plan is not signed by this network's authority: {0}")]
    Signature(#[from] SignatureError),
    /// The root certificate is no good.
    #[error(transparent)]
    Root(#[from] IssueError),
    /// Not a plan.
    #[error("the plan does not read: {0}")]
    Cbor(#[from] CborError),
    /// A later form.
    #[error("the plan has format {0}, which this program does not know: update this node")]
    Version(u16),
    /// A plan of another network.
    #[error("the plan is for network {of_plan}, the root certificate for {of_root}")]
    OtherNetwork {
        /// The plan's network.
        of_plan: String,
        /// The root certificate's network.
        of_root: String,
    },
    /// It contradicts itself.
    #[error(transparent)]
    Map(#[from] MapErrors),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW_MS, Tree};

    #[test]
    fn a_signed_plan_makes_the_map() {
        let tree = Tree::new();
        let plan = verify_plan(&sign_plan(&tree.authority, tree.map.plan()), tree.authority.root()).unwrap();
        assert_eq!(plan.map.plan(), tree.map.plan());
    }

    #[test]
    fn a_plan_of_a_foreign_authority_or_network_is_refused() {
        let tree = Tree::new();
        let signed = sign_plan(&tree.authority, tree.map.plan());
        let foreign = Authority::create("henan", NOW_MS).unwrap();
        assert!(matches!(verify_plan(&signed, foreign.root()), Err(PlanError::Signature(_))));
        let other = Authority::create("hebei", NOW_MS).unwrap();
        let signed = sign_plan(&other, tree.map.plan());
        assert!(matches!(verify_plan(&signed, other.root()), Err(PlanError::OtherNetwork { .. })));
    }
}
