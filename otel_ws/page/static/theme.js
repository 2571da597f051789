/** Light, dark, or as the system is. */

import { find } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const KEY = "otel-ws.theme";

/** Let the button change the theme, and call `onChange` whenever it has changed. */
export function startTheme(onChange) {
  let theme = THEMES.includes(kept()) ? kept() : "system";
  const apply = () => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    find("theme").textContent = `Theme: ${theme}`;
    onChange();
  };
  find("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    keep(theme);
    apply();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  apply();
}

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden
  }
}

function keep(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Then it lasts as long as the page.
  }
}
