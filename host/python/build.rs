//! Builds `nomaflow-python-embed` as an optimised shared library and names the file for `include_bytes!`, so that the
//! one host binary carries it. The nested cargo has a target folder of its own: cargo's lock on the outer one is held
//! while this script runs. It runs again only when that crate's sources change.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for watched in ["build.rs", "embed/Cargo.toml", "embed/src"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let library = build_embed(Path::new(&variable("OUT_DIR")?).join("embed"))?;
    println!("cargo::rustc-env=NOMAFLOW_PYTHON_EMBED={}", library.display());
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("cargo did not set `{name}`"))
}

fn build_embed(target_dir: PathBuf) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let target = variable("TARGET")?;
    let mut cargo = Command::new(variable("CARGO")?);
    cargo
        .args(["build", "--locked", "--release", "--quiet", "--package", "nomaflow-python-embed", "--target", &target])
        .arg("--target-dir")
        .arg(&target_dir)
        .current_dir(variable("CARGO_MANIFEST_DIR")?)
        // Neither an interpreter nor libpython takes part in the build.
        .env("PYO3_NO_PYTHON", "1")
        .env("PYO3_BUILD_EXTENSION_MODULE", "1")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    // What the outer cargo was told about its own build must not leak: flags already encoded for another package
    // choice, and clippy in the place of the compiler.
    for leaked in ["CARGO_ENCODED_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CARGO_RESOLVER_FEATURE_UNIFICATION"] {
        cargo.env_remove(leaked);
    }
    let status = cargo.status()?;
    if !status.success() {
        return Err(format!("building `nomaflow-python-embed` failed: {status}").into());
    }
    Ok(target_dir.join(target).join("release").join("libnomaflow_python_embed.so"))
}
