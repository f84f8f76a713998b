import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Option } from "effect"
import { type ApiKey, KeyStore, type KeyStoreError } from "@millrace/core"

export interface KeyStoreContractOptions<E> {
  /**
   * A place for keys, empty and new for every test: each layer it makes opens the same place, as another process would.
   * One that holds nothing beyond a process may give one layer.
   */
  readonly place: () => Effect.Effect<() => Layer.Layer<KeyStore, E>>
  /** Whether keys outlive the process; false for a store that forgets. */
  readonly durable: boolean
}

type Open<E> = <A>(body: Effect.Effect<A, KeyStoreError, KeyStore>) => Effect.Effect<A, KeyStoreError | E>
type Law<E> = (title: string, body: (open: Open<E>) => Effect.Effect<void, KeyStoreError | E>) => void

const hashOf = (number: number) => number.toString(16).padStart(64, "0")

const keyOf = (number: number, over: Partial<ApiKey> = {}) => ({
  hash: hashOf(number),
  project_id: "shop",
  scope: "write" as const,
  prefix: `mr_w_${number}`,
  origins: [],
  ...over
})

const service = <A>(use: (store: KeyStore["Service"]) => Effect.Effect<A, KeyStoreError>) =>
  Effect.flatMap(KeyStore, use)

/** The laws of every {@link KeyStore}. */
export const keyStoreContract = <E>(name: string, options: KeyStoreContractOptions<E>) => {
  const law: Law<E> = (title, body) =>
    it.live(title, () =>
      Effect.flatMap(options.place(), (layer) => body((inner) => Effect.provide(inner, layer(), { local: true })))
    )
  describe(`KeyStore contract: ${name}`, () => {
    findLaws(law)
    listLaws(law)
    if (options.durable) placeLaws(law)
  })
}

const findLaws = <E>(law: Law<E>) => {
  law("find: knows a key by its whole hash alone, with all its fields", (open) =>
    open(
      service((store) =>
        Effect.gen(function* () {
          const { hash, ...key } = keyOf(1, { scope: "read", origins: ["https://a.example", "https://b.example:8443"] })
          assert.isTrue(yield* store.create({ hash, ...key }))
          assert.deepStrictEqual(yield* store.find(hash), Option.some(key))
          for (const other of [hashOf(2), "", hash.slice(1), `${hash}0`, "not a hash", hash.replace("1", "'")]) {
            assert.isTrue(Option.isNone(yield* store.find(other)))
          }
        })
      )
    )
  )
  law("create: a hash that is there keeps what it has", (open) =>
    open(
      service((store) =>
        Effect.gen(function* () {
          yield* store.create(keyOf(1))
          assert.isFalse(yield* store.create(keyOf(1, { project_id: "other", scope: "admin" })))
          const found = Option.getOrThrow(yield* store.find(hashOf(1)))
          assert.deepStrictEqual([found.project_id, found.scope], ["shop", "write"])
          yield* store.revoke(hashOf(1))
          assert.isFalse(yield* store.create(keyOf(1)))
          assert.isTrue(Option.isNone(yield* store.find(hashOf(1))))
        })
      )
    )
  )
  law("revoke: no later find sees the key; once, and only that key", (open) =>
    open(
      service((store) =>
        Effect.gen(function* () {
          yield* Effect.forEach([1, 2], (number) => store.create(keyOf(number)))
          assert.isTrue(yield* store.revoke(hashOf(1)))
          assert.isTrue(Option.isNone(yield* store.find(hashOf(1))))
          assert.isTrue(Option.isSome(yield* store.find(hashOf(2))))
          assert.isFalse(yield* store.revoke(hashOf(1)))
          assert.isFalse(yield* store.revoke(hashOf(3)))
        })
      )
    )
  )
  law("create: of many at once with one hash exactly one succeeds", (open) =>
    open(
      service((store) =>
        Effect.gen(function* () {
          const made = yield* Effect.all(
            Array.from({ length: 20 }, () => store.create(keyOf(1))),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(made.filter(Boolean).length, 1)
        })
      )
    )
  )
}

const listLaws = <E>(law: Law<E>) => {
  law("list: every key of the project or of all, oldest first, revoked ones with their time", (open) =>
    open(
      service((store) =>
        Effect.gen(function* () {
          yield* store.create(keyOf(3))
          yield* store.create(keyOf(1, { project_id: "blog", origins: ["https://blog.example"] }))
          yield* store.create(keyOf(2))
          yield* store.revoke(hashOf(3))
          const prefixes = (project_id?: string) =>
            Effect.map(store.list(project_id), (keys) => keys.map((key) => key.prefix).toSorted())
          assert.deepStrictEqual(yield* prefixes(), ["mr_w_1", "mr_w_2", "mr_w_3"])
          assert.deepStrictEqual(yield* prefixes("shop"), ["mr_w_2", "mr_w_3"])
          assert.deepStrictEqual(yield* prefixes("nobody"), [])
          const all = yield* store.list()
          const times = all.map((key) => key.created_at)
          assert.deepStrictEqual(
            times,
            times.toSorted((a, b) => a - b)
          )
          assert.isTrue(times.every((time) => time > 1e15))
          assert.deepStrictEqual(
            all.filter((key) => key.revoked_at !== undefined).map((key) => key.hash),
            [hashOf(3)]
          )
        })
      )
    )
  )
}

const placeLaws = <E>(law: Law<E>) => {
  law("what one has created or revoked another sees, also one that was open before", (open) =>
    open(
      service((first) =>
        open(
          service((second) =>
            Effect.gen(function* () {
              assert.isTrue(Option.isNone(yield* second.find(hashOf(1))))
              yield* first.create(keyOf(1))
              assert.isTrue(Option.isSome(yield* second.find(hashOf(1))))
              yield* second.revoke(hashOf(1))
              assert.isTrue(Option.isNone(yield* first.find(hashOf(1))))
              assert.isFalse(yield* first.create(keyOf(1)))
            })
          )
        ).pipe(Effect.orDie)
      )
    )
  )
  law("keys outlive whoever opened the store", (open) =>
    Effect.gen(function* () {
      yield* open(service((store) => Effect.asVoid(store.create(keyOf(1)))))
      yield* open(service((store) => Effect.andThen(store.create(keyOf(2)), store.revoke(hashOf(1)))))
      yield* open(
        service((store) =>
          Effect.gen(function* () {
            assert.isTrue(Option.isNone(yield* store.find(hashOf(1))))
            assert.isTrue(Option.isSome(yield* store.find(hashOf(2))))
          })
        )
      )
    })
  )
}
