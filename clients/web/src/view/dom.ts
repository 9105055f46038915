// Elements in one expression.

type Child = Node | string | null;
type Options<T> = { [K in Exclude<keyof T, "attributes" | "on">]?: T[K] } & { attributes?: Record<string, string>; on?: Record<string, (event: Event) => void> };

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: Options<HTMLElementTagNameMap[K]> = {} as Options<HTMLElementTagNameMap[K]>,
  children: readonly Child[] = [],
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  const { attributes, on, ...properties } = options;
  Object.assign(element, properties);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  for (const [name, listen] of Object.entries(on ?? {})) element.addEventListener(name, listen);
  element.append(...children.filter((child) => child !== null));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Paths on a grid of 24, drawn in the colour of the text; of no meaning to a screen reader. */
export function icon(name: keyof typeof ICONS): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

export const ICONS = {
  microphone: ["M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3Z", "M5.5 11a6.5 6.5 0 0 0 13 0", "M12 17.5V21"],
  muted: ["M9 9v2a3 3 0 0 0 4.5 2.6M15 11V6a3 3 0 0 0-5.9-.8", "M5.5 11a6.5 6.5 0 0 0 9.7 5.7M18.5 11a6 6 0 0 1-.8 3", "M12 17.5V21", "M4 4l16 16"],
  stop: ["M8 6h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2Z"],
  record: ["M12 12m-6.5 0a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0"],
  leave: ["M14 4h4a1.5 1.5 0 0 1 1.5 1.5v13a1.5 1.5 0 0 1-1.5 1.5h-4", "M4 12h10.5", "M8 8l-4 4 4 4"],
  send: ["M5 12h13", "M12.5 6.5 18 12l-5.5 5.5"],
  plus: ["M12 5v14M5 12h14"],
  search: ["M11 11m-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0", "M15.5 15.5 20 20"],
  dice: ["M6 4h12a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2Z", "M8.5 8.5h.01M15.5 8.5h.01M12 12h.01M8.5 15.5h.01M15.5 15.5h.01"],
  upload: ["M12 15V4.5", "M7.5 8.5 12 4l4.5 4.5", "M4.5 15v3a2 2 0 0 0 2 2h11a2 2 0 0 0 2-2v-3"],
  close: ["M6 6l12 12M18 6 6 18"],
  theme: ["M12 4a8 8 0 1 0 0 16Z", "M12 4a8 8 0 0 1 0 16"],
  ear: ["M7 9a5 5 0 0 1 10 0c0 3.5-3.5 4.2-3.5 7.5a3 3 0 0 1-5.6 1.5", "M10 9.5a2 2 0 0 1 4 0c0 1.2-1 1.7-1.5 2.5"],
  voice: ["M5 10v4M9 7v10M13 4.5v15M17 8v8M21 10.5v3"],
  rest: ["M7 12h.01M12 12h.01M17 12h.01"],
  hand: ["M8 12V6.5a1.5 1.5 0 0 1 3 0V11M11 10.5v-5a1.5 1.5 0 0 1 3 0V11M14 10.5v-3a1.5 1.5 0 0 1 3 0V14a6 6 0 0 1-6 6c-2.5 0-4-1.2-5.3-3.5L4 13.5a1.4 1.4 0 0 1 2.4-1.4L8 14"],
  play: ["M8 5.5v13l10.5-6.5Z"],
  pause: ["M9 6v12M15 6v12"],
  again: ["M5 12a7 7 0 1 0 2.2-5.1L4.5 9.5", "M4.5 4.5v5h5"],
  sound: ["M4.5 9.5v5H8l4.5 3.5V6L8 9.5Z", "M15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11"],
  enlarge: ["M4.5 9V4.5H9M15 4.5h4.5V9M19.5 15v4.5H15M9 19.5H4.5V15"],
  help: ["M9 9.2a3 3 0 1 1 4.4 2.6c-.9.5-1.4 1-1.4 2.2", "M12 17.5h.01"],
  download: ["M12 4v10.5", "M7.5 10.5 12 15l4.5-4.5", "M4.5 19.5h15"],
} as const;

/** The nearest thing to a name that a screen reader can say, for a button that is an icon. */
export function iconButton(name: keyof typeof ICONS, label: string, className: string): HTMLButtonElement {
  const attributes = { "aria-label": label, title: label };
  return el("button", { type: "button", className, attributes }, [icon(name)]);
}
