import { EventQueue } from "@millrace/core"
import { Nats, type NatsOptions } from "@millrace/nats"
import { nats } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Effect, Layer, Logger } from "effect"
import { createServer } from "node:net"
import { expect, it } from "vitest"
import { FILE_STORE_BYTES, uniqueName } from "./support.ts"

const durabilityWith = (options: NatsOptions) =>
  Effect.map(EventQueue, ({ durability }) => durability).pipe(
    Effect.provide(Layer.provideMerge(Nats.layer(options), Logger.layer([]))),
    Effect.runPromise
  )

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0))
    })
  })

await describeWithService("nats 2.9", nats({ version: "2.9", maxFileStoreBytes: FILE_STORE_BYTES }), (server) => {
  it("a server that cannot sync every write is process-crash, whatever is stated", async () => {
    const options = { servers: [server().url] as const, name: uniqueName() }
    expect(await durabilityWith(options)).toBe("process-crash")
    expect(await durabilityWith({ ...options, syncAlways: true })).toBe("process-crash")
  })
})

for (const syncAlways of [true, false]) {
  const port = await freePort()
  const service = nats({
    version: "2.15",
    syncAlways,
    maxFileStoreBytes: FILE_STORE_BYTES,
    config: `http: "127.0.0.1:${port}"`
  })
  await describeWithService(
    `nats 2.15, sync ${syncAlways ? "always" : "at intervals"}`,
    service,
    (server, { owned }) => {
      it("without a word of the operator nothing is promised", async () => {
        const options = { servers: [server().url] as const, name: uniqueName() }
        expect(await durabilityWith(options)).toBe("process-crash")
        expect(await durabilityWith({ ...options, syncAlways: true })).toBe("fsync")
      })
      if (!owned) return
      it("the server's monitoring address outweighs what is stated", async () => {
        const monitoringUrl = `http://127.0.0.1:${port}`
        const options = { servers: [server().url] as const, name: uniqueName(), monitoringUrl }
        const truth = syncAlways ? "fsync" : "process-crash"
        expect(await durabilityWith(options)).toBe(truth)
        expect(await durabilityWith({ ...options, syncAlways: true })).toBe(truth)
      })
      it("a monitoring address that does not answer promises nothing", async () => {
        const options = { servers: [server().url] as const, name: uniqueName(), syncAlways: true }
        expect(await durabilityWith({ ...options, monitoringUrl: "http://127.0.0.1:9" })).toBe("process-crash")
      })
    }
  )
}
