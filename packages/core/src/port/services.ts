import type { DeadLetters } from "./DeadLetters.ts"
import type { QueueErasure, StoreErasure, WarehouseErasure } from "./Erasure.ts"
import type { EventQueue } from "./EventQueue.ts"
import type { EventStore } from "./EventStore.ts"
import type { QueueLedger, StoreLedger, WarehouseLedger } from "./Ledger.ts"
import type { QueueObservation } from "./QueueObserver.ts"
import type { Warehouse } from "./Warehouse.ts"

/** Services of a queue whose every event is accounted for, can be set aside and can be erased. */
export type QueueServices = EventQueue | DeadLetters | QueueLedger | QueueErasure | QueueObservation

/** Services of a hot store behind such a queue. */
export type StoreServices = EventStore | StoreLedger | StoreErasure

/** Services of a warehouse of which the same is asked. */
export type WarehouseServices = Warehouse | WarehouseLedger | WarehouseErasure
