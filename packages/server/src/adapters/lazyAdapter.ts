import { Effect, Layer, Redacted } from "effect"
import { AdapterNotInstalled, BadAdapterChoice, EXAMPLE_RULE, hasExampleSecret } from "./failures.ts"
/** A layer out of a package that is imported when the layer is built. */
export const lazyAdapter = <Module, Out, E, R>(
  name: string,
  load: () => Promise<Module>,
  layerOf: (module: Module) => Layer.Layer<Out, E, R>
): Layer.Layer<Out, E | AdapterNotInstalled, R> =>
  Layer.unwrap(
    Effect.map(
      Effect.tryPromise({ try: load, catch: (cause) => new AdapterNotInstalled({ package: name, cause }) }),
      layerOf
    )
  )

/** An address out of a setting, in the adapter's own form. */
export interface AddressForm<Options> {
  readonly setting: string
  /** What an address looks like, for the message. */
  readonly example: string
  /** `undefined` for what is no such address. */
  readonly parse: (text: string) => Options | undefined
}

/** The address that a setting has to give; it may hold a password and is never repeated. */
export const optionsAt = <Options>(
  { example, parse, setting }: AddressForm<Options>,
  address: Redacted.Redacted | undefined
): Effect.Effect<Options, BadAdapterChoice> =>
  Effect.suspend(() => {
    const options = address === undefined ? undefined : parse(Redacted.value(address))
    if (
      address !== undefined &&
      Redacted.value(address)
        .split(",")
        .some((one) => hasExampleSecret(one.trim()))
    ) {
      return Effect.fail(new BadAdapterChoice({ setting, rule: `has a password that ${EXAMPLE_RULE}` }))
    }
    const rule = `${address === undefined ? "is not set" : "is not such an address"}; the form is ${example}`
    return options === undefined ? Effect.fail(new BadAdapterChoice({ setting, rule })) : Effect.succeed(options)
  })

/** A layer at an address that has no default. */
export const at = <Options, Out, E, R>(
  form: AddressForm<Options>,
  address: Redacted.Redacted | undefined,
  layerOf: (options: Options) => Layer.Layer<Out, E, R>
): Layer.Layer<Out, E | BadAdapterChoice, R> => Layer.unwrap(Effect.map(optionsAt(form, address), layerOf))
