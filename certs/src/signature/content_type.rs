//! The kinds of signed object: the domain separator of every signature, and how large each may be.

use std::fmt;

/// The kinds of signed object. Their names stand in the signature and separate the domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentType {
    /// The plan of the network, signed by the authority.
    Plan,
    /// A hub's keys and revocations.
    Sheet,
    /// The header of an envelope.
    EnvelopeHeader,
    /// A receipt.
    Receipt,
    /// The start of a node's epoch.
    EpochStart,
    /// A room's certificate for an officer.
    OfficerCertificate,
    /// What an officer did.
    OfficerAct,
    /// A child asks to be enrolled.
    JoinRequest,
    /// A room asks for a new TLS certificate.
    Renewal,
    /// A new key, signed by the one it succeeds.
    KeySuccession,
    /// The root hub's time.
    Tick,
    /// The signed head of a room's log.
    Checkpoint,
    /// What a room saw of one of its links.
    Line,
    /// One end's statement about a telephone call, signed by its officer.
    PhoneCall,
    /// A rule pack.
    RulePack,
    /// One year of the working-day calendar.
    Calendar,
    /// What an evidence file holds, signed by the room that exported it.
    EvidenceManifest,
}

impl ContentType {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::Plan,
        Self::Sheet,
        Self::EnvelopeHeader,
        Self::Receipt,
        Self::EpochStart,
        Self::OfficerCertificate,
        Self::OfficerAct,
        Self::JoinRequest,
        Self::Renewal,
        Self::KeySuccession,
        Self::Tick,
        Self::Checkpoint,
        Self::Line,
        Self::PhoneCall,
        Self::RulePack,
        Self::Calendar,
        Self::EvidenceManifest,
    ];

    /// The content type (RFC 9052 section 3.1) in the protected header.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Plan => "application/yichuan-plan+cbor",
            Self::Sheet => "application/yichuan-sheet+cbor",
            Self::EnvelopeHeader => "application/yichuan-envelope-header+cbor",
            Self::Receipt => "application/yichuan-receipt+cbor",
            Self::EpochStart => "application/yichuan-epoch-start+cbor",
            Self::OfficerCertificate => "application/yichuan-officer-certificate+cbor",
            Self::OfficerAct => "application/yichuan-officer-act+cbor",
            Self::JoinRequest => "application/yichuan-join-request+cbor",
            Self::Renewal => "application/yichuan-renewal+cbor",
            Self::KeySuccession => "application/yichuan-key-succession+cbor",
            Self::Tick => "application/yichuan-tick+cbor",
            Self::Checkpoint => "application/yichuan-checkpoint+cbor",
            Self::Line => "application/yichuan-line+cbor",
            Self::PhoneCall => "application/yichuan-phone-call+cbor",
            Self::RulePack => "application/yichuan-rule-pack+cbor",
            Self::Calendar => "application/yichuan-calendar+cbor",
            Self::EvidenceManifest => "application/yichuan-evidence-manifest+cbor",
        }
    }

    /// The most bytes that a signed object of this kind may have.
    pub const fn size_bytes_max(self) -> usize {
        match self {
            Self::EvidenceManifest => 16 << 20,
            Self::Plan | Self::Sheet => 4 << 20,
            Self::EnvelopeHeader
            | Self::Receipt
            | Self::EpochStart
            | Self::OfficerCertificate
            | Self::OfficerAct
            | Self::JoinRequest
            | Self::Renewal
            | Self::KeySuccession
            | Self::PhoneCall => 64 << 10,
            Self::RulePack | Self::Calendar => 256 << 10,
            Self::Tick | Self::Checkpoint | Self::Line => 4 << 10,
        }
    }

    /// Whether an officer signs it, with the room's certificate for the officer's key attached.
    pub const fn is_by_officer(self) -> bool {
        matches!(self, Self::OfficerAct | Self::PhoneCall)
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.media_type())
    }
}
