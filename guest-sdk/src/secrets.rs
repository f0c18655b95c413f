//! Secrets granted to this plugin, by name.

use crate::{Error, imports};

/// The secret called `name`. Errors: `denied` when it is not granted, `not-found` when there is none.
pub fn get(name: &str) -> Result<String, Error> {
    Ok(imports::secrets_get(name)?)
}

#[cfg(test)]
mod tests {
    use crate::testing::Host;

    #[test]
    fn only_a_secret_that_was_installed_is_granted() {
        let _host = Host::new().secret("token", "s3cret").install();
        assert_eq!(super::get("token"), Ok("s3cret".to_owned()));
        assert!(super::get("other").is_err_and(|error| error.is("denied")));
    }
}
