import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert } from "@effect/vitest"
import {
  StoreErasure,
  QueueLedger,
  DeadLetters,
  StoreLedger,
  type Cursor,
  EventQueue,
  EventStore,
  StoreSnapshot
} from "@millrace/core"
import { batchOf, erasureOf } from "@millrace/testing"
import { postgres, type PostgresServer } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Context, Effect, Fiber, Layer, Option } from "effect"
import { afterAll, beforeAll } from "vitest"
import { LEFT_OUT, TABLES } from "../src/backup/tables.ts"
import { Postgres, type PostgresOptions } from "../src/index.ts"
import { connect, lawOn, messageOf, type Place, replayAll } from "./support.ts"

const REFUSED = { stage: "store", code: "Refused", message: "no", attempts: 1 } as const
const BACKUP = "a backup"

const folders: Array<string> = []
const newFolder = () => {
  const made = mkdtempSync(join(tmpdir(), "millrace-postgres-backup-"))
  folders.push(made)
  return made
}
afterAll(() => folders.forEach((made) => rmSync(made, { recursive: true, force: true })))

const openDirect = (url: string, options: Partial<PostgresOptions> = {}) =>
  Layer.build(Postgres.direct({ url, ...options }))

/** Copies what is there; returns the folder, and what the cursor has become. */
const copy = (url: string, cursor: Cursor) =>
  Effect.gen(function* () {
    const copier = Option.getOrThrow(Context.getOption(yield* openDirect(url), StoreSnapshot))
    const folder = newFolder()
    yield* copier.hold({ withinMillis: 1_000 })
    return { folder, cursor: yield* copier.copyTo(folder, cursor) }
  }).pipe(Effect.scoped)

const restore = (folder: string, url: string, backup = BACKUP) => Postgres.restorer({ url }).restore(folder, backup)

const rowsOf = (sql: Place["sql"], table: string) =>
  Effect.map(sql(`SELECT count(*)::int AS rows FROM ${table}`), ([row]) => row?.["rows"])

interface Copied {
  readonly migrations: ReadonlyArray<number>
  readonly tables: ReadonlyArray<{ readonly name: string; readonly columns: ReadonlyArray<string> }>
}

