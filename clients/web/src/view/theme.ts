// Light, dark, or as the device says.

import { iconButton } from "./dom.ts";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];
const KEY = "openlpm.theme";
const LABELS: Record<Theme, string> = { auto: "Colours: as on this device", light: "Colours: light", dark: "Colours: dark" };

export function themeButton(): HTMLButtonElement {
  let theme = stored();
  const button = iconButton("theme", LABELS[theme], "quiet round");
  const show = (): void => {
    document.documentElement.dataset["theme"] = theme;
    button.title = LABELS[theme];
    button.setAttribute("aria-label", LABELS[theme]);
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
    store(theme);
    show();
  });
  show();
  return button;
}

function stored(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? "auto";
  } catch {
    return "auto"; // storage may be forbidden
  }
}

function store(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Then it lasts as long as the page.
  }
}
