//! `nomaflow plugin …`: projects of plugin authors (`new`, `build`, `test`, `dev`, `update`), components (`run`, `list`,
//! `inspect`), what is in force of them (`force`) and Python apps (`list`, `venv`). Projects are built by the crate `plugin-builder`; what runs, runs in the sandbox of a `workbench`, outside
//! of any job and recorded nowhere.

mod cases;
mod dev;
mod force;
pub(crate) mod grants;
pub(crate) mod inspect;
mod list;
mod python;
mod run;
mod workbench;

use std::path::Path;

use anyhow::Context as _;
use host_model::Json;
use plugin_builder::{Built, Project, Template, Tools};
use serde_json::json;

use crate::cli::{Global, Plugin, ProjectArgs};
use crate::command::in_a_shell;
use crate::exit::{Exit, Failure, Outcome};
use crate::say;

/// Runs a `plugin` command.
pub(crate) async fn run(command: Plugin, global: &Global) -> Outcome {
    match command {
        Plugin::New { name, lang, dir } => create(&name, &lang, dir.as_deref(), global),
        Plugin::Build(args) => build(&args, global),
        Plugin::Test(args) => test(&args, global).await,
        Plugin::Dev(args) => dev::run(&args).await,
        Plugin::Update { dir } => update(&dir, global),
        Plugin::Run(args) => run::run(&args, global).await,
        Plugin::List => list::list(global).await,
        Plugin::Venv { app, python } => python::make_venv(&app, python.as_deref(), global).await,
        Plugin::Install(args) => force::install(args, global).await,
        Plugin::Versions { name } => force::versions(&name, global).await,
        Plugin::Rollback { name, to, consent } => force::roll_back(&name, to.as_deref(), &consent, global).await,
        Plugin::Approve { name, digest } => force::approve(&name, digest.as_deref(), global).await,
        Plugin::Stats { name } => force::stats(&name, global).await,
        Plugin::Inspect { file } => inspect::inspect(&file, global).await,
    }
}

fn create(name: &str, lang: &str, dir: Option<&Path>, global: &Global) -> Outcome {
    let template = Template::from_name(lang).with_context(|| format!("`{lang}` is no language of plugins"))?;
    let folder = dir.unwrap_or(Path::new(name));
    let project = plugin_builder::create(folder, name, template).map_err(|error| Failure {
        exit: Exit::Usage,
        error,
        hint: None,
    })?;
    let shown = folder.display();
    if global.json {
        let answer = json!({ "folder": project.folder, "name": name, "language": lang });
        say(&answer.to_string())?;
    } else {
        say(&format!("made {shown}: a plugin in {}, with a callable, its tests and a job", template.title()))?;
        let install = if template == Template::Rust { "" } else { " --install" };
        say(&format!("next: nomaflow plugin test {}{install}", in_a_shell(&shown.to_string())))?;
    }
    Ok(Exit::Fine)
}

/// The project and the tools of its language.
fn open(args: &ProjectArgs) -> Result<(Project, Tools), Failure> {
    Ok((open_project(&args.dir)?, Tools::find(args.install)?))
}

fn find_project(dir: &Path) -> Result<Project, Failure> {
    let hint = "name its folder after the command, or make one: nomaflow plugin new NAME".to_owned();
    Project::open(dir).map_err(|error| Failure { exit: Exit::NotFound, error, hint: Some(hint) })
}

fn open_project(dir: &Path) -> Result<Project, Failure> {
    let project = find_project(dir)?;
    if !plugin_builder::is_current(&project.folder, project.language) {
        eprintln!("note: `sdk/` is not the copy this program carries; `nomaflow plugin update` renews it");
    }
    Ok(project)
}

fn build(args: &ProjectArgs, global: &Global) -> Outcome {
    let (project, tools) = open(args)?;
    let built = project.build(&tools)?;
    say(&if global.json { built_json(&built).to_string() } else { built_line(&built) })?;
    Ok(Exit::Fine)
}

fn built_json(built: &Built) -> Json {
    json!({
        "path": built.path,
        "bytes": built.bytes,
        "compiler": built.compiler,
        "seconds": built.took.as_secs_f64(),
    })
}

fn built_line(built: &Built) -> String {
    let name = built.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let seconds = built.took.as_secs_f64();
    format!("built {name}: {} with {} in {seconds:.1} s", size(built.bytes), built.compiler)
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

async fn test(args: &ProjectArgs, global: &Global) -> Outcome {
    let (project, tools) = open(args)?;
    if !project.test_natively(&tools)? {
        return Err(Failure::new(Exit::RunFailed, format!("the tests of `{}` fail", project.name)));
    }
    let built = project.build(&tools)?;
    if !global.json {
        say(&built_line(&built))?;
    }
    let report = cases::run_all(&project).await?;
    if global.json {
        say(&json!({ "component": built_json(&built), "cases": report.to_json() }).to_string())?;
    } else {
        report.say()?;
    }
    Ok(if report.all_held() { Exit::Fine } else { Exit::RunFailed })
}

fn update(dir: &Path, global: &Global) -> Outcome {
    let project = find_project(dir)?;
    let is_current =
        project.folder.join("sdk").is_dir() && plugin_builder::is_current(&project.folder, project.language);
    plugin_builder::write_sdk(&project.folder, project.language)?;
    let said = if is_current { "`sdk/` was current" } else { "`sdk/` is renewed" };
    say(&if global.json { json!({ "renewed": !is_current }).to_string() } else { said.to_owned() })?;
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [size(0), size(999), size(218_400), size(18_369_911)],
            ["0 bytes", "999 bytes", "218 kB", "18.4 MB"]
        );
    }
}
