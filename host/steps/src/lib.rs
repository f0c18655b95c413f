//! host-steps
