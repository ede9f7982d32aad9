//! Arguments in, settings out.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use fake_cloud::journal::Stored;
use fake_cloud::names::Spelling;
use fake_cloud::service::{Service, Transport};
use fake_cloud::settings::{Policy, Settings, Wrong};

const EXAMPLES: &str = "\
Examples:
  Everything on 127.0.0.1, for boto3 or the AWS CLI in another shell (what to export is also on stderr):
    fake-cloud serve --dir /tmp/cloud
    . /tmp/cloud/env.sh && aws s3 ls
    fake-cloud ls --dir /tmp/cloud

  One address per service family, as firewall rules see the cloud:
    fake-cloud serve --dir /run/cloud --thing app \\
      --bind iot=203.0.113.10 --bind monitoring=203.0.113.11 --bind logs=203.0.113.12 \\
      --bind s3=203.0.113.13 --bind dns=203.0.113.53 --bind ntp=203.0.113.123

What it writes below DIR, before it says `ready` on stdout:
  ca.pem                  the certificate authority
  identity.json           what it is known by when it is started again in the same folder
  client.json             region, access key, endpoints, things: all that a client needs
  things/NAME/cert.pem    certificate of a thing, and key.pem beside it
  tls-keys.log            TLS session secrets, to decrypt captures with
  objects/                what is stored in S3
  stored.jsonl            what was stored anywhere, a line each time; `fake-cloud ls` reads it
  env.sh                  for a developer's shell; only without --bind

On stdout it writes facts, one JSON object per line, and nothing else; its log goes to stderr.";

