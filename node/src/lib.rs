//! yichuan
