import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { forAdmins } from "./access.ts"
import { BackupAnswer } from "./backups.ts"
import { describe } from "./describe.ts"
import { erasureIncomplete, problemOf } from "./Problem.ts"
import { ErasureReceiptAnswer } from "./receipt.ts"
import { UnderWay, underWayAnswer } from "./UnderWay.ts"

const answerOfJob = HttpApiEndpoint.get("answerOfJob", "/jobs/:id", {
  params: { id: Schema.String.annotate({ description: "As the 202 named it." }) },
  success: [BackupAnswer, ErasureReceiptAnswer, UnderWay],
  error: [problemOf(404), problemOf(409), problemOf(500), erasureIncomplete]
})
  .pipe(forAdmins)
  .annotateMerge(
    describe({
      summary: "The answer of a backup or an erasure",
      description:
        "What the request that began it would have answered, had it waited; 202 while it is under way, after some seconds. " +
        "Kept until 128 others have come, or the server is restarted: then 404.",
      answers: { 202: underWayAnswer, 503: { headers: { "retry-after": "Seconds." } } }
    })
  )

export const jobsGroup = HttpApiGroup.make("jobs").add(answerOfJob)
