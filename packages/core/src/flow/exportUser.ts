import { Effect, Option, Stream } from "effect"
import type { Event } from "../event/Event.ts"
import { parseJson } from "../event/json.ts"
import { formatInstant } from "../event/instant.ts"
import { type DeadLetter, DeadLetters } from "../port/DeadLetters.ts"
import { type HistoryPlace, type Person, type UserName, Warehouse } from "../port/Warehouse.ts"
import { settleWithin } from "./finishErasure.ts"

/** Everything held about a user, as it is handed out: one JSON object a line. */
export type ExportLine =
  | {
      readonly kind: "user"
      readonly project_id: string
      readonly user_id: string
      /** Ids that were merged into it. */
      readonly merged: ReadonlyArray<string>
      /** False while something that was accepted before is not loaded yet, and so not in here. */
      readonly complete: boolean
    }
  | ({ readonly kind: "event" } & ExportedEvent)
  | ({
      readonly kind: "dead_letter"
      readonly reason: DeadLetter["reason"]
      readonly failed_at: string
    } & ExportedEvent)
  | { readonly kind: "end"; readonly events: number; readonly dead_letters: number }

interface ExportedEvent {
  readonly event_id: string
  readonly occurred_at: string
  readonly user_id: string
  readonly event_type: string
  /** As `parseJson` reads it: prints with every digit of its integers. */
  readonly properties: unknown
  readonly received_at: string
  readonly skew_micros: number
}

const PAGE = 500
const SETTLE_WITHIN_MILLIS = 20_000

/**
 * What the warehouse has of the user and of every id merged into the user, and the dead letters, in pages: as much lies in
 * memory as one of them. It fails before the first line, or is cut short: the last line tells that it is whole.
 */
export const exportUser = Effect.fn("exportUser")(function* (
  user: UserName,
  { settleWithinMillis }: { readonly settleWithinMillis: number } = { settleWithinMillis: SETTLE_WITHIN_MILLIS }
) {
  const complete = yield* settleWithin(settleWithinMillis)
  const warehouse = yield* Warehouse
  const deadLetters = yield* DeadLetters
  const person = yield* warehouse.person(user)
  const counts = { events: 0, dead_letters: 0 }
  const events = Stream.tap(historyOf(warehouse, user, person), () => Effect.sync(() => counts.events++))
  const letters = Stream.tap(lettersOf(deadLetters, user, person), () => Effect.sync(() => counts.dead_letters++))
  const first: ExportLine = { kind: "user", ...user, merged: person.user_ids.slice(1), complete }
  const last = Stream.suspend(() => Stream.succeed<ExportLine>({ kind: "end", ...counts }))
  return Stream.succeed<ExportLine>(first).pipe(Stream.concat(events), Stream.concat(letters), Stream.concat(last))
})

const historyOf = (warehouse: Warehouse["Service"], { project_id }: UserName, { user_ids }: Person) =>
  pagesOf((after: HistoryPlace | undefined) =>
    warehouse.history({ project_id, user_ids }, { after, limit: PAGE })
  ).pipe(Stream.map((event): ExportLine => ({ kind: "event", ...present(event) })))

const lettersOf = (deadLetters: DeadLetters["Service"], { project_id }: UserName, { user_ids }: Person) => {
  const theirs = new Set(user_ids)
  return pagesOf((last: DeadLetter | undefined) =>
    deadLetters.list({ project_id, limit: PAGE, ...(last === undefined ? {} : { after: last.id }) })
  ).pipe(
    Stream.filter(({ event }) => theirs.has(event.user_id)),
    Stream.map(({ event, failed_at, reason }): ExportLine => ({
      kind: "dead_letter",
      ...present(event),
      reason,
      failed_at: formatInstant(failed_at)
    }))
  )
}

/** One page after the other, each from the last element of the one before, until one is not full. */
const pagesOf = <A, E>(page: (after: A | undefined) => Effect.Effect<ReadonlyArray<A>, E>): Stream.Stream<A, E> =>
  Stream.paginate(undefined as A | undefined, (after) =>
    Effect.map(page(after), (found) => {
      const last = found.at(-1)
      return [found, found.length < PAGE || last === undefined ? Option.none() : Option.some(last)] as const
    })
  )

const present = ({ project_id: _project, occurred_at, properties, received_at, ...event }: Event): ExportedEvent => ({
  ...event,
  occurred_at: formatInstant(occurred_at),
  received_at: formatInstant(received_at),
  properties: parseJson(properties)
})
