//! The binary: arguments in, the appliance until it is told to stop, exit code out.

mod cli;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use fake_appliance::config::Config;
use fake_appliance::{DecodeError, Error};
use fake_facts::{Teller, program};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    program::log_to_stderr(["info", "debug", "trace"][usize::from(cli.verbose.min(2))]);
    program::end(act(cli.command), |error| {
        matches!(error.downcast_ref(), Some(Error::Decode(DecodeError::Missing(_))))
    })
}

fn act(command: cli::Command) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async {
        let shutdown = program::told_to_stop()?;
        let teller = Arc::new(Teller::stdout());
        match command {
            cli::Command::Run { config } => {
                let config = Config::read(&config)?;
                fake_appliance::run(config, teller, shutdown).await?;
            }
            cli::Command::Pull(pull) => {
                let cameras = pull.cameras()?;
                fake_appliance::pull(&cameras, !pull.no_decode, pull.frames, teller, shutdown).await?;
            }
            cli::Command::Scan(scan) => {
                fake_appliance::scan_once(scan.login()?, teller, shutdown).await?;
            }
            cli::Command::Ports(ports) => {
                fake_appliance::ports::keep(ports.into(), teller, shutdown).await?;
            }
            cli::Command::Operate(operate) => {
                fake_appliance::operate(&operate.into(), std::io::stdin(), teller, shutdown).await?;
            }
            cli::Command::Doctor => {
                fake_appliance::check_decoder().map_err(Error::from)?;
                fake_appliance::check_groups().map_err(Error::from)?;
            }
        }
        Ok(())
    });
    // A resolver that hangs in a thread of its own must not hold up the end.
    runtime.shutdown_background();
    ended
}
