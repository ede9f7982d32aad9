//! ONVIF's first media service (Profile S): profiles, and where their video is.

use super::call::Call;
use super::device::{Device, Encoding, Stream};
use super::fault::Fault;
use super::names::{MEDIA, SCHEMA, SNAPSHOT_PATH};

/// The one source of video, and what is set of it.
pub(super) const SOURCE: &str = "source";
pub(super) const SOURCE_CONFIGURATION: &str = "source-configuration";
const NO_PROFILE: &[&str] = &["ter:InvalidArgVal", "ter:NoProfile"];
const NO_CONFIGURATION: &[&str] = &["ter:InvalidArgVal", "ter:NoConfig"];
/// What a client is asked to leave alone for.
const SESSION_TIMEOUT: &str = "PT60S";

/// Carries an operation of this service out.
pub(super) fn answer(call: &Call<'_>) -> Result<String, Fault> {
    let operation = call.asked.name.local.as_str();
    let streams = call.streams();
    let inner = match operation {
        "GetServiceCapabilities" => capabilities(call.device),
        "GetProfiles" => streams.iter().map(|stream| profile("Profiles", call.device, stream)).collect(),
        "GetProfile" => profile("Profile", call.device, call.stream("ProfileToken", NO_PROFILE)?),
        "GetVideoSources" => source(call.device),
        "GetVideoSourceConfigurations" => source_configuration("trt:Configurations", call.device),
        "GetVideoSourceConfiguration" => {
            known_source(call)?;
            source_configuration("trt:Configuration", call.device)
        }
        "GetCompatibleVideoSourceConfigurations" => {
            call.stream("ProfileToken", NO_PROFILE)?;
            source_configuration("trt:Configurations", call.device)
        }
        "GetVideoEncoderConfigurations" => {
            streams.iter().map(|stream| encoder("trt:Configurations", stream)).collect()
        }
        "GetVideoEncoderConfiguration" => {
            encoder("trt:Configuration", call.stream("ConfigurationToken", NO_CONFIGURATION)?)
        }
        "GetCompatibleVideoEncoderConfigurations" => {
            encoder("trt:Configurations", call.stream("ProfileToken", NO_PROFILE)?)
        }
        "GetVideoEncoderConfigurationOptions" => options(call)?,
        "GetGuaranteedNumberOfVideoEncoderInstances" => {
            known_source(call)?;
            let of = |encoding| streams.iter().filter(|stream| stream.encoding == encoding).count();
            format!(
                "<trt:TotalNumber>{}</trt:TotalNumber><trt:JPEG>{}</trt:JPEG><trt:H264>{}</trt:H264>",
                streams.len(),
                of(Encoding::Jpeg),
                of(Encoding::H264)
            )
        }
        "GetStreamUri" => stream_uri(call)?,
        "GetSnapshotUri" => {
            let stream = call.stream("ProfileToken", NO_PROFILE)?;
            media_uri(&call.http(&format!("{SNAPSHOT_PATH}?profile={}", stream.token)))
        }
        _ => return Err(Fault::unknown(operation)),
    };
    Ok(format!("<trt:{operation}Response>{inner}</trt:{operation}Response>"))
}

/// What this service can do.
pub(super) fn capabilities(device: &Device) -> String {
    format!(
        "<trt:Capabilities SnapshotUri=\"true\" Rotation=\"false\" VideoSourceMode=\"false\" OSD=\"false\">\
         <trt:ProfileCapabilities MaximumNumberOfProfiles=\"{}\"/>\
         <trt:StreamingCapabilities RTPMulticast=\"{}\" RTP_TCP=\"false\" RTP_RTSP_TCP=\"{}\"/></trt:Capabilities>",
        device.streams.len(),
        device.ways.multicast,
        device.ways.tcp
    )
}

fn profile(element: &str, device: &Device, stream: &Stream) -> String {
    format!(
        "<trt:{element} token=\"{0}\" fixed=\"true\"><tt:Name>{0}</tt:Name>{1}{2}</trt:{element}>",
        stream.token,
        source_configuration("tt:VideoSourceConfiguration", device),
        encoder("tt:VideoEncoderConfiguration", stream)
    )
}

fn source(device: &Device) -> String {
    let source = device.source();
    format!(
        "<trt:VideoSources token=\"{SOURCE}\"><tt:Framerate>{}</tt:Framerate><tt:Resolution><tt:Width>{}</tt:Width>\
         <tt:Height>{}</tt:Height></tt:Resolution></trt:VideoSources>",
        source.fps, source.width, source.height
    )
}

/// How the source is used: whole, by all profiles.
pub(super) fn source_configuration(element: &str, device: &Device) -> String {
    let source = device.source();
    format!(
        "<{element} token=\"{SOURCE_CONFIGURATION}\"><tt:Name>{SOURCE_CONFIGURATION}</tt:Name>\
         <tt:UseCount>{}</tt:UseCount><tt:SourceToken>{SOURCE}</tt:SourceToken>\
         <tt:Bounds x=\"0\" y=\"0\" width=\"{}\" height=\"{}\"/></{element}>",
        device.streams.len(),
        source.width,
        source.height
    )
}

