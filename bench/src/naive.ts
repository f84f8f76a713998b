/**
 * The obvious design, to compare with: the API publishes one JetStream message per event, one worker inserts one row per
 * message and acknowledges it. `naive.ts api <nats> <stream>` or `naive.ts worker <nats> <stream> <postgres>`.
 */
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import pg from "pg"

interface Event {
  readonly event_id: string
  readonly occurred_at: string
  readonly user_id: string
  readonly event_type: string
  readonly properties: unknown
}

const [role, natsUrl = "", stream = "", postgresUrl = ""] = process.argv.slice(2)
const connection = await connect({ servers: natsUrl })

const api = async () => {
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: stream, subjects: [`${stream}.events`], retention: RetentionPolicy.Workqueue })
  await manager.consumers.add(stream, { durable_name: "worker", ack_policy: AckPolicy.Explicit })
  const js = jetstream(connection)
  const read = async (request: IncomingMessage) => {
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as ReadonlyArray<Event>
  }
  const server = createServer((request, response) => {
    void read(request).then(async (events) => {
      await Promise.all(
        events.map((event) => js.publish(`${stream}.events`, JSON.stringify(event), { msgID: event.event_id }))
      )
      const body = JSON.stringify({ accepted: events.length })
      response.writeHead(202, { "content-type": "application/json", "content-length": body.length })
      response.end(body)
    })
  })
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
}

const worker = async () => {
  const client = new pg.Client({ connectionString: postgresUrl })
  await client.connect()
  await client.query(
    "CREATE TABLE IF NOT EXISTS events (event_id uuid PRIMARY KEY, occurred_at timestamptz NOT NULL, user_id text NOT NULL, event_type text NOT NULL, properties jsonb NOT NULL)"
  )
  const consumer = await jetstream(connection).consumers.get(stream, "worker")
  console.log("http://127.0.0.1:0")
  for await (const message of await consumer.consume()) {
    const event = message.json<Event>()
    await client.query({
      name: "insert",
      text: "INSERT INTO events VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
      values: [event.event_id, event.occurred_at, event.user_id, event.event_type, event.properties]
    })
    message.ack()
  }
}

process.once("SIGTERM", () => process.exit(0))
await (role === "api" ? api() : worker())
