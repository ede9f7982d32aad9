# Sends one Ethernet frame out of a link: perl frame.pl LINK FRAME, the frame in hexadecimal. Twelve `o` stand for the
# link's own Ethernet address.
use strict;
use warnings;

my ($link, $frame) = @ARGV;
# AF_PACKET, SOCK_RAW (packet(7)); SIOCGIFINDEX and SIOCGIFHWADDR (netdevice(7)).
socket(my $socket, 17, 3, 0) or die "no packet socket: $!\n";
my $index = pack("a16 x24", $link);
ioctl($socket, 0x8933, $index) or die "no link $link: $!\n";
my $address = pack("a16 x24", $link);
ioctl($socket, 0x8927, $address) or die "no address of $link: $!\n";
my $own = unpack("x18 H12", $address);
$frame =~ s/o{12}/$own/g;
my $to = pack("S n i x12", 17, 0, unpack("x16 i", $index));
defined send($socket, pack("H*", $frame), 0, $to) or die "not sent: $!\n";
