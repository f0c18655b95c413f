//! Broken text of every kind: each case cut off at every line end and at many bytes, and with bytes replaced. Nothing may
//! panic, and a job is never both fine and wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod support;

use std::path::Path;

use host_catalogue::{Flags, Style, load_settings, render};
use support::{env, load_home, write_home};

/// Every `.toml` of the cases.
fn texts() -> Vec<(String, Vec<u8>)> {
    fn walk(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "toml") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"), &mut found);
    assert!(found.len() >= 35);
    found
}

fn check(home: &Path, file: &str, bytes: &[u8]) {
    std::fs::write(home.join(file), bytes).unwrap();
    let catalogue = load_home(home);
    for invalid in &catalogue.invalid {
        let has_error = invalid.diagnostics.iter().any(|d| d.severity.as_str() == "error");
        assert!(has_error, "{} is invalid without an error", invalid.id);
    }
    for d in &catalogue.diagnostics {
        assert!(d.span.start <= d.span.end, "{d:?}");
    }
    let _ = render(&catalogue.diagnostics, &catalogue.sources, Style::Colored);
    let settings = load_settings(home, &env, &Flags::default());
    let _ = render(&settings.diagnostics, &settings.sources, Style::Plain);
}

/// A small deterministic generator; the same mutations on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides.max(1) as u64).unwrap()
    }
}

#[test]
fn no_truncation_or_mutation_of_any_case_panics() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    write_home(home);
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let splinters: [&[u8]; 14] = [
        b"\"",
        b"'",
        b"\"\"\"",
        b"[",
        b"]",
        b"{",
        b"}",
        b"=",
        b"\n",
        b"\\",
        b"${",
        b"\xff",
        "é\u{feff}".as_bytes(),
        b"[[jobs]]\n",
    ];
    for (name, bytes) in texts() {
        let file = match name.as_str() {
            "connectors.toml" | "app.toml" => name.as_str(),
            _ => "plugins/demo/jobs.toml",
        };
        let line_ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at);
        let cuts: Vec<usize> = line_ends.chain((0..20).map(|_| dice.roll(bytes.len()))).collect();
        for cut in cuts {
            check(home, file, &bytes[..cut]);
        }
        for _ in 0..25 {
            let mut broken = bytes.clone();
            for _ in 0..=dice.roll(3) {
                let at = dice.roll(broken.len());
                let end = (at + dice.roll(4)).min(broken.len());
                let splinter = splinters[dice.roll(splinters.len())];
                broken.splice(at..end, splinter.iter().copied());
            }
            check(home, file, &broken);
        }
        std::fs::remove_file(home.join(file)).unwrap();
        write_home(home);
    }
}
