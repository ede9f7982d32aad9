//! JPEG as the appliance proves it: RTP has no place in one for an identity, so that its time and its picture say everything.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use fake_appliance::config::{Camera, Transport};
use fake_facts::{Fact, Oddity, Video};

use crate::support::{Appliance, CameraProcess, camera_at};

/// A camera of small pictures that does this, by both transports.
fn jpeg(more: &[&str]) -> CameraProcess {
    let plain =
        ["--id", "4", "--codec", "mjpeg", "--size", "320x240", "--fps", "30", "--transport", "tcp,udp"];
    CameraProcess::with_login(&[&plain, more].concat())
}

fn by(camera: &CameraProcess, transport: Transport, id: Option<u32>) -> Camera {
    Camera { transport, ..camera_at(&camera.url(), id) }
}

/// What comes of the first 45 frames, by each transport.
async fn seen(more: &[&str]) -> Vec<Video> {
    let mut seen = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp] {
        let camera = jpeg(more);
        seen.push(Appliance::pull(by(&camera, transport, Some(4)), Some(45)).ended().await);
    }
    seen
}

fn odd(video: &Video) -> Vec<(Oddity, u64)> {
    video.odd.iter().map(|odd| (odd.what, odd.number)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_and_its_picture_is_found() {
    for encode in ["once", "live"] {
        for video in seen(&["--encode", encode]).await {
            assert_eq!((video.id, video.first, video.last + 1), (4, 0, video.received), "{video:?}");
            assert_eq!((video.lost, video.duplicated, video.swapped), (0, 0, 0), "{video:?}");
            assert_eq!((video.unidentified, video.foreign, video.undecoded), (0, 0, 0), "{video:?}");
            assert_eq!((video.matched, video.mismatched), (video.received, 0), "{video:?}");
            assert!(video.odd.is_empty(), "{video:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_pictures_at_a_rate_that_is_no_part_of_the_clock_are_found_as_well() {
    let arguments = ["--id", "4", "--codec", "mjpeg", "--size", "1920x1080", "--fps", "7"];
    let camera = CameraProcess::with_login(&arguments);
    let video = Appliance::pull(camera_at(&camera.url(), None), Some(10)).ended().await;
    assert_eq!((video.id, video.first, video.last + 1), (4, 0, video.received), "{video:?}");
    assert_eq!((video.matched, video.decoded), (video.received, video.received), "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_left_out_repeated_or_swapped_are_named() {
    for video in seen(&["--leave-out=5,29", "--repeat=31", "--swap=12"]).await {
        let lost = [5, 29].map(|number| (Oddity::Lost, number));
        let others = [(Oddity::Duplicated, 31), (Oddity::Swapped, 12)];
        assert_eq!(odd(&video), [lost, others].concat(), "{video:?}");
        assert_eq!((video.lost, video.duplicated, video.swapped), (2, 1, 1), "{video:?}");
        assert_eq!((video.matched, video.unreferenced), (video.received, 0), "{video:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_another_frame_or_camera_are_named_with_what_they_show() {
    for video in seen(&["--show-next=8,40", "--show-stranger=33"]).await {
        let shows = |camera, index| Oddity::Shows { camera, index };
        assert_eq!(odd(&video), [(shows(4, 9), 8), (shows(4, 11), 40), (shows(5, 3), 33)], "{video:?}");
        assert_eq!((video.lost, video.duplicated, video.swapped), (0, 0, 0), "all else is right: {video:?}");
        assert_eq!((video.mismatched, video.matched + 3), (3, video.decoded), "{video:?}");
        // A stranger's picture is nothing that the camera sent, as far as anybody can tell.
        assert_eq!((video.received + 1, video.unidentified), (video.decoded, 0), "{video:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cameras_frames_are_never_received() {
    let camera = jpeg(&[]);
    let appliance = Appliance::pull(by(&camera, Transport::Tcp, Some(1)), None);
    appliance.facts.wait("a stranger's pictures", |fact| match fact {
        Fact::Video(video) if video.mismatched > 5 => Some(()),
        _ => None,
    });
    let video = appliance.stopped().await;
    assert_eq!((video.received, video.matched, video.id), (0, 0, 4), "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_sent_late_are_found_once_the_camera_has_reported_its_time() {
    let camera = jpeg(&["--late-from=20", "--late-by=1500"]);
    let appliance = Appliance::pull(by(&camera, Transport::Tcp, Some(4)), None);
    let soonest = appliance.facts.wait("how long frames were under way", |fact| match fact {
        Fact::Video(video) => video.took_us.iter().flatten().copied().min(),
        _ => None,
    });
    let video = appliance.stopped().await;
    assert!(soonest >= 1_400_000, "{soonest}: {video:?}");
    assert!(video.longest_gap_us >= 1_400_000 && video.odd.is_empty(), "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_takes_a_further_stream_of_jpeg_beside_a_main_one_that_is_not() {
    let sub = "path=/sub,codec=mjpeg,size=320x176,fps=10";
    let camera = CameraProcess::with_login(&["--id", "5", "--stream", sub]);
    let of = Camera { stream: 1, ..camera_at(&format!("rtsp://{}/sub", camera.socket), Some(5)) };
    let video = Appliance::pull(of, Some(15)).ended().await;
    assert_eq!((video.id, video.first, video.last + 1), (5, 0, video.received), "{video:?}");
    assert_eq!((video.matched, video.decoded), (video.received, video.received), "{video:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_a_picture_of_it_for_the_report() {
    let camera = jpeg(&[]);
    let appliance = Appliance::pull(by(&camera, Transport::Tcp, Some(4)), None);
    let begins = appliance.facts.wait("a picture", |fact| match fact {
        Fact::Picture { jpeg, .. } => Some(jpeg.starts_with("/9j/")),
        _ => None,
    });
    assert!(begins, "it begins as JPEGs do");
    appliance.stopped().await;
}

/// Passes one connection on to the camera, and what it answers as `change` says: it is told frame and packet of what comes in
/// the video's channel, counted from 0, and gives whether that is passed on.
fn relay(
    to: SocketAddr,
    mut change: impl FnMut(usize, usize, &mut [u8]) -> bool + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        // The appliance looks at the camera's answer by a connection of its own before.
        for client in listener.incoming() {
            let (mut client, mut camera) = (client.unwrap(), TcpStream::connect(to).unwrap());
            let (mut asked, mut answered) = (client.try_clone().unwrap(), camera.try_clone().unwrap());
            let asking = thread::spawn(move || {
                // Whoever hangs up has what it wanted.
                let _ = std::io::copy(&mut asked, &mut camera);
                let _ = camera.shutdown(Shutdown::Both);
            });
            let _ = pass(&mut BufReader::new(&mut answered), &mut client, &mut change);
            let _ = client.shutdown(Shutdown::Both);
            asking.join().unwrap();
        }
    });
    at
}

/// Answers line by line, and what is interleaved (RFC 2326, section 10.12) packet by packet.
fn pass(
    from: &mut impl BufRead,
    to: &mut impl Write,
    change: &mut impl FnMut(usize, usize, &mut [u8]) -> bool,
) -> std::io::Result<()> {
    let (mut frame, mut packet) = (0, 0);
    loop {
        if from.fill_buf()?.first() != Some(&b'$') {
            let mut line = Vec::new();
            if from.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            to.write_all(&line)?;
            continue;
        }
        let mut head = [0; 4];
        from.read_exact(&mut head)?;
        let mut rtp = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        from.read_exact(&mut rtp)?;
        let (is_video, is_last) = (head[1] == 0, rtp[1] & 0x80 != 0);
        if !is_video || change(frame, packet, &mut rtp) {
            to.write_all(&[&head[..], &rtp].concat())?;
        }
        if is_video {
            (frame, packet) = if is_last { (frame + 1, 0) } else { (frame, packet + 1) };
        }
    }
}

/// Here the scan of a JPEG has begun in a first packet: behind the headers of RTP and of its payload, and two tables.
const IN_THE_SCAN: usize = 12 + 8 + 132 + 48;

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_with_a_hole_is_lost_and_one_that_is_nonsense_shows_nothing() {
    let camera = CameraProcess::with_login(&["--id", "4", "--codec", "mjpeg"]);
    let socket = relay(camera.socket, |frame, packet, rtp| {
        if (frame, packet) == (9, 0) {
            rtp[IN_THE_SCAN..].fill(0x5a);
        }
        // In the middle of one, at the beginning and at the end.
        let is_last = rtp[1] & 0x80 != 0;
        !([(5, 3), (7, 0)].contains(&(frame, packet)) || frame == 12 && is_last)
    });
    let at = Camera { url: format!("rtsp://{socket}/stream"), ..by(&camera, Transport::Tcp, Some(4)) };
    let video = Appliance::pull(at, Some(20)).ended().await;
    let lost = [5, 7, 12].map(|number| (Oddity::Lost, number));
    assert_eq!(odd(&video), [&lost[..], &[(Oddity::ShowsNone, 9)]].concat(), "{video:?}");
    assert_eq!((video.lost, video.mismatched, video.undecoded), (3, 1, 0), "{video:?}");
    assert_eq!((video.received, video.matched), (video.decoded - 1, video.decoded - 1), "{video:?}");
}
