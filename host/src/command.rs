//! One file per command.

pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod catalogue;
pub(crate) mod check;
pub(crate) mod connector;
pub(crate) mod cron;
pub(crate) mod diagnostics;
pub(crate) mod doctor;
pub(crate) mod holds;
pub(crate) mod init;
pub(crate) mod job;
pub(crate) mod logs;
pub(crate) mod manual;
pub(crate) mod notify;
pub(crate) mod plugin;
pub(crate) mod run;
pub(crate) mod scheduler;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod token;
pub(crate) mod user;

/// An argument as a shell takes it, for commands that are told to be copied.
pub(crate) fn in_a_shell(argument: &str) -> String {
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '~' | '+' | ',' | ':' | '@' | '%');
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::in_a_shell;

    #[test]
    fn a_command_that_is_told_can_be_copied_whatever_the_folder_is_called() {
        assert_eq!(in_a_shell("home/plugins/visits-2"), "home/plugins/visits-2");
        assert_eq!(in_a_shell("my plugins/visits"), "'my plugins/visits'");
        assert_eq!(in_a_shell("it's"), "'it'\\''s'");
    }
}
