import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import type { Server } from "../crashPoints/Server.ts"

const CLIENTS = 4
const EVENTS = 10
/** So that rounds of any number stay a load that one export reads. */
const PAUSE_MILLIS = 20

/** Clients that send without an end, each under its own user, to whichever server there is; a batch without a 202 comes again. */
export class Load {
  readonly sent = new Set<string>()
  readonly acknowledged = new Set<string>()
  server: Server
  #stopped = false
  readonly #clients: ReadonlyArray<Promise<void>>

  constructor(server: Server) {
    this.server = server
    this.#clients = this.users.map((user) => this.#run(user))
  }

  get users(): ReadonlyArray<string> {
    return Array.from({ length: CLIENTS }, (_, client) => `client-${client}`)
  }

  async #run(user_id: string): Promise<void> {
    while (!this.#stopped) {
      const ids = Array.from({ length: EVENTS }, () => randomUUID())
      for (const id of ids) this.sent.add(id)
      const occurred_at = new Date().toISOString()
      const body = ids.map((event_id) => ({ event_id, occurred_at, user_id, event_type: "load" }))
      let status = 0
      while (status !== 202 && !this.#stopped) {
        await sleep(PAUSE_MILLIS)
        ;({ status } = await this.server.ask("/events", { method: "POST", body }))
      }
      if (status === 202) for (const id of ids) this.acknowledged.add(id)
    }
  }

  /** Returns once so many more events were acknowledged. */
  async progress(events: number): Promise<void> {
    const until = this.acknowledged.size + events
    while (this.acknowledged.size < until) {
      if (this.server.hasEnded !== undefined) throw new Error(`the server has ended: ${this.server.output}`)
      await sleep(PAUSE_MILLIS)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#clients)
  }
}