const CONTROL: &str = "\
Obey JSON lines on standard input while it runs:

  {\"move\": \"NAME\", \"to\": \"ADDRESS\", \"ttl\": SECONDS}   answer NAME with ADDRESS from now on; ttl: 60 where none is given
  {\"move\": \"NAME\"}                                     answer it as at first
                                                       with \"new\": true, NAME need not be one that is answered already, but in one of its zones
  {\"place\": [KIND, …], \"services\": [SERVICE, …]}   have the next clients of these services meet a peer of OpenSSL's each,
      in this order: tls1.0, tls1.1, static-rsa, no-encryption, wrong-ca, wrong-name, sibling-name, expired (one thing is wrong),
      tls1.2, tls1.3, dhe (nothing is); or one of ours: middlebox (between the client and the cloud), silent, slow, resets, half-closes
      with iot among them, clients of MQTT meet a broker behind this TLS, which gives a job (configuration, with \"every_ms\");
      whoever takes it is named by the fact `misled`
  {\"throttle\": {SERVICE: N, …}}                     refuse the next N requests of a service as too many
  {\"give\": KIND, \"to\": \"THING\"}                    have a thing do this, by a job: deployment, update, configuration (its
      \"every_ms\" is 1000 where none is given), credentials, restart; its name begins with \"name\"; with \"spoiled\": true what it fetches is not what its
      hash says. Once it is over, the fact `ended` says how

Each is answered by a fact on stdout: `name_moved`, `stand_ins_placed`, `throttles`, `ordered`, or `failed` with the reason. Its end changes nothing.";

/// The AWS endpoints of one region, in one process.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Log more: -v for debug, -vv for everything; RUST_LOG goes before it.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or SIGINT.
    #[command(after_help = EXAMPLES)]
    Serve(Box<Serve>),
    /// List what a cloud has stored, of all its starts in this folder: metrics, log streams, objects, retained messages.
    Ls {
        /// Its folder.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
    },
}

/// A table of what was stored: service, name, how often, bytes of the last time.
pub(crate) fn table(stored: &BTreeMap<(String, String), Stored>) -> String {
    let mut table = format!("{:12} {:>7} {:>10}  NAME\n", "SERVICE", "TIMES", "BYTES");
    for ((service, name), stored) in stored {
        // A name is a client's: nothing in it moves a terminal's cursor.
        let name = name.escape_debug();
        table += &format!("{service:12} {:>7} {:>10}  {name}\n", stored.times, stored.bytes);
    }
    table
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Folder for credentials, TLS secrets and objects; made if missing.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Region that the endpoints belong to.
    #[arg(long, default_value = "eu-west-1", value_parser = region)]
    region: String,
    /// Account number, 12 digits.
    #[arg(long, default_value = "123456789012", value_parser = account)]
    account: String,
    /// Thing that gets a certificate; may be given again.
    #[arg(long = "thing", value_name = "NAME", default_value = "app", value_parser = thing)]
    things: Vec<String>,
    /// Have a job for a thing, such as app=scan-cameras, which it is told when it asks; may be given again.
    #[arg(long = "job", value_name = "NAME=OPERATION", value_parser = job)]
    jobs: Vec<(String, String)>,
    /// Have a thing be a device of Panorama's from the start, which is asked again and again how it is; may be given again.
    #[arg(long = "device", value_name = "NAME", value_parser = thing)]
    devices: Vec<String>,
    /// Milliseconds between two monitoring jobs of a device.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(50..))]
    monitor_every: u64,
    /// Milliseconds that a minute of a job's timers takes: step timers and the time that a job may be in progress.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..))]
    job_minute: u64,
    /// Let a thing do what the IoT policy in a JSON file says, instead of using its own topics only; may be given again.
    #[arg(long = "policy", value_name = "NAME=FILE", value_parser = policy)]
    policies: Vec<(String, Policy)>,
    /// Serve SERVICE (iot, monitoring, logs, s3, sts, iot-control, panorama, dns, ntp) on an IPv4 or IPv6 address; may be given
    /// again.
    /// Services without an address are not served. Without any: all on 127.0.0.1, with free-to-use ports.
    #[arg(long = "bind", value_name = "SERVICE=IP", value_parser = bind)]
    binds: Vec<(Service, IpAddr)>,
    /// Serve every TLS service here as well, where no name leads until one is moved there (--control); may be given
    /// again.
    #[arg(long = "spare", value_name = "IP")]
    spares: Vec<IpAddr>,
    /// Which host names exist: monitoring.REGION.amazonaws.com (corrected), monitoring.REGION.aws.amazon.com
    /// (as-printed, in the documents), or both.
    #[arg(long, value_enum, default_value = "both")]
    names: NamesArgument,
    /// TCP port of all TLS services [default: 443; 8443 without --bind].
    #[arg(long, value_name = "PORT")]
    https_port: Option<u16>,
    /// UDP and TCP port of the name server [default: 53; 5353 without --bind].
    #[arg(long, value_name = "PORT")]
    dns_port: Option<u16>,
    /// UDP port of the time server [default: 123; 1123 without --bind].
    #[arg(long, value_name = "PORT")]
    ntp_port: Option<u16>,
    /// Refuse the first N requests of a service (of those that would be believed) as too many, such as logs=3; may be given
    /// again.
    #[arg(long = "throttle", value_name = "SERVICE=N", value_parser = throttle)]
    throttled: Vec<(Service, u32)>,
    /// How long credentials hold that things get for their certificates. AWS gives them 900 at least; less shows renewals.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=43_200))]
    credentials_last: u32,
    /// The longest that credentials of STS hold. AWS gives them 900 at least; less shows that they end.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=43_200))]
    sessions_last: Option<u32>,
    /// For how long after it was made a signature is taken. AWS takes one for 300, S3 for 900; less shows what becomes of requests that
    /// somebody keeps and sends again.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=300))]
    signatures_last: Option<u32>,
    /// Believe requests with this wrong, for sites that must notice; may be given again.
    #[arg(long = "believe", value_enum, value_name = "WHAT")]
    believed: Vec<WrongArgument>,
    /// Seconds that the cloud's clock is ahead of this host's: signatures, Date headers and NTP follow it.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, allow_negative_numbers = true)]
    clock_offset: i64,
    /// Time server that ours has its time from, as a router's has: an address, with :PORT if that is not 123. Until it
    /// has answered, ours says that it is not synchronised.
    #[arg(long, value_name = "ADDRESS", value_parser = time_server, conflicts_with = "clock_offset")]
    upstream: Option<SocketAddr>,
    /// Obey JSON lines on standard input while it runs.
    #[arg(long, long_help = CONTROL)]
    pub(crate) control: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NamesArgument {
    Corrected,
    AsPrinted,
    Both,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WrongArgument {
    /// No signature.
    Unsigned,
    /// Not what was signed.
    Altered,
    /// Signed too long ago.
    Late,
    /// Signed by a session that has ended.
    Expired,
    /// Signed for another region or service.
    Scope,
    /// Right once, and sent again when its signature is too old.
    Kept,
}

impl From<WrongArgument> for Wrong {
    fn from(argument: WrongArgument) -> Self {
        match argument {
            WrongArgument::Unsigned => Self::Unsigned,
            WrongArgument::Altered => Self::Altered,
            WrongArgument::Late => Self::Late,
            WrongArgument::Expired => Self::Expired,
            WrongArgument::Scope => Self::Scope,
            WrongArgument::Kept => Self::Kept,
        }
    }
}

impl From<Serve> for Settings {
    fn from(serve: Serve) -> Self {
        let local = Self::on_loopback(serve.dir);
        let developer = serve.binds.is_empty();
        let port = |asked: Option<u16>, local, real| asked.unwrap_or(if developer { local } else { real });
        let mut things = serve.things;
        for thing in serve.policies.iter().map(|(thing, _)| thing).chain(&serve.devices) {
            if !things.contains(thing) {
                things.push(thing.clone());
            }
        }
        Self {
            region: serve.region,
            account: serve.account,
            things,
            jobs: serve.jobs,
            devices: serve.devices,
            monitor_every: Duration::from_millis(serve.monitor_every),
            job_minute: Duration::from_millis(serve.job_minute),
            policies: serve.policies.into_iter().collect(),
            binds: if developer { local.binds } else { serve.binds },
            spares: serve.spares,
            spelling: match serve.names {
                NamesArgument::Corrected => Spelling::Corrected,
                NamesArgument::AsPrinted => Spelling::AsPrinted,
                NamesArgument::Both => Spelling::Both,
            },
            localhost: developer,
            https_port: port(serve.https_port, local.https_port, 443),
            dns_port: port(serve.dns_port, local.dns_port, 53),
            ntp_port: port(serve.ntp_port, local.ntp_port, 123),
            throttled: serve.throttled,
            credentials_seconds: serve.credentials_last,
            sessions_seconds: serve.sessions_last,
            signatures_seconds: serve.signatures_last,
            believed: serve.believed.into_iter().map(Wrong::from).collect(),
            clock_offset_seconds: serve.clock_offset,
            upstream: serve.upstream,
            dir: local.dir,
        }
    }
}

fn bind(text: &str) -> Result<(Service, IpAddr), String> {
    let (service, ip) = text.split_once('=').ok_or("expected SERVICE=IP, for example s3=203.0.113.13")?;
    let service = service.parse().map_err(|error: fake_cloud::service::UnknownService| error.to_string())?;
    let ip = ip.parse().map_err(|_| format!("`{ip}` is no IPv4 or IPv6 address"))?;
    Ok((service, ip))
}

fn throttle(text: &str) -> Result<(Service, u32), String> {
    let (word, number) = text.split_once('=').ok_or("expected SERVICE=N, for example logs=3")?;
    let over_https = |service: &Service| service.transport() == Transport::Tls && service.word() == word;
    let service =
        Service::all().find(over_https).ok_or_else(|| format!("`{word}` is served over no HTTPS"))?;
    Ok((service, number.parse().map_err(|_| format!("`{number}` is no number of requests"))?))
}

fn time_server(text: &str) -> Result<SocketAddr, String> {
    const NTP: u16 = 123;
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, NTP)).or_else(|_| text.parse());
    address.map_err(|_| "expected an IPv4 or IPv6 address, for example 203.0.113.123".to_owned())
}

fn region(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match !text.is_empty() && text.len() <= 32 && text.bytes().all(allowed) {
        true => Ok(text.into()),
        false => Err("a region has lower-case letters, digits and hyphens".into()),
    }
}

fn account(text: &str) -> Result<String, String> {
    match text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(text.into()),
        false => Err("an account number has 12 digits".into()),
    }
}

fn job(text: &str) -> Result<(String, String), String> {
    let (name, operation) = text.split_once('=').ok_or("write NAME=OPERATION")?;
    Ok((thing(name)?, thing(operation).map_err(|_| "an operation is spelled like a thing's name")?))
}

fn policy(text: &str) -> Result<(String, Policy), String> {
    let (name, file) = text.split_once('=').ok_or("write NAME=FILE")?;
    let document = std::fs::read_to_string(file).map_err(|error| format!("read {file}: {error}"))?;
    Ok((thing(name)?, Policy::read(&document).map_err(|error| format!("{file}: {error}"))?))
}

/// A thing's name is a file name here as well; the alphabet is that of IoT Core less the colon.
fn thing(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
        true => Ok(text.into()),
        false => Err("a thing's name has 1 to 64 letters, digits, hyphens and underscores".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str]) -> Settings {
        let all = ["fake-cloud", "serve", "--dir", "d"].iter().chain(arguments);
        match Arguments::try_parse_from(all).unwrap().command {
            Command::Serve(serve) => (*serve).into(),
            Command::Ls { .. } => unreachable!("the command is serve"),
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_bind_everything_is_on_loopback_with_free_ports() {
        let settings = settings(&[]);
        assert_eq!(settings.binds.len(), Service::families().count());
        assert!(settings.binds.iter().all(|(_, ip)| ip.is_loopback()));
        assert_eq!((settings.https_port, settings.dns_port, settings.ntp_port), (8443, 5353, 1123));
        assert!(settings.localhost);
    }

    #[test]
    fn with_bind_only_what_is_bound_is_served_on_the_real_ports() {
        let settings = settings(&["--bind", "s3=203.0.113.13", "--bind", "dns=2001:db8::53"]);
        let wanted = [(Service::S3, "203.0.113.13"), (Service::Dns, "2001:db8::53")];
        assert_eq!(settings.binds, wanted.map(|(service, ip)| (service, ip.parse().unwrap())));
        assert_eq!((settings.https_port, settings.dns_port, settings.ntp_port), (443, 53, 123));
        assert!(!settings.localhost);
    }

    #[test]
    fn an_upstream_is_an_address_with_or_without_port() {
        let upstream = |text: &str| settings(&["--upstream", text]).upstream.map(|at| at.to_string());
        assert_eq!(upstream("203.0.113.15").as_deref(), Some("203.0.113.15:123"));
        assert_eq!(upstream("203.0.113.15:1123").as_deref(), Some("203.0.113.15:1123"));
        assert_eq!(upstream("2001:db8::7").as_deref(), Some("[2001:db8::7]:123"));
        assert_eq!(settings(&[]).upstream, None);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(bind("credentials=203.0.113.1").unwrap_err().contains("credentials"));
        assert!(bind("s3").is_err());
        assert!(bind("s3=nowhere").unwrap_err().contains("nowhere"));
        assert!(time_server("time.example.org").unwrap_err().contains("address"));
        assert!(thing("../x").is_err());
        assert!(account("12").is_err());
        assert!(throttle("dns=3").unwrap_err().contains("dns"));
        assert!(throttle("logs=many").unwrap_err().contains("many"));
        assert_eq!(throttle("credentials=3"), Ok((Service::Credentials, 3)));
    }
}
