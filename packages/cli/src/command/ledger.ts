import { Console, Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { CliFailure } from "../CliFailure.ts"
import { grouped, table } from "../render/table.ts"
import { get, type Target } from "../target/Target.ts"
import { withTarget } from "../target/withTarget.ts"
import { json, place } from "./flags.ts"

const LedgerBody = Schema.fromJsonString(
  Schema.Struct({
    accepted: Schema.Int,
    stored: Schema.Int,
    duplicates: Schema.Int,
    dead_lettered: Schema.Int,
    replayed: Schema.Int,
    in_flight: Schema.Int,
    lost: Schema.Int,
    difference: Schema.Int
  })
)
type LedgerBody = typeof LedgerBody.Type

export const readLedger = Effect.fnUntraced(function* (target: Target) {
  return yield* Schema.decodeUnknownEffect(LedgerBody)(yield* get(target, "/ledger")).pipe(
    Effect.mapError(() => new CliFailure({ message: `${target.name} gave a ledger that this version does not know` }))
  )
})

export const renderLedger = (entry: LedgerBody): ReadonlyArray<string> => {
  const rows: ReadonlyArray<readonly [string, number]> = [
    ["accepted", entry.accepted],
    ["  stored", entry.stored],
    ["  duplicates", entry.duplicates],
    ["  dead-lettered", entry.dead_lettered],
    ["  in flight", entry.in_flight],
    ["  lost", entry.lost],
    ["difference", entry.difference]
  ]
  const lines = table(
    [
      { title: "events", align: "left" },
      { title: "", align: "right" }
    ],
    rows.map(([name, count]) => [name, grouped(count)])
  )
  const replayed =
    entry.replayed === 0 ? [] : ["", `${grouped(entry.replayed)} dead letters were replayed and accepted again.`]
  return [...lines, ...replayed]
}

export const ledger = Command.make("ledger", { json, ...place }, (flags) =>
  withTarget(flags, { writes: false }, (target) =>
    Effect.gen(function* () {
      if (flags.json) return yield* Console.log(yield* get(target, "/ledger"))
      yield* Console.log(renderLedger(yield* readLedger(target)).join("\n"))
    })
  )
).pipe(
  Command.withDescription(
    "Where every accepted event is: accepted = stored + duplicates + dead-lettered + in flight + lost"
  )
)
