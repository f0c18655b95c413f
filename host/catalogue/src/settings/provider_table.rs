//! `[[auth.oidc]]` and `[[auth.ldap]]`: who vouches for people, and which permissions their groups give. Read twice: with
//! the settings, to find what is wrong, and once the store is open, with the secrets the tables name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host_model::ConnectorName;
use host_model::access::{Permission, Permissions};
use host_model::connector::{Directory, Hidden};
use host_model::diagnostic::Diagnostic;
use host_model::job::SourcePlace;
use toml::de::DeTable;

use super::FILE;
use crate::address::{Env, EnvReader, SecretReader, fill};
use crate::directory_table::read_place;
use crate::finding::Findings;
use crate::load::read_text;
use crate::reader::{Table, Text, entries, text_of, wrong_type};
use crate::source::SourceFile;

/// What stands for the user's name in a filter or a DN.
const USER: &str = "{user}";
/// What stands for the DN of the user's entry in the filter of groups.
const DN: &str = "{dn}";

/// Who vouches for people beside this server itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignInProviders {
    /// `[[auth.oidc]]`.
    pub oidc: Vec<OidcSettings>,
    /// `[[auth.ldap]]`, asked in this order.
    pub ldap: Vec<LdapSettings>,
}

/// What both kinds have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// `name`: in addresses and in the trail.
    pub name: String,
    /// `label`: for people.
    pub label: String,
    /// `auto_create`: whether somebody who has no account gets one.
    pub auto_create: bool,
    /// `[… .permissions]`: what each group gives.
    pub permissions: BTreeMap<String, Permissions>,
}

impl ProviderSettings {
    /// What the groups give together. Names of groups count in any case, as directories have it.
    pub fn permissions_of<'g>(&self, groups: impl IntoIterator<Item = &'g str>) -> Permissions {
        let groups: Vec<String> = groups.into_iter().map(str::to_lowercase).collect();
        let given = self.permissions.iter().filter(|(group, _)| groups.contains(&group.to_lowercase()));
        given.flat_map(|(_, permissions)| permissions.iter().cloned()).collect()
    }
}

