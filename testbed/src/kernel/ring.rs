//! One AF_PACKET ring per namespace (TPACKET_V3): every frame at every device, with its direction and its time.
//!
//! Bound to no device, and outgoing copies are kept: a frame that the namespace hands to a veth port shows as
//! outgoing there, one that comes in by it does not. Whose port that is, and what the frame means, is left to `tap`.
//! Source: packet(7) and the kernel's `Documentation/networking/packet_mmap.rst`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

mod frames;

pub use frames::{Frame, Frames};

/// Bytes of one block that are usual: room for frames of 64 KiB, and some 1,500 small ones.
pub const BLOCK_SIZE: usize = 256 * 1024;
/// Blocks of one ring that are usual: 16 MiB in all, a tenth of a second of the densest sweep.
pub const BLOCKS: usize = 64;
/// After this long the kernel hands over a block that is not full, milliseconds.
const RETIRE_AFTER_MS: u32 = 10;
/// Frame size that the kernel wants to be told; with TPACKET_V3 it bounds nothing.
const NOMINAL_FRAME: usize = 2048;
/// Largest ring that is opened, bytes.
const MOST_MEMORY: usize = 64 * 1024 * 1024;

/// What can go wrong with a ring.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sizes are not what the kernel takes.
    #[error(
        "open a ring of {blocks} blocks of {block_size} bytes: blocks must be whole pages, and 64 MiB in all"
    )]
    Size {
        /// Bytes of a block.
        block_size: usize,
        /// Number of blocks.
        blocks: usize,
    },
    /// A system call was refused.
    #[error("{step} of an AF_PACKET ring: {source}")]
    System {
        /// Which step.
        step: &'static str,
        /// The system's words.
        source: io::Error,
    },
}

type Result<T> = std::result::Result<T, Error>;

fn failed(step: &'static str) -> Error {
    Error::System { step, source: io::Error::last_os_error() }
}

/// Frames that the kernel saw and had no room for, since the ring was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames that came by, dropped ones included.
    pub frames: u64,
    /// Frames dropped for want of room.
    pub dropped: u64,
}

/// An open ring; closing it frees its memory.
#[must_use]
pub struct Ring {
    socket: OwnedFd,
    memory: Memory,
    block_size: usize,
    blocks: usize,
    next: usize,
    stop: Arc<EventFd>,
    statistics: Statistics,
}

/// Memory that is shared with the kernel.
struct Memory {
    start: NonNull<u8>,
    length: usize,
}

#[expect(unsafe_code, reason = "the mapping belongs to no thread")]
// SAFETY: the mapping is owned by this value alone, and reached only through `&mut Ring` or a block that borrows it.
unsafe impl Send for Memory {}

impl Drop for Memory {
    #[expect(unsafe_code, reason = "a mapping is undone by hand")]
    fn drop(&mut self) {
        // SAFETY: `start` and `length` are those of our own mmap, and nothing that borrows it is left.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// Tells the thread that reads a ring to stop.
#[derive(Clone)]
pub struct Stopper(Arc<EventFd>);

impl Stopper {
    /// Wakes the reader; [`Ring::next_block`] returns [`Woken::Stopped`] once.
    pub fn stop(&self) {
        // An eventfd refuses a write only when its counter is full, and then the reader wakes anyway.
        let _ = self.0.write(1);
    }
}

/// Why [`Ring::next_block`] returned.
pub enum Woken<'a> {
    /// A block of frames, in the order in which they came by.
    Block(Block<'a>),
    /// Somebody called [`Stopper::stop`].
    Stopped,
    /// Nothing came within the time.
    Idle,
}

impl Ring {
    /// Opens a ring of `blocks` blocks of `block_size` bytes (whole pages, a multiple of 2 KiB; 64 MiB at most in
    /// all) in the network namespace of the calling thread. It may then be used on any thread.
    ///
    /// Errors: `Size`; `System` where AF_PACKET or CAP_NET_RAW is missing.
    pub fn open(block_size: usize, blocks: usize) -> Result<Ring> {
        let length = block_size.saturating_mul(blocks);
        if length == 0 || length > MOST_MEMORY || !block_size.is_multiple_of(4096) {
            return Err(Error::Size { block_size, blocks });
        }
        // Protocol 0: nothing is queued before the ring stands; `bind` below turns it on.
        let socket = socket()?;
        set(&socket, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as libc::c_int), "version")?;
        let request = libc::tpacket_req3 {
            tp_block_size: block_size as u32,
            tp_block_nr: blocks as u32,
            tp_frame_size: NOMINAL_FRAME as u32,
            tp_frame_nr: (length / NOMINAL_FRAME) as u32,
            tp_retire_blk_tov: RETIRE_AFTER_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set(&socket, libc::PACKET_RX_RING, &request, "memory")?;
        let memory = map(&socket, length)?;
        bind(&socket)?;
        let stop = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|e| Error::System { step: "stop signal", source: e.into() })?;
        let stop = Arc::new(stop);
        Ok(Ring { socket, memory, block_size, blocks, next: 0, stop, statistics: Statistics::default() })
    }

    /// A handle by which another thread ends the reading.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.stop))
    }

