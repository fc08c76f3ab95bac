import findMyWay, { type HTTPMethod } from "find-my-way";

/** A route that matched: its OpenAPI template, its decoded path parameters and what was registered for it. */
export interface RouteMatch<Value> {
  readonly template: string;
  readonly params: Readonly<Record<string, string>>;
  readonly value: Value;
}

interface StoredRoute<Value> {
  readonly template: string;
  readonly value: Value;
}

const longestPathParameter = 16_384;

/** Routes by method and OpenAPI path template, such as `/sandbox/{sandboxIdOrName}/start`. */
export class RouteTable<Value> {
  readonly #router = findMyWay({
    ignoreTrailingSlash: true,
    maxParamLength: longestPathParameter,
  });

  add(method: HTTPMethod, template: string, value: Value): void {
    const pattern = template.replaceAll(/\{([^}]+)\}/g, ":$1");
    const stored: StoredRoute<Value> = { template, value };
    this.#router.on(method, pattern, unused, stored);
  }

  find(method: string, path: string): RouteMatch<Value> | undefined {
    const found = this.#router.find(method as HTTPMethod, path);
    if (found === null) return undefined;
    const { template, value } = found.store as StoredRoute<Value>;
    const params: Record<string, string> = {};
    for (const [name, parameter] of Object.entries(found.params)) params[name] = parameter ?? "";
    return { template, params, value };
  }
}

// The router wants a handler of its own signature; ours travel in its store.
function unused(): void {}
