//! host-sandbox
