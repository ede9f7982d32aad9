//! Arguments of the binary.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use fake_appliance::config::{Camera, Careless, Known, Transport};
use fake_appliance::scan::Login;

const EXAMPLES: &str = "\
Examples:
  fake-appliance run --config appliance.json
  fake-appliance pull rtsp://10.20.0.11:554/stream rtsp://10.20.0.12:554/stream --frames 45
  fake-appliance pull --onvif http://10.20.0.11/onvif/device_service --user viewer --password-env CAMERA_PASSWORD
  fake-appliance scan --user viewer --password-env CAMERA_PASSWORD
  fake-appliance ports --main eth0 --spare eth1
  fake-appliance operate --client /tmp/cloud/client.json --sessions
  fake-appliance pull rtsp://127.0.0.2:8554/stream --user admin --password-env CAMERA_PASSWORD

Facts go to standard output, one JSON object per line: ready first, bye last. The log goes to standard error.
It never listens on anything.";

/// An appliance that pulls video from cameras and talks to the cloud.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Log more: once for debug, twice for trace.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Be the whole appliance until SIGTERM or SIGINT.
    Run {
        /// Configuration, a JSON file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Only pull video.
    Pull(Pull),
    /// Look for cameras on the subnets of this machine, once, and tell where their video is.
    Scan(Scan),
    /// Keep one of two network ports in use: the spare takes over while the other one has no carrier.
    Ports(Ports),
    /// Be whoever runs appliances: call the cloud's Panorama service as standard input says.
    #[command(after_long_help = ORDERS)]
    Operate(Operate),
    /// Look whether this machine can decode: exit code 0, or 3 and what is missing.
    Doctor,
}

const ORDERS: &str = "\
Obeys JSON lines on standard input, one after the other:

  {\"order\": NAME, \"do\": KIND, \"device\": ID, \"version\": VERSION, \"within_ms\": 10000}

KIND is what a device shall do: update (to the version), restart; for so long it is looked at what came of it. Or it is what
is wrong with a call, made beside one that is right: unsigned, altered (after it was signed), late (signed six minutes ago),
expired (by a session that has ended). Each answer that matters is the fact `called`, and `calls_over` comes last.";

#[derive(Args, Debug)]
pub(crate) struct Operate {
    /// What the cloud tells its clients: its `client.json`.
    #[arg(long, value_name = "FILE")]
    client: PathBuf,
    /// Sign with sessions of STS, where the account's role is taken on, instead of with the key that lasts.
    #[arg(long)]
    sessions: bool,
}

impl From<Operate> for fake_appliance::OperatorSettings {
    fn from(Operate { client, sessions }: Operate) -> Self {
        Self { client, sessions }
    }
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Pull {
    /// Streams to pull from, all at once.
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    /// User name for digest authentication.
    #[arg(long, requires = "password_env")]
    user: Option<String>,
    /// The addresses are of ONVIF device services, which are asked for their streams first.
    #[arg(long)]
    onvif: bool,
    /// Ask for frames by UDP instead of in the RTSP connection.
    #[arg(long)]
    udp: bool,
    /// Ask for frames by UDP to a group, which is joined, instead of in the RTSP connection.
    #[arg(long, conflicts_with = "udp")]
    multicast: bool,
    /// Environment variable with the password.
    #[arg(long, requires = "user")]
    password_env: Option<String>,
    /// End when each stream has given so many frames; without it, on SIGTERM or SIGINT.
    #[arg(long)]
    pub(crate) frames: Option<u64>,
    /// Do not decode: count frames only; JPEG is decoded all the same, since nothing else says whose it is.
    #[arg(long)]
    pub(crate) no_decode: bool,
}

impl Pull {
    /// The streams as cameras, named by their addresses; reads the password.
    pub(crate) fn cameras(&self) -> anyhow::Result<Vec<Camera>> {
        let password = password(self.password_env.as_deref())?;
        let camera = |url: &String| Camera {
            name: url.clone(),
            id: None,
            url: url.clone(),
            known: if self.onvif { Known::Device } else { Known::Stream },
            user: self.user.clone(),
            password: password.clone(),
            transport: match (self.udp, self.multicast) {
                (_, true) => Transport::Multicast,
                (true, _) => Transport::Udp,
                (false, false) => Transport::Tcp,
            },
            further_port: None,
            stream: 0,
        };
        Ok(self.urls.iter().map(camera).collect())
    }
}

fn password(variable: Option<&str>) -> anyhow::Result<Option<String>> {
    let read = |variable| {
        std::env::var(variable).with_context(|| format!("the password variable {variable} cannot be read"))
    };
    variable.map(read).transpose()
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Scan {
    /// User name that the cameras are told.
    #[arg(long, requires = "password_env")]
    user: Option<String>,
    /// Environment variable with the password.
    #[arg(long, requires = "user")]
    password_env: Option<String>,
}

impl Scan {
    /// Who asks; reads the password.
    pub(crate) fn login(&self) -> anyhow::Result<Login> {
        let password = password(self.password_env.as_deref())?;
        Ok(Login { user: self.user.clone(), password, careless: Careless::default() })
    }
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ports {
    /// The port that is used while it has a carrier.
    #[arg(long, value_name = "PORT")]
    main: String,
    /// The port that stands in for it: it takes over Ethernet address, addresses and routes.
    #[arg(long, value_name = "PORT")]
    spare: String,
    /// Make this file before the DHCP client is started on a port that has addresses already.
    #[arg(long, requires = "client")]
    held: Option<PathBuf>,
    /// A DHCP client to run on the port in use; `-i PORT` is added to its arguments.
    #[arg(last = true, value_name = "CLIENT")]
    client: Vec<String>,
}

impl From<Ports> for fake_appliance::ports::Ports {
    fn from(Ports { main, spare, held, client }: Ports) -> Self {
        Self { main, spare, client, held }
    }
}
