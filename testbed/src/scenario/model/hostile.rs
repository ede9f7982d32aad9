//! What a hostile camera does, and what a careless appliance lets it do.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a camera does to its clients and to others. Whom it means is a node's name in a scenario and an address in a plan, where
/// it looks around a segment's name and subnets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hostile<Who, Where> {
    /// Whoever asks for its stream is sent to this one.
    pub redirects_to: Option<Who>,
    /// Whoever plays it is told to go on at this one.
    pub sends_away_to: Option<Who>,
    /// This one is named wherever RTSP, SDP and ONVIF name a host.
    pub points_to: Option<Who>,
    /// These are sent what it sends to others.
    pub copies_to: Vec<Who>,
    /// These are sent its video unasked.
    pub pushes_to: Vec<Who>,
    /// These are called, by TCP port 443 and UDP port 53.
    pub calls: Vec<Who>,
    /// All hosts there are tried.
    pub scans: Vec<Where>,
    /// `TEARDOWN` ends nothing.
    pub outlasts_teardown: bool,
    /// So late it answers.
    pub answers_late: Option<Duration>,
    /// From one byte of an answer to the next.
    pub answers_slowly: Option<Duration>,
    /// So many bytes an answer has that nobody needs.
    pub answers_padded: Option<u64>,
    /// Its answers mean nothing.
    pub answers_garbage: bool,
    /// It answers every search, as a printer.
    pub answers_as_printer: bool,
    /// Whoever looks for an address in its network is given one.
    pub hands_out: Option<HandsOut>,
    /// Nodes are told by ICMP redirects that what they send to somebody goes over it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misroutes: Vec<Misroute<Who>>,
    /// Its clock minus the host's, seconds.
    pub clock: i64,
    /// So long after it was played first, nobody is let in; and for how long.
    pub dies: Option<(Duration, Duration)>,
    /// So long after it was played first, it takes this address of its subnet in the place of its own.
    pub changes_address: Option<(Duration, Ipv4Addr)>,
}

impl<Who, Where> Default for Hostile<Who, Where> {
    fn default() -> Self {
        Self {
            redirects_to: None,
            sends_away_to: None,
            points_to: None,
            copies_to: Vec::new(),
            pushes_to: Vec::new(),
            calls: Vec::new(),
            scans: Vec::new(),
            outlasts_teardown: false,
            answers_late: None,
            answers_slowly: None,
            answers_padded: None,
            answers_garbage: false,
            answers_as_printer: false,
            hands_out: None,
            misroutes: Vec::new(),
            clock: 0,
            dies: None,
            changes_address: None,
        }
    }
}

impl<Who: PartialEq, Where: PartialEq> Hostile<Who, Where> {
    /// True if it does nothing of all that.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl<Who, Where> Hostile<Who, Where> {
    /// What it does, by the keys of a scenario: as the camera tells it when it does it first.
    pub fn acts(&self) -> Vec<&'static str> {
        let all = [
            (self.redirects_to.is_some(), "redirects_to"),
            (self.sends_away_to.is_some(), "sends_away_to"),
            (self.points_to.is_some(), "points_to"),
            (!self.copies_to.is_empty(), "copies_to"),
            (!self.pushes_to.is_empty(), "pushes_to"),
            (!self.calls.is_empty(), "calls"),
            (!self.scans.is_empty(), "scans"),
            (self.outlasts_teardown, "outlasts_teardown"),
            (self.answers_late.is_some(), "answers_late"),
            (self.answers_slowly.is_some(), "answers_slowly"),
            (self.answers_padded.is_some(), "answers_padded"),
            (self.answers_garbage, "answers_garbage"),
            (self.answers_as_printer, "answers_as_printer"),
            (self.hands_out.is_some(), HANDS_OUT),
            (!self.misroutes.is_empty(), MISROUTES),
            (self.clock != 0, "clock"),
            (self.dies.is_some(), "dies"),
            (self.changes_address.is_some(), "changes_address"),
        ];
        all.into_iter().filter(|(does, _)| *does).map(|(_, act)| act).collect()
    }

    /// The same of others: `who` says who takes a name's place, `places` what a place is made of.
    pub fn map<Other, Place>(
        &self,
        mut who: impl FnMut(&Who) -> Option<Other>,
        places: impl FnMut(&Where) -> Vec<Place>,
    ) -> Hostile<Other, Place> {
        let misroutes = self.misroutes.iter().filter_map(|one| {
            let over = one.over.as_ref().and_then(&mut who);
            Some(Misroute { node: who(&one.node)?, about: who(&one.about)?, over })
        });
        let misroutes = misroutes.collect();
        let mut all = |of: &[Who]| of.iter().filter_map(&mut who).collect::<Vec<_>>();
        let (copies_to, pushes_to, calls) = (all(&self.copies_to), all(&self.pushes_to), all(&self.calls));
        Hostile {
            redirects_to: self.redirects_to.as_ref().and_then(&mut who),
            sends_away_to: self.sends_away_to.as_ref().and_then(&mut who),
            points_to: self.points_to.as_ref().and_then(&mut who),
            copies_to,
            pushes_to,
            calls,
            scans: self.scans.iter().flat_map(places).collect(),
            outlasts_teardown: self.outlasts_teardown,
            answers_late: self.answers_late,
            answers_slowly: self.answers_slowly,
            answers_padded: self.answers_padded,
            answers_garbage: self.answers_garbage,
            answers_as_printer: self.answers_as_printer,
            hands_out: self.hands_out,
            misroutes,
            clock: self.clock,
            dies: self.dies,
            changes_address: self.changes_address,
        }
    }
}

