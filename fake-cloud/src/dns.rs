//! The name server: authoritative for the region's names, and for nothing else.
//!
//! One zone `amazonaws.com`, one `aws.amazon.com` for the printed spelling, and `pool.ntp.org` where there is a
//! time server. Unknown names in a zone do not exist; names of other zones are refused. A look-alike elsewhere, such as
//! `logs.eu-west-1.amazonaws.com.example.org`, is a zone by itself for as long as it is moved: somebody else's, whom a
//! resolver would ask in our place.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use fake_facts::Fact;
use hickory_server::net::runtime::Time;
use hickory_server::proto::rr::rdata::{A, AAAA, NS, SOA};
use hickory_server::proto::rr::{LowerName, Name, RData, Record, RecordSet, RecordType, RrKey};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{
    AxfrPolicy, Catalog, LookupControlFlow, LookupOptions, ZoneHandler, ZoneType,
};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::facts::Facts;
use crate::names::Names;
use crate::service::Service;

/// Life of every record, in seconds; as short as AWS's own, so that a moved address is seen soon.
pub(crate) const TTL: u32 = 60;
const SERIAL: u32 = 1;
/// Silence after which a TCP client is cut off.
const TCP_SILENCE: Duration = Duration::from_secs(10);
/// Answers that wait for a slow TCP client.
const TCP_ANSWERS: usize = 64;

/// Addresses of the services that are served.
pub(crate) type Addresses = BTreeMap<Service, Vec<IpAddr>>;

/// A zone could not be made.
#[derive(Debug, thiserror::Error)]
#[error("make the DNS zone {zone}: {reason}")]
pub struct Error {
    zone: String,
    reason: String,
}

/// Zones and the facts about who asks.
#[derive(Clone)]
pub(crate) struct Zones {
    /// Replaced as a whole when a zone comes or goes, so that nobody who asks holds up a change.
    served: Arc<RwLock<Arc<Served>>>,
    facts: Arc<Facts>,
    /// Records of names that were moved, as they were at first.
    at_first: Arc<Mutex<BTreeMap<RrKey, Option<Arc<RecordSet>>>>>,
}

/// What is answered at a moment.
struct Served {
    zones: Vec<Zone>,
    catalog: Catalog,
}

#[derive(Clone)]
struct Zone {
    records: Arc<InMemoryZoneHandler>,
    /// Of a look-alike that is in none of the region's zones: only that name.
    foreign: bool,
}

impl Zone {
    /// Whether a name is moved in this zone: a look-alike in its own alone, also where another one lies around it.
    fn keeps(&self, name: &LowerName) -> bool {
        match self.foreign {
            true => self.records.origin() == name,
            false => self.records.origin().zone_of(name),
        }
    }
}

impl Served {
    fn new(zones: Vec<Zone>) -> Self {
        let mut catalog = Catalog::new();
        for zone in &zones {
            catalog.upsert(zone.records.origin().clone(), vec![zone.records.clone()]);
        }
        Self { zones, catalog }
    }

    /// The zone whose answers about a name count; the closest, as the catalog has it.
    fn zone_of(&self, name: &LowerName) -> Option<&Arc<InMemoryZoneHandler>> {
        let around = self.zones.iter().map(|zone| &zone.records).filter(|zone| zone.origin().zone_of(name));
        around.max_by_key(|zone| zone.origin().num_labels())
    }
}

impl Zones {
    /// The zones of the names of all services in `addresses`.
    pub(crate) fn new(names: &Names, addresses: &Addresses, facts: Arc<Facts>) -> Result<Self, Error> {
        let time = ["pool.ntp.org", "*.pool.ntp.org"].map(|name| (name.to_owned(), Service::Ntp));
        let wanted = [
            ("amazonaws.com", names.corrected_records()),
            ("aws.amazon.com", names.as_printed_records()),
            ("pool.ntp.org", time.to_vec()),
        ];
        let mut zones = Vec::new();
        for (origin, records) in wanted {
            let served: Vec<_> = records
                .iter()
                .flat_map(|(name, service)| {
                    addresses.get(&service.family()).into_iter().flatten().map(move |ip| (name.as_str(), *ip))
                })
                .collect();
            if !served.is_empty() {
                let zone = zone(origin, &served).map_err(|reason| Error { zone: origin.into(), reason })?;
                zones.push(Zone { records: Arc::new(zone), foreign: false });
            }
        }
        let served = Arc::new(RwLock::new(Arc::new(Served::new(zones))));
        Ok(Self { served, facts, at_first: Arc::default() })
    }

