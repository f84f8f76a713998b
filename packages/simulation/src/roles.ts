import { DeadLetters, eraseUser, type Event, EventBatch, EventQueue, KeyStore } from "@millrace/core"
import { idOf } from "@millrace/testing"
import type { Random } from "@millrace/test-services"
import { Clock, Effect } from "effect"
import type { Journal } from "./Journal.ts"
import type { LifePlan } from "./Plan.ts"
import { POISON } from "./services.ts"

/** What the roles of one life share. */
export interface Stage {
  readonly life: LifePlan
  readonly random: Random
  readonly journal: Journal
  /** See {@link Plan}. */
  readonly evenly: boolean
  /** Numbers of events, over all lives. */
  readonly number: () => number
  /** Users of this life and of earlier ones that are erased one day. */
  readonly leaving: ReadonlyArray<string>
}

export const PROJECTS = ["one", "two"] as const

const PADDING = 700
const EVENTS = 4
const DIGITS = 4

const typeOf = ({ life, random }: Stage): string => {
  if (!life.roles.includes("poison") || random.chance(0.8)) return "visit"
  return random.pick(Object.values(POISON))
}

const paddingOf = ({ evenly, random }: Stage): number => {
  if (evenly) return PADDING
  return random.chance(0.05) ? 12 * PADDING : random.between(0, PADDING)
}

const eventsOf = (stage: Stage, received_at: number): ReadonlyArray<Event> => {
  const { journal, random } = stage
  const project_id = random.pick(PROJECTS)
  const staying = stage.leaving.filter((user_id) => !journal.erasing.has(user_id))
  const leaves = staying.length > 0 && random.chance(0.3) ? random.pick(staying) : undefined
  return Array.from({ length: stage.evenly ? 1 : random.between(1, EVENTS) }, (): Event => {
    const number = stage.number()
    // Now and then an id that was sent before.
    const id = random.chance(0.1) ? random.between(1, number) : number
    const padding = "x".repeat(paddingOf(stage))
    return {
      project_id,
      event_id: idOf(id),
      occurred_at: received_at,
      user_id: leaves ?? "stays",
      event_type: typeOf(stage),
      properties: `{"number":${String(number).padEnd(DIGITS)},"padding":"${padding}"}`,
      received_at,
      skew_micros: 0
    }
  })
}

const micros = Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000)

/** Sends batches one after the other, each until it is acknowledged or has failed twice. */
export const client = (stage: Stage) =>
  Effect.gen(function* () {
    const { journal, life } = stage
    const queue = yield* EventQueue
    if (stage.random.chance(0.3)) yield* Effect.sleep(stage.random.between(0, 2_000))
    for (let sent = 0; sent < life.batches; sent++) {
      const events = eventsOf(stage, yield* micros)
      journal.sends(events)
      yield* queue.publish(EventBatch.fromEvents(events)).pipe(
        Effect.tap(() => Effect.sync(() => journal.acknowledges(events))),
        Effect.catch(() => Effect.sleep(stage.random.between(1, 100)))
      )
    }
  })

/** Has dead letters published again, or thrown away. */
export const operator = ({ journal, life, random }: Stage) =>
  Effect.gen(function* () {
    if (!life.roles.includes("operator")) return
    const deadLetters = yield* DeadLetters
    for (let turn = 0; turn < 3; turn++) {
      yield* Effect.sleep(random.between(50, 800))
      const letters = yield* deadLetters.list({ limit: 100 })
      const chosen = letters.filter(() => random.chance(0.5))
      const ids = chosen.map(({ id }) => id)
      const events = chosen.map(({ event }) => event)
      if (random.chance(0.6)) {
        journal.replays(events)
        const replayed = yield* deadLetters.replay(ids)
        // Of fewer, those that were erased meanwhile, nobody says which.
        if (replayed === ids.length) for (const event of events) journal.accepts(event.project_id, 1)
      } else {
        journal.purges(events)
        yield* deadLetters.purge(ids)
      }
    }
  }).pipe(Effect.ignore)

/** Makes keys and takes some of them back. */
export const keyHolder = (stage: Stage) =>
  Effect.gen(function* () {
    const { journal, life, random } = stage
    if (!life.roles.includes("keys")) return
    const keys = yield* KeyStore
    for (let made = 0; made < 4; made++) {
      const hash = stage.number().toString(16).padStart(64, "0")
      yield* keys.create({ hash, project_id: PROJECTS[0], scope: "read", prefix: "mr_", origins: [] })
      journal.keys.set(hash, "made")
      if (random.chance(0.5)) continue
      journal.keys.delete(hash)
      yield* keys.revoke(hash)
      journal.keys.set(hash, "revoked")
    }
  }).pipe(Effect.ignore)

/** Erases a user that leaves, of this life or an early one. */
export const eraser = ({ journal, leaving, life, random }: Stage) =>
  Effect.gen(function* () {
    if (!life.roles.includes("eraser")) return
    yield* Effect.sleep(random.between(0, 1_000))
    const left = leaving.filter((user) => !journal.erased.has(user))
    // Of the first life more may lie on the disk than records, of this one in the process's memory.
    const user_id = random.pick([left[0]!, left.at(-1)!])
    journal.erasing.add(user_id)
    for (const project_id of PROJECTS) {
      const receipt = yield* eraseUser({ project_id, user_id }, { settleWithinMillis: 2_000 })
      if (!receipt.complete) return
    }
    journal.erased.add(user_id)
  }).pipe(Effect.ignore)
