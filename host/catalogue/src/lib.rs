//! host-catalogue
