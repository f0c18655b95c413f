//! `nomaflow:step/secrets`: granted secrets by name. What was handed out is replaced in what the plugin says and returns.

use crate::bindings::nomaflow::step::secrets::Host;
use crate::capability::{Answer, host_error};
use crate::grants::toml_text;
use crate::state::CallState;

impl Host for CallState {
    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "secrets.get"))]
    async fn get(&mut self, name: String) -> Answer<String> {
        if let Err(error) = self.begin_call() {
            return Ok(Err(error));
        }
        if !self.call.grants.secrets.contains(&name) {
            let what = format!("secret `{name}` is not granted");
            return Ok(Err(self.deny(&what, &format!("secrets = [{}]", toml_text(&name)), "grants")));
        }
        let secret = self.call.services.as_ref().and_then(|services| services.secrets.find_secret(&name));
        match secret {
            Some(secret) => {
                self.call.lines.hide(&secret);
                Ok(Ok(secret))
            }
            None => Ok(Err(host_error("not-found", format!("there is no secret `{name}`")))),
        }
    }
}
