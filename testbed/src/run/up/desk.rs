//! Where requests to a lab that stays are answered: one connection, one request.

use std::cell::{Ref, RefCell};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::event::{Entrances, Failure, Fault as Blame};
use crate::kernel::fds;
use crate::kernel::join::Doors;
use crate::names::PortRef;
use crate::scenario::Unsupported;
use crate::scenario::fault::Fault;
use crate::stay::protocol::LONGEST_REQUEST;
use crate::stay::{Answer, Request, State, Status};

/// How long whoever connects may take to say what it wants.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// The way into the lab, once it stands.
pub(super) struct Door {
    pub(super) doors: Doors,
    pub(super) entrances: Entrances,
}

/// Something that the owner must do.
pub(super) enum Wanted {
    Judgement(Asked),
    Fault { fault: Box<Fault<PortRef>>, answers: UnboundedSender<Answer> },
    Down,
}

/// A judgement that somebody waits for.
pub(super) struct Asked {
    pub(super) colour: bool,
    pub(super) from: PathBuf,
    pub(super) accept: Vec<Unsupported>,
    pub(super) answers: UnboundedSender<Answer>,
}

/// What all connections share with the owner.
pub(super) struct Desk {
    status: RefCell<Status>,
    door: RefCell<Option<Door>>,
    wanted: UnboundedSender<Wanted>,
}

impl Desk {
    pub(super) fn new(status: Status) -> (Self, UnboundedReceiver<Wanted>) {
        let (wanted, hears) = unbounded_channel();
        (Self { status: RefCell::new(status), door: RefCell::default(), wanted }, hears)
    }

    pub(super) fn status(&self) -> Ref<'_, Status> {
        self.status.borrow()
    }

    pub(super) fn state(&self) -> State {
        self.status.borrow().state
    }

    /// The lab stands.
    pub(super) fn open(&self, door: Door) {
        *self.door.borrow_mut() = Some(door);
        self.status.borrow_mut().state = State::Up;
    }

    pub(super) fn judging(&self, judging: bool) {
        let mut status = self.status.borrow_mut();
        status.state = match (judging, status.fallen.is_empty()) {
            (true, _) => State::Judging,
            (false, true) => State::Up,
            (false, false) => State::Damaged,
        };
    }

    pub(super) fn fallen(&self, what: &str) {
        let mut status = self.status.borrow_mut();
        status.fallen.push(what.lines().next().unwrap_or_default().to_owned());
        if status.state == State::Up {
            status.state = State::Damaged;
        }
    }

    /// What is in force now.
    pub(super) fn faulted(&self, in_force: &[String]) {
        self.status.borrow_mut().faults = in_force.to_vec();
    }

    pub(super) fn ending(&self) {
        self.status.borrow_mut().state = State::Ending;
    }

    /// What is said to someone who asks for the way in: nothing to be joined before the lab stands, or when it ends.
    fn refusal(&self) -> Option<Answer> {
        let status = self.status.borrow();
        let why = match status.state {
            State::Starting => "is still being built",
            State::Ending => "is being taken down",
            State::Up | State::Damaged | State::Judging => return None,
        };
        Some(Answer::Refused(input(format!("lab `{}` {why}", status.name))))
    }
}

/// Whoever asks has to ask for something else.
pub(super) fn input(text: String) -> Failure {
    Failure { fault: Blame::Input, text, node: None, last_lines: Vec::new() }
}

/// Answers one connection. Whoever hangs up is not missed.
pub(super) async fn serve(stream: UnixStream, desk: std::rc::Rc<Desk>) {
    if let Err(error) = answer(stream, &desk).await {
        tracing::debug!(%error, "a connection to the control socket broke");
    }
}

async fn answer(mut stream: UnixStream, desk: &Desk) -> io::Result<()> {
    // The folder lets nobody else in; this is the second line.
    if stream.peer_cred()?.uid() != nix::unistd::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let request = match timeout(REQUEST_WITHIN, read(&mut stream)).await? {
        Ok(request) => request,
        Err(error) => {
            let refused = input(format!("the request is not understood: {error}"));
            return say(&mut stream, &Answer::Refused(refused)).await;
        }
    };
    match request {
        Request::Status => {
            let status = desk.status().clone();
            say(&mut stream, &Answer::Status(status)).await
        }
        Request::Enter => enter(&mut stream, desk).await,
        Request::Judge { colour, from, accept } => {
            judge(&mut stream, desk, |answers| Asked { colour, from, accept, answers }).await
        }
        Request::Fault { fault } => break_it(&mut stream, desk, fault).await,
        Request::Down => {
            let _ = desk.wanted.send(Wanted::Down);
            say(&mut stream, &Answer::Ending).await?;
            // Whoever waits for the end is told by the end of this connection.
            std::future::pending().await
        }
    }
}

async fn read(stream: &mut UnixStream) -> io::Result<Request> {
    let mut line = Vec::new();
    BufReader::new(stream).take(LONGEST_REQUEST as u64).read_until(b'\n', &mut line).await?;
    Ok(serde_json::from_slice(&line)?)
}

async fn say(stream: &mut UnixStream, answer: &Answer) -> io::Result<()> {
    stream.write_all(&line(answer)?).await
}

fn line(answer: &Answer) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    Ok(line)
}

async fn enter(stream: &mut UnixStream, desk: &Desk) -> io::Result<()> {
    if let Some(refusal) = desk.refusal() {
        return say(stream, &refusal).await;
    }
    let (line, files) = match &*desk.door.borrow() {
        Some(Door { doors, entrances }) => {
            let entered = Answer::Entered { entrances: entrances.clone() };
            (line(&entered)?, doors.raw())
        }
        None => return Err(io::ErrorKind::NotFound.into()),
    };
    // The files go with the first bytes; they stay open as long as the desk does.
    let sent = stream.async_io(Interest::WRITABLE, || fds::send(stream, &line, &files)).await?;
    stream.write_all(&line[sent..]).await
}

/// Passes a fault to the owner, which has the worker carry it out.
async fn break_it(stream: &mut UnixStream, desk: &Desk, fault: Box<Fault<PortRef>>) -> io::Result<()> {
    if let Some(refusal) = desk.refusal() {
        return say(stream, &refusal).await;
    }
    let (answers, mut heard) = unbounded_channel();
    let _ = desk.wanted.send(Wanted::Fault { fault, answers });
    match heard.recv().await {
        Some(answer) => say(stream, &answer).await,
        None => say(stream, &Answer::Refused(input("the lab was taken down".into()))).await,
    }
}

async fn judge(
    stream: &mut UnixStream,
    desk: &Desk,
    asked: impl FnOnce(UnboundedSender<Answer>) -> Asked,
) -> io::Result<()> {
    if let Some(refusal) = desk.refusal() {
        return say(stream, &refusal).await;
    }
    let (answers, mut heard) = unbounded_channel();
    let _ = desk.wanted.send(Wanted::Judgement(asked(answers)));
    while let Some(answer) = heard.recv().await {
        say(stream, &answer).await?;
        if answer.is_last() {
            break;
        }
    }
    Ok(())
}
