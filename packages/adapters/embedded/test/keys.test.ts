import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { KeyStore } from "@millrace/core"
import { Effect, Option } from "effect"
import { describe, expect, it } from "vitest"
import { Embedded } from "../src/index.ts"
import { MARK } from "../src/keys/lines.ts"
import { withDirectory } from "./support.ts"

const hash = (digit: string) => digit.repeat(64)
const key = (digit: string) =>
  ({ hash: hash(digit), project_id: "shop", scope: "write", prefix: `mr_w_${digit}`, origins: [] }) as const

const over = <A, E>(path: string, body: (store: KeyStore["Service"]) => Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.flatMap(KeyStore, body).pipe(Effect.provide(Embedded.keys({ path }))))

const inFile = (body: (path: string) => Promise<void>) =>
  withDirectory((directory) => body(join(directory, "keys", "keys.ndjson")))

describe("the key file", () => {
  it("is for its owner alone, and holds hashes", () =>
    inFile(async (path) => {
      await over(path, (store) => store.create(key("1")))
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(readFileSync(path, "utf8")).toContain(hash("1"))
    }))

  it("a line that a crash cut short is passed over, and what follows it counts", () =>
    inFile(async (path) => {
      await over(path, (store) => store.create(key("1")))
      const whole = readFileSync(path, "utf8")
      for (let length = 1; length < whole.length; length++) {
        writeFileSync(path, whole + whole.slice(0, length).replaceAll("1111", "2222"))
        await over(path, (store) =>
          Effect.gen(function* () {
            expect(Option.isSome(yield* store.find(hash("1")))).toBe(true)
            expect(yield* store.revoke(hash("1"))).toBe(true)
            expect(yield* store.create(key("3"))).toBe(true)
          })
        )
        await over(path, (store) =>
          Effect.gen(function* () {
            expect(Option.isNone(yield* store.find(hash("1")))).toBe(true)
            expect(Option.isSome(yield* store.find(hash("3")))).toBe(true)
            expect((yield* store.list()).length).toBe(2)
          })
        )
      }
    }))

  it("what a power cut left of a line that was never acknowledged is passed over, whatever it is", () =>
    inFile(async (path) => {
      await over(path, (store) => store.create(key("1")))
      const whole = readFileSync(path)
      const remains = ["\0".repeat(80), "\0".repeat(80) + "\n", 'ab\n\n{"hash"}\u0001\n', "00000000 {}\n12"]
      for (const left of remains) {
        writeFileSync(path, Buffer.concat([whole, Buffer.from(left)]))
        await over(path, (store) => Effect.andThen(store.create(key("2")), store.revoke(hash("1"))))
        const known = await over(path, (store) => store.list())
        expect(known.map(({ prefix, revoked_at }) => [prefix, revoked_at !== undefined])).toEqual([
          ["mr_w_1", true],
          ["mr_w_2", false]
        ])
      }
    }))

  it("a damaged line closes the store: it may be the one that revokes a key", () =>
    inFile(async (path) => {
      await over(path, (store) => Effect.andThen(store.create(key("1")), store.revoke(hash("1"))))
      const text = readFileSync(path, "utf8")
      writeFileSync(path, text.replace("revoked_at", "revoked_by"))
      await expect(over(path, (store) => store.find(hash("1")))).rejects.toMatchObject({
        operation: "open",
        reason: { cause: { message: "line 3 of the key file is damaged" } }
      })
      writeFileSync(path, text)
      await over(path, (store) =>
        Effect.gen(function* () {
          appendFileSync(path, `00000000 {}\n${MARK}`)
          expect(yield* Effect.flip(store.find(hash("1")))).toMatchObject({ operation: "find" })
        })
      )
    }))
})
