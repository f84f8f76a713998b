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
const { workerData: { bodies, gzipFromBytes, problem, shared, timeoutMillis, untilMillis, url } } = require("node:worker_threads")
const { gzipSync } = require("node:zlib")
const send = async (body) => {
  const large = body.length >= gzipFromBytes
  const response = await fetch(url, {
    method: "POST",
    body: large ? gzipSync(body) : body,
    headers: { "content-type": "application/json", ...(large && { "content-encoding": "gzip" }) },
    signal: AbortSignal.timeout(Math.max(1, Math.min(timeoutMillis, untilMillis - Date.now())))
  })
  const { detail, rejected } = await response.json().catch(() => ({}))
  if (!Array.isArray(rejected) || ![202, 422].includes(response.status)) {
    const said = detail ? ": " + detail : ", but not as millrace does"
    const isFinal = /^4(?!08|29)/.test(response.status)
    throw Object.assign(new Error("the server answered " + response.status + said), { isFinal })
  }
}
const tell = (cause) => {
  const text = new TextEncoder().encode((cause.cause?.message || cause.message).slice(0, 200))
  problem.fill(0)
  problem.set(text.slice(0, problem.length))
}
const main = async () => {
  let left = bodies.map((_, index) => index)
  while (left.length > 0 && Date.now() < untilMillis) {
    const failed = []
    for (const index of left) {
      await send(bodies[index]).then(
        () => Atomics.store(shared, index + 1, 1),
        (cause) => {
          // The next attempt would hear the same, and the process would end later for nothing.
          if (!cause.isFinal) failed.push(index)
          tell(cause)
        }
      )
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

export interface LastVerdict {
  /** For each body: whether the server gave its verdict. */
  readonly judged: ReadonlyArray<boolean>
  /** What the last failure was; that time was up, where none is known. */
  readonly problem: string
}

const PROBLEM_BYTES = 800

/** Sends while this thread stands still, since at the end of a process nothing asynchronous runs on it any more. */
export const deliverBlocking = ({ bodies, limitMillis, timeoutMillis, url }: LastDelivery): LastVerdict => {
  const shared = new Int32Array(new SharedArrayBuffer(4 * (bodies.length + 1)))
  const problem = new Uint8Array(new SharedArrayBuffer(PROBLEM_BYTES))
  const untilMillis = Date.now() + limitMillis
  const workerData = { url, bodies, gzipFromBytes: GZIP_FROM_BYTES, problem, shared, timeoutMillis, untilMillis }
  const worker = new Worker(WORKER, { eval: true, workerData, execArgv: [], stdout: true, stderr: true })
  worker.unref()
  Atomics.wait(shared, 0, 0, limitMillis)
  return {
    judged: bodies.map((_, index) => Atomics.load(shared, index + 1) === 1),
    // Copied: the decoder takes no shared memory.
    problem:
      new TextDecoder().decode(Uint8Array.from(problem)).replace(/\0+$/u, "") || `no answer within ${limitMillis} ms`
  }
}
