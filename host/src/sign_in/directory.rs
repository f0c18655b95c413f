//! A directory as a source of passwords.

use async_trait::async_trait;
use host_api::auth::PasswordSource;
use host_catalogue::{LdapSettings, LdapUser, ProviderSettings};
use host_model::account::{AccountSource, Vouched};
use host_model::plugin_port::ServiceError;
use host_steps::{People, Person};

pub(super) struct DirectoryPasswords {
    provider: ProviderSettings,
    people: People,
}

impl DirectoryPasswords {
    pub(super) fn new(settings: LdapSettings) -> Self {
        let (user_filter, user_dn) = match settings.user {
            LdapUser::Search(filter) => (Some(filter), None),
            LdapUser::Bind(dn) => (None, Some(dn)),
        };
        let people = People {
            directory: settings.directory,
            user_filter,
            user_dn,
            display_attribute: settings.display_attribute,
            id_attribute: settings.id_attribute,
            groups_attribute: settings.groups_attribute,
            groups_search: settings.groups_search,
        };
        Self { provider: settings.provider, people }
    }

    fn vouch(&self, user: &str, found: Result<Option<Person>, ServiceError>) -> Result<Option<Vouched>, String> {
        let person = found.map_err(|error| error.to_string())?;
        Ok(person.map(|person| Vouched {
            name: user.to_owned(),
            display_name: person.display_name,
            source: AccountSource::Ldap,
            subject: format!("{}:{}", self.provider.name, person.id),
            from_groups: self.provider.permissions_of(person.groups.iter().map(String::as_str)),
            may_create: self.provider.auto_create,
        }))
    }
}

#[async_trait]
impl PasswordSource for DirectoryPasswords {
    fn name(&self) -> &str {
        &self.provider.name
    }

    async fn check(&self, user: &str, password: &str) -> Result<Option<Vouched>, String> {
        self.vouch(user, self.people.check(user, password).await)
    }

    async fn look_up(&self, user: &str) -> Result<Option<Vouched>, String> {
        if self.people.directory.bind_dn.is_none() {
            // Anonymous searches may see nobody, which would sign everybody out.
            return Err("it can only be asked with the password of the person".to_owned());
        }
        self.vouch(user, self.people.look_up(user).await)
    }
}
