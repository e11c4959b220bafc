-- Requests for wrk: POST to a path, one of many bodies each time.
-- Arguments: the path, and a file with one body in each line.

local requests = {}

function init(args)
   local headers = { ["Content-Type"] = "application/json" }
   for body in io.lines(args[2]) do
      requests[#requests + 1] = wrk.format("POST", args[1], headers, body)
   end
end

function request()
   return requests[math.random(#requests)]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      "figures %d %d %d %.1f %.1f\n",
      summary.requests, summary.duration,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50), latency:percentile(99)
   ))
end
