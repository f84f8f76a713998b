import { describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type { QueueServices } from "@millrace/core"
import { deadLetterLaws } from "./deadLetterLaws.ts"
import { queueErasureLaws } from "./erasureLaws.ts"
import { eventQueueContract, type EventQueueContractOptions, type QueueLaw } from "./eventQueueContract.ts"
import { queueCountLaws } from "./queueCountLaws.ts"
import { queueSightLaws } from "./queueSightLaws.ts"

export interface QueueServicesContractOptions<E> extends EventQueueContractOptions<E> {
  readonly layer: () => Layer.Layer<QueueServices, E>
}

/**
 * The laws of a queue that keeps dead letters, accounts for every event and can erase: those of every queue, and the
 * others'.
 */
export const queueServicesContract = <E>(name: string, options: QueueServicesContractOptions<E>) => {
  const law: QueueLaw<QueueServices> = (title, body) => it.live(title, () => Effect.provide(body, options.layer()))
  eventQueueContract(name, options)
  describe(`queue services contract: ${name}`, () => {
    deadLetterLaws(law, options.maxAttempts)
    queueCountLaws(law)
    queueSightLaws(law)
    queueErasureLaws(law)
  })
}
