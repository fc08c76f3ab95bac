import type { SetupEvent } from "../contract/setup-events.ts";
import type { Redactor } from "./redact.ts";

/** The same listener, told of events in whose texts no known secret is. */
export function redactEvents(
  onEvent: ((event: SetupEvent) => void) | undefined,
  redactor: Redactor,
): ((event: SetupEvent) => void) | undefined {
  if (onEvent === undefined) return undefined;
  return (event) => {
    if (event.type === "output") onEvent({ ...event, text: redactor.text(event.text) });
    else if (event.type === "step-failed") {
      onEvent({ ...event, message: redactor.text(event.message) });
    } else onEvent(event);
  };
}