/// Recorders refuse profiles without `RateControl`, which the schema would let us leave out.
fn encoder(element: &str, stream: &Stream) -> String {
    let Stream { token, width, height, fps, group, kbit, encoding, .. } = stream;
    let more = match encoding {
        Encoding::H264 => format!(
            "<tt:H264><tt:GovLength>{group}</tt:GovLength><tt:H264Profile>Main</tt:H264Profile></tt:H264>"
        ),
        Encoding::H265 | Encoding::Jpeg => String::new(),
    };
    format!(
        "<{element} token=\"{token}\"><tt:Name>{token}</tt:Name><tt:UseCount>1</tt:UseCount>\
         <tt:Encoding>{}</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width><tt:Height>{height}</tt:Height>\
         </tt:Resolution><tt:Quality>1</tt:Quality><tt:RateControl><tt:FrameRateLimit>{fps}</tt:FrameRateLimit>\
         <tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>{kbit}</tt:BitrateLimit></tt:RateControl>\
         {more}{}<tt:SessionTimeout>{SESSION_TIMEOUT}</tt:SessionTimeout></{element}>",
        encoding.word(),
        multicast()
    )
}

/// No multicast: the element is required all the same.
pub(super) fn multicast() -> &'static str {
    "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>\
     <tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
}

fn known_source(call: &Call<'_>) -> Result<(), Fault> {
    match call.asked.text_of(MEDIA, "ConfigurationToken") {
        Some(SOURCE_CONFIGURATION) => Ok(()),
        other => {
            let reason = format!("there is no `{}` here", other.unwrap_or_default());
            Err(Fault::sender(NO_CONFIGURATION, reason))
        }
    }
}

/// What the client may set: nothing else than is set.
fn options(call: &Call<'_>) -> Result<String, Fault> {
    let asked = |child| call.asked.child(MEDIA, child).is_some();
    let stream = if asked("ConfigurationToken") {
        call.stream("ConfigurationToken", NO_CONFIGURATION)?
    } else if asked("ProfileToken") {
        call.stream("ProfileToken", NO_PROFILE)?
    } else {
        call.device.source()
    };
    let range = |name: &str, value: &dyn std::fmt::Display| {
        format!("<tt:{name}><tt:Min>{value}</tt:Min><tt:Max>{value}</tt:Max></tt:{name}>")
    };
    let size = format!(
        "<tt:ResolutionsAvailable><tt:Width>{}</tt:Width><tt:Height>{}</tt:Height></tt:ResolutionsAvailable>",
        stream.width, stream.height
    );
    let rates = range("FrameRateRange", &stream.fps) + &range("EncodingIntervalRange", &1);
    let coded = match stream.encoding {
        Encoding::Jpeg => format!("<tt:JPEG>{size}{rates}</tt:JPEG>"),
        Encoding::H264 | Encoding::H265 => format!(
            "<tt:H264>{size}{}{rates}<tt:H264ProfilesSupported>Main</tt:H264ProfilesSupported></tt:H264>",
            range("GovLengthRange", &stream.group)
        ),
    };
    Ok(format!("<trt:Options>{}{coded}</trt:Options>", range("QualityRange", &1)))
}
fn stream_uri(call: &Call<'_>) -> Result<String, Fault> {
    let stream = call.stream("ProfileToken", NO_PROFILE)?;
    let invalid = |reason: &str| Fault::sender(&["ter:InvalidArgVal", "ter:InvalidStreamSetup"], reason);
    let setup = call.asked.child(MEDIA, "StreamSetup").ok_or_else(|| invalid("there is no set-up"))?;
    let kind = setup.text_of(SCHEMA, "Stream").unwrap_or_default();
    let transport = setup.child(SCHEMA, "Transport");
    let protocol = transport.and_then(|transport| transport.text_of(SCHEMA, "Protocol")).unwrap_or_default();
    let ways = call.device.ways;
    let offered = match (kind, protocol) {
        ("RTP-Unicast", "RTSP" | "TCP") => ways.tcp,
        ("RTP-Unicast", "UDP") => ways.udp,
        ("RTP-Multicast", "UDP") => ways.multicast,
        _ => false,
    };
    if offered { Ok(media_uri(&rtsp(call, stream))) } else { Err(invalid("frames do not travel that way")) }
}

/// Where a stream is. The specification gives it 128 bytes at most.
pub(super) fn rtsp(call: &Call<'_>, stream: &Stream) -> String {
    let host = std::net::SocketAddr::new(call.host.ip(), call.device.rtsp_port);
    format!("rtsp://{host}{}", stream.path)
}

fn media_uri(uri: &str) -> String {
    format!(
        "<trt:MediaUri><tt:Uri>{}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>\
         <tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>",
        crate::xml::escaped(uri)
    )
}
