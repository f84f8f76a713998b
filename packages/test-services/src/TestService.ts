import { Effect, type Scope } from "effect"

/** A running server. The control functions reject when the server is not ours to control (`owned: false`). */
export interface TestServer {
  readonly url: string
  readonly port: number
  /** True when this process started it, so that a test may kill it. */
  readonly owned: boolean
  /** What runs, for the test's output: where the binary came from. */
  readonly origin: string
  readonly pid: number | undefined
  /** Starts again after `stop` or `kill`, on the same port with the same data; resolves when it answers. */
  readonly start: () => Promise<void>
  /** Asks it to end and waits. */
  readonly stop: () => Promise<void>
  /** SIGKILL to it and all its children. */
  readonly kill: () => Promise<void>
  /** SIGSTOP to it and all its children. */
  readonly pause: () => void
  readonly resume: () => void
  /** Ends it and removes its folder. */
  readonly close: () => Promise<void>
}

/** Where a server can be had, without having started it. */
export type Located =
  | { readonly _tag: "Found"; readonly owned: boolean; readonly origin: string }
  | { readonly _tag: "Missing"; readonly reason: string }

export interface TestService<Server extends TestServer> {
  readonly name: string
  /** May download, once; never throws: the reason of a failure is the answer. */
  readonly locate: () => Promise<Located>
  readonly start: () => Promise<Server>
}

/** The server lives as long as the scope. A server that cannot be had is a defect: ask `locate` first. */
export const scopedServer = <Server extends TestServer>(
  service: TestService<Server>
): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => service.start()),
    (server) => Effect.promise(() => server.close())
  )
