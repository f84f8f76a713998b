import type { BackupAnswer } from "@millrace/core/wire"
import { BackupOrder } from "@millrace/core/wire"
import { Effect, Result, Schema } from "effect"
import type { HttpServerRequest } from "effect/http"
import { join } from "node:path"
import type { BackupError } from "../backup/BackupError.ts"
import { takeBackup } from "../backup/takeBackup.ts"
import { CurrentCaller } from "../http/Caller.ts"
import { Admission } from "../http/Admission.ts"
import { readJson } from "../http/body.ts"
import { because, refusal, respondJson, retryLater } from "../http/Refusal.ts"

const decodeOrder = Schema.decodeUnknownResult(BackupOrder, { onExcessProperty: "error" })

const RULE = "must be the only member: 1 to 64 letters, digits, _ and -, the first of them a letter or a digit"

/** `POST /backups` */
export const backUp = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const { project } = yield* CurrentCaller
  const order = decodeOrder(yield* readJson(request))
  if (Result.isFailure(order)) {
    const errors = [{ path: "/name", code: "invalid_parameter", message: RULE }]
    return yield* Effect.fail(refusal("invalid_parameter", `name ${RULE}.`, { errors }))
  }
  const { name } = order.success
  const { backupDirectory, directory, jobs } = yield* Admission
  if (backupDirectory === undefined || directory === undefined) return yield* Effect.fail(off)
  const taken = takeBackup({ directory, target: join(backupDirectory, name) })
  const answer = Effect.map(taken, ({ taken_at }) => respondJson({ name, taken_at } satisfies BackupAnswer))
  return yield* jobs.carryThrough(
    project,
    Effect.catch(answer, (error) => failed(name, error))
  )
})

const off = refusal("backups_off", "The operator has configured no folder for backups (MILLRACE_BACKUP_DIR).")
const elsewhere = refusal("backups_off", "These stores have means of their own; millrace does not copy them.")

const behind = retryLater(
  "backup_failed",
  "What was accepted before has not reached the hot store in time: once a worker has caught up, ask again.",
  60
)

const notMade = retryLater("backup_failed", "The server's log says why; nothing of it was left.", 60)

const failed = (name: string, error: BackupError) => {
  if (error.reason === "Unsupported") return Effect.fail(elsewhere)
  if (error.reason === "Behind")
    return Effect.andThen(Effect.logWarning("a backup was not made", error), Effect.fail(because(behind, error)))
  if (error.reason === "TargetInUse") {
    return Effect.fail(refusal("backup_exists", `There is something of the name ${name} in the folder for backups.`))
  }
  return Effect.andThen(Effect.logError("a backup failed", error), Effect.fail(because(notMade, error)))
}
