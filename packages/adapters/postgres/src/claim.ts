import type { EventBatch } from "@millrace/core"
import { Effect } from "effect"
import type { Connection } from "./client.ts"
import { dayOf } from "./day.ts"
import { DriverFailure } from "./errors.ts"
import { freshPieces, type Message, messagesOf, multirange, type Piece, type Range, whole } from "./Pieces.ts"

/**
 * What of `batches` no append has consumed yet, in their order. A message whose acknowledgement was lost comes again; its
 * events are then neither stored nor counted a second time. Another append of the same message waits here until this
 * transaction ends.
 */
export const claim = Effect.fnUntraced(function* (connection: Connection, batches: ReadonlyArray<EventBatch>) {
  const messages = messagesOf(batches)
  if (messages.length === 0) return batches.map(whole)
  const claimed = messages.map((message) => freshPieces(message, []))
  const inserted = yield* connection.rows(INSERT, [
    messages.map(({ log }) => log),
    messages.map(({ position }) => position),
    claimed.map(multirange),
    messages.map((message) => dayOf(message.batches[0]!.received_at)),
    messages.map((message) => message.batches[0]!.project_id)
  ])
  const first = new Set(inserted.map(({ ordinal }) => Number(ordinal)))
  const again = messages.filter((_, index) => !first.has(index))
  if (again.length === 0) return inOrder(batches, claimed.flat())
  const rest = yield* claimRest(connection, again)
  return inOrder(batches, [...claimed.filter((_, index) => first.has(index)), ...rest].flat())
})

/** RETURNING shows only the table's own columns, hence the join back to the number of the message. */
const INSERT = {
  name: "claim",
  text: `
    WITH given AS (
      SELECT ordinal - 1 AS ordinal, log, position, consumed::int4multirange, DATE 'epoch' + day AS received_on, project_id
      FROM unnest($1::text[], $2::bigint[], $3::text[], $4::int[], $5::text[])
        WITH ORDINALITY AS t (log, position, consumed, day, project_id, ordinal)
    ), inserted AS (
      INSERT INTO deliveries (log, position, consumed, received_on, project_id)
      SELECT log, position, consumed, received_on, project_id FROM given ORDER BY ordinal
      ON CONFLICT DO NOTHING
      RETURNING log, position
    )
    SELECT ordinal FROM given JOIN inserted USING (log, position)`
}

/** Messages that came before: by a crash before their acknowledgement, or in other parts. */
const claimRest = Effect.fnUntraced(function* (connection: Connection, messages: ReadonlyArray<Message>) {
  const logs = messages.map(({ log }) => log)
  const positions = messages.map(({ position }) => position)
  const locked = yield* connection.rows(LOCK, [logs, positions])
  if (locked.length < messages.length) {
    return yield* Effect.fail(new DriverFailure("a delivery was forgotten while it came again"))
  }
  const consumed = messages.map((): Array<Range> => [])
  for (const { end, ordinal, start } of yield* connection.rows(CONSUMED, [logs, positions])) {
    consumed[Number(ordinal)]!.push([Number(start), Number(end)])
  }
  const claimed = messages.map((message, index) => freshPieces(message, consumed[index]!))
  if (claimed.some((pieces) => pieces.length > 0)) {
    yield* connection.rows(EXTEND, [logs, positions, claimed.map(multirange)])
  }
  return claimed
})

/** The parts of a batch that no append has consumed; another one may be at it. */
export const unstored = Effect.fnUntraced(function* (connection: Connection, batch: EventBatch) {
  const { log, position } = batch.origin ?? {}
  if (log === undefined || position === undefined) return [batch]
  const parts = yield* connection.rows(CONSUMED, [[log], [position]])
  const consumed = parts.map(({ end, start }): Range => [Number(start), Number(end)])
  return freshPieces({ log, position, batches: [batch] }, consumed).map(({ end, start }) => batch.slice(start, end))
})

/** Locks in the order given: the rows are joined and sorted before they are locked. */
const LOCK = {
  name: "lock_deliveries",
  text: `
    SELECT 1 FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS t (log, position, ordinal)
    JOIN deliveries AS known USING (log, position) ORDER BY ordinal FOR UPDATE OF known`
}
/** A statement of its own, since it must see what was committed while the locks were waited for. */
const CONSUMED = {
  name: "consumed",
  text: `
    SELECT ordinal - 1 AS ordinal, lower(part) AS start, upper(part) AS end
    FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS t (log, position, ordinal)
    JOIN deliveries USING (log, position), unnest(consumed) AS part`
}
const EXTEND = {
  name: "extend_deliveries",
  text: `
    UPDATE deliveries AS known SET consumed = known.consumed + t.consumed::int4multirange
    FROM unnest($1::text[], $2::bigint[], $3::text[]) AS t (log, position, consumed)
    WHERE known.log = t.log AND known.position = t.position AND t.consumed <> '{}'`
}

const inOrder = (batches: ReadonlyArray<EventBatch>, claimed: ReadonlyArray<Piece>): ReadonlyArray<Piece> => {
  const ofBatch = Map.groupBy(claimed, ({ batch }) => batch)
  return batches.flatMap((batch) => {
    if (batch.origin === undefined) return [whole(batch)]
    const pieces = ofBatch.get(batch) ?? []
    ofBatch.delete(batch) // the same batch given twice is consumed once
    return pieces
  })
}
