//! Watches the built page, so that a new one gets into the binary, and says so when there is none.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../../web/dist");
    if !std::path::Path::new("../../web/dist/index.html").exists() {
        println!(
            "cargo:warning=the page is not built: the binary carries a placeholder (npm --prefix web ci && npm --prefix web run build)"
        );
    }
}
