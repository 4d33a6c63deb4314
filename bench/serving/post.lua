-- Posts one body over and over, compares every answer with the right one, and counts.
-- A client sends again as soon as it has its answer, also after a 503: no crowd is less polite.

local threads = {}

function setup(thread)
   thread:set("number", #threads)
   table.insert(threads, thread)
end

function read(path)
   local file = assert(io.open(path, "rb"))
   local text = file:read("*a")
   file:close()
   return text
end

function init(arguments)
   local folder, pause = arguments[1], tonumber(arguments[2])
   expected = read(folder .. "/expected")
   echoed = read(folder .. "/body")
   -- Without a function `request`, wrk sends these bytes without asking Lua again.
   wrk.method, wrk.body = "POST", echoed
   wrk.headers["Content-Type"] = "application/json"
   good, wrong, refused = 0, 0, 0
   if pause > 0 then
      math.randomseed(number + 1)
      function delay()
         return -pause * math.log(1 - math.random())
      end
   end
end

function response(status, headers, body)
   if status == 200 then
      if body == expected or body == echoed then
         good = good + 1
      else
         wrong = wrong + 1
      end
   elseif status == 503 then
      refused = refused + 1
   else
      wrong = wrong + 1
   end
end

function done(summary, latency, requests)
   local all = {good = 0, wrong = 0, refused = 0}
   for _, thread in ipairs(threads) do
      for name in pairs(all) do
         all[name] = all[name] + thread:get(name)
      end
   end
   io.write(string.format(
      'figures {"good": %d, "wrong": %d, "refused": %d, "seconds": %f, "p50_ms": %f, "p99_ms": %f}\n',
      all.good, all.wrong + summary.errors.timeout, all.refused, summary.duration / 1e6,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