    /// Waits up to `timeout` for the next block. A block that is not full comes after some 10 ms.
    ///
    /// Errors: `System`, when the socket is broken.
    pub fn next_block(&mut self, timeout: Duration) -> Result<Woken<'_>> {
        if self.is_ours() {
            return Ok(Woken::Block(Block { ring: self }));
        }
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let mut waited = [
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN | PollFlags::POLLERR),
            PollFd::new(self.stop.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut waited, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(e) => return Err(Error::System { step: "wait", source: e.into() }),
        }
        let broken = waited[0].revents().is_some_and(|seen| seen.contains(PollFlags::POLLERR));
        if self.is_ours() {
            return Ok(Woken::Block(Block { ring: self }));
        }
        if self.stop.read().is_ok() {
            return Ok(Woken::Stopped);
        }
        if broken {
            return Err(Error::System { step: "wait", source: socket_error(&self.socket)? });
        }
        Ok(Woken::Idle)
    }

    /// Counts since the ring was opened.
    ///
    /// Errors: `System`.
    pub fn statistics(&mut self) -> Result<Statistics> {
        // The kernel counts from zero again after each reading, and `tp_packets` has the dropped ones in it.
        let fresh: libc::tpacket_stats_v3 =
            get(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS, "counts")?;
        self.statistics.frames += u64::from(fresh.tp_packets);
        self.statistics.dropped += u64::from(fresh.tp_drops);
        Ok(self.statistics)
    }

    fn block_start(&self) -> NonNull<u8> {
        #[expect(unsafe_code, reason = "pointer into the ring")]
        // SAFETY: `next < blocks`, so the sum lies inside the mapping.
        unsafe {
            self.memory.start.add(self.next * self.block_size)
        }
    }

    fn status(&self) -> &AtomicU32 {
        let offset = std::mem::offset_of!(libc::tpacket_block_desc, hdr);
        #[expect(unsafe_code, reason = "the kernel writes this word")]
        // SAFETY: `block_status` is the first word of the header union, aligned, inside the block, and both sides
        // only touch it with whole-word accesses.
        unsafe {
            AtomicU32::from_ptr(self.block_start().as_ptr().add(offset).cast())
        }
    }

    fn is_ours(&self) -> bool {
        // Acquire: what the kernel wrote before it handed the block over is seen after this.
        self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }
}

/// Frames that the kernel handed over; dropping it gives the room back.
#[must_use]
pub struct Block<'a> {
    ring: &'a mut Ring,
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.ring.status().store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.ring.next = (self.ring.next + 1) % self.ring.blocks;
    }
}

