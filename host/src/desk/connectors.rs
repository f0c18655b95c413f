//! Connectors while they are changed: `connectors.toml` read, changed as text, looked at by the catalogue's own code among
//! all jobs, written and read again. Passwords are sealed before they stand anywhere, and who set one is remembered.
//!
//! `connector_findings` says what is wrong with one, `connector_names` is about who names it. Invariant: nothing is written that makes a connector or a job invalid
//! that was valid before, and no answer has a password in it.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use host_api::connector_desk::{
    ConnectorEditor, ConnectorError, ConnectorSource, ConnectorWish, PoolSource, Reference, SecretKept,
};
use host_catalogue::edit::connectors::{CONNECTORS_FILE, ConnectorsText, Section};
use host_catalogue::edit::credentials::{Held, Refusal, Wish, shown, with_password};
use host_catalogue::edit::{Change, Journal};
use host_engine::clock::SystemClock;
use host_model::connector_secret::{ConnectorSecretStore, SecretChange};
use host_model::desk::TestReport;
use host_model::notify::desk::SecretWish;
use host_model::port::Clock as _;
use host_model::{CancelToken, ConnectorName, Json, JsonMap};
use host_python::PythonDrivers;
use host_steps::ConnectorPools;
use sha2::{Digest as _, Sha256};

use super::blocking;
use super::connector_findings::{content, mistake};
use super::{Desk, Turn};
use crate::inventory;
use crate::vault::book::{FILES, SecretBook};

/// What the desk of connectors needs beside that of jobs.
pub(crate) struct Connectors {
    pub(super) desk: Arc<Desk>,
    secrets: Arc<SecretBook>,
    pub(super) changes: Arc<dyn ConnectorSecretStore>,
    drivers: Arc<PythonDrivers>,
}

/// The file as it was read.
pub(super) struct File {
    path: PathBuf,
    before: Option<Vec<u8>>,
    pub(super) text: ConnectorsText,
}

impl File {
    /// What has to be written so that it says `text`.
    pub(super) fn change(self, text: &ConnectorsText) -> Change {
        let after = text.text().to_owned();
        Change { path: self.path, shown: CONNECTORS_FILE.to_owned(), before: self.before, after }
    }
}

fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..16])
}

pub(super) fn place(section: Section, name: &str) -> String {
    format!("{}/{name}", section.key())
}

fn is_directory(values: &JsonMap) -> bool {
    values.get("type").and_then(Json::as_str) == Some("ldap")
}

/// Changes with everything that is saved for a connector and its pool.
fn etag_of(text: &ConnectorsText, name: &str) -> String {
    let pool = text.pool_of(name);
    let pool = pool.as_deref().and_then(|pool| Some((pool, text.find(Section::Pools, pool)?)));
    digest(&serde_json::json!([text.find(Section::Connectors, name), pool]).to_string())
}

impl Connectors {
    pub(crate) fn new(
        desk: Arc<Desk>,
        secrets: &Arc<SecretBook>,
        changes: Arc<dyn ConnectorSecretStore>,
        drivers: Arc<PythonDrivers>,
    ) -> Self {
        Self { desk, secrets: secrets.clone(), changes, drivers }
    }

    pub(super) async fn read(&self) -> Result<File, ConnectorError> {
        let path = self.desk.keeper.reader().home.join(CONNECTORS_FILE);
        let file = blocking(move || {
            let unreadable = |why: String| {
                let file = CONNECTORS_FILE.to_owned();
                host_catalogue::edit::EditError::Unreadable { file, why }
            };
            let before = match std::fs::read(&path) {
                Ok(bytes) => Some(bytes),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !path.is_symlink() => None,
                Err(error) => return Err(unreadable(error.to_string())),
            };
            let text = String::from_utf8(before.clone().unwrap_or_default());
            let text = ConnectorsText::parse(&text.map_err(|_| unreadable("it is not UTF-8".to_owned()))?)?;
            Ok(File { path, before, text })
        });
        Ok(file.await??)
    }

