//! Who this node is: its room, the room's keys and the certificates for them, as the files of its directory say.
//!
//! A renewal writes the next TLS key beside the present one first, then the certificate, then moves the key into
//! place: whenever the machine stops, one of the two keys on the disk belongs to the certificate on the disk.
//!
//! *Against:* key files that others can read, a key and a certificate that do not belong together.

use std::{
    io::ErrorKind,
    sync::{Arc, PoisonError, RwLock},
};

use certs::{
    authority::Issuer,
    certificate::{CertificateFacts, certificates_from_pem, certificates_to_pem},
    identity::{IssuingKey, RoomKeys, TlsKey},
    seal::{SealingKey, StorageKey},
    signature::{KeyError, SigningKey},
};
use rustls::pki_types::CertificateDer;
use topology::RoomId;
use zeroize::Zeroizing;

use crate::{directory::Directory, problem::Problem};

/// The room that this node is, with its keys.
#[derive(Debug)]
pub struct Identity {
    /// The room.
    pub room: RoomId,
    /// Signs what the room says.
    pub signing: Arc<SigningKey>,
    /// Opens what is for the room.
    pub sealing: Arc<SealingKey>,
    /// Protects what rests on the disk.
    pub storage: Arc<StorageKey>,
    /// The TLS key at the start of the node; a renewal swaps another into the certificate cell.
    pub tls: TlsKey,
    /// The certificate of that key and the issuing certificates above it.
    pub tls_chain: Vec<CertificateDer<'static>>,
    issuing: IssuingKey,
    issuer: RwLock<Option<Arc<Issuer>>>,
    /// Held during a renewal: two at once would mix their keys.
    pub(crate) renewing: tokio::sync::Mutex<()>,
}

impl Identity {
    /// Reads the keys and certificates of a node's directory.
    ///
    /// # Errors
    /// `key_missing`, `key_too_open`, `key_damaged`, `certificate_unusable` when they do not belong together.
    pub fn load(directory: &Directory) -> Result<Self, Problem> {
        let tls_chain = read_chain(directory, TLS_CHAIN)?;
        let storage = directory.read_secret(STORAGE_KEY)?;
        let issuing = read_key(directory, ISSUING_KEY, IssuingKey::from_pem)?;
        let issuer = match directory.file(ISSUING_CHAIN).exists() {
            true => Some(Arc::new(issuer_of(&issuing, &read_chain(directory, ISSUING_CHAIN)?)?)),
            false => None,
        };
        Ok(Self {
            room: room_of(&tls_chain)?,
            signing: Arc::new(read_key(directory, SIGNING_KEY, SigningKey::from_pem)?),
            sealing: Arc::new(read_key(directory, SEALING_KEY, SealingKey::from_pem)?),
            storage: Arc::new(
                StorageKey::from_bytes(&storage)
                    .ok_or_else(|| damaged(directory, STORAGE_KEY, "32 bytes are wanted"))?,
            ),
            tls: tls_key(directory, &tls_chain)?,
            tls_chain,
            issuing,
            issuer: RwLock::new(issuer),
            renewing: tokio::sync::Mutex::default(),
        })
    }

