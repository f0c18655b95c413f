//! `nomaflow backup`, `backup verify` and `restore`: in this process, whether a server runs or not.

use std::path::Path;

use anyhow::Context as _;
use host_catalogue::{Flags, Settings};
use host_store::portable::{Hold, Snapshot};
use serde_json::json;

use crate::assemble::open_store;
use crate::backup::archive::Writer;
use crate::backup::files::{self, KEY_FILE};
use crate::backup::manifest::{FORMAT, Head, Manifest};
use crate::backup::restore::{Wish, restore};
use crate::backup::{bytes, copy, failure, verify};
use crate::cli::{Backup, BackupCommand, Global, Restore};
use crate::exit::{Exit, Failure, Outcome};
use crate::history::announce;
use crate::home::{Home, env};
use crate::say;
use crate::vault::keys::KeyPlace;

const DOING: &str = "the backup cannot be taken";

/// What the audit trail calls a backup; its age is read from there.
pub(crate) const ACTION: &str = "backup.create";

/// Runs a `backup` command.
pub(crate) async fn run(args: Backup, global: &Global) -> Outcome {
    match (args.command, args.file) {
        (Some(BackupCommand::Verify { file }), _) => check(&file, global).await,
        (None, Some(file)) => take(&file, args.with_keys, args.force, global).await,
        (None, None) => Err(Failure::new(Exit::Usage, "name the file to write")),
    }
}

