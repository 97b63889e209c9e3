-- wrk: clicks of many visitors, with the headers a browser sends, on random links out of LINKS.
-- wrk -s clicks.lua URL -- LINKS SEED
local AGENTS = {
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Mobile Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36 Edg/146.0.0.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 405.0.0.29.75 (iPhone15,2; iOS 18_6; en_US; en; scale=3.00; 1179x2556; 800000000)",
  "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
}
local REST = "Host: 127.0.0.1\r\n"
  .. "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
  .. "Accept-Language: en-GB,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
  .. "Referer: https://www.instagram.com/\r\n"

local VISITORS = 4096

local links
local random, format = math.random, string.format
local visitors = {}

function init(arguments)
  links = tonumber(arguments[1])
  math.randomseed(tonumber(arguments[2]))
  for number = 0, VISITORS - 1 do
    local agent = AGENTS[number % #AGENTS + 1]
    local address = format("11.%d.%d.1", math.floor(number / 256), number % 256)
    visitors[number + 1] = " HTTP/1.1\r\n" .. REST .. "User-Agent: " .. agent .. "\r\nX-Forwarded-For: " .. address .. "\r\n\r\n"
  end
end

-- Put together by hand: wrk.format costs the client as much as a redirect costs the server.
function request()
  return format("GET /l%07d", random(links)) .. visitors[random(VISITORS)]
end

-- One line for the script: requests, microseconds, percentiles in microseconds, failures (statuses above 399 included).
function done(summary, latency)
  local errors = summary.errors
  io.write(format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
