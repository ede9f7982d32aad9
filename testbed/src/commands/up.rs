//! `testbed up`: a lab that stays, owned by this process or by one behind it.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::Path;
use std::rc::Rc;

use testbed::cli;
use testbed::event::Failure;
use testbed::evidence::RunFile;
use testbed::exit::Exit;
use testbed::kernel::detach::{Behind, Detached, detach};
use testbed::run::{self, Down, Site, Told};
use testbed::stay::Status;
use tokio::io::AsyncReadExt;

use super::loading::{self, Loaded};
use super::progress::Progress;
use super::run::{Talk, options, stop_signal};
use super::{block_on, say, talk, tell_failure};

/// Brings a lab up; returns when it is gone, or with `--detach` when it stands.
pub(crate) fn up(arguments: &cli::Up, how: &Talk) -> u8 {
    let loaded = match loading::load(&arguments.path) {
        Ok(loaded) => loaded,
        Err(error) => {
            loading::tell(&error);
            return Exit::Input.code();
        }
    };
    let behind = match arguments.detach.then(detach).transpose() {
        Ok(Some(Detached::Front(code))) => return code,
        Ok(Some(Detached::Behind(behind))) => Some(behind),
        Ok(None) => None,
        Err(error) => {
            talk(&format!("error: {error}"));
            return Exit::from(error.fault()).code();
        }
    };
    let ended = block_on(own(&loaded, arguments, how, behind)).and_then(|ended| ended);
    let exit = match ended {
        Ok(Down::Asked) => Exit::Expected,
        Ok(Down::Interrupted) => Exit::Interrupted,
        Err(failure) => tell_failure(loaded.scenario.name.as_str(), &failure),
    };
    exit.code()
}

async fn own(
    loaded: &Loaded,
    arguments: &cli::Up,
    how: &Talk,
    behind: Option<Behind>,
) -> Result<Down, Failure> {
    let mut options = options(&arguments.lab, how);
    if behind.is_some() {
        // The terminal may end before the lab does: its log goes to its folder.
        options.verbose = 0;
    }
    let site = Site { scenario: &loaded.scenario, twin: loaded.twin.as_ref(), folder: &loaded.folder };
    let progress = Progress::new(how.quiet || how.verbose > 0);
    let mut line = Some(progress.line(loaded.scenario.name.as_str()));
    let stands = Rc::new(Cell::new(false));
    let interrupted = interrupted(behind.as_ref(), Rc::clone(&stands));
    let mut behind = behind;
    let tell = |told: Told<'_>| match told {
        Told::Event(event) => {
            if let Some(line) = &line {
                line.show(event);
            }
        }
        Told::Up(status) => {
            line = None;
            stands.set(true);
            say(&announcement(status, how.quiet, behind.is_some()));
            if let Some(behind) = behind.take()
                && let Err(error) = let_go(behind, status)
            {
                talk(&format!("error: the lab could not leave the terminal: {error}"));
            }
        }
        Told::Fallen(failure) => {
            let _ = tell_failure("the lab is damaged", failure);
        }
    };
    run::up(site, &options, arguments.name.as_ref(), tell, interrupted).await
}

/// From the first signal on; of a lab that has yet to stand behind another process, also when that one ends.
fn interrupted(behind: Option<&Behind>, stands: Rc<Cell<bool>>) -> impl Future<Output = ()> + use<> {
    let mut stop = stop_signal();
    let detached = behind.is_some();
    let front = behind.and_then(|behind| behind.front().ok());
    let front = front.and_then(|front| {
        front.set_nonblocking(true).ok()?;
        tokio::net::UnixStream::from_std(front).ok()
    });
    async move {
        let left_alone = async {
            if let Some(mut front) = front {
                let _ = front.read(&mut [0]).await;
            }
            if stands.get() || !detached {
                std::future::pending().await
            }
        };
        tokio::select! {
            // The sender lives as long as the signals are watched.
            _ = stop.wait_for(|stop| *stop) => {}
            () = left_alone => {}
        }
    }
}

fn let_go(behind: Behind, status: &Status) -> io::Result<()> {
    let log = status.folder.as_deref().unwrap_or(Path::new(".")).join(RunFile::UpLog.path());
    behind.ready(File::options().create(true).append(true).open(log)?)
}

/// What is said of a lab that stands: its name, and how to reach it.
fn announcement(status: &Status, quiet: bool, detached: bool) -> String {
    let Status { name, nodes, .. } = status;
    if quiet {
        return format!("{name}\n");
    }
    let names: Vec<&str> = nodes.iter().map(|node| node.as_str()).take(MOST_NODES).collect();
    let more = nodes.len().saturating_sub(MOST_NODES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let first = names.first().copied().unwrap_or("NODE");
    let here = std::env::current_dir().unwrap_or_default();
    let folder = status.folder.as_deref().unwrap_or(Path::new(""));
    let folder = folder.strip_prefix(here).unwrap_or(folder).display();
    let end = if detached { "" } else { "   or Ctrl-C here" };
    format!(
        "lab {name} is up\n  \
         nodes   {nodes}{more}\n  \
         shell   testbed shell {name} {first}\n  \
         break   testbed fault {name} kill {first}\n  \
         watch   testbed capture {name} | wireshark -k -i -\n  \
         judge   testbed judge {name}\n  \
         end     testbed down {name}{end}\n  \
         folder  {folder}\n",
        nodes = names.join(" "),
    )
}

/// Most nodes that are named.
const MOST_NODES: usize = 20;
