import type { Erased, Erasure } from "@millrace/core"
import { deleteEmpty, erase as eraseFrom, NO_EVENTS, positionIn } from "@millrace/core/account"
import type { QueueLog } from "./QueueLog.ts"

export const erase = async (log: QueueLog, erasure: Erasure): Promise<ReadonlyArray<Erased>> => {
  await log.mending.ready()
  return eraseFrom(log, erasure, () => isClean(log))
}

/** The largest file that a server keeps messages in, and some more. */
const FILLER_BYTES = 9 << 20
const FILLER_MESSAGE_BYTES = 256 << 10
const CLEAN_WITHIN_MILLIS = 2_000
const POLL_MILLIS = 20

/**
 * A message that was acknowledged leaves its bytes in the server's file until the last of that file's messages is gone. So
 * the file is filled up, with messages that every worker throws away, and what waits in it is waited for.
 */
const isClean = async (log: QueueLog): Promise<boolean> => {
  const { state } = await infoOf(log)
  if (state.messages === 0) return true
  const { broker, names } = log
  const messageBytes = Math.min(FILLER_MESSAGE_BYTES, broker.maxPayloadBytes)
  for (let bytes = 0; bytes < FILLER_BYTES; bytes += messageBytes) {
    const { seq } = await broker.publish(names.subjects.nudge, new Uint8Array(messageBytes), {})
    log.manifest.add(positionIn(log, seq), NO_EVENTS)
  }
  const { state: filled } = await infoOf(log)
  const isGone = await waitUntilGone(log, state.last_seq)
  // What no worker has taken yet.
  await deleteEmpty(log, state.last_seq + 1, positionIn(log, filled.last_seq))
  return isGone
}

const infoOf = ({ broker, names }: QueueLog) => broker.call(() => broker.streams.info(names.events))

const waitUntilGone = async (log: QueueLog, position: number): Promise<boolean> => {
  for (let waited = 0; waited < CLEAN_WITHIN_MILLIS; waited += POLL_MILLIS) {
    const { state } = await infoOf(log)
    if (state.messages === 0 || state.first_seq > position) return true
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS))
  }
  return false
}
