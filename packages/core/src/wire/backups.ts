import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { forAdmins } from "./access.ts"
import { describe } from "./describe.ts"
import { problemOf } from "./Problem.ts"
import { UnderWay, underWayAnswer } from "./UnderWay.ts"

/** A plain name: no separator, no dot, so it is never a path. */
const BackupName = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/u)).annotate({
  description: "A folder of this name is made in the one that the operator has configured."
})

export const BackupOrder = Schema.Struct({ name: BackupName }).annotate({ identifier: "BackupOrder" })

/** Nothing that tells of other projects: a backup holds all of them. */
export const BackupAnswer = Schema.Struct({
  name: Schema.String,
  taken_at: Schema.String.annotate({
    format: "date-time",
    description: "Every event that was acknowledged before is in it."
  })
}).annotate({ identifier: "Backup" })
export type BackupAnswer = typeof BackupAnswer.Type

const takeBackup = HttpApiEndpoint.post("takeBackup", "/backups", {
  payload: BackupOrder,
  success: [BackupAnswer, UnderWay],
  error: [
    problemOf(400),
    problemOf(408),
    problemOf(409),
    problemOf(413),
    problemOf(415),
    problemOf(422),
    problemOf(500),
    problemOf(503)
  ]
})
  .pipe(forAdmins)
  .annotateMerge(
    describe({
      summary: "Back up everything",
      description:
        "Copies everything, of all projects, into a new folder on the machine of the process that owns the warehouse, while " +
        "events are accepted. " +
        "403 backups_off: the operator has configured no folder for it, or the stores have means of their own. " +
        "200 comes when the copy is durable, 202 before, if that takes long.",
      answers: { 202: underWayAnswer, 503: { headers: { "retry-after": "Seconds." } } }
    })
  )

export const backupsGroup = HttpApiGroup.make("backups").add(takeBackup)
