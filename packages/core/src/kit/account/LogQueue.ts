import type { EventBatch } from "../../event/EventBatch.ts"
import type { EventQueueError } from "../../port/EventQueue.ts"
import type { QueueMeter } from "../../port/QueueObserver.ts"
import type { Account } from "./Account.ts"
import type { LetterLog } from "./primitives.ts"

/** A queue that is a stream of events, a ledger of what became of them, and a log of dead letters. */
export interface LogQueue extends Account {
  readonly letters: LetterLog
  readonly meter: QueueMeter
  readonly publisher: {
    /** Resolves once the engine has the batch; of several under one id it takes one. */
    readonly send: (batch: EventBatch, options: { readonly replay: boolean; readonly msgID: string }) => Promise<void>
  }
  /** How the engine's own failures are told. */
  readonly errorOf: (operation: EventQueueError["operation"], cause: unknown) => EventQueueError
}
