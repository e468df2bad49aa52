//! Trees in, findings out.
