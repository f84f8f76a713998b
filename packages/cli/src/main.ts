#!/usr/bin/env node
// First of all: schemas compiled before it stay interpreted, which halves the speed of an import.
// oxlint-disable-next-line import/no-unassigned-import -- installs the compiler
import "effect/schema/SchemaJITCompiler/enable"
import { runCli } from "./runCli.ts"

runCli(process.argv.slice(2))
