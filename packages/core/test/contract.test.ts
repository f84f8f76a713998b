import { layerMemoryKeyStore, layerMemoryQueue, layerMemoryStore } from "@millrace/core/memory"
import { deliveryContract, eventQueueContract, eventStoreContract, keyStoreContract } from "@millrace/core/testing"
import { Effect } from "effect"

eventQueueContract("memory", { layer: () => layerMemoryQueue({ maxAttempts: 3, backoffMillis: 5 }), maxAttempts: 3 })
eventStoreContract("memory", { layer: () => layerMemoryStore })
deliveryContract("memory", { layer: () => layerMemoryStore })
keyStoreContract("memory", { place: () => Effect.succeed(() => layerMemoryKeyStore), durable: false })
