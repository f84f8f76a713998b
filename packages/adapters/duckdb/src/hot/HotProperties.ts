import { superviseLoop, waitForWork } from "@millrace/core"
import { Effect, Queue, type Scope } from "effect"
import type { Connection } from "../client.ts"
import type { DriverFailure } from "../errors.ts"
import { codeOf, columnName, type HotColumn, hotSource, pointersOf } from "./columns.ts"
import { inTransaction } from "../migrate.ts"

/** The properties that have columns of their own, chosen by what is asked. */
export interface HotProperties {
  /** By name, those that every row has: what a question may read. */
  readonly readable: () => ReadonlyMap<string, HotColumn>
  /** Those that a load has to write. */
  readonly written: () => ReadonlyArray<HotColumn>
  /** A question has asked for it. */
  readonly noteUse: (name: string) => void
}

interface HotSettings {
  /** How many at once; 0 for none. */
  readonly hotProperties: number
  /** How many questions make a property hot. */
  readonly hotAfterQuestions: number
}

interface Column extends HotColumn {
  readonly filled: boolean
  /** Still written: a question that is under way may read it. */
  readonly dropped: boolean
}

interface State {
  readonly writer: Connection
  readonly exclusively: Exclusively
  columns: ReadonlyArray<Column>
}

/** One at a time with everything else that writes. */
type Exclusively = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

/**
 * Reads what there is, takes away the columns that nobody reads any more, and tends the rest in the background: a
 * failure there costs speed and nothing else, and is looked at again with the next question.
 */
export const openHotProperties = (
  writer: Connection,
  exclusively: Exclusively,
  settings: HotSettings
): Effect.Effect<HotProperties, DriverFailure, Scope.Scope> =>
  Effect.gen(function* () {
    yield* exclusively(removeDropped(writer))
    const state: State = { writer, exclusively, columns: yield* readColumns(writer) }
    const usage = makeUsage(settings.hotAfterQuestions)
    const wakeUps = yield* Queue.sliding<void>(1)
    const tended = Effect.andThen(waitForWork(Queue.take(wakeUps)), tend(state, usage, settings.hotProperties))
    // What an earlier process left unfinished.
    Queue.offerUnsafe(wakeUps, undefined)
    yield* superviseLoop({ name: "hot-properties" }, Effect.as(tended, 0))
    return {
      readable: () => filledOf(state.columns),
      written: () => state.columns,
      noteUse: (name) => {
        usage.count(name)
        if (!isHot(state, name)) Queue.offerUnsafe(wakeUps, undefined)
      }
    }
  })

const filledOf = (columns: ReadonlyArray<Column>): ReadonlyMap<string, HotColumn> =>
  new Map(columns.filter(({ dropped, filled }) => filled && !dropped).map((column) => [column.name, column]))

/** As the file has them, of one that is only read. */
export const readHotProperties = (reader: Connection): Effect.Effect<HotProperties, DriverFailure> =>
  Effect.map(readColumns(reader), (columns) => ({
    readable: () => filledOf(columns),
    written: () => columns,
    noteUse: () => {}
  }))

const hotOf = ({ columns }: State) => columns.filter(({ dropped }) => !dropped)

const isHot = (state: State, name: string) => hotOf(state).some((column) => column.filled && column.name === name)

const tend = Effect.fnUntraced(function* (state: State, usage: Usage, limit: number) {
  yield* fillAll(state)
  const name = usage.wanted(new Set(hotOf(state).map((column) => column.name)))
  if (name === undefined) return
  yield* makeRoom(state, limit, usage, name)
  if (hotOf(state).length >= limit) return
  yield* add(state, name)
  yield* fillAll(state)
})

const readColumns = (writer: Connection) =>
  Effect.map(
    writer.rows(
      "SELECT position, encode(name) AS name, filled FROM hot_properties WHERE NOT dropped ORDER BY position"
    ),
    (rows) =>
      rows.map((row) => ({
        position: Number(row["position"]),
        name: String(row["name"]),
        filled: row["filled"] === true,
        dropped: false
      }))
  )

