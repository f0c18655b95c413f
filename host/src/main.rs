//! `nomaflow`: reads the command line, starts logging, runs the command, prints the error chain, chooses the exit
//! code. A worker process of the Python runner enters here too and never returns.

mod assemble;
mod backup;
mod cli;
mod client;
mod command;
mod credentials;
mod desk;
mod exit;
mod history;
mod home;
mod indexing;
mod inventory;
mod keeper;
mod memory;
mod notifications;
mod others;
mod sign_in;
mod steward;
mod surroundings;
mod telemetry;
mod vault;
mod watch;
mod watcher;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use exit::{Exit, Failure, Outcome};

fn main() -> ExitCode {
    leave_no_core_files();
    if std::env::args_os().nth(1).is_some_and(|first| first == host_python::worker::COMMAND) {
        return host_python::worker::main();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap, but not to the caller.
            if !error.use_stderr() {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            if std::env::args_os().any(|word| word == "--json") {
                let text = error.render().to_string();
                exit::tell(&Failure::new(Exit::Usage, text.trim_start_matches("error: ").trim_end()), true);
            } else {
                let _ = error.print();
            }
            return ExitCode::from(Exit::Usage as u8);
        }
    };
    let as_json = cli.global.json;
    // The first provider installed serves every TLS connection of the process; a second one would be refused.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let telemetry = match telemetry::start(matches!(cli.command, Command::Serve(_))) {
        Ok(telemetry) => telemetry,
        Err(failure) => {
            exit::tell(&failure, as_json);
            return ExitCode::from(failure.exit as u8);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot start: {error}");
            return ExitCode::from(Exit::RunFailed as u8);
        }
    };
    let outcome = runtime.block_on(run(cli));
    // Nothing that still blocks may hold the process back.
    runtime.shutdown_background();
    drop(telemetry);
    match outcome {
        Ok(exit) => ExitCode::from(exit as u8),
        // The reader of our output has gone; there is nobody to tell.
        Err(failure) if failure.exit == Exit::Fine => ExitCode::SUCCESS,
        Err(failure) => {
            exit::tell(&failure, as_json);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// A core file is a copy of the memory, secrets included, wherever the system puts it. None is written of this process and of
/// those it starts, unless somebody raises the limit of one that runs (`prlimit --core=unlimited --pid PID`).
fn leave_no_core_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Core).maximum;
    // To lower a limit is always allowed.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}

async fn run(cli: Cli) -> Outcome {
    let global = cli.global;
    match cli.command {
        Command::Init { dir } => command::init::run(&dir, &global),
        Command::Check => command::check::run(&global),
        Command::Serve(args) => command::serve::run(&global, args).await,
        Command::Cron(args) => command::cron::run(&args, &global),
        Command::Reload => command::job::reload(&global).await,
        Command::Job(job) => command::job::run(job, &global).await,
        Command::Export { file } => command::catalogue::export(file.as_deref(), &global).await,
        Command::Import(args) => command::catalogue::import(args, &global).await,
        Command::Scheduler(scheduler) => command::scheduler::run(scheduler, &global).await,
        Command::Notify(notify) => command::notify::run(notify, &global).await,
        Command::Secret(secret) => command::secret::run(secret, &global).await,
        Command::User(user) => command::user::run(user, &global).await,
        Command::Token(token) => command::token::run(token, &global).await,
        Command::Login(args) => command::token::login(args, &global).await,
        Command::Logout => command::token::logout(&global).await,
        Command::Logs(logs) => command::logs::run(logs, &global).await,
        Command::Run(run) => command::run::run(run, &global).await,
        Command::Audit(audit) => command::audit::run(audit, &global).await,
        Command::Connector(connector) => command::connector::run(connector, &global).await,
        Command::Plugin(plugin) => command::plugin::run(plugin, &global).await,
        Command::Backup(args) => command::backup::run(args, &global).await,
        Command::Restore(args) => command::backup::put_back(args, &global).await,
        Command::Store(command) => command::store::run(command, &global).await,
        Command::Doctor => command::doctor::run(&global).await,
        Command::Diagnostics { file } => command::diagnostics::run(file.as_deref(), &global).await,
        Command::Completions { shell } => command::manual::completions(shell),
        Command::Man { dir } => command::manual::pages(&dir, &global),
    }
}

/// Prints a line of a command's answer. A closed pipe (`nomaflow job list | head`) is a failure with the code 0: it ends the
/// command quietly, but by the way that closes what is open.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Fine, "standard output is closed"))
        }
        Err(error) => Err(Failure::new(Exit::RunFailed, format!("cannot write to standard output: {error}"))),
    }
}
