import type { Sender } from "./makeSender.ts"

/** Tells a serverless platform once for each turn in which something was tracked: what this turn tracks goes along. */
export const handOver = (sender: Sender, waitUntil: ((delivery: Promise<unknown>) => void) | undefined) => {
  let isTold = false
  return () => {
    if (!waitUntil || isTold) return
    isTold = true
    const delivery = Promise.resolve().then(() => {
      isTold = false
      return sender._flush()
    })
    waitUntil(delivery)
  }
}