/** Not while questions are under way: one may have been written with the column in it. So at the start. */
const removeDropped = Effect.fnUntraced(function* (writer: Connection) {
  for (const row of yield* writer.rows("SELECT position FROM hot_properties WHERE dropped")) {
    const position = Number(row["position"])
    yield* inTransaction(
      writer,
      Effect.gen(function* () {
        yield* writer.rows(`ALTER TABLE events DROP COLUMN ${columnName(position)}`)
        yield* writer.rows("DELETE FROM hot_properties WHERE position = $1", [position])
      })
    )
  }
})

/** Takes the place of the least asked, if the newcomer was asked for twice as often; dropped ones are bounded as well. */
const makeRoom = Effect.fnUntraced(function* (state: State, limit: number, { of }: Usage, name: string) {
  const hot = hotOf(state)
  if (hot.length < limit || state.columns.length >= 2 * limit) return
  const least = hot.reduce((a, b) => (of(b.name) < of(a.name) ? b : a))
  if (of(name) < 2 * of(least.name)) return
  yield* state.exclusively(
    Effect.gen(function* () {
      yield* state.writer.rows("UPDATE hot_properties SET dropped = true WHERE position = $1", [least.position])
      replace(state, least, { ...least, dropped: true })
    })
  )
})

const replace = (state: State, old: Column, changed: Column) => {
  state.columns = state.columns.map((column) => (column === old ? changed : column))
}

const add = (state: State, name: string) =>
  state.exclusively(
    Effect.gen(function* () {
      const [row] = yield* state.writer.rows("SELECT COALESCE(MAX(position), 0) + 1 AS position FROM hot_properties")
      const position = Number(row?.["position"])
      yield* inTransaction(
        state.writer,
        Effect.gen(function* () {
          yield* state.writer.rows(`ALTER TABLE events ADD COLUMN ${columnName(position)} VARCHAR`)
          yield* state.writer.rows("INSERT INTO hot_properties VALUES ($1, $2, false, false)", [position, name])
        })
      )
      state.columns = [...state.columns, { position, name, filled: false, dropped: false }]
    }).pipe(Effect.uninterruptible)
  )

/** So that a load waits for tenths of a second at most. */
const ROWS_PER_STEP = 500_000

const fillAll = Effect.fnUntraced(function* (state: State) {
  for (const column of hotOf(state).filter(({ filled }) => !filled)) {
    while (yield* state.exclusively(fillSome(state.writer, column))) yield* Effect.yieldNow
    yield* state.exclusively(
      state.writer.rows("UPDATE hot_properties SET filled = true WHERE position = $1", [column.position])
    )
    replace(state, column, { ...column, filled: true })
  }
})

/** Whether there may be more. Loads that came after the column write it themselves. */
const fillSome = Effect.fnUntraced(function* (writer: Connection, column: HotColumn) {
  const name = columnName(column.position)
  const source = hotSource(
    `(SELECT rowid AS row, properties FROM events WHERE ${name} IS NULL LIMIT ${ROWS_PER_STEP})`,
    [column],
    1
  )
  const [updated] = yield* writer.rows(
    `UPDATE events SET ${name} = filled.code FROM (SELECT row, ${codeOf(0)} AS code FROM ${source}) AS filled
     WHERE events.rowid = filled.row`,
    pointersOf([column])
  )
  return Number(updated?.["Count"]) > 0
})

/** How often questions have asked for properties since this process began. */
interface Usage {
  readonly count: (name: string) => void
  readonly of: (name: string) => number
  /** The most asked that is not among these; undefined where none was asked often enough. */
  readonly wanted: (hot: ReadonlySet<string>) => string | undefined
}

/** Names are the callers': beyond so many, counting begins anew. */
const NAMES_MAX = 1_000

const makeUsage = (least: number): Usage => {
  const counts = new Map<string, number>()
  const of = (name: string) => counts.get(name) ?? 0
  return {
    of,
    count: (name) => {
      if (counts.size >= NAMES_MAX && !counts.has(name)) counts.clear()
      counts.set(name, of(name) + 1)
    },
    wanted: (hot) => {
      const candidates = [...counts].filter(([name, count]) => count >= least && !hot.has(name))
      return candidates.reduce<readonly [string, number] | undefined>(
        (best, candidate) => (best === undefined || candidate[1] > best[1] ? candidate : best),
        undefined
      )?.[0]
    }
  }
}
