//! Why a file proves nothing, and exactly which object in it is to blame.

use std::fmt;

use super::container::ContainerError;

/// Names one object in the file: the entry, and where in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The entry's name.
    pub entry: String,
    /// Where in it, such as `message 1 receipt 3`; empty for the whole entry.
    pub object: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.entry)?;
        if self.object.is_empty() { Ok(()) } else { write!(f, " ({})", self.object) }
    }
}

/// The object that fails, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct Invalid {
    /// Which object.
    pub place: Place,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The container is not what names and data make.
    #[error("{0}")]
    Container(String),
    /// It does not even begin as an evidence file does.
    #[error("this is no evidence file")]
    Foreign,
    /// An entry that does not belong there, or is missing.
    #[error("the entry does not stand where it must; {wanted} was expected")]
    Order {
        /// What was expected.
        wanted: &'static str,
    },
    /// It does not decode, or is no object of its kind, or its signature does not hold.
    #[error("{0}")]
    Object(String),
    /// It is not what the manifest lists.
    #[error("it is not what the manifest lists")]
    NotListed,
    /// The key did not count when the signature was witnessed.
    #[error("signed with key {key}, which did not count then: {why}")]
    Key {
        /// The key.
        key: String,
        /// Why.
        why: &'static str,
    },
    /// The cited tick is not there, or says another time.
    #[error("the tick that it cites is not in its group")]
    Tick,
    /// The leaf is not under the head.
    #[error("it is not the leaf {leaf} of the exporter's log: {why}")]
    Leaf {
        /// The number.
        leaf: u64,
        /// Why.
        why: String,
    },
    /// Its issuer may not say this of this envelope.
    #[error("{0}")]
    Policy(&'static str),
    /// Counted twice it would prove what happened once.
    #[error("this message stands in the file a second time")]
    Twice,
    /// A case is judged as a whole.
    #[error("it does not stand with the other messages of its case")]
    Scattered,
    /// A number of the case is missing.
    #[error("message {seq} of the case is missing")]
    CaseGap {
        /// Its number.
        seq: u32,
    },
    /// Something came from the room that is said to have been silent.
    #[error("leaf {leaf} is a receipt for a message that came from that room")]
    NotSilent {
        /// Its number.
        leaf: u64,
    },
    /// The manifest says something else than the file.
    #[error("the manifest says otherwise about {0}")]
    Manifest(&'static str),
}

/// Why no conclusion was reached.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be read: nothing is said about the evidence.
    #[error("the file cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// The evidence is invalid.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl From<ContainerError> for VerifyError {
    fn from(error: ContainerError) -> Self {
        match error {
            ContainerError::Io(error) => Self::Unreadable(error),
            ContainerError::Foreign => {
                let place = Place { entry: "container".to_owned(), object: String::new() };
                Self::Invalid(Invalid { place, fault: Fault::Foreign })
            }
            ContainerError::Cut { .. } | ContainerError::Changed { .. } | ContainerError::TooLarge { .. } => {
                let place = Place { entry: "container".to_owned(), object: String::new() };
                Self::Invalid(Invalid { place, fault: Fault::Container(error.to_string()) })
            }
        }
    }
}
