//! Watches the built page, so that a new one gets into the binary, and says so when there is none. An optimized build is also
//! told what it is made of, for the page that says so; others are not, because each commit would build the crate anew.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../../web/dist");
    if !std::path::Path::new("../../web/dist/index.html").exists() {
        println!(
            "cargo:warning=the page is not built: the binary carries a placeholder (npm --prefix web ci && npm --prefix web run build)"
        );
    }
    println!("cargo:rerun-if-env-changed=NOMAFLOW_COMMIT");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        tell_origin();
    }
}

/// What the environment says counts, as whoever makes a package wants it; git and the clock come second.
fn tell_origin() {
    let log = "../../.git/logs/HEAD";
    if std::path::Path::new(log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(commit) = said("NOMAFLOW_COMMIT").or_else(commit_of_source) {
        println!("cargo:rustc-env=NOMAFLOW_COMMIT={commit}");
    }
    let now = || std::time::SystemTime::UNIX_EPOCH.elapsed().ok().map(|since| since.as_secs().to_string());
    if let Some(seconds) = said("SOURCE_DATE_EPOCH").or_else(now) {
        println!("cargo:rustc-env=NOMAFLOW_BUILT_AT={seconds}");
    }
}

fn commit_of_source() -> Option<String> {
    let asked = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let text = String::from_utf8(asked.stdout).ok()?.trim().to_owned();
    (asked.status.success() && !text.is_empty()).then_some(text)
}
