import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { storeServicesContract } from "@millrace/testing"
import { layerLineFile } from "../src/LineFileStore.ts"

storeServicesContract("line file", {
  layer: () => layerLineFile(join(mkdtempSync(join(tmpdir(), "millrace-example-")), "events.ndjson"))
})
