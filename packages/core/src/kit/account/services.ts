import { Effect } from "effect"
import type { ByProject } from "../../event/Event.ts"
import { EventBatch } from "../../event/EventBatch.ts"
import type { EventQueueError, Waiting } from "../../port/EventQueue.ts"
import type { QueueLedger } from "../../port/Ledger.ts"
import { Tally } from "../Tally.ts"
import { idIn } from "./Account.ts"
import type { LogQueue } from "./LogQueue.ts"
import { sequenceOf } from "./Numbering.ts"
import type { Snapshot } from "./snapshot.ts"

type Look = Effect.Effect<Snapshot, EventQueueError>

/** Logs what was noticed in passing. */
export const tellNotes = ({ notes }: Pick<LogQueue, "notes">): Effect.Effect<void> =>
  Effect.suspend(() => Effect.forEach(notes.splice(0), (note) => Effect.logError(note), { discard: true }))

const total = (counts: ByProject) => new Tally(counts).total

/** `EventQueue.waiting`. */
export const waitingOf = (queue: LogQueue, look: Look): Effect.Effect<Waiting, EventQueueError> =>
  Effect.flatMap(look, ({ bytes, oldest, waiting }) =>
    Effect.map(receivedAt(queue, oldest), (oldestReceivedAt) => ({ events: total(waiting), bytes, oldestReceivedAt }))
  )

/** Of the first batch at or after `position`; undefined when there is none. */
const receivedAt = ({ errorOf, events, ledger }: LogQueue, position: number | undefined) =>
  Effect.tryPromise({
    try: async () => {
      if (position === undefined) return undefined
      const sequence = sequenceOf(ledger.state.watch!.numbering, position)
      const message = sequence === undefined ? undefined : await events.next(sequence, undefined)
      return message && EventBatch.fromBytes(message.bytes).received_at
    },
    catch: (cause) => errorOf("depth", cause)
  })

export const ledgerOf = (queue: LogQueue, look: Look): QueueLedger["Service"] => ({
  counts: Effect.map(look, ({ accepted, deadLettered, lost, replayed, inFlight, waiting }) => ({
    accepted,
    deadLettered,
    replayed,
    waiting,
    lost,
    inFlight: { log: idIn(queue), positions: inFlight }
  })),
  lost: Effect.map(look, ({ lost }) => total(lost))
})