    pub(super) async fn turn(&self) -> Result<Turn<'_>, ConnectorError> {
        Ok(self.desk.turn().await?)
    }

    fn kept(&self, table: &JsonMap, at: &str, changes: &[SecretChange]) -> SecretKept {
        let raw = table.get("password").and_then(Json::as_str).unwrap_or_default();
        let known = changes.iter().find(|change| change.place == at && change.digest == digest(raw));
        let changed = known.map(|change| (change.at, change.by.clone()));
        match shown(table).1 {
            Held::Nothing => SecretKept::default(),
            Held::Named(reference) => {
                SecretKept { is_set: true, reference: Some(reference), is_in_clear: false, changed }
            }
            Held::Sealed(_) => SecretKept { is_set: true, reference: None, is_in_clear: false, changed },
            Held::Open(_) => SecretKept { is_set: true, reference: None, is_in_clear: true, changed },
        }
    }

    fn pool_source(&self, text: &ConnectorsText, name: &str, changes: &[SecretChange]) -> Option<PoolSource> {
        let table = text.find(Section::Pools, name)?;
        Some(PoolSource {
            name: name.to_owned(),
            values: shown(table).0,
            password: self.kept(table, &place(Section::Pools, name), changes),
            connectors: text.users_of_pool(name),
        })
    }

    async fn source_in(&self, text: &ConnectorsText, name: &str) -> Result<ConnectorSource, ConnectorError> {
        let table = text.find(Section::Connectors, name);
        let table = table.ok_or_else(|| ConnectorError::NotFound { what: "connector", name: name.to_owned() })?;
        let changes = self.changes.list_secret_changes().await?;
        let own = is_directory(table).then(|| self.kept(table, &place(Section::Connectors, name), &changes));
        Ok(ConnectorSource {
            name: name.to_owned(),
            etag: etag_of(text, name),
            values: shown(table).0,
            password: own,
            pool: text.pool_of(name).and_then(|pool| self.pool_source(text, &pool, &changes)),
            used_by: self.references(name).await?,
            warnings: Vec::new(),
        })
    }

    async fn ensure_fresh(&self, text: &ConnectorsText, name: &str, etag: Option<&str>) -> Result<(), ConnectorError> {
        match etag {
            Some(etag) if etag != etag_of(text, name) => {
                Err(ConnectorError::Stale(Box::new(self.source_in(text, name).await?)))
            }
            _ => Ok(()),
        }
    }

    /// The file as `wish` wants it, and where a password has become another one.
    fn compose(
        &self,
        was: &ConnectorsText,
        name: &str,
        wish: &ConnectorWish,
    ) -> Result<(ConnectorsText, Option<String>), ConnectorError> {
        let password = match &wish.password {
            SecretWish::Keep => Wish::Keep,
            SecretWish::Set(text) => Wish::Set(text.reveal()),
            SecretWish::Clear => Wish::Clear,
        };
        let seal = |text: &str| self.secrets.vault().seal(FILES, text).map_err(|error| error.to_string());
        let refused = |below: &str, refusal| match refusal {
            Refusal::Unsealed(why) => ConnectorError::Sealed(why),
            Refusal::Misplaced(key) => mistake(
                &format!("{below}/{key}"),
                "secret-misplaced",
                format!("a password does not belong in `{key}` here"),
                Some("send it as the secret `password`, where it is sealed"),
            ),
        };
        let mut text = was.clone();
        let mut secret = None;
        let mut values = wish.values.clone();
        if is_directory(&values) {
            let current = was.find(Section::Connectors, name);
            values = with_password(&values, current, &password, seal).map_err(|why| refused("/connector", why))?;
            secret = Some((Section::Connectors, name.to_owned(), values.clone()));
        }
        text.set(Section::Connectors, name, &values).map_err(|error| content(error, "/connector"))?;
        match (text.pool_of(name), &wish.pool) {
            (Some(pool), Some(wanted)) => {
                let current = was.find(Section::Pools, &pool);
                let table = with_password(wanted, current, &password, seal).map_err(|why| refused("/pool", why))?;
                text.set(Section::Pools, &pool, &table).map_err(|error| content(error, "/pool"))?;
                secret = Some((Section::Pools, pool, table));
            }
            (Some(_), None) if wish.password != SecretWish::Keep => {
                let hint = "send the values of the pool as `pool` too";
                return Err(mistake(
                    "/pool",
                    "missing-field",
                    "the password is the pool's, which was left out",
                    Some(hint),
                ));
            }
            (None, Some(_)) => {
                return Err(mistake("/pool", "conflict", "a directory has no pool", Some("leave `pool` out")));
            }
            _ => {}
        }
        let changed = secret.and_then(|(section, name, table)| {
            let before = was.find(section, &name).and_then(|table| table.get("password"));
            (table.get("password") != before).then(|| place(section, &name))
        });
        Ok((text, changed))
    }

    /// Writes files that belong together, and reads the catalogue again.
    pub(super) async fn write(&self, changes: Vec<Change>) -> Result<(), ConnectorError> {
        let changes: Vec<Change> =
            changes.into_iter().filter(|change| change.before.as_deref() != Some(change.after.as_bytes())).collect();
        if changes.is_empty() {
            return Ok(());
        }
        let data = self.desk.data.clone();
        blocking(move || Journal::begin(&data, &changes, None)?.finish()).await??;
        self.desk.reload().await;
        Ok(())
    }

    async fn put(
        &self,
        file: File,
        name: &str,
        wish: &ConnectorWish,
        by: &str,
    ) -> Result<ConnectorSource, ConnectorError> {
        let (text, secret) = self.compose(&file.text, name, wish)?;
        let (_, warnings) = self.examine(&text, name).await?;
        self.write(vec![file.change(&text)]).await?;
        if let Some(at) = secret {
            let table = [Section::Pools, Section::Connectors]
                .into_iter()
                .find_map(|section| text.find(section, at.strip_prefix(section.key())?.strip_prefix('/')?));
            let raw = table.and_then(|table| table.get("password")).and_then(Json::as_str).unwrap_or_default();
            let change = SecretChange { place: at, digest: digest(raw), at: SystemClock.now(), by: by.to_owned() };
            self.changes.put_secret_change(&change).await?;
        }
        Ok(ConnectorSource { warnings, ..self.source_in(&text, name).await? })
    }
}