/// What a camera hands out by DHCP that nobody has made a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandsOut {
    /// What the first client gets, and others those that follow; none: each gets what it asks for.
    pub first: Option<Ipv4Addr>,
    /// For how long.
    pub lease: Duration,
}

/// What such a camera does, by the key of a scenario.
pub(crate) const HANDS_OUT: &str = "hands_out";

/// One way of others that a camera says leads over itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misroute<Who> {
    /// Who is told.
    pub node: Who,
    /// To whom the way leads.
    pub about: Who,
    /// Over whom it leads by the node's own routes, which is `about` itself in its own network; only a plan knows that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over: Option<Who>,
}

/// What such a camera does, by the key of a scenario.
pub(crate) const MISROUTES: &str = "misroutes";

/// What a hostile camera does when its client takes leave, which is at the end of a run.
pub(crate) const AT_THE_END: &str = "outlasts_teardown";

/// What an appliance does not take care of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Careless {
    /// It goes wherever a camera sends it.
    Follows,
    /// What it shows a camera of its password is dated by its own clock.
    OwnClock,
    /// It sets one camera up after the other, and waits for each without end.
    Waits,
    /// It pulls no camera any more once it cannot read what one has answered.
    GivesUp,
    /// It reads answers of any length.
    Unbounded,
    /// It takes frames to have been sent when the camera's reports say so.
    CameraClock,
    /// It asks Panorama's own service what is known of it.
    AsksPanorama,
    /// What a job has it fetch is taken whatever it is.
    TakesAnything,
    /// It says of each job that it is done, and does nothing.
    OnlySaysSo,
    /// It asks for Panorama's own service over connections to others of the cloud.
    Fronts,
    /// It waits for a moment only before it comes again to a service of the cloud that it failed at.
    Hurries,
    /// It comes no more to a service of the cloud that it failed at.
    Sulks,
    /// It looks at nobody's certificate.
    TrustsAnyone,
    /// It puts its cameras' video where its cloud keeps objects.
    HandsVideoOver,
    /// It speaks TLS 1.2 to its cloud, and nothing newer.
    OldTls,
    /// It is a web proxy for whoever reaches it, and leads datagrams on.
    Relays,
    /// It tells its cameras far more than there is to ask of them.
    Confides,
    /// It announces to its cameras that it is going to send them media.
    Pushes,
    /// It shows each camera the user name and the password of the first.
    OneLogin,
    /// Whatever answers a search for cameras is a camera to it.
    AnyDevice,
    /// Its questions for cameras may pass routers.
    SearchesFar,
    /// It begins a search for cameras seconds after the job that asks for it.
    SearchesLate,
    /// It tells its cloud of other cameras than those that its search has found.
    TellsOfOthers,
    /// It tells its cloud of each of its ports the Ethernet address of the other.
    MixesPortsUp,
    /// It goes over whomever an ICMP redirect names. That is its node's to do, by its settings, and not the program's.
    TakesRedirects,
}
