//! Every change of an envelope is found.
