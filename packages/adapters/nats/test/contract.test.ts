import { queueServicesContract } from "@millrace/testing"
import { Nats } from "@millrace/nats"
import { nats } from "@millrace/test-services"
import { describeWithService } from "@millrace/test-services/vitest"
import { Layer } from "effect"
import { FILE_STORE_BYTES, uniqueName } from "./support.ts"

const maxAttempts = 3

for (const version of ["2.9", "2.10", "2.15"]) {
  await describeWithService(`nats ${version}`, nats({ version, maxFileStoreBytes: FILE_STORE_BYTES }), (server) => {
    queueServicesContract(`nats ${version}`, {
      // Suspended: the server runs only once the first law does.
      layer: () =>
        Layer.suspend(() => Nats.layer({ servers: [server().url], name: uniqueName(), maxAttempts, backoffMillis: 5 })),
      maxAttempts
    })
  })
}
