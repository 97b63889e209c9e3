-- wrk: what comes to a server in life, for `deploy/build`: people and programs, with and without a referrer, with ids
-- of ads, in capitals, and slugs that nobody has.
-- wrk -s build.lua URL -- LINKS HOPS
local PEOPLE, PROGRAMS = "tests/fixtures/agents/people.tsv", "tests/fixtures/agents/programs.tsv"
local REFERRERS = {
  "", "", "https://www.instagram.com/", "https://l.instagram.com/?u=https%3A%2F%2Fgo.example%2Fa", "https://t.co/Ab12Cd34Ef",
  "https://www.linkedin.com/feed/", "https://www.youtube.com/watch?v=abc", "https://news.example.com/letters/48?issue=3",
}
local LANGUAGES = { "en-GB,en;q=0.9", "de-DE,de;q=0.9,en;q=0.8", "sv-SE,sv;q=0.9", "pt-BR", "en-US,en;q=0.5" }
local QUERIES = { "", "", "", "", "", "", "?utm_source=elsewhere&utm_medium=post", "?fbclid=IwAR0abcdefghijklmnop", "?gclid=Cj0KCQabc&x=1" }
-- How many requests are made beforehand; links are drawn anew for each.
local VISITORS = 8192

local links, hops
local random, format = math.random, string.format
local visitors = {}

-- The last column of each line that is no comment.
local function agents(file)
  local found = {}
  for line in io.lines(file) do
    if line:sub(1, 1) ~= "#" then found[#found + 1] = line:match("[^\t]*$") end
  end
  return found
end

local function pick(list) return list[random(#list)] end

-- The first ones far more often, as people have the browsers they have.
local function skewed(list) return list[math.floor(random() ^ 3 * #list) + 1] end

local function visitor(number, people, programs)
  local agent = random(10) == 1 and skewed(programs) or skewed(people)
  local referrer = pick(REFERRERS)
  if referrer ~= "" then referrer = "Referer: " .. referrer .. "\r\n" end
  return pick(QUERIES) .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: " .. agent .. "\r\n"
    .. "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    .. "Accept-Encoding: gzip, deflate, br\r\nAccept-Language: " .. pick(LANGUAGES) .. "\r\n" .. referrer
    .. format("X-Forwarded-For: 12.%d.%d.7%s\r\n\r\n", math.floor(number / 256), number % 256, hops)
end

function init(arguments)
  links = tonumber(arguments[1])
  -- A second proxy between them and us: such requests are hyper's.
  hops = arguments[2] == "2" and ", 127.0.0.1" or ""
  math.randomseed(1)
  local people, programs = agents(PEOPLE), agents(PROGRAMS)
  for number = 0, VISITORS - 1 do visitors[number + 1] = visitor(number, people, programs) end
end

-- (No HEAD: wrk waits for the body that such an answer never has.)
function request()
  local kind, link = random(50), random(0, links - 1)
  local begin = kind == 1 and "GET /nobody%d" or kind == 2 and "GET /CROWD%d" or kind == 3 and "GET /crowd%d/" or "GET /crowd%d"
  return format(begin, link) .. pick(visitors)
end

-- Slugs that nobody has are answered with an error, too; all others are redirects.
function done(summary)
  local errors = summary.errors
  io.write(format("redirects: %d\n", summary.requests - errors.status - errors.connect - errors.read - errors.write - errors.timeout))
end
