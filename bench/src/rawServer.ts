/** The yardstick: plain node:http that parses the JSON and answers 202, and does nothing else. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

const server = createServer((request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const events = JSON.parse(Buffer.concat(chunks).toString("utf8")) as ReadonlyArray<unknown>
    const body = JSON.stringify({ accepted: events.length, rejected: [] })
    response.writeHead(202, { "content-type": "application/json", "content-length": body.length })
    response.end(body)
  })
})
server.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
process.once("SIGTERM", () => process.exit(0))
