/** Series by their names, in promtool's notation (`start+step x times`, `_` for nothing, `stale` for gone), a sample a minute. */
type Series = Readonly<Record<string, string>>

export interface AlertCase {
  readonly when: string
  readonly series: Series
  readonly atMinute: number
  /** Nothing: it stays silent. */
  readonly fires?: { readonly labels: Readonly<Record<string, string>>; readonly summary: string }
}

const requests = (good: string, bad: string): Series => ({
  'millrace_ingest_requests_total{code="202"}': good,
  'millrace_ingest_requests_total{code="503"}': bad
})

const buckets = (metric: string, labels: string, counts: Readonly<Record<string, string>>): Series =>
  Object.fromEntries(Object.entries(counts).map(([le, values]) => [`${metric}_bucket{${labels},le="${le}"}`, values]))

const requestSeconds = (slow: string) =>
  buckets("http_server_request_duration_seconds", 'route="/events",method="POST"', {
    "1": "0+50x60",
    "2.5": slow,
    "+Inf": slow
  })

const fsyncSeconds = (slow: string) =>
  buckets("millrace_queue_fsync_duration_seconds", 'instance="a"', { "0.25": "0+50x60", "0.5": slow, "+Inf": slow })

const page = { severity: "page" }
const ticket = { severity: "ticket" }

const serviceLevel: Readonly<Record<string, ReadonlyArray<AlertCase>>> = {
  IngestErrorBudgetBurnsFast: [
    {
      when: "one request in fifty fails, for an hour",
      series: requests("0+980x90", "0+20x90"),
      atMinute: 70,
      fires: { labels: page, summary: "Ingest fails at 2%: the month's budget is gone in two days" }
    },
    { when: "one in a hundred fails", series: requests("0+990x90", "0+10x90"), atMinute: 70 },
    {
      when: "they have not failed for ten minutes",
      series: requests("0+950x90", "0+50x60 3000x30"),
      atMinute: 71
    }
  ],
  IngestErrorBudgetBurnsSlowly: [
    {
      when: "eight in a thousand fail, for six hours",
      series: requests("0+992x420", "0+8x420"),
      atMinute: 400,
      fires: { labels: ticket, summary: "Ingest fails at 0.8%: the month's budget is gone in five days" }
    },
    { when: "five in a thousand fail", series: requests("0+995x420", "0+5x420"), atMinute: 400 }
  ],
  IngestSlow: [
    {
      when: "half of the requests take more than a second",
      series: requestSeconds("0+100x60"),
      atMinute: 40,
      fires: { labels: ticket, summary: "One ingest request in a hundred takes 2.47s" }
    },
    { when: "all take less", series: requestSeconds("0+50x60"), atMinute: 40 }
  ]
}

const difference = 'millrace_reconcile_difference_events{project_id="default"}'
const deadLetters = 'millrace_dlq_events_total{reason="StoreRejected"}'

const data: Readonly<Record<string, ReadonlyArray<AlertCase>>> = {
  EventsLost: [
    {
      when: "four hundred are gone",
      series: { millrace_lost_events: "0x5 400x20" },
      atMinute: 10,
      fires: { labels: { ...page, events: "400" }, summary: "400 accepted events are gone" }
    },
    { when: "none is", series: { millrace_lost_events: "0x20" }, atMinute: 10 }
  ],
  LedgerDiffers: [
    {
      when: "two events too many are counted, for minutes",
      series: { [difference]: "0x5 -2+0x20" },
      atMinute: 20,
      fires: { labels: page, summary: "2 events were invented, or have gone unseen" }
    },
    { when: "a look fell between two commits", series: { [difference]: "0x5 3 0x20" }, atMinute: 7 }
  ],
  StatisticsStale: [
    {
      when: "nothing has been loaded for twenty minutes",
      series: { millrace_etl_watermark_timestamp_seconds: "0x60" },
      atMinute: 20,
      fires: { labels: page, summary: "Answers are 20m 0s old" }
    },
    {
      when: "a server that has no warehouse stands still beside one that loads",
      series: {
        'millrace_etl_watermark_timestamp_seconds{instance="a"}': "0x60",
        'millrace_etl_watermark_timestamp_seconds{instance="b"}': "0+60x60"
      },
      atMinute: 20
    }
  ],
  AggregatesDiffer: [
    {
      when: "one answer was another",
      series: { millrace_aggregate_mismatches_total: "0x5 1x20" },
      atMinute: 10,
      fires: { labels: ticket, summary: "Aggregates gave other numbers than the events; answers are right, but slower" }
    },
    { when: "none was", series: { millrace_aggregate_mismatches_total: "0x20" }, atMinute: 10 }
  ],
  QueueNotDrained: [
    {
      when: "an event waits for more than five minutes",
      series: { millrace_queue_oldest_age_seconds: "400x20" },
      atMinute: 10,
      fires: { labels: page, summary: "The oldest event waits for 6m 40s" }
    },
    { when: "none does", series: { millrace_queue_oldest_age_seconds: "200x20" }, atMinute: 10 }
  ],
  DeliveriesRepeat: [
    {
      when: "ten a minute are taken again",
      series: { millrace_queue_redeliveries_total: "0+10x60" },
      atMinute: 40,
      fires: { labels: ticket, summary: "Workers fail and take messages again" }
    },
    { when: "five a minute are", series: { millrace_queue_redeliveries_total: "0+5x60" }, atMinute: 40 }
  ],
  DeadLetters: [
    {
      when: "three events were set aside five minutes ago",
      series: { [deadLetters]: "0x5 3x20" },
      atMinute: 10,
      fires: {
        labels: { ...ticket, reason: "StoreRejected" },
        summary: "3 events were set aside in the last hour: StoreRejected"
      }
    },
    { when: "they were more than an hour ago", series: { [deadLetters]: "0x5 3x100" }, atMinute: 100 }
  ],
  WorkBroken: [
    {
      when: "a load broke three times",
      series: { 'millrace_loop_defects_total{loop="load"}': "0x30 3x60" },
      atMinute: 60,
      fires: { labels: { ...ticket, loop: "load" }, summary: "Background work broke 3 times in the last hour: load" }
    },
    { when: "nothing breaks", series: { 'millrace_loop_defects_total{loop="load"}': "0x90" }, atMinute: 60 }
  ],
  WorkStalled: [
    {
      when: "nothing was drained for a while",
      series: { 'millrace_loop_stalled{loop="drain"}': "0x10 1x30" },
      atMinute: 30,
      fires: { labels: { ...page, loop: "drain" }, summary: "Background work makes no progress: drain" }
    },
    {
      when: "it stood still for a minute",
      series: { 'millrace_loop_stalled{loop="drain"}': "0x10 1 0x30" },
      atMinute: 30
    }
  ],
  LoadHeldBack: [
    {
      when: "a transaction is open for more than five minutes",
      series: { millrace_etl_horizon_age_seconds: "400x20" },
      atMinute: 10,
      fires: {
        labels: ticket,
        summary: "A transaction has been open for 6m 40s: nothing younger is loaded"
      }
    },
    { when: "none is", series: { millrace_etl_horizon_age_seconds: "200x20" }, atMinute: 10 }
  ]
}

