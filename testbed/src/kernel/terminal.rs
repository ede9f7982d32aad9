//! Waiting for a command that may have the terminal: job control as a shell's (credentials(7), termios(3)).

use std::io;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, raise, sigaction};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// Signals that a terminal sends to everybody at it; what they mean is for the command to say.
const FOR_THE_COMMAND: [Signal; 2] = [Signal::SIGINT, Signal::SIGQUIT];

/// What the terminal is set to, if there is one; to be asked before the child is there, which may change it at once.
pub(super) fn settings() -> Option<Termios> {
    tcgetattr(io::stdin()).ok()
}

/// Waits until a child has ended; its exit status, 128 + signal for a signal. `settings` are the terminal's from before.
///
/// A child that stops itself (`suspend`) stops us too, and goes on when we do. Afterwards the terminal is ours again,
/// with the settings that it had: a child that was killed cannot put them back.
pub(super) fn wait_for(child: Pid, settings: Option<&Termios>) -> i32 {
    let before = FOR_THE_COMMAND.map(|signal| (signal, set(signal, SigHandler::SigIgn)));
    let status = loop {
        match waitpid(child, Some(WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Exited(_, status)) => break status,
            Ok(WaitStatus::Signaled(_, signal, _)) => break 128 + signal as i32,
            Ok(WaitStatus::Stopped(..)) => {
                let _ = raise(Signal::SIGSTOP);
                let _ = kill(child, Signal::SIGCONT);
            }
            Err(nix::errno::Errno::EINTR) | Ok(_) => {}
            Err(_) => break 1,
        }
    };
    take_back(settings);
    for (signal, action) in before {
        if let Some(action) = action {
            restore(signal, &action);
        }
    }
    status
}

fn take_back(settings: Option<&Termios>) {
    // Whoever is not in the foreground is stopped when it takes it, unless it asks not to be.
    let asked = set(Signal::SIGTTOU, SigHandler::SigIgn);
    let ours = getpgrp();
    if tcgetpgrp(io::stdin()).is_ok_and(|group| group != ours) {
        let _ = tcsetpgrp(io::stdin(), ours);
    }
    if let Some(settings) = settings {
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, settings);
    }
    if let Some(action) = asked {
        restore(Signal::SIGTTOU, &action);
    }
}

fn set(signal: Signal, handler: SigHandler) -> Option<SigAction> {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    #[expect(unsafe_code, reason = "nix has no safe form, since a handler might be a function")]
    // SAFETY: the signal is ignored; no function of ours is called.
    unsafe {
        sigaction(signal, &action).ok()
    }
}

fn restore(signal: Signal, action: &SigAction) {
    #[expect(unsafe_code, reason = "nix has no safe form, since a handler might be a function")]
    // SAFETY: what was there before, by the system's own word.
    let _ = unsafe { sigaction(signal, action) };
}