async fn take(file: &Path, with_keys: bool, force: bool, global: &Global) -> Outcome {
    let home = Home::new(&global.home);
    let settings = home.settings(&Flags::default())?.settings;
    if file.exists() && !force {
        let text = format!("`{}` is there already", file.display());
        return Err(Failure::new(Exit::RunFailed, text).hint("name another file, or use `--force`"));
    }
    let key = key_file(&home, with_keys)?;
    let (roles, _) = open_store(&home, &settings).await?;
    let shown = file.display().to_string();
    let announced = announce(&*roles.audit, ACTION, &shown).await.context("the audit trail cannot be written")?;
    let is_sealed = roles.secrets.list_secrets().await.is_ok_and(|secrets| !secrets.is_empty());
    let taken = write(file, &home, &settings, key).await;
    announced.close(&*roles.audit, taken.is_ok()).await;
    let _ = roles.store.close().await;
    let (manifest, left_out) = taken?;
    let size = std::fs::metadata(file).map(|meta| meta.len()).unwrap_or_default();
    if global.json {
        let mut answer = manifest.to_json();
        answer["file"] = shown.into();
        answer["bytes"] = size.into();
        answer["left_out"] = left_out.into();
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    say(&format!(
        "{shown}: {}, {} files, {} rows of {} tables",
        bytes(size),
        manifest.files.len(),
        manifest.rows(),
        manifest.tables.len()
    ))?;
    for path in left_out {
        say(&format!("left out: {path} is no plain file"))?;
    }
    say(&keys_text(&home, with_keys, is_sealed))?;
    say(&format!("check it any time with: nomaflow backup verify {shown}"))?;
    Ok(Exit::Fine)
}

fn keys_text(home: &Home, with_keys: bool, is_sealed: bool) -> String {
    if with_keys {
        return "it holds the key file: whoever has the archive can open every secret in it".to_owned();
    }
    match KeyPlace::find(home.path(), env) {
        Ok(KeyPlace::File(path)) if !path.exists() && is_sealed => {
            "the key that its secrets are sealed with is neither in it nor in this home: without it they stay closed"
                .to_owned()
        }
        Ok(KeyPlace::File(path)) if !path.exists() => "there is no key file yet, so no secret is sealed".to_owned(),
        Ok(place) => format!(
            "the key is NOT in it: keep a copy of {place} somewhere else; without it sealed secrets stay closed"
        ),
        Err(error) => format!("the key is NOT in it: {error}"),
    }
}

/// The key file, where it is wanted.
fn key_file(home: &Home, with_keys: bool) -> Result<Option<Vec<u8>>, Failure> {
    if !with_keys {
        return Ok(None);
    }
    match KeyPlace::find(home.path(), env).context("the key cannot be found")? {
        KeyPlace::File(path) => {
            Ok(Some(std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?))
        }
        place => Err(Failure::new(Exit::Usage, format!("the key is in {place}, which a backup cannot hold"))
            .hint("leave `--with-keys` out, and keep a copy of the key somewhere else")),
    }
}

/// What is in the archive, and paths that are no plain files.
async fn write(
    file: &Path,
    home: &Home,
    settings: &Settings,
    key: Option<Vec<u8>>,
) -> Result<(Manifest, Vec<String>), Failure> {
    let opened = Snapshot::open(&Home::store_url(&settings.store.value)?, home.path(), Hold::Nobody).await;
    let mut snapshot = opened.map_err(|error| failure(error, DOING))?;
    let filled = fill(file, home, settings, key, &mut snapshot).await;
    snapshot.close().await;
    filled
}

async fn fill(
    file: &Path,
    home: &Home,
    settings: &Settings,
    key: Option<Vec<u8>>,
    snapshot: &mut Snapshot,
) -> Result<(Manifest, Vec<String>), Failure> {
    let pages = snapshot.check_pages().await.map_err(|error| failure(error, DOING))?;
    if !pages.is_sound {
        let text = format!("the store is damaged, a backup of it would be worthless: {}", pages.text);
        return Err(Failure::new(Exit::RunFailed, text).hint("go back to the backup before; nomaflow store check"));
    }
    let head = Head {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        dialect: snapshot.dialect().to_owned(),
        schema: snapshot.schema(),
        has_keys: key.is_some(),
    };
    let (found, left_out) = files::list(home.path(), settings)?;
    let mut writer = Writer::create(file, head)?;
    let written = async {
        for found in &found {
            if let Some((bytes, mode)) = files::read(found)? {
                writer.file(&found.name, &bytes, mode)?;
            }
        }
        if let Some(key) = &key {
            writer.file(KEY_FILE, key, 0o600)?;
        }
        copy::into_archive(snapshot, &mut writer, |_| {}).await.map_err(|error| failure(error, DOING))
    };
    if let Err(error) = written.await {
        writer.give_up();
        return Err(error);
    }
    let left_out = left_out.into_iter().map(|path| path.display().to_string()).collect();
    Ok((writer.finish()?, left_out))
}

async fn check(file: &Path, global: &Global) -> Outcome {
    let verified = verify::verify(file).await?;
    let manifest = &verified.manifest;
    let is_whole = verified.faults.is_empty();
    if global.json {
        let mut answer = manifest.to_json();
        answer["ok"] = is_whole.into();
        answer["faults"] = verified.faults.clone().into();
        answer["audit_entries"] = verified.audit_entries.into();
        say(&answer.to_string())?;
    } else {
        let head = &manifest.head;
        say(&format!(
            "taken at {} by version {} from a store on {} with schema {}; {}",
            head.created_at,
            head.program,
            head.dialect,
            head.schema,
            if head.has_keys { "with the key file" } else { "without the key" }
        ))?;
        for fault in &verified.faults {
            say(&format!("BAD  {fault}"))?;
        }
        if is_whole {
            say(&format!(
                "whole: {} files, {} rows of {} tables, {} entries of the audit trail follow each other",
                manifest.files.len(),
                manifest.rows(),
                manifest.tables.len(),
                verified.audit_entries
            ))?;
        }
    }
    Ok(if is_whole { Exit::Fine } else { Exit::RunFailed })
}

/// Runs `restore`.
pub(crate) async fn put_back(args: Restore, global: &Global) -> Outcome {
    let wish = Wish { file: &args.file, home: &global.home, store: args.store.as_deref(), force: args.force };
    let restored = restore(&wish).await?;
    let home = Home::new(&global.home);
    // The trail of the restored store says that it is one.
    let roles =
        host_store::open_roles(&restored.url, home.path()).await.context("the restored store cannot be opened")?;
    let announced = announce(&*roles.audit, "backup.restore", &args.file.display().to_string()).await;
    announced.context("the audit trail cannot be written")?.close(&*roles.audit, true).await;
    let _ = roles.store.close().await;
    let manifest = &restored.manifest;
    if global.json {
        let tables: serde_json::Map<_, _> =
            restored.tables.iter().map(|table| (table.name.clone(), table.rows.into())).collect();
        let answer = json!({
            "home": home.path().display().to_string(), "created_at": manifest.head.created_at,
            "files": manifest.files.len(), "tables": tables, "keys": manifest.head.has_keys,
        });
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    say(&format!(
        "restored into {}: {} files, {} rows of {} tables, as of {}",
        home.path().display(),
        manifest.files.len(),
        manifest.rows(),
        manifest.tables.len(),
        manifest.head.created_at
    ))?;
    let is_key_there = match KeyPlace::find(home.path(), env) {
        Ok(KeyPlace::File(path)) => path.exists(),
        Ok(KeyPlace::Variable { .. }) => true,
        Err(_) => false,
    };
    if !is_key_there {
        say(&format!("the key was not in it: put {KEY_FILE} back before the first start, or set every secret again"))?;
    }
    if args.store.is_some() {
        say("the store is not the one that app.toml names: change [store] url there")?;
    }
    say(&format!("next: nomaflow --home {} doctor", home.path().display()))?;
    Ok(Exit::Fine)
}
