//! What plugins may be given besides the connectors of their step: the ports the sandbox needs, in one value.

use std::sync::Arc;

use host_model::plugin_port::{Directories, HttpClient, PluginState};
use host_model::port::{EnvReader, Secrets};

/// The services of a house. Which plugin may use which is written in its grants.
#[derive(Clone)]
pub struct Services {
    /// Sends requests.
    pub http: Arc<dyn HttpClient>,
    /// LDAP connectors.
    pub directories: Arc<dyn Directories>,
    /// Secrets by name.
    pub secrets: Arc<dyn Secrets>,
    /// Durable keys.
    pub state: Arc<dyn PluginState>,
    /// The environment.
    pub env: EnvReader,
}