    /// Writes the keys and certificates of a new node.
    ///
    /// # Errors
    /// `write_failed`.
    pub fn store(
        directory: &Directory,
        keys: &RoomKeys,
        storage: &StorageKey,
        tls_chain: &[CertificateDer<'static>],
        issuing_chain: Option<&[CertificateDer<'static>]>,
    ) -> Result<(), Problem> {
        directory.write(TLS_KEY, keys.tls.to_pem().as_bytes())?;
        directory.write(SIGNING_KEY, keys.signing.to_pem().as_bytes())?;
        directory.write(SEALING_KEY, keys.sealing.to_pem().as_bytes())?;
        directory.write(ISSUING_KEY, keys.issuing.to_pem().as_bytes())?;
        directory.write(STORAGE_KEY, &storage.to_bytes())?;
        directory.write(TLS_CHAIN, certificates_to_pem(tls_chain).as_bytes())?;
        issuing_chain
            .map_or(Ok(()), |chain| directory.write(ISSUING_CHAIN, certificates_to_pem(chain).as_bytes()))
    }

    /// Issues for the rooms below, where this room is a hub.
    pub fn issuer(&self) -> Option<Arc<Issuer>> {
        self.issuer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All keys of the room with this TLS key: what a renewal is made of.
    pub(crate) fn keys_with(&self, tls: TlsKey) -> RoomKeys {
        RoomKeys {
            tls,
            signing: SigningKey::from_pem(&self.signing.to_pem())
                .expect("a key reads back from its own text"),
            sealing: SealingKey::from_pem(&self.sealing.to_pem())
                .expect("a key reads back from its own text"),
            issuing: copy_of(&self.issuing),
        }
    }

    /// Keeps renewed certificates, on the disk and for the issuer. Swapping the TLS certificate in is for the caller.
    ///
    /// # Errors
    /// `write_failed`, `certificate_unusable`; the old certificate then stays usable.
    pub(crate) fn renewed(
        &self,
        directory: &Directory,
        tls: &TlsKey,
        tls_chain: &[CertificateDer<'static>],
        issuing_chain: Option<&[CertificateDer<'static>]>,
    ) -> Result<(), Problem> {
        if let Some(chain) = issuing_chain {
            let issuer = issuer_of(&self.issuing, chain)?;
            directory.write(ISSUING_CHAIN, certificates_to_pem(chain).as_bytes())?;
            *self.issuer.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(issuer));
        }
        directory.write(NEXT_TLS_KEY, tls.to_pem().as_bytes())?;
        directory.write(TLS_CHAIN, certificates_to_pem(tls_chain).as_bytes())?;
        settle_next_key(directory, tls)
    }
}

/// The TLS chain that the directory holds now.
pub(crate) fn present_chain(directory: &Directory) -> Result<Vec<CertificateDer<'static>>, Problem> {
    read_chain(directory, TLS_CHAIN)
}

/// The TLS key of the certificate: the present one, or the next one if the node stopped in the middle of a renewal.
fn tls_key(directory: &Directory, chain: &[CertificateDer<'static>]) -> Result<TlsKey, Problem> {
    let certified = own_facts(chain)?.public;
    let present = read_key(directory, TLS_KEY, TlsKey::from_pem)?;
    if present.public().as_bytes() == certified {
        return Ok(present);
    }
    if directory.file(NEXT_TLS_KEY).exists() {
        let next = read_key(directory, NEXT_TLS_KEY, TlsKey::from_pem)?;
        if next.public().as_bytes() == certified {
            settle_next_key(directory, &next)?;
            return Ok(next);
        }
    }
    let detail = format!("{TLS_KEY} and {TLS_CHAIN} do not belong together");
    Err(Problem::failed("certificate_unusable").with("detail", detail))
}

fn settle_next_key(directory: &Directory, next: &TlsKey) -> Result<(), Problem> {
    directory.write(TLS_KEY, next.to_pem().as_bytes())?;
    match std::fs::remove_file(directory.file(NEXT_TLS_KEY)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Problem::failed("write_failed")
            .with("path", directory.file(NEXT_TLS_KEY).display())
            .with("detail", error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn issuer_of(key: &IssuingKey, chain: &[CertificateDer<'static>]) -> Result<Issuer, Problem> {
    Issuer::of_hub(copy_of(key), chain)
        .map_err(|error| Problem::failed("certificate_unusable").with("detail", error))
}

fn copy_of(key: &IssuingKey) -> IssuingKey {
    IssuingKey::from_pem(&key.to_pem()).expect("a key reads back from its own text")
}

/// The room that a TLS certificate names.
fn room_of(chain: &[CertificateDer<'static>]) -> Result<RoomId, Problem> {
    let name = own_facts(chain)?.dns_name.unwrap_or_default();
    let room = name.split('.').next().and_then(|label| label.parse().ok());
    room.ok_or_else(|| Problem::failed("certificate_unusable").with("detail", format!("DNS name {name:?}")))
}

fn own_facts(chain: &[CertificateDer<'static>]) -> Result<CertificateFacts, Problem> {
    let own = chain.first().map_or(&[][..], AsRef::as_ref);
    CertificateFacts::read(own).map_err(|error| Problem::failed("certificate_unusable").with("detail", error))
}

fn read_chain(directory: &Directory, name: &str) -> Result<Vec<CertificateDer<'static>>, Problem> {
    certificates_from_pem(&directory.read_text(name)?)
        .map_err(|error| Problem::failed("certificate_unusable").with("detail", format!("{name}: {error}")))
}

fn read_key<T>(
    directory: &Directory,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, KeyError>,
) -> Result<T, Problem> {
    let bytes: Zeroizing<Vec<u8>> = directory.read_secret(name)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(directory, name, "it is not a text"))?;
    parse(text).map_err(|error| damaged(directory, name, &error.to_string()))
}

fn damaged(directory: &Directory, name: &str, detail: &str) -> Problem {
    Problem::failed("key_damaged").with("path", directory.file(name).display()).with("detail", detail)
}

const TLS_KEY: &str = "keys/tls.pem";
const NEXT_TLS_KEY: &str = "keys/tls-next.pem";
const SIGNING_KEY: &str = "keys/signing.pem";
const SEALING_KEY: &str = "keys/sealing.pem";
const ISSUING_KEY: &str = "keys/issuing.pem";
const STORAGE_KEY: &str = "keys/storage.key";
const TLS_CHAIN: &str = "certificates/tls.pem";
const ISSUING_CHAIN: &str = "certificates/issuing.pem";

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use certs::authority::{Authority, Validity};

    use super::*;

    const NOW_MS: i64 = 1_795_000_000_000;
    const ROOM: RoomId = RoomId::from_bytes([7; 16]);

    struct Stored {
        _place: tempfile::TempDir,
        directory: Directory,
        authority: Authority,
        keys: RoomKeys,
    }

    impl Stored {
        fn new() -> Self {
            let place = tempfile::tempdir().unwrap();
            let directory = Directory::create(&place.path().join("node")).unwrap();
            let authority = Authority::create("henan", NOW_MS).unwrap();
            let stored = Self { _place: place, directory, authority, keys: RoomKeys::generate() };
            let chain = stored.tls_chain(&stored.keys.tls);
            Identity::store(&stored.directory, &stored.keys, &StorageKey::generate(), &chain, None).unwrap();
            stored
        }

        fn tls_chain(&self, key: &TlsKey) -> Vec<CertificateDer<'static>> {
            let issuer = self.authority.issuer();
            let name = format!("{ROOM}.henan.internal");
            let issued = issuer.issue_tls(&name, &key.request(), Validity::days(NOW_MS, 30)).unwrap();
            issuer.chain_with(&issued)
        }
    }

    #[test]
    fn what_was_stored_loads_and_names_its_room() {
        let stored = Stored::new();
        let identity = Identity::load(&stored.directory).unwrap();
        assert_eq!(identity.room, ROOM);
        assert_eq!(identity.signing.public(), stored.keys.signing.public());
        assert_eq!(identity.sealing.public(), stored.keys.sealing.public());
        assert!(identity.issuer().is_none());
    }

    #[test]
    fn every_key_file_that_others_may_read_is_refused_by_name() {
        let stored = Stored::new();
        for name in [TLS_KEY, SIGNING_KEY, SEALING_KEY, ISSUING_KEY, STORAGE_KEY] {
            let path = stored.directory.file(name);
            std::fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
            let problem = Identity::load(&stored.directory).unwrap_err();
            assert_eq!(problem.code, "key_too_open");
            assert!(problem.details["path"].ends_with(name), "{problem}");
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        }
        assert!(Identity::load(&stored.directory).is_ok());
    }

    #[test]
    fn a_damaged_key_is_named_and_a_foreign_certificate_is_not_used() {
        let stored = Stored::new();
        let kept = stored.directory.read(SEALING_KEY).unwrap();
        stored.directory.write(SEALING_KEY, b"nonsense").unwrap();
        assert_eq!(Identity::load(&stored.directory).unwrap_err().code, "key_damaged");
        stored.directory.write(SEALING_KEY, &kept).unwrap();
        let foreign = certificates_to_pem(&stored.tls_chain(&TlsKey::generate()));
        stored.directory.write(TLS_CHAIN, foreign.as_bytes()).unwrap();
        assert_eq!(Identity::load(&stored.directory).unwrap_err().code, "certificate_unusable");
    }

    #[test]
    fn a_renewal_that_was_cut_short_anywhere_leaves_a_key_for_the_certificate() {
        let stored = Stored::new();
        let next = TlsKey::generate();
        let chain = certificates_to_pem(&stored.tls_chain(&next));
        stored.directory.write(NEXT_TLS_KEY, next.to_pem().as_bytes()).unwrap();
        let before = Identity::load(&stored.directory).unwrap();
        assert_eq!(before.tls.public(), stored.keys.tls.public());
        stored.directory.write(TLS_CHAIN, chain.as_bytes()).unwrap();
        let after = Identity::load(&stored.directory).unwrap();
        assert_eq!(after.tls.public(), next.public());
        assert!(!stored.directory.file(NEXT_TLS_KEY).exists());
        assert_eq!(Identity::load(&stored.directory).unwrap().tls.public(), next.public());
    }
}
