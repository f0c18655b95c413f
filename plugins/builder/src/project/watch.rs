//! What `nomaflow plugin dev` has to look at: which changes below a project call for another build.

use std::path::Path;

use super::Project;

impl Project {
    /// Whether a change of the file at `path` may change the component or its cases.
    #[must_use]
    pub fn is_source(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.folder) else { return false };
        let mut parts = inside.iter().map(|part| part.to_string_lossy());
        let is_made = |part: &str| part.starts_with('.') || ["target", "node_modules", "__pycache__"].contains(&part);
        let Some(last) = inside.file_name().map(|name| name.to_string_lossy()) else { return false };
        let is_noise = last.ends_with('~') || last.ends_with(".wasm") || last.contains(".new-");
        !is_noise && inside.as_os_str() != "Cargo.lock" && !parts.any(|part| is_made(&part))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    #[test]
    fn sources_manifests_and_cases_count_and_what_a_build_writes_does_not() {
        let project = Project { folder: "/p".into(), name: "visits".into(), language: Language::Rust };
        for yes in ["src/lib.rs", "Cargo.toml", "tests/cases.json", "visits.toml", "sdk/rust/src/lib.rs"] {
            assert!(project.is_source(&Path::new("/p").join(yes)), "{yes}");
        }
        for no in [
            "target/component/x.rs",
            "visits.wasm",
            "visits.new-12",
            "Cargo.lock",
            ".git/HEAD",
            "src/.lib.rs.swp",
            "src/lib.rs~",
            "src/__pycache__/x.pyc",
        ] {
            assert!(!project.is_source(&Path::new("/p").join(no)), "{no}");
        }
        assert!(!project.is_source(Path::new("/elsewhere/src/lib.rs")));
    }
}
