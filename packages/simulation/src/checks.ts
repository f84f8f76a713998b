import { DeadLetters, eraseUser, KeyStore, ledger, Pipeline } from "@millrace/core"
import { Effect, Option } from "effect"
import type { Journal } from "./Journal.ts"
import { PROJECTS } from "./roles.ts"

/** The ledger tells of everything that the journal knows of, and nothing is missing in it. */
const balanced = Effect.fnUntraced(function* (journal: Journal) {
  for (const project_id of PROJECTS) {
    const { accepted, difference, lost } = yield* ledger(project_id)
    if (difference !== 0) journal.find(`the ledger of ${project_id} is off by ${difference}`)
    if (lost !== 0) journal.find(`the ledger of ${project_id} has lost ${lost}`)
    const due = journal.accepted.get(project_id) ?? 0
    if (accepted < due) journal.find(`the ledger of ${project_id} has accepted ${accepted} events, not ${due}`)
  }
})

/** What holds as soon as it is open. */
export const opened = Effect.fnUntraced(function* (journal: Journal) {
  yield* balanced(journal)
  const keys = yield* KeyStore
  for (const [hash, state] of journal.keys) {
    const isThere = Option.isSome(yield* keys.find(hash))
    if (isThere !== (state === "made")) journal.find(`a key that was ${state} is ${isThere ? "there" : "gone"}`)
  }
})

const LETTERS = 100_000

/** What holds once nothing is under way any more. */
export const settled = Effect.fnUntraced(function* (journal: Journal) {
  yield* (yield* Pipeline).flush
  yield* balanced(journal)
  const letters = yield* (yield* DeadLetters).list({ limit: LETTERS })
  journal.settle(letters.map(({ event }) => event))
})

/** Simulated: what waits for another try is tried by then. */
const SETTLE_MILLIS = 60_000

/** Whoever is left to be erased is erased, and then no byte of them is anywhere. */
export const left = Effect.fnUntraced(function* (journal: Journal) {
  for (const user_id of journal.leaving) {
    journal.erasing.add(user_id)
    for (const project_id of PROJECTS) {
      const receipt = yield* eraseUser({ project_id, user_id }, { settleWithinMillis: SETTLE_MILLIS })
      if (!receipt.complete) journal.find(`the erasure of ${user_id} does not come to an end`)
    }
    journal.erased.add(user_id)
  }
})
