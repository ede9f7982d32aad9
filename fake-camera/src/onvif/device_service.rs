//! ONVIF's device service: what the camera is, what it can do, how it is connected.

use super::call::Call;
use super::device::Device;
use super::fault::Fault;
use super::ids;
use super::interfaces::{self, Interface};
use super::names::{DEVICE, DEVICE_PATH, MEDIA, MEDIA_PATH, MEDIA2, MEDIA2_PATH};
use crate::xml::escaped;

/// Who makes it, and what it is called.
const MANUFACTURER: &str = "testbed";
pub(super) const MODEL: &str = "fake-camera";

/// Carries an operation of this service out.
pub(super) fn answer(call: &Call<'_>) -> Result<String, Fault> {
    let operation = call.asked.name.local.as_str();
    let inner = match operation {
        "GetSystemDateAndTime" => date_and_time(call),
        "GetDeviceInformation" => information(call.device),
        "GetCapabilities" => capabilities(call)?,
        "GetServices" => services(call),
        "GetServiceCapabilities" => format!("<tds:Capabilities>{}</tds:Capabilities>", own_capabilities()),
        "GetScopes" => scopes(call.device).iter().map(|scope| scope_definition(scope)).collect(),
        "GetDiscoveryMode" => "<tds:DiscoveryMode>Discoverable</tds:DiscoveryMode>".into(),
        "GetEndpointReference" => {
            format!("<tds:GUID>{}</tds:GUID>", ids::of_camera(&call.device.name, call.device.id))
        }
        "GetHostname" => hostname(call.device),
        "GetNetworkInterfaces" => interfaces::all().iter().map(interface).collect(),
        "GetNetworkProtocols" => protocols(call),
        "GetNetworkDefaultGateway" => "<tds:NetworkGateway/>".into(),
        "GetDNS" => "<tds:DNSInformation><tt:FromDHCP>false</tt:FromDHCP></tds:DNSInformation>".into(),
        "GetNTP" => "<tds:NTPInformation><tt:FromDHCP>false</tt:FromDHCP></tds:NTPInformation>".into(),
        "GetUsers" => users(call.device),
        "GetWsdlUrl" => "<tds:WsdlUrl>https://www.onvif.org/profiles/specifications/</tds:WsdlUrl>".into(),
        _ => return Err(Fault::unknown(operation)),
    };
    Ok(format!("<tds:{operation}Response>{inner}</tds:{operation}Response>"))
}

/// How others find the camera (ONVIF Core Specification, section 7.3.2.2).
pub(super) fn scopes(device: &Device) -> Vec<String> {
    let name = percent_encoded(&device.name);
    ["type/video_encoder", "Profile/Streaming", "Profile/T", "hardware/fake-camera", "location/lab"]
        .into_iter()
        .map(str::to_owned)
        .chain([format!("name/{name}")])
        .map(|scope| format!("onvif://www.onvif.org/{scope}"))
        .collect()
}

/// What a path segment of a URI cannot hold, as its bytes (RFC 3986, section 2.1).
fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

fn scope_definition(scope: &str) -> String {
    let fixed = "<tt:ScopeDef>Fixed</tt:ScopeDef>";
    format!("<tds:Scopes>{fixed}<tt:ScopeItem>{}</tt:ScopeItem></tds:Scopes>", escaped(scope))
}

fn date_and_time(call: &Call<'_>) -> String {
    let now = call.now;
    let time = format!(
        "<tt:Time><tt:Hour>{}</tt:Hour><tt:Minute>{}</tt:Minute><tt:Second>{}</tt:Second></tt:Time>",
        now.hour(),
        now.minute(),
        now.second()
    );
    let date = format!(
        "<tt:Date><tt:Year>{}</tt:Year><tt:Month>{}</tt:Month><tt:Day>{}</tt:Day></tt:Date>",
        now.year(),
        u8::from(now.month()),
        now.day()
    );
    format!(
        "<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>\
         <tt:TimeZone><tt:TZ>UTC0</tt:TZ></tt:TimeZone><tt:UTCDateTime>{time}{date}</tt:UTCDateTime>\
         <tt:LocalDateTime>{time}{date}</tt:LocalDateTime></tds:SystemDateAndTime>"
    )
}

fn information(device: &Device) -> String {
    format!(
        "<tds:Manufacturer>{MANUFACTURER}</tds:Manufacturer><tds:Model>{MODEL}</tds:Model>\
         <tds:FirmwareVersion>{}</tds:FirmwareVersion><tds:SerialNumber>{}</tds:SerialNumber>\
         <tds:HardwareId>{MODEL}</tds:HardwareId>",
        env!("CARGO_PKG_VERSION"),
        device.id
    )
}

fn hostname(device: &Device) -> String {
    format!(
        "<tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP><tt:Name>{}</tt:Name></tds:HostnameInformation>",
        escaped(&device.name)
    )
}

fn users(device: &Device) -> String {
    let one = |user: &str| {
        format!(
            "<tds:User><tt:Username>{}</tt:Username><tt:UserLevel>Administrator</tt:UserLevel></tds:User>",
            escaped(user)
        )
    };
    device.login.as_ref().map(|login| one(&login.user)).unwrap_or_default()
}

fn protocols(call: &Call<'_>) -> String {
    [("HTTP", call.host.port()), ("RTSP", call.device.rtsp_port)]
        .map(|(name, port)| {
            format!(
                "<tds:NetworkProtocols><tt:Name>{name}</tt:Name><tt:Enabled>true</tt:Enabled>\
                 <tt:Port>{port}</tt:Port></tds:NetworkProtocols>"
            )
        })
        .concat()
}

