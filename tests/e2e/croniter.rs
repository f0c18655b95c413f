//! Our schedules against croniter, the library most Python schedulers count with. The comparison and the table of known
//! differences are in `tests/croniter/check.py`; here it gets an interpreter with croniter in it, made once under the
//! target folder from pinned and hashed packages.

use std::process::Command;

use crate::packages::{environment, run};
use crate::program::{BINARY, root};

#[test]
fn croniter_agrees_on_thousands_of_cron_texts_but_for_the_listed_differences() {
    let folder = root().join("tests/croniter");
    let python = environment("croniter", &folder.join("requirements.txt"), &["--require-hashes", "--no-deps"]);
    let mut check = Command::new(python);
    check.args(["-E", "-s", "-B"]).arg(folder.join("check.py"));
    check.args(["--nomaflow", BINARY, "--tzdb", chrono_tz::IANA_TZDB_VERSION]);
    match run(&mut check) {
        Ok(table) => println!("{table}"),
        Err(said) => panic!("{said}"),
    }
}
