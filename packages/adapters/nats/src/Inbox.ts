import { type Handed, positionIn, recordEmpty } from "@millrace/core/account"
import { createInbox, type Msg, type Subscription } from "@nats-io/transport-node"
import type { Broker } from "./client.ts"
import { workerIn } from "./consumer.ts"
import type { QueueLog } from "./QueueLog.ts"
import { TRACEPARENT } from "./Publisher.ts"
import { labelOf, type Names } from "./subjects.ts"

export interface Message extends Handed {
  /** Where answers go. */
  readonly reply: string
}

/** Hands out at once what there is. */
interface Rush {
  readonly kind: "rush"
  wanted: number
}
/** Waits for one message. */
interface Wait {
  readonly kind: "wait"
}
type Pull = Rush | Wait

const WAIT_MILLIS = 2_000
/** After this much silence a rush is over, whatever the server counted. */
const QUIET_MILLIS = 20
const PULL_BYTES = 16 << 20
const NANOS_PER_MILLI = 1_000_000
const text = new TextEncoder()
const ACK = text.encode("+ACK")
const NAK = text.encode("-NAK")
const TERM = text.encode("+TERM")
const WORKING = text.encode("+WPI")

/**
 * What was pulled from the server. Pulls only while somebody takes: first all that is there, then one that waits. The
 * subscription outlives every pull, so that no message arrives where nobody looks.
 */
export class Inbox {
  readonly #log: Pick<QueueLog, "ledger">
  readonly #broker: Broker
  readonly #names: Names
  readonly #subscription: Subscription
  readonly #inbox: string
  /** Replies of the messages held here: what is handed out are copies of them. */
  readonly #unanswered = new Set<string>()
  readonly #changed = new Set<() => void>()
  #ready: Array<Message> = []
  #pull: Pull | undefined
  #pulls = 0
  #empty = false
  #trouble: string | undefined
  #off: () => void
  /** Events per message, a moving average: how many messages make a delivery. */
  #average = 1
  takers = 0
  /** Goes up with every change. */
  changes = 0

