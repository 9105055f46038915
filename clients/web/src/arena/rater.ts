// Who rates, as far as anybody needs to know: a number that this browser made up.

const KEY = "openlpm.arena.rater";
const IN_ADDRESS = /^#rater=([A-Za-z0-9_-]{8,64})$/;

/** A code in the address (`#rater=CODE`), the number made before, or a new one. */
export function raterKey(): string {
  const given = IN_ADDRESS.exec(location.hash)?.[1];
  if (given !== undefined) {
    history.replaceState(null, "", location.pathname); // codes do not stay in addresses
    remember(KEY, given);
    return given;
  }
  const known = recall(KEY);
  if (known !== null) return known;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  remember(KEY, made);
  return made;
}

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage may be forbidden
  }
}

export function remember(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // Then it lasts as long as the page.
  }
}
