//! The program that is recorded: its start, its signals, its end.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use anyhow::Context;
use intercept::environment::Change;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use tokio::signal::unix::{SignalKind, signal};

/// Exit code when the program is not there; a shell's.
const NOT_FOUND: u8 = 127;
/// Exit code when the program cannot be run; a shell's.
const NOT_RUNNABLE: u8 = 126;
/// Added to a signal's number in the exit code; a shell's.
const KILLED_BY: u8 = 128;

/// What came of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It ran, and left this exit code.
    Ran(u8),
    /// It could not be started; this is the exit code that says so.
    NotStarted(u8),
}

/// Runs a program with a changed environment to its end. Signals that come meanwhile are the program's.
///
/// # Errors
/// Signals cannot be watched.
pub(super) async fn run(command: &[OsString], changes: &[Change]) -> anyhow::Result<End> {
    // Watched before the program starts, so that none is missed.
    let mut signals = Signals::watch().context("watch for signals")?;
    let (program, arguments) = command.split_first().context("no program was named")?;
    let mut child = Command::new(program);
    child.args(arguments);
    for change in changes {
        match &change.value {
            Some(value) => child.env(&change.name, value),
            None => child.env_remove(&change.name),
        };
    }
    let mut child = match child.spawn() {
        Ok(child) => child,
        Err(error) => {
            crate::logging::complain(&format!("opentrail record: cannot run {}: {error}", program.display()));
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            return Ok(End::NotStarted(if is_missing { NOT_FOUND } else { NOT_RUNNABLE }));
        }
    };
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let mut end = tokio::task::spawn_blocking(move || child.wait());
    loop {
        tokio::select! {
            ended = &mut end => return Ok(End::Ran(exit_code(ended.context("wait for the program")??))),
            signal = signals.next() => {
                if let Some(pid) = pid && !terminal_tells_all(signal) {
                    // It may have ended just now.
                    let _ = kill_process(pid, signal);
                }
            }
        }
    }
}

/// The exit code, as a shell tells it.
fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        // Unix keeps the low eight bits of an exit code.
        (Some(code), _) => code.to_le_bytes()[0],
        (None, Some(signal)) => KILLED_BY.wrapping_add(signal.to_le_bytes()[0]),
        (None, None) => u8::MAX,
    }
}

/// Whether a terminal sends this signal to the program as well: Ctrl-C goes to all of the foreground group. A second one
/// would be taken for impatience (Terraform then stops without cleaning up).
fn terminal_tells_all(signal: Signal) -> bool {
    let from_keyboard = signal == Signal::INT || signal == Signal::QUIT;
    let is_foreground = |group: Result<Pid, rustix::io::Errno>| group.is_ok_and(|group| group == getpgrp());
    let (stdin, stderr) = (io::stdin(), io::stderr());
    from_keyboard
        && ((stdin.is_terminal() && is_foreground(rustix::termios::tcgetpgrp(&stdin)))
            || (stderr.is_terminal() && is_foreground(rustix::termios::tcgetpgrp(&stderr))))
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    user_1: tokio::signal::unix::Signal,
    user_2: tokio::signal::unix::Signal,
}

impl Signals {
    fn watch() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.user_1.recv() => Signal::USR1,
            _ = self.user_2.recv() => Signal::USR2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_exit_code_is_the_programs() {
        let set = |name: &str, value: Option<&str>| Change { name: name.to_owned(), value: value.map(str::to_owned) };
        let changes = [set("RECORD_TEST_CODE", Some("7")), set("PATH_THAT_IS_NOT", None)];
        for (command, expected) in [
            (&["sh", "-c", "exit $RECORD_TEST_CODE"][..], End::Ran(7)),
            (&["sh", "-c", "exit 255"], End::Ran(255)),
            (&["true"], End::Ran(0)),
            (&["sh", "-c", "kill -TERM $$"], End::Ran(143)),
            (&["/no/such/program"], End::NotStarted(127)),
            (&["/"], End::NotStarted(126)),
        ] {
            let command: Vec<OsString> = command.iter().map(OsString::from).collect();
            assert_eq!(run(&command, &changes).await.expect("an end"), expected, "{command:?}");
        }
    }
}
