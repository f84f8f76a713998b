import { Effect, Metric } from "effect"
import { statfs } from "node:fs/promises"
import { monitorEventLoopDelay } from "node:perf_hooks"

const free = Metric.gauge("millrace_disk_free_bytes", { description: "Free for us where the data folder is." })
const lag = Metric.gauge("nodejs_eventloop_lag_p99_seconds", {
  description: "How late the event loop ran its timers, 99th percentile since the last look."
})
const heap = Metric.gauge("nodejs_heap_used_bytes", { description: "Of V8's heap." })
const resident = Metric.gauge("process_resident_memory_bytes", { description: "Of the whole process." })

/** Started by the first look; one for the process, whatever the number of servers in it. */
let delay: ReturnType<typeof monitorEventLoopDelay> | undefined

const RESOLUTION_MILLIS = 20

const eventLoopLagSeconds = (): number => {
  if (delay === undefined) {
    delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLIS })
    delay.enable()
    return 0
  }
  const seconds = Math.max(0, delay.percentile(99) / 1e9 - RESOLUTION_MILLIS / 1000)
  delay.reset()
  return seconds
}

/** Event loop, memory, and the disk of `directory` where there is one. */
export const readProcess = Effect.fnUntraced(function* (directory: string | undefined) {
  yield* Metric.update(lag, eventLoopLagSeconds())
  const memory = process.memoryUsage()
  yield* Metric.update(heap, memory.heapUsed)
  yield* Metric.update(resident, memory.rss)
  if (directory === undefined) return
  const { bavail, bsize } = yield* Effect.tryPromise(() => statfs(directory))
  yield* Metric.update(free, bavail * bsize)
})