/// A provider of OpenID Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// Name, label, what groups give.
    pub provider: ProviderSettings,
    /// `issuer`: `https`, or this machine.
    pub issuer: String,
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`; none for a public client.
    pub client_secret: Option<Hidden>,
    /// `scopes`, `openid` among them.
    pub scopes: Vec<String>,
    /// `name_claim`: what the account is called.
    pub name_claim: String,
    /// `groups_claim`.
    pub groups_claim: String,
    /// `allowed_domains` of e-mail addresses; none: every one.
    pub allowed_domains: Vec<String>,
    /// `external_url`: how browsers reach this server.
    pub external_url: Option<String>,
    /// `ca_file`: certificate authorities beside those of the machine.
    pub ca_file: Option<PathBuf>,
}

/// A directory that knows passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LdapSettings {
    /// Name, label, what groups give.
    pub provider: ProviderSettings,
    /// Where it is, and the account that searches.
    pub directory: Directory,
    /// How a user is found.
    pub user: LdapUser,
    /// `display_attribute`.
    pub display_attribute: String,
    /// `id_attribute`: what stays the same when somebody is renamed; none: the DN.
    pub id_attribute: Option<String>,
    /// `groups_attribute` of the user's entry: names or DNs of groups.
    pub groups_attribute: String,
    /// `groups_base` and `groups_filter`, for directories whose entries of users do not say it.
    pub groups_search: Option<(String, String)>,
}

/// How a user is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LdapUser {
    /// `user_filter`: a search, then a bind as what was found.
    Search(String),
    /// `user_dn`: a bind as this.
    Bind(String),
}

/// Reads the providers of `home` with the secrets they name.
pub fn load_sign_in(
    home: &Path,
    env: &EnvReader<'_>,
    secrets: &dyn SecretReader,
) -> (SignInProviders, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let text = read_text(&home.join(FILE), FILE, &mut found).unwrap_or_default();
    let mut out = Findings::new(SourceFile::new(FILE, &text));
    let (root, _) = DeTable::parse_recoverable(&text);
    let mut root = Table::new("the file", root.get_ref(), 0..0);
    let env = Env { variables: env, secrets: Some(secrets) };
    let providers = match root.table("auth", &mut out) {
        Some(mut auth) => read_providers(&mut auth, home, &env, &mut out),
        None => SignInProviders::default(),
    };
    found.extend(out.drain());
    (providers, found)
}

/// Reads both lists. A provider with an error is left out.
pub(super) fn read_providers(
    auth: &mut Table<'_, '_>,
    home: &Path,
    env: &Env<'_>,
    out: &mut Findings,
) -> SignInProviders {
    let mut providers = SignInProviders::default();
    let mut names = Vec::new();
    for (table, place) in auth.tables("oidc", "[[auth.oidc]]", out) {
        let mut table = Table::new("`[[auth.oidc]]`", table, place);
        let read = read_oidc(&mut table, &mut names, home, env, out);
        table.finish(out);
        providers.oidc.extend(read);
    }
    for (table, place) in auth.tables("ldap", "[[auth.ldap]]", out) {
        let mut table = Table::new("`[[auth.ldap]]`", table, place);
        let read = read_ldap(&mut table, &mut names, home, env, out);
        table.finish(out);
        providers.ldap.extend(read);
    }
    providers
}

fn read_common(table: &mut Table<'_, '_>, names: &mut Vec<String>, out: &mut Findings) -> Option<ProviderSettings> {
    let name = table.need_text("name", out);
    let label = table.filled_text("label", out);
    let auto_create = table.boolean("auto_create", out).unwrap_or(true);
    let permissions = read_permissions(table, out);
    let name = name?;
    let is_name = name.value.len() <= 40
        && name.value != "local"
        && name.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !is_name || names.contains(&name.value) {
        let message = format!(
            "`name` is `{}`; it must be up to 40 of `a` to `z`, `0` to `9` and `-`, and not that of another provider or `local`",
            name.value
        );
        out.error("not-allowed", name.span, message, None);
        return None;
    }
    names.push(name.value.clone());
    let label = label.map_or_else(|| name.value.clone(), |text| text.value);
    Some(ProviderSettings { name: name.value, label, auto_create, permissions })
}

/// The table from groups to permissions.
fn read_permissions(table: &mut Table<'_, '_>, out: &mut Findings) -> BTreeMap<String, Permissions> {
    let mut all = BTreeMap::new();
    let Some(entry) = table.take("permissions") else { return all };
    if table.table("permissions", out).is_none() {
        return all;
    }
    for group in entry.value.get_ref().as_table().map(entries).unwrap_or_default() {
        let Some(list) = group.value.get_ref().as_array() else {
            wrong_type(group.key, "a list of permissions", group.value, out);
            continue;
        };
        let mut given = Vec::new();
        for item in list.iter() {
            match text_of(item).map(|text| (Permission::parse(&text.value), text)) {
                Some((Ok(permission), _)) => given.push(permission),
                Some((Err(error), text)) => out.error("not-allowed", text.span, error.to_string(), None),
                None => wrong_type(group.key, "a list of permissions", item, out),
            }
        }
        all.insert(group.key.to_owned(), given.into_iter().collect());
    }
    all
}

/// An address that is encrypted, or does not leave this machine.
fn is_guarded(url: &str) -> bool {
    let host = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
    match url.split_once("://") {
        Some(("https", rest)) => !host(rest).is_empty() && !rest.contains(['@', ' ', '?', '#']),
        Some(("http", rest)) => {
            let host = host(rest);
            let name =
                host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(&*host, |(name, _)| name);
            matches!(name, "127.0.0.1" | "localhost" | "[::1]") && !rest.contains(['@', ' ', '?', '#'])
        }
        _ => false,
    }
}

fn guarded(text: Option<Text>, env: &Env<'_>, out: &mut Findings) -> Option<String> {
    let text = text?;
    let url = fill(&text, env, out)?;
    if is_guarded(&url) {
        return Some(url);
    }
    let message = format!("`{url}` is not an address that begins with `https://`");
    out.error("not-allowed", text.span, message, Some("only an address of this machine may do without".to_owned()));
    None
}

