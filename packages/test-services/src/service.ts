import { ServerProcess, type ServerCommand } from "./ServerProcess.ts"
import type { Located, TestServer, TestService } from "./TestService.ts"

/** A program on this machine that can be started. */
export interface Program {
  readonly binary: string
  /** What must be copied with it when another user is to run it. */
  readonly root: string
  readonly environment?: Readonly<Record<string, string>>
  readonly origin: string
}

interface ServiceOptions {
  readonly name: string
  /** Names a server that runs already; it comes before everything else. */
  readonly variable: string
  /** Tried in order; each throws when it has none. */
  readonly programs: ReadonlyArray<() => Program | Promise<Program>>
  readonly command: (program: Program) => Promise<ServerCommand & { readonly url: string; readonly port: number }>
  readonly ping: (url: string) => Promise<void>
}

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** Programs are looked for in this order: environment, machine, package. */
export const makeService = (options: ServiceOptions): TestService<TestServer> => {
  let found: Promise<Program> | undefined
  const program = () => (found ??= firstOf(options.programs))
  const external = () => process.env[options.variable]
  return {
    name: options.name,
    locate: async (): Promise<Located> => {
      try {
        const url = external()
        if (url === undefined) return { _tag: "Found", owned: true, origin: (await program()).origin }
        await options.ping(url)
        return { _tag: "Found", owned: false, origin: options.variable }
      } catch (cause) {
        return { _tag: "Missing", reason: messageOf(cause) }
      }
    },
    start: async () => {
      const url = external()
      if (url !== undefined) return externalServer(url, options.variable)
      const chosen = await program()
      const command = await options.command(chosen)
      return ownServer(await ServerProcess.launch(command), command, chosen.origin)
    }
  }
}

const firstOf = async (programs: ServiceOptions["programs"]): Promise<Program> => {
  const reasons: Array<string> = []
  for (const find of programs) {
    try {
      return await find()
    } catch (cause) {
      reasons.push(messageOf(cause))
    }
  }
  throw new Error(reasons.join("; "))
}

const ownServer = (
  server: ServerProcess,
  { port, url }: { readonly url: string; readonly port: number },
  origin: string
): TestServer => ({
  url,
  port,
  owned: true,
  origin,
  get pid() {
    return server.pid
  },
  start: () => server.start(),
  stop: () => server.stop(),
  kill: () => server.kill(),
  pause: () => server.pause(),
  resume: () => server.resume(),
  close: () => server.close()
})

const externalServer = (url: string, variable: string): TestServer => {
  const refuse = () => {
    throw new Error(`the server named by ${variable} is not this test's to control`)
  }
  const refuseLater = () => Promise.resolve().then(refuse)
  return {
    url,
    port: Number(new URL(url).port),
    owned: false,
    origin: variable,
    pid: undefined,
    start: refuseLater,
    stop: refuseLater,
    kill: refuseLater,
    pause: refuse,
    resume: refuse,
    close: () => Promise.resolve()
  }
}