#[async_trait]
impl ConnectorEditor for Connectors {
    async fn source(&self, name: &str) -> Result<ConnectorSource, ConnectorError> {
        let file = self.read().await?;
        self.source_in(&file.text, name).await
    }

    async fn pools(&self) -> Result<Vec<PoolSource>, ConnectorError> {
        let (file, changes) = (self.read().await?, self.changes.list_secret_changes().await?);
        let names: Vec<&str> = file.text.all(Section::Pools).map(|(name, _)| name).collect();
        Ok(names.into_iter().filter_map(|name| self.pool_source(&file.text, name, &changes)).collect())
    }

    async fn create(&self, name: &str, wish: &ConnectorWish, by: &str) -> Result<ConnectorSource, ConnectorError> {
        if let Err(error) = ConnectorName::new(name) {
            return Err(mistake("/name", "connector-name-invalid", error.to_string(), None));
        }
        let _turn = self.turn().await?;
        let file = self.read().await?;
        if file.text.find(Section::Connectors, name).is_some() {
            return Err(ConnectorError::Exists { what: "connector", name: name.to_owned() });
        }
        let pool = wish.values.get("pool").and_then(Json::as_str).unwrap_or(name);
        if wish.pool.is_some() && file.text.find(Section::Pools, pool).is_some() {
            return Err(ConnectorError::Exists { what: "pool", name: pool.to_owned() });
        }
        self.put(file, name, wish, by).await
    }

    async fn save(
        &self,
        name: &str,
        etag: Option<&str>,
        wish: &ConnectorWish,
        by: &str,
    ) -> Result<ConnectorSource, ConnectorError> {
        let _turn = self.turn().await?;
        let file = self.read().await?;
        if file.text.find(Section::Connectors, name).is_none() {
            return Err(ConnectorError::NotFound { what: "connector", name: name.to_owned() });
        }
        self.ensure_fresh(&file.text, name, etag).await?;
        self.put(file, name, wish, by).await
    }

    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), ConnectorError> {
        let _turn = self.turn().await?;
        let file = self.read().await?;
        if file.text.find(Section::Connectors, name).is_none() {
            return Err(ConnectorError::NotFound { what: "connector", name: name.to_owned() });
        }
        self.ensure_fresh(&file.text, name, etag).await?;
        let users = self.references(name).await?;
        if !users.is_empty() {
            return Err(ConnectorError::InUse { what: "connector", name: name.to_owned(), users });
        }
        let mut text = file.text.clone();
        let pool = text.pool_of(name);
        text.remove(Section::Connectors, name)?;
        if let Some(pool) = pool.filter(|pool| text.users_of_pool(pool).is_empty()) {
            text.remove(Section::Pools, &pool)?;
        }
        self.examine(&text, name).await?;
        self.write(vec![file.change(&text)]).await
    }

    async fn delete_pool(&self, name: &str) -> Result<(), ConnectorError> {
        let _turn = self.turn().await?;
        let file = self.read().await?;
        if file.text.find(Section::Pools, name).is_none() {
            return Err(ConnectorError::NotFound { what: "pool", name: name.to_owned() });
        }
        let users: Vec<Reference> = file.text.users_of_pool(name).into_iter().map(connector_reference).collect();
        if !users.is_empty() {
            return Err(ConnectorError::InUse { what: "pool", name: name.to_owned(), users });
        }
        let mut text = file.text.clone();
        text.remove(Section::Pools, name)?;
        self.write(vec![file.change(&text)]).await
    }

    async fn rename(&self, name: &str, to: &str, dry_run: bool, by: &str) -> Result<Vec<Reference>, ConnectorError> {
        self.give_name(name, to, dry_run, by).await
    }

    async fn test(&self, name: &str, wish: &ConnectorWish, cancel: &CancelToken) -> Result<TestReport, ConnectorError> {
        let file = self.read().await?;
        let (text, _) = self.compose(&file.text, name, wish)?;
        let (found, _) = self.examine(&text, name).await?;
        let pools = ConnectorPools::new(found.connectors).with_drivers(self.drivers.clone());
        let report = inventory::staged(&pools, name, cancel).await;
        pools.close().await;
        report.ok_or_else(|| ConnectorError::NotFound { what: "connector", name: name.to_owned() })
    }
}

fn connector_reference(name: String) -> Reference {
    let places = vec![format!("/connectors/{name}")];
    Reference { kind: "connector", name, file: CONNECTORS_FILE.to_owned(), places }
}
