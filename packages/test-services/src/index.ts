export { nats, type NatsOptions } from "./nats.ts"
export { postgres, type PostgresOptions, type PostgresServer } from "./postgres.ts"
export { redis, type RedisOptions } from "./redis.ts"
export { type Located, scopedServer, type TestServer, type TestService } from "./TestService.ts"