fn interface(interface: &Interface) -> String {
    let address = |(address, prefix): &(std::net::IpAddr, u8)| {
        format!(
            "<tt:Manual><tt:Address>{address}</tt:Address><tt:PrefixLength>{prefix}</tt:PrefixLength></tt:Manual>"
        )
    };
    let family = |name: &str, flag: &str, addresses: String| {
        if addresses.is_empty() {
            return String::new();
        }
        format!(
            "<tt:{name}><tt:Enabled>true</tt:Enabled><tt:Config>{addresses}{flag}</tt:Config></tt:{name}>"
        )
    };
    let of = |four: bool| -> String {
        interface.addresses.iter().filter(|(address, _)| address.is_ipv4() == four).map(address).collect()
    };
    let (four, six) = (of(true), of(false));
    let v6_config = if six.is_empty() { String::new() } else { format!("<tt:DHCP>Off</tt:DHCP>{six}") };
    let mtu = interface.mtu.map(|mtu| format!("<tt:MTU>{mtu}</tt:MTU>")).unwrap_or_default();
    format!(
        "<tds:NetworkInterfaces token=\"{name}\"><tt:Enabled>true</tt:Enabled><tt:Info><tt:Name>{name}</tt:Name>\
         <tt:HwAddress>{}</tt:HwAddress>{mtu}</tt:Info>{}{}</tds:NetworkInterfaces>",
        interface.hardware,
        family("IPv4", "<tt:DHCP>false</tt:DHCP>", four),
        family("IPv6", "", v6_config),
        name = escaped(&interface.name),
    )
}

/// What this service can do, as attributes.
fn own_capabilities() -> &'static str {
    "<tds:Network IPFilter=\"false\" ZeroConfiguration=\"false\" IPVersion6=\"false\" DynDNS=\"false\"/>\
     <tds:Security TLS1.0=\"false\" TLS1.1=\"false\" TLS1.2=\"false\" HttpDigest=\"true\" UsernameToken=\"true\"/>\
     <tds:System DiscoveryResolve=\"true\" DiscoveryBye=\"true\" RemoteDiscovery=\"false\"/>"
}

fn services(call: &Call<'_>) -> String {
    let included = matches!(call.asked.text_of(DEVICE, "IncludeCapability"), Some("true" | "1"));
    let one = |namespace: &str, path: &str, (major, minor): (u8, u8), capabilities: String| {
        let capabilities = if included {
            format!("<tds:Capabilities>{capabilities}</tds:Capabilities>")
        } else {
            String::new()
        };
        format!(
            "<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{}</tds:XAddr>{capabilities}\
             <tds:Version><tt:Major>{major}</tt:Major><tt:Minor>{minor}</tt:Minor></tds:Version></tds:Service>",
            call.http(path)
        )
    };
    [
        one(
            DEVICE,
            DEVICE_PATH,
            (21, 12),
            format!("<tds:Capabilities>{}</tds:Capabilities>", own_capabilities()),
        ),
        one(MEDIA, MEDIA_PATH, (21, 12), super::media::capabilities(call.device)),
        one(MEDIA2, MEDIA2_PATH, (21, 12), super::media2::capabilities(call.device)),
    ]
    .concat()
}

fn capabilities(call: &Call<'_>) -> Result<String, Fault> {
    let category = call.asked.text_of(DEVICE, "Category").unwrap_or("All");
    let device = format!(
        "<tt:Device><tt:XAddr>{}</tt:XAddr><tt:Network><tt:IPFilter>false</tt:IPFilter>\
         <tt:ZeroConfiguration>false</tt:ZeroConfiguration><tt:IPVersion6>false</tt:IPVersion6>\
         <tt:DynDNS>false</tt:DynDNS></tt:Network><tt:System><tt:DiscoveryResolve>true</tt:DiscoveryResolve>\
         <tt:DiscoveryBye>true</tt:DiscoveryBye><tt:RemoteDiscovery>false</tt:RemoteDiscovery>\
         <tt:SystemBackup>false</tt:SystemBackup><tt:SystemLogging>false</tt:SystemLogging>\
         <tt:FirmwareUpgrade>false</tt:FirmwareUpgrade><tt:SupportedVersions><tt:Major>21</tt:Major>\
         <tt:Minor>12</tt:Minor></tt:SupportedVersions></tt:System></tt:Device>",
        call.http(DEVICE_PATH)
    );
    let media = format!(
        "<tt:Media><tt:XAddr>{}</tt:XAddr><tt:StreamingCapabilities><tt:RTPMulticast>{}</tt:RTPMulticast>\
         <tt:RTP_TCP>false</tt:RTP_TCP><tt:RTP_RTSP_TCP>{}</tt:RTP_RTSP_TCP></tt:StreamingCapabilities></tt:Media>",
        call.http(MEDIA_PATH),
        call.device.ways.multicast,
        call.device.ways.tcp
    );
    let inner = match category {
        "All" | "" => device + &media,
        "Device" => device,
        "Media" => media,
        _ => {
            let reason = format!("there is no service of the category `{category}`");
            return Err(Fault::receiver(&["ter:ActionNotSupported", "ter:NoSuchService"], reason));
        }
    };
    Ok(format!("<tds:Capabilities>{inner}</tds:Capabilities>"))
}
