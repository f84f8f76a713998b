import type { Activity, ActivityPlan, ActivityQuestion, EventTypeOrAny, Period, RawRow } from "@millrace/core"
import { Effect, type Semaphore } from "effect"
import type { Connection } from "../client.ts"
import type { DriverFailure } from "../errors.ts"
import type { EventTypeSets } from "./EventTypeSets.ts"
import type { OnePerKey } from "./onePerKey.ts"
import type { ProjectSets } from "./ProjectSets.ts"
import { readAliases, readBounds, readFirst, readPeriods, readUsers } from "./readSets.ts"
import type { SetStore } from "./SetStore.ts"

export interface SetReader<E> {
  readonly store: SetStore
  /** Held from before a page is added to the store until its commit: outside, a snapshot and the store agree. */
  readonly gate: Semaphore.Semaphore
  /** One at a time of a project: its next question may find what it needs. */
  readonly reading: OnePerKey
  /** One answer in each turn of the event loop: whatever else waits for it, a load's next step above all, has its own. */
  readonly turns: Semaphore.Semaphore
  /** Lends a connection. */
  readonly ask: <A>(use: (reader: Connection) => Effect.Effect<A, DriverFailure>) => Effect.Effect<A, E>
}

/** More word operations than this would keep the process from everything else for too long: about half a second. */
const WORDS_MAX = 400_000_000
const USERS_PER_WORD = 32

/** Bounds, those of the plan, sets; what a plan lacks may have grown meanwhile. */
const READS_MAX = 5

/** The raw rows of a question; undefined where sets do not suffice or would take too much memory or time. */
export const answerFromSets = Effect.fnUntraced(function* <E>(
  tools: SetReader<E>,
  project_id: string,
  question: ActivityQuestion
): Effect.fn.Return<ReadonlyArray<RawRow> | undefined, E> {
  const { store } = tools
  const inTurn = tools.turns.withPermit(
    Effect.andThen(
      Effect.yieldNow,
      Effect.sync(() => answerNow(store, project_id, question))
    )
  )
  const now = yield* inTurn
  if (now._tag !== "Lack") return now.rows
  return yield* tools.reading(project_id)(
    Effect.gen(function* () {
      for (let reads = 0; reads < READS_MAX; reads++) {
        const answer = yield* inTurn
        if (answer._tag !== "Lack") return answer.rows
        yield* read(tools, project_id, answer.lack)
      }
      return undefined
    })
  )
})

/** What has to be read first. */
interface Lack {
  readonly bounds: ReadonlyArray<EventTypeOrAny>
  readonly periods: ReadonlyArray<{ readonly eventType: EventTypeOrAny; readonly periods: ReadonlyArray<Period> }>
  readonly firsts: ReadonlyArray<EventTypeOrAny>
}

type Now =
  | { readonly _tag: "Rows"; readonly rows: ReadonlyArray<RawRow> }
  | { readonly _tag: "Lack"; readonly lack: Lack }
  | { readonly _tag: "TooMuch"; readonly rows: undefined }

/** In one go, so that no page comes in between. */
export const answerNow = (store: SetStore, project_id: string, question: ActivityQuestion): Now => {
  if (!store.holds(project_id)) return { _tag: "Lack", lack: { bounds: question.eventTypes, periods: [], firsts: [] } }
  const project = store.project(project_id)
  const bounds = question.eventTypes.filter((eventType) => project.setsFor(eventType).bounds === undefined)
  if (!project.known || bounds.length > 0) return { _tag: "Lack", lack: { bounds, periods: [], firsts: [] } }
  const plan = question.plan((eventType) => project.setsFor(eventType).bounds?.latest)
  if (plan === undefined || !store.fits(project, plan)) return { _tag: "TooMuch", rows: undefined }
  if ((plan.passes * project.users) / USERS_PER_WORD > WORDS_MAX) return { _tag: "TooMuch", rows: undefined }
  const lack = lackOf(project, plan)
  if (lack !== undefined) return { _tag: "Lack", lack }
  store.trim(project, plan)
  return { _tag: "Rows", rows: plan.rows(activityOf(project)) }
}

const lackOf = (project: ProjectSets, plan: ActivityPlan): Lack | undefined => {
  const bounds = plan.periods
    .map(({ eventType }) => eventType)
    .filter((eventType) => project.setsFor(eventType).bounds === undefined)
  if (bounds.length > 0) return { bounds, periods: [], firsts: [] }
  const periods = plan.periods
    .map(({ eventType, periods: wanted }) => ({
      eventType,
      periods: wanted.filter((period) => project.setsFor(eventType).users(period) === undefined)
    }))
    .filter(({ periods: missing }) => missing.length > 0)
  const firsts = plan.firsts.filter((eventType) => project.setsFor(eventType).first === undefined)
  return periods.length === 0 && firsts.length === 0 ? undefined : { bounds: [], periods, firsts }
}

const activityOf = (project: ProjectSets): Activity => ({
  users: project.users,
  active: (eventType, period) => project.setsFor(eventType).users(period)!,
  first: (eventType) => project.setsFor(eventType).first!.quarterHours(project.users)
})

/** Reads what lacks at one snapshot, then adds what pages have added since. */
const read = <E>(tools: SetReader<E>, project_id: string, lack: Lack): Effect.Effect<void, E> =>
  tools.ask((reader) =>
    Effect.gen(function* () {
      const { store } = tools
      const taken = yield* tools.gate.withPermit(
        Effect.map(snapshot(reader), () => {
          const project = store.project(project_id)
          return { project, missed: project.follow() }
        })
      )
      const { missed, project } = taken
      const found = yield* readLack(reader, project, project_id, lack).pipe(
        Effect.ensuring(Effect.sync(() => project.settle(missed)))
      )
      if (!store.holds(project_id, project)) return
      found()
      for (const addition of missed) project.apply(addition)
    }).pipe(Effect.ensuring(Effect.ignore(reader.rows("ROLLBACK"))))
  )

/** A transaction's snapshot is that of its first look at a table. */
export const snapshot = (reader: Connection) =>
  Effect.andThen(reader.rows("BEGIN TRANSACTION"), reader.rows("SELECT trusted FROM activity_state"))

/** Reads all, then returns what takes it over in one go. */
const readLack = Effect.fnUntraced(function* (
  reader: Connection,
  project: ProjectSets,
  project_id: string,
  lack: Lack
) {
  const users = yield* readUsers(reader, project_id)
  const aliases = project.known ? [] : yield* readAliases(reader, project_id)
  const found: Array<() => void> = []
  const take = (eventType: EventTypeOrAny, into: (sets: EventTypeSets) => void) =>
    found.push(() => into(project.setsFor(eventType)))
  for (const eventType of lack.bounds) {
    const bounds = yield* readBounds(reader, { project_id, eventType })
    take(eventType, (sets) => (sets.bounds = bounds))
  }
  for (const { eventType, periods } of lack.periods) {
    const sets = yield* readPeriods(reader, { project_id, eventType }, periods, users)
    take(eventType, (kept) =>
      sets.forEach((set, index) => {
        project.aliases.resolve(set)
        kept.keep(periods[index]!, set)
      })
    )
  }
  for (const eventType of lack.firsts) {
    const first = yield* readFirst(reader, { project_id, eventType }, users)
    take(eventType, (sets) => {
      project.aliases.resolveFirst(first)
      sets.first = first
    })
  }
  return () => {
    if (!project.known) for (const alias of aliases) project.aliases.add(alias)
    project.known = true
    project.users = Math.max(project.users, users)
    for (const takeOver of found) takeOver()
  }
})
