//! A camera whose power fails once it is played, and comes back.

use std::net::{IpAddr, SocketAddr};

use tokio::time::{Instant, sleep_until};

use crate::hostile::Dies;

/// When it goes, and when it is back.
#[derive(Debug)]
pub(super) struct Death {
    dies: Option<Dies>,
    next: Option<(Turn, Instant)>,
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nobody is let in any more, and all are turned out.
    Gone,
    /// It is there again, as after a start.
    Back,
}

impl Death {
    pub(super) fn new(dies: Option<Dies>) -> Self {
        Self { dies, next: None }
    }

    /// Somebody plays the camera; the first time counts.
    pub(super) fn played(&mut self) {
        if let (Some(dies), None) = (self.dies, self.next) {
            self.next = Some((Turn::Gone, Instant::now() + dies.after));
        }
    }

    /// Waits for the next turn; for ever if there is none.
    pub(super) async fn turn(&mut self) -> Turn {
        let Some((turn, at)) = self.next else { return std::future::pending().await };
        sleep_until(at).await;
        self.next = match (turn, self.dies.take()) {
            (Turn::Gone, Some(dies)) => Some((Turn::Back, at + dies.lasts)),
            _ => None,
        };
        turn
    }
}

/// The sockets to listen on again.
#[derive(Debug, Default)]
pub(super) struct Opened(Vec<SocketAddr>);

impl Opened {
    pub(super) fn add(&mut self, socket: SocketAddr) {
        self.0.push(socket);
    }

    /// The same ports at another address.
    pub(super) fn move_to(&mut self, address: IpAddr) {
        self.0.iter_mut().for_each(|socket| socket.set_ip(address));
    }

    pub(super) fn all(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_goes_once_it_is_played_and_comes_back_once() {
        let short = Duration::from_millis(1);
        let mut death = Death::new(Some(Dies { after: short, lasts: short }));
        let never = tokio::time::timeout(Duration::from_millis(20), death.turn()).await;
        assert!(never.is_err(), "nobody has played it");
        death.played();
        death.played();
        assert_eq!(death.turn().await, Turn::Gone);
        assert_eq!(death.turn().await, Turn::Back);
        death.played();
        assert!(tokio::time::timeout(Duration::from_millis(20), death.turn()).await.is_err());
    }
}
