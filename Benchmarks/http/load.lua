-- The requests of one work, for wrk: `wrk … -s load.lua URL -- WORK FOLDER SEED`.
-- The folder has a file of ids, of a few of them, of slugs, of ids with their entity tags, and of access tokens: one a line.

local threads = 0

function setup(thread)
   threads = threads + 1
   thread:set("number", threads)
end

local function lines(folder, name)
   local read = {}
   for line in io.lines(folder .. "/" .. name) do read[#read + 1] = line end
   return read
end

local function any(list) return list[math.random(#list)] end

-- A request with a place in it, cut there: building one is then a concatenation.
local PLACE = "@@@@@@@@@@@@@@@@@@@@"

local function cut(method, path, headers, body)
   local text = wrk.format(method, path, headers, body)
   local from, to = text:find(PLACE, 1, true)
   return text:sub(1, from - 1), text:sub(to + 1)
end

local function reading(path, values, headers)
   local before, after = cut("GET", path .. PLACE, headers)
   return function() return before .. any(values) .. after end
end

local function constant(path, headers)
   local text = wrk.format("GET", path, headers)
   return function() return text end
end

local function matching(tags)
   local requests = {}
   for _, line in ipairs(tags) do
      local id, tag = line:match("^(%S+) (.+)$")
      requests[#requests + 1] = wrk.format("GET", "/api/v1/posts/" .. id, { ["DNT"] = "1", ["If-None-Match"] = tag })
   end
   return function() return any(requests) end
end

-- New posts by authors in turn. With a seed each title differs from all others; it has as many characters as the place.
local function writing(tokens, seed)
   local authors = {}
   for _, token in ipairs(tokens) do
      local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
      local content = ("Nothing acknowledged is ever lost. "):rep(7)
      local before, after = cut("POST", "/api/v1/posts", headers, '{"title":"' .. PLACE .. '","content":"' .. content .. '"}')
      authors[#authors + 1] = { before, after }
   end
   local count = 0
   return function()
      count = count + 1
      local author = authors[count % #authors + 1]
      local title = seed and ("%s %02d %08d"):format(seed, number, count) or "The same title again"
      return author[1] .. title .. author[2]
   end
end

local works = {
   ["health"] = function() return constant("/health") end,
   ["id"] = function(folder) return reading("/api/v1/posts/", lines(folder, "ids"), { ["DNT"] = "1" }) end,
   ["few"] = function(folder) return reading("/api/v1/posts/", lines(folder, "few"), { ["DNT"] = "1" }) end,
   ["counted"] = function(folder) return reading("/api/v1/posts/", lines(folder, "ids"), {}) end,
   ["slug"] = function(folder) return reading("/api/v1/posts/by-slug/", lines(folder, "slugs"), { ["DNT"] = "1" }) end,
   ["list"] = function() return constant("/api/v1/posts") end,
   ["views"] = function() return constant("/api/v1/posts?sort=views") end,
   ["unchanged"] = function(folder) return matching(lines(folder, "tags")) end,
   ["command"] = function(folder, seed) return writing(lines(folder, "tokens"), seed) end,
   ["same title"] = function(folder) return writing(lines(folder, "tokens")) end,
   -- 90 % reads that are not counted, 8 % reads that are, 2 % new posts.
   ["mix"] = function(folder, seed)
      local ids = lines(folder, "ids")
      local read = reading("/api/v1/posts/", ids, { ["DNT"] = "1" })
      local view = reading("/api/v1/posts/", ids, {})
      local write = writing(lines(folder, "tokens"), seed)
      return function()
         local draw = math.random(100)
         return draw <= 90 and read() or draw <= 98 and view() or write()
      end
   end,
}

function init(args)
   local work, folder, seed = args[1], args[2], args[3]
   math.randomseed(tonumber(seed, 16) + number)
   request = works[work](folder, seed)
end

function done(summary, latency)
   local errors = summary.errors
   io.write(("{\"rate\": %f, \"requests\": %d, \"bytes\": %d, \"p50\": %f, \"p99\": %f, \"refused\": %d, \"lost\": %d}\n"):format(
      summary.requests / summary.duration * 1e6, summary.requests, summary.bytes, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
