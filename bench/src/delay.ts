import { setTimeout as sleep } from "node:timers/promises"
import { sendBatch } from "./Load.ts"
import { withMillrace, withServices } from "./standard.ts"
import { printTable, round } from "./table.ts"

interface DelayOptions {
  readonly eventsPerSecond: number
  readonly eventsPerRequest: number
  readonly seconds: number
}

const POLL_MILLIS = 20
const day = (daysAgo: number) => new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10)

/** Events in the answers so far. */
const countedAt = async (port: number): Promise<number> => {
  const answer = await fetch(`http://127.0.0.1:${port}/stats/top-events?from=${day(30)}&to=${day(0)}`)
  const { rows } = (await answer.json()) as { readonly rows: ReadonlyArray<{ readonly events: number }> }
  return rows.reduce((sum, { events }) => sum + events, 0)
}

/** At a steady rate, from each 202 until an answer counts so many events. */
export const benchDelay = (options: DelayOptions): Promise<void> =>
  withServices((services) =>
    withMillrace(services, { workers: 1, owner: true }, async ({ port, portOf }) => {
      const acknowledged: Array<number> = []
      const delays: Array<number> = []
      const sending = new AbortController()
      const watch = async () => {
        while (!sending.signal.aborted || delays.length < acknowledged.length) {
          const counted = (await countedAt(portOf("owner"))) / options.eventsPerRequest
          const now = performance.now()
          while (delays.length < Math.min(Math.floor(counted), acknowledged.length)) {
            delays.push(now - acknowledged[delays.length]!)
          }
          await sleep(POLL_MILLIS)
        }
      }
      const watching = watch()
      const start = performance.now()
      const requests = (options.eventsPerSecond / options.eventsPerRequest) * options.seconds
      for (let sent = 0; sent < requests; sent++) {
        await sleep(
          Math.max(0, start + (sent * options.eventsPerRequest * 1000) / options.eventsPerSecond - performance.now())
        )
        const status = await sendBatch(port, options.eventsPerRequest, sent)
        if (status !== 202) throw new Error(`refused with ${status}`)
        acknowledged.push(performance.now())
      }
      const seconds = (performance.now() - start) / 1000
      sending.abort()
      await watching
      const sorted = delays.toSorted((left, right) => left - right)
      console.log(`delay: 202 → counted in /stats/top-events, asked every ${POLL_MILLIS} ms`)
      printTable([
        {
          events: requests * options.eventsPerRequest,
          "events/s": Math.round((requests * options.eventsPerRequest) / seconds),
          "p50 ms": round(sorted[Math.floor(sorted.length * 0.5)]!, 0),
          "p99 ms": round(sorted[Math.floor(sorted.length * 0.99)]!, 0)
        }
      ])
    })
  )
