//! What a link lets through: its queueing discipline, by netlink.
//!
//! tc-tbf(8) bounds a rate, tc-netem(8) delays, loses, doubles and reorders. Their options are structures of
//! linux/pkt_sched.h, which the netlink library does not know.

use std::time::Duration;

use futures_util::StreamExt;
use netlink_packet_core::{DefaultNla, NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage};

use super::KernelError;
use super::links::Netlink;
use crate::scenario::fault::{BitRate, Impairment, Share};

/// What becomes of the frames that leave by a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shaping {
    /// Not more than so much passes.
    Rate(BitRate),
    /// They are delayed, lost, doubled or overtaken.
    Impair(Impairment),
}

/// `TCA_OPTIONS` of linux/rtnetlink.h.
const OPTIONS: u16 = 2;

/// Frames that may wait in a slow or delayed link; what comes beyond that is lost.
const WAITING: u32 = 10_000;

/// Longest that a frame waits for its turn on a slow link before it is lost.
const TURN_WITHIN: Duration = Duration::from_millis(200);

/// What may pass at once, bytes: the largest frame that any link here has.
const BURST: u32 = 9_216;

impl Netlink {
    /// Gives a link a queueing discipline in the place of what it had.
    ///
    /// Errors: netlink's; a kernel without netem says `No such file or directory`.
    pub async fn shape(&self, number: u32, shaping: &Shaping) -> Result<(), KernelError> {
        let (kind, options) = match shaping {
            Shaping::Rate(rate) => ("tbf", tbf(rate.0)),
            Shaping::Impair(how) => ("netem", netem(how)),
        };
        // The kernel changes a discipline of the same kind, but does not replace one of another.
        self.unshape(number).await?;
        let attributes =
            vec![TcAttribute::Kind(kind.into()), TcAttribute::Other(DefaultNla::new(OPTIONS, options))];
        let request = RouteNetlinkMessage::NewQueueDiscipline(root(number, attributes));
        let flags = NLM_F_CREATE | NLM_F_REPLACE;
        self.ask(request, flags).await.map_err(self.failed(format!("give link {number} a {kind}")))
    }

    /// Takes a link's queueing discipline away; one that has none is as good.
    pub async fn unshape(&self, number: u32) -> Result<(), KernelError> {
        let request = RouteNetlinkMessage::DelQueueDiscipline(root(number, Vec::new()));
        match self.ask(request, 0).await {
            Err(rtnetlink::Error::NetlinkError(answer)) if none_there(answer.to_io().raw_os_error()) => {
                Ok(())
            }
            other => other.map_err(self.failed(format!("take the queue of link {number} away"))),
        }
    }

    async fn ask(&self, request: RouteNetlinkMessage, flags: u16) -> Result<(), rtnetlink::Error> {
        let mut request = NetlinkMessage::from(request);
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        let mut answers = self.handle().clone().request(request)?;
        while let Some(answer) = answers.next().await {
            if let NetlinkPayload::Error(answer) = answer.payload
                && answer.code.is_some()
            {
                return Err(rtnetlink::Error::NetlinkError(answer));
            }
        }
        Ok(())
    }

    /// Tries to make frames wait on a link.
    pub async fn try_netem(&self, number: u32) -> Result<(), KernelError> {
        let how = Impairment { delay: Duration::from_millis(1), ..Impairment::default() };
        self.shape(number, &Shaping::Impair(how)).await
    }
}

/// What the kernel says of a link without a discipline of its own.
fn none_there(errno: Option<i32>) -> bool {
    matches!(errno, Some(libc::ENOENT | libc::EINVAL))
}

fn root(number: u32, attributes: Vec<TcAttribute>) -> TcMessage {
    let mut message = TcMessage::with_index(i32::try_from(number).unwrap_or(i32::MAX));
    message.header.parent = TcHandle::ROOT;
    message.attributes = attributes;
    message
}

/// A netlink attribute: length, type, value, padded to four bytes (netlink(7)).
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// `struct tc_tbf_qopt` as `TCA_TBF_PARMS` (1), and `TCA_TBF_BURST` (6), which spares the reckoning in ticks.
fn tbf(bits: u64) -> Vec<u8> {
    let rate = u32::try_from(bits / 8).unwrap_or(u32::MAX);
    let in_turn = u64::from(rate) * u64::try_from(TURN_WITHIN.as_millis()).unwrap_or(0) / 1000;
    // A hundredth of a second's worth, so that fast links are not held up by the kernel's clock.
    let burst = (rate / 100).max(BURST);
    let limit = u32::try_from(in_turn).unwrap_or(u32::MAX).saturating_add(burst);
    // cell_log, linklayer (1: Ethernet), overhead, cell_align, mpu, rate
    let spec = |rate: u32| [&[0, 1, 0, 0, 0, 0, 0, 0][..], &rate.to_ne_bytes()].concat();
    // rate, peakrate, limit, buffer, mtu
    let parameters = [spec(rate), spec(0), limit.to_ne_bytes().to_vec(), vec![0; 4], vec![0; 4]].concat();
    [attribute(1, &parameters), attribute(6, &burst.to_ne_bytes())].concat()
}

/// `struct tc_netem_qopt`, and behind it `TCA_NETEM_REORDER` (3), `TCA_NETEM_LATENCY64` (10), `TCA_NETEM_JITTER64` (11).
fn netem(how: &Impairment) -> Vec<u8> {
    let nanoseconds = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX).to_ne_bytes();
    let reorders = how.reorder != Share::default();
    // latency, limit, loss, gap, duplicate, jitter: tc sets `gap` to 1 where frames are to be reordered
    let parameters =
        [0, WAITING, of_all(how.loss), u32::from(reorders), of_all(how.duplicate), 0].map(u32::to_ne_bytes);
    let mut options = parameters.concat();
    options.extend(attribute(10, &nanoseconds(how.delay)));
    options.extend(attribute(11, &nanoseconds(how.jitter)));
    if reorders {
        // probability, correlation
        options.extend(attribute(3, &[of_all(how.reorder), 0].map(u32::to_ne_bytes).concat()));
    }
    options
}

/// A share as netem has it: of 2^32 - 1.
fn of_all(share: Share) -> u32 {
    const WHOLE: u64 = 100_000;
    u32::try_from(u64::from(share.0) * u64::from(u32::MAX) / WHOLE).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_reckoned_as_tc_does_it() {
        assert_eq!([0, 1_000, 100_000].map(|share| of_all(Share(share))), [0, 42_949_672, u32::MAX]);
    }

    #[test]
    fn options_have_the_kernels_sizes() {
        // struct tc_tbf_qopt is 36 bytes, struct tc_netem_qopt 24 (linux/pkt_sched.h).
        assert_eq!(tbf(2_000_000).len(), 4 + 36 + 4 + 4);
        let delayed = Impairment { delay: Duration::from_millis(20), ..Impairment::default() };
        assert_eq!(netem(&delayed).len(), 24 + 12 + 12);
        let reordered = Impairment { reorder: Share(1_000), ..delayed };
        assert_eq!(netem(&reordered).len(), 24 + 12 + 12 + 12);
    }
}
