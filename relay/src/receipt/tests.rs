//! A receipt says what its issuer signed, or nothing.
