import type { Effect } from "effect"
import type { CliFailure } from "../CliFailure.ts"
import type { Refused } from "./mapping.ts"

export type RawEvent = Readonly<Record<string, unknown>>

export interface IndexedRefusal extends Refused {
  readonly index: number
}

/** Sink that mapped events go into. */
export interface Sink {
  /** Succeeds once every event that it does not refuse is durable. */
  readonly publish: (raws: ReadonlyArray<RawEvent>) => Effect.Effect<ReadonlyArray<IndexedRefusal>, CliFailure>
  /**
   * A body of raw events in JSON: true once all of them are durable, false with none taken when they have to be
   * judged one by one. Absent where the target has no such way.
   */
  readonly publishPlain?: (body: Uint8Array) => Effect.Effect<boolean, CliFailure>
  /** Once all is published: what the target counted, where it can be told. */
  readonly finish: Effect.Effect<{ readonly stored: number; readonly duplicates: number } | undefined, CliFailure>
}