fn read_oidc(
    table: &mut Table<'_, '_>,
    names: &mut Vec<String>,
    home: &Path,
    env: &Env<'_>,
    out: &mut Findings,
) -> Option<OidcSettings> {
    let provider = read_common(table, names, out);
    let issuer = table.need_text("issuer", out);
    let issuer = guarded(issuer, env, out);
    let client_id = table.need_text("client_id", out).and_then(|text| fill(&text, env, out));
    let secret = table.filled_text("client_secret", out);
    let has_secret = secret.is_some();
    let client_secret = secret.and_then(|text| fill(&text, env, out)).map(Hidden::new);
    let mut scopes: Vec<String> = table.texts("scopes", out).into_iter().map(|text| text.value).collect();
    if scopes.is_empty() {
        scopes = ["openid", "profile", "email"].map(str::to_owned).to_vec();
    } else if !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    let claim = |text: Option<Text>, default: &str| text.map_or_else(|| default.to_owned(), |text| text.value);
    let name_claim = claim(table.filled_text("name_claim", out), "preferred_username");
    let groups_claim = claim(table.filled_text("groups_claim", out), "groups");
    let domains = table.texts("allowed_domains", out).into_iter();
    let allowed_domains = domains.map(|text| text.value.trim_start_matches('@').to_lowercase()).collect();
    let external = table.filled_text("external_url", out);
    let external_url = guarded(external, env, out);
    let ca_file = table.filled_text("ca_file", out).and_then(|text| fill(&text, env, out)).map(|path| home.join(path));
    let provider = provider?;
    if has_secret && client_secret.is_none() {
        return None;
    }
    Some(OidcSettings {
        provider,
        issuer: issuer?,
        client_id: client_id?,
        client_secret,
        scopes,
        name_claim,
        groups_claim,
        allowed_domains,
        external_url,
        ca_file,
    })
}

fn read_ldap(
    table: &mut Table<'_, '_>,
    names: &mut Vec<String>,
    home: &Path,
    env: &Env<'_>,
    out: &mut Findings,
) -> Option<LdapSettings> {
    let provider = read_common(table, names, out);
    let (line, _) = out.file.place(table.place.start);
    let source = SourcePlace { file: out.file.name.clone(), line };
    let directory = read_place(table, home, env, out);
    let filter = table.filled_text("user_filter", out);
    let dn = table.filled_text("user_dn", out);
    let user = match (filter, dn) {
        (Some(_), Some(dn)) => {
            let message = "`[[auth.ldap]]` has both `user_filter` and `user_dn`".to_owned();
            let hint = "keep `user_filter` to search for people first, `user_dn` when their DN is known".to_owned();
            out.error("conflict", dn.span, message, Some(hint));
            None
        }
        (Some(filter), None) => with_mark(filter, USER, out).map(LdapUser::Search),
        (None, Some(dn)) => with_mark(dn, USER, out).map(LdapUser::Bind),
        (None, None) => Some(LdapUser::Search("(uid={user})".to_owned())),
    };
    let attribute = |text: Option<Text>, default: &str| text.map_or_else(|| default.to_owned(), |text| text.value);
    let display_attribute = attribute(table.filled_text("display_attribute", out), "cn");
    let groups_attribute = attribute(table.filled_text("groups_attribute", out), "memberOf");
    let id_attribute = table.filled_text("id_attribute", out).map(|text| text.value);
    let base = table.filled_text("groups_base", out);
    let base = base.and_then(|text| fill(&text, env, out));
    let filter = table.filled_text("groups_filter", out).and_then(|text| with_mark(text, DN, out));
    let groups_search = base.map(|base| (base, filter.unwrap_or_else(|| "(member={dn})".to_owned())));
    let provider = provider?;
    let (url, base) = (directory.url?, directory.base?);
    if directory.has_errors {
        return None;
    }
    let directory = Directory {
        name: ConnectorName::new(&provider.name).ok()?,
        url,
        start_tls: directory.start_tls,
        ca_file: directory.ca_file,
        bind_dn: directory.bind_dn,
        password: directory.password,
        base,
        source,
    };
    let user = user?;
    Some(LdapSettings { provider, directory, user, display_attribute, id_attribute, groups_attribute, groups_search })
}