const up = (instance: string) => `up{job="worker",instance="${instance}"}`
const free = 'millrace_disk_free_bytes{instance="a"}'
const lag = 'nodejs_eventloop_lag_p99_seconds{instance="a"}'

const processes: Readonly<Record<string, ReadonlyArray<AlertCase>>> = {
  ProcessDown: [
    {
      when: "a process does not answer",
      series: { [up("a")]: "1x5 0x20", [up("b")]: "1x25" },
      atMinute: 10,
      fires: { labels: { ...page, job: "worker", instance: "a" }, summary: "worker a does not answer" }
    },
    {
      when: "the only one of its job has no address any more",
      series: { [up("a")]: "1x5 stale" },
      atMinute: 15,
      fires: { labels: { ...page, job: "worker" }, summary: "worker does not answer" }
    },
    { when: "one of two was taken away", series: { [up("a")]: "1x5 stale", [up("b")]: "1x25" }, atMinute: 15 }
  ],
  DiskFillsUp: [
    {
      when: "it will be full within four hours",
      series: { [free]: "100e9-5e8x120" },
      atMinute: 90,
      fires: { labels: page, summary: "The data folder's disk is full, or will be within four hours" }
    },
    {
      when: "hardly any of it is left",
      series: { [free]: "4e9x30" },
      atMinute: 20,
      fires: { labels: page, summary: "The data folder's disk is full, or will be within four hours" }
    },
    { when: "a history is loaded for half an hour", series: { [free]: "100e9-1e9x30" }, atMinute: 30 }
  ],
  DiskSlow: [
    {
      when: "half of the waits are longer than a quarter of a second",
      series: fsyncSeconds("0+100x60"),
      atMinute: 40,
      fires: { labels: { ...ticket, instance: "a" }, summary: "a waits 495ms for its disk before each 202" }
    },
    { when: "none is", series: fsyncSeconds("0+50x60"), atMinute: 40 }
  ],
  EventLoopBlocked: [
    {
      when: "it runs more than half a second late",
      series: { [lag]: "0.7x30" },
      atMinute: 20,
      fires: { labels: { ...ticket, instance: "a" }, summary: "a runs 700ms late" }
    },
    { when: "it was late for a minute", series: { [lag]: "0x5 3 0x30" }, atMinute: 20 }
  ],
  QuotasUnchecked: [
    {
      when: "the limiter does not answer",
      series: { 'millrace_ratelimit_rejections_total{scope="unavailable"}': "0+1x30" },
      atMinute: 20,
      fires: { labels: ticket, summary: "The rate limiter does not answer" }
    },
    {
      when: "quotas are used up",
      series: {
        'millrace_ratelimit_rejections_total{scope="unavailable"}': "0x30",
        'millrace_ratelimit_rejections_total{scope="key"}': "0+9x30"
      },
      atMinute: 20
    }
  ]
}

/** By the alert's name. */
export const alertCases = { ...serviceLevel, ...data, ...processes }
