//! Sessions between a client and a server of OpenSSL's, recorded in between.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

fn openssl(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new("openssl");
    command.args(arguments).current_dir(folder).env("OPENSSL_CONF", "/dev/null").stderr(Stdio::null());
    command
}

/// A server of OpenSSL's with a key of this kind, and where it listens; killed when dropped.
struct Server(Child, SocketAddr);

impl Server {
    fn start(key: &[&str], options: &[&str], folder: &Path) -> Self {
        let made = ["req", "-x509", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=a"];
        // Without a configuration there is no section that says what a certificate has.
        std::fs::write(folder.join("req.cnf"), "[req]\ndistinguished_name=d\n[d]\n").unwrap();
        let made = openssl(&[&made[..], &["-config", "req.cnf"], key].concat(), folder).status();
        assert!(made.expect("openssl (Debian package openssl) is needed").success());
        let serve = ["s_server", "-rev", "-accept", "127.0.0.1:0", "-cert", "cert.pem", "-key", "key.pem"];
        let mut child = openssl(&[&serve, options].concat(), folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let socket =
            lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(|at| at.parse().unwrap()));
        thread::spawn(move || lines.for_each(drop));
        Server(child, socket.expect("it says where it listens"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Hands bytes on until their end, and keeps them.
fn pump(mut from: TcpStream, mut to: TcpStream) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let (mut all, mut bytes) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            all.extend_from_slice(&bytes[..count]);
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
        all
    })
}

/// Keys for ECDSA.
pub(super) const EC: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
/// Keys for RSA.
pub(super) const RSA: [&str; 2] = ["-newkey", "rsa:2048"];

/// A session, as it was on the wire.
pub(super) struct Talk {
    /// What the client sent, and what the server did.
    pub(super) bytes: [Vec<u8>; 2],
    /// The client's key log.
    pub(super) key_log: Vec<u8>,
}

/// A client says a line to a server, which says it backwards, each with these options.
pub(super) fn talk(key: &[&str], server: &[&str], client: &[&str], line: &str) -> Talk {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(key, server, folder.path());
    let relay = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = relay.local_addr().unwrap().to_string();
    let asked = ["s_client", "-servername", "a.example.org", "-alpn", "http/1.1,x", "-connect", &at];
    let mut asking = openssl(&[&asked[..], &["-keylogfile", "keys.log"], client].concat(), folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let here = relay.accept().unwrap().0;
    let there = TcpStream::connect(server.1).unwrap();
    let out = pump(here.try_clone().unwrap(), there.try_clone().unwrap());
    let back = pump(there, here);
    hear(&mut asking, line);
    let _ = asking.kill();
    let _ = asking.wait();
    // One that came to no session has none.
    let key_log = std::fs::read(folder.path().join("keys.log")).unwrap_or_default();
    Talk { bytes: [out, back].map(|pump| pump.join().unwrap()), key_log }
}

/// Has a client say a line, and hears the answer, if there is a session.
fn hear(asking: &mut Child, line: &str) {
    let mut told = asking.stdin.take().unwrap();
    let heard = BufReader::new(asking.stdout.take().unwrap());
    // Where there is no session the client has gone already.
    if told.write_all(format!("{line}\n").as_bytes()).is_ok() {
        let backwards: String = line.chars().rev().collect();
        let _ = heard.lines().map_while(Result::ok).find(|line| line.trim_end() == backwards);
    }
}
