export { runCli } from "./runCli.ts"
export { DEMO_DAYS, DEMO_USERS, demoShop } from "./demo/demoShop.ts"
