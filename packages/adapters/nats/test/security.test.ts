import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { batchOf, idOf } from "@millrace/testing"
import { EventQueueError } from "@millrace/core"
import type { NatsOptions } from "@millrace/nats"
import { nats } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { nkeys } from "@nats-io/transport-node"
import { afterAll, expect, it } from "vitest"
import { makeCredentials } from "./fixtures/credentials.ts"
import { consume, FILE_STORE_BYTES, openQueue, uniqueName } from "./support.ts"

const folder = mkdtempSync(join(tmpdir(), "millrace-nats-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const certFile = join(folder, "cert.pem")
const keyFile = join(folder, "key.pem")

/** A certificate that is its own authority. */
const makeCertificate = () => {
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
  const files = ["-keyout", keyFile, "-out", certFile]
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", ...files, ...subject], {
    stdio: "ignore"
  })
}
makeCertificate()

const user = nkeys.createUser()
const nkeySeed = new TextDecoder().decode(user.getSeed())

/** Publishes and takes one event; the reason's tag when it may not. */
const useWith = async (options: NatsOptions): Promise<unknown> => {
  const queue = openQueue({ ...options, connectTimeoutMillis: 1_000 })
  try {
    await queue.run((one) => one.publish(batchOf(1, 1)))
    return (await queue.run((one) => consume(one)))?.ids
  } catch (cause) {
    return cause instanceof EventQueueError ? cause.message : cause
  } finally {
    await queue.close()
  }
}

const PASSED = [idOf(1)]
const REFUSED = /^open: QueueUnavailable: ./u

const operator = makeCredentials()
const credentialsFile = join(folder, "user.creds")
writeFileSync(credentialsFile, operator.file)
const foreignFile = join(folder, "foreign.creds")
writeFileSync(foreignFile, makeCredentials().file)

type Credentials = NonNullable<NatsOptions["credentials"]>

const ways: ReadonlyArray<readonly [string, string, Credentials, Credentials]> = [
  [
    "user and password",
    `authorization { user: worker, password: "s3cret" }`,
    { user: "worker", password: "s3cret" },
    { user: "worker", password: "wrong" }
  ],
  ["token", `authorization { token: "s3cret" }`, { token: "s3cret" }, { token: "wrong" }],
  [
    "nkey",
    `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
    { nkeySeed },
    { nkeySeed: new TextDecoder().decode(nkeys.createUser().getSeed()) }
  ],
  ["credentials file", operator.config, { credentialsFile }, { credentialsFile: foreignFile }]
]

for (const [way, config, right, wrong] of ways) {
  await describeWithService(way, nats({ maxFileStoreBytes: FILE_STORE_BYTES, config }), (server) => {
    it("the right credentials pass, wrong ones and none are refused", async () => {
      const options = { servers: [server().url] as const, name: uniqueName() }
      expect(await useWith({ ...options, credentials: right })).toEqual(PASSED)
      expect(await useWith({ ...options, credentials: wrong })).toMatch(REFUSED)
      expect(await useWith(options)).toMatch(REFUSED)
    })
  })
}

const tlsConfig = `tls { cert_file: "${certFile}", key_file: "${keyFile}", timeout: 5 }`
await describeWithService("TLS", nats({ maxFileStoreBytes: FILE_STORE_BYTES, config: tlsConfig }), (server) => {
  it("a known authority passes, an unknown one is refused", async () => {
    const options = { servers: [server().url] as const, name: uniqueName() }
    expect(await useWith({ ...options, tls: { caFile: certFile } })).toEqual(PASSED)
    expect(await useWith({ ...options, tls: {} })).toMatch(REFUSED)
  })
})
await describeWithService("no TLS", nats({ maxFileStoreBytes: FILE_STORE_BYTES }), (server) => {
  it("where encryption is asked for, a server without it is refused", async () => {
    expect(await useWith({ servers: [server().url], name: uniqueName(), tls: { caFile: certFile } })).toMatch(REFUSED)
  })
})
