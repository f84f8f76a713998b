import { Loop, LoopRegistry, Loops, type LoopSettings } from "@millrace/core"
import { Clock, Context, Effect, Layer, Logger } from "effect"
import { HttpServer } from "effect/http"
import { TestClock } from "effect/testing"
import { generateKeyPairSync, randomUUID } from "node:crypto"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, expect, it } from "vitest"
import { server, serverDefaults, type ServerOptions } from "../src/index.ts"
import { event } from "./support/events.ts"
import { reply, temporaryDirectory } from "./support/server.ts"

const directory = temporaryDirectory()
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Loops of which one breaks at the beginning of each run. */
class Planted extends LoopRegistry {
  broken: string | undefined

  override add(settings: LoopSettings): Loop {
    const breaks = () => this.broken === settings.name
    const loop = new (class extends Loop {
      override begins(now: number): void {
        super.begins(now)
        if (breaks()) throw new TypeError("planted")
      }
    })(settings)
    return this.enter(loop)
  }
}

const SIGNING = join(directory, "signing.json")

/** The embedded profile with everything that works in the background turned on. */
const options: ServerOptions = {
  ...serverDefaults,
  port: 0,
  closeGraceMillis: 0,
  directory,
  aggregates: { megabytes: 16, selfCheckSeconds: 600 },
  auth: { ...serverDefaults.auth, keysFile: SIGNING }
}

/** Longer than the rarest of them rests. */
const STEP_MILLIS = 601_000

const BREATH_MILLIS = 20

const NAMES = ["checkpoint", "drain", "ended-sessions", "first-account", "first-key", "key-file", "load", "self-check"]
/** Made to wait until there is something to do, or ended with it. */
const WAITING = ["hot-properties"]

const signingKey = () => {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" })
  return JSON.stringify({ keys: [{ ...jwk, kid: randomUUID(), alg: "EdDSA" }] })
}

it("a defect planted in each loop of a server is said, counted and shown; the loop goes on, and readiness comes back", async () => {
  writeFileSync(SIGNING, signingKey())
  const planted = new Planted()
  const lines: Array<string> = []
  const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
  const body = Effect.gen(function* () {
    yield* TestClock.setTime(Date.UTC(2026, 1, 1))
    const context = yield* Layer.build(server(options, Layer.succeed(Loops, planted)))
    const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
    const get = (path: string) => Effect.promise(async () => reply(await fetch(`${url}${path}`)))
    const post = Effect.promise(() => fetch(`${url}/events`, { method: "POST", body: JSON.stringify([event()]) }))
    const statusOf = (name: string) => planted.status(0).find((loop) => loop.name === name)
    const until = (isSo: (now: number) => boolean) =>
      Effect.gen(function* () {
        while (!isSo(yield* Clock.currentTimeMillis)) {
          yield* post
          yield* TestClock.adjust(STEP_MILLIS)
          // The clock leaps, the disk does not: without a moment of its own a run is late at each look.
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, BREATH_MILLIS)))
        }
      })
    yield* post
    for (const name of NAMES) {
      const before = statusOf(name)!
      planted.broken = name
      yield* until(() => statusOf(name)!.defects >= before.defects + 2)
      expect(lines.some((line) => line.startsWith(`${name} broke, trying again in `))).toBe(true)
      const shown = yield* get("/readyz")
      const found = (shown.body.loops as ReadonlyArray<{ readonly name: string }>).find((loop) => loop.name === name)
      expect(found).toMatchObject({ name, trouble: "defect", error: "TypeError" })
      expect([name, !before.essential || shown.status === 503]).toEqual([name, true])
      const { body: text } = yield* get("/metrics")
      expect(text).toMatch(new RegExp(`^millrace_loop_stalled\\{loop="${name}"\\} 1$`, "mu"))
      expect(text).toMatch(new RegExp(`^millrace_loop_defects_total\\{loop="${name}"\\} [1-9]`, "mu"))
      planted.broken = undefined
      // Of all: a clock in leaps makes a run late that was under way.
      yield* until((now) => planted.status(now).every(({ trouble }) => trouble === undefined))
      expect([name, (yield* get("/readyz")).body.status]).toEqual([name, "ready"])
    }
    expect(planted.status(0).map(({ name }) => name)).toEqual([...NAMES, ...WAITING].toSorted())
  })
  await Effect.runPromise(Effect.scoped(body).pipe(Effect.provide([TestClock.layer(), logger])))
}, 600_000)
