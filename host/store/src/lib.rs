//! host-store