await describeWithService("PostgreSQL: backup", postgres(), (server) => {
  const law = lawOn(server)
  let other: PostgresServer
  beforeAll(async () => {
    other = await postgres().start()
  })
  afterAll(() => other.close())

  law("every table and column is copied, or named as left out", ({ sql }) =>
    Effect.gen(function* () {
      const found = yield* sql(`
        SELECT table_name AS name, json_agg(column_name ORDER BY column_name) AS columns
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = 'millrace' AND table_type = 'BASE TABLE' GROUP BY table_name`)
      assert.deepStrictEqual(
        Object.fromEntries(
          found.filter(({ name }) => !LEFT_OUT.includes(String(name))).map((row) => Object.values(row))
        ),
        Object.fromEntries(TABLES.map(({ columns, name }) => [name, columns.toSorted()]))
      )
      assert.includeMembers(
        found.map(({ name }) => String(name)),
        [...LEFT_OUT]
      )
    })
  )

  law(
    "in another cluster: the same order, what lies behind the cursor and no more, and it goes on from there",
    ({ sql, url }) =>
      Effect.gen(function* () {
        const store = yield* EventStore
        // So far ahead of the other cluster that nothing of it would be replayed there.
        for (let left = 300; left > 0; left--) yield* sql("SELECT pg_current_xact_id()")
        for (let at = 0; at < 20; at++)
          yield* store.append([messageOf(at, at * 10, 10), messageOf(at, at * 10, 5, {}, "twice")])
        const all = yield* replayAll()
        const { cursor: middle } = yield* store.replay({ after: "", limit: 120 })
        const rest = yield* replayAll(1_000, middle)
        const copied = yield* copy(url, middle)
        const target = yield* Effect.promise(() => other.createDatabase())
        yield* restore(copied.folder, target)
        const opened = yield* Layer.build(Postgres.layer({ url: target }))
        const there = Context.get(opened, EventStore)
        const again = Effect.provideService(replayAll(), EventStore, there)
        assert.deepStrictEqual((yield* again).ids, all.ids)
        const behind = Effect.provideService(replayAll(7, copied.cursor), EventStore, there)
        assert.deepStrictEqual((yield* behind).ids, rest.ids)
        assert.deepStrictEqual((yield* behind).duplicates, rest.duplicates)
        assert.deepStrictEqual(
          yield* Context.get(opened, StoreLedger).backlog(copied.cursor),
          yield* (yield* StoreLedger).backlog(middle)
        )
        assert.isAbove(rest.ids.length, 0)
        assert.deepStrictEqual(yield* there.append([batchOf(195, 10)]), { stored: 5, duplicates: 5 })
        assert.deepStrictEqual((yield* behind).ids, [
          ...rest.ids,
          ...batchOf(200, 5).events.map(({ event_id }) => event_id)
        ])
      })
  )

  law("places that no integer holds keep their order", ({ sql, url }) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      const huge = `INSERT INTO segments (xid, last_n, project_id, accepted, stored, bytes, received_at)
        SELECT pg_current_xact_id(), n, 'default', n, 0, 0, 0 FROM (VALUES (2000000000), (2000000001)) AS given (n) WHERE n = $1`
      yield* store.append([batchOf(1, 3)])
      yield* sql(huge, [2_000_000_000])
      yield* store.append([batchOf(4, 3)])
      const middle = (yield* replayAll()).cursor
      yield* sql(huge, [2_000_000_001])
      yield* store.append([batchOf(7, 3)])
      const copied = yield* copy(url, middle)
      const target = yield* Effect.promise(() => other.createDatabase())
      yield* restore(copied.folder, target)
      const there = Context.get(yield* Layer.build(Postgres.layer({ url: target })), EventStore)
      const idsAfter = (cursor: Cursor) =>
        Effect.map(Effect.provideService(replayAll(1, cursor), EventStore, there), ({ ids }) => ids)
      assert.deepStrictEqual(
        yield* idsAfter(""),
        batchOf(1, 9).events.map(({ event_id }) => event_id)
      )
      assert.deepStrictEqual(
        yield* idsAfter(copied.cursor),
        batchOf(7, 3).events.map(({ event_id }) => event_id)
      )
    })
  )

  law("letters, who was erased, and counts are there; numbers go on; nobody's session", ({ sql, url }) =>
    Effect.gen(function* () {
      const here = yield* openDirect(url)
      const [queue, letters] = [Context.get(here, EventQueue), Context.get(here, DeadLetters)]
      yield* queue.publish(batchOf(1, 3))
      for (const at of [50, 51]) yield* letters.put(batchOf(at, 1), REFUSED)
      yield* (yield* StoreErasure).erase(erasureOf("gone-4711"))
      yield* sql("INSERT INTO users VALUES (gen_random_uuid(), 'a@b.c', 'hash', false, 0, 1)")
      yield* sql("INSERT INTO user_sessions SELECT sha256('a'), sha256('b'), id, 0, 9223372036854775807 FROM users")
      const { cursor } = yield* replayAll()
      const copied = yield* copy(url, cursor)
      const target = yield* Effect.promise(() => other.createDatabase())
      yield* restore(copied.folder, target)
      const there = yield* openDirect(target)
      const [lettersThere, storeThere] = [Context.get(there, DeadLetters), Context.get(there, EventStore)]
      assert.deepStrictEqual(
        (yield* Context.get(there, QueueLedger).counts).accepted,
        (yield* Context.get(here, QueueLedger).counts).accepted
      )
      const listed = yield* letters.list({ limit: 9 })
      assert.deepStrictEqual(yield* lettersThere.list({ limit: 9 }), listed)
      yield* lettersThere.put(batchOf(52, 1), REFUSED)
      assert.isAbove(Number((yield* lettersThere.list({ limit: 9 }))[2]?.id), Number(listed[1]?.id))
      yield* storeThere.append([batchOf(60, 2, { user_id: "gone-4711" })])
      const sqlThere = yield* connect(target)
      assert.deepStrictEqual(yield* sqlThere("SELECT count(*)::int AS redacted FROM events WHERE event_type = ''"), [
        { redacted: 2 }
      ])
      assert.deepStrictEqual([yield* rowsOf(sqlThere, "users"), yield* rowsOf(sqlThere, "user_sessions")], [1, 0])
    })
  )

  law(
    "only what is empty is restored into, and known again; of a restore that fails nothing is there",
    ({ sql, url }) =>
      Effect.gen(function* () {
        const store = yield* EventStore
        yield* store.append([batchOf(1, 3)])
        const copied = yield* copy(url, "")
        assert.strictEqual(copied.cursor, "1-0")
        const over = yield* Effect.flip(restore(copied.folder, url))
        assert.deepStrictEqual([over._tag, over.reason], ["RestoreError", "NotEmpty"])
        assert.strictEqual(yield* rowsOf(sql, "events"), 3)

        const target = yield* Effect.promise(() => other.createDatabase())
        const { look } = Postgres.restorer({ url: target })
        const letters = join(copied.folder, "postgres", "user_grants.copy")
        yield* Effect.sync(() => rmSync(letters))
        assert.strictEqual((yield* Effect.flip(restore(copied.folder, target))).reason, "Failed")
        assert.strictEqual(yield* look(BACKUP), "empty")
        const sqlThere = yield* connect(target)
        assert.deepStrictEqual(yield* sqlThere("SELECT FROM pg_namespace WHERE nspname = 'millrace'"), [])

        // A server was started once.
        yield* Effect.scoped(Layer.build(Postgres.layer({ url: target })))
        const whole = yield* copy(url, "")
        yield* restore(whole.folder, target)
        assert.strictEqual(yield* look(BACKUP), "restored")
        assert.strictEqual((yield* Effect.flip(look("another"))).reason, "NotEmpty")
        assert.strictEqual(yield* rowsOf(sqlThere, "millrace.events"), 3)
        assert.match(readFileSync(join(whole.folder, "postgres", "events.copy"), "utf8"), /^1\t1\tdefault\t/u)
      })
  )

  law("a copy by an older program is brought up to date, rows and all; one by a newer is refused", ({ url }) =>
    Effect.gen(function* () {
      const store = yield* EventStore
      yield* store.append([batchOf(1, 3)])
      const { folder } = yield* copy(url, "")
      const file = join(folder, "postgres", "contents.json")
      const contents = JSON.parse(readFileSync(file, "utf8")) as Copied
      const rewrite = (migrations: ReadonlyArray<number>, tables = contents.tables) =>
        writeFileSync(file, JSON.stringify({ ...contents, migrations, tables }))
      // What migration 11 brought is not in it.
      const older = contents.tables
        .filter(({ name }) => name !== "accepted_totals")
        .map((table) => ({ ...table, columns: table.columns.filter((column) => column !== "purged") }))
      rewrite(
        contents.migrations.filter((version) => version < 11),
        older
      )
      const target = yield* Effect.promise(() => other.createDatabase())
      yield* restore(folder, target)
      const sqlThere = yield* connect(target)
      assert.deepStrictEqual(
        (yield* sqlThere("SELECT version FROM migrations ORDER BY version")).map(({ version }) => version),
        [...contents.migrations]
      )
      assert.strictEqual(yield* rowsOf(sqlThere, "events"), 3)
      const [total] = yield* sqlThere("SELECT sum(accepted)::int AS accepted FROM accepted_totals")
      assert.strictEqual(total?.["accepted"], 3)
      rewrite([...contents.migrations, 9_999])
      const empty = yield* Effect.promise(() => other.createDatabase())
      assert.strictEqual((yield* Effect.flip(restore(folder, empty))).reason, "Newer")
    })
  )

  law("no letter is on its way back while it is held", ({ url }) =>
    Effect.gen(function* () {
      const opened = yield* openDirect(url)
      const copier = Option.getOrThrow(Context.getOption(opened, StoreSnapshot))
      const letters = Context.get(opened, DeadLetters)
      yield* letters.put(batchOf(1, 1), REFUSED)
      const replaying = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* copier.hold({ withinMillis: 1_000 })
          const started = yield* Effect.forkDetach(letters.replay("all"))
          yield* copier.copyTo(newFolder(), "")
          assert.strictEqual((yield* letters.list({ limit: 9 })).length, 1)
          assert.strictEqual((yield* replayAll()).ids.length, 0)
          return started
        })
      )
      assert.strictEqual(yield* Fiber.join(replaying), 1)
      assert.strictEqual((yield* replayAll()).ids.length, 1)
    })
  )

  law("nothing is pruned while it is held, and all that may be afterwards", ({ url }) =>
    Effect.gen(function* () {
      const opened = yield* openDirect(url, { retainDays: 0 })
      const copier = Option.getOrThrow(Context.getOption(opened, StoreSnapshot))
      const own = Context.get(opened, EventStore)
      yield* own.append([batchOf(1, 3)])
      const { cursor } = yield* replayAll()
      const held = copier
        .hold({ withinMillis: 1_000 })
        .pipe(Effect.andThen(own.prune({ upTo: cursor })), Effect.andThen(replayAll()), Effect.scoped)
      assert.strictEqual((yield* held).ids.length, 3)
      yield* own.prune({ upTo: cursor })
      assert.strictEqual((yield* replayAll()).ids.length, 0)
    })
  )
})
