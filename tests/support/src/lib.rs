//! What tests start and have to end again: a PostgreSQL server, a MariaDB server, an LDAP server, a home folder, the built program. Everything listens on
//! loopback only, lives in temporary folders, and is ended by process id when its value is dropped.
//!
//! Nothing here knows a crate of the house, so that every crate can use it. Start processes from the test's own thread:
//! on Linux they are also ended when the thread that started them dies, in case a test is killed.

mod gate;
mod home;
mod host;
mod mariadb;
mod port;
mod postgres;
mod process;
mod slapd;
mod wait;

pub use gate::Gate;
pub use home::TempHome;
pub use host::Host;
pub use mariadb::{Mariadb, MariadbDatabase};
pub use port::free_port;
pub use postgres::{Database, Postgres, Session, Shutdown};
pub use slapd::{Slapd, SlapdTls};
pub use wait::{Waited, wait_until, wait_until_async};
