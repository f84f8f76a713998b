import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, type Layer, Option } from "effect"
import { type NewSession, type AccountRole, AccountStore, type AccountStoreError } from "@millrace/core"

export interface AccountStoreContractOptions<E> {
  /**
   * A place for accounts, empty and new for every test: each layer it makes opens the same place, as another process
   * would. One that holds nothing beyond a process may give one layer.
   */
  readonly place: () => Effect.Effect<() => Layer.Layer<AccountStore, E>>
  /** Whether accounts outlive the process; false for a store that forgets. */
  readonly durable: boolean
}

type Store = AccountStore["Service"]
type Body = (store: Store, other: Store) => Effect.Effect<void, AccountStoreError>
type Law = (title: string, body: Body) => void

const idOf = (number: number) => `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`
const hashOf = (number: number) => number.toString(16).padStart(64, "0")

const ada = {
  id: idOf(1),
  email: "ada@shop.example",
  password: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
  grants: [{ project_id: "shop", role: "viewer" as const }]
}
const bob = { ...ada, id: idOf(2), email: "bob@shop.example", grants: [] }

const HOUR_MICROS = 3_600_000_000

const openSession = (store: Store, number: number, over: Partial<NewSession> = {}) =>
  Effect.flatMap(Clock.currentTimeMillis, (millis) => {
    const expires_at = millis * 1000 + HOUR_MICROS
    const session = { family: hashOf(number), hash: hashOf(1), user_id: ada.id, generation: 0, expires_at }
    return store.openSession({ ...session, ...over })
  })

const isOpen = (store: Store, number: number) => Effect.map(store.session(hashOf(number)), Option.isSome)

/** The laws of every {@link AccountStore}: also with what another process, that was open before, does in between. */
export const accountStoreContract = <E>(name: string, options: AccountStoreContractOptions<E>) => {
  const law: Law = (title, body) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const layer = yield* options.place()
        const opened = <A, E2>(use: (store: Store) => Effect.Effect<A, E2>) =>
          Effect.provide(Effect.flatMap(AccountStore, use), layer(), { local: true })
        yield* options.durable
          ? opened((store) => opened((other) => body(store, other)))
          : opened((store) => body(store, store))
      })
    )
  describe(`AccountStore contract: ${name}`, () => {
    accountLaws(law)
    changeLaws(law)
    sessionLaws(law)
    rotationLaws(law)
    if (options.durable) durableLaw(options.place)
  })
}

const accountLaws = (law: Law) => {
  law("create: the account is found by its address, with all its fields", (store, other) =>
    Effect.gen(function* () {
      assert.isTrue(yield* store.create(ada))
      const { created_at, ...found } = Option.getOrThrow(yield* other.find(ada.email))
      assert.deepStrictEqual(found, { ...ada, disabled: false, generation: 0 })
      assert.isAbove(created_at, 1e15)
      for (const email of ["", "ada", "ada@shop.example'--", "ADA@shop.example", "%@shop.example"]) {
        assert.isTrue(Option.isNone(yield* other.find(email)))
      }
    })
  )
  law("create: an address has one account, which keeps what it has", (store, other) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      assert.isFalse(yield* other.create({ ...bob, email: ada.email }))
      assert.isFalse(yield* other.create({ ...bob, id: ada.id }))
      assert.strictEqual(Option.getOrThrow(yield* store.find(ada.email)).id, ada.id)
      assert.isTrue(Option.isNone(yield* store.find(bob.email)))
    })
  )
  law("create: of many at once with one address exactly one succeeds", (store, other) =>
    Effect.gen(function* () {
      const all = Array.from({ length: 12 }, (_, number) =>
        (number % 2 === 0 ? store : other).create({ ...ada, id: idOf(100 + number) })
      )
      const made = yield* Effect.all(all, { concurrency: "unbounded" })
      assert.strictEqual(made.filter(Boolean).length, 1)
      assert.strictEqual((yield* store.list()).length, 1)
    })
  )
  law("list: every account, or those with a role in the project, oldest first", (store) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      yield* Effect.sleep(2)
      yield* store.create(bob)
      const emails = (project_id?: string) =>
        Effect.map(store.list(project_id), (accounts) => accounts.map(({ email }) => email))
      assert.deepStrictEqual(yield* emails(), [ada.email, bob.email])
      assert.deepStrictEqual(yield* emails("shop"), [ada.email])
      assert.deepStrictEqual(yield* emails("__proto__"), [])
    })
  )
}

const grantsOf = (store: Store) =>
  Effect.map(store.find(ada.email), (found) =>
    Option.getOrThrow(found).grants.map(({ project_id, role }) => `${project_id}:${role}`)
  )

