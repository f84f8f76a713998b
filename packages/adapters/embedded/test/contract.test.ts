import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { queueServicesContract, storeServicesContract, keyStoreContract, accountStoreContract } from "@millrace/testing"
import { Effect, Layer } from "effect"
import { Embedded } from "@millrace/embedded"

const segmentBytes = 64 << 10
const maxAttempts = 3

/** A fresh directory that goes with the layer. */
const inFreshDirectory = <A, E>(make: (directory: string) => Layer.Layer<A, E>): Layer.Layer<A, E> =>
  Layer.unwrap(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-embedded-"))),
        (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
      ),
      make
    )
  )

const both = () =>
  inFreshDirectory((directory) => Embedded.layer({ directory, segmentBytes, maxAttempts, backoffMillis: 5 }))

queueServicesContract("embedded log", { layer: both, maxAttempts })
queueServicesContract("embedded log, queue alone", {
  layer: () =>
    inFreshDirectory((directory) => Embedded.queue({ directory, segmentBytes, maxAttempts, backoffMillis: 5 })),
  maxAttempts
})
storeServicesContract("embedded log", { layer: both })
keyStoreContract("key file", {
  durable: true,
  place: () =>
    Effect.sync(() => {
      const path = join(mkdtempSync(join(tmpdir(), "millrace-keys-")), "keys.ndjson")
      return () => Embedded.keys({ path })
    })
})
accountStoreContract("user file", {
  durable: true,
  place: () =>
    Effect.sync(() => {
      const path = join(mkdtempSync(join(tmpdir(), "millrace-users-")), "users.ndjson")
      return () => Embedded.accounts({ path })
    })
})
