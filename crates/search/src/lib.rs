//! Search strategies as ask and tell on a read-only history.
