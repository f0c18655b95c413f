//! `nomaflow plugin …`: names, flags, help.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use plugin_builder::Template;

#[derive(Subcommand)]
pub(crate) enum Plugin {
    /// Lay out a project: a callable with tests, grants, and a job that runs it
    New {
        /// What the plugin is called; jobs name it before the colon
        name: String,
        /// rust | python | js | ts
        #[arg(long, default_value = "rust", value_parser = Template::ALL.map(Template::name))]
        lang: String,
        /// Where [default: a folder of that name]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Build the component of a project, beside its manifest
    Build(ProjectArgs),
    /// Run a project's own tests, then its cases (tests/cases.json) in the sandbox
    Test(ProjectArgs),
    /// Build, run the cases and wait for the next change, until interrupted
    Dev(ProjectArgs),
    /// Renew the copy of the SDK in a project
    Update {
        /// The project
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Run one callable of a component, once, without a job
    Run(PluginRunArgs),
    /// The components and the Python functions of the home
    List,
    /// Make the virtual environment of an app, plugins/APP/.venv, and install its requirements.txt
    Venv {
        /// The folder below plugins/
        app: String,
        /// The interpreter to base it on [default: `interpreter` of `[python]` in app.toml]
        #[arg(long, value_name = "FILE")]
        python: Option<PathBuf>,
    },
    /// Put a component in force: looked at by the server first, the one before is kept
    Install(PluginInstallArgs),
    /// The versions of a plugin: what each asks for, who approved it, which can be gone back to
    Versions {
        /// The plugin
        name: String,
    },
    /// Put an earlier version in force again
    Rollback {
        /// The plugin
        name: String,
        /// How the digest of the version begins [default: the version before]
        #[arg(long, value_name = "DIGEST")]
        to: Option<String>,
        #[command(flatten)]
        consent: ConsentArgs,
    },
    /// Approve what a plugin asks for since its last version
    Approve {
        /// The plugin
        name: String,
        /// Only if this version is in force
        #[arg(long, value_name = "SHA256")]
        digest: Option<String>,
    },
    /// What calls of a plugin used in the last 30 days
    Stats {
        /// The plugin
        name: String,
    },
    /// What a component is: imports, exports, callables, grants it can ask for, digest
    Inspect {
        /// The component
        file: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct ProjectArgs {
    /// The project
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Install the toolchain of the project's language, if it is missing
    #[arg(long)]
    pub(crate) install: bool,
}

#[derive(Args)]
pub(crate) struct PluginRunArgs {
    /// The component; the grants in the TOML file beside it hold
    pub(crate) file: PathBuf,
    /// The callable, as a job names it after the plugin; may be left out when there is one only
    pub(crate) callable: Option<String>,
    /// Set a param: key=value, the value read as JSON when it is JSON and the callable takes more than text
    #[arg(long = "param", value_name = "KEY=VALUE")]
    pub(crate) params: Vec<String>,
    /// Grant more: connectors.reporting=read-write, http.hosts=["api.example.com"], state=true
    #[arg(long = "grant", value_name = "PATH=VALUE")]
    pub(crate) grants: Vec<String>,
    /// Set a limit: memory_mb=64
    #[arg(long = "limit", value_name = "KEY=VALUE")]
    pub(crate) limits: Vec<String>,
    /// End the call after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) timeout: u64,
    /// Print lines of level DEBUG too, and what the call used
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Args)]
pub(crate) struct PluginInstallArgs {
    /// The component; its name without `.wasm` is the plugin's
    pub(crate) file: PathBuf,
    /// The folder below plugins/ [default: where the plugin is already]
    #[arg(long)]
    pub(crate) app: Option<String>,
    /// Call it otherwise than its file
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

#[derive(Args)]
pub(crate) struct ConsentArgs {
    /// Only tell what would happen
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Approve what it asks for beyond what was approved
    #[arg(long)]
    pub(crate) approve: bool,
    /// Install it although jobs would break
    #[arg(long)]
    pub(crate) break_jobs: bool,
}
