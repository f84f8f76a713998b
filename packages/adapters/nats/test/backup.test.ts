import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type DeadLetterReason, QueueSnapshot } from "@millrace/core"
import { batchOf, idOf } from "@millrace/testing"
import { nats } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Context, Effect, Fiber, Layer, Option } from "effect"
import { afterAll, expect, it } from "vitest"
import { Broker } from "../src/client.ts"
import { resolveOptions } from "../src/config.ts"
import { Nats, type NatsOptions } from "../src/index.ts"
import { consume, FILE_STORE_BYTES, lease, uniqueName, type Queue, queueOf } from "./support.ts"

const REFUSED: DeadLetterReason = { stage: "store", code: "Refused", message: "no", attempts: 1 }
const MILLIS = 60_000

const folders: Array<string> = []
const newFolder = () => {
  const made = mkdtempSync(join(tmpdir(), "millrace-nats-backup-"))
  folders.push(made)
  return made
}
afterAll(() => folders.forEach((made) => rmSync(made, { recursive: true, force: true })))

const open = Effect.fnUntraced(function* (options: NatsOptions) {
  const context = yield* Layer.build(Nats.layer(options))
  return {
    queue: queueOf(context),
    copier: Option.getOrThrow(Context.getOption(context, QueueSnapshot))
  }
})

/** Publishes events `from` to `from + 2` and sets the last of them aside. */
const setLastAside = (queue: Queue, from: number) =>
  queue.publish(batchOf(from, 3)).pipe(
    Effect.andThen(queue.take(lease)),
    Effect.tap(({ batches: [batch] }) => queue.letters.put(batch!.slice(2, 3), REFUSED)),
    Effect.scoped
  )

const lettersOf = (queue: Queue) =>
  Effect.map(queue.letters.list({ limit: 100 }), (letters) => letters.map(({ event }) => event.event_id))

const run = <A, E>(body: Effect.Effect<A, E>) => Effect.runPromise(body)

for (const version of ["2.9", "2.10", "2.15"]) {
  await describeWithService(
    `nats ${version}: backup`,
    nats({ version, maxFileStoreBytes: FILE_STORE_BYTES }),
    (server) => {
      const optionsOf = (name = uniqueName()) => ({ servers: [server().url] as const, name })

      it(
        "restored: counts are those of what the store took over and of what was set aside; letters are in order, come again, and none to come is taken for one of them",
        () =>
          Effect.gen(function* () {
            const { copier, queue } = yield* open(optionsOf())
            for (let from = 1; from <= 298; from += 3) yield* setLastAside(queue, from)
            yield* queue.letters.replay([(yield* queue.letters.list({ limit: 1 }))[0]!.id])
            yield* Effect.promise(() => run(consume(queue)))
            const folder = newFolder()
            yield* copier.hold({ withinMillis: MILLIS })
            yield* copier.copyTo(folder, { default: 201 })
            const letters = yield* lettersOf(queue)

            const there = optionsOf()
            const restorer = Nats.restorer(there)
            yield* restorer.restore(folder, "")
            // Cut short, and begun again.
            expect(yield* restorer.look("")).toBe("empty")
            yield* restorer.restore(folder, "")
            const { queue: again } = yield* open(there)
            expect(yield* again.counts).toMatchObject({
              accepted: { default: 301 },
              deadLettered: { default: 100 },
              replayed: { default: 1 },
              waiting: {}
            })
            expect(yield* lettersOf(again)).toEqual(letters)
            yield* setLastAside(again, 1_000)
            expect(yield* lettersOf(again)).toEqual([...letters, idOf(1_002)])
            expect(yield* again.letters.replay("all")).toBe(100)
            expect(yield* again.counts).toMatchObject({ waiting: { default: 100 }, accepted: { default: 404 } })
            expect(yield* Effect.flip(restorer.look(""))).toMatchObject({ of: "queue", reason: "NotEmpty" })
          }).pipe(Effect.scoped, run),
        MILLIS
      )

      it("a message that was no batch is kept as it is", () =>
        Effect.gen(function* () {
          const options = optionsOf()
          const { copier } = yield* open(options)
          const broker = yield* Effect.promise(() => Broker.connect(resolveOptions(options)))
          const bytes = Uint8Array.of(0, 255, 10, 13, 65)
          yield* Effect.promise(() => broker.publish(`${options.name}.dead.unreadable`, bytes, {}))
          const folder = newFolder()
          yield* copier.copyTo(folder, {})
          const there = optionsOf()
          yield* Nats.restorer(there).restore(folder, "")
          const found = yield* Effect.promise(() => broker.next(`${there.name}-dead-letters`, 1, ">"))
          expect([found?.subject, [...found!.data]]).toEqual([`${there.name}.dead.unreadable`, [...bytes]])
          yield* Effect.promise(() => broker.connection.close())
        }).pipe(Effect.scoped, run))

      it(
        "held: what waits is waited for, what comes later is not, and no letter is on its way back",
        () =>
          Effect.gen(function* () {
            const { copier, queue } = yield* open(optionsOf())
            yield* setLastAside(queue, 1)
            yield* queue.publish(batchOf(10, 3))
            const late = yield* Effect.flip(Effect.scoped(copier.hold({ withinMillis: 100 })))
            expect(late).toMatchObject({ _tag: "SnapshotError", of: "queue", behind: true })
            const replaying = yield* Effect.scoped(
              Effect.gen(function* () {
                const holding = yield* Effect.forkScoped(
                  Effect.scoped(Effect.andThen(copier.hold({ withinMillis: MILLIS }), Effect.void))
                )
                yield* Effect.promise(() => run(consume(queue)))
                yield* Fiber.join(holding)
                yield* copier.hold({ withinMillis: MILLIS })
                yield* queue.publish(batchOf(20, 3))
                const started = yield* Effect.forkDetach(queue.letters.replay("all"))
                yield* copier.copyTo(newFolder(), {})
                expect(yield* Effect.timeoutOption(Fiber.join(started), 300)).toMatchObject({ _tag: "None" })
                expect(yield* queue.counts).toMatchObject({ replayed: {} })
                return started
              })
            )
            expect(yield* Fiber.join(replaying)).toBe(1)
            expect(yield* queue.counts).toMatchObject({ replayed: { default: 1 }, waiting: { default: 4 } })
          }).pipe(Effect.scoped, run),
        MILLIS
      )

      it("what is no such backup is refused, and nothing waits for it", () =>
        Effect.gen(function* () {
          const { copier } = yield* open(optionsOf())
          const folder = newFolder()
          yield* copier.copyTo(folder, {})
          const letters = join(folder, "nats", "letters.ndjson")
          expect(readFileSync(letters, "utf8")).toBe("")
          writeFileSync(letters, "{}\n")
          const refused = yield* Effect.flip(Nats.restorer(optionsOf()).restore(folder, ""))
          expect(refused).toMatchObject({ _tag: "RestoreError", of: "queue", reason: "Failed" })
        }).pipe(Effect.scoped, run))
    }
  )
}
