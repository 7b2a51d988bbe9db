//! An officer's key under a password: argon2id (RFC 9106) makes a key of the password, AES-256-GCM locks with
//! it.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::AES_256_GCM;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use zeroize::Zeroizing;

use super::OfficerKey;
use crate::{
    digest::{Digest, KeyId, digest_of_parts},
    seal,
    signature::{Signer, SigningKey},
};

/// How much work one guess at a password costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl PasswordCost {
    /// For every real network: 64 MiB and three passes (the second recommendation of RFC 9106 section 4, with
    /// one lane, for small machines).
    pub const STANDARD: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };
    /// For throw-away networks and tests: weak and quick.
    pub const WEAK: Self = Self { memory_kib: 64, passes: 1, lanes: 1 };

    fn is_bounded(self) -> bool {
        self.memory_kib <= 1 << 20 && self.passes <= 64 && self.lanes <= 16
    }
}

/// An officer's key as it rests in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedOfficerKey {
    /// The form of this structure, 1.
    pub v: u16,
    /// Names the public key.
    pub key_id: KeyId,
    /// The cost of one guess.
    pub cost: PasswordCost,
    /// Drawn for every password.
    pub salt: ByteArray<SALT_LEN>,
    /// The encrypted key.
    pub sealed: ByteBuf,
}

impl LockedOfficerKey {
    /// Locks a key under a password.
    pub fn lock(key: &OfficerKey, password: &str, cost: PasswordCost) -> Result<Self, LockError> {
        if password.chars().count() < PASSWORD_CHARACTERS_MIN {
            return Err(LockError::PasswordTooShort);
        }
        let salt: [u8; SALT_LEN] = seal::random();
        let key_id = key.0.key_id();
        let by_password = key_of_password(password, &salt, cost)?;
        let bound = bound_to(&key_id, cost);
        let sealed = seal::seal(&AES_256_GCM, &by_password[..], bound.as_bytes(), key.0.pkcs8());
        Ok(Self { v: 1, key_id, cost, salt: ByteArray::new(salt), sealed: sealed.into() })
    }

    /// Unlocks the key.
    pub fn unlock(&self, password: &str) -> Result<OfficerKey, LockError> {
        if self.v != 1 {
            return Err(LockError::Version(self.v));
        }
        let by_password = key_of_password(password, &self.salt[..], self.cost)?;
        let bound = bound_to(&self.key_id, self.cost);
        let pkcs8 = seal::open(&AES_256_GCM, &by_password[..], bound.as_bytes(), &self.sealed);
        let pkcs8 = Zeroizing::new(pkcs8.map_err(|_| LockError::WrongPassword)?);
        let key = SigningKey::from_pkcs8(&pkcs8).map_err(|_| LockError::Damaged)?;
        if key.key_id() != self.key_id {
            return Err(LockError::Damaged);
        }
        Ok(OfficerKey(key))
    }

    /// Locks the key under a new password; the old one must be right.
    pub fn change_password(&self, old: &str, new: &str, cost: PasswordCost) -> Result<Self, LockError> {
        Self::lock(&self.unlock(old)?, new, cost)
    }
}

fn key_of_password(
    password: &str,
    salt: &[u8],
    cost: PasswordCost,
) -> Result<Zeroizing<[u8; 32]>, LockError> {
    if !cost.is_bounded() {
        return Err(LockError::Damaged);
    }
    let params =
        Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| LockError::Damaged)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut key[..])
        .map_err(|_| LockError::Damaged)?;
    Ok(key)
}

/// What the lock is bound to besides the password, so that a weaker cost cannot be written in.
fn bound_to(key: &KeyId, cost: PasswordCost) -> Digest {
    let [memory, passes, lanes] = [cost.memory_kib, cost.passes, cost.lanes].map(u32::to_be_bytes);
    digest_of_parts(&[b"yichuan officer key", key.as_bytes(), &memory, &passes, &lanes])
}

/// Why a key does not lock or unlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Not the password, or changed bytes: the two cannot be told apart.
    #[error("wrong password: try again, or have the room's system administrator issue a new officer key")]
    WrongPassword,
    /// Too easy to guess.
    #[error("the password is too short: at least {PASSWORD_CHARACTERS_MIN} characters are wanted")]
    PasswordTooShort,
    /// The stored form makes no sense.
    #[error("the stored officer key is damaged: restore it from a backup or issue a new one")]
    Damaged,
    /// A later form.
    #[error("the stored officer key has version {0}, which this program does not know: update this node")]
    Version(u16),
}

/// The shortest password.
pub const PASSWORD_CHARACTERS_MIN: usize = 8;

const SALT_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor;

    #[test]
    fn the_right_password_unlocks_and_a_wrong_one_says_so() {
        let key = OfficerKey::generate();
        let locked = LockedOfficerKey::lock(&key, "黄河水位正常今夜", PasswordCost::WEAK).unwrap();
        assert_eq!(locked.unlock("黄河水位正常今夜").unwrap().public(), key.public());
        assert_eq!(locked.unlock("黄河水位正常今天").unwrap_err(), LockError::WrongPassword);
        assert_eq!(cbor::decode::<LockedOfficerKey>(&cbor::encode(&locked), 4096), Ok(locked));
    }

    #[test]
    fn after_a_change_only_the_new_password_unlocks_the_same_key() {
        let key = OfficerKey::generate();
        let old = LockedOfficerKey::lock(&key, "old password", PasswordCost::WEAK).unwrap();
        let wrong = old.change_password("not the old", "new password", PasswordCost::WEAK);
        assert_eq!(wrong.unwrap_err(), LockError::WrongPassword);
        let new = old.change_password("old password", "new password", PasswordCost::WEAK).unwrap();
        assert_eq!(new.unlock("old password").unwrap_err(), LockError::WrongPassword);
        assert_eq!(new.unlock("new password").unwrap().public(), key.public());
    }

    #[test]
    fn short_passwords_damage_and_absurd_costs_are_refused() {
        let key = OfficerKey::generate();
        let short = LockedOfficerKey::lock(&key, "1234567", PasswordCost::WEAK);
        assert_eq!(short.unwrap_err(), LockError::PasswordTooShort);
        let good = LockedOfficerKey::lock(&key, "12345678", PasswordCost::WEAK).unwrap();
        let swapped = LockedOfficerKey { key_id: KeyId::of(b"other"), ..good.clone() };
        assert_eq!(swapped.unlock("12345678").unwrap_err(), LockError::WrongPassword);
        let endless = PasswordCost { passes: u32::MAX, ..PasswordCost::WEAK };
        let absurd = LockedOfficerKey { cost: endless, ..good };
        assert_eq!(absurd.unlock("12345678").unwrap_err(), LockError::Damaged);
    }

    #[test]
    fn the_standard_cost_is_accepted_by_the_library() {
        assert!(PasswordCost::STANDARD.is_bounded());
        assert!(key_of_password("password", &[1; SALT_LEN], PasswordCost::STANDARD).is_ok());
    }
}
