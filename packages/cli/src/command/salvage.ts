import { type SalvagedFolder, salvageFolder } from "@millrace/server"
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { CliFailure } from "../CliFailure.ts"
import { grouped } from "../render/table.ts"
import { json } from "./flags.ts"

const from = Flag.String("from").pipe(
  Flag.withDescription("The damaged data folder; it is only read, and no server may have it open"),
  Flag.withMetavar("DIR")
)
const to = Flag.String("to").pipe(
  Flag.withDescription("The data folder to be: absent, or empty"),
  Flag.withMetavar("DIR")
)

const ranges = (lost: ReadonlyArray<readonly [number, number]>) =>
  lost.map(([first, last]) => (first === last ? String(first) : `${first}–${last}`)).join(", ")

const render = ({ copied, left, logs }: SalvagedFolder): ReadonlyArray<string> => [
  ...logs.flatMap(({ letters, lostEvents, name, notes, records }) => [
    `${name}: ${grouped(records.copied)} records and ${grouped(letters.copied)} of its dead letters were copied`,
    ...(records.lost.length > 0 ? [`${name}: lost are the records ${ranges(records.lost)}`] : []),
    ...(letters.lost.length > 0 ? [`${name}: lost of the dead letters are the records ${ranges(letters.lost)}`] : []),
    ...lostEvents.map(([project, events]) => `${name}: lost are ${grouped(events)} events of project ${project}`),
    ...notes.map((note) => `${name}: ${note}`)
  ]),
  ...(copied.length > 0 ? [`copied as they are: ${copied.toSorted().join(", ")}`] : []),
  ...left.map((what) => `not copied: ${what}`)
]

export const salvage = Command.make("salvage", { from, to, json }, (flags) =>
  Effect.gen(function* () {
    const salvaged = yield* salvageFolder(flags.from, flags.to)
    yield* Console.log(flags.json ? JSON.stringify(salvaged) : render(salvaged).join("\n"))
  }).pipe(Effect.mapError(({ message }) => new CliFailure({ message })))
).pipe(Command.withDescription("Copy what can be had of a damaged data folder into a new one, and say what cannot"))
