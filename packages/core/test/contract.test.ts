import { layerMemoryKeyStore, layerMemoryQueue, layerMemoryStore, layerMemoryAccountStore } from "@millrace/core/memory"
import {
  deliveryContract,
  queueServicesContract,
  storeServicesContract,
  keyStoreContract,
  accountStoreContract
} from "../../testing/src/index.ts"
import { Effect } from "effect"

queueServicesContract("memory", { layer: () => layerMemoryQueue({ maxAttempts: 3, backoffMillis: 5 }), maxAttempts: 3 })
storeServicesContract("memory", { layer: () => layerMemoryStore })
deliveryContract("memory", { layer: () => layerMemoryStore })
keyStoreContract("memory", { place: () => Effect.succeed(() => layerMemoryKeyStore), durable: false })
accountStoreContract("memory", { place: () => Effect.succeed(() => layerMemoryAccountStore), durable: false })
