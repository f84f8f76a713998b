import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { CliFailure } from "../CliFailure.ts"
import {
  adviceOfFolder,
  checkFolder,
  checkLedger,
  checkRuntime,
  checkServer,
  type Finding,
  renderFindings
} from "../doctor/checks.ts"
import { withTarget } from "../target/withTarget.ts"
import { json, place, type PlaceFlags } from "./flags.ts"

const ledgerOfFolder = (flags: PlaceFlags) =>
  withTarget(flags, { writes: false }, checkLedger).pipe(
    Effect.catch((error) =>
      Effect.succeed<ReadonlyArray<Finding>>([
        {
          name: "ledger",
          ok: false,
          detail: error.message,
          advice: adviceOfFolder(error.message)
        }
      ])
    )
  )

const examine = Effect.fnUntraced(function* (flags: PlaceFlags) {
  const runtime = checkRuntime()
  if (Option.isNone(flags.data)) return [...runtime, ...(yield* checkServer(flags))]
  const folder = yield* Effect.sync(() => checkFolder(Option.getOrThrow(flags.data)))
  const open = folder.findings.every(({ ok }) => ok) && !folder.owned
  return [...runtime, ...folder.findings, ...(open ? yield* ledgerOfFolder(flags) : [])]
})

export const doctor = Command.make("doctor", { json, ...place }, (flags) =>
  Effect.gen(function* () {
    const findings = yield* examine(flags)
    const wrong = findings.filter(({ ok }) => !ok).length
    yield* Console.log(flags.json ? JSON.stringify({ ok: wrong === 0, findings }) : renderFindings(findings).join("\n"))
    if (wrong > 0) return yield* new CliFailure({ message: `${wrong} of ${findings.length} checks failed` })
  })
).pipe(
  Command.withDescription(
    "Check this machine and a server (--url) or a data folder (--data); says what to do about each finding"
  )
)
