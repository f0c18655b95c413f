//! host-python
