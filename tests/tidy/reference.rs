//! `docs/plugins-reference.md` is made here, of the WIT files and of the doc comments in the sandbox, and compared: what a
//! plugin author reads is what the program does. `NOMAFLOW_WRITE_DOCS=1 cargo test --test tidy` writes it anew.

use std::fmt::Write as _;

use super::root;

const REFERENCE: &str = "docs/plugins-reference.md";
/// In the order an author meets them.
const WIT: [&str; 9] = ["step", "context", "log", "types", "sql", "http", "ldap", "secrets", "state"];

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The doc comment above a line, and the lines of code that follow it up to the end of the item.
#[derive(Default)]
struct Reader {
    doc: Vec<String>,
}

impl Reader {
    /// Takes a line in; true when it was a line of documentation.
    fn takes(&mut self, line: &str) -> bool {
        match line.strip_prefix("///") {
            Some(text) => self.doc.push(text.strip_prefix(' ').unwrap_or(text).to_owned()),
            None => return false,
        }
        true
    }

    fn doc(&mut self) -> String {
        std::mem::take(&mut self.doc).join("\n")
    }
}

/// One WIT file as Markdown: a heading per interface, record, variant and function, each with its documentation.
fn wit(name: &str) -> String {
    let mut out = String::new();
    let mut reader = Reader::default();
    let mut owner: Vec<String> = Vec::new();
    for line in read(&format!("wit/step/{name}.wit")).lines().map(str::trim) {
        if reader.takes(line) || line.is_empty() {
            continue;
        }
        if line == "}" {
            owner.pop();
            continue;
        }
        let doc = reader.doc();
        let kind = line.split(' ').next().unwrap_or_default();
        let title = line.trim_end_matches([' ', '{', ';', ',']);
        match kind {
            "package" => write!(out, "# `{}`\n\n{doc}\n\n", title.trim_start_matches("package ")),
            "interface" | "world" => write!(out, "## `{title}`\n\n{doc}\n\n"),
            "record" | "variant" | "enum" | "resource" => write!(out, "### `{title}`\n\n{doc}\n\n"),
            "use" => Ok(()),
            _ if line.contains("func(") => write!(out, "#### `{title}`\n\n{doc}\n\n"),
            _ if doc.is_empty() => writeln!(out, "- `{title}`"),
            _ => writeln!(out, "- `{title}`: {}", doc.replace('\n', " ")),
        }
        .expect("a text takes all");
        if line.ends_with('{') {
            owner.push(title.to_owned());
        } else if line.ends_with("},") {
            owner.pop();
        }
    }
    assert!(owner.is_empty(), "{name}.wit: {owner:?} does not end");
    assert!(reader.doc.is_empty(), "{name}.wit ends with documentation of nothing");
    out
}

/// The public fields of a struct of the sandbox with their documentation.
fn fields(path: &str, name: &str) -> Vec<(String, String)> {
    let text = read(path);
    let (_, body) =
        text.split_once(&format!("pub struct {name} {{\n")).unwrap_or_else(|| panic!("{path} has no {name}"));
    let (body, _) = body.split_once("\n}").expect("the struct ends");
    let mut reader = Reader::default();
    let mut found = Vec::new();
    for line in body.lines().map(str::trim) {
        if !reader.takes(line)
            && let Some((field, _)) = line.strip_prefix("pub ").and_then(|line| line.split_once(':'))
        {
            found.push((field.to_owned(), reader.doc().replace('\n', " ")));
        }
    }
    assert!(
        found.iter().all(|(_, doc)| !doc.is_empty()),
        "{path}: document every field of {name}: it is in {REFERENCE}"
    );
    found
}

