//! ONVIF's second media service (Profile T): the same video, told with fewer words.

use super::call::Call;
use super::device::{Device, Encoding, Stream};
use super::fault::Fault;
use super::media::{rtsp, source_configuration};
use super::names::{MEDIA2, SNAPSHOT_PATH};

const NO_PROFILE: &[&str] = &["ter:InvalidArgVal", "ter:NoProfile"];
const NO_CONFIGURATION: &[&str] = &["ter:InvalidArgVal", "ter:NoConfig"];

/// Carries an operation of this service out.
pub(super) fn answer(call: &Call<'_>) -> Result<String, Fault> {
    let operation = call.asked.name.local.as_str();
    let inner = match operation {
        "GetServiceCapabilities" => capabilities(call.device),
        "GetProfiles" => profiles(call)?,
        "GetVideoSourceConfigurations" => source_configuration("tr2:Configurations", call.device),
        "GetVideoEncoderConfigurations" => {
            chosen(call)?.iter().map(|stream| encoder("tr2:Configurations", stream)).collect()
        }
        "GetVideoEncoderConfigurationOptions" => chosen(call)?.iter().map(|stream| options(stream)).collect(),
        "GetStreamUri" => {
            let stream = call.stream("ProfileToken", NO_PROFILE)?;
            let ways = call.device.ways;
            let offered = match call.asked.text_of(MEDIA2, "Protocol") {
                Some("RTSP") => ways.tcp,
                Some("RtspUnicast") => ways.udp,
                Some("RtspMulticast") => ways.multicast,
                _ => false,
            };
            if !offered {
                let codes = &["ter:InvalidArgVal", "ter:InvalidStreamSetup"];
                return Err(Fault::sender(codes, "frames do not travel that way"));
            }
            format!("<tr2:Uri>{}</tr2:Uri>", rtsp(call, stream))
        }
        "GetSnapshotUri" => {
            let stream = call.stream("ProfileToken", NO_PROFILE)?;
            format!("<tr2:Uri>{}?profile={}</tr2:Uri>", call.http(SNAPSHOT_PATH), stream.token)
        }
        _ => return Err(Fault::unknown(operation)),
    };
    Ok(format!("<tr2:{operation}Response>{inner}</tr2:{operation}Response>"))
}

/// What this service can do.
pub(super) fn capabilities(device: &Device) -> String {
    format!(
        "<tr2:Capabilities SnapshotUri=\"true\" Rotation=\"false\" VideoSourceMode=\"false\" OSD=\"false\">\
         <tr2:ProfileCapabilities MaximumNumberOfProfiles=\"{}\" ConfigurationsSupported=\"VideoSource VideoEncoder\"/>\
         <tr2:StreamingCapabilities RTSPStreaming=\"true\" RTPMulticast=\"{}\" RTP_RTSP_TCP=\"{}\"/>\
         </tr2:Capabilities>",
        device.streams.len(),
        device.ways.multicast,
        device.ways.tcp
    )
}

/// All profiles or the one that is asked for, each with what `Type` asks for.
fn profiles(call: &Call<'_>) -> Result<String, Fault> {
    let streams = match call.asked.text_of(MEDIA2, "Token") {
        None => call.device.streams.iter().collect(),
        Some(_) => vec![call.stream("Token", NO_PROFILE)?],
    };
    let types = call.asked.children.iter().filter(|child| child.name.is(MEDIA2, "Type"));
    let types: Vec<_> = types.map(|kind| kind.text.as_str()).collect();
    let asked = |kind| types.contains(&"All") || types.contains(&kind);
    let of = |stream: &Stream| {
        let mut configurations = String::new();
        if asked("VideoSource") {
            configurations += &source_configuration("tr2:VideoSource", call.device);
        }
        if asked("VideoEncoder") {
            configurations += &encoder("tr2:VideoEncoder", stream);
        }
        if !configurations.is_empty() {
            configurations = format!("<tr2:Configurations>{configurations}</tr2:Configurations>");
        }
        let token = &stream.token;
        format!(
            "<tr2:Profiles token=\"{token}\" fixed=\"true\"><tr2:Name>{token}</tr2:Name>{configurations}</tr2:Profiles>"
        )
    };
    Ok(streams.into_iter().map(of).collect())
}

/// The streams that the request names, by configuration or by profile; all if it names none.
fn chosen<'a>(call: &'a Call<'_>) -> Result<Vec<&'a Stream>, Fault> {
    let asked = |child| call.asked.child(MEDIA2, child).is_some();
    if asked("ConfigurationToken") {
        Ok(vec![call.stream("ConfigurationToken", NO_CONFIGURATION)?])
    } else if asked("ProfileToken") {
        Ok(vec![call.stream("ProfileToken", NO_PROFILE)?])
    } else {
        Ok(call.device.streams.iter().collect())
    }
}

fn encoder(element: &str, stream: &Stream) -> String {
    let Stream { token, width, height, fps, group, kbit, encoding, .. } = stream;
    let profile = if *encoding == Encoding::Jpeg { "" } else { " Profile=\"Main\"" };
    format!(
        "<{element} token=\"{token}\" GovLength=\"{group}\"{profile}><tt:Name>{token}</tt:Name>\
         <tt:UseCount>1</tt:UseCount><tt:Encoding>{}</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width>\
         <tt:Height>{height}</tt:Height></tt:Resolution><tt:RateControl ConstantBitRate=\"false\">\
         <tt:FrameRateLimit>{fps}</tt:FrameRateLimit><tt:BitrateLimit>{kbit}</tt:BitrateLimit></tt:RateControl>\
         <tt:Quality>1</tt:Quality></{element}>",
        encoding.word()
    )
}

fn options(stream: &Stream) -> String {
    let Stream { width, height, fps, group, kbit, encoding, .. } = stream;
    let profiles = if *encoding == Encoding::Jpeg { "" } else { " ProfilesSupported=\"Main\"" };
    format!(
        "<tr2:Options GovLengthRange=\"{group} {group}\" FrameRatesSupported=\"{fps}\"{profiles} \
         ConstantBitRateSupported=\"false\"><tt:Encoding>{}</tt:Encoding><tt:QualityRange><tt:Min>1</tt:Min>\
         <tt:Max>1</tt:Max></tt:QualityRange><tt:ResolutionsAvailable><tt:Width>{width}</tt:Width>\
         <tt:Height>{height}</tt:Height></tt:ResolutionsAvailable><tt:BitrateRange><tt:Min>{kbit}</tt:Min>\
         <tt:Max>{kbit}</tt:Max></tt:BitrateRange></tr2:Options>",
        encoding.word()
    )
}