impl Block<'_> {
    /// The frames of the block, in order.
    pub fn frames(&self) -> Frames<'_> {
        let header: libc::tpacket_hdr_v1 = {
            let offset = std::mem::offset_of!(libc::tpacket_block_desc, hdr);
            read(self.bytes(), offset).expect("a block is longer than its own header")
        };
        Frames { block: self.bytes(), left: header.num_pkts, offset: header.offset_to_first_pkt as usize }
    }

    fn bytes(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "memory shared with the kernel")]
        // SAFETY: the block lies inside the mapping; its status says that it is ours, so that the kernel does not
        // write to it until `drop`, which needs the borrow to be over.
        unsafe {
            std::slice::from_raw_parts(self.ring.block_start().as_ptr(), self.ring.block_size)
        }
    }
}

/// Types of the kernel's that are plain numbers throughout.
trait Plain: Copy {}
impl Plain for libc::tpacket_hdr_v1 {}
impl Plain for libc::tpacket3_hdr {}
impl Plain for libc::sockaddr_ll {}
impl Plain for libc::tpacket_stats_v3 {}
impl Plain for libc::c_int {}
impl Plain for libc::tpacket_req3 {}

fn read<T: Plain>(bytes: &[u8], offset: usize) -> Option<T> {
    let field = bytes.get(offset..offset.checked_add(size_of::<T>())?)?;
    #[expect(unsafe_code, reason = "a kernel structure in bytes")]
    // SAFETY: `field` has the length of `T`, any bytes are a valid `Plain`, and alignment is not asked for.
    Some(unsafe { field.as_ptr().cast::<T>().read_unaligned() })
}

fn socket() -> Result<OwnedFd> {
    #[expect(unsafe_code, reason = "AF_PACKET without a protocol")]
    // SAFETY: no pointers.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(failed("socket"));
    }
    #[expect(unsafe_code, reason = "takes the new descriptor")]
    // SAFETY: just opened, and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set<T: Plain>(socket: &OwnedFd, option: libc::c_int, value: &T, step: &'static str) -> Result<()> {
    #[expect(unsafe_code, reason = "socket options of AF_PACKET")]
    // SAFETY: pointer and length are those of `value`.
    let done = unsafe {
        let value: *const T = value;
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, value.cast(), size_of::<T>() as u32)
    };
    if done < 0 { Err(failed(step)) } else { Ok(()) }
}

fn get<T: Plain>(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, step: &'static str) -> Result<T> {
    let mut value = std::mem::MaybeUninit::<T>::zeroed();
    let mut length = size_of::<T>() as libc::socklen_t;
    #[expect(unsafe_code, reason = "socket options of AF_PACKET")]
    // SAFETY: pointer and length are those of `value`; zeros are a valid `Plain`, whatever the kernel fills in.
    unsafe {
        if libc::getsockopt(socket.as_raw_fd(), level, option, value.as_mut_ptr().cast(), &raw mut length) < 0
        {
            return Err(failed(step));
        }
        Ok(value.assume_init())
    }
}

fn socket_error(socket: &OwnedFd) -> Result<io::Error> {
    get(socket, libc::SOL_SOCKET, libc::SO_ERROR, "wait").map(io::Error::from_raw_os_error)
}

fn map(socket: &OwnedFd, length: usize) -> Result<Memory> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    #[expect(unsafe_code, reason = "the ring is shared memory")]
    // SAFETY: a new mapping at an address of the kernel's choice.
    let start =
        unsafe { libc::mmap(std::ptr::null_mut(), length, access, libc::MAP_SHARED, socket.as_raw_fd(), 0) };
    if start == libc::MAP_FAILED {
        return Err(failed("mapping"));
    }
    let start = NonNull::new(start.cast()).expect("a mapping that succeeded has an address");
    Ok(Memory { start, length })
}

/// Turns the capture on: every protocol, every device.
fn bind(socket: &OwnedFd) -> Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    #[expect(unsafe_code, reason = "no safe type has an address without a device")]
    // SAFETY: pointer and length are those of `address`.
    let done = unsafe {
        let address: *const libc::sockaddr_ll = &raw const address;
        libc::bind(socket.as_raw_fd(), address.cast(), size_of::<libc::sockaddr_ll>() as u32)
    };
    if done < 0 { Err(failed("binding")) } else { Ok(()) }
}

#[cfg(test)]
pub(crate) mod sender;
#[cfg(test)]
mod tests;