const changeLaws = (law: Law) => {
  law("grant: sets, changes and takes away the role in one project, whatever its name", (store, other) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      const steps: ReadonlyArray<readonly [string, AccountRole | undefined, ReadonlyArray<string>]> = [
        ["__proto__", "viewer", ["__proto__:viewer", "shop:viewer"]],
        ["shop", "admin", ["__proto__:viewer", "shop:admin"]],
        ["blog", undefined, ["__proto__:viewer", "shop:admin"]],
        ["__proto__", undefined, ["shop:admin"]]
      ]
      for (const [project, role, expected] of steps) {
        assert.isTrue(yield* store.grant(ada.id, project, role))
        assert.deepStrictEqual(yield* grantsOf(other), expected)
      }
      assert.isFalse(yield* store.grant(bob.id, "shop", "viewer"))
    })
  )
  law("rehash: replaces the password it was made from, and no later one; sessions go on", (store, other) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      yield* openSession(store, 7)
      assert.isTrue(yield* store.rehash(ada.id, ada.password, "$second"))
      assert.isTrue(yield* isOpen(other, 7))
      assert.isFalse(yield* other.rehash(ada.id, ada.password, "$third"))
      assert.strictEqual(Option.getOrThrow(yield* store.find(ada.email)).password, "$second")
    })
  )
  law("setPassword: ends the account's sessions, and only its", (store, other) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      yield* store.create(bob)
      yield* openSession(store, 7)
      yield* openSession(store, 8, { user_id: bob.id })
      assert.isTrue(yield* other.setPassword(ada.id, "$second"))
      assert.isFalse(yield* isOpen(store, 7))
      assert.isTrue(yield* isOpen(store, 8))
      assert.isFalse(yield* store.setPassword(idOf(3), "$second"))
    })
  )
  law("setDisabled: ends the sessions for good, also when the account is enabled again", (store, other) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      yield* openSession(store, 7)
      assert.isTrue(yield* other.setDisabled(ada.id, true))
      assert.isFalse(yield* store.setDisabled(ada.id, true))
      assert.isFalse(yield* isOpen(store, 7))
      // Opened by a login that checked the password just before.
      yield* openSession(store, 8)
      assert.isTrue(yield* store.setDisabled(ada.id, false))
      assert.isFalse((yield* isOpen(other, 7)) || (yield* isOpen(other, 8)))
      assert.isFalse(yield* store.setDisabled(idOf(3), true))
    })
  )
}

const sessionLaws = (law: Law) => {
  law("session: known by its family until it ends, with the account as it is now", (store, other) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      yield* openSession(store, 7)
      yield* other.grant(ada.id, "blog", "admin")
      const { account } = Option.getOrThrow(yield* store.session(hashOf(7)))
      assert.deepStrictEqual([account.id, account.email, account.grants.length], [ada.id, ada.email, 2])
      for (const family of ["", hashOf(8), "../7", `${hashOf(7)}/`, "__proto__", hashOf(7).slice(1), "'; --"]) {
        assert.isTrue(Option.isNone(yield* store.session(family)))
        assert.strictEqual(yield* store.rotate(family, hashOf(1), hashOf(2)), "ended")
        assert.isFalse(yield* store.endSession(family))
      }
      assert.isTrue(yield* other.endSession(hashOf(7)))
      assert.isFalse(yield* isOpen(store, 7))
      assert.isFalse(yield* store.endSession(hashOf(7)))
    })
  )
  law("session: over at its time, however often it was refreshed", (store) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      const soon = (yield* Clock.currentTimeMillis) * 1000
      yield* openSession(store, 7, { expires_at: soon })
      assert.isFalse(yield* isOpen(store, 7))
      assert.strictEqual(yield* store.rotate(hashOf(7), hashOf(1), hashOf(2)), "ended")
      yield* openSession(store, 8)
      assert.isTrue(yield* isOpen(store, 8))
    })
  )
}

const rotationLaws = (law: Law) => {
  law("rotate: each token is good once; a spent one ends the session for all its tokens", (store, other) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      yield* openSession(store, 7)
      yield* openSession(store, 8)
      const rotate = (on: Store, from: number, to: number) => on.rotate(hashOf(7), hashOf(from), hashOf(to))
      assert.strictEqual(yield* rotate(store, 1, 2), "rotated")
      assert.strictEqual(yield* rotate(other, 2, 3), "rotated")
      assert.isTrue(yield* isOpen(store, 7))
      assert.strictEqual(yield* rotate(other, 1, 4), "reused")
      assert.isFalse(yield* isOpen(store, 7))
      for (const token of [1, 2, 3, 4]) assert.strictEqual(yield* rotate(store, token, 9), "ended")
      assert.isTrue(yield* isOpen(store, 8))
    })
  )
  law("rotate: of many at once with one token at most one goes on, and the session is over", (store, other) =>
    Effect.gen(function* () {
      yield* store.create(ada)
      yield* openSession(store, 7)
      const all = Array.from({ length: 12 }, (_, number) =>
        (number % 2 === 0 ? store : other).rotate(hashOf(7), hashOf(1), hashOf(10 + number))
      )
      const outcomes = yield* Effect.all(all, { concurrency: "unbounded" })
      assert.strictEqual(outcomes.filter((outcome) => outcome === "rotated").length, 1)
      assert.isFalse(yield* isOpen(store, 7))
    })
  )
}

const durableLaw = <E>(place: AccountStoreContractOptions<E>["place"]) =>
  it.live("accounts and sessions outlive whoever opened the store", () =>
    Effect.gen(function* () {
      const layer = yield* place()
      const once = <A, E2>(use: (store: Store) => Effect.Effect<A, E2>) =>
        Effect.provide(Effect.flatMap(AccountStore, use), layer(), { local: true })
      yield* once((store) => Effect.andThen(store.create(ada), openSession(store, 7)))
      yield* once((store) => store.rotate(hashOf(7), hashOf(1), hashOf(2)))
      yield* once((store) => store.grant(ada.id, "blog", "admin"))
      yield* once((store) =>
        Effect.gen(function* () {
          assert.strictEqual(Option.getOrThrow(yield* store.session(hashOf(7))).account.grants.length, 2)
          assert.strictEqual(yield* store.rotate(hashOf(7), hashOf(2), hashOf(3)), "rotated")
        })
      )
    })
  )
