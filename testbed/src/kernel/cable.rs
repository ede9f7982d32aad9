//! What can be done to a cable that is plugged in: its carrier, and which socket of the fabric it is in.

use rtnetlink::{LinkMessageBuilder, LinkUnspec};

use super::KernelError;
use super::batch::Wire;
use super::lab::Lab;
use super::links::Netlink;
use super::messages;
use super::shaping::Shaping;
use crate::plan::Cable;

impl Lab {
    /// Takes a cable's carrier away or gives it back, at the port: the node's own link stays up, as a link does whose
    /// cable is pulled at the far end.
    pub async fn set_carrier(&self, cable: &Cable<'_>, carrier: bool) -> Result<(), KernelError> {
        Netlink::open(&self.fabric)?.set_up(self.port(&cable.port), carrier).await
    }

    /// Plugs a cable into the socket that another one is planned for: its bridge, and what is special about its port.
    ///
    /// The port is without carrier for that moment; `carrier` says whether it has one afterwards.
    pub async fn plug_in(
        &self,
        cable: &Cable<'_>,
        socket: &Cable<'_>,
        carrier: bool,
    ) -> Result<(), KernelError> {
        let port = self.port(&cable.port);
        // What is special about a port goes when it leaves its bridge.
        let mut batch = messages::unplugged(port, &cable.port);
        messages::plug(&mut batch, port, socket, &self.ports, false);
        Wire::open(&self.fabric)?.send(batch)?;
        Netlink::open(&self.fabric)?.set_up(port, carrier).await
    }

    /// Shapes what passes a cable, each way; none: as fast and as true as the kernel is.
    pub async fn shape(&self, cable: &Cable<'_>, shaping: Option<&Shaping>) -> Result<(), KernelError> {
        let node = self.node(cable.node);
        let inside = Netlink::open(node)?;
        let end = inside.numbers().await?.get(cable.end.as_str()).copied();
        let fabric = Netlink::open(&self.fabric)?;
        let both = [(&fabric, Some(self.port(&cable.port))), (&inside, end)];
        for (netlink, number) in both {
            let Some(number) = number else { continue };
            match shaping {
                Some(shaping) => netlink.shape(number, shaping).await?,
                None => netlink.unshape(number).await?,
            }
        }
        Ok(())
    }
}

impl Netlink {
    pub(super) async fn set_up(&self, number: u32, up: bool) -> Result<(), KernelError> {
        let message = LinkMessageBuilder::<LinkUnspec>::new().index(number);
        let message = if up { message.up() } else { message.down() }.build();
        let what = if up { "up" } else { "down" };
        let request = self.handle().link().set(message);
        request.execute().await.map_err(self.failed(format!("put port {number} {what}")))
    }
}
