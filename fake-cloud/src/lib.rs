//! The AWS endpoints that a Panorama site talks to, in one process: IoT Core (MQTT and HTTPS), CloudWatch,
//! CloudWatch Logs, S3, STS, Panorama's own service, and the DNS and NTP that lead to them.
//!
//! ```text
//! cloud      what one run consists of; binds, starts and stops it        service   the table of services
//! settings   what a run is asked to be                                   names     host names and their meaning
//! client     what a client needs to know (`client.json`)                 facts     what is said on stdout
//!
//! tls        the TLS front: SNI and ALPN to a door   ──► mqtt     the broker, its sessions, topic rules
//!                                                    └─► https    ──► sigv4, then monitoring, logs, s3, iot,
//!                                                                         panorama, sts, credentials
//! answer     errors and answers in each protocol          dns, ntp   the servers beside it
//!                                                         upstream   where the time server has its time from
//! control    what is asked of it while it runs            identity  what outlives a start
//! panorama   its operators' service, which has devices do and say things by jobs
//! operator   whoever runs a site, when asked to: gives things something to do
//! iot        who may do what by MQTT, HTTPS of IoT Core     jobs, shadow   what things have to do, and are to be
//! journal    what was stored, for others to read       throttle   what is refused as too much
//! session    credentials that end                      role      whom they stand for
//! standins   peers that take a service's place          hello   a client's first words, read ahead
//! sockets, halfopen, ca, cbor, keys, clock, files              what the above stand on
//! ```
//!
//! Each server is a function of bound sockets and a stop signal, so tests can run it in their own process.
//! Nothing here knows of network namespaces or scenarios.

mod answer;
mod beliefs;
mod ca;
mod cbor;
pub mod client;
mod clock;
pub mod cloud;
mod control;
mod credentials;
mod dns;
mod facts;
mod files;
mod halfopen;
mod hello;
mod https;
mod identity;
mod iot;
mod jobs;
pub mod journal;
mod keys;
mod logs;
mod monitoring;
mod mqtt;
pub mod names;
mod ntp;
mod operator;
mod panorama;
mod role;
mod s3;
pub mod service;
mod session;
pub mod settings;
mod shadow;
mod sigv4;
mod sockets;
mod standins;
mod sts;
mod throttle;
mod tls;
mod upstream;
