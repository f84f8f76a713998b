import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { AccountStore } from "@millrace/core"
import { Effect, Option } from "effect"
import { describe, expect, it } from "vitest"
import { Embedded } from "../src/index.ts"
import { SessionFolder } from "../src/accounts/SessionFolder.ts"
import { withDirectory } from "./support.ts"

const ID = "00000000-0000-4000-8000-000000000001"
const ada = { id: ID, email: "ada@shop.example", password: "$first", grants: [] }
const hash = (digit: string) => digit.repeat(64)
const sessionOf = (digit: string, expires_at = Number.MAX_SAFE_INTEGER) => ({
  family: hash(digit),
  hash: hash("1"),
  user_id: ID,
  generation: 0,
  expires_at
})

const over = <A, E>(path: string, body: (store: AccountStore["Service"]) => Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.flatMap(AccountStore, body).pipe(Effect.provide(Embedded.accounts({ path }))))

const inFile = (body: (path: string, sessions: string) => Promise<void>) =>
  withDirectory((directory) => body(join(directory, "users.ndjson"), join(directory, "sessions")))

describe("the user file", () => {
  it("accounts and sessions are for their owner alone; a session is one file however often it is refreshed", () =>
    inFile(async (path, sessions) => {
      await over(path, (store) => Effect.andThen(store.create(ada), store.openSession(sessionOf("a"))))
      for (const token of [1, 2, 3]) {
        await over(path, (store) => store.rotate(hash("a"), hash(String(token)), hash(String(token + 1))))
      }
      expect(readdirSync(sessions)).toEqual([hash("a")])
      expect(readdirSync(join(sessions, hash("a")))).toEqual([hash("4")])
      expect(statSync(join(sessions, hash("a"))).mode & 0o777).toBe(0o700)
      for (const file of [path, join(sessions, hash("a"), hash("4"))]) expect(statSync(file).mode & 0o777).toBe(0o600)
    }))

  it("a damaged line closes the store: it may be the one that disables an account", () =>
    inFile(async (path) => {
      await over(path, (store) => Effect.andThen(store.create(ada), store.setDisabled(ID, true)))
      const text = readFileSync(path, "utf8")
      writeFileSync(path, text.replace('"to":true', '"to":false'))
      await expect(over(path, (store) => store.find(ada.email))).rejects.toMatchObject({
        operation: "open",
        reason: { cause: { message: "line 3 of the user file is damaged" } }
      })
      writeFileSync(path, text + text.slice(0, 20))
      expect(await over(path, (store) => store.find(ada.email))).toMatchObject(Option.some({ disabled: true }))
    }))

  it("what has expired is swept, and what a crash left of a session; nothing else is", () =>
    inFile(async (path, sessions) => {
      await over(path, (store) =>
        Effect.all([
          store.create(ada),
          store.openSession(sessionOf("a", 1_000)),
          store.openSession(sessionOf("b")),
          Effect.sync(() => mkdirSync(join(sessions, ".ended-1"))),
          Effect.sync(() => mkdirSync(join(sessions, ".new-1")))
        ])
      )
      const folder = new SessionFolder(sessions)
      await folder.sweep(Date.now() * 1_000)
      expect(readdirSync(sessions).toSorted()).toEqual([".new-1", hash("b")])
      await folder.sweep((Date.now() + 3_600_000) * 1_000)
      expect(readdirSync(sessions)).toEqual([hash("b")])
    }))
})