  constructor(log: Pick<QueueLog, "broker" | "names" | "ledger">) {
    const { broker, names } = log
    this.#broker = broker
    this.#names = names
    this.#log = log
    this.#inbox = createInbox()
    this.#subscription = broker.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#receive(message)
      }
    })
    // The server forgets pulls with the connection; what was pulled is answered in vain and comes again.
    this.#off = broker.onChange(() => this.#endPull(false))
  }

  #receive(message: Msg): void {
    const status = message.headers?.code ?? 0
    if (status > 0) {
      // Of an older pull: nothing to do.
      if (message.subject === `${this.#inbox}.${this.#pulls}`) this.#refused(status, message.headers?.description ?? "")
      return
    }
    const reply = message.reply ?? ""
    const { consumer, deliveries, pending, sequence } = parseReply(reply)
    // Of sequences that are handed out again by now: where it is still there, the present consumer delivers it.
    if (consumer !== workerIn(this.#log)) return
    const position = positionIn(this.#log, sequence)
    if (message.subject === this.#names.subjects.nudge) {
      this.#dismiss(position, reply)
      this.#endPull(false)
      return
    }
    const received: Message = {
      sequence,
      position,
      deliveries,
      label: labelOf(this.#names.subjects.events, message.subject),
      bytes: message.data,
      traces: message.headers?.values(TRACEPARENT) ?? [],
      reply
    }
    this.#unanswered.add(reply)
    this.#ready.push(received)
    this.#average += ((received.label?.count ?? 1) - this.#average) / 8
    const pull = this.#pull
    if (pull?.kind === "rush" && --pull.wanted > 0 && pending > 0) this.#notify()
    else this.#endPull(false)
  }

  /** Recorded first, as whatever leaves the stream; if that fails it comes again. */
  #dismiss(position: number, reply: string): void {
    recordEmpty(this.#log, [position]).then(
      () => this.#broker.connection.publish(reply, ACK),
      () => undefined
    )
  }

  /** 404: nothing is there; 408: its time is up; 409 for a pull that is full; else the consumer is gone or cannot serve. */
  #refused(status: number, description: string): void {
    const isOver = status === 404 || status === 408 || /maxbytes|batch completed/iu.test(description)
    if (!isOver) this.#trouble = `the server refuses to deliver: ${status} ${description}`
    this.#endPull(status === 404)
  }

  /** Why the server refused the last pull; told once. */
  takeTrouble(): string | undefined {
    const trouble = this.#trouble
    this.#trouble = undefined
    return trouble
  }

  #endPull(empty: boolean): void {
    this.#pull = undefined
    this.#empty = empty
    this.#notify()
  }

  #notify(): void {
    this.changes++
    const waiting = [...this.#changed]
    this.#changed.clear()
    for (const resume of waiting) resume()
  }

  /** Called once, at the next change after `seen`; returns how to stop. */
  onChange(seen: number, resume: () => void): () => void {
    if (this.changes !== seen) resume()
    else this.#changed.add(resume)
    return () => this.#changed.delete(resume)
  }

  /** How long the present pull may be silent. */
  get patienceMillis(): number {
    return this.#pull?.kind === "rush" ? QUIET_MILLIS : WAIT_MILLIS + 1_000
  }

  /** The pull was silent for too long. A rush may just be over; a wait is answered, if only with 408, by all that works. */
  giveUp(): void {
    const kind = this.#pull?.kind
    if (kind === "wait") this.#trouble = "the server did not answer a pull"
    this.#endPull(kind === "rush")
  }

  /** Messages of up to `limit` events, or `undefined` while there are none or more are on their way. */
  take(limit: number, maxMessages: number): ReadonlyArray<Message> | undefined {
    if (this.#ready.length === 0) return undefined
    let events = 0
    let count = 0
    for (const message of this.#ready) {
      events += message.label?.count ?? 1
      if (count > 0 && (events > limit || count === maxMessages)) break
      count++
    }
    if (count === this.#ready.length && events < limit && count < maxMessages && this.#pull?.kind === "rush") {
      return undefined
    }
    return this.#ready.splice(0, count)
  }

  /** Puts messages back that were taken and are as they were. */
  putBack(messages: ReadonlyArray<Message>): void {
    this.#ready.unshift(...messages)
    this.#notify()
  }

  /** Asks the server for more, unless it is asked already. */
  pull(limit: number, maxMessages: number): void {
    if (this.#pull !== undefined || !this.#broker.connected) return
    const wanted = Math.min(maxMessages, Math.ceil(limit / this.#average))
    this.#pull = this.#empty ? { kind: "wait" } : { kind: "rush", wanted }
    const request = this.#empty
      ? { batch: 1, expires: WAIT_MILLIS * NANOS_PER_MILLI }
      : { batch: wanted, no_wait: true, max_bytes: PULL_BYTES }
    this.#empty = false
    this.#broker.connection.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${this.#names.events}.${workerIn(this.#log)}`,
      text.encode(JSON.stringify(request)),
      { reply: `${this.#inbox}.${++this.#pulls}` }
    )
  }

  #answer(message: Message, payload: Uint8Array): void {
    this.#unanswered.delete(message.reply)
    if (this.#broker.connected) this.#broker.connection.publish(message.reply, payload)
  }

  /** The server takes answers of one connection in order, so the last one's confirmation is that of all. */
  async acknowledge(messages: ReadonlyArray<Message>, timeoutMillis: number): Promise<void> {
    for (const message of messages.slice(0, -1)) this.#answer(message, ACK)
    const last = messages.at(-1)
    if (last === undefined) return
    this.#unanswered.delete(last.reply)
    await this.#broker.call(() => this.#broker.connection.request(last.reply, ACK, { timeout: timeoutMillis }))
  }

  /** Gives a message back, to be delivered after the delay. */
  giveBack(message: Message, delayMillis = 0): void {
    const delay = Math.round(delayMillis) * NANOS_PER_MILLI
    this.#answer(message, delay === 0 ? NAK : text.encode(`-NAK ${JSON.stringify({ delay })}`))
  }

  /** Never to be delivered again. Without a reason: servers before 2.11 do not know that form. */
  terminate(message: Message): void {
    this.#answer(message, TERM)
  }

  /** No longer renewed; the server delivers it again in its own time. */
  letGo(messages: ReadonlyArray<Message>): void {
    for (const { reply } of messages) this.#unanswered.delete(reply)
  }

  /** Renews the server's lease of everything held here. */
  renew(): void {
    if (!this.#broker.connected) return
    for (const reply of this.#unanswered) this.#broker.connection.publish(reply, WORKING)
  }

  /** What was pulled and is wanted by nobody here. */
  takeIdle(): ReadonlyArray<Message> {
    return this.takers > 0 ? [] : this.#ready.splice(0)
  }

  async close(): Promise<void> {
    this.#off()
    if (this.#broker.connected) await this.#subscription.drain().catch(() => undefined)
    this.#pull = undefined
  }
}

/** `$JS.ACK[.domain.account].stream.consumer.deliveries.position.order.time.pending[.token]` */
const parseReply = (reply: string) => {
  const tokens = reply.split(".")
  const at = tokens.length > 9 ? 6 : 4
  const [consumer, deliveries, sequence] = [tokens[at - 1], Number(tokens[at]), Number(tokens[at + 1])]
  return { consumer, deliveries, sequence, pending: Number(tokens[at + 4]) }
}
