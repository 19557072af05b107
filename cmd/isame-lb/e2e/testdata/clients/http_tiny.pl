use strict;
use warnings;
use HTTP::Tiny;

$| = 1;
my $agent = HTTP::Tiny->new(keep_alive => 1, timeout => 20);
while (1) {
    for my $options (undef, {content => 'content'}) {
        my $response = $agent->request($options ? 'POST' : 'GET', "http://$ARGV[0]/", $options || {});
        my $good = $response->{status} == 200 && $response->{content} eq 'fine';
        print $good ? "ok\n" : "got $response->{status} " . substr($response->{content}, 0, 200) =~ s/\s+/ /gr . "\n";
        select(undef, undef, undef, 0.05);
    }
}
