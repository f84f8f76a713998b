import { expect, it } from "vitest"
import { ABSENT, absentNats, absentPostgres, failedStart, profileLaws } from "./support/profileLaws.ts"
import { refusalLaws } from "./support/refusalLaws.ts"
import { describeStandard } from "./support/standard.ts"

await describeStandard("queue nats, store postgres", ({ environment }) => {
  profileLaws(environment)
  refusalLaws(environment)
})

it("without a broker the server does not start", async () => {
  expect(await failedStart({ ...absentPostgres, ...absentNats })).toMatch(ABSENT)
})
