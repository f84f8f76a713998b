import { layerMemoryQueue, layerMemoryStore } from "@millrace/core/memory"
import { deliveryContract, eventQueueContract, eventStoreContract } from "@millrace/core/testing"

eventQueueContract("memory", { layer: () => layerMemoryQueue({ maxAttempts: 3, backoffMillis: 5 }), maxAttempts: 3 })
eventStoreContract("memory", { layer: () => layerMemoryStore })
deliveryContract("memory", { layer: () => layerMemoryStore })
