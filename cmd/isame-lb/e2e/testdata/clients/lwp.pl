use strict;
use warnings;
use LWP::UserAgent;

$| = 1;
my $agent = LWP::UserAgent->new(keep_alive => 1, timeout => 20);
while (1) {
    for my $method ('GET', 'POST') {
        my $request = HTTP::Request->new($method, "http://$ARGV[0]/");
        $request->content('content') if $method eq 'POST';
        $request->header('Content-Length' => 7) if $method eq 'POST';
        my $response = $agent->request($request);
        print $response->code == 200 && $response->content eq 'fine' ? "ok\n" : 'got ' . $response->status_line . "\n";
        select(undef, undef, undef, 0.05);
    }
}
