# Offers whoever looks for cameras an address that it has not asked for, as a second DHCP server would: perl offers.pl LINK OWN OTHER
use strict;
use warnings;
use Socket;

my ($link, $own, $other) = @ARGV;
my ($group, $port) = (inet_aton('239.255.255.250'), 3702);
# AF_PACKET, SOCK_DGRAM, of IPv4 (packet(7)): the sender's Ethernet address stands in the sockaddr_ll
socket(my $in, 17, 2, unpack('S', pack('n', 0x0800))) or die "no packet socket: $!\n";
my $index = pack('a16 x24', $link);
# SIOCGIFINDEX (netdevice(7))
ioctl($in, 0x8933, $index) or die "no link $link: $!\n";
$index = unpack('x16 i', $index);
bind($in, pack('S n i x12', 17, 0x0800, $index)) or die "not bound: $!\n";
$| = 1;
print "listening at $link\n";

sub sum {
    my $sum = 0;
    $sum += $_ for unpack('n*', $_[0]);
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    return ~$sum & 0xffff;
}

while (defined(my $from = recv($in, my $packet, 2048, 0))) {
    next unless substr($packet, 16, 4) eq $group && unpack('x9C', $packet) == 17;
    my $header = (unpack('C', $packet) & 15) * 4;
    next unless unpack("x${header}x2n", $packet) == $port;
    my $to = substr($from, 12, 6);
    # DHCPOFFER (RFC 2131, section 2; options 53, 54 and 51 of RFC 2132)
    my $offer = pack('C4 N n2', 2, 1, 6, 0, 1, 0, 0) . pack('x4') . inet_aton($other) . inet_aton($own) . pack('x4')
        . $to . pack('x10 x64 x128') . pack('N', 0x63825363)
        . pack('C3', 53, 1, 2) . pack('C2', 54, 4) . inet_aton($own) . pack('C2 N', 51, 4, 120) . pack('C', 255);
    my $udp = pack('n4', 67, 68, 8 + length $offer, 0) . $offer;
    my $ip = pack('C2 n3 C2 n', 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0) . inet_aton($own) . inet_aton($other);
    substr($ip, 10, 2) = pack('n', sum($ip));
    send($in, $ip . $udp, 0, pack('S n i x3 C a8', 17, 0x0800, $index, 6, $to)) or die "nothing was sent: $!\n";
    last;
}
