import { Worker } from "node:worker_threads"
import { GZIP_FROM_BYTES } from "./post.ts"

export interface LastDelivery {
  readonly url: string
  readonly bodies: ReadonlyArray<string>
  /** For one request. */
  readonly timeoutMillis: number
  /** For all of them. */
  readonly limitMillis: number
}

/** Text, since it must start wherever the application was bundled to. One body's failure does not hold up the others. */
const WORKER = `
const { workerData: { bodies, gzipFromBytes, shared, timeoutMillis, untilMillis, url } } = require("node:worker_threads")
const { gzipSync } = require("node:zlib")
const send = async (body) => {
  const large = body.length >= gzipFromBytes
  const response = await fetch(url, {
    method: "POST",
    body: large ? gzipSync(body) : body,
    headers: { "content-type": "application/json", ...(large && { "content-encoding": "gzip" }) },
    signal: AbortSignal.timeout(Math.max(1, Math.min(timeoutMillis, untilMillis - Date.now())))
  })
  const { rejected } = await response.json()
  if (!Array.isArray(rejected) || ![202, 422].includes(response.status)) throw new Error("not judged")
}
const main = async () => {
  let left = bodies.map((_, index) => index)
  while (left.length > 0 && Date.now() < untilMillis) {
    const failed = []
    for (const index of left) {
      await send(bodies[index]).then(() => Atomics.store(shared, index + 1, 1), () => failed.push(index))
    }
    left = failed
    if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
const done = () => {
  Atomics.store(shared, 0, 1)
  Atomics.notify(shared, 0)
}
main().then(done, done)
`

/**
 * Sends while this thread stands still, since at the end of a process nothing asynchronous runs on it any more.
 * Returns for each body whether the server gave its verdict.
 */
export const deliverBlocking = ({ bodies, limitMillis, timeoutMillis, url }: LastDelivery): ReadonlyArray<boolean> => {
  const shared = new Int32Array(new SharedArrayBuffer(4 * (bodies.length + 1)))
  const untilMillis = Date.now() + limitMillis
  const workerData = { url, bodies, gzipFromBytes: GZIP_FROM_BYTES, shared, timeoutMillis, untilMillis }
  const worker = new Worker(WORKER, { eval: true, workerData, execArgv: [], stdout: true, stderr: true })
  worker.unref()
  Atomics.wait(shared, 0, 0, limitMillis)
  return bodies.map((_, index) => Atomics.load(shared, index + 1) === 1)
}
