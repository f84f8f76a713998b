import { writeFileSync } from "node:fs"
import { semanticsDocument } from "./document.ts"

/** `npm run semantics` */
writeFileSync(new URL("../../../../docs/semantics.md", import.meta.url), semanticsDocument())