/// A text in which `mark` stands at least once.
fn with_mark(text: Text, mark: &str, out: &mut Findings) -> Option<String> {
    if text.value.contains(mark) {
        return Some(text.value);
    }
    out.error("not-allowed", text.span, format!("`{}` does not say where `{mark}` goes", text.value), None);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flags, Lookup, load_settings};

    struct Safe;

    impl SecretReader for Safe {
        fn find(&self, name: &str) -> Lookup {
            if name == "idp" { Lookup::Found("s3cret".to_owned()) } else { Lookup::Missing }
        }

        fn unseal(&self, _: &str) -> Result<String, String> {
            Err("no key".to_owned())
        }
    }

    fn read(text: &str) -> (SignInProviders, Vec<String>) {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(FILE), text).unwrap();
        let (providers, found) = load_sign_in(home.path(), &|_| None, &Safe);
        let checked = load_settings(home.path(), &|_| None, &Flags::default());
        let told = |found: Vec<Diagnostic>| found.into_iter().map(|d| format!("{} {}", d.code, d.message)).collect();
        let (found, checked): (Vec<String>, Vec<String>) = (told(found), told(checked.diagnostics));
        if !found.iter().any(|text| text.contains("secret")) {
            assert_eq!(found, checked, "both readings say the same");
        }
        (providers, found)
    }

    #[test]
    fn providers_are_read_with_their_secrets_and_the_permissions_of_groups() {
        let (providers, found) = read(
            "[[auth.oidc]]\nname = 'corp'\nissuer = 'https://id.example.org/x'\nclient_id = 'nomaflow'\n\
             client_secret = '${secret.idp}'\nallowed_domains = ['@Example.org']\n\
             [auth.oidc.permissions]\nAdmins = ['superuser']\nops = ['job:*', 'settings:jobs']\n\
             [[auth.ldap]]\nname = 'ad'\nurl = 'ldaps://dc.example.org'\nbase = 'dc=example,dc=org'\n\
             user_filter = '(&(objectClass=person)(sAMAccountName={user}))'\n",
        );
        assert_eq!(found, [""; 0]);
        let oidc = &providers.oidc[0];
        assert_eq!(oidc.client_secret.as_ref().unwrap().reveal(), "s3cret");
        assert_eq!(oidc.scopes, ["openid", "profile", "email"]);
        assert_eq!(oidc.allowed_domains, ["example.org"]);
        assert_eq!(oidc.provider.permissions_of(["OPS", "other"]).texts(), ["job:*", "settings:jobs"]);
        assert!(oidc.provider.permissions_of(["other"]).texts().is_empty());
        assert_eq!(providers.ldap[0].groups_attribute, "memberOf");
    }

    #[test]
    fn what_is_wrong_with_a_provider_is_said_and_it_is_left_out() {
        for (text, word) in [
            ("[[auth.oidc]]\nname='a'\nissuer='http://id.example.org'\nclient_id='x'\n", "https"),
            ("[[auth.oidc]]\nname='a b'\nissuer='https://h'\nclient_id='x'\n", "`name`"),
            ("[[auth.oidc]]\nname='a'\nissuer='https://h'\nclient_id='x'\nclient_secret='${secret.none}'\n", "secret"),
            ("[[auth.oidc]]\nname='a'\nissuer='https://h'\nclient_id='x'\ncolor='red'\n", "color"),
            (
                "[[auth.oidc]]\nname='a'\nissuer='https://h'\nclient_id='x'\n[auth.oidc.permissions]\ng=['root']\n",
                "root",
            ),
            ("[[auth.ldap]]\nname='a'\nurl='ldap://h'\nbase='dc=x'\nuser_filter='(uid=bob)'\n", "{user}"),
            ("[[auth.ldap]]\nname='a'\nurl='http://h'\nbase='dc=x'\n", "directory"),
        ] {
            let (providers, found) = read(text);
            assert!(found.iter().any(|message| message.contains(word)), "{text}: {found:?}");
            let is_left_out = providers.oidc.is_empty() && providers.ldap.is_empty();
            assert!(is_left_out || ["color", "root"].contains(&word), "{text}");
        }
    }

    #[test]
    fn only_an_address_of_this_machine_may_do_without_encryption() {
        for url in ["https://id.example.org", "http://127.0.0.1:3000/x", "http://localhost", "http://[::1]:80"] {
            assert!(is_guarded(url), "{url}");
        }
        for url in
            ["http://127.0.0.1.evil.example", "http://localhost@evil.example", "ftp://x", "https://", "http://10.0.0.1"]
        {
            assert!(!is_guarded(url), "{url}");
        }
    }
}
