import { type DeadLetterReason, expire, type Lease, lastAlone, settle } from "@millrace/core"
import { Cause, Effect, Exit, Logger } from "effect"
import fc from "fast-check"
import { expect, it } from "vitest"

interface Message {
  readonly id: number
  readonly attempt: number
}
type Outcome =
  | readonly ["acknowledged" | "released"]
  | readonly ["retried" | "postponed", number]
  | readonly ["buried", DeadLetterReason]

const limits = { maxAttempts: 4, backoffMillis: 100 }

/** A queue that notes what becomes of each message. */
const queueOf = (messages: ReadonlyArray<Message>, canBury = true) => {
  const outcomes = new Map(messages.map(({ id }) => [id, new Array<Outcome>()]))
  let isHeld = true
  const note = ({ id }: Message, outcome: Outcome) => Effect.sync(() => void outcomes.get(id)!.push(outcome))
  const all = (outcome: Outcome) => Effect.forEach(messages, (message) => note(message, outcome), { discard: true })
  const lease: Lease<Message, never> = {
    messages,
    end: () => {
      const wasHeld = isHeld
      isHeld = false
      return wasHeld
    },
    acknowledge: all(["acknowledged"]),
    release: all(["released"]),
    retry: (message, delay) => note(message, ["retried", delay]),
    bury: (message, reason) => (canBury ? note(message, ["buried", reason]) : Effect.fail("the letters are full")),
    postpone: (message, delay) => note(message, ["postponed", delay])
  }
  return { lease, outcomes }
}

const messages = fc
  .array(fc.integer({ min: 1, max: limits.maxAttempts + 1 }), { minLength: 1, maxLength: 6 })
  .map((attempts) => attempts.map((attempt, id) => ({ id, attempt })))

const ended = (text: string) => fc.constantFrom(Exit.succeed(undefined), Exit.fail(new Error(text)), Exit.interrupt(1))

const outcomeOf = ({ attempt }: Message, exit: Exit.Exit<undefined, Error>, late: boolean): ReadonlyArray<unknown> => {
  if (Exit.isSuccess(exit)) return [["acknowledged"]]
  if (late) return []
  if (Cause.hasInterruptsOnly(exit.cause)) return [["released"]]
  if (attempt < limits.maxAttempts) return [["retried", expect.any(Number)]]
  const message = (Cause.squash(exit.cause) as Error).message.slice(0, 1_000)
  return [["buried", { stage: "queue", code: "attempts_exhausted", message, attempts: attempt }]]
}

it("settle: each message has one outcome, by how the delivery ended and whether its lease was held", () => {
  fc.assert(
    fc.property(messages, fc.constantFrom("no", "x".repeat(2_000)).chain(ended), fc.boolean(), (of, exit, late) => {
      const { lease, outcomes } = queueOf(of)
      if (late) lease.end()
      Effect.runSync(settle(lease, limits, exit))
      for (const message of of) expect(outcomes.get(message.id)).toEqual(outcomeOf(message, exit, late))
    })
  )
})

it("settle: the backoff doubles up to 30 s, is never below half of that, and the same for all of one attempt", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), (attempt) => {
      const of = [0, 1, 2].map((id) => ({ id, attempt }))
      const { lease, outcomes } = queueOf(of)
      Effect.runSync(settle(lease, { ...limits, maxAttempts: 21 }, Exit.fail("no")))
      const delays = [...outcomes.values()].map(([outcome]) => outcome![1] as number)
      const whole = Math.min(30_000, 100 * 2 ** (attempt - 1))
      expect(delays[0]).toBeGreaterThanOrEqual(whole / 2)
      expect(delays[0]).toBeLessThanOrEqual(whole)
      expect(new Set(delays).size).toBe(1)
    })
  )
})

it("expire: a message goes on at once, or is buried after its last attempt; a lease that was settled does not expire", () => {
  fc.assert(
    fc.property(messages, fc.boolean(), fc.boolean(), (of, isSettled, canBury) => {
      const { lease, outcomes } = queueOf(of, canBury)
      if (isSettled) lease.end()
      Effect.runSync(Effect.provide(expire(lease, limits), Logger.layer([])))
      for (const { attempt, id } of of) {
        const reason = { stage: "queue", code: "lease_expired", message: "no answer in time", attempts: attempt }
        const last = canBury ? ["buried", reason] : ["postponed", 30_000]
        expect(outcomes.get(id)).toEqual(isSettled ? [] : [attempt < limits.maxAttempts ? ["retried", 0] : last])
      }
    })
  )
})

it("lastAlone: a message on its last attempt has no neighbours", () => {
  fc.assert(
    fc.property(messages, (of) => {
      const last = of.find(({ attempt }) => attempt >= limits.maxAttempts)
      expect(lastAlone(of, limits)).toEqual(last === undefined ? of : [last])
    })
  )
})
