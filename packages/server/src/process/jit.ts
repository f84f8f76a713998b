// A module of its own, imported first everywhere: bundling keeps the order of modules, but puts bare imports after them.
// Schemas made before this runs stay interpreted.
// oxlint-disable-next-line import/no-unassigned-import -- installs the compiler
import "effect/schema/SchemaJITCompiler/enable"
