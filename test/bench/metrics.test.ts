import { describe, expect, test } from "@jest/globals";
import { compareMetrics, parseMetrics } from "../../bench/metrics.js";

const scrape = (decodes: number, seconds: number): string => `
# HELP confml_stage_duration_seconds Where a request's time goes.
# TYPE confml_stage_duration_seconds histogram
confml_stage_duration_seconds_bucket{le="0.01",stage="decode"} ${decodes}
confml_stage_duration_seconds_sum{stage="decode"} ${seconds}
confml_stage_duration_seconds_count{stage="decode"} ${decodes}
confml_stage_duration_seconds_sum{stage="queue"} 1
confml_stage_duration_seconds_count{stage="queue"} 5
confml_batch_size_sum ${decodes}
confml_batch_size_count ${decodes / 4}
nodejs_eventloop_lag_p99_seconds 0.0125
process_resident_memory_bytes 1.5e+8
`;

describe("the server's metrics", () => {
  test("give means over the time between two readings", () => {
    const before = parseMetrics(scrape(100, 1));
    const after = parseMetrics(scrape(300, 3.4));
    expect(compareMetrics(before, after)).toEqual({
      // Nothing was in the queue in between, so that nothing is said of it.
      stagesMs: { decode: expect.closeTo(12) },
      meanBatch: 4,
      loopDelayP99Ms: 12.5,
      residentBytes: 1.5e8,
    });
  });

  test("leave out what a server does not measure", () => {
    expect(compareMetrics(new Map(), new Map())).toEqual({ stagesMs: {} });
  });
});
