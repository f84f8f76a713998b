import { runsOf } from "@millrace/testing"
import * as fc from "fast-check"
import { rmSync } from "node:fs"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type ServerProcess, startProcess } from "./support/child.ts"
import { type Attempt, planOf, validAttempt } from "./support/fuzz/Attempt.ts"
import { breakRequest, type Breaker, type Pick } from "./support/fuzz/breakRequest.ts"
import { type OpenApiDocument, type Operation, operationsOf } from "./support/fuzz/Document.ts"
import { type Judge, makeJudge } from "./support/fuzz/judgeAnswer.ts"
import { encodeRequest, Wire, type WireAnswer } from "./support/fuzz/Wire.ts"
import { temporaryDirectory } from "./support/server.ts"

const SEED = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const REQUESTS = runsOf({ short: 2_000, whole: 20_000 }, "MILLRACE_FUZZ_REQUESTS")
/** Of the requests that an operation gets where it takes nothing: its answers are always the same. */
const SHARE_OF_PLAIN = 1 / 10
/** And where a password is checked, which takes as long as a hundred other requests. */
const SHARE_OF_LOGINS = 1 / 4
const IS_VALID = [true, false, false, false, false, false]
const CONNECTIONS = 6
const SHOWN_FAULTS = 20

const keys = { admin: "fuzz-admin-key-0123456", read: "fuzz-read-key-0123456", write: "fuzz-write-key-0123456" }
const KEYS = Object.entries(keys)
  .map(([scope, key]) => `shop:${scope}:${key}`)
  .join()

const directory = temporaryDirectory()
let server: ServerProcess
let document: OpenApiDocument
let judge: Judge
beforeAll(async () => {
  console.log(`fuzz: MILLRACE_SEED=${SEED}`)
  server = await startProcess(directory, { MILLRACE_KEYS: KEYS })
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiDocument
  judge = makeJudge(document)
})
afterAll(async () => {
  await server.end("SIGKILL")
  rmSync(directory, { recursive: true, force: true })
})

/** The attempts at one operation: the same for the same seed. */
const attemptsAt = (operation: Operation, count: number, seed: number): ReadonlyArray<Attempt> => {
  const breaker: Breaker = { document, matches: judge.matches, keys }
  const numbers = fc.infiniteStream(fc.noBias(fc.nat()))
  const attempts = fc.tuple(planOf(document, operation, keys.admin), numbers).map(([plan, chosen]) => {
    const pick: Pick = (list) => list[chosen.next().value % list.length]!
    return pick(IS_VALID) ? validAttempt(plan) : breakRequest(plan, pick, breaker)
  })
  return fc.sample(attempts, { numRuns: count, seed })
}

const takesNothing = ({ jsonBody, parameters = [] }: Operation) => jsonBody === undefined && parameters.length === 0

const allAttempts = (operations: ReadonlyArray<Operation>): ReadonlyArray<Attempt> => {
  const weights = operations.map((operation) =>
    takesNothing(operation) ? SHARE_OF_PLAIN : operation.path === "/auth/login" ? SHARE_OF_LOGINS : 1
  )
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return operations.flatMap((operation, at) =>
    attemptsAt(operation, Math.ceil((REQUESTS * weights[at]!) / total), SEED + at)
  )
}

interface Outcome {
  readonly attempt: Attempt
  readonly answer: WireAnswer
  readonly fault: string | undefined
}

/** A prime: neighbours in the list are attempts at one operation, and shall not come together. */
const STRIDE = 7_919

/** Everything, through a few connections at once. */
const sendAll = async (attempts: ReadonlyArray<Attempt>): Promise<ReadonlyArray<Outcome>> => {
  const outcomes: Array<Outcome> = []
  const client = async (first: number) => {
    const wire = new Wire(Number(new URL(server.url).port))
    for (let at = first; at < attempts.length; at += CONNECTIONS) {
      const attempt = attempts[(at * STRIDE) % attempts.length]!
      const answer = await wire.send(attempt.request)
      outcomes.push({ attempt, answer, fault: judge.fault(attempt, answer) })
    }
    wire.close()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, first) => client(first)))
  return outcomes
}

const MISUNDERSTOOD = new Set([400, 405, 413, 415, 422, 431])

/** Where parameters depend on each other, which a document cannot say, most requests by chance are refused: of those that are not, this many are enough. */
const UNDERSTOOD_SHARE = 1 / 4
/** So few of so many that chance does not explain it: three standard deviations below the share. */
const fewestUnderstood = (count: number) =>
  count * UNDERSTOOD_SHARE - 3 * Math.sqrt(count * UNDERSTOOD_SHARE * (1 - UNDERSTOOD_SHARE))

/** Operations that refuse too much of what the document calls valid: there rules were broken in requests that are refused for something else. */
const misunderstanding = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<string> => {
  const valid = outcomes.filter(({ attempt }) => attempt.rule === "valid")
  return [...Map.groupBy(valid, ({ attempt }) => attempt.operation.name)]
    .filter(
      ([, of]) => of.filter(({ answer }) => !MISUNDERSTOOD.has(answer.status)).length < fewestUnderstood(of.length)
    )
    .map(
      ([name, of]) => `${name}: ${of.find(({ answer }) => MISUNDERSTOOD.has(answer.status))?.answer.body.toString()}`
    )
}

const show = ({ attempt: { operation, request, rule }, fault }: Outcome) =>
  `${operation.name}, ${rule}: ${fault}\n  ${JSON.stringify(encodeRequest(request).toString("latin1").slice(0, 600))}`

const countBy = <A>(items: ReadonlyArray<A>, key: (item: A) => string | number): string => {
  const groups = Map.groupBy(items, key)
  return [...groups].map(([name, members]) => `${name}: ${members.length}`).join(", ")
}

it(`${REQUESTS} requests by the served document, valid or with one rule broken: no 5xx, every status documented, every body as its schema says`, async () => {
  const operations = operationsOf(document)
  const attempts = allAttempts(operations)
  expect(attempts.length).toBeGreaterThanOrEqual(REQUESTS)
  const outcomes = await sendAll(attempts)
  expect(outcomes).toHaveLength(attempts.length)
  console.log(`fuzz: ${outcomes.length} requests; statuses: ${countBy(outcomes, ({ answer }) => answer.status)}`)
  const faults = outcomes.filter(({ fault }) => fault !== undefined)
  expect(faults.slice(0, SHOWN_FAULTS).map(show).join("\n"), `${faults.length} faults, seed ${SEED}`).toBe("")
  expect(misunderstanding(outcomes)).toEqual([])
}, 600_000)
