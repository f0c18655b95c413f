//! Puts an archive in place: all of it, or nothing. The archive is gone through first; then files and rows are laid ready
//! beside what is there, and change places with it at the end.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use host_catalogue::{Flags, Settings};
use host_model::connector::PoolAddress;
use host_store::portable::Loader;

use super::archive::{self, Member};
use super::copy::{self, Copied};
use super::files::{self, KEY_FILE, Swap};
use super::manifest::Manifest;
use super::unused::ensure_unused;
use super::{failure, verify};
use crate::exit::{Exit, Failure};
use crate::home::Home;

const DOING: &str = "the store cannot be restored";

/// What is wanted.
pub(crate) struct Wish<'w> {
    pub(crate) file: &'w Path,
    pub(crate) home: &'w Path,
    /// Into another store than the one of the restored `app.toml`.
    pub(crate) store: Option<&'w str>,
    /// What is there may go.
    pub(crate) force: bool,
}

/// What was restored.
pub(crate) struct Restored {
    pub(crate) manifest: Manifest,
    pub(crate) tables: Vec<Copied>,
    /// The store's URL, for opening it.
    pub(crate) url: String,
}

/// Restores.
pub(crate) async fn restore(wish: &Wish<'_>) -> Result<Restored, Failure> {
    let verified = verify::verify(wish.file).await?;
    if !verified.faults.is_empty() {
        let text =
            format!("`{}` is damaged, nothing was restored: {}", wish.file.display(), verified.faults.join("; "));
        return Err(Failure::new(Exit::Invalid, text).hint("take another backup"));
    }
    look_at_home(wish)?;
    let created = !wish.home.exists();
    std::fs::create_dir_all(wish.home).with_context(|| format!("cannot make `{}`", wish.home.display()))?;
    // Below the home, so that everything is on one file system and changes places at once.
    let stage = wish.home.join(format!(".restore-{}", std::process::id()));
    let ended = in_stage(wish, verified.manifest, &stage).await;
    // What is left in there is no longer needed, or was never used.
    let _ = std::fs::remove_dir_all(&stage);
    if created && ended.is_err() {
        let _ = std::fs::remove_dir(wish.home.join("data"));
        let _ = std::fs::remove_dir(wish.home);
    }
    ended
}

fn look_at_home(wish: &Wish<'_>) -> Result<(), Failure> {
    if let Some(url) = Home::new(wish.home).read_server_address() {
        let text = format!("the server of `{}` is running at {url}", wish.home.display());
        return Err(Failure::new(Exit::RunFailed, text).hint("stop it first"));
    }
    let is_filled =
        |path: PathBuf| path.is_file() || std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
    let taken =
        ["app.toml", "connectors.toml", "plugins", "data"].into_iter().find(|name| is_filled(wish.home.join(name)));
    match taken {
        Some(name) if !wish.force => {
            let text = format!("`{}` is not empty: there is `{name}`", wish.home.display());
            Err(Failure::new(Exit::RunFailed, text).hint("name an empty folder; `--force` replaces what is there"))
        }
        _ => Ok(()),
    }
}

async fn in_stage(wish: &Wish<'_>, manifest: Manifest, stage: &Path) -> Result<Restored, Failure> {
    let new = stage.join("new");
    std::fs::create_dir_all(&new).with_context(|| format!("cannot make `{}`", new.display()))?;
    let write = async |_: &super::manifest::Head, member: Member| match member {
        Member::File { name, bytes, mode } => files::write(&new, name.trim_start_matches("home/"), &bytes, mode),
        _ => Ok(()),
    };
    archive::read(wish.file, write).await?;
    let settings = Home::new(&new).settings(&Flags::default())?.settings;
    let url = match wish.store {
        Some(url) => url.to_owned(),
        None => store_url(&settings, &new, wish.home)?,
    };
    ensure_unused(&url, wish.home, DOING).await?;
    let opened = Loader::open(&url, wish.home, manifest.head.schema, wish.force).await;
    let mut loader = opened.map_err(|error| failure(error, DOING))?;
    let mut tables = Vec::new();
    let filled = copy::out_of_archive(wish.file, &manifest, &mut loader, |copied| {
        tables.push(Copied { name: copied.name.clone(), rows: copied.rows });
    });
    if let Err(error) = filled.await {
        loader.give_up().await;
        return Err(Failure { exit: Exit::RunFailed, error: error.context(DOING), hint: None });
    }
    let mut swap = Swap::new(stage.join("old"))?;
    if let Err(error) = place_files(wish, &settings, &new, &mut swap) {
        swap.undo();
        loader.give_up().await;
        return Err(error.into());
    }
    if let Err(error) = loader.keep().await {
        swap.undo();
        return Err(failure(error, DOING));
    }
    Ok(Restored { manifest, tables, url })
}

/// A file of SQLite belongs into the home that it will be, not into the one that is laid ready.
fn store_url(settings: &Settings, new: &Path, home: &Path) -> Result<String, Failure> {
    let mut address = settings.store.value.clone();
    if let PoolAddress::Sqlite { path } = &mut address
        && let Ok(inside) = path.strip_prefix(new)
    {
        *path = home.join(inside);
    }
    Ok(Home::store_url(&address)?)
}

fn place_files(wish: &Wish<'_>, settings: &Settings, new: &Path, swap: &mut Swap) -> anyhow::Result<()> {
    let plugins = settings.plugins_dir(new);
    let plugins = match plugins.strip_prefix(new) {
        Ok(inside) => wish.home.join(inside),
        Err(_) => plugins,
    };
    let places = [
        ("app.toml", wish.home.join("app.toml"), true),
        ("connectors.toml", wish.home.join("connectors.toml"), true),
        ("plugins", plugins, true),
        ("data/runs", wish.home.join("data/runs"), true),
        // One that is not in the archive is still the key of what was sealed with it.
        (KEY_FILE, wish.home.join(KEY_FILE), false),
    ];
    for (name, to, replaces) in places {
        let from = new.join(name);
        if from.exists() {
            swap.place(&from, &to)?;
        } else if replaces && to.exists() {
            swap.remove(&to)?;
        }
    }
    Ok(())
}
