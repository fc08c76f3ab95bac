/** Makes a value when it is first asked for, and once. Schemas are made so: to make all of them takes a third of an import's time. */
export function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
