import { layerMemoryKeyStore, layerMemoryQueue, layerMemoryStore, layerMemoryAccountStore } from "@millrace/core/memory"
import {
  deliveryContract,
  eventQueueContract,
  eventStoreContract,
  keyStoreContract,
  accountStoreContract
} from "../../testing/src/index.ts"
import { Effect } from "effect"

eventQueueContract("memory", { layer: () => layerMemoryQueue({ maxAttempts: 3, backoffMillis: 5 }), maxAttempts: 3 })
eventStoreContract("memory", { layer: () => layerMemoryStore })
deliveryContract("memory", { layer: () => layerMemoryStore })
keyStoreContract("memory", { place: () => Effect.succeed(() => layerMemoryKeyStore), durable: false })
accountStoreContract("memory", { place: () => Effect.succeed(() => layerMemoryAccountStore), durable: false })