    fn served(&self) -> Arc<Served> {
        self.served.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Other zones from now on.
    fn change(&self, how: impl FnOnce(&mut Vec<Zone>)) {
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        let mut zones = served.zones.clone();
        how(&mut zones);
        *served = Arc::new(Served::new(zones));
    }

    /// The zone that a name is moved in, if there is one.
    fn keeper(&self, name: &LowerName) -> Option<Arc<InMemoryZoneHandler>> {
        self.served().zones.iter().find(|zone| zone.keeps(name)).map(|zone| zone.records.clone())
    }

    /// A zone of its own for a name.
    fn add_foreign(&self, text: &str) -> Result<Arc<InMemoryZoneHandler>, String> {
        let zone = Arc::new(zone(text, &[])?);
        self.change(|zones| zones.push(Zone { records: zone.clone(), foreign: true }));
        Ok(zone)
    }

    /// Answers a name with another address, or as at first; the addresses that it has now. A name that nobody has must be said
    /// to be `new`; it may be in a zone that is not here. One that is in no zone is as at first already.
    ///
    /// Errors: nobody has that name here, in words.
    pub(crate) async fn move_name(
        &self,
        text: &str,
        to: Option<IpAddr>,
        ttl: u32,
        new: bool,
    ) -> Result<Vec<IpAddr>, String> {
        let text = text.trim_end_matches('.');
        let name = Name::from_ascii(format!("{text}."));
        let name = name.map_err(|error| format!("{text}: {error}"))?;
        let lower = LowerName::new(&name);
        let kinds = [RecordType::A, RecordType::AAAA];
        let all = async || {
            [self.addresses(&lower, kinds[0]).await, self.addresses(&lower, kinds[1]).await].concat()
        };
        let zone = match (self.keeper(&lower), to) {
            (Some(zone), _) => zone,
            (None, None) => return Ok(Vec::new()),
            (None, Some(_)) if new => self.add_foreign(text)?,
            (None, Some(_)) => return Err("its zone is not here".into()),
        };
        if !new && all().await.is_empty() {
            return Err("nobody has that name here".into());
        }
        // One lock at a time: whoever asks meanwhile finds the old address or the new one.
        let mut at_first = self.at_first.lock().await;
        let mut records = zone.records_mut().await;
        for key in kinds.map(|kind| RrKey::new(lower.clone(), kind)) {
            let before = records.remove(&key);
            let first = at_first.entry(key.clone()).or_insert(before).clone();
            let here = match to {
                None => first,
                Some(to) => {
                    let (mut set, data) = (RecordSet::new(name.clone(), key.record_type, SERIAL), rdata(to));
                    // The other family's set stays empty: without one a wildcard would answer (RFC 4592, section 2.2.1,
                    // says it must not; this zone looks by type).
                    if data.record_type() == key.record_type {
                        set.insert(Record::from_rdata(name.clone(), ttl, data), SERIAL);
                    }
                    Some(Arc::new(set))
                }
            };
            if let Some(here) = here {
                records.insert(key, here);
            }
        }
        drop(records);
        if to.is_none() {
            self.change(|zones| zones.retain(|zone| !(zone.foreign && *zone.records.origin() == lower)));
        }
        Ok(all().await)
    }

    async fn addresses(&self, name: &LowerName, kind: RecordType) -> Vec<IpAddr> {
        let served = self.served();
        let Some(zone) = served.zone_of(name) else { return Vec::new() };
        let found = zone.lookup(name, kind, None, LookupOptions::default()).await;
        let (LookupControlFlow::Continue(Ok(found)) | LookupControlFlow::Break(Ok(found))) = found else {
            return Vec::new();
        };
        let address = |record: &Record| match record.data {
            RData::A(A(ip)) => Some(IpAddr::V4(ip)),
            RData::AAAA(AAAA(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        found.iter().filter_map(address).collect()
    }
}

fn rdata(ip: IpAddr) -> RData {
    match ip {
        IpAddr::V4(ip) => RData::A(A(ip)),
        IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
    }
}

fn zone(origin: &str, records: &[(&str, IpAddr)]) -> Result<InMemoryZoneHandler, String> {
    let name = |text: &str| Name::from_ascii(format!("{text}.")).map_err(|error| format!("{text}: {error}"));
    let (origin, server, mailbox) =
        (name(origin)?, name(&format!("ns.{origin}"))?, name(&format!("hostmaster.{origin}"))?);
    let mut zone = InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
    let soa = SOA::new(server.clone(), mailbox, SERIAL, 7200, 900, 1_209_600, TTL);
    let mut add = |name: Name, data: RData| match zone
        .upsert_mut(Record::from_rdata(name.clone(), TTL, data), SERIAL)
    {
        true => Ok(()),
        false => Err(format!("{name} does not fit into the zone")),
    };
    add(origin.clone(), RData::SOA(soa))?;
    add(origin, RData::NS(NS(server)))?;
    for (text, ip) in records {
        add(name(text)?, rdata(*ip))?;
    }
    Ok(zone)
}

#[async_trait::async_trait]
impl RequestHandler for Zones {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        response: R,
    ) -> ResponseInfo {
        if let Ok(info) = request.request_info() {
            let (name, kind) = (info.query.name(), info.query.query_type());
            self.facts.say(Fact::Asked {
                peer: request.src(),
                name: name.to_string().trim_end_matches('.').to_ascii_lowercase(),
                kind: kind.to_string(),
                answers: self.addresses(name, kind).await,
            });
        }
        self.served().catalog.handle_request::<R, T>(request, response).await
    }
}

/// Answers on bound sockets until `stop`.
pub(crate) async fn serve(sockets: Vec<(UdpSocket, TcpListener)>, zones: Zones, stop: CancellationToken) {
    let mut server = hickory_server::Server::new(zones);
    for (udp, tcp) in sockets {
        server.register_socket(udp);
        server.register_listener(tcp, TCP_SILENCE, TCP_ANSWERS);
    }
    stop.cancelled().await;
    if let Err(error) = server.shutdown_gracefully().await {
        error!(%error, "the name server did not stop cleanly");
    }
}

/// Binds the pair of sockets on one address; with port 0 both get the same free port.
pub(crate) async fn bind(ip: IpAddr, port: u16) -> io::Result<(UdpSocket, TcpListener)> {
    let mut last = None;
    for _ in 0..16 {
        let udp = UdpSocket::bind((ip, port)).await?;
        match TcpListener::bind((ip, udp.local_addr()?.port())).await {
            Ok(tcp) => return Ok((udp, tcp)),
            // The free port of one kind may be taken for the other.
            Err(error) if port == 0 => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

#[cfg(test)]
mod tests {
    use fake_facts::Teller;

    use super::*;
    use crate::names::Spelling;

    const V4: [u8; 4] = [203, 0, 113, 13];

    fn zones(spelling: Spelling) -> Zones {
        let names = Names::new("eu-west-1", "123456789012", "a1", "packages", spelling);
        let v6 = "2001:db8::13".parse().unwrap();
        let addresses = Addresses::from([(Service::S3, vec![V4.into(), v6])]);
        let facts = Facts::new(Teller::new(Box::new(io::sink())), CancellationToken::new());
        Zones::new(&names, &addresses, Arc::new(facts)).unwrap()
    }

    async fn answers(spelling: Spelling, name: &str, kind: RecordType) -> Vec<String> {
        let name = LowerName::new(&Name::from_ascii(name).unwrap());
        zones(spelling).addresses(&name, kind).await.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn both_address_families_are_told_apart() {
        let name = "packages-123456789012.s3-accesspoint.eu-west-1.amazonaws.com.";
        assert_eq!(answers(Spelling::Both, name, RecordType::A).await, ["203.0.113.13"]);
        assert_eq!(answers(Spelling::Both, name, RecordType::AAAA).await, ["2001:db8::13"]);
    }

    #[tokio::test]
    async fn a_name_moves_and_comes_back() {
        let zones = zones(Spelling::Both);
        let name = "packages-123456789012.s3-accesspoint.eu-west-1.amazonaws.com";
        let lower = LowerName::new(&Name::from_ascii(format!("{name}.")).unwrap());
        let now = async || {
            let mut all = zones.addresses(&lower, RecordType::A).await;
            all.extend(zones.addresses(&lower, RecordType::AAAA).await);
            all.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let first = ["203.0.113.13", "2001:db8::13"];
        assert_eq!(now().await, first);
        for to in ["198.51.100.7", "2001:db8::7"] {
            let to: IpAddr = to.parse().unwrap();
            assert_eq!(zones.move_name(name, Some(to), 5, false).await.unwrap(), [to]);
            assert_eq!(now().await, [to.to_string()]);
        }
        assert_eq!(zones.move_name(name, None, 5, false).await.unwrap().len(), 2);
        assert_eq!(now().await, first);
        let other = "logs.eu-west-1.amazonaws.com";
        assert!(zones.move_name(other, Some(V4.into()), 5, false).await.unwrap_err().contains("nobody"));
        assert!(
            zones.move_name("example.org", Some(V4.into()), 5, false).await.unwrap_err().contains("zone")
        );
        assert!(zones.move_name("example.org", None, 5, true).await.unwrap().is_empty(), "it is not moved");
    }

    /// One with something behind the region's name, and one whose letters only look the same.
    #[tokio::test]
    async fn a_look_alike_of_another_zone_is_there_for_a_while_and_nothing_beside_it() {
        let zones = zones(Spelling::Corrected);
        for text in ["s3.eu-west-1.amazonaws.com.example.org", "s3.eu-west-1.xn--amzonaws-26g.com"] {
            let (name, to) = (name_of, IpAddr::from([198, 51, 100, 7]));
            assert!(!zones.served().catalog.contains(&name(text)), "nobody has {text}");
            assert_eq!(zones.move_name(text, Some(to), 5, true).await.unwrap(), [to]);
            assert!(zones.served().catalog.contains(&name(text)), "who asks for {text} is answered");
            assert_eq!(zones.addresses(&name(text), RecordType::A).await, [to]);
            assert!(zones.addresses(&name(&format!("a.{text}")), RecordType::A).await.is_empty());
            let beside = name(text.split_once('.').unwrap().1);
            assert!(zones.served().zone_of(&beside).is_none(), "the names beside it are still refused");
            assert!(zones.move_name(text, None, 5, false).await.unwrap().is_empty());
            assert!(!zones.served().catalog.contains(&name(text)), "nobody has {text} again");
        }
        let own = name_of("s3.eu-west-1.amazonaws.com");
        assert!(!zones.addresses(&own, RecordType::A).await.is_empty(), "the region's own names stay");
    }

    #[tokio::test]
    async fn look_alikes_within_one_another_come_and_go_in_any_order() {
        let zones = zones(Spelling::Corrected);
        let (outer, inner) = ("example.org", "z.example.org");
        for (first, second) in [(outer, inner), (inner, outer)] {
            for (gone, left) in [(first, second), (second, first)] {
                for (text, last) in [(first, 1), (second, 2)] {
                    let to = IpAddr::from([198, 51, 100, last]);
                    assert_eq!(zones.move_name(text, Some(to), 5, true).await.unwrap(), [to], "{text}");
                }
                let before = zones.addresses(&name_of(left), RecordType::A).await;
                assert!(zones.move_name(gone, None, 5, true).await.unwrap().is_empty(), "{gone}");
                assert_eq!(zones.addresses(&name_of(left), RecordType::A).await, before, "{left} stays");
                assert!(zones.move_name(left, None, 5, true).await.unwrap().is_empty(), "{left}");
                assert!(!zones.served().catalog.contains(&name_of(inner)), "nobody has either");
                assert!(
                    zones.move_name(gone, None, 5, true).await.unwrap().is_empty(),
                    "{gone} is back already"
                );
            }
        }
    }

    fn name_of(text: &str) -> LowerName {
        LowerName::new(&Name::from_ascii(format!("{text}.")).unwrap())
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_is_there_for_a_while_if_it_is_said_to_be_new() {
        let zones = zones(Spelling::Corrected);
        let (text, to) = ("s3.us-east-1.amazonaws.com", IpAddr::from([198, 51, 100, 7]));
        assert_eq!(zones.move_name(text, Some(to), 5, true).await.unwrap(), [to]);
        let lower = LowerName::new(&Name::from_ascii(format!("{text}.")).unwrap());
        assert_eq!(zones.addresses(&lower, RecordType::A).await, [to]);
        assert!(zones.move_name(text, None, 5, true).await.unwrap().is_empty());
        assert!(zones.addresses(&lower, RecordType::A).await.is_empty(), "nobody has it again");
    }

    #[tokio::test]
    async fn a_service_that_is_not_served_has_no_name() {
        let none: [&str; 0] = [];
        assert_eq!(answers(Spelling::Both, "logs.eu-west-1.amazonaws.com.", RecordType::A).await, none);
        assert_eq!(answers(Spelling::Both, "0.pool.ntp.org.", RecordType::A).await, none);
    }

    #[tokio::test]
    async fn each_spelling_exists_only_when_asked_for() {
        let printed = "s3-accesspoint.eu-west-1.aws.amazon.com.";
        let corrected = "s3.eu-west-1.amazonaws.com.";
        let count = async |spelling, name| answers(spelling, name, RecordType::A).await.len();
        assert_eq!(
            (count(Spelling::Corrected, printed).await, count(Spelling::Corrected, corrected).await),
            (0, 1)
        );
        assert_eq!(
            (count(Spelling::AsPrinted, printed).await, count(Spelling::AsPrinted, corrected).await),
            (1, 0)
        );
    }
}
