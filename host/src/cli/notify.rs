//! `nomaflow notify …`.

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Notify {
    /// Transports, with what became of the last message over each
    List,
    /// Send a test message over a transport and print what the other side said
    Test {
        /// Its name
        name: String,
        /// Channel or address, in place of the transport's default
        #[arg(long, value_name = "RECIPIENT")]
        to: Option<String>,
    },
    /// Print the message that a transport would send, told of the newest run that fits; nothing is sent
    Preview {
        /// Its name
        name: String,
        /// failed, succeeded, recovered, canceled, skipped, long_run or no_success
        #[arg(long, value_name = "EVENT")]
        event: Option<String>,
        /// Of this run
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
    },
    /// Messages, newest first
    Deliveries {
        /// Over this transport only
        #[arg(long, value_name = "NAME")]
        transport: Option<String>,
        /// In this state only: PENDING, SENDING, SENT or FAILED
        #[arg(long, value_name = "STATE")]
        outcome: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Hold back the alerts of a job, or along a route, for a while
    Mute {
        /// Job; with --route the name of a route
        name: String,
        /// It is a route
        #[arg(long)]
        route: bool,
        /// For so many minutes
        #[arg(long, default_value_t = 60, value_name = "N")]
        minutes: u32,
        /// Why, for those who wonder
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// End a mute before its time
    Unmute {
        /// Job; with --route the name of a route
        name: String,
        /// It is a route
        #[arg(long)]
        route: bool,
    },
    /// What is muted now
    Mutes,
    /// Send a message that was sent or given up once more
    Resend {
        /// Its number
        id: String,
    },
}
