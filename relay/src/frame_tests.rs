//! The bytes of every frame.
