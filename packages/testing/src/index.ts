export * from "@millrace/core/memory"
export { answerFromActivity, metricsOfActivity } from "./answerFromActivity.ts"
export { deliveryContract, type DeliveryContractOptions } from "./deliveryContract.ts"
export { batchOf, erasureOf, eventOf, eventsOf, idOf } from "./events.ts"
export { eventQueueContract, type EventQueueContractOptions } from "./eventQueueContract.ts"
export {
  eventStoreContract,
  type EventStoreContractOptions,
  storeServicesContract,
  type StoreServicesContractOptions
} from "./eventStoreContract.ts"
export { filesHolding } from "./filesHolding.ts"
export { keyStoreContract, type KeyStoreContractOptions } from "./keyStoreContract.ts"
export { leastParams } from "./leastParams.ts"
export { metricExamples, type MetricExample, shownOf } from "./metricExamples/index.ts"
export * as arbitraries from "./arbitraries/index.ts"
export { numberTexts } from "./numberLaws.ts"
export { runsOf } from "./runs.ts"
export { queueServicesContract, type QueueServicesContractOptions } from "./queueServicesContract.ts"
export { rateLimiterContract, type RateLimiterContractOptions } from "./rateLimiterContract.ts"
export { accountStoreContract, type AccountStoreContractOptions } from "./accountStoreContract.ts"
export { warehouseContract, type WarehouseContractOptions } from "./warehouseContract.ts"
