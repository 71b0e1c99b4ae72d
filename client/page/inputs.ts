import { byId } from "./dom.js";

export interface InputHandlers {
  onPictures: (files: readonly File[]) => void;
  /** Called for each change of the settings. */
  onSettings: () => void;
}

/** Listens to the form, to chosen and photographed pictures, and to those that are dropped or pasted. */
export function watchInputs({ onPictures, onSettings }: InputHandlers): void {
  const settings = byId("settings", HTMLFieldSetElement);
  settings.addEventListener("input", onSettings);
  byId("form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
  });
  for (const id of ["choose", "camera"]) {
    const input = byId(id, HTMLInputElement);
    input.addEventListener("change", () => {
      const files = [...(input.files ?? [])];
      // The same file can be chosen again.
      input.value = "";
      if (files.length > 0) onPictures(files);
    });
  }
  const zone = byId("drop", HTMLElement);
  // Without this, a file that is dropped beside the zone replaces the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) onPictures(files);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) onPictures(files);
  });
}
