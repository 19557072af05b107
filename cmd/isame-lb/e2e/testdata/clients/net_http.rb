require 'net/http'

host, port = ARGV[0].split(':')
$stdout.sync = true
http = Net::HTTP.new(host, port.to_i)
http.read_timeout = 20
http.max_retries = 0
http.start
loop do
  [Net::HTTP::Get.new('/'), Net::HTTP::Post.new('/')].each do |request|
    request.body = 'content' if request.request_body_permitted?
    begin
      response = http.request(request)
      puts response.code == '200' && response.body == 'fine' ? 'ok' : "got #{response.code} #{response.body}"
    rescue StandardError => e
      puts "failed: #{e.inspect}"
    end
    sleep 0.05
  end
end
