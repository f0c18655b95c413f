//! The sandbox with real components: the guests of `tests/guests` (built by `plugins/builder`), and components written
//! as text, which need no guest toolchain. One binary, because linking Wasmtime is the dear part.

mod answers;
mod cache;
mod draft;
mod drop_in;
mod ends;
mod files;
mod limits;
mod memory_sql;
mod params;
mod plugin_text;
mod services;
mod sql;
mod sqlite;
mod support;
mod zoo;

/// Every guest is used by a test here: a folder that nobody names is a behaviour nobody proves.
#[test]
fn every_test_guest_has_a_test() {
    let sources = [
        include_str!("answers.rs"),
        include_str!("cache.rs"),
        include_str!("draft.rs"),
        include_str!("ends.rs"),
        include_str!("files.rs"),
        include_str!("limits.rs"),
        include_str!("services.rs"),
        include_str!("sql.rs"),
        include_str!("zoo.rs"),
    ]
    .concat();
    let folder = support::repository().join("tests/guests");
    let mut guests = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("the folder of guests") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            guests.push(path.file_name().expect("a name").to_string_lossy().into_owned());
        }
    }
    assert!(guests.len() >= 10, "{guests:?}");
    guests.retain(|guest| !sources.contains(&format!("\"{guest}\"")));
    assert!(guests.is_empty(), "guests without a test: {guests:?}");
}
