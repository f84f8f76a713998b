import { verifyFolder } from "@millrace/server"
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { CliFailure } from "../CliFailure.ts"
import { renderFindings } from "../doctor/checks.ts"
import { requireFolder } from "../target/folder.ts"
import { json } from "./flags.ts"

const data = Flag.String("data").pipe(
  Flag.withDescription("The data folder; no server may have it open"),
  Flag.withMetavar("DIR")
)

const ADVICE = "restore a backup, or copy what can be had with `millrace salvage --from … --to …`"

export const verify = Command.make("verify", { data, json }, (flags) =>
  Effect.gen(function* () {
    yield* requireFolder(flags.data)
    const verdicts = yield* verifyFolder(flags.data)
    const findings = verdicts.map(({ detail, ok, part }) => ({
      name: part,
      ok,
      detail,
      ...(ok ? {} : { advice: ADVICE })
    }))
    const wrong = findings.filter(({ ok }) => !ok).length
    yield* Console.log(flags.json ? JSON.stringify({ ok: wrong === 0, findings }) : renderFindings(findings).join("\n"))
    if (wrong > 0) return yield* new CliFailure({ message: `${wrong} of ${findings.length} parts are not sound` })
  })
).pipe(
  Command.withDescription(
    "Read a whole data folder (log, dead letters, checkpoint, erasures, keys, warehouse) and say what is sound; changes nothing"
  )
)
