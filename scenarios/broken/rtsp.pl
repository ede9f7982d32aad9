# Says something in RTSP: perl rtsp.pl HOST PORT REQUEST …, each on the same connection, the next once something was answered or
# a second has passed. In a request `|` ends a line; `%s` is the session that was given last.
use strict;
use warnings;
use Socket;

my ($host, $port, @requests) = @ARGV;
my $camera;
for (1 .. 50) {
    socket($camera, PF_INET, SOCK_STREAM, 0) or die "no socket: $!\n";
    last if connect($camera, sockaddr_in($port, inet_aton($host)));
    undef $camera;
    select(undef, undef, undef, 0.1);
}
die "nobody answers at $host:$port\n" unless $camera;
my $session = "none";
for my $request (@requests) {
    (my $text = "$request||") =~ s/[|]/\r\n/g;
    $text =~ s/%s/$session/;
    syswrite($camera, $text) or die "not sent: $!\n";
    my $waiting = "";
    vec($waiting, fileno($camera), 1) = 1;
    next unless select($waiting, undef, undef, 1);
    last unless sysread($camera, my $answer, 65536);
    $session = $1 if $answer =~ /^Session: *([^;\s]+)/mi;
}
