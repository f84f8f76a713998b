// One process that tracks and ends in the way its first argument names. Prints what the test needs, each line JSON.
import { once } from "node:events"
import { writeSync } from "node:fs"
import { createClient } from "../../src/node/index.ts"

const [, , mode = "", host = "", type = "", ...more] = process.argv
const say = (value: unknown) => writeSync(1, `${JSON.stringify(value)}\n`)
const EVENTS = 12
const BURST = 100_000

const problems: Record<string, number> = {}
// Before anything is said: the test answers with the signal. The timer keeps the process until then.
const told = once(process, "SIGUSR2")
const keep = setInterval(() => {}, 1_000)
void told.then(() => clearInterval(keep))
if (!["hung", "exit mid-flush", "wait"].includes(mode)) clearInterval(keep)

const client = createClient({
  host,
  flushMillis: mode === "hung" ? 50 : 60_000,
  retryMillis: 50,
  timeoutMillis: mode === "hung" ? 2_000 : 10_000,
  exitTimeoutMillis: 30_000,
  ...(mode === "hung" ? { maxQueueBytes: 8 * 1024 * 1024 } : {}),
  ...(more[0] === undefined ? {} : { queueFolder: more[0] }),
  onError: ({ code, eventIds }) => {
    problems[code] = (problems[code] ?? 0) + eventIds.length
  }
})
const trackMany = (count: number) =>
  Array.from({ length: count }, (_, n) => client.track(type, { n, text: "twenty characters ..." }))

const settle = async () => {
  while (client.stats().queued > 0) await new Promise((resolve) => setTimeout(resolve, 20))
}

const modes: Record<string, () => unknown> = {
  natural: () => say(trackMany(EVENTS)),
  exit: () => {
    say(trackMany(EVENTS))
    process.exit(3)
  },
  throw: () => {
    say(trackMany(EVENTS))
    throw new Error("nobody catches this")
  },
  wait: () => {
    say(trackMany(EVENTS))
  },
  "exit mid-flush": async () => {
    say(trackMany(EVENTS))
    void client.flush()
    say(trackMany(EVENTS))
    await told
    process.exit(0)
  },
  burst: async () => {
    trackMany(BURST)
    await settle()
    say({ ...client.stats(), problems })
  },
  hung: async () => {
    for (let part = 0; part < 100; part++) {
      trackMany(BURST / 100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    say({ ...client.stats(), problems, heapBytes: process.memoryUsage().heapUsed })
    await told
    await settle()
    say({ ...client.stats(), problems })
    process.exit(0)
  },
  adopt: async () => {
    await client.flush()
    await settle()
    say(client.stats())
  }
}
await modes[mode]!()