/// The words of `const NAME: [&str; n] = ["…"];`
fn words(path: &str, name: &str) -> Vec<String> {
    let text = read(path);
    let (_, rest) = text.split_once(&format!("const {name}: [&str;")).unwrap_or_else(|| panic!("{path} has no {name}"));
    let (list, _) = rest.split_once("];").expect("the list ends");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The tables of keys in a file of grants.
fn grants() -> String {
    let mut out = String::from(
        "# Grants\n\n`<name>.toml` beside `<name>.wasm`. What it does not say is denied.\n\n## `[grants]`\n\n",
    );
    let documented = fields("host/sandbox/src/grants.rs", "Grants");
    for key in words("host/sandbox/src/grants/reader.rs", "GRANTS") {
        let doc = documented.iter().find(|(field, _)| *field == key);
        let (_, doc) = doc.unwrap_or_else(|| panic!("the grant `{key}` has no field of that name in `Grants`"));
        writeln!(out, "- `{key}`: {doc}").expect("a text takes all");
    }
    out += "\n## `[limits]`\n\nEach is optional and holds per call.\n\n";
    let keys = words("host/sandbox/src/limits.rs", "LIMIT_KEYS");
    let documented = fields("host/sandbox/src/limits.rs", "Limits");
    assert_eq!(keys.len(), documented.len(), "LIMIT_KEYS and the fields of Limits go side by side");
    for key in keys {
        let stem = key.rsplit_once('_').map_or(key.as_str(), |(stem, _)| stem);
        let found = documented.iter().find(|(field, _)| *field == key || field.trim_end_matches("_bytes") == stem);
        let (_, doc) = found.unwrap_or_else(|| panic!("the limit `{key}` has no field of that name in `Limits`"));
        let unit = [("_mb", ", in MB"), ("_kb", ", in KB")]
            .iter()
            .find(|(end, _)| key.ends_with(end))
            .map_or("", |(_, unit)| unit);
        writeln!(out, "- `{key}`{unit}: {doc}").expect("a text takes all");
    }
    out
}

fn reference() -> String {
    let mut out = String::from(
        "<!-- Made by tests/tidy/reference.rs of wit/step and host/sandbox; do not edit. -->\n\n\
         What a plugin may ask of Nomaflow, and what an operator may grant to it. How to write one: [plugins.md](plugins.md).\n\n",
    );
    out += &grants();
    out.push('\n');
    for name in WIT {
        out += &wit(name);
        out.push('\n');
    }
    // A list ends with its last item, not with the heading that follows.
    let out = out.replace("\n#", "\n\n#");
    out.trim_end().replace("\n\n\n", "\n\n").replace("\n\n\n", "\n\n") + "\n"
}

#[test]
fn the_reference_of_plugins_says_what_the_sources_say() {
    let made = reference();
    let path = root().join(REFERENCE);
    if std::env::var_os("NOMAFLOW_WRITE_DOCS").is_some() {
        std::fs::write(&path, &made).expect("writes");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "{REFERENCE} is not what the sources say: NOMAFLOW_WRITE_DOCS=1 cargo test -p host --test tidy"
    );
}

#[test]
fn every_wit_file_is_in_the_reference() {
    let mut found: Vec<String> = std::fs::read_dir(root().join("wit/step"))
        .expect("wit/step")
        .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    let mut known = WIT.map(str::to_owned).to_vec();
    known.sort();
    assert_eq!(found, known, "name it in WIT, at the place where an author meets it");
}

#[test]
fn the_grants_shown_to_plugin_authors_are_grants() {
    let text = read("docs/plugins.md");
    let blocks: Vec<&str> = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect();
    let shown = blocks.iter().filter(|block| block.contains("[grants") || block.contains("[limits]"));
    let mut n_shown = 0;
    for block in shown {
        n_shown += 1;
        host_sandbox::grants::Grants::parse(block, "docs/plugins.md")
            .unwrap_or_else(|found| panic!("{found:?}\n{block}"));
    }
    assert!(n_shown > 0, "docs/plugins.md shows no grants");
    for key in words("host/sandbox/src/grants/reader.rs", "GRANTS")
        .iter()
        .chain(&words("host/sandbox/src/limits.rs", "LIMIT_KEYS"))
    {
        assert!(blocks.iter().any(|block| block.contains(key.as_str())), "docs/plugins.md does not show `{key}`");
    }
}
