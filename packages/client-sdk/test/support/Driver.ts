import type { Client, ClientProblem, Options, Properties, Stats } from "../../src/core/types.ts"

type AnyEvents = Client<Record<string, Properties>>

/** A client somewhere: here, or in a page. */
export interface Handle {
  /** Runs there; it must not refer to anything around it. Arguments and results travel as JSON. */
  readonly run: <Argument, Result>(
    script: (client: AnyEvents, argument: Argument) => Result | Promise<Result>,
    argument?: Argument
  ) => Promise<Result>
  readonly problems: () => Promise<ReadonlyArray<ClientProblem>>
}

export interface Driver {
  readonly name: string
  readonly open: (options: Options) => Promise<Handle>
  /** The next look-ups of the returned name fail; later ones give the loopback address. */
  readonly failLookups: (times: number) => Promise<string>
}

export const statsOf = (handle: Handle): Promise<Stats> => handle.run((client) => client.stats())

/** Problems that cost events: whether a request failed in between depends on when it was sent. */
export const dropsOf = async (handle: Handle): Promise<ReadonlyArray<ClientProblem>> =>
  (await handle.problems()).filter(({ eventIds }) => eventIds.length > 0)

/** Tracks `count` events `{ n }` in one turn and returns their ids. */
export const trackMany = (handle: Handle, type: string, count: number): Promise<ReadonlyArray<string>> =>
  handle.run((client, [name, events]) => Array.from({ length: events }, (_, n) => client.track(name, { n })), [
    type,
    count
  ] as const)
