import { type ApiKey, KeysUnavailable, KeyStore, KeyStoreError, type StoredApiKey } from "@millrace/core"
import type { Files } from "@millrace/core/node"
import { Clock, Effect, Layer, Option } from "effect"
import { keyForm, type KeyRecord } from "./record.ts"
import { RecordFile } from "./RecordFile.ts"

export interface KeyFileOptions {
  /** Made with its folder by the first key. */
  readonly path: string
  /** This machine's, where they are not given. */
  readonly files?: Files
}

/** API keys in one small file; a server and the commands that change it may have it open at the same time. */
export const keys = ({ files, path }: KeyFileOptions): Layer.Layer<KeyStore, KeyStoreError> =>
  Layer.effect(
    KeyStore,
    Effect.gen(function* () {
      const file = new RecordFile(path, keyForm, files)
      yield* attempt("open", () => file.read())
      return makeKeyStore(file)
    })
  )

const attempt = <A>(operation: KeyStoreError["operation"], body: () => Promise<A>): Effect.Effect<A, KeyStoreError> =>
  Effect.tryPromise({
    try: body,
    catch: (cause) => new KeyStoreError({ operation, reason: new KeysUnavailable({ cause }) })
  })

const nowMicros = Effect.map(Clock.currentTimeMillis, (millis) => millis * 1000)

type KeyFile = RecordFile<ReturnType<typeof keyForm.empty>, KeyRecord>

const makeKeyStore = (file: KeyFile): KeyStore["Service"] =>
  KeyStore.of({
    find: (hash) =>
      Effect.map(
        attempt("find", () => file.read()),
        (found) => usable(found.get(hash))
      ),
    create: (key) =>
      Effect.flatMap(nowMicros, (created_at) =>
        attempt("create", () => file.change((known) => (known.has(key.hash) ? undefined : { ...key, created_at })))
      ),
    list: (project_id) =>
      Effect.map(
        attempt("list", () => file.read()),
        (found) => [...found.values()].filter((key) => project_id === undefined || key.project_id === project_id)
      ),
    revoke: (hash) =>
      Effect.flatMap(nowMicros, (revoked_at) =>
        attempt("revoke", () =>
          file.change((known) => (Option.isSome(usable(known.get(hash))) ? { hash, revoked_at } : undefined))
        )
      )
  })

const usable = (key: StoredApiKey | undefined): Option.Option<ApiKey> => {
  if (key === undefined || key.revoked_at !== undefined) return Option.none()
  const { origins, prefix, project_id, scope } = key
  return Option.some({ project_id, scope, prefix, origins })
}
