/** The element of an ID that the page has. */
export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element ${id}.`);
  return found;
}

export function button(id: string): HTMLButtonElement {
  return element(id) as HTMLButtonElement;
}

/** How well something is, as a colour. */
export type Tone = "good" | "waiting" | "bad";

export function showStatus(id: string, text: string, tone: Tone): void {
  const status = element(id);
  status.textContent = text;
  status.dataset.tone = tone;
}
