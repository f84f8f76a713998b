export * as Nats from "./Nats.ts"
export { NatsOptions } from "./config.ts"
export { NotConnected } from "./client.ts"
export { StreamRefused } from "./streams.ts"
