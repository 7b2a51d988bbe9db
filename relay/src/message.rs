//! What an officer writes.
