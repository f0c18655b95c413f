//! Which components the guest workspace holds, as cargo itself tells.
//!
//! A guest is a package with a `cdylib` target; its package name is the name of the component. No list is kept by hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One package of the guest workspace that becomes a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// The package and the component: `flights`.
    pub name: String,
    /// The folder of the package.
    pub folder: PathBuf,
    /// The file name rustc gives the component, dashes made underscores.
    pub artifact: String,
    /// True for the plugins under `plugins/`, whose component also goes beside their grants; false for test guests.
    pub is_shipped: bool,
}

/// Lists the guests by name, sorted. Fails when cargo cannot read the guest workspace below `root`.
pub fn find_guests(root: &Path) -> Result<Vec<Guest>> {
    let mut command = Command::new(crate::toolchain::cargo());
    command.args(["metadata", "--no-deps", "--format-version", "1", "--offline"]).current_dir(root.join("plugins"));
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cannot read the guest workspace: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata = serde_json::from_slice(&output.stdout).context("cargo metadata gave no JSON")?;
    parse_guests(&metadata, &root.join("plugins"))
}

/// Reads the guests out of `cargo metadata`; shipped is what lies below `plugins`.
fn parse_guests(metadata: &Value, plugins: &Path) -> Result<Vec<Guest>> {
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let mut guests = Vec::new();
    for package in packages {
        let targets = package["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(target) = targets.iter().find(|target| has_crate_type(target, "cdylib")) else {
            continue;
        };
        let name = package["name"].as_str().context("a package without name")?;
        let manifest = package["manifest_path"].as_str().context("a package without manifest")?;
        let target = target["name"].as_str().context("a target without name")?;
        let folder = Path::new(manifest).parent().context("a manifest without folder")?.to_path_buf();
        guests.push(Guest {
            name: name.to_owned(),
            is_shipped: folder.starts_with(plugins),
            artifact: format!("{}.wasm", target.replace('-', "_")),
            folder,
        });
    }
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(guests)
}

fn has_crate_type(target: &Value, wanted: &str) -> bool {
    target["crate_types"].as_array().is_some_and(|types| types.iter().any(|each| each == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, manifest: &str, crate_types: &[&str]) -> Value {
        json!({"name": name, "manifest_path": manifest, "targets": [{"name": name, "crate_types": crate_types}]})
    }

    #[test]
    fn only_packages_with_a_cdylib_are_guests_and_only_those_below_plugins_ship() {
        let metadata = json!({"packages": [
            package("wrong-world", "/r/tests/guests/wrong-world/Cargo.toml", &["cdylib"]),
            package("nomaflow-guest", "/r/guest-sdk/Cargo.toml", &["lib"]),
            package("flights", "/r/plugins/flights/Cargo.toml", &["cdylib", "rlib"]),
        ]});
        let guests = parse_guests(&metadata, Path::new("/r/plugins")).expect("reads");
        let seen: Vec<_> = guests.iter().map(|g| (g.name.as_str(), g.artifact.as_str(), g.is_shipped)).collect();
        assert_eq!(seen, [("flights", "flights.wasm", true), ("wrong-world", "wrong_world.wasm", false)]);
    }

    #[test]
    fn the_guest_workspace_of_this_repository_ships_the_flights_plugin() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("root");
        let guests = find_guests(root).expect("reads");
        assert!(guests.iter().any(|guest| guest.name == "flights" && guest.is_shipped));
        assert!(guests.iter().any(|guest| guest.name == "echo" && !guest.is_shipped));
    }
}
