//! The binary, judged by clients that nobody here wrote: openssl, sslyze, dig, dnspython, paho-mqtt, boto3,
//! the AWS command line, ntplib.
//!
//! Each test starts a cloud of its own on 127.0.0.1 with free ports. A test whose client is missing fails and names
//! it.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper fails the test that called it")]

mod aws;
mod awsiot;
mod cli;
mod dns;
mod hard;
mod iot;
mod mqtt;
mod mutated;
mod ntp;
mod objects;
mod panorama;
mod process;
mod sessions;
mod support;
mod tls;
