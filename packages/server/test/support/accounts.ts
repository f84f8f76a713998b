import type { AccountRole, AccountStore as Store } from "@millrace/core"
import { AccountStore } from "@millrace/core"
import { layerMemoryRateLimiter } from "@millrace/core/memory"
import { Effect, Layer } from "effect"
import { createHmac, randomUUID } from "node:crypto"
import { rmSync } from "node:fs"
import { authDefaults, type AuthOptions, sessionsLayer } from "../../src/auth/config.ts"
import { hashPassword } from "../../src/auth/password.ts"
import { accountStoreLayer } from "../../src/auth/stores.ts"
import type { KeyPlaces } from "../../src/keys/stores.ts"
import { memory, startServer, temporaryDirectory, type TestServer } from "./server.ts"

export const PASSWORD = "correct horse battery staple"

type Grants = Readonly<Record<string, AccountRole>>

export interface Accounts {
  readonly places: KeyPlaces
  /** What the command line does: a store of its own beside the servers'. */
  readonly inStore: <A, E>(body: (store: Store["Service"]) => Effect.Effect<A, E>) => Promise<A>
  /** An account, with {@link PASSWORD} unless another is given; its id. */
  readonly create: (email: string, grants: Grants, password?: string) => Promise<string>
  readonly open: (options?: Parameters<typeof startServer>[0], auth?: Partial<AuthOptions>) => Promise<TestServer>
  readonly close: () => Promise<void>
}

/** Everybody's logins count together in a test, so few are refused for their number. */
const manyLogins = { accountAtAddressPerHour: 1_000, accountPerHour: 1_000, addressPerHour: 10_000 }

export const accountsIn = (places: KeyPlaces): Accounts => {
  const opened: Array<TestServer> = []
  const inStore: Accounts["inStore"] = (body) =>
    Effect.runPromise(Effect.flatMap(AccountStore, body).pipe(Effect.provide(Layer.fresh(accountStoreLayer(places)))))
  return {
    places,
    inStore,
    create: async (email, roles, text = PASSWORD) => {
      const password = await hashPassword(text)
      const grants = Object.entries(roles).map(([project_id, role]) => ({ project_id, role }))
      const id = randomUUID()
      await inStore((store) => store.create({ id, email, password, grants }))
      return id
    },
    open: async (options = {}, auth = {}) => {
      const sessions = sessionsLayer({ ...authDefaults, ...manyLogins, ...auth }, places, 1)
      const server = await startServer({
        adapters: memory,
        sessions: Layer.provide(sessions, layerMemoryRateLimiter()),
        ...options
      })
      opened.push(server)
      return server
    },
    close: async () => {
      await Promise.all(opened.map((server) => server.close()))
      if (places.directory !== "") rmSync(places.directory, { recursive: true, force: true })
    }
  }
}

export const newAccounts = (): Accounts => accountsIn({ directory: temporaryDirectory() })

export const login = (server: TestServer, email: string, password = PASSWORD, headers: Record<string, string> = {}) =>
  server.post({ email, password }, headers, "/auth/login")

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

/** A token of any header and claims, signed by HMAC-SHA-256 with any bytes, or not at all: what a forger can make. */
export const forge = (header: unknown, claims: unknown, secret: Uint8Array | string | null): string => {
  const body = `${base64url(header)}.${base64url(claims)}`
  const mac = secret === null ? "" : createHmac("sha256", secret).update(body).digest("base64url")
  return `${body}.${mac}`
}

export const partsOf = (token: string) => {
  const [header, claims, signature] = token.split(".")
  const json = (part: string | undefined) => JSON.parse(Buffer.from(part ?? "", "base64url").toString())
  return { header: json(header), claims: json(claims), signature: signature ?? "" }
}

/** Waits for a condition that a bounded cache delays. */
export const eventually = async (condition: () => Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50))
}
