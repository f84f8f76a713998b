import { nats, postgres } from "@millrace/test-services"
import type { Services } from "./Cluster.ts"

/** The broker sets aside what its streams may grow to; nothing is written for that. */
const FILE_STORE_BYTES = 2 ** 40

export const broker = nats({ maxFileStoreBytes: FILE_STORE_BYTES })
export const database = postgres()

/** Runs with services of its own, which end with it. */
export const withServices = async <A>(use: (services: Services) => Promise<A>): Promise<A> => {
  const started = { postgres: await database.start(), nats: await broker.start() }
  try {
    return await use(started)
  } finally {
    await started.nats.close()
    await started.postgres.close()
  }
}
